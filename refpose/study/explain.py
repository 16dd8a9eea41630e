"""Every intermediate of the pipeline by name: what `refpose.Pose.explain` returns, and how it is computed and kept.

`QUANTITIES` documents the names. `STAGES` says which function of the pipeline makes which of them from which; it
computes nothing itself. `refpose.study.compare` runs the same table with one function exchanged for a mistaken one.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import __version__, engine, files, reading
from ..reading import hdf5
from ..stages import detector, landmarks, roi, segmentation
from ..stages.landmarks import COUNT, USED, Landmarks
from ..stages.libm import FloatArray, f32
from ..stages.roi import Roi
from ..stages.warp import ByteArray

if TYPE_CHECKING:
    from fractions import Fraction

    from ..pose import Pose
    from ..stages.table import Stages
    from ..trackers import Tracker

Array = NDArray[Any]
Values = Mapping[str, Array]

FORMAT = 1
ACTIVATIONS = "activations/"  # activations/<network>/<layer>/output


class Quantity(NamedTuple):
    """What a name stands for.

    Attributes
    ----------
    shape : tuple of int or str
        Letters stand for sizes that differ: H and W of the image, n of a list.
    unit : str
        Unit and, where there is one, range.
    meaning : str
        Columns, frame of reference, and the function that makes it.
    """

    shape: tuple[int | str, ...]
    unit: str
    meaning: str


_ROI_COLUMNS = "centre x, y, width, height in fractions of image width and height; rotation in radians, clockwise"
_DETECTION_COLUMNS = "score; left, top, width, height; x, y of hips, body circle, shoulders, upper-body circle"
_LANDMARK_COLUMNS = "x, y, z, visibility, presence of 33 landmarks and 2 auxiliary ones"

QUANTITIES: dict[str, Quantity] = {
    "image": Quantity(("H", "W", 3), "grey levels", "RGB picture, uint8"),
    "detector/input": Quantity((224, 224, 3), "-1..1", "letterboxed picture, RGB (detector.letterbox)"),
    "detector/boxes": Quantity(
        (2254, 12),
        "px of the 224 input",
        "raw output: centre, size, four points of every anchor, from the anchor's centre",
    ),
    "detector/scores": Quantity((2254,), "logits", "raw output: is there a person at this anchor"),
    "detector/anchors_sq": Quantity((2254, 2), "fractions of the square", "centres of the anchors (detector.anchors)"),
    "detector/candidates_sq": Quantity(
        ("n", 13),
        "fractions of the square",
        f"anchors above the threshold, in their order: {_DETECTION_COLUMNS} (detector.decode)",
    ),
    "detector/blend_sq": Quantity(
        (13,),
        "fractions of the square",
        "the best candidate, its places the score-weighted mean of those that overlap it (detector.blend)",
    ),
    "detector/blend_n": Quantity(
        (13,), "fractions of the image", f"the same on the image: {_DETECTION_COLUMNS} (detector.remove_padding)"
    ),
    "roi/tight_n": Quantity((5,), "fractions, radians", f"region around the body: {_ROI_COLUMNS} (roi.from_points)"),
    "roi/crop_n": Quantity((5,), "fractions, radians", f"region that is cropped: {_ROI_COLUMNS} (roi.enlarged)"),
    "crop/corners_px": Quantity(
        (4, 2), "px of the image", "bottom left, top left, top right, bottom right of the crop (roi.Square.corners_px)"
    ),
    "crop/matrix": Quantity(
        (3, 3), "px of the image", "homogeneous, from pixels of the crop, float64 (roi.Square.crop_matrix)"
    ),
    "crop/input": Quantity((256, 256, 3), "0..1", "rotated crop, RGB (warp.warp_f32)"),
    "network/landmarks": Quantity(
        (39, 5), "px of the crop, logits", "raw output: x, y, z in pixels, visibility and presence logits"
    ),
    "network/presence": Quantity((), "probability", "raw output: does the crop show a person"),
    "network/segmentation": Quantity((256, 256), "logits", "raw output: does a pixel of the crop show the person"),
    "network/heatmap": Quantity((64, 64, 39), "logits", "raw output: is the landmark in this cell (row, column)"),
    "network/world": Quantity((39, 3), "m", "raw output: x, y, z from the middle of the hips, axes of the crop"),
    "landmarks/decoded_roi": Quantity(
        (USED, 5), "fractions of the crop, probability", f"{_LANDMARK_COLUMNS} (landmarks.decode)"
    ),
    "landmarks/refined_roi": Quantity(
        (USED, 5), "fractions of the crop, probability", "the same, x and y moved by the heat map (landmarks.refine)"
    ),
    "landmarks/projected_n": Quantity(
        (USED, 5), "fractions of the image, probability", "the same on the image; z in image widths (roi.project)"
    ),
    "world/turned_m": Quantity((COUNT, 3), "m", "world landmarks, axes of the image (landmarks.world)"),
    "mask/probability_roi": Quantity((256, 256), "probability", "mask of the crop (segmentation.probability)"),
    "mask/image": Quantity(("H", "W"), "probability", "mask of the image, not smoothed (segmentation.on_image)"),
    "result/landmarks_n": Quantity(
        (COUNT, 3), "fractions of the image", "Person.landmarks: filtered in a video (tracker.follow)"
    ),
    "result/visibility": Quantity((COUNT,), "probability", "Person.visibility"),
    "result/presence": Quantity((COUNT,), "probability", "Person.presence"),
    "result/world_m": Quantity((COUNT, 3), "m", "Person.world_landmarks"),
    "result/mask": Quantity(("H", "W"), "probability", "Person.segmentation_mask: smoothed where that is asked for"),
    "result/next_roi_n": Quantity((5,), "fractions, radians", f"region for the next frame: {_ROI_COLUMNS}"),
    "filters/points/raw_px": Quantity(("n", 3), "px of the image", "last input of the One-Euro filter of landmarks"),
    "filters/points/value_px": Quantity(("n", 3), "px of the image", "its last output"),
    "filters/points/speed": Quantity(("n", 3), "body sizes per second", "its low-passed speed"),
    "filters/world/raw_m": Quantity((COUNT, 3), "m", "last input of the One-Euro filter of world landmarks"),
    "filters/world/value_m": Quantity((COUNT, 3), "m", "its last output"),
    "filters/world/speed": Quantity((COUNT, 3), "m per second", "its low-passed speed"),
    "filters/visibility": Quantity((COUNT,), "probability", "last output of the low-pass filter of visibility"),
}
"""Name -> what it is. Layers of the networks come on top as ``activations/<network>/<layer>/output``."""


class Nobody(Exception):
    """A stage found that the image shows no person, so that the stages after it have nothing to work on."""


@dataclass(frozen=True)
class Machine:
    """What the stages need besides their inputs.

    Attributes
    ----------
    detector, landmark : refpose.Network
    stages : refpose.stages.table.Stages
    min_detection_confidence, min_tracking_confidence : float
    window : int
        Side of the refinement window in cells.
    """

    detector: engine.Network
    landmark: engine.Network
    stages: Stages
    min_detection_confidence: float = 0.5
    min_tracking_confidence: float = 0.5
    window: int = landmarks.WINDOW

    @classmethod
    def load(cls, model: str = "full", engine_name: str = "auto", threads: int = 1, **settings: Any) -> Machine:
        """Load the networks of a model on an engine."""
        return cls(
            engine.load_network("detector", engine_name, threads),
            engine.load_network(model, engine_name, threads),
            engine.stages(engine.resolve(engine_name)),
            **settings,
        )


Run = Callable[..., "tuple[Array, ...]"]


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline.

    Attributes
    ----------
    name : str
    needs, makes : tuple of str
        Names of `QUANTITIES`.
    run : function
        Takes a `Machine` and an array for each of `needs`, returns an array for each of `makes`.
    """

    name: str
    needs: tuple[str, ...]
    makes: tuple[str, ...]
    run: Run


