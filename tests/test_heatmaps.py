"""EfficientPose around its networks: input and key points against recorded ones, Pose with its models."""

from __future__ import annotations

import json
import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from efficientpose_data import (
    IMAGES,
    TRAINED,
    converted,
    model_file,
    needs_files,
    network_name,
    random_weights,
    recorded,
    write_weights,
)
from tolerances import EFFICIENTPOSE_PEAK, EFFICIENTPOSE_PEAK_VALUE

from refpose import Pose, Roi
from refpose.cli import main
from refpose.efficientpose import EfficientPose
from refpose.engine import resolve, stages
from refpose.images import read_image, write_png
from refpose.networks import record
from refpose.networks.efficientpose import VARIANTS
from refpose.stages import heatmaps
from refpose.study.compare import judge
from refpose.study.explain import Explanation
from refpose.study.quantities import EFFICIENTPOSE as QUANTITIES
from refpose.topology import EFFICIENTPOSE, MPII_16

NATIVE = resolve("auto") == "native"
RT = "efficientpose-rt"


# Pure functions --------------------------------------------------------------------------------------------------


def test_exp_is_close() -> None:
    for x in np.linspace(-40, 0, 401).tolist():
        assert abs(heatmaps.exp(x) / np.exp(x) - 1) < 1e-15
    assert heatmaps.exp(0.0) == 1.0


def test_pairwise_sum_is_numpys() -> None:
    rng = np.random.default_rng(0)
    for count in (1, 3, 7, 8, 9, 15, 16, 100, 128, 129, 200, 300, 1000):
        values = rng.standard_normal(count)
        assert heatmaps._pairwise_sum(values.tolist()) == values.sum()


@pytest.mark.parametrize(
    ("height", "width", "side", "expected"),
    [(720, 1280, 224, (126, 224)), (1024, 1024, 256, (256, 256)), (1, 1, 224, (224, 224)), (10, 5000, 224, (1, 224))],
)
def test_scaled_size(height: int, width: int, side: int, expected: tuple[int, int]) -> None:
    assert heatmaps.scaled_size(height, width, side) == expected


def test_a_picture_of_the_right_size_loses_some_grey_levels() -> None:
    grey = np.arange(256, dtype=np.uint8)[None, :, None].repeat(256, 0).repeat(3, 2)
    lost = np.flatnonzero(heatmaps.resize(grey, 256)[0, :, 0] != np.arange(256))
    assert lost[:4].tolist() == [33, 37, 41, 45]
    assert len(lost) == 24


def test_letterbox_is_black_before_normalisation() -> None:
    white = np.full((10, 20, 3), 255, np.uint8)
    x = heatmaps.network_input(white, 224, lite=False)
    assert x[0, 0] == pytest.approx([-2.1179, -2.0357, -1.8044], abs=1e-4)
    assert x[112, 112] == pytest.approx([2.2489, 2.4286, 2.64], abs=1e-4)
    assert (heatmaps.network_input(white, 224, lite=True)[0] == -1).all()


def test_decoding_places() -> None:
    maps = np.zeros((8, 8, 3), np.float32)
    maps[2, 5, 0] = maps[6, 1, 0] = 1  # equal: the first counts
    maps[0, 0, 1] = 0.2
    maps[7, 7, 2] = 1
    place, peak = heatmaps.decode(maps, 100, 100, camera=True)
    assert place[0].tolist() == [5.5 / 8, 2.5 / 8]
    assert place[1].tolist() == [-0.5 / 8, -0.5 / 8]
    assert peak.tolist() == [1, np.float32(0.2), 1]
    place, _ = heatmaps.decode(maps, 100, 50, camera=True)
    assert place[0].tolist() == [5.5 / 8, (2.5 / 8 - 0.25) / 0.5]
    assert place[2].tolist() == [7.5 / 8, 1.0]  # below the picture


@pytest.mark.skipif(not NATIVE, reason="no native engine here")
@pytest.mark.parametrize("isa", ["avx512", "avx2", "neon", "ref"])
def test_native_stages_have_the_same_bits(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from refpose.engine import _native

    if isa not in _native.isas():
        pytest.skip(f"this machine cannot run {isa}")
    monkeypatch.setenv("REFPOSE_ISA", isa)
    native, rng = stages("native"), np.random.default_rng(5)
    for shape in ((1, 1), (1, 7), (9, 1), (3, 700), (10, 2000), (224, 224), (300, 224), (37, 53), (361, 640)):
        noise = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        for image in (noise, np.full_like(noise, 249), noise // 64 * 64):
            for side, lite in ((224, False), (97, True)):
                expected = heatmaps.network_input(image, side, lite)
                assert np.array_equal(native.network_input(image, side, lite), expected), shape
    for side, count in ((28, 16), (96, 16), (5, 3), (1, 1)):
        maps = np.round(rng.standard_normal((side, side, count)).astype(np.float32) * 4) / 4
        for smoothed in (True, False):
            found, expected = native.find_peaks(maps, smoothed), heatmaps.find_peaks(maps, smoothed)
            assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True)), side


