"""Lines and circles: NumPy's against OpenCV's recorded pixels, C's against NumPy's over chance."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from refpose.stages import raster

try:
    from refpose.engine import _native as native
except ImportError:
    native = None

RECORDED = np.load(Path(__file__).parent / "recorded" / "drawing.npz")
needs_native = pytest.mark.skipif(native is None, reason="the native engine was not built")
ENGINES = [raster, pytest.param(native, marks=needs_native)]


def numbers(*rows: Any) -> np.ndarray:
    return np.array(rows, np.int32)


def one_shape(engine: Any, picture: np.ndarray, shape: list[int], color: Any, thickness: int, circle: bool) -> None:
    draw = engine.draw_circles if circle else engine.draw_lines
    draw(picture, numbers(shape[: 3 if circle else 4]), np.array([color], picture.dtype), numbers(thickness))


@pytest.mark.parametrize("engine", ENGINES)
def test_pixels_are_opencvs(engine: Any) -> None:
    for shape, packed in zip(RECORDED["shapes"].tolist(), RECORDED["pictures"], strict=True):
        width, height, *places, thickness, is_circle = shape
        picture = np.zeros((height, width, 3), np.uint8)
        one_shape(engine, picture, places, (1, 1, 1), thickness, bool(is_circle))
        expected = np.unpackbits(packed).reshape(64, 64)[:height, :width]
        np.testing.assert_array_equal(picture, np.stack([expected] * 3, axis=-1), err_msg=str(shape))


def chance(rng: np.random.Generator, width: int, height: int, reach: float, circle: bool, n: int) -> np.ndarray:
    """Shapes on a picture and, further out with a larger reach, around it."""
    x, y = (rng.integers(-reach * side - 3, (1 + reach) * side + 4, (2, n)) for side in (width, height))
    if circle:
        radius = rng.choice([*range(20), 40, round(reach * max(width, height))], n)
        return np.stack([x[0], y[0], radius], axis=1).astype(np.int32)
    level = rng.random(n) < 0.1
    return np.stack([x[0], y[0], x[1], np.where(level, y[0], y[1])], axis=1).astype(np.int32)


@needs_native
@pytest.mark.parametrize("size", [(48, 64), (720, 1280), (1, 1), (1, 200), (200, 1), (3, 5), (0, 7), (7, 0)])
@pytest.mark.parametrize("circle", [False, True])
def test_c_covers_numpys_pixels(size: tuple[int, int], circle: bool) -> None:
    rng = np.random.default_rng([*size, circle])
    height, width = size
    for reach in (0.0, 0.5, 3.0, 1000.0):
        shapes = chance(rng, width, height, reach, circle, 60)
        thickness = rng.choice([1, 1, 2, 2, 3, 4, 5, 8, 17, 40], len(shapes)).astype(np.int32)
        if circle:
            thickness[rng.random(len(shapes)) < 0.3] = rng.choice([-1, -7, 0])
        for shape, thick in zip(shapes, thickness, strict=True):
            color = rng.integers(1, 256, 3)
            expected, found = np.zeros((2, height, width, 3), np.uint8)
            one_shape(raster, expected, shape.tolist(), color, thick, circle)
            one_shape(native, found, shape.tolist(), color, thick, circle)
            assert np.array_equal(expected, found), (size, shape, thick)


@needs_native
@pytest.mark.parametrize("far", [2**15, 2**24, 2**31 - 1])
def test_c_covers_numpys_pixels_of_shapes_from_far_away(far: int) -> None:
    rng = np.random.default_rng(far)
    for _ in range(100):
        ends = rng.integers(-far, far, 4).tolist()
        if rng.random() < 0.5:
            ends[:2] = rng.integers(-10, 50, 2).tolist()
        for thickness in (1, 2, 7):
            expected, found = np.zeros((2, 30, 40, 3), np.uint8)
            one_shape(raster, expected, ends, (1, 2, 3), thickness, False)
            one_shape(native, found, ends, (1, 2, 3), thickness, False)
            assert np.array_equal(expected, found), (ends, thickness)
    ring = [far // 2, 10, far // 2 - 20]  # its left edge is in the picture
    expected, found = np.zeros((2, 30, 40, 3), np.uint8)
    one_shape(raster, expected, ring, (1, 2, 3), 3, True)
    one_shape(native, found, ring, (1, 2, 3), 3, True)
    assert expected.any()
    assert np.array_equal(expected, found)


def layouts(dtype: Any) -> list[np.ndarray]:
    """Empty pictures (24, 31, 3) with all kinds of memory behind them."""
    whole = np.zeros((48, 62, 4), dtype)
    return [
        np.zeros((24, 31, 3), dtype),
        np.asfortranarray(np.zeros((24, 31, 3), dtype)),
        np.zeros((3, 24, 31), dtype).transpose(1, 2, 0),
        np.zeros((31, 24, 3), dtype).swapaxes(0, 1)[::-1],
        whole[::2, ::2, :3],
        whole[1::2, ::-2, 3:0:-1],
    ]


@needs_native
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, ">u2", np.float32, np.float64, np.int64, np.complex128, bool])
def test_c_on_any_type_and_layout(dtype: Any) -> None:
    rng = np.random.default_rng(3)
    for k, (expected, found) in enumerate(zip(layouts(dtype), layouts(dtype), strict=True)):
        for circle in (False, True):
            shapes = chance(rng, 31, 24, 0.3, circle, 20)
            colors = rng.integers(0, 127, (20, 3)).astype(dtype)
            thickness = rng.integers(1, 6, 20).astype(np.int32)
            for engine, picture in ((raster, expected), (native, found)):
                (engine.draw_circles if circle else engine.draw_lines)(picture, shapes, colors, thickness)
        np.testing.assert_array_equal(found, expected, err_msg=str(k))
        if found.base is not None:
            np.testing.assert_array_equal(found.base, expected.base, err_msg=str(k))


@needs_native
def test_c_writes_nothing_beside_the_picture() -> None:
    memory = np.full(4096, 7, np.uint8)
    picture = memory[-3 * 7 * 5 :].reshape(5, 7, 3)
    native.draw_lines(picture, numbers([-50, -50, 60, 70], [0, 4, 6, 4]), np.zeros((2, 3), np.uint8), numbers(99, 1))
    native.draw_circles(picture, numbers([3, 2, 30], [6, 4, 3]), np.ones((2, 3), np.uint8), numbers(-1, 2))
    assert (memory[: -picture.size] == 7).all()
    assert (picture == 1).all()


@pytest.mark.parametrize("radius", [*range(18), 50, 700])
def test_discs_are_rows_between_their_circles_ends(radius: int) -> None:
    ring, disc = np.zeros((2, 1500, 1500, 3), np.uint8)
    one_shape(raster, ring, [750, 750, radius], (1, 1, 1), 1, True)
    one_shape(raster, disc, [750, 750, radius], (1, 1, 1), -1, True)
    columns = np.arange(1500)
    left = np.where(ring[:, :, 0], columns, 1500).min(1, keepdims=True)
    right = np.where(ring[:, :, 0], columns, -1).max(1, keepdims=True)
    np.testing.assert_array_equal(disc[:, :, 0], (columns >= left) & (columns <= right))
    assert abs(disc[:, :, 0].sum() - math.pi * (radius + 0.25) ** 2) < 4 + 3 * radius


@needs_native
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n, p: n.draw_lines(p.image[:, :, :2], p.ends, p.colors, p.thickness), "image: expected numbers"),
        (lambda n, p: n.draw_lines(p.image.astype(object), p.ends, p.colors, p.thickness), "image: expected numbers"),
        (lambda n, p: n.draw_lines(p.image, p.ends[:, :3], p.colors, p.thickness), "ends: expected 4 int32"),
        (lambda n, p: n.draw_lines(p.image, p.ends.astype(np.int64), p.colors, p.thickness), "ends: expected 4 int32"),
        (lambda n, p: n.draw_lines(p.image, p.ends, p.colors.astype(np.int16), p.thickness), "colors: expected uint8"),
        (lambda n, p: n.draw_lines(p.image, p.ends, p.colors[:0], p.thickness), "colors: expected uint8"),
        (lambda n, p: n.draw_lines(p.image, p.ends, p.colors, p.thickness[:0]), "thickness: expected 1 int32"),
        (lambda n, p: n.draw_lines(p.image, p.ends, p.colors, 0 * p.thickness), "thickness: expected at least 1"),
        (lambda n, p: n.draw_circles(p.image, -p.ends[:, 1:], p.colors, p.thickness), "radius: expected at least 0"),
    ],
)
def test_c_refuses(call: Callable[[Any, Any], None], message: str) -> None:
    part = SimpleNamespace(
        image=np.zeros((5, 7, 3), np.uint8),
        ends=numbers([1, 2, 3, 4]),
        colors=np.ones((1, 3), np.uint8),
        thickness=numbers(1),
    )
    with pytest.raises(ValueError, match=message):
        call(native, part)


@needs_native
def test_c_leaves_read_only_pictures_alone() -> None:
    picture = np.zeros((5, 7, 3), np.uint8)
    picture.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        native.draw_lines(picture, numbers([0, 0, 3, 3]), np.ones((1, 3), np.uint8), numbers(1))
