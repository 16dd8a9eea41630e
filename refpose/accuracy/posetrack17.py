"""Annotated videos, and results on them, in PoseTrack17's form.

An object with ``annolist``, a list of frames in their order. Each has ``image`` with its ``name``, ``annorect`` with
everybody on it (``track_id``, ``annopoints`` of ``point`` of ``id``, ``x``, ``y``, ``is_visible``; the corners of the
head: ``x1``, ``y1``, ``x2``, ``y2``), and optionally ``ignore_regions`` of ``point`` of ``x``, ``y``, and
``is_labeled``. Every value is a list of one.

A picture's id is its name, its video that name's folder. A frame without ``is_labeled`` is labelled when somebody is on
it; a point without ``is_visible`` is visible.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import checked
from .metrics import MPII_HEAD_FACTOR
from .records import AnnotatedPerson, AnnotatedPicture, Annotations, check_track

# By ``id`` (github.com/leonid-pishchulin/poseval, py/convert.py).
JOINTS = (
    "right_ankle",
    "right_knee",
    "right_hip",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_wrist",
    "right_elbow",
    "right_shoulder",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "head_bottom",
    "nose",
    "head_top",
)


def read_posetrack17(path: Path, content: Any) -> Annotations:
    """Read what stands under ``annolist``.

    Raises
    ------
    ValueError
        When something in it is wrong; the message says where.
    """
    pictures: dict[str, AnnotatedPicture] = {}
    for i, record in enumerate(checked.listing(content, f"{path}: annolist")):
        picture = _picture(record, f"{path}: annolist[{i}]")
        if picture.file in pictures:
            raise ValueError(f"{path}: annolist[{i}]: the picture {picture.file} stands twice")
        pictures[picture.file] = picture
    return Annotations(path, "posetrack17", tuple(pictures.values()))


def _picture(record: Any, where: str) -> AnnotatedPicture:
    """An entry of ``annolist``."""
    image, place = _only(record, "image", where)
    name = checked.text(checked.entry(image, "name", place), f"{place}.name")
    persons: list[AnnotatedPerson] = []
    for k, person in enumerate(checked.listing(checked.entry(record, "annorect", where), f"{where}.annorect")):
        place = f"{where}.annorect[{k}]"
        persons.append(_person(person, k + 1, place))
        check_track(persons, place)
    regions = checked.listing(record.get("ignore_regions") or [], f"{where}.ignore_regions")
    return AnnotatedPicture(
        name,
        name,
        tuple(persons),
        video=name.rpartition("/")[0],
        labelled=bool(_integer(record, "is_labeled", where) if "is_labeled" in record else persons),
        crowds_px=tuple(_polygon(region, f"{where}.ignore_regions[{k}]") for k, region in enumerate(regions)),
    )


def _person(record: Any, number: int, where: str) -> AnnotatedPerson:
    """An entry of ``annorect``."""
    if not isinstance(record, dict):
        raise ValueError(f"{where}: expected an object, found {checked.describe(record)}")
    points = np.full((len(JOINTS), 2), np.nan)
    labels = np.zeros(len(JOINTS), np.int64)
    if record.get("annopoints") not in (None, []):
        parts, place = _only(record, "annopoints", where)
        for k, point in enumerate(checked.listing(checked.entry(parts, "point", place), f"{place}.point")):
            own = f"{place}.point[{k}]"
            joint = _integer(point, "id", own)
            if not 0 <= joint < len(JOINTS):
                raise ValueError(f"{own}.id: expected a joint from 0 to {len(JOINTS) - 1}, found {joint}")
            if labels[joint]:
                raise ValueError(f"{own}: {JOINTS[joint]} is listed twice")
            visible = _integer(point, "is_visible", own) if "is_visible" in point else 1
            if visible not in (0, 1):
                raise ValueError(f"{own}.is_visible: expected 0 or 1, found {visible}")
            points[joint] = _number(point, "x", own), _number(point, "y", own)
            labels[joint] = 1 + visible
    head = None
    if not {"x1", "y1", "x2", "y2"}.isdisjoint(record):
        x1, y1, x2, y2 = (_number(record, key, where) for key in ("x1", "y1", "x2", "y2"))
        head = MPII_HEAD_FACTOR * math.hypot(x2 - x1, y2 - y1) or None
    return AnnotatedPerson(
        JOINTS,
        points,
        labels,
        ignored=not labels.any(),
        number=number,
        head_px=head,
        track=_integer(record, "track_id", where) if "track_id" in record else None,
    )


def _polygon(record: Any, where: str) -> NDArray[np.float64]:
    """An entry of ``ignore_regions``: corners (N, 2)."""
    rows = checked.listing(checked.entry(record, "point", where), f"{where}.point")
    corners = [[_number(row, axis, f"{where}.point[{k}]") for axis in "xy"] for k, row in enumerate(rows)]
    return np.array(corners, np.float64).reshape(-1, 2)


def _only(record: Any, key: str, where: str) -> tuple[Any, str]:
    """The one value an object has under a key, and where it stands."""
    values = checked.listing(checked.entry(record, key, where), f"{where}.{key}")
    if len(values) != 1:
        raise ValueError(f"{where}.{key}: expected a list of 1, found {checked.describe(values)}")
    return values[0], f"{where}.{key}[0]"


def _integer(record: Any, key: str, where: str) -> int:
    return checked.integer(*_only(record, key, where))


def _number(record: Any, key: str, where: str) -> float:
    return checked.number(*_only(record, key, where))
