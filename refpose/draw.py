"""Draw poses on pictures: circles, lines, and MediaPipe's rules of what is drawn at all.

Two things must match programs written for `mediapipe.solutions.drawing_utils`: which landmarks are drawn
(`landmarks`, the one place that knows the rules), and which pixels a line or a circle covers. OpenCV's rasteriser
(modules/imgproc/src/drawing.cpp, 4.11, 8-connected, no anti-aliasing) works in 16.16 fixed point; `line` and `circle`
follow it, so the pictures are equal pixel by pixel. Everything draws in place into an (H, W, 3) array and hands the
colour to the channels as it is: (224, 224, 224) means what the channels mean.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import arguments

if TYPE_CHECKING:
    from .pose import Person

Color = Sequence[float]
Point = tuple[int, int]

# mediapipe/python/solutions/drawing_utils.py: a landmark that states less than this is not drawn.
VISIBILITY_THRESHOLD = 0.5
PRESENCE_THRESHOLD = 0.5

WHITE_COLOR = (224, 224, 224)
# RGB; both differ from the skeleton's white, orange and turquoise.
ROI_COLOR = (255, 214, 0)
BOX_COLOR = (60, 220, 90)
PARTS = ("skeleton", "roi", "box")

_SHIFT = 16
_ONE = 1 << _SHIFT
_HALF = _ONE >> 1


@dataclass
class DrawingSpec:
    """How to draw a landmark or a connection.

    Attributes
    ----------
    color : tuple of 3 int
        In the channel order of the picture. MediaPipe's programs draw on BGR pictures.
    thickness : int
        In pixels; negative fills circles.
    circle_radius : int
        In pixels.
    """

    color: tuple[int, int, int] = WHITE_COLOR
    thickness: int = 2
    circle_radius: int = 2


def pixel(x_n: float, y_n: float, width: int, height: int) -> Point | None:
    """Pixel of an image-normalised point, or None when it lies outside the picture.

    A coordinate is inside when it is at least 0 and below 1 or within a relative 1e-9 of 1
    (`_normalized_to_pixel_coordinates` of mediapipe/python/solutions/drawing_utils.py).

    Parameters
    ----------
    x_n, y_n : float
        Fractions of the picture's width and height.
    width, height : int
        Size of the picture in pixels.
    """
    if not all(value >= 0 and (value < 1 or math.isclose(1, value)) for value in (x_n, y_n)):
        return None
    return min(math.floor(x_n * width), width - 1), min(math.floor(y_n * height), height - 1)


def shown(visibility: ArrayLike, presence: ArrayLike) -> NDArray[np.bool_]:
    """Which landmarks are sure enough to be drawn.

    Parameters
    ----------
    visibility, presence : (n,) float
        NaN where a landmark does not state the value; that is no reason to hide it.
    """
    unsure: NDArray[np.bool_] = np.less(np.asarray(visibility), VISIBILITY_THRESHOLD)
    hidden: NDArray[np.bool_] = unsure | np.less(np.asarray(presence), PRESENCE_THRESHOLD)
    return ~hidden


def check_connections(connections: Iterable[Any], count: int) -> None:
    """Raise ValueError when a connection names a landmark that is not among `count`."""
    for connection in connections:
        start, end = connection[0], connection[1]
        if not (0 <= start < count and 0 <= end < count):
            raise ValueError(
                f"Landmark index is out of range. Invalid connection from landmark #{start} to landmark #{end}."
            )


def landmarks(
    image: NDArray[Any],
    points_n: ArrayLike,
    visibility: ArrayLike | None = None,
    presence: ArrayLike | None = None,
    connections: Iterable[Any] | None = None,
    landmark_spec: DrawingSpec | Mapping[int, DrawingSpec] | None = None,
    connection_spec: DrawingSpec | Mapping[Any, DrawingSpec] | None = None,
) -> None:
    """Draw landmarks and the connections between them, as MediaPipe's `draw_landmarks` does.

    Parameters
    ----------
    image : (H, W, 3) array
        Drawn into.
    points_n : (n, 2) or (n, 3) float
        Image-normalised points; those outside the picture are skipped.
    visibility, presence : (n,) float, optional
        Landmarks below 0.5 are skipped; NaN means not stated.
    connections : iterable of pairs of int, optional
        A line is drawn where both ends are. Lines come before points.
    landmark_spec, connection_spec : DrawingSpec, mapping or None
        One for all, or a mapping from the index or the pair; None draws none.

    Raises
    ------
    ValueError
        When the picture has not three channels, or a connection names a landmark that does not exist.
    """
    if image.shape[2] != 3:
        raise ValueError("Input image must contain three channel bgr data.")
    height, width = image.shape[:2]
    points = np.asarray(points_n, dtype=np.float64)
    unstated = np.full(len(points), np.nan)
    sure = shown(unstated if visibility is None else visibility, unstated if presence is None else presence)
    pixels = {
        index: place
        for index, (x_n, y_n) in enumerate(points[:, :2].tolist())
        if sure[index] and (place := pixel(x_n, y_n, width, height)) is not None
    }
    pairs = list(connections or ())
    check_connections(pairs, len(points))
    if connection_spec is not None:
        for pair in pairs:
            if pair[0] in pixels and pair[1] in pixels:
                spec = connection_spec[pair] if isinstance(connection_spec, Mapping) else connection_spec
                line(image, pixels[pair[0]], pixels[pair[1]], spec.color, spec.thickness)
    if landmark_spec:
        for index, center in pixels.items():
            spec = landmark_spec[index] if isinstance(landmark_spec, Mapping) else landmark_spec
            border = max(spec.circle_radius + 1, int(spec.circle_radius * 1.2))
            circle(image, center, border, WHITE_COLOR, spec.thickness)
            circle(image, center, spec.circle_radius, spec.color, spec.thickness)


def person(image: NDArray[Any], person: Person, parts: Collection[str] = PARTS) -> None:
    """Draw a person: the skeleton in MediaPipe's colours, and where the networks looked.

    Lines are 2 pixels thick, as MediaPipe's, and thicker on pictures of more than 750 pixels, so that they can be seen.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB, drawn into.
    person : Person
        Found on a picture of this size. Landmarks are left out as in MediaPipe's programs: by their visibility.
    parts : collection of str
        Any of `PARTS`: "skeleton", "roi" (the rotated region that the landmark network saw) and "box" (the detector's
        box around the head, if it ran).
    """
    height, width = image.shape[:2]
    thickness = 2 * max(1, round(min(height, width) / 500))
    if "roi" in parts:
        polygon(image, person.roi.corners_px(width, height), ROI_COLOR, thickness)
    if "box" in parts and person.detection is not None:
        left, top, wide, high = person.detection.box_n * (width, height, width, height)
        corners = [(left, top), (left + wide, top), (left + wide, top + high), (left, top + high)]
        polygon(image, corners, BOX_COLOR, thickness)
    if "skeleton" in parts:
        landmarks(
            image,
            person.landmarks,
            np.where(person.visibility < person.topology.min_visibility, 0, 1),
            connections=person.topology.connections,
            # The colours of topology.py are MediaPipe's, which are for BGR.
            landmark_spec={
                k: DrawingSpec(bgr[::-1], thickness, thickness) for k, bgr in enumerate(person.topology.colors)
            },
            connection_spec=DrawingSpec(thickness=thickness),
        )


def line(image: NDArray[Any], start: Point, end: Point, color: Color, thickness: int = 2) -> None:
    """Draw a straight line with round ends, 8-connected, not anti-aliased.

    Parameters
    ----------
    image : (H, W, 3) array
        Drawn into; parts outside are left out.
    start, end : pair of int
        Pixels (x, y).
    color : 3 numbers
    thickness : int
        In pixels, at least 1.
    """
    thickness = arguments.whole("thickness of a line", thickness, 1)
    start, end = _point(start), _point(end)
    if thickness == 1:
        _put(image, *_thin_line(image, start, end), _channels(image, color))
    else:
        fixed = ((start[0] << _SHIFT, start[1] << _SHIFT), (end[0] << _SHIFT, end[1] << _SHIFT))
        _thick_line(image, *fixed, _channels(image, color), thickness)


def circle(image: NDArray[Any], center: Point, radius: int, color: Color, thickness: int = 2) -> None:
    """Draw a circle: a ring `thickness` pixels wide, or a disc if `thickness` is negative.

    Parameters
    ----------
    image : (H, W, 3) array
        Drawn into; parts outside are left out.
    center : pair of int
        Pixel (x, y).
    radius : int
        In pixels.
    color : 3 numbers
    thickness : int
    """
    radius, thickness = arguments.whole("radius of a circle", radius, 0), arguments.whole("thickness", thickness)
    center = _point(center)
    channels = _channels(image, color)
    height, width = image.shape[:2]
    reach = radius + max(thickness, 0) + 2
    if thickness <= 1:
        x, y = _small_circle(radius, thickness < 0)
    elif reach <= center[0] < width - reach and reach <= center[1] < height - reach:
        x, y = _ring(radius, thickness)
    else:  # OpenCV cuts the pieces of the ring at the border before it rasterises them, which moves some pixels
        _draw_ring(image, center, radius, channels, thickness)
        return
    _put(image, x + center[0], y + center[1], channels)


def polygon(image: NDArray[Any], corners: ArrayLike, color: Color, thickness: int = 2) -> None:
    """Draw a closed line through `corners`, an (n, 2) array of pixels, rounded to the nearest."""
    rounded = [(int(x), int(y)) for x, y in np.rint(np.asarray(corners, dtype=np.float64)).tolist()]
    for start, end in zip(rounded, rounded[1:] + rounded[:1], strict=True):
        line(image, start, end, color, thickness)


def _point(point: Point) -> Point:
    """The same pixel in Python's own numbers."""
    x, y = point
    return arguments.whole("x of a pixel", x), arguments.whole("y of a pixel", y)


