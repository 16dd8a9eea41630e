"""BlazePose on a plain CPU, equal to MediaPipe bit for bit.

The names below are loaded when they are first used, so that importing refpose costs little more than importing NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import Network, load_network
    from .pose import Person, Pose
    from .stages.filters import Smoothing
    from .stages.roi import Roi
    from .topology import POSE_CONNECTIONS, PoseLandmark

__version__ = "0.1.0"

__all__ = [
    "POSE_CONNECTIONS",
    "Network",
    "Person",
    "Pose",
    "PoseLandmark",
    "Roi",
    "Smoothing",
    "__version__",
    "load_network",
]

_HOME = {
    "Network": "engine",
    "load_network": "engine",
    "Smoothing": "stages.filters",
    "Person": "pose",
    "Pose": "pose",
    "Roi": "stages.roi",
    "POSE_CONNECTIONS": "topology",
    "PoseLandmark": "topology",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
