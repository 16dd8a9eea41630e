"""The geometry of BlazePose: two points make a rotated region, a region makes a crop, a crop is mapped back.

Every region is described once, by `Roi`; detector, tracker, landmark projection and mask all go through this module.
Arithmetic is float32, one rounding per operation, in the order of MediaPipe's
``alignment_points_to_rects_calculator.cc``, ``rect_transformation_calculator.cc`` and ``image_to_tensor_utils.cc``.

Frames of reference: ``_px`` image pixels, ``_n`` fractions of image width and height, ``_roi`` the rotated crop 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .. import arguments
from . import libm, warp
from .libm import FloatArray, f32

CROP_SCALE = 1.25  # pose_landmarks_to_roi.pbtxt, pose_detection_to_roi.pbtxt: scale_x, scale_y

_ZERO, _HALF, _ONE, _TWO = f32(0), f32(0.5), f32(1), f32(2)
_QUARTER_TURN = f32(math.pi / 2)
_LARGEST = float(np.finfo(f32).max)
_LARGEST_ANGLE = float(f32(math.pi))


def _normalised_angle(angle: float) -> float:
    """The angle in [-pi, pi), rounded to float32."""
    return float(f32(angle - 2 * math.pi * math.floor((angle + math.pi) / (2 * math.pi))))


@dataclass(frozen=True)
class Roi:
    """A rotated rectangle on the image. In pixels it is usually a square.

    Values are rounded to float32. A rotation outside [-pi, pi] is brought into it.

    Parameters
    ----------
    x, y : float
        Centre, in fractions of image width and height.
    width, height : float
        Sides before rotation, in fractions of image width and height.
    rotation : float
        Clockwise on the screen, in radians. At 0 the person stands upright.

    Raises
    ------
    TypeError
        If a value is not a number.
    ValueError
        If a value is not finite in float32, or a side is negative.
    """

    x: float
    y: float
    width: float
    height: float
    rotation: float = 0.0

    def __post_init__(self) -> None:
        # Straight into the dictionary: a region is made in every frame, and frozen attributes are slow to set.
        values = self.__dict__
        for name, value in values.items():
            wide = float(value) if isinstance(value, float | f32) else arguments.number(f"Roi: {name}", value)
            if not abs(wide) <= _LARGEST:
                raise ValueError(f"Roi: {name} must be finite in float32, not {value!r}")
            values[name] = float(f32(wide))
        if self.width < 0 or self.height < 0:
            raise ValueError(f"Roi: sides must not be negative, not {self.width} x {self.height}")
        if abs(self.rotation) > _LARGEST_ANGLE:
            values["rotation"] = _normalised_angle(self.rotation)

    def corners_px(self, width: int, height: int) -> FloatArray:
        """Corners on an image of this size.

        Parameters
        ----------
        width, height : int
            Image size in pixels.

        Returns
        -------
        ndarray of float32, shape (4, 2)
            x, y in pixels of the bottom left, top left, top right and bottom right corner of the region as the
            landmark network sees it: upright, and padded to a square.
        """
        return np.array(square_of(self, width, height).corners_px(), f32)


class Turn(NamedTuple):
    """Cosine and sine of a rotation, float32."""

    cos: np.float32
    sin: np.float32


class Square(NamedTuple):
    """A rotated square in pixels, and how much of it is padding ("PadRoi").

    ``width_px`` and ``height_px`` may differ in the last bits, where nothing was padded (`unpadded`). `letterbox` is
    the padding at the left, top, right and bottom as fractions of the square.
    """

    x_px: np.float32
    y_px: np.float32
    width_px: np.float32
    height_px: np.float32
    rotation: float
    letterbox: tuple[np.float32, np.float32, np.float32, np.float32]

    def corners_px(self, mirrored: bool = True) -> list[warp.Point]:
        """Bottom left, top left, top right, bottom right, as float32 values (``cv::RotatedRect::points``).

        `mirrored` gives the last two as reflections of the first two in the centre, as OpenCV 4 does; without it they
        are computed like these, as OpenCV 5 does. They differ in the last bits.
        """
        degrees = float(f32(float(f32(self.rotation) * f32(180)) / math.pi))
        angle = degrees * math.pi / 180
        b, a = f32(math.cos(angle)) * _HALF, f32(math.sin(angle)) * _HALF
        x, y, w, h = self.x_px, self.y_px, self.width_px, self.height_px
        ah, aw, bh, bw = a * h, a * w, b * h, b * w
        left, bottom = x - ah - bw, y + bh - aw
        up_x, up_y = x + ah - bw, y - bh - aw
        if mirrored:
            right, top = _TWO * x - left, _TWO * y - bottom
            down_x, down_y = _TWO * x - up_x, _TWO * y - up_y
        else:
            right, top = x + ah + bw, y - bh + aw
            down_x, down_y = x - ah + bw, y + bh + aw
        corners = ((left, bottom), (up_x, up_y), (right, top), (down_x, down_y))
        return [(float(px), float(py)) for px, py in corners]

    def crop_matrix(
        self, size: int, crop_matrix: Callable[..., warp.Matrix] = warp.crop_matrix, mirrored: bool = True
    ) -> warp.Matrix:
        """Matrix from pixels of a ``size`` x ``size`` crop to image pixels, made by the engine's `warp.crop_matrix`.

        `mirrored` as for `corners_px`.
        """
        return crop_matrix(self.corners_px(mirrored), size)


def pad_to_square(x_px: np.float32, y_px: np.float32, w_px: np.float32, h_px: np.float32, rotation: float) -> Square:
    """Make a rectangle square by padding its shorter side.

    Parameters
    ----------
    x_px, y_px, w_px, h_px : float32
        Centre and sides in pixels; sides above zero.
    rotation : float
        Radians.

    Returns
    -------
    Square
    """
    aspect = h_px / w_px
    if aspect < 1:
        vertical = (_ONE - aspect) / _TWO
        return Square(x_px, y_px, w_px, w_px, rotation, (_ZERO, vertical, _ZERO, vertical))
    horizontal = (_ONE - _ONE / aspect) / _TWO
    return Square(x_px, y_px, h_px, h_px, rotation, (horizontal, _ZERO, horizontal, _ZERO))


def whole_image(width: int, height: int, rotation_degrees: int = 0) -> Square:
    """The padded square around a whole image of this size in pixels: what the detector sees.

    Parameters
    ----------
    width, height : int
        Image size in pixels.
    rotation_degrees : int
        A multiple of 90: how far the image is turned clockwise. The square is turned back by as much
        (``ConvertToNormalizedRect`` of MediaPipe Tasks' ``image_processing_options.py``); its angle is not normalised.
    """
    w, h = f32(width), f32(height)
    if rotation_degrees == 0:
        return pad_to_square(_HALF * w, _HALF * h, w, h, 0.0)
    w_px, h_px = w, h
    if rotation_degrees % 180:  # the sides change places, through fractions of the image
        w_px, h_px = f32(height / width) * w, f32(width / height) * h
    return pad_to_square(_HALF * w, _HALF * h, w_px, h_px, float(f32(-rotation_degrees * math.pi / 180)))


def unpadded(roi: Roi, width: int, height: int) -> Square:
    """A region as it is, on an image of this size in pixels: a square but for rounding, to which nothing is padded."""
    w, h = f32(width), f32(height)
    zeros = (_ZERO, _ZERO, _ZERO, _ZERO)
    return Square(f32(roi.x) * w, f32(roi.y) * h, f32(roi.width) * w, f32(roi.height) * h, roi.rotation, zeros)


def square_of(roi: Roi, width: int, height: int) -> Square:
    """The padded square around a region with sides above zero, on an image of this size in pixels."""
    w, h = f32(width), f32(height)
    return pad_to_square(f32(roi.x) * w, f32(roi.y) * h, f32(roi.width) * w, f32(roi.height) * h, roi.rotation)


def squared(roi: Roi, width: int, height: int) -> Roi:
    """The region made square on an image of this size in pixels, around the same centre, by its longer side.

    Landmarks are turned back in fractions of the region (`project`), which is right on squares only. A region that is
    square but for rounding is returned as it is.
    """
    w_px, h_px = roi.width * width, roi.height * height
    side_px = max(w_px, h_px)
    if abs(w_px - h_px) <= 1e-5 * side_px:
        return roi
    return Roi(roi.x, roi.y, side_px / width, side_px / height, roi.rotation)


def circle(
    centre_n: FloatArray, scale_n: FloatArray, width: int, height: int
) -> tuple[np.float32, np.float32, np.float32, np.float32, np.float32]:
    """The circle around a person, in pixels.

    Parameters
    ----------
    centre_n, scale_n : ndarray of float32, shape (2,) or longer
        x, y of its centre and of a point on it, in fractions of image width and height.
    width, height : int
        Image size in pixels.

    Returns
    -------
    x, y, dx, dy, diameter : float32
        Centre, the vector from it to the point, and twice that vector's length.
    """
    w, h = f32(width), f32(height)
    x, y = f32(centre_n[0]) * w, f32(centre_n[1]) * h
    dx, dy = f32(scale_n[0]) * w - x, f32(scale_n[1]) * h - y
    return x, y, dx, dy, _TWO * np.sqrt(dx * dx + dy * dy)


def from_points(
    centre_n: FloatArray,
    scale_n: FloatArray,
    width: int,
    height: int,
    atan2f: Callable[..., FloatArray] = libm.atan2f,
) -> Roi:
    """The region around two points, before it is enlarged.

    Parameters
    ----------
    centre_n, scale_n : ndarray of float32, shape (2,) or longer
        x, y of the middle of the hips, and of a point on the circle around the whole body, straight above it when the
        person is upright; fractions of image width and height.
    width, height : int
        Image size in pixels.
    atan2f : function
        The engine's `refpose.stages.libm.atan2f`.

    Returns
    -------
    Roi
        The square around the circle. Its sides are 0 when the points coincide, or are not made of finite numbers.
    """
    w, h = f32(width), f32(height)
    x, y, dx, dy, diameter = circle(centre_n, scale_n, width, height)
    if not math.isfinite(x + y + diameter):
        return Roi(0, 0, 0, 0)
    rotation = _normalised_angle(float(_QUARTER_TURN - f32(atan2f(-dy, dx))))
    return Roi(float(x / w), float(y / h), float(diameter / w), float(diameter / h), rotation)


def around_keypoints(
    row_n: FloatArray, width: int, height: int, atan2f: Callable[..., FloatArray] = libm.atan2f
) -> Roi:
    """The region around the body that a detection shows: `from_points` of its first two key points.

    Parameters
    ----------
    row_n : ndarray of float32, shape (13,)
        As `detector.remove_padding` gives it.
    width, height, atan2f
        As for `from_points`.
    """
    return from_points(row_n[5:7], row_n[7:9], width, height, atan2f)


def turn(roi: Roi, cosf: Callable[..., FloatArray] = libm.cosf, sinf: Callable[..., FloatArray] = libm.sinf) -> Turn:
    """Cosine and sine of a region's rotation, by the engine's functions."""
    rotation = f32(roi.rotation)
    return Turn(f32(cosf(rotation)), f32(sinf(rotation)))


def enlarged(roi: Roi, width: int, height: int) -> Roi:
    """The region that is cropped: `CROP_SCALE` times the longer side, square on an image of this size in pixels."""
    w, h = f32(width), f32(height)
    longer = max(f32(roi.width) * w, f32(roi.height) * h)
    scale = f32(CROP_SCALE)
    return Roi(roi.x, roi.y, float(longer / w * scale), float(longer / h * scale), roi.rotation)


def object_scale(centre_n: FloatArray, scale_n: FloatArray, width: int, height: int) -> np.float32:
    """Size of a person in pixels: the diameter of its circle, through normalised units and back.

    ``GetObjectScale`` of ``landmarks_smoothing_calculator_utils.cc``. Arguments as for `circle`.
    """
    w, h = f32(width), f32(height)
    diameter = circle(centre_n, scale_n, width, height)[-1]
    return (diameter / w * w + diameter / h * h) / _TWO


def region_scale(roi: Roi, width: int, height: int) -> np.float32:
    """Size of a region in pixels: the mean of its sides, on an image of this size in pixels (``GetObjectScale``)."""
    return (f32(roi.width) * f32(width) + f32(roi.height) * f32(height)) / _TWO


def remove_letterbox(position: FloatArray, letterbox: tuple[np.float32, ...]) -> FloatArray:
    """Coordinates on a padded square -> coordinates on the region without its padding.

    Parameters
    ----------
    position : ndarray of float32, shape (n, 2) or (n, 3)
        x, y (z is scaled like x), in fractions of the square.
    letterbox : four float32
        Left, top, right, bottom, in fractions of the square.

    Returns
    -------
    ndarray of float32, same shape
        Fractions of the region.
    """
    left, top, right, bottom = letterbox
    horizontal, vertical = _ONE - (left + right), _ONE - (top + bottom)
    columns = position.shape[1]
    origin = np.array((left, top, 0)[:columns], f32)
    extent = np.array((horizontal, vertical, horizontal)[:columns], f32)
    return (position - origin) / extent


def project(position_roi: FloatArray, roi: Roi, cos: np.float32, sin: np.float32) -> FloatArray:
    """Coordinates in a region -> coordinates on the image (``landmark_projection_calculator.cc``).

    Parameters
    ----------
    position_roi : ndarray of float32, shape (n, 3)
        x, y, z in fractions of the region.
    roi : Roi
    cos, sin : float32
        Of the region's rotation.

    Returns
    -------
    ndarray of float32, shape (n, 3)
        x, y in fractions of image width and height, not limited to 0..1; z in fractions of the width.
    """
    u, v = position_roi[:, 0] - _HALF, position_roi[:, 1] - _HALF
    out = np.empty_like(position_roi)
    out[:, 0] = (cos * u - sin * v) * f32(roi.width) + f32(roi.x)
    out[:, 1] = (sin * u + cos * v) * f32(roi.height) + f32(roi.y)
    out[:, 2] = position_roi[:, 2] * f32(roi.width)
    return out


def unit_matrix(
    square: Square, width: int, height: int, cos: np.float32, sin: np.float32
) -> tuple[tuple[np.float32, ...], tuple[np.float32, ...], np.float32]:
    """Affine map from the unit square of a crop to the unit square of the image.

    ``GetRotatedSubRectToRectTransformMatrix`` of ``image_to_tensor_utils.cc``.

    Parameters
    ----------
    square : Square
    width, height : int
        Image size in pixels.
    cos, sin : float32
        Of the square's rotation.

    Returns
    -------
    row_x, row_y : three float32 each
        ``x_n = row_x[0]*x_roi + row_x[1]*y_roi + row_x[2]``, the same for y.
    scale_z : float32
    """
    x, y, w, h = square[:4]
    per_width, per_height = _ONE / f32(width), _ONE / f32(height)
    row_x = (w * cos * per_width, -h * sin * per_width, (-_HALF * w * cos + _HALF * h * sin + x) * per_width)
    row_y = (w * sin * per_height, h * cos * per_height, (-_HALF * h * cos - _HALF * w * sin + y) * per_height)
    return row_x, row_y, w * per_width
