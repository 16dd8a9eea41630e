"""MediaPipe's names for refpose: programs written for ``mediapipe.solutions.pose`` run unchanged.

``from refpose import mediapipe as mp`` instead of ``import mediapipe as mp`` is all a program needs; one that cannot be
edited gets it from `install`. This package renames; everything is computed elsewhere.
"""

import sys
from typing import TYPE_CHECKING

from refpose.mediapipe import _missing

sys.meta_path.insert(0, _missing.Finder())

from refpose.mediapipe import framework, python, solutions  # noqa: E402 - they need the finder

__all__ = ["__version__", "framework", "install", "python", "solutions"]

# The release whose numbers these are
__version__ = "0.10.21"

if not TYPE_CHECKING:
    _GRAPHS = ("CalculatorGraph", "GraphInputStreamAddMode", "ImageFrame", "Matrix", "Packet", "Timestamp")
    __getattr__ = _missing.attributes(__name__, *_GRAPHS, "Image", "ImageFormat", "ValidatedGraphConfig")


def install() -> None:
    """Make ``import mediapipe`` find this package from now on, in this process.

    Raises
    ------
    RuntimeError
        When MediaPipe itself was imported before.
    """
    found = sys.modules.get("mediapipe")
    if found is not None and found is not sys.modules[__name__]:
        raise RuntimeError(
            f"refpose.mediapipe.install(): mediapipe was imported already, from {getattr(found, '__file__', found)}; "
            "call install() before the first import of mediapipe"
        )
    sys.modules["mediapipe"] = sys.modules[__name__]
