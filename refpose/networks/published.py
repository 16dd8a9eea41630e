"""The models that Google and the authors of EfficientPose published: known by hash, and what is said of all others.

``published.json`` has for every model file its sha256, the hash of what `weights` makes of it, and the first 8 digits
of the sha256 of every trained array in the order of the network's tape.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import record

# sha256 of the weights files made from published models -> network. (The model card has those of the package.)
CONVERTED = {
    "91e9bf1c79a727655322599d3ae7aa6fd14ebc0d6719285bf8ee8b453ea9009b": "detector",
    "260be0c94eb3a719ad6c9df8ec57a1f89aaa0e3e7526a56033a829b60c989d13": "lite",
    "e1a21dd8ef5ca05f392906f08a2b4f1808c66af31b6bc4210306d7b79f63ab02": "full",
    "3ad0b45b4ff8fd951b71914efa228b5c97378e6e8e7041ec193c3ab8ae4d53b4": "heavy",
    "99e46cc16f56792192b41f4055c9e344418c6006fa9174148dc1c7a706b97a5e": "efficientpose-i",
    "66b64935254a767c1c61e0a9f1c6e1f670fa024dcde51b646f99c6586c27a7b0": "efficientpose-i",
    "3c1d6780965688826349377bfeb727b5b17c12d9b4e10cde7d6f27a74c16cf6b": "efficientpose-ii",
    "c94e54394bf5f3ae5cae9e75a6a018586ff062ddf8f72d7bd9bb86c1c11da683": "efficientpose-ii-lite",
    "c6cb0d812e47229f0bc07ce4ed117468436b2b653431ecfd6b33a35c8c6c1e2f": "efficientpose-i-lite",
    "cd2b3f201f968d3dc7e6345bf29c3c172c18c6990f7b24a0a31589a03a744e8f": "efficientpose-rt",
    "2025bb61a98acbd7031db6b9951dab413292c25b88ceab76e2ed0a654990927c": "efficientpose-rt",
    "7a5d7fde6cb0bfb13510d85b10088d645518907e666e973a0d94579a9f5607b2": "efficientpose-rt-lite",
}

_DIGITS = 8  # of each array's hash
_SAME = 0.5  # a model is a changed copy of a published one when more than this part of its arrays is the same
# In the published models no value is larger than 5660, and none more than 23 times as large as the second largest of
# its array. A flipped bit of an exponent makes one that is 16, 256 or 65,536 times as large as it was.
_LARGEST = 1e4
_ALONE = 40.0


class Model(NamedTuple):
    """A published model file.

    Attributes
    ----------
    file : str
        Its name.
    network : str
    sha256 : str
        Of the file.
    weights_sha256 : str
        `weights.content_sha256` of its arrays.
    arrays : tuple of str
        Beginnings of the arrays' hashes, in the order of the tape.
    """

    file: str
    network: str
    sha256: str
    weights_sha256: str
    arrays: tuple[str, ...]


def models() -> list[Model]:
    """All published models."""
    import json  # not when networks are loaded

    listed = json.loads(Path(__file__).with_name("published.json").read_bytes())
    return [
        Model(
            name,
            entry["network"],
            entry["sha256"],
            entry["weights_sha256"],
            tuple(entry["arrays"][at : at + _DIGITS] for at in range(0, len(entry["arrays"]), _DIGITS)),
        )
        for name, entry in listed.items()
    ]


def origin(weights_sha256: str) -> Model | None:
    """The published model whose arrays have this hash; None if there is none."""
    return next((model for model in models() if model.weights_sha256 == weights_sha256), None)


def differences(network: str, arrays: Mapping[str, NDArray[Any]]) -> tuple[Model, list[str]] | None:
    """The published model of which these arrays are a changed copy, and the names of those that differ.

    None when there is no such model: the network was trained anew, or nobody published it.
    """
    names = list(record(network).weights)
    found = [hashlib.sha256(np.ascontiguousarray(arrays[name]).tobytes()).hexdigest()[:_DIGITS] for name in names]
    nearest: tuple[Model, list[str]] | None = None
    for model in models():
        if model.network != network:
            continue
        differ = [name for name, mine, theirs in zip(names, found, model.arrays, strict=True) if mine != theirs]
        if len(differ) < (1 - _SAME) * len(names) and (nearest is None or len(differ) < len(nearest[1])):
            nearest = model, differ
    return nearest


def implausible(arrays: Mapping[str, NDArray[Any]]) -> str:
    """What is wrong with trained numbers, as far as the numbers alone can tell; empty when nothing is."""
    for name, array in arrays.items():
        sizes = np.abs(array.astype(np.float64)).reshape(-1)
        if not np.isfinite(sizes).all():
            return f"{name}: has values that are not finite"
        largest = float(sizes.max(initial=0.0))
        if largest > _LARGEST:
            return f"{name}: has a value of size {largest:.3g}; trained ones stay below {_LARGEST:.0f}"
        if name.endswith("/kernel") and largest == 0:
            return f"{name}: all values are zero"
        if sizes.size > 2:
            second = float(np.partition(sizes, -2)[-2])
            if largest > 1 and largest > _ALONE * second:
                return f"{name}: has a value of size {largest:.3g}, all others are below {second:.3g}"
    return ""
