"""Angles of joints and segments, in degrees.

The definitions are those of Sports2D (D. Pagnon, 0.8; ``angle_dict`` in Pose2Sim's ``common.py``), whose numbers come
out on the same points in the image; `ANGLES` is the table.

*In the image*, from pixels: angles are measured on the picture, as if the movement were parallel to it. Flexion is
positive when the person faces right; a person who faces left is mirrored first (see `facing`).

*In the world*, from metres: joints with three points, and the ankle, have the angle between both segments in space. Hip
and shoulder are measured in the person's sagittal plane, square to the line between both hips or shoulders, so that
flexion and extension have signs; segments in the vertical sagittal plane, from forwards (0) to up (90); pelvis and
shoulders by how far the left end is above the right one. No camera angle is needed for that, but monocular depth has
its errors.

Angles are NaN where a point is missing, and continuous over time (`unwrapped`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import topology
from ..tables import ids
from .recording import Recording

Floats = NDArray[np.float64]

FROM = ("world", "image")
"""What angles are computed from."""

FACING = ("auto", "right", "left")
"""Where a person looks on the picture; auto: where the toes are from the heels, frame by frame."""


@dataclass(frozen=True)
class Angle:
    """What an angle is.

    Attributes
    ----------
    name : str
    points : tuple of str
        Two: the segment from the second to the first, against the horizontal. Three: the joint in the middle; the
        segment from it to the first against that from the last to it. Four: the segment from the first to the second
        against that from the third to the fourth.
    plane : {"space", "sagittal", "frontal"}
        How it is measured in the world.
    zero : float
        Degrees that are added.
    sign : {1, -1}
        Of the turn from the one segment to the other, clockwise on the screen for someone who faces right.
    positive : str
        What positive angles are, and where zero is.
    axis : pair of str
        The line that is square to the sagittal plane, from the person's right to left.
    """

    name: str
    points: tuple[str, ...]
    plane: Literal["space", "sagittal", "frontal"]
    zero: float
    sign: int
    positive: str
    axis: tuple[str, str] = ("right_hip", "left_hip")

    @property
    def kind(self) -> str:
        """ "joint" or "segment"."""
        return "segment" if len(self.points) == 2 else "joint"


def _both(name: str, points: str, *rest: Any) -> list[Angle]:
    """The angle on the right and on the left; ``*`` stands for the side."""
    return [Angle(f"{side}_{name}", tuple(points.replace("*", side).split()), *rest) for side in ("right", "left")]


_SHOULDERS = ("right_shoulder", "left_shoulder")
_UP = "0 is level and forwards, 90 upright; from forwards to up"

ANGLES: dict[str, Angle] = {
    angle.name: angle
    for angle in (
        *_both("ankle", "*_knee *_ankle *_foot_index *_heel", "space", 90, -1, "dorsiflexion; 0 is a right angle"),
        *_both("knee", "*_ankle *_knee *_hip", "space", 0, 1, "flexion; 0 is straight"),
        *_both("hip", "*_knee *_hip mid_hip neck", "sagittal", 0, 1, "flexion; 0 is in line with the trunk"),
        *_both(
            "shoulder", "*_elbow *_shoulder mid_hip neck", "sagittal", 0, 1, "flexion; 0 is along the trunk", _SHOULDERS
        ),
        *_both("elbow", "*_wrist *_elbow *_shoulder", "space", 0, -1, "flexion; 0 is straight"),
        *_both("wrist", "*_index *_wrist *_elbow", "space", 0, -1, "flexion; 0 is straight"),
        *_both("foot", "*_foot_index *_heel", "sagittal", 0, -1, "toes up; 0 is level"),
        *_both("shank", "*_ankle *_knee", "sagittal", 0, -1, "from forwards to up; -90 is upright, for it points down"),
        *_both("thigh", "*_knee *_hip", "sagittal", 0, -1, "from forwards to up; -90 is upright, for it points down"),
        Angle("pelvis", ("left_hip", "right_hip"), "frontal", 0, -1, "left side up; 0 is level"),
        Angle("trunk", ("neck", "mid_hip"), "sagittal", 0, -1, _UP),
        Angle(
            "shoulders", ("left_shoulder", "right_shoulder"), "frontal", 0, -1, "left side up; 0 is level", _SHOULDERS
        ),
        Angle("head", ("mid_ear", "neck"), "sagittal", 0, -1, _UP, _SHOULDERS),
        *_both("arm", "*_elbow *_shoulder", "sagittal", 0, -1, "from forwards to up; -90 hangs down", _SHOULDERS),
        *_both("forearm", "*_wrist *_elbow", "sagittal", 0, -1, "from forwards to up; -90 hangs down", _SHOULDERS),
        *_both("hand", "*_index *_wrist", "sagittal", 0, -1, "from forwards to up; -90 hangs down", _SHOULDERS),
    )
}
"""Every angle by its name."""

JOINT_ANGLES = tuple(name for name, angle in ANGLES.items() if angle.kind == "joint")
SEGMENT_ANGLES = tuple(name for name, angle in ANGLES.items() if angle.kind == "segment")

_JOINTS = tuple(dict.fromkeys(point for angle in ANGLES.values() for point in (*angle.points, *angle.axis)))
_FEET = ("left_foot_index", "left_heel", "right_foot_index", "right_heel")
_HALF_TURN = ("pelvis", "shoulders")  # in the image these have no direction: left and right end look the same


@lru_cache
def _parts(names: tuple[str, ...], joints: tuple[str, ...]) -> NDArray[np.intp]:
    """Which two key points each joint lies midway between, twice the same for one; the number of `names` for none."""
    found = [topology.sources(joint, names) or (len(names),) for joint in joints]
    return np.array([(parts[0], parts[-1]) for parts in found], np.intp)


def _joints(points: ArrayLike, names: Sequence[str], joints: tuple[str, ...], width: int) -> Floats:
    """Places (..., J, width) of joints of (..., K, width or more) key points; NaN where the skeleton has none."""
    given = np.asarray(points, np.float64)
    if given.ndim < 2 or given.shape[-2] != len(names) or given.shape[-1] < width:
        raise ValueError(f"expected points of shape (..., {len(names)}, {width}), found {given.shape}")
    missing = np.full((*given.shape[:-2], 1, width), np.nan)
    places = np.concatenate([given[..., :width], missing], axis=-2)[..., _parts(tuple(names), joints), :]
    return places.mean(axis=-2)


def check_names(names: Sequence[str]) -> None:
    """Raise ValueError where no angle at all can be made of key points with these names."""
    if not any(all(topology.sources(point, names) for point in angle.points) for angle in ANGLES.values()):
        raise ValueError(f"no angle can be made of the key points {', '.join(names[:3])}...: their names are unknown")


def _chosen(angles: Sequence[str] | None) -> tuple[Angle, ...]:
    """The definitions of some angles, of all for None."""
    for name in angles or ():
        if name not in ANGLES:
            raise ValueError(f"no angle {name!r}: expected one of {', '.join(ANGLES)}")
    return tuple(ANGLES[name] for name in (ANGLES if angles is None else angles))


def _segments(places: Floats, chosen: tuple[Angle, ...]) -> tuple[Floats, Floats]:
    """The two directions (..., A, D) that each angle is between; of segments the first is theirs, the second 0."""
    index = {joint: k for k, joint in enumerate(_JOINTS)}
    ends = []
    for angle in chosen:
        p = [index[point] for point in angle.points]
        # (from, to) of both directions
        ends.append((p[1], p[0], p[0], p[0]) if len(p) == 2 else (p[2], p[1], p[1], p[0]) if len(p) == 3 else tuple(p))
    a, b, c, d = (list(column) for column in zip(*ends, strict=True))
    return places[..., b, :] - places[..., a, :], places[..., d, :] - places[..., c, :]


def in_image(
    points_px: ArrayLike,
    names: Sequence[str] = topology.LANDMARK_NAMES,
    angles: Sequence[str] | None = None,
    facing: str = "auto",
) -> Floats:
    """Angles on the picture.

    Parameters
    ----------
    points_px : array_like of shape (..., K, 2)
        x, y in pixels, y down (never normalised: width and height have different units then); NaN for missing ones.
    names : sequence of str
        Of the K key points.
    angles : sequence of str, optional
        Which of `ANGLES`; all without it.
    facing : {"auto", "right", "left"}
        Where the person looks, on the picture. "auto": where the toes are from the heels, on every frame; right where
        there are no feet.

    Returns
    -------
    ndarray of float64, shape (..., A)
        Degrees in [-180, 180); pelvis and shoulders in [-90, 90).

    Raises
    ------
    ValueError
        When there is no such angle or side, or `points_px` has another shape.
    """
    chosen = _chosen(angles)
    if facing not in FACING:
        raise ValueError(f"no side {facing!r}: expected one of {', '.join(FACING)}")
    places = _joints(points_px, names, _JOINTS, 2)
    if facing == "auto":
        toes = _joints(points_px, names, _FEET, 2)[..., 0]
        left = toes[..., 0] - toes[..., 1] + (toes[..., 2] - toes[..., 3]) < 0
        places[..., 0] *= np.where(left, -1.0, 1.0)[..., None]
    elif facing == "left":
        places[..., 0] *= -1.0
    first, second = _segments(places, chosen)
    two = np.array([angle.kind == "segment" for angle in chosen])
    level = np.array([1.0, 0.0])
    first, second = np.where(two[:, None], level, first), np.where(two[:, None], first, second)
    turn = np.arctan2(_cross2(first, second), (first * second).sum(axis=-1))
    sign, zero = _constants(chosen)
    degrees = zero + sign * np.degrees(turn)
    half = np.array([90.0 if angle.name in _HALF_TURN else 180.0 for angle in chosen])
    return (degrees + half) % (2 * half) - half


def in_world(
    world_m: ArrayLike, names: Sequence[str] = topology.LANDMARK_NAMES, angles: Sequence[str] | None = None
) -> Floats:
    """Angles in space, of world landmarks.

    Parameters
    ----------
    world_m : array_like of shape (..., K, 3)
        x to the picture's right, y down, z away from the camera, in metres; NaN for missing ones.
    names : sequence of str
        Of the K key points.
    angles : sequence of str, optional
        Which of `ANGLES`; all without it.

    Returns
    -------
    ndarray of float64, shape (..., A)
        Degrees: joints with three points 0 to 180, the ankle -90 to 90, pelvis and shoulders -90 to 90, the others in
        [-180, 180).

    Raises
    ------
    ValueError
        When there is no such angle, or `world_m` has another shape.
    """
    chosen = _chosen(angles)
    places = _joints(world_m, names, _JOINTS, 3)
    first, second = _segments(places, chosen)
    axes = [[_JOINTS.index(end) for end in angle.axis] for angle in chosen]
    right, left = (list(column) for column in zip(*axes, strict=True))
    across = _unit(places[..., left, :] - places[..., right, :])
    plane = np.array([angle.plane for angle in chosen])
    segment = np.array([angle.kind == "segment" for angle in chosen])
    sign, zero = _constants(chosen)

    # Joints: the turn from the first segment to the second, in space or about the line across the body.
    cross = np.cross(first, second)
    along = (first * across).sum(axis=-1) * (second * across).sum(axis=-1)
    dot = (first * second).sum(axis=-1)
    in_space = np.arctan2(np.linalg.norm(cross, axis=-1), dot)
    about = np.arctan2((cross * across).sum(axis=-1), dot - along)
    three = np.array([len(angle.points) == 3 for angle in chosen])
    turn = np.where(plane == "space", in_space, about) * np.where(three, 1.0, sign)

    # Segments: how far up against forwards (square to up and to the line across), or against level.
    up = -first[..., 1]
    forwards = _unit(np.stack([across[..., 2], np.zeros_like(up), -across[..., 0]], axis=-1))
    ahead = np.where(plane == "frontal", np.hypot(first[..., 0], first[..., 2]), (first * forwards).sum(axis=-1))
    degrees = zero + np.degrees(np.where(segment, np.arctan2(up, ahead), turn))
    return np.where(np.abs(degrees) > 90, (degrees + 180) % 360 - 180, degrees)


def _constants(chosen: tuple[Angle, ...]) -> tuple[Floats, Floats]:
    return np.array([angle.sign for angle in chosen], np.float64), np.array(
        [angle.zero for angle in chosen], np.float64
    )


def _cross2(a: Floats, b: Floats) -> Floats:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _unit(vectors: Floats) -> Floats:
    """Vectors of length 1; NaN for those of length 0."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, np.nan)


