"""What BlazePose remembers from one frame to the next. All other modules are functions.

Follows MediaPipe's ``pose_landmark_cpu.pbtxt`` and ``pose_landmark_filtering.pbtxt``.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from . import arguments
from .stages import filters, libm, segmentation
from .stages.filters import LowPass, OneEuro, Smoothing
from .stages.landmarks import AUXILIARY, COUNT, Landmarks
from .stages.libm import FloatArray, f32
from .stages.roi import Roi, enlarged, from_points, object_scale

_LATEST = 2.0**63 / 1e6  # seconds: MediaPipe's time stamps are microseconds in 64 bits
STEP_US = 33_333  # microseconds between frames without a time stamp (MediaPipe's solution_base.py)

# pose_landmark_filtering.pbtxt: the two auxiliary landmarks, which are always filtered
_AUXILIARY_MIN_CUTOFF, _AUXILIARY_BETA, _AUXILIARY_DERIVATIVE_CUTOFF = 0.01, 10.0, 1.0
_MIN_OBJECT_SCALE = f32(1e-6)  # landmarks_smoothing_calculator.proto: min_allowed_object_scale


class Tracker:
    """The state of a stream of frames; picklable.

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
        self.time_us: int | None = None
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
        if not -_LATEST <= seconds <= _LATEST:
            raise ValueError(f"timestamp must be at most {_LATEST:.0f} seconds, not {arguments.shown(timestamp)}")
        time_us = round(seconds * 1_000_000)
        if self.time_us is not None and time_us <= self.time_us:
            raise ValueError(
                f"time must go forward: timestamp {timestamp!r} s is {time_us} us, the last frame's {self.time_us} us"
            )
        return time_us

    def lose(self, time_us: int) -> None:
        """Note that a frame shows nobody.

        The filters of visibility and world landmarks go on after the gap, as in MediaPipe.
        """
        self.time_us = time_us
        self.roi = None
        self.points.reset()

    def follow(
        self,
        raw: Landmarks,
        raw_world: FloatArray,
        width: int,
        height: int,
        time_us: int,
        atan2f: Callable[..., FloatArray] = libm.atan2f,
        one_euro: Callable[..., Any] = filters.one_euro,
    ) -> tuple[Landmarks, FloatArray]:
        """Take over the landmarks of a frame.

        Parameters
        ----------
        raw : Landmarks, n = 35
            The 33 landmarks and the two auxiliary ones, in fractions of image width and height.
        raw_world : ndarray of float32, shape (33, 3)
            Metres.
        width, height : int
            Image size in pixels.
        time_us : int
            Time of the frame in microseconds, later than the last.
        atan2f, one_euro : functions
            The engine's `refpose.stages.libm.atan2f` and `refpose.stages.filters.one_euro`.

        Returns
        -------
        landmarks : Landmarks, n = 35
            Filtered, in fractions of image width and height.
        world : ndarray of float32, shape (33, 3)
            Filtered, in metres.
        """
        self.time_us = time_us
        size = np.array((width, height, width), f32)
        centre, on_circle = raw.position[AUXILIARY]
        scale = object_scale(centre, on_circle, width, height)
        points_px = raw.position * size
        if scale >= _MIN_OBJECT_SCALE:
            first = 0 if self.smoothing else COUNT
            points_px[first:] = self.points.apply(points_px[first:], time_us, float(f32(1) / scale), one_euro)
        position = points_px / size
        centre, on_circle = position[AUXILIARY]
        self.roi = enlarged(from_points(centre, on_circle, width, height, atan2f), width, height)
        if self.smoothing is None:
            return raw._replace(position=position), raw_world
        visibility = self.visibility.apply(raw.visibility[:COUNT])
        return raw._replace(position=position, visibility=visibility), self.world.apply(
            raw_world, time_us, step=one_euro
        )

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
