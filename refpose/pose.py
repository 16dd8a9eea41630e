"""Image in, people out: the path of a frame through detector, landmark network and tracker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from .engine import load_network, resolve, stages
from .networks import efficientpose
from .stages import detector, landmarks, segmentation
from .stages.detector import Detection
from .stages.filters import Smoothing
from .stages.landmarks import COUNT, USED, Landmarks
from .stages.libm import FloatArray, f32
from .stages.roi import Roi, enlarged, from_points, square_of, squared
from .stages.warp import ByteArray
from .topology import BLAZEPOSE, Topology
from .trackers import Tracker

if TYPE_CHECKING:
    from .study.explain import Explanation

MODELS = ("lite", "full", "heavy")
MODES = ("video", "image")
# A given region smaller, larger or farther away than so many images is a mistake, and not within float32's reach.
_SMALLEST, _LARGEST = 1e-6, 1e6


@dataclass(frozen=True, eq=False)
class Person:
    """A person found on an image. All arrays are read-only.

    Attributes
    ----------
    landmarks : ndarray of float32, shape (33, 3)
        x, y in fractions of image width and height, z in fractions of the width, from the middle of the hips, smaller
        towards the camera. Smoothed over time where that is asked for. Points outside the image are estimated too.
    visibility : ndarray of float32, shape (33,)
        Probability that a landmark is inside the image and not hidden; smoothed like `landmarks`.
    presence : ndarray of float32, shape (33,)
        Probability that a landmark is inside the image; never smoothed.
    world_landmarks : ndarray of float32, shape (33, 3)
        Metres from the middle of the hips, axes as the image's; smoothed where that is asked for.
    auxiliary_landmarks : ndarray of float32, shape (2, 3)
        The middle of the hips and a point on the circle around the whole body, which place `next_roi`; in the frame of
        `landmarks`. Smoothed in every video.
    raw_landmarks, raw_visibility, raw_world_landmarks, raw_auxiliary_landmarks : ndarray of float32
        The same before smoothing.
    segmentation_mask : ndarray of float32, shape (H, W), or None
        Probability that a pixel shows the person, where masks are asked for.
    score : float
        Probability that the region shows a person, from the landmark network.
    roi : Roi
        The region the landmark network looked at.
    next_roi : Roi or None
        The region for the next frame of a video.
    detection : Detection or None
        What the detector found; None where the region was tracked or given.
    image_size : (int, int)
        Width and height of the image in pixels.
    topology : Topology
        Names and connections of the landmarks: BlazePose's 33, as the shapes above say. Models with another skeleton
        have as many rows as it has names, and NaN for what they do not find.
    """

    landmarks: FloatArray
    visibility: FloatArray
    presence: FloatArray
    world_landmarks: FloatArray
    auxiliary_landmarks: FloatArray
    raw_landmarks: FloatArray
    raw_visibility: FloatArray
    raw_world_landmarks: FloatArray
    raw_auxiliary_landmarks: FloatArray
    segmentation_mask: FloatArray | None
    score: float
    roi: Roi
    next_roi: Roi | None
    detection: Detection | None
    image_size: tuple[int, int]
    topology: Topology = BLAZEPOSE

    @property
    def landmarks_px(self) -> FloatArray:
        """The landmarks in pixels: ndarray of float32, shape (33, 3); z on the scale of x."""
        width, height = self.image_size
        return self.landmarks * np.array((width, height, width), f32)

    def frozen(self) -> Person:
        """The same person, its arrays made read-only."""
        for value in self.__dict__.values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
        return self

    def __repr__(self) -> str:
        return f"Person(score={self.score:.6g}, roi={self.roi}, image_size={self.image_size})"


class _Estimate(NamedTuple):
    """What the landmark network says about one region: 35 landmarks and 33 world landmarks, on the image's axes."""

    score: float
    landmarks: Landmarks
    world: FloatArray
    mask: FloatArray | None


