"""MediaPipe's names for refpose: programs written for ``mediapipe.solutions.pose`` run unchanged.

``from refpose import mediapipe as mp`` instead of ``import mediapipe as mp`` is all a program needs; one that cannot be
edited gets it from `install`. This package renames; everything is computed elsewhere.
"""

import sys

from refpose.mediapipe import _missing, framework, python, solutions

__all__ = ["__version__", "framework", "install", "python", "solutions"]

# The release whose numbers these are
__version__ = "0.10.21"

__getattr__ = _missing.attributes("mediapipe")


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
    _alias(__name__, "mediapipe")


def _alias(package: str, name: str) -> None:
    """Let `name` and what is below it import the modules of `package`."""
    for module_name, module in list(sys.modules.items()):
        if module_name == package or module_name.startswith(f"{package}."):
            sys.modules[name + module_name.removeprefix(package)] = module


# MediaPipe's sources are in mediapipe/python/solutions, and programs import from there as well.
_alias(f"{__name__}.solutions", f"{__name__}.python.solutions")
sys.meta_path.append(_missing.Finder())
