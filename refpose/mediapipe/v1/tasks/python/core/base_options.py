"""mediapipe.tasks.python.core.base_options as MediaPipe 1.x has it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from refpose.mediapipe._tasks.complaints import conversion

__all__ = ["BaseOptions"]


@dataclass
class BaseOptions:
    """Where the model is, and what computes.

    Attributes
    ----------
    model_asset_path : str, optional
        A ``.task`` file, or ``"refpose:lite"``, ``"refpose:full"``, ``"refpose:heavy"`` for the models that come with
        refpose.
    model_asset_buffer : bytes, optional
        The contents of such a file; the path is not looked at then.
    delegate : Delegate, optional
        `Delegate.DEFAULT` or `Delegate.CPU`, as without it.
    """

    class Delegate(IntEnum):
        """What computes. refpose has the CPU."""

        DEFAULT = 0
        CPU = 1
        GPU = 2

    model_asset_path: str | None = None
    model_asset_buffer: bytes | None = None
    delegate: Delegate | None = None

    to_ctypes = conversion("BaseOptions.to_ctypes")
