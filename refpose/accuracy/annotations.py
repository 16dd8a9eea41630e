"""Annotated key points and results of pose estimators, read from their files.

Three kinds of annotation files are understood, told apart by their content:

* COCO key points: an object with ``images``, ``annotations``, ``categories`` (also CrowdPose, AIC, JHMDB, PoseTrack18
  ... in that form). Frames of videos say which (``vid_id`` or ``video_id``; ``frame_id`` or ``frame``), annotations on
  them who it is (``track_id``), by ``image_id`` or by ``frame``. PoseTrack's ``is_labeled`` and ``ignore_regions_x``,
  ``ignore_regions_y`` are known;
* MPII: a list of objects with ``image``, ``joints``, ``joints_vis``, ``center``, ``scale``, as published with many
  estimators. MPII counts pixels from 1; the reader subtracts 1;
* generic: ``{"images": {id: {"names": [...], "persons": [{"keypoints": {name: [x, y, v]}}]}}}``. Per picture optionally
  ``file`` (the picture, relative to the folder of pictures), per person optionally ``box_xywh``, ``area``,
  ``head_box_xywh``, ``center`` and ``scale`` (MPII's), and ``world`` ``{name: [x, y, z]}`` in metres.

Results are read by `read_results`: COCO's results list, and what ``refpose image`` writes.

All coordinates are pixels of the picture, x to the right, y down, the middle of the first pixel at (0, 0). ``v`` is 0
for a joint that is not labelled, 1 for labelled but hidden, 2 for visible; both kinds of labelled joints count.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import reading, topology
from ..images import ENDINGS
from .metrics import MPII_HEAD_FACTOR

# Joints of public data sets which no skeleton of `refpose.topology` has, so that nothing can be compared with them:
# JHMDB, Human3.6M, CrowdPose, AIC, PoseTrack18, Halpe, Human-Art.
OTHER_JOINTS = frozenset(
    (
        "belly",
        "face",
        "head",
        "head_bottom",
        "neck_base",
        "spine",
        "left_finger",
        "right_finger",
        "left_toe",
        "right_toe",
    )
)

# Other spellings of joints that `refpose.topology` has: Human3.6M's feet are the ankles (its figures end there),
# MPII's "top of the head" has three names.
_SPELLINGS: Mapping[str, str] = {
    "left_foot": "left_ankle",
    "right_foot": "right_ankle",
    "top_head": "head_top",
    "top_of_head": "head_top",
    "root": "pelvis",
    "hip": "pelvis",
}

KNOWN_JOINTS = OTHER_JOINTS.union(
    topology.LANDMARK_NAMES, topology.COCO_17, topology.MPII_16, topology.BODY_25, _SPELLINGS.values()
)

# MPII's ``scale`` is the person's height over this many pixels; the box of the usual evaluation is centred this many
# pixels (times scale) below the annotated centre. (Newell et al. 2016's code, kept by all later ones.)
MPII_SCALE_PX = 200.0
MPII_SHIFT_PX = 15.0

_LARGEST = 1e15  # of numbers in files; no picture, and no id that a float holds exactly, is beyond


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
        "coco", "mpii" or "generic".
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


def joint_name(name: str) -> str:
    """Spell a joint as `refpose.topology` does: "Head top" becomes "head_top", "root (pelvis)" becomes "pelvis"."""
    plain = re.sub(r"[\s\-]+", "_", re.sub(r"[\s_]*\(.*?\)", "", name.strip().lower()))
    return _SPELLINGS.get(plain, plain)


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
    names = _Names(ignore_unknown_joints)
    with reading.errors(source, "annotated key points"):
        if isinstance(content, dict) and isinstance(content.get("images"), dict):
            return _read_generic(source, content["images"], names)
        if isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys():
            return _read_coco(source, content, names)
        if isinstance(content, list) and content and isinstance(content[0], dict) and "joints" in content[0]:
            return _read_mpii(source, content)
    raise ValueError(
        f"{source}: not a file of annotated key points: expected COCO (an object with images, annotations, "
        'categories), MPII (a list of objects with image, joints, joints_vis) or {"images": {id: {"persons": [...]}}}, '
        f"found {_describe(content)}"
    )


class _Names:
    """Spells joints, refuses unknown ones, and remembers lists already seen (most persons share theirs)."""

    def __init__(self, ignore_unknown: bool) -> None:
        self._ignore_unknown = ignore_unknown
        self._seen: dict[tuple[str, ...], tuple[str, ...]] = {}

    def spell(self, names: Sequence[Any], where: str) -> tuple[str, ...]:
        for name in names:
            if not isinstance(name, str):
                raise ValueError(f"{where}: expected names of joints, found {_describe(name)}")
        given = tuple(names)
        if given not in self._seen:
            spelled = tuple(joint_name(name) for name in given)
            unknown = [name for name, plain in zip(given, spelled, strict=True) if plain not in KNOWN_JOINTS]
            if unknown and not self._ignore_unknown:
                raise ValueError(
                    f"{where}: unknown joints {', '.join(map(repr, unknown))}; "
                    f"known are {', '.join(sorted(KNOWN_JOINTS))}"
                )
            twice = sorted({name for name in spelled if spelled.count(name) > 1})
            if twice:
                raise ValueError(f"{where}: {', '.join(twice)} is listed twice")
            self._seen[given] = spelled
        return self._seen[given]


def _describe(value: Any) -> str:
    if isinstance(value, int) and abs(value) > _LARGEST:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, dict):
        keys = ", ".join(map(repr, list(value)[:6]))
        return f"an object with {keys}" if keys else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}" + (f", the first {_describe(value[0])}" if value else "")
    return repr(value)[:60]


def _entry(record: Any, key: str, where: str) -> Any:
    if not isinstance(record, dict):
        raise ValueError(f"{where}: expected an object, found {_describe(record)}")
    if key not in record:
        raise ValueError(f"{where}: {key!r} is missing")
    return record[key]


def _listing(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{where}: expected a list, found {_describe(value)}")
    return value


def _number(value: Any, where: str) -> float:
    if not _is_number(value):
        raise ValueError(f"{where}: expected a number, found {_describe(value)}")
    return float(value)


def _positive(value: Any, where: str, zero: bool = False) -> float:
    """A number above zero, or from zero on."""
    found = _number(value, where)
    if found < 0 or (found == 0 and not zero):
        raise ValueError(f"{where}: expected a number {'from 0 on' if zero else 'above 0'}, found {found:g}")
    return found


def _is_number(value: Any) -> bool:
    # bool is an int in Python; NaN and infinities, which json accepts, are no coordinates, nor is what no float holds.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -_LARGEST <= value <= _LARGEST


def _integer(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{where}: expected an integer, found {_describe(value)}")
    return value


def _numbers(value: Any, count: int, where: str) -> NDArray[np.float64]:
    """`count` finite numbers from a flat list."""
    values = _listing(value, where)
    if len(values) != count:
        raise ValueError(f"{where}: expected {count} numbers, found {len(values)}")
    try:
        array = np.array(values, np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.full(count, np.nan)
    if array.shape != (count,) or bool in map(type, values) or not (np.abs(array) <= _LARGEST).all():
        wrong = next(v for v in values if not _is_number(v))
        raise ValueError(f"{where}: expected {count} numbers, found {_describe(wrong)} among them")
    return array


def _labels(values: NDArray[np.float64], where: str) -> NDArray[np.int64]:
    """How joints are labelled: 0 not at all, 1 hidden, 2 visible; data sets have further numbers for further kinds."""
    labels = values.astype(np.int64)
    wrong = values[(labels != values) | (labels < 0)]
    if wrong.size:
        raise ValueError(f"{where}: expected 0, 1 or 2 for how a joint is labelled, found {wrong[0]:g}")
    return labels


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{where}: expected a text, found {_describe(value)}")
    return value


def _box(value: Any, where: str) -> tuple[float, float, float, float] | None:
    """COCO's box x, y, width, height; an empty list or null stands for none."""
    if value is None or value == []:
        return None
    x, y, width, height = (float(v) for v in _numbers(value, 4, where))
    if width < 0 or height < 0:
        raise ValueError(f"{where}: width and height must not be negative, found {width:g} x {height:g}")
    return x, y, width, height


