"""Lines and circles against OpenCV's pixels; what is drawn and what is left out."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

from refpose import Roi, draw
from refpose.draw import DrawingSpec
from refpose.mediapipe.solutions.drawing_styles import get_default_pose_landmarks_style
from refpose.topology import BLAZEPOSE

RECORDED = np.load(Path(__file__).parent / "recorded" / "drawing.npz")
GREY = DrawingSpec((10, 20, 30))
# MediaPipe's PoseLandmarksConnections.POSE_LANDMARKS, in its order
CONNECTIONS = [
    *((0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10), (11, 12), (11, 13), (13, 15)),
    *((15, 17), (15, 19), (15, 21), (17, 19), (12, 14), (14, 16), (16, 18), (16, 20), (16, 22), (18, 20), (11, 23)),
    *((12, 24), (23, 24), (23, 25), (24, 26), (25, 27), (26, 28), (27, 29), (28, 30), (29, 31), (30, 32)),
    *((27, 31), (28, 32)),
]


def canvas(width: int = 40, height: int = 30) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)


def test_pixels_are_opencvs() -> None:
    for shape, packed in zip(RECORDED["shapes"].tolist(), RECORDED["pictures"], strict=True):
        width, height, x0, y0, x1, y1, thickness, is_circle = shape
        picture = canvas(width, height)
        if is_circle:
            draw.circle(picture, (x0, y0), x1, (1, 1, 1), thickness)
        else:
            draw.line(picture, (x0, y0), (x1, y1), (1, 1, 1), thickness)
        expected = np.unpackbits(packed).reshape(64, 64)[:height, :width]
        np.testing.assert_array_equal(picture, np.stack([expected] * 3, axis=-1), err_msg=str(shape))


@pytest.mark.parametrize("order", ["F", "reversed", "strided"])
def test_any_memory_layout(order: str) -> None:
    plain = canvas()
    view = {
        "F": np.asfortranarray(canvas()),
        "reversed": canvas()[::-1, ::-1],
        "strided": np.zeros((60, 40, 4), np.uint8)[::2, :, :3],
    }[order]
    for picture in (plain, view):
        draw.line(picture, (-5, 3), (50, 20), (1, 2, 3), 3)
        draw.circle(picture, (20, 15), 9, (4, 5, 6))
    np.testing.assert_array_equal(view, plain)


def test_colours() -> None:
    picture = canvas()
    draw.line(picture, (0, 0), (39, 0), (300, -4, 2.5), 1)
    assert picture[0].tolist() == [[255, 0, 2]] * 40
    fractions = canvas().astype(np.float32)
    draw.line(fractions, (0, 0), (39, 0), (300, -4, 2.5), 1)
    assert fractions[0].tolist() == [[300, -4, 2.5]] * 40
    with pytest.raises(ValueError, match="expected three numbers"):
        draw.line(picture, (0, 0), (39, 0), (1, 2))


def test_impossible_shapes() -> None:
    with pytest.raises(ValueError, match="thickness of a line must be from 1 to 32767, not 0"):
        draw.line(canvas(), (0, 0), (1, 1), (1, 2, 3), 0)
    with pytest.raises(ValueError, match="radius of a circle must be from 0 to 2147483647, not -1"):
        draw.circle(canvas(), (0, 0), -1, (1, 2, 3))


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (0.0, 0.0, (0, 0)),
        (-0.0, 0.5, (0, 15)),
        (1.0, 1.0, (39, 29)),
        (1 + 9e-10, 0.0, (39, 0)),
        (1 + 2e-9, 0.0, None),
        (-1e-12, 0.0, None),
        (0.5, float("nan"), None),
        (float("inf"), 0.5, None),
        (0.5, -float("inf"), None),
        (0.999, 0.0334, (39, 1)),
    ],
)
def test_pixel(x: float, y: float, expected: tuple[int, int] | None) -> None:
    assert draw.pixel(x, y, 40, 30) == expected


def drawn(**options: Any) -> set[tuple[int, int]]:
    """Centres of what is drawn of four points at (5, 5), (15, 5), (25, 5) and (60, 5)."""
    picture = canvas()
    points = np.array([[5.2, 5.2], [15.2, 5.2], [25.2, 5.2], [60.2, 5.2]]) / (40, 30)
    draw.landmarks(picture, points, **options)
    return {(x, y) for x in range(0, 40, 5) for y in range(0, 30, 5) if picture[y, x].any()}


def test_points_that_are_left_out() -> None:
    dots = {"landmark_spec": DrawingSpec(thickness=-1)}
    assert drawn(**dots) == {(5, 5), (15, 5), (25, 5)}
    assert drawn(visibility=[0.49, 0.5, np.nan, 1], **dots) == {(15, 5), (25, 5)}
    assert drawn(visibility=[1, 1, 1, 1], presence=[0.5, np.nan, 0.4, 1], **dots) == {(5, 5), (15, 5)}
    assert drawn(landmark_spec={}) == set()
    assert drawn() == set()


def test_lines_that_are_left_out() -> None:
    lines = {"connections": [(0, 1), (1, 2), (2, 3)], "connection_spec": GREY}
    assert drawn(**lines) == {(5, 5), (10, 5), (15, 5), (20, 5), (25, 5)}
    assert drawn(visibility=[1, 1, 0, 1], **lines) == {(5, 5), (10, 5), (15, 5)}
    assert drawn(connections=[(0, 1)]) == set()
    with pytest.raises(ValueError, match="Invalid connection from landmark #1 to landmark #4"):
        drawn(connections=[(0, 1), (1, 4)], connection_spec=GREY)


def test_styles_by_landmark_and_connection() -> None:
    picture = canvas()
    draw.landmarks(
        picture,
        [(0.1, 0.5), (0.9, 0.5)],
        connections=[(0, 1)],
        landmark_spec={0: DrawingSpec((1, 1, 1), -1, 1), 1: DrawingSpec((2, 2, 2), -1, 5)},
        connection_spec={(0, 1): DrawingSpec((3, 3, 3), 1)},
    )
    assert picture[15, [4, 6, 20, 36, 39, 30]].tolist() == [[1] * 3, [224] * 3, [3] * 3, [2] * 3, [2] * 3, [224] * 3]


def test_numbers_that_are_none() -> None:
    for wrong in ((1.5, 2), ("1", 2), (None, 2)):
        with pytest.raises(TypeError, match="must be a whole number"):
            draw.line(canvas(), wrong, (3, 3), (1, 2, 3))
    with pytest.raises(ValueError, match="y of a pixel must be from -2147483648 to 2147483647"):
        draw.circle(canvas(), (1, 2**31), 3, (1, 2, 3))
    with pytest.raises(ValueError, match="thickness of a line must be from 1 to 32767, not 0"):
        drawn(connections=[(0, 1)], connection_spec=DrawingSpec(thickness=0))
    with pytest.raises(ValueError, match="circle_radius must be from 0"):
        drawn(landmark_spec=DrawingSpec(circle_radius=-1))
    with pytest.raises(ValueError, match="image: expected an array of numbers"):
        draw.line(np.zeros((9, 9), np.uint8), (1, 2), (3, 4), (1, 2, 3))
    read_only = canvas()
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        draw.line(read_only, (1, 2), (3, 4), (1, 2, 3))


@pytest.mark.parametrize("case", ["default", "style", "points_only", "no_points", "mapping", "big", "half_outside"])
def test_landmarks_are_mediapipes(goldens: Path, case: str) -> None:
    """drawing.h5: MediaPipe's own draw_landmarks; its README says with which arguments."""
    with h5py.File(goldens / "tasks" / "drawing.h5") as file:
        points, expected = file[case]["landmarks"][()], file[case]["image"][()]
    options: dict[str, Any] = {"landmark_spec": DrawingSpec((0, 0, 255)), "connection_spec": DrawingSpec()}
    options["connections"] = [] if case == "points_only" else CONNECTIONS
    if case == "no_points":
        options["landmark_spec"] = None
    if case == "style":
        options["landmark_spec"] = get_default_pose_landmarks_style()
    if case == "mapping":
        options["connection_spec"] = {
            pair: DrawingSpec((10 + 5 * i, 250 - 5 * i, 90), 1 + i % 4) for i, pair in enumerate(CONNECTIONS)
        }
    if case == "big":
        options |= {
            "landmark_spec": DrawingSpec((1, 2, 255), -1, 9),
            "connection_spec": DrawingSpec((0, 255, 0), 7),
        }
    picture = np.zeros_like(expected)
    draw.landmarks(picture, points, points[:, 3], points[:, 4], **options)
    np.testing.assert_array_equal(picture, expected)


