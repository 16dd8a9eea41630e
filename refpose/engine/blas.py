"""The operations of `ops` with the convolutions done by BLAS: the engine ``"numpy"``.

The same formulas, but BLAS chooses the order of a sum and how its edges are rounded: quick, and within the
tolerances that tests/tolerances.py states, but not bit for bit. Since the networks' own rounding errors are what the
difference consists of, BLAS is asked in a way that makes it most likely to add in the true order: the bias comes first
(as one more input, which is 1), sums are no longer than what BLAS does in one piece, and matrices are wide enough for
its main kernel. Where that walks up each sum with one accumulator and fused multiply-adds, as OpenBLAS does on
processors with AVX-512, the results are those of `ops` (`in_order` tells). Where it does not, depthwise convolutions
do without BLAS: they multiply and add in float64, rounding each step once as they should.

Activations have the shape (H, W, C), as everywhere, but lie in memory channel by channel: BLAS reads them as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..networks import ops
from ..networks.ops import Array

# The environment variables that tell the known libraries how many threads to use, before NumPy is imported.
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_NUM_THREADS")

_DEPTH = 320  # terms of a sum that OpenBLAS adds in one piece, whatever the processor
_WIDTH = 16  # matrices that are no multiple of this wide meet other kernels at their edge
_OUTPUTS = 64  # rows of a matrix whose sums are carried from one piece to the next
_ROWS = 2  # rows of a matrix at least: a single one would be multiplied as a vector
_CHANNELS = 8  # of a depthwise convolution that make one matrix product
_TILE = 16384  # values that are worked on at a time: they stay in the cache


@cache
def in_order() -> bool:
    """Whether BLAS adds in the order of `ops` and rounds as that does, as far as a few products show."""
    rng = np.random.default_rng(0)
    for outputs, depth, pixels in ((2, 72, 16), (8, 200, 48), (48, _DEPTH - 1, 16), (144, 40, 64)):
        x = rng.standard_normal((pixels, 1, depth)).astype(np.float32)
        kernel = rng.standard_normal((outputs, 1, 1, depth)).astype(np.float16).astype(np.float32)
        bias = rng.standard_normal(outputs).astype(np.float32)
        if not np.array_equal(pointwise(x, kernel, bias), ops.pointwise(x, kernel, bias)):
            return False
    return True


def pointwise(x: Array, kernel: Array, bias: Array, act: str | None = None) -> Array:
    """See `ops.pointwise`."""
    planes = np.ascontiguousarray(x.transpose(2, 0, 1))
    y = _product(kernel.reshape(len(bias), -1), planes.reshape(len(planes), -1), bias)
    return _finish(y.reshape(-1, *x.shape[:2]), act)


def conv(
    x: Array, kernel: Array, bias: Array, stride: int = 1, pad: tuple[int, int] = (0, 0), act: str | None = None
) -> Array:
    """See `ops.conv`."""
    windows = _Windows(x, kernel.shape[1], stride, pad)
    weight = kernel.reshape(len(bias), -1)
    y = np.empty((len(bias), windows.length), np.float32)
    for start, end in windows.tiles(weight.shape[1]):
        values = _inputs(weight.shape[1], end - start)
        windows.copy(start, end, slice(None), values[1:].reshape(*kernel.shape[1:], -1))
        y[:, start:end] = _sums(weight, values, bias)[:, : end - start]
    return _finish(windows.images(y), act)


def depthwise(
    x: Array, kernel: Array, bias: Array, stride: int = 1, pad: tuple[int, int] = (0, 0), act: str | None = None
) -> Array:
    """See `ops.depthwise`."""
    windows = _Windows(x, kernel.shape[0], stride, pad)
    filter_planes = _multiply_planes if in_order() else _add_up_planes
    return _finish(windows.images(filter_planes(windows, kernel, bias)), act)


def _multiply_planes(windows: _Windows, kernel: Array, bias: Array) -> Array:
    """Depthwise convolution with a matrix product for each group of channels: the matrix is zero wherever input and
    output channel differ, which leaves the sums alone.
    """
    size, _, channels = kernel.shape
    group = max(n for n in range(1, _CHANNELS + 1) if channels % n == 0)
    groups, depth = channels // group, size * size * group
    weight = np.zeros((groups, group, size, size, group), np.float32)  # group, output; column, row, input
    own = np.arange(group)
    weight[:, own, :, :, own] = kernel.reshape(size, size, groups, group).transpose(3, 2, 1, 0)
    weight = np.concatenate([bias.reshape(groups, group, 1), weight.reshape(groups, group, depth)], axis=2)
    y = np.empty((groups, group, windows.length), np.float32)
    for start, end in windows.tiles(depth):
        some = max(1, 8 * _TILE // depth // (end - start))
        values = _inputs(depth, end - start, min(some, groups))
        for g in range(0, groups, some):
            count = min(some, groups - g)
            to = values[:count, 1:].reshape(count, size, size, group, -1).transpose(2, 1, 0, 3, 4)
            windows.copy(start, end, slice(g * group, (g + count) * group), to)
            y[g : g + count, :, start:end] = (weight[g : g + count] @ values[:count])[..., : end - start]
    return y


def _add_up_planes(windows: _Windows, kernel: Array, bias: Array) -> Array:
    """Depthwise convolution, every multiply-add in float64 and rounded once."""
    size, _, channels = kernel.shape
    y = np.empty((channels, windows.length), np.float32)
    wide = kernel.astype(np.float64)
    block = max(1, 2 * _TILE // windows.length)
    for c in range(0, channels, block):
        some = slice(c, c + block)
        phases = windows.phases[:, :, some].astype(np.float64)
        rounded = y[some]
        sums = np.empty(rounded.shape, np.float64)
        sums[...] = bias[some, None]
        total = np.empty(rounded.shape, np.float64)
        for kx in range(size):
            for ky in range(size):
                i, j, start = windows.place(ky, kx)
                np.multiply(phases[i, j, :, start : start + windows.length], wide[ky, kx, some, None], out=total)
                total += sums
                rounded[...] = total
                sums[...] = rounded
    return y


def gated(x: Array, gate: Array, kernel: Array, bias: Array, act: str | None = None) -> Array:
    """See `ops.gated`."""
    return pointwise(x, kernel * gate, bias, act)


def mean(x: Array) -> Array:
    """See `ops.mean`."""
    return np.asarray(x.mean(axis=(0, 1), dtype=np.float64, keepdims=True), np.float32)


class _Windows:
    """What a square window sees while it moves over an image, in planes.

    Every `stride`-th row and column of the zero-padded image is kept apart, rows one behind the other. What one tap of
    the window sees is then one run of numbers in each plane, the same for all taps but for its start. At the end of
    each row come some that no window sees.

    Attributes
    ----------
    phases : (stride, stride, C, numbers)
        Row and column of the first number, channel, numbers.
    length : int
        Numbers that a tap sees: rows of `width`, of which the first `columns` count.
    """

    def __init__(self, x: Array, size: int, stride: int, pad: tuple[int, int]) -> None:
        self.size, self.stride = size, stride
        self.rows, self.columns = ((n + sum(pad) - size) // stride + 1 for n in x.shape[:2])
        height, self.width = (-(-(n + sum(pad)) // stride) for n in x.shape[:2])
        self.length = self.rows * self.width
        self.phases = np.zeros((stride, stride, x.shape[2], height * self.width + size), np.float32)
        images = self.phases[..., : height * self.width].reshape(stride, stride, x.shape[2], height, self.width)
        for i in range(stride):
            for j in range(stride):
                row, column = (i - pad[0]) % stride, (j - pad[0]) % stride  # of the image: the first that belong here
                some = x[row::stride, column::stride].transpose(2, 0, 1)
                top, left = (pad[0] + row) // stride, (pad[0] + column) // stride
                images[i, j, :, top : top + some.shape[1], left : left + some.shape[2]] = some

    def place(self, ky: int, kx: int) -> tuple[int, int, int]:
        """Phase (row, column) and start of the numbers that a tap sees."""
        return ky % self.stride, kx % self.stride, ky // self.stride * self.width + kx // self.stride

    def copy(self, start: int, end: int, channels: slice, to: Array) -> None:
        """Copy numbers `start` to `end` of what all taps see to the front of (kernel rows, columns, ..., numbers).

        The ... are the channels, in groups or not.
        """
        for i in range(self.stride):
            for j in range(self.stride):
                into = to[i :: self.stride, j :: self.stride, ..., : end - start]
                run = self.phases[i, j, channels, start:]
                plane, step = run.strides
                inner = [plane * math.prod(to.shape[axis + 1 : -1]) for axis in range(2, to.ndim - 1)]
                strides = (self.width * step, step, *inner, step)
                into[...] = np.lib.stride_tricks.as_strided(run, into.shape, strides, writeable=False)

    def tiles(self, depth: int) -> list[tuple[int, int]]:
        """(start, end) of the parts to compute at a time, for sums of that depth."""
        step = max(_WIDTH, 8 * _TILE // depth // _WIDTH * _WIDTH)
        return [(start, min(start + step, self.length)) for start in range(0, self.length, step)]

    def images(self, y: Array) -> Array:
        """Results (C, length) as (C, H, W)."""
        return y.reshape(-1, self.rows, self.width)[:, :, : self.columns]


def _inputs(depth: int, width: int, *stack: int) -> Array:
    """Room for (..., 1 + depth, at least `width`) factors: ones for the bias, then zeros."""
    values = np.zeros((*stack, 1 + depth, -(-width // _WIDTH) * _WIDTH), np.float32)
    values[..., 0, :] = 1
    return values


def _product(weight: Array, x: Array, bias: Array) -> Array:
    """(O, K) weights times (K, P) columns plus bias: (O, P)."""
    values = _inputs(*x.shape)
    values[1:, : x.shape[1]] = x
    return _sums(weight, values, bias)[:, : x.shape[1]]


def _sums(weight: Array, values: Array, bias: Array) -> Array:
    """The same for factors as `_inputs` makes them."""
    outputs, depth = weight.shape
    if depth < _DEPTH:
        with_bias = np.zeros((max(_ROWS, outputs), 1 + depth), np.float32)
        with_bias[:outputs, 0], with_bias[:outputs, 1:] = bias, weight
        y: Array = (with_bias @ values)[:outputs]
        return y
    if not in_order():  # nor are pieces: float64 is then nearer to the sum in one piece
        wide = weight.astype(np.float64) @ values[1:].astype(np.float64)
        return (wide + bias[:, None]).astype(np.float32)
    y = np.empty((outputs, values.shape[1]), np.float32)
    y[...] = bias[:, None]
    piece = np.empty((_DEPTH, values.shape[1]), np.float32)
    for k in range(0, depth, _DEPTH - _OUTPUTS):
        inputs = min(depth - k, _DEPTH - _OUTPUTS)
        for o in range(0, outputs, _OUTPUTS):
            sums = y[o : o + _OUTPUTS]  # so far: they come first, each with weight 1
            count = len(sums)
            piece[:count], piece[count : count + inputs] = sums, values[1 + k : 1 + k + inputs]
            carried = np.zeros((max(_ROWS, count), count + inputs), np.float32)
            np.fill_diagonal(carried[:count], 1)
            carried[:count, count:] = weight[o : o + count, k : k + inputs]
            sums[...] = (carried @ piece[: count + inputs])[:count]
    return y


def _finish(planes: Array, act: str | None) -> Array:
    """The activation of (C, H, W) planes, as (H, W, C)."""
    y = np.ascontiguousarray(planes).transpose(1, 2, 0)
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
