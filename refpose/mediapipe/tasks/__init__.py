"""mediapipe.tasks as MediaPipe 0.10.21 has it: `PoseLandmarker` and what belongs to it, in `tasks.python`."""

import sys

from refpose.mediapipe.tasks import python

# As in MediaPipe, `mediapipe.tasks` is `mediapipe.tasks.python`.
sys.modules[__name__] = python
