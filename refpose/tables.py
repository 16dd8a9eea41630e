"""Keypoints of videos as tables on disk: CSV, JSON, Parquet and HDF5, written as the frames come.

CSV, JSON and Parquet are tidy: a row per keypoint with the columns `COLUMNS`; or wide: a row per person with columns
``nose_x_px``, ``nose_y_px`` ... Frames on which nobody was found have no rows. HDF5 holds arrays instead, in which
every frame has its place and NaN stands for nobody.

Numbers are float32; as text they have as many digits as it takes to read the very same float32 back.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .extras import require
from .files import replacing
from .topology import LANDMARK_NAMES

if TYPE_CHECKING:
    from .pose import Person

KEYS = ("source", "frame", "time_s", "person")
"""The video, the number of its frame from 0, the frame's time in seconds, the number of the person on it from 0."""

VALUES = ("x_px", "y_px", "z", "xw_m", "yw_m", "zw_m", "visibility", "presence")
"""Pixels of the upright frame; depth from the middle of the hips in fractions of the frame's width, smaller towards the
camera; metres from the middle of the hips; probabilities."""

COLUMNS = (*KEYS, "keypoint", *VALUES)

_FRAMES_AT_ONCE = 256  # rows of so many frames are gathered for one chunk of HDF5 or row group of Parquet


class Table(Protocol):
    """A table that is being written."""

    def write(self, frame: int, time: float, people: Sequence[Person]) -> None:
        """Add what was found on a frame.

        Parameters
        ----------
        frame : int
            Number of the frame, from 0.
        time : float
            In seconds.
        people : sequence of Person
            Empty when nobody was found.
        """


def values(person: Person) -> NDArray[np.float32]:
    """Give the numbers of a person: float32, a row per keypoint, a column for each of `VALUES`."""
    return np.column_stack(
        (
            person.landmarks_px[:, :2],
            person.landmarks[:, 2],
            person.world_landmarks,
            person.visibility,
            person.presence,
        )
    )


def create(
    path: str | os.PathLike[str],
    source: str,
    metadata: Mapping[str, Any],
    wide: bool = False,
    names: Sequence[str] = LANDMARK_NAMES,
) -> AbstractContextManager[Table]:
    """Write a table; it appears under its name when the block is left, whole or not at all.

    Parameters
    ----------
    path : path-like
        The file; its ending says which kind: one of `KINDS`.
    source : str
        What stands in the column ``source``.
    metadata : mapping
        How the table came about, for the kinds that have room for it: Parquet (key ``refpose`` of the schema) and HDF5
        (attribute ``refpose``), as JSON.
    wide : bool
        A row per person instead of one per keypoint. HDF5 has no rows.
    names : sequence of str
        Of the key points that the people to come have.

    Returns
    -------
    context manager that gives a Table

    Raises
    ------
    MissingExtra
        When a Parquet file is asked for and pyarrow is not installed.
    OSError
        When the file cannot be written, for example because the disk is full; what was there before stays.
    ValueError
        When the ending is none of `KINDS`.
    """
    kind = Path(path).suffix.lower()
    if kind not in KINDS:
        raise ValueError(f"{os.fspath(path)}: a table is written to a file that ends in one of {' '.join(KINDS)}")
    return KINDS[kind](path, source, metadata, wide, names)


class _Rows:
    """The form of the rows.

    Attributes
    ----------
    columns : tuple of str
    """

    def __init__(self, source: str, wide: bool, names: Sequence[str]) -> None:
        self._source, self._wide, self._names = source, wide, names
        flat = tuple(f"{name}_{value}" for name in names for value in VALUES)
        self.columns = (*KEYS, *flat) if wide else COLUMNS

    def text(self, frame: int, time: float, people: Sequence[Person], nan: str) -> Iterator[list[Any]]:
        """Give the rows of a frame, float32 as text with `nan` for what is missing."""
        for number, person in enumerate(people):
            table = values(person)
            words = np.where(np.isnan(table), nan, table.astype(str)).tolist()
            if self._wide:
                yield [self._source, frame, time, number, *(word for row in words for word in row)]
            else:
                for name, row in zip(self._names, words, strict=True):
                    yield [self._source, frame, time, number, name, *row]


