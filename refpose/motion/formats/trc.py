"""TRC: trajectories of markers, as Motion Analysis' programs write them and OpenSim reads them.

y points up, x to the picture's right, z towards the camera. Missing markers are empty cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ...files import printable, replacing
from ...messages import one_line
from ...topology import LANDMARK_NAMES
from ..recording import Recording
from ..skeletons import joints_of, to_skeleton
from .common import Options, Writer, lines, marker_names, upright

_COUNT = 10  # characters for the number of frames, which is known at the end only


@contextmanager
def create(path: Path, options: Options) -> Iterator[Writer]:
    """Write a TRC file; frames are numbered from 1, the first one of the recording, whoever is on it."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        table = _Trc(file, one_line(printable(path.name)), options)
        yield table
        table.finish()


class _Trc:
    def __init__(self, file: TextIO, name: str, options: Options) -> None:
        self._file, self._name, self._options = file, name, options
        self._rate, self._frames = 0.0, 0

    def write(self, block: Recording) -> None:
        if self._options.skeleton is not None:
            block = to_skeleton(block, self._options.skeleton)
        if not self._rate:
            rate = self._options.rate or (block.rate if len(block) > 1 else 30.0)
            self._begin(block.keypoints, rate, int(block.frame[0]) + 1)
        millimetres = self._options.unit == "mm"
        points = upright(block, self._options, millimetres)
        columns = [block.frame[:, None] + 1.0, block.time[:, None], points.reshape(len(block), -1)]
        text = lines(columns, ["%d", "%.6f", "%.4f" if millimetres else "%.7f"], nan="")
        self._file.write(text.replace("\n", "\t\n"))  # OpenSim does not count an empty last cell without the tab
        self._frames += len(block)

    def _begin(self, names: tuple[str, ...], rate: float, first: int = 1) -> None:
        self._rate = rate
        shown = f"{rate:.6f}".rstrip("0").rstrip(".")
        count = " " * _COUNT
        self._file.write(f"PathFileType\t4\t(X/Y/Z)\t{self._name}\n")
        self._file.write(
            "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n"
        )
        self._file.write(f"{shown}\t{shown}\t")
        self._counts = [self._file.tell()]
        self._file.write(f"{count}\t{len(names)}\t{self._options.unit}\t{shown}\t{first}\t")
        self._counts.append(self._file.tell())
        self._file.write(f"{count}\n")
        markers = marker_names(names, self._options)
        self._file.write("Frame#\tTime\t" + "\t\t\t".join(markers) + "\t\t\t\n")
        axes = "\t".join(f"X{k}\tY{k}\tZ{k}" for k in range(1, len(names) + 1))
        self._file.write(f"\t\t{axes}\t\n\n")

    def finish(self) -> None:
        """Fill in the number of frames."""
        if not self._rate:
            self._begin(joints_of(self._options.skeleton or LANDMARK_NAMES), self._options.rate or 30.0)
        for place in self._counts:
            self._file.seek(place)
            self._file.write(f"{self._frames:<{_COUNT}d}")
