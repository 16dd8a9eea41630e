"""EfficientPose around its networks: picture -> network input, heat maps -> key points.

The authors' Python (``utils/helpers.py`` of daniegr/EfficientPose) on the libraries it names (scikit-image's
``resize``, SciPy's ``gaussian_filter``), with the order of their roundings: a grey level of the input and the place of
a peak depend on it. All is float64 unless said otherwise, one rounding per operation.

Frames of reference: ``_px`` pixels with centres at +0.5, ``_sq`` the letterboxed square 0..1, ``_n`` fractions of image
width and height.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .libm import EXP2_32, FloatArray
from .roi import Roi
from .warp import ByteArray

DoubleArray = NDArray[np.float64]

RADII = 4.0  # standard deviations after which a Gaussian is cut off (scipy.ndimage: truncate)
SMOOTHING = 1.0  # standard deviation of the smoothing of heat maps, pixels
MIN_PEAK = 0.3  # a peak below this is no key point (camera mode)

# keras.applications.imagenet_utils.preprocess_input, modes "torch" and "tf".
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


# Picture -> network input --------------------------------------------------------------------------------------------


def scaled_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width of a picture whose longer side is made `side` pixels; each at least 1."""
    scale = side / width if height / width < 1 else side / height
    return max(1, round(scale * height)), max(1, round(scale * width))


def resize(image: ByteArray, side: int) -> ByteArray:
    """The picture with its longer side made `side` pixels: scikit-image's ``resize`` with anti-aliasing.

    Small pictures are enlarged. A picture that keeps its size does not keep its bytes: 24 of 256 values become one
    less, because values are divided by 255, multiplied by 255 and cut off.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
    side : int

    Returns
    -------
    ndarray of uint8, shape (h, w, 3)
    """
    rows, columns = axes(*image.shape[:2], side)
    total = np.zeros((len(rows.near), len(columns.near), 3))
    for row, wy in ((rows.near, rows.near_weight), (rows.far, rows.far_weight)):
        lines = _blurred(image, row, rows.blur, 1 / 255).swapaxes(0, 1)
        for column, wx in ((columns.near, columns.near_weight), (columns.far, columns.far_weight)):
            value = _blurred(lines, column, columns.blur).swapaxes(0, 1)
            total += (value * wy[:, None, None]) * wx[:, None]
    limits = image.min() * (1 / 255), image.max() * (1 / 255)
    return (np.clip(total, *limits) * 255).astype(np.uint8)


def letterbox(image: ByteArray, side: int) -> ByteArray:
    """The picture in a black square: `resize`, then centred.

    Returns
    -------
    ndarray of uint8, shape (side, side, 3)
    """
    small = resize(image, side)
    height, width = small.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side, 3), np.uint8)
    square[top : top + height, left : left + width] = small
    return square


@lru_cache(maxsize=2)
def normalisation(lite: bool) -> FloatArray:
    """Network input for every byte of every channel: ndarray of float32, shape (256, 3), read-only.

    LITE: ``v/127.5 - 1``; else ``(v/255 - mean) / deviation`` of ImageNet's colours; every step in float32.
    """
    values = np.arange(256, dtype=np.float32)[:, None].repeat(3, axis=1)
    table = values / np.float32(127.5) - np.float32(1) if lite else (values / np.float32(255) - _MEAN) / _DEVIATION
    table.setflags(write=False)
    return table


class Axis(NamedTuple):
    """How one axis of a picture is resampled.

    Attributes
    ----------
    near, far : ndarray of int32, shape (n,)
        The two places every result lies between.
    near_weight, far_weight : ndarray of float64, shape (n,)
    blur : tuple of float
        Weights of the blur that comes before, from its middle on.
    """

    near: NDArray[np.int32]
    far: NDArray[np.int32]
    near_weight: DoubleArray
    far_weight: DoubleArray
    blur: tuple[float, ...]


@lru_cache(maxsize=16)
def axes(height: int, width: int, side: int) -> tuple[Axis, Axis]:
    """How the rows and the columns of a picture of this size are resampled."""
    new_height, new_width = scaled_size(height, width, side)
    shrinks = new_height < height or new_width < width
    found = []
    for before, after in ((height, new_height), (width, new_width)):
        at = np.abs((np.arange(after) + 0.5) * (before / after) - 0.5)
        near = np.floor(at).astype(np.int32)
        near_weight = 1 - (at - near)
        # The second weight is one minus the first, which need not be the fraction.
        blur = gaussian((before / after - 1) / 2) if shrinks and before > after else (1.0,)
        found.append(Axis(near, _mirrored(near + 1, before), near_weight, 1 - near_weight, blur))
    return found[0], found[1]


