"""What is missing, and when: blanking, filling gaps, even times. Every function gives a new recording."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .. import arguments
from .recording import COORDINATES, Recording

METHODS = ("linear", "cubic", "nearest")
"""How gaps are filled: along a straight line; along a cubic Hermite curve whose slopes are the finite differences
beside the gap; with the nearer neighbour."""


def blank(recording: Recording, below: float = 0.5, by: str = "visibility") -> Recording:
    """Take out the places of key points that are not sure enough.

    Parameters
    ----------
    recording : Recording
    below : float
        Points with a smaller probability become NaN in all coordinates; their probabilities stay.
    by : str
        The column that decides: "visibility", "presence" or "visibility_raw". In a video visibility is smoothed with a
        weight of 0.1 for the newest frame, and lags by some ten frames; "visibility_raw" does not.

    Returns
    -------
    Recording

    Raises
    ------
    ValueError
        When there is no such column, or `below` is no probability.
    """
    below = arguments.probability("below", below)
    sure = recording.column(by)
    values = recording.values.copy()
    places = [k for k, name in enumerate(recording.columns) if name in COORDINATES or "_raw" in name]
    places = [k for k in places if not recording.columns[k].startswith("visibility")]
    values[..., places] = np.where((sure < below)[..., None], np.nan, values[..., places])
    return recording.moved(values)


def with_every_frame(recording: Recording) -> Recording:
    """Give every frame between the first and the last its place: NaN where a table has no rows.

    Times between are those of frames at even distances.

    Raises
    ------
    ValueError
        When there are several sources, which have no frames in between.
    """
    if len(recording) < 2:
        return recording
    if len(recording.sources) > 1:
        raise ValueError(f"a recording of {len(recording.sources)} sources has no frames in between")
    _check_count(
        int(recording.frame[-1] - recording.frame[0]) + 1 - len(recording), f"up to frame {recording.frame[-1]}"
    )
    frame = np.arange(recording.frame[0], recording.frame[-1] + 1)
    if len(frame) == len(recording):
        return recording
    there = recording.frame - frame[0]
    values = np.full((len(frame), *recording.values.shape[1:]), np.nan, np.float32)
    angles = np.full((len(frame), *recording.angles.shape[1:]), np.nan, np.float32)
    values[there], angles[there] = recording.values, recording.angles
    time = np.interp(frame, recording.frame, recording.time)
    time[there] = recording.time
    return replace(
        recording, time=time, frame=frame, values=values, angles=angles, source_of=np.zeros(len(frame), np.int64)
    )


MOST_FRAMES = 1_000_000
"""So many frames without anything may be put between others: nine hours at 30 frames a second."""


def _check_count(count: int, where: str) -> None:
    if count > MOST_FRAMES:
        raise ValueError(
            f"{count} frames would have to be filled in {where}: the times or the numbers of the frames jump; "
            "write the parts before and after by themselves"
        )


def fill_gaps(recording: Recording, limit: float, method: str = "linear") -> Recording:
    """Fill short gaps between frames on which a key point is known.

    Parameters
    ----------
    recording : Recording
        Frames that are left out count as gaps, and get their place.
    limit : float
        Seconds from the last frame before a gap to the first one after it; longer gaps stay. Nothing is filled before
        the first and after the last frame on which a point is known.
    method : {"linear", "cubic", "nearest"}
        See `METHODS`.

    Returns
    -------
    Recording

    Raises
    ------
    ValueError
        When `limit` is negative or the method unknown.
    """
    endless = isinstance(limit, float | np.floating) and limit == math.inf
    limit = math.inf if endless else arguments.number("limit", limit, least=0)
    if method not in METHODS:
        raise ValueError(f"no method {method!r}: expected one of {', '.join(METHODS)}")
    recording = with_every_frame(recording)
    values = recording.values.copy()
    series = values.reshape(len(values), math.prod(values.shape[1:]))
    missing = np.isnan(series)
    for k in np.flatnonzero(missing.any(axis=0) & ~missing.all(axis=0)):
        _fill(series[:, k], missing[:, k], recording.time, limit, method)
    return recording.moved(values)


def _fill(
    series: NDArray[np.float32], missing: NDArray[np.bool_], time: NDArray[np.float64], limit: float, method: str
) -> None:
    """Fill the gaps of one series of numbers in place."""
    known = np.flatnonzero(~missing)
    gaps = np.flatnonzero(np.diff(known) > 1)
    for before, after in zip(known[gaps], known[gaps + 1], strict=True):
        if time[after] - time[before] > limit * (1 + 1e-9):
            continue
        inside = slice(before + 1, after)
        share = (time[inside] - time[before]) / (time[after] - time[before])
        a, b = float(series[before]), float(series[after])
        if method == "nearest":
            series[inside] = np.where(share <= 0.5, a, b)
        elif method == "linear":
            series[inside] = a + (b - a) * share
        else:
            length = time[after] - time[before]
            u = _slope(series, missing, time, before, after) * length
            v = _slope(series, missing, time, after, before) * length
            s, q, c = share, share**2, share**3
            series[inside] = (2 * c - 3 * q + 1) * a + (c - 2 * q + s) * u + (3 * q - 2 * c) * b + (c - q) * v


def _slope(
    series: NDArray[np.float32], missing: NDArray[np.bool_], time: NDArray[np.float64], end: int, other: int
) -> float:
    """Finite difference at one end of a gap: towards its known neighbour, else across the gap."""
    neighbour = end + (1 if end > other else -1)
    if not 0 <= neighbour < len(series) or missing[neighbour]:
        neighbour = other
    return float((series[end] - series[neighbour]) / (time[end] - time[neighbour]))


class EvenFrames:
    """Brings recordings to even times, block by block.

    Frames whose times fit a grid keep their numbers as they are. Where a frame lies beside it, numbers are interpolated
    linearly between both neighbours in time, if these are neighbouring frames; otherwise they are NaN.

    Parameters
    ----------
    rate : float, optional
        Frames per second; that of the first block without it.
    start : float, optional
        The time of frame 0 of the grid, not after the first frame; that of the first frame without it.

    Attributes
    ----------
    rate : float or None
        Frames per second, once known.
    interpolated : int
        Number of frames so far whose numbers were interpolated.
    """

    _FITS = 0.025  # of the shorter of both steps, the frames' and the grid's
    _ROUNDED = 0.00051  # or half a millisecond, to which some files round their times

    def __init__(self, rate: float | None = None, start: float | None = None) -> None:
        self.rate = None if rate is None else arguments.positive("rate", rate)
        self.interpolated = 0
        self._start = start
        self._next = 0  # the number of the next frame of the grid
        self._last: Recording | None = None

    def __call__(self, block: Recording) -> Recording:
        """Give the frames of the grid from the first frame to the end of a block; `frame` is their number on it.

        Raises
        ------
        ValueError
            When there are no times, or they do not increase.
        """
        if not len(block):
            return block
        if not np.isfinite(block.time).all():
            raise ValueError("these frames have no times, as pictures have none: no even frame rate is possible")
        if self._start is None:
            self._start = float(block.time[0])
        if self.rate is None:
            self.rate = block.rate if len(block) > 1 else 30.0
        if self._last is None:
            first = block.time[0] - self._reach(block.time[:2]) - self._start
            self._next = max(math.ceil(first * self.rate - 1e-9), 0)
        else:
            block = _stacked(self._last, block)
        if len(block) > 1 and np.diff(block.time).min() <= 0:
            raise ValueError("times must increase from frame to frame")
        self._last = block.take(slice(-1, None))
        end = int(np.floor((block.time[-1] + self._reach(block.time[-2:]) - self._start) * self.rate + 1e-9)) + 1
        _check_count(
            end - self._next, f"at {self.rate:g} frames a second from {block.time[0]:g} to {block.time[-1]:g} s"
        )
        grid = np.arange(self._next, max(end, self._next))
        self._next = max(end, self._next)
        time = self._start + grid / self.rate
        after = np.clip(np.searchsorted(block.time, time), 1, max(len(block) - 1, 1))
        before = after - 1
        after = np.minimum(after, len(block) - 1)
        nearest = np.where(time - block.time[before] <= block.time[after] - time, before, after)
        fits = np.abs(block.time[nearest] - time) <= self._reach(np.stack([block.time[before], block.time[after]]))
        values, angles = block.values[nearest], block.angles[nearest]
        share = (time - block.time[before]) / np.where(after > before, block.time[after] - block.time[before], 1)
        between = ~fits & (block.frame[after] - block.frame[before] == 1) & (share > 0) & (share < 1)
        for numbers, given in ((values, block.values), (angles, block.angles)):
            weight = share[between].reshape(-1, *[1] * (numbers.ndim - 1))
            numbers[between] = given[before[between]] * (1 - weight) + given[after[between]] * weight
            numbers[~fits & ~between] = np.nan
        self.interpolated += int(np.count_nonzero(between))
        return replace(
            block, time=time, frame=grid, values=values, angles=angles, source_of=np.zeros(len(grid), np.int64)
        )

    def _reach(self, neighbours: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far from a frame the grid may be to fit it, between two neighbours in time (2, ...)."""
        assert self.rate is not None
        step = neighbours[-1] - neighbours[0]
        step = np.where(step > 0, np.minimum(step, 1 / self.rate), 1 / self.rate)
        return np.maximum(self._FITS * step, np.minimum(self._ROUNDED, step / 8))


