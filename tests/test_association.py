"""Which regions are one person's: by hand."""

from __future__ import annotations

import numpy as np
import pytest

from refpose import Roi
from refpose.stages.association import associate, overlap

LEFT, RIGHT = Roi(0.25, 0.5, 0.5, 1), Roi(0.75, 0.5, 0.5, 1)
MIDDLE = Roi(0.5, 0.5, 0.5, 1)  # half of it on each of the two


def associated(regions: list[Roi], max_overlap: float) -> list[Roi]:
    return associate(regions, lambda region: region, max_overlap)


def test_overlap() -> None:
    assert overlap(LEFT, LEFT) == 1
    assert overlap(LEFT, MIDDLE) == np.float32(1 / 3)
    assert overlap(LEFT, RIGHT) == 0  # they touch
    assert overlap(LEFT, Roi(3, 3, 1, 1)) == 0
    assert overlap(Roi(0.5, 0.5, 0, 0), Roi(0.5, 0.5, 0, 0)) == 0
    assert overlap(LEFT, Roi(0.25, 0.5, 0.5, 1, rotation=1)) == 1  # rotation does not count


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(0.5, [LEFT, RIGHT, MIDDLE]), (1 / 3, [LEFT, RIGHT, MIDDLE]), (0.3, [MIDDLE]), (1.0, [LEFT, RIGHT, MIDDLE])],
)
def test_the_later_one_wins(threshold: float, expected: list[Roi]) -> None:
    assert associated([LEFT, RIGHT, MIDDLE], threshold) == expected


def test_among_all_of_them() -> None:
    assert associated([MIDDLE, LEFT, RIGHT], 0.3) == [LEFT, RIGHT]
    assert associated([LEFT, LEFT, RIGHT, LEFT], 0.5) == [RIGHT, LEFT]
    assert associated([LEFT, LEFT], 1.0) == [LEFT, LEFT]


def test_regions_without_area_keep_their_places() -> None:
    nowhere = Roi(0, 0, 0, 0)
    assert associated([nowhere, LEFT, nowhere, LEFT], 0.0) == [nowhere, nowhere, LEFT]
