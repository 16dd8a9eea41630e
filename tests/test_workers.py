"""Calls that are shared out: order, errors, forks; and people, who come out the same however many threads work."""

from __future__ import annotations

import multiprocessing
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from golden_data import assert_same, landmark_arrays
from PIL import Image

from refpose import Pose
from refpose.engine import resolve
from refpose.engine.workers import Workers
from refpose.images import read_image
from refpose.tasks import TasksPose


def test_results_come_in_order_and_from_several_threads() -> None:
    together = threading.Barrier(3, timeout=60)
    who = set()

    def slow(number: int) -> int:
        who.add(threading.get_ident())
        if number < 3:
            together.wait()  # three of them run at the same time
        return number * number

    assert Workers(3).map(slow, range(10)) == [number * number for number in range(10)]
    assert len(who) == 3
    assert Workers(1).map(lambda _: threading.get_ident(), range(4)) == [threading.get_ident()] * 4
    assert Workers(4).map(str, []) == []


@pytest.mark.parametrize("bad", [0, 1, 2, 3])
def test_an_error_is_raised_when_nobody_works_any_more(bad: int) -> None:
    workers, running = Workers(2), []

    def call(number: int) -> int:
        running.append(number)
        try:
            if number == bad:
                raise MemoryError(f"no room for {number}")
            return number
        finally:
            running.remove(number)

    for _ in range(20):
        with pytest.raises(MemoryError, match=f"no room for {bad}"):
            workers.map(call, range(4))
        assert running == []
    assert workers.map(call, range(4, 8)) == [4, 5, 6, 7]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_starts_threads_of_its_own() -> None:
    workers = Workers(2)
    assert workers.map(abs, [-1, -2, -3]) == [1, 2, 3]
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=lambda: os._exit(workers.map(abs, [-1, -2, -3]) != [1, 2, 3]))
    child.start()
    child.join(60)
    assert child.exitcode == 0


@pytest.fixture(scope="module")
def frames(astronaut: Path) -> list[np.ndarray]:
    """Three people, then two, then three of whom one is somewhere else, on frames of two sizes."""
    person = np.asarray(Image.fromarray(read_image(astronaut)).resize((256, 256), Image.Resampling.LANCZOS))
    places = [(10, 320, 630), (12, 322, 632), (12, 322), (14, 324), (14, 324, 630), (0,), (10, 320, 630)]
    found = []
    for number, columns in enumerate(places):
        frame = np.full((300 + number % 2, 900, 3), 128, np.uint8)
        for i, x in enumerate(columns):
            frame[30:286, x : x + 256] = person[:, ::-1] if i % 2 else person
        found.append(frame)
    return found


@pytest.mark.skipif(resolve("auto") != "native", reason="only the native engine has threads")
@pytest.mark.parametrize("kind", ["video", "image", "tasks"])
def test_threads_change_no_bit(kind: str, frames: list[np.ndarray]) -> None:
    def make(threads: int) -> Pose:
        if kind == "tasks":
            return TasksPose("lite", "video", 3, "1.2.3", segmentation=True, threads=threads)
        return Pose("lite", kind, people=3, segmentation=True, detect_every=2, threads=threads)  # type: ignore[arg-type]

    poses = [make(threads) for threads in (1, 2, 3, 4)]
    counts = []
    for number, frame in enumerate(frames):
        first, *others = (pose.process(frame, number / 30) for pose in poses)
        counts.append(len(first))
        for people in others:
            assert [person.id for person in people] == [person.id for person in first]
            for mine, theirs in zip(people, first, strict=True):
                for name, values in landmark_arrays(theirs).items():
                    np.testing.assert_array_equal(landmark_arrays(mine)[name], values, err_msg=name)
                assert_same(mine.segmentation_mask, theirs.segmentation_mask)
                assert (mine.roi, mine.next_roi, mine.score) == (theirs.roi, theirs.next_roi, theirs.score)
    assert max(counts) >= 2
    assert len(set(counts)) > 1
