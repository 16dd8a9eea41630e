"""Which regions are one person's: by hand."""

from __future__ import annotations

import numpy as np
import pytest

from refpose import Roi
from refpose.stages.association import associate, overlap

LEFT, RIGHT = Roi(0.25, 0.5, 0.5, 1), Roi(0.75, 0.5, 0.5, 1)
MIDDLE = Roi(0.5, 0.5, 0.5, 1)  # half of it on each of the two


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
    assert associate([LEFT, RIGHT, MIDDLE], threshold) == expected


def test_among_all_of_them() -> None:
    assert associate([MIDDLE, LEFT, RIGHT], 0.3) == [LEFT, RIGHT]
    assert associate([LEFT, LEFT, RIGHT, LEFT], 0.5) == [RIGHT, LEFT]
    assert associate([LEFT, LEFT], 1.0) == [LEFT, LEFT]


def test_regions_that_are_no_numbers_keep_their_places() -> None:
    assert associate([None, LEFT, None, LEFT], 0.0) == [None, None, LEFT]
