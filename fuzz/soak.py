"""``python -m fuzz.soak``: many frames for a long time; the same bits, memory and descriptors flat.

One round is a small video in which a person moves, leaves, comes back and the picture changes its size. It is done
again and again by one `refpose.Pose`, by 8 threads and by 8 processes with one each, and, written as MP4 and CSV in
between, by what ``refpose video`` does. Every round must give the first one's bits.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .doors import ROOT

FRAMES = 200  # of a round
_GROWTH = 48 << 20  # bytes that memory may grow after the warm-up: what caches and fragments take
_WARM_UP = 3  # rounds


def frames() -> Iterator[NDArray[np.uint8]]:
    """The small video."""
    with Image.open(ROOT / "examples" / "astronaut.png") as picture:
        person = np.array(picture.convert("RGB").resize((120, 120)))
    for number in range(FRAMES):
        height, width = (132, 176) if number < FRAMES * 3 // 4 else (140, 164)
        frame = np.full((height, width, 3), (90, 110, 130), np.uint8)
        if not FRAMES // 3 <= number < FRAMES // 3 + 20:  # gone for a while
            left = round((width - 120) * (0.5 + 0.5 * np.sin(number / 9)))
            frame[height - 120 :, left : left + 120] = person
        yield frame


def one_round(model: str) -> str:
    """Hash of what is found in a round."""
    import refpose

    return _Round(refpose.Pose(model))()


class _Round:
    def __init__(self, pose: object) -> None:
        self._pose, self._frames = pose, list(frames())

    def __call__(self) -> str:
        digest, people = hashlib.sha256(), 0
        self._pose.reset()  # type: ignore[attr-defined]
        for number, frame in enumerate(self._frames):
            for person in self._pose.process(frame, timestamp=number / 25):  # type: ignore[attr-defined]
                people += 1
                for array in (person.landmarks, person.world_landmarks, person.visibility, person.presence):
                    digest.update(array.tobytes())
        return f"{people} people, {digest.hexdigest()[:16]}"


def _piece(folder: Path, model: str) -> Callable[[], str]:
    """A round of ``refpose video``: a clip is read, drawn on, written, and its table too."""
    import refpose
    from refpose import draw, tables, video

    clip = folder / "clip.mp4"
    with video.create(clip, 25) as writer:
        for number, frame in enumerate(frames()):
            writer.write(frame, number / 25)
    pose = refpose.Pose(model)

    def do() -> str:
        with tables.create(folder / "out.csv", "clip", {}) as table, video.create(folder / "out.mp4", 25) as writer:
            for found in video.process(clip, pose):
                table.write(found.index, found.time, found.people)
                for person in found.people:
                    draw.person(found.rgb, person)
                writer.write(found.rgb, found.time)
        return hashlib.sha256((folder / "out.csv").read_bytes()).hexdigest()[:16]

    return do


def used() -> tuple[int, int]:
    """Bytes of memory that are resident, and open descriptors."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize(), len(os.listdir("/proc/self/fd"))


def soak(name: str, do: Callable[[], str], seconds: float, frames_each: int = FRAMES) -> bool:
    """Repeat something; whether it gave the same each time and memory and descriptors stayed flat."""
    first, rounds, end = do(), 1, time.monotonic() + seconds
    before, most = used(), (0, 0)
    while time.monotonic() < end or rounds <= _WARM_UP:
        again = do()
        rounds += 1
        if again != first:
            print(f"{name}: round {rounds} gave {again}, the first one {first}")
            return False
        if rounds == _WARM_UP:
            before = used()
        most = max(most[0], used()[0]), max(most[1], used()[1])
    grown, opened = most[0] - before[0], most[1] - before[1]
    flat = grown <= _GROWTH and opened <= 0
    state = "flat" if flat else "NOT FLAT"
    print(
        f"{name:10}{rounds:6} rounds, {rounds * frames_each:9,} frames, the same bits; memory {grown / 2**20:+.1f} MB, "
        f"descriptors {opened:+d}: {state}",
        flush=True,
    )
    return flat


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("seconds", type=float, nargs="?", default=3600.0, help="for all parts together (%(default)s)")
    parser.add_argument("--model", default="lite", help="(%(default)s)")
    args = parser.parse_args()
    import refpose

    single = one_round(args.model)
    fine = True
    with ThreadPoolExecutor(8) as threads, ProcessPoolExecutor(8, get_context("spawn")) as processes:
        for name, pool in (("threads", threads), ("processes", processes)):
            found = list(pool.map(one_round, [args.model] * 8))
            fine &= set(found) == {single}
            print(
                f"8 {name}: {'the same bits' if set(found) == {single} else f'{found} instead of {single}'}", flush=True
            )
    fine &= soak("Pose", _Round(refpose.Pose(args.model)), args.seconds * 0.5)
    poses = [_Round(refpose.Pose(args.model)) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:

        def together() -> str:
            return " ".join(sorted(set(threads.map(lambda round_: round_(), poses))))

        fine &= soak("8 threads", together, args.seconds * 0.25, 8 * FRAMES)
    try:
        import av  # noqa: F401
    except ModuleNotFoundError:
        print("video: skipped, PyAV is not installed")
    else:
        with tempfile.TemporaryDirectory() as folder:
            fine &= soak("video", _piece(Path(folder), args.model), args.seconds * 0.25)
    return 0 if fine else 1


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main())
