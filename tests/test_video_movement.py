"""`refpose video`: times, regions, values before smoothing, angles, and files for other programs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import videos

import refpose
from refpose import cli, draw, motion, tables
from refpose.images import read_image
from refpose.motion.labels import draw_angles
from refpose.person import Person
from refpose.pose import Pose
from refpose.tools import movement, options, streams
from refpose.video import Frame

EXAMPLE = videos.EXAMPLE


@pytest.fixture(scope="module")
def somebody() -> Person:
    return refpose.Pose("lite", mode="image").process(read_image(EXAMPLE))[0]


class Found(Pose):
    """Finds the same person on every frame but every third; remembers what it was shown."""

    def __init__(self, person: Person) -> None:
        self.person, self.seen = person, []  # type: ignore[var-annotated]
        self.topology = person.topology

    def reset(self) -> None:
        self.seen = []

    def process(self, image: Any, timestamp: Any = None, roi: Any = None) -> list[Person]:
        self.seen.append((timestamp, image.copy()))
        height, width = image.shape[:2]
        moved = self.person.landmarks + np.float32([0.001 * len(self.seen), 0, 0])
        return [] if len(self.seen) % 3 == 0 else [replace(self.person, landmarks=moved, image_size=(width, height))]


@pytest.fixture
def found(somebody: Person, monkeypatch: pytest.MonkeyPatch) -> Found:
    pose = Found(somebody)
    monkeypatch.setattr(options, "make_pose", lambda settings, threads: pose)
    return pose


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return videos.write(tmp_path / "clip.mp4", videos.scenes(12), sound="aac")


def run(clip: Path, *args: str | Path) -> int:
    return cli.main(["video", str(clip), *map(str, args), "--model=lite", "--force"])


def test_values_before_smoothing_and_angles(clip: Path, tmp_path: Path, found: Found, somebody: Person) -> None:
    args = ["--raw", "--angles", *(f"--{kind[1:]}" for kind in tables.KINDS)]
    assert run(clip, "-o", tmp_path / "out", "--no-video", *args) == 0
    for kind in tables.KINDS:
        table = tables.read(tmp_path / "out" / f"clip{kind}")
        assert table.columns == (*tables.VALUES, *tables.RAW)
        assert table.angle_names == tuple(motion.angles.ANGLES)
        whole = table.take(table.found[:, 0])
        assert len(whole) == 8
        expected = motion.angles.in_world(somebody.world_landmarks)
        assert np.allclose((whole.angles[:, 0] - expected + 180) % 360 - 180, 0, atol=1e-4)
        assert np.array_equal(whole.column("visibility_raw")[3, 0], somebody.raw_visibility)
        assert whole.image_size == (256, 192)


def test_angles_from_the_image(clip: Path, tmp_path: Path, found: Found, somebody: Person) -> None:
    args = ["--angles", "--angles-from", "image", "--facing", "left", "--csv"]
    assert run(clip, "-o", tmp_path / "out", "--no-video", *args) == 0
    table = tables.read(tmp_path / "out" / "clip.csv")
    expected = motion.angles.in_image(table.points_px, facing="left")
    assert np.allclose((table.angles - expected + 180) % 360 - 180, 0, atol=1e-3)


def test_rows_for_every_frame(clip: Path, tmp_path: Path, found: Found) -> None:
    assert run(clip, "-o", tmp_path / "out", "--no-video", "--csv", "--every-frame") == 0
    table = tables.read(tmp_path / "out" / "clip.csv")
    assert table.frame.tolist() == list(range(12))
    assert table.found[:, 0].tolist() == [k % 3 != 2 for k in range(12)]


def test_start_end_and_the_rate_of_slow_motion(clip: Path, tmp_path: Path, found: Found) -> None:
    assert run(clip, "-o", tmp_path / "out", "--h5", "--start", "0.1", "--end", "0.3", "--fps", "240") == 0
    table = tables.read(tmp_path / "out" / "clip.h5")
    assert table.frame.tolist() == [3, 4, 5, 6, 7]
    assert table.time.tolist() == [k / 240 for k in range(3, 8)]
    assert [time for time, _ in found.seen] == [k / 240 for k in range(3, 8)]
    with av.open(str(tmp_path / "out" / "clip.mp4")) as movie:
        assert sum(1 for _ in movie.decode(video=0)) == 5
    with av.open(str(tmp_path / "out" / "clip.mp4")) as movie:
        assert sum(frame.samples for frame in movie.decode(audio=0)) / 48000 == pytest.approx(0.2, abs=0.1)
    record = json.loads((tmp_path / "out" / "clip.meta.json").read_text())
    assert record["frames"] == 5
    assert (record["settings"]["start"], record["settings"]["fps"]) == (0.1, 240)


def test_no_frame_between(clip: Path, tmp_path: Path, found: Found, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(clip, "-o", tmp_path / "out", "--csv", "--start", "9") == 1
    assert "no frame is shown between --start and --end" in capsys.readouterr().err


def test_region(clip: Path, tmp_path: Path, found: Found) -> None:
    assert run(clip, "-o", tmp_path / "out", "--csv", "--no-draw-skeleton", "--roi", "20,30,100,500") == 0
    for _, image in found.seen:
        inside = image[30:, 20:120]
        assert inside.any()
        image[30:, 20:120] = 0
        assert not image.any()
    with av.open(str(tmp_path / "out" / "clip.mp4")) as movie:
        picture = next(movie.decode(video=0)).to_ndarray(format="rgb24")
    assert picture[:20].mean() > 20  # the video shows the whole picture


def test_region_beside_the_picture(
    clip: Path, tmp_path: Path, found: Found, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(clip, "-o", tmp_path / "out", "--csv", "--roi", "256,0,10,10") == 1
    assert "--roi 256,0,10,10: lies outside the frames, which have 256 x 192 pixels" in capsys.readouterr().err


def test_points_that_are_not_sure(clip: Path, tmp_path: Path, found: Found, somebody: Person) -> None:
    args = ["--csv", "--angles", "--min-visibility", "0.6", "--format", "openpose-one", "mot"]
    assert run(clip, "-o", tmp_path / "out", *args) == 0
    table = tables.read(tmp_path / "out" / "clip.csv")
    unsure = somebody.visibility < np.float32(0.6)
    assert 3 < unsure.sum() < 30
    assert np.isnan(table.points_px[:, 0, unsure]).all()
    assert np.isfinite(table.points_px[:, 0, ~unsure]).all()
    assert np.isnan(table.world_m[:, 0, unsure]).all()
    assert np.array_equal(table.visibility[0, 0], somebody.visibility)
    people = json.loads((tmp_path / "out" / "clip.openpose.json").read_text())
    knee = np.reshape(people[0]["people"][0]["pose_keypoints_2d"], (25, 3))[10]
    assert knee.tolist() == [0, 0, 0]  # below the edge of the picture
    assert np.isnan(table.angles[:, 0, table.angle_names.index("right_knee")]).all()


def test_files_for_other_programs(clip: Path, tmp_path: Path, found: Found) -> None:
    names = ["trc", "mot", "openpose", "coco", "bvh", "deeplabcut"]
    assert run(clip, "-o", tmp_path / "out", "--no-video", "--h5", "--format", *names) == 0
    table = tables.read(tmp_path / "out" / "clip.h5")
    for name in names:
        path = tmp_path / "out" / f"clip{motion.FORMATS[name].ending}"
        (tmp_path / "again").mkdir(exist_ok=True)
        (again,) = motion.write(table, tmp_path / "again" / path.name)
        if path.is_dir():
            assert {f.name: f.read_text() for f in path.iterdir()} == {f.name: f.read_text() for f in again.iterdir()}
        else:
            assert path.read_text() == again.read_text()
    record = json.loads((tmp_path / "out" / "clip.meta.json").read_text())
    assert record["settings"]["formats"] == names


def test_files_of_further_people_are_told(
    clip: Path, tmp_path: Path, found: Found, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = found.process

    def both(*given: Any, **named: Any) -> list[Person]:
        return [replace(person, id=number) for person in alone(*given, **named) for number in (0, 3)]

    monkeypatch.setattr(found, "process", both)
    assert run(clip, "-o", tmp_path / "out", "--no-video", "--format", "trc", "coco") == 0
    told = capsys.readouterr().out.strip().split(" -> ")[1].split(", ")
    assert told == [str(tmp_path / "out" / f"clip{end}") for end in (".trc", ".coco.json", "_person3.trc")]
    assert all(Path(path).exists() for path in told)


def test_formats_alone_and_resumed(
    clip: Path, tmp_path: Path, found: Found, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["video", str(clip), "-o", str(tmp_path / "out"), "--no-video", "--format", "openpose", "--model=lite"]
    assert cli.main(args) == 0
    capsys.readouterr()
    assert cli.main([*args, "--resume"]) == 0
    assert "1 skipped" in "".join(capsys.readouterr()) or not found.seen[12:]
    assert len(found.seen) == 12
    assert cli.main(args) == 1
    assert "already there" in capsys.readouterr().err


def test_angles_are_drawn_where_asked_for(clip: Path, tmp_path: Path, found: Found) -> None:
    pictures = {}
    for option in ("--no-video", "--draw-angles", "--no-sound"):
        assert run(clip, "-o", tmp_path / option, "--csv", option) == 0
        if option != "--no-video":
            with av.open(str(tmp_path / option / "clip.mp4")) as movie:
                pictures[option] = next(movie.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert (np.abs(pictures["--draw-angles"] - pictures["--no-sound"]) > 60).any(axis=2).sum() > 50


def test_labels_stand_beside_visible_joints(somebody: Person) -> None:
    image = np.full((somebody.image_size[1], somebody.image_size[0], 3), 128, np.uint8)
    degrees = dict.fromkeys(motion.angles.ANGLES, 90.0)
    draw_angles(image, somebody, degrees.values())
    rows, columns = np.nonzero((image != 128).any(axis=2))
    shown = {
        name: somebody.landmarks_px[somebody.topology.names.index(motion.angles.ANGLES[name].points[1]), :2]
        for name in motion.angles.JOINT_ANGLES
    }
    near = [np.hypot(columns - x, rows - y).min() for name, (x, y) in shown.items() if "knee" not in name]
    assert min(near) < 15
    assert np.hypot(columns - shown["left_elbow"][0], rows - shown["left_elbow"][1]).min() < 15
    blank = np.full_like(image, 128)
    draw_angles(blank, somebody, [np.nan] * len(degrees))
    assert (blank == 128).all()
    hidden = replace(somebody, visibility=np.zeros_like(somebody.visibility))
    draw_angles(blank, hidden, degrees.values())
    assert (blank == 128).all()


def test_points_below_are_not_drawn(somebody: Person) -> None:
    image = np.zeros((somebody.image_size[1], somebody.image_size[0], 3), np.uint8)
    draw.person(image, streams.drawn(somebody, 1.1), ["skeleton"])
    assert not image.any()
    draw.person(image, streams.drawn(somebody, None), ["skeleton"])
    assert image.any()


def parsed(*args: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    movement.add_smoothing(parser)
    return parser.parse_args(args)


def test_parameters_of_the_filters() -> None:
    assert movement.smoothing(parsed()) is True
    assert movement.smoothing(parsed("--no-smooth")) is False
    found = movement.smoothing(parsed("--min-cutoff", "0.5", "--visibility-alpha", "1"))
    assert refpose.Smoothing(**found) == refpose.Smoothing(min_cutoff=0.5, visibility_alpha=1.0)  # type: ignore[arg-type]
    pose = options.make_pose({"model": "lite", "mode": "video", "smooth": found}, 1)
    assert pose.smooth == refpose.Smoothing(min_cutoff=0.5, visibility_alpha=1.0)
    for args, message in (
        (("--no-smooth", "--beta", "1"), "--no-smooth and --beta exclude each other"),
        (("--visibility-alpha", "2"), "visibility_alpha must be"),
        (("--min-cutoff", "nan"), "min_cutoff must be"),
    ):
        with pytest.raises(argparse.ArgumentError, match=message):
            movement.smoothing(parsed(*args))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--start", "3", "--end", "2"], "--end 2 must come after --start 3"),
        (["--start", "x"], "expected seconds"),
        (["--fps", "0"], "above 0"),
        (["--roi", "1,2,3"], "expected left,top,width,height"),
        (["--roi", "1,2,0,3"], "expected left,top,width,height"),
        (["--format", "fbx"], "expected one of trc"),
        (["--min-visibility", "2"], "a number from 0 to 1"),
    ],
)
def test_wrong_usage(clip: Path, tmp_path: Path, args: list[str], message: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        run(clip, "-o", tmp_path / "out", *args)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_formats_need_a_place(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(clip, "--format", "trc")
    assert "name OUT with -o" in capsys.readouterr().err


def test_frames_are_looked_at_one_by_one() -> None:
    def frames() -> Iterator[Frame]:
        for k in range(5):
            yield Frame(k, k / 10, np.full((4, 4, 3), k, np.uint8))

    clip = streams.Clip(frames(), start=0.1, end=0.3)
    given = iter(clip)
    first = next(given)
    assert (first.index, clip.time, clip.count, int(clip.rgb[0, 0, 0])) == (1, 0.1, 1, 1)
    assert [frame.index for frame in given] == [2]
    assert clip.ended


def test_one_person_in_tables(clip: Path, tmp_path: Path, found: Found) -> None:
    for number, there in (("0", 8), ("1", 0)):
        args = ["--no-video", "--csv", "--h5", "--angles", "--person", number]
        assert run(clip, "-o", tmp_path / number, *args) == 0
        for kind in (".csv", ".h5"):
            assert tables.read(tmp_path / number / f"clip{kind}").found.sum() == there


def test_what_is_not_sure_before_smoothing_too(clip: Path, tmp_path: Path, found: Found, somebody: Person) -> None:
    """As `refpose export` does it."""
    limit = float(np.median(somebody.visibility))
    assert run(clip, "-o", tmp_path / "a", "--no-video", "--h5", "--raw") == 0
    assert run(clip, "-o", tmp_path / "b", "--no-video", "--h5", "--raw", "--min-visibility", str(limit)) == 0
    expected = motion.blank(tables.read(tmp_path / "a" / "clip.h5"), limit)
    found_there = tables.read(tmp_path / "b" / "clip.h5")
    assert np.isnan(expected.column("x_raw_px")[0]).any()
    assert np.array_equal(found_there.values, expected.values, equal_nan=True)
