"""Which pixels lines and circles cover: OpenCV's.

OpenCV's rasteriser (modules/imgproc/src/drawing.cpp, 4.11, 8-connected, no anti-aliasing) works in 16.16 fixed point;
these functions follow it, so that pictures are equal pixel by pixel. Everything draws in place; what is outside of the
picture is left out. Coordinates are int32, which OpenCV's are.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int]

MAX_THICKNESS = 32767  # drawing.cpp: MAX_THICKNESS

_SHIFT = 16
_ONE = 1 << _SHIFT
_HALF = _ONE >> 1


def draw_lines(
    image: NDArray[Any], ends: NDArray[np.int32], colors: NDArray[Any], thickness: NDArray[np.int32]
) -> None:
    """Draw straight lines with round ends, one after the other.

    Parameters
    ----------
    image : (H, W, 3) array
        Drawn into.
    ends : (n, 4) int32
        Pixels: x, y of one end and x, y of the other.
    colors : (n, 3) array
        Of the picture's type.
    thickness : (n,) int32
        In pixels, 1 to `MAX_THICKNESS`.
    """
    if not image.size:
        return
    for (x1, y1, x2, y2), color, width in zip(ends.tolist(), colors, thickness.tolist(), strict=True):
        if width == 1:
            _put(image, *_thin_line(image, (x1, y1), (x2, y2)), color)
        else:
            fixed = ((x1 << _SHIFT, y1 << _SHIFT), (x2 << _SHIFT, y2 << _SHIFT))
            _thick_line(image, *fixed, color, width)


def draw_circles(
    image: NDArray[Any], circles: NDArray[np.int32], colors: NDArray[Any], thickness: NDArray[np.int32]
) -> None:
    """Draw circles, one after the other: rings, or discs where `thickness` is negative.

    Parameters
    ----------
    image : (H, W, 3) array
        Drawn into.
    circles : (n, 3) int32
        Pixels: x, y of the centre and the radius.
    colors : (n, 3) array
        Of the picture's type.
    thickness : (n,) int32
        Of rings, in pixels, at most `MAX_THICKNESS`.
    """
    if not image.size:
        return
    for (x, y, radius), color, width in zip(circles.tolist(), colors, thickness.tolist(), strict=True):
        if width < 0:
            _disc(image, (x, y), radius, color)
        elif width <= 1:
            columns, rows = _circle(radius)
            _put(image, columns + x, rows + y, color)
        else:
            _ring(image, (x, y), radius, color, width)


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
    for place, capped in zip((start, end), caps, strict=True):
        if capped:
            _disc(image, ((place[0] + _HALF) >> _SHIFT, (place[1] + _HALF) >> _SHIFT), (thickness + 1) // 2, color)


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
    y = np.arange(max(top, 0), bottom + 1)
    one, other = (_side(corners, rows, first, step, y) for step in (1, -1))
    left = (np.minimum(one, other)[:, None] + _HALF) >> _SHIFT
    right = (np.maximum(one, other)[:, None] + _HALF) >> _SHIFT
    x0, x1 = max(int(left.min()), 0), max(min(int(right.max()) + 1, width), 0)
    x = np.arange(x0, x1)
    image[max(top, 0) : bottom + 1, x0:x1][(x >= left) & (x <= right)] = color


def _side(corners: list[Point], rows: list[int], first: int, step: int, y: NDArray[np.int64]) -> NDArray[np.int64]:
    """Fixed-point x of one side of a quadrangle in the rows y.

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
    y : ndarray of int, shape (n,)
        Rows from the top corner's to the last but one.
    """
    x = np.empty_like(y)
    row = rows[first]
    corner = first
    for _ in corners:
        following = (corner + step) % len(corners)
        drop = rows[following] - row
        if drop > 0:
            slope = _quotient((corners[following][0] - corners[corner][0]) * 2 + drop, 2 * drop)
            from_here = y >= row
            x[from_here] = corners[corner][0] + slope * (y[from_here] - row)
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
def _octant(radius: int) -> NDArray[np.int64]:
    """Columns x and rows y, 0 <= y <= x, of an eighth of a circle around (0, 0) (`Circle`); shape (n, 2)."""
    found = []
    err, dx, dy, plus, minus = 0, radius, 0, 1, 2 * radius - 1
    while dx >= dy:
        found.append((dx, dy))
        dy += 1
        err += plus
        plus += 2
        if err > 0:
            err -= minus
            dx -= 1
            minus -= 2
    return np.array(found, np.int64)


def _circle(radius: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels of a circle around (0, 0), as arrays x, y."""
    x, y = _octant(radius).T
    quarter_x, quarter_y = np.concatenate([x, y]), np.concatenate([y, x])
    return (
        np.concatenate([quarter_x, -quarter_x, quarter_x, -quarter_x]),
        np.concatenate([quarter_y, quarter_y, -quarter_y, -quarter_y]),
    )


def _disc(image: NDArray[Any], center: Point, radius: int, color: NDArray[Any]) -> None:
    """Fill a circle, row by row."""
    height, width = image.shape[:2]
    for x, y in _octant(radius).tolist():
        for half, row in ((x, y), (y, x)):
            left, right = max(center[0] - half, 0), min(center[0] + half + 1, width)
            for at in (center[1] - row, center[1] + row):
                if 0 <= at < height and left < right:
                    image[at, left:right] = color


def _ring(image: NDArray[Any], center: Point, radius: int, color: NDArray[Any], thickness: int) -> None:
    """Draw a ring: thick lines along a polygon (`EllipseEx`)."""
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
