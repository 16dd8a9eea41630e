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

_FRAMES_AT_ONCE = 4096


def create(path: Path, options: Options) -> AbstractContextManager[Writer]:
    """Write C3D at the end; until then frames are kept in a file, then ezc3d makes copies of its own."""
    return gathering(path, WORLD, lambda temporary, gathered: _write(temporary, gathered.whole(), options))


def _write(path: Path, recording: Recording, options: Options) -> None:
    if options.skeleton is not None:
        recording = to_skeleton(recording, options.skeleton)
    frames = len(recording)
    # ezc3d writes no file without frames: one in which all points are missing
    data = np.full((4, len(recording.keypoints), max(frames, 1)), np.nan)
    for start in range(0, frames, _FRAMES_AT_ONCE):
        part = slice(start, start + _FRAMES_AT_ONCE)
        data[:3, :, part] = upright(recording.take(part), options, options.unit == "mm").transpose(2, 1, 0)
    data[3] = np.where(np.isnan(data[:3]).any(axis=0), np.nan, 1.0)
    file = require("ezc3d", "c3d").c3d()
    point = file["parameters"]["POINT"]
    point["UNITS"]["value"] = [options.unit]
    point["RATE"]["value"] = [options.rate or (recording.rate if len(recording) > 1 else 30.0)]
    point["LABELS"]["value"] = marker_names(recording.keypoints, options)
    file.add_parameter("POINT", "X_SCREEN", "+X")
    file.add_parameter("POINT", "Y_SCREEN", "+Y")
    file["data"]["points"] = data
    del data
    file.write(str(path))
