"""BlazePose on a plain CPU, equal to MediaPipe bit for bit.

The names below are loaded when they are first used, so that importing refpose costs little more than importing NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# The public names by their modules, and the public modules: the one list. Type checkers read `__init__.pyi`, which
# follows from it (`make fmt` writes it anew).
_NAMES = {
    "engine": ("Network", "load_network"),
    "person": ("Person",),
    "pose": ("Pose",),
    "stages.filters": ("Smoothing",),
    "stages.roi": ("Roi",),
    "topology": ("POSE_CONNECTIONS", "PoseLandmark"),
}
_MODULES = ("draw", "images", "mediapipe", "motion", "plot", "tables", "topology", "video")

_HOME = {name: module for module, names in _NAMES.items() for name in names}
__all__ = [*_HOME, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES, "__doc__", "__file__", "__name__", "__path__"})
