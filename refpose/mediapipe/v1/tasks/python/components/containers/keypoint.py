"""mediapipe.tasks.python.components.containers.keypoint as MediaPipe 1.x has it."""

from __future__ import annotations

from dataclasses import dataclass

from refpose.mediapipe._tasks.complaints import conversion

__all__ = ["NormalizedKeypoint"]


@dataclass
class NormalizedKeypoint:
    """A point in fractions of the picture's width and height."""

    x: float | None = None
    y: float | None = None
    label: str | None = None
    score: float | None = None

    from_ctypes = conversion("NormalizedKeypoint.from_ctypes")
