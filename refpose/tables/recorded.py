"""Recordings as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .form import RAW, VALUES, Table

if TYPE_CHECKING:
    from ..motion.recording import Recording

_PLACES = [
    ("landmarks_px", 0, 3),
    ("landmarks", 0, 3),
    ("world_landmarks", 3, 6),
    ("visibility", 6, 7),
    ("presence", 7, 8),
    ("raw_landmarks", 8, 11),
    ("raw_world_landmarks", 11, 14),
    ("raw_visibility", 14, 15),
]


class RecordedPerson:
    """Somebody whose numbers stand in a table, with what tables ask of a `refpose.Person`.

    Parameters
    ----------
    numbers : ndarray of float32, shape (keypoints, values)
        `VALUES`, and perhaps `RAW`, in this order.
    number : int, optional
        Which person.
    """

    image_size = (1, 1)  # raw places are in pixels already

    def __init__(self, numbers: NDArray[np.float32], number: int | None = None) -> None:
        self.id = number
        for name, start, end in _PLACES:
            setattr(self, name, numbers[:, start:end] if end > start + 1 else numbers[:, start:end].reshape(-1))


def write_recording(table: Table, recording: Recording, angles: ArrayLike | None = None) -> None:
    """Add the frames of a recording to a table.

    Parameters
    ----------
    table : Table
    recording : Recording
    angles : array_like of shape (frames, people, angles), optional
        Degrees; those of the recording without it.
    """
    order = [recording.columns.index(name) for name in (*VALUES, *RAW) if name in recording.columns]
    values, found = recording.values[..., order], recording.found
    degrees = recording.angles if angles is None else np.asarray(angles, np.float32)
    for k, (frame, time) in enumerate(zip(recording.frame.tolist(), recording.time.tolist(), strict=True)):
        there = found[k].nonzero()[0]
        people: Sequence[Any] = [RecordedPerson(values[k, p], recording.people[p]) for p in there]
        source = recording.sources[recording.source_of[k]]
        table.write(frame, time, people, degrees[k, there] if degrees.shape[2] else None, source)
