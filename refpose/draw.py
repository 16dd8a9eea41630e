"""Draw poses on pictures: circles, lines, and MediaPipe's rules of what is drawn at all.

Two things must match programs written for `mediapipe.solutions.drawing_utils`: which landmarks are drawn
(`landmarks`, the one place that knows the rules), and which pixels a line or a circle covers (`refpose.stages.raster`).
Everything draws in place into an (H, W, 3) array of numbers and hands the colour to the channels as it is:
(224, 224, 224) means what the channels mean.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import arguments
from .engine.select import stages
from .stages.raster import MAX_THICKNESS, Point

if TYPE_CHECKING:
    from .person import Person
    from .stages.table import Stages

Color = Sequence[float]
Values = list[float]  # of the three channels, as the picture's type can hold them

# mediapipe/python/solutions/drawing_utils.py: a landmark that states less than this is not drawn.
VISIBILITY_THRESHOLD = 0.5
PRESENCE_THRESHOLD = 0.5

WHITE_COLOR = (224, 224, 224)
# RGB; both differ from the skeleton's white, orange and turquoise.
ROI_COLOR = (255, 214, 0)
BOX_COLOR = (60, 220, 90)
PARTS = ("skeleton", "roi", "box")
COLOR_BY = ("side", "person")
"""What colours tell apart: the sides of a body, in MediaPipe's colours, or people."""
PERSON_COLORS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
"""RGB, over and over by `Person.id`: Okabe and Ito's, which people with any colour vision can tell apart (2008)."""

_INT32 = np.iinfo(np.int32)


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
    """Pixel of an image-normalised point, or None when it lies outside the picture (see `_pixels`).

    Parameters
    ----------
    x_n, y_n : float
        Fractions of the picture's width and height.
    width, height : int
        Size of the picture in pixels.
    """
    (found,), (inside,) = _pixels(np.array([[x_n, y_n]], np.float64), width, height)
    return (found[0], found[1]) if inside else None


def _pixels(points_n: NDArray[np.float64], width: int, height: int) -> tuple[list[list[int]], list[bool]]:
    """Pixels of image-normalised points (n, 2), and which of them lie inside the picture.

    A coordinate is inside when it is at least 0 and below 1 or within a relative 1e-9 of 1
    (`_normalized_to_pixel_coordinates` of mediapipe/python/solutions/drawing_utils.py, Python's `math.isclose`).
    """
    with np.errstate(invalid="ignore"):
        close = (points_n < 2) & (points_n - 1 <= 1e-9 * points_n)
        inside = np.logical_and.reduce((points_n >= 0) & ((points_n < 1) | close), axis=1)
        size = np.array([width, height])
        found = np.minimum(np.floor(np.where(inside[:, None], points_n, 0) * size).astype(np.int64), size - 1)
    return found.tolist(), inside.tolist()


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
    sure = shown(unstated if visibility is None else visibility, unstated if presence is None else presence).tolist()
    places, inside = _pixels(points[:, :2], width, height)
    pixels = {k: place for k, place in enumerate(places) if inside[k] and sure[k]}
    pairs = list(connections or ())
    check_connections(pairs, len(points))
    if connection_spec is not None:
        chosen = [pair for pair in pairs if pair[0] in pixels and pair[1] in pixels]
        ends = [(*pixels[pair[0]], *pixels[pair[1]]) for pair in chosen]
        styles = _styles(image, connection_spec, chosen)
        thickness = [style.thickness for style in styles]
        if styles and min(thickness) < 1:
            raise ValueError(f"thickness of a line must be from 1 to {MAX_THICKNESS}, not {min(thickness)}")
        lines(image, ends, [style.color for style in styles], thickness)
    if landmark_spec:
        white = channels(image, WHITE_COLOR)
        rings, colors, widths = [], [], []
        for (x, y), style in zip(pixels.values(), _styles(image, landmark_spec, pixels), strict=True):
            border = max(style.radius + 1, int(style.radius * 1.2))
            rings += [(x, y, border), (x, y, style.radius)]
            colors += [white, style.color]
            widths += [style.thickness, style.thickness]
        circles(image, rings, colors, widths)


def people(
    image: NDArray[Any], people: Iterable[Person], parts: Collection[str] = PARTS, color_by: str = COLOR_BY[0]
) -> None:
    """Draw everybody.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB, drawn into.
    people : iterable of Person
    parts : collection of str
        As for `person`.
    color_by : {"side", "person"}
        "person": everybody has a colour of their own, one of `PERSON_COLORS` by `Person.id`, or by the place in the
        list where there are no identities.

    Raises
    ------
    ValueError
        When colours tell nothing else apart.
    """
    if color_by not in COLOR_BY:
        raise ValueError(f"color_by: expected one of {', '.join(COLOR_BY)}, found {color_by!r}")
    for place, one in enumerate(people):
        number = place if one.id is None else one.id
        person(image, one, parts, PERSON_COLORS[number % len(PERSON_COLORS)] if color_by == "person" else None)


