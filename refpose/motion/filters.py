"""Low-pass filters for whole recordings. They act on places, never on probabilities, and leave gaps as they are."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .. import arguments
from ..extras import require
from ..stages import filters
from .recording import COORDINATES, Recording

_MOST = 40  # order of a filter
_LEAST = 1e-5  # cut-off as a part of the frame rate; much below, the filter is not to be told from one of 0


def low_pass(recording: Recording, cutoff_hz: float, order: int = 4) -> Recording:
    """Butterworth low-pass filter forwards and backwards, so that nothing is delayed (extra ``motion``: SciPy).

    Half the order goes each way, and the cut-off of each way is raised so that both together damp `cutoff_hz` by 3 dB
    (D. A. Winter: "Biomechanics and Motor Control of Human Movement", 4th ed., 2009, section 3.4.4.2).

    Parameters
    ----------
    recording : Recording
        At even times. Each stretch without gaps is filtered by itself, its ends extended by point reflection.
    cutoff_hz : float
        Frequency that is damped by 3 dB; 6 Hz is usual for walking (Winter).
    order : int
        Of the whole filter: even.

    Returns
    -------
    Recording

    Raises
    ------
    MissingExtra
        When SciPy is not installed.
    ValueError
        When the times are not even, the order is odd or above 40, or the cut-off not below half the frame rate, or
        below a hundred thousandth of it.
    """
    signal = require("scipy.signal", "motion")
    order, cutoff_hz = arguments.whole("order", order), arguments.number("cutoff_hz", cutoff_hz)
    if not 2 <= order <= _MOST or order % 2:
        raise ValueError(f"order: expected an even number from 2 to {_MOST}, not {arguments.shown(order)}")
    if len(recording) < 2:
        return recording
    rate = recording.rate
    if np.abs(np.diff(recording.time) - 1 / rate).max() > 0.1 / rate:
        raise ValueError("the times are not even, or frames are missing: call resample first")
    if not _LEAST * rate <= cutoff_hz < rate / 2:
        raise ValueError(
            f"cutoff_hz: expected at least {_LEAST * rate:g} and below half the frame rate, {rate / 2:g}, not "
            f"{cutoff_hz!r}"
        )
    each = order // 2
    raised = math.tan(math.pi * cutoff_hz / rate) / (math.sqrt(2) - 1) ** (1 / (2 * each))
    sections = signal.butter(each, math.atan(raised) / math.pi * 2, output="sos")
    padding = 3 * (2 * len(sections) + 1 - int((sections[:, 2] == 0).sum()))  # as SciPy's own
    values = recording.values.copy()
    for column in _places(recording):
        for who in np.ndindex(values.shape[1:3]):
            series = values[:, who[0], who[1], column]
            for run in _runs(series):
                length = run.stop - run.start
                if length > 1:
                    series[run] = signal.sosfiltfilt(
                        sections, series[run].astype(np.float64), padlen=min(padding, length - 1)
                    )
    return recording.moved(values)


def one_euro(
    recording: Recording,
    min_cutoff: float = 1.0,
    beta: float = 0.007,
    world_min_cutoff: float = 0.1,
    world_beta: float = 40.0,
    derivative_cutoff: float = 1.0,
) -> Recording:
    """One-Euro filter (Casiez, Roussel, Vogel: "1 € Filter", CHI 2012), which works while frames come, and lags.

    Videos are smoothed with it already (`refpose.Smoothing`); this is for values before smoothing.

    Parameters
    ----------
    recording : Recording
        After a gap the filter starts again.
    min_cutoff, beta : float
        Pixels: cut-off at rest in Hz, and its growth in Hz per pixel and second. z is filtered as if it were x: its
        unit is the picture's width, so its speed counts in widths.
    world_min_cutoff, world_beta : float
        Metres: in Hz, and in Hz per metre and second. The defaults are MediaPipe's.
    derivative_cutoff : float
        Cut-off for the speeds in Hz.

    Returns
    -------
    Recording

    Raises
    ------
    ValueError
        When a cut-off is not above zero or times do not increase.
    """
    min_cutoff, world_min_cutoff, derivative_cutoff = limits = (
        arguments.number("min_cutoff", min_cutoff),
        arguments.number("world_min_cutoff", world_min_cutoff),
        arguments.number("derivative_cutoff", derivative_cutoff),
    )
    beta, world_beta = arguments.number("beta", beta), arguments.number("world_beta", world_beta)
    if min(limits) <= 0 or min(beta, world_beta) < 0:
        raise ValueError(f"cut-offs must be finite and above zero, found {limits}; beta 0 or more")
    if len(recording) > 1 and not np.diff(recording.time).min() > 0:
        raise ValueError("times must increase from frame to frame")
    columns = _places(recording)
    metres = np.array([recording.columns[k].endswith("_m") for k in columns])
    parameters = np.stack(
        [
            np.where(metres, world_min_cutoff, min_cutoff),
            np.where(metres, world_beta, beta),
            np.full(len(columns), derivative_cutoff),
        ]
    ).astype(np.float32)
    values = recording.values.copy()
    shape = (3, *values.shape[1:3], len(columns))
    wide = np.broadcast_to(parameters.astype(np.float64)[:, None, None], shape)
    states = np.full(shape, np.nan)
    for k, row in enumerate(values):
        new = row[..., columns]
        fresh = np.isnan(states[0])
        states[:, fresh] = np.stack([new, new, np.zeros_like(new)]).astype(np.float64)[:, fresh]
        if k:
            frequency = 1.0 / (recording.time[k] - recording.time[k - 1])
            smooth, states = filters.one_euro(new, states, wide, frequency, 1.0)
            row[..., columns] = np.where(fresh, new, smooth)
            states[:, fresh] = np.stack([new, new, np.zeros_like(new)]).astype(np.float64)[:, fresh]
    return recording.moved(values)


def _places(recording: Recording) -> list[int]:
    """The columns that are places."""
    return [k for k, name in enumerate(recording.columns) if name in COORDINATES]


def _runs(series: NDArray[np.float32]) -> Iterator[slice]:
    """The stretches without NaN."""
    there = np.concatenate([[False], ~np.isnan(series), [False]])
    edges = np.flatnonzero(there[1:] != there[:-1])
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        yield slice(int(start), int(stop))
