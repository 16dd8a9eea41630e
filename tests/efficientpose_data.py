"""EfficientPose's files for tests: the authors' models and recorded results, where they are at hand.

``REFPOSE_EFFICIENTPOSE`` names their folder (``models``, ``goldens``, ``synthetic``); by default it is the folder
``efficientpose`` beside ``REFPOSE_GOLDENS``.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from conftest import GOLDENS
from numpy.typing import NDArray

from refpose.networks import weights
from refpose.networks.tape import Tape
from refpose.networks.weights import Weights
from refpose.tools import convert

_NAMED = os.environ.get("REFPOSE_EFFICIENTPOSE")
FOLDER = Path(_NAMED).resolve() if _NAMED else GOLDENS.parent / "efficientpose" if GOLDENS else None

TRAINED = ("RT", "I", "II", "RT_LITE", "I_LITE", "II_LITE")
IMAGES = ("coco_474", "effpose_sample", "mpii_052475643")
# Our outputs by their names in the recorded results.
OUTPUTS = {"fields": "pass1_skeleton_pafs", "early": "pass2_detection1_confs", "coarse": "pass3_detection2_confs"}

needs_files = pytest.mark.skipif(
    FOLDER is None or not FOLDER.is_dir(), reason="no files of EfficientPose: REFPOSE_EFFICIENTPOSE does not name them"
)


def network_name(model: str) -> str:
    """``II_LITE`` -> ``efficientpose-ii-lite``."""
    return f"efficientpose-{model.lower().replace('_', '-')}"


def file(*parts: str) -> Path:
    assert FOLDER is not None
    return FOLDER.joinpath(*parts)


def model_file(model: str, ending: str = "tflite") -> Path:
    return file("models", f"EfficientPose{model}.{ending}")


@cache
def converted(path: Path) -> Weights:
    """The weights in one of the authors' files."""
    network, arrays = convert.convert(path.name, path.read_bytes())
    return Weights(network, arrays, {})


def random_weights(tape: Tape, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Weights that keep activations near one, so that no activation is at its end everywhere."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for step in tape.steps:
        for what, shape in step.weights.items():
            inputs = step.macs // step.out.size
            values = rng.standard_normal(shape) * ((1.6 / inputs) ** 0.5 if what == "kernel" else 0.1)
            arrays[f"{step.name}/{what}"] = values.astype(np.float16).astype(np.float32)
    return arrays


def random_input(side: int, seed: int = 1) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    coarse = rng.standard_normal((-(-side // 16), -(-side // 16), 3)).repeat(16, 0).repeat(16, 1)[:side, :side]
    return (coarse + 0.2 * rng.standard_normal((side, side, 3))).astype(np.float32)


def write_weights(folder: Path, network: str, arrays: dict[str, NDArray[Any]]) -> Path:
    """A weights file of this network in a folder."""
    path = folder / f"{network}.h5"
    weights.save(path, network, arrays, "made up", "", "none")
    return path


@cache
def recorded(model: str, image: str) -> dict[str, Any]:
    """Everything recorded for a model on a picture, by path."""
    found: dict[str, Any] = {}
    with h5py.File(file("goldens", "efficientpose_goldens.h5"), "r") as h5:

        def visit(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                found[name] = item[()]

        h5[f"{model}/{image}"].visititems(visit)
        found["rgb"] = h5[f"images/{image}/rgb"][()]
    return found
