"""What OpenCV's `line`, `rectangle` and `circle` take as picture, colour, thickness and pixel.

The rules are those of ``cv2`` 4.11 (modules/python/src2/cv2_convert.cpp, modules/imgproc/src/drawing.cpp).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import TracebackType
from typing import TYPE_CHECKING, Any

from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from refpose import arguments, draw
from refpose.stages.raster import MAX_THICKNESS

if TYPE_CHECKING:
    from typing_extensions import Self

_LEAST, _MOST = -(2**31), 2**31 - 1
# The kinds and sizes in bytes that OpenCV's pictures have
_TYPES = {"u1", "i1", "u2", "i2", "i4", "f2", "f4", "f8"}

Stroke = tuple[tuple[int, ...], list[float], int]  # places, four values of the colour, thickness


class Brush:
    """Draws lines, then boxes that are filled, then circles, when its ``with`` block ends.

    If an exception ends it, those that came before are drawn.

    Parameters
    ----------
    image : (H, W, n) array
        Of one to four channels, of a type that OpenCV draws on.
    """

    def __init__(self, image: NDArray[Any]) -> None:
        self._image = image
        self._lines: list[Stroke] = []
        self._boxes: list[Stroke] = []
        self._circles: list[Stroke] = []
        # By identity, with what has it, so that the identity lasts: most strokes share a few colours.
        self._known: dict[int, tuple[Any, list[float]]] = {}

    def line(self, start: Any, end: Any, color: Any, thickness: Any) -> None:
        """Add a line.

        Parameters
        ----------
        start, end : pair of int, or None
            Pixels (x, y); None is the first one.
        color : sequence of up to four numbers, number or None
            See `scalar`.
        thickness : int or None
            1 to 32767; None is 1.

        Raises
        ------
        TypeError, ValueError, OverflowError
            When an argument is none.
        """
        self._lines.append(((*_pixel(start), *_pixel(end)), self._scalar(color), _thickness(thickness, 1)))

    def arrow(self, start: Any, end: Any, color: Any, thickness: Any) -> None:
        """Add a line with a tip of a tenth of its length at `end` (``arrowedLine``); arguments as for `line`."""
        self.line(start, end, color, thickness)
        (x, y), (tip_x, tip_y) = _pixel(start), _pixel(end)
        size, angle = math.hypot(x - tip_x, y - tip_y) * 0.1, math.atan2(y - tip_y, x - tip_x)
        for side in (angle + math.pi / 4, angle - math.pi / 4):
            barb = round(tip_x + size * math.cos(side)), round(tip_y + size * math.sin(side))
            self.line(barb, end, color, thickness)

    def box(self, start: Any, end: Any, color: Any, thickness: Any) -> None:
        """Add a box (``rectangle``) by two opposite corners; a negative thickness fills it, 0 is 1. As for `line`."""
        (left, top), (right, bottom) = _pixel(start), _pixel(end)
        corners = [(left, bottom), (left, top), (right, top), (right, bottom), (left, bottom)]
        values, width = self._scalar(color), _thickness(thickness, _LEAST)
        if width < 0:
            self._boxes.append(((left, top, right, bottom), values, width))
        else:
            self._lines += [((*one, *other), values, max(width, 1)) for one, other in pairwise(corners)]

    def circle(self, center: Any, radius: Any, color: Any, thickness: Any) -> None:
        """Add a circle; a negative thickness fills it, 0 is 1. Arguments and errors as for `line`."""
        place = (*_pixel(center), _whole("circle_radius", radius, 0, _MOST))
        self._circles.append((place, self._scalar(color), _thickness(thickness, _LEAST)))

    def _scalar(self, color: Any) -> list[float]:
        if not self._known:
            check(self._image)
        if id(color) not in self._known:
            self._known[id(color)] = color, scalar(color)
        return self._known[id(color)][1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for strokes, paint in ((self._lines, draw.lines), (self._boxes, _fill), (self._circles, draw.circles)):
            if strokes:
                places, colors, widths = zip(*strokes, strict=True)
                for plane, channels in _planes(self._image):
                    values = {
                        id(color): _values(plane, [color[channel] for channel in channels])
                        for _, color in self._known.values()
                    }
                    paint(plane, places, [values[id(color)] for color in colors], widths)


def _fill(image: NDArray[Any], places: Sequence[Any], colors: Sequence[Any], widths: Sequence[int]) -> None:
    """Fill boxes with their edges."""
    for place, color in zip(places, colors, strict=True):
        (left, right), (top, bottom) = sorted(place[::2]), sorted(place[1::2])
        image[max(top, 0) : max(bottom + 1, 0), max(left, 0) : max(right + 1, 0)] = color


def check(image: NDArray[Any]) -> None:
    """Raise ValueError when OpenCV does not draw on such an array."""
    if image.dtype.kind + str(image.itemsize) not in _TYPES or not image.size or image.shape[2] > 4:
        raise ValueError(f"image: OpenCV draws on no array of {image.dtype} {image.shape}")


def scalar(color: Any) -> list[float]:
    """The four values of a colour.

    Parameters
    ----------
    color : sequence of up to four numbers, number or None
        Of Python's numbers, of which `np.float64` is one; NumPy's others are none to OpenCV. What is not given is 0.

    Raises
    ------
    TypeError
        When it is none.
    OverflowError
        When a number is beyond float64.
    """
    if color is None:
        given = []
    elif isinstance(color, float | int):
        given = [color]
    elif isinstance(color, Mapping) or not hasattr(color, "__getitem__"):
        raise TypeError(f"color: expected up to four numbers, found {color!r}")
    else:
        given = [color[index] for index in range(len(color))]
    if len(given) > 4 or not all(isinstance(value, float | int) for value in given):
        raise TypeError(f"color: expected up to four of Python's numbers, found {color!r}")
    return [float(value) for value in given] + [0.0] * (4 - len(given))


def _planes(image: NDArray[Any]) -> list[tuple[NDArray[Any], tuple[int, int, int]]]:
    """A picture as parts of three channels, which is what `draw` draws on, and the channels that they are."""
    if image.shape[2] == 3:
        return [(image, (0, 1, 2))]
    height, width, count = image.shape
    return [
        (as_strided(image[:, :, channel:], (height, width, 3), (*image.strides[:2], 0)), (channel,) * 3)
        for channel in range(count)
    ]


def _values(image: NDArray[Any], color: list[float]) -> list[float]:
    """Three values as a picture can hold them; what int32 cannot hold is its lowest value in pictures of integers."""
    if image.dtype.kind in "iu":
        color = [value if _LEAST <= value <= _MOST else float(_LEAST) for value in color]
    return draw.channels(image, color)


def _pixel(place: Any) -> tuple[int, int]:
    x, y = (0, 0) if place is None else place
    return _whole("x of a pixel", x, _LEAST, _MOST), _whole("y of a pixel", y, _LEAST, _MOST)


def _thickness(value: Any, least: int) -> int:
    return 1 if value is None else _whole("thickness", value, least, MAX_THICKNESS)


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if type(value) is int and least <= value <= most:
        return value
    return arguments.whole(name, value, least, most)
