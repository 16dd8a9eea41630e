"""Results of pose estimators, read from their files: COCO's list, what ``refpose image`` writes, annotations."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import reading, topology
from ..images import ENDINGS
from . import checked
from .annotations import read_frames, track_of
from .joints import Names
from .records import AnnotatedPicture, Annotations, FoundPerson, check_track, extent_area


def read_results(path: str | os.PathLike[str], annotations: Annotations) -> dict[str | int, list[FoundPerson]]:
    """Read predicted persons for annotated pictures.

    A file is COCO's results list: objects with ``image_id``, ``category_id``, ``keypoints`` (x, y, and a number that
    is not used, for each joint of the category) and ``score``. What ``refpose evaluate`` writes has moreover ``points``
    ``{name: [x, y]}`` (all its joints, which then count instead of ``keypoints``), ``world`` ``{name: [x, y, z]}`` in
    metres, and ``person`` (in whose crop this was found: that person's place among the picture's annotations). Results
    of videos say who it is (``track_id``). What PoseTrack wants to be handed in is understood too: results in a file of
    the same form as annotations.

    A folder, searched with its subfolders, has for each picture the JSON file that ``refpose image`` writes, which says
    itself from which picture it is; those of pictures without annotations are left out.

    Parameters
    ----------
    path : path-like
        A results list, or a folder of refpose's JSON files.
    annotations : Annotations
        What the results are about.

    Returns
    -------
    dict
        By picture id, for every picture of `annotations`, the persons in the order of the file.

    Raises
    ------
    FileNotFoundError
        When there is no such file or folder.
    ValueError
        When it holds no results for these pictures; the message says where.
    """
    source = Path(path)
    if source.is_dir():
        with reading.errors(source, "results of refpose image"):
            return _read_folder(source, annotations)
    content = reading.json_file(source)
    with reading.errors(source, "a list of results"):
        if (own := read_frames(source, content, Names(ignore_unknown=False))) is not None:
            return _from_annotations(own, annotations)
        return _read_list(source, content, annotations)


def _from_annotations(own: Annotations, annotations: Annotations) -> dict[str | int, list[FoundPerson]]:
    """Results in the form of annotations: joints that are not labelled were not found, nor people without any."""
    found: dict[str | int, list[FoundPerson]] = {picture.id: [] for picture in annotations.pictures}
    for picture in own.pictures:
        if picture.id not in found:
            raise ValueError(f"{own.path}: image id {picture.id!r} is not a picture of {annotations.path}")
        found[picture.id] = [
            FoundPerson(one.names, one.points_px, 1.0, extent_area(one.points_px), one.category, track=one.track)
            for one in picture.persons
            if one.labels.any()
        ]
    return found


def _read_list(source: Path, content: Any, annotations: Annotations) -> dict[str | int, list[FoundPerson]]:
    """Read COCO's results list."""
    if not isinstance(content, list):
        raise ValueError(f"{source}: expected a list of results, found {checked.describe(content)}")
    found: dict[Any, list[FoundPerson]] = {p.id: [] for p in annotations.pictures}
    persons = {p.id: len(p.persons) for p in annotations.pictures}
    names = Names(ignore_unknown=False)
    # pycocotools' loadRes: the first result decides whether areas come from boxes or from key points.
    boxed = bool(content) and isinstance(content[0], dict) and bool(content[0].get("bbox"))
    for i, record in enumerate(content):
        where = f"{source}: [{i}]"
        image = checked.entry(record, "image_id", where)
        if not isinstance(image, str | int) or image not in found:
            raise ValueError(f"{where}: image_id {image!r} is not a picture of {annotations.path}")
        category = checked.integer(checked.entry(record, "category_id", where), f"{where}.category_id")
        if category not in annotations.joints:
            raise ValueError(
                f"{where}: category_id {category!r} has no key points in {annotations.path}; "
                f"those that have are {', '.join(map(str, annotations.joints))}"
            )
        joints = annotations.joints[category]
        listed = checked.numbers(checked.entry(record, "keypoints", where), 3 * len(joints), f"{where}.keypoints")
        points = listed.reshape(-1, 3)[:, :2]
        area = extent_area(points)
        if boxed:
            box = checked.box(checked.entry(record, "bbox", where), f"{where}.bbox")
            area = 0.0 if box is None else box[2] * box[3]
        if "points" in record:
            joints, points = _named(record["points"], 2, f"{where}.points", names)
        world_m = None
        if "world" in record:
            world_joints, world = _named(record["world"], 3, f"{where}.world", names)
            world_m = topology.convert(world, world_joints, joints)
        person = record.get("person")
        if person is not None and not 0 <= checked.integer(person, f"{where}.person") < persons[image]:
            raise ValueError(
                f"{where}.person: picture {image!r} has {persons[image]} annotated persons, found {person}"
            )
        score = checked.number(checked.entry(record, "score", where), f"{where}.score")
        track = track_of(record, where)
        found[image].append(FoundPerson(joints, points, score, area, category, person, world_m, track))
        check_track(found[image], where)
    return found


