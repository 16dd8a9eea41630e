"""The operations of `ops` with the convolutions done by BLAS: the engine ``"numpy"``.

The same formulas, but BLAS chooses the order of a sum and how its edges are rounded: quick, and within the
tolerances that tests/tolerances.py states, but not bit for bit. What can be had of the true order at little cost
is kept, since the networks' own rounding errors are what the difference consists of: the bias comes first (as one
more input channel, which is 1), and depthwise convolutions multiply and add in float64, rounding each step once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import ops
from .ops import Array

# From about this depth on BLAS splits sums and adds the parts; float64 is then nearer to the sum in one piece.
_DEEP = 384


def pointwise(x: Array, kernel: Array, bias: Array, act: str | None = None) -> Array:
    """See `ops.pointwise`."""
    return _finish(_product(x.reshape(-1, x.shape[2]), kernel, bias).reshape(*x.shape[:2], -1), act)


def conv(
    x: Array, kernel: Array, bias: Array, stride: int = 1, pad: tuple[int, int] = (0, 0), act: str | None = None
) -> Array:
    """See `ops.conv`."""
    windows = [tap for _, _, tap in ops.taps(x, kernel.shape[1], stride, pad)]
    rows, columns, _ = windows[0].shape
    gathered = np.concatenate(windows, axis=2).reshape(rows * columns, -1)
    return _finish(_product(gathered, kernel, bias).reshape(rows, columns, -1), act)


def depthwise(
    x: Array, kernel: Array, bias: Array, stride: int = 1, pad: tuple[int, int] = (0, 0), act: str | None = None
) -> Array:
    """See `ops.depthwise`."""
    windows = sorted(ops.taps(x, kernel.shape[0], stride, pad), key=lambda tap: (tap[1], tap[0]))
    acc = np.empty(windows[0][2].shape, np.float32)
    acc[...] = bias
    total = np.empty(acc.shape, np.float64)
    wide = kernel.astype(np.float64)
    for ky, kx, tap in windows:
        np.multiply(tap, wide[ky, kx], out=total)
        total += acc
        acc[...] = total
    return _finish(acc, act)


def gated(x: Array, gate: Array, kernel: Array, bias: Array, act: str | None = None) -> Array:
    """See `ops.gated`."""
    return pointwise(x, kernel * gate, bias, act)


def mean(x: Array) -> Array:
    """See `ops.mean`."""
    return np.asarray(x.mean(axis=(0, 1), dtype=np.float64, keepdims=True), np.float32)


def _product(x: Array, kernel: Array, bias: Array) -> Array:
    """(P, K) rows times an (O, ...) kernel of K values an output, plus bias: (P, O)."""
    weight = kernel.reshape(len(bias), -1)
    if weight.shape[1] >= _DEEP:
        return (x.astype(np.float64) @ weight.T.astype(np.float64) + bias).astype(np.float32)
    columns = np.empty((1 + x.shape[1], len(x)), np.float32)
    columns[0], columns[1:] = 1, x.T
    return np.ascontiguousarray((np.column_stack([bias, weight]) @ columns).T)


def _finish(y: Array, act: str | None) -> Array:
    if act is None:
        return y
    if act == "relu6":
        return np.clip(y, 0, 6, out=y)
    with np.errstate(over="ignore"):  # exp(-y) = infinity gives the right 0
        divisor = np.exp(-y)
    divisor += 1
    numerator = {"sigmoid": np.float32(1), "swish": y, "eswish": y * np.float32(1.25)}[act]
    return np.divide(numerator, divisor, out=divisor)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **ops.FUNCTIONS,
    "pointwise": pointwise,
    "conv": conv,
    "depthwise": depthwise,
    "gated": gated,
    "mean": mean,
}
