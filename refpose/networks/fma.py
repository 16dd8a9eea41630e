"""A correctly rounded float32 fused multiply-add in NumPy.

MediaPipe's networks run on kernels in which every multiplication and the addition after it are rounded once, together.
NumPy has no such operation, but float64 holds the product of two float32 exactly, so only the addition needs care: its
sum is rounded to 53 bits and then to 24. Two roundings differ from one only where the first was inexact and landed half
way between two float32, or where the result is subnormal. There the part that was lost is recovered by the two-sum and
folded back in (rounding to odd), so that the second rounding is right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_DROPPED = np.int64(0x1FFFFFFF)  # the 29 bits of a float64 that a float32 has no room for
_HALF = np.int64(0x10000000)  # what they are exactly half way between two float32
_MIN_NORMAL = 2.0**-126
_SMALLEST_FACTOR = np.float32(2.0**-102)


def fma(a: Any, b: Any, c: Any) -> NDArray[np.float32]:
    """Return ``a*b + c`` rounded once, for any float32 arrays or numbers that broadcast together."""
    shape = np.broadcast_shapes(np.shape(a), np.shape(b), np.shape(c))
    acc = np.array(np.broadcast_to(np.asarray(c, np.float32), shape), ndmin=1)
    MultiplyAdd(acc.size, subnormals=True)(acc, np.asarray(a, np.float32), np.asarray(b, np.float32))
    return acc.reshape(shape)


def needs_subnormals(x: NDArray[np.float32], weight: NDArray[np.float32]) -> bool:
    """Whether products of `x` with these weights can round as subnormals.

    Binary16 weights are multiples of 2^-24. Where every nonzero `x` has ``|x| >= 2^-102`` it is a multiple of 2^-125,
    so products and sums are multiples of 2^-149, and a sum below 2^-126 is a float32 already.
    """
    scaled = weight * np.float32(2**24)
    return not np.array_equal(scaled, np.rint(scaled)) or bool(np.any((np.abs(x) < _SMALLEST_FACTOR) & (x != 0)))


class MultiplyAdd:
    """``acc = fma(a, b, acc)`` in place, over and over: keeps the scratch memory, which is most of the time.

    Parameters
    ----------
    size : int
        The most values that `acc` will have.
    subnormals : bool
        Round results below 2^-126 rightly too; see `needs_subnormals`.
    """

    def __init__(self, size: int, subnormals: bool) -> None:
        self._product = np.empty(size, np.float64)
        self._total = np.empty(size, np.float64)
        self._dropped = np.empty(size, np.int64)
        self._suspect = np.empty(size, np.bool_)
        self._subnormals = subnormals

    def __call__(self, acc: NDArray[np.float32], a: NDArray[Any], b: NDArray[Any]) -> None:
        """`a` and `b` are float32 values, perhaps held as float64, and broadcast to the shape of `acc`."""
        n = acc.size
        product, total = (scratch[:n].reshape(acc.shape) for scratch in (self._product, self._total))
        np.multiply(a, b, out=product, dtype=np.float64)
        np.add(product, acc, out=total)
        bits = np.bitwise_and(self._total[:n].view(np.int64), _DROPPED, out=self._dropped[:n])
        suspect = np.equal(bits, _HALF, out=self._suspect[:n])
        if self._subnormals:
            suspect |= np.abs(self._total[:n]) < _MIN_NORMAL
        (at,) = suspect.nonzero()
        if at.size:
            _settle(self._total[:n], self._product[:n], acc, at)
        acc[...] = total


def _settle(
    total: NDArray[np.float64], product: NDArray[np.float64], c: NDArray[np.float32], at: NDArray[np.intp]
) -> None:
    """Round ``product + c`` to odd instead of to nearest at the flat indices `at` of `total`, in place."""
    s, p, q = total[at], product[at], c.take(at).astype(np.float64)
    z = s - p
    lost = (p - (s - z)) + (q - z)  # two-sum: p + q = s + lost exactly
    (inexact,) = ((lost != 0) & ((s.view(np.int64) & 1) == 0) & np.isfinite(s)).nonzero()
    if inexact.size:
        total[at[inexact]] = np.nextafter(s[inexact], np.copysign(np.inf, lost[inexact]))
