"""mediapipe.python._framework_bindings.image_frame: the formats of images."""

from __future__ import annotations

from enum import Enum


class ImageFormat(Enum):
    """How an image's pixels are stored (``image_format.proto``). The members are no integers, but can become such."""

    SRGB = 1
    SRGBA = 2
    SBGRA = 11
    GRAY8 = 3
    GRAY16 = 4
    SRGB48 = 7
    SRGBA64 = 8
    VEC32F1 = 9
    VEC32F2 = 12

    def __int__(self) -> int:
        return self.value

    __index__ = __hash__ = __int__

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int) and not isinstance(other, bool):
            return self.value == other
        return self is other
