"""Tables that refpose wrote, read back as a `Recording`: CSV, Parquet, JSON and HDF5, in blocks of frames.

Nothing is lost: float32 comes back as it was. Memory for `blocks` does not grow with the length of the table.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import reading
from ..extras import MissingExtra, require
from ..tables.form import ANGLE, KEYS, RAW, VALUES
from ..tables.kinds import KINDS
from ..tables.text import plain_cell
from ..topology import LANDMARK_NAMES
from .recording import Recording, joined

_ROWS_AT_ONCE = 65536
_OBJECTS_AT_ONCE = 8192  # of JSON, where they take much room
_FRAMES_AT_ONCE = 2048  # of HDF5

_MISSING = ("", "NA", "NaN", "nan")  # what stands for no number: here, in R and in pandas

Columns = dict[str, Any]  # name -> array or list, all of one length


def read(path: str | os.PathLike[str]) -> Recording:
    """Read a whole table, see `refpose.tables.read`."""
    return joined(list(blocks(path)))


def blocks(path: str | os.PathLike[str]) -> Iterator[Recording]:
    """Read a table in blocks of consecutive frames; at least one, perhaps without frames.

    Parameters, exceptions
        As for `refpose.tables.read`.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise ValueError(f"{path}: a table is a file that ends in one of {' '.join(KINDS)}")
    reading.refuse_pipe(path)
    with open(path, "rb"):  # the operating system's own errors, with its own messages
        pass
    found = _hdf5(path) if kind == ".h5" else _rows(path, kind)
    while True:
        with reading.errors(path, "a table that refpose wrote"):
            block = next(found, None)
        if block is None:
            return
        yield block


def _rows(path: Path, kind: str) -> Iterator[Recording]:
    """Read a file of rows."""
    metadata: Mapping[str, Any] = _record_beside(path)
    if kind == ".parquet":
        metadata, rows = _parquet(path)
    elif kind == ".json" and (picture := _record_of_picture(path)) is not None:
        metadata, rows = _picture(path, picture)
    else:
        rows = _json(path) if kind == ".json" else _csv(path)
    yield from _assembled(path, rows, metadata)


def _record_beside(path: Path) -> dict[str, Any]:
    """What NAME.meta.json says about NAME.csv, nothing if it is not there."""
    try:
        found = reading.json_file(path.with_suffix(".meta.json"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


# --- files of rows: columns of some ten thousand rows at a time


def _csv(path: Path) -> Iterator[Columns]:
    """Give the columns of a CSV file: with PyArrow where it is installed, ten times as fast as without."""
    try:
        arrow = require("pyarrow.csv", "parquet")
    except MissingExtra:
        yield from _csv_plain(path)
        return
    pa = require("pyarrow", "parquet")
    with open(path, encoding="utf-8-sig", newline="") as file:
        header = _header(path, file)
    _check_end(path)
    types = {
        "source": pa.dictionary(pa.int32(), pa.string()),
        "frame": pa.float64(),  # pandas writes whole numbers so where some are missing
        "time_s": pa.float64(),
        "person": pa.float64(),
    }
    types["keypoint"] = pa.dictionary(pa.int32(), pa.string())
    try:
        with open(path, "rb") as file:  # Arrow takes no name that is not UTF-8
            reader = arrow.open_csv(
                file,
                read_options=arrow.ReadOptions(block_size=1 << 20, use_threads=False),
                parse_options=arrow.ParseOptions(newlines_in_values=True),
                convert_options=arrow.ConvertOptions(
                    column_types={name: types.get(name, pa.float32()) for name in header if _is_ours(name)},
                    include_columns=[name for name in header if _is_ours(name)],
                    null_values=list(_MISSING),
                ),
            )
            for batch in reader:
                yield _of_arrow(batch, _unquoted)
    except pa.ArrowInvalid as error:
        if "Empty CSV file" not in str(error):
            raise ValueError(f"{path}: {error}") from error
        yield {name: [] for name in header}


def _check_end(path: Path) -> None:
    """Raise ValueError where the last line has no end: all programs write one, and numbers may be cut off."""
    with open(path, "rb") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) not in (b"\n", b"\r"):
                raise ValueError(f"{path}: ends in the middle of a line, so it is cut short")


def _header(path: Path, file: Iterable[str]) -> list[str]:
    """The names of the columns of a CSV file."""
    try:
        header = next(csv.reader(file), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: is no CSV file in UTF-8 ({error})") from error
    for separator, called in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and "time_s" in header[0].split(separator):
            raise ValueError(
                f"{path}: its columns are separated by {called}; save it with commas, and points in numbers"
            )
    if {*KEYS} <= {*header} and len(set(header)) != len(header):
        raise ValueError(f"{path}: two columns have the same name")
    _check_columns(path, header)
    return header


def _csv_plain(path: Path) -> Iterator[Columns]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        header = _header(path, file)
        _check_end(path)
        file.seek(0)
        rows = csv.reader(file)
        next(rows)
        given = False
        try:
            while (block := list(islice(rows, _ROWS_AT_ONCE))) or not given:
                given = True
                if any(len(row) != len(header) for row in block):
                    raise ValueError(f"{path}: a row has not as many fields as there are columns ({len(header)})")
                columns = zip(*block, strict=True) if block else ([] for _ in header)
                found = dict(zip(header, columns, strict=True))
                for name in {"source", "keypoint"} & set(header):
                    found[name] = [_unquoted(word) for word in found[name]]
                yield found
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path}: is no CSV file in UTF-8 ({error})") from error


def _unquoted(text: str) -> str:
    """Take away the quote that keeps spreadsheets from computing a text (`refpose.tables.text.plain_cell`)."""
    return text[1:] if plain_cell(text[1:]) == text else text


def _record_of_picture(path: Path) -> dict[str, Any] | None:
    """What ``refpose image`` wrote about a picture, None where a file is none of these."""
    with open(path, encoding="utf-8") as file:
        if file.read(1) != "{":
            return None
    try:
        found = reading.json_file(path)
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"refpose", "source", "people"} <= {*found} else None


