"""Masks of several people in one picture: grey values, and labels that tell people apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .person import Person

THRESHOLD = 0.5
"""Pixels belong to somebody whose probability is above this."""


def grey(people: Iterable[Person], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Everybody's mask as grey values.

    Parameters
    ----------
    people : iterable of Person
        Those without a mask are passed over.
    shape : (int, int)
        Height and width of the picture in pixels.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        0 background to 255 somebody: of several people the most probable one's value.
    """
    values = np.zeros(shape, np.uint8)
    for person in people:
        if person.segmentation_mask is not None:
            np.maximum(values, np.rint(person.segmentation_mask * np.float32(255)).astype(np.uint8), out=values)
    return values


def labels_of(people: Sequence[Person]) -> list[int]:
    """The labels of people: 1 + `Person.id`, or 1 + the place in the list where there are no identities."""
    return [1 + (place if person.id is None else person.id) for place, person in enumerate(people)]


def label_image(people: Sequence[Person], shape: tuple[int, int]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """A picture that tells for every pixel whom it shows.

    Parameters
    ----------
    people : sequence of Person
        With masks.
    shape : (int, int)
        Height and width of the picture in pixels.

    Returns
    -------
    ndarray of uint8, or of uint16 where a label is above 255; shape (H, W)
        0 background, else `labels_of`. Where masks overlap the most probable person is shown, of equals the first; a
        probability of `THRESHOLD` or less is background.

    Raises
    ------
    ValueError
        There is somebody without a mask, a mask of another shape, or a label above 65535.
    """
    labels = labels_of(people)
    largest = max(labels, default=0)
    if largest > np.iinfo(np.uint16).max:
        raise ValueError(f"a label image holds labels up to 65535, not {largest}")
    found: NDArray[np.uint8] | NDArray[np.uint16] = np.zeros(shape, np.uint8 if largest < 256 else np.uint16)
    best = np.full(shape, np.float32(THRESHOLD))
    for label, person in zip(labels, people, strict=True):
        mask = person.segmentation_mask
        if mask is None or mask.shape != tuple(shape):
            raise ValueError(f"expected masks of shape {tuple(shape)}, found {None if mask is None else mask.shape}")
        found[mask > best] = label
        np.maximum(best, mask, out=best)
    return found
