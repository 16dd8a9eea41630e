"""One table of many pictures, made of the records (NAME.json) that ``refpose image`` writes for each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import reading, tables
from ..files import is_stream
from ..motion.angles import ANGLES
from ..tables.recorded import RecordedPerson
from . import planning, records


class Recorded(RecordedPerson):
    """A person as it stands in a record."""

    def __init__(self, person: dict[str, Any], number: int) -> None:
        rows = [[point[name] for name in tables.VALUES] for point in person["keypoints"]]
        super().__init__(np.array(rows, np.float32), number)  # None becomes NaN
        self.angles = [person.get("angles", {}).get(name) for name in ANGLES]


def _record(table: Path) -> Path:
    """The record of a table."""
    return table.with_suffix(".meta.json")


def records_of(paths: Iterable[Path]) -> dict[Path, tuple[str]]:
    """The records of tables that are files, with their ending, as `outputs.check` takes them."""
    return {_record(path): (".json",) for path in paths if not is_stream(path)}


def refuse_foreign(paths: Iterable[Path]) -> None:
    """Raise FileExistsError where a table would replace what refpose did not write."""
    for path in paths:
        if not is_stream(path):
            records.refuse_foreign([path, _record(path)], records.Record(_record(path)))


def write(
    path: Path,
    folder: Path,
    tasks: Sequence[planning.Task],
    made_with: dict[str, Any],
    force: bool,
    names: Sequence[str],
    wide: bool = False,
    angles: bool = False,
    every_frame: bool = False,
    person: int | None = None,
) -> int:
    """Write the table and its record; in a pipe or device, the table alone.

    Parameters
    ----------
    path : Path
        The table.
    folder : Path
        Where the pictures' results are.
    tasks : sequence of Task
        The pictures; those without a record (which failed) are left out.
    made_with : dict
        How results are made.
    force : bool
        Whether what no record vouches for may be replaced.
    names, wide, every_frame
        As for `refpose.tables.create`.
    angles : bool
        Whether the records have angles, which then have columns.
    person : int, optional
        Who is written; everybody without it.

    Returns
    -------
    int
        Number of pictures.
    """
    if is_stream(path):
        return _write(path, tasks, made_with, names, wide, angles, every_frame, person)
    with records.writing(folder, _record(path), made_with, force) as results:
        count = _write(results.path(path), tasks, made_with, names, wide, angles, every_frame, person)
        results.finish({"pictures": count})
    return count


def _write(
    path: Path,
    tasks: Iterable[planning.Task],
    metadata: dict[str, Any],
    names: Sequence[str],
    wide: bool,
    angles: bool,
    every_frame: bool,
    person: int | None,
) -> int:
    """Write the table: frames are numbered as the pictures come, have no time, and their picture as source."""
    count = 0
    called = tuple(ANGLES) if angles else ()
    with tables.create(path, "", metadata, wide, names, angles=called, every_frame=every_frame) as table:
        for number, task in enumerate(tasks):
            if not (record := task.output(".json")).exists():
                continue
            with reading.errors(record, "a record of refpose image"):
                told = reading.json_file(record)
                if isinstance(told, dict) and told.get("complete") is False:
                    raise ValueError(f"{record}: not complete, another run writes it or was killed; use --resume later")
                found = enumerate(told["people"])
                people: list[Any] = [Recorded(one, number) for number, one in found if person in (None, number)]
            degrees = np.array([one.angles for one in people], np.float32) if angles and people else None
            table.write(number, math.nan, people, degrees, str(task.source))
            count += 1
    return count
