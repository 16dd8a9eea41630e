"""Frames to time with: a person who walks to and fro before a wall."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from .truth import FOLDER

PICTURE_SIZE = (1280, 720)
FRAMES = 60


def frames() -> list[Any]:
    """A person on a grey wall, 1280 x 720 RGB, walking a pixel a frame to the right and back."""
    with Image.open(FOLDER / "astronaut.png") as image:
        person = np.asarray(image.convert("RGB").resize((640, 640), Image.Resampling.BILINEAR))
    found = []
    for i in range(FRAMES):
        frame = np.full((PICTURE_SIZE[1], PICTURE_SIZE[0], 3), 128, np.uint8)
        left = 300 + min(i, FRAMES - i)
        frame[40:680, left : left + 640] = person
        found.append(frame)
    return found
