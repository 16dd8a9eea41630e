"""mediapipe.tasks.python.vision.core as MediaPipe 1.x has it."""