def _stacked(last: Recording, block: Recording) -> Recording:
    from .recording import joined

    return joined([last, block])


def resample(recording: Recording, rate: float | None = None) -> Recording:
    """Bring a recording to even times.

    Parameters
    ----------
    recording : Recording
    rate : float, optional
        Frames per second; the recording's own (`Recording.rate`) without it.

    Returns
    -------
    Recording
        From the first frame on, every 1 / `rate` seconds; NaN where no frame is near. Frames are numbered from 0.

    Raises
    ------
    ValueError
        When there are no times, or `rate` is not above 0.
    """
    return EvenFrames(rate)(recording)


class EveryFrame:
    """Gives every frame its place, block by block: NaN where frames are left out, whose times are interpolated.

    Parameters
    ----------
    start : int, optional
        The number of the first one (its time and those up to the first frame that there is are NaN); that of the
        first frame that there is without it.
    """

    def __init__(self, start: int | None = 0) -> None:
        self._next = start
        self._last: tuple[float, float] | None = None  # number and time of the frame before

    def __call__(self, block: Recording) -> Recording:
        """Give the frames up to the end of a block.

        Raises
        ------
        ValueError
            When frames come twice or go back.
        """
        if not len(block):
            return block
        start = int(block.frame[0]) if self._next is None else self._next
        _check_count(int(block.frame[-1]) + 1 - start, f"up to frame {block.frame[-1]}")
        frame = np.arange(start, block.frame[-1] + 1)
        there = block.frame - start
        before, self._last = self._last, (float(block.frame[-1]), float(block.time[-1]))
        self._next = int(block.frame[-1]) + 1
        if len(frame) == len(block):
            return block
        if there[0] < 0 or len(np.unique(there)) != len(there):
            raise ValueError("frames come twice, or are not sorted")
        values = np.full((len(frame), *block.values.shape[1:]), np.nan, np.float32)
        angles = np.full((len(frame), *block.angles.shape[1:]), np.nan, np.float32)
        number, seconds = np.r_[[before] if before else np.zeros((0, 2)), np.c_[block.frame, block.time]].T
        time = np.interp(frame, number, seconds, left=np.nan)
        values[there], angles[there], time[there] = block.values, block.angles, block.time
        source = np.zeros(len(frame), np.int64)
        source[there] = block.source_of
        return replace(block, time=time, frame=frame, values=values, angles=angles, source_of=source)
