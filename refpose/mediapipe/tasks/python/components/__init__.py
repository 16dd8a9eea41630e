"""mediapipe.tasks.python.components: the containers of results."""

from refpose.mediapipe.tasks.python.components import containers

__all__ = ["containers"]
