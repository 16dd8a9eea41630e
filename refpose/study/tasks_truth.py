"""MediaPipe Tasks on the pictures that come with the package, stage by stage, against what was recorded."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..images import read_image
from ..tasks import TasksPose
from . import truth
from .explain import Explanation


def _bytes_of(values: NDArray[Any], scale: float, offset: float) -> int:
    """Checksum of a network's input as bytes, before their range is changed."""
    return zlib.crc32(np.rint((values.astype(np.float64) - offset) / scale).astype(np.uint8).tobytes())


def _hash(found: Explanation, name: str, people: list[str]) -> str:
    """Of x, y, z, visibility and presence of all landmarks of all people."""
    rows = [
        np.column_stack([found[f"{head}{part}"] for part in (name, "result/visibility", "result/presence")])
        for head in people
    ]
    return hashlib.sha256(b"".join(row.tobytes() for row in rows)).hexdigest()


def compared(engine: str) -> Iterator[tuple[str, bool]]:
    """What is recorded, and whether it comes out here: ``"1.2.3: crop/input (astronaut)"``, in the order of the stages.

    Parameters
    ----------
    engine : str
        An exact one.
    """
    recorded = json.loads((truth.FOLDER / "tasks.json").read_text("utf-8"))
    for version, pictures in recorded.items():
        pose = TasksPose("lite", "image", 3, version, engine=engine)
        for picture, stages in pictures.items():
            found = pose.explain(read_image(truth.FOLDER / f"{picture}.png"))
            heads = ["", *(f"people/{i}/" for i in range(1, 9))]
            regions = [head for head in heads if f"{head}crop/input" in found]
            people = [head for head in heads if f"{head}result/landmarks_n" in found]
            here = {
                "detector/input": _bytes_of(found["detector/input"], 1 / 127.5, -1),
                "roi/crop_n": [found[f"{head}roi/crop_n"].tolist() for head in regions],
                "crop/input": [_bytes_of(found[f"{head}crop/input"], 1 / 255, 0) for head in regions],
                "result/landmarks_n": _hash(found, "result/landmarks_n", people),
                "result/world_m": _hash(found, "result/world_m", people),
            }
            for name, expected in stages.items():
                yield f"{version}: {name} ({picture})", here[name] == expected
