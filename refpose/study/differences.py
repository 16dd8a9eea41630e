"""How far two arrays of one quantity are apart, in units that mean something, and what needs no cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .quantities import Part, Quantity

Array = NDArray[Any]

# What other orders of summation make of float32 numbers, with a margin; larger differences have a cause.
NOISE = {
    "grey levels": 0.02,
    "px": 0.02,
    "probability": 1e-4,
    "logits": 0.02,
    "mm": 0.2,
    "degrees": 1e-3,
}
# Fixed-point warps of other builds of OpenCV differ by one level in up to one byte of 2000.
_STRAY_BYTES, _STRAY_LEVELS = 1e-3, 1.01


@dataclass(frozen=True)
class Difference:
    """How far a part of a quantity is from refpose's.

    Attributes
    ----------
    what : str
        The columns; empty for all.
    unit : str
    largest, mean : float
        Of the absolute differences.
    off : float
        Part of the values that differ by more than float32 noise.
    """

    what: str
    unit: str
    largest: float
    mean: float
    off: float

    @property
    def noise(self) -> bool:
        """Whether other float32 arithmetic explains it."""
        return self.off == 0 or (
            self.unit == "grey levels" and self.off <= _STRAY_BYTES and self.largest <= _STRAY_LEVELS
        )

    def __str__(self) -> str:
        what = f"{self.what}: " if self.what else ""
        return f"{what}up to {self.largest:.4g} {self.unit}, {self.mean:.3g} on average"


def differences_of(quantity: Quantity, ours: Array, theirs: Array, size: tuple[int, int]) -> tuple[Difference, ...]:
    """Differences part by part.

    Parameters
    ----------
    quantity : Quantity
    ours, theirs : ndarray
        Of one shape; lists may differ in length.
    size : (int, int)
        Width and height of the image in pixels.
    """
    if "n" in quantity.shape:
        ours, theirs = _matched(ours, theirs)
    found = []
    for part in quantity.parts:
        mine, yours = (a[..., part.columns] if a.ndim else a for a in (ours, theirs))
        sides = [{"W": size[0], "H": size[1]}.get(str(side), side) for side in part.scale]
        scale = np.resize(np.array(sides, np.float64), mine.shape[-1]) if mine.ndim else float(sides[0])
        off = np.abs(yours.astype(np.float64) - mine.astype(np.float64)) * scale
        off = np.where(np.isnan(yours) & np.isnan(mine), 0.0, np.where(np.isnan(off), np.inf, off))
        largest, mean = (float(off.max()), float(off.mean())) if off.size else (0.0, 0.0)
        share = float(np.mean(off > _noise(part))) if off.size else 0.0
        found.append(Difference(part.what, part.unit, largest, mean, share))
    return tuple(found)


def _noise(part: Part) -> float:
    return NOISE[part.unit] if part.noise is None else part.noise


def _matched(ours: Array, theirs: Array) -> tuple[Array, Array]:
    """Lists of candidates in the order of their scores, missing ones as zeros."""
    length = max(len(ours), len(theirs))
    sorted_ = [rows[np.argsort(-rows[:, 0], kind="stable")] for rows in (ours, theirs)]
    mine, yours = (np.pad(rows, ((0, length - len(rows)), (0, 0))) for rows in sorted_)
    return mine, yours


def distance(quantity: Quantity, ours: Array, theirs: Array, size: tuple[int, int]) -> float:
    """One number for how far two arrays are apart: mean differences in units of float32 noise."""
    if ours.shape != theirs.shape and "n" not in quantity.shape:
        return float("inf")
    parts = differences_of(quantity, ours, theirs, size)
    return sum(part.mean / NOISE[part.unit] for part in parts)
