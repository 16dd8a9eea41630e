"""Several people from end to end: what verbs write of them, and input that is not as it should be."""

from __future__ import annotations

import copy
import csv
import json
import pickle
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_data import landmark_arrays
from numpy.typing import NDArray

from refpose import Pose, cli, draw, tables
from refpose.images import read_image, write_png
from refpose.tools import camera
from refpose.tools.streams import Clip

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def frames(pair: Path) -> list[Picture]:
    """Two people; then one; then both."""
    both = read_image(pair)
    alone = both.copy()
    alone[:, :450] = 128
    return [both, both, alone, alone, both, both]


@pytest.fixture(scope="module")
def clip(frames: list[Picture], tmp_path_factory: pytest.TempPathFactory) -> Path:
    video = pytest.importorskip("refpose.video")
    pytest.importorskip("av")
    path: Path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with video.create(path, 25, crf=8) as movie:
        for number, frame in enumerate(frames):
            movie.write(frame, number / 25)
    return path


# Verbs


def test_video(clip: Path, tmp_path: Path) -> None:
    from refpose import video

    command = ["video", str(clip), "-o", str(tmp_path), "--model", "lite", "--people", "all", "--color-by", "person"]
    command += ["--csv", "--json", "--h5", "--crf", "8", "--min-visibility", "0"]
    assert cli.main(command) == 0
    expected = {
        (frame.index, person.id): person.landmarks_px[0, :2].tolist()
        for frame in video.process(clip, Pose("lite", people=None))
        for person in frame.people
    }
    assert {number for _, number in expected} == {0, 1}
    with open(tmp_path / "clip.csv", newline="") as file:
        noses = [row for row in csv.DictReader(file) if row["keypoint"] == "nose"]
    found = {
        (int(row["frame"]), int(row["person"])): [np.float32(row["x_px"]), np.float32(row["y_px"])] for row in noses
    }
    assert found == {key: [np.float32(x) for x in value] for key, value in expected.items()}
    for ending in (".csv", ".json", ".h5"):
        assert list(tables.read(tmp_path / f"clip{ending}").people) == [0, 1], ending
    record = json.loads((tmp_path / "clip.meta.json").read_bytes())
    assert (record["frames"], record["frames_with_person"]) == (6, 6)
    assert (record["settings"]["people"], record["settings"]["color_by"]) == (None, "person")
    last = list(video.Reader(tmp_path / "clip.mp4"))[-1].rgb.astype(int)
    for number in (0, 1):
        x, y = map(int, expected[5, number])
        near = [np.abs(last[y, x] - color).sum() for color in draw.PERSON_COLORS]
        assert int(np.argmin(near)) == number
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert cli.main([*command, "--resume"]) == 0
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == times
    command[command.index("all")] = "1"
    assert cli.main([*command, "--resume"]) == 0
    assert list(tables.read(tmp_path / "clip.csv").people) == [0]


def test_pictures_share_a_table(pair: Path, astronaut: Path, tmp_path: Path) -> None:
    command = ["image", str(pair), str(astronaut), "-o", str(tmp_path), "--model", "lite", "--people", "3"]
    assert cli.main([*command, "--csv", str(tmp_path / "all.csv"), "--mask", "--labels"]) == 0
    with open(tmp_path / "all.csv", newline="") as file:
        people = defaultdict(set)
        for row in csv.DictReader(file):
            people[Path(row["source"]).name].add(row["person"])
    assert people == {"pair.png": {"0", "1"}, "astronaut.png": {"0"}}
    assert {path.name for path in tmp_path.glob("*.mask*")} == {
        *("pair.mask.png", "pair.mask_person0.png", "pair.mask_person1.png"),
        *("astronaut.mask.png", "astronaut.mask_person0.png"),
    }


class Screen:
    """A window that keeps what it shows."""

    def __init__(self) -> None:
        self.shown: list[Picture] = []

    def show(self, rgb: Picture) -> bool:
        self.shown.append(rgb.copy())
        return True

    def close(self) -> None:
        pass


def test_camera(frames: list[Picture]) -> None:
    from refpose.video import Frame

    screen, pose = Screen(), Pose("lite", people=2)
    live = [Frame(number, number / 30, frame.copy()) for number, frame in enumerate(frames[:2])]
    assert camera.show(Clip(live), pose, screen, ["skeleton"], color_by="person") == 2
    expected = frames[0].copy()
    draw.people(expected, Pose("lite", people=2).process(frames[0], 0.0), ["skeleton"], "person")
    np.testing.assert_array_equal(screen.shown[0], expected)


