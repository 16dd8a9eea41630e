"""mediapipe.tasks.python.components.containers.category as MediaPipe 1.x has it."""

from __future__ import annotations

from dataclasses import dataclass

from refpose.mediapipe._tasks.complaints import conversion

__all__ = ["Category"]


@dataclass
class Category:
    """What something is, and how probably."""

    index: int | None = None
    score: float | None = None
    display_name: str | None = None
    category_name: str | None = None

    from_ctypes = conversion("Category.from_ctypes")
