"""Keypoints of videos as tables on disk: CSV, JSON, Parquet and HDF5, written as the frames come.

CSV, JSON and Parquet are tidy: a row per keypoint with the columns `COLUMNS`; or wide: a row per person with columns
``nose_x_px``, ``nose_y_px`` ... Frames on which nobody was found have no rows, unless every frame is asked for. HDF5
holds arrays instead, in which every frame has its place and NaN stands for nobody. `RAW` and angles are further
columns. `read` gives all of them back as they were.

Numbers are float32; as text they have as many digits as it takes to read the very same float32 back.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .extras import require
from .files import printable, replacing
from .topology import LANDMARK_NAMES

if TYPE_CHECKING:
    from .motion.recording import Recording
    from .person import Person

KEYS = ("source", "frame", "time_s", "person")
"""The video, the number of its frame from 0, the frame's time in seconds, the number of the person on it from 0."""

VALUES = ("x_px", "y_px", "z", "xw_m", "yw_m", "zw_m", "visibility", "presence")
"""Pixels of the upright frame; depth from the middle of the hips in fractions of the frame's width, smaller towards the
camera; metres from the middle of the hips; probabilities."""

RAW = ("x_raw_px", "y_raw_px", "z_raw", "xw_raw_m", "yw_raw_m", "zw_raw_m", "visibility_raw")
"""The same before smoothing over time. Presence is never smoothed."""

COLUMNS = (*KEYS, "keypoint", *VALUES)

ANGLE = "_deg"
"""How the names of columns with angles end; they hold degrees, once for each person."""

_FRAMES_AT_ONCE = 256  # rows of so many frames are gathered for one chunk of HDF5 or row group of Parquet


class Table(Protocol):
    """A table that is being written."""

    def write(
        self,
        frame: int,
        time: float,
        people: Sequence[Person],
        angles: ArrayLike | None = None,
        source: str | None = None,
    ) -> None:
        """Add what was found on a frame.

        Parameters
        ----------
        frame : int
            Number of the frame, from 0.
        time : float
            In seconds; NaN for a picture, which has none.
        people : sequence of Person
            Empty when nobody was found.
        angles : array_like of shape (people, angles), optional
            Degrees, where the table has columns for them.
        source : str, optional
            Where the frame is from, in a table of many pictures or videos.
        """


@dataclass(frozen=True)
class Form:
    """What a table has, see `create`."""

    source: str
    metadata: Mapping[str, Any]
    wide: bool
    names: tuple[str, ...]
    raw: bool
    angles: tuple[str, ...]
    every_frame: bool

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the numbers of a key point."""
        return (*VALUES, *RAW) if self.raw else VALUES

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of a table of rows."""
        flat = tuple(f"{name}_{value}" for name in self.names for value in self.values)
        return (*KEYS, *flat, *self.angles) if self.wide else (*KEYS, "keypoint", *self.values, *self.angles)

    def numbers(self, people: Sequence[Person]) -> list[NDArray[np.float32]]:
        """The numbers of each person; of one without any, where every frame has rows and nobody was found."""
        if people or not self.every_frame:
            return [numbers(person, self.values) for person in people]
        return [np.full((len(self.names), len(self.values)), np.nan, np.float32)]

    def degrees(self, angles: ArrayLike | None, people: int) -> NDArray[np.float32]:
        """The angles of each person, NaN where there are none."""
        if angles is None or not np.size(angles):
            return np.full((people, len(self.angles)), np.nan, np.float32)
        return np.asarray(angles, np.float32).reshape(people, len(self.angles))


