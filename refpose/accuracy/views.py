"""What an estimator is given of annotated pictures: a picture, or one person's part of it; and its answer in pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .. import topology
from ..images import read_image
from ..stages.heatmaps import square_crop
from ..stages.roi import Roi
from .records import AnnotatedPerson, AnnotatedPicture, Annotations, FoundPerson, extent_area

if TYPE_CHECKING:
    from ..person import Person

# A crop reaches beyond the labelled joints by this part of their larger extent: feet, hands and the top of the head lie
# outside them, and the detector wants some surroundings.
CROP_MARGIN = 0.35

# An annotated box is enlarged by this factor, as top-down estimators usually do (the code of Xiao et al. 2018).
BOX_FACTOR = 1.25


def crop_box(person: AnnotatedPerson, width: int, height: int, boxes: str = "keypoints") -> tuple[int, int, int, int]:
    """The part of a picture that is one person's.

    Parameters
    ----------
    person : AnnotatedPerson
    width, height : int
        Of the picture, pixels.
    boxes : {"keypoints", "annotated"}, optional
        "keypoints": around the labelled joints among COCO's 17, and `CROP_MARGIN` of their larger extent beyond;
        "annotated": the annotated box (MPII: its square) times `BOX_FACTOR`.

    Returns
    -------
    tuple of 4 ints
        x0, y0, x1, y1 of what lies in the picture: rows y0 to y1 - 1, columns x0 to x1 - 1. Empty (x1 <= x0 or
        y1 <= y0) when the annotations do not say where the person is.
    """
    if boxes == "annotated":
        box = person.box_px or person.square_px
        if box is None:
            return 0, 0, 0, 0
        x, y, w, h = box
        low, high = np.array((x, y)), np.array((x + w, y + h))
        pad = (high - low) * (BOX_FACTOR - 1) / 2
    else:
        known = [i for i, n in enumerate(person.names) if n in topology.COCO_17 and person.labels[i] > 0]
        if not known:
            return 0, 0, 0, 0
        low, high = person.points_px[known].min(axis=0), person.points_px[known].max(axis=0)
        pad = np.full(2, CROP_MARGIN * (high - low).max())
    x0, y0 = (int(max(0, math.floor(v))) for v in low - pad)
    x1, y1 = (int(min(end, math.ceil(v))) for end, v in zip((width, height), high + pad, strict=True))
    return x0, y0, x1, y1


@dataclass(frozen=True, eq=False)
class View:
    """What the estimator is given at once: a picture, or one person's part of it.

    Attributes
    ----------
    picture : AnnotatedPicture
    index : int
        Place of the picture in its file.
    person : int or None
        Place of the person in the picture; None for the whole picture.
    image : ndarray of shape (H, W, 3), uint8
    origin_px : tuple of 2 ints
        Where the image's first pixel lies in the picture, x and y.
    """

    picture: AnnotatedPicture
    index: int
    person: int | None
    image: NDArray[np.uint8]
    origin_px: tuple[int, int] = (0, 0)


def views(
    annotations: Annotations, files: Mapping[str | int, Path], mode: str, boxes: str = "keypoints"
) -> Iterator[View]:
    """The views of all pictures, one after the other; each picture is read when its turn comes.

    A person whose crop is empty (no labelled joints, no box) has no view, and so is not found. Crops end at the edges
    of the picture; MPII's squares go on beyond them, in black.
    """
    for index, picture in enumerate(annotations.pictures):
        image = read_image(files[picture.id])
        if mode == "full":
            yield View(picture, index, None, image)
            continue
        height, width = image.shape[:2]
        for place, person in enumerate(picture.persons):
            if person.crowd:
                continue
            x0, y0, x1, y1 = crop_box(person, width, height, boxes)
            if x1 <= x0 or y1 <= y0:
                continue
            if boxes == "annotated" and person.box_px is None and person.square_px is not None:
                yield View(picture, index, place, *square_crop(image, _square(person.square_px, width, height)))
            else:
                yield View(picture, index, place, np.ascontiguousarray(image[y0:y1, x0:x1]), (x0, y0))


def _square(square_px: tuple[float, float, float, float], width: int, height: int) -> Roi:
    """MPII's square times `BOX_FACTOR`, which the usual evaluation cuts out whole, whatever the picture's edges."""
    x, y, side, _ = square_px
    larger = BOX_FACTOR * side
    return Roi((x + side / 2) / width, (y + side / 2) / height, larger / width, larger / height)


def to_found(view: View, person: Person, category: int = 1) -> FoundPerson:
    """An estimated person in the pixels of the picture."""
    points = np.asarray(person.landmarks_px[:, :2], np.float64) + view.origin_px
    names = person.topology.names
    return FoundPerson(
        names,
        points,
        float(person.score),
        extent_area(topology.convert(points, names, topology.COCO_17)),
        category,
        view.person,
        world_m=None if person.world_landmarks is None else np.asarray(person.world_landmarks, np.float64),
        track=person.id,
    )


def category_of(view: View, annotations: Annotations) -> int:
    """The category a prediction belongs to: that of the crop's person, else the file's first."""
    return next(iter(annotations.joints)) if view.person is None else view.picture.persons[view.person].category