def test_skeleton() -> None:
    order = [12, 11, 10, 13, 14, 15, 9, 5, 1, 0, 4, 3, 2, 6, 7, 8]  # where MPII's joints are
    assert tuple(EFFICIENTPOSE.names[i] for i in order) == MPII_16
    assert len(EFFICIENTPOSE.connections) == 15
    assert len(EFFICIENTPOSE.colors) == 16


# Recorded results ------------------------------------------------------------------------------------------------


@needs_files
@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("model", TRAINED)
def test_network_input_is_the_recorded_one(model: str, image: str) -> None:
    truth, variant = recorded(model, image), VARIANTS[network_name(model)]
    assert np.array_equal(heatmaps.letterbox(truth["rgb"], variant.side), truth["input_u8"])
    for engine in ("numpy", "native") if NATIVE else ("numpy",):
        x = stages(engine).network_input(truth["rgb"], variant.side, variant.lite)
        assert np.array_equal(x, truth["input_f32"])


@needs_files
@pytest.mark.parametrize("model", TRAINED)
def test_key_points_are_the_recorded_ones(model: str, tmp_path: Path) -> None:
    pytest.importorskip("tflite")
    name, tolerance = network_name(model), EFFICIENTPOSE_PEAK[model]
    path = write_weights(tmp_path, name, dict(converted(model_file(model)).stored))
    for mode, key, peak in (("image", "keypoints", "peak_smoothed"), ("camera", "keypoints_camera", "peak_raw")):
        pose = Pose(name, mode=mode, crop=None, weights=path)  # type: ignore[arg-type, call-arg]
        for image in IMAGES:
            truth = recorded(model, image)
            (person,) = pose.process(truth["rgb"])
            missing = (truth[key] < 0).all(axis=1) if mode == "camera" else np.zeros(16, np.bool_)
            assert np.isnan(person.landmarks[missing]).all()
            sure = ~missing & (truth["peak_margin"] > 2 * tolerance)
            # float64 there, float32 here
            assert np.array_equal(person.landmarks[sure, :2], truth[key][sure].astype(np.float32)), image
            values = np.clip(truth[peak], 0, 1)[~missing]
            assert np.abs(person.visibility[~missing] - values).max(initial=0) <= EFFICIENTPOSE_PEAK_VALUE[model]


# Pose ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights that were never trained."""
    folder = tmp_path_factory.mktemp("weights")
    write_weights(folder, RT, random_weights(record(RT)))
    return folder


def test_pose_of_the_family(made_up: Path, astronaut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFPOSE_WEIGHTS", str(made_up))
    picture = read_image(astronaut)
    with Pose(RT) as pose:
        assert isinstance(pose, EfficientPose)
        (person,) = pose.process(picture, timestamp=Fraction(1, 3))
        assert person.topology is EFFICIENTPOSE
        assert person.landmarks.shape == (16, 3)
        assert np.isfinite(person.landmarks[:, :2]).all()
        assert np.isnan(person.landmarks[:, 2]).all()
        assert person.world_landmarks is person.presence is person.raw_landmarks is None
        assert person.detection is not None
        assert person.roi.rotation == 0
        assert not person.landmarks.flags.writeable
        again = pickle.loads(pickle.dumps(pose)).process(picture)[0]
        assert np.array_equal(again.landmarks, person.landmarks, equal_nan=True)
        given = pose.process(picture, roi=person.roi)[0]
        assert given.detection is None
        assert np.array_equal(given.landmarks, person.landmarks, equal_nan=True)
        assert pose.process(np.zeros((64, 64, 3), np.uint8)) == []  # nobody for the detector
        assert pose.detect(picture)[0].score == person.detection.score


def test_whole_pictures_and_tiny_ones(made_up: Path) -> None:
    pose = Pose(RT, crop=None, weights=made_up)  # type: ignore[call-arg]
    for shape in ((1, 1), (1, 300), (7, 2)):
        (person,) = pose.process(np.full((*shape, 3), 200, np.uint8))
        assert person.roi == Roi(0.5, 0.5, 1, 1)
        assert person.image_size == shape[::-1]


def test_a_crop_beyond_the_picture_is_black() -> None:
    image = np.full((20, 40, 3), 7, np.uint8)
    square, origin = heatmaps.square_crop(image, Roi(0.0, 0.0, 0.5, 1.0))
    assert (square.shape, origin) == ((20, 20, 3), (-10, -10))
    assert (square[:10] == 0).all()
    assert (square[10:, 10:] == 7).all()
    assert heatmaps.square_crop(image, Roi(9.0, 9.0, 100.0, 200.0))[0].shape == (160, 160, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"crop": "mine"}, "no crop 'mine': expected 'blazepose' or None"),
        ({"mode": "live"}, "no mode 'live': expected one of video, image, camera"),
        ({"segmentation": True}, "segmentation: efficientpose-rt finds no mask"),
        ({"engine": "fast"}, "no engine 'fast'"),
    ],
)
def test_wrong_arguments(arguments: dict[str, object], message: str, made_up: Path) -> None:
    with pytest.raises(ValueError, match=message):
        Pose(RT, weights=made_up, **arguments)  # type: ignore[arg-type, call-arg]
    with pytest.raises(TypeError):
        Pose(RT, smooth=False)  # there is nothing to smooth


