"""Picture files in and out (Pillow)."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from .files import replacing

# Endings by which pictures are recognised in a folder. What Pillow cannot decode (HEIC without a plug-in) is listed all
# the same: such a file is then reported instead of silently left out.
_LOSSLESS = (".bmp", ".gif", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff")
_LOSSY = (".avif", ".heic", ".heif", ".jp2", ".jpeg", ".jpg", ".webp")
ENDINGS = frozenset(_LOSSLESS + _LOSSY)


def read_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read a picture file as the RGB bytes that `refpose.Pose.process` takes.

    The picture is turned and mirrored as its EXIF orientation says. Grey, palette, CMYK, YCbCr and Lab pictures are
    converted to RGB; colour profiles are ignored, as MediaPipe's users do with ``cv2.imread``. Transparency is dropped:
    the colours below it count, whatever its degree. Of 16 bits per sample the upper 8 are kept. Of a file with
    several pictures (GIF, TIFF, animated WebP) the first is read.

    Parameters
    ----------
    path : path-like
        The file, in any format that Pillow reads.

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
        or has more pixels than Pillow's limit against decompression bombs (twice ``PIL.Image.MAX_IMAGE_PIXELS``,
        which is 179 million unless changed).
    """
    with open(path, "rb") as file:
        try:
            with warnings.catch_warnings():
                # Pillow warns of damaged metadata and from half of its size limit on; what harms the pixels, it raises.
                warnings.simplefilter("ignore")
                with Image.open(file) as picture:
                    picture.load()
                    return _rgb(_upright(picture), picture.format)
        except UnidentifiedImageError as error:
            raise ValueError(
                f"{os.fspath(path)}: not a picture (no format that Pillow knows, or its beginning is damaged)"
            ) from error
        except MemoryError:
            raise
        except Exception as error:  # on damaged files Pillow's decoders raise whatever they stumble over
            raise ValueError(f"{os.fspath(path)}: cannot be read as a picture: {error}") from error


def _upright(picture: Image.Image) -> Image.Image:
    """Turn and mirror a picture as its EXIF orientation says."""
    try:
        return ImageOps.exif_transpose(picture)
    except SyntaxError:
        # The EXIF block is none (Pillow: "not a TIFF file"), so there is no orientation to obey.
        return picture


def _rgb(picture: Image.Image, file_format: str | None) -> NDArray[np.uint8]:
    """Convert a decoded picture to RGB bytes, see `read_image`."""
    if picture.mode.startswith("I;16") or (picture.mode == "I" and file_format in ("PNG", "PPM")):
        # Pillow clips at 255 when it converts these. Its PNG and PPM readers use mode "I" for 16-bit samples.
        grey = (np.asarray(picture) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if picture.mode in ("I", "F"):
        raise ValueError(f"samples of mode {picture.mode!r} (32 bits) have no defined white; expected 8 or 16 bits")
    if picture.mode == "P":
        # By way of RGBA, because Pillow warns about palettes with transparency that go to RGB directly.
        picture = picture.convert("RGBA")
    return np.array(picture.convert("RGB"))


def write_png(path: str | os.PathLike[str], pixels: NDArray[np.uint8]) -> None:
    """Write a picture as PNG; the file appears whole or not at all.

    Parameters
    ----------
    path : path-like
        The file; one that is there is replaced.
    pixels : ndarray of shape (H, W, 3) or (H, W), uint8
        RGB or grey.

    Raises
    ------
    OSError
        When the file cannot be written; what was there before stays.
    """
    with replacing(Path(path)) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")