def _size(image: Array) -> tuple[int, int]:
    return image.shape[1], image.shape[0]


def as_array(region: Roi) -> FloatArray:
    """A region as x, y, width, height, rotation: float32, shape (5,)."""
    return np.array((region.x, region.y, region.width, region.height, region.rotation), f32)


def _square(crop_n: Array, image: Array) -> roi.Square:
    return roi.square_of(Roi(*crop_n), *_size(image))


def turn(m: Machine, crop_n: Array) -> tuple[Any, Any]:
    """Cosine and sine of a region's rotation."""
    return f32(m.stages.cosf(crop_n[4])), f32(m.stages.sinf(crop_n[4]))


def _letterbox(m: Machine, image: Array) -> tuple[Array, ...]:
    return (detector.letterbox(image, m.stages.warp_f32),)


def _detect(m: Machine, x: Array) -> tuple[Array, ...]:
    out = m.detector(x)
    return out["boxes"], out["scores"]


def _anchors(m: Machine) -> tuple[Array, ...]:
    return (detector.anchors(),)


def _decode_boxes(m: Machine, boxes: Array, scores: Array) -> tuple[Array, ...]:
    return (detector.decode(boxes, scores, m.min_detection_confidence, m.stages.expf),)


def _blend(m: Machine, candidates: Array) -> tuple[Array, ...]:
    if not len(candidates):
        raise Nobody(f"no candidate of the detector reaches the score {m.min_detection_confidence:g}")
    return tuple(islice(detector.blend(candidates), 1))


