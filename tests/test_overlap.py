"""Decoding, estimating and encoding side by side: the same frames, counts, files and errors as one after the other."""

from __future__ import annotations

import errno
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import videos

from refpose import cli, video
from refpose.tools import cores
from refpose.video.overlap import Behind, read_ahead
from refpose.video.writer import Writer


def workers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("refpose-")]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert workers() == []


@pytest.mark.parametrize("count", [0, 1, 3, 100])
def test_items_come_in_order_and_no_more_are_taken_than_said(count: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for k in range(20):
            taken.append(k)
            yield k

    seen = []
    for item in read_ahead(items(), count):
        seen.append(item)
        time.sleep(0.002)
        assert len(taken) <= len(seen) + count
    assert seen == list(range(20))


def test_items_are_taken_while_the_caller_works() -> None:
    taken = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        taken.set()
        yield 2

    for _ in read_ahead(items(), 1):
        assert taken.wait(10)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_errors_come_after_the_items_before_them(count: int) -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise ValueError("broken")

    found = read_ahead(items(), count)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(found)


@pytest.mark.parametrize("count", [0, 2])
def test_who_stops_early_leaves_no_thread(count: int) -> None:
    items = read_ahead(itertools.count(), count)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    items.close()
    assert workers() == []


def test_calls_are_made_in_order_and_few_wait() -> None:
    made: list[int] = []
    go = threading.Event()
    behind = Behind(3)

    def call(k: int) -> None:
        go.wait(10)
        made.append(k)

    for k in range(3):
        behind(call, k)
    threading.Timer(0.05, go.set).start()
    behind(call, 3)  # waits for the first
    assert made
    behind.wait()
    behind.close()
    assert made == [0, 1, 2, 3]


def test_errors_of_calls_are_raised_by_a_later_one() -> None:
    behind = Behind(2)

    def fail() -> None:
        raise OSError(errno.ENOSPC, "full")

    def several() -> None:
        for _ in range(4):
            behind(fail)

    for call in (several, several, behind.wait):
        with pytest.raises(OSError, match="full"):
            call()
    behind.close()


@pytest.mark.parametrize("count", [0, 3])
def test_calls_behind_one_that_failed_are_not_made(count: int) -> None:
    behind, made = Behind(count), []
    go = threading.Event()

    def fail() -> None:
        go.wait(10)
        raise OSError(errno.ENOSPC, "full")

    def call(*calls: Callable[[], None]) -> None:
        for one in calls:
            behind(one)
        go.set()
        behind.wait()

    if count == 0:
        go.set()
    for calls in ((fail, partial(made.append, 1), partial(made.append, 2)), (partial(made.append, 3),)):
        with pytest.raises(OSError, match="full"):
            call(*calls)
    behind.close()
    assert made == []


def test_calls_that_wait_are_forgotten_when_it_is_closed() -> None:
    made = []
    started, go = threading.Event(), threading.Event()
    behind = Behind(5)

    def first() -> None:
        started.set()
        go.wait(10)

    behind(first)
    for k in range(4):
        behind(made.append, k)
    started.wait(10)
    threading.Timer(0.05, go.set).start()
    behind.close()
    assert made == []


# Reading


def frames(path: Path, **options: Any) -> tuple[list[video.Frame], list[tuple[Any, ...]]]:
    """All frames, and the counts as they stood after each."""
    found, counts = [], []
    with video.Reader(path, **options) as reader:
        for frame in reader:
            found.append(frame)
            counts.append((reader.frames, reader.broken, reader.mended, reader.cut_short, reader.pixel_aspect))
        counts.append((reader.frames, reader.broken, reader.mended, reader.cut_short, reader.pixel_aspect))
    return found, counts


def awkward(folder: Path, kind: str) -> Path:
    path = folder / "a.mov"
    if kind == "broken":
        videos.write(path, videos.scenes(12), codec="png", pixels="rgb24")
        return videos.damage(path, [3, 4, 9, 11])
    if kind == "cut":
        path = videos.write(folder / "a.ts", videos.scenes(20), codec="mpeg4")
        return videos.cut(path, path.stat().st_size * 2 // 3)
    if kind == "times":
        intra: Any = {"codec": "ffv1", "pixels": "bgr0"}
        return videos.write(folder / "a.mkv", videos.scenes(5), [0.0, 0.04, 0.04, 0.08, 0.08], **intra)
    if kind == "turned":
        videos.write(folder / "a.mp4", videos.scenes(5))
        return videos.tag(folder / "a.mp4", videos.TURNS[90])
    return videos.write(folder / "a.mp4", videos.scenes(5, 191, 255), pixels="yuv444p")


@pytest.mark.parametrize("kind", ["broken", "cut", "times", "turned", "odd"])
def test_frames_and_counts_are_the_same_ahead(tmp_path: Path, kind: str) -> None:
    path = awkward(tmp_path, kind)
    plain, counts = frames(path)
    for options in ({"ahead": 1}, {"ahead": 4}, {"ahead": 50}, {"ahead": 3, "threads": 2}):
        found, found_counts = frames(path, **options)
        assert [(f.index, f.time) for f in found] == [(f.index, f.time) for f in plain]
        assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(found, plain, strict=True))
        if "threads" not in options:  # damage may be found in another frame
            assert found_counts == counts
    for frame in plain:
        assert frame.rgb.flags.c_contiguous
        assert frame.rgb.flags.writeable


@pytest.mark.parametrize("kind", ["broken", "times", "turned", "odd"])
def test_pixels_are_pyavs(tmp_path: Path, kind: str) -> None:
    path = awkward(tmp_path, kind)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        expected = []
        for packet in container.demux(stream):
            try:
                expected += [frame.to_ndarray(format="rgb24") for frame in packet.decode() if not frame.is_corrupt]
            except av.FFmpegError:
                continue
    found, _ = frames(path, ahead=2)
    turned = [np.rot90(pixels, -1) for pixels in expected] if kind == "turned" else expected
    assert len(found) == len(turned)
    assert all(np.array_equal(a.rgb, b) for a, b in zip(found, turned, strict=True))


def test_a_reader_that_is_closed_early_has_stopped(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", videos.scenes(30))
    reader = video.Reader(path, ahead=3)
    next(reader)
    assert workers() == ["refpose-read-ahead_0"]
    reader.close()
    assert workers() == []
    with pytest.raises(StopIteration):
        next(reader)


def test_a_video_without_frames_says_so_ahead(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mov", videos.scenes(3), codec="png", pixels="rgb24")
    videos.damage(path, range(3))
    with video.Reader(path, ahead=2) as reader, pytest.raises(ValueError, match=r"no frame .* 3 were broken"):
        next(reader)


class Nobody:
    """A pose estimator that finds nobody."""

    def __init__(self) -> None:
        self.times: list[float | None] = []

    def reset(self) -> None:
        self.times = []

    def process(self, image: Any, timestamp: float | None = None) -> list[Any]:
        self.times.append(timestamp)
        return []


def test_process_is_the_same_ahead(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", videos.scenes(9))
    pose: Any = Nobody()
    plain = list(video.process(path, pose))
    times = pose.times
    for source in (path, [video.Frame(r.index, r.time, r.rgb) for r in plain]):
        found = list(video.process(source, pose, ahead=3))
        assert [(r.index, r.time, r.people) for r in found] == [(r.index, r.time, r.people) for r in plain]
        assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(found, plain, strict=True))
        assert pose.times == times
    results = video.process(path, pose, ahead=3)
    next(results)
    results.close()


@pytest.mark.parametrize(("ahead", "error"), [(-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_ahead_is_a_number_of_frames(tmp_path: Path, ahead: Any, error: type[Exception]) -> None:
    path = videos.write(tmp_path / "a.mp4", videos.scenes(2))
    pose: Any = Nobody()
    with pytest.raises(error, match="ahead must be"):
        list(video.process([], pose, ahead=ahead))
    with pytest.raises(error, match="ahead must be"):
        video.Reader(path, ahead=ahead)
    with pytest.raises(error, match="behind must be"), video.create(tmp_path / "b.mp4", behind=ahead):
        pass


# Writing


def write(path: Path, count: int = 12, **options: Any) -> bytes:
    with video.create(path, 25, **options) as movie:
        for k, rgb in enumerate(videos.scenes(count)):
            movie.write(rgb, k / 25)
    return path.read_bytes()


def test_files_are_the_same_behind(tmp_path: Path) -> None:
    source = videos.write(tmp_path / "a.mov", videos.scenes(12), sound="pcm_s16le")
    plain = write(tmp_path / "b.mp4", sound_of=source)
    assert write(tmp_path / "c.mp4", sound_of=source, behind=1) == plain
    assert write(tmp_path / "d.mp4", sound_of=source, behind=40) == plain


def test_an_encoder_that_fails_in_mid_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error comes out, the file that was there stays, and nothing else is left."""
    (tmp_path / "a.mp4").write_bytes(b"before")
    real = Writer._encode

    def failing(self: Writer, rgb: Any, size: Any, tick: int, time: float) -> None:
        if time > 0.1:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, rgb, size, tick, time)

    monkeypatch.setattr(Writer, "_encode", failing)
    for behind in (0, 3, 40):
        with pytest.raises(OSError, match="No space left"):
            write(tmp_path / "a.mp4", behind=behind)
        assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
        assert (tmp_path / "a.mp4").read_bytes() == b"before"


def test_the_callers_error_ends_the_encoder(tmp_path: Path) -> None:
    def interrupted() -> None:
        with video.create(tmp_path / "a.mp4", behind=4) as movie:
            for k, rgb in enumerate(videos.scenes(10)):
                movie.write(rgb, k / 25)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_presets_and_rate_factors(tmp_path: Path) -> None:
    sizes = {crf: len(write(tmp_path / "a.mp4", crf=crf)) for crf in (15, 30, 45.5)}
    assert sizes[15] > 1.5 * sizes[30] > 2 * sizes[45.5]
    assert len(write(tmp_path / "b.mp4", preset="medium", crf=30)) < sizes[30]
    for preset in video.PRESETS:
        with video.create(tmp_path / f"{preset}.mp4", preset=preset) as movie:
            movie.write(videos.scene(0), 0)
    for wrong, message in (({"preset": "quick"}, "preset must be one of"), ({"crf": 0}, "crf must be from 1 to 51")):
        with pytest.raises(ValueError, match=message):
            write(tmp_path / "c.mp4", **wrong)


@pytest.mark.parametrize("overlapping", [0, 4])
def test_a_disk_that_fills_while_frames_are_in_flight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], overlapping: int
) -> None:
    """The video is reported, nothing of it is left, and the next one is done."""
    monkeypatch.setattr(cores, "ahead", lambda processes, threads: overlapping)
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        videos.write(tmp_path / "in" / f"{name}.mp4", videos.scenes(8))
    real, writers = Writer._encode, []

    def full(self: Writer, rgb: Any, size: Any, tick: int, time: float) -> None:
        writers.append(self)
        if self is writers[0] and time > 0.1:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, rgb, size, tick, time)

    monkeypatch.setattr(Writer, "_encode", full)
    assert cli.main(["video", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--csv", "--model=lite"]) == 1
    said = capsys.readouterr().err
    assert "a.mp4: " in said
    assert "No space left on device" in said
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.csv", "b.meta.json", "b.mp4"]


def test_frames_that_come_slowly() -> None:
    def slow() -> Iterator[video.Frame]:
        for k in range(5):
            time.sleep(0.03)
            yield video.Frame(k, k / 10, videos.scene(k))

    pose: Any = Nobody()
    assert [result.index for result in video.process(slow(), pose, ahead=4)] == list(range(5))


# Cores


def test_processes_and_threads_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "available", lambda: 8)
    assert [cores.processes("auto", tasks, 1) for tasks in (0, 1, 5, 100)] == [1, 1, 5, 8]
    assert [cores.processes("auto", 100, threads) for threads in (2, 3, 8, 16)] == [4, 2, 1, 1]
    assert [cores.processes(3, tasks, 16) for tasks in (1, 2, 100)] == [1, 2, 3]
    assert cores.ahead(1, 1) == cores.ahead(7, 1) == cores.ahead(1, 7) == cores.AHEAD
    assert cores.ahead(8, 1) == cores.ahead(4, 2) == cores.ahead(1, 8) == cores.ahead(100, 1) == 0


def test_cores_are_those_of_the_control_group_too(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = cores.available()
    assert allowed >= 1
    for text, expected in (("max 100000", None), ("100000 100000", 1), ("50000 100000", 1), ("99900000 100000", None)):
        monkeypatch.setattr(Path, "read_text", lambda self, encoding, text=text: text)
        monkeypatch.setattr(cores.os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
        assert cores.available() == (6 if expected is None else expected)
