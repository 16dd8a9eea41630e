"""EfficientPose on pictures and frames: where the person is, what the network sees, where its heat maps peak."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from typing import Any, Literal, NamedTuple

import numpy as np

from . import arguments
from .engine import Network, load_network, resolve, stages
from .frame import checked_image, checked_roi
from .networks.efficientpose import VARIANTS, Variant
from .person import Person
from .pipeline import Detector, detection_of, detections, find, outputs_of
from .pose import Pose
from .runner import NoPerson, Run
from .stages import heatmaps
from .stages.detector import Detection
from .stages.libm import FloatArray, f32
from .stages.roi import Roi
from .stages.table import Stages
from .stages.warp import ByteArray
from .topology import EFFICIENTPOSE
from .trackers import Region, Stills, Tracker

MODES = ("video", "image", "camera")
CROPS = ("blazepose", None)
RESULT = ("result/landmarks_n", "result/visibility")
_WHOLE = Roi(0.5, 0.5, 1.0, 1.0)


@dataclass(frozen=True)
class HeatmapNetwork:
    """What finding the key points takes.

    Attributes
    ----------
    network : Network
    variant : Variant
        What must be known of it.
    stages : Stages
        The engine's functions.
    camera : bool
        Whether heat maps are decoded as the authors do it for live pictures.
    """

    network: Network
    variant: Variant
    stages: Stages
    camera: bool


class Seen(NamedTuple):
    """The person that the network saw: `landmarks_n` of shape (16, 3), `visibility` of shape (16,)."""

    region: Region
    landmarks_n: FloatArray
    visibility: FloatArray


def efficientpose(d: Detector | None, m: HeatmapNetwork, run: Run, image: ByteArray, given: Roi | None = None) -> Seen:
    """The person on a picture, step by step; `refpose.study.quantities` says what the names stand for.

    Parameters
    ----------
    d : Detector or None
        Finds the person; None: the network sees the whole picture.
    m : HeatmapNetwork
    run : Run
        Makes the calls.
    image : ndarray of uint8, shape (H, W, 3)
        RGB, C-contiguous.
    given : Roi, optional
        Where the person is; the detector is not asked.

    Raises
    ------
    NoPerson
        The detector was to find somebody, and did not.
    """
    height, width = image.shape[:2]
    image = run.given("image", image)
    if given is not None:
        region = Region(run.given("roi/upright_n", given))
    elif d is None:
        region = Region(run.given("roi/upright_n", _WHOLE))
    else:
        (found,) = find(d, run, image)
        region = found._replace(roi=run("roi/upright_n", upright, found.roi))
    cut = heatmaps.whole_picture if given is None and d is None else heatmaps.square_crop
    crop, origin_px = run(("crop/picture", "crop/origin_px"), cut, image, region.roi)
    x = run("crop/input", m.stages.network_input, crop, m.variant.side, m.variant.lite)
    (heatmap,) = run(("network/heatmap",), outputs_of, m.network, x, ("heatmap",))
    place, peak = run(("peaks/place_roi", "peaks/value"), peaks, heatmap, crop, m.camera, m.stages.find_peaks)
    landmarks, visibility = run(RESULT, on_image, place, peak, crop, origin_px, width, height, m.camera)
    return Seen(region, landmarks, visibility)


def upright(region: Roi) -> Roi:
    """A region that has an area, not turned."""
    if not region.width > 0:
        raise NoPerson("the region has no area")
    return Roi(region.x, region.y, region.width, region.height)


def peaks(
    heatmap: FloatArray, crop: ByteArray, camera: bool, find_peaks: Callable[..., Any]
) -> tuple[heatmaps.DoubleArray, FloatArray]:
    """`heatmaps.decode` on the piece that the network saw."""
    return heatmaps.decode(heatmap, crop.shape[1], crop.shape[0], camera, find_peaks)


def on_image(
    place: heatmaps.DoubleArray,
    peak: FloatArray,
    crop: ByteArray,
    origin_px: tuple[int, int],
    width: int,
    height: int,
    camera: bool,
) -> tuple[FloatArray, FloatArray]:
    """Key points in a piece of the picture -> on the picture.

    Parameters
    ----------
    place : ndarray of float64, shape (n, 2)
        x, y in fractions of the piece.
    peak : ndarray of float32, shape (n,)
        Values of the heat maps' peaks.
    crop : ndarray of uint8, shape (h, w, 3)
        The piece.
    origin_px : (int, int)
        x, y of its first pixel in the picture.
    width, height : int
        Size of the picture in pixels.
    camera : bool
        Whether a peak below `heatmaps.MIN_PEAK` is no key point.

    Returns
    -------
    landmarks_n : ndarray of float32, shape (n, 3)
        x, y in fractions of the picture; z is NaN, and so is a missing key point.
    visibility : ndarray of float32, shape (n,)
        The peaks limited to 0..1; 0 for a missing key point.
    """
    found = peak >= f32(heatmaps.MIN_PEAK) if camera else np.ones(len(peak), np.bool_)
    landmarks = np.full((len(peak), 3), np.nan, f32)
    inner = (np.array(origin_px) + place * crop.shape[1::-1]) / (width, height)
    landmarks[found, :2] = inner[found]
    return landmarks, np.where(found, np.clip(peak, f32(0), f32(1)), f32(0))


class EfficientPose(Pose[Person]):
    """Finds the 16 key points of the person on an image with one of EfficientPose's networks: see `refpose.Pose`.

    These networks expect one upright person who fills the picture. They keep nothing from frame to frame. A `Person` of
    theirs has the skeleton `topology.EFFICIENTPOSE`; depth is NaN, because the networks find none; `visibility` is the
    value of the heat map's peak, limited to 0..1, and `score` the mean of these.

    Parameters
    ----------
    mode : {"video", "image", "camera"}
        ``"video"`` and ``"image"`` are the same: heat maps are smoothed, and every key point has a place, however low
        its peak. ``"camera"`` is the authors' decoding for live pictures: maps are not smoothed, and a key point whose
        peak is below 0.3 is missing: its place is NaN, its visibility 0.
    crop : {"blazepose", None}
        ``"blazepose"``: BlazePose's detector finds the person, and the network sees an upright square around the body.
        None: the network sees the whole picture, as in the authors' script; a person is found on every picture.
    segmentation : bool
        These networks find no mask: False.
    """

    topology = EFFICIENTPOSE

    def __init__(
        self,
        model: str = "efficientpose-i",
        mode: Literal["video", "image", "camera"] = "video",
        *,
        crop: Literal["blazepose"] | None = "blazepose",
        min_detection_confidence: float = 0.5,
        engine: str = "auto",
        threads: int = 1,
        weights: str | PathLike[str] | None = None,
        segmentation: bool = False,
    ) -> None:
        if model not in VARIANTS:
            raise ValueError(f"no model {model!r}: expected one of {', '.join(VARIANTS)}")
        if mode not in MODES:
            raise ValueError(f"no mode {mode!r}: expected one of {', '.join(MODES)}")
        if crop not in CROPS:
            raise ValueError(f"no crop {crop!r}: expected 'blazepose' or None")
        if arguments.flag("segmentation", segmentation):
            raise ValueError(f"segmentation: {model} finds no mask")
        self.model = model
        self.mode: str = mode
        self.crop = crop
        self.segmentation = False
        self.min_detection_confidence = arguments.probability("min_detection_confidence", min_detection_confidence)
        self.engine = resolve(engine)
        self.threads = threads
        self.tracker: Tracker = Stills()
        self._weights = weights
        self._load()

    def _load(self) -> None:
        functions = stages(self.engine)
        detector_network = load_network("detector", self.engine, self.threads)
        network = load_network(self.model, self.engine, self.threads, self._weights)
        self._loaded = (
            Detector(detector_network, functions, self.min_detection_confidence),
            HeatmapNetwork(network, VARIANTS[self.model], functions, self.mode == "camera"),
        )

    @property
    def networks(self) -> Mapping[str, Network]:
        """The detector, where it is asked, and the network of this model."""
        detector, own = self._loaded
        return ({} if self.crop is None else {"detector/input": detector.network}) | {"crop/input": own.network}

    def compute(
        self, run: Run, image: ByteArray, timestamp: float | Fraction | None = None, roi: Any = None
    ) -> list[Seen]:
        """`efficientpose`."""
        region = None if roi is None else checked_roi(roi, image)
        if region is not None and region.rotation:
            raise ValueError(f"roi: {self.model} takes upright regions, not one turned by {region.rotation} radians")
        try:
            detector, own = self._loaded
            return [efficientpose(None if self.crop is None else detector, own, run, image, region)]
        except NoPerson as reason:
            run.nobody(reason)
            return []

    def people_of(self, computed: Sequence[Seen], image_size: tuple[int, int]) -> list[Person]:
        """The people in what `compute` gave."""
        return [
            Person(
                landmarks=seen.landmarks_n,
                visibility=seen.visibility,
                score=float(seen.visibility.mean(dtype=np.float64)),
                roi=seen.region.roi,
                image_size=image_size,
                topology=self.topology,
                detection=detection_of(seen.region),
            )
            for seen in computed
        ]

    def detect(self, image: ByteArray) -> list[Detection]:
        """Ask BlazePose's detector alone: all people found, the surest first."""
        return detections(self._loaded[0], checked_image(image))

    def settings(self) -> dict[str, Any]:
        """What results depend on besides the images, for the record."""
        return super().settings() | {"crop": self.crop, "min_detection_confidence": self.min_detection_confidence}
