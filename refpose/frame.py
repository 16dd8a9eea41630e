"""What comes in with a frame, checked: the picture, and the region that is looked at."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .stages.roi import Roi, squared
from .stages.warp import ByteArray

LARGEST_SIDE = 32767
"""Pixels: OpenCV's warps, and so MediaPipe's and refpose's, keep places in 16 bits."""

Regions = Roi | Sequence[Roi] | None
"""What may be given for where people are."""

# A given region smaller, larger or farther away than so many images is a mistake, and not within float32's reach.
_SMALLEST, _LARGEST = 1e-6, 1e6


def checked_image(image: Any) -> ByteArray:
    """The image as `checked_pixels` gives it, with a warning that nothing is seen beyond `LARGEST_SIDE`."""
    checked = checked_pixels(image)
    if max(checked.shape[:2]) > LARGEST_SIDE:
        warnings.warn(
            f"image: {checked.shape[1]} x {checked.shape[0]}; nothing beyond {LARGEST_SIDE:,} is seen, as in MediaPipe",
            stacklevel=3,
        )
    return checked


def checked_pixels(image: Any) -> ByteArray:
    """The image, C-contiguous.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB; H and W at least 1.

    Raises
    ------
    TypeError
        If it is not an array of bytes.
    ValueError
        If it has another shape or no pixels.
    """
    expected = "expected a NumPy array of shape (height, width, 3), uint8, RGB"
    if not isinstance(image, np.ndarray):
        raise TypeError(f"image: {expected}, found {type(image).__name__}")
    if image.dtype != np.uint8:
        raise TypeError(f"image: {expected}, found {image.dtype}")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image: {expected}, found shape {image.shape}")
    if not image.size:
        raise ValueError(f"image: {expected}, found shape {image.shape}, which has no pixels")
    return np.ascontiguousarray(image)


def checked_rois(roi: Any, image: ByteArray) -> tuple[Roi, ...]:
    """No region, one, or several in a list: each as `checked_roi` gives it."""
    if roi is None:
        return ()
    return tuple(checked_roi(one, image) for one in roi) if isinstance(roi, list) else (checked_roi(roi, image),)


def checked_roi(roi: Any, image: ByteArray) -> Roi:
    """The region, made square in pixels.

    Raises
    ------
    TypeError
        If it is not a `Roi`.
    ValueError
        If it has no area, or is out of proportion to the image.
    """
    if not isinstance(roi, Roi):
        raise TypeError(f"roi must be a refpose.Roi, not {type(roi).__name__}")
    if min(roi.width, roi.height) < _SMALLEST:
        raise ValueError(f"roi: the sides must be above zero, at least {_SMALLEST} image sizes, but found {roi}")
    if max(abs(roi.x), abs(roi.y), roi.width, roi.height) > _LARGEST:
        raise ValueError(f"roi: values are fractions of the image's size, at most {_LARGEST:.0f}, but found {roi}")
    return squared(roi, image.shape[1], image.shape[0])
