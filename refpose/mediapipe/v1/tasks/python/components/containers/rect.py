"""mediapipe.tasks.python.components.containers.rect as MediaPipe 1.x has it."""

from __future__ import annotations

from dataclasses import dataclass

from refpose.mediapipe._tasks.complaints import conversion
from refpose.mediapipe.tasks.python.components.containers.rect import NormalizedRect

__all__ = ["NormalizedRect", "Rect", "RectF"]


@dataclass
class Rect:
    """An upright rectangle in pixels."""

    left: int
    top: int
    bottom: int
    right: int

    to_ctypes = conversion("Rect.to_ctypes")


@dataclass
class RectF:
    """An upright rectangle, in fractions of the picture's width and height."""

    left: float
    top: float
    bottom: float
    right: float

    to_ctypes = conversion("RectF.to_ctypes")
