"""The landmark stages: decoding, refinement, world; by hand, by scalar loop, and against recorded landmarks."""

from __future__ import annotations

import numpy as np
import pytest
from golden_data import assert_same, groups, load, picture

from refpose import Roi
from refpose.stages import landmarks, libm, roi
from refpose.stages.landmarks import COUNT, USED


def scalar_refine(position: np.ndarray, heatmap: np.ndarray, window: int) -> np.ndarray:
    """The refinement, one number after the other."""
    out = position.copy()
    reach = (window - 1) // 2
    one = np.float32(1)
    for n, (x, y, _) in enumerate(position):
        column, row = int(x * np.float32(64)), int(y * np.float32(64))
        if not (0 <= column < 64 and 0 <= row < 64):
            continue
        total = moment_x = moment_y = best = np.float32(0)
        for r in range(max(0, row - reach), min(63, row + reach) + 1):
            for c in range(max(0, column - reach), min(63, column + reach) + 1):
                p = one / (one + np.float32(libm.expf(-heatmap[r, c, n])))
                total += p
                best = max(best, p)
                moment_x += np.float32(c) * p
                moment_y += np.float32(r) * p
        if best >= 0.5:
            out[n, :2] = moment_x / np.float32(64) / total, moment_y / np.float32(64) / total
    return out


@pytest.mark.parametrize("window", [1, 7, 9])
def test_refinement_equals_scalar_loop(window: int) -> None:
    random = np.random.default_rng(window)
    heatmap = random.normal(-1, 1, (64, 64, 39)).astype(np.float32)
    position = random.uniform(-0.05, 1.05, (35, 3)).astype(np.float32)
    position[:6, :2] = [[-0.001, 0.5], [0.5, -1 / 64], [1, 0.5], [0.999, 0.999], [0, 0], [np.nan, 0.5]]
    moved = landmarks.refine(position, heatmap, window)
    expected = scalar_refine(np.nan_to_num(position, nan=-1), heatmap, window)
    expected[5, 0] = np.nan
    assert_same(moved, expected)


def test_refinement_needs_a_sure_cell() -> None:
    heatmap = np.full((64, 64, 39), -1e-3, np.float32)  # a probability just below one half
    position = np.full((35, 3), 0.5, np.float32)
    assert_same(landmarks.refine(position, heatmap), position)
    heatmap[32, 32] = 0  # one half
    assert (landmarks.refine(position, heatmap)[:, :2] != position[:, :2]).all()


def test_a_single_cell_pulls_the_landmark_to_its_corner() -> None:
    heatmap = np.full((64, 64, 39), -200, np.float32)
    heatmap[30, 35] = 20
    position = np.full((35, 3), 0.5, np.float32)
    refined = landmarks.refine(position, heatmap)
    assert refined[0].tolist() == [35 / 64, 30 / 64, 0.5]
    assert position[0].tolist() == [0.5, 0.5, 0.5]


def test_decode_by_hand() -> None:
    decoded = landmarks.decode(np.float32([[256, 128, -64, 0, 100], [0, 0, 0, -100, 0]]))
    assert decoded.position.tolist() == [[1, 0.5, -0.25], [0, 0, 0]]
    assert decoded.visibility.tolist() == [0.5, np.float32(1) / (1 + libm.expf(np.float32(100)))]
    assert decoded.presence.tolist() == [1, 0.5]


def test_sigmoid_at_its_ends() -> None:
    with np.errstate(all="raise"):
        assert landmarks.sigmoid(np.float32([-200, 0, 200])).tolist() == [0, 0.5, 1]


def test_world_turns_with_the_crop() -> None:
    turned = landmarks.world(np.float32([[1, 0, 3]]), np.float32(0), np.float32(1))
    assert turned.tolist() == [[0, 1, 3]]


CASES = groups("pipeline.h5", "roi_landmarks")


@pytest.mark.parametrize("case", CASES)
def test_recorded_landmarks(case: str) -> None:
    recorded, _ = load("pipeline.h5", case)
    above, _ = load("pipeline.h5", case.split("/")[0])
    height, width = picture(case.split("/")[0]).shape[:2]
    decoded = landmarks.decode(recorded["net_landmarks"].reshape(39, 5), landmarks.LandmarkModel(used=39))
    assert_same(np.column_stack(decoded), recorded["roi_landmarks_net"])
    region = Roi(*above["rect_from_detection"])
    cos, sin = (np.float32(f(np.float32(region.rotation))) for f in (libm.cosf, libm.sinf))
    refined = recorded["roi_landmarks"]
    if "net_heatmap" in recorded:
        assert_same(landmarks.refine(decoded.position, recorded["net_heatmap"]), np.ascontiguousarray(refined[:, :3]))
    square = roi.square_of(region, width, height)
    position = roi.project(roi.remove_letterbox(refined[:USED, :3], square.letterbox), region, cos, sin)
    size = np.float32([width, height, width])
    assert_same(position[:COUNT] * size / size, np.ascontiguousarray(recorded["landmarks"][:, :3]))
    assert_same(position[COUNT:], np.ascontiguousarray(recorded["raw_aux"][:, :3]))
    world = landmarks.world(recorded["net_world"].reshape(39, 3)[:COUNT], cos, sin)
    assert_same(world, np.ascontiguousarray(recorded["world"][:, :3]))
    next_region = roi.enlarged(roi.from_points(position[33], position[34], width, height), width, height)
    assert_same(np.float32([*vars(next_region).values()]), recorded["rect_from_landmarks"])


def test_recorded_landmarks_were_found() -> None:
    assert len(CASES) >= 15
