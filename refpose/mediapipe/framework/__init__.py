"""mediapipe.framework: the landmark messages."""

from typing import TYPE_CHECKING

from refpose.mediapipe import _missing
from refpose.mediapipe.framework import formats

__all__ = ["formats"]

if not TYPE_CHECKING:
    __getattr__ = _missing.attributes(__name__)
