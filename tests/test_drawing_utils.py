"""The facade's drawing_utils and drawing_styles against what MediaPipe and OpenCV did: pictures, errors, settings."""

from __future__ import annotations

import json
from pathlib import Path

import drawing_cases
import numpy as np
import pytest

from refpose import mediapipe as mp
from refpose.mediapipe.solutions import drawing_utils

RECORDED = json.loads((Path(__file__).parent / "recorded" / "facade.json").read_text())


def test_all_cases_are_recorded() -> None:
    assert list(RECORDED["drawn"]) == drawing_cases.CASES
    assert list(RECORDED["answers"]) == drawing_cases.ANSWERS


@pytest.mark.parametrize("case", drawing_cases.CASES)
def test_pixels_and_errors(case: str) -> None:
    raised, picture = drawing_cases.drawn(case, mp)
    expected, pixels = RECORDED["drawn"][case]
    assert picture == pixels
    assert raised if expected == "Exception" else raised == expected  # OpenCV's errors are of no standard kind


@pytest.mark.parametrize("case", drawing_cases.ANSWERS)
def test_answers(case: str) -> None:
    assert drawing_cases.answer(case, mp) == RECORDED["answers"][case]


def test_no_lines() -> None:
    """MediaPipe promises this and raises AttributeError."""
    picture = np.zeros((40, 50, 3), np.uint8)
    points = drawing_cases.points(drawing_utils.landmark_pb2)
    drawing_utils.draw_landmarks(picture, points, [(0, 1)], None, None)
    assert not picture.any()


def test_any_memory_layout() -> None:
    plain = np.zeros((40, 50, 3), np.uint8)
    view = np.zeros((80, 50, 4), np.uint8)[::-2, :, :3]
    for picture in (plain, view):
        drawing_utils.draw_landmarks(picture, drawing_cases.points(drawing_utils.landmark_pb2), [(0, 1)])
    np.testing.assert_array_equal(view, plain)


def test_messages_say_what_is_wrong() -> None:
    picture, points = np.zeros((40, 50, 3), np.int64), drawing_cases.points(drawing_utils.landmark_pb2)
    with pytest.raises(ValueError, match="OpenCV draws on no array of int64"):
        drawing_utils.draw_landmarks(picture, points)
    for spec, message in (
        (drawing_utils.DrawingSpec("red"), "color: expected up to four of Python's numbers, found 'red'"),  # type: ignore[arg-type]
        (drawing_utils.DrawingSpec(thickness=2.5), "thickness must be a whole number, not 2.5"),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match=message):
            drawing_utils.draw_landmarks(picture.astype(np.uint8), points, None, spec)
