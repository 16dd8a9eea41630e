"""HDF5 tables: arrays in which every frame has its place."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import reading
from ..files import printable, replacing
from .form import FRAMES_AT_ONCE, Form, Table, numbers
from .patient import hdf5_file

if TYPE_CHECKING:
    from ..person import Person

Numbered = dict[int, NDArray[np.float32]]  # of each person, by number


@contextmanager
def write_hdf5(path: str | os.PathLike[str], form: Form) -> Iterator[Table]:
    """Write HDF5.

    ``keypoints`` (frames, people, keypoints, values) float32, NaN where nobody was found, ``frame`` (frames) int64,
    ``time_s`` (frames) float64, ``keypoint_names`` and ``value_names``; with angles ``angles`` (frames, people, angles)
    float32 and ``angle_names``; in a table of many sources ``source`` (frames); attributes ``source`` and ``refpose``.
    """
    with replacing(path) as temporary, hdf5_file(temporary) as (file, check):
        file.attrs["source"] = form.source
        file.attrs["refpose"] = json.dumps(form.metadata)
        file["keypoint_names"] = list(form.names)
        file["value_names"] = list(form.values)
        if form.angles:
            file["angle_names"] = list(form.angles)
        table = _Arrays(file, check, form)
        yield table
        table.flush()


class _Arrays:
    """The growing arrays of an HDF5 file."""

    def __init__(self, file: Any, check: Callable[[], None], form: Form) -> None:
        self._file, self._check, self._form = file, check, form
        self._create("frame", np.int64)
        self._create("time_s", np.float64)
        self._create("keypoints", np.float32, len(form.names), len(form.values))
        if form.angles:
            self._create("angles", np.float32, len(form.angles))
        self._people = 1
        self._waiting: list[tuple[int, float, Numbered, Numbered, str | None]] = []

    def _create(self, name: str, dtype: Any, *one: int) -> None:
        """Make an array that grows: a number for each frame, or `one` array for each frame and person."""
        if not one:
            self._file.create_dataset(name, (0,), dtype, maxshape=(None,), chunks=(FRAMES_AT_ONCE,))
            return
        self._file.create_dataset(
            name,
            (0, 1, *one),
            dtype,
            maxshape=(None, None, *one),
            chunks=(FRAMES_AT_ONCE, 1, *one),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
            fillvalue=np.nan,
        )

    def write(
        self,
        frame: int,
        time: float,
        people: Sequence[Person],
        angles: ArrayLike | None = None,
        source: str | None = None,
    ) -> None:
        tables = [numbers(person, self._form.values) for person in people]
        ids = self._form.ids(people)[: len(tables)]
        found, turned = dict(zip(ids, tables, strict=True)), Numbered()
        if self._form.angles:
            turned = dict(zip(ids, self._form.degrees(angles, len(tables)), strict=True))
        self._waiting.append((frame, time, found, turned, None if source is None else printable(source)))
        if len(self._waiting) == FRAMES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write the frames that were gathered."""
        if not self._waiting:
            return
        frame, time, found, degrees, sources = zip(*self._waiting, strict=True)
        self._people = max(self._people, *(max(people, default=0) + 1 for people in found))
        self._append("frame", frame)
        self._append("time_s", time)
        self._append("keypoints", self._stacked(found, len(self._form.names), len(self._form.values)))
        if self._form.angles:
            self._append("angles", self._stacked(degrees, len(self._form.angles)))
        if sources[0] is not None:
            if "source" not in self._file:
                import h5py

                self._create("source", h5py.string_dtype())
            self._append("source", sources)
        self._waiting = []
        self._check()

    def _stacked(self, rows: Sequence[Numbered], *one: int) -> NDArray[np.float32]:
        """The numbers of some frames, each person's at their number, NaN where somebody was not seen."""
        if (size := 4 * math.prod((len(rows), self._people, *one))) > reading.limit():
            raise ValueError(
                f"a person has the number {self._people - 1:,}, and HDF5 tables have room for everybody up to it: "
                f"{len(rows)} frames would take {size:,} bytes (REFPOSE_MAX_BYTES raises this bound)"
            )
        block = np.full((len(rows), self._people, *one), np.nan, np.float32)
        for place, row in zip(block, rows, strict=True):
            for number, values in row.items():
                place[number] = values
        return block

    def _append(self, name: str, new: Any) -> None:
        """Let an array grow by what some frames have."""
        dataset = self._file[name]
        done = len(dataset)
        dataset.resize((done + len(new), self._people, *dataset.shape[2:])[: dataset.ndim])
        dataset[done:] = new
