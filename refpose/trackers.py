"""What BlazePose remembers from one frame to the next. All other modules are functions.

A `Tracker` says which regions to look at, what becomes of the estimates, and what a frame without people does. `Stills`
remembers nothing; `SolutionTracker` follows MediaPipe's ``pose_landmark_cpu.pbtxt`` and
``pose_landmark_filtering.pbtxt``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from . import arguments
from .runner import Run
from .stages import segmentation
from .stages.filters import LowPass, OneEuro, Smoothing
from .stages.landmarks import AUXILIARY, COUNT, Landmarks
from .stages.libm import FloatArray, f32
from .stages.roi import Roi, enlarged, from_points, object_scale
from .stages.table import NUMPY, Stages

STEP_US = 33_333  # microseconds between frames without a time stamp (MediaPipe's solution_base.py)

# pose_landmark_filtering.pbtxt: the two auxiliary landmarks, which are always filtered
_AUXILIARY_MIN_CUTOFF, _AUXILIARY_BETA, _AUXILIARY_DERIVATIVE_CUTOFF = 0.01, 10.0, 1.0
MIN_OBJECT_SCALE = f32(1e-6)  # landmarks_smoothing_calculator.proto: min_allowed_object_scale


class Region(NamedTuple):
    """Where to look for a person.

    Attributes
    ----------
    roi : Roi
    detection_n : ndarray of float32, shape (13,), or None
        What the detector found there, as `detector.remove_padding` gives it.
    candidates_sq : ndarray of float32, shape (n, 13), or None
        What it was found among.
    expected : bool
        Whether somebody is looked for here whom the last frame did not show.
    """

    roi: Roi
    detection_n: FloatArray | None = None
    candidates_sq: FloatArray | None = None
    expected: bool = False


class Estimate(NamedTuple):
    """What the landmark network says about a region, on the picture's axes, before it is filtered.

    Attributes
    ----------
    region : Region
    presence : float32
        Probability that the region shows a person.
    landmarks : Landmarks, n = 35
        The landmarks and the two auxiliary ones; fractions of image width and height.
    world : ndarray of float32, shape (33, 3)
        Metres.
    mask : ndarray of float32, shape (H, W), or None
        Probability that a pixel shows the person.
    """

    region: Region
    presence: FloatArray
    landmarks: Landmarks
    world: FloatArray
    mask: FloatArray | None


class Result(NamedTuple):
    """What becomes of an estimate. The fields are those of `refpose.person.BlazePosePerson`."""

    landmarks: FloatArray
    visibility: FloatArray
    presence: FloatArray
    world: FloatArray
    auxiliary: FloatArray
    mask: FloatArray | None
    next_roi: Roi | None
    id: int | None = None


RESULT = (
    "result/landmarks_n",
    "result/visibility",
    "result/presence",
    "result/world_m",
    "result/auxiliary_n",
    "result/mask",
    "result/next_roi_n",
    "result/id",
)
"""The names of a `Result`'s fields."""

Find = Callable[[int | None], Sequence[Region]]
"""Asks the detector for at most so many people, None for all; `refpose.runner.NoPerson` when it finds none."""


class Tracker(Protocol):
    """The memory of a stream of frames."""

    def reset(self) -> None:
        """Forget everything."""

    def next_time(self, timestamp: float | Fraction | None) -> int:
        """Time of the next frame in microseconds."""

    def regions(self, run: Run, find: Find) -> Sequence[Region]:
        """Where to look for people on the next frame, asking the detector where that is needed."""

    def follow(
        self, run: Run, estimates: Sequence[Estimate], width: int, height: int, time_us: int, stages: Stages
    ) -> list[tuple[Estimate, Result]]:
        """Take over the estimates of a frame, one at least; those that are kept come back with their results."""

    def lose(self, time_us: int) -> None:
        """Take note that a frame shows nobody."""

    def states(self) -> dict[str, NDArray[Any]]:
        """What is remembered, by documented names."""


def unfiltered(found: Landmarks, world: FloatArray, mask: FloatArray | None, width: int, height: int) -> Result:
    """The result of a single image: MediaPipe's pass-through of the filters goes to pixels and back all the same."""
    size = np.array((width, height, width), f32)
    position = found.position * size / size
    return Result(
        position[:COUNT], found.visibility[:COUNT], found.presence[:COUNT], world, position[COUNT:], mask, None
    )


