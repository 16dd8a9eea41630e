"""Skeletons and the way from one to the other."""

from __future__ import annotations

import numpy as np
import pytest

from refpose.topology import (
    BODY_25,
    COCO_17,
    LANDMARK_COLORS,
    LANDMARK_NAMES,
    LEFT_RIGHT_PAIRS,
    MPII_16,
    POSE_CONNECTIONS,
    PoseLandmark,
    convert,
    sources,
)


def test_skeletons_have_their_published_sizes_and_no_joint_twice() -> None:
    for skeleton, size in ((LANDMARK_NAMES, 33), (COCO_17, 17), (MPII_16, 16), (BODY_25, 25)):
        assert len(skeleton) == len(set(skeleton)) == size


def test_what_blazepose_has_nothing_for() -> None:
    def lacking(skeleton: tuple[str, ...]) -> list[str]:
        return [name for name in skeleton if not sources(name, LANDMARK_NAMES)]

    assert lacking(COCO_17) == []
    assert lacking(MPII_16) == ["upper_neck", "head_top"]
    assert lacking(BODY_25) == ["left_small_toe", "right_small_toe"]


def test_landmarks_to_coco_are_the_published_indices() -> None:
    # The mapping that the recorded evaluation of MediaPipe used.
    expected = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
    assert [sources(name, LANDMARK_NAMES) for name in COCO_17] == [(i,) for i in expected]


def test_left_stays_left() -> None:
    for skeleton in (COCO_17, MPII_16, BODY_25):
        for name in skeleton:
            for index in sources(name, LANDMARK_NAMES):
                side = name.partition("_")[0]
                if side in ("left", "right"):
                    assert LANDMARK_NAMES[index].startswith(side)


def test_midway_joints_and_other_names() -> None:
    points = np.random.default_rng(0).normal(size=(5, 33, 3)).astype(np.float32)
    body = convert(points, LANDMARK_NAMES, BODY_25)
    assert body.shape == (5, 25, 3)
    assert body.dtype == np.float32
    shoulders = points[:, [PoseLandmark.LEFT_SHOULDER, PoseLandmark.RIGHT_SHOULDER]]
    np.testing.assert_array_equal(body[:, BODY_25.index("neck")], shoulders.mean(axis=1))
    toe = body[:, BODY_25.index("left_big_toe")]
    np.testing.assert_array_equal(toe, points[:, PoseLandmark.LEFT_FOOT_INDEX])
    assert np.isnan(body[:, BODY_25.index("left_small_toe")]).all()
    # Where the skeleton has the joint itself, it is taken rather than computed.
    mpii = convert(body, BODY_25, MPII_16)
    np.testing.assert_array_equal(mpii[:, MPII_16.index("pelvis")], body[:, BODY_25.index("mid_hip")])


def test_there_and_back() -> None:
    points = np.random.default_rng(1).normal(size=(17, 2))
    back = convert(convert(points, COCO_17, LANDMARK_NAMES), LANDMARK_NAMES, COCO_17)
    np.testing.assert_array_equal(back, points)


def test_integers_become_floats() -> None:
    assert convert(np.arange(34).reshape(17, 2), COCO_17, ("pelvis", "head_top"))[0].tolist() == [23.0, 24.0]


def test_a_wrong_number_of_points_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected points of shape \(..., 33, K\), found \(17, 2\)"):
        convert(np.zeros((17, 2)), LANDMARK_NAMES, COCO_17)


def test_blazepose_landmarks_are_mediapipes() -> None:
    assert [landmark.value for landmark in PoseLandmark] == list(range(33))
    assert (PoseLandmark.NOSE, PoseLandmark.MOUTH_LEFT, PoseLandmark.RIGHT_FOOT_INDEX) == (0, 9, 32)
    assert LANDMARK_NAMES[PoseLandmark.LEFT_SHOULDER] == "left_shoulder"


def test_blazepose_connections() -> None:
    assert len(POSE_CONNECTIONS) == 35
    assert {index for pair in POSE_CONNECTIONS for index in pair} == set(range(33))
    # From the left half one gets the right half, but for the lines that join them.
    other = dict(LEFT_RIGHT_PAIRS)
    other |= {right: left for left, right in LEFT_RIGHT_PAIRS} | {PoseLandmark.NOSE: PoseLandmark.NOSE}
    undirected = {frozenset(pair) for pair in POSE_CONNECTIONS}
    assert {frozenset((other[PoseLandmark(a)], other[PoseLandmark(b)])) for a, b in POSE_CONNECTIONS} == undirected


def test_blazepose_sides_and_colours() -> None:
    assert len(LEFT_RIGHT_PAIRS) == 16
    assert all(
        left.name.replace("LEFT", "") == right.name.replace("RIGHT", "") and left != right
        for left, right in LEFT_RIGHT_PAIRS
    )
    assert LANDMARK_COLORS[PoseLandmark.NOSE] == (224, 224, 224)
    assert {LANDMARK_COLORS[left] for left, _ in LEFT_RIGHT_PAIRS} == {(0, 138, 255)}
    assert {LANDMARK_COLORS[right] for _, right in LEFT_RIGHT_PAIRS} == {(231, 217, 0)}
