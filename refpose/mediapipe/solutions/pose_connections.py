"""mediapipe.solutions.pose_connections."""

from refpose.topology import POSE_CONNECTIONS

__all__ = ["POSE_CONNECTIONS"]
