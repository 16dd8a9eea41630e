"""What to say to a program that asks for a part of MediaPipe that refpose does not have."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from typing import NoReturn

_PACKAGE = __name__.rpartition(".")[0]
_TASKS = {"tasks", "Image", "ImageFormat"}


def explain(name: str) -> str:
    """The message for a dotted name that is missing."""
    if _TASKS & set(name.split(".")):
        advice = "Instead of MediaPipe Tasks' PoseLandmarker use refpose.Pose; docs/migration.md goes name by name."
    else:
        advice = "Hands, faces and the rest of MediaPipe need MediaPipe itself."
    return (
        f"refpose has no {name}: it stands in for mediapipe.solutions.pose, with drawing_utils.draw_landmarks and "
        f"plot_landmarks, drawing_styles.get_default_pose_landmarks_style and framework.formats.landmark_pb2. {advice}"
    )


def attributes(module: str) -> Callable[[str], NoReturn]:
    """A `__getattr__` for a module."""

    def __getattr__(name: str) -> NoReturn:
        raise AttributeError(explain(f"{module.removeprefix('refpose.')}.{name}"), name=name)

    return __getattr__


class Finder(MetaPathFinder):
    """Explains imports that no other finder could serve; comes last in `sys.meta_path`.

    The error has no `name`: ``from package import name`` would take it for an ordinary missing attribute.
    """

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        ours = "refpose.mediapipe", *(["mediapipe"] if sys.modules.get("mediapipe") is sys.modules[_PACKAGE] else [])
        if fullname.startswith(tuple(f"{root}." for root in ours)):
            raise ModuleNotFoundError(explain(fullname.removeprefix("refpose.")))
