"""Rows of tables that are gathered over some frames and written together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..files import printable
from .form import Form

if TYPE_CHECKING:
    from ..person import Person

Key = tuple[str, int, float, int]
"""Source, frame, time and number of a person on a frame."""

Flush = Callable[[list[Key], NDArray[np.float32], NDArray[np.float32]], None]
"""Takes the keys of some people, their numbers (people, keypoints, values) and their angles (people, angles)."""


class GatheredRows:
    """A table whose rows are written when there are those of `at_once` people."""

    def __init__(self, form: Form, flush: Flush, at_once: int) -> None:
        self._form, self._flush, self._at_once = form, flush, at_once
        self._keys: list[Key] = []
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
        """Add what was found on a frame, see `Table`."""
        tables = self._form.numbers(people)
        source = self._form.source if source is None else printable(source)
        self._keys += [(source, frame, time, number) for number in self._form.ids(people)]
        self._tables += tables
        if self._form.angles:
            self._degrees += list(self._form.degrees(angles, len(tables)))
        if len(self._keys) >= self._at_once:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        if self._keys:
            degrees = np.stack(self._degrees) if self._degrees else np.empty((len(self._keys), 0), np.float32)
            self._flush(self._keys, np.stack(self._tables), degrees)
            self._keys, self._tables, self._degrees = [], [], []
