"""What a table has: its columns, and the numbers of a person in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from ..person import Person
    from ..stages.libm import FloatArray

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

FRAMES_AT_ONCE = 256
"""Rows of so many frames are gathered for one chunk of HDF5 or row group of Parquet."""


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

    def ids(self, people: Sequence[Person]) -> list[int]:
        """The number of each person of `numbers`."""
        return ids(people) if people or not self.every_frame else [0]

    def degrees(self, angles: ArrayLike | None, people: int) -> NDArray[np.float32]:
        """The angles of each person, NaN where there are none."""
        if angles is None or not np.size(angles):
            return np.full((people, len(self.angles)), np.nan, np.float32)
        return np.asarray(angles, np.float32).reshape(people, len(self.angles))


def ids(people: Sequence[Person]) -> list[int]:
    """The number of each person of a frame: the identity, or where people have none their place in the list."""
    return [i if person.id is None else person.id for i, person in enumerate(people)]


def numbers(person: Person, columns: Sequence[str] = VALUES) -> NDArray[np.float32]:
    """Give the numbers of a person: float32, a row per keypoint, a column for each name of `VALUES` and `RAW`."""
    raw = columns is not VALUES and any(column in RAW for column in columns)
    table = np.empty((len(person.landmarks), len(VALUES) + len(RAW) * raw), np.float32)
    table[:, :2], table[:, 2] = person.landmarks_px[:, :2], person.landmarks[:, 2]
    table[:, 3:6] = _given(person.world_landmarks)
    table[:, 6], table[:, 7] = _given(person.visibility), _given(person.presence)
    if raw:
        table[:, 8:11] = _given(person.raw_landmarks)
        table[:, 8:10] *= np.array(person.image_size, np.float32)
        table[:, 11:14], table[:, 14] = _given(person.raw_world_landmarks), _given(person.raw_visibility)
    return table if len(columns) == table.shape[1] else table[:, [(*VALUES, *RAW).index(name) for name in columns]]


def _given(array: FloatArray | None) -> FloatArray | float:
    """The array, NaN where a model does not have it."""
    return np.nan if array is None else array


def values(person: Person) -> NDArray[np.float32]:
    """Give the numbers of a person: float32, a row per keypoint, a column for each of `VALUES`."""
    return numbers(person)
