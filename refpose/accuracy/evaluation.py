"""How accurate an estimator is on annotated pictures: who is compared with whom, and the figures of it.

Two ways of asking (`MODES`):

``full``
    End to end. Each picture is given whole. The estimator's best person is compared with the annotated person nearest
    to it, since which of several people a single-person estimator picks is not an error.
``crop``
    With ground-truth boxes. Each annotated person is cut out of the picture (`crop_box`) and the person found there is
    compared with this one.

Somebody who was not found has all joints wrong. Average precision takes all predictions and all annotations of either
mode, as COCO does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import arguments, topology
from ..images import read_image
from ..stages.heatmaps import square_crop
from ..stages.roi import Roi
from . import metrics
from .annotations import AnnotatedPerson, AnnotatedPicture, Annotations, FoundPerson, extent_area, labelled_box

if TYPE_CHECKING:
    from ..person import Person
    from ..pose import Pose
    from ..stages.roi import Roi

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

# Where the curve of PCK over the threshold is drawn, in torsos.
CURVE: NDArray[np.float64] = np.linspace(0.0, 0.5, 26)[1:]

# A crop reaches beyond the labelled joints by this part of their larger extent: feet, hands and the top of the head lie
# outside them, and the detector wants some surroundings.
CROP_MARGIN = 0.35

# An annotated box is enlarged by this factor, as top-down estimators usually do (the code of Xiao et al. 2018).
BOX_FACTOR = 1.25

# Area of a person as part of the box, where the annotations give only the box (xtcocotools and mmpose do so for data
# sets without segmentations, ultralytics too).
AREA_OF_BOX = 0.53

# The paper's tolerance of misaligned regions (Bazarevsky et al. 2020, "BlazePose"): 10 % in shift and in scale.
NOISE_SHIFT = 0.1
NOISE_SCALE = 0.1

# Sides of an occluding rectangle as parts of the person's box, smallest and largest.
OCCLUSION_SIDES = (0.2, 0.4)

Predictions = Mapping[str | int, Sequence[FoundPerson]]
Box = tuple[float, float, float, float]  # x, y, width, height in pixels


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


@dataclass(frozen=True)
class Options:
    """What `score` computes.

    Attributes
    ----------
    joints : tuple of str
        The joints that count for PCK and in the table of joints.
    thresholds : tuple of float
        For PCK by the torso.
    head_thresholds : tuple of float
        For PCKh.
    min_joints : int
        Persons with fewer labelled joints do not count for PCK.
    """

    joints: tuple[str, ...] = topology.COCO_17
    thresholds: tuple[float, ...] = (0.2,)
    head_thresholds: tuple[float, ...] = (0.5,)
    min_joints: int = MIN_JOINTS


def score(annotations: Annotations, predictions: Predictions, mode: str, options: Options) -> dict[str, Any]:
    """All figures of one set of predictions.

    Parameters
    ----------
    annotations : Annotations
    predictions : mapping from picture id to sequence of FoundPerson
    mode : {"full", "crop"}
    options : Options

    Returns
    -------
    dict
        Ready for JSON (None stands for a figure that does not exist):

        ``pck``
            By size (`SIZES`, those that exist), by threshold: ``value``, ``correct``, ``keypoints``, ``persons``,
            ``found``, ``found_only`` (without the persons not found), ``mean_over_persons``, ``joints`` by name.
        ``curve``
            PCK by the torso at the thresholds `CURVE`; None if no torso is known.
        ``unknown_joints``
            Joints that would count if the estimator's skeleton had them.
        ``joints``
            By name: ``keypoints``, ``mean_error`` and ``median_error`` of those found, in torsos.
        ``oks``
            COCO's ten figures, ``persons``, ``area`` (how it is known), ``pictures_left_out`` (where it is not known of
            everybody); or ``missing``: why there are none.
        ``world``
            ``persons``, and in metres ``mpjpe``, ``root_aligned``, ``procrustes``; None without annotated metres.
    """
    pairs = {kind: pair(annotations, predictions, mode, kind, options.joints, options.min_joints) for kind in SIZES}
    return {
        "mode": mode,
        "pck": {
            kind: {
                f"{threshold:g}": _pck(own, threshold, options.joints)
                for threshold in (options.head_thresholds if kind == "head" else options.thresholds)
            }
            for kind, own in pairs.items()
            if own
        },
        "curve": [pck_value(pairs["torso"], float(t)) for t in CURVE] if pairs["torso"] else None,
        "unknown_joints": [
            name
            for name in unknown_joints(predictions, options.joints)
            if any(name in person.names for picture in annotations.pictures for person in picture.persons)
        ],
        "joints": _joints(pairs["torso"], options.joints),
        "oks": _oks(annotations, predictions),
        "world": _world(annotations, predictions, mode),
    }


def pck_value(pairs: Sequence[Pair], threshold: float) -> float:
    """PCK of some pairs (at least one), see `refpose.accuracy.metrics.pck`."""
    return _pck_of(pairs, threshold).value


def _pck_of(pairs: Sequence[Pair], threshold: float) -> metrics.Pck:
    return metrics.pck(
        np.stack([p.errors_px for p in pairs]),
        np.stack([p.labelled for p in pairs]),
        [p.size_px for p in pairs],
        threshold,
    )


def _pck(pairs: Sequence[Pair], threshold: float, joints: Sequence[str]) -> dict[str, Any]:
    result = _pck_of(pairs, threshold)
    found = [p for p in pairs if p.found is not None]
    return {
        "value": _finite(result.value),
        "correct": int(result.correct.sum()),
        "keypoints": int(result.labelled.sum()),
        "persons": len(pairs),
        "found": len(found),
        "found_only": _finite(pck_value(found, threshold)) if found else None,
        "mean_over_persons": _finite(result.mean_over_persons),
        "joints": {n: float(v) for n, v in zip(joints, result.per_joint, strict=True) if math.isfinite(v)},
    }


def _joints(pairs: Sequence[Pair], joints: Sequence[str]) -> dict[str, Any]:
    table = {}
    for j, name in enumerate(joints):
        labelled = [p for p in pairs if p.labelled[j]]
        errors = [p.errors_px[j] / p.size_px for p in labelled if math.isfinite(p.errors_px[j])]
        if labelled:
            table[name] = {
                "keypoints": len(labelled),
                "mean_error": float(np.mean(errors)) if errors else None,
                "median_error": float(np.median(errors)) if errors else None,
            }
    return table


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _oks(annotations: Annotations, predictions: Predictions) -> dict[str, Any]:
    pictures = [q for q in annotations.pictures if all(p.area_px is not None or p.box_px for p in q.persons)]
    left_out = len(annotations.pictures) - len(pictures)
    persons = [p for picture in pictures for p in picture.persons]
    truths = [oks_truth(p) for p in persons]
    if all(t.ignored for t in truths):
        return {"missing": "no annotated person has area or box, and one of COCO's 17 joints labelled"}
    shared = set(topology.COCO_17)
    lacking = {n for own in predictions.values() for f in own for n in shared if not topology.sources(n, f.names)}
    if lacking:
        return {"missing": f"the estimator has no {', '.join(sorted(lacking))}"}
    result = metrics.average_precision(oks_input(replace(annotations, pictures=tuple(pictures)), predictions))
    given = all(p.area_px is not None for p in persons)
    return {
        **result.summary(),
        "persons": sum(1 for t in truths if not t.ignored),
        "area": "annotated" if given else f"{AREA_OF_BOX} of the box where none is annotated",
        "pictures_left_out": left_out,
    }


def oks_input(
    annotations: Annotations, predictions: Predictions
) -> list[list[tuple[list[metrics.OksTruth], list[metrics.OksFound]]]]:
    """Annotations and predictions as `metrics.average_precision` takes them, on the 17 joints of COCO."""
    return [
        [
            (
                [oks_truth(p) for p in picture.persons if p.category == category],
                [oks_found(f) for f in predictions.get(picture.id, ()) if f.category == category],
            )
            for picture in annotations.pictures
        ]
        for category in annotations.joints
    ]


def oks_truth(person: AnnotatedPerson) -> metrics.OksTruth:
    """An annotated person on COCO's 17 joints."""
    points = np.full((len(topology.COCO_17), 2), np.nan)
    for j, name in enumerate(topology.COCO_17):
        if name in person.names:
            points[j] = person.points_px[person.names.index(name)]
    labelled = np.isfinite(points).all(axis=1)
    box = person.box_px or labelled_box(person) or (0.0, 0.0, 0.0, 0.0)
    area = AREA_OF_BOX * box[2] * box[3] if person.area_px is None else person.area_px
    # A person of whom only other joints than COCO's are labelled cannot be found in COCO's sense.
    ignored = person.ignored or (not labelled.any() and bool((person.labels > 0).any()))
    return metrics.OksTruth(points, labelled, area, box, person.crowd, ignored, matchable=person.number != 0)