def _picture(path: Path, record: dict[str, Any]) -> tuple[dict[str, Any], Iterator[Columns]]:
    """The record of a picture as a table of one frame at 0 seconds."""
    rows = [
        {
            **dict(zip(KEYS, (record["source"], 0, 0.0, number), strict=True)),
            "keypoint": point["name"],
            **{value: point[value] for value in VALUES},
            **{f"{name}{ANGLE}": degrees for name, degrees in person.get("angles", {}).items()},
        }
        for number, person in enumerate(record["people"])
        for point in person["keypoints"]
    ]
    size = {"width": record.get("width"), "height": record.get("height")}
    metadata = {name: value for name, value in record.items() if name != "people"} | {"video": size}
    return metadata, iter([_of_objects(path, rows)])


def _json(path: Path) -> Iterator[Columns]:
    """Give the columns of a JSON file: an array of objects, each on a line as refpose writes it, or however."""
    with open(path, encoding="utf-8") as file:
        try:
            if file.readline() == "[\n":
                text = ""
                while lines := list(islice(file, _OBJECTS_AT_ONCE)):
                    text = "".join(lines).rstrip()
                    rows = text.removesuffix("]").rstrip().removesuffix(",")
                    yield _of_objects(path, json.loads(f"[{rows}]"))
                if not text.endswith("]"):
                    raise ValueError(f"{path}: ends without a closing bracket, so it is cut short")
                return
        except json.JSONDecodeError:
            pass  # laid out in another way, or damaged
        file.seek(0)
        try:
            content = json.load(file)
        except ValueError as error:
            raise ValueError(f"{path}: is no JSON ({error})") from error
    yield _of_objects(path, content)


def _of_objects(path: Path, rows: Any) -> Columns:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path}: is no table that refpose wrote: expected an array of objects")
    if not rows:
        return {}
    _check_columns(path, rows[0])
    try:
        return {name: [row[name] for row in rows] for name in rows[0]}
    except KeyError as error:
        raise ValueError(f"{path}: a row has no {error}") from error


def _parquet(path: Path) -> tuple[dict[str, Any], Iterator[Columns]]:
    pa = require("pyarrow", "parquet")
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(open(path, "rb"))  # Arrow takes no name that is not UTF-8
            file = require("pyarrow.parquet", "parquet").ParquetFile(stream, pre_buffer=False)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{path}: is no Parquet file ({error})") from error
        names = file.schema_arrow.names
        _check_columns(path, names)
        described = _json_text((file.schema_arrow.metadata or {}).get(b"refpose", b"{}"))
        opened = stack.pop_all()

    def rows() -> Iterator[Columns]:
        with opened, file:
            try:
                given = False
                for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[name for name in names if _is_ours(name)]):
                    given = True
                    yield _of_arrow(batch)
                if not given:
                    yield {name: [] for name in names}
            except (OSError, pa.ArrowInvalid) as error:
                raise ValueError(f"{path}: is damaged ({error})") from error

    return described, rows()