@contextmanager
def _csv(
    path: str | os.PathLike[str], source: str, metadata: Mapping[str, Any], wide: bool, names: Sequence[str]
) -> Iterator[Table]:
    """Write CSV (RFC 4180, UTF-8); NaN is an empty field. Texts that look like formulas are quoted (`plain_cell`)."""
    rows = _Rows(plain_cell(source), wide, [plain_cell(name) for name in names])
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(rows.columns)
        yield _TextTable(lambda frame, time, people: writer.writerows(rows.text(frame, time, people, "")))


def plain_cell(text: str) -> str:
    """The text for a cell of a CSV file, after a single quote where spreadsheets would compute it as a formula.

    Names of files and joints come from outside; OWASP's "CSV Injection" lists the beginnings.
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@contextmanager
def _json(
    path: str | os.PathLike[str], source: str, metadata: Mapping[str, Any], wide: bool, names: Sequence[str]
) -> Iterator[Table]:
    """Write JSON: an array with an object per row, each on a line; NaN is null."""
    rows = _Rows(source, wide, names)
    keys = [json.dumps(column) for column in rows.columns]
    named = 4 if wide else 5  # the columns that hold no float32

    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        separator = "[\n"

        def write(frame: int, time: float, people: Sequence[Person]) -> None:
            nonlocal separator
            for row in rows.text(frame, time, people, "null"):
                cells = [*(json.dumps(cell, ensure_ascii=False) for cell in row[:named]), *row[named:]]
                file.write(separator + "{" + ", ".join(map("{}: {}".format, keys, cells)) + "}")
                separator = ",\n"

        yield _TextTable(write)
        file.write("[]\n" if separator == "[\n" else "\n]\n")


class _TextTable:
    """A table whose rows go to the file at once."""

    def __init__(self, write: Callable[[int, float, Sequence[Person]], None]) -> None:
        self._write = write

    def write(self, frame: int, time: float, people: Sequence[Person]) -> None:
        self._write(frame, time, people)


@contextmanager
def _parquet(
    path: str | os.PathLike[str], source: str, metadata: Mapping[str, Any], wide: bool, names: Sequence[str]
) -> Iterator[Table]:
    """Write Parquet: the row groups are those of `_FRAMES_AT_ONCE` frames with people."""
    pa = require("pyarrow", "parquet")
    parquet = require("pyarrow.parquet", "parquet")
    types = {"frame": pa.int64(), "time_s": pa.float64(), "person": pa.int32()}
    types |= {"source": pa.string(), "keypoint": pa.string()}
    columns = _Rows(source, wide, names).columns
    schema = pa.schema(
        [(column, types.get(column, pa.float32())) for column in columns], metadata={"refpose": json.dumps(metadata)}
    )
    with replacing(path) as temporary, parquet.ParquetWriter(temporary, schema) as writer:

        def flush(frames: list[tuple[int, float, int]], tables: list[NDArray[np.float32]]) -> None:
            numbers = np.concatenate([table.reshape(1, -1) if wide else table for table in tables])
            each = 1 if wide else len(names)
            frame, time, person = (np.repeat(column, each) for column in zip(*frames, strict=True))
            named = [[source] * len(numbers), frame, time, person.astype(np.int32)]
            if not wide:
                named.append(list(names) * len(tables))
            writer.write_table(pa.table([*named, *numbers.T.copy()], schema=schema))

        table = _GatheredRows(flush)
        yield table
        table.flush()


class _GatheredRows:
    """Rows that are written in groups."""

    def __init__(self, flush: Callable[[list[tuple[int, float, int]], list[NDArray[np.float32]]], None]) -> None:
        self._flush = flush
        self._frames: list[tuple[int, float, int]] = []
        self._tables: list[NDArray[np.float32]] = []

    def write(self, frame: int, time: float, people: Sequence[Person]) -> None:
        for number, person in enumerate(people):
            self._frames.append((frame, time, number))
            self._tables.append(values(person))
        if len(self._frames) >= _FRAMES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        if self._frames:
            self._flush(self._frames, self._tables)
            self._frames, self._tables = [], []


@contextmanager
def _hdf5(
    path: str | os.PathLike[str], source: str, metadata: Mapping[str, Any], wide: bool, names: Sequence[str]
) -> Iterator[Table]:
    """Write HDF5.

    ``keypoints`` (frames, people, keypoints, values) float32, NaN where nobody was found, ``frame`` (frames) int64,
    ``time_s`` (frames) float64, ``keypoint_names`` and ``value_names``; attributes ``source`` and ``refpose``.
    """
    import h5py

    with replacing(path) as temporary, _PatientFile(temporary, "w+") as raw:
        with h5py.File(raw, "w") as file:
            file.attrs["source"] = source
            file.attrs["refpose"] = json.dumps(metadata)
            file["keypoint_names"] = list(names)
            file["value_names"] = list(VALUES)
            table = _Arrays(file, raw, len(names))
            yield table
            table.flush()
        raw.check()


class _PatientFile(io.FileIO):
    """A file that keeps the first error of writing until it is asked for.

    When writing fails under HDF5 (disk full), it cannot close its objects any more, and crashes the process, then or
    later. So from the first error on, what does not reach the disk is kept in memory, and read from there.
    """

    _error: OSError | None = None

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self._kept: list[tuple[int, bytes]] = []  # place in the file, what would be there; later ones count

    def write(self, data: Any) -> int:
        """Write all of `data`, to memory what cannot be written to the disk."""
        rest = memoryview(data).cast("B")
        total = len(rest)
        end = self.tell() + total
        try:
            while rest and self._error is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self._error = error
        if rest:
            self._kept.append((end - len(rest), bytes(rest)))
            self.seek(end)
        return total

    def readinto(self, buffer: Any) -> int:
        """Read what was written, wherever it is."""
        if self._error is None:
            return super().readinto(buffer) or 0
        start, view = self.tell(), memoryview(buffer).cast("B")
        view[:] = bytes(len(view))
        super().readinto(view)
        for place, data in self._kept:
            first, last = max(place, start), min(place + len(data), start + len(view))
            if first < last:
                view[first - start : last - start] = data[first - place : last - place]
        self.seek(start + len(view))
        return len(view)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place; the end is that of what was written, wherever it is."""
        if whence == os.SEEK_END and self._kept:
            end = max(super().seek(0, os.SEEK_END), *(place + len(data) for place, data in self._kept))
            return super().seek(end + offset)
        return super().seek(offset, whence)

    def truncate(self, size: int | None = None) -> int:
        """Set the size, or after an error do nothing."""
        try:
            if self._error is None:
                return super().truncate(size)
        except OSError as error:
            self._error = error
        return size or 0

    def check(self) -> None:
        """Raise the error that was kept, if any."""
        if self._error is not None:
            raise self._error


