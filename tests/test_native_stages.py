"""The C stages against the NumPy functions they stand for, on every instruction set this machine has: equal bits."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import test_rounded

from refpose.engine.network import Unfinished
from refpose.networks import ops
from refpose.stages import filters, landmarks, libm, roi, rounded, segmentation, warp
from refpose.stages.roi import Roi

native = pytest.importorskip("refpose.engine._native", reason="the native engine was not built")
ISAS = ("avx512", "avx2", "neon", "ref")


@pytest.fixture(params=ISAS)
def stages(request: pytest.FixtureRequest) -> Any:
    if request.param not in native.isas():
        pytest.skip(f"this machine cannot run {request.param}")
    return native.Stages(request.param)


def test_expf(stages: Any) -> None:
    rng = np.random.default_rng(1)
    special = [np.inf, -np.inf, np.nan, 0.0, -0.0, 89, 88.8, -104, -103.9, -87.4, 3e38, -3e38, 1e-40]
    # The two arguments where fma(x, 32/ln 2, -k) and its parts would differ, see libm.py.
    special += [float.fromhex("0x1.04845ep+5"), float.fromhex("-0x1.f8cbb2p+5")]
    bits = rng.integers(0, 2**32, 300_001, dtype=np.uint32).view(np.float32)
    x = np.concatenate([(rng.standard_normal(300_000) * 40).astype(np.float32), np.array(special, np.float32), bits])
    with np.errstate(invalid="ignore"):
        assert np.array_equal(stages.expf(x), libm.expf(x), equal_nan=True)
    assert stages.expf(x[:6].reshape(2, 3)).shape == (2, 3)
    assert np.array_equal(stages.expf(x[:100:3]), libm.expf(x[:100:3]))


def test_angles() -> None:
    rng = np.random.default_rng(2)
    angles = np.concatenate([rng.uniform(-3.15, 3.15, 20_000), [0.0, -0.0, np.pi, -np.pi, 1e-30]]).astype(np.float32)
    for function, meaning in ((native.sinf, libm.sinf), (native.cosf, libm.cosf)):
        found = np.array([function(a) for a in angles])
        assert found.dtype == np.float32
        assert np.array_equal(found.view(np.uint32), meaning(angles).view(np.uint32))
    points = rng.standard_normal((20_000, 2)).astype(np.float32) * np.float32(100)
    points = np.concatenate([points, np.round(points), points[::-1] * np.float32([1e-6, 1e6])])
    signs = [(a, b) for a in (0.0, -0.0, 1.0, -1.0, 3e38, 1e-38) for b in (0.0, -0.0, 1.0, -1.0, 3e38, 1e-38)]
    points = np.concatenate([points, np.array(signs, np.float32)])
    found = np.array([native.atan2f(y, x) for y, x in points])
    assert np.array_equal(found.view(np.uint32), libm.atan2f(points[:, 0], points[:, 1]).view(np.uint32))


def test_rounded_functions(stages: Any, request: pytest.FixtureRequest) -> None:
    """The correctly rounded set. expf has a quick way: all that it cannot decide must be decided as in NumPy."""
    compiled = native.Stages(request.node.callspec.params["stages"], True)
    rng = np.random.default_rng(12)
    special = [np.inf, -np.inf, np.nan, 0.0, -0.0, 89, 88.8, -104, -103.9, -87.4, 3e38, -3e38, 1e-40]
    hard = [float.fromhex(x) for x, _ in test_rounded.HARD["expf"]]
    bits = rng.integers(0, 2**32, 300_000, dtype=np.uint32).view(np.float32)
    x = np.concatenate([(rng.standard_normal(300_000) * 40).astype(np.float32), np.float32(special + hard), bits])
    with np.errstate(invalid="ignore"):
        assert np.array_equal(compiled.expf(x), rounded.expf(x), equal_nan=True)
    assert not np.array_equal(compiled.expf(x[:99_999]), stages.expf(x[:99_999]))
    position = rng.uniform(-0.1, 1.1, (35, 3)).astype(np.float32)
    heatmap = (rng.standard_normal((64, 64, 39)) * 3 - 2).astype(np.float32)
    expected = landmarks.refine(position, heatmap, 41, rounded.expf)
    assert np.array_equal(compiled.refine(position, heatmap, 41), expected)


def test_rounded_angles() -> None:
    rng = np.random.default_rng(13)
    angles = np.concatenate([rng.uniform(-3.15, 3.15, 20_000), [0.0, -0.0, np.pi, -np.pi, 1e-30]]).astype(np.float32)
    for function, meaning in ((native.rounded_sinf, rounded.sinf), (native.rounded_cosf, rounded.cosf)):
        found = np.array([function(a) for a in angles])
        assert found.dtype == np.float32
        assert np.array_equal(found.view(np.uint32), meaning(angles).view(np.uint32))
    points = rng.standard_normal((20_000, 2)).astype(np.float32) * np.float32(100)
    signs = [(a, b) for a in (0.0, -0.0, 1.0, -1.0, 3e38, 1e-38) for b in (0.0, -0.0, 1.0, -1.0, 3e38, 1e-38)]
    points = np.concatenate([points, np.round(points), points * np.float32([1e-40, 1]), np.array(signs, np.float32)])
    found = np.array([native.rounded_atan2f(y, x) for y, x in points])
    assert np.array_equal(found.view(np.uint32), rounded.atan2f(points[:, 0], points[:, 1]).view(np.uint32))


def random_corners(rng: np.random.Generator, width: int, height: int) -> list[warp.Point]:
    """A rotated square somewhere on a picture or beside it, as float32 values."""
    angle, side = rng.uniform(-3, 3), rng.uniform(0.05, 1) * max(width, height)
    x, y = rng.uniform(-0.2, 1.2, 2) * (width, height)
    c, s = np.cos(angle) * side, np.sin(angle) * side
    corners = ((x + dx * c - dy * s, y + dx * s + dy * c) for dx, dy in ((-1, 1), (-1, -1), (1, -1), (1, 1)))
    return [(float(np.float32(px)), float(np.float32(py))) for px, py in corners]


def test_crop_matrix() -> None:
    rng = np.random.default_rng(3)
    for _ in range(2000):
        corners = random_corners(rng, 1280, 720)
        for size in (256, 224, 65):  # where products with the corners are exact in float32, and where they are rounded
            assert native.crop_matrix(corners, size) == warp.crop_matrix(corners, size)
    for flat in ([(5.0, 5.0)] * 4, [(0.0, 1.0), (0.0, 0.0), (0.0, 0.0), (0.0, 1.0)]):
        assert native.crop_matrix(flat, 256) == warp.crop_matrix(flat, 256)


@pytest.mark.parametrize("size", [(720, 1280), (300, 200), (1, 1), (1, 7), (5, 1), (2, 2)])
@pytest.mark.parametrize("border", ["constant", "replicate"])
def test_warp(stages: Any, size: tuple[int, int], border: warp.Border) -> None:
    rng = np.random.default_rng(4)
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    scales = ((landmarks.BLAZEPOSE.scale, landmarks.BLAZEPOSE.offset), (np.float32(2 / 255), np.float32(-1)))
    for side in (256, 224, 1, 65):
        for scale, offset in scales:
            matrix = warp.crop_matrix(random_corners(rng, size[1], size[0]), side)
            expected = warp.warp_f32(image, matrix, side, border, scale, offset)
            assert np.array_equal(stages.warp_f32(image, matrix, side, border, scale, offset), expected)
    expected = warp.warp_f32(image, matrix, side, border, np.float32(2 / 255), np.float32(-1), False)
    found = stages.warp_f32(image, matrix, side, border, np.float32(2 / 255), np.float32(-1), False)
    assert np.array_equal(found, expected)


def test_warp_of_great_numbers(stages: Any) -> None:
    """Positions are saturated, and zero where the depth is."""
    image = np.arange(9 * 7 * 3, dtype=np.uint8).reshape(9, 7, 3)
    for matrix in (
        (1e9, 0.0, -1e11, 0.0, -1e9, 1e11, 0.0, 0.0, 1.0),
        (1.0, 0.0, 1e300, 0.0, 1.0, -1e300, 0.0, 0.0, 1.0),
        (1.0, 0.0, 2.0, 0.0, 1.0, 2.0, -0.5, 0.0, 1.0),
    ):
        for border in ("constant", "replicate"):
            arguments = (matrix, 70, border, np.float32(2 / 255), np.float32(-1))
            assert np.array_equal(stages.warp_f32(image, *arguments), warp.warp_f32(image, *arguments))


def test_warp_reads_nothing_behind_the_picture(stages: Any) -> None:
    """The picture ends at the end of its memory page; sanitized builds would notice one byte more."""
    memory = np.zeros(4096, np.uint8)
    image = memory[-3 * 7 * 5 :].reshape(5, 7, 3)
    image[...] = np.arange(105, dtype=np.uint8).reshape(5, 7, 3)
    matrix = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    arguments = (matrix, 16, "replicate", np.float32(1), np.float32(0))
    assert np.array_equal(stages.warp_f32(image, *arguments), warp.warp_f32(image, *arguments))


@pytest.mark.parametrize("size", [(360, 640), (1, 1), (3, 200), (200, 3)])
def test_warp_mask(stages: Any, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    height, width = size
    for side in (256, 7):
        mask = rng.random((side, side), np.float32)
        turns = [
            *rng.uniform(-1, 1, (10, 4)),
            (1, 0, 0, 1),
            (-1, 0, 0, -1),
            (0, 1, -1, 0),
            (0, 0, 0, 0),
            (9, 0, 0, 0.1),
        ]
        for a, b, d, e in np.array(turns) * side / max(size):
            matrix = (a, b, rng.uniform(-1, 1) * side, d, e, rng.uniform(-1, 1) * side)
            expected = warp.warp_mask(mask, matrix, width, height)
            assert np.array_equal(stages.warp_mask(mask, matrix, width, height), expected)
            rows = np.empty((height - height // 3, width), np.float32)
            assert stages.warp_mask(mask, matrix, width, height, height // 3, rows) is rows
            assert np.array_equal(rows, expected[height // 3 :])


def test_warp_mask_of_great_numbers(stages: Any) -> None:
    """Positions are saturated."""
    mask = np.ones((9, 9), np.float32)
    for matrix in ((1e9, 0, 4, 0, -1e9, 4), (1e-3, 1e300, -1e300, 1e300, 0, 0), (0, 0, 3e6, 0, 0, -3e6)):
        assert np.array_equal(stages.warp_mask(mask, matrix, 90, 50), warp.warp_mask(mask, matrix, 90, 50))


def test_probability(stages: Any) -> None:
    logits = (np.random.default_rng(8).standard_normal((255, 257)) * 40).astype(np.float32)
    logits[0, :8] = (0, -0.0, 104, -104, 1e9, -1e9, np.inf, -np.inf)
    assert np.array_equal(stages.probability(logits), segmentation.probability(logits))
    compiled = native.Stages("ref", True)
    assert np.array_equal(compiled.probability(logits), segmentation.probability(logits, rounded.expf))


@pytest.mark.parametrize("window", [1, 7, 9, 63, 1001])
def test_refine(stages: Any, window: int) -> None:
    rng = np.random.default_rng(6)
    heatmap = (rng.standard_normal((64, 64, 39)) * 3 - 2).astype(np.float32)
    position = rng.uniform(-0.1, 1.1, (35, 3)).astype(np.float32)
    position[:4, 0] = np.nan, np.inf, -np.inf, 1
    heatmap[20:30, :, 7] = np.nan
    heatmap[:, :, 8] = -1e4
    found = stages.refine(position, heatmap, window)
    with np.errstate(invalid="ignore"):
        assert np.array_equal(found, landmarks.refine(position, heatmap, window), equal_nan=True)
    assert found.shape == position.shape


def unfinished(rng: np.random.Generator, rows: int, columns: int, depth: int) -> Unfinished:
    """A heat map before its last layer."""
    x, kernel = (rng.standard_normal(shape).astype(np.float32) for shape in ((rows, columns, depth), (39, depth)))
    x[: rows // 3] *= 1e-20
    return Unfinished(x, kernel, rng.uniform(-3, 0, 39).astype(np.float32))


def finished(map_: Unfinished) -> Any:
    return ops.conv(map_.x, map_.kernel.reshape(39, 1, 1, -1), map_.bias)


@lru_cache
def refinements(window: int, depth: int) -> list[tuple[Any, Unfinished, Any]]:
    """Places, such maps, and the places refined on the whole maps."""
    rng = np.random.default_rng([window, depth])
    found = []
    for rows, columns in ((20, 30), (5, 30), (1, 1), (9, 7)):
        before = unfinished(rng, rows, columns, depth)
        before.x[-1, 0, depth // 2], before.x[0, -1] = np.nan, np.inf
        position = rng.uniform(-0.1, 1.1, (39, 3)).astype(np.float32)
        position[:4, 0] = np.nan, np.inf, -np.inf, 1
        with np.errstate(invalid="ignore"):
            found.append((position, before, landmarks.refine(position, finished(before), window)))
    return found


@pytest.mark.parametrize("depth", [1, 33])
@pytest.mark.parametrize("window", [1, 3, 7, 9, 11, 19, 63])
def test_heat_maps_before_their_last_layer(stages: Any, window: int, depth: int) -> None:
    """Only what is looked at is computed, wherever the window is cut off; the bits are the map's."""
    for position, before, expected in refinements(window, depth):
        assert np.array_equal(stages.refine(position, before, window), expected, equal_nan=True)