def checked_image(image: Any) -> ByteArray:
    """The image, C-contiguous.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB; H and W at least 1.

    Raises
    ------
    TypeError
        If it is not an array of bytes.
    ValueError
        If it has another shape or no pixels.
    """
    expected = "expected a NumPy array of shape (height, width, 3), uint8, RGB"
    if not isinstance(image, np.ndarray):
        raise TypeError(f"image: {expected}, found {type(image).__name__}")
    if image.dtype != np.uint8:
        raise TypeError(f"image: {expected}, found {image.dtype}")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image: {expected}, found shape {image.shape}")
    if not image.size:
        raise ValueError(f"image: {expected}, found shape {image.shape}, which has no pixels")
    return np.ascontiguousarray(image)


def checked_roi(roi: Any) -> Roi:
    if not isinstance(roi, Roi):
        raise TypeError(f"roi must be a refpose.Roi, not {type(roi).__name__}")
    if min(roi.width, roi.height) < _SMALLEST:
        raise ValueError(f"roi: the sides must be above zero, at least {_SMALLEST} image sizes, but found {roi}")
    if max(abs(roi.x), abs(roi.y), roi.width, roi.height) > _LARGEST:
        raise ValueError(f"roi: values are fractions of the image's size, at most {_LARGEST:.0f}, but found {roi}")
    return roi


def checked_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return bool(value)


def checked_number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, not {value!r}")
    return float(value)


