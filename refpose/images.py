"""Picture files in and out (Pillow)."""

from __future__ import annotations

import importlib
import io
import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL import __version__ as pillow_version

from . import messages, reading
from .files import replacing

MAX_PIXELS = 2**27
"""Pixels that a picture may have, unless the environment variable ``REFPOSE_MAX_PIXELS`` says otherwise."""

# What is opened: Pillow's name of each format, and the endings by which its files are recognised in a folder. Pillow
# knows more: among them PostScript, for which it starts a program. HEIC is read by pillow-heif where it is installed;
# its files are listed all the same, so that they are reported where it is not, instead of left out.
FORMATS: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".jif"),
    "MPO": (".mpo",),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "AVIF": (".avif", ".avifs"),
    "HEIF": (".heic", ".heif", ".heics", ".heifs", ".hif"),
    "TIFF": (".tif", ".tiff"),
    "JPEG2000": (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "TGA": (".tga",),
}
ENDINGS = frozenset(ending for endings in FORMATS.values() for ending in endings)
READABLE = "JPEG, PNG, WebP, AVIF, HEIC (with pillow-heif), TIFF, JPEG 2000, GIF, BMP, PPM, TGA"
"""The formats in words, for users."""

# Pillow's modules for those that it does not import for everybody.
_PLUGINS = ("Mpo", "WebP", "Avif", "Tiff", "Jpeg2K", "Tga")
_PNG_LEVEL = 1  # of zlib: 3.5 times as fast as its 6, files are a tenth larger
_ROWS = 1024  # of a picture that are handed over at a time
_DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras and scanners put into samples of 16 bits
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2")
_AVIF_BRANDS = (b"avif", b"avis")
_MAX_SAMPLE_VALUE = 281  # tag of TIFF


def read_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read a picture file as the RGB bytes that `refpose.Pose.process` takes.

    The picture is turned and mirrored as its EXIF orientation says. Grey, palette, CMYK, YCbCr and Lab pictures are
    converted to RGB; colour profiles are ignored, as MediaPipe's users do with ``cv2.imread``. Transparency is dropped:
    the colours below it count, whatever its degree. Of 16 bits per sample the upper 8 are kept; where the file states
    a lesser white, or no sample needs more than 8, 10, 12 or 14 bits, the upper 8 of these, with a warning. Of a file
    with several pictures (GIF, TIFF, animated WebP) the first is read.

    Parameters
    ----------
    path : path-like
        The file, in one of `FORMATS`, whatever its ending.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB, C-contiguous and writable.

    Raises
    ------
    OSError
        When the file cannot be opened (`FileNotFoundError`, `PermissionError`, ...).
    ValueError
        When it is no picture, is damaged or cut short, has samples without a defined white (32-bit integers, floats),
        or more pixels than `MAX_PIXELS`.
    """
    return decode(reading.content(path), path)


def decode(data: bytes, name: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read a picture from the bytes of its file; `name` is what errors call it. Otherwise as `read_image`."""
    where = os.fspath(name)
    bound = reading.limit("REFPOSE_MAX_PIXELS", MAX_PIXELS)
    if "REFPOSE_MAX_PIXELS" in os.environ and Image.MAX_IMAGE_PIXELS and bound > 2 * Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = bound  # Pillow's own bound is twice this
    shift = 0
    try:
        with messages.of(where), reading.errors(where, "a picture"), messages.quiet(), _open(data, where) as picture:
            if picture.width * picture.height > bound:
                raise Image.DecompressionBombError
            tiles = list(getattr(picture, "tile", ()))
            picture.load()
            if picture.mode in ("RGB", "RGBA") and _deep(tiles):
                pixels, shift = _rgb16(data, where, picture, tiles)
            else:
                pixels, shift = _rgb(_upright(picture), picture)
    except ValueError as error:
        if isinstance(error.__cause__, Image.DecompressionBombError):
            raise ValueError(f"{where}: more than {bound:,} pixels (REFPOSE_MAX_PIXELS raises this bound)") from None
        if isinstance(error.__cause__, UnidentifiedImageError):
            from .video.container import ENDINGS as VIDEOS

            if os.path.splitext(where)[1].lower() in VIDEOS:
                raise ValueError(f"{where}: is a video; for videos there is refpose video") from None
            raise ValueError(
                f"{where}: not a picture of a kind that is read ({READABLE}), or its beginning is damaged"
            ) from None
        raise
    if shift:
        warnings.warn(
            f"{where}: its samples of 16 bits are taken as ones of {16 - shift} bits: none needs more", stacklevel=3
        )
    return pixels


