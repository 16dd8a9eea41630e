"""mediapipe.tasks.python.vision.core.vision_task_running_mode."""

from __future__ import annotations

from enum import Enum

__all__ = ["VisionTaskRunningMode"]


class VisionTaskRunningMode(Enum):
    """How pictures come: each on its own, as a video's frames, or live, with the results going to a callback."""

    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    LIVE_STREAM = "LIVE_STREAM"
