"""``python -m fuzz.soak``: many frames for a long time; the same bits, memory and descriptors flat.

A round is a small video in which a person moves, leaves, comes back and the picture changes its size; a round of
several people is one into which three walk at different times and leave again. Both are done again and again, in turn:
by one estimator each, by 8 threads and by 8 processes with estimators of their own; and ``refpose video`` does
both videos piece by piece, with the annotated video and a table. Every round must give the first one's bits.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from threading import local
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refpose import cli, video
from refpose.blazepose import BlazePose

from .doors import ROOT

ALONE, CROWD = 600, 56  # frames of a round
RATE = 25  # frames per second
PIECES = 4  # that a video is done in
_GROWTH = 32 << 20  # bytes that memory may grow after the warm-up: what caches and fragments take
_WARM_UP = 3  # rounds
_HERE = local()  # the estimators of this thread


@cache
def _figure(size: int) -> NDArray[np.uint8]:
    with Image.open(ROOT / "examples" / "astronaut.png") as picture:
        return np.array(picture.convert("RGB").resize((size, size)))


def alone() -> Iterator[NDArray[np.uint8]]:
    """A person who comes and goes."""
    person = _figure(120)
    for number in range(ALONE):
        height, width = (132, 176) if number < ALONE * 3 // 4 else (140, 164)
        frame = np.full((height, width, 3), (90, 110, 130), np.uint8)
        if not ALONE // 3 <= number < ALONE // 3 + 20:  # gone for a while
            left = round((width - 120) * (0.5 + 0.5 * np.sin(number / 9)))
            frame[height - 120 :, left : left + 120] = person
        yield frame


def crowd() -> Iterator[NDArray[np.uint8]]:
    """Three people: each walks in, stands for a while, and is gone."""
    person = _figure(96)
    for number in range(CROWD):
        frame = np.full((112, 352, 3), (90, 110, 130), np.uint8)
        for place in range(3):
            since = number - 10 * place
            if 0 <= since < 30:
                left = 12 + 114 * place + round(6 * np.sin(since / 7))
                frame[16:, left : left + 96] = person if place % 2 else person[:, ::-1]
        yield frame


class Rounds:
    """An estimator for each of the two videos; called, does both and gives a hash of all that was found."""

    def __init__(self, model: Any) -> None:
        self.parts = (
            (BlazePose(model), list(alone())),
            (BlazePose(model, people=3), list(crowd())),
        )

    def __call__(self) -> str:
        return ", ".join(self.one(part) for part in range(len(self.parts)))

    def one(self, part: int) -> str:
        pose, frames = self.parts[part]
        digest, ids, seen = hashlib.sha256(), set(), 0
        pose.reset()
        for number, frame in enumerate(frames):
            for person in pose.process(frame, timestamp=number / RATE):
                seen += 1
                ids.add(person.id)
                digest.update(str(person.id).encode())
                digest.update(person.landmarks.tobytes() + person.world_landmarks.tobytes())
                digest.update(person.visibility.tobytes() + person.presence.tobytes())
        return f"{seen} times {len(ids)} people {digest.hexdigest()[:16]}"


class Used(NamedTuple):
    """What a process has.

    Attributes
    ----------
    memory : int
        Bytes that are resident.
    descriptors : int
        Open files.
    """

    memory: int
    descriptors: int

    @classmethod
    def now(cls) -> Used:
        """This process, less what the allocator (glibc's) keeps for later in the arenas of its threads."""
        getattr(ctypes.CDLL(None), "malloc_trim", int)(0)
        with open("/proc/self/statm") as file:
            return cls(int(file.read().split()[1]) * resource.getpagesize(), len(os.listdir("/proc/self/fd")))


def most(several: Iterable[Used]) -> Used:
    """The most of each."""
    return Used(*map(max, zip(*several, strict=True)))


def mine(model: str) -> tuple[str, Used]:
    """A round by the estimators of this thread, in whichever process."""
    if not hasattr(_HERE, "rounds"):
        _HERE.rounds = Rounds(model)
    return _HERE.rounds(), Used.now()


class Pieces:
    """Both videos as files, each done by ``refpose video`` in pieces; called, gives a hash of the results."""

    def __init__(self, folder: Path, model: str) -> None:
        self.folder = folder
        self.common = ["-o", str(folder / "out"), "--csv", "--force", "--model", model]
        for name, frames in (("alone", alone()), ("crowd", crowd())):
            with video.create(folder / f"{name}.mp4", RATE) as writer:
                for number, frame in enumerate(frames):
                    writer.write(frame[:112, :160] if name == "alone" else frame, number / RATE)

    def __call__(self) -> str:
        digest = hashlib.sha256()
        for name, frames, options in (("alone", ALONE, []), ("crowd", CROWD, ["--people", "all"])):
            for piece in range(PIECES):
                start, end = (frames * k // PIECES / RATE for k in (piece, piece + 1))
                command = ["video", str(self.folder / f"{name}.mp4"), *self.common, *options]
                with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
                    code = cli.main([*command, "--start", str(start), "--end", str(end)])
                digest.update(str(code).encode())
                for ending in (".csv", ".mp4"):
                    digest.update((self.folder / "out" / (name + ending)).read_bytes())
        return digest.hexdigest()[:16]


@dataclass
class Part:
    """Something that is repeated.

    Attributes
    ----------
    do : callable
        Gives what was found, once for everybody who did it, and what their processes used.
    frames : int
        Of one time.
    """

    do: Callable[[], tuple[list[str], Used]]
    frames: int
    expected: str | None = None
    times: int = 0
    used: list[Used] = field(default_factory=list)

    def __call__(self) -> str:
        """Do it once; say what is wrong."""
        found, used = self.do()
        self.times += 1
        self.used.append(used)
        self.expected = self.expected or found[0]
        return "" if set(found) == {self.expected} else f"round {self.times} gave {found}, not {self.expected}"

    @property
    def growth(self) -> Used:
        """How much more was used than after the warm-up, at most."""
        first, later = self.used[: _WARM_UP + 1][-1], most(self.used[_WARM_UP:] or self.used[-1:])
        return Used(later.memory - first.memory, later.descriptors - first.descriptors)


def repeat(parts: dict[str, Part], seconds: float, every: float) -> list[str]:
    """Do all parts in turn for some time, and say every so often how it stands; what was wrong."""
    begun = said = time.monotonic()
    end = begun + seconds
    while time.monotonic() < end or min(part.times for part in parts.values()) <= _WARM_UP:
        for name, part in parts.items():
            if time.monotonic() > end and part.times > _WARM_UP:
                continue
            if wrong := part():
                return [f"{name}: {wrong}"]
        if (now := time.monotonic()) >= said + every:
            said = now
            frames = sum(part.frames * part.times for part in parts.values())
            used = ", ".join(f"{name} {part.used[-1].memory / 2**20:.1f}" for name, part in parts.items())
            opened = "/".join(str(part.used[-1].descriptors) for part in parts.values())
            print(f"{now - begun:6.0f} s {frames:9,} frames; MB: {used}; descriptors {opened}", flush=True)
    return [
        f"{name}: memory or descriptors grew"
        for name, part in parts.items()
        if part.growth.memory > _GROWTH or part.growth.descriptors > 0
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("seconds", type=float, nargs="?", default=3600.0, help="for all parts together (%(default)s)")
    parser.add_argument("--model", default="lite", help="(%(default)s)")
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two lines (%(default)s)")
    args = parser.parse_args()
    rounds, all_frames = Rounds(args.model), ALONE + CROWD
    first = rounds()
    one_person, people = (rounds.one(part) for part in range(2))
    print(f"one person: {one_person}; several: {people}", flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(8) as threads,
        ProcessPoolExecutor(8, get_context("spawn")) as processes,
    ):

        def in_threads() -> tuple[list[str], Used]:
            found = [text for text, _ in threads.map(mine, [args.model] * 8)]
            return found, Used.now()  # what was seen meanwhile has the descriptors of others who look

        def in_processes() -> tuple[list[str], Used]:
            found = list(processes.map(mine, [args.model] * 8))
            return [text for text, _ in found], most(used for _, used in found)

        def here(do: Callable[[], str]) -> Callable[[], tuple[list[str], Used]]:
            return lambda: ([do()], Used.now())

        parts = {
            "Pose": Part(here(lambda: rounds.one(0)), ALONE, one_person),
            "people": Part(here(lambda: rounds.one(1)), CROWD, people),
            "8 threads": Part(in_threads, 8 * all_frames, first),
            "8 processes": Part(in_processes, 8 * all_frames, first),
        }
        if find_spec("av") is None:
            print("refpose video: skipped, PyAV is not installed")
        else:
            parts["refpose video"] = Part(here(Pieces(Path(folder), args.model)), all_frames)
        wrong = repeat(parts, args.seconds, args.every)
    for name, part in parts.items():
        grown = part.growth
        print(
            f"{name:14}{part.times:7,} times, {part.times * part.frames:9,} frames; after the warm-up "
            f"memory {grown.memory / 2**20:+.1f} MB at most, descriptors {grown.descriptors:+d}"
        )
    frames = sum(part.times * part.frames for part in parts.values())
    print(f"{frames:,} frames: {'; '.join(wrong) or 'the same bits, memory and descriptors flat'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main())
