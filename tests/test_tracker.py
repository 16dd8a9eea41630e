"""The tracker: its state by hand, and the recorded videos from their unfiltered landmarks."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_data import Video, assert_same, roi_array, videos

from refpose import Smoothing
from refpose.stages.landmarks import Landmarks
from refpose.trackers import STEP_US, SolutionTracker


def follow(tracker: SolutionTracker, raw, world, width: int, height: int, time_us: int):
    """All 35 landmarks and the world landmarks, filtered."""
    found = tracker.filtered(raw, world, None, width, height, time_us)
    position = np.concatenate([found.landmarks, found.auxiliary])
    return Landmarks(position, found.visibility, found.presence), found.world


def person(seed: int) -> tuple[Landmarks, np.ndarray]:
    random = np.random.default_rng(seed)
    position = random.uniform(0, 1, (35, 3)).astype(np.float32)
    sure = random.uniform(0, 1, (2, 35)).astype(np.float32)
    return Landmarks(position, *sure), random.normal(0, 0.3, (33, 3)).astype(np.float32)


def test_time() -> None:
    tracker = SolutionTracker()
    assert tracker.next_time(None) == STEP_US
    assert tracker.next_time(0) == 0
    assert tracker.next_time(-1.5) == -1_500_000
    assert tracker.next_time(Fraction(1001, 30000)) == 33_367
    assert tracker.next_time(np.float32(0.25)) == 250_000
    tracker.lose(50_000)
    assert tracker.next_time(None) == 50_000 + STEP_US
    assert tracker.next_time(0.050001) == 50_001


NUMBERS = [
    int,
    *(np.dtype(f"{k}{n}").type for k in "iu" for n in (1, 2, 4, 8)),
    *(np.dtype(f"f{n}").type for n in (2, 4, 8)),
]


@pytest.mark.parametrize(
    "kind", [*NUMBERS, Fraction, Decimal, lambda n: Fraction(np.int32(n)), lambda n: Fraction(np.int8(n))]
)
def test_times_of_every_kind_of_number(kind: Callable[[int], Any]) -> None:
    """In 8, 16 or 32 bits, microseconds wrap round."""
    assert SolutionTracker().next_time(kind(13)) == 13_000_000
    assert type(SolutionTracker().next_time(kind(13))) is int


@pytest.mark.parametrize(
    ("timestamp", "error", "message"),
    [
        (0.05, ValueError, "time must go forward"),
        (0.0500004, ValueError, "time must go forward"),
        (-3, ValueError, "time must go forward"),
        (math.nan, ValueError, "must be finite"),
        (math.inf, ValueError, "must be finite"),
        ("0.1", TypeError, "timestamp must be a number"),
        (1j, TypeError, "timestamp must be a number"),
        (10**400, ValueError, "must be at most"),
        (1e300, ValueError, "must be at most"),
        (np.bool_(True), TypeError, "timestamp must be a number"),
    ],
)
def test_bad_time(timestamp: float, error: type[Exception], message: str) -> None:
    tracker = SolutionTracker()
    tracker.lose(50_000)
    with pytest.raises(error, match=message):
        tracker.next_time(timestamp)
    assert tracker.time_us == 50_000


def test_losing_the_person_resets_only_some_filters() -> None:
    tracker = SolutionTracker(Smoothing())
    follow(tracker, *person(1), 640, 480, STEP_US)
    assert tracker.roi is not None
    tracker.lose(2 * STEP_US)
    assert tracker.roi is None
    assert tracker.points.time_us is None
    assert tracker.world.time_us == STEP_US
    assert tracker.visibility.value is not None
    raw, world = person(2)
    smooth, smooth_world = follow(tracker, raw, world, 640, 480, 3 * STEP_US)
    size = np.float32([640, 480, 640])
    assert_same(smooth.position, raw.position * size / size)
    assert (smooth.visibility != raw.visibility[:33]).any()
    assert (smooth_world != world).any()
    tracker.reset()
    assert (tracker.roi, tracker.time_us, tracker.visibility.value) == (None, None, None)


def test_without_smoothing_only_the_auxiliary_landmarks_are_filtered() -> None:
    tracker = SolutionTracker(None)
    size = np.float32([640, 480, 640])
    for k in (1, 2):
        raw, world = person(k)
        out, out_world = follow(tracker, raw, world, 640, 480, k * STEP_US)
    assert_same(out.position[:33], (raw.position * size / size)[:33])
    assert (out.position[33:] != raw.position[33:]).any()
    assert_same(out.visibility, raw.visibility[:33])
    assert_same(out_world, world)


def test_a_person_without_size_passes_unfiltered() -> None:
    tracker = SolutionTracker(Smoothing())
    follow(tracker, *person(1), 640, 480, STEP_US)
    raw, world = person(2)
    raw.position[34] = raw.position[33]
    before = tracker.points.value
    smooth, _ = follow(tracker, raw, world, 640, 480, 2 * STEP_US)
    size = np.float32([640, 480, 640])
    assert_same(smooth.position, raw.position * size / size)
    assert_same(tracker.points.value, before)
    assert tracker.roi is not None
    assert tracker.roi.width == 0


def test_masks() -> None:
    tracker = SolutionTracker(mask_ratio=0.7)
    first, second = np.full((4, 6), 0.5, np.float32), np.full((4, 6), 0.6, np.float32)
    assert_same(tracker.follow_mask(first), first)
    tracker.lose(STEP_US)
    tracker.check_mask((4, 6))
    smooth = tracker.follow_mask(second)
    assert ((smooth > 0.5) & (smooth < 0.6)).all()
    assert tracker.mask is smooth
    with pytest.raises(ValueError, match="image is 7 x 4, the last mask 6 x 4"):
        tracker.check_mask((4, 7))
    tracker.reset()
    tracker.check_mask((4, 7))


def test_masks_are_not_kept_for_nothing() -> None:
    tracker = SolutionTracker()
    mask = np.zeros((4, 6), np.float32)
    assert tracker.follow_mask(mask) is mask
    assert tracker.mask is None


def test_state_can_be_pickled() -> None:
    tracker = SolutionTracker(Smoothing(beta=10), 0.7)
    follow(tracker, *person(1), 640, 480, STEP_US)
    copy = pickle.loads(pickle.dumps(tracker))
    for one in (tracker, copy):
        follow(one, *person(2), 640, 480, 2 * STEP_US)
    assert copy.roi == tracker.roi
    assert_same(copy.points.value, tracker.points.value)


@pytest.mark.parametrize(("folder", "run"), videos(), ids=lambda value: getattr(value, "name", value))
def test_recorded_videos_from_unfiltered_landmarks(folder: Path, run: str) -> None:
    video = Video(folder, run)
    recorded = video.recorded
    tracker = SolutionTracker(Smoothing() if video.options["smooth_landmarks"] else None)
    for k, (width, height) in enumerate(video.sizes()):
        time_us = tracker.next_time(video.times[k])
        assert time_us == recorded["timestamp_us"][k]
        if not recorded["found"][k]:
            tracker.lose(time_us)
            continue
        raw = np.concatenate([recorded["raw_landmarks"][k], recorded["raw_aux"][k]])
        raw_world = recorded["raw_world"][k][:, :3]
        landmarks = Landmarks(raw[:, :3], raw[:, 3], raw[:, 4])
        smooth, world = follow(tracker, landmarks, raw_world, width, height, time_us)
        assert_same(smooth.position, np.concatenate([recorded["landmarks"][k], recorded["aux"][k]])[:, :3])
        assert_same(smooth.visibility[:33], recorded["landmarks"][k][:, 3])
        assert_same(np.column_stack([world, smooth.visibility[:33]]), recorded["world"][k][:, :4])
        assert tracker.roi is not None
        assert_same(roi_array(tracker.roi), recorded["rect_from_landmarks"][k])
