"""What every operation of the networks means, down to the order of its roundings.

An activation is an array of shape (height, width, channels), float32. Everything is rounded to float32 (to nearest,
halves to even) after each operation, except that ``fma(a, b, c)`` is ``a*b + c`` rounded once. The order below is
that of the kernels MediaPipe 0.10.21 runs on a CPU with AVX-512, so these functions return its bits. They are the
reference for every faster engine; written for clarity first, they are vectorised over pixels and output channels only.

`pad` is a pair (before, after): rows and columns of zeros put before and after both image axes.
`act` is None or the name of one of `ACTIVATIONS`, applied to the finished value. BlazePose uses ``"relu6"`` alone; what
only EfficientPose uses (the other activations, `gated`, `mean`, `average_pool`, `enlarge`) has an order of our own,
chosen to be the same on every machine and quick in vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fma import MultiplyAdd, fma, needs_subnormals

Array = NDArray[np.float32]

# Values worked on at a time: the scratch arrays of one multiply-add step (some 30 bytes a value) stay in the cache.
_TILE = 32768


def pointwise(x: Array, kernel: Array, bias: Array, act: str | None = None) -> Array:
    """1x1 convolution: every output channel is a weighted sum of the input channels of the same pixel.

    Parameters
    ----------
    x : (H, W, I)
    kernel : (O, 1, 1, I)
    bias : (O,)

    Returns
    -------
    (H, W, O)
        ``acc = bias[o]; for i ascending: acc = fma(x[h, w, i], kernel[o, 0, 0, i], acc)``, then `act`.
    """
    rows, columns, channels = x.shape
    y = _dot(kernel.reshape(-1, channels), x.reshape(-1, channels).T, bias)
    return _activate(y.reshape(rows, columns, -1), act)


def conv(
    x: Array, kernel: Array, bias: Array, stride: int = 1, pad: tuple[int, int] = (0, 0), act: str | None = None
) -> Array:
    """Full convolution with a square kernel.

    Parameters
    ----------
    x : (H, W, I)
    kernel : (O, k, k, I)
    bias : (O,)

    Returns
    -------
    (H', W', O)
        ``acc = bias[o]; for ky: for kx: for i: acc = fma(x[s*h+ky-pad, s*w+kx-pad, i], kernel[o, ky, kx, i], acc)``,
        then `act`. Taps in the padding are zeros and leave the accumulator alone.
    """
    size = kernel.shape[1]
    windows = [tap for _, _, tap in taps(x, size, stride, pad)]
    rows, columns, channels = windows[0].shape
    gathered = np.stack(windows).transpose(0, 3, 1, 2).reshape(size * size * channels, rows * columns)
    y = _dot(kernel.reshape(kernel.shape[0], -1), gathered, bias)
    return _activate(y.reshape(rows, columns, -1), act)


def depthwise(
    x: Array, kernel: Array, bias: Array, stride: int = 1, pad: tuple[int, int] = (0, 0), act: str | None = None
) -> Array:
    """Convolution of every channel with a square kernel of its own.

    Parameters
    ----------
    x : (H, W, C)
    kernel : (k, k, C)
    bias : (C,)

    Returns
    -------
    (H', W', C)
        ``acc = bias[c]; for kx: for ky: acc = fma(x[s*h+ky-pad, s*w+kx-pad, c], kernel[ky, kx, c], acc)``, then `act`.
        The taps are walked down each kernel column first; rows first gives other bits.
    """
    size, _, channels = kernel.shape
    windows = sorted(taps(x, size, stride, pad), key=lambda tap: (tap[1], tap[0]))
    rows, columns, _ = windows[0][2].shape
    y = np.empty((rows, columns, channels), np.float32)
    block = max(1, _TILE // (rows * columns))
    multiply_add = MultiplyAdd(block * rows * columns, needs_subnormals(x, kernel))
    for c in range(0, channels, block):
        some = slice(c, c + block)
        acc = np.empty((len(bias[some]), rows, columns), np.float32)
        acc[...] = bias[some, None, None]
        for ky, kx, tap in windows:
            multiply_add(acc, kernel[ky, kx, some, None, None], tap[:, :, some].transpose(2, 0, 1))
        y[:, :, some] = acc.transpose(1, 2, 0)
    return _activate(y, act)


def gated(x: Array, gate: Array, kernel: Array, bias: Array, act: str | None = None) -> Array:
    """1x1 convolution of channels that are weighted first: the end of a squeeze-and-excitation.

    The weights go into the kernel, where they cost a multiplication per connection instead of one per value.

    Parameters
    ----------
    x : (H, W, I)
    gate : (1, 1, I)
    kernel : (O, 1, 1, I)
    bias : (O,)

    Returns
    -------
    (H, W, O)
        `pointwise` with the kernel ``kernel[o, 0, 0, i] * gate[0, 0, i]``, rounded.
    """
    return pointwise(x, kernel * gate, bias, act)


def add(x: Array, y: Array, act: str | None = None) -> Array:
    """Sum of two finished activations of one shape: one rounding, then `act`."""
    return _activate(x + y, act)


def upsample(x: Array) -> Array:
    """Bilinear enlargement (H, W, C) -> (2H, 2W, C), half-pixel centres, edges repeated.

    Output index i reads ``p = clip(0.5*i - 0.25, 0, n - 1)``, ``i0 = floor(p)``, ``a = p - i0``. Columns first, on
    the upper and the lower row: ``t = tl + (tr - tl)*ax`` and ``b`` likewise; then ``t + (b - t)*ay``. Every
    difference, product and sum is rounded: no fma here.
    """

    def grid(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
        p = np.clip(0.5 * np.arange(2 * n) - 0.25, 0, n - 1)
        low = np.floor(p).astype(np.intp)
        return low, np.minimum(low + 1, n - 1), (p - low).astype(np.float32)

    left, right, ax = grid(x.shape[1])
    wide = x[:, left] + (x[:, right] - x[:, left]) * ax[:, None]
    top, bottom, ay = grid(x.shape[0])
    y: Array = wide[top] + (wide[bottom] - wide[top]) * ay[:, None, None]
    return y


def max_pool(x: Array) -> Array:
    """Largest of each 2x2 square: (H, W, C) -> (H/2, W/2, C)."""
    rows, columns, channels = x.shape
    y: Array = x.reshape(rows // 2, 2, columns // 2, 2, channels).max(axis=(1, 3))
    return y


def average_pool(x: Array) -> Array:
    """Mean of each 2x2 square: (H, W, C) -> (H/2, W/2, C).

    ``((top left + top right) + (bottom left + bottom right)) * 0.25``, every sum rounded.
    """
    upper, lower = x[0::2], x[1::2]
    y: Array = ((upper[:, 0::2] + upper[:, 1::2]) + (lower[:, 0::2] + lower[:, 1::2])) * np.float32(0.25)
    return y


def mean(x: Array) -> Array:
    """Mean of every channel over the image: (H, W, C) -> (1, 1, C).

    In float64: the sum of each row, its columns ascending; the sum of the rows, ascending; divided by H*W, then
    rounded to float32. Single precision would lose more here than in the rest of the network.
    """
    rows, columns, _ = x.shape
    per_row = np.zeros((rows, x.shape[2]))
    for column in range(columns):
        per_row += x[:, column]
    total = np.zeros(x.shape[2])
    for row in per_row:
        total += row
    return (total / (rows * columns)).astype(np.float32)[None, None]


def enlarge(x: Array) -> Array:
    """Bilinear enlargement (H, W, C) -> (2H, 2W, C), half-pixel centres, zeros around the image.

    EfficientPose's transposed convolution with the fixed kernel (1, 3, 3, 1)/4 in both directions, stride 2. Rows
    first: ``y[2i] = 0.75*x[i] + 0.25*x[i-1]``, ``y[2i+1] = 0.75*x[i] + 0.25*x[i+1]``, then columns alike; products and
    sums are rounded on their own: no fma here.
    """

    def twice(x: Array) -> Array:
        near, far = x * np.float32(0.75), x * np.float32(0.25)
        y = np.stack([near, near], axis=1)
        y[1:, 0] += far[:-1]
        y[:-1, 1] += far[1:]
        return y.reshape(2 * x.shape[0], *x.shape[1:])

    return np.ascontiguousarray(twice(twice(x).swapaxes(0, 1)).swapaxes(0, 1))


def pad_channels(x: Array, channels: int) -> Array:
    """Channels of zeros behind those of `x`, until there are `channels`."""
    return np.pad(x, ((0, 0), (0, 0), (0, channels - x.shape[2])))


def depth_to_space(x: Array) -> Array:
    """(H, W, 4C) -> (2H, 2W, C): channel ``(2*i + j)*C + c`` of pixel (h, w) becomes channel c of (2h + i, 2w + j)."""
    rows, columns, channels = x.shape
    blocks = x.reshape(rows, columns, 2, 2, channels // 4)
    return blocks.transpose(0, 2, 1, 3, 4).reshape(2 * rows, 2 * columns, channels // 4)


def reshape(x: Array, shape: tuple[int, ...]) -> Array:
    """The same values in the same (row-major) order in another shape."""
    return x.reshape(shape)


def concat(*xs: Array, axis: int = 0) -> Array:
    """The arrays one behind the other along an axis."""
    return np.concatenate(xs, axis)


# 2^(j/32), j = 0..31, nearest float32 (np.exp2's own error is far below half an ulp of that at these 32 points)
_EXP2_32 = np.exp2(np.arange(32) / 32.0).astype(np.float32)


def logistic(x: Array) -> Array:
    """``1/(1 + exp(-x))`` as XNNPACK's AVX-512 kernel evaluates it (rr2, 32-entry table, polynomial of degree 2).

    With ``z = -|x|``: ``exp(z) = 2^n * l * (1 + t + t*t/2)`` where n is z/ln 2 rounded to a multiple of 1/32, l the
    tabulated power for its fraction and t the rest, reduced by ln 2 in two parts; ``y = e/(e + 1)``, mirrored for
    x >= 0.
    """
    z = np.atleast_1d(-np.abs(x))
    magic = np.float32(1.5 * 2**18)  # adding it leaves multiples of 1/32 in the low bits
    m = fma(z, np.float32(float.fromhex("0x1.715476p0")), magic)
    n = m - magic
    power = _EXP2_32[m.view(np.int32) & 31]
    t = fma(n, np.float32(float.fromhex("-0x1.62E430p-1")), z)
    t = fma(n, np.float32(float.fromhex("0x1.05C610p-29")), t)
    p = fma(t, np.float32(0.5), np.float32(float.fromhex("0x1.0000F6p0")))
    p = fma(t * power, p, power)
    e = np.ldexp(p, np.floor(n).astype(np.int32))
    y = np.reshape(e / (e + np.float32(1)), np.shape(x))
    return np.asarray(np.where(np.signbit(x), y, np.float32(1) - y), np.float32)


# The functions by the names that nets.py, the tape and the kernels use.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        pointwise,
        conv,
        depthwise,
        gated,
        add,
        upsample,
        enlarge,
        max_pool,
        average_pool,
        mean,
        pad_channels,
        depth_to_space,
        reshape,
        concat,
        logistic,
    )
}


def relu6(x: Array) -> Array:
    """``min(max(x, 0), 6)``"""
    return np.minimum(np.maximum(x, np.float32(0)), np.float32(6))


def sigmoid(x: Array) -> Array:
    """``1 / (1 + exp(-x))``; for `exp` see `_one_plus_exp_minus`."""
    return np.float32(1) / _one_plus_exp_minus(x)


def swish(x: Array) -> Array:
    """``x * sigmoid(x)``, as ``x / (1 + exp(-x))``."""
    return x / _one_plus_exp_minus(x)


def eswish(x: Array) -> Array:
    """``1.25 * x * sigmoid(x)``, as ``(1.25*x) / (1 + exp(-x))``; E-swish with EfficientPose's beta."""
    return (x * np.float32(1.25)) / _one_plus_exp_minus(x)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {f.__name__: f for f in (relu6, sigmoid, swish, eswish)}

