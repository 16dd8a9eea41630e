"""Run an estimator over annotated pictures: plainly, and with regions shifted and persons partly covered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .. import arguments
from ..stages.roi import Roi
from .records import Annotations, FoundPerson, labelled_box
from .views import View, category_of, to_found, views

if TYPE_CHECKING:
    from ..pose import Pose

# The paper's tolerance of misaligned regions (Bazarevsky et al. 2020, "BlazePose"): 10 % in shift and in scale.
NOISE_SHIFT = 0.1
NOISE_SCALE = 0.1

# Sides of an occluding rectangle as parts of the person's box, smallest and largest.
OCCLUSION_SIDES = (0.2, 0.4)
Box = tuple[float, float, float, float]  # x, y, width, height in pixels


@dataclass(frozen=True, eq=False)
class Run:
    """What `predict` found: plainly, and in each repetition under noise and occlusion (empty without `repeats`).

    Attributes
    ----------
    plain : dict
        Picture id to persons.
    aligned : list of dict
        With the region of interest shifted and scaled, one per repetition.
    occluded : list of dict
        With a rectangle over each annotated person, one per repetition.
    hidden : list of dict
        Those rectangles: (picture id, place of the person) to x, y, width, height in pixels of the picture.
    """

    plain: dict[str | int, list[FoundPerson]]
    aligned: list[dict[str | int, list[FoundPerson]]]
    occluded: list[dict[str | int, list[FoundPerson]]]
    hidden: list[dict[tuple[str | int, int], Box]]


def predict(
    pose: Pose,
    annotations: Annotations,
    files: Mapping[str | int, Path],
    mode: str,
    boxes: str = "keypoints",
    repeats: int = 0,
    seed: int = 0,
    progress: Callable[[View], None] = lambda view: None,
) -> Run:
    """Run an estimator over annotated pictures.

    Parameters
    ----------
    pose : refpose.Pose
        In mode "image".
    annotations : Annotations
    files : mapping from picture id to Path
        See `refpose.accuracy.annotations.find_pictures`.
    mode : {"full", "crop"}
    boxes : {"keypoints", "annotated"}, optional
        See `crop_box`.
    repeats : int, optional
        How often to repeat it under alignment noise and under occlusion.
    seed : int, optional
        Of that noise. It is drawn anew for each picture, person and repetition, independent of everything else, so that
        all estimators meet the same.
    progress : callable, optional
        Called after each view.

    Returns
    -------
    Run
    """
    repeats, seed = arguments.whole("repeats", repeats, 0), arguments.whole("seed", seed, 0)
    run = Run(
        {p.id: [] for p in annotations.pictures},
        [{p.id: [] for p in annotations.pictures} for _ in range(repeats)],
        [{p.id: [] for p in annotations.pictures} for _ in range(repeats)],
        [{} for _ in range(repeats)],
    )
    for view in views(annotations, files, mode, boxes):
        key, category = view.picture.id, category_of(view, annotations)
        people = pose.process(view.image)
        run.plain[key] += [to_found(view, p, category) for p in people]
        for r in range(repeats):
            rng = np.random.default_rng((seed, view.index, 0 if view.person is None else 1 + view.person, r))
            # Drawn before it is known whether anybody was found: the occlusion must not depend on the estimator.
            noise = rng.uniform(-1, 1, 3)
            occluded, hidden = occlude(view, rng)
            again = [q for p in people for q in pose.process(view.image, roi=disturb(p.roi, noise))]
            run.aligned[r][key] += [to_found(view, p, category) for p in again]
            run.occluded[r][key] += [to_found(view, p, category) for p in pose.process(occluded)]
            run.hidden[r].update({(key, place): box for place, box in hidden.items()})
        progress(view)
    return run


def disturb(roi: Roi, noise: NDArray[np.float64]) -> Roi:
    """Shift a region of interest by at most `NOISE_SHIFT` of its sides and scale it by at most `NOISE_SCALE`.

    Parameters
    ----------
    roi : refpose.Roi
    noise : ndarray of shape (3,)
        In -1..1: along x, along y (of the picture), size.
    """
    scale = 1 + NOISE_SCALE * float(noise[2])
    return replace(
        roi,
        x=roi.x + NOISE_SHIFT * float(noise[0]) * roi.width,
        y=roi.y + NOISE_SHIFT * float(noise[1]) * roi.height,
        width=roi.width * scale,
        height=roi.height * scale,
    )


def occlude(view: View, rng: np.random.Generator) -> tuple[NDArray[np.uint8], dict[int, Box]]:
    """Cover a part of each annotated person in view with a rectangle of one colour.

    Its sides are `OCCLUSION_SIDES` of the box around the labelled joints, its place in that box and its colour are
    anything.

    Returns
    -------
    image : ndarray of shape (H, W, 3), uint8
    hidden : dict
        Place of the person in the picture to the rectangle, in pixels of the picture.
    """
    image = view.image.copy()
    hidden: dict[int, Box] = {}
    places = range(len(view.picture.persons)) if view.person is None else (view.person,)
    for place in places:
        person = view.picture.persons[place]
        box = None if person.crowd else labelled_box(person)
        if box is None:
            continue
        low, extent = np.array(box[:2]), np.array(box[2:])
        sides = np.maximum(1.0, extent * rng.uniform(*OCCLUSION_SIDES, 2))
        corner = low + np.maximum(0.0, extent - sides) * rng.random(2)
        colour = rng.integers(0, 256, 3, dtype=np.uint8)
        x0, y0 = np.maximum(0, np.round(corner).astype(int) - view.origin_px)
        x1, y1 = np.maximum(0, np.round(corner + sides).astype(int) - view.origin_px)
        image[y0:y1, x0:x1] = colour
        ox, oy = view.origin_px
        hidden[place] = (float(x0 + ox), float(y0 + oy), float(x1 - x0), float(y1 - y0))
    return image, hidden
