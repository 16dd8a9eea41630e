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

    def text(self, keys: list[Key], numbers: NDArray[np.float32], degrees: NDArray[np.float32]) -> bytes:
        """The lines of some people, see `GatheredRows`."""
        stamps = (self._nan if math.isnan(time) else repr(float(time)) for _, _, time, _ in keys)
        begun = [self._begun(s, int(f), time, n) for (s, f, _, n), time in zip(keys, stamps, strict=True)]
        lines = (len(keys), len(self._points))
        parts: list[tuple[Bytes, Bytes | None]] = [(_encoded(begun)[:, None], None), (self._points[None], None)]
        parts += [(self._values, self._texts(numbers.reshape(*lines, -1)))]
        parts += [(self._angles, self._texts(degrees[:, None])), (self._end[None], None)]
        widths = [
            before.shape[-1] if cells is None else cells.shape[2] * (before.shape[-1] + cells.shape[3])
            for before, cells in parts
        ]
        grid = np.empty((*lines, sum(widths)), np.uint8)
        for (before, cells), end, width in zip(parts, np.cumsum(widths), widths, strict=True):
            place = grid[..., end - width : end]
            if cells is None:
                place[...] = before
            elif width:
                place = place.reshape(*lines, cells.shape[2], -1)
                place[..., : before.shape[-1]] = before
                place[..., before.shape[-1] :] = cells
        return grid.tobytes().translate(None, bytes([decimals.PAD]))

    def _texts(self, numbers: NDArray[np.float32]) -> Bytes:
        """Numbers (people, lines, n) as texts (people, lines, n, width)."""
        text = decimals.texts(numbers.ravel(), self._nan.encode())
        return text.reshape(*numbers.shape, text.shape[1])


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