def unwrapped(degrees: ArrayLike, before: ArrayLike | None = None, period: ArrayLike = 360.0) -> Floats:
    """Angles made continuous over time: steps of more than half a period go the short way.

    Parameters
    ----------
    degrees : array_like of shape (F, ...)
        Angles over frames. NaN is passed over: after a gap the angle goes on near where it was.
    before : array_like of shape (...), optional
        The last angles before.
    period : array_like
        Degrees after which an angle is the same again.

    Returns
    -------
    ndarray of float64, shape (F, ...)
    """
    result = np.array(degrees, np.float64)
    flat = result.reshape(len(result), math.prod(result.shape[1:]))
    known = np.full(flat.shape[1], np.nan) if before is None else np.asarray(before, np.float64).reshape(-1)
    periods = np.broadcast_to(period, result.shape[1:]).reshape(-1)
    for k in range(flat.shape[1]):
        there = np.flatnonzero(~np.isnan(flat[:, k]))
        if len(there):
            start = [] if np.isnan(known[k]) else [known[k]]
            flat[there, k] = np.unwrap([*start, *flat[there, k]], period=periods[k])[len(start) :]
    return flat.reshape(result.shape)


class Stream:
    """Angles of the people of a video, frame by frame or in blocks, continuous over time.

    Parameters
    ----------
    names : sequence of str
        Of the key points of the people to come.
    source : {"world", "image"}
        What angles are computed from.
    angles : sequence of str, optional
        Which of `ANGLES`; all without it.
    facing : {"auto", "right", "left"}
        As for `in_image`.

    Attributes
    ----------
    angles : tuple of str
        Their names.
    """

    def __init__(
        self,
        names: Sequence[str] = topology.LANDMARK_NAMES,
        source: str = "world",
        angles: Sequence[str] | None = None,
        facing: str = "auto",
    ) -> None:
        if source not in FROM:
            raise ValueError(f"no source of angles {source!r}: expected one of {', '.join(FROM)}")
        self.angles = tuple(angle.name for angle in _chosen(angles))
        self._names, self._source, self._facing = tuple(names), source, facing
        half = source == "image"
        self._period = np.array([180.0 if half and name in _HALF_TURN else 360.0 for name in self.angles])
        self._last: dict[int, Floats] = {}

    def of_people(self, people: Sequence[Any], numbers: Sequence[int] | None = None) -> Floats:
        """Give the angles (P, A) of the people (`refpose.Person`) of the next frame."""
        if not people:
            return np.zeros((0, len(self.angles)))
        image = self._source == "image"
        unknown = np.full((len(self._names), 3), np.nan)  # some models find no world landmarks
        points = np.stack(
            [
                person.landmarks_px[:, :2] if image else unknown if (w := person.world_landmarks) is None else w
                for person in people
            ]
        )
        return self._continued(points[None], tuple(ids(people) if numbers is None else numbers))[0]

    def of(self, block: Recording) -> Floats:
        """Give the angles (F, P, A) of the next frames."""
        return self._continued(block.points_px if self._source == "image" else block.world_m, block.people)

    def _continued(self, points: NDArray[Any], people: tuple[int, ...]) -> Floats:
        if np.isinf(points).any():
            points = np.where(np.isinf(points), np.nan, points)
        if self._source == "image":
            degrees = in_image(points, self._names, self.angles, self._facing)
        else:
            degrees = in_world(points, self._names, self.angles)
        for k, number in enumerate(people):
            last = self._last.get(number, np.full(len(self.angles), np.nan))
            degrees[:, k] = unwrapped(degrees[:, k], last, self._period)
            if len(degrees):
                self._last[number] = _last_known(degrees[:, k], last)
        return degrees


def _last_known(degrees: Floats, before: Floats) -> Floats:
    """The last number of each column, `before` where all are NaN."""
    there = ~np.isnan(degrees)
    row = len(degrees) - 1 - np.argmax(there[::-1], axis=0)
    return np.where(there.any(axis=0), degrees[row, np.arange(degrees.shape[1])], before)


def compute(
    recording: Recording,
    source: str = "world",
    angles: Sequence[str] | None = None,
    facing: str = "auto",
) -> Floats:
    """Angles of a recording.

    Parameters
    ----------
    recording : Recording
    source : {"world", "image"}
        What they are computed from.
    angles : sequence of str, optional
        Which of `ANGLES`; all without it.
    facing : {"auto", "right", "left"}
        As for `in_image`.

    Returns
    -------
    ndarray of float64, shape (F, P, A)
        Degrees; NaN where a point is missing.
    """
    return Stream(recording.keypoints, source, angles, facing).of(recording)
