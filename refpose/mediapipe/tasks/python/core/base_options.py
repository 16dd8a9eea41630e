"""mediapipe.tasks.python.core.base_options as MediaPipe 0.10.21 has it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from enum import IntEnum

from refpose.mediapipe._tasks.complaints import conversion

__all__ = ["BaseOptions"]


@dataclass
class BaseOptions:
    """Where the model is, and what computes.

    Attributes
    ----------
    model_asset_path : str or path, optional
        A ``.task`` file, or ``"refpose:lite"``, ``"refpose:full"``, ``"refpose:heavy"`` for the models that come with
        refpose.
    model_asset_buffer : bytes, optional
        The contents of such a file; the path is not looked at then.
    delegate : Delegate, optional
        `Delegate.CPU`, as without it.
    """

    class Delegate(IntEnum):
        """What computes. refpose has the CPU."""

        CPU = 0
        GPU = 1

    model_asset_path: str | None = None
    model_asset_buffer: bytes | None = None
    delegate: Delegate | None = None

    to_pb2 = conversion("BaseOptions.to_pb2")
    create_from_pb2 = conversion("BaseOptions.create_from_pb2")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BaseOptions) and self._meaning() == other._meaning()

    def _meaning(self) -> tuple[str | None, bytes | None, bool | None]:
        """The absolute path, the buffer, and whether the graphics card is asked for."""
        path = None if self.model_asset_path is None else os.path.abspath(self.model_asset_path)
        if self.delegate == BaseOptions.Delegate.GPU and platform.system() not in ("Linux", "Darwin"):
            raise NotImplementedError("GPU Delegate is not yet supported for " + platform.system())
        return path, self.model_asset_buffer, {1: True, 0: False}.get(self.delegate)  # type: ignore[arg-type]
