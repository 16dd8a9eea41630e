"""BlazePose on a frame, step by step: every intermediate by its documented name, in the order in which data passes.

`Pose.process`, `Pose.explain`, `refpose compare` and `refpose verify` all run this code; they differ in who makes the
calls (`refpose.runner.Run`). `refpose.study.quantities` says what the names stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice, pairwise
from typing import Any

import numpy as np

from .decisions import Fate, Source
from .engine import Network
from .engine.network import run_unfinished
from .engine.workers import Workers
from .runner import DIRECT, NoPerson, Run
from .stages import detector, landmarks, roi, segmentation
from .stages.libm import FloatArray, f32
from .stages.roi import Roi
from .stages.table import Stages
from .stages.warp import ByteArray
from .trackers import Estimate, Region, Result, Tracker

OUTPUTS = ("landmarks", "presence", "heatmap", "world", "segmentation")  # of the landmark network; the mask is extra

MASKS_SIZE = 2**32
"""Bytes that the masks of all people on a frame may take, four a pixel and person; one person's always may."""


@dataclass(frozen=True, eq=False, repr=False)
class Variant:
    """What tells MediaPipe's variants of the pipeline apart.

    Attributes
    ----------
    min_overlap : float
        Intersection over union above which two boxes of the detector show one person.
    window : int
        Side of the window for refining landmarks with their heat maps, in cells.
    padded : bool
        Whether a region whose sides differ in the last bits is made square before it is cropped ("PadRoi").
    mirrored : bool
        How the corners of a region are computed, see `refpose.stages.roi.Square.corners_px`.
    fused : bool
        Whether the detector's input is rounded once, see `refpose.stages.warp.scale_u8`.
    rounded : bool
        Whether expf, sinf, cosf and atan2f are the correctly rounded ones instead of glibc's.
    strict : bool
        Whether a region without area is an error, instead of showing nobody.
    """

    min_overlap: float = detector.MIN_OVERLAP
    window: int = landmarks.WINDOW
    padded: bool = True
    mirrored: bool = True
    fused: bool = True
    rounded: bool = False
    strict: bool = False


SOLUTIONS = Variant()
"""``mediapipe.solutions.pose``."""
TASKS_0 = Variant(min_overlap=detector.TASKS_MIN_OVERLAP, window=landmarks.GRAPH_WINDOW, padded=False)
"""``PoseLandmarker`` of MediaPipe 0.10.21 (``pose_detector_graph.cc``, ``pose_landmarks_detector_graph.cc``)."""
TASKS_1 = replace(TASKS_0, mirrored=False, fused=False, rounded=True, strict=True)
"""``PoseLandmarker`` of MediaPipe 1.0.0 to 1.2.3: the same graphs on OpenCV 5, LiteRT and other float functions."""


@dataclass(frozen=True, eq=False, repr=False)
class Detector:
    """What finding people takes.

    Attributes
    ----------
    network : Network
    stages : Stages
        The engine's functions.
    min_confidence : float
        Least score that counts.
    variant : Variant
    model : DetectorModel
        What must be known of the network.
    """

    network: Network
    stages: Stages
    min_confidence: float = 0.5
    variant: Variant = SOLUTIONS
    model: detector.DetectorModel = detector.BLAZEPOSE