@pytest.mark.parametrize("depth", [0, 32])
def test_landmarks(stages: Any, depth: int) -> None:
    rng = np.random.default_rng(7)
    for window in (7, 9):
        heatmap = given = (rng.standard_normal((64, 64, 39)) * 3 - 1).astype(np.float32)
        if depth:
            given = unfinished(rng, 64, 64, depth)
            heatmap = finished(given)
        rows = (rng.uniform(-0.1, 1.1, (35, 5)) * 256).astype(np.float32)
        rows[:, 3:] = rng.standard_normal((35, 2)) * 8
        square = roi.Square(*np.float32([9, 9, 5, 5]), 0.0, tuple(np.float32(v) for v in rng.uniform(0, 1e-7, 4)))
        angle = np.float32(rng.uniform(-3, 3))
        region = Roi(*(float(np.float32(v)) for v in rng.uniform(0.1, 0.9, 4)), float(angle))
        where = (window, square, region, libm.cosf(angle)[()], libm.sinf(angle)[()])
        found_all, all_expected = stages.landmarks(rows, given, *where), landmarks.on_image(rows, heatmap, *where)
        for found, expected in zip(found_all, all_expected, strict=True):
            assert found.dtype == np.float32
            assert np.array_equal(found, expected)


def test_one_euro(stages: Any) -> None:
    rng = np.random.default_rng(8)
    shape = (35, 3)
    states = rng.standard_normal((3, *shape)).astype(np.float32).astype(np.float64) * 100
    parameters = np.abs(rng.standard_normal((3, *shape))).astype(np.float32).astype(np.float64)
    before = states.copy()
    for step in range(5):
        values = (rng.standard_normal(shape) * 100).astype(np.float32)
        arguments = (values, states, parameters, 30.0003 / (step + 1), 0.00123)
        smooth, after = stages.one_euro(*arguments)
        expected, expected_after = filters.one_euro(*arguments)
        assert np.array_equal(smooth, expected)
        assert np.array_equal(after, expected_after)
        assert np.array_equal(states, before)
        states, before = after, after.copy()


