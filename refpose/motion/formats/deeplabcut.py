"""DeepLabCut's tables of x, y and likelihood, as CSV and HDF5 (read by DeepLabCut, movement, Pose2Sim).

One person has three lines of header (scorer, bodyparts, coords), several have a fourth (individuals: person0, person1
...). Every frame from 0 on has a row; missing numbers are empty. Likelihood is the visibility. (sleap-io reads
labels of DeepLabCut's projects, whose rows are named after pictures, but no rows of videos.)
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...extras import require
from ...tables.patient import hdf5_file
from ...tables.text import plain_cell
from ..skeletons import joints_of, to_skeleton
from .common import Gathered, Options, Writer, gathering, lines

SCORER = "refpose"
_KEY = "df_with_missing"
_COLUMNS = ("x_px", "y_px", "visibility")
_COORDS = ("x", "y", "likelihood")


def create(path: Path, options: Options) -> AbstractContextManager[Writer]:
    """Write CSV at the end, when all people are known; until then frames are kept in a file."""
    return gathering(path, _COLUMNS, lambda temporary, gathered: _write_csv(temporary, gathered, options))


def create_hdf5(path: Path, options: Options) -> AbstractContextManager[Writer]:
    """Write HDF5 (pandas' and PyTables', key ``df_with_missing``) at the end; until then frames are kept in a file."""
    return gathering(path, _COLUMNS, lambda temporary, gathered: _write_hdf5(temporary, gathered, options))


def _header(people: Sequence[int], keypoints: Sequence[str]) -> dict[str, Sequence[str]]:
    """The lines of the header by their names."""
    each = len(keypoints) * len(_COORDS)
    header: dict[str, Sequence[str]] = {"scorer": [SCORER] * (each * len(people))}
    if len(people) > 1:
        header["individuals"] = [f"person{number}" for number in people for _ in range(each)]
    header["bodyparts"] = [name for name in keypoints for _ in _COORDS] * len(people)
    header["coords"] = list(_COORDS) * (len(keypoints) * len(people))
    return header


def _numbers(gathered: Gathered, options: Options) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Frames and their numbers (F, people * keypoints * 3), some thousand at a time."""
    for block in gathered.blocks():
        if options.skeleton is not None:
            block = to_skeleton(block, options.skeleton)
        for start in range(0, max(len(block), 1), 1024):
            part = block.take(slice(start, start + 1024))
            numbers = np.full((len(part), len(gathered.people), *part.values.shape[2:]), np.nan)
            numbers[:, [gathered.people.index(number) for number in part.people]] = part.values
            yield part.frame, numbers.reshape(len(part), math.prod(numbers.shape[1:]))


def _keypoints(gathered: Gathered, options: Options) -> tuple[str, ...]:
    return gathered.keypoints if options.skeleton is None else joints_of(options.skeleton)


def _write_csv(path: Path, gathered: Gathered, options: Options) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for name, line in _header(gathered.people, _keypoints(gathered, options)).items():
            writer.writerow([name, *map(plain_cell, line)])
        for frame, numbers in _numbers(gathered, options):
            file.write(lines([frame[:, None], numbers], ["%d", "%.9g"], nan="", separator=","))


def _write_hdf5(path: Path, gathered: Gathered, options: Options) -> None:
    """Write the rows into the layout that pandas gives a table of one row."""
    header = _header(gathered.people, _keypoints(gathered, options))
    with hdf5_file(path) as (file, check):
        _lay_out(file, header)
        table, rows, done = file[_KEY], len(gathered), 0
        index, values = (_with_rows(table, name, rows) for name in ("axis1", "block0_values"))
        for frame, numbers in _numbers(gathered, options):
            part = slice(done, done + len(frame))
            index[part], values[part], done = frame, numbers, part.stop
            check()


def _lay_out(file: Any, header: dict[str, Sequence[str]]) -> None:
    """Put a table of one row into an HDF5 file."""
    import h5py

    pandas = require("pandas", "deeplabcut")
    columns = pandas.MultiIndex.from_arrays(list(header.values()), names=list(header))
    row = pandas.DataFrame(np.zeros((1, len(columns))), index=np.zeros(1, np.int64), columns=columns)
    with pandas.HDFStore(path="row", mode="w", driver="H5FD_CORE", driver_core_backing_store=0) as store:
        store.put(_KEY, row, format="fixed", track_times=False)
        store.flush()
        image = store._handle.get_file_image()
    with h5py.File(io.BytesIO(image), "r") as made:
        made.copy(_KEY, file)
        _copy_attributes(made, file)


def _with_rows(table: Any, name: str, rows: int) -> Any:
    """Give an array of a table so many rows."""
    old = table[name]
    del table[name]
    new = table.create_dataset(name, (rows, *old.shape[1:]), old.dtype)
    _copy_attributes(old, new)
    return new


def _copy_attributes(old: Any, new: Any) -> None:
    """Copy attributes as they are, with their types."""
    for name in old.attrs:
        attribute = old.attrs.get_id(name)
        new.attrs.create(name, old.attrs[name], attribute.shape, attribute.dtype)
