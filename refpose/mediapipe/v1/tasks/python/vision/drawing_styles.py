"""mediapipe.tasks.python.vision.drawing_styles: the styles of the solutions."""

from typing import TYPE_CHECKING

from refpose.mediapipe import _missing
from refpose.mediapipe.solutions.drawing_styles import (
    get_default_face_mesh_contours_style,
    get_default_face_mesh_iris_connections_style,
    get_default_face_mesh_tesselation_style,
    get_default_hand_connections_style,
    get_default_hand_landmarks_style,
    get_default_pose_landmarks_style,
)

__all__ = [
    "get_default_face_mesh_contours_style",
    "get_default_face_mesh_iris_connections_style",
    "get_default_face_mesh_tesselation_style",
    "get_default_hand_connections_style",
    "get_default_hand_landmarks_style",
    "get_default_pose_landmarks_style",
]

if not TYPE_CHECKING:
    __getattr__ = _missing.attributes(__name__)
