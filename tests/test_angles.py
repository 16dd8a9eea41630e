"""Angles: of bodies whose angles are known, and as Sports2D computes them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from motion_data import SCALE, body, recording, squat, turned

from refpose.motion import angles
from refpose.topology import EFFICIENTPOSE_16, LANDMARK_NAMES

RECORDED = json.loads((Path(__file__).parent / "recorded" / "sports2d.json").read_text())
EXACT = math.degrees(1e-5)


def bodies(seed: int = 3, count: int = 40):
    draw = np.random.default_rng(seed)
    limits = {"hip": 1.8, "knee": 2.2, "ankle": 0.6, "shoulder": 2.5, "elbow": 2.4, "wrist": 1.0, "lean": 0.9}
    known = {name: draw.uniform(0.05, limit, count) for name, limit in limits.items()}
    known["hip"] -= 0.3  # extension too
    known["ankle"] -= 0.3
    return known, body(*known.values())


def expected(known):
    """All angles of `bodies` in degrees, by their definition."""
    thigh = known["hip"] - known["lean"]
    shank = thigh - known["knee"]
    arm = known["shoulder"] - known["lean"]
    segments = {
        "thigh": thigh - math.pi / 2,
        "shank": shank - math.pi / 2,
        "foot": shank + known["ankle"],
        "arm": arm - math.pi / 2,
        "forearm": arm + known["elbow"] - math.pi / 2,
        "hand": arm + known["elbow"] + known["wrist"] - math.pi / 2,
    }
    joints = {name: value for name, value in known.items() if name != "lean"}
    upright = math.pi / 2 - known["lean"]
    both = {f"{side}_{name}": value for side in ("right", "left") for name, value in (joints | segments).items()}
    level = np.zeros_like(thigh)
    return {name: np.degrees(v) for name, v in both.items()} | {
        "trunk": np.degrees(upright),
        "head": np.degrees(upright),
        "pelvis": level,
        "shoulders": level,
    }


def toes_ahead(known):
    """Which bodies have their toes in front of their heels: what tells where somebody looks."""
    return np.cos(known["hip"] - known["lean"] - known["knee"] + known["ankle"]) > 0.05


def apart(a, b):
    return np.abs((a - b + 180) % 360 - 180).max()


@pytest.mark.parametrize("degrees", [0, 35, 90, 180, -70])
def test_in_the_world_whatever_the_camera_sees(degrees: float) -> None:
    known, points = bodies()
    found = angles.in_world(turned(points, degrees))
    assert set(expected(known)) == set(angles.ANGLES)
    for name, value in expected(known).items():
        assert apart(found[:, list(angles.ANGLES).index(name)], value) < EXACT, name


@pytest.mark.parametrize("facing", ["auto", "right"])
def test_on_the_picture_from_the_side(facing: str) -> None:
    known, points = bodies()
    chosen = toes_ahead(known)
    assert 10 < chosen.sum() < 40
    found = angles.in_image(points[chosen, :, :2] * SCALE + 300, facing=facing)
    for name, value in expected(known).items():
        if name not in ("pelvis", "shoulders"):  # seen end on
            assert apart(found[:, list(angles.ANGLES).index(name)], value[chosen]) < EXACT, name


def test_facing_left_is_the_mirrored_picture() -> None:
    known, points = bodies(5)
    points = points[chosen := toes_ahead(known)]
    right = angles.in_image(points[..., :2])
    left = angles.in_image(points[..., :2] * [-1, 1])
    ends = [list(angles.ANGLES).index(name) for name in ("pelvis", "shoulders")]
    assert np.delete(np.abs(right - left), ends, axis=1).max() < 1e-9
    given = angles.in_image(points[..., :2] * [-1, 1], facing="left")
    assert np.array_equal(given, left)
    other = angles.in_image(points[..., :2], angles=["right_knee"], facing="left")[:, 0]
    assert apart(other, -np.degrees(known["knee"][chosen])) < EXACT


def test_pelvis_and_shoulders_go_up_on_the_left() -> None:
    _, points = bodies()
    points = turned(points, 90)  # faces the camera
    points[:, LANDMARK_NAMES.index("left_hip"), 1] -= 0.05
    points[:, LANDMARK_NAMES.index("right_shoulder"), 1] -= 0.04
    lean = [math.degrees(math.atan2(0.05, 0.24)), -math.degrees(math.atan2(0.04, 0.36))]
    assert np.allclose(angles.in_world(points, angles=["pelvis", "shoulders"]), lean, atol=EXACT)
    found = angles.in_image(points[..., :2], angles=["pelvis", "shoulders"], facing="right")
    assert np.allclose(found, lean, atol=EXACT)


@pytest.mark.parametrize("name", sorted(RECORDED["angles"]))
def test_sports2d_has_the_same_numbers(name: str) -> None:
    points = np.array(RECORDED["points"])
    found = angles.in_image(points, angles=[name])[:, 0]
    assert np.abs(found - RECORDED["angles"][name]).max() < 1e-9


def test_every_angle_of_sports2d_is_there() -> None:
    assert set(RECORDED["angles"]) == set(angles.ANGLES)


def test_missing_points() -> None:
    points = bodies()[1]
    points[:, LANDMARK_NAMES.index("left_knee")] = np.nan
    for found in (angles.in_world(points), angles.in_image(points[..., :2])):
        gone = {name for name, column in zip(angles.ANGLES, found.T, strict=True) if np.isnan(column).any()}
        assert gone == {"left_ankle", "left_knee", "left_hip", "left_shank", "left_thigh"}
        assert np.isnan(found).all(axis=0).sum() == 5


def test_skeletons_without_feet_and_hands() -> None:
    rows = [LANDMARK_NAMES.index(name) if name in LANDMARK_NAMES else 0 for name in EFFICIENTPOSE_16]
    known, points = bodies()
    points = points[:, rows]
    points[:, EFFICIENTPOSE_16.index("pelvis")] = 0.0
    found = dict(zip(angles.ANGLES, angles.in_world(points, EFFICIENTPOSE_16).T, strict=True))
    assert apart(found["right_knee"], np.degrees(known["knee"])) < EXACT
    assert np.isnan(found["right_ankle"]).all()
    assert np.isnan(found["left_hand"]).all()


def test_unwrapped_over_gaps_and_blocks() -> None:
    true = np.linspace(0, 900, 46)
    wrapped = (true + 180) % 360 - 180
    wrapped[[3, 4, 20]] = np.nan
    whole = angles.unwrapped(wrapped)
    there = ~np.isnan(wrapped)
    assert np.allclose(whole[there], true[there])
    assert np.isnan(whole[~there]).all()
    rest = angles.unwrapped(wrapped[21:], before=whole[19])
    assert np.allclose(rest, true[21:])


def test_streams_go_on_between_blocks() -> None:
    moving = recording(people=2, gaps=True)
    whole = angles.compute(moving, "image")
    stream = angles.Stream(moving.keypoints, "image")
    parts = [stream.of(moving.take(slice(start, start + 7))) for start in range(0, 90, 7)]
    assert np.array_equal(np.concatenate(parts), whole, equal_nan=True)
    assert whole.shape == (90, 2, len(angles.ANGLES))
    assert np.isnan(whole[10:13, 0]).all()


def test_knee_over_a_squat() -> None:
    _, knee, points = squat()
    found = angles.in_world(points.astype(np.float32), angles=["right_knee", "left_knee"])
    assert np.abs(np.radians(found) - knee[:, None]).max() < 1e-5


def test_what_is_not_there() -> None:
    points = bodies()[1]
    with pytest.raises(ValueError, match="no angle 'knee': expected one of right_ankle"):
        angles.in_world(points, angles=["knee"])
    with pytest.raises(ValueError, match="no side 'up'"):
        angles.in_image(points, facing="up")
    with pytest.raises(ValueError, match=r"expected points of shape \(..., 33, 3\), found \(40, 33, 2\)"):
        angles.in_world(points[..., :2])
    with pytest.raises(ValueError, match="no source of angles 'pixels'"):
        angles.Stream(source="pixels")
