"""mediapipe.python._framework_bindings.image: `Image` as MediaPipe 0.10.21 has it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from refpose.mediapipe._tasks.images import LAYOUTS, Pixels, formats_of, read_pixels
from refpose.mediapipe._tasks.pybind import incompatible
from refpose.mediapipe.python._framework_bindings.image_frame import ImageFormat

__all__ = ["Image"]

_CLASS = "mediapipe.python._framework_bindings.image.Image"
_CONSTRUCTORS = tuple(
    f"{_CLASS}(image_format: mediapipe::ImageFormat_Format, data: numpy.ndarray[numpy.{dtype}])"
    for dtype in ("uint8", "uint16", "float32")
)


class Image(Pixels):
    """A picture, or a mask: its pixels were copied when it was made, and never change.

    Parameters
    ----------
    image_format : ImageFormat
    data : (H, W, channels) array, C-contiguous
        uint8, uint16 or float32, as the format has it; (H, W) will do for one channel.

    Raises
    ------
    TypeError
        When the arguments are of other types, or the array is not contiguous.
    RuntimeError
        When the format's values are of another type than the array's.
    ValueError
        When the array has not the shape of a picture in this format. (MediaPipe reads other memory then.)
    """

    _row_bytes = 4

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        chosen = dict(zip(("image_format", "data"), args, strict=False)) | kwargs
        image_format, data = chosen.get("image_format"), chosen.get("data")
        if (
            len(args) + len(kwargs) != 2
            or not isinstance(image_format, ImageFormat)
            or not isinstance(data, np.ndarray)
            or not data.flags.c_contiguous
            or not data.dtype.isnative
            or not formats_of(data.dtype)
            or data.ndim < 2
        ):
            raise incompatible("__init__", _CONSTRUCTORS, *args, **kwargs)
        if image_format.name not in formats_of(data.dtype):
            raise RuntimeError(_OTHER_FORMAT[data.dtype.name])
        self._keep(image_format.name, image_format.value, data)

    @classmethod
    def _made_of(cls, name: str, array: NDArray[Any], row_bytes: int) -> Image:
        """An image that takes an array over, whose rows begin at multiples of so many bytes in MediaPipe's memory."""
        image = cls.__new__(cls)
        image._row_bytes = row_bytes
        image._own(name, ImageFormat[name].value, array)
        return image

    @staticmethod
    def create_from_file(*args: Any, **kwargs: Any) -> Image:
        """The picture in a file.

        Parameters
        ----------
        file_name : str
            BMP, GIF, JPEG, PNG, PNM, PSD or TGA.

        Raises
        ------
        RuntimeError
            When it cannot be opened or decoded.
        """
        found = args[0] if args else kwargs.get("file_name")
        if len(args) + len(kwargs) != 1 or not isinstance(found, str | bytes):
            raise incompatible("create_from_file", (f"(file_name: str) -> {_CLASS}",), *args, **kwargs)
        found = os.fsdecode(found)
        try:
            name, pixels, row_bytes = read_pixels(found, newer=False)
        except OSError as error:
            reason = "unknown image type" if isinstance(error, IsADirectoryError) else "can't fopen"
            raise RuntimeError(f"Image decoding failed ({reason}): {found}") from error
        except ValueError as error:
            if "channels" in str(error):
                raise RuntimeError(str(error)) from error
            raise RuntimeError(f"Image decoding failed ({error}): {found}") from error
        return Image._made_of(name, pixels, row_bytes)

    @property
    def image_format(self) -> ImageFormat:
        """The format."""
        return ImageFormat[self.format_name]

    def numpy_view(self) -> NDArray[Any]:
        """The pixels, read-only: (H, W, channels), or (H, W) where there is one channel; always the same array."""
        return self._view

    @cached_property
    def _view(self) -> NDArray[Any]:
        return self.array[:, :, 0] if self.channels == 1 else self.array

    def is_aligned(self, alignment_boundary: int) -> bool:
        """Whether every row begins at a multiple of so many bytes, in MediaPipe's memory."""
        if isinstance(alignment_boundary, bool) or not isinstance(alignment_boundary, int | np.integer):
            raise incompatible("is_aligned", (f"(self: {_CLASS}, arg0: int) -> bool",), self, alignment_boundary)
        return self._aligned(int(alignment_boundary))

    def __getitem__(self, place: Sequence[int]) -> int | float:
        """A value: ``image[row, column]`` where there is one channel, else ``image[row, column, channel]``."""
        whole = isinstance(place, tuple | list) and all(isinstance(index, int | np.integer) for index in place)
        if not whole:
            raise incompatible("__getitem__", (f"(self: {_CLASS}, arg0: List[int]) -> object",), self, place)
        values = self.numpy_view()
        if len(place) != values.ndim:
            if values.ndim == 2 and len(place) == 3:
                raise IndexError("index dimension mismatch: 3 (ndim = 2)")
            raise IndexError(f"Invalid index dimension: {len(place)}")
        return values[tuple(place)].item()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(f"cannot pickle {_CLASS!r} object")


_OTHER_FORMAT = {
    "uint8": "uint8 image data should be one of the GRAY8, SRGB, and SRGBA MediaPipe image formats.",
    "uint16": "uint16 image data should be one of the GRAY16, SRGB48, and SRGBA64 MediaPipe image formats.",
    "float32": "float image data should be either VEC32F1, VEC32F2, or VEC32F4 MediaPipe image formats.",
}
assert set(LAYOUTS) - {"VEC32F4"} == {member.name for member in ImageFormat} - {"SBGRA"}
