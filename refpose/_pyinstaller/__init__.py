"""What PyInstaller asks packages for: the folder of their hooks (entry point ``pyinstaller40``, ``hook-dirs``)."""

from __future__ import annotations


def hook_dirs() -> list[str]:
    """The folder of ``hook-refpose.py``."""
    return list(__path__)
