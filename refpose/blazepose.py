"""BlazePose on pictures and videos: the pipeline with its networks, thresholds and memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal

from . import arguments
from .engine import Network, load_network, resolve, stages
from .families import family_of
from .frame import Regions, checked_image, checked_rois
from .people import DETECT_EVERY, MAX_HIDDEN, PeopleTracker
from .person import BlazePosePerson
from .pipeline import Detector, Landmarker, Variant, blazepose, detection_of, detections
from .pose import Pose
from .runner import Run
from .stages import landmarks, segmentation
from .stages.detector import Detection
from .stages.filters import Smoothing
from .stages.warp import ByteArray
from .topology import BLAZEPOSE
from .trackers import Estimate, Result, SolutionTracker, Stills, Tracker

MODES = ("video", "image")


class PipelinePose(Pose[BlazePosePerson]):
    """What the estimators over `refpose.pipeline` have in common.

    Attributes
    ----------
    _loaded : (Detector, Landmarker)
    """

    topology = BLAZEPOSE
    _loaded: tuple[Detector, Landmarker]

    @property
    def networks(self) -> Mapping[str, Network]:
        """The detector and the landmark network."""
        return {"detector/input": self._loaded[0].network, "crop/input": self._loaded[1].network}

    def people_of(
        self, computed: Sequence[tuple[Estimate, Result]], image_size: tuple[int, int]
    ) -> list[BlazePosePerson]:
        """The people in what `compute` gave."""
        return [person_of(seen, result, image_size) for seen, result in computed]

    def detect(self, image: ByteArray) -> list[Detection]:
        """Ask the detector alone: all people found, the surest first."""
        return detections(self._loaded[0], checked_image(image))


class BlazePose(PipelinePose):
    """Finds the person on an image with BlazePose, or follows the person through a video: see `refpose.Pose`."""

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
        people: int | None = 1,
        detect_every: int = DETECT_EVERY,
        max_hidden: float = MAX_HIDDEN,
    ) -> None:
        if not family_of(model).estimator.endswith(":BlazePose"):
            raise ValueError(f"no model {model!r} of BlazePose")
        if mode not in MODES:
            raise ValueError(f"no mode {mode!r}: expected one of {', '.join(MODES)}")
        self.model: str = model
        self.mode: str = mode
        self.smooth = smooth if isinstance(smooth, Smoothing) else arguments.flag("smooth", smooth)
        self.segmentation = arguments.flag("segmentation", segmentation)
        self.smooth_segmentation = arguments.flag("smooth_segmentation", smooth_segmentation)
        self.min_detection_confidence = arguments.probability("min_detection_confidence", min_detection_confidence)
        self.min_tracking_confidence = arguments.probability("min_tracking_confidence", min_tracking_confidence)
        self.refinement_window = arguments.whole("refinement_window", refinement_window)
        if self.refinement_window < 1 or self.refinement_window % 2 == 0:
            raise ValueError(f"refinement_window must be odd and at least 1, not {refinement_window}")
        self.mask_smoothing = arguments.probability("mask_smoothing", mask_smoothing)
        self.engine = resolve(engine)
        self.threads = threads
        self.people = None if people is None else arguments.whole("people", people, 1)
        self.detect_every = arguments.whole("detect_every", detect_every, 1)
        self.max_hidden = arguments.number("max_hidden", max_hidden, 0)
        self.tracker: Tracker = Stills(self.people)
        if mode == "video":
            smoothing = Smoothing() if self.smooth is True else self.smooth or None
            ratio = self.mask_smoothing if self.segmentation and self.smooth_segmentation else 0.0
            if self.people == 1:
                self.tracker = SolutionTracker(smoothing, ratio)
            else:
                self.tracker = PeopleTracker(self.people, smoothing, ratio, self.detect_every, self.max_hidden)
        self._load()

    def _load(self) -> None:
        detector_network = load_network("detector", self.engine, self.threads)
        network = load_network(self.model, self.engine, self.threads)
        functions, variant = stages(self.engine), Variant(window=self.refinement_window)
        self._loaded = (
            Detector(detector_network, functions, self.min_detection_confidence, variant),
            Landmarker(
                network,
                functions,
                self.min_tracking_confidence,
                self.segmentation,
                variant,
            ),
        )

    def set_thresholds(self, min_detection_confidence: float, min_tracking_confidence: float) -> None:
        """Take any numbers, as MediaPipe's graph does: no score reaches 2, every score reaches -1 and NaN."""
        self.min_detection_confidence = min_detection_confidence
        self.min_tracking_confidence = min_tracking_confidence
        detector, landmarker = self._loaded
        self._loaded = (
            replace(detector, min_confidence=min_detection_confidence),
            replace(landmarker, min_presence=min_tracking_confidence),
        )

    def compute(
        self,
        run: Run,
        image: ByteArray,
        timestamp: float | Fraction | None = None,
        roi: Regions = None,
    ) -> list[tuple[Estimate, Result]]:
        """`refpose.pipeline.blazepose`."""
        given = checked_rois(roi, image)
        if len(given) > 1 and self.people == 1:
            raise ValueError(f"roi: {len(given)} regions, but people=1")
        return blazepose(*self._loaded, self.tracker, run, image, self.tracker.next_time(timestamp), given)

    def settings(self) -> dict[str, Any]:
        """What results depend on besides the images, for the record."""
        return super().settings() | {
            "min_detection_confidence": self.min_detection_confidence,
            "min_tracking_confidence": self.min_tracking_confidence,
            "refinement_window": self.refinement_window,
        }


def person_of(seen: Estimate, result: Result, image_size: tuple[int, int]) -> BlazePosePerson:
    """A person as users see it."""
    return BlazePosePerson(
        landmarks=result.landmarks,
        visibility=result.visibility,
        presence=result.presence,
        world_landmarks=result.world,
        auxiliary_landmarks=result.auxiliary,
        raw_landmarks=seen.landmarks.position[: len(result.landmarks)],
        raw_visibility=seen.landmarks.visibility[: len(result.landmarks)],
        raw_world_landmarks=seen.world,
        raw_auxiliary_landmarks=seen.landmarks.position[len(result.landmarks) :],
        segmentation_mask=result.mask,
        score=float(seen.presence),
        roi=seen.region.roi,
        next_roi=result.next_roi,
        detection=detection_of(seen.region),
        id=result.id,
        image_size=image_size,
    )