class Pose:
    """Finds the person on an image, or follows the person through a video.

    One object serves one stream and one thread at a time. It can be pickled in mid-stream; the copy goes on where the
    original stood.

    Parameters
    ----------
    model : {"lite", "full", "heavy"}
        Size of the landmark network. With the name of one of EfficientPose's networks, `Pose` makes a
        `refpose.efficientpose.HeatmapPose`, which has other options.
    mode : {"video", "image"}
        ``"video"``: follow the person from frame to frame. ``"image"``: every image on its own, nothing is smoothed.
    smooth : bool or Smoothing
        Whether and how landmarks of a video are smoothed over time.
    segmentation : bool
        Whether to compute the mask.
    smooth_segmentation : bool
        Whether masks of a video are smoothed, with `mask_smoothing`.
    min_detection_confidence : float
        Least score of the detector that counts.
    min_tracking_confidence : float
        Least probability of the landmark network that counts (exclusive), in both modes.
    engine : {"auto", "native", "numpy", "reference"}
        What computes; see `refpose.load_network`.
    threads : int
        Threads of the native engine.
    refinement_window : int
        Side of the window for refining landmarks with their heat maps, in cells; odd. 9 is what MediaPipe's Python
        class runs with, 7 what its graph, its C++ API and its Tasks API run with.
    mask_smoothing : float
        How much uncertain values of a mask take over from the previous mask, 0..1. 0, no smoothing, is what MediaPipe's
        Python class runs with, 0.7 what its graph asks for.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or not one of the allowed values.

    Attributes
    ----------
    tracker : Tracker or None
        The only state, in mode ``"video"``.
    """

    topology = BLAZEPOSE
    """The skeleton of the people that are found."""

    def __new__(cls, model: str = "full", *_: Any, **__: Any) -> Pose:
        """A pose estimator of the family that the model belongs to."""
        if cls is Pose and model in efficientpose.VARIANTS:
            from .efficientpose import HeatmapPose

            cls = HeatmapPose
        return super().__new__(cls)

    def __init__(
        self,
        model: Literal["lite", "full", "heavy"] = "full",
        mode: Literal["video", "image"] = "video",
        smooth: bool | Smoothing = True,
        segmentation: bool = False,
        smooth_segmentation: bool = True,
        min_detection_confidence: float = 0.5,
        min_tracking_confidence: float = 0.5,
        engine: str = "auto",
        threads: int = 1,
        *,
        refinement_window: int = landmarks.WINDOW,
        mask_smoothing: float = segmentation.RATIO,
    ) -> None:
        if model not in MODELS:
            expected = ", ".join((*MODELS, *efficientpose.VARIANTS))
            raise ValueError(f"no model {model!r}: expected one of {expected}")
        if mode not in MODES:
            raise ValueError(f"no mode {mode!r}: expected one of {', '.join(MODES)}")
        if isinstance(refinement_window, bool) or not isinstance(refinement_window, int | np.integer):
            raise TypeError(f"refinement_window must be a whole number, not {refinement_window!r}")
        if refinement_window < 1 or refinement_window % 2 == 0:
            raise ValueError(f"refinement_window must be odd and at least 1, not {refinement_window}")
        self.model: str = model
        self.mode: str = mode
        self.smooth = smooth if isinstance(smooth, Smoothing) else checked_flag("smooth", smooth)
        self.segmentation = checked_flag("segmentation", segmentation)
        self.smooth_segmentation = checked_flag("smooth_segmentation", smooth_segmentation)
        self.min_detection_confidence = checked_number("min_detection_confidence", min_detection_confidence)
        self.min_tracking_confidence = checked_number("min_tracking_confidence", min_tracking_confidence)
        self.refinement_window = int(refinement_window)
        self.mask_smoothing = checked_number("mask_smoothing", mask_smoothing)
        if not 0 <= self.mask_smoothing <= 1:
            raise ValueError(f"mask_smoothing must be from 0 to 1, not {mask_smoothing}")
        self.engine = resolve(engine)
        self.threads = threads
        self.tracker: Tracker | None = None
        if mode == "video":
            smoothing = Smoothing() if self.smooth is True else self.smooth or None
            self.tracker = Tracker(smoothing, self.mask_smoothing if self.smooth_segmentation else 0.0)
        self._load()

    def _load(self) -> None:
        self._detector = load_network("detector", self.engine, self.threads)
        self._network = load_network(self.model, self.engine, self.threads)
        self._stages = stages(self.engine)
        self._outputs = ("landmarks", "presence", "heatmap", "world") + ("segmentation",) * self.segmentation

    def __getstate__(self) -> dict[str, Any]:
        loaded = ("_detector", "_network", "_stages", "_outputs")
        return {name: value for name, value in self.__dict__.items() if name not in loaded}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._load()

    def __enter__(self) -> Pose:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the frames seen so far."""
        if self.tracker is not None:
            self.tracker.reset()

    def process(
        self, image: ByteArray, timestamp: float | Fraction | None = None, roi: Roi | None = None
    ) -> list[Person]:
        """Find people on an image, or on the next frame of a video.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W, 3)
            RGB. Frames of a video may differ in size, unless masks are smoothed.
        timestamp : number, optional
            Time of a video's frame in seconds, later than the last; rounded to microseconds. Without it, 33,333 us
            after the last, as in MediaPipe. Has no influence on single images.
        roi : Roi, optional
            Where the person is; neither detector nor tracker are asked. If it is not a square in pixels, its longer
            side makes it one.

        Returns
        -------
        list of Person
            Empty when nobody was found, else one person.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described, time does not go forward, or the size changed while masks are smoothed.
            The state stays as it was.
        """
        image = checked_image(image)
        height, width = image.shape[:2]
        tracker = self.tracker
        region = None if roi is None else squared(checked_roi(roi), width, height)
        time_us = 0 if tracker is None else tracker.next_time(timestamp)
        if region is None and tracker is not None:
            region = tracker.roi
        detection = None
        if region is None:
            detection = next(self._detections(image), None)
            if detection is not None:
                centre, on_circle = detection.keypoints_n[:2]
                tight = from_points(centre, on_circle, width, height, self._stages.atan2f)
                region = enlarged(tight, width, height)
        estimate = None if region is None else self._estimate(image, region)
        if region is None or estimate is None:
            if tracker is not None:
                tracker.lose(time_us)
            return []
        raw, raw_world, mask, next_roi = estimate.landmarks, estimate.world, estimate.mask, None
        if tracker is None:
            size = np.array((width, height, width), f32)
            # MediaPipe's pass-through of the filters goes to pixels and back all the same.
            smooth, world = raw._replace(position=raw.position * size / size), raw_world
        else:
            if mask is not None:
                mask = tracker.follow_mask(mask)
            smooth, world = tracker.follow(
                raw, raw_world, width, height, time_us, self._stages.atan2f, self._stages.one_euro
            )
            next_roi = tracker.roi
        person = Person(
            landmarks=smooth.position[:COUNT],
            visibility=smooth.visibility[:COUNT],
            presence=smooth.presence[:COUNT],
            world_landmarks=world,
            auxiliary_landmarks=smooth.position[COUNT:],
            raw_landmarks=raw.position[:COUNT],
            raw_visibility=raw.visibility[:COUNT],
            raw_world_landmarks=raw_world,
            raw_auxiliary_landmarks=raw.position[COUNT:],
            segmentation_mask=mask,
            score=estimate.score,
            roi=region,
            next_roi=next_roi,
            detection=detection,
            image_size=(width, height),
        )
        return [person.frozen()]

    def detect(self, image: ByteArray) -> list[Detection]:
        """Ask the detector alone. The state plays no part.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W, 3)
            RGB.

        Returns
        -------
        list of Detection
            All people found, the surest first.
        """
        return list(self._detections(checked_image(image)))

    def explain(
        self,
        image: ByteArray,
        timestamp: float | Fraction | None = None,
        roi: Roi | None = None,
        activations: bool = False,
    ) -> Explanation:
        """Do what `process` does, and keep everything that is computed on the way.

        The state of a video goes on as with `process`. The mask is computed whether or not `segmentation` asks for it.

        Parameters
        ----------
        image, timestamp, roi
            As for `process`.
        activations : bool
            Whether to keep the output of every layer too; some tens of megabytes.

        Returns
        -------
        refpose.study.explain.Explanation
            A mapping from documented names to arrays, see `refpose.study.explain.QUANTITIES`.

        Raises
        ------
        TypeError, ValueError
            As `process`.
        """
        from .study.explain import explain

        image = checked_image(image)
        region = None if roi is None else squared(checked_roi(roi), *image.shape[1::-1])
        return explain(self, image, timestamp, region, activations)

    def _detections(self, image: ByteArray) -> Iterator[Detection]:
        height, width = image.shape[:2]
        out = self._detector(detector.letterbox(image, self._stages.warp_f32))
        candidates = detector.decode(out["boxes"], out["scores"], self.min_detection_confidence, self._stages.expf)
        candidates.setflags(write=False)
        return detector.people(candidates, width, height)

    def _estimate(self, image: ByteArray, region: Roi) -> _Estimate | None:
        """Run the landmark network on a region; None if it shows nobody or has no area."""
        if not (region.width > 0 and region.height > 0):
            return None
        height, width = image.shape[:2]
        square = square_of(region, width, height)
        x = self._stages.warp_f32(
            image,
            square.crop_matrix(landmarks.INPUT_SIZE, self._stages.crop_matrix),
            landmarks.INPUT_SIZE,
            "replicate",
            landmarks.INPUT_SCALE,
            landmarks.INPUT_OFFSET,
        )
        out = self._network(x, self._outputs)
        score = float(out["presence"])
        if not score > self.min_tracking_confidence:
            return None
        if self.segmentation and self.tracker is not None:
            self.tracker.check_mask((height, width))
        expf = self._stages.expf
        cos, sin = f32(self._stages.cosf(f32(region.rotation))), f32(self._stages.sinf(f32(region.rotation)))
        found = self._stages.landmarks(
            out["landmarks"][:USED], out["heatmap"], self.refinement_window, square.letterbox, region, cos, sin
        )
        mask = None
        if self.segmentation:
            mask = segmentation.on_image(
                out["segmentation"], square, width, height, cos, sin, expf, self._stages.warp_mask
            )
        world = landmarks.world(out["world"][:COUNT], cos, sin)
        return _Estimate(score, found, world, mask)
