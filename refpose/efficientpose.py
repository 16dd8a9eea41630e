"""EfficientPose on pictures and frames: where the person is, what the network sees, where its heat maps peak."""

from __future__ import annotations

from fractions import Fraction
from os import PathLike
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np

from .engine import Network, load_network, resolve, stages
from .networks.efficientpose import VARIANTS
from .pose import Person, Pose, checked_flag, checked_image, checked_number, checked_roi
from .stages import heatmaps
from .stages.detector import Detection
from .stages.libm import FloatArray, f32
from .stages.roi import Roi, enlarged, from_points, squared
from .stages.warp import ByteArray
from .topology import EFFICIENTPOSE

MODELS = tuple(VARIANTS)
MODES = ("video", "image", "camera")
CROPS = ("blazepose", None)
# A crop is at most so many times as large as the picture's longer side; the rest would be black.
_LARGEST_CROP = 4
_WHOLE = Roi(0.5, 0.5, 1.0, 1.0)


class View(NamedTuple):
    """What was found, and in what.

    Attributes
    ----------
    person : Person
    seen : ndarray of uint8, shape (h, w, 3)
        The piece of the picture that the network was shown.
    heatmap : ndarray of float32, shape (S, S, 16)
        What it answered.
    """

    person: Person
    seen: ByteArray
    heatmap: FloatArray


