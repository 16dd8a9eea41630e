"""mediapipe.tasks.python.vision.core.image_processing_options."""

from __future__ import annotations

from dataclasses import dataclass

from refpose.mediapipe.tasks.python.components.containers.rect import Rect

__all__ = ["ImageProcessingOptions"]


@dataclass
class ImageProcessingOptions:
    """What to do with a picture before the detector sees it.

    Attributes
    ----------
    region_of_interest : Rect, optional
        Not supported by this task, as in MediaPipe.
    rotation_degrees : int
        A multiple of 90: how far the picture is turned clockwise. What is found in the turned picture is not turned
        back, as in MediaPipe: results of other angles than 0 are mostly empty or poor.
    """

    region_of_interest: Rect | None = None
    rotation_degrees: int = 0
