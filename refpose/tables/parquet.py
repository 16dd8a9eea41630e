"""Parquet tables, written in groups of rows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..extras import require
from ..files import replacing
from .form import FRAMES_AT_ONCE, Form, Table
from .gathered import GatheredRows, Key


@contextmanager
def write_parquet(path: str | os.PathLike[str], form: Form) -> Iterator[Table]:
    """Write Parquet: the row groups are those of `FRAMES_AT_ONCE` frames with people."""
    pa = require("pyarrow", "parquet")
    parquet = require("pyarrow.parquet", "parquet")
    types = {"frame": pa.int64(), "time_s": pa.float64(), "person": pa.int32()}
    types |= {"source": pa.string(), "keypoint": pa.string()}
    schema = pa.schema(
        [(column, types.get(column, pa.float32())) for column in form.columns],
        metadata={"refpose": json.dumps(form.metadata)},
    )
    # An open file: Arrow takes no name that is not UTF-8.
    with replacing(path) as temporary, open(temporary, "wb") as file, parquet.ParquetWriter(file, schema) as writer:

        def flush(keys: list[Key], numbers: NDArray[np.float32], degrees: NDArray[np.float32]) -> None:
            each = 1 if form.wide else len(form.names)
            source, frame, time, person = zip(*keys, strict=True)
            sources = list(dict.fromkeys(source))
            place = {name: k for k, name in enumerate(sources)}
            own: list[NDArray[Any]] = [
                np.array(frame, np.int64),
                np.array(time, np.float64),
                np.array(person, np.int32),
            ]
            named = [_texts(sources, np.repeat([place[name] for name in source], each))]
            named += [_numbers(np.repeat(column, each)) for column in own]
            if not form.wide:
                named.append(_texts(form.names, np.tile(np.arange(each), len(keys))))
            columns = [*numbers.reshape(len(keys) * each, -1).T, *np.repeat(degrees, each, axis=0).T]
            writer.write_table(pa.table([*named, *map(_numbers, columns)], schema=schema))

        table = GatheredRows(form, flush, FRAMES_AT_ONCE)
        yield table
        table.flush()


# `pyarrow.array` would import pandas where it is installed, in mid-work, and swallow it when it is told to stop there.


def _numbers(column: NDArray[Any]) -> Any:
    """An array of Arrow's."""
    pa = require("pyarrow", "parquet")
    column = np.ascontiguousarray(column)
    return pa.Array.from_buffers(pa.from_numpy_dtype(column.dtype), len(column), [None, pa.py_buffer(column)])


def _texts(texts: Sequence[str], places: NDArray[np.int64]) -> Any:
    """The texts at these places of a list."""
    pa = require("pyarrow", "parquet")
    data = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, data)]).astype(np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(data))]
    return pa.Array.from_buffers(pa.string(), len(data), buffers).take(_numbers(places))
