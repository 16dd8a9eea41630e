"""How well people are followed on the clips of `tracking_clips`, beside MediaPipe Tasks: `make tracking`.

Tasks' results are MediaPipe's in every bit (`refpose.mediapipe`). It does not say who is who, so that identities are
given to its results by the simplest matching: whose torso is nearest to somebody's of the frame before is the same.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tracking_clips import Clip, clips, drawn, truth

from refpose import Pose
from refpose.accuracy import tracking
from refpose.accuracy.annotations import read_annotations
from refpose.accuracy.records import Annotations, FoundPerson, extent_area
from refpose.images import read_image
from refpose.mediapipe import v1 as mp
from refpose.topology import COCO_17, LANDMARK_NAMES, convert

TORSO = [11, 12, 23, 24]
Picture = NDArray[np.uint8]
Follow = Callable[[Sequence[Picture]], Iterator[list[tuple[int, NDArray[np.float64]]]]]
"""Gives identities and landmarks (33, 2) in pixels of everybody on each of some frames."""


def refpose(model: str, people: int | None, **options: Any) -> Follow:
    """Somebody for `measure`: refpose."""

    def follow(frames: Sequence[Picture]) -> Iterator[list[tuple[int, NDArray[np.float64]]]]:
        pose = Pose(model, people=people, **options)
        for frame in frames:
            yield [(p.id, p.landmarks_px[:, :2].astype(np.float64)) for p in pose.process(frame)]

    return follow


def tasks(model: str, people: int) -> Follow:
    """Somebody for `measure`: MediaPipe Tasks, with identities by the nearest torso."""
    vision = mp.tasks.vision
    options = vision.PoseLandmarkerOptions(
        base_options=mp.tasks.BaseOptions(model_asset_path=f"refpose:{model}"),
        running_mode=vision.RunningMode.VIDEO,
        num_poses=people,
    )

    def follow(frames: Sequence[Picture]) -> Iterator[list[tuple[int, NDArray[np.float64]]]]:
        last: list[tuple[int, NDArray[np.float64]]] = []
        used = 0
        with vision.PoseLandmarker.create_from_options(options) as landmarker:
            for i, frame in enumerate(frames):
                size = np.array((frame.shape[1], frame.shape[0]))
                image = mp.Image(image_format=mp.ImageFormat.SRGB, data=frame)
                found = landmarker.detect_for_video(image, i * 33).pose_landmarks
                own = [np.array([(mark.x, mark.y) for mark in one]) * size for one in found]
                last, used = nearest(own, last, used)
                yield last

    return follow


def nearest(
    found: Sequence[NDArray[np.float64]], last: Sequence[tuple[int, NDArray[np.float64]]], used: int
) -> tuple[list[tuple[int, NDArray[np.float64]]], int]:
    """Give those found the identities of the nearest of the frame before; also how many identities were given."""

    def middle(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return points[TORSO].mean(axis=0)

    apart = sorted(
        (float(np.linalg.norm(middle(mine) - middle(theirs))), i, number)
        for i, mine in enumerate(found)
        for number, theirs in last
    )
    numbers: dict[int, int] = {}
    for _, i, number in apart:
        if i not in numbers and number not in numbers.values():
            numbers[i] = number
    for i in range(len(found)):
        if i not in numbers:
            numbers[i] = used
            used += 1
    return [(numbers[i], points) for i, points in enumerate(found)], used


def measure(follow: Follow, videos: Sequence[Sequence[Picture]], truth: Annotations) -> dict[str, Any]:
    """Figures of somebody on some videos, and seconds a frame."""
    start = time.perf_counter()
    found = [people for frames in videos for people in follow(frames)]
    seconds = (time.perf_counter() - start) / len(found)
    predictions = {
        picture.id: [
            FoundPerson(
                LANDMARK_NAMES, points, 1.0, extent_area(convert(points, LANDMARK_NAMES, COCO_17)), track=number
            )
            for number, points in people
        ]
        for picture, people in zip(truth.pictures, found, strict=True)
    }
    return {**tracking.score(truth, predictions), "seconds": seconds}


def material(some: Sequence[Clip]) -> tuple[list[list[Picture]], Annotations]:
    """Frames and truth of some clips."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "truth.json")
        path.write_text(json.dumps(truth(some)))
        return [[frame for frame, _ in clip] for clip in some], read_annotations(path)


def street(frames: Path) -> tuple[list[list[Picture]], Annotations]:
    """Frames of a street, in files named by their numbers, and who is on them, marked by hand."""
    annotations = read_annotations(Path(__file__).parent / "recorded" / "street_people.json")
    return [[read_image(frames / picture.file) for picture in annotations.pictures]], annotations


def line(group: str, model: str, who: str, figures: dict[str, Any]) -> str:
    """A row of the table."""
    own = figures["all"]
    shares = [f"{100 * own[name]:.1f}" for name in ("mota", "idf1")]
    counts = [str(own[name]) for name in ("switches", "misses", "false", "duplicates")]
    return " | ".join(("", group, model, who, *shares, *counts, f"{1000 * figures['seconds']:.0f}", "")).strip()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["lite", "full"])
    parser.add_argument("--detect-every", nargs="+", type=int, default=[1, 2, 5, 10, 20, 30])
    parser.add_argument("--street", type=Path, metavar="DIR", help="frames of the clip street")
    parser.add_argument("--drawn", nargs=2, type=int, metavar="SEED", help="clips drawn with seeds from one to another")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures, clip by clip")
    args = parser.parse_args()
    some = [drawn(seed) for seed in range(*args.drawn)] if args.drawn else clips()
    groups = {
        "apart": material([clip for clip in some if clip.apart]),
        "together": material([clip for clip in some if not clip.apart]),
    }
    if args.street:
        groups["street"] = street(args.street)
    print("| clips | model | who | MOTA % | IDF1 % | switches | misses | false | duplicates | ms a frame |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    everything = []
    for model in args.models:
        contestants = {f"refpose, every {n}": refpose(model, 3, detect_every=n) for n in args.detect_every}
        contestants["Tasks"] = tasks(model, 3)
        for who, follow in contestants.items():
            for group, (videos, marked) in groups.items():
                figures = measure(follow, videos, marked)
                everything.append({"clips": group, "model": model, "who": who, **figures})
                print(line(group, model, who, figures), flush=True)
                if args.json:
                    args.json.write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