def _channels(image: NDArray[Any], color: Color) -> NDArray[Any]:
    """`color` as three values of the picture's type, rounded to even and saturated."""
    if len(color) not in (3, 4):
        raise ValueError(f"color: expected three numbers, found {color!r}")
    values = list(color[:3])
    if image.dtype.kind in "iu":
        limits = np.iinfo(image.dtype)
        values = [min(max(round(value), limits.min), limits.max) for value in values]
    return np.array(values, image.dtype)


def _put(image: NDArray[Any], x: NDArray[np.int64], y: NDArray[np.int64], color: NDArray[Any]) -> None:
    """Set the pixels (x, y), arrays of equal shape, that lie inside the picture."""
    height, width = image.shape[:2]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    image[y[inside], x[inside]] = color


def _clip(width: int, height: int, start: Point, end: Point) -> tuple[Point, Point] | None:
    """The part of a line inside 0..width-1, 0..height-1, or None (`clipLine`)."""
    right, bottom = width - 1, height - 1

    def outside(x: int, y: int) -> int:
        return (x < 0) | (x > right) << 1 | (y < 0) << 2 | (y > bottom) << 3

    ends = [start, end]
    codes = [outside(*start), outside(*end)]
    # Both ends are first brought to the top or bottom edge, then to the left or right one.
    for mask, axis in ((12, 1), (3, 0)):
        if codes[0] & codes[1]:
            return None
        for which in (0, 1):
            if codes[which] & mask:
                (x1, y1), (x2, y2) = ends
                x, y = ends[which]
                if axis == 1:
                    edge = 0 if codes[which] & 4 else bottom
                    ends[which] = x + int(float(edge - y) * (x2 - x1) / (y2 - y1)), edge
                else:
                    edge = 0 if codes[which] & 1 else right
                    ends[which] = edge, y + int(float(edge - x) * (y2 - y1) / (x2 - x1))
                # As OpenCV has it, an end moved to the left or right edge is not looked at again.
                codes[which] = outside(*ends[which]) & 3 if axis == 1 else 0
    return None if codes[0] | codes[1] else (ends[0], ends[1])


