"""One table of many pictures, made of the records (NAME.json) that ``refpose image`` writes for each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import reading, tables
from ..motion.angles import ANGLES
from ..tables.recorded import RecordedPerson
from . import planning


class Recorded(RecordedPerson):
    """A person as it stands in a record."""

    def __init__(self, person: dict[str, Any]) -> None:
        rows = [[point[name] for name in tables.VALUES] for point in person["keypoints"]]
        super().__init__(np.array(rows, np.float32))  # None becomes NaN
        self.angles = [person.get("angles", {}).get(name) for name in ANGLES]


def write(
    path: Path,
    tasks: Iterable[planning.Task],
    metadata: dict[str, Any],
    names: Sequence[str],
    wide: bool = False,
    angles: bool = False,
) -> int:
    """Write the table: frames are numbered as the pictures come, have no time, and their picture as source.

    Parameters
    ----------
    path : Path
        The table.
    tasks : iterable of Task
        The pictures; those without a record (which failed) are left out.
    metadata, names, wide
        As for `refpose.tables.create`.
    angles : bool
        Whether the records have angles, which then have columns.

    Returns
    -------
    int
        Number of pictures.
    """
    count = 0
    called = tuple(ANGLES) if angles else ()
    with tables.create(path, "", metadata, wide, names, angles=called) as table:
        for number, task in enumerate(tasks):
            if not (record := task.output(".json")).exists():
                continue
            with reading.errors(record, "a record of refpose image"):
                people: list[Any] = [Recorded(person) for person in reading.json_file(record)["people"]]
            degrees = np.array([person.angles for person in people], np.float32) if angles and people else None
            table.write(number, math.nan, people, degrees, str(task.source))
            count += 1
    return count
