"""mediapipe.tasks.python.components.containers as MediaPipe 1.x has it: landmarks and rectangles."""

from refpose.mediapipe.v1.tasks.python.components.containers.landmark import Landmark, NormalizedLandmark
from refpose.mediapipe.v1.tasks.python.components.containers.rect import NormalizedRect, Rect

__all__ = ["Landmark", "NormalizedLandmark", "NormalizedRect", "Rect"]

for _name in ("landmark", "rect"):  # modules, and as in MediaPipe no attributes; not there when imported again
    globals().pop(_name, None)
del _name
