"""COCO's results for key points: the list that pycocotools' ``loadRes`` takes.

``image_id`` is the number of the frame. Confidence is the visibility, the score of a person the mean of it over the
joints found; 0, 0, 0 stands for missing joints. The order is COCO's 17 unless another skeleton is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np

from ...files import replacing
from ..recording import Recording
from ..skeletons import to_skeleton
from .common import Options, Writer


@contextmanager
def create(path: Path, options: Options) -> Iterator[Writer]:
    """Write a list of results, a line for each person on a frame."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        results = _Results(file, options.skeleton or "coco17")
        yield results
        file.write("\n]\n" if results.any else "[]\n")


class _Results:
    def __init__(self, file: TextIO, skeleton: str) -> None:
        self._file, self._skeleton = file, skeleton
        self.any = False

    def write(self, block: Recording) -> None:
        block = to_skeleton(block, self._skeleton)
        numbers = block.column("x_px", "y_px", "visibility").astype(np.float64)
        missing = np.isnan(numbers[..., :2]).any(axis=-1)
        numbers[missing] = 0.0
        numbers[np.isnan(numbers)] = 0.0
        count = np.maximum((~missing).sum(axis=-1), 1)
        scores = numbers[..., 2].sum(axis=-1) / count
        template = ", ".join(["%.4f", "%.4f", "%.6f"] * len(block.keypoints))
        for frame, person in zip(*np.nonzero(~missing.all(axis=-1)), strict=True):
            separator = ",\n" if self.any else "[\n"
            keypoints = template % tuple(numbers[frame, person].ravel())
            self._file.write(
                f'{separator}{{"image_id": {block.frame[frame]}, "category_id": 1, '
                f'"keypoints": [{keypoints}], "score": {scores[frame, person]:.6f}}}'
            )
            self.any = True
