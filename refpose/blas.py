"""The operations of `ops` with the convolutions done by BLAS: the engine ``"numpy"``.

The same formulas, summed in another order and with products rounded on their own: quick, and within the tolerances that
tests/tolerances.py states, but not bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import ops
from .ops import Array


def pointwise(x: Array, kernel: Array, bias: Array, act: str | None = None) -> Array:
    """See `ops.pointwise`."""
    return _finish(x @ kernel.reshape(len(bias), -1).T, bias, act)


def conv(
    x: Array, kernel: Array, bias: Array, stride: int = 1, pad: tuple[int, int] = (0, 0), act: str | None = None
) -> Array:
    """See `ops.conv`."""
    windows = [tap for _, _, tap in ops.taps(x, kernel.shape[1], stride, pad)]
    return _finish(np.concatenate(windows, axis=2) @ kernel.reshape(len(bias), -1).T, bias, act)


def depthwise(
    x: Array, kernel: Array, bias: Array, stride: int = 1, pad: tuple[int, int] = (0, 0), act: str | None = None
) -> Array:
    """See `ops.depthwise`."""
    windows = ops.taps(x, kernel.shape[0], stride, pad)
    y = np.zeros(windows[0][2].shape, np.float32)
    for ky, kx, tap in windows:
        y += tap * kernel[ky, kx]
    return _finish(y, bias, act)


def gated(x: Array, gate: Array, kernel: Array, bias: Array, act: str | None = None) -> Array:
    """See `ops.gated`."""
    return pointwise(x, kernel * gate, bias, act)


def mean(x: Array) -> Array:
    """See `ops.mean`."""
    return np.asarray(x.mean(axis=(0, 1), dtype=np.float64, keepdims=True), np.float32)


def _finish(y: Array, bias: Array, act: str | None) -> Array:
    y += bias
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
