"""mediapipe.solutions: the pose, and how to draw it."""

from refpose.mediapipe import _missing
from refpose.mediapipe.solutions import drawing_styles, drawing_utils, pose, pose_connections

__all__ = ["drawing_styles", "drawing_utils", "pose", "pose_connections"]

__getattr__ = _missing.attributes(__name__)
