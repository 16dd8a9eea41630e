"""C3D, the binary format of motion capture: y up, x to the picture's right, z towards the camera.

Missing points have the residual -1, as the format wants it. A file holds `MOST_FRAMES`. It has no times, so it begins
with the first frame of the recording; until the person comes, all points are missing.

ezc3d writes header and parameters. It wants all frames in memory, several times, so frames are put behind them as they
come: four float32 for each point, x, y, z and the residual (https://www.c3d.org/HTML/Documents/3ddatafloating.htm).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...extras import require
from ...files import discard, replacing, temporary_name
from ...topology import LANDMARK_NAMES
from ..recording import Recording
from ..skeletons import joints_of, to_skeleton
from .common import Options, Writer, marker_names, upright

MOST_FRAMES = 65535
"""The header has two bytes for the number of the last frame; ezc3d reads no more than they say."""

_FRAMES_AT_ONCE = 1024
_BLOCK = 512  # bytes, of which files consist
_LAST_FRAME = 8  # where its number stands in the header
_FRAMES = b"FRAMES\x07\0\x02\0"  # what stands before the parameter POINT:FRAMES: its name, 7 bytes to go, 2 each, one


@contextmanager
def create(path: Path, options: Options) -> Iterator[Writer]:
    """Write a C3D file; frames are numbered from 1."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        markers = _C3d(file, options)
        yield markers
        markers.finish()


class _C3d:
    def __init__(self, file: BinaryIO, options: Options) -> None:
        self._file, self._options = file, options
        self._head, self._frames = b"", 0
        self._names = joints_of(options.skeleton or LANDMARK_NAMES)

    def write(self, block: Recording) -> None:
        if self._options.skeleton is not None:
            block = to_skeleton(block, self._options.skeleton)
        if not self._head:
            self._begin(block.keypoints, self._options.rate or (block.rate if len(block) > 1 else 30.0))
            for start in range(0, int(block.frame[0]), _FRAMES_AT_ONCE):
                count = min(int(block.frame[0]) - start, _FRAMES_AT_ONCE)
                self._add(np.full((count, len(self._names), 3), np.nan))
        self._add(upright(block, self._options, self._options.unit == "mm"))

    def _begin(self, names: tuple[str, ...], rate: float) -> None:
        """Write header and parameters: those of a file of one frame."""
        self._names = names
        c3d = require("ezc3d", "c3d").c3d()
        point = c3d["parameters"]["POINT"]
        point["UNITS"]["value"] = [self._options.unit]
        point["RATE"]["value"] = [rate]
        point["LABELS"]["value"] = marker_names(names, self._options)
        c3d.add_parameter("POINT", "X_SCREEN", "+X")
        c3d.add_parameter("POINT", "Y_SCREEN", "+Y")
        c3d["data"]["points"] = np.ones((4, len(names), 1))
        one = temporary_name(Path("one.c3d"), elsewhere=True)  # ezc3d takes no folder whose name is no UTF-8
        try:
            c3d.write(str(one))
            written = one.read_bytes()
        finally:
            discard(one)
        self._head = written[: _BLOCK * (int.from_bytes(written[16:18], "little") - 1)]
        self._file.write(self._head)

    def _add(self, points: NDArray[np.float64]) -> None:
        """Add the frames of some points (F, K, 3)."""
        there = ~np.isnan(points).any(axis=2, keepdims=True)
        numbers = np.concatenate([np.where(there, points, 0.0), np.where(there, 0.0, -1.0)], axis=2)
        self._file.write(numbers.astype("<f4").tobytes())
        self._frames += len(points)

    def finish(self) -> None:
        """Fill in the number of frames; ezc3d reads no file without any, so there is one on which all is missing."""
        if not self._frames:
            if not self._head:
                self._begin(self._names, self._options.rate or 30.0)
            self._add(np.full((1, len(self._names), 3), np.nan))
        self._file.write(bytes(-self._file.tell() % _BLOCK))
        for place in (_LAST_FRAME, self._head.index(_FRAMES) + len(_FRAMES)):
            self._file.seek(place)
            self._file.write(self._frames.to_bytes(2, "little"))
