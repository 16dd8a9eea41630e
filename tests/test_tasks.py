"""MediaPipe Tasks' pose landmarker: every recorded run of both versions, equal in every bit."""

from __future__ import annotations

import hashlib
import zlib
from functools import cache
from typing import Any

import numpy as np
import pytest
import tasks_data
from golden_data import assert_same, exact_engines, roi_array
from tasks_data import Recorded, frame

from refpose import tasks
from refpose.engine import Network, load_network, resolve
from refpose.runner import Run
from refpose.study import compare, verify
from refpose.tasks import TasksPose
from refpose.trackers import Estimate, Result

FEW = 3  # frames that the reference engine is asked for


@cache
def network(name: str, engine: str) -> Network:
    return load_network(name, engine)


def pose_of(run: Recorded, version: str, engine: str) -> TasksPose:
    options = run.options
    model: Any = options["model"]
    return TasksPose(
        model,
        "video" if run.is_video else "image",
        int(options["num_poses"]),
        version,
        bool(options["output_segmentation_masks"]),
        float(options["min_pose_detection_confidence"]),
        float(options["min_pose_presence_confidence"]),
        float(options["min_tracking_confidence"]),
        engine,
        networks=(network("detector", engine), network(model, engine)),
    )


class Stages(Run):
    """Keeps what the recorded set has of the inner stages."""

    def __init__(self) -> None:
        self.found: dict[str, list[Any]] = {}

    def __call__(self, names: Any, function: Any, *arguments: Any) -> Any:
        value = function(*arguments)
        for name in (names,) if isinstance(names, str) else names[:1]:
            self.found.setdefault(name, []).append(value)
        return value

    def given(self, name: str, value: Any) -> Any:
        self.found.setdefault(name, []).append(value)
        return value

    def of(self, name: str) -> list[Any]:
        return self.found.get(name, [])


def bytes_of(values: np.ndarray, scale: float, offset: float) -> int:
    """The checksum of a network's input as bytes, before the range is applied."""
    return zlib.crc32(np.rint((values.astype(np.float64) - offset) / scale).astype(np.uint8).tobytes())


def check_stages(run: Recorded, index: int, kept: Stages, seen: list[Estimate], results: list[Result]) -> None:
    """Whatever is stored of a frame's stages."""
    truth, first = run.stages, run.first
    people = slice(first[index], first[index + 1])
    inputs = kept.of("detector/input")
    assert bool(inputs) == truth["detector_ran"][index]
    if inputs:
        assert bytes_of(inputs[0], 1 / 127.5, -1) == truth["det_input_crc32"][index]
    counts = truth["rois_count"]
    rows = slice(counts[:index].sum(), counts[: index + 1].sum())
    crops = [bytes_of(crop, 1 / 255, 0) for crop in kept.of("crop/input")]
    # regions without numbers are not cropped
    expected = [
        crc for crc, roi in zip(truth["crop_crc32"][rows], truth["rois"][rows], strict=True) if (roi == roi).all()
    ]
    assert crops == expected
    if "detections_raw" in truth and inputs:
        counts = truth["detections_raw_count"]
        raw = truth["detections_raw"][counts[:index].sum() : counts[: index + 1].sum()]
        assert_same(kept.of("detector/candidates_sq")[0], raw)
    if len(results):
        found = np.array([roi_array(result.next_roi) for result in results if result.next_roi])
        assert_same(found, truth["next_rois"][people])
        if "raw_landmarks" in truth:
            for estimate, recorded in zip(seen, truth["raw_landmarks"][people], strict=True):
                assert_same(estimate.landmarks.position[:33], np.ascontiguousarray(recorded[:, :3]))
        if "presence" in truth:
            assert {float(estimate.presence) for estimate in seen} <= set(map(float, truth["presence"][rows]))


def check_run(name: str, version: str, engine: str, frames: int | None = None) -> None:
    run = Recorded(name, version)
    pose, truth, first = pose_of(run, version, engine), run.truth, run.first
    for i, source in enumerate(run.sources[:frames]):
        image, kept = frame(source, run.folder), Stages()
        computed = pose.at(image, run.times_ms[i] * 1000, run.rotations[i], kept)
        where = f"{name} {version} frame {i}"
        assert len(computed) == truth["people"][i], where
        seen, results = [one for one, _ in computed], [one for _, one in computed]
        for result, person in zip(results, range(first[i], first[i + 1]), strict=True):
            sure = result.visibility, result.presence
            assert_same(np.column_stack([result.landmarks, *sure]), truth["landmarks"][person], where)
            assert_same(np.column_stack([result.world, *sure]), truth["world"][person], where)
            if "mask_sha256" in truth:
                assert result.mask is not None
                recorded = truth["mask_sha256"][person]
                digest = recorded.decode() if isinstance(recorded, bytes) else recorded
                assert hashlib.sha256(result.mask.tobytes()).hexdigest() == digest, where
            else:
                assert result.mask is None
        if run.stages:
            check_stages(run, i, kept, seen, results)


