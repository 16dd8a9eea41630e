"""mediapipe.tasks.python.core as MediaPipe 1.x has it."""
