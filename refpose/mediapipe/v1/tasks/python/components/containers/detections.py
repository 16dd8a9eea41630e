"""mediapipe.tasks.python.components.containers.detections as MediaPipe 1.x has it."""

from __future__ import annotations

from dataclasses import dataclass

from refpose.mediapipe._tasks.complaints import conversion
from refpose.mediapipe.v1.tasks.python.components.containers.bounding_box import BoundingBox
from refpose.mediapipe.v1.tasks.python.components.containers.category import Category
from refpose.mediapipe.v1.tasks.python.components.containers.keypoint import NormalizedKeypoint

__all__ = ["Detection", "DetectionResult"]


@dataclass
class Detection:
    """Something that was found on a picture: where it is, what it may be, and its key points."""

    bounding_box: BoundingBox
    categories: list[Category]
    keypoints: list[NormalizedKeypoint] | None = None

    from_ctypes = conversion("Detection.from_ctypes")


@dataclass
class DetectionResult:
    """What was found on a picture."""

    detections: list[Detection]

    from_ctypes = conversion("DetectionResult.from_ctypes")
