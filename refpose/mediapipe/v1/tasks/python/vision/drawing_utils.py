"""mediapipe.tasks.python.vision.drawing_utils: results on pictures and in three dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from refpose.mediapipe import _missing
from refpose.mediapipe.solutions import drawing_utils
from refpose.mediapipe.solutions._opencv import Brush
from refpose.mediapipe.solutions.drawing_utils import (
    BLACK_COLOR,
    BLUE_COLOR,
    GREEN_COLOR,
    RED_COLOR,
    WHITE_COLOR,
    DrawingSpec,
    _draw,
    _draw_keypoints,
    _normalized_to_pixel_coordinates,
    _plot,
    draw_axis,
)
from refpose.mediapipe.v1.tasks.python.components.containers.detections import Detection
from refpose.mediapipe.v1.tasks.python.components.containers.landmark import Landmark, NormalizedLandmark

__all__ = [
    "BLACK_COLOR",
    "BLUE_COLOR",
    "GREEN_COLOR",
    "RED_COLOR",
    "WHITE_COLOR",
    "DrawingSpec",
    "_normalized_to_pixel_coordinates",
    "draw_axis",
    "draw_detection",
    "draw_landmarks",
    "plot_landmarks",
]

if not TYPE_CHECKING:
    __getattr__ = _missing.attributes(__name__)

# A program that sets one of them changes what is drawn, as with MediaPipe
_PRESENCE_THRESHOLD = drawing_utils._PRESENCE_THRESHOLD
_VISIBILITY_THRESHOLD = drawing_utils._VISIBILITY_THRESHOLD
_BGR_CHANNELS = drawing_utils._BGR_CHANNELS

_LANDMARKS = DrawingSpec(RED_COLOR)
_CONNECTIONS = DrawingSpec()
_PLOTTED_LANDMARKS = DrawingSpec(RED_COLOR, thickness=5)
_PLOTTED_CONNECTIONS = DrawingSpec(BLACK_COLOR, thickness=5)


def draw_detection(
    image: NDArray[Any],
    detection: Detection,
    keypoint_drawing_spec: DrawingSpec = _LANDMARKS,
    bbox_drawing_spec: DrawingSpec = _CONNECTIONS,
) -> None:
    """Draw key points and the box of something that was found into a picture.

    A key point outside the picture is drawn at the picture's first pixel, as in MediaPipe.

    Parameters
    ----------
    image : (H, W, 3) array
        BGR, if the colours are to be what their names say.
    detection : Detection
        The box is in pixels, and may go beyond the picture; key points are in fractions of its width and height.
    keypoint_drawing_spec, bbox_drawing_spec : DrawingSpec
        A negative thickness fills the box.

    Raises
    ------
    ValueError
        When the picture has not three channels, or a number is out of its range.
    TypeError
        When a colour, a thickness, a radius or a side of the box is none.
    """
    if image.shape[2] != _BGR_CHANNELS:
        raise ValueError("Input image must contain three channel bgr data.")
    _draw_keypoints(image, detection.keypoints or (), keypoint_drawing_spec)
    box = detection.bounding_box
    end = box.origin_x + box.width, box.origin_y + box.height
    with Brush(image) as brush:
        brush.box((box.origin_x, box.origin_y), end, bbox_drawing_spec.color, bbox_drawing_spec.thickness)


def draw_landmarks(
    image: NDArray[Any],
    landmark_list: Sequence[NormalizedLandmark] | None,
    connections: Iterable[Any] | None = None,
    landmark_drawing_spec: DrawingSpec | Mapping[int, DrawingSpec] | None = _LANDMARKS,
    connection_drawing_spec: DrawingSpec | Mapping[tuple[int, int], DrawingSpec] = _CONNECTIONS,
    is_drawing_landmarks: bool = True,
) -> None:
    """Draw landmarks, and lines between them, into a picture.

    Landmarks that state a visibility or a presence below 0.5 and those outside the picture are left out.

    Parameters
    ----------
    image : (H, W, 3) array
        BGR, if the colours are to be what their names say.
    landmark_list : sequence of NormalizedLandmark, or None
        Nothing is drawn without one.
    connections : iterable of Connection, optional
        Which landmarks to connect, as `PoseLandmarksConnections.POSE_LANDMARKS` has them.
    landmark_drawing_spec, connection_drawing_spec : DrawingSpec, mapping or None
        One for all, or a mapping from the landmark's index or the pair ``(start, end)``; None draws none.
    is_drawing_landmarks : bool
        False draws lines alone.

    Raises
    ------
    ValueError
        When the picture has not three channels, or a connection names a landmark that is not in the list.
    """
    if landmark_list:
        _draw(
            image,
            landmark_list,
            _shown,
            ((connection.start, connection.end) for connection in connections or ()),
            landmark_drawing_spec if is_drawing_landmarks else None,
            connection_drawing_spec,
        )


def plot_landmarks(
    landmark_list: Sequence[NormalizedLandmark | Landmark] | None,
    connections: Iterable[Any] | None = None,
    landmark_drawing_spec: DrawingSpec = _PLOTTED_LANDMARKS,
    connection_drawing_spec: DrawingSpec = _PLOTTED_CONNECTIONS,
    elevation: int = 10,
    azimuth: int = 10,
) -> None:
    """Plot landmarks, and lines between them, in three dimensions with Matplotlib, and show the figure.

    Parameters
    ----------
    landmark_list : sequence of NormalizedLandmark or Landmark, or None
        Nothing is plotted without one.
    connections : iterable of pairs of int or of Connection, optional
        Which landmarks to connect. (MediaPipe takes pairs only.)
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
        _plot(
            landmark_list,
            _shown,
            [(one.start, one.end) if hasattr(one, "start") else tuple(one) for one in connections or ()],
            landmark_drawing_spec,
            connection_drawing_spec,
            elevation,
            azimuth,
        )


def _shown(landmark: NormalizedLandmark | Landmark) -> bool:
    """Whether a landmark states nothing that is below the thresholds."""
    visible = landmark.visibility is None or not landmark.visibility < _VISIBILITY_THRESHOLD
    return visible and (landmark.presence is None or not landmark.presence < _PRESENCE_THRESHOLD)
