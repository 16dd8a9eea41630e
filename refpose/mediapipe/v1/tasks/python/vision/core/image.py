"""mediapipe.tasks.python.vision.core.image: `Image` and `ImageFormat` as MediaPipe 1.x has them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from enum import IntEnum
from operator import index
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from refpose.mediapipe._tasks.complaints import conversion
from refpose.mediapipe._tasks.images import LAYOUTS, Pixels, formats_of, read_pixels

__all__ = ["Image", "ImageFormat"]


class ImageFormat(IntEnum):
    """How an image's pixels are stored."""

    UNKNOWN = 0
    SRGB = 1
    SRGBA = 2
    GRAY8 = 3
    GRAY16 = 4
    SRGB48 = 7
    SRGBA64 = 8
    VEC32F1 = 9
    VEC32F2 = 12
    VEC32F4 = 13


_C_TYPES = {"uint8": "uint8_t", "uint16": "uint16_t", "float32": "float"}


class Image(Pixels):
    """A picture, or a mask: its pixels were copied when it was made, and never change.

    Parameters
    ----------
    image_format : ImageFormat
        Or its number.
    data : (H, W, channels) array
        uint8, uint16 or float32, as the format has it, with any strides; (H, W) will do for one channel. (MediaPipe
        misreads arrays that are not contiguous.)

    Raises
    ------
    AttributeError
        When `data` is no array.
    ctypes.ArgumentError
        When the format is no number.
    ValueError
        When the array has not the type or the shape of a picture in this format. (MediaPipe reads other memory when
        it has too many values.)
    """

    _row_bytes = 16

    def __init__(self, image_format: ImageFormat, data: NDArray[Any]) -> None:
        dimensions = data.ndim
        if dimensions not in (2, 3):
            raise ValueError(f"Unsupported number of dimensions:{dimensions}")
        names = formats_of(data.dtype) if data.dtype.isnative else []
        if not names:
            raise ValueError(f"Unsupported numpy data type: {data.dtype}")
        try:
            number = index(image_format)
        except TypeError:
            raise ctypes.ArgumentError("argument 1: TypeError: wrong type") from None
        found = ImageFormat(number).name if number in ImageFormat._value2member_map_ else "UNKNOWN"
        if found not in names:
            expected = f"{', '.join(names[:-1])}, or {names[-1]} for {_C_TYPES[data.dtype.name]} data"
            raise ValueError(f"Unsupported image format: {found} (expected {expected})")
        needed = data.shape[0] * data.shape[1] * LAYOUTS[found].channels
        if data.size < needed:
            raise ValueError(f"Pixel data size is too small: {data.size} (expected {needed})")
        self._keep(found, number, data)

    @classmethod
    def _made_of(cls, name: str, array: NDArray[Any], row_bytes: int) -> Image:
        """An image that takes an array over, whose rows begin at multiples of so many bytes in MediaPipe's memory."""
        image = cls.__new__(cls)
        image._row_bytes = row_bytes
        image._own(name, int(ImageFormat[name]), array)
        return image

    create_from_ctypes = conversion("Image.create_from_ctypes")

    @classmethod
    def create_from_file(cls, file_name: str) -> Image:
        """The picture in a file; JPEG files turned as their EXIF data says.

        Parameters
        ----------
        file_name : str
            BMP, GIF, JPEG, PNG, PNM, PSD or TGA.

        Raises
        ------
        FileNotFoundError
            When there is no such file.
        RuntimeError, ValueError
            When it cannot be decoded, or has not 1, 3 or 4 channels.
        """
        name = file_name.encode("utf-8").decode()
        try:
            layout, pixels, row_bytes = read_pixels(name, newer=True)
        except IsADirectoryError as error:
            raise RuntimeError(f"Error while reading file: {name}") from error
        except OSError as error:
            raise FileNotFoundError(f"Can't find file: {name}") from error
        except ValueError as error:
            if "channels" in str(error):
                raise
            raise RuntimeError("Failed to load image from file") from error
        return cls._made_of(layout, pixels, row_bytes)

    @property
    def _image_ptr(self) -> Image:
        """What is handed on to MediaPipe's library; whatever else is taken for an image has none."""
        return self

    @property
    def image_format(self) -> int:
        """The number of the format."""
        return self.format_number

    def numpy_view(self) -> NDArray[Any]:
        """The pixels, read-only, (H, W, channels)."""
        return self.array[:]

    def is_aligned(self, alignment_boundary: int) -> bool:
        """Whether every row begins at a multiple of so many bytes, in MediaPipe's memory."""
        try:
            boundary = index(alignment_boundary)
        except TypeError:
            raise ctypes.ArgumentError("argument 2: TypeError: wrong type") from None
        return self._aligned(boundary)

    def __getitem__(self, place: Sequence[int]) -> int | float:
        """A value: ``image[row, column, channel]``, or ``image[row, column]`` where there is one channel."""
        whole = [place[i] for i in range(len(place))]
        if len(whole) != 3 and not (len(whole) == 2 and self.channels == 1):
            raise ValueError(f"Invalid index dimension: {len(whole)} (expected 2 or 3)")
        row, column, channel = [index(one) for one in [*whole, 0][:3]]
        return self.array[row, column, channel].item()

    def __copy__(self) -> Image:
        return self._made_of(self.format_name, self.array, self._row_bytes)

    def __getstate__(self) -> NoReturn:
        raise AttributeError("an Image can't be pickled: take its numpy_view()")


assert set(LAYOUTS) == set(ImageFormat.__members__) - {"UNKNOWN"}
assert all(np.dtype(layout.dtype).name in _C_TYPES for layout in LAYOUTS.values())
