"""A correctly rounded float32 fused multiply-add in NumPy.

MediaPipe's networks run on kernels in which every multiplication and the addition after it are rounded once, together.
NumPy has no such operation, but float64 holds the product of two float32 exactly, so only the addition needs care.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DROPPED = np.int64(0x1FFFFFFF)  # the 29 bits of a float64 that a float32 has no room for
_HALF = np.int64(0x10000000)  # what they are exactly half way between two float32
_MIN_NORMAL = 2.0**-126
SMALLEST_FACTOR = np.float32(2.0**-102)  # see fma_binary16


def fma(a: NDArray[np.float32], b: NDArray[np.float32], c: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``a*b + c`` rounded once, for any float32 arrays that broadcast together.

    The product is exact in float64. The sum is rounded to 53 bits and then to 24; two roundings differ from one
    only where the first was inexact and landed half way between two float32, or where the result is subnormal.
    There the part that was lost is recovered by the two-sum and folded back in (rounding to odd), so that the
    second rounding is right.
    """
    product: NDArray[np.float64] = np.multiply(a, b, dtype=np.float64)
    total: NDArray[np.float64] = np.atleast_1d(product + c)
    suspects = ((total.view(np.int64) & _DROPPED) == _HALF) | (np.abs(total) < _MIN_NORMAL)
    _settle(total, product, c, np.flatnonzero(suspects))
    return total.astype(np.float32).reshape(np.broadcast_shapes(np.shape(product), np.shape(c)))


def fma_binary16(a: NDArray[np.float32], b: NDArray[np.float32], c: NDArray[np.float32]) -> NDArray[np.float32]:
    """`fma` without its look at subnormal results: for `a` and `c` that no subnormal rounding can come from.

    That holds where every `a` and every bias is a binary16 number (a multiple of 2^-24) and every nonzero `b` has
    ``|b| >= SMALLEST_FACTOR``: products and sums are then multiples of 2^-149, and one below 2^-126 is a float32
    already. `a` and `b` may be given as float64 arrays of such values, which saves their conversion.
    """
    product: NDArray[np.float64] = np.multiply(a, b, dtype=np.float64)
    total: NDArray[np.float64] = product + c
    _settle(total, product, c, np.flatnonzero((total.view(np.int64) & _DROPPED) == _HALF))
    return total.astype(np.float32)


def _settle(
    total: NDArray[np.float64], product: NDArray[np.float64], c: NDArray[np.float32], at: NDArray[np.intp]
) -> None:
    """Round ``product + c`` to odd instead of to nearest at the flat indices `at` of the contiguous `total`, in
    place.
    """
    if not at.size:
        return
    s = total.reshape(-1)[at]
    p = np.broadcast_to(product, total.shape).take(at)
    q = np.broadcast_to(c, total.shape).take(at).astype(np.float64)
    z = s - p
    lost = (p - (s - z)) + (q - z)  # two-sum: p + q = s + lost exactly
    inexact = np.flatnonzero((lost != 0) & ((s.view(np.int64) & 1) == 0) & np.isfinite(s))
    if inexact.size:
        towards = np.copysign(np.inf, lost[inexact])
        total.reshape(-1)[at[inexact]] = np.nextafter(s[inexact], towards)
