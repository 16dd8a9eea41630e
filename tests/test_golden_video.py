"""Free-running videos: every frame equal to MediaPipe's, although a difference in the last bit would grow from frame to
frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_data import (
    BEST,
    GOLDENS,
    Video,
    assert_same,
    detection_array,
    exact_engines,
    groups,
    landmark_arrays,
    load,
    roi_array,
    videos,
)
from numpy.typing import NDArray

from refpose import Person, Pose
from refpose.stages import landmarks, segmentation
from refpose.trackers import SolutionTracker

ENGINES = exact_engines()
# The reference engine takes seconds for a frame, so it does the first frames only, and of one clip with heavy.
FRAMES = {"reference": 2, "native": None}


def has_turn(run: str, engine: str) -> bool:
    """Whether an engine does a run."""
    return engine == "native" or ENGINES == ["reference"] or "c2" not in run or run.startswith("pan_astronaut")


needs_native = pytest.mark.skipif("native" not in ENGINES, reason="the native engine was not built or cannot run here")
QUICK = {"reference": ("pan_astronaut/c0_smooth",), "native": ("pan_astronaut/c0_smooth", "slideshow_c0")}


def cases(runs: Sequence[tuple[Path, str]]) -> list[Any]:
    return [
        pytest.param(
            *(folder, run, engine),
            id=f"{run}-{engine}",
            marks=() if run in QUICK[engine] else pytest.mark.full,
        )
        for engine in ENGINES
        for folder, run in runs
        if has_turn(run, engine)
    ]


def assert_same_landmarks(person: Person, recorded: dict[str, Any], k: int) -> None:
    for name, values in landmark_arrays(person).items():
        if name in recorded:
            assert_same(values, recorded[name][k], f"frame {k} {name}")
    assert_same(roi_array(person.roi), recorded["rect"][k], f"frame {k} rect")
    if f"mask/{k:04d}" in recorded:
        assert person.segmentation_mask is not None
        assert_same(person.segmentation_mask.astype(np.float16), recorded[f"mask/{k:04d}"], f"frame {k} mask")


@pytest.mark.parametrize(("folder", "run", "engine"), cases(videos()))
def test_video(folder: Path, run: str, engine: str) -> None:
    video = Video(folder, run)
    recorded = video.recorded
    pose = Pose(engine=engine, **video.pose_options())
    assert isinstance(pose.tracker, SolutionTracker)
    for k, frame in enumerate(video.frames()[: FRAMES[engine]]):
        where = f"frame {k}"
        assert (pose.tracker.roi is None) == recorded["detection_ran"][k], where
        people = pose.process(frame, timestamp=video.times[k])
        assert len(people) == recorded["found"][k], where
        for person in people:
            assert_same_landmarks(person, recorded, k)
            assert_same(person.auxiliary_landmarks, recorded["aux"][k][:, :3], where)
            assert_same(person.raw_auxiliary_landmarks, recorded["raw_aux"][k][:, :3], where)
            assert_same(np.float32(person.score), recorded["presence"][k], where)
            assert person.next_roi is not None
            assert_same(roi_array(person.next_roi), recorded["rect_from_landmarks"][k], where)
            assert (person.detection is not None) == recorded["detection_ran"][k], where
            if person.detection is not None:
                assert_same(detection_array(person.detection), recorded["detection"][k], where)


def perturbed(frame: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """The frame with the lowest bit of 1 % of its bytes flipped, as the recording did it."""
    frame = frame.copy()
    values = frame.reshape(-1)
    values[np.random.Generator(np.random.PCG64(100 + seed)).integers(0, values.size, values.size // 100)] ^= 1
    return frame


@pytest.mark.full
@needs_native
@pytest.mark.parametrize(("folder", "run"), videos("perturbed"), ids=lambda value: getattr(value, "name", value))
def test_perturbed_video(folder: Path, run: str) -> None:
    video = Video(folder, run)
    first, *rest = video.frames()
    seeds = {int(name.split("/")[1]) for name in video.recorded if name.startswith("perturbed/")}
    for seed in seeds:
        pose = Pose(engine="native", **video.pose_options())
        recorded = {name: video.recorded[f"perturbed/{seed}/{name}"] for name in ("landmarks", "rect")}
        for k, frame in enumerate([perturbed(first, seed), *rest]):
            people = pose.process(frame)
            assert bool(people) == np.isfinite(recorded["landmarks"][k]).all(), f"seed {seed} frame {k}"
            for person in people:
                assert_same_landmarks(person, recorded, k)


@pytest.mark.full
@needs_native
@pytest.mark.skipif(GOLDENS is None, reason="only the whole recorded set (REFPOSE_GOLDENS) has videos of the graph")
@pytest.mark.parametrize("path", groups("as_written.h5", "raw_landmarks", BEST))
def test_video_with_the_options_of_the_graph(path: str) -> None:
    """Refinement window 7 and mask smoothing 0.7, which MediaPipe's Python class loses."""
    recorded, _ = load("as_written.h5", path)
    video = Video(BEST, path.removeprefix("video/"))
    pose = Pose(
        engine="native",
        refinement_window=landmarks.GRAPH_WINDOW,
        mask_smoothing=segmentation.GRAPH_RATIO,
        **video.pose_options(),
    )
    for k, frame in enumerate(video.frames()[: len(recorded["landmarks"])]):
        people = pose.process(frame)
        assert bool(people) == np.isfinite(recorded["landmarks"][k]).all(), f"frame {k}"
        for person in people:
            assert_same_landmarks(person, recorded, k)
