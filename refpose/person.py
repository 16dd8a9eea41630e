"""A person found on an image: what every family of models gives, and what BlazePose gives besides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .stages.detector import Detection
from .stages.libm import FloatArray, f32
from .stages.roi import Roi
from .topology import BLAZEPOSE, Topology


@dataclass(frozen=True, eq=False, kw_only=True)
class Person:
    """A person found on an image. All arrays are read-only, also in copies. What a model does not find is None.

    Attributes
    ----------
    landmarks : ndarray of float32, shape (n, 3)
        x, y in fractions of image width and height, z in fractions of the width, from the middle of the hips, smaller
        towards the camera. Smoothed over time where that is asked for. Points outside the image are estimated too. NaN
        where a model finds no place or no depth.
    visibility : ndarray of float32, shape (n,)
        Probability that a landmark is inside the image and not hidden; smoothed like `landmarks`.
    presence : ndarray of float32, shape (n,), or None
        Probability that a landmark is inside the image; never smoothed.
    world_landmarks : ndarray of float32, shape (n, 3), or None
        Metres from the middle of the hips, axes as the image's; smoothed where that is asked for.
    auxiliary_landmarks : ndarray of float32, shape (2, 3), or None
        The middle of the hips and a point on the circle around the whole body, which place `next_roi`; in the frame of
        `landmarks`. Smoothed in every video.
    raw_landmarks, raw_visibility, raw_world_landmarks, raw_auxiliary_landmarks : ndarray of float32, or None
        The same before smoothing.
    segmentation_mask : ndarray of float32, shape (H, W), or None
        Probability that a pixel shows the person, where masks are asked for.
    score : float
        Probability that the region shows a person; of models that do not say, the mean of `visibility`.
    roi : Roi
        The region the network looked at.
    next_roi : Roi or None
        The region for the next frame of a video.
    detection : Detection or None
        What the detector found; None where the region was tracked or given.
    id : int or None
        Who it is, the same over time, where several people are followed.
    image_size : (int, int)
        Width and height of the image in pixels.
    topology : Topology
        Names and connections of the landmarks: `n` is their number, 33 for BlazePose.
    """

    landmarks: FloatArray
    visibility: FloatArray
    score: float
    roi: Roi
    image_size: tuple[int, int]
    topology: Topology
    presence: FloatArray | None = None
    world_landmarks: FloatArray | None = None
    auxiliary_landmarks: FloatArray | None = None
    raw_landmarks: FloatArray | None = None
    raw_visibility: FloatArray | None = None
    raw_world_landmarks: FloatArray | None = None
    raw_auxiliary_landmarks: FloatArray | None = None
    segmentation_mask: FloatArray | None = None
    next_roi: Roi | None = None
    detection: Detection | None = None
    id: int | None = None

    def __post_init__(self) -> None:
        self.__setstate__({})

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for value in self.__dict__.values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    @property
    def landmarks_px(self) -> FloatArray:
        """The landmarks in pixels: ndarray of float32, shape (n, 3); z on the scale of x."""
        return self.landmarks * _pixels(*self.image_size)

    def __repr__(self) -> str:
        return f"Person(score={self.score:.6g}, roi={self.roi}, image_size={self.image_size})"


@lru_cache
def _pixels(width: int, height: int) -> FloatArray:
    """What makes pixels of x, y and z."""
    return np.array((width, height, width), f32)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class BlazePosePerson(Person):
    """A `Person` that BlazePose found: 33 landmarks, and nothing but mask, region and detection can be missing."""

    presence: FloatArray
    world_landmarks: FloatArray
    auxiliary_landmarks: FloatArray
    raw_landmarks: FloatArray
    raw_visibility: FloatArray
    raw_world_landmarks: FloatArray
    raw_auxiliary_landmarks: FloatArray
    topology: Topology = BLAZEPOSE
