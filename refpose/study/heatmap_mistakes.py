"""What goes wrong in ports of EfficientPose, as `study.mistakes` has it for BlazePose; the detector is the same."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..stages import heatmaps
from ..stages.libm import FloatArray
from ..stages.warp import ByteArray
from . import mistakes
from .mistakes import Right
from .quantities import DETECTOR

Array = NDArray[Any]

_DETECTOR = {quantity.stage for quantity in DETECTOR.values()}

OPTIONS: dict[str, dict[str, dict[str, str]]] = {
    **{stage: options for stage, options in mistakes.OPTIONS.items() if stage in _DETECTOR},
    "input": {
        "colour": {"bgr": "channels in the order blue, green, red instead of red, green, blue"},
        "range": {
            "0..1": "values 0..1: mean and deviation of the colours not applied",
            "-1..1": "values -1..1, as the LITE networks take them, instead of mean and deviation of the colours",
            "0..255": "values 0..255: not scaled",
        },
        "geometry": {"squashed": "squashed instead of letterboxed: the aspect ratio is not kept"},
        "sampling": {"bilinear": "reduced without the smoothing (anti-aliasing) of scikit-image's resize"},
    },
    "network": {
        "fed": {
            "bgr": "the network was fed blue, green, red instead of red, green, blue",
            "swapped": "the network was fed rows and columns exchanged",
        }
    },
    "peaks": {
        "smoothing": {
            "none": "heat maps not smoothed before their peaks are looked for",
            "smoothed": "heat maps smoothed, which the decoding for cameras does not do",
        },
        "offset": {"corner": "half a pixel missing: a pixel's corner instead of its centre"},
        "axes": {"swapped": "x and y exchanged"},
        "padding": {"kept": "padding of the letterbox not removed"},
    },
    "results": {"origin": {"ignored": "places in the cut taken for places in the picture"}},
}
"""Stage -> option -> value -> what is wrong."""


def mistaken(stage: str, options: Mapping[str, str], right: Right) -> Right:
    """The function of a stage with these mistakes made."""
    if stage in _DETECTOR:
        return mistakes.mistaken(stage, options, right)
    return partial(_VARIANTS[stage], right, **options)


def _input(
    right: Right,
    image: ByteArray,
    side: int,
    lite: bool,
    colour: str = "rgb",
    range: str = "right",
    geometry: str = "letterbox",
    sampling: str = "smooth",
) -> FloatArray:
    picture = np.ascontiguousarray(image[:, :, ::-1]) if colour == "bgr" else image
    if geometry == "squashed":
        square = _resized(picture, side, side)
    elif sampling == "bilinear":
        height, width = heatmaps.scaled_size(picture.shape[0], picture.shape[1], side)
        top, left = (side - height) // 2, (side - width) // 2
        square = np.zeros((side, side, 3), np.uint8)
        square[top : top + height, left : left + width] = _resized(picture, width, height)
    else:
        square = heatmaps.letterbox(picture, side)
    values = square.astype(np.float32)
    scaled = {"0..1": values / 255, "-1..1": values / np.float32(127.5) - 1, "0..255": values}
    return scaled[range] if range in scaled else heatmaps.normalisation(lite)[square, np.arange(3)]


def _resized(picture: ByteArray, width: int, height: int) -> ByteArray:
    """Plain bilinear interpolation between the nearest pixels, however much the picture is reduced."""
    place = [
        np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        for new, old in ((height, picture.shape[0]), (width, picture.shape[1]))
    ]
    (y0, y1), (x0, x1) = ((np.floor(p).astype(np.intp), np.ceil(p).astype(np.intp)) for p in place)
    fy, fx = (place[0] - y0)[:, None, None], (place[1] - x0)[None, :, None]
    rows = picture[y0] * (1 - fy) + picture[y1] * fy
    return np.rint(rows[:, x0] * (1 - fx) + rows[:, x1] * fx).astype(np.uint8)


def _network(right: Right, network: Any, x: Array, names: Any, fed: str) -> tuple[Array, ...]:
    changed = x[:, :, ::-1] if fed == "bgr" else x.transpose(1, 0, 2)
    return right(network, np.ascontiguousarray(changed), names)


def _peaks(
    right: Right,
    heatmap: FloatArray,
    crop: ByteArray,
    camera: bool,
    find_peaks: Right,
    smoothing: str = "right",
    offset: str = "centre",
    axes: str = "x, y",
    padding: str = "removed",
) -> tuple[Array, Array]:
    maps = np.ascontiguousarray(heatmap.transpose(1, 0, 2)) if axes == "swapped" else heatmap
    find = partial(_found, find_peaks, smoothing)
    shape = maps if padding == "kept" else crop
    place, value = right(maps, shape, camera, find)
    if offset == "corner":
        place = place - 0.5 / len(heatmap) * max(crop.shape[:2]) / np.array(crop.shape[1::-1])
    return place, value


def _found(find_peaks: Right, smoothing: str, heatmap: FloatArray, smoothed: bool) -> Any:
    return find_peaks(heatmap, {"right": smoothed, "none": False, "smoothed": True}[smoothing])


def _on_image(
    right: Right, place: Array, peak: Array, crop: ByteArray, origin_px: tuple[int, int], *rest: Any, origin: str
) -> Any:
    return right(place, peak, crop, (0, 0), *rest)


_VARIANTS: dict[str, Right] = {
    "input": _input,
    "network": _network,
    "peaks": _peaks,
    "results": _on_image,
}
