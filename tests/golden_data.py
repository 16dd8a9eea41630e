"""Access to the recorded results for tests: pictures, videos, and how they are compared."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from conftest import GOLDEN, GOLDENS
from numpy.typing import NDArray
from PIL import Image

from refpose import Person, Roi
from refpose.engine import resolve
from refpose.stages.detector import Detection

BEST = GOLDEN if GOLDENS is None else GOLDENS
SETS = (GOLDEN,) if GOLDENS is None else (GOLDEN, GOLDENS)
MODELS = {"lite": 0, "full": 1, "heavy": 2}  # MediaPipe's model_complexity
QUICK_PICTURE = "astronaut"  # what the quick tests run the exact networks on


def exact_engines() -> list[str]:
    """The engines that promise MediaPipe's bits, of those that can run here."""
    return ["reference", "native"] if resolve("auto") == "native" else ["reference"]


@cache
def pictures() -> list[str]:
    """Names of the recorded pictures."""
    return [entry["id"] for entry in json.loads((BEST / "images.json").read_text())["images"]]


def picture(name: str, folder: Path = BEST) -> NDArray[np.uint8]:
    with Image.open(folder / "images" / f"{name}.png") as image:
        return np.asarray(image.convert("RGB"))


def load(file: str, path: str, folder: Path = BEST) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arrays (in nested groups too, by path) and attributes of a recorded group."""
    arrays: dict[str, Any] = {}

    def take(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with h5py.File(folder / file) as source:
        source[path].visititems(take)
        return arrays, dict(source[path].attrs)


def groups(file: str, marker: str, folder: Path = BEST) -> list[str]:
    """Paths of the groups that hold an item of this name."""
    if not (folder / file).exists():
        return []
    found: list[str] = []
    with h5py.File(folder / file) as source:
        source.visititems(lambda name, item: found.append(name) if marker in getattr(item, "keys", tuple)() else None)
    return found


def roi_array(roi: Roi) -> NDArray[np.float32]:
    return np.array([roi.x, roi.y, roi.width, roi.height, roi.rotation], np.float32)


def detection_array(detection: Detection) -> NDArray[np.float32]:
    return np.concatenate([[np.float32(detection.score)], detection.box_n, detection.keypoints_n.ravel()])


def landmark_arrays(person: Person) -> dict[str, NDArray[np.float32]]:
    """A person's landmarks in the recorded form: columns x, y, z, visibility, presence."""
    return {
        name: np.column_stack([position, visibility, person.presence])
        for name, position, visibility in (
            ("landmarks", person.landmarks, person.visibility),
            ("world", person.world_landmarks, person.visibility),
            ("raw_landmarks", person.raw_landmarks, person.raw_visibility),
            ("raw_world", person.raw_world_landmarks, person.raw_visibility),
        )
    }


def assert_same(found: Any, recorded: Any, what: str = "") -> None:
    """Equality of every number, NaN nowhere."""
    found, recorded = np.asarray(found), np.asarray(recorded)
    assert found.dtype == recorded.dtype, what
    np.testing.assert_array_equal(found, recorded, err_msg=what, strict=True)


class Video:
    """A recorded run: its options, frames and numbers.

    Parameters
    ----------
    folder : Path
        The recorded set.
    run : str
        Path of the group in ``video.h5``.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self.folder, self.run = folder, run
        self.recorded, self.options = load("video.h5", run, folder)
        self.times = [int(t) / 1e6 for t in self.recorded["timestamp_us"]]

    def frames(self) -> list[NDArray[np.uint8]]:
        if "crop_yxhw" in self.recorded:
            whole = picture(self.options["image"], self.folder)
            return [whole[y : y + h, x : x + w] for y, x, h, w in self.recorded["crop_yxhw"]]
        if "image" in self.recorded:
            return [picture(name.decode(), self.folder) for name in self.recorded["image"]]
        folder = self.folder / f"frames_{self.run.split('/')[0]}"

        def frame(index: int) -> NDArray[np.uint8]:
            with Image.open(folder / f"{max(index, 0):04d}.png") as image:
                return np.asarray(image) if index >= 0 else np.zeros_like(np.asarray(image))

        return [frame(int(index)) for index in self.recorded["frame"]]

    def sizes(self) -> list[tuple[int, int]]:
        """Width and height of every frame."""
        if "crop_yxhw" in self.recorded:
            return [(int(w), int(h)) for _, _, h, w in self.recorded["crop_yxhw"]]
        return [frame.shape[1::-1] for frame in self.frames()]

    def pose_options(self) -> dict[str, Any]:
        return {
            "model": list(MODELS)[self.options["complexity"]],
            "smooth": bool(self.options["smooth_landmarks"]),
            "segmentation": bool(self.options["enable_segmentation"]),
            "smooth_segmentation": bool(self.options["smooth_segmentation"]),
            "min_detection_confidence": float(self.options["min_detection_confidence"]),
            "min_tracking_confidence": float(self.options["min_tracking_confidence"]),
        }


def videos(marker: str = "raw_landmarks") -> list[tuple[Path, str]]:
    """Folder and path of the recorded runs that have an item of this name; all by default."""
    return [(folder, run) for folder in SETS for run in groups("video.h5", marker, folder)]
