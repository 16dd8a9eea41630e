"""Tables of text: CSV and JSON, whose rows are written some dozen frames at a time."""

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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..files import replacing
from . import decimals
from .decimals import Bytes, padded
from .form import KEYS, Form, Table
from .gathered import GatheredRows, Key

_PEOPLE_AT_ONCE = 48  # so that their texts stay in the processor's cache


class _Rows:
    """Makes the lines of some people: bytes in a grid, of which the empty places are taken out at the end.

    The grid is kept: people come by the same number, and most of a line is the same in all of them.

    Parameters
    ----------
    nan : str
        Stands for what is missing.
    begun : function
        Source, frame, time (as text) and number of a person -> how their lines begin.
    points : sequence of str
        How each line of a person goes on.
    values : sequence of str
        What stands before each number of a line.
    angles : sequence of str
        What stands before each angle.
    end : str
        How lines end.
    """

    def __init__(
        self,
        nan: str,
        begun: Callable[[str, int, str, int], str],
        points: Sequence[str],
        values: Sequence[str],
        angles: Sequence[str],
        end: str,
    ) -> None:
        self._nan, self._begun = nan, begun
        self._points, self._end = _encoded(points), _encoded([end])
        self._values, self._angles = _encoded(values), _encoded(angles)
        self._lay_out(0, 0)

    def text(self, keys: list[Key], numbers: NDArray[np.float32], degrees: NDArray[np.float32]) -> bytearray:
        """The lines of some people, see `GatheredRows`."""
        stamps = (self._nan if math.isnan(time) else repr(float(time)) for _, _, time, _ in keys)
        begun = _encoded([self._begun(s, int(f), time, n) for (s, f, _, n), time in zip(keys, stamps, strict=True)])
        if begun.shape != self._laid_out:
            self._lay_out(*begun.shape)
        self._begins[...] = begun[:, None]
        for cells, given in ((self._number_cells, numbers), (self._angle_cells, degrees)):
            people, _, count, width = cells.shape
            if count:
                given = given.reshape(people, -1, count)  # angles are the same on all lines of a person
                cells[...] = decimals.texts(given.ravel(), self._nan.encode()).reshape(*given.shape, width)
        return self._bytes.translate(None, bytes([decimals.PAD]))

    def _lay_out(self, people: int, width: int) -> None:
        """Make the grid for so many people, whose lines begin so wide, with what is the same in all of them."""
        lines = len(self._points)
        cells = [(before, len(before), before.shape[1] + decimals.WIDTH) for before in (self._values, self._angles)]
        widths = [width, self._points.shape[1], *(count * each for _, count, each in cells), self._end.shape[1]]
        self._laid_out = people, width
        self._bytes = bytearray(people * lines * sum(widths))
        grid = np.frombuffer(self._bytes, np.uint8).reshape(people, lines, sum(widths))
        self._begins, points, *parts, end = np.split(grid, np.cumsum(widths)[:-1], axis=2)
        points[...], end[...] = self._points, self._end
        places = []
        for part, (before, count, each) in zip(parts, cells, strict=True):
            place = part.reshape(people, lines, count, each)
            place[..., : before.shape[1]] = before
            places.append(place[..., before.shape[1] :])
        self._number_cells, self._angle_cells = places


def _encoded(words: Sequence[str]) -> Bytes:
    """Texts as rows of bytes."""
    return padded([word.encode() for word in words]) if words else np.empty((0, 0), np.uint8)


@contextmanager
def write_csv(path: str | os.PathLike[str], form: Form) -> Iterator[Table]:
    """Write CSV (RFC 4180, UTF-8); NaN is an empty field. Texts that look like formulas are quoted (`plain_cell`)."""
    form = replace(form, names=tuple(map(plain_cell, form.names)))
    rows = _Rows(
        "",
        lambda source, frame, time, number: f"{_csv_cell(source)},{frame},{time},{number}",
        [""] if form.wide else [f",{_csv_cell(name)}" for name in form.names],
        [","] * (len(form.values) * (len(form.names) if form.wide else 1)),
        [","] * len(form.angles),
        "\r\n",
    )
    header = io.StringIO()
    csv.writer(header).writerow(form.columns)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(header.getvalue().encode())

        def write(*people: Any) -> None:
            file.write(rows.text(*people))

        table = GatheredRows(form, write, _PEOPLE_AT_ONCE)
        yield table
        table.flush()


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
    source, frame, time, person = (f"{json.dumps(key)}: " for key in KEYS)
    numbers = form.columns[len(KEYS) + (not form.wide) : len(form.columns) - len(form.angles)]
    rows = _Rows(
        "null",
        lambda s, f, t, n: f",\n{{{source}{json.dumps(s, ensure_ascii=False)}, {frame}{f}, {time}{t}, {person}{n}",
        [""] if form.wide else [f', "keypoint": {json.dumps(name)}' for name in form.names],
        [f", {json.dumps(name)}: " for name in numbers],
        [f", {json.dumps(name)}: " for name in form.angles],
        "}",
    )
    with replacing(path) as temporary, open(temporary, "wb") as file:
        begin = b"["

        def write(*people: Any) -> None:
            nonlocal begin
            text = rows.text(*people)
            file.write(text if not begin else begin + text[1:])
            begin = b""

        table = GatheredRows(form, write, _PEOPLE_AT_ONCE)
        yield table
        table.flush()
        file.write(b"[]\n" if begin else b"\n]\n")
