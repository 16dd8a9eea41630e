"""Annotated key points, read from their files.

Four kinds of file are understood, told apart by their content:

* COCO key points: an object with ``images``, ``annotations``, ``categories`` (also CrowdPose, AIC, JHMDB, PoseTrack18
  ... in that form). Frames of videos say which (``vid_id`` or ``video_id``; ``frame_id`` or ``frame``), annotations on
  them who it is (``track_id``), by ``image_id`` or by ``frame``. PoseTrack's ``is_labeled`` and ``ignore_regions_x``,
  ``ignore_regions_y`` and ``bbox_head`` are known;
* PoseTrack17: an object with ``annolist`` (`refpose.accuracy.posetrack17`);
* MPII: a list of objects with ``image``, ``joints``, ``joints_vis``, ``center``, ``scale``, as published with many
  estimators. MPII counts pixels from 1; the reader subtracts 1;
* generic: ``{"images": {id: {"names": [...], "persons": [{"keypoints": {name: [x, y, v]}}]}}}``. Per picture optionally
  ``file`` (the picture, relative to the folder of pictures), per person optionally ``box_xywh``, ``area``,
  ``head_box_xywh``, ``center`` and ``scale`` (MPII's), and ``world`` ``{name: [x, y, z]}`` in metres.

All coordinates are pixels of the picture, x to the right, y down, the middle of the first pixel at (0, 0). ``v`` is 0
for a joint that is not labelled, 1 for labelled but hidden, 2 for visible; both kinds of labelled joints count.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import reading, topology
from ..images import ENDINGS
from . import checked
from .joints import Names
from .metrics import MPII_HEAD_FACTOR
from .posetrack17 import read_posetrack17
from .records import AnnotatedPerson, AnnotatedPicture, Annotations, check_track

# MPII's ``scale`` is the person's height over this many pixels; the box of the usual evaluation is centred this many
# pixels (times scale) below the annotated centre. (Newell et al. 2016's code, kept by all later ones.)
MPII_SCALE_PX = 200.0
MPII_SHIFT_PX = 15.0


def read_annotations(path: str | os.PathLike[str], ignore_unknown_joints: bool = False) -> Annotations:
    """Read a file of annotated key points (the kinds are described at the top of this module).

    Parameters
    ----------
    path : path-like
    ignore_unknown_joints : bool, optional
        Take joints with names not in `KNOWN_JOINTS` as joints nothing can be compared with.

    Returns
    -------
    Annotations

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is no JSON, of no known kind, or something in it is wrong; the message says where.
    """
    source = Path(path)
    content = reading.json_file(source)
    names = Names(ignore_unknown_joints)
    with reading.errors(source, "annotated key points"):
        if isinstance(content, dict) and isinstance(content.get("images"), dict):
            return _read_generic(source, content["images"], names)
        if (found := read_frames(source, content, names)) is not None:
            return found
        if isinstance(content, list) and content and isinstance(content[0], dict) and "joints" in content[0]:
            return _read_mpii(source, content)
    raise ValueError(
        f"{source}: not a file of annotated key points: expected COCO (an object with images, annotations, "
        "categories), PoseTrack17 (an object with annolist), MPII (a list of objects with image, joints, joints_vis) "
        f'or {{"images": {{id: {{"persons": [...]}}}}}}, found {checked.describe(content)}'
    )


def _mpii_square(center: Any, scale: Any, where: str) -> tuple[float, float, float, float]:
    """MPII's square around a person, from its centre (pixels from 0) and scale."""
    x, y = checked.numbers(center, 2, f"{where}.center")
    factor = checked.positive(scale, f"{where}.scale")
    side = MPII_SCALE_PX * factor
    return float(x) - side / 2, float(y) + MPII_SHIFT_PX * factor - side / 2, side, side