def _remove_padding(m: Machine, blend_sq: Array, image: Array) -> tuple[Array, ...]:
    return (detector.remove_padding(blend_sq, *_size(image)),)


def _from_points(m: Machine, blend_n: Array, image: Array) -> tuple[Array, ...]:
    return (as_array(roi.from_points(blend_n[5:7], blend_n[7:9], *_size(image), m.stages.atan2f)),)


def _enlarge(m: Machine, tight_n: Array, image: Array) -> tuple[Array, ...]:
    return (as_array(roi.enlarged(Roi(*tight_n), *_size(image))),)


def _place_crop(m: Machine, crop_n: Array, image: Array) -> tuple[Array, ...]:
    if not crop_n[2:4].all():
        raise Nobody("the region has no area")
    square = _square(crop_n, image)
    matrix = np.array(square.crop_matrix(landmarks.INPUT_SIZE, m.stages.crop_matrix)).reshape(3, 3)
    return np.array(square.corners_px(), f32), matrix


def _crop(m: Machine, image: Array, matrix: Array) -> tuple[Array, ...]:
    place = tuple(map(float, matrix.reshape(-1)))
    size, scale, offset = landmarks.INPUT_SIZE, landmarks.INPUT_SCALE, landmarks.INPUT_OFFSET
    return (m.stages.warp_f32(image, place, size, "replicate", scale, offset),)


_NETWORK_OUTPUTS = ("landmarks", "presence", "segmentation", "heatmap", "world")


def _estimate(m: Machine, x: Array) -> tuple[Array, ...]:
    out = m.landmark(x)
    return tuple(out[name] for name in _NETWORK_OUTPUTS)


def _with_position(rows: Array, position: FloatArray) -> FloatArray:
    return np.concatenate([position, rows[:, 3:]], axis=1)


def _decode(m: Machine, rows: Array, presence: Array) -> tuple[Array, ...]:
    if not float(presence) > m.min_tracking_confidence:
        raise Nobody(f"presence {float(presence):.3g} is not above {m.min_tracking_confidence:g}")
    position, visibility, there = landmarks.decode(rows[:USED], m.stages.expf)
    return (np.column_stack([position, visibility, there]),)


def _refine(m: Machine, decoded: Array, heatmap: Array) -> tuple[Array, ...]:
    return (_with_position(decoded, m.stages.refine(decoded[:, :3], heatmap, m.window)),)


def _project(m: Machine, refined: Array, crop_n: Array, image: Array) -> tuple[Array, ...]:
    position = roi.remove_letterbox(refined[:, :3], _square(crop_n, image).letterbox)
    return (_with_position(refined, roi.project(position, Roi(*crop_n), *turn(m, crop_n))),)


def _turn_world(m: Machine, rows: Array, crop_n: Array) -> tuple[Array, ...]:
    return (landmarks.world(rows[:COUNT], *turn(m, crop_n)),)


def _mask_roi(m: Machine, logits: Array) -> tuple[Array, ...]:
    return (segmentation.probability(logits, m.stages.expf),)