# Input that is not as it should be


def state(pose: Pose[Any]) -> bytes:
    return pickle.dumps(pose.tracker)


def same(mine: list[Any], theirs: list[Any]) -> None:
    assert [person.id for person in mine] == [person.id for person in theirs]
    for one, other in zip(mine, theirs, strict=True):
        for name, values in landmark_arrays(one).items():
            np.testing.assert_array_equal(values, landmark_arrays(other)[name], err_msg=name)


def test_times_that_repeat(frames: list[Picture]) -> None:
    pose = Pose("lite", people=2)
    pose.process(frames[0], 1.0)
    before, twin = state(pose), copy.deepcopy(pose)
    for time in (1.0, 0.5, float("nan"), 1.0000001):
        with pytest.raises(ValueError, match=r"time"):
            pose.process(frames[1], time)
        assert state(pose) == before
    same(pose.process(frames[1], 1.1), twin.process(frames[1], 1.1))


def test_frames_that_change_size(frames: list[Picture]) -> None:
    taller = np.pad(frames[0], ((0, 40), (0, 0), (0, 0)), constant_values=128)
    pose = Pose("lite", people=2, segmentation=True)
    found = [pose.process(frame) for frame in (frames[0], taller, frames[0])]
    assert [[person.id for person in people] for people in found] == [[0, 1]] * 3
    assert [people[1].segmentation_mask.shape for people in found] == [(300, 900), (340, 900), (300, 900)]
    smooth = Pose("lite", people=2, segmentation=True, mask_smoothing=0.7)
    smooth.process(frames[0])
    twin = copy.deepcopy(smooth)
    with pytest.raises(ValueError, match="masks of different sizes cannot be smoothed"):
        smooth.process(taller)
    same(smooth.process(frames[1]), twin.process(frames[1]))
    smooth.reset()
    assert smooth.process(taller)[0].id == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_streams_in_several_threads(frames: list[Picture], threads: int) -> None:
    """Each has a pose of its own; the networks are theirs together."""
    alone = Pose("lite", people=2)
    expected = [alone.process(frame) for frame in frames]
    found: dict[int, list[Any]] = {}

    def work(number: int) -> None:
        pose = Pose("lite", people=2, threads=threads)
        found[number] = [pose.process(frame) for frame in frames]

    streams = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for stream in streams:
        stream.start()
    for stream in streams:
        stream.join()
    for number in range(3):
        for mine, theirs in zip(found[number], expected, strict=True):
            same(mine, theirs)


def test_one_stream_goes_from_thread_to_thread(frames: list[Picture]) -> None:
    alone, passed = Pose("lite", people=2), Pose("lite", people=2, threads=2)
    for frame in frames:
        found: list[Any] = []
        worker = threading.Thread(target=lambda frame=frame, found=found: found.extend(passed.process(frame)))
        worker.start()
        worker.join()
        same(found, alone.process(frame))


@pytest.mark.parametrize("bad", [np.zeros((0, 5, 3), np.uint8), np.zeros((5, 5), np.uint8), None, "x.png"])
def test_what_is_no_picture(frames: list[Picture], bad: Any) -> None:
    pose = Pose("lite", people=2)
    pose.process(frames[0])
    before = state(pose)
    with pytest.raises((TypeError, ValueError), match="image: expected a NumPy array"):
        pose.process(bad)
    assert state(pose) == before


@pytest.mark.parametrize("text", ["0", "-1", "none", "1.5", ""])
def test_number_of_people_that_is_none(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_png(tmp_path / "a.png", np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(SystemExit):
        cli.main(["image", str(tmp_path / "a.png"), "-o", str(tmp_path), f"--people={text}"])
    assert "argument --people" in capsys.readouterr().err


@pytest.mark.parametrize("people", [1, 2])
def test_calls_from_several_threads_wait_for_each_other(frames: list[Picture], people: int) -> None:
    """Frames of one stream come in whatever order; each is worked on from its beginning to its end."""
    pose = Pose("lite", people=people, threads=2)
    found: list[list[int | None]] = []
    failed: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(6):
                found.append([person.id for person in pose.process(frames[0])])
        except Exception as error:  # noqa: BLE001 (whatever it is, it must not be)
            failed.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []
    assert found == [[None] if people == 1 else [0, 1]] * 18
