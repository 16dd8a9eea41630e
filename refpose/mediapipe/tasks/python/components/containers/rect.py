"""mediapipe.tasks.python.components.containers.rect as MediaPipe 0.10.21 has it."""

from __future__ import annotations

from dataclasses import dataclass

from refpose.mediapipe._tasks.complaints import conversion

__all__ = ["NormalizedRect", "Rect"]


@dataclass
class Rect:
    """An upright rectangle, in fractions of the picture's width and height."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass
class NormalizedRect:
    """A rectangle with a rotation, clockwise in radians; in fractions of the picture's width and height."""

    x_center: float
    y_center: float
    width: float
    height: float
    rotation: float | None = 0.0
    rect_id: int | None = None

    to_pb2 = conversion("NormalizedRect.to_pb2")
    create_from_pb2 = conversion("NormalizedRect.create_from_pb2")