@dataclass(frozen=True, eq=False, repr=False)
class Landmarker:
    """What finding the landmarks of a region takes.

    Attributes
    ----------
    network : Network
    stages : Stages
        The engine's functions.
    min_presence : float
        Least presence that counts (exclusive).
    segmentation : bool
        Whether the mask is wanted.
    variant : Variant
    model : LandmarkModel
        What must be known of the network.
    """

    network: Network
    stages: Stages
    min_presence: float = 0.5
    segmentation: bool = False
    variant: Variant = SOLUTIONS
    model: landmarks.LandmarkModel = landmarks.BLAZEPOSE

    @cached_property
    def workers(self) -> Workers:
        """Who shares out several people: the network's threads, which the native engine alone has."""
        return Workers(self.network.threads if self.network.engine == "native" else 1)

    @cached_property
    def warp_mask(self) -> Callable[..., FloatArray]:
        """The engine's function; the rows of a mask are shared out among the threads."""
        workers, warp_mask = self.workers, self.stages.warp_mask  # not `self`: that would keep it alive
        threads = workers.threads
        if threads == 1:
            return warp_mask

        def in_bands(mask: FloatArray, matrix: tuple[float, ...], width: int, height: int) -> FloatArray:
            out = np.empty((height, width), f32)
            ends = [height * i // threads for i in range(threads + 1)]
            bands = [(first, out[first:end]) for first, end in pairwise(ends) if first < end]
            workers.map(lambda band: warp_mask(mask, matrix, width, height, *band), bands)
            return out

        return in_bands

    @cached_property
    def one_thread(self) -> Landmarker:
        """The same for one of several people."""
        return replace(self, network=self.network.one_thread)


def blazepose(
    d: Detector,
    m: Landmarker,
    tracker: Tracker,
    run: Run,
    image: ByteArray,
    time_us: int = 0,
    given: Sequence[Roi] = (),
    rotation_degrees: int = 0,
) -> list[tuple[Estimate, Result]]:
    """People on a frame.

    Parameters
    ----------
    d : Detector
    m : Landmarker
    tracker : Tracker
        Is told what was found.
    run : Run
        Makes the calls.
    image : ndarray of uint8, shape (H, W, 3)
        RGB, C-contiguous.
    time_us : int
        Time of the frame in microseconds.
    given : sequence of Roi
        Where people are: neither detector nor tracker are asked.
    rotation_degrees : int
        How far the image is turned clockwise before the detector sees it, as for `refpose.stages.roi.whole_image`.

    Returns
    -------
    list of (Estimate, Result)
        What the landmark network says, and what the tracker makes of it.

    Raises
    ------
    MemoryError
        Masks of several people would take more than `MASKS_SIZE`. The tracker stays as it was.
    """
    height, width = image.shape[:2]
    image = run.given("image", image)
    try:
        if given:
            regions: Sequence[Region] = [Region(run.person(i).given("roi/crop_n", one)) for i, one in enumerate(given)]
        else:
            regions = tracker.regions(run, partial(find, d, run, image, rotation_degrees=rotation_degrees))
    except NoPerson as reason:
        run.nobody(reason)
        regions = ()
    if m.segmentation or run.everything:
        check_masks(len(regions), width, height)
    for i, region in enumerate(regions):
        found = Source.TRACKED if region.detection_n is None else Source.DETECTED
        found = Source.EXPECTED if region.expected else found
        run.person(i).decided("tracker/source", Source.GIVEN if given else found)
    estimates = []
    for i, one in enumerate(estimates_of(m, run, image, regions)):
        if isinstance(one, Estimate):
            estimates.append(one)
        else:
            run.person(i).decided("tracker/fate", Fate.LOST)
            run.person(i).nobody(one)
    if not estimates:
        tracker.lose(time_us)
        return []
    return tracker.follow(run, estimates, width, height, time_us, m.stages)


def find(d: Detector, run: Run, image: ByteArray, limit: int | None = 1, rotation_degrees: int = 0) -> list[Region]:
    """The detector: picture -> regions to look at, the surest first, at most `limit`."""
    height, width = image.shape[:2]
    turned = (rotation_degrees, d.variant.mirrored)
    x = run("detector/input", detector.letterbox, image, d.model, d.stages.warp_f32, *turned)
    boxes, scores = run(("detector/boxes", "detector/scores"), outputs_of, d.network, x, ("boxes", "scores"))
    run("detector/anchors_sq", detector.anchors, d.model)
    threshold, expf = d.min_confidence, d.stages.expf
    candidates = run("detector/candidates_sq", detector.decode, boxes, scores, threshold, d.model, expf)
    regions = []
    for i, blend in enumerate(run.each("detector/blend_sq", surest, candidates, d, limit)):
        call = run.person(i)
        detection = call("detector/blend_n", detector.remove_padding, blend, width, height, rotation_degrees)
        tight = call("roi/tight_n", roi.around_keypoints, detection, width, height, d.stages.atan2f)
        crop = call("roi/crop_n", roi.enlarged, tight, width, height)
        regions.append(Region(crop, detection, candidates))
    return regions


def detections(d: Detector, image: ByteArray) -> list[detector.Detection]:
    """All people that the detector finds, the surest first."""
    try:
        regions = find(d, DIRECT, image, None)
    except NoPerson:
        return []
    # The mean weighted by scores that are all 0 is no place.
    return [found for region in regions if (found := detection_of(region)) is not None and found.score > 0]


def detection_of(region: Region) -> detector.Detection | None:
    """What the detector found, as users see it; None where the region was tracked or given."""
    if region.detection_n is None or region.candidates_sq is None:
        return None
    return detector.detection(region.detection_n, region.candidates_sq)


def check_masks(people: int, width: int, height: int) -> None:
    """Raise MemoryError before masks of several people that would take too much."""
    size = 4 * people * width * height
    if people > 1 and size > MASKS_SIZE:
        raise MemoryError(
            f"masks of {people} people on {width} x {height} pixels take {size / 1e9:.1f} GB, more than the "
            f"{MASKS_SIZE / 1e9:.1f} GB that are allowed: look for fewer people, or do without masks"
        )


def estimates_of(m: Landmarker, run: Run, image: ByteArray, regions: Sequence[Region]) -> list[Estimate | NoPerson]:
    """`estimate` of every region, or why it shows nobody.

    People are shared out among the threads, each having a network for itself. All threads work on one network for those
    who are left over, where these are too few for that; and for whoever wants everything, in order.
    """
    threads = 1 if run.everything else m.workers.threads

    def look(m: Landmarker, number: int) -> Estimate | NoPerson:
        try:
            return estimate(m, run.person(number), image, regions[number])
        except NoPerson as reason:
            return reason.with_traceback(None)  # which would keep the picture, and all that was made of it

    rest = len(regions) % threads
    shared = len(regions) - rest if 2 * rest <= threads else len(regions)
    if shared < 2:
        shared = 0
    found = m.workers.map(partial(look, m.one_thread), range(shared))
    return found + [look(m, number) for number in range(shared, len(regions))]


def estimate(m: Landmarker, run: Run, image: ByteArray, region: Region) -> Estimate:
    """The landmark network: a region of the picture -> landmarks, world landmarks, mask; not yet filtered."""
    height, width = image.shape[:2]
    side, stages = m.model.input_size, m.stages
    square = run("crop/square_px", square_of, region.roi, width, height, m.variant)
    corners = run("crop/corners_px", roi.Square.corners_px, square, m.variant.mirrored)
    matrix = run("crop/matrix", stages.crop_matrix, corners, side)
    x = run("crop/input", stages.warp_f32, image, matrix, side, "replicate", m.model.scale, m.model.offset)
    wanted = OUTPUTS if m.segmentation or run.everything else tuple(n for n in OUTPUTS if n != "segmentation")
    names = tuple(f"network/{name}" for name in wanted)
    call = outputs_of if run.everything else needed_of
    out = dict(zip(wanted, run(names, call, m.network, x, wanted), strict=True))
    run((), require_presence, out["presence"], m.min_presence)
    cos, sin = run(("crop/cosine", "crop/sine"), roi.turn, region.roi, stages.cosf, stages.sinf)
    parts = partial(landmarks.on_image, expf=stages.expf, refine=stages.refine)
    place = (m.variant.window, square, region.roi, cos, sin)
    found = run.fused("landmarks/projected_n", stages.landmarks, parts, out["landmarks"], out["heatmap"], *place)
    world = run("world/turned_m", landmarks.world, out["world"], cos, sin, m.model.landmark_count)
    mask = None
    if "segmentation" in out:
        probability = run("mask/probability_roi", stages.probability, out["segmentation"])
        at = (square, width, height, cos, sin)
        mask = run("mask/image", segmentation.on_image, probability, *at, m.warp_mask)
    return Estimate(region, out["presence"], found, world, mask)


# Where a stage may find that there is nobody --------------------------------------------------------------------------


def surest(candidates: FloatArray, d: Detector, limit: int | None) -> list[FloatArray]:
    """At most `limit` of `detector.weighted_nms`, one at least."""
    people = list(islice(detector.weighted_nms(candidates, d.variant.min_overlap), limit))
    if not people:
        raise NoPerson(f"no candidate of the detector reaches the score {d.min_confidence:g}")
    return people


def square_of(region: Roi, width: int, height: int, variant: Variant = SOLUTIONS) -> roi.Square:
    """`roi.square_of` or `roi.unpadded` of a region that has an area."""
    if not (region.width > 0 and region.height > 0):
        if variant.strict:
            raise ValueError("ROI contains NaN values.")
        raise NoPerson("the region has no area")
    return (roi.square_of if variant.padded else roi.unpadded)(region, width, height)


def require_presence(presence: FloatArray, minimum: float) -> None:
    """Go on only where the presence is above the minimum."""
    if not float(presence) > minimum:
        raise NoPerson(f"presence {float(presence):.3g} is not above {minimum:g}")


def outputs_of(network: Network, x: FloatArray, names: Sequence[str]) -> tuple[FloatArray, ...]:
    """Outputs of a network in this order."""
    found = network(x, names)
    return tuple(found[name] for name in names)


def needed_of(network: Network, x: FloatArray, names: Sequence[str]) -> tuple[Any, ...]:
    """The same; of the heat map, the cells around landmarks will do, which `landmarks.refine` looks at."""
    found = run_unfinished(network, x, names, "heatmap")
    return tuple(found[name] for name in names)
