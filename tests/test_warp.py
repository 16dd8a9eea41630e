"""Resampling against scalar loops and recorded crops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from golden_data import assert_same, groups, load, picture
from numpy.typing import NDArray

from refpose.stages import roi, warp


def image_of(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def scalar_warp(image: NDArray[np.uint8], m: warp.Matrix, size: int, border: str) -> NDArray[np.uint8]:
    """The warp, one number after the other."""
    height, width = image.shape[:2]
    out = np.zeros((size, size, 3), np.uint8)

    def tap(x: int, y: int) -> NDArray[np.int64]:
        inside = 0 <= x < width and 0 <= y < height
        if border == "constant" and not inside:
            return np.zeros(3, np.int64)
        return image[min(max(y, 0), height - 1), min(max(x, 0), width - 1)].astype(np.int64)

    for j in range(size):
        for i in range(size):
            start = i // 64 * 64
            sums = [((a * start + b * j) + c) + a * (i - start) for a, b, c in (m[0:3], m[3:6], m[6:9])]
            k = 32 / sums[2] if sums[2] else 0.0
            x, y = (round(s * k) for s in sums[:2])
            (ix, fx), (iy, fy) = divmod(x, 32), divmod(y, 32)
            upper = (32 - fx) * tap(ix, iy) + fx * tap(ix + 1, iy)
            lower = (32 - fx) * tap(ix, iy + 1) + fx * tap(ix + 1, iy + 1)
            out[j, i] = ((32 - fy) * upper + fy * lower + 512) >> 10
    return out


@pytest.mark.parametrize("border", ["constant", "replicate"])
@pytest.mark.parametrize("size", [1, 2, 63, 64, 65, 97])
def test_warp_equals_scalar_loop(size: int, border: warp.Border) -> None:
    image = image_of(size, 37, 53)
    corners = [(-4.25, 41.5), (3.125, -6.75), (59.5, 2.0), (50.25, 49.125)]
    matrix = warp.crop_matrix(corners, size)
    assert_same(warp.warp_u8(image, matrix, size, border), scalar_warp(image, matrix, size, border))


def test_whole_pixels_are_copied() -> None:
    image = image_of(1, 8, 8)
    identity = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    assert_same(warp.warp_u8(image, identity, 8, "constant"), image)
    shifted = (1.0, 0.0, -3.0, 0.0, 1.0, 2.0, 0.0, 0.0, 1.0)
    out = warp.warp_u8(image, shifted, 8, "constant")
    assert_same(out[:6, 3:], image[2:, :5])
    assert not out[:, :3].any()
    assert not out[6:].any()
    replicated = warp.warp_u8(image, shifted, 8, "replicate")
    assert_same(replicated[:6, 0], image[2:, 0])


def test_halves_are_rounded_up() -> None:
    image = np.array([[[0] * 3, [1] * 3]], np.uint8)
    half = (1.0, 0.0, 0.5, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    assert warp.warp_u8(image, half, 1, "replicate").tolist() == [[[1, 1, 1]]]


def test_positions_far_away_are_limited() -> None:
    image = image_of(2, 5, 5)
    far = (0.0, 0.0, 1e300, 0.0, 0.0, -1e300, 0.0, 0.0, 1.0)
    assert warp.warp_u8(image, far, 1, "replicate")[0, 0].tolist() == image[0, 4].tolist()
    assert not warp.warp_u8(image, far, 1, "constant").any()


def test_homography_hits_the_corners() -> None:
    corners = [(10.5, 200.25), (30.0, 20.5), (250.125, 40.0), (240.0, 230.75)]
    matrix = np.array(warp.crop_matrix(corners, 256)).reshape(3, 3)
    for (u, v), corner in zip([(0, 256), (0, 0), (256, 0), (256, 256)], corners, strict=True):
        x, y, w = matrix @ (u, v, 1)
        assert math.dist((x / w, y / w), corner) < 1e-9


def test_inverse() -> None:
    matrix = (2.0, 1.0, 5.0, -1.0, 3.0, 7.0, 0.001, 0.002, 1.0)
    product = np.array(matrix).reshape(3, 3) @ np.array(warp.inverse(matrix)).reshape(3, 3)
    assert np.abs(product - np.eye(3)).max() < 1e-14


def test_corners_without_area_read_the_first_pixel() -> None:
    image = image_of(3, 4, 4)
    matrix = warp.crop_matrix([(2.0, 2.0)] * 4, 8)
    assert matrix == (0.0,) * 9
    assert (warp.warp_u8(image, matrix, 8, "replicate") == image[0, 0]).all()


def test_bytes_to_network_input() -> None:
    values = np.arange(256, dtype=np.uint8)
    assert_same(warp.scale_u8(values, np.float32(1 / 255), np.float32(0)), values * np.float32(1 / 255))
    detector = warp.scale_u8(values, np.float32(2 / 255), np.float32(-1))
    assert_same(detector, (values * np.float64(np.float32(2 / 255)) - 1).astype(np.float32))
    twice = warp.scale_u8(values, np.float32(2 / 255), np.float32(-1), fused=False)
    assert_same(twice, values * np.float32(2 / 255) - np.float32(1))
    assert (twice != detector).sum() == 158
    assert detector[0] == -1
    assert np.abs(detector[255] - 1) < 1e-6


def test_mask_equals_scalar_loop() -> None:
    mask = np.random.default_rng(4).random((6, 6), np.float32)
    matrix = (0.31, -0.05, -1.2, 0.07, 0.29, -0.6)
    width, height = 29, 23
    one, expected = np.float32(1), np.zeros((height, width), np.float32)

    def tap(x: int, y: int) -> np.float32:
        return mask[y, x] if 0 <= x < 6 and 0 <= y < 6 else np.float32(0)

    for row in range(height):
        for column in range(width):
            x, y = (
                (round(1024 * (a * column)) + round(1024 * (b * row + c)) + 16) >> 5
                for a, b, c in (matrix[:3], matrix[3:])
            )
            (ix, fx), (iy, fy) = ((v >> 5, np.float32(v & 31) / np.float32(32)) for v in (x, y))
            value = tap(ix, iy) * ((one - fy) * (one - fx))
            value = value + tap(ix + 1, iy) * ((one - fy) * fx)
            value = value + tap(ix, iy + 1) * (fy * (one - fx))
            expected[row, column] = value + tap(ix + 1, iy + 1) * (fy * fx)
    found = warp.warp_mask(mask, matrix, width, height)
    assert_same(found, expected)
    assert (found == 0).any()
    assert (found > 0).any()


RECORDED = groups("warp.h5", "tensor_u8") or [
    pytest.param("", marks=pytest.mark.skip(reason="only the whole recorded set (REFPOSE_GOLDENS) has these crops"))
]


@pytest.mark.parametrize("case", RECORDED)
def test_recorded_crops(case: str) -> None:
    recorded, how = load("warp.h5", case)
    image = picture(how["image"])
    height, width = image.shape[:2]
    region = roi.Roi(*how.get("rect", (0.5, 0.5, 1, 1, 0)))
    w, h = np.float32(width), np.float32(height)
    place = [
        np.float32(v) * s for v, s in zip((region.x, region.y, region.width, region.height), (w, h, w, h), strict=True)
    ]
    if how["keep_aspect_ratio"]:
        square = roi.pad_to_square(*place, region.rotation)
    else:
        square = roi.Square(*place, region.rotation, (np.float32(0),) * 4)
    border: warp.Border = "constant" if how["border"] == "zero" else "replicate"
    size = int(how["size"])
    assert_same(np.array(square.letterbox), recorded["letterbox"])
    assert_same(warp.warp_u8(image, square.crop_matrix(size), size, border), recorded["tensor_u8"])