def test_bad_arguments(stages: Any) -> None:
    image, matrix = np.zeros((4, 4, 3), np.uint8), (1.0,) * 9
    for bad in (image[:, ::2], image.astype(np.int16), image[:, :, :2], image[0], image[:0]):
        with pytest.raises(ValueError, match="expected"):
            stages.warp_f32(bad, matrix, 8, "constant", 1, 0)
    with pytest.raises(ValueError, match="at least one pixel"):
        stages.warp_f32(image, matrix, 0, "constant", 1, 0)
    with pytest.raises(ValueError, match="expected 16 values"):
        stages.warp_mask(np.zeros((4, 5), np.float32), (1.0,) * 6, 5, 5)
    with pytest.raises(ValueError, match="at least one pixel"):
        stages.warp_mask(np.zeros((4, 4), np.float32), (1.0,) * 6, 0, 5)
    with pytest.raises(ValueError, match="a heat map of 2 channels"):
        stages.refine(np.zeros((3, 3), np.float32), np.zeros((4, 4, 2), np.float32), 9)
    with pytest.raises(TypeError, match="float32"):
        stages.refine(np.zeros((3, 3), np.float32), np.zeros((4, 4, 4)), 9)
    x, kernel, bias = (np.zeros(shape, np.float32) for shape in ((4, 4, 5), (2, 5), 2))
    for bad, message in (
        ((x, kernel, bias), "a heat map of 2 channels"),
        ((x, kernel, np.zeros(3, np.float32)), "kernel: expected 15 values"),
        ((x[:, :, :4], kernel, bias), "contiguous"),
        ((x, kernel.astype(np.float16), bias), "float32"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            stages.refine(np.zeros((3, 3), np.float32), bad, 9)
    whole = roi.Square(*np.float32([2, 2, 4, 4]), 0.0, (0.0,) * 4)
    square = (whole, Roi(0.5, 0.5, 1.0, 1.0, 0.0), 1.0, 0.0)
    with pytest.raises(ValueError, match="a heat map of 2 channels"):
        stages.landmarks(np.zeros((3, 5), np.float32), np.zeros((4, 4, 2), np.float32), 9, *square)
    with pytest.raises(ValueError, match="landmarks: expected 15 values"):
        stages.landmarks(np.zeros((3, 4), np.float32), np.zeros((4, 4, 4), np.float32), 9, *square)
    with pytest.raises(ValueError, match="states: expected 9 float64 values"):
        stages.one_euro(np.zeros(3, np.float32), np.zeros((3, 2)), np.zeros((3, 3)), 30.0, 1.0)
    with pytest.raises(ValueError, match="no stages for"):
        native.Stages("sse9")
