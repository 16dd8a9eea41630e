"""mediapipe.tasks.python.components as MediaPipe 1.x has it: the containers of results."""

from refpose.mediapipe.v1.tasks.python.components import containers

__all__ = ["containers"]
