"""NWB (Neurodata Without Borders) with the extension ndx-pose: places on the picture and in space, and confidences.

The processing module ``behavior`` has ``PoseEstimation`` (x, y in pixels) and ``PoseEstimationWorld`` (x, y, z in
metres from the middle of the hips, y down), a series for each key point, at the times of the frames; missing numbers
are NaN.
"""

from __future__ import annotations

import uuid
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__, messages
from ...extras import require
from ...topology import TOPOLOGIES
from ..recording import PIXELS, WORLD, Recording
from ..skeletons import to_skeleton
from .common import Options, Writer, gathering

_COLUMNS = (*PIXELS, *WORLD, "visibility")


def create(path: Path, options: Options) -> AbstractContextManager[Writer]:
    """Write NWB at the end; until then frames are kept in a file."""
    return gathering(path, _COLUMNS, lambda temporary, gathered: _write(temporary, gathered.whole(), options))


def _write(path: Path, recording: Recording, options: Options) -> None:
    pynwb = require("pynwb", "nwb")
    pose = require("ndx_pose", "nwb")
    if not np.isfinite(recording.time).all():
        raise ValueError("these frames have no times, as pictures have none, and NWB needs them")
    if options.skeleton is not None:
        recording = to_skeleton(recording, options.skeleton)
    source = ", ".join(recording.sources)
    begun = options.session_start or datetime(1970, 1, 1, tzinfo=timezone.utc)
    file = pynwb.NWBFile(
        session_description=f"Key points that refpose {__version__} found in {source}",
        identifier=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{source}#{recording.people[0]}")),
        session_start_time=begun if begun.tzinfo else begun.replace(tzinfo=timezone.utc),
    )
    file.subject = pynwb.file.Subject(subject_id=f"person{recording.people[0]}", species="Homo sapiens")
    edges = _edges(recording.keypoints)
    skeleton = pose.Skeleton(name="person", nodes=list(recording.keypoints), edges=edges, subject=file.subject)
    module = file.create_processing_module(name="behavior", description="key points")
    module.add(pose.Skeletons(skeletons=[skeleton]))
    module.add(
        _estimation(pose, "PoseEstimation", recording, skeleton, PIXELS, "pixels", "(0, 0) is the top left pixel")
    )
    middle = "(0, 0, 0) is the middle of the hips; x to the picture's right, y down, z away from the camera"
    module.add(_estimation(pose, "PoseEstimationWorld", recording, skeleton, WORLD, "meters", middle))
    with pynwb.NWBHDF5IO(path, "w") as out:
        out.write(file)


def _edges(names: tuple[str, ...]) -> Any:
    for topology in TOPOLOGIES:
        if topology.names == names:
            return np.array(topology.connections, np.uint8)
    return np.zeros((0, 2), np.uint8)


def _estimation(
    pose: Any, name: str, recording: Recording, skeleton: Any, columns: tuple[str, ...], unit: str, frame: str
) -> Any:
    first, last = recording.columns.index(columns[0]), recording.columns.index(columns[-1])
    points = recording.values[:, 0, :, first : last + 1]  # views: each series is read from the file when it is written
    confidence = recording.values[:, 0, :, recording.columns.index("visibility")]
    series: list[Any] = []
    for k, joint in enumerate(recording.keypoints):
        series.append(
            pose.PoseEstimationSeries(
                name=joint,
                description=joint.replace("_", " "),
                data=points[:, k],
                unit=unit,
                reference_frame=frame,
                timestamps=series[0] if series else recording.time,
                confidence=confidence[:, k],
                confidence_definition="visibility: probability of being in the picture and not hidden",
            )
        )
    size = recording.image_size
    given: dict[str, Any] = {} if size is None else {"dimensions": np.array([size], np.uint16)}
    if size is not None:
        given["original_videos"] = list(recording.sources)
    # Newer versions call these otherwise, older ones know no other name.
    with messages.quiet("The 'original_videos' constructor argument", "The 'dimensions' constructor argument"):
        return pose.PoseEstimation(
            name=name,
            pose_estimation_series=series,
            description=f"key points, {unit}",
            scorer="refpose",
            source_software="refpose",
            source_software_version=__version__,
            skeleton=skeleton,
            **given,
        )