class Stills:
    """Every image on its own: nothing is remembered, nothing is filtered.

    Parameters
    ----------
    people : int or None
        How many are looked for at most; None: all that the detector finds.
    """

    def __init__(self, people: int | None = 1) -> None:
        self.people = people

    def reset(self) -> None:
        """There is nothing to forget."""

    def next_time(self, timestamp: float | Fraction | None) -> int:
        """Time has no influence."""
        return 0

    def regions(self, run: Run, find: Find) -> Sequence[Region]:
        """Where the detector sees people."""
        return find(self.people)

    def follow(
        self, run: Run, estimates: Sequence[Estimate], width: int, height: int, time_us: int, stages: Stages
    ) -> list[tuple[Estimate, Result]]:
        """Pass the estimates on."""
        return [
            (one, Result(*run.person(i)(RESULT, unfiltered, one.landmarks, one.world, one.mask, width, height)))
            for i, one in enumerate(estimates)
        ]

    def lose(self, time_us: int) -> None:
        """There is nobody to lose."""

    def states(self) -> dict[str, NDArray[Any]]:
        """Nothing."""
        return {}


class Clock:
    """The time of a stream of frames.

    Attributes
    ----------
    time_us : int or None
        Time of the last frame in microseconds.
    """

    time_us: int | None = None

    def next_time(self, timestamp: float | Fraction | None) -> int:
        """Time of the next frame.

        Parameters
        ----------
        timestamp : number or None
            Seconds; None is `STEP_US` after the last frame.

        Returns
        -------
        int
            Microseconds.

        Raises
        ------
        TypeError
            If the time stamp is not a number.
        ValueError
            If it is not finite, or not later than the last frame's in whole microseconds.
        """
        if timestamp is None:
            return (self.time_us or 0) + STEP_US
        seconds = arguments.exact("timestamp", timestamp)
        if not -arguments.LATEST <= seconds <= arguments.LATEST:
            raise ValueError(
                f"timestamp must be at most {arguments.LATEST:.0f} seconds, not {arguments.shown(timestamp)}"
            )
        time_us = round(seconds * 1_000_000)
        if self.time_us is not None and time_us <= self.time_us:
            raise ValueError(
                f"time must go forward: timestamp {arguments.shown(timestamp)} s is {time_us} us, the last "
                f"frame's {self.time_us} us"
            )
        return time_us


