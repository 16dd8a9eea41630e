"""mediapipe.tasks.python.components.containers as MediaPipe 1.x has it: landmarks, rectangles and detections."""

from refpose.mediapipe.v1.tasks.python.components.containers.bounding_box import BoundingBox
from refpose.mediapipe.v1.tasks.python.components.containers.category import Category
from refpose.mediapipe.v1.tasks.python.components.containers.detections import Detection, DetectionResult
from refpose.mediapipe.v1.tasks.python.components.containers.landmark import Landmark, NormalizedLandmark
from refpose.mediapipe.v1.tasks.python.components.containers.rect import NormalizedRect, Rect

__all__ = [
    "BoundingBox",
    "Category",
    "Detection",
    "DetectionResult",
    "Landmark",
    "NormalizedLandmark",
    "NormalizedRect",
    "Rect",
]

# Modules, and as in MediaPipe no attributes; not there when imported again
for _name in ("bounding_box", "category", "detections", "landmark", "rect"):
    globals().pop(_name, None)
del _name
