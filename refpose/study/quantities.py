"""The names of all intermediates: what they stand for, and how each becomes an array and is made of one.

The pipelines (`refpose.pipeline`, `refpose.efficientpose`) compute under these names; `refpose.study.explain` keeps
arrays under them, files hold arrays under them. Of several people, those after the first stand under
``people/<index>/<name>``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..decisions import Asked, Fate, Find, Source
from ..stages.landmarks import COUNT, USED, Landmarks
from ..stages.libm import f32
from ..stages.roi import Roi, Square

Array = NDArray[Any]

ACTIVATIONS = "activations/"  # activations/<network>/<layer>/output
PEOPLE = "people/"


def _same(values: Any) -> Any:
    return values


class Form(NamedTuple):
    """How a value of the pipeline becomes an array and is made of one."""

    pack: Callable[[Any], Array] = np.asarray
    unpack: Callable[[Array], Any] = _same


_ARRAY = Form()
_SCALAR = Form(np.asarray, lambda a: a[()])
_ROI = Form(lambda r: np.array((r.x, r.y, r.width, r.height, r.rotation), f32), lambda a: Roi(*(float(v) for v in a)))
_SQUARE = Form(
    lambda s: np.array((*s[:5], *s.letterbox), f32),
    lambda a: Square(a[0], a[1], a[2], a[3], float(a[4]), (a[5], a[6], a[7], a[8])),
)
_CORNERS = Form(lambda c: np.array(c, f32), lambda a: [(float(x), float(y)) for x, y in a])
_MATRIX = Form(lambda m: np.array(m).reshape(3, 3), lambda a: tuple(map(float, a.reshape(-1))))
_LANDMARKS = Form(
    lambda found: np.column_stack([found.position, found.visibility, found.presence]),
    lambda a: Landmarks(np.ascontiguousarray(a[:, :3]), a[:, 3], a[:, 4]),
)
_NUMBER = Form(lambda i: np.asarray(i, np.int64), int)
_PLACE = Form(lambda p: np.array(p, np.int64), lambda a: (int(a[0]), int(a[1])))


class Part(NamedTuple):
    """Columns of a quantity that are measured alike.

    Attributes
    ----------
    what : str
        The columns; empty for all.
    columns : slice
    scale : tuple of float or str
        ``values * scale`` is in `unit`, column by column, over and over; W and H stand for the size of the image.
    unit : str
    noise : float or None
        Differences up to here have no cause but other float32 arithmetic; None: the unit's (`differences.NOISE`).
    """

    what: str
    columns: slice
    scale: tuple[float | str, ...]
    unit: str
    noise: float | None = None


def _all(unit: str, scale: float = 1.0, noise: float | None = None) -> tuple[Part, ...]:
    return (Part("", slice(None), (scale,), unit, noise),)


class Quantity(NamedTuple):
    """What a name stands for.

    Attributes
    ----------
    shape : tuple of int or str
        Letters stand for sizes that differ: H and W of the image, S of the network's input, n of a list.
    unit : str
        Unit and, where there is one, range.
    meaning : str
        Columns, frame of reference, and the function that makes it.
    stage : str
        The step that makes it, in words.
    parts : tuple of Part
        How differences are measured.
    form : Form
    dtype : type
        Of the array.
    """

    shape: tuple[int | str, ...]
    unit: str
    meaning: str
    stage: str
    parts: tuple[Part, ...]
    form: Form = _ARRAY
    dtype: type[np.generic] = np.float32


_PROBABILITY = _all("probability")
_GREY = _all("grey levels")
_PX = _all("px")
_LOGITS = _all("logits")
_MM = _all("mm", 1000)
_DETECTION_SQ = (
    Part("score", slice(0, 1), (1,), "probability"),
    Part("places", slice(1, 13), (224,), "px"),
)
_DETECTION_N = (
    Part("score", slice(0, 1), (1,), "probability"),
    Part("places", slice(1, 13), ("W", "H"), "px"),
)
_REGION_PARTS = (
    Part("centre and size", slice(0, 4), ("W", "H"), "px"),
    Part("rotation", slice(4, 5), (180 / np.pi,), "degrees"),
)
_SURE = Part("visibility, presence", slice(3, 5), (1,), "probability")
_LANDMARKS_ROI = (Part("x, y", slice(0, 2), (256,), "px"), Part("z", slice(2, 3), (256,), "px"), _SURE)
_POINTS_N = (Part("x, y", slice(0, 2), ("W", "H"), "px"), Part("z", slice(2, 3), ("W",), "px"))

_ROI_COLUMNS = "centre x, y, width, height in fractions of image width and height; rotation in radians, clockwise"
_DETECTION_COLUMNS = "score; left, top, width, height; x, y of hips, body circle, shoulders, upper-body circle"
_LANDMARK_COLUMNS = "x, y, z, visibility, presence of 33 landmarks and 2 auxiliary ones"
_REGION = "fractions, radians"
_ON_IMAGE = "fractions of the image"
_ON_SQUARE = "fractions of the square"
_IN_CROP = "fractions of the crop, probability"

IMAGE: dict[str, Quantity] = {
    "image": Quantity(("H", "W", 3), "grey levels", "RGB picture, uint8", "picture", _GREY, dtype=np.uint8)
}

DETECTOR: dict[str, Quantity] = {
    "detector/input": Quantity(
        (224, 224, 3), "-1..1", "letterboxed picture, RGB (detector.letterbox)", "letterbox", _all("grey levels", 127.5)
    ),
    "detector/boxes": Quantity(
        (2254, 12),
        "px of the 224 input",
        "raw output: centre, size, four points of every anchor, from the anchor's centre",
        "detector network",
        _PX,
    ),
    "detector/scores": Quantity(
        (2254,), "logits", "raw output: is there a person at this anchor", "detector network", _LOGITS
    ),
    "detector/anchors_sq": Quantity(
        (2254, 2), _ON_SQUARE, "centres of the anchors (detector.anchors)", "anchors", _all("px", 224)
    ),
    "detector/candidates_sq": Quantity(
        ("n", 13),
        _ON_SQUARE,
        f"anchors above the threshold, in their order: {_DETECTION_COLUMNS} (detector.decode)",
        "detector decoding",
        _DETECTION_SQ,
    ),
    "detector/blend_sq": Quantity(
        (13,),
        _ON_SQUARE,
        "the best candidate, its places the score-weighted mean of those that overlap it (detector.weighted_nms)",
        "weighted NMS",
        _DETECTION_SQ,
    ),
    "detector/blend_n": Quantity(
        (13,),
        _ON_IMAGE,
        f"the same on the image: {_DETECTION_COLUMNS} (detector.remove_padding)",
        "letterbox removal",
        _DETECTION_N,
    ),
    "roi/tight_n": Quantity(
        (5,),
        _REGION,
        f"region around the body: {_ROI_COLUMNS} (roi.around_keypoints)",
        "region around the body",
        _REGION_PARTS,
        _ROI,
    ),
    "roi/crop_n": Quantity(
        (5,), _REGION, f"region that is cropped: {_ROI_COLUMNS} (roi.enlarged)", "region to crop", _REGION_PARTS, _ROI
    ),
}


def _decision(meaning: str, shape: tuple[int | str, ...] = ()) -> Quantity:
    return Quantity(shape, "none", meaning, "decisions", (), _NUMBER if not shape else _ARRAY, np.int64)


DECISIONS: dict[str, Quantity] = {
    "tracker/asked": _decision(f"several people: why the detector was asked: {Asked.legend()}"),
    "detector/fate": _decision(f"several people: what became of a find, by its place: {Find.legend()}"),
    "tracker/id": _decision("several people: Person.id of whoever is looked for; missing for finds"),
    "tracker/source": _decision(f"why a region is looked at: {Source.legend()}"),
    "tracker/fate": _decision(f"what became of what a region shows: {Fate.legend()}"),
    "tracker/twin": _decision("several people: the place of the region that shows the same person"),
    "tracker/hidden": _decision("several people: Person.id of those who are remembered and not in sight", ("n",)),
    "tracker/forgotten": _decision("several people: Person.id of those who were hidden for too long", ("n",)),
}
"""See `refpose.decisions`. A place counts from 0: what stands under ``people/<place>/``, the first without it."""

OF_FRAME = (
    *IMAGE,
    *("detector/input", "detector/boxes", "detector/scores", "detector/anchors_sq", "detector/candidates_sq"),
    *("tracker/asked", "tracker/hidden", "tracker/forgotten"),
)
"""The names of what belongs to no person."""

BLAZEPOSE: dict[str, Quantity] = {
    **IMAGE,
    **DETECTOR,
    **DECISIONS,
    "crop/square_px": Quantity(
        (9,),
        "px of the image, radians, fractions of the square",
        "padded square that is cropped: centre x, y, width, height, rotation; padding at the left, top, right, bottom "
        "(roi.square_of)",
        "padding to a square",
        (
            Part("centre and size", slice(0, 4), (1,), "px"),
            Part("rotation", slice(4, 5), (180 / np.pi,), "degrees"),
            Part("padding", slice(5, 9), (256,), "px"),
        ),
        _SQUARE,
    ),
    "crop/corners_px": Quantity(
        (4, 2),
        "px of the image",
        "bottom left, top left, top right, bottom right of the crop (roi.Square.corners_px)",
        "corners of the crop",
        _PX,
        _CORNERS,
    ),
    "crop/matrix": Quantity(
        (3, 3),
        "px of the image",
        "homogeneous, from pixels of the crop, float64 (warp.crop_matrix)",
        "map of the crop",
        _all("probability"),
        _MATRIX,
        np.float64,
    ),
    "crop/input": Quantity(
        (256, 256, 3), "0..1", "rotated crop, RGB (warp.warp_f32)", "crop", _all("grey levels", 255)
    ),
    "network/landmarks": Quantity(
        (39, 5),
        "px of the crop, logits",
        "raw output: x, y, z in pixels, visibility and presence logits",
        "landmark network",
        (
            Part("x, y, z", slice(0, 3), (1,), "px"),
            Part("visibility, presence", slice(3, 5), (1,), "logits"),
        ),
    ),
    "network/presence": Quantity(
        (), "probability", "raw output: does the crop show a person", "landmark network", _PROBABILITY
    ),
    "network/heatmap": Quantity(
        (64, 64, 39), "logits", "raw output: is the landmark in this cell (row, column)", "landmark network", _LOGITS
    ),
    "network/world": Quantity(
        (39, 3), "m", "raw output: x, y, z from the middle of the hips, axes of the crop", "landmark network", _MM
    ),
    "network/segmentation": Quantity(
        (256, 256),
        "logits",
        "raw output: does a pixel of the crop show the person",
        "landmark network",
        _all("logits", noise=2.0),
    ),
    "crop/cosine": Quantity(
        (), "none", "of the region's rotation (roi.turn)", "rotation of the region", _PROBABILITY, _SCALAR
    ),
    "crop/sine": Quantity(
        (), "none", "of the region's rotation (roi.turn)", "rotation of the region", _PROBABILITY, _SCALAR
    ),
    "landmarks/decoded_roi": Quantity(
        (USED, 5), _IN_CROP, f"{_LANDMARK_COLUMNS} (landmarks.decode)", "landmark decoding", _LANDMARKS_ROI, _LANDMARKS
    ),
    "landmarks/refined_roi": Quantity(
        (USED, 5),
        _IN_CROP,
        "the same, x and y moved by the heat map (landmarks.refine)",
        "refinement",
        _LANDMARKS_ROI,
        _LANDMARKS,
    ),
    "landmarks/projected_n": Quantity(
        (USED, 5),
        f"{_ON_IMAGE}, probability",
        "the same on the image; z in image widths (landmarks.projected)",
        "projection",
        (*_POINTS_N, _SURE),
        _LANDMARKS,
    ),
    "world/turned_m": Quantity(
        (COUNT, 3), "m", "world landmarks, axes of the image (landmarks.world)", "world landmarks", _MM
    ),
    "mask/probability_roi": Quantity(
        (256, 256), "probability", "mask of the crop (segmentation.probability)", "mask decoding", _PROBABILITY
    ),
    "mask/image": Quantity(
        ("H", "W"),
        "probability",
        "mask of the image, not smoothed (segmentation.on_image)",
        "mask on the image",
        _PROBABILITY,
    ),
    "result/landmarks_n": Quantity(
        (COUNT, 3), _ON_IMAGE, "Person.landmarks: filtered in a video (trackers)", "results", _POINTS_N
    ),
    "result/visibility": Quantity((COUNT,), "probability", "Person.visibility", "results", _PROBABILITY),
    "result/presence": Quantity((COUNT,), "probability", "Person.presence", "results", _PROBABILITY),
    "result/world_m": Quantity((COUNT, 3), "m", "Person.world_landmarks", "results", _MM),
    "result/auxiliary_n": Quantity((2, 3), _ON_IMAGE, "Person.auxiliary_landmarks", "results", _POINTS_N),
    "result/mask": Quantity(
        ("H", "W"), "probability", "Person.segmentation_mask: smoothed where that is asked for", "results", _PROBABILITY
    ),
    "result/next_roi_n": Quantity(
        (5,), _REGION, f"region for the next frame: {_ROI_COLUMNS}", "results", _REGION_PARTS, _ROI
    ),
    "result/id": Quantity((), "none", "Person.id, where several people are followed", "results", (), _NUMBER, np.int64),
    "filters/points/raw_px": Quantity(
        ("n", 3), "px of the image", "last input of the One-Euro filter of landmarks", "filters", _PX
    ),
    "filters/points/value_px": Quantity(("n", 3), "px of the image", "its last output", "filters", _PX),
    "filters/points/speed": Quantity(
        ("n", 3), "body sizes per second", "its low-passed speed", "filters", _PROBABILITY
    ),
    "filters/world/raw_m": Quantity(
        (COUNT, 3), "m", "last input of the One-Euro filter of world landmarks", "filters", _MM
    ),
    "filters/world/value_m": Quantity((COUNT, 3), "m", "its last output", "filters", _MM),
    "filters/world/speed": Quantity((COUNT, 3), "m per second", "its low-passed speed", "filters", _PROBABILITY),
    "filters/visibility": Quantity(
        (COUNT,), "probability", "last output of the low-pass filter of visibility", "filters", _PROBABILITY
    ),
}
"""BlazePose's. Layers of the networks come on top as ``activations/<network>/<layer>/output``."""