def _person(
    names: tuple[str, ...], points: NDArray[np.float64], labels: NDArray[np.int64], **more: Any
) -> AnnotatedPerson:
    """An `AnnotatedPerson` with its head's size taken from its joints if it is not given."""
    points = np.where(labels[:, None] > 0, points, np.nan)
    if more.get("head_px") is None and {"head_top", "upper_neck"} <= set(names):
        length = float(np.linalg.norm(points[names.index("head_top")] - points[names.index("upper_neck")]))
        more["head_px"] = length if length > 0 else None  # a comparison with NaN is false
    return AnnotatedPerson(names, points, labels, **more)


def read_frames(path: Path, content: Any, names: Names) -> Annotations | None:
    """Read COCO's or PoseTrack17's form, in which PoseTrack wants results too; None when it is neither."""
    if isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys():
        return _read_coco(path, content, names)
    if isinstance(content, dict) and "annolist" in content:
        return read_posetrack17(path, content["annolist"])
    return None


def _read_coco(path: Path, content: Mapping[str, Any], names: Names) -> Annotations:
    joints: dict[int, tuple[str, ...]] = {}
    for i, record in enumerate(checked.listing(content["categories"], f"{path}: categories")):
        where = f"{path}: categories[{i}]"
        if isinstance(record, dict) and "keypoints" in record:
            number = checked.integer(checked.entry(record, "id", where), f"{where}.id")
            listed = checked.listing(record["keypoints"], f"{where}.keypoints")
            joints[number] = names.spell(listed, f"{where}.keypoints")
    if not joints:
        raise ValueError(f"{path}: categories: none has keypoints")
    pictures: dict[Any, AnnotatedPicture] = {}
    for i, record in enumerate(checked.listing(content["images"], f"{path}: images")):
        picture = _coco_picture(record, f"{path}: images[{i}]")
        if picture.id in pictures:
            raise ValueError(f"{path}: images[{i}]: the id {picture.id} is used twice")
        pictures[picture.id] = picture
    by_frame = {picture.frame: picture.id for picture in pictures.values()}
    persons: dict[Any, list[AnnotatedPerson]] = {number: [] for number in pictures}
    for i, record in enumerate(checked.listing(content["annotations"], f"{path}: annotations")):
        where = f"{path}: annotations[{i}]"
        image = _coco_image(record, by_frame, len(pictures), where)
        if image not in persons:
            raise ValueError(f"{where}: image_id {image!r} is not in images")
        category = checked.integer(checked.entry(record, "category_id", where), f"{where}.category_id")
        if category not in joints:
            continue  # a category without key points
        own = joints[category]
        listed = checked.entry(record, "keypoints", where)
        table = checked.numbers(listed, 3 * len(own), f"{where}.keypoints").reshape(-1, 3)
        labels = checked.labels(table[:, 2], f"{where}.keypoints")
        crowd = bool(record.get("iscrowd", 0))
        labelled = checked.integer(record.get("num_keypoints", int((labels > 0).sum())), f"{where}.num_keypoints")
        area = record.get("area")
        persons[image].append(
            _person(
                own,
                table[:, :2],
                labels,
                box_px=checked.box(record.get("bbox"), f"{where}.bbox"),
                area_px=None if area is None else checked.positive(area, f"{where}.area", zero=True),
                crowd=crowd,
                ignored=crowd or labelled == 0,
                number=checked.integer(checked.entry(record, "id", where), f"{where}.id"),
                category=category,
                head_px=_head(record, "bbox_head", where),
                track=track_of(record, where),
            )
        )
        check_track(persons[image], where)
    # pycocotools takes pictures by ascending id, which decides between predictions of equal score.
    ordered = tuple(replace(pictures[i], persons=tuple(persons[i])) for i in sorted(pictures))
    return Annotations(path, "coco", ordered, dict(sorted(joints.items())))


