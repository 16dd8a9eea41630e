"""mediapipe.tasks.python.components.containers.bounding_box as MediaPipe 1.x has it."""

from __future__ import annotations

from dataclasses import dataclass

from refpose.mediapipe._tasks.complaints import conversion

__all__ = ["BoundingBox"]


@dataclass
class BoundingBox:
    """An upright box in pixels: its left upper corner, and its size."""

    origin_x: int
    origin_y: int
    width: int
    height: int

    from_ctypes = conversion("BoundingBox.from_ctypes")
