"""mediapipe.tasks.python.core."""