def _coco_picture(record: Any, where: str) -> AnnotatedPicture:
    """An entry of ``images``, without its persons."""
    number = checked.integer(checked.entry(record, "id", where), f"{where}.id")
    file = checked.text(checked.entry(record, "file_name", where), f"{where}.file_name")
    video = record.get("vid_id", record.get("video_id", ""))
    if isinstance(video, bool) or not isinstance(video, str | int):
        raise ValueError(f"{where}: expected a video's name or number, found {checked.describe(video)}")
    frame = record.get("frame_id", record.get("frame"))
    frame = None if frame is None else checked.integer(frame, f"{where}.frame_id")
    sides = [
        checked.listing(record.get(f"ignore_regions_{axis}") or [], f"{where}.ignore_regions_{axis}") for axis in "xy"
    ]
    if len(sides[0]) != len(sides[1]):
        raise ValueError(f"{where}: {len(sides[0])} ignore_regions_x, but {len(sides[1])} ignore_regions_y")
    crowds = []
    for k, (x, y) in enumerate(zip(*sides, strict=True)):
        count = len(checked.listing(x, f"{where}.ignore_regions_x[{k}]"))
        columns = (
            checked.numbers(x, count, f"{where}.ignore_regions_x[{k}]"),
            checked.numbers(y, count, f"{where}.ignore_regions_y[{k}]"),
        )
        crowds.append(np.stack(columns, axis=1))
    return AnnotatedPicture(number, file, (), video, frame, bool(record.get("is_labeled", True)), tuple(crowds))


def _coco_image(record: Any, by_frame: Mapping[int | None, str | int], pictures: int, where: str) -> str | int:
    """The picture of an annotation, which has its id, or the number of a frame where there is one video."""
    if not isinstance(record, dict) or "image_id" in record or "frame" not in record:
        return checked.integer(checked.entry(record, "image_id", where), f"{where}.image_id")
    if len(by_frame) < pictures or None in by_frame:
        raise ValueError(
            f"{where}: 'image_id' is missing, and the file's images have no numbers of frames of their own"
        )
    frame = checked.integer(record["frame"], f"{where}.frame")
    if frame not in by_frame:
        raise ValueError(f"{where}: frame {frame} is not in images")
    return by_frame[frame]


def track_of(record: Mapping[str, Any], where: str) -> int | None:
    """Who somebody is, where a record says so."""
    track = record.get("track_id")
    return None if track is None else checked.integer(track, f"{where}.track_id")


def _head(record: Mapping[str, Any], key: str, where: str) -> float | None:
    """The size of a head, where a record has its box."""
    box = checked.box(record.get(key), f"{where}.{key}")
    return None if box is None else MPII_HEAD_FACTOR * math.hypot(box[2], box[3]) or None


def _read_mpii(path: Path, content: Sequence[Any]) -> Annotations:
    persons: dict[str, list[AnnotatedPerson]] = {}
    count = len(topology.MPII_16)
    for i, record in enumerate(content):
        where = f"{path}: [{i}]"
        image = checked.text(checked.entry(record, "image", where), f"{where}.image")
        rows = checked.listing(checked.entry(record, "joints", where), f"{where}.joints")
        if len(rows) != count:
            raise ValueError(f"{where}.joints: expected MPII's {count} joints, found {len(rows)}")
        points = np.stack([checked.numbers(row, 2, f"{where}.joints[{j}]") for j, row in enumerate(rows)])
        visible = checked.numbers(checked.entry(record, "joints_vis", where), count, f"{where}.joints_vis")
        labels = checked.labels(visible, f"{where}.joints_vis")
        centre = checked.numbers(checked.entry(record, "center", where), 2, f"{where}.center")
        square = _mpii_square((centre - 1).tolist(), checked.entry(record, "scale", where), where)
        own = persons.setdefault(image, [])
        own.append(
            _person(
                topology.MPII_16, points - 1, labels, square_px=square, ignored=not labels.any(), number=len(own) + 1
            )
        )
    pictures = tuple(AnnotatedPicture(image, image, tuple(own)) for image, own in persons.items())
    return Annotations(path, "mpii", pictures)


