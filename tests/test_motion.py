"""What is done with recordings: gaps, even times, filters, other skeletons, lengths and masses."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from motion_data import FOREARM, SHANK, SIZE, THIGH, TRUNK, recording, squat

from refpose import motion, topology
from refpose.motion.gaps import EvenFrames, EveryFrame
from refpose.stages.filters import OneEuro
from refpose.topology import LANDMARK_NAMES, PoseLandmark

WRIST = PoseLandmark.LEFT_WRIST


def series(values, time=None, people: int = 1) -> motion.Recording:
    """A recording in which all coordinates of all points are these numbers."""
    time = np.arange(len(values)) / 30 if time is None else np.asarray(time)
    numbers = np.broadcast_to(np.asarray(values, np.float32)[:, None, None, None], (len(values), people, 33, 8)).copy()
    numbers[..., 6:] = 0.75
    return motion.Recording(time, np.arange(len(values)), numbers, tuple(range(people)), metadata={})


def test_blanking_by_confidence() -> None:
    before = recording(people=2)
    values = before.values.copy()
    values[5:9, 0, WRIST, 6] = 0.4
    values[9, 1, WRIST, 7] = 0.1
    before = before.moved(values)
    after = motion.blank(before, 0.5)
    gone = np.isnan(after.values)
    assert gone.sum() == 4 * 6
    assert gone[5:9, 0, WRIST, :6].all()
    assert np.array_equal(after.values[~gone], values[~gone])
    by_presence = motion.blank(before, 0.5, by="presence")
    assert np.isnan(by_presence.values[9, 1, WRIST, :6]).all()
    assert np.isnan(by_presence.values).sum() == 6
    with pytest.raises(ValueError, match="no column 'visibility_raw'"):
        motion.blank(before, 0.5, by="visibility_raw")
    with pytest.raises(ValueError, match="below must be from 0 to 1"):
        motion.blank(before, 50)


def test_gaps_up_to_a_limit() -> None:
    true = np.linspace(0, 58, 30)
    holes = true.copy()
    holes[[0, 1, 5, 6, 12, 13, 14, 15, 29]] = np.nan
    filled = motion.fill_gaps(series(holes), limit=0.101)  # three intervals of 1/30 s: two frames missing
    x = filled.column("x_px")[:, 0, 0]
    assert np.allclose(x[2:12], true[2:12])
    assert np.isnan(x[[0, 1, 12, 13, 14, 15, 29]]).all()
    assert np.isnan(motion.fill_gaps(series(holes), limit=0.09).column("x_px")[5:7]).all()
    with pytest.raises(ValueError, match="no method 'spline'"):
        motion.fill_gaps(series(holes), 1, "spline")
    with pytest.raises(ValueError, match="limit"):
        motion.fill_gaps(series(holes), -1)


def test_cubic_filling_follows_a_parabola() -> None:
    time = np.arange(12) / 10
    true = 3 * time**2 - time
    holes = true.copy()
    holes[4:8] = np.nan
    found = motion.fill_gaps(series(holes, time), 1, "cubic").column("y_px")[:, 0, 3]
    straight = motion.fill_gaps(series(holes, time), 1).column("y_px")[:, 0, 3]
    assert np.abs(found - true).max() < 0.25 * np.abs(straight - true).max()
    near = motion.fill_gaps(series(holes, time), 1, "nearest").column("y_px")[:, 0, 3]
    assert np.allclose(near[4:8], true[[3, 3, 8, 8]])


def test_frames_that_a_table_leaves_out_are_gaps() -> None:
    whole = recording()
    thin = whole.take([0, 1, 2, 5, 6, 40])
    every = motion.with_every_frame(thin)
    assert every.frame.tolist() == list(range(41))
    assert np.isnan(every.values[[3, 4, 7, 39]]).all()
    assert np.allclose(every.time, np.arange(41) / 30)
    filled = motion.fill_gaps(thin, 0.2)
    assert np.isfinite(filled.values[:7]).all()
    assert np.isnan(filled.values[7:40]).all()


def test_even_times_keep_what_fits() -> None:
    whole = recording(gaps=True)
    assert np.array_equal(motion.resample(whole).values, whole.values, equal_nan=True)
    rounded = replace(whole, time=np.round(whole.time, 3))  # as Matroska does
    even = EvenFrames()
    assert np.array_equal(even(rounded).values, whole.values, equal_nan=True)
    assert even.interpolated == 0


def test_uneven_times_are_interpolated() -> None:
    draw = np.random.default_rng(0)
    time = np.cumsum(draw.uniform(0.02, 0.05, 60))
    even = EvenFrames(25)
    found = even(series(100 * time, time))
    assert np.allclose(np.diff(found.time), 0.04)
    assert np.allclose(found.column("x_px")[:, 0, 0], 100 * found.time, atol=0.11)  # 100 px/s, a fit is within 1 ms
    assert even.interpolated > 40
    assert found.frame.tolist() == list(range(len(found)))


def test_even_times_in_blocks_are_the_same() -> None:
    draw = np.random.default_rng(1)
    time = np.cumsum(draw.uniform(0.02, 0.05, 200))
    moving = series(np.sin(time), time)
    thin = moving.take(np.r_[0:80, 95:200])
    whole = EvenFrames(30)(thin)
    even = EvenFrames(30)
    parts = motion.joined([even(thin.take(slice(k, k + 13))) for k in range(0, len(thin), 13)])
    assert np.allclose(parts.time, whole.time)
    assert np.array_equal(parts.values, whole.values, equal_nan=True)
    gap = (whole.time > time[79] + 0.01) & (whole.time < time[95] - 0.01)
    assert np.isnan(whole.values[gap]).all()
    assert np.isfinite(whole.values[~gap]).mean() > 0.97


def test_times_that_no_rate_can_be_made_of() -> None:
    with pytest.raises(ValueError, match="no times"):
        motion.resample(series([1, 2], [np.nan, np.nan]))
    with pytest.raises(ValueError, match="must increase"):
        motion.resample(series([1, 2, 3], [0.0, 0.2, 0.1]), 30)
    with pytest.raises(ValueError, match="rate must be above zero"):
        motion.resample(series([1, 2]), 0)


def test_every_frame_in_blocks() -> None:
    whole = recording()
    every = EveryFrame()
    parts = [every(whole.take(part)) for part in ([2, 3], [5, 9], [10])]
    assert [part.frame.tolist() for part in parts] == [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9], [10]]
    assert np.isnan(parts[1].values[[0, 2, 3, 4]]).all()
    assert np.array_equal(parts[1].values[1], whole.values[5])


@pytest.mark.parametrize("order", [2, 4, 8])
def test_butterworth_damps_its_cutoff_by_3_db_and_delays_nothing(order: int) -> None:
    pytest.importorskip("scipy")
    time = np.arange(3000) / 100
    for hertz, gain in ((6.0, math.sqrt(0.5)), (1.0, None), (20.0, None)):
        wave = np.sin(2 * np.pi * hertz * time)
        found = motion.low_pass(series(wave, time), 6, order).column("x_px")[1000:2000, 0, 0]
        shift = np.array([wave[1000:2000], np.cos(2 * np.pi * hertz * time[1000:2000])])
        same, ahead = found @ shift.T / 500
        assert abs(ahead) < 1e-3
        # |H|² of Butterworth's filter of half the order, once each way, as the bilinear transform has it
        ratio = (math.tan(math.pi * hertz / 100) / math.tan(math.pi * 6 / 100)) ** order
        expected = gain or 1 / (1 + ratio * (math.sqrt(2) - 1))
        assert abs(same - expected) < 1e-3


def test_butterworth_leaves_gaps_and_probabilities() -> None:
    pytest.importorskip("scipy")
    before = recording(gaps=True)
    after = motion.low_pass(before, 6)
    assert np.array_equal(np.isnan(after.values), np.isnan(before.values))
    assert np.array_equal(after.values[..., 6:], before.values[..., 6:], equal_nan=True)
    assert np.nanmax(np.abs(after.world_m - before.world_m)) < 0.01  # slow movement passes
    alone = motion.low_pass(before.take(slice(13, None)), 6)
    nose = PoseLandmark.NOSE  # has no other gap
    assert np.allclose(after.values[13:, :, nose], alone.values[:, :, nose])


def test_butterworth_refuses() -> None:
    pytest.importorskip("scipy")
    whole = recording()
    for arguments, message in (
        ((6, 3), "an even number"),
        ((6, 2**40), "from 2 to 40, not 1099511627776"),
        ((0,), "at least 0.0003 and below half the frame rate, 15"),
        ((1e-320,), "at least 0.0003"),
        ((15,), "below half the frame rate"),
    ):
        with pytest.raises(ValueError, match=message):
            motion.low_pass(whole, *arguments)
    with pytest.raises(ValueError, match="call resample first"):
        motion.low_pass(whole.take(np.r_[0:20, 25:90]), 6)


def test_limits_of_gaps_that_are_no_numbers() -> None:
    for limit in (Decimal("sNaN"), Decimal("Infinity"), np.nan, -math.inf, "inf"):
        with pytest.raises((ValueError, TypeError), match="limit must be"):
            motion.fill_gaps(recording(), limit)
    for limit in (math.inf, np.float32(math.inf)):
        assert np.isfinite(motion.fill_gaps(recording(), limit).values[:2]).any()


def test_one_euro_is_the_trackers() -> None:
    before = recording(people=2)
    after = motion.one_euro(before)
    filter_ = OneEuro(0.1, 40.0, 1.0)
    for k, world in enumerate(before.world_m):
        expected = filter_.apply(world, round(before.time[k] * 1e6))
        assert np.allclose(after.world_m[k], expected, atol=2e-6)
    assert np.array_equal(after.values[..., 6:], before.values[..., 6:])


def test_one_euro_starts_again_after_gaps() -> None:
    before = recording(gaps=True)
    after = motion.one_euro(before)
    assert np.array_equal(np.isnan(after.values), np.isnan(before.values))
    assert np.array_equal(after.values[[0, 13]], before.values[[0, 13]])
    assert not np.array_equal(after.values[14, 0, WRIST, :6], before.values[14, 0, WRIST, :6])
    with pytest.raises(ValueError, match="above zero"):
        motion.one_euro(before, min_cutoff=0)


def test_mirroring_twice_changes_nothing() -> None:
    before = recording(people=2, gaps=True)
    after = motion.mirrored(before)
    left, right = PoseLandmark.LEFT_WRIST, PoseLandmark.RIGHT_WRIST
    assert np.array_equal(
        after.column("x_px")[:, :, left], SIZE[0] - 1 - before.column("x_px")[:, :, right], equal_nan=True
    )
    assert np.array_equal(after.column("xw_m")[:, :, left], -before.column("xw_m")[:, :, right], equal_nan=True)
    assert np.array_equal(after.column("y_px")[:, :, left], before.column("y_px")[:, :, right], equal_nan=True)
    assert np.allclose(motion.mirrored(after).values, before.values, atol=1e-4, equal_nan=True)
    with pytest.raises(ValueError, match="width"):
        motion.mirrored(replace(before, metadata={}))


def test_angles_of_the_mirrored_are_the_other_sides() -> None:
    before = recording(people=1)
    found = motion.angles.compute(motion.mirrored(before), angles=["right_knee", "left_hip"])
    expected = motion.angles.compute(before, angles=["left_knee", "right_hip"])
    assert np.abs(found - expected).max() < 1e-3


@pytest.mark.parametrize("skeleton", ["coco17", "body25", "mpii", "halpe26", "blazepose"])
def test_other_skeletons(skeleton: str) -> None:
    before = recording(people=2, gaps=True)
    after = motion.to_skeleton(before, skeleton)
    assert after.keypoints == topology.SKELETONS[skeleton]
    expected = topology.convert(before.values, LANDMARK_NAMES, after.keypoints)
    assert np.array_equal(after.values, expected, equal_nan=True)
    assert len(after.keypoints) == {"coco17": 17, "body25": 25, "mpii": 16, "halpe26": 26, "blazepose": 33}[skeleton]


def test_halpe_has_coco_first_and_its_own_middle() -> None:
    after = motion.to_skeleton(recording(), "halpe26")
    assert after.keypoints[:17] == topology.COCO_17
    world = dict(zip(after.keypoints, after.world_m[:, 0].transpose(1, 0, 2), strict=True))
    assert np.allclose(world["mid_hip"], 0)
    assert np.allclose(world["neck"], (world["left_shoulder"] + world["right_shoulder"]) / 2, atol=1e-6)
    assert np.isnan(world["head_top"]).all()
    with pytest.raises(ValueError, match="no skeleton 'coco': expected one of blazepose"):
        motion.to_skeleton(recording(), "coco")
    with pytest.raises(ValueError, match="no joint of tail"):
        motion.to_skeleton(recording(), ("tail", "fin", "gill"))


def test_lengths_of_segments() -> None:
    lengths = motion.segment_lengths(recording(people=2, gaps=True))
    for name, expected in (
        ("right_thigh", THIGH),
        ("left_shank", SHANK),
        ("trunk", TRUNK),
        ("left_forearm", FOREARM),
        ("pelvis", 0.24),
        ("shoulders", 0.36),
    ):
        assert lengths[name].shape == (90, 2)
        assert np.allclose(lengths[name][~np.isnan(lengths[name])], expected, atol=1e-6), name
    assert np.isnan(lengths["left_forearm"][20, 0])
    assert np.isfinite(lengths["right_forearm"][20, 0])
    pixels = motion.segment_lengths(recording(), space=False)
    assert np.allclose(pixels["right_thigh"], THIGH * 200, atol=1e-3)


def test_centre_of_mass_of_a_point_and_of_a_body() -> None:
    place = np.array([0.3, -0.2, 0.1], np.float32)
    values = recording().values.copy()
    values[..., 3:6] = place
    for sex in (None, "female", "male"):
        assert np.allclose(motion.centre_of_mass(recording().moved(values), sex), place, atol=1e-6)
    # By hand, of somebody who stands (de Leva's table 4, male): heights above the hips in metres.
    standing = motion.centre_of_mass(recording(), "male")[0, 0]
    head, trunk = 0.70 * 0.0694, TRUNK * (1 - 0.4310) * 0.4346
    upper_arm = 0.5 - 0.28 * 0.5772
    forearm = 0.22 - 0.25 * 0.4574
    hand = -0.03 - 0.08 * 0.79
    thigh, shank, foot = -0.42 * 0.4095, -0.42 - 0.40 * 0.4395, -0.87
    limbs = upper_arm * 0.0271 + forearm * 0.0162 + hand * 0.0061 + thigh * 0.1416 + shank * 0.0433 + foot * 0.0137
    assert standing[1] == pytest.approx(-(head + trunk + 2 * limbs), abs=1e-4)
    assert np.isnan(motion.centre_of_mass(recording(gaps=True))[11]).all()
    with pytest.raises(ValueError, match="no body 'child'"):
        motion.centre_of_mass(recording(), "child")


def test_masses_add_up() -> None:
    for parts in motion.skeletons.BODY_PARTS.values():
        assert sum(part.mass for part in parts) == pytest.approx(1, abs=2e-4)


def test_zero_frames_and_nan_everywhere() -> None:
    empty = recording().take([])
    blind = recording().moved(np.full_like(recording().values, np.nan))
    for given in (empty, blind):
        for done in (
            motion.blank(given),
            motion.fill_gaps(given, 1),
            motion.resample(given),
            motion.one_euro(given),
            motion.mirrored(given),
            motion.to_skeleton(given, "body25"),
        ):
            assert len(done) == len(given)
            assert not done.found.any()
        assert not np.isfinite(motion.angles.compute(given)).any()
        assert not np.isfinite(motion.centre_of_mass(given)).any()
    pytest.importorskip("scipy")
    assert not motion.low_pass(blind, 6).found.any()
    assert not len(motion.low_pass(empty, 6))


def test_a_squat_from_table_to_angles() -> None:
    """Noise and gaps go, the movement stays."""
    pytest.importorskip("scipy")
    _, knee, _ = squat()
    whole = recording()
    values = whole.values.copy()
    values[..., 3:6] += np.random.default_rng(0).normal(0, 0.01, values[..., 3:6].shape)
    values[30:34, 0, PoseLandmark.RIGHT_KNEE, 3:6] = np.nan
    smooth = motion.low_pass(motion.fill_gaps(whole.moved(values), 0.2), 3)
    found = motion.angles.compute(smooth, angles=["right_knee"])[:, 0, 0]
    rough = motion.angles.compute(motion.fill_gaps(whole.moved(values), 0.2), angles=["right_knee"])[:, 0, 0]
    off, before = np.abs(found - np.degrees(knee)), np.abs(rough - np.degrees(knee))
    assert off.mean() < 0.75 * before.mean()
    assert off[15:75].max() < 5


def test_times_and_numbers_that_jump_are_refused() -> None:
    moving = recording()
    late = np.where(np.arange(90) > 45, 1e6, 0.0)
    with pytest.raises(ValueError, match=r"frames would have to be filled in at 30 frames a second .* jump"):
        motion.resample(replace(moving, time=moving.time + late))
    with pytest.raises(ValueError, match="frames would have to be filled in"):
        motion.resample(moving, 1e7)
    far = replace(moving, frame=moving.frame + np.where(np.arange(90) > 45, 50_000_000, 0))
    with pytest.raises(ValueError, match="up to frame 50000089"):
        motion.fill_gaps(far, 0.5)
    with pytest.raises(ValueError, match="up to frame 50000089"):
        EveryFrame()(far)
    pause = motion.resample(replace(moving, time=moving.time + late / 1000))  # a quarter of an hour
    assert len(pause) == 30_000 + 90


def test_infinite_numbers_are_missing(tmp_path: Path) -> None:
    moving = recording()
    values = moving.values.copy()
    values[5, 0, LANDMARK_NAMES.index("left_knee")] = np.inf
    given = replace(moving, values=values)
    degrees = motion.angles.compute(given, angles=["left_knee", "right_knee"])
    assert np.isnan(degrees[5, 0, 0])
    assert np.isfinite(degrees[5, 0, 1])
    text = motion.write(given, tmp_path / "a.trc")[0].read_text()
    assert "inf" not in text


@pytest.mark.parametrize(("fps", "rate"), [(30, 7), (1000, 300), (25, 1000), (240, 100)])
def test_other_rates_are_interpolated_between_neighbours(fps: float, rate: float) -> None:
    """Of a point that moves evenly every number is right, however many frames come at once."""
    time = np.arange(200) / fps
    values = np.zeros((200, 1, 1, 8), np.float32)
    values[..., 0] = time[:, None, None] * fps
    given = motion.Recording(time, np.arange(200), values, keypoints=("nose",))
    found = motion.resample(given, rate)
    assert np.array_equal(found.time, np.arange(int(time[-1] * rate + 1e-9) + 1) / rate)
    assert np.abs(found.values[:, 0, 0, 0] - found.time * fps).max() < 0.026  # frames
    even = EvenFrames(rate)
    parts = [even(given.take(slice(start, start + 3))) for start in range(0, 200, 3)]
    assert np.array_equal(np.concatenate([part.values for part in parts]), found.values)
