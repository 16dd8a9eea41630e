"""MediaPipe's names for refpose: programs written for its pose solution, or its `PoseLandmarker`, run unchanged.

``from refpose import mediapipe as mp`` instead of ``import mediapipe as mp`` is all a program needs; one that cannot be
edited gets it from `install`. This package renames; everything is computed elsewhere. Names, errors and bits are those
of MediaPipe 0.10.21; those of 1.x are in `refpose.mediapipe.v1`.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from refpose.mediapipe import _missing

sys.meta_path.insert(0, _missing.Finder())

from refpose.mediapipe import framework, python, solutions  # noqa: E402 - they need the finder

__all__ = ["__version__", "framework", "install", "python", "solutions"]

# The release whose numbers these are
__version__ = "0.10.21"

# By the name of a release: the package that stands for it
_RELEASES = {"0.10.21": __name__, "1.2.3": f"{__name__}.v1"}

if TYPE_CHECKING:
    from refpose.mediapipe import tasks as tasks
    from refpose.mediapipe.python._framework_bindings.image import Image as Image
    from refpose.mediapipe.python._framework_bindings.image_frame import ImageFormat as ImageFormat
else:
    _GRAPHS = ("CalculatorGraph", "GraphInputStreamAddMode", "ImageFrame", "Matrix", "Packet", "Timestamp")
    _missing_attribute = _missing.attributes(__name__, *_GRAPHS, "ValidatedGraphConfig")
    _IMAGES = {"Image": "image", "ImageFormat": "image_frame"}

    def __getattr__(name: str) -> Any:
        """What is loaded when it is used: MediaPipe Tasks and its images; and what is missing."""
        if name == "tasks":
            return import_module(f"{__name__}.tasks")
        if name in _IMAGES:
            return getattr(import_module(f"{__name__}.python._framework_bindings.{_IMAGES[name]}"), name)
        return _missing_attribute(name)


def install(version: str = "0.10.21") -> None:
    """Make ``import mediapipe`` find this package from now on, in this process.

    Parameters
    ----------
    version : {"0.10.21", "1.2.3"}
        Whose names, errors and bits the program gets: those of MediaPipe 0.10.21, which has the solutions and Tasks,
        or those of 1.0.0 to 1.2.3, which have Tasks alone (`refpose.mediapipe.v1`).

    Raises
    ------
    ValueError
        No such version.
    RuntimeError
        When MediaPipe itself, or another version, was imported before.
    """
    if version not in _RELEASES:
        raise ValueError(f"version: expected one of {', '.join(_RELEASES)}, found {version!r}")
    package = import_module(_RELEASES[version])
    found = sys.modules.get("mediapipe")
    if found is not None and found is not package:
        raise RuntimeError(
            f"refpose.mediapipe.install(): mediapipe was imported already, from {getattr(found, '__file__', found)}; "
            "call install() before the first import of mediapipe"
        )
    sys.modules["mediapipe"] = package
