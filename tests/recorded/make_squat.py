"""Make examples/squat.h5, the synthetic squat of docs/opensim.md: python make_squat.py (in this folder)."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

from motion_data import recording  # noqa: E402

from refpose import tables  # noqa: E402


def main() -> None:
    squat = recording()
    about = {"video": {"width": 640, "height": 480}, "about": "a synthetic squat: knees 0 to 100 to 0 degrees in 3 s"}
    with tables.create(HERE.parents[1] / "examples" / "squat.h5", "synthetic", about) as table:
        for frame, time, (numbers,) in zip(squat.frame, squat.time, squat.values, strict=True):
            person = SimpleNamespace(
                landmarks_px=numbers[:, :3],
                landmarks=numbers[:, :3],
                world_landmarks=numbers[:, 3:6],
                visibility=numbers[:, 6],
                presence=numbers[:, 7],
            )
            table.write(int(frame), float(time), [person])


if __name__ == "__main__":
    main()
