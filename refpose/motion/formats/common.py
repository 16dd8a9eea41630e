"""What formats share: options, the frame of reference, gathering frames, lines of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from ... import arguments
from ...files import replacing
from ...messages import one_line
from ...topology import LANDMARK_NAMES
from ..angles import FACING, FROM
from ..recording import Recording, joined
from ..skeletons import joints_of

UNITS, ORIGINS, MARKERS = ("m", "mm"), ("hips", "ground"), ("refpose", "pose2sim")

_POSE2SIM = {
    "neck": "Neck",
    "mid_hip": "Hip",
    "head_top": "Head",
    "nose": "Nose",
    "left_foot_index": "LBigToe",
    "right_foot_index": "RBigToe",
    "mouth_left": "LMouth",
    "mouth_right": "RMouth",
}

_FEET = ("heel", "foot_index", "ankle", "big_toe", "small_toe")


@dataclass(frozen=True)
class Options:
    """How files are written; each format uses what concerns it.

    Attributes
    ----------
    rate : float, optional
        Frames per second of formats with even times; the recording's own without it.
    unit : {"m", "mm"}
        Of TRC and C3D. BVH has centimetres.
    origin : {"hips", "ground"}
        Of places in space: the middle of the hips on every frame, or the ground below it, where the lowest point of the
        feet is on every frame (so hips move up and down, and jumps stay on the ground).
    markers : {"refpose", "pose2sim"}
        What TRC and C3D call their markers: as the key points are called here (``right_knee``), or as Pose2Sim's
        models for OpenSim have them (``RKnee``), see `marker_names`.
    skeleton : str, optional
        One of `refpose.topology.SKELETONS`; the recording's own without it (OpenPose: body25, COCO: coco17).
    angles : {"world", "image"}
        What MOT's angles are computed from.
    facing : {"auto", "right", "left"}
        Where the person looks on the picture, for angles from the image; see `refpose.motion.angles.in_image`.
    person : int, optional
        The person to write; all without it.
    session_start : datetime, optional
        When the recording began, for NWB; the beginning of 1970 without it.

    Raises
    ------
    ValueError
        When something is not one of the allowed values.
    """

    rate: float | None = None
    unit: str = "m"
    origin: str = "hips"
    markers: str = "refpose"
    skeleton: str | None = None
    angles: str = "world"
    facing: str = "auto"
    person: int | None = None
    session_start: datetime | None = None

    def __post_init__(self) -> None:
        for name, allowed in (
            ("unit", UNITS),
            ("origin", ORIGINS),
            ("angles", FROM),
            ("facing", FACING),
            ("markers", MARKERS),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}: expected one of {', '.join(allowed)}, not {getattr(self, name)!r}")
        if self.skeleton is not None:
            joints_of(self.skeleton)
        if self.rate is not None:
            object.__setattr__(self, "rate", arguments.positive("rate", self.rate))


def marker_names(keypoints: Sequence[str], options: Options) -> list[str]:
    """What markers are called: key points' own names, or those of Pose2Sim (``skeletons.py``, ``Markers_*.xml``).

    Names in tables of strangers may hold tabs and ends of lines, which would make other columns and rows of them.
    """
    names = map(one_line, keypoints)
    if options.markers == "refpose":
        return list(names)
    return [_POSE2SIM.get(name) or _pose2sim(name) for name in names]


def _pose2sim(name: str) -> str:
    """``right_big_toe`` -> ``RBigToe``."""
    side, _, part = name.partition("_")
    letter = {"left": "L", "right": "R"}.get(side)
    return (letter or "") + "".join(word.capitalize() for word in (part if letter else name).split("_"))


class Writer(Protocol):
    """A file that is being written."""

    def write(self, block: Recording) -> None:
        """Add the next frames: of one person, where the format is for one."""


def upright(block: Recording, options: Options, millimetres: bool = False) -> NDArray[np.float64]:
    """Places in space with y up: x to the picture's right, z towards the camera (F, K, 3) of the first person."""
    points = block.world_m[:, 0].astype(np.float64) * (1.0, -1.0, -1.0)
    if options.origin == "ground":
        feet = [k for k, name in enumerate(block.keypoints) if name.endswith(_FEET)]
        if not feet:
            raise ValueError("the skeleton has no feet, so where the ground is cannot be told")
        points[..., 1] -= np.fmin.reduce(points[:, feet, 1], axis=1)[:, None]
    return points * 1000.0 if millimetres else points


def lines(columns: Sequence[NDArray[Any]], formats: Sequence[str], nan: str, separator: str = "\t") -> str:
    """Lines of numbers: `columns` (F, n) side by side, with a %-format for all numbers of each."""
    template = (
        separator.join(f for column, f in zip(columns, formats, strict=True) for f in [f] * column.shape[1]) + "\n"
    )
    text = "".join([template % tuple(row) for row in np.concatenate(columns, axis=1).tolist()])
    return text.replace("nan", nan) if nan != "nan" else text


@contextmanager
def gathering(path: Path, columns: Sequence[str], finish: Callable[[Path, Gathered], None]) -> Iterator[Writer]:
    """Keep some columns of all frames in a temporary file; at the end `finish` writes them to a temporary name."""
    with replacing(path) as temporary, TemporaryFile(dir=temporary.parent) as file:
        gathered = Gathered(file, columns)
        yield gathered
        finish(temporary, gathered)


class Gathered:
    """Some columns of all frames, in a file; in memory are 24 bytes for a frame."""

    def __init__(self, file: BinaryIO, columns: Sequence[str]) -> None:
        self._file, self._columns = file, tuple(columns)
        self._blocks: list[Recording] = []  # without their numbers

    def write(self, block: Recording) -> None:
        """Add the next frames, see `Writer`."""
        self._file.write(block.column(*self._columns).tobytes())
        values = np.broadcast_to(np.float32(np.nan), (*block.values.shape[:3], len(self._columns)))
        self._blocks.append(replace(block, values=values, columns=self._columns, angle_names=()))

    def __len__(self) -> int:
        return sum(map(len, self._blocks))

    @property
    def people(self) -> tuple[int, ...]:
        """The numbers of all people; 0 without any."""
        return tuple(sorted({number for block in self._blocks for number in block.people})) or (0,)

    @property
    def keypoints(self) -> tuple[str, ...]:
        """Names of the key points."""
        return self._blocks[0].keypoints if self._blocks else LANDMARK_NAMES

    @property
    def rate(self) -> float:
        """Frames per second, see `Recording.rate`."""
        return self.without_numbers().rate

    def without_numbers(self) -> Recording:
        """All frames as one recording that has no columns."""
        blocks = self._blocks or [self._empty()]
        return joined([replace(block, values=block.values[..., :0], columns=()) for block in blocks])

    def blocks(self) -> Iterator[Recording]:
        """Give the frames again, in blocks; at least one, perhaps without frames."""
        self._file.seek(0)
        for block in self._blocks or [self._empty()]:
            size = block.values.size
            values = np.frombuffer(self._file.read(4 * size), np.float32).reshape(block.values.shape)
            yield replace(block, values=values)

    def _empty(self) -> Recording:
        values = np.zeros((0, 1, len(LANDMARK_NAMES), len(self._columns)), np.float32)
        return Recording(np.zeros(0), np.zeros(0, np.int64), values, columns=self._columns)
