"""What both versions ask of the options, in MediaPipe's words."""

from __future__ import annotations

import ctypes
import math
from typing import Any, NamedTuple


class Settings(NamedTuple):
    """Options whose types are right.

    Attributes
    ----------
    num_poses : int
    min_pose_detection_confidence, min_pose_presence_confidence, min_tracking_confidence : float
        float32 values.
    output_segmentation_masks : bool
    stream : bool
        Whether frames follow on each other.
    """

    num_poses: int
    min_pose_detection_confidence: float
    min_pose_presence_confidence: float
    min_tracking_confidence: float
    output_segmentation_masks: bool
    stream: bool

    def check(self) -> None:
        """Raise ValueError or RuntimeError where a number is out of its range."""
        if self.min_pose_presence_confidence < 0 or self.min_pose_presence_confidence > 1:
            raise ValueError("Invalid `min_detection_confidence` option: value must be in the range [0.0, 1.0]")
        if self.stream and not self.min_tracking_confidence >= 0:
            raise ValueError(
                f"min_tracking_confidence: expected a number from 0 on for a video or a live stream, found "
                f"{self.min_tracking_confidence} (MediaPipe ends the process here)"
            )
        if self.num_poses < 1:
            raise RuntimeError(
                "ValidatedGraphConfig Initialization failed.\n"
                "ClipNormalizedRectVectorSizeCalculator: max_vec_size should be greater than or equal to 1.\n"
                "ClipDetectionVectorSizeCalculator: max_vec_size should be greater than or equal to 1."
            )


def float32(value: Any) -> float:
    """A number rounded to float32; TypeError: must be real number, not ..."""
    return ctypes.c_float(value).value


def check_callback(running_mode_is_live: bool, callback: Any) -> None:
    """Raise ValueError unless there is a callback in live stream mode, and none in the other modes."""
    if running_mode_is_live:
        if callback is None:
            raise ValueError("The vision task is in live stream mode, a user-defined result callback must be provided.")
    elif callback:
        raise ValueError(
            "The vision task is in image or video mode, a user-defined result callback should not be provided."
        )


def radians(rotation_degrees: float) -> float:
    """The angle of `ImageProcessingOptions`, counter-clockwise."""
    return -rotation_degrees * math.pi / 180.0
