"""mediapipe.tasks as MediaPipe 1.x has it: `PoseLandmarker` and what belongs to it, in `tasks.python`."""

import sys

from refpose.mediapipe.v1.tasks import python

# As in MediaPipe, `mediapipe.tasks` is `mediapipe.tasks.python`.
sys.modules[__name__] = python
