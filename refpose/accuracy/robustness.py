"""How accuracy holds when regions are shifted and persons partly covered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .pairs import Pair, Predictions, pair
from .predictions import Box, Run
from .records import Annotations
from .scores import Options, finite, pck_value


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
            "covered": finite(pck_value(parts[0], threshold)),
            "uncovered": finite(pck_value(parts[1], threshold)),
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
