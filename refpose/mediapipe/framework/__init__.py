"""mediapipe.framework: the landmark messages."""

from refpose.mediapipe import _missing
from refpose.mediapipe.framework import formats

__all__ = ["formats"]

__getattr__ = _missing.attributes(__name__)