def oks_found(found: FoundPerson) -> metrics.OksFound:
    """A predicted person on COCO's 17 joints."""
    return metrics.OksFound(
        topology.convert(found.points_px, found.names, topology.COCO_17), found.score, found.area_px
    )


def _world(annotations: Annotations, predictions: Predictions, mode: str) -> dict[str, Any] | None:
    """Mean errors of world landmarks; in mode "full" of pictures with a single annotated person only."""
    errors = []
    for picture in annotations.pictures:
        for place, person in enumerate(picture.persons):
            if person.world_m is None or (mode == "full" and len(picture.persons) > 1):
                continue
            mine = [p for p in predictions.get(picture.id, ()) if mode == "full" or p.person == place]
            best = max(mine, key=lambda p: p.score, default=None)
            if best is not None and best.world_m is not None:
                found = topology.convert(best.world_m, best.names, person.names)
                hips = [person.names.index(n) for n in ("left_hip", "right_hip") if n in person.names]
                errors.append(
                    [metrics.mpjpe(found, person.world_m, align, hips) for align in (None, "root", "procrustes")]
                )
    if not errors:
        return None
    means = [[e for e in column if math.isfinite(e)] for column in zip(*errors, strict=True)]
    plain, root, procrustes = (float(np.mean(m)) if m else None for m in means)
    return {"persons": len(errors), "mpjpe": plain, "root_aligned": root, "procrustes": procrustes}


