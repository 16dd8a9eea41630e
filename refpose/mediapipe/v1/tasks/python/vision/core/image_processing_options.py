"""mediapipe.tasks.python.vision.core.image_processing_options as MediaPipe 1.x has it."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from operator import index
from typing import NamedTuple

from refpose.mediapipe.v1.tasks.python.components.containers.rect import Rect, RectF

__all__ = ["ImageProcessingOptions"]


class Numbers(NamedTuple):
    """The options as MediaPipe's C interface has them: whether there is a region, and the rotation as an int32."""

    has_region_of_interest: bool
    rotation_degrees: int


@dataclass
class ImageProcessingOptions:
    """What to do with a picture before the detector sees it.

    Attributes
    ----------
    region_of_interest : RectF, optional
        Not supported by this task, as in MediaPipe.
    rotation_degrees : int
        A multiple of 90: how far the picture is turned clockwise. What is found in the turned picture is not turned
        back, as in MediaPipe: results of other angles than 0 are mostly empty or poor.
    """

    region_of_interest: RectF | None = None
    rotation_degrees: int = 0

    def to_ctypes(self) -> Numbers:
        """The options as plain numbers.

        Raises
        ------
        TypeError
            When one of them is of another type.
        """
        roi = self.region_of_interest
        if isinstance(roi, Rect):
            raise TypeError("incompatible types, MpRectC instance instead of MpRectFC instance")
        if roi and not isinstance(roi, RectF):
            raise AttributeError(f"{type(roi).__name__!r} object has no attribute 'to_ctypes'")
        return Numbers(roi is not None, ctypes.c_int(index(self.rotation_degrees)).value)