def _read_folder(folder: Path, annotations: Annotations) -> dict[str | int, list[FoundPerson]]:
    """Read the JSON files of ``refpose image``."""
    by_name: dict[str, list[AnnotatedPicture]] = {}
    for picture in annotations.pictures:
        by_name.setdefault(_plain_name(picture.file), []).append(picture)
    twice = [p.file for same in by_name.values() if len(same) > 1 for p in same]
    if twice:
        raise ValueError(f"{annotations.path}: {' and '.join(twice[:2])} have the same name, so that files cannot tell")
    found: dict[str | int, list[FoundPerson]] = {}
    names = Names(ignore_unknown=False)
    for file in sorted(folder.rglob("*.json")):
        record = reading.json_file(file)
        if not isinstance(record, dict) or not {"source", "people"} <= record.keys():
            said = checked.describe(record)
            raise ValueError(f"{file}: expected what refpose image writes (source, people), found {said}")
        for picture in by_name.get(_plain_name(checked.text(record["source"], f"{file}: source")), ()):
            if picture.id in found:
                raise ValueError(f"{file}: a second result for {picture.file}")
            people = checked.listing(record["people"], f"{file}: people")
            found[picture.id] = [_refpose_person(p, f"{file}: people[{i}]", names) for i, p in enumerate(people)]
    missing = [p.file for p in annotations.pictures if p.id not in found]
    if missing:
        raise ValueError(f"{folder}: no results for {len(missing)} pictures of {annotations.path}: {missing[0]} ...")
    return found


def _plain_name(file: str) -> str:
    """A picture's name without folder, and without the ending if it is a picture's."""
    name = Path(file)
    return name.stem if name.suffix.lower() in ENDINGS else name.name


def _refpose_person(record: Any, where: str, names: Names) -> FoundPerson:
    rows = checked.listing(checked.entry(record, "keypoints", where), f"{where}.keypoints")
    joints = names.spell([checked.entry(r, "name", f"{where}.keypoints") for r in rows], f"{where}.keypoints")

    def columns(*axes: str) -> NDArray[np.float64]:
        """Numbers of every key point; null, for what a model does not find, is NaN."""
        found = np.full((len(rows), len(axes)), np.nan)
        for i, row in enumerate(rows):
            for k, axis in enumerate(axes):
                if (value := checked.entry(row, axis, where)) is not None:
                    found[i, k] = checked.number(value, f"{where}.keypoints[{i}].{axis}")
        return found

    points_px, world_m = columns("x_px", "y_px"), columns("xw_m", "yw_m", "zw_m")
    score = checked.number(checked.entry(record, "score", where), f"{where}.score")
    area = extent_area(topology.convert(points_px, joints, topology.COCO_17))
    return FoundPerson(joints, points_px, score, area, world_m=None if np.isnan(world_m).all() else world_m)


def _named(value: Any, width: int, where: str, names: Names) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Joints and points (J, width) of an object of points by name."""
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected an object of joints by name, found {checked.describe(value)}")
    rows = [checked.numbers(row, width, f"{where}[{name!r}]") for name, row in value.items()]
    return names.spell(list(value), where), np.array(rows, np.float64).reshape(-1, width)


def results_record(image: str | int, found: FoundPerson) -> dict[str, Any]:
    """One person as an entry of a results list that both `read_results` and pycocotools' ``loadRes`` take.

    Coordinates of joints COCO's list needs and the estimator does not have are written as 0 and their flag as 0.
    """
    coco = topology.convert(found.points_px, found.names, topology.COCO_17)
    listed = [(float(x), float(y), 1) if np.isfinite(x) else (0.0, 0.0, 0) for x, y in coco]
    record: dict[str, Any] = {
        "image_id": image,
        "category_id": found.category,
        "keypoints": [value for row in listed for value in row],
        "score": float(found.score),
        "points": _by_name(found.names, found.points_px),
    }
    if found.person is not None:
        record["person"] = found.person
    if found.track is not None:
        record["track_id"] = found.track
    if found.world_m is not None:
        record["world"] = _by_name(found.names, found.world_m)
    return record


def _by_name(names: Sequence[str], points: NDArray[np.float64]) -> dict[str, list[float]]:
    return {name: row.tolist() for name, row in zip(names, points, strict=True) if np.isfinite(row).all()}