class _Arrays:
    """The growing arrays of an HDF5 file."""

    def __init__(self, file: Any, raw: _PatientFile, keypoints: int) -> None:
        self._raw = raw
        one = (keypoints, len(VALUES))
        self._keypoints = file.create_dataset(
            "keypoints",
            (0, 1, *one),
            np.float32,
            maxshape=(None, None, *one),
            chunks=(_FRAMES_AT_ONCE, 1, *one),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
            fillvalue=np.nan,
        )
        self._frame = file.create_dataset("frame", (0,), np.int64, maxshape=(None,), chunks=(_FRAMES_AT_ONCE,))
        self._time = file.create_dataset("time_s", (0,), np.float64, maxshape=(None,), chunks=(_FRAMES_AT_ONCE,))
        self._waiting: list[tuple[int, float, list[NDArray[np.float32]]]] = []

    def write(self, frame: int, time: float, people: Sequence[Person]) -> None:
        self._waiting.append((frame, time, [values(person) for person in people]))
        if len(self._waiting) == _FRAMES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write the frames that were gathered."""
        done, count = len(self._frame), len(self._waiting)
        people = max([self._keypoints.shape[1], *(len(found) for _, _, found in self._waiting)])
        block = np.full((count, people, *self._keypoints.shape[2:]), np.nan, np.float32)
        for row, (_, _, found) in zip(block, self._waiting, strict=True):
            row[: len(found)] = found if found else np.nan
        for dataset, new in (
            (self._frame, [frame for frame, _, _ in self._waiting]),
            (self._time, [time for _, time, _ in self._waiting]),
            (self._keypoints, block),
        ):
            dataset.resize((done + count, people, *block.shape[2:])[: dataset.ndim])
            dataset[done:] = new
        self._waiting = []
        self._raw.check()


KINDS: dict[
    str,
    Callable[[str | os.PathLike[str], str, Mapping[str, Any], bool, Sequence[str]], AbstractContextManager[Table]],
] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".h5": _hdf5,
    ".json": _json,
}
"""How a table is written, by the ending of its file."""
