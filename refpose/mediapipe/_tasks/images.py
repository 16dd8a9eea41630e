"""Pictures as MediaPipe Tasks takes and gives them: pixels that were copied once and never change."""

from __future__ import annotations

import struct
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PIL
from PIL import UnidentifiedImageError

from refpose import reading
from refpose.engine.select import stages
from refpose.images import MAX_PIXELS
from refpose.messages import quiet
from refpose.stages.table import Stages


class Layout(NamedTuple):
    """How the pixels of a format are stored: type of a value, and values of a pixel."""

    dtype: type[np.generic]
    channels: int


LAYOUTS = {
    "SRGB": Layout(np.uint8, 3),
    "SRGBA": Layout(np.uint8, 4),
    "GRAY8": Layout(np.uint8, 1),
    "GRAY16": Layout(np.uint16, 1),
    "SRGB48": Layout(np.uint16, 3),
    "SRGBA64": Layout(np.uint16, 4),
    "VEC32F1": Layout(np.float32, 1),
    "VEC32F2": Layout(np.float32, 2),
    "VEC32F4": Layout(np.float32, 4),
}


def formats_of(dtype: Any) -> list[str]:
    """The formats whose values have a type."""
    return [name for name, layout in LAYOUTS.items() if layout.dtype == dtype]


