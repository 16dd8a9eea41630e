"""Angles written beside the joints on a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .angles import ANGLES, JOINT_ANGLES

if TYPE_CHECKING:
    from ..person import Person

_TEXT, _SHADE = (255, 255, 255), 0.35  # white on the picture, darkened to this part


def draw_angles(
    image: NDArray[np.uint8],
    person: Person,
    degrees: Iterable[float],
    names: Sequence[str] = tuple(ANGLES),
    mirrored: bool = False,
) -> None:
    """Write the angles of joints beside them, in whole degrees.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB, drawn into.
    person : Person
        Found on a picture of this size.
    degrees : iterable of float
        An angle for each of `names`; NaN is left out, as are joints that are not visible or outside the picture.
    names : sequence of str
        Of `refpose.motion.angles.ANGLES`; segments are left out.
    mirrored : bool
        Whether left and right of the picture have changed places since.
    """
    height, width = image.shape[:2]
    size = max(10, round(min(height, width) / 36))
    points = person.landmarks_px
    for name, value in zip(names, degrees, strict=True):
        joint = ANGLES[name].points[1]
        if name not in JOINT_ANGLES or not np.isfinite(value) or joint not in person.topology.names:
            continue
        k = person.topology.names.index(joint)
        x, y = points[k, :2].tolist()
        if mirrored:
            x = width - 1 - x
        if person.visibility[k] >= person.topology.min_visibility and 0 <= x < width and 0 <= y < height:
            _write(image, round(x) + size // 2, round(y) - size // 2, f"{value:.0f}°", size)


def _write(image: NDArray[np.uint8], left: int, top: int, text: str, size: int) -> None:
    """Write a text; where it would leave the picture it is cut off."""
    ink = _ink(text, size)
    left, top = max(left, 0), max(top, 0)
    patch = image[top : top + ink.shape[0], left : left + ink.shape[1]]
    ink = ink[: patch.shape[0], : patch.shape[1], None]
    patch[...] = np.rint(patch * _SHADE * (1 - ink) + np.array(_TEXT) * ink).astype(np.uint8)


@lru_cache(maxsize=1024)
def _ink(text: str, size: int) -> NDArray[np.float64]:
    """How much ink each pixel of a text has, 0 to 1, with a margin of 2 pixels."""
    from PIL import Image, ImageDraw, ImageFont

    font: Any = ImageFont.load_default(size)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text))
    picture = Image.new("L", (right - left + 4, bottom - top + 4))
    ImageDraw.Draw(picture).text((2 - left, 2 - top), text, fill=255, font=font)
    return np.asarray(picture, np.float64) / 255
