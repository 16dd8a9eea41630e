"""Who is compared with whom: annotated persons and what was found of them.

Two ways of asking (`MODES`):

``full``
    End to end. Each picture is given whole. The estimator's best person is compared with the annotated person nearest
    to it, since which of several people a single-person estimator picks is not an error.
``crop``
    With ground-truth boxes. Each annotated person is cut out of the picture (`views.crop_box`) and the person found
    there is compared with this one.

Somebody who was not found has all joints wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import topology
from . import metrics
from .records import AnnotatedPerson, AnnotatedPicture, Annotations, FoundPerson

MODES = ("full", "crop")

# The joints that count, by name of the choice. MPII's own total leaves out pelvis and thorax.
JOINT_SETS: Mapping[str, tuple[str, ...]] = {
    "coco": topology.COCO_17,
    "mpii": tuple(name for name in topology.MPII_16 if name not in ("pelvis", "thorax")),
    "all": tuple(dict.fromkeys((*topology.LANDMARK_NAMES, *topology.MPII_16, *topology.BODY_25))),
}
TORSO = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")

# What a person's size may be: see `person_size`.
SIZES = ("torso", "torso_diagonal", "head")

# A person with fewer labelled joints says little about the pose and does not count for PCK.
MIN_JOINTS = 6
Predictions = Mapping[str | int, Sequence[FoundPerson]]


def person_size(person: AnnotatedPerson, kind: str) -> float:
    """Size of an annotated person in pixels, by which errors are divided.

    Parameters
    ----------
    person : AnnotatedPerson
    kind : str
        "torso": from the middle of the shoulders to the middle of the hips; "torso_diagonal": left shoulder to right
        hip; "head": MPII's head size (0.6 of the diagonal of the head's box, else head top to upper neck).

    Returns
    -------
    float
        NaN where the needed joints are not labelled.
    """
    if kind == "head":
        return math.nan if person.head_px is None else person.head_px
    corners = topology.convert(person.points_px, person.names, TORSO)
    if kind == "torso_diagonal":
        return float(metrics.distances(corners[0], corners[3]))
    return float(metrics.torso_sizes(*corners))


def counts(person: AnnotatedPerson, kind: str, joints: Sequence[str], min_joints: int) -> bool:
    """Whether a person counts for PCK: a single one, of known size, with enough labelled joints."""
    labelled = sum(1 for name, label in zip(person.names, person.labels, strict=True) if label > 0 and name in joints)
    return not person.crowd and person_size(person, kind) > 0 and labelled >= min_joints


@dataclass(frozen=True, eq=False)
class Pair:
    """An annotated person and what was found of them, joint by joint.

    Attributes
    ----------
    picture : str or int
        The picture's id.
    person : int
        Place among the annotated persons of the picture.
    found : FoundPerson or None
    labelled : ndarray of shape (J,), bool
        Which of the joints count: labelled, and in the estimator's skeleton.
    errors_px : ndarray of shape (J,), float64
        Distances; NaN where not labelled or not found.
    size_px : float
    """

    picture: str | int
    person: int
    found: FoundPerson | None
    labelled: NDArray[np.bool_]
    errors_px: NDArray[np.float64]
    size_px: float


def pair(
    annotations: Annotations,
    predictions: Predictions,
    mode: str,
    kind: str = "torso",
    joints: Sequence[str] = topology.COCO_17,
    min_joints: int = MIN_JOINTS,
) -> list[Pair]:
    """Compare predictions with annotations, person by person.

    In mode "full" there is one pair per picture: the prediction with the highest score, and the annotated person with
    the smallest mean error over size (the first one that counts if there is no prediction). In mode "crop" there is one
    per annotated person that counts. Joints count that are labelled, in `joints`, and not `unknown_joints`.

    Parameters
    ----------
    annotations : Annotations
    predictions : mapping from picture id to sequence of FoundPerson
    mode : {"full", "crop"}
    kind : {"torso", "torso_diagonal", "head"}, optional
    joints : sequence of str, optional
    min_joints : int, optional

    Returns
    -------
    list of Pair
        In the order of the annotations.
    """
    pairs = []
    unknown = np.isin(joints, unknown_joints(predictions, joints))
    for picture in annotations.pictures:
        found = predictions.get(picture.id, ())
        candidates = []
        for place, person in enumerate(picture.persons):
            if not counts(person, kind, joints, min_joints):
                continue
            mine = [p for p in found if p.person == place] if mode == "crop" else found
            best = max(mine, key=lambda p: p.score, default=None)
            candidates.append(_compare(picture, place, best, person_size(person, kind), joints, unknown))
        if mode == "full" and candidates:
            candidates = [min(candidates, key=_mean_error)]
        pairs += candidates
    return pairs


def unknown_joints(predictions: Predictions, joints: Sequence[str]) -> list[str]:
    """Joints that an estimator has nothing for in its skeleton, judged by all its predictions; none without any."""
    skeletons = {person.names for own in predictions.values() for person in own}
    if not skeletons:
        return []
    return [joint for joint in joints if not any(topology.sources(joint, names) for names in skeletons)]


def _compare(
    picture: AnnotatedPicture,
    place: int,
    found: FoundPerson | None,
    size: float,
    joints: Sequence[str],
    unknown: NDArray[np.bool_],
) -> Pair:
    person = picture.persons[place]
    own = [name for name in joints if name in person.names]
    truth = np.full((len(joints), 2), np.nan)
    truth[[joints.index(name) for name in own]] = person.points_px[[person.names.index(name) for name in own]]
    labelled = np.isfinite(truth).all(axis=1) & ~unknown
    errors = np.full(len(joints), np.nan)
    if found is not None:
        errors = metrics.distances(topology.convert(found.points_px, found.names, joints), truth)
    return Pair(picture.id, place, found, labelled, errors, size)


def _mean_error(pair: Pair) -> float:
    """Mean error over size; infinite when nothing was found, so that the first of such persons is taken."""
    known = pair.errors_px[np.isfinite(pair.errors_px)]
    return float(known.mean()) / pair.size_px if known.size else math.inf