def _thin_line(image: NDArray[Any], start: Point, end: Point) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels of Bresenham's line from left to right (`LineIterator`), as arrays x, y."""
    clipped = _clip(image.shape[1], image.shape[0], start, end)
    if clipped is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    (x1, y1), (x2, y2) = clipped
    if x2 < x1:
        x1, y1, x2, y2 = x2, y2, x1, y1
    dx, dy = x2 - x1, abs(y2 - y1)
    down = 1 if y2 >= y1 else -1
    long, short = max(dx, dy), min(dx, dy)
    along = np.arange(long + 1)
    across = (2 * short * along + max(long, 1) - 1) // max(2 * long, 1)
    if dy > dx:
        return x1 + across, y1 + down * along
    return x1 + along, y1 + down * across


def _thick_line(
    image: NDArray[Any],
    start: Point,
    end: Point,
    color: NDArray[Any],
    thickness: int,
    caps: tuple[bool, bool] = (True, True),
) -> None:
    """Draw a filled rectangle with discs at its ends (`ThickLine`).

    Parameters
    ----------
    start, end : pair of int
        16.16 fixed point.
    caps : pair of bool
        Whether `start` and `end` get their disc.
    """
    dx, dy = (start[0] - end[0]) / _ONE, (end[1] - start[1]) / _ONE
    length = math.sqrt(dx * dx + dy * dy)
    if length > 0:
        half_width = (thickness + thickness % 2) * _HALF / length
        across = round(dy * half_width), round(dx * half_width)
        _fill_quad(
            image,
            [
                (start[0] + across[0], start[1] + across[1]),
                (start[0] - across[0], start[1] - across[1]),
                (end[0] - across[0], end[1] - across[1]),
                (end[0] + across[0], end[1] + across[1]),
            ],
            color,
        )
    x, y = _small_circle((thickness + 1) // 2, True)
    for place, capped in zip((start, end), caps, strict=True):
        if capped:
            _put(image, x + ((place[0] + _HALF) >> _SHIFT), y + ((place[1] + _HALF) >> _SHIFT), color)


def _fill_quad(image: NDArray[Any], corners: list[Point], color: NDArray[Any]) -> None:
    """Fill a convex quadrangle and its outline (`FillConvexPoly`); corners are 16.16 fixed point."""
    height, width = image.shape[:2]
    outlines = [
        _outline(width, height, start, end) for start, end in zip(corners[-1:] + corners[:-1], corners, strict=True)
    ]
    _put(image, np.concatenate([x for x, _ in outlines]), np.concatenate([y for _, y in outlines]), color)
    rows = [(y + _HALF) >> _SHIFT for _, y in corners]
    columns = [(x + _HALF) >> _SHIFT for x, _ in corners]
    top, bottom = min(rows), min(max(rows) - 1, height - 1)  # the last row is the outline's
    if bottom < max(top, 0) or max(columns) < 0 or min(columns) >= width:
        return
    first = min(range(4), key=lambda index: corners[index][1])
    one, other = (_side(corners, rows, first, step)[: bottom - top + 1] for step in (1, -1))
    visible = slice(max(-top, 0), None)
    left = (np.minimum(one, other)[visible, None] + _HALF) >> _SHIFT
    right = (np.maximum(one, other)[visible, None] + _HALF) >> _SHIFT
    x0, x1 = max(min(columns) - 1, 0), min(max(columns) + 2, width)
    x = np.arange(x0, x1)
    image[max(top, 0) : bottom + 1, x0:x1][(x >= left) & (x <= right)] = color


def _side(corners: list[Point], rows: list[int], first: int, step: int) -> NDArray[np.int64]:
    """Fixed-point x of one side of a quadrangle, in each row from the top to the last but one.

    Parameters
    ----------
    corners : list of pair of int
        16.16 fixed point.
    rows : list of int
        The corners' rounded rows.
    first : int
        The top corner.
    step : {1, -1}
        Direction around the corners.
    """
    x = np.empty(max(rows) - rows[first], dtype=np.int64)
    top = row = rows[first]
    corner = first
    for _ in corners:
        following = (corner + step) % len(corners)
        drop = rows[following] - row
        if drop > 0:
            slope = _quotient((corners[following][0] - corners[corner][0]) * 2 + drop, 2 * drop)
            rest = x[row - top :]
            rest[:] = corners[corner][0] + slope * np.arange(len(rest))
            row = rows[following]
        corner = following
    return x


def _outline(width: int, height: int, start: Point, end: Point) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels of a line between fixed-point ends (`Line2`), as arrays x, y."""
    clipped = _clip(width << _SHIFT, height << _SHIFT, start, end)
    if clipped is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    (x1, y1), (x2, y2) = clipped
    dx, dy = x2 - x1, y2 - y1
    flat = abs(dx) > abs(dy)
    if (dx if flat else dy) < 0:
        x1, y1, x2, y2, dx, dy = x2, y2, x1, y1, -dx, -dy
    if flat:
        count, slope = (x2 - x1) >> _SHIFT, _quotient(dy * _ONE, dx | 1)
    else:
        count, slope = (y2 - y1) >> _SHIFT, _quotient(dx * _ONE, dy | 1)
    # The far end is a pixel of its own, which the steps may miss.
    along = np.arange(count + 2)
    across = _HALF + slope * along
    if flat:
        x, y = ((x1 + _HALF) >> _SHIFT) + along, (y1 + across) >> _SHIFT
    else:
        x, y = (x1 + across) >> _SHIFT, ((y1 + _HALF) >> _SHIFT) + along
    x[-1], y[-1] = (x2 + _HALF) >> _SHIFT, (y2 + _HALF) >> _SHIFT
    return x, y


def _quotient(numerator: int, denominator: int) -> int:
    """Integer division towards zero, as C has it; `denominator` is positive."""
    return numerator // denominator if numerator >= 0 else -(-numerator // denominator)


@lru_cache(maxsize=64)
def _small_circle(radius: int, filled: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels of a disc or a circle one pixel wide around (0, 0) (`Circle`), as arrays x, y."""
    found: set[Point] = set()
    err, dx, dy, plus, minus = 0, radius, 0, 1, 2 * radius - 1
    while dx >= dy:
        for x, y in ((dx, dy), (dy, dx)):
            for row in (-y, y):
                found.update((column, row) for column in (range(-x, x + 1) if filled else (-x, x)))
        dy += 1
        err += plus
        plus += 2
        if err > 0:
            err -= minus
            dx -= 1
            minus -= 2
    x, y = np.array(sorted(found), dtype=np.int64).T
    return x, y


@lru_cache(maxsize=64)
def _ring(radius: int, thickness: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels of a ring around (0, 0), as arrays x, y."""
    reach = radius + thickness + 2
    canvas = np.zeros((2 * reach + 1, 2 * reach + 1, 1), np.uint8)
    _draw_ring(canvas, (reach, reach), radius, np.ones(1, np.uint8), thickness)
    y, x = np.nonzero(canvas[:, :, 0])
    return x - reach, y - reach


def _draw_ring(image: NDArray[Any], center: Point, radius: int, color: NDArray[Any], thickness: int) -> None:
    """Draw a ring as OpenCV does: thick lines along a polygon (`EllipseEx`)."""
    degrees = 90 if radius < 3 else 30 if radius < 10 else 18 if radius < 15 else 5
    corners: list[Point] = []
    for angle in range(0, 361, degrees):
        corner = (
            (center[0] << _SHIFT) + round((radius << _SHIFT) * _sine(450 - angle)),
            (center[1] << _SHIFT) + round((radius << _SHIFT) * _sine(angle)),
        )
        if not corners or corner != corners[-1]:
            corners.append(corner)
    if len(corners) == 1:
        corners *= 2
    for index, (start, end) in enumerate(pairwise(corners)):
        _thick_line(image, start, end, color, thickness, caps=(index == 0, True))


def _sine(degrees: int) -> float:
    """Sine of whole degrees as in OpenCV's table: seven decimals, float32."""
    return float(np.float32(round(math.sin(math.radians(degrees)), 7)))
