"""Annotated and found people of pictures.

All coordinates are pixels of the picture, x to the right, y down, the middle of the first pixel at (0, 0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import topology


@dataclass(frozen=True, eq=False)
class AnnotatedPerson:
    """One person of a picture.

    Attributes
    ----------
    names : tuple of str
        The J joints this person could have labelled, as `refpose.topology` spells them.
    points_px : ndarray of shape (J, 2), float64
        NaN where not labelled.
    labels : ndarray of shape (J,), int
        0 not labelled, 1 hidden, 2 visible.
    box_px : tuple of 4 floats or None
        x, y, width, height of the box tightly around the person.
    square_px : tuple of 4 floats or None
        MPII has no such box but a centre and a scale: the square made of them by the usual evaluation.
    area_px : float or None
        Square pixels (COCO: of the segmentation).
    crowd : bool
        Several people annotated as one.
    ignored : bool
        Does not count in average precision: a crowd, or (by the file's own count) no labelled joints.
    number : int
        The file's id of this annotation, else its place in the picture, from 1.
    category : int
        The file's id of its category; 1 where there are none.
    head_px : float or None
        Size of the head in pixels for PCKh.
    world_m : ndarray of shape (J, 3), float64, or None
        Metres; NaN where not labelled.
    track : int or None
        Who it is: the same number on all frames of a video.
    """

    names: tuple[str, ...]
    points_px: NDArray[np.float64]
    labels: NDArray[np.int64]
    box_px: tuple[float, float, float, float] | None = None
    square_px: tuple[float, float, float, float] | None = None
    area_px: float | None = None
    crowd: bool = False
    ignored: bool = False
    number: int = 1
    category: int = 1
    head_px: float | None = None
    world_m: NDArray[np.float64] | None = None
    track: int | None = None


@dataclass(frozen=True)
class AnnotatedPicture:
    """A picture, or a frame of a video.

    Attributes
    ----------
    id : str or int
        In its file.
    file : str
        Path relative to the folder of pictures.
    persons : tuple of AnnotatedPerson
    video : str or int
        Whose frame this is.
    frame : int or None
        Which one.
    labelled : bool
        Whether somebody has looked for people here; videos may be labelled on every so many frames only.
    crowds_px : tuple of ndarray of shape (N, 2), float64
        Polygons in which people were not told apart.
    """

    id: str | int
    file: str
    persons: tuple[AnnotatedPerson, ...]
    video: str | int = ""
    frame: int | None = None
    labelled: bool = True
    crowds_px: tuple[NDArray[np.float64], ...] = ()


@dataclass(frozen=True)
class Annotations:
    """A file of annotations.

    Attributes
    ----------
    path : Path
    kind : str
        "coco", "posetrack17", "mpii" or "generic".
    pictures : tuple of AnnotatedPicture
    joints : mapping from int to tuple of str
        The categories of the file, by ascending id, and the joints which COCO results list for them.
    """

    path: Path
    kind: str
    pictures: tuple[AnnotatedPicture, ...]
    joints: Mapping[int, tuple[str, ...]] = field(default_factory=lambda: {1: topology.COCO_17})


@dataclass(frozen=True, eq=False)
class FoundPerson:
    """One predicted person.

    Attributes
    ----------
    names : tuple of str
        The J joints.
    points_px : ndarray of shape (J, 2), float64
        NaN where missing.
    score : float
        How sure the estimator is; orders the predictions of average precision.
    area_px : float
        Square pixels, which decides on the area range of a prediction that matches nobody.
    category : int
    person : int or None
        Place of the annotated person whose crop this was found in; None when found in the whole picture.
    world_m : ndarray of shape (J, 3), float64, or None
        Metres.
    track : int or None
        Whom the estimator takes this for, over time.
    """

    names: tuple[str, ...]
    points_px: NDArray[np.float64]
    score: float
    area_px: float
    category: int = 1
    person: int | None = None
    world_m: NDArray[np.float64] | None = None
    track: int | None = None


def extent_area(points_px: NDArray[np.float64]) -> float:
    """Area of the upright rectangle around points (J, 2), square pixels, NaN left out (pycocotools' ``loadRes``)."""
    known = points_px[np.isfinite(points_px).all(axis=1)]
    return float(np.prod(known.max(axis=0) - known.min(axis=0))) if len(known) else 0.0


def labelled_box(person: AnnotatedPerson) -> tuple[float, float, float, float] | None:
    """Upright rectangle x, y, width, height (pixels) around a person's labelled joints; None without any."""
    known = person.points_px[person.labels > 0]
    if not len(known):
        return None
    low, high = known.min(axis=0), known.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


def check_track(persons: Sequence[AnnotatedPerson | FoundPerson], where: str) -> None:
    """Nobody is on a frame twice; those before the last one have been checked."""
    track = persons[-1].track
    if track is not None and any(one.track == track for one in persons[:-1]):
        raise ValueError(f"{where}: a second person with track_id {track} on this frame")