def numbers(person: Person, columns: Sequence[str] = VALUES) -> NDArray[np.float32]:
    """Give the numbers of a person: float32, a row per keypoint, a column for each name of `VALUES` and `RAW`."""
    count = len(person.landmarks)

    def given(array: Any, width: int) -> NDArray[np.float32]:
        """The array, NaN where a model does not have it."""
        return np.full((count, width), np.nan, np.float32) if array is None else array.reshape(count, width)

    parts = [person.landmarks_px[:, :2], person.landmarks[:, 2:], given(person.world_landmarks, 3)]
    parts += [given(person.visibility, 1), given(person.presence, 1)]
    if any(column in RAW for column in columns):
        raw = given(person.raw_landmarks, 3)
        parts += [raw[:, :2] * np.array(person.image_size, np.float32), raw[:, 2:]]
        parts += [given(person.raw_world_landmarks, 3), given(person.raw_visibility, 1)]
    table = np.concatenate(parts, axis=1)
    return table if len(columns) == table.shape[1] else table[:, [(*VALUES, *RAW).index(name) for name in columns]]


def values(person: Person) -> NDArray[np.float32]:
    """Give the numbers of a person: float32, a row per keypoint, a column for each of `VALUES`."""
    return numbers(person)


def create(
    path: str | os.PathLike[str],
    source: str,
    metadata: Mapping[str, Any],
    wide: bool = False,
    names: Sequence[str] = LANDMARK_NAMES,
    *,
    raw: bool = False,
    angles: Sequence[str] = (),
    every_frame: bool = False,
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
    raw : bool
        Whether there are the columns `RAW` too.
    angles : sequence of str
        Names of angles; their columns are called so with `ANGLE`, HDF5 has ``angles`` (frames, people, angles). In
        tidy tables all rows of a person repeat them.
    every_frame : bool
        Whether frames without anybody have rows, of a person 0 without numbers.

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
    called = tuple(name + ANGLE for name in angles)
    return KINDS[kind](path, Form(printable(source), metadata, wide, tuple(names), raw, called, every_frame))


def read(path: str | os.PathLike[str]) -> Recording:
    """Read a table that refpose wrote, of any kind, without loss.

    Parameters
    ----------
    path : path-like
        A file that ends in one of `KINDS`. For kinds without room for metadata (CSV, JSON) NAME.meta.json beside it is
        read, if it is there.

    Returns
    -------
    refpose.motion.Recording

    Raises
    ------
    MissingExtra
        When it is a Parquet file and pyarrow is not installed.
    OSError
        When the file cannot be read.
    ValueError
        When it is no such table: damaged, another program's, without some column.
    """
    from .motion.reading import read

    return read(path)


Words = list[str]


def _text(
    form: Form, nan: str, text: Callable[[str], str]
) -> Callable[..., Iterator[tuple[Words, list[Words], Words]]]:
    """Give a function that makes texts of a frame: of each person source, frame, time and number; the numbers of every
    key point; the angles. float32 has the fewest digits that tell it from others; `nan` stands for what is missing.

    Sources go through `text`.
    """

    def words(table: NDArray[np.float32]) -> Any:
        missing = np.isnan(table)
        found = table.astype(str)
        return (np.where(missing, nan, found) if missing.any() else found).tolist()

    def rows(
        frame: int,
        time: float,
        people: Sequence[Person],
        angles: ArrayLike | None = None,
        source: str | None = None,
    ) -> Iterator[tuple[Words, list[Words], Words]]:
        tables = form.numbers(people)
        degrees = form.degrees(angles, len(tables))
        stamp = nan if math.isnan(time) else repr(float(time))
        for number, (table, turned) in enumerate(zip(tables, degrees, strict=True)):
            key = [text(form.source if source is None else source), str(int(frame)), stamp, str(number)]
            yield key, words(table), words(turned) if form.angles else []

    return rows


@contextmanager
def _csv(path: str | os.PathLike[str], form: Form) -> Iterator[Table]:
    """Write CSV (RFC 4180, UTF-8); NaN is an empty field. Texts that look like formulas are quoted (`plain_cell`)."""
    form = replace(form, names=tuple(map(plain_cell, form.names)))
    rows = _text(form, "", _csv_cell)
    names = [_csv_cell(name) for name in form.names]
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow(form.columns)

        def write(*found: Any) -> None:
            for key, cells, last in rows(*found):
                head, tail = ",".join(key), "".join(f",{word}" for word in last) + "\r\n"
                if form.wide:
                    file.write(f"{head},{','.join(map(','.join, cells))}{tail}")
                else:
                    file.write(
                        "".join([f"{head},{n},{','.join(row)}{tail}" for n, row in zip(names, cells, strict=True)])
                    )

        yield _TextTable(write)


@lru_cache
def _csv_cell(text: str) -> str:
    """A text as a cell of a CSV file."""
    line = io.StringIO()
    csv.writer(line).writerow([plain_cell(text), ""])
    return line.getvalue().removesuffix(",\r\n")


def plain_cell(text: str) -> str:
    """The text for a cell of a CSV file, after a single quote where spreadsheets would compute it as a formula.

    Names of files and joints come from outside; OWASP's "CSV Injection" lists the beginnings.
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@contextmanager
def _json(path: str | os.PathLike[str], form: Form) -> Iterator[Table]:
    """Write JSON: an array with an object per row, each on a line; NaN is null."""
    rows = _text(form, "null", lambda text: json.dumps(text, ensure_ascii=False))
    head = "{" + ", ".join(f"{json.dumps(key)}: %s" for key in KEYS)
    tail = "".join(f", {_template(name)}: %s" for name in form.angles) + "}"
    if form.wide:
        columns = form.columns[len(KEYS) : len(form.columns) - len(form.angles)]
        points = ["".join(f", {_template(column)}: %s" for column in columns)]
    else:
        values = "".join(f", {_template(value)}: %s" for value in form.values)
        points = [f', "keypoint": {_template(name)}{values}' for name in form.names]

    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        separator = "[\n"

        def write(*found: Any) -> None:
            nonlocal separator
            for key, cells, last in rows(*found):
                begun, ended = head % tuple(key), tail % tuple(last)
                each = [[word for row in cells for word in row]] if form.wide else cells
                lines = [f"{begun}{point % tuple(row)}{ended}" for point, row in zip(points, each, strict=True)]
                file.write(separator + ",\n".join(lines))
                separator = ",\n"

        yield _TextTable(write)
        file.write("[]\n" if separator == "[\n" else "\n]\n")


def _template(text: str) -> str:
    """A text of JSON in a template for ``%``."""
    return json.dumps(text).replace("%", "%%")


class _TextTable:
    """A table whose rows go to the file at once."""

    def __init__(self, write: Callable[..., None]) -> None:
        self._write = write

    def write(
        self,
        frame: int,
        time: float,
        people: Sequence[Person],
        angles: ArrayLike | None = None,
        source: str | None = None,
    ) -> None:
        self._write(frame, time, people, angles, source)


@contextmanager
def _parquet(path: str | os.PathLike[str], form: Form) -> Iterator[Table]:
    """Write Parquet: the row groups are those of `_FRAMES_AT_ONCE` frames with people."""
    pa = require("pyarrow", "parquet")
    parquet = require("pyarrow.parquet", "parquet")
    types = {"frame": pa.int64(), "time_s": pa.float64(), "person": pa.int32()}
    types |= {"source": pa.string(), "keypoint": pa.string()}
    schema = pa.schema(
        [(column, types.get(column, pa.float32())) for column in form.columns],
        metadata={"refpose": json.dumps(form.metadata)},
    )
    with replacing(path) as temporary, parquet.ParquetWriter(temporary, schema) as writer:

        def flush(
            keys: list[tuple[str, int, float, int]],
            tables: list[NDArray[np.float32]],
            degrees: list[NDArray[np.float32]],
        ) -> None:
            each = 1 if form.wide else len(form.names)
            cells = np.concatenate([table.reshape(1, -1) if form.wide else table for table in tables])
            sources, frame, time, person = zip(*keys, strict=True)
            named = [[source for source in sources for _ in range(each)], *(np.repeat(c, each) for c in (frame, time))]
            named.append(np.repeat(np.array(person, np.int32), each))
            if not form.wide:
                named.append(list(form.names) * len(tables))
            turned = np.repeat(np.stack(degrees), each, axis=0)
            writer.write_table(pa.table([*named, *cells.T.copy(), *turned.T.copy()], schema=schema))

        table = _GatheredRows(form, flush)
        yield table
        table.flush()


class _GatheredRows:
    """Rows that are written in groups."""

    def __init__(self, form: Form, flush: Callable[..., None]) -> None:
        self._form, self._flush = form, flush
        self._keys: list[tuple[str, int, float, int]] = []
        self._tables: list[NDArray[np.float32]] = []
        self._degrees: list[NDArray[np.float32]] = []

    def write(
        self,
        frame: int,
        time: float,
        people: Sequence[Person],
        angles: ArrayLike | None = None,
        source: str | None = None,
    ) -> None:
        tables = self._form.numbers(people)
        self._keys += [(self._form.source if source is None else source, frame, time, k) for k in range(len(tables))]
        self._tables += tables
        self._degrees += list(self._form.degrees(angles, len(tables)))
        if len(self._keys) >= _FRAMES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        if self._keys:
            self._flush(self._keys, self._tables, self._degrees)
            self._keys, self._tables, self._degrees = [], [], []


@contextmanager
def _hdf5(path: str | os.PathLike[str], form: Form) -> Iterator[Table]:
    """Write HDF5.

    ``keypoints`` (frames, people, keypoints, values) float32, NaN where nobody was found, ``frame`` (frames) int64,
    ``time_s`` (frames) float64, ``keypoint_names`` and ``value_names``; with angles ``angles`` (frames, people, angles)
    float32 and ``angle_names``; in a table of many sources ``source`` (frames); attributes ``source`` and ``refpose``.
    """
    import h5py

    with replacing(path) as temporary, _PatientFile(temporary, "w+") as raw:
        with h5py.File(raw, "w") as file:
            file.attrs["source"] = form.source
            file.attrs["refpose"] = json.dumps(form.metadata)
            file["keypoint_names"] = list(form.names)
            file["value_names"] = list(form.values)
            if form.angles:
                file["angle_names"] = list(form.angles)
            table = _Arrays(file, raw, form)
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

    def __init__(self, file: Any, raw: _PatientFile, form: Form) -> None:
        self._file, self._raw, self._form = file, raw, form
        self._create("frame", np.int64)
        self._create("time_s", np.float64)
        self._create("keypoints", np.float32, len(form.names), len(form.values))
        if form.angles:
            self._create("angles", np.float32, len(form.angles))
        self._people = 1
        self._waiting: list[tuple[int, float, list[NDArray[np.float32]], NDArray[np.float32], str | None]] = []

    def _create(self, name: str, dtype: Any, *one: int) -> None:
        """Make an array that grows: a number for each frame, or `one` array for each frame and person."""
        if not one:
            self._file.create_dataset(name, (0,), dtype, maxshape=(None,), chunks=(_FRAMES_AT_ONCE,))
            return
        self._file.create_dataset(
            name,
            (0, 1, *one),
            dtype,
            maxshape=(None, None, *one),
            chunks=(_FRAMES_AT_ONCE, 1, *one),
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
        self._waiting.append((frame, time, tables, self._form.degrees(angles, len(tables)), source))
        if len(self._waiting) == _FRAMES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write the frames that were gathered."""
        if not self._waiting:
            return
        frame, time, found, degrees, sources = zip(*self._waiting, strict=True)
        self._people = max(self._people, *map(len, found))
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
        self._raw.check()

    def _stacked(self, rows: Sequence[Any], *one: int) -> NDArray[np.float32]:
        """The numbers of some frames, NaN where there are fewer people."""
        block = np.full((len(rows), self._people, *one), np.nan, np.float32)
        for place, row in zip(block, rows, strict=True):
            if len(row):
                place[: len(row)] = row
        return block

    def _append(self, name: str, new: Any) -> None:
        """Let an array grow by what some frames have."""
        dataset = self._file[name]
        done = len(dataset)
        dataset.resize((done + len(new), self._people, *dataset.shape[2:])[: dataset.ndim])
        dataset[done:] = new


KINDS: dict[str, Callable[[str | os.PathLike[str], Form], AbstractContextManager[Table]]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".h5": _hdf5,
    ".json": _json,
}
"""How a table is written, by the ending of its file."""
