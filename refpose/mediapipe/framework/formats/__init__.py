"""mediapipe.framework.formats: the messages of landmarks and of detections."""

from typing import TYPE_CHECKING

from refpose.mediapipe import _missing
from refpose.mediapipe.framework.formats import detection_pb2, landmark_pb2, location_data_pb2

__all__ = ["detection_pb2", "landmark_pb2", "location_data_pb2"]

if not TYPE_CHECKING:
    __getattr__ = _missing.attributes(__name__)