def test_turned_regions_are_refused(made_up: Path) -> None:
    pose = Pose(RT, weights=made_up)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="takes upright regions"):
        pose.process(np.zeros((64, 64, 3), np.uint8), roi=Roi(0.5, 0.5, 1, 1, 0.1))


def test_missing_weights_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("REFPOSE_WEIGHTS", raising=False)
    with pytest.raises(FileNotFoundError, match="refpose convert FILE -o DIR"):
        Pose("efficientpose-ii")
    with pytest.raises(FileNotFoundError, match="no weights file"):
        Pose("efficientpose-ii", weights=tmp_path)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"no model 'efficientpose-v': expected one of lite, .*efficientpose-iv"):
        Pose("efficientpose-v")  # type: ignore[arg-type]


def test_command_line(made_up: Path, astronaut: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REFPOSE_WEIGHTS", str(made_up))
    for crop, region in (("blazepose", None), ("none", {"x": 0.5, "y": 0.5, "width": 1.0, "height": 1.0})):
        out = tmp_path / crop
        call = ["image", str(astronaut), "-o", str(out), "--model", RT, "--csv", "--crop", crop]
        assert main(call) == 0
        document = json.loads((out / "astronaut.json").read_text())
        (person,) = document["people"]
        assert [point["name"] for point in person["keypoints"]] == list(EFFICIENTPOSE.names)
        assert person["keypoints"][0]["z"] is None
        assert region is None or person["roi"].items() >= region.items()
        table = (out / "astronaut.csv").read_text().splitlines()
        assert len(table) == 17
        assert table[1].split(",")[4] == "head_top"
    assert main(["image", str(astronaut), "-o", str(tmp_path / "mask"), "--model", RT, "--mask"]) == 1


def test_explained_dumped_compared(
    made_up: Path, astronaut: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REFPOSE_WEIGHTS", str(made_up))
    picture = read_image(astronaut)
    pose = Pose(RT, "image")
    (person,) = pose.process(picture)
    found = pose.explain(picture, activations=True)
    assert set(found) - {name for name in found if name.startswith("activations/")} == set(QUANTITIES)
    assert np.array_equal(found["result/landmarks_n"], person.landmarks, equal_nan=True)
    tape = record(RT)
    last = next(step.name for step in tape.steps if step.out == tape.outputs["heatmap"])
    assert np.array_equal(found[f"activations/{RT}/{last}/output"], found["network/heatmap"])
    for name, array in found.items():
        if name in QUANTITIES:
            assert (array.dtype, array.ndim) == (QUANTITIES[name].dtype, len(QUANTITIES[name].shape)), name
    dumped = tmp_path / "x.h5"
    assert main(["dump", str(astronaut), "-o", str(dumped), "--model", RT]) == 0
    assert Explanation.load(dumped)["peaks/value"].tobytes() == found["peaks/value"].tobytes()
    assert main(["compare", str(dumped), str(astronaut), "--model", RT]) == 0
    assert "no stage differs" in capsys.readouterr().out
    assert pose.explain(np.zeros((64, 64, 3), np.uint8)).stopped.startswith("no candidate")


def test_mistakes_are_named(made_up: Path, astronaut: Path) -> None:
    """Mistakes written out here, in the input, the peaks and the result."""
    picture = read_image(astronaut)
    pose = Pose(RT, "image", weights=made_up)
    right = pose.explain(picture)
    x, place = right["crop/input"], right["peaks/place_roi"]
    for theirs, cause in (
        ({"crop/input": x * np.float32([0.229, 0.224, 0.225]) + np.float32([0.485, 0.456, 0.406])}, "values 0..1"),
        ({"crop/input": pose.explain(picture[:, :, ::-1].copy(), roi=person_roi(right))["crop/input"]}, "blue, green"),
        ({"peaks/place_roi": place[:, ::-1]}, "x and y exchanged"),
        ({"peaks/place_roi": place - 0.5 / 224}, "half a pixel missing"),
    ):
        first = judge(theirs, picture, pose).first
        assert first is not None
        assert cause in "; ".join(first.causes)


def person_roi(found: Explanation) -> Roi:
    return Roi(*map(float, found["roi/upright_n"]))


def test_report(made_up: Path, astronaut: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REFPOSE_WEIGHTS", str(made_up))
    path = tmp_path / "page.html"
    assert main(["report", str(astronaut), "-o", str(path), "--model", RT, "--title", "<one>"]) == 0
    page = path.read_text("utf-8")
    assert "<h1>&lt;one&gt;</h1>" in page
    assert page.count("data:image/png") == 16
    assert all(name.replace("_", " ") in page for name in EFFICIENTPOSE.names)
    assert "http" not in page
    write_png(tmp_path / "black.png", np.zeros((64, 64, 3), np.uint8))
    assert main(["report", str(tmp_path / "black.png"), "-o", str(path), "--model", RT, "--force"]) == 0
    assert "Nobody was found: no candidate" in path.read_text("utf-8")
