"""Resampling of pictures and masks in the fixed-point arithmetic of OpenCV 4.10.

MediaPipe cuts the networks' inputs out with OpenCV's ``warpPerspective`` on bytes, and draws the mask back with its
``warpAffine`` on floats (``modules/imgproc/src/imgwarp.cpp``, the portable code). Positions are rounded to 1/32 pixel
there; a network sees that, so it is part of the definition. An integer index is a coordinate: there is no half-pixel
offset anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .libm import FloatArray, f32

ByteArray = NDArray[np.uint8]
Border = Literal["constant", "replicate"]
Point = tuple[float, float]
# Row-major 3 x 3 matrix in float64; maps an output pixel (column, row, 1) to a source pixel, homogeneous.
Matrix = tuple[float, ...]

_SINGULAR = 100 * float(np.finfo(np.float64).eps)  # pivots below this end the elimination
_TILE = 64  # columns that OpenCV evaluates from one start value
_INT32 = np.iinfo(np.int32)
_INT16 = np.iinfo(np.int16)


def homography(source: Sequence[Point], size: int) -> Matrix:
    """Matrix that sends source corners to the corners of a square output.

    ``getPerspectiveTransform`` of OpenCV: an 8 x 8 system, solved by Gaussian elimination with partial pivoting.
    Another order of these operations moves some crop values by a grey level.

    Parameters
    ----------
    source : four points in source pixels, float32 values
        The bottom left, top left, top right and bottom right corners of the output, in the source.
    size : int
        Side of the output in pixels. The corners are (0, size), (0, 0), (size, 0), (size, size).

    Returns
    -------
    tuple of 9 floats
        Source to output. Corners that span no area give the matrix 0 but for its last element 1.
    """
    n = float(size)
    target = ((0.0, n), (0.0, 0.0), (n, 0.0), (n, n))
    rows: list[list[float]] = []
    for axis in (0, 1):
        for (x, y), corner in zip(source, target, strict=True):
            at = corner[axis]
            # These two products are float32 in OpenCV, whose points are float32.
            px, py = float(f32(-x * at)), float(f32(-y * at))
            rows.append([x, y, 1.0, 0.0, 0.0, 0.0, px, py, at] if axis == 0 else [0.0, 0.0, 0.0, x, y, 1.0, px, py, at])
    for i in range(8):
        column = [abs(row[i]) for row in rows]
        largest = max(column[i:])
        if largest < _SINGULAR:
            return (*(0.0,) * 8, 1.0)
        pivot = column.index(largest, i)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        head = rows[i]
        d = -1.0 / head[i]
        for j in range(i + 1, 8):
            factor = rows[j][i] * d
            if factor:
                rows[j] = [a + factor * b for a, b in zip(rows[j], head, strict=True)]
    solution = [0.0] * 8
    for i in reversed(range(8)):
        row = rows[i]
        s = row[8]
        for k in range(i + 1, 8):
            s -= row[k] * solution[k]
        solution[i] = s / row[i]
    return (*solution, 1.0)


def inverse(matrix: Matrix) -> Matrix:
    """Inverse of a 3 x 3 matrix: adjugate times 1/determinant, in the order of OpenCV's ``invert``.

    Parameters
    ----------
    matrix : tuple of 9 floats

    Returns
    -------
    tuple of 9 floats
        All zero if there is no inverse: every output pixel then reads source pixel (0, 0).
    """
    a, b, c, d, e, f, g, h, i = matrix
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    if determinant == 0:
        return (0.0,) * 9
    r = 1.0 / determinant
    return (
        (e * i - f * h) * r,
        (c * h - b * i) * r,
        (b * f - c * e) * r,
        (f * g - d * i) * r,
        (a * i - c * g) * r,
        (c * d - a * f) * r,
        (d * h - e * g) * r,
        (b * g - a * h) * r,
        (a * e - b * d) * r,
    )


def crop_matrix(corners: Sequence[Point], size: int) -> Matrix:
    """Matrix from pixels of a square crop to source pixels; arguments as for `homography`."""
    return inverse(homography(corners, size))


def _positions(matrix: Matrix, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Source x and y of every output pixel, in 1/32 pixel; two arrays (size, size)."""
    column = np.arange(size, dtype=np.float64)
    offset = column % _TILE
    start = column - offset
    row = np.arange(size, dtype=np.float64)[:, None]

    def along(a: float, b: float, c: float) -> NDArray[np.float64]:
        return ((a * start + b * row) + c) + a * offset

    m = matrix
    depth = along(*m[6:9])
    k = np.divide(32.0, depth, out=np.zeros_like(depth), where=depth != 0)
    x, y = (np.rint(np.clip(along(*m[i : i + 3]) * k, _INT32.min, _INT32.max)) for i in (0, 3))
    return x.astype(np.int64), y.astype(np.int64)


