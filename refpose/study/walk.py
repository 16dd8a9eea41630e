"""Frames to time with: a person, or three, who walk to and fro before a wall."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from .truth import FOLDER

PICTURE_SIZE = (1280, 720)
FRAMES = 60
PEOPLE = 3


def frames() -> list[Any]:
    """A person on a grey wall, 1280 x 720 RGB, walking a pixel a frame to the right and back."""
    return [_frame([(300 + min(i, FRAMES - i), 40)], _person(640)) for i in range(FRAMES)]


def people_frames() -> list[Any]:
    """Three people on a grey wall, 1280 x 720 RGB, walking a pixel every fourth frame to the right and back."""
    person = _person(400)
    return [_frame([(430 * k + min(i, FRAMES - i) // 4, 200) for k in range(PEOPLE)], person) for i in range(FRAMES)]


def _person(side: int) -> Any:
    """A picture of somebody."""
    with Image.open(FOLDER / "astronaut.png") as image:
        return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR))


def _frame(places: list[tuple[int, int]], person: Any) -> Any:
    """The wall with somebody at these places (left, top), every second one being a mirror image."""
    frame = np.full((PICTURE_SIZE[1], PICTURE_SIZE[0], 3), 128, np.uint8)
    height, width = person.shape[:2]
    for i, (left, top) in enumerate(places):
        frame[top : top + height, left : left + width] = person[:, ::-1] if i % 2 else person
    return frame
