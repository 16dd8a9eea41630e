"""Recordings of synthetic people with known bones and angles."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from refpose.motion import Recording
from refpose.topology import LANDMARK_NAMES

Floats = NDArray[np.float64]

THIGH, SHANK, TRUNK, ARM, FOREARM = 0.42, 0.40, 0.50, 0.28, 0.25
SIZE = (640, 480)
SCALE, CENTRE = 200.0, (320.0, 240.0)  # pixels per metre, where the hips are


def along(forwards: Floats | float, length: float) -> Floats:
    """A bone in the sagittal plane of somebody who faces +x, y down: `forwards` radians in front of straight down."""
    angle = np.asarray(forwards, np.float64)
    return length * np.stack([np.sin(angle), np.cos(angle), np.zeros_like(angle)], axis=-1)


def body(
    hip: Floats, knee: Floats, ankle: Floats, shoulder: Floats, elbow: Floats, wrist: Floats, lean: Floats
) -> Floats:
    """Somebody who faces +x, metres, y down, z away from the camera: (F, 33, 3).

    All angles in radians (F): flexion of hip, knee, shoulder, elbow and wrist, dorsiflexion of the ankle, and how far
    the trunk leans forwards.
    """
    points = np.zeros((len(hip), len(LANDMARK_NAMES), 3))

    def put(name: str, place: Floats) -> Floats:
        points[:, LANDMARK_NAMES.index(name)] = place
        return np.asarray(place)

    neck = -along(-lean, TRUNK)
    for side, z in (("right", -1.0), ("left", 1.0)):
        across = np.array([0.0, 0.0, z])
        thigh = hip - lean  # in front of straight down
        shank = thigh - knee
        place = put(f"{side}_hip", np.broadcast_to(across * 0.12, neck.shape))
        place = put(f"{side}_knee", place + along(thigh, THIGH))
        place = put(f"{side}_ankle", place + along(shank, SHANK))
        foot = shank + ankle + math.pi / 2
        heel = put(f"{side}_heel", place + along(foot - math.pi / 2, 0.05))
        put(f"{side}_foot_index", heel + along(foot, 0.2))
        place = put(f"{side}_shoulder", neck + across * 0.18)
        arm = shoulder - lean
        place = put(f"{side}_elbow", place + along(arm, ARM))
        place = put(f"{side}_wrist", place + along(arm + elbow, FOREARM))
        for finger in ("index", "pinky", "thumb"):
            put(f"{side}_{finger}", place + along(arm + elbow + wrist, 0.08))
        put(f"{side}_ear", neck - along(-lean, 0.2) + across * 0.07)
        for eye in ("eye_inner", "eye", "eye_outer"):
            put(f"{side}_{eye}", neck - along(-lean, 0.22) + [0.08, 0.0, 0.0] + across * 0.03)
    put("nose", neck - along(-lean, 0.2) + [0.1, 0.0, 0.0])
    for name in ("mouth_left", "mouth_right"):
        put(name, neck - along(-lean, 0.15) + [0.08, 0.0, 0.0])
    return points


def squat(frames: int = 90, fps: float = 30.0) -> tuple[Floats, Floats, Floats]:
    """Times, knee flexion in radians (0 to 100 degrees and back in three seconds), and the body (F, 33, 3)."""
    time = np.arange(frames) / fps
    knee = math.radians(50) * (1 - np.cos(2 * math.pi * time / 3))
    flat = np.zeros_like(knee)
    return time, knee, body(knee * 0.9, knee, knee * 0.4, knee * 0.8, knee * 0.2, flat, knee * 0.4)


def turned(points: Floats, degrees: float) -> Floats:
    """The points as the camera sees them when the person turns about the vertical."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return points @ np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]).T


def numbers(world: Floats, shift: float = 0.0) -> NDArray[np.float32]:
    """The columns of a table for a body: (F, 33, 8)."""
    values = np.empty((*world.shape[:2], 8), np.float32)
    values[..., :2] = world[..., :2] * SCALE + CENTRE + (shift, 0.0)
    values[..., 2] = world[..., 2] * SCALE / SIZE[0]
    values[..., 3:6] = world
    values[..., 6], values[..., 7] = 0.9, 0.95
    return values


def recording(frames: int = 90, fps: float = 30.0, people: int = 1, gaps: bool = False) -> Recording:
    """Somebody who squats, and somebody who does the same turned by 30 degrees and further to the right.

    With gaps, the first one is missing on frames 10 to 12 and has no left wrist on 20; the second one comes on 40.
    """
    time, _, world = squat(frames, fps)
    values = np.stack([numbers(turned(world, 30.0 * k), 90.0 * k) for k in range(people)], axis=1)
    if gaps:
        values[10:13, 0] = np.nan
        values[20, 0, LANDMARK_NAMES.index("left_wrist"), :6] = np.nan
        values[:40, 1:] = np.nan
    metadata = {"video": {"width": SIZE[0], "height": SIZE[1]}}
    return Recording(time, np.arange(frames), values, tuple(range(people)), sources=("clip.mp4",), metadata=metadata)
