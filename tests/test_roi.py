"""The geometry: closed forms, and equality with recorded regions."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from golden_data import BEST, assert_same, groups, load, picture, roi_array

from refpose import Roi
from refpose.stages import libm, roi, warp


def turn(region: Roi) -> tuple[np.float32, np.float32]:
    rotation = np.float32(region.rotation)
    return np.float32(libm.cosf(rotation)), np.float32(libm.sinf(rotation))


def points(*values: float) -> np.ndarray:
    return np.array(values, np.float32).reshape(-1, 2)


@pytest.mark.parametrize(
    ("dx", "dy", "rotation"),
    [(0, -50, 0), (50, 0, math.pi / 2), (-50, 0, -math.pi / 2), (0, 50, -math.pi), (30, -30, math.pi / 4)],
)
def test_rotation_is_clockwise_from_upright(dx: float, dy: float, rotation: float) -> None:
    centre, on_circle = points(100, 80, 100 + dx, 80 + dy) / np.float32([200, 160])
    region = roi.from_points(centre, on_circle, 200, 160)
    assert region.rotation == pytest.approx(rotation, abs=1e-6)
    assert (region.x, region.y) == (0.5, 0.5)
    side = 2 * math.hypot(dx, dy)
    assert region.width * 200 == pytest.approx(side, rel=1e-6)
    assert region.height * 160 == pytest.approx(side, rel=1e-6)
    larger = roi.enlarged(region, 200, 160)
    assert larger.width * 200 == pytest.approx(1.25 * side, rel=1e-6)
    assert larger.height * 160 == pytest.approx(1.25 * side, rel=1e-6)


def test_points_that_coincide_make_an_empty_region() -> None:
    centre, on_circle = points(0.5, 0.5, 0.5, 0.5)
    region = roi.from_points(centre, on_circle, 640, 480)
    assert (region.width, region.height) == (0, 0)
    assert roi.object_scale(centre, on_circle, 640, 480) == 0


def test_corners_of_an_upright_and_of_a_turned_region() -> None:
    upright = Roi(0.5, 0.5, 0.5, 0.5).corners_px(100, 100)
    assert upright.tolist() == [[25, 75], [25, 25], [75, 25], [75, 75]]
    turned = Roi(0.5, 0.5, 0.5, 0.5, math.pi / 2).corners_px(100, 100)
    assert np.abs(turned - [[25, 25], [75, 25], [75, 75], [25, 75]]).max() < 1e-4


def test_padding_of_landscape_and_portrait() -> None:
    landscape = roi.whole_image(400, 200)
    assert landscape.letterbox == (0, 0.25, 0, 0.25)
    assert (landscape.width_px, landscape.height_px) == (400, 400)
    portrait = roi.whole_image(200, 400)
    assert portrait.letterbox == (0.25, 0, 0.25, 0)
    inner = roi.remove_letterbox(points(0.25, 0, 0.75, 1, 0.5, 0.5), portrait.letterbox)
    assert inner.tolist() == [[0, 0], [1, 1], [0.5, 0.5]]


def test_projection_inverts_the_crop() -> None:
    width, height = 320, 240
    region = roi.squared(Roi(0.4, 0.6, 0.5, 0.7, -0.8), width, height)
    square = roi.square_of(region, width, height)
    matrix = np.array(square.crop_matrix(256)).reshape(3, 3)
    in_crop = np.float32([[0.1, 0.9, 0.2], [0.5, 0.5, -0.1], [1.2, -0.3, 0]])
    unpadded = roi.remove_letterbox(in_crop, square.letterbox)
    found = roi.project(unpadded, region, *turn(region))
    for (u, v, z), (x_n, y_n, z_n) in zip(in_crop, found, strict=True):
        x, y, w = matrix @ (u * 256, v * 256, 1)
        # float32 geometry on one side
        assert math.dist((x_n * width, y_n * height), (x / w, y / w)) < 1e-3
        assert z_n * width == pytest.approx(z * square.width_px, abs=1e-4)


def test_regions_are_made_square_by_the_longer_side() -> None:
    square = roi.squared(Roi(0.4, 0.6, 0.5, 0.7, -0.8), 320, 240)
    assert (square.x, square.y, square.rotation) == (
        Roi(0.4, 0.6, 1, 1, -0.8).x,
        Roi(0, 0.6, 1, 1).y,
        Roi(0, 0, 1, 1, -0.8).rotation,
    )
    assert square.width * 320 == pytest.approx(168)
    assert square.height * 240 == pytest.approx(168)
    before, after = (roi.square_of(r, 320, 240).corners_px() for r in (Roi(0.4, 0.6, 0.5, 0.7, -0.8), square))
    assert np.abs(np.subtract(before, after)).max() < 1e-4
    nearly = Roi(0.5, 0.5, 0.3, 0.4 * (1 + 1e-7))
    assert roi.squared(nearly, 320, 240) is nearly


def test_values_are_float32_and_angles_normalised() -> None:
    region = Roi(0.1, 0.2, 0.3, 0.4, 7.0)
    assert region.x == float(np.float32(0.1))
    assert region.rotation == pytest.approx(7 - 2 * math.pi, abs=1e-6)
    assert Roi(0, 0, 1, 1, math.pi).rotation == float(np.float32(math.pi))
    assert Roi(0, 0, 1, 1, -1e9).rotation == pytest.approx(math.remainder(-1e9, 2 * math.pi), abs=1e-6)
    assert pickle.loads(pickle.dumps(region)) == region
    assert hash(region) == hash(Roi(0.1, 0.2, 0.3, 0.4, 7.0))
    with pytest.raises(AttributeError):
        region.x = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ((math.nan, 0, 1, 1, 0), ValueError, "x must be finite"),
        ((0, math.inf, 1, 1, 0), ValueError, "y must be finite"),
        ((0, 0, 1e39, 1, 0), ValueError, "width must be finite in float32"),
        ((0, 0, 1, -1, 0), ValueError, "must not be negative"),
        ((0, 0, 1, 1, "left"), TypeError, "rotation must be a number"),
        ((None, 0, 1, 1, 0), TypeError, "x must be a number"),
    ],
)
def test_bad_values(values: tuple[float, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Roi(*values)


@pytest.mark.parametrize("name", [name for name in groups("pipeline.h5", "roi_input_u8") if "/" not in name])
def test_recorded_regions_and_crops(name: str) -> None:
    recorded, _ = load("pipeline.h5", name)
    image = picture(name)
    height, width = image.shape[:2]
    keypoints = recorded["detections"][0][5:].reshape(4, 2)
    region = roi.enlarged(roi.from_points(keypoints[0], keypoints[1], width, height), width, height)
    assert_same(roi_array(region), recorded["rect_from_detection"])
    square = roi.square_of(region, width, height)
    assert_same(np.array(square.letterbox), recorded["roi_letterbox"])
    row_x, row_y, scale_z = roi.unit_matrix(square, width, height, *turn(region))
    matrix = np.zeros((4, 4), np.float32)
    matrix[0, [0, 1, 3]], matrix[1, [0, 1, 3]], matrix[2, 2], matrix[3, 3] = row_x, row_y, scale_z, 1
    assert_same(matrix.ravel(), recorded["roi_matrix"])
    assert_same(warp.warp_u8(image, square.crop_matrix(256), 256, "replicate"), recorded["roi_input_u8"])


def test_recorded_regions_were_found() -> None:
    assert groups("pipeline.h5", "roi_input_u8", BEST)


def test_turned_image_is_seen_as_a_turned_square() -> None:
    """As MediaPipe Tasks has it: the sides change places, the padding is that of the turned image."""
    upright, turned = roi.whole_image(400, 200), roi.whole_image(400, 200, 90)
    assert turned.rotation == -np.float32(math.pi / 2)
    assert turned.letterbox == (0.25, 0, 0.25, 0)
    assert (turned.width_px, turned.height_px) == (400, 400)
    expected = upright.corners_px()
    np.testing.assert_allclose(turned.corners_px(), expected[-1:] + expected[:-1], atol=1e-3)
    assert roi.whole_image(400, 200, 180).letterbox == upright.letterbox
    assert roi.whole_image(400, 200, 360).rotation == -np.float32(2 * math.pi)


def test_corners_as_opencv_5_computes_them() -> None:
    """They are reflections of each other in the centre but for the last bits, where the two formulas differ."""
    rng = np.random.default_rng(8)
    differ = 0
    for x, y, side, rotation in rng.uniform((0, 0, 0.1, -3), (1, 1, 2, 3), (200, 4)):
        square = roi.square_of(Roi(x, y, side, side, rotation), 640, 640)
        mirrored, computed = square.corners_px(), square.corners_px(mirrored=False)
        assert mirrored[:2] == computed[:2]
        np.testing.assert_allclose(mirrored, computed, rtol=1e-5, atol=1e-3)
        differ += mirrored != computed
    assert 50 < differ < 200


def test_a_region_as_it_is() -> None:
    region = Roi(0.5, 0.25, 0.5, 0.25, 0.3)
    square = roi.unpadded(region, 200, 300)
    assert square[:4] == (100, 75, 100, 75)
    assert square.letterbox == (0, 0, 0, 0)
    assert roi.region_scale(region, 200, 300) == 87.5