def _open(data: bytes, where: str) -> Image.Image:
    """Open a picture of one of `FORMATS`."""
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        try:
            heif: Any = importlib.import_module("pillow_heif")
        except ModuleNotFoundError:
            raise ValueError(
                f"{where}: HEIC pictures are read with pillow-heif, which is not installed; get it with: pip install "
                '"refpose[heif]"'
            ) from None
        picture: Image.Image = heif.HeifImageFile(io.BytesIO(data))
        return picture
    Image.preinit()  # what most pictures are; the others' readers take as long to import as a picture to read
    try:
        return Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN])
    except UnidentifiedImageError:
        for module in _PLUGINS:
            with suppress(ImportError):  # older Pillows have no AVIF
                importlib.import_module(f"PIL.{module}ImagePlugin")
        if data[4:8] == b"ftyp" and data[8:12] in _AVIF_BRANDS and "AVIF" not in Image.OPEN:
            raise ValueError(
                f"{where}: AVIF pictures are read by Pillow 11.3 or newer built with libavif; this is Pillow "
                f"{pillow_version}"
            ) from None
        return Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN])


def _upright(picture: Image.Image) -> Image.Image:
    """Turn and mirror a picture, in its place, as its EXIF orientation says."""
    # Where the EXIF block is none (Pillow: "not a TIFF file"), there is no orientation to obey.
    with suppress(SyntaxError):
        ImageOps.exif_transpose(picture, in_place=True)
    return picture


def _bytes(picture: Image.Image) -> NDArray[np.uint8]:
    """The pixels of a picture as RGB, some rows at a time: Pillow makes a copy of what it hands out."""
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    pixels = np.empty((picture.height, picture.width, 3), np.uint8)
    for top in range(0, picture.height, _ROWS):
        end = min(top + _ROWS, picture.height)
        pixels[top:end] = np.asarray(picture.crop((0, top, picture.width, end)))
    return pixels


def _rgb(picture: Image.Image, original: Image.Image) -> tuple[NDArray[np.uint8], int]:
    """Convert a decoded picture, turned upright, to RGB bytes; and by how many bits its samples were shifted up."""
    if picture.mode.startswith("I;16") or (picture.mode == "I" and original.format in ("PNG", "PPM")):
        # Pillow clips at 255 when it converts these. Its PNG and PPM readers use mode "I" for 16-bit samples.
        deep = np.asarray(picture)
        shift = 0 if original.format == "PPM" else _shift(deep, original)  # PPM states its white, and Pillow obeys
        grey = (deep >> (8 - shift)).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2), shift
    if picture.mode in ("I", "F"):
        raise ValueError(f"samples of mode {picture.mode!r} (32 bits) have no defined white; expected 8 or 16 bits")
    if picture.mode == "P":
        # By way of RGBA, because Pillow warns about palettes with transparency that go to RGB directly.
        picture = picture.convert("RGBA")
    return _bytes(picture), 0


def _shift(deep: NDArray[Any], picture: Image.Image) -> int:
    """By how many bits samples of 16 bits have to be shifted up, as the file states or as their largest value tells."""
    stated = getattr(picture, "tag_v2", {}).get(_MAX_SAMPLE_VALUE)
    largest = max(np.ravel(stated).tolist(), default=0) if stated is not None else int(deep.max(initial=0))
    if not 0 < largest < 1 << 16:
        return 0
    return 16 - next(depth for depth in _DEPTHS if largest < 1 << depth)


def _raw_mode(tile: Any) -> str:
    """How the samples of a piece of a file are stored, in Pillow's words ("RGB;16B")."""
    mode = tile[3] if isinstance(tile[3], str) else tile[3][0]
    return str(mode)


def _deep(tiles: list[Any]) -> bool:
    return bool(tiles) and all(";16" in _raw_mode(tile) for tile in tiles)


def _rgb16(data: bytes, where: str, high: Image.Image, tiles: list[Any]) -> tuple[NDArray[np.uint8], int]:
    """RGB bytes of a colour picture with 16 bits per sample, of which Pillow gives the upper 8; and the shift.

    Where these are dark, the lower 8 are asked for too: they are the upper ones of the other order of bytes.
    """
    upper = _bytes(_upright(high))
    if upper.max(initial=0) >= 1 << 6:  # as most are
        return upper, 0
    with _open(data, where) as picture:
        other = {"B": "L", "L": "B", "N": "B" if np.little_endian else "L"}
        grey = _raw_mode(tiles[0]).startswith("LA")
        swapped = []
        for tile in tiles:
            mode = "RGBA" if grey else _raw_mode(tile)[:-1] + other[_raw_mode(tile)[-1]]
            swapped.append((*tile[:3], mode if isinstance(tile[3], str) else (mode, *tile[3][1:])))
        picture.tile = swapped
        picture.load()
        both = np.array(_upright(picture), np.uint16)[..., :3]
        # Grey with transparency: the two bytes of grey are read as red and green.
        deep = (both[..., :1] << 8 | both[..., 1:2]).repeat(3, -1) if grey else upper.astype(np.uint16) << 8 | both
        shift = _shift(deep, picture)
    return (deep >> (8 - shift)).astype(np.uint8), shift


def write_png(path: str | os.PathLike[str], pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write a picture as PNG; the file appears whole or not at all.

    Parameters
    ----------
    path : path-like
        The file; one that is there is replaced.
    pixels : ndarray of shape (H, W, 3) or (H, W), uint8; or (H, W), uint16
        RGB or grey.

    Raises
    ------
    OSError
        When the file cannot be written; what was there before stays.
    """
    with replacing(Path(path)) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG", compress_level=_PNG_LEVEL)
