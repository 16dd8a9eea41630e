"""BlazePose's skeleton: the names of the 33 landmarks, their connections, sides and colours.

Names and order as in MediaPipe's ``python/solutions/pose.py`` and ``pose_connections.py``, colours as in
``drawing_styles.py``.

Other skeletons (`COCO_17`, `MPII_16`, `BODY_25`, `HALPE_26`) are tuples of joint names; the same name means the same
joint in all of them, and `convert` goes from one to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class PoseLandmark(IntEnum):
    """Index of a landmark. Left and right are the person's own."""

    NOSE = 0
    LEFT_EYE_INNER = 1
    LEFT_EYE = 2
    LEFT_EYE_OUTER = 3
    RIGHT_EYE_INNER = 4
    RIGHT_EYE = 5
    RIGHT_EYE_OUTER = 6
    LEFT_EAR = 7
    RIGHT_EAR = 8
    MOUTH_LEFT = 9
    MOUTH_RIGHT = 10
    LEFT_SHOULDER = 11
    RIGHT_SHOULDER = 12
    LEFT_ELBOW = 13
    RIGHT_ELBOW = 14
    LEFT_WRIST = 15
    RIGHT_WRIST = 16
    LEFT_PINKY = 17
    RIGHT_PINKY = 18
    LEFT_INDEX = 19
    RIGHT_INDEX = 20
    LEFT_THUMB = 21
    RIGHT_THUMB = 22
    LEFT_HIP = 23
    RIGHT_HIP = 24
    LEFT_KNEE = 25
    RIGHT_KNEE = 26
    LEFT_ANKLE = 27
    RIGHT_ANKLE = 28
    LEFT_HEEL = 29
    RIGHT_HEEL = 30
    LEFT_FOOT_INDEX = 31
    RIGHT_FOOT_INDEX = 32


LANDMARK_NAMES: tuple[str, ...] = tuple(landmark.name.lower() for landmark in PoseLandmark)

ORDERED_CONNECTIONS: tuple[tuple[int, int], ...] = (
    # face
    *((0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10)),
    # shoulders, arms and hands
    *((11, 12), (11, 13), (13, 15), (15, 17), (15, 19), (15, 21), (17, 19)),
    *((12, 14), (14, 16), (16, 18), (16, 20), (16, 22), (18, 20)),
    # trunk
    *((11, 23), (12, 24), (23, 24)),
    # legs and feet
    *((23, 25), (24, 26), (25, 27), (26, 28), (27, 29), (28, 30), (29, 31), (30, 32), (27, 31), (28, 32)),
)
"""The connections in the order of pose_connections.py and of MediaPipe Tasks' PoseLandmarksConnections."""

POSE_CONNECTIONS: frozenset[tuple[int, int]] = frozenset(ORDERED_CONNECTIONS)

LEFT_RIGHT_PAIRS: tuple[tuple[PoseLandmark, PoseLandmark], ...] = tuple(
    (landmark, PoseLandmark[landmark.name.replace("LEFT", "RIGHT")])
    for landmark in PoseLandmark
    if "LEFT" in landmark.name
)
"""Every landmark of the left side with its counterpart on the right."""

CENTRE_COLOR = (224, 224, 224)
LEFT_COLOR = (0, 138, 255)
RIGHT_COLOR = (231, 217, 0)
"""MediaPipe's colours, which its documentation calls BGR: on an RGB picture the left side is (255, 138, 0)."""

LANDMARK_COLORS: tuple[tuple[int, int, int], ...] = tuple(
    LEFT_COLOR if "LEFT" in landmark.name else RIGHT_COLOR if "RIGHT" in landmark.name else CENTRE_COLOR
    for landmark in PoseLandmark
)

EFFICIENTPOSE_16: tuple[str, ...] = (
    *("head_top", "upper_neck", "right_shoulder", "right_elbow", "right_wrist", "thorax"),
    *("left_shoulder", "left_elbow", "left_wrist", "pelvis"),
    *("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
)
"""EfficientPose's key points, in the order of its heat maps (``utils/helpers.py``); MPII's joints in another order."""


@dataclass(frozen=True)
class Topology:
    """A skeleton.

    Attributes
    ----------
    name : str
    names : tuple of str
        Of the key points; left and right are the person's own.
    connections : tuple of pairs of int
        Which of them lines connect, ascending.
    colors : tuple of triples
        A colour for each, in the order that MediaPipe's have: see `LANDMARK_COLORS`.
    min_visibility : float
        Key points below are not drawn.
    """

    name: str
    names: tuple[str, ...]
    connections: tuple[tuple[int, int], ...]
    colors: tuple[tuple[int, int, int], ...]
    min_visibility: float


BLAZEPOSE = Topology("blazepose", LANDMARK_NAMES, tuple(sorted(POSE_CONNECTIONS)), LANDMARK_COLORS, 0.5)

EFFICIENTPOSE = Topology(
    "efficientpose",
    EFFICIENTPOSE_16,
    (
        *((0, 1), (1, 5), (2, 3), (3, 4), (5, 2), (5, 6), (5, 9), (6, 7), (7, 8)),
        *((9, 10), (9, 13), (10, 11), (11, 12), (13, 14), (14, 15)),
    ),
    tuple(
        LEFT_COLOR if name.startswith("left") else RIGHT_COLOR if name.startswith("right") else CENTRE_COLOR
        for name in EFFICIENTPOSE_16
    ),
    0.3,  # what the authors' script takes for a key point in live pictures
)

TOPOLOGIES = (BLAZEPOSE, EFFICIENTPOSE)
"""Of the models that there are."""

COCO_17: tuple[str, ...] = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder"),
    *("left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip"),
    *("left_knee", "right_knee", "left_ankle", "right_ankle"),
)
"""COCO's key points, in the order of ``person_keypoints_val2017.json``. BlazePose has them all."""

