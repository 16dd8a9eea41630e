"""Parquet tables, written in groups of rows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

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
            named = [pa.array(sources).take(pa.array(np.repeat([place[name] for name in source], each)))]
            named += [np.repeat(column, each) for column in (frame, time, np.array(person, np.int32))]
            if not form.wide:
                named.append(pa.array(form.names).take(pa.array(np.tile(np.arange(each), len(keys)))))
            columns = numbers.reshape(len(keys) * each, -1).T.copy()
            turned = np.repeat(degrees, each, axis=0).T.copy()
            writer.write_table(pa.table([*named, *columns, *turned], schema=schema))

        table = GatheredRows(form, flush, FRAMES_AT_ONCE)
        yield table
        table.flush()