def warp_u8(image: ByteArray, matrix: Matrix, size: int, border: Border) -> ByteArray:
    """Square piece of a picture, bilinear between pixels.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3), C-contiguous
    matrix : tuple of 9 floats
        Output pixel to source pixel.
    size : int
        Side of the output in pixels.
    border : {"constant", "replicate"}
        What lies outside the picture: zeros, or the nearest edge pixel.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
    """
    height, width = image.shape[:2]
    x, y = _positions(matrix, size)
    fx, fy = (x & 31).astype(np.int32)[..., None], (y & 31).astype(np.int32)[..., None]
    left, top = (np.clip(v >> 5, _INT16.min, _INT16.max) for v in (x, y))
    pixels = image.reshape(-1, 3)

    def tap(column: NDArray[np.int64], row: NDArray[np.int64]) -> NDArray[np.int32]:
        inner_column, inner_row = np.clip(column, 0, width - 1), np.clip(row, 0, height - 1)
        value = pixels.take(inner_row * width + inner_column, axis=0).astype(np.int32)
        if border == "constant":
            value *= ((inner_column == column) & (inner_row == row))[..., None]
        return value

    upper = (32 - fx) * tap(left, top) + fx * tap(left + 1, top)
    lower = (32 - fx) * tap(left, top + 1) + fx * tap(left + 1, top + 1)
    return (((32 - fy) * upper + fy * lower + 512) >> 10).astype(np.uint8)


def scale_u8(values: ByteArray, scale: FloatArray, offset: FloatArray, fused: bool = True) -> FloatArray:
    """Network input made of bytes: value * scale + offset in float32.

    Parameters
    ----------
    values : ndarray of uint8, any shape
    scale, offset : float32
        The product of a byte and a float32 is exact in float64, and so is the sum for the two scales in use.
    fused : bool
        Round once, at the end, as MediaPipe 0.10 does, or the product as well, as MediaPipe 1.x does.

    Returns
    -------
    ndarray of float32, same shape
    """
    product = np.arange(256, dtype=np.float64) * np.float64(scale)
    table = ((product if fused else product.astype(f32)) + np.float64(offset)).astype(f32)
    return table[values]


def warp_f32(
    image: ByteArray,
    matrix: Matrix,
    size: int,
    border: Border,
    scale: FloatArray,
    offset: FloatArray,
    fused: bool = True,
) -> FloatArray:
    """Network input cut out of a picture: `warp_u8`, then `scale_u8`.

    Returns
    -------
    ndarray of float32, shape (size, size, 3)
    """
    return scale_u8(warp_u8(image, matrix, size, border), scale, offset, fused)


def warp_mask(mask: FloatArray, matrix: Matrix, width: int, height: int) -> FloatArray:
    """Mask drawn into the picture, bilinear, zero outside.

    Parameters
    ----------
    mask : ndarray of float32, shape (N, N)
    matrix : tuple of 6 floats
        Picture pixel (x, y, 1) to mask pixel, two rows.
    width, height : int
        Size of the picture in pixels.

    Returns
    -------
    ndarray of float32, shape (height, width)
    """
    n = len(mask)
    column = np.arange(width, dtype=np.float64)
    row = np.arange(height, dtype=np.float64)[:, None]

    def position(a: float, b: float, c: float) -> NDArray[np.int64]:
        along, down = (
            np.clip(np.rint(1024 * v), _INT32.min, _INT32.max).astype(np.int64) for v in (a * column, b * row + c)
        )
        return (along + down + 16) >> 5

    x, y = position(*matrix[:3]), position(*matrix[3:])
    fx, fy = ((v & 31).astype(f32) / f32(32) for v in (x, y))
    left, top = x >> 5, y >> 5
    # A frame of zeros stands for everything outside the mask.
    framed = np.zeros((n + 2, n + 2), f32)
    framed[1:-1, 1:-1] = mask

    def tap(column: NDArray[np.int64], row: NDArray[np.int64]) -> FloatArray:
        return framed[np.clip(row, -1, n) + 1, np.clip(column, -1, n) + 1]

    gx, gy = f32(1) - fx, f32(1) - fy
    value = tap(left, top) * (gy * gx)
    value = value + tap(left + 1, top) * (gy * fx)
    value = value + tap(left, top + 1) * (fy * gx)
    return value + tap(left + 1, top + 1) * (fy * fx)
