"""What MediaPipe made of a few pictures, recorded: shipped with the package for ``refpose verify``.

tests/recorded/make_truth.py makes the files. Of large arrays a sample is kept and the hash of the whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

FOLDER = Path(__file__).resolve().parent / "_truth"
_SAMPLE = 512


@dataclass(frozen=True)
class Record:
    """A recorded array.

    Attributes
    ----------
    sha256 : str
        Of all its bytes.
    sample : ndarray, shape (n,)
        The values at `positions`.
    dtype : dtype
        Of the array that was recorded.
    """

    sha256: str
    sample: Array

    def equals(self, array: Array) -> bool:
        """Whether it is this array, bit for bit, in the precision that was recorded."""
        return digest(array.astype(self.sample.dtype)) == self.sha256

    def largest_difference(self, array: Array) -> float:
        """Between the samples; infinite where the sizes differ or something is no number."""
        values = np.ascontiguousarray(array).reshape(-1)
        found = values[positions(values.size, len(self.sample))] if values.size else values
        if found.shape != self.sample.shape:
            return float("inf")
        off = np.abs(found.astype(np.float64) - self.sample)
        return float(np.where(np.isnan(off), np.inf, off).max(initial=0.0))


@dataclass(frozen=True)
class Layers:
    """The layers of a network on one picture, and its weights.

    Attributes
    ----------
    picture : str
    layers : mapping of str to Record
        By layer, in order.
    weights : mapping of str to str
        Hashes of the trained arrays in the precision of the file, in order.
    """

    picture: str
    layers: Mapping[str, Record]
    weights: Mapping[str, str]


def digest(array: Array) -> str:
    """Hash of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def positions(size: int, count: int = _SAMPLE) -> Array:
    """Which of `size` values are kept: all, or `count` spread evenly."""
    return np.arange(size) if size <= count else np.linspace(0, size - 1, count).astype(np.intp)


def pictures() -> list[str]:
    """Names of the pictures that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.png"))


def stages(picture: str, model: str) -> dict[str, Record]:
    """Recorded quantities of `refpose.study.explain` for a picture and a landmark network, in no order."""
    import h5py

    found: dict[str, Record] = {}
    with h5py.File(FOLDER / "truth.h5", "r") as h5:

        def take(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                found[name] = Record(item.attrs["sha256"], item[()])

        for group in ("detector", "roi", "crop", model):
            if group in h5[picture]:
                prefix = "" if group == model else f"{group}/"
                h5[picture][group].visititems(lambda name, item, prefix=prefix: take(prefix + name, item))
    return found


def layers(network: str) -> Layers:
    """Recorded layers of a network."""
    import h5py

    with h5py.File(FOLDER / "truth.h5", "r") as h5:
        group = h5["layers"][network]
        names, digests, samples = (group[what][()] for what in ("name", "sha256", "sample"))
        weights = zip(*(group["weights"][what][()].astype(str).tolist() for what in ("name", "sha256")), strict=True)
        records = {
            name.decode(): Record(sha.decode(), sample)
            for name, sha, sample in zip(names, digests, samples, strict=True)
        }
        return Layers(str(group.attrs["picture"]), records, dict(weights))
