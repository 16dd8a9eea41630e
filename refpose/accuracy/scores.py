"""The figures of a set of predictions, and how two sets differ. `metrics` has the arithmetic.

Average precision takes all predictions and all annotations of either mode, as COCO does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import topology
from . import metrics
from .pairs import MIN_JOINTS, SIZES, Pair, Predictions, pair, unknown_joints
from .records import AnnotatedPerson, Annotations, FoundPerson, labelled_box

# Where the curve of PCK over the threshold is drawn, in torsos.
CURVE: NDArray[np.float64] = np.linspace(0.0, 0.5, 26)[1:]

# Area of a person as part of the box, where the annotations give only the box (xtcocotools and mmpose do so for data
# sets without segmentations, ultralytics too).
AREA_OF_BOX = 0.53


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
    return pck_of(pairs, threshold).value


def pck_of(pairs: Sequence[Pair], threshold: float) -> metrics.Pck:
    return metrics.pck(
        np.stack([p.errors_px for p in pairs]),
        np.stack([p.labelled for p in pairs]),
        [p.size_px for p in pairs],
        threshold,
    )


def _pck(pairs: Sequence[Pair], threshold: float, joints: Sequence[str]) -> dict[str, Any]:
    result = pck_of(pairs, threshold)
    found = [p for p in pairs if p.found is not None]
    return {
        "value": finite(result.value),
        "correct": int(result.correct.sum()),
        "keypoints": int(result.labelled.sum()),
        "persons": len(pairs),
        "found": len(found),
        "found_only": finite(pck_value(found, threshold)) if found else None,
        "mean_over_persons": finite(result.mean_over_persons),
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


def finite(value: float) -> float | None:
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