class Pixels:
    """A picture's pixels, read-only, in the format of this name. Images of both versions are made of it.

    Attributes
    ----------
    array : ndarray, shape (H, W, channels)
    format_name : str
    format_number : int
        MediaPipe's.
    """

    _row_bytes: int  # rows begin at multiples of so many bytes in MediaPipe's memory

    array: NDArray[Any]
    format_name: str
    format_number: int

    def _keep(self, name: str, number: int, data: NDArray[Any]) -> None:
        """Copy pixels of this format; raises ValueError when they are too few or too many."""
        layout = LAYOUTS[name]
        expected = f"expected {layout.channels} value{'s' * (layout.channels > 1)} a pixel"
        if data.ndim not in (2, 3) or (data.shape[2] if data.ndim == 3 else 1) != layout.channels:
            raise ValueError(f"{name}: {expected}, found an array of shape {data.shape}")
        self._own(name, number, np.array(data, layout.dtype, order="C"))

    def _own(self, name: str, number: int, array: NDArray[Any]) -> None:
        """Take over pixels of this format that nobody else changes."""
        self.array = array.reshape(*array.shape[:2], LAYOUTS[name].channels)
        self.array.setflags(write=False)
        self.format_name, self.format_number = name, number

    @property
    def width(self) -> int:
        """Pixels in a row."""
        return int(self.array.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.array.shape[0])

    @property
    def channels(self) -> int:
        """Values of a pixel."""
        return int(self.array.shape[2])

    @property
    def step(self) -> int:
        """Bytes from row to row, in MediaPipe's memory."""
        used = self.width * self.channels * self.array.itemsize
        return -(-used // self._row_bytes) * self._row_bytes

    def is_contiguous(self) -> bool:
        """Whether rows follow on each other without gaps, in MediaPipe's memory."""
        return self.array.size > 0 and self.step == self.width * self.channels * self.array.itemsize

    def is_empty(self) -> bool:
        """Whether there is no picture: never."""
        return False

    def uses_gpu(self) -> bool:
        """Whether the pixels are in a graphics card's memory: never."""
        return False

    def _aligned(self, boundary: int) -> bool:
        """Whether every row begins at a multiple of so many bytes, in MediaPipe's memory."""
        if boundary < 1 or boundary & (boundary - 1):
            raise ValueError(f"is_aligned: expected a power of two, found {boundary} (MediaPipe ends the process here)")
        return boundary <= 16 and self.step % boundary == 0

    def _value(self, place: tuple[int, ...]) -> int | float:
        return self.array[place].item()


# The formats that MediaPipe's decoder (stb_image) knows, beside JPEG
_FILES = ("BMP", "GIF", "PNG", "PPM", "PSD", "TGA")
_JPEG = b"\xff\xd8"
_GREY = ("1", "L", "I", "I;16", "I;16B")


def read_pixels(file_name: str, newer: bool) -> tuple[str, NDArray[np.uint8], int]:
    """The pixels of a picture file, and how MediaPipe has them.

    Parameters
    ----------
    file_name : str
    newer : bool
        Whether to do as MediaPipe 1.x: turn JPEG files as their EXIF data says, and take those that lack their end.

    Returns
    -------
    str
        The format's name.
    ndarray
    int
        At multiples of how many bytes rows begin.

    Raises
    ------
    OSError
        The file cannot be opened.
    ValueError
        It is no picture, is damaged, or of a kind that MediaPipe does not read; says why.
    """
    with open(file_name, "rb") as file:
        try:
            with quiet():  # Pillow's warnings are of damaged metadata; what harms the pixels, it raises
                if file.read(len(_JPEG)) == _JPEG:
                    return _read_jpeg(_JPEG + file.read(reading.limit()), newer)
                with PIL.open(file, formats=_FILES) as picture:
                    picture.load()
                    name = _format_of(picture)
                    return name, _bytes_of(picture, name), 1
        except UnidentifiedImageError as error:
            raise ValueError("unknown image type") from error
        except MemoryError:
            raise
        except Exception as error:  # on damaged files Pillow's decoders raise whatever they stumble over
            raise ValueError(str(error)) from error


@cache
def _stages() -> Stages:
    """C's decoder where it was built, or NumPy's, with the same pixels."""
    return stages("auto")


def _read_jpeg(data: bytes, newer: bool) -> tuple[str, NDArray[np.uint8], int]:
    pixels = _stages().decode_jpeg(data, newer, reading.limit("REFPOSE_MAX_PIXELS", MAX_PIXELS))
    name = "GRAY8" if pixels.shape[2] == 1 else "SRGB"
    turn = _TURNS.get(_orientation(data)) if newer else None
    if turn is None:
        return name, pixels, 1
    picture = PIL.fromarray(np.squeeze(pixels, 2) if name == "GRAY8" else pixels)
    return name, np.array(picture.transpose(turn)), 16


# By the number of the EXIF tag
_TURNS = {
    2: PIL.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Transpose.ROTATE_180,
    4: PIL.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Transpose.TRANSPOSE,
    6: PIL.Transpose.ROTATE_270,
    7: PIL.Transpose.TRANSVERSE,
    8: PIL.Transpose.ROTATE_90,
}
_ORIENTATION, _SHORT = 0x0112, 3  # a tag of EXIF and its type
_PARTS = (0x8769, 0x8825)  # tags of further tables: of the camera's settings, and of the place
_MAGIC = 42  # TIFF's


def _orientation(data: bytes) -> int:
    """How a JPEG file's EXIF data says that it is turned, as MediaPipe 1.x reads it; 0 where it says nothing.

    That is easyexif's way (github.com/mayanklahiri/easyexif, exif.cpp): the first bytes FF E1 begin the data, wherever
    they stand; the last end of the image ends them.
    """
    begin, end = data.find(b"\xff\xe1") + 2, data.rfind(b"\xff\xd9") + 2
    exif = data[begin + 2 : end]
    order = {b"II": "<", b"MM": ">"}.get(exif[6:8])
    if begin < 2 or not exif.startswith(b"Exif\0\0") or order is None:
        return 0
    if not 16 <= int.from_bytes(data[begin : begin + 2], "big") <= end - begin:
        return 0
    found, parts = 0, {}
    try:
        magic, place = struct.unpack_from(f"{order}HI", exif, 8)
        if magic != _MAGIC:
            return 0
        for at in _entries(exif, order, place):
            tag, kind, count, value = struct.unpack_from(f"{order}HHII", exif, at)
            if tag in _PARTS:
                parts[tag] = value
            elif tag == _ORIENTATION and kind == _SHORT and count:
                stored = at + 8 if count <= 2 else value + 6
                if stored + 2 * count <= len(exif):
                    (found,) = struct.unpack_from(f"{order}H", exif, stored)
        for place in parts.values():
            if (place + 6) % 2**32 + 4 <= len(exif):
                _entries(exif, order, place)
    except struct.error:
        return 0
    return found


def _entries(exif: bytes, order: str, place: int) -> range:
    """Where the entries of a table of EXIF data stand, which must not end before the table does."""
    begin = (place + 6) % 2**32
    (count,) = struct.unpack_from(f"{order}H", exif, begin)
    if begin + 6 + 12 * count > len(exif):
        raise struct.error("cut short")
    return range(begin + 2, begin + 2 + 12 * count, 12)


def _format_of(picture: PIL.Image) -> str:
    if picture.mode in ("LA", "La") or (picture.mode in _GREY and "transparency" in picture.info):
        raise ValueError("Expected image with 1 (grayscale), 3 (RGB) or 4 (RGBA) channels, found 2 channels.")
    if picture.mode in _GREY:
        return "GRAY8"
    return "SRGBA" if picture.format == "GIF" or picture.has_transparency_data else "SRGB"


def _bytes_of(picture: PIL.Image, name: str) -> NDArray[np.uint8]:
    if picture.mode.startswith("I"):  # 16 bits, of which the upper ones are kept
        return (np.asarray(picture) >> 8).astype(np.uint8)
    if picture.mode == "P":
        picture = picture.convert("RGBA")
    return np.array(picture.convert({"GRAY8": "L", "SRGB": "RGB", "SRGBA": "RGBA"}[name]))