def test_only_three_channels() -> None:
    with pytest.raises(ValueError, match="Input image must contain three channel bgr data"):
        draw.landmarks(np.zeros((9, 9, 4), np.uint8), [(0, 0)])


def test_person() -> None:
    picture = canvas(200, 100)
    points = np.full((33, 3), 0.25, np.float32)
    points[11], points[12] = (0.6, 0.5, 0), (0.8, 0.5, 0)
    visibility = np.zeros(33, np.float32)
    visibility[[11, 12]] = 1
    person: Any = SimpleNamespace(
        landmarks=points,
        visibility=visibility,
        roi=Roi(0.5, 0.5, 0.4, 0.8),
        detection=SimpleNamespace(box_n=np.array([0.05, 0.1, 0.1, 0.2], np.float32)),
        topology=BLAZEPOSE,
    )
    draw.person(picture, person, ["skeleton"])
    assert picture[50, 140].tolist() == [224, 224, 224]
    assert picture[48, 120].tolist() == [255, 138, 0]  # left: orange, in RGB
    assert picture[48, 160].tolist() == [0, 217, 231]
    assert not picture[:, :100].any()
    draw.person(picture, person)
    assert picture[10, 80].tolist() == list(draw.ROI_COLOR)
    assert picture[10, 20].tolist() == list(draw.BOX_COLOR)
    assert picture[50, 50].tolist() == [0, 0, 0]


@pytest.mark.parametrize("value", [np.nan, np.inf, "1", None, np.True_, Decimal("sNaN"), np.array(1)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_colours_that_are_no_numbers(kind: Any, value: Any) -> None:
    picture = np.zeros((9, 9, 3), kind)
    with pytest.raises((ValueError, TypeError), match="color must be"):
        draw.line(picture, (1, 1), (5, 5), (1, value, 3), 1)
    assert not picture.any()


def test_colours_of_every_size() -> None:
    bytes_, floats = (np.zeros((9, 9, 3), kind) for kind in (np.uint8, np.float32))
    draw.line(bytes_, (1, 1), (5, 5), (10**400, Fraction(-(10**400)), np.int8(7)), 1)
    assert bytes_[3, 3].tolist() == [255, 0, 7]
    with pytest.raises(ValueError, match="color must be finite"):
        draw.line(floats, (1, 1), (5, 5), (10**400, 0, 0), 1)