def _of_arrow(batch: Any, text: Callable[[str], str] = str) -> Columns:
    """The columns of a record batch as arrays; texts go through `text`, each different one once."""
    columns: Columns = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name not in ("source", "keypoint"):
            columns[name] = _of_column(column)
        elif column.null_count:
            raise ValueError(f"a row has no {name}")
        else:
            coded = column if hasattr(column, "dictionary") else column.dictionary_encode()
            texts = np.array([text(word) for word in coded.dictionary.to_pylist()], object)
            columns[name] = texts[_of_column(coded.indices)]
    return columns


def _of_column(column: Any) -> NDArray[Any]:
    """A column as an array; missing numbers are NaN. Without Arrow's `to_numpy`, for the reason of `tables.parquet`."""
    types = require("pyarrow", "parquet").types
    if not (types.is_integer(column.type) or types.is_floating(column.type)):
        return np.array(column.to_pylist(), object)
    bits, data = column.buffers()
    kind = np.dtype(column.type.to_pandas_dtype())
    if not len(column):
        return np.zeros(0, kind)
    values = np.frombuffer(data, kind, len(column), column.offset * kind.itemsize)
    if not column.null_count:
        return values
    there = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")
    whole = values if types.is_floating(column.type) else values.astype(np.float64)
    return np.where(there[column.offset : column.offset + len(column)], whole, np.nan).astype(whole.dtype)


