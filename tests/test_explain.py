"""Pose.explain: equal to Pose.process, complete, documented, kept."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from golden_data import assert_same, load, pictures, roi_array

from refpose import Pose, Roi, cli
from refpose.engine import blas, layers_of, load_network, resolve
from refpose.images import read_image
from refpose.networks import record
from refpose.study.explain import Explanation
from refpose.study.quantities import BLAZEPOSE as QUANTITIES
from refpose.study.quantities import DECISIONS
from refpose.trackers import SolutionTracker

ENGINE = resolve("auto")


def golden_picture(root: Path, name: str):
    return read_image(root / "tests" / "golden" / "images" / f"{name}.png")


@pytest.fixture(scope="module")
def explanation(astronaut: Path) -> Explanation:
    return Pose(mode="image", segmentation=True).explain(read_image(astronaut))


def assert_like_process(found: Explanation, people) -> None:
    assert bool(people) != bool(found.stopped)
    for person in people:
        assert_same(found["result/landmarks_n"], person.landmarks)
        assert_same(found["result/visibility"], person.visibility)
        assert_same(found["result/presence"], person.presence)
        assert_same(found["result/world_m"], person.world_landmarks)
        assert_same(found["landmarks/projected_n"][:33, :3], person.raw_landmarks)
        assert_same(found["world/turned_m"], person.raw_world_landmarks)
        assert_same(found["roi/crop_n"], roi_array(person.roi))
        assert float(found["network/presence"]) == person.score
        if person.segmentation_mask is not None:
            assert_same(found["result/mask"], person.segmentation_mask)
        if person.detection is not None:
            assert_same(found["detector/candidates_sq"], person.detection.candidates_sq)
            assert_same(found["detector/blend_n"][1:5], person.detection.box_n)
        if person.next_roi is not None:
            assert_same(found["result/next_roi_n"], roi_array(person.next_roi))


@pytest.mark.parametrize("name", ["astronaut", "hopper_small", "coffee", "cameraman"])
def test_equals_process_on_pictures(root: Path, name: str) -> None:
    image = golden_picture(root, name)
    for model in ("lite", "full"):
        pose = Pose(model, "image", segmentation=True)
        assert_like_process(pose.explain(image), pose.process(image))


def test_equals_process_in_a_video(astronaut: Path) -> None:
    """The states go on alike, through a gap, with a given region in between, with masks smoothed."""
    image = read_image(astronaut)
    frames = [image, image[3:], np.zeros_like(image), image, np.roll(image, 5, axis=1), image]
    frames[1] = np.pad(frames[1], ((0, 3), (0, 0), (0, 0)))
    one, other = (Pose("lite", segmentation=True, mask_smoothing=0.7) for _ in range(2))
    for i, frame in enumerate(frames):
        arguments = {"timestamp": 0.04 * (i + 1), "roi": Roi(0.5, 0.5, 1, 1) if i == 4 else None}
        found = one.explain(frame, **arguments)
        assert_like_process(found, other.process(frame, **arguments))
        assert ("detector/input" in found) == (i in (0, 3))
        tracker = other.tracker
        assert isinstance(tracker, SolutionTracker)
        if not found.stopped:
            np.testing.assert_array_equal(found["filters/points/value_px"], tracker.points.value)
            np.testing.assert_array_equal(found["filters/world/speed"], tracker.world.speed)
            np.testing.assert_array_equal(found["filters/visibility"], tracker.visibility.value)


def test_equals_the_recorded_intermediates(root: Path) -> None:
    if ENGINE != "native":
        pytest.skip("only an exact engine has MediaPipe's bits, and the reference is slow")
    for name in pictures():
        recorded, _ = load("pipeline.h5", name)
        if "roi_input_u8" not in recorded or not (root / "tests/golden/images" / f"{name}.png").exists():
            continue
        found = Pose(mode="image").explain(golden_picture(root, name))
        assert_same(found["detector/blend_sq"], recorded["detections_nms"][0], name)
        assert_same(found["roi/crop_n"], recorded["rect_from_detection"], name)
        assert_same(np.rint(found["crop/input"] * 255).astype(np.uint8), recorded["roi_input_u8"], name)
        assert_same(found["landmarks/refined_roi"], recorded["c1/roi_landmarks"][:35], name)


def test_every_quantity_is_documented_and_made(explanation: Explanation, astronaut: Path) -> None:
    video = Pose("lite", segmentation=True).explain(read_image(astronaut))
    assert list(explanation) == [name for name in QUANTITIES if name in explanation]
    of_several = {"result/id"} | set(DECISIONS) - {"tracker/source"}
    assert set(explanation) | {"result/next_roi_n"} | of_several == {n for n in QUANTITIES if "filters" not in n}
    assert set(video) | of_several == set(QUANTITIES)
    sizes = {"H": 512, "W": 512}
    for name, array in explanation.items():
        shape = tuple(sizes.get(str(side), side) for side in QUANTITIES[name].shape)
        assert len(array.shape) == len(shape), name
        assert all(side in (found, "n") for found, side in zip(array.shape, shape, strict=True)), name
        assert re.search(rf"^{name}\s", explanation.table(), re.MULTILINE)
        assert array.dtype == QUANTITIES[name].dtype, name


def test_arrays_are_copies_and_read_only(astronaut: Path) -> None:
    image = read_image(astronaut)
    found = Pose("lite", "image").explain(image)
    before = found["image"].copy()
    image[:] = 0
    assert_same(found["image"], before)
    with pytest.raises(ValueError, match="read-only"):
        found["crop/input"][0] = 1


@pytest.mark.parametrize("place", [5, 100, 600, 913, 0.3, 0.7, -1])
def test_one_changed_byte_of_a_file_is_noticed(explanation: Explanation, tmp_path: Path, place: float) -> None:
    explanation.save(tmp_path / "x.h5")
    data = bytearray((tmp_path / "x.h5").read_bytes())
    data[int(place * len(data)) if 0 < place < 1 else int(place)] ^= 2
    (tmp_path / "x.h5").write_bytes(data)
    if place == 5:  # the checksum's own name: a file without one, whose content is whole
        assert Explanation.load(tmp_path / "x.h5") == explanation
        return
    with pytest.raises(ValueError, match=r"x\.h5: damaged or cut short: its checksum does not fit"):
        Explanation.load(tmp_path / "x.h5")


def test_pickles_and_saves_and_loads_equal(explanation: Explanation, tmp_path: Path) -> None:
    assert pickle.loads(pickle.dumps(explanation)) == explanation
    explanation.save(tmp_path / "x.h5")
    loaded = Explanation.load(tmp_path / "x.h5")
    assert loaded == explanation
    assert list(loaded) == list(explanation)
    assert loaded["crop/matrix"].dtype == np.float64
    with h5py.File(tmp_path / "x.h5") as h5:
        assert h5["crop/input"].attrs["unit"] == "0..1"
    changed = Explanation(
        {**explanation, "result/world_m": explanation["result/world_m"] + 1}, explanation.settings, explanation.times
    )
    assert changed != explanation
    assert explanation != 1
    assert list(tmp_path.iterdir()) == [tmp_path / "x.h5"]


def test_activations(astronaut: Path, tmp_path: Path) -> None:
    found = Pose("lite", "image", engine="numpy").explain(read_image(astronaut), activations=True)
    names = [name for name in found if name.startswith("activations/")]
    steps = [f"activations/{n}/{s.name}/output" for n in ("detector", "lite") for s in record(n).steps]
    assert names == steps
    assert_same(found["activations/lite/heatmap/output"], found["network/heatmap"])
    assert_same(found["activations/lite/segmentation/output"], found["network/segmentation"])
    found.save(tmp_path / "x.h5")
    assert Explanation.load(tmp_path / "x.h5") == found


def test_nobody(root: Path, tmp_path: Path) -> None:
    found = Pose(mode="image").explain(golden_picture(root, "coffee"))
    assert found.stopped == "no candidate of the detector reaches the score 0.5"
    assert found["detector/candidates_sq"].shape == (0, 13)
    with pytest.raises(KeyError, match=r"crop/input was not computed: no candidate"):
        found["crop/input"]
    found.save(tmp_path / "x.h5")
    assert Explanation.load(tmp_path / "x.h5") == found


def test_presence_too_low(astronaut: Path) -> None:
    found = Pose(mode="image", min_tracking_confidence=0.99).explain(read_image(astronaut))
    assert found.stopped.startswith("presence 0.979 is not above 0.99")
    assert "network/heatmap" in found
    assert "landmarks/decoded_roi" not in found


def test_missing_names_are_explained(explanation: Explanation) -> None:
    with pytest.raises(KeyError, match="no quantity 'crop'; known are image, detector/input"):
        explanation["crop"]
    with pytest.raises(KeyError, match="activations were not asked for"):
        explanation["activations/full/heatmap/output"]
    with pytest.raises(KeyError, match="there are no filters"):
        explanation["filters/visibility"]


def test_bad_arguments_leave_the_state(astronaut: Path) -> None:
    pose = Pose("lite")
    pose.explain(read_image(astronaut), timestamp=1.0)
    before = pickle.dumps(pose.tracker)
    with pytest.raises(ValueError, match="time must go forward"):
        pose.explain(read_image(astronaut), timestamp=0.5)
    with pytest.raises((TypeError, ValueError)):
        pose.explain(np.zeros((4, 4), np.uint8))
    assert pickle.dumps(pose.tracker) == before


@pytest.mark.parametrize("content", [b"", b"not HDF5"])
def test_files_that_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.h5").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.h5: (damaged or cut short|not an HDF5 file)"):
        Explanation.load(tmp_path / "x.h5")
    with h5py.File(tmp_path / "y.h5", "w") as h5:
        h5["a"] = 1
    with pytest.raises(ValueError, match="expected an explanation"):
        Explanation.load(tmp_path / "y.h5")
    with pytest.raises(FileNotFoundError):
        Explanation.load(tmp_path / "z.h5")


def test_dump(tmp_path: Path, astronaut: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dump", str(astronaut), "-o", str(tmp_path / "x.h5"), "--model", "lite"]) == 0
    assert capsys.readouterr().out.startswith("one person; ")
    assert Explanation.load(tmp_path / "x.h5").settings["model"] == "lite"
    assert cli.main(["dump", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(QUANTITIES)
    with pytest.raises(SystemExit, match="2"):
        cli.main(["dump", str(astronaut)])


def test_receptive_fields() -> None:
    fields = {layer.name: layer.receptive_field for layer in load_network("full", "numpy").layers}
    assert fields["encoder/stem"] == 3
    assert fields["encoder/block0/depthwise"] == 3 + 2 * 2
    assert fields["encoder/block1/depthwise"] == 7 + 2 * 2
    assert fields["encoder/block2/depthwise"] == 11 + 2 * 4
    assert fields["encoder/block3/depthwise"] == 19 + 4 * 4
    assert all(layer.receptive_field >= 1 for name in ("detector", "heavy") for layer in layers_of(record(name)))


def test_receptive_field_is_what_a_value_depends_on() -> None:
    """Change single columns of the input around both ends of the field of a value in the middle."""
    network = load_network("lite", "numpy")
    number, layer = next((i, la) for i, la in enumerate(network.layers) if la.name == "encoder/block3/depthwise")
    tape = replace(network.tape, steps=network.tape.steps[: number + 1], outputs={})
    rng = np.random.default_rng(0)
    x = rng.random((256, 256, 3), np.float32)
    at = layer.output_shape[0] // 2

    def value(x):
        return [y for _, y in tape.trace(blas.FUNCTIONS, network.weights, x)][-1][at, at]

    base, changed = value(x), []
    middle = at * 256 // layer.output_shape[0]
    half = layer.receptive_field // 2
    for column in (*range(middle - half - 5, middle - half + 5), *range(middle + half - 5, middle + half + 5)):
        y = x.copy()
        y[:, column] = rng.random((256, 3), np.float32)
        if not np.array_equal(value(y), base):
            changed.append(column)
    assert changed[-1] - changed[0] + 1 == layer.receptive_field
