"""mediapipe.python: where MediaPipe's own sources have the solutions."""

from typing import TYPE_CHECKING

from refpose.mediapipe import _missing, solutions
from refpose.mediapipe.python import solution_base

__all__ = ["solution_base", "solutions"]

if not TYPE_CHECKING:
    __getattr__ = _missing.attributes(__name__)
