"""mediapipe.python: where MediaPipe's own sources have the solutions."""

from refpose.mediapipe import _missing, solutions

__all__ = ["solutions"]

__getattr__ = _missing.attributes(__name__)
