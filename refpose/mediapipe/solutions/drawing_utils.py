"""mediapipe.solutions.drawing_utils: landmarks on pictures and in three dimensions.

A program that sets a constant or a function of this module changes what is drawn, as with MediaPipe: they are looked up
when they are used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from refpose import draw, extras
from refpose.draw import WHITE_COLOR, DrawingSpec
from refpose.mediapipe import _missing
from refpose.mediapipe.framework.formats import detection_pb2, landmark_pb2, location_data_pb2
from refpose.mediapipe.framework.formats.landmark_pb2 import LandmarkList, NormalizedLandmarkList
from refpose.mediapipe.solutions._opencv import Brush

__all__ = [
    "BLACK_COLOR",
    "BLUE_COLOR",
    "GREEN_COLOR",
    "RED_COLOR",
    "WHITE_COLOR",
    "DrawingSpec",
    "detection_pb2",
    "draw_axis",
    "draw_detection",
    "draw_landmarks",
    "landmark_pb2",
    "location_data_pb2",
    "plot_landmarks",
]

if not TYPE_CHECKING:
    __getattr__ = _missing.attributes(__name__)

_PRESENCE_THRESHOLD = draw.PRESENCE_THRESHOLD
_VISIBILITY_THRESHOLD = draw.VISIBILITY_THRESHOLD
_BGR_CHANNELS = 3

# BGR
BLACK_COLOR = (0, 0, 0)
RED_COLOR = (0, 0, 255)
GREEN_COLOR = (0, 128, 0)
BLUE_COLOR = (255, 0, 0)


def _normalized_to_pixel_coordinates(
    normalized_x: float, normalized_y: float, image_width: int, image_height: int
) -> tuple[int, int] | None:
    """Pixel of an image-normalised point, or None when it lies outside the picture."""
    for value in (normalized_x, normalized_y):
        if not (value >= 0 and (value < 1 or math.isclose(1, value))):
            return None
    x, y = math.floor(normalized_x * image_width), math.floor(normalized_y * image_height)
    return min(x, image_width - 1), min(y, image_height - 1)


def _shown(landmark: Any) -> bool:
    """Whether a landmark states nothing that is below the thresholds."""
    visible = not (landmark.HasField("visibility") and landmark.visibility < _VISIBILITY_THRESHOLD)
    return visible and not (landmark.HasField("presence") and landmark.presence < _PRESENCE_THRESHOLD)


def _pairs(connections: Iterable[Any] | None, landmarks: Sequence[Any]) -> Iterable[tuple[Any, int, int]]:
    """Each connection with its ends.

    Raises
    ------
    ValueError
        When it comes to one that names a landmark which there is not.
    """
    for connection in connections or ():
        draw.check_connections([connection], len(landmarks))
        yield connection, connection[0], connection[1]


def draw_landmarks(
    image: NDArray[Any],
    landmark_list: NormalizedLandmarkList | None,
    connections: Iterable[Any] | None = None,
    landmark_drawing_spec: DrawingSpec | Mapping[int, DrawingSpec] | None = DrawingSpec(color=RED_COLOR),  # noqa: B008
    connection_drawing_spec: DrawingSpec | Mapping[Any, DrawingSpec] | None = DrawingSpec(),  # noqa: B008
    is_drawing_landmarks: bool = True,
) -> None:
    """Draw landmarks, and lines between them, into a picture.

    Landmarks that state a visibility or a presence below 0.5 and those outside the picture are left out. An exception
    leaves on the picture what was drawn before.

    Parameters
    ----------
    image : (H, W, 3) array
        BGR, if the colours are to be what their names say.
    landmark_list : NormalizedLandmarkList or None
        Nothing is drawn without one.
    connections : iterable of pairs of int, optional
        Which landmarks to connect.
    landmark_drawing_spec, connection_drawing_spec : DrawingSpec, mapping or None
        One for all, or a mapping from the landmark's index or the pair; None draws none. OpenCV's colours and
        thicknesses: a colour is up to four numbers, one number or None; the thickness None is 1.
    is_drawing_landmarks : bool
        False draws lines alone.

    Raises
    ------
    ValueError
        When the picture has not three channels, a connection names a landmark that is not in the list, or a number is
        out of its range.
    TypeError
        When a colour, a thickness or a radius is none.
    KeyError
        When a mapping has nothing for a landmark or a pair.
    """
    if landmark_list:
        points = landmark_list.landmark
        _draw(
            image,
            points,
            _shown,
            connections,
            landmark_drawing_spec if is_drawing_landmarks else None,
            connection_drawing_spec,
        )


def _draw(
    image: NDArray[Any],
    landmarks: Sequence[Any],
    shown: Callable[[Any], bool],
    connections: Iterable[Any] | None,
    landmark_spec: DrawingSpec | Mapping[int, DrawingSpec] | None,
    connection_spec: DrawingSpec | Mapping[Any, DrawingSpec] | None,
) -> None:
    """Draw landmarks as `draw_landmarks` does, those that are to be shown."""
    if image.shape[2] != _BGR_CHANNELS:
        raise ValueError("Input image must contain three channel bgr data.")
    height, width, _ = image.shape
    pixels = {}
    for index, landmark in enumerate(landmarks):
        if shown(landmark) and (pixel := _normalized_to_pixel_coordinates(landmark.x, landmark.y, width, height)):
            pixels[index] = pixel
    with Brush(image) as brush:
        for connection, start, end in _pairs(connections, landmarks):
            if connection_spec is not None and start in pixels and end in pixels:
                spec = _spec(connection_spec, connection)
                brush.line(pixels[start], pixels[end], spec.color, spec.thickness)
        if landmark_spec:
            for index, center in pixels.items():
                spec = _spec(landmark_spec, index)
                border = max(spec.circle_radius + 1, int(spec.circle_radius * 1.2))
                brush.circle(center, border, WHITE_COLOR, spec.thickness)
                brush.circle(center, spec.circle_radius, spec.color, spec.thickness)


def draw_detection(
    image: NDArray[Any],
    detection: detection_pb2.Detection,
    keypoint_drawing_spec: DrawingSpec = DrawingSpec(color=RED_COLOR),  # noqa: B008
    bbox_drawing_spec: DrawingSpec = DrawingSpec(),  # noqa: B008
) -> None:
    """Draw key points and the box of something that was found into a picture.

    What lies outside the picture, a key point or a corner, is drawn at the picture's first pixel, as in MediaPipe.

    Parameters
    ----------
    image : (H, W, 3) array
        BGR, if the colours are to be what their names say.
    detection : Detection
        Where it is, in fractions of the picture's width and height.
    keypoint_drawing_spec, bbox_drawing_spec : DrawingSpec
        As for `draw_landmarks`; a negative thickness fills the box.

    Raises
    ------
    ValueError
        When the picture has not three channels, the place is not in fractions, or a number is out of its range.
    TypeError
        When a colour, a thickness or a radius is none.
    """
    if not detection.location_data:
        return
    if image.shape[2] != _BGR_CHANNELS:
        raise ValueError("Input image must contain three channel bgr data.")
    height, width, _ = image.shape
    location = detection.location_data
    if location.format != location_data_pb2.LocationData.RELATIVE_BOUNDING_BOX:
        raise ValueError("LocationData must be relative for this drawing funtion to work.")
    _draw_keypoints(image, location.relative_keypoints, keypoint_drawing_spec)
    if location.HasField("relative_bounding_box"):
        box = location.relative_bounding_box
        start = _normalized_to_pixel_coordinates(box.xmin, box.ymin, width, height)
        end = _normalized_to_pixel_coordinates(box.xmin + box.width, box.ymin + box.height, width, height)
        with Brush(image) as brush:
            brush.box(start, end, bbox_drawing_spec.color, bbox_drawing_spec.thickness)


def _draw_keypoints(image: NDArray[Any], keypoints: Iterable[Any], spec: DrawingSpec) -> None:
    height, width, _ = image.shape
    with Brush(image) as brush:
        for point in keypoints:
            center = _normalized_to_pixel_coordinates(point.x, point.y, width, height)
            brush.circle(center, spec.circle_radius, spec.color, spec.thickness)


def _spec(spec: DrawingSpec | Mapping[Any, DrawingSpec], key: Any) -> DrawingSpec:
    return spec[key] if isinstance(spec, Mapping) else spec


def draw_axis(
    image: NDArray[Any],
    rotation: NDArray[Any],
    translation: NDArray[Any],
    focal_length: tuple[float, float] = (1.0, 1.0),
    principal_point: tuple[float, float] = (0.0, 0.0),
    axis_length: float = 0.1,
    axis_drawing_spec: DrawingSpec = DrawingSpec(),  # noqa: B008
) -> None:
    """Draw the axes of an object into a picture, as arrows: x red, y green, z blue.

    Parameters
    ----------
    image : (H, W, 3) array
        BGR, if the colours are to be what their names say.
    rotation : (3, 3) array
        From the object to the camera.
    translation : (3,) array
        Of the object in the camera's frame.
    focal_length, principal_point : pair of float
        Of the camera, in half widths and half heights of the picture.
    axis_length : float
        In the object's unit.
    axis_drawing_spec : DrawingSpec
        Its thickness is that of the lines.

    Raises
    ------
    ValueError
        When the picture has not three channels.
    """
    if image.shape[2] != _BGR_CHANNELS:
        raise ValueError("Input image must contain three channel bgr data.")
    height, width, _ = image.shape
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    placed = np.matmul(rotation, axis_length * corners.T).T + translation
    depth = placed[..., 2] + 1e-5
    x_ndc = np.clip(-focal_length[0] * placed[..., 0] / depth + principal_point[0], -1.0, 1.0)
    y_ndc = np.clip(-focal_length[1] * placed[..., 1] / depth + principal_point[1], -1.0, 1.0)
    x, y = np.int32((1 + x_ndc) * 0.5 * width), np.int32((1 - y_ndc) * 0.5 * height)
    with Brush(image) as brush:
        for axis, color in enumerate((RED_COLOR, GREEN_COLOR, BLUE_COLOR), 1):
            brush.arrow((x[0], y[0]), (x[axis], y[axis]), color, axis_drawing_spec.thickness)


def _normalize_color(color: Sequence[float]) -> tuple[float, ...]:
    """Matplotlib's form of a colour."""
    return tuple(value / 255 for value in color)


