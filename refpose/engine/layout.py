"""How values lie in memory: the constants and sizes of src_c/layout.h, which draws what they mean.

The extension, when it is imported, holds every constant here against the header's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

LANES = 16  # channels of interleaved tensors and outputs of packed weights come in multiples of this
PANEL = 48  # outputs of the widest panel of packed weights
ROW_GAP = 2  # zeros behind each row of a plane
END_PADDING = 128  # values behind the last plane that whole tiles may read
FEW_CHANNELS = 48  # channels that the few_channel kernels take at most
MASK_HEAD_CHANNELS = 8
MAX_THREADS = 64


def padded_size(size: int) -> int:
    """Values of what is `size` long and followed by zeros up to a multiple of `LANES`."""
    return -(-size // LANES) * LANES


def padded_channels(channels: int) -> int:
    return padded_size(channels)


def plane_padding(columns: int) -> int:
    """Zeros between two planes: what a 5x5 window reaches beyond an image."""
    return padded_size(2 * (columns + ROW_GAP) + 2)


def plane_size(rows: int, columns: int) -> int:
    """Distance from plane to plane."""
    return plane_padding(columns) + padded_size(rows * (columns + ROW_GAP))


def tensor_size(shape: tuple[int, int, int], planar: bool) -> tuple[int, int]:
    """(values of a tensor in the arena, distance from pixel to pixel or from plane to plane)."""
    rows, columns, channels = shape
    if not planar:
        return rows * columns * padded_channels(channels), padded_channels(channels)
    plane = plane_size(rows, columns)
    return padded_size(channels * plane + plane_padding(columns) + END_PADDING), plane


def image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """A shape as (rows, columns, channels)."""
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else (1, 1, math.prod(shape))


def panels(outputs: int) -> Iterable[tuple[int, int]]:
    """(first output, width) of every panel of packed pointwise weights."""
    start, end = 0, padded_channels(outputs)
    while start < end:
        left = end - start
        width = PANEL if left >= PANEL and left != PANEL + LANES else min(left, 2 * LANES) // LANES * LANES
        yield start, width
        start += width
