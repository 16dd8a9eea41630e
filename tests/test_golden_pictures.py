"""Single pictures from end to end: every recorded number of MediaPipe, by every engine that promises its bits."""

from __future__ import annotations

from collections.abc import Container
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from golden_data import (
    BEST,
    GOLDENS,
    MODELS,
    QUICK_PICTURE,
    assert_same,
    detection_array,
    exact_engines,
    groups,
    landmark_arrays,
    load,
    picture,
    pictures,
    roi_array,
)

from refpose import Pose
from refpose.engine import Network, load_network
from refpose.stages import landmarks, warp

ENGINES = exact_engines()
# One of so many pictures is for the reference engine, which takes seconds; all are for the native one, and that both
# have the same bits is tested kernel by kernel and stage by stage.
SHARE = {"lite": 1, "full": 4, "heavy": 16}


def has_turn(number: int, name: str, model: str, engine: str, sparse: int) -> bool:
    """Whether an engine does a picture; of `sparse` times fewer where most of it is tested by `test_picture`."""
    if engine == "native" or ENGINES == ["reference"]:
        return True
    if sparse > 1 and model == "heavy":
        return False
    return number % (SHARE[model] * sparse) == 0 or name == QUICK_PICTURE


def cases(quick_models: Container[str] = MODELS, sparse: int = 1) -> list[Any]:
    """Pictures, models and engines; left to the full run is what the reference engine does not do in a few seconds."""
    return [
        pytest.param(
            *(name, model, engine),
            id=f"{name}-{model}-{engine}",
            marks=() if name == QUICK_PICTURE and (engine == "native" or model in quick_models) else pytest.mark.full,
        )
        for engine in ENGINES
        for model in MODELS
        for number, name in enumerate(pictures())
        if has_turn(number, name, model, engine, sparse)
    ]


# One network of each kind is kept: a worker of the test run works through one model after the other.
@lru_cache(maxsize=2)
def pose(model: str, engine: str, **options: Any) -> Pose:
    return Pose(model, mode="image", engine=engine, **options)  # type: ignore[arg-type]


@lru_cache(maxsize=2)
def network(model: str, engine: str) -> Network:
    return load_network(model, engine)


@pytest.mark.parametrize(("name", "model", "engine"), cases())
def test_picture(name: str, model: str, engine: str) -> None:
    path = f"{name}/c{MODELS[model]}"
    recorded, how = load("pipeline.h5", path)
    above, _ = load("pipeline.h5", name)
    people = pose(model, engine, segmentation="mask" in recorded).process(picture(name))
    assert len(people) == how["found"]
    for person in people:
        assert_same(np.float32(person.score), recorded["presence"])
        found = landmark_arrays(person)
        assert_same(found["landmarks"], recorded["landmarks"])
        assert_same(found["world"], recorded["world"])
        assert_same(person.raw_auxiliary_landmarks, recorded["raw_aux"][:, :3].copy())
        assert_same(roi_array(person.roi), above["rect_from_detection"])
        assert person.detection is not None
        assert_same(person.detection.candidates_sq, above["detections_raw"])
        assert_same(detection_array(person.detection), above["detections"][0])
        if "mask" in recorded:
            assert person.segmentation_mask is not None
            assert_same(person.segmentation_mask.astype(np.float16), recorded["mask"])


@pytest.mark.parametrize(("name", "model", "engine"), cases(("lite",), sparse=3))
def test_picture_with_the_window_of_the_graph(name: str, model: str, engine: str) -> None:
    recorded, how = load("as_written.h5", f"images/{name}/c{MODELS[model]}")
    people = pose(model, engine, refinement_window=landmarks.GRAPH_WINDOW).process(picture(name))
    assert len(people) == how["found"]
    for person in people:
        found = landmark_arrays(person)
        assert_same(found["landmarks"], recorded["landmarks"])
        assert_same(found["world"], recorded["world"])


@pytest.mark.parametrize(("name", "model", "engine"), cases(("lite",), sparse=3))
def test_network_on_the_recorded_crop(name: str, model: str, engine: str) -> None:
    recorded, _ = load("pipeline.h5", f"{name}/c{MODELS[model]}")
    above, _ = load("pipeline.h5", name)
    if "roi_input_u8" not in above:
        pytest.skip(f"{name} shows nobody, so there is no crop")
    x = warp.scale_u8(above["roi_input_u8"], landmarks.BLAZEPOSE.scale, landmarks.BLAZEPOSE.offset)
    wanted = {"presence": "presence", "landmarks": "net_landmarks", "world": "net_world"}
    wanted |= {"heatmap": "net_heatmap", "segmentation": "net_segmentation"}
    wanted = {output: key for output, key in wanted.items() if key in recorded}
    found = network(model, engine)(x, tuple(wanted))
    for output, key in wanted.items():
        assert_same(np.reshape(found[output], recorded[key].shape), recorded[key], output)


@pytest.mark.full
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("path", [path for path in groups("pipeline.h5", "detections_raw") if "_thresholds" in path])
def test_thresholds(path: str, engine: str) -> None:
    recorded, how = load("pipeline.h5", path)
    thresholds = {name: float(how[name]) for name in ("min_detection_confidence", "min_tracking_confidence")}
    people = pose("full", engine, **thresholds).process(picture(how["image"]))
    assert len(people) == how["found"]
    for person in people:
        found = landmark_arrays(person)
        assert_same(found["landmarks"], recorded["landmarks"])
        assert_same(found["world"], recorded["world"])
        assert_same(np.float32(person.score), recorded["presence"])
        assert_same(roi_array(person.roi), recorded["rect_from_detection"])
        assert person.detection is not None
        assert_same(person.detection.candidates_sq, recorded["detections_raw"])


@pytest.mark.full
@pytest.mark.skipif(GOLDENS is None, reason="only the whole recorded set (REFPOSE_GOLDENS) has crops of single people")
@pytest.mark.parametrize("engine", ENGINES[-1:])
@pytest.mark.parametrize("model", MODELS)
def test_crops_of_single_people(model: str, engine: str) -> None:
    for path in groups("crops.h5", "landmarks"):
        name, _, complexity = path.split("/")
        if complexity != f"c{MODELS[model]}":
            continue
        recorded, how = load("crops.h5", path)
        left, top, right, bottom = how["box"]
        people = pose(model, engine).process(picture(name)[top:bottom, left:right])
        assert len(people) == how["found"], path
        found = landmark_arrays(people[0])
        assert_same(found["landmarks"], recorded["landmarks"], path)
        assert_same(found["world"], recorded["world"], path)
        assert_same(np.float32(people[0].score), recorded["presence"], path)
        assert_same(roi_array(people[0].roi), recorded["rect_from_detection"], path)


def test_the_recorded_set_has_pictures_with_and_without_a_person() -> None:
    with_person = [name for name in pictures() if "roi_input_u8" in load("pipeline.h5", name, BEST)[0]]
    assert 0 < len(with_person) < len(pictures())