def _mpii_square(center: Any, scale: Any, where: str) -> tuple[float, float, float, float]:
    """MPII's square around a person, from its centre (pixels from 0) and scale."""
    x, y = _numbers(center, 2, f"{where}.center")
    factor = _positive(scale, f"{where}.scale")
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


def _read_coco(path: Path, content: Mapping[str, Any], names: _Names) -> Annotations:
    joints: dict[int, tuple[str, ...]] = {}
    for i, record in enumerate(_listing(content["categories"], f"{path}: categories")):
        where = f"{path}: categories[{i}]"
        if isinstance(record, dict) and "keypoints" in record:
            number = _integer(_entry(record, "id", where), f"{where}.id")
            joints[number] = names.spell(_listing(record["keypoints"], f"{where}.keypoints"), f"{where}.keypoints")
    if not joints:
        raise ValueError(f"{path}: categories: none has keypoints")
    pictures: dict[Any, AnnotatedPicture] = {}
    for i, record in enumerate(_listing(content["images"], f"{path}: images")):
        picture = _coco_picture(record, f"{path}: images[{i}]")
        if picture.id in pictures:
            raise ValueError(f"{path}: images[{i}]: the id {picture.id} is used twice")
        pictures[picture.id] = picture
    by_frame = {picture.frame: picture.id for picture in pictures.values()}
    persons: dict[Any, list[AnnotatedPerson]] = {number: [] for number in pictures}
    for i, record in enumerate(_listing(content["annotations"], f"{path}: annotations")):
        where = f"{path}: annotations[{i}]"
        image = _coco_image(record, by_frame, len(pictures), where)
        if image not in persons:
            raise ValueError(f"{where}: image_id {image!r} is not in images")
        category = _integer(_entry(record, "category_id", where), f"{where}.category_id")
        if category not in joints:
            continue  # a category without key points
        own = joints[category]
        table = _numbers(_entry(record, "keypoints", where), 3 * len(own), f"{where}.keypoints").reshape(-1, 3)
        labels = _labels(table[:, 2], f"{where}.keypoints")
        crowd = bool(record.get("iscrowd", 0))
        labelled = _integer(record.get("num_keypoints", int((labels > 0).sum())), f"{where}.num_keypoints")
        area = record.get("area")
        persons[image].append(
            _person(
                own,
                table[:, :2],
                labels,
                box_px=_box(record.get("bbox"), f"{where}.bbox"),
                area_px=None if area is None else _positive(area, f"{where}.area", zero=True),
                crowd=crowd,
                ignored=crowd or labelled == 0,
                number=_integer(_entry(record, "id", where), f"{where}.id"),
                category=category,
                track=_track(record, where),
            )
        )
        _check_track(persons[image], where)
    # pycocotools takes pictures by ascending id, which decides between predictions of equal score.
    ordered = tuple(replace(pictures[i], persons=tuple(persons[i])) for i in sorted(pictures))
    return Annotations(path, "coco", ordered, dict(sorted(joints.items())))


