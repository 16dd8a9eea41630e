"""NWB (Neurodata Without Borders) with the extension ndx-pose: places on the picture and in space, and confidences.

The processing module ``behavior`` has ``PoseEstimation`` (x, y in pixels) and ``PoseEstimationWorld`` (x, y, z in
metres from the middle of the hips, y down), a series for each key point, at the times of the frames; missing numbers
are NaN.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ... import __version__, messages
from ...extras import require
from ...tables.patient import hdf5_file
from ...topology import TOPOLOGIES
from ..recording import PIXELS, WORLD, Recording
from ..skeletons import joints_of, to_skeleton
from .common import Gathered, Options, Writer, gathering

_COLUMNS = (*PIXELS, *WORLD, "visibility")
_MIDDLE = "(0, 0, 0) is the middle of the hips; x to the picture's right, y down, z away from the camera"


def create(path: Path, options: Options) -> AbstractContextManager[Writer]:
    """Write NWB at the end; until then frames are kept in a file."""
    return gathering(path, _COLUMNS, lambda temporary, gathered: _write(temporary, gathered, options))


def _write(path: Path, gathered: Gathered, options: Options) -> None:
    pynwb = require("pynwb", "nwb")
    recording = gathered.without_numbers()
    if not np.isfinite(recording.time).all():
        raise ValueError("these frames have no times, as pictures have none, and NWB needs them")
    file, places = _file(recording, options)
    with hdf5_file(path) as (out, check), pynwb.NWBHDF5IO(file=out, mode="w") as io:
        io.write(file)
        done = 0
        for block in gathered.blocks():
            if options.skeleton is not None:
                block = to_skeleton(block, options.skeleton)
            part = slice(done, done + len(block))
            done = part.stop
            numbers = {columns: block.column(*columns)[:, 0] for columns in {place.columns for place in places}}
            for place in places:
                place.data.dataset[part] = numbers[place.columns][:, place.keypoint]
            check()


class _Place(NamedTuple):
    """Where some columns of a key point go: an array that is made without its numbers."""

    columns: tuple[str, ...]
    keypoint: int
    data: Any


def _file(recording: Recording, options: Options) -> tuple[Any, list[_Place]]:
    """What the file consists of, and the places of the numbers in it."""
    pynwb, pose = require("pynwb", "nwb"), require("ndx_pose", "nwb")
    names = recording.keypoints if options.skeleton is None else joints_of(options.skeleton)
    source = ", ".join(recording.sources)
    begun = options.session_start or datetime(1970, 1, 1, tzinfo=timezone.utc)
    file = pynwb.NWBFile(
        session_description=f"Key points that refpose {__version__} found in {source}",
        identifier=f"{source} person{recording.people[0]}",  # movement calls the individual so
        session_start_time=begun if begun.tzinfo else begun.replace(tzinfo=timezone.utc),
    )
    file.subject = pynwb.file.Subject(subject_id=f"person{recording.people[0]}", species="Homo sapiens")
    skeleton = pose.Skeleton(name="person", nodes=list(names), edges=_edges(names), subject=file.subject)
    module = file.create_processing_module(name="behavior", description="key points")
    module.add(pose.Skeletons(skeletons=[skeleton]))
    places: list[_Place] = []
    for name, columns, unit, frame in (
        ("PoseEstimation", PIXELS, "pixels", "(0, 0) is the top left pixel"),
        ("PoseEstimationWorld", WORLD, "meters", _MIDDLE),
    ):
        series: list[Any] = []
        for k, joint in enumerate(names):
            data = _empty(recording, len(columns)), _empty(recording)
            places += [_Place(columns, k, data[0]), _Place(("visibility",), k, data[1])]
            series.append(
                pose.PoseEstimationSeries(
                    name=joint,
                    description=joint.replace("_", " "),
                    data=data[0],
                    unit=unit,
                    reference_frame=frame,
                    timestamps=series[0] if series else recording.time,
                    confidence=data[1],
                    confidence_definition="visibility: probability of being in the picture and not hidden",
                )
            )
        module.add(_estimation(name, recording, series, skeleton, unit))
    return file, places


def _empty(recording: Recording, *one: int) -> Any:
    """An array of all frames, without numbers."""
    hdmf = require("hdmf.backends.hdf5.h5_utils", "nwb")
    return hdmf.H5DataIO(shape=(len(recording), *one), dtype=np.dtype(np.float32))


def _edges(names: tuple[str, ...]) -> Any:
    for topology in TOPOLOGIES:
        if topology.names == names:
            return np.array(topology.connections, np.uint8)
    return np.zeros((0, 2), np.uint8)


def _estimation(name: str, recording: Recording, series: list[Any], skeleton: Any, unit: str) -> Any:
    size = recording.image_size
    given: dict[str, Any] = {} if size is None else {"dimensions": np.array([size], np.uint16)}
    if size is not None:
        given["original_videos"] = list(recording.sources)
    # Newer versions call these otherwise, older ones know no other name.
    with messages.quiet("The 'original_videos' constructor argument", "The 'dimensions' constructor argument"):
        return require("ndx_pose", "nwb").PoseEstimation(
            name=name,
            pose_estimation_series=series,
            description=f"key points, {unit}",
            scorer="refpose",
            source_software="refpose",
            source_software_version=__version__,
            skeleton=skeleton,
            **given,
        )
