"""The segmentation mask: logits of the crop -> probability of every image pixel -> smoothed over time.

Follows MediaPipe's ``tensors_to_segmentation_calculator.cc``, ``warp_affine_calculator_cpu.cc`` and
``segmentation_smoothing_calculator.cc``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import libm, warp
from .libm import FloatArray, f32
from .roi import Square, unit_matrix

# pose.py of MediaPipe loses the option combine_with_previous_ratio: 0.7 of the graph, so nothing is combined.
RATIO = 0.0
GRAPH_RATIO = 0.7

_ONE = f32(1)
# segmentation_smoothing_calculator.cc: polynomial in (mask - 0.5)**2 for the certainty of a mask value
_CERTAINTY = tuple(map(f32, (5.68842, -0.748699, -57.8051, 291.309, -624.717)))


def probability(logits: FloatArray, expf: Callable[[FloatArray], FloatArray] = libm.expf) -> FloatArray:
    """Mask in the crop.

    Parameters
    ----------
    logits : ndarray of float32, shape (256, 256)
        Network output "segmentation".
    expf : function
        The engine's `refpose.stages.libm.expf`.

    Returns
    -------
    ndarray of float32, same shape
        0..1. Sum and quotient are made in float64 and rounded once.
    """
    return (1.0 / (expf(-logits).astype(np.float64) + 1.0)).astype(f32)


def image_to_mask(
    square: Square, width: int, height: int, cos: np.float32, sin: np.float32, size: int
) -> tuple[float, ...]:
    """Affine map from image pixels to mask pixels.

    The inverse is the adjugate of the 4 x 4 matrix of `refpose.stages.roi.unit_matrix` in float32.

    Parameters
    ----------
    square : Square
        The padded square that was cropped.
    width, height : int
        Image size in pixels.
    cos, sin : float32
        Of the square's rotation.
    size : int
        Side of the mask in pixels.

    Returns
    -------
    tuple of 6 floats
        Two rows; float32 values.
    """
    (m00, m01, m02), (m10, m11, m12), mz = unit_matrix(square, width, height, cos, sin)
    rd = _ONE / ((m11 * m00 - m01 * m10) * mz)
    i00, i01 = (m11 * mz) * rd, -((m01 * mz) * rd)
    i10, i11 = -((m10 * mz) * rd), (m00 * mz) * rd
    i02 = -((mz * (m11 * m02 - m01 * m12)) * rd)
    i12 = -((mz * (m00 * m12 - m10 * m02)) * rd)
    n = f32(size)
    per_width, per_height = _ONE / f32(width), _ONE / f32(height)
    rows = (n * i00 * per_width, n * i01 * per_height, n * i02, n * i10 * per_width, n * i11 * per_height, n * i12)
    return tuple(map(float, rows))


def smooth(mask: FloatArray, previous: FloatArray, ratio: float) -> FloatArray:
    """Draw uncertain mask values towards those of the previous mask.

    Parameters
    ----------
    mask, previous : ndarray of float32, shape (H, W)
        0..1; `previous` is the last result of this function.
    ratio : float
        0 keeps `mask`, 1 replaces values of 0.5 by the previous ones.

    Returns
    -------
    ndarray of float32, shape (H, W)
    """
    c1, c2, c3, c4, c5 = _CERTAINTY
    t = mask - f32(0.5)
    x = t * t
    uncertainty = _ONE - np.minimum(_ONE, x * (c1 + x * (c2 + x * (c3 + x * (c4 + x * c5)))))
    return mask + (previous - mask) * (uncertainty * f32(ratio))


def on_image(
    probability: FloatArray,
    square: Square,
    width: int,
    height: int,
    cos: np.float32,
    sin: np.float32,
    warp_mask: Callable[..., FloatArray] = warp.warp_mask,
) -> FloatArray:
    """Mask of the whole image.

    Parameters
    ----------
    probability : ndarray of float32, shape (N, N)
        Mask in the crop.
    square, width, height, cos, sin
        As for `image_to_mask`.
    warp_mask : function
        The engine's `refpose.stages.warp.warp_mask`.

    Returns
    -------
    ndarray of float32, shape (height, width)
        0..1
    """
    return warp_mask(probability, image_to_mask(square, width, height, cos, sin, len(probability)), width, height)