def person(
    image: NDArray[Any],
    person: Person,
    parts: Collection[str] = PARTS,
    color: tuple[int, int, int] | None = None,
) -> None:
    """Draw a person: the skeleton, in MediaPipe's colours or in one, and where the networks looked.

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
    color : (int, int, int), optional
        RGB: of everything that is drawn.
    """
    height, width = image.shape[:2]
    thickness = 2 * max(1, round(min(height, width) / 500))
    if "roi" in parts:
        polygon(image, person.roi.corners_px(width, height), color or ROI_COLOR, thickness)
    if "box" in parts and person.detection is not None:
        left, top, wide, high = person.detection.box_n * (width, height, width, height)
        corners = [(left, top), (left + wide, top), (left + wide, top + high), (left, top + high)]
        polygon(image, corners, color or BOX_COLOR, thickness)
    if "skeleton" in parts:
        landmarks(
            image,
            person.landmarks,
            np.where(person.visibility < person.topology.min_visibility, 0, 1),
            connections=person.topology.connections,
            # The colours of topology.py are MediaPipe's, which are for BGR.
            landmark_spec={
                k: DrawingSpec(color or bgr[::-1], thickness, thickness) for k, bgr in enumerate(person.topology.colors)
            },
            connection_spec=DrawingSpec(color or WHITE_COLOR, thickness),
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
        In pixels, 1 to 32767.

    Raises
    ------
    ValueError
        When the picture, the colour or the thickness is none, or a coordinate is beyond int32.
    TypeError
        When a coordinate is no whole number.
    """
    thickness = arguments.whole("thickness of a line", thickness, 1, MAX_THICKNESS)
    lines(image, [(*_point(start), *_point(end))], [channels(image, color)], [thickness])


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
        At most 32767.

    Raises
    ------
    ValueError, TypeError
        As `line`.
    """
    radius = arguments.whole("radius of a circle", radius, 0, _INT32.max)
    thickness = arguments.whole("thickness of a circle", thickness, _INT32.min, MAX_THICKNESS)
    circles(image, [(*_point(center), radius)], [channels(image, color)], [thickness])


def polygon(image: NDArray[Any], corners: ArrayLike, color: Color, thickness: int = 2) -> None:
    """Draw a closed line through `corners`, an (n, 2) array of pixels, rounded to the nearest."""
    rounded = [(int(x), int(y)) for x, y in np.rint(np.asarray(corners, dtype=np.float64)).tolist()]
    for start, end in zip(rounded, rounded[1:] + rounded[:1], strict=True):
        line(image, start, end, color, thickness)


class _Style(NamedTuple):
    """A `DrawingSpec` in numbers that were checked."""

    color: Values
    thickness: int
    radius: int


def _styles(image: NDArray[Any], spec: DrawingSpec | Mapping[Any, DrawingSpec], keys: Collection[Any]) -> list[_Style]:
    """How to draw each of some landmarks or connections; what many share is looked at once."""
    specs = [spec[key] for key in keys] if isinstance(spec, Mapping) else [spec] * len(keys)
    known: dict[tuple[Any, ...], _Style] = {}
    found = []
    for one in specs:
        values = (*one.color, one.thickness, one.circle_radius)
        style = known.get(values)
        if style is None:
            style = known[values] = _Style(
                channels(image, one.color),
                arguments.whole("thickness", one.thickness, _INT32.min, MAX_THICKNESS),
                arguments.whole("circle_radius", one.circle_radius, 0, _INT32.max),
            )
        found.append(style)
    return found


@cache
def _stages() -> Stages:
    """The functions that draw: C's where it was built, or NumPy's, with the same pixels."""
    return stages("auto")


def lines(
    image: NDArray[Any], ends: Sequence[Sequence[int]], colors: Sequence[Values], thickness: Sequence[int]
) -> None:
    """Draw lines, one after the other, of numbers that were checked.

    Parameters
    ----------
    image : (H, W, 3) array
    ends : n times x, y, x, y
        Pixels within int32.
    colors : n times three numbers
        As `channels` gives them.
    thickness : n int
        1 to `MAX_THICKNESS`.
    """
    if ends:
        paint = np.array(colors, image.dtype)
        _stages().draw_lines(_checked(image), np.array(ends, np.int32), paint, np.array(thickness, np.int32))


def circles(
    image: NDArray[Any], circles: Sequence[Sequence[int]], colors: Sequence[Values], thickness: Sequence[int]
) -> None:
    """Draw circles, one after the other, of numbers that were checked.

    Parameters
    ----------
    image : (H, W, 3) array
    circles : n times x, y, radius
        Pixels within int32; the radius is not negative.
    colors : n times three numbers
        As `channels` gives them.
    thickness : n int
        Up to `MAX_THICKNESS`.
    """
    if circles:
        paint = np.array(colors, image.dtype)
        _stages().draw_circles(_checked(image), np.array(circles, np.int32), paint, np.array(thickness, np.int32))


def _checked(image: NDArray[Any]) -> NDArray[Any]:
    """The picture, if it is one."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype.kind not in "biufc":
        raise ValueError(f"image: expected an array of numbers (height, width, 3), found {image.dtype} {image.shape}")
    return image


def _point(point: Point) -> Point:
    """The same pixel in Python's own numbers, of 32 bits as OpenCV's are."""
    x, y = point
    return (
        arguments.whole("x of a pixel", x, _INT32.min, _INT32.max),
        arguments.whole("y of a pixel", y, _INT32.min, _INT32.max),
    )


def channels(image: NDArray[Any], color: Color) -> Values:
    """`color` as three values that the picture's type can hold: rounded to even and saturated where it has integers."""
    if len(color) not in (3, 4):
        raise ValueError(f"color: expected three numbers, found {arguments.shown(color)}")
    if image.dtype.kind in "iu":
        limits = np.iinfo(image.dtype)
        return [min(max(round(arguments.exact("color", value)), limits.min), limits.max) for value in color[:3]]
    return [arguments.number("color", value) for value in color[:3]]