EFFICIENTPOSE: dict[str, Quantity] = {
    **IMAGE,
    **DETECTOR,
    "roi/upright_n": Quantity(
        (5,), _REGION, f"region that is cut out, upright: {_ROI_COLUMNS}", "upright region", _REGION_PARTS, _ROI
    ),
    "crop/picture": Quantity(
        ("h", "w", 3), "grey levels", "what is cut out, RGB, uint8 (heatmaps.square_crop)", "cut", _GREY, dtype=np.uint8
    ),
    "crop/origin_px": Quantity((2,), "px of the image", "x, y of its first pixel", "cut", _PX, _PLACE, np.int64),
    "crop/input": Quantity(
        ("S", "S", 3),
        "standard deviations",
        "reduced, letterboxed, normalised (heatmaps.network_input)",
        "input",
        _all("grey levels", 255 * 0.226),
    ),
    "network/heatmap": Quantity(
        ("S", "S", 16),
        "none",
        "raw output: is the key point at this pixel (row, column)",
        "network",
        _all("probability", noise=1e-3),
    ),
    "peaks/place_roi": Quantity(
        (16, 2),
        "fractions of the cut",
        "x, y of the heat maps' peaks (heatmaps.decode)",
        "peaks",
        _all("px", 224),
        dtype=np.float64,
    ),
    "peaks/value": Quantity(
        (16,), "none", "the heat maps' values there, smoothed but for a camera", "peaks", _PROBABILITY
    ),
    "result/landmarks_n": Quantity((16, 3), _ON_IMAGE, "Person.landmarks; z is NaN", "results", _POINTS_N),
    "result/visibility": Quantity((16,), "probability", "Person.visibility", "results", _PROBABILITY),
}
"""EfficientPose's."""


def of_person(name: str, index: int) -> str:
    """The name of a quantity for one of several people."""
    return name if index == 0 else f"{PEOPLE}{index}/{name}"


def without_person(name: str) -> tuple[int, str]:
    """The person that a name is of, and the name of the quantity; the reverse of `of_person`."""
    if not name.startswith(PEOPLE):
        return 0, name
    index, _, rest = name.removeprefix(PEOPLE).partition("/")
    return (int(index), rest) if index.isdecimal() else (0, name)


def quantity_of(name: str, quantities: Mapping[str, Quantity]) -> Quantity:
    """What a name stands for; activations of layers have no unit."""
    if name.startswith(ACTIVATIONS):
        network, _, layer = name.removeprefix(ACTIVATIONS).partition("/")
        meaning = f"layer {layer.removesuffix('/output')} of the network {network}"
        return Quantity((), "none", meaning, f"layer {layer.removesuffix('/output')}", ())
    if name.startswith(PEOPLE):
        _, index, rest = name.split("/", 2)
        known = quantities[rest]
        return known._replace(meaning=f"person {int(index)}: {known.meaning}")
    return quantities[name]
