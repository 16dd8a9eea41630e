"""mediapipe.tasks.python.vision as MediaPipe 0.10.21 has it: `PoseLandmarker` and what belongs to it."""

from typing import TYPE_CHECKING

from refpose.mediapipe import _missing
from refpose.mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions
from refpose.mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode as RunningMode
from refpose.mediapipe.tasks.python.vision.pose_landmarker import (
    PoseLandmarker,
    PoseLandmarkerOptions,
    PoseLandmarkerResult,
    PoseLandmarksConnections,
)

__all__ = [
    "ImageProcessingOptions",
    "PoseLandmarker",
    "PoseLandmarkerOptions",
    "PoseLandmarkerResult",
    "PoseLandmarksConnections",
    "RunningMode",
]

for _name in ("core", "pose_landmarker"):  # modules, and as in MediaPipe no attributes; not there when imported again
    globals().pop(_name, None)
del _name

if not TYPE_CHECKING:
    _OTHER_TASKS = """
        FaceAligner FaceAlignerOptions FaceDetector FaceDetectorOptions FaceDetectorResult FaceLandmarker
        FaceLandmarkerOptions FaceLandmarkerResult FaceLandmarksConnections FaceStylizer FaceStylizerOptions
        GestureRecognizer GestureRecognizerOptions GestureRecognizerResult HandLandmarker HandLandmarkerOptions
        HandLandmarkerResult HandLandmarksConnections ImageClassifier ImageClassifierOptions
        ImageClassifierResult ImageEmbedder ImageEmbedderOptions ImageEmbedderResult ImageSegmenter
        ImageSegmenterOptions InteractiveSegmenter InteractiveSegmenterOptions
        InteractiveSegmenterRegionOfInterest ObjectDetector ObjectDetectorOptions ObjectDetectorResult
        HolisticLandmarker HolisticLandmarkerOptions HolisticLandmarkerResult
    """.split()
    __getattr__ = _missing.attributes(__name__, *_OTHER_TASKS)