_MINUS_LOG2_E = np.float32(-1.44269504)
# Adding it rounds to whole numbers (halves so that n + 127 is even), and leaves n + 127 in the low bits.
_ROUND = np.float32(1.5 * 2**23 + 127)
# 2^f = 1 + c1*f + ... + c5*f^5 for |f| <= 1/2: the polynomial with the least largest relative error (9.4e-8) whose
# coefficients are float32 and whose first is 1, so that exp(0) = 1.
_EXP2 = tuple(
    np.float32(float.fromhex(c))
    for c in ("0x1p0", "0x1.62e42ap-1", "0x1.ebf9c2p-3", "0x1.c6b6d8p-5", "0x1.3ce8acp-7", "0x1.5bda4p-10")
)


def _one_plus_exp_minus(x: Array) -> Array:
    """``1 + exp(-x)``, with ``exp(-x) = 2^y = 2^n * 2^f``.

    ``y = clip(x * -log2(e), -126, 126)``; ``m = y + _ROUND``, ``n = m - _ROUND``, ``f = y - n`` (exact);
    ``p = c5; for k = 4..0: p = fma(p, f, ck)``; the result is ``fma(p, 2^n, 1)``.
    """
    values = x.reshape(-1)
    result = np.empty_like(values)
    multiply_add = MultiplyAdd(min(_TILE, values.size), subnormals=False)  # its sums are near 1
    for start in range(0, values.size, _TILE):
        y = values[start : start + _TILE] * _MINUS_LOG2_E
        y = np.minimum(np.maximum(y, np.float32(-126)), np.float32(126))
        m = y + _ROUND
        f = y - (m - _ROUND)
        p = np.full_like(f, _EXP2[5])
        for c in _EXP2[4::-1]:
            higher, p = p, np.full_like(f, c)
            multiply_add(p, higher, f)
        power = (m.view(np.uint32) << np.uint32(23)).view(np.float32)
        result[start : start + _TILE] = p * power + np.float32(1)  # the product is exact
    return result.reshape(x.shape)