def plot_landmarks(
    landmark_list: NormalizedLandmarkList | LandmarkList | None,
    connections: Iterable[Any] | None = None,
    landmark_drawing_spec: DrawingSpec = DrawingSpec(color=RED_COLOR, thickness=5),  # noqa: B008
    connection_drawing_spec: DrawingSpec = DrawingSpec(color=BLACK_COLOR, thickness=5),  # noqa: B008
    elevation: int = 10,
    azimuth: int = 10,
) -> None:
    """Plot landmarks, and lines between them, in three dimensions with Matplotlib, and show the figure.

    Parameters
    ----------
    landmark_list : NormalizedLandmarkList, LandmarkList or None
        Nothing is plotted without one.
    connections : iterable of pairs of int, optional
        Which landmarks to connect.
    landmark_drawing_spec, connection_drawing_spec : DrawingSpec
        Colour (BGR) and line width.
    elevation, azimuth : int
        Point of view in degrees.

    Raises
    ------
    ValueError
        When a connection names a landmark that is not in the list.
    ImportError
        When Matplotlib is not installed.
    """
    if landmark_list:
        points = landmark_list.landmark
        _plot(points, _shown, connections, landmark_drawing_spec, connection_drawing_spec, elevation, azimuth)


def _plot(
    landmarks: Sequence[Any],
    shown: Callable[[Any], bool],
    connections: Iterable[Any] | None,
    landmark_spec: DrawingSpec,
    connection_spec: DrawingSpec,
    elevation: int,
    azimuth: int,
) -> None:
    """Plot landmarks as `plot_landmarks` does, those that are to be shown."""
    plt = extras.require("matplotlib.pyplot", "plot")
    plt.figure(figsize=(10, 10))
    axes = plt.axes(projection="3d")
    axes.view_init(elev=elevation, azim=azimuth)
    places = {}
    for index, landmark in enumerate(landmarks):
        if shown(landmark):
            # Away from the viewer, to the right, up
            places[index] = (-landmark.z, landmark.x, -landmark.y)
            axes.scatter3D(
                *([value] for value in places[index]),
                color=_normalize_color(landmark_spec.color[::-1]),
                linewidth=landmark_spec.thickness,
            )
    for _, start, end in _pairs(connections, landmarks):
        if start in places and end in places:
            axes.plot3D(
                *zip(places[start], places[end], strict=True),
                color=_normalize_color(connection_spec.color[::-1]),
                linewidth=connection_spec.thickness,
            )
    plt.show()
