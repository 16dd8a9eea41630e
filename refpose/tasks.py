"""BlazePose as MediaPipe Tasks' `PoseLandmarker` runs it: several people, without identities.

Follows ``pose_landmarker_graph.cc`` and ``pose_landmarks_detector_graph.cc``. The stages are those of
`refpose.pipeline`; here is what tells which regions are looked at, what is filtered, and what is remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from operator import attrgetter
from threading import Lock
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import arguments
from .blazepose import PipelinePose
from .engine import Network, load_network, resolve, stages
from .families import family_of
from .frame import Regions, checked_rois
from .pipeline import TASKS_0, TASKS_1, Detector, Landmarker, Variant, blazepose
from .runner import DIRECT, NoPerson, Run
from .stages.association import associate
from .stages.detector import DetectorModel
from .stages.filters import LowPass, Smoothing, UnevenOneEuro
from .stages.landmarks import AUXILIARY, COUNT, Landmarks
from .stages.libm import f32
from .stages.roi import Roi, enlarged, from_points, region_scale
from .stages.table import NUMPY, Stages
from .stages.warp import ByteArray
from .trackers import MIN_OBJECT_SCALE, RESULT, Clock, Estimate, Find, Region, Result, filter_states


class Version(NamedTuple):
    """What tells the releases of MediaPipe apart.

    Attributes
    ----------
    variant : Variant
        Of the stages.
    forgets_sizes : bool
        Whether the filters of the landmarks on the image start anew when the image has another size.
    """

    variant: Variant
    forgets_sizes: bool


VERSIONS = {"0.10.21": Version(TASKS_0, False), "1.2.3": Version(TASKS_1, True)}


class TasksTracker(Clock):
    """The memory of `PoseLandmarker`: the regions of the people of the frame before, and for one person filters.

    Parameters
    ----------
    people : int
        How many regions are looked at.
    stream : bool
        Whether images are frames that follow on each other; otherwise nothing is remembered.
    max_overlap : float
        Regions of a stream that overlap by more show one person (`refpose.stages.association`).
    forgets_sizes : bool
        As in `Version`.

    Attributes
    ----------
    tracked : list of Roi
        Where the people of the last frame will be, in their order.
    time_us : int or None
        Time of the last frame in microseconds.
    points, world : UnevenOneEuro
        Filters of the landmarks on the image in pixels, and of the world landmarks.
    visibility : LowPass
    """

    def __init__(self, people: int, stream: bool, max_overlap: float = 0.5, forgets_sizes: bool = False) -> None:
        self.people = people
        self.stream = stream
        self.max_overlap = max_overlap
        self.forgets_sizes = forgets_sizes
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        smoothing = Smoothing()  # the numbers of pose_landmarks_detector_graph.cc are those of the solutions
        self.tracked: list[Roi] = []
        self.time_us = None
        self.points = UnevenOneEuro(smoothing.min_cutoff, smoothing.beta, smoothing.derivative_cutoff)
        self.world = UnevenOneEuro(smoothing.world_min_cutoff, smoothing.world_beta, smoothing.derivative_cutoff)
        self.visibility = LowPass(smoothing.visibility_alpha)
        self._size: tuple[int, int] | None = None

    @property
    def filters(self) -> bool:
        """Whether landmarks are filtered: those of one person in a stream are."""
        return self.stream and self.people == 1

    def regions(self, run: Run, find: Find) -> Sequence[Region]:
        """Where to look: at the tracked people, and while they are fewer than wanted, at those the detector finds."""
        if not self.stream:
            return find(self.people)
        regions = [Region(one) for one in self.tracked]
        if len(regions) < self.people:
            try:
                regions += find(None)
            except NoPerson:
                if not regions:
                    raise
        chosen = associate(regions, attrgetter("roi"), self.max_overlap)[: self.people]
        for i, region in enumerate(chosen):
            run.person(i).given("roi/crop_n", region.roi)
        return chosen

    def follow(
        self, run: Run, estimates: Sequence[Estimate], width: int, height: int, time_us: int, stages: Stages = NUMPY
    ) -> list[tuple[Estimate, Result]]:
        """Take over the estimates of a frame: the regions of the next one, and filtered landmarks."""
        self.time_us = time_us
        if self.forgets_sizes and self._size not in (None, (width, height)):
            self.points.reset()
        self._size = (width, height)
        results = [
            Result(*run.person(i)(RESULT, self.result, one, width, height, time_us, stages))
            for i, one in enumerate(estimates)
        ]
        self.tracked = [result.next_roi for result in results if result.next_roi is not None]
        return list(zip(estimates, results, strict=True))

    def result(self, seen: Estimate, width: int, height: int, time_us: int, stages: Stages = NUMPY) -> Result:
        """What becomes of one estimate. The auxiliary points are never filtered, nor is the next region."""
        auxiliary = seen.landmarks.position[AUXILIARY]
        centre, on_circle = auxiliary
        next_roi = enlarged(from_points(centre, on_circle, width, height, stages.atan2f), width, height)
        raw = Landmarks(*(values[:COUNT] for values in seen.landmarks))
        position, visibility, world = raw.position, raw.visibility, seen.world
        if self.filters:
            size = np.array((width, height, width), f32)
            scale = region_scale(next_roi, width, height)
            points_px = position * size
            if scale >= MIN_OBJECT_SCALE:
                points_px = self.points.apply(points_px, time_us, float(f32(1) / scale), stages.one_euro)
            position = points_px / size
            visibility = self.visibility.apply(visibility)
            world = self.world.apply(world, time_us, step=stages.one_euro)
        return Result(position, visibility, raw.presence, world, auxiliary, seen.mask, next_roi)

    def lose(self, time_us: int) -> None:
        """Take note that a frame shows nobody. Visibility and world landmarks are filtered on after the gap."""
        self.time_us = time_us
        self.tracked = []
        self.points.reset()

    def states(self) -> dict[str, NDArray[Any]]:
        """States of the filters after a frame."""
        return filter_states(self.points, self.world, self.visibility) if self.filters else {}


class TasksPose(PipelinePose):
    """Finds people as MediaPipe Tasks' `PoseLandmarker` does, bit for bit.

    Parameters
    ----------
    model : {"lite", "full", "heavy"}
    mode : {"video", "image"}
        ``"video"`` is also how live streams are worked on.
    people : int
        At most so many are found.
    version : {"0.10.21", "1.2.3"}
        Whose bits: those of MediaPipe 0.10.21, or of 1.0.0 to 1.2.3.
    segmentation : bool
        Whether to compute a mask of everybody.
    min_detection_confidence : float
        Least score of the detector that counts. Any number, as in MediaPipe.
    min_presence_confidence : float
        Least probability of the landmark network that counts (exclusive).
    min_tracking_confidence : float
        Two regions of a video that overlap by more show one person; from 0 on.
    engine, threads
        As for `refpose.Pose`.
    networks : (Network, Network), optional
        Detector and landmark network to take instead of those that come with refpose.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or not one of the allowed values.
    """

    def __new__(cls, *arguments: Any, **options: Any) -> TasksPose:
        """An estimator that is not chosen by its model's family."""
        pose: TasksPose = object.__new__(cls)
        pose._turn = Lock()
        return pose

    def __init__(
        self,
        model: str = "full",
        mode: Literal["video", "image"] = "video",
        people: int = 1,
        version: str = "0.10.21",
        segmentation: bool = False,
        min_detection_confidence: float = 0.5,
        min_presence_confidence: float = 0.5,
        min_tracking_confidence: float = 0.5,
        engine: str = "auto",
        threads: int = 1,
        *,
        networks: tuple[Network, Network] | None = None,
    ) -> None:
        if not family_of(model).estimator.endswith(":BlazePose"):
            raise ValueError(f"no model {model!r} of BlazePose")
        if mode not in ("video", "image"):
            raise ValueError(f"no mode {mode!r}: expected video or image")
        if version not in VERSIONS:
            raise ValueError(f"no version {version!r}: expected one of {', '.join(VERSIONS)}")
        self.model = model
        self.mode: str = mode
        self.version = version
        self.people = arguments.whole("people", people, 1)
        self.segmentation = arguments.flag("segmentation", segmentation)
        self.min_detection_confidence = float(f32(min_detection_confidence))
        self.min_presence_confidence = float(f32(min_presence_confidence))
        self.min_tracking_confidence = float(f32(min_tracking_confidence))
        if mode == "video" and not self.min_tracking_confidence >= 0:
            raise ValueError(f"min_tracking_confidence must be at least 0, not {min_tracking_confidence}")
        self.engine = resolve(engine)
        self.threads = threads
        self._networks = networks
        self.tracker: TasksTracker = TasksTracker(
            self.people, mode == "video", self.min_tracking_confidence, VERSIONS[version].forgets_sizes
        )
        self._load()

    def _load(self) -> None:
        detector, landmarker = self._networks or (
            load_network(name, self.engine, self.threads) for name in ("detector", self.model)
        )
        variant = VERSIONS[self.version].variant
        functions = stages(self.engine, variant.rounded)
        model = DetectorModel(fused=variant.fused)
        self._loaded = (
            Detector(detector, functions, self.min_detection_confidence, variant, model),
            Landmarker(
                landmarker,
                functions,
                self.min_presence_confidence,
                self.segmentation,
                variant,
            ),
        )

    def compute(
        self, run: Run, image: ByteArray, timestamp: float | Fraction | None = None, roi: Regions = None
    ) -> list[tuple[Estimate, Result]]:
        """`refpose.pipeline.blazepose`."""
        given = checked_rois(roi, image)
        return blazepose(*self._loaded, self.tracker, run, image, self.tracker.next_time(timestamp), given)

    def at(
        self, image: ByteArray, time_us: int, rotation_degrees: int = 0, run: Run = DIRECT
    ) -> list[tuple[Estimate, Result]]:
        """The people on an image or a frame at any time, perhaps turned.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W, 3)
            RGB, C-contiguous, with pixels.
        time_us : int
            Microseconds, later than the last frame's; may be negative.
        rotation_degrees : int
            As for `refpose.stages.roi.whole_image`.
        run : Run
            Makes the calls.
        """
        return blazepose(*self._loaded, self.tracker, run, image, time_us, rotation_degrees=rotation_degrees)

    def settings(self) -> dict[str, Any]:
        """What results depend on besides the images, for the record."""
        return super().settings() | {
            "tasks_version": self.version,
            "people": self.people,
            "min_overlap": VERSIONS[self.version].variant.min_overlap,
            "refinement_window": VERSIONS[self.version].variant.window,
            "min_detection_confidence": self.min_detection_confidence,
            "min_presence_confidence": self.min_presence_confidence,
            "min_tracking_confidence": self.min_tracking_confidence,
        }
