"""mediapipe.solutions.drawing_styles: how the pose is drawn, and how hands and faces would be.

The constants are read when a style is asked for: a program that sets one changes the styles, as with MediaPipe. All
colours are BGR.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from refpose.draw import DrawingSpec
from refpose.mediapipe import _missing
from refpose.mediapipe.solutions import face_mesh_connections, hands_connections
from refpose.mediapipe.solutions._hands import HandLandmark
from refpose.topology import LEFT_COLOR, RIGHT_COLOR, PoseLandmark

__all__ = [
    "DrawingSpec",
    "HandLandmark",
    "PoseLandmark",
    "face_mesh_connections",
    "get_default_face_mesh_contours_style",
    "get_default_face_mesh_iris_connections_style",
    "get_default_face_mesh_tesselation_style",
    "get_default_hand_connections_style",
    "get_default_hand_landmarks_style",
    "get_default_pose_landmarks_style",
    "hands_connections",
]

if not TYPE_CHECKING:
    __getattr__ = _missing.attributes(__name__)

Pair = tuple[int, int]

_RADIUS = 5
_RED = (48, 48, 255)
_GREEN = (48, 255, 48)
_BLUE = (192, 101, 21)
_YELLOW = (0, 204, 255)
_GRAY = (128, 128, 128)
_PURPLE = (128, 64, 128)
_PEACH = (180, 229, 255)
_WHITE = (224, 224, 224)
_CYAN = (192, 255, 48)
_MAGENTA = (192, 48, 255)

_THICKNESS_WRIST_MCP = 3
_THICKNESS_FINGER = 2
_THICKNESS_DOT = -1
_THICKNESS_TESSELATION = 1
_THICKNESS_CONTOURS = 2
_THICKNESS_POSE_LANDMARKS = 2


def _fingers(*numbers: int) -> tuple[HandLandmark, ...]:
    return tuple(HandLandmark(number) for number in numbers)


_PALM_LANDMARKS = _fingers(0, 1, 5, 9, 13, 17)
_THUMP_LANDMARKS = _fingers(2, 3, 4)
_INDEX_FINGER_LANDMARKS = _fingers(6, 7, 8)
_MIDDLE_FINGER_LANDMARKS = _fingers(10, 11, 12)
_RING_FINGER_LANDMARKS = _fingers(14, 15, 16)
_PINKY_FINGER_LANDMARKS = _fingers(18, 19, 20)
_HAND_LANDMARK_STYLE = {
    _PALM_LANDMARKS: DrawingSpec(_RED, _THICKNESS_DOT, _RADIUS),
    _THUMP_LANDMARKS: DrawingSpec(_PEACH, _THICKNESS_DOT, _RADIUS),
    _INDEX_FINGER_LANDMARKS: DrawingSpec(_PURPLE, _THICKNESS_DOT, _RADIUS),
    _MIDDLE_FINGER_LANDMARKS: DrawingSpec(_YELLOW, _THICKNESS_DOT, _RADIUS),
    _RING_FINGER_LANDMARKS: DrawingSpec(_GREEN, _THICKNESS_DOT, _RADIUS),
    _PINKY_FINGER_LANDMARKS: DrawingSpec(_BLUE, _THICKNESS_DOT, _RADIUS),
}
_HAND_CONNECTION_STYLE = {
    hands_connections.HAND_PALM_CONNECTIONS: DrawingSpec(_GRAY, _THICKNESS_WRIST_MCP),
    hands_connections.HAND_THUMB_CONNECTIONS: DrawingSpec(_PEACH, _THICKNESS_FINGER),
    hands_connections.HAND_INDEX_FINGER_CONNECTIONS: DrawingSpec(_PURPLE, _THICKNESS_FINGER),
    hands_connections.HAND_MIDDLE_FINGER_CONNECTIONS: DrawingSpec(_YELLOW, _THICKNESS_FINGER),
    hands_connections.HAND_RING_FINGER_CONNECTIONS: DrawingSpec(_GREEN, _THICKNESS_FINGER),
    hands_connections.HAND_PINKY_FINGER_CONNECTIONS: DrawingSpec(_BLUE, _THICKNESS_FINGER),
}


def _contours(lips: Any, left_eye: Any, right_eye: Any) -> dict[frozenset[Pair], DrawingSpec]:
    """A style of contours, by colours."""
    return {
        face_mesh_connections.FACEMESH_LIPS: DrawingSpec(lips, _THICKNESS_CONTOURS),
        face_mesh_connections.FACEMESH_LEFT_EYE: DrawingSpec(left_eye, _THICKNESS_CONTOURS),
        face_mesh_connections.FACEMESH_LEFT_EYEBROW: DrawingSpec(_GREEN, _THICKNESS_CONTOURS),
        face_mesh_connections.FACEMESH_RIGHT_EYE: DrawingSpec(right_eye, _THICKNESS_CONTOURS),
        face_mesh_connections.FACEMESH_RIGHT_EYEBROW: DrawingSpec(_RED, _THICKNESS_CONTOURS),
        face_mesh_connections.FACEMESH_FACE_OVAL: DrawingSpec(_WHITE, _THICKNESS_CONTOURS),
    }


_FACEMESH_CONTOURS_CONNECTION_STYLE = _contours(_WHITE, _GREEN, _RED)
_FACEMESH_CONTOURS_CONNECTION_STYLE_1 = {
    **_contours(_BLUE, _CYAN, _MAGENTA),
    face_mesh_connections.FACEMESH_NOSE: DrawingSpec(_YELLOW, _THICKNESS_CONTOURS),
}

_POSE_LANDMARKS_LEFT = frozenset([PoseLandmark(number) for number in (1, 2, 3, 7, 9, *range(11, 33, 2))])
_POSE_LANDMARKS_RIGHT = frozenset([PoseLandmark(number) for number in (4, 5, 6, 8, 10, *range(12, 33, 2))])


def _each(style: Mapping[Any, DrawingSpec]) -> dict[Any, DrawingSpec]:
    """A style by groups, as one by their members, which share the group's."""
    return {member: spec for group, spec in style.items() for member in group}