def _mask_image(m: Machine, probability: Array, crop_n: Array, image: Array) -> tuple[Array, ...]:
    matrix = segmentation.image_to_mask(_square(crop_n, image), *_size(image), *turn(m, crop_n), len(probability))
    return (m.stages.warp_mask(probability, matrix, *_size(image)),)


def _to_pixels_and_back(m: Machine, projected: Array, turned: Array, mask: Array, image: Array) -> tuple[Array, ...]:
    size = np.array((image.shape[1], image.shape[0], image.shape[1]), f32)
    rows = projected[:COUNT]
    return rows[:, :3] * size / size, rows[:, 3], rows[:, 4], turned, mask


RESULTS = ("result/landmarks_n", "result/visibility", "result/presence", "result/world_m", "result/mask")

STAGES: tuple[Stage, ...] = (
    Stage("letterbox", ("image",), ("detector/input",), _letterbox),
    Stage("detector network", ("detector/input",), ("detector/boxes", "detector/scores"), _detect),
    Stage("anchors", (), ("detector/anchors_sq",), _anchors),
    Stage("detector decoding", ("detector/boxes", "detector/scores"), ("detector/candidates_sq",), _decode_boxes),
    Stage("blend", ("detector/candidates_sq",), ("detector/blend_sq",), _blend),
    Stage("letterbox removal", ("detector/blend_sq", "image"), ("detector/blend_n",), _remove_padding),
    Stage("region around the body", ("detector/blend_n", "image"), ("roi/tight_n",), _from_points),
    Stage("region to crop", ("roi/tight_n", "image"), ("roi/crop_n",), _enlarge),
    Stage("crop geometry", ("roi/crop_n", "image"), ("crop/corners_px", "crop/matrix"), _place_crop),
    Stage("crop", ("image", "crop/matrix"), ("crop/input",), _crop),
    Stage("landmark network", ("crop/input",), tuple(f"network/{name}" for name in _NETWORK_OUTPUTS), _estimate),
    Stage("landmark decoding", ("network/landmarks", "network/presence"), ("landmarks/decoded_roi",), _decode),
    Stage("refinement", ("landmarks/decoded_roi", "network/heatmap"), ("landmarks/refined_roi",), _refine),
    Stage("projection", ("landmarks/refined_roi", "roi/crop_n", "image"), ("landmarks/projected_n",), _project),
    Stage("world landmarks", ("network/world", "roi/crop_n"), ("world/turned_m",), _turn_world),
    Stage("mask decoding", ("network/segmentation",), ("mask/probability_roi",), _mask_roi),
    Stage("mask on the image", ("mask/probability_roi", "roi/crop_n", "image"), ("mask/image",), _mask_image),
    Stage("results", ("landmarks/projected_n", "world/turned_m", "mask/image", "image"), RESULTS, _to_pixels_and_back),
)
"""The pipeline of a single image in order; a video differs in the last stage only."""


def compute(
    machine: Machine,
    given: Values,
    stages: Iterable[Stage] = STAGES,
    times: dict[str, float] | None = None,
) -> Iterator[tuple[str, Array]]:
    """Run the stages and yield what they make, name by name, in order.

    Parameters
    ----------
    machine : Machine
    given : mapping of str to ndarray
        What is known beforehand: the image, and whatever shall stand in the place of a stage's result. A stage is left
        out when all it makes is given.
    stages : iterable of Stage
        In order.
    times : dict, optional
        Is given the seconds that each stage took.

    Yields
    ------
    name, array
        What was not given.

    Raises
    ------
    Nobody
        When there is nobody to look at from here on.
    """
    known = dict(given)
    for stage in stages:
        if all(name in known for name in stage.makes):
            continue
        start = perf_counter()
        arrays = stage.run(machine, *(known[name] for name in stage.needs))
        if times is not None:
            times[stage.name] = perf_counter() - start
        for name, array in zip(stage.makes, arrays, strict=True):
            if name not in known:
                known[name] = np.asarray(array)
                yield name, known[name]


