"""Tables of text: CSV and JSON, whose rows go to the file at once."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..files import replacing
from .form import KEYS, Form, Table

if TYPE_CHECKING:
    from ..person import Person

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
        for number, table, turned in zip(form.ids(people), tables, degrees, strict=True):
            key = [text(form.source if source is None else source), str(int(frame)), stamp, str(number)]
            yield key, words(table), words(turned) if form.angles else []

    return rows


@contextmanager
def write_csv(path: str | os.PathLike[str], form: Form) -> Iterator[Table]:
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
def write_json(path: str | os.PathLike[str], form: Form) -> Iterator[Table]:
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