def get_default_hand_landmarks_style() -> dict[int, DrawingSpec]:
    """How each landmark of a hand is drawn, by finger."""
    return _each(_HAND_LANDMARK_STYLE)


def get_default_hand_connections_style() -> dict[Pair, DrawingSpec]:
    """How each connection of a hand is drawn, by finger."""
    return _each(_HAND_CONNECTION_STYLE)


def get_default_face_mesh_contours_style(i: int = 0) -> dict[Pair, DrawingSpec]:
    """How each contour of a face is drawn.

    Parameters
    ----------
    i : int
        1 for the second of two styles, which has the nose too.
    """
    return _each(_FACEMESH_CONTOURS_CONNECTION_STYLE_1 if i == 1 else _FACEMESH_CONTOURS_CONNECTION_STYLE)


def get_default_face_mesh_tesselation_style() -> DrawingSpec:
    """How the triangles of a face are drawn."""
    return DrawingSpec(color=_GRAY, thickness=_THICKNESS_TESSELATION)


def get_default_face_mesh_iris_connections_style() -> dict[Pair, DrawingSpec]:
    """How the rims of a face's irises are drawn."""
    left = DrawingSpec(color=_GREEN, thickness=_THICKNESS_CONTOURS)
    right = DrawingSpec(color=_RED, thickness=_THICKNESS_CONTOURS)
    return _each({face_mesh_connections.FACEMESH_LEFT_IRIS: left, face_mesh_connections.FACEMESH_RIGHT_IRIS: right})


def get_default_pose_landmarks_style() -> dict[int, DrawingSpec]:
    """How each landmark of a pose is drawn: left orange, right turquoise, the nose white.

    The landmarks of a side share one `DrawingSpec`.
    """
    left = DrawingSpec(color=LEFT_COLOR, thickness=_THICKNESS_POSE_LANDMARKS)
    right = DrawingSpec(color=RIGHT_COLOR, thickness=_THICKNESS_POSE_LANDMARKS)
    nose = DrawingSpec(color=_WHITE, thickness=_THICKNESS_POSE_LANDMARKS)
    return _each({_POSE_LANDMARKS_LEFT: left, _POSE_LANDMARKS_RIGHT: right}) | {PoseLandmark.NOSE: nose}