def compare(
    annotations: Annotations, first: Predictions, second: Predictions, mode: str, options: Options
) -> dict[str, Any]:
    """How two sets of predictions differ on the same annotated persons.

    Returns
    -------
    dict
        ``persons`` compared by both (mode "full": where both are nearest to the same person); of their key points the
        numbers correct in ``both``, ``first_only``, ``second_only``, ``neither`` at the first torso threshold;
        ``distance``: median and maximum distance in torsos between the two predictions; ``world``: mean distance in
        metres between their world landmarks; ``joints``: per name the two PCK. None stands for what does not exist.
    """
    threshold = options.thresholds[0]
    sides = [
        {(p.picture, p.person): p for p in pair(annotations, found, mode, "torso", options.joints, options.min_joints)}
        for found in (first, second)
    ]
    shared = [(sides[0][key], sides[1][key]) for key in sides[0] if key in sides[1]]
    tally = np.zeros((2, 2), int)
    gaps, world = [], []
    for a, b in shared:
        known = a.labelled & b.labelled  # joints that both skeletons have
        right = [p.errors_px[known] <= threshold * p.size_px for p in (a, b)]
        np.add.at(tally, (right[0].astype(int), right[1].astype(int)), 1)
        if a.found is None or b.found is None:
            continue
        points = [topology.convert(p.found.points_px, p.found.names, options.joints) for p in (a, b) if p.found]
        gaps += [g / a.size_px for g in metrics.distances(*points) if math.isfinite(g)]
        if a.found.world_m is not None and b.found.world_m is not None:
            other = topology.convert(b.found.world_m, b.found.names, a.found.names)
            world.append(metrics.mpjpe(a.found.world_m, other))
    joints = {}
    for j, name in enumerate(options.joints):
        of_joint = [(a, b) for a, b in shared if a.labelled[j] and b.labelled[j]]
        if of_joint:
            joints[name] = [
                sum(bool(p[i].errors_px[j] <= threshold * p[i].size_px) for p in of_joint) / len(of_joint)
                for i in (0, 1)
            ]
    return {
        "mode": mode,
        "threshold": threshold,
        "persons": len(shared),
        "both": int(tally[1, 1]),
        "first_only": int(tally[1, 0]),
        "second_only": int(tally[0, 1]),
        "neither": int(tally[0, 0]),
        "distance": {"median": float(np.median(gaps)), "max": float(np.max(gaps))} if gaps else None,
        "world": float(np.mean(world)) if world else None,
        "joints": joints,
    }


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