def _coco_picture(record: Any, where: str) -> AnnotatedPicture:
    """An entry of ``images``, without its persons."""
    number = _integer(_entry(record, "id", where), f"{where}.id")
    file = _text(_entry(record, "file_name", where), f"{where}.file_name")
    video = record.get("vid_id", record.get("video_id", ""))
    if isinstance(video, bool) or not isinstance(video, str | int):
        raise ValueError(f"{where}: expected a video's name or number, found {_describe(video)}")
    frame = record.get("frame_id", record.get("frame"))
    frame = None if frame is None else _integer(frame, f"{where}.frame_id")
    sides = [_listing(record.get(f"ignore_regions_{axis}") or [], f"{where}.ignore_regions_{axis}") for axis in "xy"]
    if len(sides[0]) != len(sides[1]):
        raise ValueError(f"{where}: {len(sides[0])} ignore_regions_x, but {len(sides[1])} ignore_regions_y")
    crowds = []
    for k, (x, y) in enumerate(zip(*sides, strict=True)):
        count = len(_listing(x, f"{where}.ignore_regions_x[{k}]"))
        columns = (
            _numbers(x, count, f"{where}.ignore_regions_x[{k}]"),
            _numbers(y, count, f"{where}.ignore_regions_y[{k}]"),
        )
        crowds.append(np.stack(columns, axis=1))
    return AnnotatedPicture(number, file, (), video, frame, bool(record.get("is_labeled", True)), tuple(crowds))


