"""mediapipe.framework.formats: the landmark messages."""

from typing import TYPE_CHECKING

from refpose.mediapipe import _missing
from refpose.mediapipe.framework.formats import landmark_pb2

__all__ = ["landmark_pb2"]

if not TYPE_CHECKING:
    __getattr__ = _missing.attributes(__name__)