def _json_text(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


# --- from rows to arrays


def _is_ours(name: str) -> bool:
    return name in (*KEYS, "keypoint") or name.endswith(ANGLE) or _split(name) is not None


def _split(name: str) -> tuple[str, str] | None:
    """The key point ("" in tidy tables) and the value that a column stands for."""
    for value in (*RAW, *VALUES):
        if name == value:
            return "", value
        if name.endswith(f"_{value}"):
            return name[: -len(value) - 1], value
    return None


def _check_columns(path: Path, names: Iterable[str]) -> None:
    """Raise ValueError unless these are the columns of a table that refpose wrote."""
    names = list(names)
    wanted = [*KEYS]
    if "keypoint" in names:
        wanted += VALUES
    else:
        places = [split for name in names if (split := _split(name)) and split[0]]
        wanted += [f"{place}_{value}" for place in dict.fromkeys(p for p, _ in places) for value in VALUES] or [
            "keypoint"
        ]
    if missing := [name for name in wanted if name not in names]:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(
            f"{path}: is no table that refpose wrote: it has no column {', '.join(missing[:3])}{more}"
            f" (its columns: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''})"
        )


@dataclass
class _Layout:
    """Which columns hold what."""

    wide: bool
    keypoints: tuple[str, ...]
    values: tuple[str, ...]
    angles: tuple[str, ...]

    @classmethod
    def of(cls, columns: Columns) -> _Layout:
        wide = "keypoint" not in columns
        splits = [split for name in columns if name not in (*KEYS, "keypoint") and (split := _split(name))]
        found = {value for _, value in splits}
        if not columns:
            wide, found = False, set(VALUES)
        names = dict.fromkeys(place for place, _ in splits) if wide else dict.fromkeys(columns.get("keypoint", ()))
        angles = tuple(name.removesuffix(ANGLE) for name in columns if name.endswith(ANGLE))
        values = tuple(value for value in (*VALUES, *RAW) if value in found)
        return cls(wide, tuple(map(str, names)) or LANDMARK_NAMES, values, angles)

    def column(self, keypoint: str, value: str) -> str:
        return f"{keypoint}_{value}" if self.wide else value


def _assembled(path: Path, chunks: Iterator[Columns], metadata: Mapping[str, Any]) -> Iterator[Recording]:
    """Put rows together by frames; the last frame of a chunk may go on in the next one."""
    layout: _Layout | None = None
    rest: Columns = {}
    last: tuple[Any, ...] = ()  # source and frame of the last row that was given out
    for columns in chain(chunks, [None]):
        if columns is None:
            if layout is None:
                layout = _Layout.of({})
            elif not len(rest["frame"]):
                return  # was given out as an empty block
        elif not columns or (not len(columns["frame"]) and layout is not None):
            continue
        else:
            layout = layout or _Layout.of(columns)
            columns = _typed(path, columns, layout)
            rest = {name: np.concatenate([rest[name], columns[name]]) for name in columns} if rest else columns
        if not rest:
            yield Recording(
                np.zeros(0),
                np.zeros(0, np.int64),
                np.zeros((0, 1, len(layout.keypoints), len(VALUES)), np.float32),
                keypoints=layout.keypoints,
                metadata=metadata,
            )
            return
        frame, source = rest["frame"], rest["source"]
        starts = np.flatnonzero(np.r_[True, (frame[1:] != frame[:-1]) | (source[1:] != source[:-1])][: len(frame)])
        end = len(frame) if columns is None or not len(frame) else starts[-1]
        if end == 0 and len(frame):
            continue
        done = {name: column[:end] for name, column in rest.items()}
        rest = {name: column[end:] for name, column in rest.items()}
        yield _block(path, done, starts[starts < end], layout, metadata, last)
        if end:
            last = (done["source"][-1], done["frame"][-1])


def _typed(path: Path, columns: Columns, layout: _Layout) -> Columns:
    """The columns as arrays: ``values`` (rows, [keypoints,] values), ``angles``, and the keys."""
    try:
        typed: Columns = {
            "frame": _whole(columns["frame"]),
            "person": _whole(columns["person"]),
            "time_s": _floats(columns["time_s"], np.float64),
            "source": np.array(columns["source"], object),
        }
        numbers = [
            [_floats(columns[layout.column(n, v)]) for v in layout.values] for n in layout.keypoints if layout.wide
        ]
        if layout.wide:
            typed["values"] = np.stack([np.stack(one, axis=-1) for one in numbers], axis=1)
        else:
            typed["values"] = np.stack([_floats(columns[value]) for value in layout.values], axis=-1)
            places = {name: k for k, name in enumerate(layout.keypoints)}
            typed["keypoint"] = np.array([places[name] for name in columns["keypoint"]], np.int64)
        angles = [_floats(columns[name + ANGLE]) for name in layout.angles]
        typed["angles"] = np.stack(angles, axis=-1) if angles else np.zeros((len(typed["frame"]), 0), np.float32)
    except KeyError as error:
        raise ValueError(f"{path}: no column or key point {error}, which the rows before have") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: holds something else than numbers ({error})") from error
    return typed


def _floats(column: Any, dtype: Any = np.float32) -> NDArray[Any]:
    """Numbers, NaN for a field that is missing or None."""
    if isinstance(column, np.ndarray) and column.dtype != object:
        return column.astype(dtype)
    return np.array([np.nan if cell in _MISSING else cell for cell in column], dtype)


def _whole(column: Any) -> NDArray[np.int64]:
    numbers = _floats(column, np.float64)
    whole = numbers.astype(np.int64) if np.isfinite(numbers).all() else None
    if whole is None or (whole != numbers).any() or (len(whole) and whole.min() < 0):
        raise ValueError("numbers of frames and people must be whole, 0 or more")
    return whole


def _block(
    path: Path,
    rows: Columns,
    starts: NDArray[np.int64],
    layout: _Layout,
    metadata: Mapping[str, Any],
    last: tuple[Any, ...],
) -> Recording:
    """Make a block of frames of their rows; `starts` says where frames begin."""
    frame, source, time = rows["frame"][starts], rows["source"][starts], rows["time_s"][starts]
    same = np.r_[bool(last) and last[0] == (source[0] if len(source) else None), source[1:] == source[:-1]][
        : len(frame)
    ]
    before = np.r_[last[1] if last else -1, frame[:-1]][: len(frame)]
    if (same & (frame <= before)).any():
        raise ValueError(f"{path}: the rows are not sorted by frame")
    of = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(rows["frame"])]))
    if not np.array_equal(time[of], rows["time_s"], equal_nan=True):
        raise ValueError(f"{path}: a frame has two times")
    people, who = np.unique(rows["person"], return_inverse=True)
    people = people if len(people) else np.array([0])
    shape = (len(starts), len(people), len(layout.keypoints))
    if (size := 4 * math.prod(shape) * len(layout.values)) > reading.limit():  # every frame has room for everybody
        raise ValueError(
            f"{path}: {len(people):,} people on {len(starts):,} frames would take {size:,} bytes (REFPOSE_MAX_BYTES "
            "raises this bound)"
        )
    values = np.full((*shape, len(layout.values)), np.nan, np.float32)
    angles = np.full((*shape[:2], len(layout.angles)), np.nan, np.float32)
    place: tuple[Any, ...] = (of, who) if layout.wide else (of, who, rows["keypoint"])
    seen = np.zeros(shape[:2] if layout.wide else shape, np.bool_)
    seen[place] = True
    if np.count_nonzero(seen) != len(of):
        raise ValueError(f"{path}: a person or key point stands twice on a frame")
    values[place], angles[of, who] = rows["values"], rows["angles"]
    sources = tuple(dict.fromkeys(map(str, source))) or ("",)
    numbered = {name: k for k, name in enumerate(sources)}
    return Recording(
        time,
        frame,
        values,
        tuple(map(int, people)),
        layout.keypoints,
        layout.values,
        angles,
        layout.angles,
        sources,
        np.array([numbered[str(name)] for name in source], np.int64),
        metadata,
    )


