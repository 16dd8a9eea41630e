"""What the two faces of MediaPipe Tasks share: `refpose.mediapipe.tasks` (0.10.21) and `refpose.mediapipe.v1` (1.x)."""