MPII_16: tuple[str, ...] = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax"),
    *("upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder"),
    *("left_shoulder", "left_elbow", "left_wrist"),
)
"""MPII Human Pose's joints, by their ids. BlazePose has nothing for the upper neck and the top of the head."""

BODY_25: tuple[str, ...] = (
    *("nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist"),
    *("mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("right_eye", "left_eye", "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel"),
    *("right_big_toe", "right_small_toe", "right_heel"),
)
"""OpenPose's body, in the order of ``getPoseBodyPartMapping(PoseModel::BODY_25)`` (``poseParameters.cpp``), without its
background. BlazePose has nothing for the small toes."""

HALPE_26: tuple[str, ...] = (
    *COCO_17,
    *("head_top", "neck", "mid_hip", "left_big_toe", "right_big_toe", "left_small_toe", "right_small_toe"),
    *("left_heel", "right_heel"),
)
"""Halpe's body key points, in the order of its documentation (Halpe-FullBody, "Head", "Neck", "Hip" and feet after
COCO's). BlazePose has nothing for the top of the head and the small toes."""

SKELETONS: dict[str, tuple[str, ...]] = {
    "blazepose": LANDMARK_NAMES,
    "efficientpose": EFFICIENTPOSE_16,
    "coco17": COCO_17,
    "mpii": MPII_16,
    "body25": BODY_25,
    "halpe26": HALPE_26,
}
"""The names of the joints of every skeleton, by its own name."""

# Joints that are one place under several names. BlazePose's "foot index" is the tip of the foot.
_SAME: tuple[tuple[str, ...], ...] = (
    ("left_foot_index", "left_big_toe"),
    ("right_foot_index", "right_big_toe"),
    ("pelvis", "mid_hip"),
    ("thorax", "neck"),
)

# Joints midway between two others: OpenPose computes its neck and (in its training data) its middle hip so, and MPII's
# annotators put thorax and pelvis there.
_MIDWAY: dict[str, tuple[str, str]] = {
    "neck": ("left_shoulder", "right_shoulder"),
    "thorax": ("left_shoulder", "right_shoulder"),
    "mid_hip": ("left_hip", "right_hip"),
    "pelvis": ("left_hip", "right_hip"),
    "mid_ear": ("left_ear", "right_ear"),
}


def sources(joint: str, names: Sequence[str]) -> tuple[int, ...]:
    """Which joints of a skeleton make up a joint.

    Parameters
    ----------
    joint : str
        The joint wanted.
    names : sequence of str
        The skeleton at hand.

    Returns
    -------
    tuple of int
        Indices into `names`: one for the joint itself (perhaps under another name), two for the joints it lies midway
        between, none when the skeleton has nothing for it.
    """
    for group in ((joint,), *(same for same in _SAME if joint in same)):
        for name in group:
            if name in names:
                return (names.index(name),)
    ends = _MIDWAY.get(joint, ())
    return tuple(names.index(end) for end in ends) if all(end in names for end in ends) else ()


def convert(points: ArrayLike, source: Sequence[str], target: Sequence[str]) -> NDArray[Any]:
    """Bring the points of one skeleton into the order of another.

    Parameters
    ----------
    points : array_like of shape (..., S, K)
        K numbers for each of the S joints: coordinates in any frame of reference, and perhaps more.
    source, target : sequence of str
        Names of the S joints at hand and of the T joints wanted, for example `LANDMARK_NAMES` and `COCO_17`.

    Returns
    -------
    ndarray of shape (..., T, K), float32 or float64 as `points`
        Midway joints are the mean of both ends, in all K numbers; joints that `source` has nothing for are NaN.

    Raises
    ------
    ValueError
        When `points` does not have one row for each name of `source`.

    Examples
    --------
    >>> landmarks = np.arange(66.0).reshape(33, 2)
    >>> convert(landmarks, LANDMARK_NAMES, ("left_hip", "right_hip", "pelvis", "head_top"))
    array([[46., 47.],
           [48., 49.],
           [47., 48.],
           [nan, nan]])
    """
    given = np.asarray(points)
    if given.ndim < 2 or given.shape[-2] != len(source):
        raise ValueError(f"convert: expected points of shape (..., {len(source)}, K), found {given.shape}")
    if given.dtype not in (np.float32, np.float64):
        given = given.astype(np.float64)
    result = np.full((*given.shape[:-2], len(target), given.shape[-1]), np.nan, given.dtype)
    for j, joint in enumerate(target):
        parts = sources(joint, source)
        if parts:
            result[..., j, :] = given[..., list(parts), :].mean(axis=-2)
    return result
