"""Which regions of a frame are the same person's, as MediaPipe Tasks decides it.

Follows ``association_calculator.h``, ``association_norm_rect_calculator.cc`` and ``rectangle_util.cc``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from .libm import f32
from .roi import Roi

R = TypeVar("R")


def _edges(roi: Roi) -> tuple[f32, f32, f32, f32]:
    """Left, top, right and bottom of a region as if it were not rotated."""
    left, top = f32(roi.x - roi.width / 2), f32(roi.y - roi.height / 2)
    return left, top, left + f32(roi.width), top + f32(roi.height)


def overlap(a: Roi, b: Roi) -> f32:
    """Intersection over union of two regions, in fractions of image width and height, without their rotation.

    Returns
    -------
    float32
        0..1; 0 where they do not touch or have no area.
    """
    (left_a, top_a, right_a, bottom_a), (left_b, top_b, right_b, bottom_b) = _edges(a), _edges(b)
    width, height = min(right_a, right_b) - max(left_a, left_b), min(bottom_a, bottom_b) - max(top_a, top_b)
    if width < 0 or height < 0:
        return f32(0)
    inter = width * height
    union = (right_a - left_a) * (bottom_a - top_a) + (right_b - left_b) * (bottom_b - top_b) - inter
    return inter / union if union > 0 else f32(0)


def associate(regions: Iterable[R], roi_of: Callable[[R], Roi], max_overlap: float) -> list[R]:
    """Regions that overlap no later one by more than `max_overlap`, in their order.

    The later of two wins: a detection replaces the tracked region it overlaps, a less sure detection the surer one.

    Parameters
    ----------
    regions : iterable
        The tracked ones, then those of detections, the surest first.
    roi_of : function
        The `Roi` of one of them.
    max_overlap : float
        Intersection over union, rounded to float32 as MediaPipe's option is.

    Returns
    -------
    list
    """
    kept: list[R] = []
    for region in regions:
        kept = [other for other in kept if not overlap(roi_of(region), roi_of(other)) > f32(max_overlap)]
        kept.append(region)
    return kept
