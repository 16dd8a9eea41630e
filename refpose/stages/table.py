"""The per-value work of the pipeline, as a table of functions an engine may replace by faster ones with the same bits.

Everything that costs time for each pixel, heat map cell or number goes through a `Stages`. `NUMPY` is the meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import filters, heatmaps, jpeg, landmarks, libm, raster, rounded, segmentation, warp
from .libm import FloatArray


class Stages(NamedTuple):
    """Functions with the arguments and results of the NumPy functions they stand for.

    Attributes
    ----------
    expf, sinf, cosf, atan2f
        `refpose.stages.libm`, or `refpose.stages.rounded`.
    probability
        `refpose.stages.segmentation`.
    crop_matrix, warp_f32, warp_mask
        `refpose.stages.warp`.
    refine, landmarks
        `refpose.stages.landmarks.refine` and `refpose.stages.landmarks.on_image`.
    one_euro
        `refpose.stages.filters.one_euro`.
    network_input, find_peaks
        `refpose.stages.heatmaps`.
    draw_lines, draw_circles
        `refpose.stages.raster`.
    decode_jpeg
        `refpose.stages.jpeg`.
    """

    expf: Callable[..., FloatArray] = libm.expf
    sinf: Callable[..., FloatArray] = libm.sinf
    cosf: Callable[..., FloatArray] = libm.cosf
    atan2f: Callable[..., FloatArray] = libm.atan2f
    probability: Callable[..., FloatArray] = segmentation.probability
    crop_matrix: Callable[..., warp.Matrix] = warp.crop_matrix
    warp_f32: Callable[..., FloatArray] = warp.warp_f32
    warp_mask: Callable[..., FloatArray] = warp.warp_mask
    refine: Callable[..., FloatArray] = landmarks.refine
    landmarks: Callable[..., landmarks.Landmarks] = landmarks.on_image
    one_euro: Callable[..., tuple[FloatArray, NDArray[np.float64]]] = filters.one_euro
    network_input: Callable[..., FloatArray] = heatmaps.network_input
    find_peaks: Callable[..., tuple[NDArray[np.intp], FloatArray]] = heatmaps.find_peaks
    draw_lines: Callable[..., None] = raster.draw_lines
    draw_circles: Callable[..., None] = raster.draw_circles
    decode_jpeg: Callable[..., NDArray[np.uint8]] = jpeg.decode_jpeg


NUMPY = Stages()
NUMPY_ROUNDED = Stages(
    expf=rounded.expf,
    sinf=rounded.sinf,
    cosf=rounded.cosf,
    atan2f=rounded.atan2f,
    probability=partial(segmentation.probability, expf=rounded.expf),
    refine=(refine := partial(landmarks.refine, expf=rounded.expf)),
    landmarks=partial(landmarks.on_image, expf=rounded.expf, refine=refine),
)