class Explanation(Mapping[str, Array]):
    """Every intermediate of one image or frame: a mapping from the names of `QUANTITIES` to arrays.

    What a stage did not come to make is missing: after a frame without a person everything from the stage on that
    `stopped` tells about, in a tracked frame the detector's part. Pickles; two are equal when all their arrays
    are, bit for bit, and their settings.

    Parameters
    ----------
    arrays : mapping of str to ndarray
    settings : dict
        How it came about: version, model, engine and options of the `refpose.Pose`, hashes of the weights.
    times : dict of str to float
        Seconds per stage.
    stopped : str
        Why there is no person; empty where there is one.
    """

    def __init__(
        self, arrays: Values, settings: Mapping[str, Any], times: Mapping[str, float], stopped: str = ""
    ) -> None:
        self.arrays = dict(arrays)
        self.settings = dict(settings)
        self.times = dict(times)
        self.stopped = stopped
        for array in self.arrays.values():
            array.setflags(write=False)

    def __getitem__(self, name: str) -> Array:
        try:
            return self.arrays[name]
        except KeyError:
            raise KeyError(self._why_missing(name)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Explanation):
            return NotImplemented
        mine, theirs = (
            (e.settings, e.times, e.stopped, {name: identity(array) for name, array in e.arrays.items()})
            for e in (self, other)
        )
        return mine == theirs

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        state = f"nobody: {self.stopped}" if self.stopped else "one person"
        return f"Explanation({state}, {len(self)} arrays)"

    @property
    def image_size(self) -> tuple[int, int]:
        """Width and height of the image in pixels."""
        return _size(self["image"])

    def table(self) -> str:
        """The names with shapes, units and meanings, a line each."""
        rows = []
        for name, array in self.arrays.items():
            shape = "x".join(map(str, array.shape)) or "scalar"
            quantity = quantity_of(name)
            rows.append((name, shape, f"{quantity.meaning} [{quantity.unit}]"))
        widths = [max((len(row[i]) for row in rows), default=0) for i in (0, 1)]
        return "\n".join(f"{name:{widths[0]}}  {shape:{widths[1]}}  {text}" for name, shape, text in rows)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to an HDF5 file; it appears whole or not at all.

        Every array is a dataset of its name with the attributes ``unit`` and ``meaning``.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        import h5py

        about = {
            "settings": self.settings,
            "times": self.times,
            "stopped": self.stopped,
            "order": list(self.arrays),
        }
        buffer = io.BytesIO()  # HDF5 does not survive a full disk
        with h5py.File(buffer, "w", userblock_size=hdf5.USER_BLOCK) as h5:
            h5.attrs["format"] = FORMAT
            h5.attrs["explanation"] = json.dumps(about)
            for name, array in self.arrays.items():
                packing = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if array.size > 1024 else {}
                dataset = h5.create_dataset(name, data=array, **packing)
                quantity = quantity_of(name)
                dataset.attrs["unit"] = quantity.unit
                dataset.attrs["meaning"] = quantity.meaning
        files.write_bytes(path, hdf5.sealed(buffer.getvalue()))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Explanation:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
            No such file.
        ValueError
            The file is not one that `save` wrote, was damaged, or is larger than `refpose.reading.limit`.
        """
        file = Path(path)
        if not file.is_file():
            raise FileNotFoundError(f"no file {file}")
        found = hdf5.read(reading.content(file), file, attributes=("format", "explanation"))
        attributes = found.attributes[""]
        if attributes.get("format") != FORMAT or not isinstance(attributes.get("explanation"), str):
            raise ValueError(f"{file}: expected an explanation in format {FORMAT}, as Explanation.save writes")
        with reading.errors(file, "an explanation"):
            about = reading.json_value(attributes["explanation"].encode(), file)
            arrays = {name: found.arrays[name] for name in about["order"]}
            return cls(arrays, dict(about["settings"]), dict(about["times"]), str(about["stopped"]))

    def _why_missing(self, name: str) -> str:
        if name in QUANTITIES:
            if self.stopped:
                return f"{name} was not computed: {self.stopped}"
            return f"{name} was not computed: the region came from the tracker or from you, or there are no filters"
        if name.startswith(ACTIVATIONS):
            return f"{name}: no such layer, or activations were not asked for"
        return f"no quantity {name!r}; known are {', '.join(QUANTITIES)} and {ACTIVATIONS}<network>/<layer>/output"


def identity(array: Array) -> tuple[str, tuple[int, ...], bytes]:
    """Type, shape and bytes of an array: equal for arrays that are the same bit for bit, NaN included."""
    return array.dtype.str, array.shape, array.tobytes()


def quantity_of(name: str) -> Quantity:
    """What a name stands for; activations of layers have no unit."""
    if name.startswith(ACTIVATIONS):
        network, _, layer = name.removeprefix(ACTIVATIONS).partition("/")
        return Quantity((), "none", f"layer {layer.removesuffix('/output')} of the network {network}")
    return QUANTITIES[name]


def explain(
    pose: Pose,
    image: ByteArray,
    timestamp: float | Fraction | None = None,
    region: Roi | None = None,
    activations: bool = False,
) -> Explanation:
    """See `refpose.Pose.explain`."""
    machine = Machine(
        pose._detector,
        pose._network,
        pose._stages,
        pose.min_detection_confidence,
        pose.min_tracking_confidence,
        pose.refinement_window,
    )
    tracker = pose.tracker
    time_us = 0 if tracker is None else tracker.next_time(timestamp)
    if region is None and tracker is not None:
        region = tracker.roi
    arrays: dict[str, Array] = {"image": image.copy()}
    stages = STAGES
    if region is not None:
        arrays["roi/crop_n"] = as_array(region)
        stages = STAGES[[stage.makes for stage in STAGES].index(("roi/crop_n",)) + 1 :]
    if tracker is not None:
        stages = (*stages[:-1], Stage("filters", STAGES[-1].needs, RESULTS, partial(_follow, pose, tracker, time_us)))
    times: dict[str, float] = {}
    stopped = ""
    try:
        for name, array in compute(machine, arrays, stages, times):
            arrays[name] = array
    except Nobody as reason:
        stopped = str(reason)
        if tracker is not None:
            tracker.lose(time_us)
    if tracker is not None:
        arrays.update(_states(tracker))
    if activations:
        arrays.update(_activations(machine, arrays))
    return Explanation(arrays, _settings(pose), times, stopped)


def _follow(
    pose: Pose, tracker: Tracker, time_us: int, m: Machine, projected: Array, turned: Array, mask: Array, image: Array
) -> tuple[Array, ...]:
    raw = Landmarks(projected[:, :3], projected[:, 3], projected[:, 4])
    if pose.segmentation:
        tracker.check_mask((image.shape[0], image.shape[1]))
        mask = tracker.follow_mask(mask)
    smooth, world = tracker.follow(raw, turned, *_size(image), time_us, m.stages.atan2f)
    return smooth.position[:COUNT], smooth.visibility[:COUNT], smooth.presence[:COUNT], world, mask


def _states(tracker: Tracker) -> dict[str, Array]:
    """States of the filters after a frame, and the region for the next."""
    states: dict[str, Array] = {}
    for name, one_euro, unit in (("points", tracker.points, "px"), ("world", tracker.world, "m")):
        if one_euro.time_us is not None:
            states[f"filters/{name}/raw_{unit}"] = one_euro.raw.copy()
            states[f"filters/{name}/value_{unit}"] = one_euro.value.copy()
            states[f"filters/{name}/speed"] = one_euro.speed.copy()
    if tracker.visibility.value is not None:
        states["filters/visibility"] = tracker.visibility.value.copy()
    if tracker.roi is not None:
        states["result/next_roi_n"] = as_array(tracker.roi)
    return states


def _activations(machine: Machine, arrays: Values) -> dict[str, Array]:
    """Every layer of the networks that ran."""
    return {
        f"{ACTIVATIONS}{network.name}/{layer}/output": activation.copy()
        for network, name in ((machine.detector, "detector/input"), (machine.landmark, "crop/input"))
        if name in arrays
        for layer, activation in network.trace(arrays[name])
    }


def _settings(pose: Pose) -> dict[str, Any]:
    networks = (pose._detector, pose._network)
    return {
        "refpose": __version__,
        "model": pose.model,
        "mode": pose.mode,
        "engine": pose.engine,
        "min_detection_confidence": pose.min_detection_confidence,
        "min_tracking_confidence": pose.min_tracking_confidence,
        "refinement_window": pose.refinement_window,
        "weights_sha256": {network.name: str(network.weights.attributes["content_sha256"]) for network in networks},
    }
