"""mediapipe.tasks.python.components.containers as MediaPipe 1.x has it: landmarks and rectangles."""

from refpose.mediapipe.v1.tasks.python.components.containers.landmark import Landmark, NormalizedLandmark
from refpose.mediapipe.v1.tasks.python.components.containers.rect import NormalizedRect, Rect

__all__ = ["Landmark", "NormalizedLandmark", "NormalizedRect", "Rect"]

del landmark, rect  # type: ignore[name-defined]  # noqa: F821 - as in MediaPipe, they are modules and no attributes