def robustness(annotations: Annotations, run: Run, mode: str, options: Options, seed: int) -> dict[str, Any]:
    """How PCK (torso, first threshold) holds under noise and occlusion.

    Returns
    -------
    dict
        ``plain``: PCK without either. ``alignment`` and ``occlusion``: ``pck`` (all repetitions together), ``lowest``
        and ``highest`` repetition, ``change`` against plain, ``found`` (part of the persons still found).
        For occlusion ``covered`` and ``uncovered``: PCK of the joints under the rectangles and of the others, and
        ``covered_share`` of the joints.
    """
    threshold = options.thresholds[0]

    def pairs_of(found: Predictions) -> list[Pair]:
        return pair(annotations, found, mode, "torso", options.joints, options.min_joints)

    plain_pairs = pairs_of(run.plain)
    if not plain_pairs:
        return {"missing": "no annotated person counts"}
    plain = pck_value(plain_pairs, threshold)
    aligned = [pairs_of(found) for found in run.aligned]
    occluded = [pairs_of(found) for found in run.occluded]

    def summary(repetitions: list[list[Pair]]) -> dict[str, Any]:
        values = [pck_value(own, threshold) for own in repetitions]
        together = pck_value([p for own in repetitions for p in own], threshold)
        found = [p.found is not None for own in repetitions for p in own]
        return {
            "pck": together,
            "lowest": min(values),
            "highest": max(values),
            "change": together - plain,
            "found": sum(found) / len(found),
        }

    split = [
        _split(p, annotations, hidden, options.joints)
        for own, hidden in zip(occluded, run.hidden, strict=True)
        for p in own
    ]
    parts = [[replace(p, labelled=p.labelled & (under == side)) for p, under in split] for side in (True, False)]
    total = sum(int(p.labelled.sum()) for p, _ in split)
    return {
        "seed": seed,
        "repeats": len(run.aligned),
        "threshold": threshold,
        "plain": plain,
        "alignment": summary(aligned),
        "occlusion": {
            **summary(occluded),
            "covered": _finite(pck_value(parts[0], threshold)),
            "uncovered": _finite(pck_value(parts[1], threshold)),
            "covered_share": sum(int(p.labelled.sum()) for p in parts[0]) / total,
        },
    }


def _split(
    own: Pair, annotations: Annotations, hidden: Mapping[tuple[str | int, int], Box], joints: Sequence[str]
) -> tuple[Pair, NDArray[np.bool_]]:
    """A pair and which of the joints (J,) lie under a rectangle of its picture."""
    picture = next(p for p in annotations.pictures if p.id == own.picture)
    person = picture.persons[own.person]
    under = np.zeros(len(joints), bool)
    for j, name in enumerate(joints):
        if own.labelled[j]:
            px, py = person.points_px[person.names.index(name)]
            boxes = [box for (image, _), box in hidden.items() if image == own.picture]
            under[j] = any(x <= px < x + w and y <= py < y + h for x, y, w, h in boxes)
    return own, under
