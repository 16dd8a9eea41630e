"""The operations against cases worked by hand, and their order of roundings against scalar loops."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from refpose.engine import blas
from refpose.networks import ops
from refpose.networks.fma import fma

Array = NDArray[np.float32]


def random(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def half(seed: int, *shape: int) -> Array:
    """Weights as they are stored: binary16 values."""
    return random(seed, *shape).astype(np.float16).astype(np.float32)


def ramp(*shape: int) -> Array:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


# By hand


def test_pointwise_by_hand() -> None:
    x = np.array([[[1, 2], [3, 4]]], np.float32)
    kernel = np.array([[1, 10], [-1, 1], [0, 5]], np.float32).reshape(3, 1, 1, 2)
    y = ops.pointwise(x, kernel, np.array([0.5, 0, -30], np.float32), "relu6")
    assert y.tolist() == [[[6, 1, 0], [6, 1, 0]]]
    assert ops.pointwise(x, kernel, np.zeros(3, np.float32)).tolist() == [[[21, 1, 10], [43, 1, 20]]]


def test_conv_by_hand() -> None:
    x = ramp(4, 4, 1)
    corner = np.zeros((1, 3, 3, 1), np.float32)
    corner[0, 0, 0, 0] = 1  # reads one pixel up and left
    zero = np.zeros(1, np.float32)
    assert ops.conv(x, corner, zero, 1, (1, 1))[:, :, 0].tolist() == [
        [0, 0, 0, 0],
        [0, 0, 1, 2],
        [0, 4, 5, 6],
        [0, 8, 9, 10],
    ]
    assert ops.conv(x, corner, zero, 2, (1, 1))[:, :, 0].tolist() == [[0, 0], [0, 5]]
    assert ops.conv(x, corner, zero, 2, (0, 1))[:, :, 0].tolist() == [[0, 2], [8, 10]]
    assert ops.conv(x, np.ones((1, 2, 2, 1), np.float32), zero)[0, 0, 0] == 0 + 1 + 4 + 5


def test_depthwise_by_hand() -> None:
    x = np.stack([ramp(3, 3), 10 * ramp(3, 3)], axis=2)
    kernel = np.zeros((3, 3, 2), np.float32)
    kernel[1, 2, 0] = 1  # the right neighbour
    kernel[2, 1, 1] = 2  # twice the lower neighbour
    y = ops.depthwise(x, kernel, np.array([0, 1], np.float32), 1, (1, 1))
    assert y[:, :, 0].tolist() == [[1, 2, 0], [4, 5, 0], [7, 8, 0]]
    assert y[:, :, 1].tolist() == [[61, 81, 101], [121, 141, 161], [1, 1, 1]]


def test_add_clamps_the_sum() -> None:
    x, y = np.array([[[1, -5, 4]]], np.float32), np.array([[[1, 2, 4]]], np.float32)
    assert ops.add(x, y).tolist() == [[[2, -3, 8]]]
    assert ops.add(x, y, "relu6").tolist() == [[[2, 0, 6]]]


def test_upsample_by_hand() -> None:
    x = np.array([[0, 4], [8, 16]], np.float32)[:, :, None]
    assert ops.upsample(x)[:, :, 0].tolist() == [
        [0, 1, 3, 4],
        [2, 3.25, 5.75, 7],
        [6, 7.75, 11.25, 13],
        [8, 10, 14, 16],
    ]


def test_max_pool_by_hand() -> None:
    assert ops.max_pool(ramp(4, 4, 1))[:, :, 0].tolist() == [[5, 7], [13, 15]]


def test_copies_by_hand() -> None:
    assert ops.pad_channels(ramp(1, 1, 2), 4).tolist() == [[[0, 1, 0, 0]]]
    assert ops.depth_to_space(ramp(1, 1, 8)).tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    assert ops.depth_to_space(ramp(1, 2, 4))[:, :, 0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7]]
    assert ops.concat(ramp(1, 2), ramp(2, 2)).tolist() == [[0, 1], [0, 1], [2, 3]]
    assert ops.reshape(ramp(1, 2, 4), (4, 2)).tolist() == ramp(4, 2).tolist()


def test_logistic() -> None:
    x = np.concatenate([np.linspace(-30, 30, 601), [-87, 87, 0.0, -0.0]]).astype(np.float32)
    exact = 1 / (1 + np.exp(-x.astype(np.float64)))
    assert np.abs(ops.logistic(x) / exact - 1).max() < 2.0**-22
    assert ops.logistic(np.float32(0)).shape == ()
    # Mirrored, not computed twice. (Its bits are those of the recorded presences: test_golden_pictures.)
    assert np.array_equal(ops.logistic(x[x > 0]), 1 - ops.logistic(-x[x > 0]))


# Order of roundings


def scalar_conv(x: Array, kernel: Array, bias: Array, stride: int, pad: tuple[int, int], act: str | None) -> Array:
    """The docstring of `ops.conv` as loops over scalars."""
    padded = np.pad(x, (pad, pad, (0, 0)))
    outputs, size, _, depth = kernel.shape
    rows, columns = ((n - size) // stride + 1 for n in padded.shape[:2])
    y = np.empty((rows, columns, outputs), np.float32)
    for h, w, o in np.ndindex(y.shape):
        acc = bias[o]
        for ky in range(size):
            for kx in range(size):
                for i in range(depth):
                    acc = fma(padded[stride * h + ky, stride * w + kx, i], kernel[o, ky, kx, i], acc)
        y[h, w, o] = min(max(acc, np.float32(0)), np.float32(6)) if act == "relu6" else acc
    return y


def scalar_depthwise(x: Array, kernel: Array, bias: Array, stride: int, pad: tuple[int, int], act: str | None) -> Array:
    """The docstring of `ops.depthwise` as loops over scalars."""
    padded = np.pad(x, (pad, pad, (0, 0)))
    size, _, channels = kernel.shape
    rows, columns = ((n - size) // stride + 1 for n in padded.shape[:2])
    y = np.empty((rows, columns, channels), np.float32)
    for h, w, c in np.ndindex(y.shape):
        acc = bias[c]
        for kx in range(size):
            for ky in range(size):
                acc = fma(padded[stride * h + ky, stride * w + kx, c], kernel[ky, kx, c], acc)
        y[h, w, c] = min(max(acc, np.float32(0)), np.float32(6)) if act == "relu6" else acc
    return y


@pytest.mark.parametrize(("stride", "pad"), [(1, (1, 1)), (2, (1, 1)), (2, (0, 1)), (1, (0, 0))])
@pytest.mark.parametrize("act", [None, "relu6"])
def test_conv_rounds_in_order(stride: int, pad: tuple[int, int], act: str | None) -> None:
    x, kernel, bias = random(1, 5, 6, 3), half(2, 4, 3, 3, 3), half(3, 4)
    assert np.array_equal(ops.conv(x, kernel, bias, stride, pad, act), scalar_conv(x, kernel, bias, stride, pad, act))


@pytest.mark.parametrize("depth", [1, 7, 24])
@pytest.mark.parametrize("act", [None, "relu6"])
def test_pointwise_rounds_in_order(depth: int, act: str | None) -> None:
    x, kernel, bias = random(4, 3, 5, depth), half(5, 9, 1, 1, depth), half(6, 9)
    assert np.array_equal(ops.pointwise(x, kernel, bias, act), scalar_conv(x, kernel, bias, 1, (0, 0), act))


def test_pointwise_skips_zero_weights_without_a_difference() -> None:
    x, kernel, bias = random(7, 4, 4, 40), half(8, 16, 1, 1, 40), half(9, 16)
    kernel[np.random.default_rng(0).random(kernel.shape) < 0.75] = 0
    assert np.array_equal(ops.pointwise(x, kernel, bias), scalar_conv(x, kernel, bias, 1, (0, 0), None))


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize(("stride", "before"), [(1, None), (2, None), (2, 0)])
@pytest.mark.parametrize("act", [None, "relu6"])
def test_depthwise_rounds_in_order(size: int, stride: int, before: int | None, act: str | None) -> None:
    pad = (size // 2, size // 2) if before is None else (before, size - 2)
    x, kernel, bias = random(10, 7, 8, 5), half(11, size, size, 5), half(12, 5)
    found = ops.depthwise(x, kernel, bias, stride, pad, act)
    assert np.array_equal(found, scalar_depthwise(x, kernel, bias, stride, pad, act))


def test_rows_first_would_be_wrong() -> None:
    """The case above can tell the two orders of depthwise taps apart."""
    x, kernel, bias = random(10, 7, 8, 5), half(11, 3, 3, 5), half(12, 5)
    mirrored = ops.depthwise(x.transpose(1, 0, 2), kernel.transpose(1, 0, 2), bias, 1, (1, 1)).transpose(1, 0, 2)
    assert not np.array_equal(mirrored, ops.depthwise(x, kernel, bias, 1, (1, 1)))


def test_upsample_rounds_in_order() -> None:
    x = random(13, 4, 3, 2)
    rows, columns, channels = x.shape
    y = np.empty((2 * rows, 2 * columns, channels), np.float32)
    for i, j, c in np.ndindex(y.shape):
        py, px = (min(max(0.5 * k - 0.25, 0), n - 1) for k, n in ((i, rows), (j, columns)))
        top, left = int(py), int(px)
        bottom, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
        ay, ax = np.float32(py - top), np.float32(px - left)
        t = x[top, left, c] + (x[top, right, c] - x[top, left, c]) * ax
        b = x[bottom, left, c] + (x[bottom, right, c] - x[bottom, left, c]) * ax
        y[i, j, c] = t + (b - t) * ay
    assert np.array_equal(ops.upsample(x), y)


def test_tiny_inputs_take_the_general_multiply_add() -> None:
    """Products that would round as subnormals are still rounded once."""
    x = np.ldexp(random(14, 2, 2, 3), -140).astype(np.float32)
    kernel, bias = half(15, 2, 1, 1, 3), np.zeros(2, np.float32)
    assert np.array_equal(ops.pointwise(x, kernel, bias), scalar_conv(x, kernel, bias, 1, (0, 0), None))


# BLAS


@pytest.mark.parametrize("name", ["pointwise", "conv", "depthwise"])
def test_blas_computes_the_same_formula(name: str) -> None:
    x = random(16, 9, 10, 12)
    arguments = {
        "pointwise": (half(17, 5, 1, 1, 12), half(18, 5), "relu6"),
        "conv": (half(17, 5, 3, 3, 12), half(18, 5), 2, (1, 1), None),
        "depthwise": (half(17, 5, 5, 12), half(18, 12), 1, (2, 2), "relu6"),
    }[name]
    exact, quick = (functions[name](x, *arguments) for functions in (ops.FUNCTIONS, blas.FUNCTIONS))
    assert quick.dtype == np.float32
    # A sum of n products of size about 1: n roundings of at most half an ulp each.
    np.testing.assert_allclose(quick, exact, rtol=0, atol=1e-4)
