"""Small inputs for every verb: a picture, a folder of two, a video with sound, and annotated joints of the picture."""

from __future__ import annotations

import json
from pathlib import Path

import videos
from PIL import Image

JOINTS = {
    "left_shoulder": [60, 45, 2],
    "right_shoulder": [30, 45, 2],
    "left_hip": [55, 90, 1],
    "right_hip": [35, 90, 1],
}


def write(folder: Path) -> None:
    """Make ``p.png``, ``in/a.png``, ``in/b.png``, ``v.mp4`` and ``truth.json``."""
    (folder / "in").mkdir(parents=True)
    with Image.open(videos.EXAMPLE) as picture:
        for name in ("p.png", "in/a.png", "in/b.png"):
            picture.resize((96, 96)).save(folder / name)
    videos.write(folder / "v.mp4", videos.scenes(3, 96, 128), sound="aac")
    truth = {"images": {"p.png": {"persons": [{"keypoints": JOINTS}]}}}
    (folder / "truth.json").write_text(json.dumps(truth))
