"""Who is on the frames of a video."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .. import arguments
from .overlap import MOST, read_ahead
from .reader import Frame, Reader

if TYPE_CHECKING:
    from ..person import Person
    from ..pose import Pose


@dataclass(frozen=True)
class FrameResult:
    """A frame of a video and who was found on it.

    Attributes
    ----------
    index, time, rgb
        As in `Frame`.
    people : list of Person
        Empty when nobody was found.
    """

    index: int
    time: float
    rgb: NDArray[np.uint8]
    people: list[Person]


def process(source: str | os.PathLike[str] | Iterable[Frame], pose: Pose, *, ahead: int = 0) -> Iterator[FrameResult]:
    """Find people on the frames of a video.

    Frames are decoded one by one, so memory does not grow with the length of the video.

    Parameters
    ----------
    source : path-like, Reader, or iterable of Frame
        A video file; or frames from elsewhere, their times in seconds and increasing. With a `Reader`, its counts of
        broken frames and mended time stamps can be looked at afterwards.
    pose : Pose
        Is reset first: a new video begins. The presentation times of the frames go to its filters.
    ahead : int
        With 1 or more, a thread takes up to so many frames from the source before they are asked for, while people are
        looked for on those before. Results, their order and errors are the same. A few are enough, and each takes the
        memory of a picture. (A `Reader` that counts may run ahead by itself, with counts that keep step.)

    Yields
    ------
    FrameResult

    Raises
    ------
    MissingExtra, OSError, ValueError
        As `Reader`.
    """
    if isinstance(source, str | os.PathLike):
        with Reader(source, ahead=ahead) as reader:
            yield from process(reader, pose)
        return
    pose.reset()
    for frame in read_ahead(iter(source), arguments.whole("ahead", ahead, 0, MOST)):
        yield FrameResult(frame.index, frame.time, frame.rgb, pose.process(frame.rgb, timestamp=frame.time))
