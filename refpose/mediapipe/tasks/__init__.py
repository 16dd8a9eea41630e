"""mediapipe.tasks as MediaPipe 0.10.21 has it: `PoseLandmarker` and what belongs to it, in `tasks.python`."""

import sys
from typing import TYPE_CHECKING

from refpose.mediapipe.tasks import python

if TYPE_CHECKING:
    from refpose.mediapipe.tasks.python import BaseOptions as BaseOptions
    from refpose.mediapipe.tasks.python import components as components
    from refpose.mediapipe.tasks.python import vision as vision

# As in MediaPipe, `mediapipe.tasks` is `mediapipe.tasks.python`.
sys.modules[__name__] = python
