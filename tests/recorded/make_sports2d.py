"""Record what Sports2D makes of random points: python make_sports2d.py (needs sports2d 0.8.34, pose2sim 0.10.49)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from Pose2Sim.common import angle_dict, fixed_angles

from refpose.topology import LANDMARK_NAMES

PARTS = {
    "Knee": "knee",
    "Ankle": "ankle",
    "BigToe": "foot_index",
    "Heel": "heel",
    "Hip": "hip",
    "Elbow": "elbow",
    "Shoulder": "shoulder",
    "Wrist": "wrist",
    "Index": "index",
}
MIDDLES = {"Neck": "shoulder", "Hip": "hip", "Head": "ear"}


def place(points: np.ndarray, name: str) -> np.ndarray:
    if name in MIDDLES:
        return (place(points, f"left_{MIDDLES[name]}") + place(points, f"right_{MIDDLES[name]}")) / 2
    if name[1:] in PARTS:
        name = {"R": "right_", "L": "left_"}[name[0]] + PARTS[name[1:]]
    return points[LANDMARK_NAMES.index(name)]


def main() -> None:
    # Sports2D names elbow, index, wrist for the left wrist; the right one has the wrist in the middle.
    angle_dict["left wrist"][0] = ["LElbow", "LWrist", "LIndex"]
    skeletons = np.random.default_rng(1).normal(size=(12, 33, 2)).round(3) * 100
    found: dict[str, list[float]] = {}
    for points in skeletons:
        toes = sum(place(points, f"{s}BigToe")[0] - place(points, f"{s}Heel")[0] for s in "RL")
        facing_right = points * [1 if toes >= 0 else -1, 1]
        for name, (parts, *_) in angle_dict.items():
            degrees = fixed_angles([place(facing_right, part) for part in parts], name)
            found.setdefault(name.replace(" ", "_"), []).append(float(degrees))
    content = {"sports2d": "0.8.34", "pose2sim": "0.10.49", "points": skeletons.tolist(), "angles": found}
    Path(__file__).with_name("sports2d.json").write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    main()