@pytest.mark.skipif(resolve("auto") != "native", reason="the native engine was not built")
@pytest.mark.parametrize("version", tasks_data.VERSIONS)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name.startswith("repository/") else pytest.mark.full)
        for name in tasks_data.runs()
    ],
)
def test_recorded_run(name: str, version: str) -> None:
    check_run(name, version, "native")


@pytest.mark.full
@pytest.mark.parametrize("version", tasks_data.VERSIONS)
@pytest.mark.parametrize("name", ["image_full_n3_masks", "video_slides_lite_n1"])
def test_recorded_run_of_the_reference(name: str, version: str) -> None:
    assert "reference" in exact_engines()
    check_run(f"repository/{name}", version, "reference", FEW)


@pytest.fixture(scope="module")
def explained() -> tuple[Any, Any]:
    """A picture of two people side by side, and everything that is computed on it, as 1.2.3 does."""
    single = tasks_data.frame("image:astronaut", tasks_data.FOLDERS["repository"])
    image = np.ascontiguousarray(np.concatenate([single[:, 100:400], single[:, 399:99:-1]], axis=1))
    pose = TasksPose("lite", "image", 3, "1.2.3", segmentation=True)
    return image, pose.explain(image)


@pytest.mark.skipif(resolve("auto") != "native", reason="the native engine was not built")
def test_compare_knows_tasks(explained: tuple[Any, Any]) -> None:
    """Somebody else's port of Tasks is judged stage by stage, person by person."""
    image, theirs = explained
    assert "people/1/mask/image" in theirs

    def judged(changes: dict[str, Any], version: str = "1.2.3") -> compare.Comparison:
        return compare.compare({**theirs, **changes}, image, "lite", tasks=version, people=3)

    same = judged({})
    assert same.first is None
    assert {row.name for row in same.rows} == {name for name in theirs if "tracker/" not in name}
    assert {row.state for row in same.rows} == {"equal"}
    moved = judged({"people/1/landmarks/refined_roi": theirs["people/1/landmarks/refined_roi"] + np.float32(0.01)})
    assert moved.first is not None
    assert moved.first.name == "people/1/landmarks/refined_roi"
    assert not {row.name for row in moved.rows if row.state == "differs"} - {
        "people/1/landmarks/refined_roi",
        "people/1/landmarks/projected_n",
    }
    other = judged({}, "0.10.21")
    assert {"detector/input", "crop/corners_px"} <= {row.name for row in other.rows if row.state == "close"}
    more = judged({"people/7/result/world_m": theirs["result/world_m"]})
    assert more.first is not None
    assert more.first.remark == "refpose finds 2 people"


@pytest.mark.skipif(resolve("auto") != "native", reason="the native engine was not built")
def test_verify_knows_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verify.tasks_as_recorded() == "30 results of MediaPipe Tasks 0.10.21 and 1.2.3"
    monkeypatch.setitem(tasks.VERSIONS, "1.2.3", tasks.VERSIONS["0.10.21"])
    with pytest.raises(verify.Mismatch, match=r"1\.2\.3: roi/crop_n \(astronaut\)"):
        verify.tasks_as_recorded()


@pytest.mark.skipif(resolve("auto") != "native", reason="the native engine was not built")
def test_boxes_whose_scores_are_all_zero() -> None:
    """Their means are not numbers: 0.10.21 finds nobody there, 1.x fails; they are no detections."""
    image = tasks_data.frame("image:astronaut", tasks_data.FOLDERS["repository"])
    networks = network("detector", "native"), network("lite", "native")
    old, new = (
        TasksPose("lite", "image", 400, version, min_detection_confidence=0.0, networks=networks)
        for version in tasks_data.VERSIONS
    )
    assert len(old.at(image, 0)) > 0
    with pytest.raises(ValueError, match=r"ROI contains NaN values"):
        new.at(image, 0)
    assert all(np.isfinite(found.keypoints_n).all() for found in old.detect(image))
