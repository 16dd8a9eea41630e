"""mediapipe.tasks.python.vision as MediaPipe 1.x has it: `PoseLandmarker`, what belongs to it, and drawing."""

from typing import TYPE_CHECKING

from refpose.mediapipe import _missing
from refpose.mediapipe.v1.tasks.python.vision import drawing_styles, drawing_utils
from refpose.mediapipe.v1.tasks.python.vision.core.image_processing_options import ImageProcessingOptions
from refpose.mediapipe.v1.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode as RunningMode
from refpose.mediapipe.v1.tasks.python.vision.pose_landmarker import (
    PoseLandmark,
    PoseLandmarker,
    PoseLandmarkerOptions,
    PoseLandmarkerResult,
    PoseLandmarksConnections,
)

__all__ = [
    "ImageProcessingOptions",
    "PoseLandmark",
    "PoseLandmarker",
    "PoseLandmarkerOptions",
    "PoseLandmarkerResult",
    "PoseLandmarksConnections",
    "RunningMode",
    "drawing_styles",
    "drawing_utils",
]

for _name in ("core", "pose_landmarker"):  # modules, and as in MediaPipe no attributes; not there when imported again
    globals().pop(_name, None)
del _name

if not TYPE_CHECKING:
    _OTHER_TASKS = """
        FaceDetector FaceDetectorOptions FaceDetectorResult FaceLandmarker FaceLandmarkerOptions
        FaceLandmarkerResult FaceLandmarksConnections GestureRecognizer GestureRecognizerOptions
        GestureRecognizerResult HandLandmarker HandLandmarkerOptions HandLandmarkerResult
        HandLandmarksConnections ImageClassifier ImageClassifierOptions ImageClassifierResult ImageEmbedder
        ImageEmbedderOptions ImageEmbedderResult ImageSegmenter ImageSegmenterOptions InteractiveSegmenter
        InteractiveSegmenterOptions ObjectDetector ObjectDetectorOptions ObjectDetectorResult HolisticLandmarker
        HolisticLandmarkerOptions HolisticLandmarkerResult
    """.split()
    __getattr__ = _missing.attributes(__name__, *_OTHER_TASKS)
