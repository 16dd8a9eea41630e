"""Temporal filters: low-pass and One-Euro, for many values at once.

The One-Euro filter (Casiez, Roussel, Vogel: "1 € Filter", CHI 2012) as MediaPipe computes it
(``util/filtering/one_euro_filter.cc``, ``low_pass_filter.cc``): float64 inside, float32 states, parameters rounded to
float32. Time is an argument; nothing here reads a clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .. import arguments
from .libm import FloatArray, f32


@dataclass(frozen=True)
class Smoothing:
    """How landmarks are smoothed over time. The defaults are MediaPipe's (``pose_landmark_filtering.pbtxt``).

    A lower cutoff smooths more and lags more; a higher beta follows fast movements better.

    Attributes
    ----------
    min_cutoff, beta : float
        Landmarks on the image: cutoff frequency of a landmark at rest in Hz, and how much it grows with speed (Hz per
        body size and second). Positions are filtered in pixels, speed is measured in body sizes.
    world_min_cutoff, world_beta : float
        World landmarks: in Hz, and in Hz per metre and second.
    derivative_cutoff : float
        Cutoff frequency for the speeds in Hz.
    visibility_alpha : float
        Weight of the newest visibility, above 0 up to 1.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a number, not finite or out of its range.
    """

    min_cutoff: float = 0.05
    beta: float = 80.0
    world_min_cutoff: float = 0.1
    world_beta: float = 40.0
    derivative_cutoff: float = 1.0
    visibility_alpha: float = 0.1

    def __post_init__(self) -> None:
        for field in fields(self):
            value = arguments.number(f"Smoothing: {field.name}", getattr(self, field.name), least=0)
            if value == 0 and "beta" not in field.name:
                raise ValueError(f"Smoothing: {field.name} must be above zero")
            object.__setattr__(self, field.name, value)
        if self.visibility_alpha > 1:
            raise ValueError(f"Smoothing: visibility_alpha must be at most 1, not {self.visibility_alpha!r}")


_LARGEST_NS = 2**63 - 1  # what MediaPipe's durations end at


def _blend(alpha: FloatArray, new: FloatArray, old: NDArray[np.float64]) -> FloatArray:
    """alpha*new + (1 - alpha)*old: the first product in float32, the rest in float64, rounded once."""
    return (alpha * new + (1.0 - alpha.astype(np.float64)) * old).astype(f32)


def _alpha(cutoff: NDArray[np.float64], frequency: float) -> FloatArray:
    """Weight of the newest value for a cutoff frequency, at a sampling frequency; both in Hz."""
    return (1.0 / (1.0 + 1.0 / (2 * math.pi * cutoff) / (1.0 / frequency))).astype(f32)


class LowPass:
    """Exponential low-pass filter.

    Attributes
    ----------
    alpha : float32
        Weight of the newest value.
    value : ndarray of float32, or None
        Last output; None before the first.
    """

    def __init__(self, alpha: float) -> None:
        self.alpha = f32(alpha)
        self.value: FloatArray | None = None

    def apply(self, values: FloatArray) -> FloatArray:
        """Filter the next values: ndarray of float32, always of one shape; the first ones pass unchanged."""
        self.value = values if self.value is None else _blend(self.alpha, values, self.value.astype(np.float64))
        return self.value


def one_euro(
    values: FloatArray,
    states: NDArray[np.float64],
    parameters: NDArray[np.float64],
    frequency: float,
    value_scale: float,
) -> tuple[FloatArray, NDArray[np.float64]]:
    """One step of the One-Euro filter.

    Parameters
    ----------
    values : ndarray of float32, any shape
    states : ndarray of float64, shape (3, ...)
        Last input, last output and low-passed speed of every value: float32 numbers.
    parameters : ndarray of float64, shape (3, ...)
        Cutoff at rest, its growth with speed, and cutoff for the speed of every value.
    frequency : float
        Of the samples, in Hz.
    value_scale : float
        What speeds are multiplied with.

    Returns
    -------
    smooth : ndarray of float32, same shape
    states : ndarray of float64, shape (3, ...)
        Those of the next step.
    """
    raw, value, speed = states
    min_cutoff, beta, derivative_cutoff = parameters
    wide = values.astype(np.float64)
    change = ((wide - raw) * value_scale * frequency).astype(f32)
    speed = _blend(_alpha(derivative_cutoff, frequency), change, speed).astype(np.float64)
    smooth = _blend(_alpha(min_cutoff + beta * np.abs(speed), frequency), values, value)
    return smooth, np.stack([wide, smooth.astype(np.float64), speed])


class OneEuro:
    """One-Euro filter.

    Parameters
    ----------
    min_cutoff, beta : float or ndarray
        Cutoff at rest in Hz, and its growth per unit of speed. Arrays broadcast against the values.
    derivative_cutoff : float or ndarray
        Cutoff for the speeds in Hz.

    Attributes
    ----------
    time_us : int or None
        Time of the last values in microseconds; None before the first.
    raw, value, speed : ndarray
        Last input, last output and low-passed speed; float32 numbers, kept as float64.
    """

    def __init__(
        self,
        min_cutoff: float | NDArray[np.float64],
        beta: float | NDArray[np.float64],
        derivative_cutoff: float | NDArray[np.float64] = 1.0,
    ) -> None:
        self.min_cutoff, self.beta, self.derivative_cutoff = (
            np.asarray(parameter, f32).astype(np.float64) for parameter in (min_cutoff, beta, derivative_cutoff)
        )
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.time_us: int | None = None
        self._states = self._parameters = np.zeros((3, 0))

    @property
    def raw(self) -> NDArray[np.float64]:
        return self._states[0]

    @property
    def value(self) -> NDArray[np.float64]:
        return self._states[1]

    @property
    def speed(self) -> NDArray[np.float64]:
        return self._states[2]

    def apply(
        self,
        values: FloatArray,
        time_us: int,
        value_scale: float = 1.0,
        step: Callable[..., tuple[FloatArray, NDArray[np.float64]]] = one_euro,
    ) -> FloatArray:
        """Filter the next values.

        Parameters
        ----------
        values : ndarray of float32, always of one shape
        time_us : int
            Microseconds; later than the last.
        value_scale : float
            What speeds are multiplied with.
        step : function
            The engine's `one_euro`.

        Returns
        -------
        ndarray of float32, same shape
            The first values pass unchanged.
        """
        if self.time_us is None:
            self.time_us = time_us
            limits = (self.min_cutoff, self.beta, self.derivative_cutoff)
            self._parameters = np.stack([np.broadcast_to(limit, values.shape) for limit in limits])
            self._states = np.stack([values, values, np.zeros_like(values)]).astype(np.float64)
            return values
        frequency = 1.0 / ((time_us - self.time_us) * 1000 * 1e-9)
        return self._advance(values, time_us, value_scale, step, frequency)

    def _advance(
        self,
        values: FloatArray,
        time_us: int,
        value_scale: float,
        step: Callable[..., tuple[FloatArray, NDArray[np.float64]]],
        frequency: float,
    ) -> FloatArray:
        smooth, self._states = step(values, self._states, self._parameters, frequency, value_scale)
        self.time_us = time_us
        return smooth


class UnevenOneEuro(OneEuro):
    """One-Euro filter that is given time stamps of any kind, as MediaPipe Tasks hands on its caller's.

    Values at negative times, and at times that are not later than the last, pass unchanged and unseen. Time 0 says
    nothing about the frequency, neither as the time of the values nor as that of the last ones
    (``one_euro_filter.cc``, which takes it for "not set").
    """

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self._last_ns = -1
        self._frequency = 30.0  # landmarks_smoothing_calculator.proto: frequency

    def apply(
        self,
        values: FloatArray,
        time_us: int,
        value_scale: float = 1.0,
        step: Callable[..., tuple[FloatArray, NDArray[np.float64]]] = one_euro,
    ) -> FloatArray:
        """Filter the next values; see `OneEuro.apply`."""
        now_ns = min(time_us * 1000, _LARGEST_NS)
        if now_ns <= self._last_ns:
            return values
        if self._last_ns != 0 and now_ns != 0:
            self._frequency = 1.0 / ((now_ns - self._last_ns) * 1e-9)
        self._last_ns = now_ns
        if self.time_us is None:
            return super().apply(values, time_us)
        return self._advance(values, time_us, value_scale, step, self._frequency)
