"""Files for other programs, one module per format; `FORMATS` is the list of them.

::

    motion.write(recording, "clip.trc")
    with motion.export("clip.trc", "trc", motion.Options(unit="mm")) as file:  # as the frames come
        for block in blocks:
            file.write(block)
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...extras import require
from ..gaps import EvenFrames, EveryFrame
from ..recording import Recording
from . import bvh, c3d, coco, deeplabcut, mot, nwb, openpose, plot, trc
from .common import Options, Writer

__all__ = ["FORMATS", "Export", "Format", "Options", "Writer", "export", "write"]


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes
    ----------
    name : str
        As ``--format`` and ``--to`` take it.
    ending : str
        Of its files (OpenPose's of its folder).
    about : str
        One line.
    create : function
        Path and `Options` -> context manager that gives a `Writer`.
    several : bool
        Whether one file holds several people.
    frames : {"given", "every", "between", "even"}
        Whether it takes the frames that there are, needs a place for every frame from 0 on, or from the person's first
        one on (NWB has times, but movement counts rows by the frame rate), or even times. These are
        the same for all people: frames are counted from the first one that is written, whoever is on it.
    requires : tuple of (module, extra)
        What must be installed.
    most : int, optional
        How many frames one file can hold; later ones are in NAME_part2 and so on.
    """

    name: str
    ending: str
    about: str
    create: Callable[[Path, Options], AbstractContextManager[Writer]]
    several: bool
    frames: str
    requires: tuple[tuple[str, str], ...] = ()
    most: int | None = None


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format("trc", ".trc", "markers for OpenSim: metres, y up", trc.create, False, "even"),
        Format("mot", ".mot", "angles for OpenSim, in degrees", mot.create, False, "even"),
        Format("openpose", ".openpose", "OpenPose's JSON, a file for each frame", openpose.create, True, "every"),
        Format("openpose-one", ".openpose.json", "OpenPose's JSON in one file", openpose.create_one, True, "every"),
        Format("coco", ".coco.json", "COCO's list of key-point results", coco.create, True, "given"),
        Format("deeplabcut", ".dlc.csv", "DeepLabCut's CSV", deeplabcut.create, True, "every"),
        Format(
            "deeplabcut-h5",
            ".dlc.h5",
            "DeepLabCut's HDF5",
            deeplabcut.create_hdf5,
            True,
            "every",
            (("pandas", "deeplabcut"), ("tables", "deeplabcut")),
        ),
        Format(
            "nwb",
            ".nwb",
            "Neurodata Without Borders with ndx-pose",
            nwb.create,
            False,
            "between",
            (("pynwb", "nwb"), ("ndx_pose", "nwb")),
        ),
        Format("bvh", ".bvh", "a skeleton with rotations, for animation", bvh.create, False, "even"),
        Format("c3d", ".c3d", "markers as C3D", c3d.create, False, "even", (("ezc3d", "c3d"),), c3d.MOST_FRAMES),
        Format(
            "plot",
            ".angles.png",
            "a figure of angles over time",
            plot.create,
            False,
            "given",
            (("matplotlib", "plot"),),
        ),
    )
}
"""Every format by its name."""


