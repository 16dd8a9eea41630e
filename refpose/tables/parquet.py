"""Parquet tables, written in groups of rows."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..extras import require
from ..files import replacing
from .form import FRAMES_AT_ONCE, Form, Table

if TYPE_CHECKING:
    from ..person import Person


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
        source = self._form.source if source is None else source
        self._keys += [(source, frame, time, number) for number in self._form.ids(people)]
        self._tables += tables
        self._degrees += list(self._form.degrees(angles, len(tables)))
        if len(self._keys) >= FRAMES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        if self._keys:
            self._flush(self._keys, self._tables, self._degrees)
            self._keys, self._tables, self._degrees = [], [], []
