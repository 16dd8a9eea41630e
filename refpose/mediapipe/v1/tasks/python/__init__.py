"""mediapipe.tasks.python as MediaPipe 1.x has it; `mediapipe.tasks` is the same module."""

import sys
from typing import TYPE_CHECKING

from refpose.mediapipe import _missing
from refpose.mediapipe.v1.tasks.python import components, vision
from refpose.mediapipe.v1.tasks.python.core.base_options import BaseOptions

__all__ = ["BaseOptions", "components", "vision"]

for _name in ("core",):  # modules, and as in MediaPipe no attributes; not there when imported again
    globals().pop(_name, None)
del _name
# For `mediapipe.tasks`, and "import mediapipe.tasks.python.vision as vision", which MediaPipe does not allow
python = sys.modules[__name__]

if not TYPE_CHECKING:
    __getattr__ = _missing.attributes(__name__)