class SolutionTracker(Clock):
    """The state of a stream of frames with one person, as in MediaPipe's solutions; picklable.

    Parameters
    ----------
    smoothing : Smoothing or None
        None leaves landmarks as they are. The auxiliary landmarks are filtered all the same.
    mask_ratio : float
        How much of the previous mask uncertain values of a mask take over; 0 keeps no mask.

    Attributes
    ----------
    roi : Roi or None
        Where to look for the person in the next frame; None: ask the detector.
    time_us : int or None
        Time of the last frame in microseconds.
    points : OneEuro
        Filter of the landmarks on the image in pixels: all 33 and the two auxiliary ones, or these alone.
    world : OneEuro
        Filter of the world landmarks.
    visibility : LowPass
        Filter of the visibility of the 33 landmarks.
    mask : ndarray of float32, shape (H, W), or None
        The last mask, where masks are smoothed.
    """

    def __init__(self, smoothing: Smoothing | None = None, mask_ratio: float = segmentation.RATIO) -> None:
        self.smoothing = smoothing
        self.mask_ratio = mask_ratio
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.roi: Roi | None = None
        self.time_us = None
        self.mask: FloatArray | None = None
        settings = self.smoothing or Smoothing()
        own = COUNT if self.smoothing else 0
        self.points = OneEuro(
            *(
                np.array([landmark] * own + [auxiliary] * 2)[:, None]
                for landmark, auxiliary in (
                    (settings.min_cutoff, _AUXILIARY_MIN_CUTOFF),
                    (settings.beta, _AUXILIARY_BETA),
                    (settings.derivative_cutoff, _AUXILIARY_DERIVATIVE_CUTOFF),
                )
            )
        )
        self.world = OneEuro(settings.world_min_cutoff, settings.world_beta, settings.derivative_cutoff)
        self.visibility = LowPass(settings.visibility_alpha)

    def lose(self, time_us: int) -> None:
        """Note that a frame shows nobody.

        The filters of visibility and world landmarks go on after the gap, as in MediaPipe.
        """
        self.time_us = time_us
        self.roi = None
        self.points.reset()

    def regions(self, run: Run, find: Find) -> Sequence[Region]:
        """Where the person was in the frame before; without one, where the detector sees a person."""
        return find(1) if self.roi is None else [Region(run.given("roi/crop_n", self.roi))]

    def follow(
        self, run: Run, estimates: Sequence[Estimate], width: int, height: int, time_us: int, stages: Stages = NUMPY
    ) -> list[tuple[Estimate, Result]]:
        """Take over the landmarks of a frame.

        Parameters
        ----------
        run : Run
        estimates : sequence of one Estimate
        width, height : int
            Image size in pixels.
        time_us : int
            Time of the frame in microseconds, later than the last.
        stages : Stages
            The engine's functions.

        Returns
        -------
        list of one (Estimate, Result)
            Filtered.

        Raises
        ------
        ValueError
            The mask has another size than the last one, and they are to be smoothed; nothing has changed then.
        """
        (one,) = estimates
        if one.mask is not None:
            self.check_mask((height, width))
        arguments = (one.landmarks, one.world, one.mask, width, height, time_us, stages)
        return [(one, Result(*run(RESULT, self.filtered, *arguments)))]

    def filtered(
        self,
        raw: Landmarks,
        raw_world: FloatArray,
        mask: FloatArray | None,
        width: int,
        height: int,
        time_us: int,
        stages: Stages = NUMPY,
    ) -> Result:
        """Filter the 35 landmarks, the world landmarks and the mask of a frame, and place the next region."""
        self.time_us = time_us
        size = np.array((width, height, width), f32)
        centre, on_circle = raw.position[AUXILIARY]
        scale = object_scale(centre, on_circle, width, height)
        points_px = raw.position * size
        if scale >= MIN_OBJECT_SCALE:
            first = 0 if self.smoothing else COUNT
            points_px[first:] = self.points.apply(points_px[first:], time_us, float(f32(1) / scale), stages.one_euro)
        position = points_px / size
        centre, on_circle = position[AUXILIARY]
        self.roi = enlarged(from_points(centre, on_circle, width, height, stages.atan2f), width, height)
        visibility, world = raw.visibility[:COUNT], raw_world
        if self.smoothing is not None:
            visibility = self.visibility.apply(visibility)
            world = self.world.apply(raw_world, time_us, step=stages.one_euro)
        mask = None if mask is None else self.follow_mask(mask)
        return Result(position[:COUNT], visibility, raw.presence[:COUNT], world, position[COUNT:], mask, self.roi)

    def states(self) -> dict[str, NDArray[Any]]:
        """States of the filters after a frame."""
        return filter_states(self.points, self.world, self.visibility)

    def check_mask(self, shape: tuple[int, int]) -> None:
        """Raise ValueError if a mask of this shape (H, W) cannot be smoothed with the last one."""
        if self.mask is not None and self.mask.shape != shape:
            raise ValueError(
                f"the image is {shape[1]} x {shape[0]}, the last mask {self.mask.shape[1]} x {self.mask.shape[0]}: "
                "masks of different sizes cannot be smoothed; call reset() first"
            )

    def follow_mask(self, mask: FloatArray) -> FloatArray:
        """Smooth the mask of a frame, shape (H, W), with the one before it, however long ago that was."""
        if not self.mask_ratio:
            return mask
        if self.mask is not None:
            mask = segmentation.smooth(mask, self.mask, self.mask_ratio)
        self.mask = mask
        return mask


def filter_states(points: OneEuro, world: OneEuro, visibility: LowPass) -> dict[str, NDArray[Any]]:
    """States of the filters of one person, by documented names."""
    states: dict[str, NDArray[Any]] = {}
    for name, one_euro, unit in (("points", points, "px"), ("world", world, "m")):
        if one_euro.time_us is not None:
            states[f"filters/{name}/raw_{unit}"] = one_euro.raw.copy()
            states[f"filters/{name}/value_{unit}"] = one_euro.value.copy()
            states[f"filters/{name}/speed"] = one_euro.speed.copy()
    if visibility.value is not None:
        states["filters/visibility"] = visibility.value.copy()
    return states
