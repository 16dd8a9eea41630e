"""A recording: what was found on the frames of one video, as arrays with names.

recording = refpose.tables.read("clip.parquet")
recording = refpose.motion.record(refpose.video.process("clip.mp4", pose))
recording.points_px, recording.world_m, recording.visibility
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import arguments
from ..extras import require
from ..files import printable
from ..tables.form import RAW, VALUES, ids, numbers
from ..topology import LANDMARK_NAMES

if TYPE_CHECKING:
    from ..person import Person
    from ..video import FrameResult

Floats = NDArray[np.float32]

PIXELS, WORLD = ("x_px", "y_px"), ("xw_m", "yw_m", "zw_m")
COORDINATES = ("x_px", "y_px", "z", *WORLD)
"""The values that are places, and no probabilities."""

_FRAMES_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Recording:
    """Key points over time.

    Attributes
    ----------
    time : ndarray of float64, shape (F,)
        Seconds, ascending; NaN for pictures, which have no time.
    frame : ndarray of int64, shape (F,)
        Numbers of the frames, ascending. Tables of rows leave frames out on which nobody was found.
    values : ndarray of float32, shape (F, P, K, V)
        The numbers; NaN for what was not found.
    people : tuple of int, P long
        The numbers of the people.
    keypoints : tuple of str, K long
        Names of the key points.
    columns : tuple of str, V long
        Names of the numbers, see `refpose.tables.VALUES` and `refpose.tables.RAW` (before smoothing).
    angles : ndarray of float32, shape (F, P, A)
        Angles that came with a table, in degrees. Functions that move points leave them out.
    angle_names : tuple of str, A long
        Their names.
    sources : tuple of str
        The videos or pictures.
    source_of : ndarray of int64, shape (F,)
        Which of `sources` a frame is from.
    metadata : mapping
        How the recording came about, where the file says so.
    """

    time: NDArray[np.float64]
    frame: NDArray[np.int64]
    values: Floats
    people: tuple[int, ...] = (0,)
    keypoints: tuple[str, ...] = LANDMARK_NAMES
    columns: tuple[str, ...] = VALUES
    angles: Floats = field(default_factory=lambda: np.zeros((0, 0, 0), np.float32))
    angle_names: tuple[str, ...] = ()
    sources: tuple[str, ...] = ("",)
    source_of: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frames = len(self.time)
        expected = (frames, len(self.people), len(self.keypoints), len(self.columns))
        if self.values.shape != expected or self.frame.shape != (frames,):
            raise ValueError(f"a recording of {frames} frames: expected values {expected}, found {self.values.shape}")
        if not self.angle_names:
            object.__setattr__(self, "angles", np.zeros((*expected[:2], 0), np.float32))
        if self.angles.shape != (*expected[:2], len(self.angle_names)):
            raise ValueError(f"expected angles {(*expected[:2], len(self.angle_names))}, found {self.angles.shape}")
        if not len(self.source_of):
            object.__setattr__(self, "source_of", np.zeros(frames, np.int64))

    def __len__(self) -> int:
        return len(self.time)

    def __repr__(self) -> str:
        seconds = self.time[-1] - self.time[0] if len(self) else 0.0
        people = f"{len(self.people)} {'person' if len(self.people) == 1 else 'people'}"
        return f"Recording({len(self)} frames, {seconds:.2f} s, {people}, {len(self.keypoints)} key points)"

    def column(self, *names: str) -> Floats:
        """The numbers with these names: a copy, shape (F, P, K) for one name, (F, P, K, n) for several.

        Raises
        ------
        ValueError
            When there is no such column.
        """
        if missing := [name for name in names if name not in self.columns]:
            raise ValueError(f"no column {missing[0]!r}: the recording has {', '.join(self.columns)}")
        places = [self.columns.index(name) for name in names]
        return self.values[..., places[0]].copy() if len(places) == 1 else self.values[..., places]

    @property
    def points_px(self) -> Floats:
        """x, y in pixels of the picture, y down: (F, P, K, 2)."""
        return self.column(*PIXELS)

    @property
    def world_m(self) -> Floats:
        """x, y, z in metres from the middle of the hips, y down, z away from the camera: (F, P, K, 3)."""
        return self.column(*WORLD)

    @property
    def visibility(self) -> Floats:
        """Probabilities (F, P, K)."""
        return self.column("visibility")

    @property
    def found(self) -> NDArray[np.bool_]:
        """Whether a person has any number on a frame: (F, P)."""
        return np.asarray(~np.isnan(self.values).all(axis=(2, 3)))

    @property
    def image_size(self) -> tuple[int, int] | None:
        """Width and height of the frames in pixels, where the file says so."""
        video = self.metadata.get("video")
        if isinstance(video, Mapping) and video.get("width") and video.get("height"):
            return int(video["width"]), int(video["height"])
        return None

    @property
    def rate(self) -> float:
        """Frames per second: the median of what neighbouring frames say.

        Raises
        ------
        ValueError
            With fewer than two frames, or without times.
        """
        steps = np.diff(self.time) / np.diff(self.frame) if len(self) > 1 else np.zeros(0)
        if not len(steps) or not np.isfinite(steps).all() or steps.min() <= 0:
            raise ValueError("a frame rate needs two frames or more, with times that increase")
        # The median finds which rate it is; the mean of the intervals like it is exact where time stamps are rounded.
        step = np.median(steps)
        return float(1 / steps[np.abs(steps - step) <= 0.2 * step].mean())

    def person(self, number: int) -> Recording:
        """The recording of one person alone.

        Raises
        ------
        ValueError
            When there is no such person.
        """
        number = arguments.whole("number", number)
        if number not in self.people:
            raise ValueError(f"no person {number}: the recording has {', '.join(map(str, self.people)) or 'nobody'}")
        k = self.people.index(number)
        return replace(self, people=(number,), values=self.values[:, [k]], angles=self.angles[:, [k]])

    def take(self, frames: Any) -> Recording:
        """Some of the frames: a slice, or an array of indices or of booleans."""
        return replace(
            self,
            time=self.time[frames],
            frame=self.frame[frames],
            values=self.values[frames],
            angles=self.angles[frames],
            source_of=self.source_of[frames],
        )

    def between(self, start: float | None = None, end: float | None = None) -> Recording:
        """The frames from `start` up to and without `end`, in seconds.

        Raises
        ------
        ValueError
            When frames have no times, as pictures have none.
        """
        if (start, end) != (None, None) and np.isnan(self.time).any():
            raise ValueError("these frames have no times, as pictures have none: none is before or after another")
        chosen = np.ones(len(self), np.bool_)
        if start is not None:
            chosen &= self.time >= arguments.number("start", start)
        if end is not None:
            chosen &= self.time < arguments.number("end", end)
        return self.take(chosen)

    def retimed(self, rate: float) -> Recording:
        """The recording as one of `rate` frames per second: times are the frames' numbers divided by it.

        For slow motion, whose files state the rate at which they are shown.
        """
        return replace(self, time=self.frame / arguments.positive("rate", rate))

    def moved(self, values: NDArray[Any], columns: tuple[str, ...] | None = None) -> Recording:
        """The recording with other numbers, and without angles, which may not be true any more."""
        values = np.asarray(values, np.float32)
        return replace(self, values=values, columns=columns or self.columns, angle_names=())

    def to_pandas(self) -> Any:
        """A pandas.DataFrame with a row per frame, person and key point, columns as in tables; and the angles.

        Raises
        ------
        MissingExtra
            When pandas is not installed.
        """
        pandas = require("pandas", "frames")
        frames, people, keypoints = self.values.shape[:3]
        index = np.indices((frames, people, keypoints)).reshape(3, -1)
        table = pandas.DataFrame(
            {
                "source": np.array(self.sources, object)[self.source_of][index[0]],
                "frame": self.frame[index[0]],
                "time_s": self.time[index[0]],
                "person": np.array(self.people, np.int64)[index[1]],
                "keypoint": np.array(self.keypoints, object)[index[2]],
            }
        )
        for name, column in zip(self.columns, self.values.reshape(len(table), len(self.columns)).T, strict=True):
            table[name] = column
        for k, name in enumerate(self.angle_names):
            table[f"{name}_deg"] = self.angles[index[0], index[1], k]
        return table[self.found[index[0], index[1]]].reset_index(drop=True)

    def to_xarray(self) -> Any:
        """An xarray.Dataset: ``values`` over time, person, keypoint and value, ``angles`` over time, person, angle.

        Raises
        ------
        MissingExtra
            When xarray is not installed.
        """
        xarray = require("xarray", "frames")
        return xarray.Dataset(
            {
                "values": (("time", "person", "keypoint", "value"), self.values),
                "angles": (("time", "person", "angle"), self.angles),
                "frame": ("time", self.frame),
            },
            coords={
                "time": self.time,
                "person": list(self.people),
                "keypoint": list(self.keypoints),
                "value": list(self.columns),
                "angle": list(self.angle_names),
            },
            attrs={"source": ", ".join(self.sources)},
        )


def record(
    frames: Iterable[FrameResult],
    source: str = "",
    metadata: Mapping[str, Any] | None = None,
    keypoints: Sequence[str] = LANDMARK_NAMES,
    raw: bool = False,
) -> Recording:
    """Make a recording of what `refpose.video.process` finds. Every frame has its place.

    Parameters
    ----------
    frames : iterable of FrameResult
        Pixels are not kept: an hour at 30 frames a second takes 114 MB for one person.
    source : str
        What the video is called.
    metadata : mapping, optional
        How the recording came about. The size of the frames is added.
    keypoints : sequence of str
        Names of the key points, used when nobody is found; otherwise the people's own.
    raw : bool
        Whether to keep the values before smoothing too.

    Returns
    -------
    Recording
    """
    return joined(list(record_blocks(frames, source, metadata, keypoints, raw)))


def record_blocks(
    frames: Iterable[FrameResult],
    source: str = "",
    metadata: Mapping[str, Any] | None = None,
    keypoints: Sequence[str] = LANDMARK_NAMES,
    raw: bool = False,
) -> Iterator[Recording]:
    """As `record`, in blocks of some hundred frames; at least one."""
    recorder: Recorder | None = None
    for result in frames:
        if recorder is None:
            how = {**(metadata or {})}
            how.setdefault("video", {"width": result.rgb.shape[1], "height": result.rgb.shape[0]})
            recorder = Recorder(source, how, keypoints, raw)
        if (block := recorder.add(result.index, result.time, result.people)) is not None:
            yield block
    yield (recorder or Recorder(source, metadata or {}, keypoints, raw)).rest()


class Recorder:
    """Gathers what is found on frames into blocks; parameters as for `record`."""

    def __init__(
        self, source: str, metadata: Mapping[str, Any], keypoints: Sequence[str] = LANDMARK_NAMES, raw: bool = False
    ) -> None:
        self._source, self._metadata, self._keypoints = printable(source), metadata, tuple(keypoints)
        self._columns = (*VALUES, *RAW) if raw else VALUES
        self._frames: list[tuple[int, float, dict[int, Floats]]] = []

    def add(self, frame: int, time: float, people: Sequence[Person]) -> Recording | None:
        """Take a frame; give a block when enough have come."""
        if people:
            self._keypoints = people[0].topology.names
        found = {number: numbers(one, self._columns) for number, one in zip(ids(people), people, strict=True)}
        self._frames.append((frame, time, found))
        return self.rest() if len(self._frames) == _FRAMES_AT_ONCE else None

    def rest(self) -> Recording:
        """Give the frames that were gathered since the last block."""
        people = tuple(sorted({number for *_, found in self._frames for number in found})) or (0,)
        shape = (len(self._frames), len(people), len(self._keypoints), len(self._columns))
        values = np.full(shape, np.nan, np.float32)
        for row, (*_, found) in zip(values, self._frames, strict=True):
            for number, one in found.items():
                row[people.index(number)] = one
        block = Recording(
            np.array([time for _, time, _ in self._frames], np.float64),
            np.array([frame for frame, _, _ in self._frames], np.int64),
            values,
            people,
            self._keypoints,
            self._columns,
            sources=(self._source,),
            metadata=self._metadata,
        )
        self._frames = []
        return block


def joined(blocks: Sequence[Recording]) -> Recording:
    """Join blocks of frames of the same key points and columns; people are put together by their numbers.

    Raises
    ------
    ValueError
        When there is no block, or the key points or columns differ.
    """
    if not blocks:
        raise ValueError("nothing to join: no block of frames")
    first = blocks[0]
    if len(blocks) == 1:
        return first
    for block in blocks:
        if (block.keypoints, block.columns, block.angle_names) != (first.keypoints, first.columns, first.angle_names):
            raise ValueError("recordings with other key points, columns or angles cannot be joined")
    people = tuple(sorted({number for block in blocks for number in block.people}))
    sources = tuple(dict.fromkeys(source for block in blocks for source in block.sources))
    frames = sum(map(len, blocks))
    values = np.full((frames, len(people), *first.values.shape[2:]), np.nan, np.float32)
    angles = np.full((frames, len(people), len(first.angle_names)), np.nan, np.float32)
    start = 0
    for block in blocks:
        places = [people.index(number) for number in block.people]
        values[start : start + len(block), places] = block.values
        angles[start : start + len(block), places] = block.angles
        start += len(block)
    return Recording(
        np.concatenate([block.time for block in blocks]),
        np.concatenate([block.frame for block in blocks]),
        values,
        people,
        first.keypoints,
        first.columns,
        angles,
        first.angle_names,
        sources,
        np.concatenate([np.array([sources.index(s) for s in b.sources], np.int64)[b.source_of] for b in blocks]),
        first.metadata,
    )
