"""`refpose video`: results, names, what is there already, interrupts, many files, failures."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import h5py
import numpy as np
import pytest
import videos
from numpy.typing import NDArray

import refpose
from refpose import cli, tables, video
from refpose.person import Person
from refpose.pose import Pose
from refpose.tools import batch, options
from refpose.topology import BLAZEPOSE


def run(*args: str | Path) -> int:
    return cli.main(["video", *map(str, args), "--model=lite"])


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def record(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def frames_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return videos.write(tmp_path / "clip.mov", videos.scenes(6), [0, 0.04, 0.1, 0.2, 0.21, 0.5], sound="pcm_s16le")


class Stub(Pose):
    """Finds nobody, at once; and does something on a certain frame."""

    topology = BLAZEPOSE

    def __init__(self, at: int = -1, action: Any = None) -> None:
        self.at, self.action, self.seen = at, action, 0

    def reset(self) -> None:
        self.seen = 0

    def process(self, image: NDArray[np.uint8], timestamp: float | None = None, roi: Any = None) -> list[Person]:
        if self.seen == self.at:
            self.action()
        self.seen += 1
        return []


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    pose = Stub()
    monkeypatch.setattr(options, "make_pose", lambda settings, threads: pose)
    return pose


# One video


def test_everything_at_once(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(clip, "-o", tmp_path / "out" / "a.mp4", "--csv", "--parquet", "--h5", "--json") == 0
    assert names(tmp_path / "out") == ["a.csv", "a.h5", "a.json", "a.meta.json", "a.mp4", "a.parquet"]
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{clip}: 6 frames, a person on 6 -> ")
    assert captured.err == ""

    expected = list(video.process(clip, Pose("lite")))
    table = rows(tmp_path / "out" / "a.csv")
    assert len(table) == 6 * 33
    for frame in expected:
        part = [row for row in table if int(row["frame"]) == frame.index]
        assert {float(row["time_s"]) for row in part} == {frame.time}
        got = np.array([[row[name] for name in tables.VALUES] for row in part], np.float32)
        assert np.array_equal(got, tables.values(frame.people[0]))
    with h5py.File(tmp_path / "out" / "a.h5") as file:
        assert np.array_equal(file["keypoints"][:, 0], [tables.values(frame.people[0]) for frame in expected])
        assert json.loads(file.attrs["refpose"])["video"]["codec"] == "h264"

    found = record(tmp_path / "out" / "a.meta.json")
    assert found["source"] == str(clip)
    assert found["refpose"] == refpose.__version__
    assert (found["complete"], found["frames"], found["frames_with_person"]) == (True, 6, 6)
    assert (found["broken"], found["mended_times"], found["cut_short"], found["sound"]) == (0, 0, False, "aac")
    assert (found["video"]["width"], found["video"]["height"]) == (256, 192)
    assert found["settings"]["model"] == "lite"
    assert set(found["weights_sha256"]) == {"detector", "lite"}

    with video.Reader(tmp_path / "out" / "a.mp4") as reader:
        drawn = list(reader)
    assert [frame.time for frame in drawn] == pytest.approx([frame.time for frame in expected], abs=1e-4)
    changed = [np.abs(one.rgb.astype(int) - videos.scene(one.index)).max(axis=2) > 60 for one in drawn]
    assert all(100 < mask.sum() < 10_000 for mask in changed)
    with av.open(str(tmp_path / "out" / "a.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"


def test_nothing_drawn_and_no_sound(tmp_path: Path, clip: Path) -> None:
    assert run(clip, "-o", tmp_path / "a.mp4", "--no-draw-skeleton", "--no-sound") == 0
    with video.Reader(tmp_path / "a.mp4") as reader:
        assert np.abs(next(reader).rgb.astype(int) - videos.scene(0)).mean() < 4
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert len(container.streams) == 1


def test_region_is_drawn(tmp_path: Path, clip: Path) -> None:
    assert run(clip, "-o", tmp_path / "with.mp4", "--draw-roi", "--no-draw-skeleton") == 0
    with video.Reader(tmp_path / "with.mp4") as reader:
        assert (np.abs(next(reader).rgb.astype(int) - videos.scene(0)).max(axis=2) > 60).sum() > 50


def test_smoothing_can_be_left_out(tmp_path: Path, clip: Path) -> None:
    assert run(clip, "--csv", tmp_path / "a.csv", "--no-smooth") == 0
    expected = list(video.process(clip, Pose("lite", smooth=False)))
    last = np.array([[row[name] for name in tables.VALUES] for row in rows(tmp_path / "a.csv")[-33:]], np.float32)
    assert np.array_equal(last, tables.values(expected[-1].people[0]))


def test_tables_with_names_of_their_own(tmp_path: Path, clip: Path, stub: Stub) -> None:
    assert run(clip, "--csv", tmp_path / "x" / "one.csv", "--h5", tmp_path / "y" / "two.h5") == 0
    assert names(tmp_path) == ["clip.mov", "x/one.csv", "x/one.meta.json", "y/two.h5"]
    assert run(clip, "-o", tmp_path / "z" / "a.mp4", "--csv", tmp_path / "z" / "b.csv", "--json") == 0
    assert names(tmp_path / "z") == ["a.json", "a.meta.json", "a.mp4", "b.csv"]


def test_tables_only(tmp_path: Path, clip: Path, stub: Stub) -> None:
    assert run(clip, "-o", tmp_path / "out", "--no-video", "--csv", "--wide") == 0
    assert run(clip, "-o", tmp_path / "a.csv", "--no-video", "--csv") == 0
    assert names(tmp_path) == ["a.csv", "a.meta.json", "clip.mov", "out/clip.csv", "out/clip.meta.json"]
    assert len((tmp_path / "out" / "clip.csv").read_text().split(",")) == 4 + 33 * 8


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "nothing to write: name OUT with -o, or ask for a table"),
        (["-o", "out", "--no-video"], "nothing to write"),
        (["--csv"], "name OUT with -o, or give every table a name"),
        (["-o", "a.webm"], "expected a folder or a name that ends in .mp4"),
        (["-o", "a.csv", "--csv"], "expected a folder or a name that ends in .mp4"),
        (["--csv", "a.mp4"], "expected a name that ends in .csv (if this is a video, put it before the options)"),
        (["other.mov", "--csv", "a.csv"], "a.csv is the name of one file"),
        (["other.mov", "-o", "a.mp4"], "a.mp4 is the name of one file"),
    ],
)
def test_wrong_usage(
    tmp_path: Path,
    clip: Path,
    args: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.mov").touch()
    with pytest.raises(SystemExit) as left:
        run("clip.mov", *args)
    assert left.value.code == 2
    assert message in capsys.readouterr().err
    assert names(tmp_path) == ["clip.mov", "other.mov"]


def test_inputs_are_never_overwritten(tmp_path: Path, stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    source = videos.write(tmp_path / "a.mp4", videos.scenes(2))
    before = source.read_bytes()
    assert run(source, "-o", source, "--force") == 1
    assert run(source, "-o", tmp_path, "--force") == 1
    assert "is an input, and would be overwritten" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_results_that_are_there(tmp_path: Path, clip: Path, stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a.mp4"
    assert run(clip, "-o", out) == 0
    assert run(clip, "-o", out) == 1
    assert f"{out} (and 1 more): already there; --force overwrites" in capsys.readouterr().err
    out.write_bytes(b"")
    assert run(clip, "-o", out, "--force") == 0
    assert frames_of(out) == 6


# What is broken


def test_broken_frames_are_reported(tmp_path: Path, stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    source = videos.damage(videos.write(tmp_path / "a.mp4", videos.scenes(20)), [5, 12])
    assert run(source, "-o", tmp_path / "b.mp4") == 0
    assert "18 frames, a person on 0, 2 broken skipped" in capsys.readouterr().out
    assert record(tmp_path / "b.meta.json")["broken"] == 2


def test_file_cut_short_is_reported(tmp_path: Path, stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    source = videos.write(tmp_path / "a.mp4", videos.scenes(20), container={"movflags": "+faststart"})
    videos.cut(source, source.stat().st_size * 9 // 10)
    assert run(source, "-o", tmp_path / "b.mp4") == 0
    assert "of 20 frames, a person on 0, 1 broken skipped, the file is cut short" in capsys.readouterr().out
    found = record(tmp_path / "b.meta.json")
    assert (found["cut_short"], found["complete"]) == (True, False)
    assert run(source, "-o", tmp_path / "b.mp4", "--resume") == 0  # it may have grown
    assert "5 of 20 frames" in capsys.readouterr().out


def test_mended_times_are_reported(tmp_path: Path, stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(videos.write(tmp_path / "a.h264", videos.scenes(5)), "-o", tmp_path / "b.mp4") == 0
    assert "5 frames, a person on 0, 5 time stamps mended" in capsys.readouterr().out
    assert frames_of(tmp_path / "b.mp4") == 5


def test_size_that_changes(tmp_path: Path) -> None:
    small = videos.write(tmp_path / "small.ts", videos.scenes(4))
    large = videos.write(tmp_path / "large.ts", videos.scenes(4, 240, 320))
    source = tmp_path / "both.ts"
    source.write_bytes(small.read_bytes() + large.read_bytes())
    assert run(source, "-o", tmp_path / "a.mp4", "--csv") == 0
    with video.Reader(tmp_path / "a.mp4") as reader:
        assert [frame.rgb.shape for frame in reader] == [(192, 256, 3)] * 8
    assert record(tmp_path / "a.meta.json")["frames_with_person"] == 8
    nose = [float(row["x_px"]) for row in rows(tmp_path / "a.csv") if row["keypoint"] == "nose"]
    assert nose[4] / 320 == pytest.approx(nose[3] / 256, abs=0.1)  # pixels of the frame as it is in the source


@pytest.mark.parametrize("missing", ["av", "pyarrow"])
def test_missing_extras(
    tmp_path: Path, clip: Path, missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert run(clip, "-o", tmp_path / "out", "--parquet") == 1
    extra = {"av": "video", "pyarrow": "parquet"}[missing]
    assert f'pip install "refpose[{extra}]"' in capsys.readouterr().err
    assert names(tmp_path) == ["clip.mov"]


def test_full_disk(tmp_path: Path, clip: Path, stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    resource = pytest.importorskip("resource")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:  # more than once: HDF5 may crash on the file after the one that failed
        codes = [run(clip, "-o", tmp_path / "out", "--csv", "--h5") for _ in range(3)]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert codes == [1, 1, 1]
    said = capsys.readouterr().err.splitlines()
    results = "|".join(str(tmp_path / "out" / f"clip{ending}") for ending in (".csv", ".h5", ".mp4"))
    assert all(re.fullmatch(rf"\S+clip.mov: \[Errno 27\] File too large: '({results})'", line) for line in said), said
    assert names(tmp_path) == ["clip.mov"]


def test_failure_in_mid_video_leaves_nothing(
    tmp_path: Path, clip: Path, stub: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise MemoryError("no more")

    stub.at, stub.action = 3, fail
    assert run(clip, "-o", tmp_path / "out", "--csv") == 1
    assert capsys.readouterr().err == f"{clip}: there is not enough memory: no more\n"
    assert names(tmp_path) == ["clip.mov"]


# Interrupts


def test_interrupt_keeps_what_was_done(
    tmp_path: Path, clip: Path, stub: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.at, stub.action = 3, lambda: os.kill(os.getpid(), signal.SIGINT)
    before = signal.getsignal(signal.SIGINT)
    assert run(clip, clip, "-o", tmp_path, "--csv", "--h5", "--json", "--parquet") == 130
    assert signal.getsignal(signal.SIGINT) is before
    assert not batch.stopping()
    captured = capsys.readouterr()
    assert captured.err.startswith(f"{clip}: interrupted after 4 frames, a person on 0 -> ")
    assert captured.err.endswith("refpose: interrupted\n")
    assert names(tmp_path) == [
        "clip.csv",
        "clip.h5",
        "clip.json",
        "clip.meta.json",
        "clip.mov",
        "clip.mp4",
        "clip.parquet",
    ]
    assert frames_of(tmp_path / "clip.mp4") == 4
    with h5py.File(tmp_path / "clip.h5") as file:
        assert len(file["frame"]) == 4
    with av.open(str(tmp_path / "clip.mp4")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) / 48000 < 0.3
    found = record(tmp_path / "clip.meta.json")
    assert (found["complete"], found["frames"]) == (False, 4)

    stub.at = -1
    assert run(clip, "-o", tmp_path, "--csv", "--resume") == 0
    assert frames_of(tmp_path / "clip.mp4") == 6
    assert record(tmp_path / "clip.meta.json")["complete"]


def test_second_interrupt_breaks_off(tmp_path: Path, clip: Path, stub: Stub) -> None:
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    stub.at, stub.action = 3, twice
    assert run(clip, "-o", tmp_path / "out", "--csv") == 130
    assert names(tmp_path) == ["clip.mov"]


def interrupted(folder: Path, engine: str, *numbers: int) -> tuple[int, str]:
    """Exit code and messages of two processes that got these signals while each had begun a video."""
    (folder / "in").mkdir()
    clip = videos.write(folder / "in" / "0.mp4", videos.scenes(4, 96, 128) * 100)
    for number in range(1, 5):
        (folder / "in" / f"{number}.mp4").write_bytes(clip.read_bytes())
    command = [sys.executable, "-m", "refpose", "video", folder / "in", "-o", folder / "out"]
    with subprocess.Popen(
        [*command, "--csv", "--jobs=2", "--model=lite", f"--engine={engine}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 60
        while (
            len(list((folder / "out").glob(".refpose-*/*.csv"))) < 2
            and process.poll() is None
            and time.monotonic() < deadline
        ):
            time.sleep(0.05)
        for number in numbers:
            os.killpg(process.pid, number)
            time.sleep(0.01)
        _, err = process.communicate(timeout=60)
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:  # Python's own helper takes a moment
            os.killpg(process.pid, 0)
            time.sleep(0.05)
        pytest.fail("processes are left")
    return process.returncode, err


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to a group of processes")
@pytest.mark.parametrize(("engine", "number"), [("numpy", 1), ("native", 2)])
def test_interrupt_reaches_all_processes(tmp_path: Path, engine: str, number: int) -> None:
    """Ctrl-C, and a terminal that is closed."""
    code, err = interrupted(tmp_path, engine, number)
    assert code == 128 + number
    assert err.count("interrupted after") == 2
    assert "Traceback" not in err
    found = names(tmp_path / "out")
    assert len(found) == 6
    for name in found:
        if name.endswith(".meta.json"):
            assert not record(tmp_path / "out" / name)["complete"]
        if name.endswith(".mp4"):
            assert 0 < frames_of(tmp_path / "out" / name) < 400


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to a group of processes")
def test_second_interrupt_breaks_off_all_processes(tmp_path: Path) -> None:
    """Whatever they are at, none is left, nor anything that they have begun."""
    code, err = interrupted(tmp_path, "numpy", signal.SIGINT, signal.SIGINT)
    assert code in (130, -signal.SIGINT)
    assert "Traceback" not in err
    assert not list((tmp_path / "out").glob(".*"))
    assert all(not record(path)["complete"] for path in (tmp_path / "out").glob("*.meta.json"))


# Many videos


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_folder_with_a_bad_file(tmp_path: Path, jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a.mp4", "deep/b.mkv"):
        videos.write(tmp_path / "in" / name, videos.scenes(3))
    (tmp_path / "in" / "bad.mp4").write_text("no video")
    videos.sound_only(tmp_path / "in" / "sound.mov")
    (tmp_path / "in" / "notes.txt").touch()
    assert run(tmp_path / "in", "-o", tmp_path / "out", "--csv", "--jobs", jobs) == 1
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-1] == "2 videos done, 0 skipped, 2 failed"
    assert "bad.mp4: cannot be read as a video" in captured.err
    assert "sound.mov: holds no video" in captured.err
    assert names(tmp_path / "out") == sorted(
        f"{name}{ending}" for name in ("a", "deep/b") for ending in (".mp4", ".csv", ".meta.json")
    )


def test_processes_give_the_same_bits(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        videos.write(tmp_path / "in" / f"{number}.mp4", videos.scenes(6)[number:])
    for jobs in ("1", "2"):
        assert run(tmp_path / "in", "-o", tmp_path / jobs, "--csv", "--jobs", jobs) == 0
    for name in ("0.csv", "1.csv", "2.csv", "0.mp4", "1.mp4", "2.mp4"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_shards_and_resume(tmp_path: Path, stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for name in "abcde":
        videos.write(tmp_path / "in" / f"{name}.mp4", videos.scenes(2))
    for part in ("1/2", "2/2"):
        assert run(tmp_path / "in", "-o", tmp_path / "out", "--shard", part) == 0
    assert [name for name in names(tmp_path / "out") if name.endswith(".mp4")] == [f"{name}.mp4" for name in "abcde"]
    (tmp_path / "out" / "c.mp4").unlink()
    (tmp_path / "out" / "d.meta.json").write_text("")
    (tmp_path / "out" / "d.mp4").write_text("")
    capsys.readouterr()
    assert run(tmp_path / "in", "-o", tmp_path / "out", "--resume") == 0
    captured = capsys.readouterr()
    assert [line.split(":")[0] for line in captured.out.splitlines()] == [
        str(tmp_path / "in" / f"{name}.mp4") for name in "cd"
    ]
    assert captured.err == "2 videos done, 3 skipped, 0 failed\n"
    assert run(tmp_path / "in", "-o", tmp_path / "out", "--resume", "--no-smooth") == 0
    assert capsys.readouterr().err == "5 videos done, 0 skipped, 0 failed\n"
