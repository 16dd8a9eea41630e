"""Trained weights in the order in which kernels read them, drawn in src_c/layout.h."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .layout import LANES, padded_channels, panels

Array = NDArray[np.float32]


class Reader(NamedTuple):
    """What a packing must know of the step that reads it.

    Attributes
    ----------
    rows, chunk : int
        Its tile.
    plane : int
        Distance of the input's planes.
    """

    rows: int
    chunk: int
    plane: int


class Packing(Protocol):
    """Packed weights from a kernel, a bias and what the reading step needs."""

    def __call__(self, kernel: Array, bias: Array, reader: Reader) -> Array: ...


def dense(kernel: Array, bias: Array, reader: Reader) -> Array:
    return pack_pointwise(kernel, bias)


def window(kernel: Array, bias: Array, reader: Reader) -> Array:
    return pack_depthwise(kernel, bias)


def sparse(kernel: Array, bias: Array, reader: Reader) -> Array:
    return pack_sparse(kernel, bias, reader.chunk, reader.plane)


def grouped_sparse(kernel: Array, bias: Array, reader: Reader) -> Array:
    return pack_groups(kernel, bias, reader.rows, reader.chunk, reader.plane)


def pack_pointwise(kernel: NDArray[Any], bias: NDArray[Any]) -> NDArray[Any]:
    """Kernel (O, kh, kw, I) and bias (O,) as panels of outputs, each a bias row and kh*kw*I weight rows."""
    outputs = len(bias)
    matrix = np.zeros((1 + kernel[0].size, padded_channels(outputs)), kernel.dtype)
    matrix[0, :outputs] = bias
    matrix[1:, :outputs] = kernel.reshape(outputs, -1).T
    return np.concatenate([matrix[:, n : n + width].ravel() for n, width in panels(outputs)])


def pack_sparse(kernel: Array, bias: Array, chunk: int, plane: int) -> Array:
    """The biases, then the stream of non-zero weights of a kernel (O, 1, 1, I), outputs in pairs.

    `plane` is the distance of the input's planes; `chunk` inputs are looked at at a time.
    """
    from . import _native

    return _native.pack_sparse(kernel.reshape(len(bias), -1), bias, chunk, plane)


def pack_groups(kernel: Array, bias: Array, group: int, chunk: int, plane: int) -> Array:
    """`pack_sparse` for every `group` outputs, behind the places where these streams start, in fours of values."""
    streams = [
        pack_sparse(kernel[n : n + group], bias[n : n + group], chunk, plane) for n in range(0, len(bias), group)
    ]
    head = -(-len(streams) // 4)
    starts = np.zeros(4 * head, np.int32)
    starts[: len(streams)] = head + np.cumsum([0, *(len(stream) // 4 for stream in streams[:-1])])
    return np.concatenate([starts.view(np.float32), *streams])


def pack_depthwise(kernel: Array, bias: Array) -> Array:
    """Kernel (k, k, C) and bias (C,) as groups of 16 channels, each a bias row and k*k tap rows, columns outer."""
    size, _, channels = kernel.shape
    rows = np.zeros((1 + size * size, padded_channels(channels)), np.float32)
    rows[0, :channels] = bias
    rows[1:, :channels] = kernel.transpose(1, 0, 2).reshape(size * size, channels)
    return rows.reshape(1 + size * size, -1, LANES).transpose(1, 0, 2).ravel()