def _coco_image(record: Any, by_frame: Mapping[int | None, str | int], pictures: int, where: str) -> str | int:
    """The picture of an annotation, which has its id, or the number of a frame where there is one video."""
    if not isinstance(record, dict) or "image_id" in record or "frame" not in record:
        return _integer(_entry(record, "image_id", where), f"{where}.image_id")
    if len(by_frame) < pictures or None in by_frame:
        raise ValueError(
            f"{where}: 'image_id' is missing, and the file's images have no numbers of frames of their own"
        )
    frame = _integer(record["frame"], f"{where}.frame")
    if frame not in by_frame:
        raise ValueError(f"{where}: frame {frame} is not in images")
    return by_frame[frame]


def _track(record: Mapping[str, Any], where: str) -> int | None:
    """Who somebody is, where a record says so."""
    track = record.get("track_id")
    return None if track is None else _integer(track, f"{where}.track_id")


def _check_track(persons: Sequence[AnnotatedPerson | FoundPerson], where: str) -> None:
    """Nobody is on a frame twice; those before the last one have been checked."""
    track = persons[-1].track
    if track is not None and any(one.track == track for one in persons[:-1]):
        raise ValueError(f"{where}: a second person with track_id {track} on this frame")


def _read_mpii(path: Path, content: Sequence[Any]) -> Annotations:
    persons: dict[str, list[AnnotatedPerson]] = {}
    count = len(topology.MPII_16)
    for i, record in enumerate(content):
        where = f"{path}: [{i}]"
        image = _text(_entry(record, "image", where), f"{where}.image")
        rows = _listing(_entry(record, "joints", where), f"{where}.joints")
        if len(rows) != count:
            raise ValueError(f"{where}.joints: expected MPII's {count} joints, found {len(rows)}")
        points = np.stack([_numbers(row, 2, f"{where}.joints[{j}]") for j, row in enumerate(rows)])
        labels = _labels(
            _numbers(_entry(record, "joints_vis", where), count, f"{where}.joints_vis"), f"{where}.joints_vis"
        )
        centre = _numbers(_entry(record, "center", where), 2, f"{where}.center")
        square = _mpii_square((centre - 1).tolist(), _entry(record, "scale", where), where)
        own = persons.setdefault(image, [])
        own.append(
            _person(
                topology.MPII_16, points - 1, labels, square_px=square, ignored=not labels.any(), number=len(own) + 1
            )
        )
    pictures = tuple(AnnotatedPicture(image, image, tuple(own)) for image, own in persons.items())
    return Annotations(path, "mpii", pictures)


def _read_generic(path: Path, content: Mapping[str, Any], names: _Names) -> Annotations:
    pictures = []
    for image, record in content.items():
        where = f"{path}: images[{image!r}]"
        declared = record.get("names") if isinstance(record, dict) else None
        declared = None if declared is None else _listing(declared, f"{where}.names")
        persons = []
        for i, person in enumerate(_listing(_entry(record, "persons", where), f"{where}.persons")):
            persons.append(_generic_person(person, declared, f"{where}.persons[{i}]", i + 1, names))
        pictures.append(AnnotatedPicture(image, _text(record.get("file", image), f"{where}.file"), tuple(persons)))
    return Annotations(path, "generic", tuple(pictures))


