"""mediapipe.solutions.drawing_styles: the style of poses."""

from __future__ import annotations

from refpose.draw import DrawingSpec
from refpose.mediapipe import _missing
from refpose.topology import LANDMARK_COLORS, PoseLandmark

__all__ = ["get_default_pose_landmarks_style"]

__getattr__ = _missing.attributes(__name__)


def get_default_pose_landmarks_style() -> dict[PoseLandmark, DrawingSpec]:
    """How to draw each landmark: left orange, right turquoise, the nose white, on a BGR picture."""
    return {landmark: DrawingSpec(color) for landmark, color in zip(PoseLandmark, LANDMARK_COLORS, strict=True)}