class Export:
    """A file, or a file for each person, that is being written; see `export`.

    Attributes
    ----------
    files : list of Path
        What is written so far.
    """

    def __init__(self, path: Path, kind: Format, options: Options, split: bool, files: ExitStack) -> None:
        self.files: list[Path] = []
        self._path, self._kind, self._options, self._split, self._stack = path, kind, options, split, files
        self._people: dict[int, _Person] = {}
        self._start: float | None = None
        self._even: list[EvenFrames] = []
        self._writers: list[Writer] = []

    @property
    def remarks(self) -> list[str]:
        """What readers of the files should know about gaps."""
        return [remark for writer in self._writers if (remark := getattr(writer, "remark", ""))]

    @property
    def interpolated(self) -> int:
        """Number of frames whose numbers were interpolated for even times, in the file that has most of them."""
        return max((even.interpolated for even in self._even), default=0)

    def write(self, block: Recording) -> None:
        """Add the next frames.

        Raises
        ------
        ValueError
            When they are not what the format can hold.
        """
        unknown = self._kind.frames == "even" and self._options.rate is None
        if unknown and len(block) > 1 and np.isfinite(block.time).all():
            # The rate of all frames: there may be only one with this person in the first block.
            self._options = replace(self._options, rate=block.rate)
        if self._start is None and len(block):
            self._start = float(block.time[0])
        if np.isinf(block.values).any():  # no program takes them; they are missing
            block = replace(block, values=np.where(np.isinf(block.values), np.float32(np.nan), block.values))
        chosen = self._options.person
        if chosen is not None:
            if chosen not in block.people:
                return
            block = block.person(chosen)
        if self._kind.several:
            self._add(0, block)
            return
        found = block.found
        for k, number in enumerate(block.people):
            there = found[:, k].nonzero()[0]
            if len(there):
                self._add(number, block.person(number).take(slice(there[0], there[-1] + 1)))

    def finish(self) -> None:
        """Write what is needed even if nobody was found."""
        if not self._people:
            self._open("")

    def _add(self, number: int, block: Recording) -> None:
        if number not in self._people:
            self._people[number] = self._begun(number)
        person = self._people[number]
        for part, frames in self._parts(person.prepared(block)):
            if person.writer is None or part != person.part:
                person.writer = self._open(person.suffix + (f"_part{part}" if part > 1 else ""))
                person.part = part
            person.writer.write(frames)

    def _parts(self, block: Recording) -> Iterator[tuple[int, Recording]]:
        """Give the number of each file that frames go to, from 1 on, and these frames, counted from its first one."""
        if not len(block):  # of a lower rate there may be none
            return
        most = self._kind.most
        if most is None:
            yield 1, block
            return
        for k in range(block.frame[0] // most, block.frame[-1] // most + 1):
            frames = block.take(block.frame // most == k)
            yield k + 1, replace(frames, frame=frames.frame - k * most)

    def _begun(self, number: int) -> _Person:
        """Begin the frames of a person; the first one's file is there whatever comes."""
        if self._people and not self._split:
            people = ", ".join(map(str, [*self._people, number]))
            raise ValueError(
                f"{self._path}: {self._kind.name} holds one person, and there are several ({people}); choose one"
            )
        if self._kind.frames == "even":
            even = EvenFrames(self._options.rate, self._start)
            self._even.append(even)
            prepared: Callable[[Recording], Recording] = even
        else:
            every = {"every": EveryFrame(), "between": EveryFrame(None)}
            prepared = every.get(self._kind.frames, _as_given)
        if self._people:
            return _Person(None, prepared, f"_person{number}")
        return _Person(self._open(""), prepared, "")

    def _open(self, suffix: str) -> Writer:
        """Open a file whose name ends so."""
        name, ending = self._path.name, self._kind.ending
        path = self._path.with_name(name.removesuffix(ending) + suffix + ending) if suffix else self._path
        writer = self._stack.enter_context(self._kind.create(path, self._options))
        self.files.append(path)
        self._writers.append(writer)
        return writer


@dataclass
class _Person:
    """Whose file is being written, which part of it, and how frames are prepared for it."""

    writer: Writer | None
    prepared: Callable[[Recording], Recording]
    suffix: str
    part: int = 1


def _as_given(block: Recording) -> Recording:
    return block


@contextmanager
def export(
    path: str | os.PathLike[str], format: str, options: Options | None = None, split: bool = False
) -> Iterator[Export]:
    """Write a file for other programs as the frames come; it appears when the block is left, whole or not at all.

    Parameters
    ----------
    path : path-like
        The file; OpenPose's folder.
    format : str
        One of `FORMATS`.
    options : Options, optional
    split : bool
        Whether a format for one person may have a file for each: the first person's has the name given, the others'
        are called NAME_person1 and so on.

    Yields
    ------
    Export
        Its ``write`` takes blocks of frames (`Recording`) in order.

    Raises
    ------
    MissingExtra
        When something that the format needs is not installed.
    ValueError
        When there is no such format.
    """
    if format not in FORMATS:
        raise ValueError(f"no format {format!r}: expected one of {', '.join(FORMATS)}")
    kind = FORMATS[format]
    for module, extra in kind.requires:
        require(module, extra)
    with ExitStack() as files:
        file = Export(Path(path), kind, options or Options(), split, files)
        yield file
        file.finish()


def write(
    recording: Recording, path: str | os.PathLike[str], format: str | None = None, options: Options | None = None
) -> list[Path]:
    """Write a recording for another program.

    Parameters
    ----------
    recording : Recording
    path : path-like
        The file; OpenPose's folder.
    format : str, optional
        One of `FORMATS`; by the ending of the path without it.
    options : Options, optional

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    MissingExtra, ValueError
        As `export`; also when the ending is that of no format, or people are several and the format for one.

    Warns
    -----
    UserWarning
        When times are not even and the format wants them so: frames between are interpolated.
    """
    if format is None:
        name = Path(path).name
        fitting = [kind for kind in FORMATS.values() if name.endswith(kind.ending)]
        if not fitting:
            raise ValueError(f"{path}: no format has this ending; name one of {', '.join(FORMATS)}")
        format = max(fitting, key=lambda kind: len(kind.ending)).name
    with export(path, format, options) as file:
        file.write(recording)
    if file.interpolated:
        warnings.warn(f"{path}: times not even: {file.interpolated} frames interpolated", stacklevel=2)
    return file.files