def _generic_person(record: Any, declared: list[Any] | None, where: str, number: int, names: _Names) -> AnnotatedPerson:
    keypoints = _entry(record, "keypoints", where)
    if not isinstance(keypoints, dict):
        raise ValueError(f"{where}.keypoints: expected an object of joints by name, found {_describe(keypoints)}")
    listed = list(keypoints) if declared is None else declared
    undeclared = [name for name in keypoints if name not in listed]
    if undeclared:
        raise ValueError(f"{where}.keypoints: {', '.join(map(repr, undeclared))} not among the picture's names")
    own = names.spell(listed, f"{where}.keypoints" if declared is None else f"{where[: where.index('.persons')]}.names")
    table = np.zeros((len(own), 3))
    for name, values in keypoints.items():
        table[listed.index(name)] = _numbers(values, 3, f"{where}.keypoints[{name!r}]")
    world = record.get("world")
    world_m = None
    if world is not None:
        if not isinstance(world, dict):
            raise ValueError(f"{where}.world: expected an object of joints by name, found {_describe(world)}")
        world_m = np.full((len(own), 3), np.nan)
        for name, values in world.items():
            if name not in listed:
                raise ValueError(f"{where}.world: {name!r} not among the picture's names")
            world_m[listed.index(name)] = _numbers(values, 3, f"{where}.world[{name!r}]")
    square = None
    if "center" in record and "scale" in record:
        square = _mpii_square(record["center"], record["scale"], where)
    area, head = record.get("area"), _box(record.get("head_box_xywh"), f"{where}.head_box_xywh")
    labels = _labels(table[:, 2], f"{where}.keypoints")
    return _person(
        own,
        table[:, :2],
        labels,
        box_px=_box(record.get("box_xywh"), f"{where}.box_xywh"),
        square_px=square,
        area_px=None if area is None else _positive(area, f"{where}.area", zero=True),
        ignored=not labels.any(),
        number=number,
        head_px=None if head is None else MPII_HEAD_FACTOR * math.hypot(head[2], head[3]) or None,
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
        if isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys():
            return _read_as_annotations(source, content, annotations)
        return _read_list(source, content, annotations)


def _read_as_annotations(
    source: Path, content: Mapping[str, Any], annotations: Annotations
) -> dict[str | int, list[FoundPerson]]:
    """Read results in the form of annotations: joints that are not labelled were not found."""
    found: dict[str | int, list[FoundPerson]] = {picture.id: [] for picture in annotations.pictures}
    for picture in _read_coco(source, content, _Names(ignore_unknown=False)).pictures:
        if picture.id not in found:
            raise ValueError(f"{source}: image id {picture.id!r} is not a picture of {annotations.path}")
        found[picture.id] = [
            FoundPerson(one.names, one.points_px, 1.0, extent_area(one.points_px), one.category, track=one.track)
            for one in picture.persons
        ]
    return found


def _read_list(source: Path, content: Any, annotations: Annotations) -> dict[str | int, list[FoundPerson]]:
    """Read COCO's results list."""
    if not isinstance(content, list):
        raise ValueError(f"{source}: expected a list of results, found {_describe(content)}")
    found: dict[Any, list[FoundPerson]] = {p.id: [] for p in annotations.pictures}
    persons = {p.id: len(p.persons) for p in annotations.pictures}
    names = _Names(ignore_unknown=False)
    # pycocotools' loadRes: the first result decides whether areas come from boxes or from key points.
    boxed = bool(content) and isinstance(content[0], dict) and bool(content[0].get("bbox"))
    for i, record in enumerate(content):
        where = f"{source}: [{i}]"
        image = _entry(record, "image_id", where)
        if not isinstance(image, str | int) or image not in found:
            raise ValueError(f"{where}: image_id {image!r} is not a picture of {annotations.path}")
        category = _integer(_entry(record, "category_id", where), f"{where}.category_id")
        if category not in annotations.joints:
            raise ValueError(
                f"{where}: category_id {category!r} has no key points in {annotations.path}; "
                f"those that have are {', '.join(map(str, annotations.joints))}"
            )
        joints = annotations.joints[category]
        listed = _numbers(_entry(record, "keypoints", where), 3 * len(joints), f"{where}.keypoints").reshape(-1, 3)
        points = listed[:, :2]
        area = extent_area(points)
        if boxed:
            box = _box(_entry(record, "bbox", where), f"{where}.bbox")
            area = 0.0 if box is None else box[2] * box[3]
        if "points" in record:
            joints, points = _named(record["points"], 2, f"{where}.points", names)
        world_m = None
        if "world" in record:
            world_joints, world = _named(record["world"], 3, f"{where}.world", names)
            world_m = topology.convert(world, world_joints, joints)
        person = record.get("person")
        if person is not None and not 0 <= _integer(person, f"{where}.person") < persons[image]:
            raise ValueError(
                f"{where}.person: picture {image!r} has {persons[image]} annotated persons, found {person}"
            )
        score = _number(_entry(record, "score", where), f"{where}.score")
        track = _track(record, where)
        found[image].append(FoundPerson(joints, points, score, area, category, person, world_m, track))
        _check_track(found[image], where)
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
    names = _Names(ignore_unknown=False)
    for file in sorted(folder.rglob("*.json")):
        record = reading.json_file(file)
        if not isinstance(record, dict) or not {"source", "people"} <= record.keys():
            raise ValueError(f"{file}: expected what refpose image writes (source, people), found {_describe(record)}")
        for picture in by_name.get(_plain_name(_text(record["source"], f"{file}: source")), ()):
            if picture.id in found:
                raise ValueError(f"{file}: a second result for {picture.file}")
            people = _listing(record["people"], f"{file}: people")
            found[picture.id] = [_refpose_person(p, f"{file}: people[{i}]", names) for i, p in enumerate(people)]
    missing = [p.file for p in annotations.pictures if p.id not in found]
    if missing:
        raise ValueError(f"{folder}: no results for {len(missing)} pictures of {annotations.path}: {missing[0]} ...")
    return found


def _plain_name(file: str) -> str:
    """A picture's name without folder, and without the ending if it is a picture's."""
    name = Path(file)
    return name.stem if name.suffix.lower() in ENDINGS else name.name


def _refpose_person(record: Any, where: str, names: _Names) -> FoundPerson:
    rows = _listing(_entry(record, "keypoints", where), f"{where}.keypoints")
    joints = names.spell([_entry(r, "name", f"{where}.keypoints") for r in rows], f"{where}.keypoints")

    def columns(*axes: str) -> NDArray[np.float64]:
        """Numbers of every key point; null, for what a model does not find, is NaN."""
        found = np.full((len(rows), len(axes)), np.nan)
        for i, row in enumerate(rows):
            for k, axis in enumerate(axes):
                if (value := _entry(row, axis, where)) is not None:
                    found[i, k] = _number(value, f"{where}.keypoints[{i}].{axis}")
        return found

    points_px, world_m = columns("x_px", "y_px"), columns("xw_m", "yw_m", "zw_m")
    score = _number(_entry(record, "score", where), f"{where}.score")
    area = extent_area(topology.convert(points_px, joints, topology.COCO_17))
    return FoundPerson(joints, points_px, score, area, world_m=None if np.isnan(world_m).all() else world_m)


def _named(value: Any, width: int, where: str, names: _Names) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Joints and points (J, width) of an object of points by name."""
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected an object of joints by name, found {_describe(value)}")
    rows = [_numbers(row, width, f"{where}[{name!r}]") for name, row in value.items()]
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
