"""mediapipe.tasks.python.components.containers: landmarks and rectangles."""

from refpose.mediapipe.tasks.python.components.containers.landmark import Landmark, NormalizedLandmark
from refpose.mediapipe.tasks.python.components.containers.rect import NormalizedRect, Rect

__all__ = ["Landmark", "NormalizedLandmark", "NormalizedRect", "Rect"]

for _name in ("landmark", "rect"):  # modules, and as in MediaPipe no attributes; not there when imported again
    globals().pop(_name, None)
del _name
