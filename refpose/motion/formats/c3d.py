"""C3D, the binary format of motion capture, through ezc3d: y up, x to the picture's right, z towards the camera.

Missing points have the residual -1, as the format wants it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from ...extras import require
from ..recording import WORLD, Recording
from ..skeletons import to_skeleton
from .common import Options, Writer, gathering, marker_names, upright


def create(path: Path, options: Options) -> AbstractContextManager[Writer]:
    """Write C3D at the end; 43 MB an hour at 30 frames a second are kept until then, and ezc3d's own copies."""
    return gathering(path, WORLD, lambda temporary, recording: _write(temporary, recording, options))


def _write(path: Path, recording: Recording, options: Options) -> None:
    if options.skeleton is not None:
        recording = to_skeleton(recording, options.skeleton)
    places = upright(recording, options, options.unit == "mm")
    if not len(places):  # ezc3d writes no file without frames: one in which all points are missing
        places = np.full((1, len(recording.keypoints), 3), np.nan)
    file = require("ezc3d", "c3d").c3d()
    point = file["parameters"]["POINT"]
    point["UNITS"]["value"] = [options.unit]
    point["RATE"]["value"] = [options.rate or (recording.rate if len(recording) > 1 else 30.0)]
    point["LABELS"]["value"] = marker_names(recording.keypoints, options)
    file.add_parameter("POINT", "X_SCREEN", "+X")
    file.add_parameter("POINT", "Y_SCREEN", "+Y")
    data = np.ones((4, len(recording.keypoints), len(places)))
    data[:3] = places.transpose(2, 1, 0)
    data[3] = np.where(np.isnan(data[:3]).any(axis=0), np.nan, 1.0)
    file["data"]["points"] = data
    file.write(str(path))