# --- HDF5


def _hdf5(path: Path) -> Iterator[Recording]:
    import h5py

    from ..reading import hdf5

    hdf5.vet(path)
    with h5py.File(path, "r") as file:
        wanted = ("keypoints", "frame", "time_s", "keypoint_names", "value_names")
        if missing := [name for name in wanted if not isinstance(file.get(name), h5py.Dataset)]:
            raise ValueError(f"{path}: is no table that refpose wrote: it has no dataset {', '.join(missing)}")
        numbers = file["keypoints"]
        names, columns = (_names(file[name]) for name in ("keypoint_names", "value_names"))
        angle_names = tuple(name.removesuffix(ANGLE) for name in _names(file.get("angle_names", ())))
        frames = len(file["frame"])
        if numbers.ndim != 4 or numbers.shape != (frames, numbers.shape[1], len(names), len(columns)):
            raise ValueError(f"{path}: its datasets do not fit together: keypoints has shape {numbers.shape}")
        if missing := [value for value in VALUES if value not in columns]:
            raise ValueError(f"{path}: is no table that refpose wrote: value_names has no {', '.join(missing)}")
        if len(set(names)) < len(names) or len(set(columns)) < len(columns):
            raise ValueError(f"{path}: keypoint_names or value_names has a name twice")
        _check_frames(path, file)
        people = tuple(map(int, file["person"][:])) if "person" in file else tuple(range(numbers.shape[1]))
        metadata = _json_text(file.attrs.get("refpose", "{}"))
        try:
            for start in range(0, frames, _FRAMES_AT_ONCE) or (0,):
                part = slice(start, start + _FRAMES_AT_ONCE)
                time = file["time_s"][part].astype(np.float64)
                texts = list(file["source"].asstr()[part]) if "source" in file else []
                sources = tuple(dict.fromkeys(texts)) or (str(file.attrs.get("source", "")),)
                places = {name: k for k, name in enumerate(sources)}
                yield Recording(
                    time,
                    file["frame"][part].astype(np.int64),
                    numbers[part].astype(np.float32),
                    people,
                    names,
                    columns,
                    file["angles"][part].astype(np.float32)
                    if angle_names
                    else np.zeros((len(time), len(people), 0), np.float32),
                    angle_names,
                    sources,
                    np.array([places[name] for name in texts] or [0] * len(time), np.int64),
                    metadata,
                )
        except (OSError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: is damaged ({error})") from error


def _check_frames(path: Path, file: Any) -> None:
    """Raise ValueError unless frames have whole numbers that increase as long as the source is the same."""
    frame = file["frame"][:]
    if frame.dtype.kind not in "iu":
        raise ValueError(f"{path}: numbers of frames must be whole, and are {frame.dtype}")
    if "source" in file:
        source = file["source"][:]
        same = source[1:] == source[:-1]
    else:
        same = np.ones(max(len(frame) - 1, 0), np.bool_)
    if len(frame) and (frame.min() < 0 or (same & (frame[1:] <= frame[:-1])).any()):
        raise ValueError(f"{path}: frames come twice, are not sorted, or are below 0")


def _names(dataset: Any) -> tuple[str, ...]:
    return tuple(map(str, dataset.asstr()[:])) if hasattr(dataset, "asstr") else tuple(map(str, dataset))
