"""mediapipe.tasks.python.vision.core."""
