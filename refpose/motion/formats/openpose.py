"""OpenPose's JSON: what ``--write_json`` writes, a file for each frame; and the same objects in one file.

Numbers are x and y in pixels and the confidence, which is the visibility; 0, 0, 0 stands for what is missing. People
are in the order of their numbers; frames without anybody have none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ...files import discard, move, replacing, temporary_folder
from ..recording import Recording
from ..skeletons import to_skeleton
from .common import Options, Writer

_OTHERS = (
    *("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d"),
    *("pose_keypoints_3d", "face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d"),
)


@contextmanager
def create(path: Path, options: Options) -> Iterator[Writer]:
    """Write a folder of files NAME_000000000000_keypoints.json, in the order BODY_25 unless another is named."""
    temporary = temporary_folder(path.parent)
    start = os.path.join(temporary, path.name.removesuffix(".openpose") + "_")
    try:

        def add(frame: int, time: float, people: list[str]) -> None:
            text = f'{{"version": 1.3, "people": [{", ".join(people)}]}}\n'
            rest = memoryview(text.encode())
            with open(f"{start}{frame:012d}_keypoints.json", "xb", buffering=0) as file:  # half of the system's calls
                while rest:
                    rest = rest[file.write(rest) :]

        yield _OpenPose(add, options)
        move(temporary, path)
    finally:
        discard(temporary)


@contextmanager
def create_one(path: Path, options: Options) -> Iterator[Writer]:
    """Write one file: an array with an object for each frame, with its number ``frame`` and ``time_s`` too."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        separator = "[\n"

        def add(frame: int, time: float, people: list[str]) -> None:
            nonlocal separator
            stamp = "null" if np.isnan(time) else repr(float(time))
            head = f'"version": 1.3, "frame": {frame}, "time_s": {stamp}'
            file.write(f'{separator}{{{head}, "people": [{", ".join(people)}]}}')
            separator = ",\n"

        yield _OpenPose(add, options)
        file.write("[]\n" if separator == "[\n" else "\n]\n")


class _OpenPose:
    def __init__(self, add: Callable[[int, float, list[str]], None], options: Options) -> None:
        self._add, self._skeleton = add, options.skeleton or "body25"
        self._rest = ", ".join(f"{json.dumps(name)}: []" for name in _OTHERS)

    def write(self, block: Recording) -> None:
        block = to_skeleton(block, self._skeleton)
        there = block.found
        numbers = block.column("x_px", "y_px", "visibility").astype(np.float64)
        numbers[np.isnan(numbers[..., :2]).any(axis=-1)] = 0.0
        numbers[np.isnan(numbers)] = 0.0
        flat = numbers.reshape(*numbers.shape[:2], 3 * len(block.keypoints)).tolist()
        template = ", ".join(["%.4f", "%.4f", "%.6f"] * len(block.keypoints))
        for k, (frame, time) in enumerate(zip(block.frame.tolist(), block.time.tolist(), strict=True)):
            people = [
                f'{{"person_id": [{number}], "pose_keypoints_2d": [{template % tuple(flat[k][p])}], {self._rest}}}'
                for p, number in enumerate(block.people)
                if there[k, p]
            ]
            self._add(frame, time, people)