class HeatmapPose(Pose):
    """Finds the 16 key points of the person on an image with one of EfficientPose's networks.

    ``Pose("efficientpose-ii", ...)`` makes one. Its networks expect one upright person who fills the picture. They keep
    nothing from frame to frame. A `Person` of theirs has the skeleton `topology.EFFICIENTPOSE`; depth and world
    landmarks are NaN, because the networks find neither; `visibility` and `presence` are the values of the heat maps'
    peaks, limited to 0..1, and `score` is their mean.

    Parameters
    ----------
    model : {"efficientpose-rt", "efficientpose-i", ..., "efficientpose-iv", "efficientpose-rt-lite", ...}
    mode : {"video", "image", "camera"}
        ``"video"`` and ``"image"`` are the same: heat maps are smoothed, and every key point has a place, however low
        its peak. ``"camera"`` is the authors' decoding for live pictures: maps are not smoothed, and a key point whose
        peak is below 0.3 is missing: its place is NaN, its visibility 0.
    crop : {"blazepose", None}
        ``"blazepose"``: BlazePose's detector finds the person, and the network sees an upright square around the body.
        None: the network sees the whole picture, as in the authors' script; a person is found on every picture.
    min_detection_confidence : float
        Least score of the detector that counts.
    engine, threads
        As for `Pose`.
    weights : path, optional
        The file of converted weights or the folder it is in; see `refpose.networks.weights.default_path` for where
        they are looked for otherwise.
    segmentation : bool
        These networks find no mask: False.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or not one of the allowed values.
    FileNotFoundError
        There are no weights of this network.
    """

    topology = EFFICIENTPOSE

    def __init__(
        self,
        model: str = "efficientpose-i",
        mode: Literal["video", "image", "camera"] = "video",
        crop: Literal["blazepose"] | None = "blazepose",
        min_detection_confidence: float = 0.5,
        engine: str = "auto",
        threads: int = 1,
        *,
        weights: str | PathLike[str] | None = None,
        segmentation: bool = False,
    ) -> None:
        if model not in MODELS:
            raise ValueError(f"no model {model!r}: expected one of {', '.join(MODELS)}")
        if mode not in MODES:
            raise ValueError(f"no mode {mode!r}: expected one of {', '.join(MODES)}")
        if crop not in CROPS:
            raise ValueError(f"no crop {crop!r}: expected 'blazepose' or None")
        if checked_flag("segmentation", segmentation):
            raise ValueError(f"segmentation: {model} finds no mask")
        self.model = model
        self.mode = mode
        self.crop = crop
        self.segmentation = False
        self.min_detection_confidence = checked_number("min_detection_confidence", min_detection_confidence)
        self.engine = resolve(engine)
        self.threads = threads
        self.tracker = None
        self._weights = weights
        self._load()

    def _load(self) -> None:
        self._detector = load_network("detector", self.engine, self.threads)
        self._network = load_network(self.model, self.engine, self.threads, self._weights)
        self._stages = stages(self.engine)

    @property
    def network(self) -> Network:
        """The network of this model."""
        return self._network

    def process(
        self, image: ByteArray, timestamp: float | Fraction | None = None, roi: Roi | None = None
    ) -> list[Person]:
        """Find the key points on an image.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W, 3)
            RGB.
        timestamp : number, optional
            Has no influence.
        roi : Roi, optional
            Where the person is: an upright region; the network sees the square around it.

        Returns
        -------
        list of Person
            One person; empty where the detector was to find somebody and did not.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described.
        """
        return [view.person for view in self.views(image, roi)]

    def views(self, image: ByteArray, roi: Roi | None = None) -> list[View]:
        """Do what `process` does, and keep what the network was shown and what it answered."""
        image = checked_image(image)
        height, width = image.shape[:2]
        detection = None
        if roi is not None:
            region = squared(checked_roi(roi), width, height)
            if region.rotation:
                raise ValueError(
                    f"roi: {self.model} takes upright regions, not one turned by {region.rotation} radians"
                )
        elif self.crop is None:
            return [self._view(image, image, (0, 0), _WHOLE, None)]
        else:
            detection = next(self._detections(image), None)
            if detection is None:
                return []
            region = self._region(detection, width, height)
            if not region.width > 0:
                return []
        seen, origin_px = square_crop(image, region)
        return [self._view(image, seen, origin_px, region, detection)]

    def explain(self, *_: Any, **__: Any) -> NoReturn:
        """Explanations are made of BlazePose's stages.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(f"{self.model}: only BlazePose's models can be explained stage by stage; use load_network")

    def _region(self, detection: Detection, width: int, height: int) -> Roi:
        """The upright square around the body that BlazePose's detector found."""
        centre, on_circle = detection.keypoints_n[:2]
        tight = from_points(centre, on_circle, width, height, self._stages.atan2f)
        turned = enlarged(tight, width, height)
        return Roi(turned.x, turned.y, turned.width, turned.height)

    def _view(
        self, image: ByteArray, seen: ByteArray, origin_px: tuple[int, int], region: Roi, detection: Detection | None
    ) -> View:
        side, lite, camera = VARIANTS[self.model].side, VARIANTS[self.model].lite, self.mode == "camera"
        out = self._network(self._stages.network_input(seen, side, lite), ("heatmap",))
        find_peaks = self._stages.find_peaks
        place, peak = heatmaps.decode(out["heatmap"], seen.shape[1], seen.shape[0], camera, find_peaks)
        found = peak >= f32(heatmaps.MIN_PEAK) if camera else np.ones(len(peak), np.bool_)
        height, width = image.shape[:2]
        landmarks = np.full((len(peak), 3), np.nan, f32)
        inner = (np.array(origin_px) + place * seen.shape[1::-1]) / (width, height)
        landmarks[found, :2] = inner[found]
        visibility: FloatArray = np.where(found, np.clip(peak, f32(0), f32(1)), f32(0))
        nothing = np.full_like(landmarks, np.nan)
        person = Person(
            landmarks=landmarks,
            visibility=visibility,
            presence=visibility,
            world_landmarks=nothing,
            auxiliary_landmarks=np.empty((0, 3), f32),
            raw_landmarks=landmarks,
            raw_visibility=visibility,
            raw_world_landmarks=nothing,
            raw_auxiliary_landmarks=np.empty((0, 3), f32),
            segmentation_mask=None,
            score=float(visibility.mean(dtype=np.float64)),
            roi=region,
            next_roi=None,
            detection=detection,
            image_size=(width, height),
            topology=self.topology,
        )
        return View(person.frozen(), seen, out["heatmap"])


def square_crop(image: ByteArray, region: Roi) -> tuple[ByteArray, tuple[int, int]]:
    """A square piece of a picture, black where it leaves the picture.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
    region : Roi
        An upright square in pixels; its side is rounded to whole pixels, at least 1 and at most four times the
        picture's longer side.

    Returns
    -------
    square : ndarray of uint8, shape (side, side, 3)
    origin_px : (int, int)
        x, y of its first pixel in the picture.
    """
    height, width = image.shape[:2]
    side = min(max(1, round(region.width * width)), _LARGEST_CROP * max(height, width))
    left, top = round(region.x * width - side / 2), round(region.y * height - side / 2)
    square = np.zeros((side, side, 3), np.uint8)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    if x0 < x1 and y0 < y1:
        square[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    return square, (left, top)
