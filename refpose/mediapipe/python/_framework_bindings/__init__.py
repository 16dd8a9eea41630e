"""mediapipe.python._framework_bindings: where MediaPipe 0.10.21 has `Image` and `ImageFormat`."""
