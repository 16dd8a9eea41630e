"""Keypoints of videos as tables on disk: CSV, JSON, Parquet and HDF5, written as the frames come.

CSV, JSON and Parquet are tidy: a row per keypoint with the columns `COLUMNS`; or wide: a row per person with columns
``nose_x_px``, ``nose_y_px`` ... Frames on which nobody was found have no rows, unless every frame is asked for. HDF5
holds arrays instead, in which every frame has its place and NaN stands for nobody. `RAW` and angles are further
columns. `read` gives all of them back as they were.

Numbers are float32; as text they have as many digits as it takes to read the very same float32 back.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import printable
from ..topology import LANDMARK_NAMES
from .form import ANGLE, COLUMNS, KEYS, RAW, VALUES, Form, Table, ids, numbers, values
from .kinds import KINDS
from .text import plain_cell

if TYPE_CHECKING:
    from ..motion.recording import Recording

__all__ = [
    "ANGLE",
    "COLUMNS",
    "KEYS",
    "KINDS",
    "RAW",
    "VALUES",
    "Form",
    "Table",
    "create",
    "ids",
    "numbers",
    "plain_cell",
    "read",
    "values",
]


def create(
    path: str | os.PathLike[str],
    source: str,
    metadata: Mapping[str, Any],
    wide: bool = False,
    names: Sequence[str] = LANDMARK_NAMES,
    *,
    raw: bool = False,
    angles: Sequence[str] = (),
    every_frame: bool = False,
) -> AbstractContextManager[Table]:
    """Write a table; it appears under its name when the block is left, whole or not at all.

    Parameters
    ----------
    path : path-like
        The file; its ending says which kind: one of `KINDS`.
    source : str
        What stands in the column ``source``.
    metadata : mapping
        How the table came about, for the kinds that have room for it: Parquet (key ``refpose`` of the schema) and HDF5
        (attribute ``refpose``), as JSON.
    wide : bool
        A row per person instead of one per keypoint. HDF5 has no rows.
    names : sequence of str
        Of the key points that the people to come have.
    raw : bool
        Whether there are the columns `RAW` too.
    angles : sequence of str
        Names of angles; their columns are called so with `ANGLE`, HDF5 has ``angles`` (frames, people, angles). In
        tidy tables all rows of a person repeat them.
    every_frame : bool
        Whether frames without anybody have rows, of a person 0 without numbers.

    Returns
    -------
    context manager that gives a Table

    Raises
    ------
    MissingExtra
        When a Parquet file is asked for and pyarrow is not installed.
    OSError
        When the file cannot be written, for example because the disk is full; what was there before stays.
    ValueError
        When the ending is none of `KINDS`.
    """
    kind = Path(path).suffix.lower()
    if kind not in KINDS:
        raise ValueError(f"{os.fspath(path)}: a table is written to a file that ends in one of {' '.join(KINDS)}")
    called = tuple(name + ANGLE for name in angles)
    return KINDS[kind](path, Form(printable(source), metadata, wide, tuple(names), raw, called, every_frame))


def read(path: str | os.PathLike[str]) -> Recording:
    """Read a table that refpose wrote, of any kind, without loss.

    Parameters
    ----------
    path : path-like
        A file that ends in one of `KINDS`. For kinds without room for metadata (CSV, JSON) NAME.meta.json beside it is
        read, if it is there. The JSON that ``refpose image`` writes about a picture is read as one frame at 0 seconds.

    Returns
    -------
    refpose.motion.Recording

    Raises
    ------
    MissingExtra
        When it is a Parquet file and pyarrow is not installed.
    OSError
        When the file cannot be read.
    ValueError
        When it is no such table: damaged, another program's, without some column.
    """
    from ..motion.reading import read

    return read(path)