def _read_generic(path: Path, content: Mapping[str, Any], names: Names) -> Annotations:
    pictures = []
    for image, record in content.items():
        where = f"{path}: images[{image!r}]"
        declared = record.get("names") if isinstance(record, dict) else None
        declared = None if declared is None else checked.listing(declared, f"{where}.names")
        persons = []
        for i, person in enumerate(checked.listing(checked.entry(record, "persons", where), f"{where}.persons")):
            persons.append(_generic_person(person, declared, f"{where}.persons[{i}]", i + 1, names))
        file = checked.text(record.get("file", image), f"{where}.file")
        pictures.append(AnnotatedPicture(image, file, tuple(persons)))
    return Annotations(path, "generic", tuple(pictures))


def _generic_person(record: Any, declared: list[Any] | None, where: str, number: int, names: Names) -> AnnotatedPerson:
    keypoints = checked.entry(record, "keypoints", where)
    if not isinstance(keypoints, dict):
        found = checked.describe(keypoints)
        raise ValueError(f"{where}.keypoints: expected an object of joints by name, found {found}")
    listed = list(keypoints) if declared is None else declared
    undeclared = [name for name in keypoints if name not in listed]
    if undeclared:
        raise ValueError(f"{where}.keypoints: {', '.join(map(repr, undeclared))} not among the picture's names")
    own = names.spell(listed, f"{where}.keypoints" if declared is None else f"{where[: where.index('.persons')]}.names")
    table = np.zeros((len(own), 3))
    for name, values in keypoints.items():
        table[listed.index(name)] = checked.numbers(values, 3, f"{where}.keypoints[{name!r}]")
    world = record.get("world")
    world_m = None
    if world is not None:
        if not isinstance(world, dict):
            raise ValueError(f"{where}.world: expected an object of joints by name, found {checked.describe(world)}")
        world_m = np.full((len(own), 3), np.nan)
        for name, values in world.items():
            if name not in listed:
                raise ValueError(f"{where}.world: {name!r} not among the picture's names")
            world_m[listed.index(name)] = checked.numbers(values, 3, f"{where}.world[{name!r}]")
    square = None
    if "center" in record and "scale" in record:
        square = _mpii_square(record["center"], record["scale"], where)
    area = record.get("area")
    labels = checked.labels(table[:, 2], f"{where}.keypoints")
    return _person(
        own,
        table[:, :2],
        labels,
        box_px=checked.box(record.get("box_xywh"), f"{where}.box_xywh"),
        square_px=square,
        area_px=None if area is None else checked.positive(area, f"{where}.area", zero=True),
        ignored=not labels.any(),
        number=number,
        head_px=_head(record, "head_box_xywh", where),
        world_m=world_m,
    )


def find_pictures(annotations: Annotations, folder: str | os.PathLike[str] | None = None) -> dict[str | int, Path]:
    """Find the picture files.

    A picture named without an ending is found with any ending a picture has.

    Parameters
    ----------
    annotations : Annotations
    folder : path-like, optional
        Where the pictures are; by default the folder ``images`` beside the annotation file, then that file's folder.

    Returns
    -------
    dict
        The file of each picture, by the picture's id.

    Raises
    ------
    FileNotFoundError
        When pictures are missing; the message names them and where they were looked for.
    """
    beside = annotations.path.parent
    folders = [beside / "images", beside] if folder is None else [Path(folder)]
    files = {p.id: next((f for d in folders for f in _spellings_of(d / p.file)), None) for p in annotations.pictures}
    missing = [p.file for p in annotations.pictures if files[p.id] is None]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise FileNotFoundError(
            f"{annotations.path}: {len(missing)} of {len(files)} pictures are missing: {shown}; "
            f"looked for in {' and '.join(map(str, folders))}"
        )
    return {key: file for key, file in files.items() if file is not None}


def _spellings_of(file: Path) -> Iterator[Path]:
    """The file itself if it is there, else those of this name with the ending of a picture."""
    if file.is_file():
        yield file
    elif file.suffix.lower() not in ENDINGS:
        yield from (f for f in (file.with_name(file.name + ending) for ending in sorted(ENDINGS)) if f.is_file())
