"""What the tests of MediaPipe Tasks share: model files with refpose's numbers, recorded runs, frames."""

from __future__ import annotations

import io
import struct
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from conftest import GOLDEN, GOLDENS
from golden_data import picture
from numpy.typing import NDArray
from PIL import Image

from refpose.networks import record, weights

VERSIONS = ("0.10.21", "1.2.3")
DETECTOR, LANDMARKS = "pose_detector.tflite", "pose_landmarks_detector.tflite"


def flatbuffer(constants: list[bytes]) -> bytes:
    """A .tflite file that has nothing but constants: the table Model with its field 4, ``buffers``."""
    head = struct.pack("<I4s", 28, b"TFL3") + struct.pack("<7H", 14, 8, 0, 0, 0, 0, 4) + bytes(6)
    head += struct.pack("<iI", 28 - 8, 4)  # the root table: back to its layout, on to the vector
    places, body = [], b""
    start = len(head) + 4 + 4 * len(constants)
    for constant in constants:
        layout = start + len(body)
        body += struct.pack("<3H", 6, 8, 4) + bytes(2)
        places.append(start + len(body))
        body += struct.pack("<iI", places[-1] - layout, 4) + struct.pack("<I", len(constant)) + constant
        body += bytes(-len(body) % 4)
    references = b"".join(struct.pack("<I", at - (len(head) + 4 + 4 * i)) for i, at in enumerate(places))
    return head + struct.pack("<I", len(constants)) + references + body


@cache
def tflite(network: str) -> bytes:
    """A .tflite file with the constants of a network; the detector's sparse ones without their zeros, as released."""
    stored = weights.load(network).stored
    arrays = [stored[name].reshape(-1) for name in record(network).weights]
    sparse = [array[array != 0] if network == "detector" else array for array in arrays]
    return flatbuffer([array.tobytes() for array in sparse])


def bundle(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A .task file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return buffer.getvalue()


def task(model: str) -> bytes:
    """A .task file of lite, full or heavy."""
    return bundle({DETECTOR: tflite("detector"), LANDMARKS: tflite(model)})


FILE = "tasks/tasks_dev.h5"
FOLDERS = {name: place for name, place in (("repository", GOLDEN), ("whole", GOLDENS)) if place}
"""The runs in the repository, of pictures that may be redistributed, and the whole recorded set where it is at hand."""


@cache
def frame(source: str, folder: Path) -> NDArray[np.uint8]:
    """A frame by its description in the recorded runs."""
    kind, _, rest = source.partition(":")
    if kind == "black":
        height, width = map(int, rest.split(","))
        return np.zeros((height, width, 3), np.uint8)
    name, _, place = rest.partition("/")
    if kind == "clip":
        with Image.open(folder / f"frames_{name}" / f"{int(place):04d}.png") as image:
            return np.asarray(image.convert("RGB"))
    whole = picture(name, folder)
    if kind == "crop":
        y, x, height, width = map(int, place.split(","))
        whole = whole[y : y + height, x : x + width]
    return np.ascontiguousarray(whole)


class Recorded:
    """A recorded run of one version.

    Attributes
    ----------
    folder : Path
        Of the recorded set.
    options : dict
    sources : list of str
        Of the frames.
    rotations, times_ms : list of int
        Of the frames; times are 0 for single images.
    truth : dict
        What the wheel returned: see the README of the recorded set.
    stages : dict
        Inner stages, where they are recorded.
    """

    def __init__(self, run: str, version: str) -> None:
        place, _, name = run.partition("/")
        self.folder = FOLDERS[place]
        with h5py.File(self.folder / FILE) as file:
            group = file[name]
            self.options: dict[str, Any] = dict(group.attrs)
            self.sources = [str(source) for source in group["source"].asstr()]
            self.rotations = [int(r) for r in group["rotation_degrees"]]
            times = group["timestamp_ms"] if "timestamp_ms" in group else [0] * len(self.sources)
            self.times_ms = [int(t) for t in times]
            truth = group[version]
            self.truth = {name: item[()] for name, item in truth.items() if isinstance(item, h5py.Dataset)}
            self.stages = {name: item[()] for name, item in truth["stages"].items()} if "stages" in truth else {}

    @property
    def is_video(self) -> bool:
        return self.options["running_mode"] == "VIDEO"

    @property
    def first(self) -> NDArray[np.int64]:
        """Index of the first person of every frame."""
        return np.concatenate([[0], np.cumsum(self.truth["people"])])


def runs() -> list[str]:
    """Names of the recorded runs that are at hand, behind the name of their set."""
    found = []
    for place, folder in FOLDERS.items():
        if (folder / FILE).exists():
            with h5py.File(folder / FILE) as source:
                found += [f"{place}/{run}" for run in sorted(source)]
    return found
