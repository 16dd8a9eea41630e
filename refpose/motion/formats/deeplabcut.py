"""DeepLabCut's tables of x, y and likelihood, as CSV and HDF5 (read by DeepLabCut, movement, sleap-io, Pose2Sim).

One person has three lines of header (scorer, bodyparts, coords), several have a fourth (individuals: person0, person1
...). Every frame from 0 on has a row; missing numbers are empty. Likelihood is the visibility.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...extras import require
from ..recording import Recording
from ..skeletons import to_skeleton
from .common import Options, Writer, gathering, lines

SCORER = "refpose"
_COLUMNS = ("x_px", "y_px", "visibility")
_COORDS = ("x", "y", "likelihood")


def create(path: Path, options: Options) -> AbstractContextManager[Writer]:
    """Write CSV at the end; 43 MB an hour at 30 frames a second and person are kept until then."""
    return gathering(path, _COLUMNS, lambda temporary, recording: _write_csv(temporary, recording, options))


def create_hdf5(path: Path, options: Options) -> AbstractContextManager[Writer]:
    """Write HDF5 (pandas' and PyTables', key ``df_with_missing``) at the end; memory as for `create`."""
    return gathering(path, _COLUMNS, lambda temporary, recording: _write_hdf5(temporary, recording, options))


def _header(recording: Recording) -> dict[str, Sequence[str]]:
    """The lines of the header by their names."""
    each = len(recording.keypoints) * len(_COORDS)
    people = len(recording.people)
    header: dict[str, Sequence[str]] = {"scorer": [SCORER] * (each * people)}
    if people > 1:
        header["individuals"] = [f"person{number}" for number in recording.people for _ in range(each)]
    header["bodyparts"] = [name for name in recording.keypoints for _ in _COORDS] * people
    header["coords"] = list(_COORDS) * (len(recording.keypoints) * people)
    return header


def _numbers(recording: Recording, options: Options) -> tuple[Recording, NDArray[np.float64]]:
    if options.skeleton is not None:
        recording = to_skeleton(recording, options.skeleton)
    return recording, recording.values.reshape(len(recording), math.prod(recording.values.shape[1:])).astype(np.float64)


def _write_csv(path: Path, recording: Recording, options: Options) -> None:
    recording, numbers = _numbers(recording, options)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for name, line in _header(recording).items():
            writer.writerow([name, *line])
        for start in range(0, len(recording), 1024):
            part = slice(start, start + 1024)
            file.write(lines([recording.frame[part, None], numbers[part]], ["%d", "%.9g"], nan="", separator=","))


def _write_hdf5(path: Path, recording: Recording, options: Options) -> None:
    pandas = require("pandas", "deeplabcut")
    recording, numbers = _numbers(recording, options)
    header = _header(recording)
    columns = pandas.MultiIndex.from_arrays(list(header.values()), names=list(header))
    table = pandas.DataFrame(numbers, index=recording.frame, columns=columns)
    # In memory: HDF5 does not survive a full disk.
    with pandas.HDFStore(path, mode="w", driver="H5FD_CORE", driver_core_backing_store=0) as store:
        store.put("df_with_missing", table, format="fixed")
        store.flush()
        image = store._handle.get_file_image()
    path.write_bytes(image)
