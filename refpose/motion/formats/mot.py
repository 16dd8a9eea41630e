"""MOT: angles over time, as OpenSim's motion files (``Coordinates``) have them, in degrees.

Missing angles are ``nan``: OpenSim's tables read them. Its older class Storage, that of its window, reads up to the
first one without a word, and knows no other way to write what is missing; `Export.remarks` tells of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np

from ...files import replacing
from ..angles import ANGLES, Stream, check_names
from ..recording import Recording
from .common import Options, Writer, lines

_COUNT = 10  # characters for the number of frames, which is known at the end only


@contextmanager
def create(path: Path, options: Options) -> Iterator[Writer]:
    """Write a MOT file of all `ANGLES`, continuous over time."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(f"Coordinates\nversion=1\nnRows={' ' * _COUNT}\n")
        file.write(f"nColumns={len(ANGLES) + 1}\ninDegrees=yes\n\nendheader\n")
        file.write("time\t" + "\t".join(ANGLES) + "\n")
        table = _Mot(file, options)
        yield table
        file.seek(len("Coordinates\nversion=1\nnRows="))
        file.write(f"{table.frames:<{_COUNT}d}")


class _Mot:
    def __init__(self, file: TextIO, options: Options) -> None:
        self._file, self._options = file, options
        self._stream: Stream | None = None
        self.frames = self._gaps = 0

    @property
    def remark(self) -> str:
        """What is to be said about gaps."""
        if not self._gaps:
            return ""
        rows = f"{self._gaps} of {self.frames} rows have missing angles (nan)"
        return f"MOT: {rows}; OpenSim's window reads up to the first; refpose export --fill-gaps fills short gaps"

    def write(self, block: Recording) -> None:
        if self._stream is None:
            check_names(block.keypoints)
            self._stream = Stream(block.keypoints, self._options.angles, facing=self._options.facing)
        degrees = self._stream.of(block)[:, 0]
        self._file.write(lines([block.time[:, None], degrees], ["%.6f", "%.6f"], nan="nan"))
        self.frames += len(block)
        self._gaps += int(np.isnan(degrees).any(axis=1).sum())
