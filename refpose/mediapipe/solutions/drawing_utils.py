"""mediapipe.solutions.drawing_utils: landmarks on pictures and in three dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refpose import draw, extras
from refpose.draw import WHITE_COLOR, DrawingSpec
from refpose.draw import pixel as _normalized_to_pixel_coordinates
from refpose.mediapipe import _missing
from refpose.mediapipe.framework.formats.landmark_pb2 import LandmarkList, NormalizedLandmarkList

__all__ = [
    "BLACK_COLOR",
    "BLUE_COLOR",
    "GREEN_COLOR",
    "RED_COLOR",
    "WHITE_COLOR",
    "DrawingSpec",
    "_normalized_to_pixel_coordinates",
    "draw_landmarks",
    "plot_landmarks",
]

__getattr__ = _missing.attributes(__name__)

# BGR
BLACK_COLOR = (0, 0, 0)
RED_COLOR = (0, 0, 255)
GREEN_COLOR = (0, 128, 0)
BLUE_COLOR = (255, 0, 0)

_LANDMARKS = DrawingSpec(RED_COLOR)
_CONNECTIONS = DrawingSpec()
_PLOTTED_LANDMARKS = DrawingSpec(RED_COLOR, thickness=5)
_PLOTTED_CONNECTIONS = DrawingSpec(BLACK_COLOR, thickness=5)


def draw_landmarks(
    image: NDArray[Any],
    landmark_list: NormalizedLandmarkList | None,
    connections: Iterable[Any] | None = None,
    landmark_drawing_spec: DrawingSpec | Mapping[int, DrawingSpec] | None = _LANDMARKS,
    connection_drawing_spec: DrawingSpec | Mapping[Any, DrawingSpec] | None = _CONNECTIONS,
    is_drawing_landmarks: bool = True,
) -> None:
    """Draw landmarks, and lines between them, into a picture.

    Landmarks that state a visibility or a presence below 0.5 and those outside the picture are left out.

    Parameters
    ----------
    image : (H, W, 3) array
        BGR, if the colours are to be what their names say.
    landmark_list : NormalizedLandmarkList or None
        Nothing is drawn without one.
    connections : iterable of pairs of int, optional
        Which landmarks to connect.
    landmark_drawing_spec, connection_drawing_spec : DrawingSpec, mapping or None
        One for all, or a mapping from the landmark's index or the pair; None draws none.
    is_drawing_landmarks : bool
        False draws lines alone.

    Raises
    ------
    ValueError
        When the picture has not three channels, or a connection names a landmark that is not in the list.
    """
    if not landmark_list:
        return
    points, visibility, presence = _arrays(landmark_list)
    draw.landmarks(
        image,
        points,
        visibility,
        presence,
        connections,
        landmark_drawing_spec if is_drawing_landmarks else None,
        connection_drawing_spec,
    )


def plot_landmarks(
    landmark_list: NormalizedLandmarkList | LandmarkList | None,
    connections: Iterable[Any] | None = None,
    landmark_drawing_spec: DrawingSpec = _PLOTTED_LANDMARKS,
    connection_drawing_spec: DrawingSpec = _PLOTTED_CONNECTIONS,
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
    if not landmark_list:
        return
    plt = extras.require("matplotlib.pyplot", "plot")
    points, visibility, presence = _arrays(landmark_list)
    pairs = list(connections or ())
    draw.check_connections(pairs, len(points))
    shown = draw.shown(visibility, presence)
    # Away from the viewer, to the right, up
    places = np.stack([-points[:, 2], points[:, 0], -points[:, 1]], axis=1)
    plt.figure(figsize=(10, 10))
    axes = plt.axes(projection="3d")
    axes.view_init(elev=elevation, azim=azimuth)
    for place in places[shown]:
        axes.scatter3D(*place[:, None], color=_rgb(landmark_drawing_spec), linewidth=landmark_drawing_spec.thickness)
    for start, end in pairs:
        if shown[start] and shown[end]:
            axes.plot3D(
                *places[[start, end]].T,
                color=_rgb(connection_drawing_spec),
                linewidth=connection_drawing_spec.thickness,
            )
    plt.show()


def _rgb(spec: DrawingSpec) -> tuple[float, ...]:
    """Matplotlib's form of a BGR colour."""
    return tuple(value / 255 for value in spec.color[::-1])


def _arrays(
    landmark_list: NormalizedLandmarkList | LandmarkList,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Points (n, 3), visibility (n,) and presence (n,) of a list; NaN where a landmark does not state it."""

    def stated(name: str) -> NDArray[np.float64]:
        return np.array([getattr(item, name) if item.HasField(name) else np.nan for item in landmark_list.landmark])

    points = np.array([(item.x, item.y, item.z) for item in landmark_list.landmark], np.float64).reshape(-1, 3)
    return points, stated("visibility"), stated("presence")