def _activate(x: Array, act: str | None) -> Array:
    return x if act is None else ACTIVATIONS[act](x)


def taps(x: Array, size: int, stride: int, pad: tuple[int, int]) -> list[tuple[int, int, Array]]:
    """(ky, kx, the (H', W', C) view of the zero-padded `x` that this tap of a size x size kernel reads), rows outer."""
    padded = np.pad(x, (pad, pad, (0, 0)))
    rows, columns = ((n - size) // stride + 1 for n in padded.shape[:2])
    return [
        (ky, kx, padded[ky : ky + stride * rows : stride, kx : kx + stride * columns : stride])
        for ky in range(size)
        for kx in range(size)
    ]


def _dot(weight: Array, x: Array, bias: Array) -> Array:
    """(O, K) weights times (K, P) columns plus bias: (P, O), the K multiply-adds in ascending order.

    Steps with a zero weight leave the accumulator alone, so where most weights are zero (the detector) they are
    skipped.
    """
    outputs, depth = weight.shape
    y = np.empty((x.shape[1], outputs), np.float32)
    used = [np.flatnonzero(weight[:, k]) for k in range(depth)]
    sparse = sum(map(len, used)) < 0.5 * weight.size
    columns = max(1, _TILE // outputs)
    multiply_add = MultiplyAdd(outputs * columns, needs_subnormals(x, weight))
    for start in range(0, x.shape[1], columns):
        tile = x[:, start : start + columns].astype(np.float64, order="C")
        acc = np.repeat(bias[:, None], tile.shape[1], axis=1)
        for k in range(depth):
            if sparse:
                some = acc[used[k]]
                multiply_add(some, weight[used[k], k, None], tile[None, k])
                acc[used[k]] = some
            else:
                multiply_add(acc, weight[:, k, None], tile[None, k])
        y[start : start + columns] = acc.T
    return y
