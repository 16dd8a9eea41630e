"""What becomes of the frames of one video: which of them are looked at, and what is written of the people on them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import motion, tables
from ..motion import FORMATS
from ..motion.angles import Stream
from ..motion.recording import Recorder
from ..person import Person
from ..pose import Pose
from ..video import Frame
from . import movement


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a video besides the annotated one; see the options of ``refpose video``."""

    wide: bool
    raw: bool
    every_frame: bool
    angles: bool
    draw_angles: bool
    min_visibility: float | None
    start: float | None
    end: float | None
    fps: float | None
    roi: tuple[int, int, int, int] | None
    formats: tuple[str, ...]
    options: motion.Options

    @classmethod
    def of(cls, args: argparse.Namespace) -> Wanted:
        """Read the arguments.

        Raises
        ------
        argparse.ArgumentError
            When they do not fit together.
        MissingExtra
            When something that a format needs is not installed.
        """
        movement.check_times(args)
        return cls(
            args.wide,
            args.raw,
            args.every_frame,
            args.angles,
            args.draw_angles,
            args.min_visibility,
            args.start,
            args.end,
            args.fps,
            args.roi,
            tuple(movement.formats(args)),
            movement.format_options(args),
        )

    @property
    def settings(self) -> dict[str, Any]:
        """What differs from what is done by default, for the record."""
        told = {name: value for name, value in asdict(self).items() if value not in (None, False, ())}
        del told["options"]
        if changed := movement.told(self.options):
            told["options"] = changed
        return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}

    @property
    def endings(self) -> list[str]:
        """The endings of the files for other programs."""
        return [FORMATS[name].ending for name in self.formats]


class Clip:
    """The frames that are wanted, at the times and with the part of the picture that are wanted.

    Parameters
    ----------
    frames : iterable of Frame
    start, end : float, optional
        Seconds on the clock of the file.
    fps : float, optional
        Times become the frames' numbers divided by it.
    roi : (int, int, int, int), optional
        As for `only`.

    Attributes
    ----------
    count : int
        Number of frames given so far.
    ended : bool
        Whether there were frames after the last one that is wanted.
    time : float
        When the last frame given is shown, in seconds on the clock of the file.
    rgb : ndarray of uint8, shape (H, W, 3)
        The whole of it.
    """

    def __init__(
        self,
        frames: Iterable[Frame],
        start: float | None = None,
        end: float | None = None,
        fps: float | None = None,
        roi: tuple[int, int, int, int] | None = None,
    ) -> None:
        self._frames, self._start, self._end, self._fps, self._roi = frames, start, end, fps, roi
        self.count, self.ended, self.time = 0, False, 0.0
        self.rgb: NDArray[np.uint8] = np.zeros((0, 0, 3), np.uint8)

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._frames:
            if self._end is not None and frame.time >= self._end:
                self.ended = True
                return
            if self._start is not None and frame.time < self._start:
                continue
            self.count += 1
            self.time, self.rgb = frame.time, frame.rgb
            time = frame.time if self._fps is None else frame.index / self._fps
            yield Frame(frame.index, time, frame.rgb if self._roi is None else only(frame.rgb, self._roi))


def only(rgb: NDArray[np.uint8], roi: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """The picture with everything black outside a region (left, top, width, height in pixels).

    Raises
    ------
    ValueError
        When the region is not on the picture.
    """
    left, top, width, height = roi
    if left >= rgb.shape[1] or top >= rgb.shape[0]:
        size = f"{rgb.shape[1]} x {rgb.shape[0]}"
        raise ValueError(f"--roi {','.join(map(str, roi))}: lies outside the frames, which have {size} pixels")
    masked = np.zeros_like(rgb)
    part = np.s_[top : top + height, left : left + width]
    masked[part] = rgb[part]
    return masked


class Streams:
    """Tables and files for other programs, written as the frames come.

    Parameters
    ----------
    stack : ExitStack
        Ends the files.
    paths : dict of str to Path
        Where tables and files go, by their endings.
    source : str
        The video.
    how : dict
        How the results come about.
    pose : Pose
        Whose people come.
    wanted : Wanted
    """

    def __init__(
        self, stack: ExitStack, paths: dict[str, Path], source: str, how: dict[str, Any], pose: Pose, wanted: Wanted
    ) -> None:
        self._wanted = wanted
        names = pose.topology.names
        options = wanted.options
        self._stream = Stream(names, options.angles, facing=options.facing)
        self._turned = wanted.angles or wanted.draw_angles
        self._tables = [
            stack.enter_context(
                tables.create(
                    path,
                    source,
                    how,
                    wanted.wide,
                    names,
                    raw=wanted.raw,
                    angles=self._stream.angles if wanted.angles else (),
                    every_frame=wanted.every_frame,
                )
            )
            for ending, path in paths.items()
            if ending in tables.KINDS
        ]
        self.files = [
            stack.enter_context(motion.export(paths[FORMATS[name].ending], name, options, split=True))
            for name in wanted.formats
        ]
        self._recorder = Recorder(source, how, names)

    def write(self, frame: int, time: float, people: Sequence[Person]) -> NDArray[np.float64]:
        """Write the people of the next frame; give their angles (P, A), none where they are not wanted."""
        if self._wanted.min_visibility is not None:
            people = [without_unsure(person, self._wanted.min_visibility) for person in people]
        angles = self._stream.of_people(people) if self._turned else np.zeros((len(people), 0))
        if self._tables:
            chosen, places = of_number(people, self._wanted.options.person)
            for table in self._tables:
                table.write(frame, time, chosen, angles[places] if self._wanted.angles else None)
        if self.files and (block := self._recorder.add(frame, time, people)) is not None:
            self._export(block)
        return angles

    def finish(self) -> None:
        """Write what is still waiting."""
        if self.files:
            self._export(self._recorder.rest())

    def _export(self, block: motion.Recording) -> None:
        for file in self.files:
            file.write(block)

    @property
    def angle_names(self) -> tuple[str, ...]:
        return self._stream.angles

    @property
    def further(self) -> list[str]:
        """The names of the files that people after the first have, or frames that one file does not hold."""
        return [path.name for file in self.files for path in file.files[1:]]

    @property
    def remarks(self) -> list[str]:
        """What readers of files for other programs should know."""
        return list(dict.fromkeys(remark for file in self.files for remark in file.remarks))

    @property
    def interpolated(self) -> int:
        """Number of frames that were interpolated for formats with even times."""
        return max((file.interpolated for file in self.files), default=0)


def of_number(people: Sequence[Person], number: int | None) -> tuple[list[Person], list[int]]:
    """The people with this number, all for None, and their places in the list."""
    numbers = tables.ids(people)
    places = [place for place, its in enumerate(numbers) if number in (None, its)]
    return [replace(people[place], id=numbers[place]) for place in places], places


def without_unsure(person: Person, least: float) -> Person:
    """The person with NaN for the places of key points whose visibility is less."""
    unsure = (person.visibility < least)[:, None]
    names = ("landmarks", "world_landmarks", "raw_landmarks", "raw_world_landmarks")
    places = {name: getattr(person, name) for name in names}
    blanked = {name: np.where(unsure, np.float32(np.nan), p) for name, p in places.items() if p is not None}
    return replace(person, **blanked)


def drawn(person: Person, least: float | None) -> Person:
    """The person with key points of less visibility not to be drawn."""
    if least is None:
        return person
    return replace(person, topology=replace(person.topology, min_visibility=least))