def network_input(image: ByteArray, side: int, lite: bool) -> FloatArray:
    """What the network is given: `letterbox`, then `normalisation`; black borders are black to the network, not zero.

    Returns
    -------
    ndarray of float32, shape (side, side, 3)
    """
    return normalisation(lite)[letterbox(image, side), np.arange(3)]


# A crop is at most so many times as large as the picture's longer side; the rest would be black.
_LARGEST_CROP = 4


def square_crop(image: ByteArray, region: Roi) -> tuple[ByteArray, tuple[int, int]]:
    """A square piece of a picture, black where it leaves the picture.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
    region : Roi
        An upright square in pixels; its side is rounded to whole pixels, at least 1 and at most four times the
        picture's longer side.

    Returns
    -------
    square : ndarray of uint8, shape (side, side, 3)
    origin_px : (int, int)
        x, y of its first pixel in the picture.
    """
    height, width = image.shape[:2]
    side = min(max(1, round(region.width * width)), _LARGEST_CROP * max(height, width))
    left, top = round(region.x * width - side / 2), round(region.y * height - side / 2)
    square = np.zeros((side, side, 3), np.uint8)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    if x0 < x1 and y0 < y1:
        square[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    return square, (left, top)


def whole_picture(image: ByteArray, region: Roi) -> tuple[ByteArray, tuple[int, int]]:
    """In the place of `square_crop`: the picture as it is, whatever the region."""
    return image, (0, 0)


def _mirrored(index: NDArray[np.int32], length: int) -> NDArray[np.int32]:
    """Indices beyond the ends mirrored inwards, the end itself not repeated: d c b | a b c d | c b a."""
    if length == 1:
        return np.zeros_like(index)
    period = 2 * length - 2
    index = index % period
    return np.minimum(index, period - index)


def _blurred(
    values: NDArray[Any], at: NDArray[np.int32], blur: tuple[float, ...], unit: float | None = None
) -> DoubleArray:
    """The values at these places of the first axis after a blur along it; they are multiplied by `unit` first."""

    def take(index: NDArray[np.int32]) -> DoubleArray:
        taken: DoubleArray = values[_mirrored(index, len(values))]
        return taken if unit is None else taken * unit

    if len(blur) == 1:
        return take(at)
    total = take(at) * blur[0]
    for distance in range(len(blur) - 1, 0, -1):
        total += (take(at - distance) + take(at + distance)) * blur[distance]
    return total


@lru_cache(maxsize=64)
def gaussian(deviation: float) -> tuple[float, ...]:
    """Weights of a Gaussian filter at distance 0, 1, ... from its centre; SciPy's ``_gaussian_kernel1d``.

    Last bits matter: over an area of one colour they decide whether the cut to bytes gives that colour or one less.
    """
    radius = int(RADII * deviation + 0.5)
    factor = -0.5 / (deviation * deviation)
    half = [exp(factor * (distance * distance)) for distance in range(radius + 1)]
    total = _pairwise_sum([*half[:0:-1], *half])
    return tuple(weight / total for weight in half)


_EXP_LOG2_E, _EXP_LN2_HIGH, _EXP_LN2_LOW, *_EXP_COEFFICIENTS = map(
    float.fromhex,
    (
        *("0x1.71547652b82fep+0", "0x1.62e42fefa39efp-1", "0x1.abc9e3b39803fp-56"),
        *("0x1.0000000002622p-1", "0x1.5555554b508a2p-3", "0x1.555564bb4f5f0p-5"),
        *("0x1.1106603d97c00p-7", "0x1.72eb5ef0d213dp-10"),
    ),
)


def exp(x: float) -> float:
    """e to the power x, for -700 < x <= 0, as NumPy 1.22 to 1.26 computes it on a CPU with AVX-512.

    Intel's algorithm (SVML, ``svml_z0_exp_d_la.s``): ``x = n*ln 2 + r`` with n the multiple of 1/16 below; the result
    is ``2^n * (1 + (exp(r) - 1))``. About one result in four is not the nearest float64. The recorded inputs of the
    networks were made this way.
    """

    def fma(a: float, b: float, c: float) -> float:
        return float(Fraction(a) * Fraction(b) + Fraction(c))

    sixteenths = math.floor(Fraction(x) * Fraction(_EXP_LOG2_E) * 16)
    n = sixteenths / 16
    r = fma(-n, _EXP_LN2_LOW, fma(-n, _EXP_LN2_HIGH, x))
    c2, c3, c4, c5, c6 = _EXP_COEFFICIENTS
    square = r * r
    high = fma(fma(r, c6, c5), square, fma(r, c4, c3))
    rest = fma(high, square * r, fma(c2, square, r))
    power = float(EXP2_32[2 * (sixteenths % 16)])
    return math.ldexp(fma(rest, power, power), sixteenths // 16)


def _pairwise_sum(values: list[float]) -> float:
    """Sum in the order of NumPy's ``sum``."""
    if len(values) > 128:
        middle = len(values) // 2
        middle -= middle % 8
        return _pairwise_sum(values[:middle]) + _pairwise_sum(values[middle:])
    whole = len(values) - len(values) % 8
    sums = values[:8] if whole else [0.0] * 8
    for start in range(8, whole, 8):
        sums = [total + value for total, value in zip(sums, values[start : start + 8], strict=True)]
    total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
    for value in values[whole:]:
        total += value
    return total


# Heat maps -> key points ---------------------------------------------------------------------------------------------


def smooth(heatmap: FloatArray) -> FloatArray:
    """Every map blurred a little: rows, then columns, edges repeated outwards; float32 after either.

    Parameters
    ----------
    heatmap : ndarray of float32, shape (S, S, n)

    Returns
    -------
    ndarray of float32, shape (S, S, n)
    """
    weights = gaussian(SMOOTHING)
    for axis in (0, 1):
        length, radius = heatmap.shape[axis], len(weights) - 1
        padding = [(radius, radius) if a == axis else (0, 0) for a in range(3)]
        padded = np.moveaxis(np.pad(heatmap.astype(np.float64), padding, "symmetric"), axis, 0)
        total = padded[radius : radius + length] * weights[0]
        for distance in range(radius, 0, -1):
            before, behind = (padded[radius + step : radius + step + length] for step in (-distance, distance))
            total += (before + behind) * weights[distance]
        heatmap = np.moveaxis(total.astype(np.float32), 0, axis)
    return heatmap


def find_peaks(heatmap: FloatArray, smoothed: bool) -> tuple[NDArray[np.intp], FloatArray]:
    """Where every map is highest; of equal places the first, row by row.

    Parameters
    ----------
    heatmap : ndarray of float32, shape (S, S, n)
    smoothed : bool
        Whether to `smooth` the maps first.

    Returns
    -------
    place : ndarray of int, shape (n,)
        Row times S plus column.
    value : ndarray of float32, shape (n,)
    """
    flat = (smooth(heatmap) if smoothed else heatmap).reshape(-1, heatmap.shape[2])
    place = flat.argmax(axis=0)
    return place, flat[place, np.arange(flat.shape[1])]


def remove_letterbox(place_sq: DoubleArray, width: int, height: int, side: int) -> DoubleArray:
    """Places on the square -> places on the picture; what lies on the black border goes to the edge as in the original.

    Parameters
    ----------
    place_sq : ndarray of float64, shape (n, 2)
    width, height : int
        Picture size in pixels.
    side : int
        Of the square, pixels.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        x, y; -0.5/side stands for above or left of the picture, 1 for below or right of it.
    """
    place = place_sq.copy()
    longer = max(width, height)
    for axis, length in ((0, width), (1, height)):
        if length < longer:
            padding = (longer - length) / (2 * longer)
            inner = (place[:, axis] - padding) / (1 - 2 * padding)
            place[:, axis] = np.where(inner < 0, -0.5 / side, np.where(inner > 1, 1.0, inner))
    return place


def decode(
    heatmap: FloatArray,
    width: int,
    height: int,
    camera: bool = False,
    find_peaks: Callable[..., tuple[NDArray[np.intp], FloatArray]] = find_peaks,
) -> tuple[DoubleArray, FloatArray]:
    """Key points on the picture.

    Parameters
    ----------
    heatmap : ndarray of float32, shape (S, S, n)
        Network output.
    width, height : int
        Picture size in pixels.
    camera : bool
        As the authors do it for a live camera: no smoothing, and a peak below `MIN_PEAK` is no key point.
    find_peaks : function
        The engine's `find_peaks`.

    Returns
    -------
    place_n : ndarray of float64, shape (n, 2)
        x, y; a missing one has the place (-0.5/S, -0.5/S) on the square, which stays negative.
    peak : ndarray of float32, shape (n,)
        The value of the map there, smoothed unless `camera`.
    """
    side = len(heatmap)
    index, peak = find_peaks(heatmap, not camera)
    place = np.stack([(index % side + 0.5) / side, (index // side + 0.5) / side], axis=1)
    if camera:
        place[peak < np.float32(MIN_PEAK)] = -0.5 / side
    return remove_letterbox(place, width, height, side), peak
