"""`refpose evaluate`: the recorded figures of MediaPipe, and the command from its arguments to its output."""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tolerances
from efficientpose_data import random_weights, write_weights
from PIL import Image

import refpose
from refpose import cli
from refpose.accuracy import pairs, predictions, scores, views
from refpose.accuracy.annotations import read_annotations
from refpose.accuracy.records import AnnotatedPerson, Annotations, FoundPerson
from refpose.images import read_image
from refpose.networks import record
from refpose.topology import COCO_17, LANDMARK_NAMES

# The quick engine and network: what is tested with them does not depend on them.
QUICK = ("--model", "lite", "--engine", "numpy")
MODELS = ("lite", "full", "heavy")


def evaluate(*args: str | Path) -> int:
    return cli.main(["evaluate", *map(str, args)])


def evaluated(capsys: pytest.CaptureFixture[str], *args: str | Path) -> dict[str, Any]:
    """What ``refpose evaluate --json`` prints."""
    assert evaluate(*args, "--json") == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.fixture(scope="module")
def truth(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The astronaut, annotated with what the lite model finds in her."""
    (person,) = refpose.Pose("lite", mode="image", engine="numpy").process(read_image(astronaut))
    found = zip(LANDMARK_NAMES, person.landmarks_px.tolist(), person.world_landmarks.tolist(), strict=True)
    keypoints, world = {}, {}
    for name, (x, y, _), metres in found:
        if name in COCO_17:
            keypoints[name] = [x, y, 2]
            world[name] = metres
    annotated = {"box_xywh": [100, 0, 300, 512], "keypoints": keypoints, "world": world}
    folder = tmp_path_factory.mktemp("truth")
    (folder / "truth.json").write_text(json.dumps({"images": {"astronaut": {"persons": [annotated]}}}))
    (folder / "astronaut.png").write_bytes(astronaut.read_bytes())
    return folder / "truth.json"


def recorded_predictions(annotations: Annotations, goldens: Path, mode: str, complexity: int) -> pairs.Predictions:
    """What MediaPipe found, from the recorded results."""
    sizes = {e["id"]: (e["width"], e["height"]) for e in json.loads((goldens / "images.json").read_text())["images"]}
    found: dict[str | int, list[FoundPerson]] = {picture.id: [] for picture in annotations.pictures}
    with h5py.File(goldens / ("pipeline.h5" if mode == "full" else "crops.h5")) as file:
        for image, own in found.items():
            places = [None] if mode == "full" else sorted(map(int, file.get(str(image), ())))
            for place in places:
                group = file[f"{image}/c{complexity}" if place is None else f"{image}/{place}/c{complexity}"]
                if not group.attrs["found"]:
                    continue
                x0, y0, x1, y1 = (0, 0, *sizes[image]) if place is None else group.attrs["box"]
                points = group["landmarks"][:, :2].astype(np.float64) * (x1 - x0, y1 - y0) + (x0, y0)
                own.append(FoundPerson(LANDMARK_NAMES, points, 1.0, 1.0, person=place))
    return found


@pytest.mark.parametrize("complexity", range(3))
@pytest.mark.parametrize("mode", pairs.MODES)
def test_recorded_landmarks_give_the_recorded_figures(goldens: Path, mode: str, complexity: int) -> None:
    annotations = read_annotations(goldens / "gt.json")
    recorded = json.loads((goldens / "pck.json").read_text())
    found = recorded_predictions(annotations, goldens, mode, complexity)
    figures = scores.score(annotations, found, mode, scores.Options())
    expected = recorded["summary"][f"{mode}/all/c{complexity}"]
    ours = figures["pck"]["torso"]["0.2"]
    assert (ours["persons"], ours["found"], ours["keypoints"]) == tuple(
        expected[key] for key in ("persons", "found", "keypoints")
    )
    assert round(ours["value"], 6) == expected["pck02"]
    assert round(ours["found_only"], 6) == expected["pck02_found_only"]
    assert round(ours["mean_over_persons"], 6) == expected["pck02_mean_over_persons"]
    assert round(figures["pck"]["torso_diagonal"]["0.2"]["value"], 6) == expected["pck02_diag"]

    rows = [r for r in recorded["rows"] if r["mode"] == mode and r["complexity"] == complexity]
    compared = pairs.pair(annotations, found, mode)
    assert [(p.picture, p.person) for p in compared] == [(r["image"], r["person"]) for r in rows]
    for own, row in zip(compared, rows, strict=True):
        assert own.size_px == pytest.approx(row["torso_px"], abs=tolerances.RECORDED_ERRORS_PX)
        errors = dict(zip(COCO_17, own.errors_px, strict=True))
        assert {n for n, e in errors.items() if math.isfinite(e)} == set(row["errors_px"])
        for name, error in row["errors_px"].items():
            assert errors[name] == pytest.approx(error, abs=tolerances.RECORDED_ERRORS_PX)


def test_crops_are_those_of_the_recorded_evaluation(goldens: Path) -> None:
    annotations = read_annotations(goldens / "gt.json")
    sizes = {e["id"]: (e["width"], e["height"]) for e in json.loads((goldens / "images.json").read_text())["images"]}
    with h5py.File(goldens / "crops.h5") as file:
        for picture in annotations.pictures:
            for place in file.get(str(picture.id), ()):
                box = views.crop_box(picture.persons[int(place)], *sizes[picture.id])
                assert box == tuple(file[f"{picture.id}/{place}/c0"].attrs["box"])


def test_models_have_the_recorded_accuracy(goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = evaluated(capsys, goldens / "gt.json", "--model", *MODELS)
    recorded = json.loads((goldens / "pck.json").read_text())["summary"]
    assert [(r["mode"], r["name"]) for r in document["runs"]] == [(m, n) for m in pairs.MODES for n in MODELS]
    for run in document["runs"]:
        expected = recorded[f"{run['mode']}/all/c{MODELS.index(run['name'])}"]
        ours = run["pck"]["torso"]["0.2"]
        assert ours["keypoints"] == expected["keypoints"]
        if run["settings"]["engine"] == "numpy":  # its landmarks differ in the last digits
            assert abs(ours["correct"] - round(expected["pck02"] * expected["keypoints"])) <= 1
        else:
            assert round(ours["value"], 6) == expected["pck02"]


def test_a_model_is_right_about_what_it_found(truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = evaluated(capsys, truth, *QUICK, "--mode", "full", "--threshold", "0.001", "0.5")
    assert document["annotations"] == {
        "file": str(truth), "kind": "generic", "pictures": 1, "persons": 1, "without_joints": 0,
    }  # fmt: skip
    (run,) = document["runs"]
    assert {t: p["value"] for t, p in run["pck"]["torso"].items()} == {"0.001": 1.0, "0.5": 1.0}
    assert set(run["pck"]) == {"torso", "torso_diagonal"}
    assert list(run["joints"]) == list(COCO_17)
    assert run["oks"]["AP"] == pytest.approx(1.0)
    assert run["oks"]["area"] == "0.53 of the box where none is annotated"
    assert run["world"]["mpjpe"] == pytest.approx(0, abs=1e-7)
    assert run["curve"] == [1.0] * len(document["curve_thresholds"])
    assert document["comparisons"] == []


def test_joints_the_skeleton_lacks_do_not_count(
    truth: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    content = json.loads(truth.read_text())
    content["images"]["astronaut"]["persons"][0]["keypoints"] |= {"head_top": [250, 0, 2], "upper_neck": [250, 120, 2]}
    (tmp_path / "truth.json").write_text(json.dumps(content))
    args = (tmp_path / "truth.json", "--images", truth.parent, *QUICK, "--joints", "mpii")
    for run in evaluated(capsys, *args)["runs"]:
        assert run["unknown_joints"] == ["upper_neck", "head_top"]
        assert run["pck"]["torso"]["0.2"]["keypoints"] == 12
        assert run["pck"]["head"]["0.5"]["keypoints"] == 12
    assert evaluate(*args) == 0
    assert "lite has no upper_neck, head_top: not counted" in capsys.readouterr().out


def test_results_are_saved_and_measured_alike(truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    live = evaluated(capsys, truth, *QUICK, "--save-results", tmp_path / "out")
    files = [tmp_path / "out" / f"lite.{mode}.json" for mode in pairs.MODES]
    again = evaluated(capsys, truth, "--results", *files)
    assert [r["name"] for r in again["runs"]] == ["lite.full", "lite.crop"]
    for a, b in zip(live["runs"], again["runs"], strict=True):
        assert {k: v for k, v in a.items() if k not in ("name", "settings")} == {
            k: v for k, v in b.items() if k != "name"
        }


def test_what_refpose_image_wrote_is_measured(truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (64, 64)).save(truth.parent / "nobody.png")  # a picture without annotations
    assert cli.main(["image", str(truth.parent), "-o", str(tmp_path), *QUICK]) == 0
    capsys.readouterr()
    (run,) = evaluated(capsys, truth, "--results", tmp_path)["runs"]
    assert run["pck"]["torso"]["0.2"]["value"] == 1.0
    assert run["world"]["mpjpe"] == pytest.approx(0, abs=1e-7)


def test_two_models_are_compared(truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = (truth, "--model", "lite", "full", "--engine", "numpy", "--mode", "full")
    (comparison,) = evaluated(capsys, *args)["comparisons"]
    assert (comparison["first"], comparison["second"], comparison["persons"]) == ("lite", "full", 1)
    assert sum(comparison[key] for key in ("both", "first_only", "second_only", "neither")) == 17
    assert comparison["distance"]["max"] > comparison["distance"]["median"] > 0
    assert comparison["world"] > 0
    assert evaluate(*args) == 0
    text = capsys.readouterr().out
    assert "PCK, torso @0.2" in text
    assert "right_shoulder" in text
    assert "lite against full (whole pictures, end to end), 1 persons compared by both" in text


def test_noise_is_the_same_every_time(truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = (truth, *QUICK, "--augment", "--repeats", "2")
    first = evaluated(capsys, *args)
    assert evaluated(capsys, *args) == first
    other = evaluated(capsys, *args, "--seed", "1")
    for run, again in zip(first["runs"], other["runs"], strict=True):
        own = run["robustness"]
        assert own["plain"] == run["pck"]["torso"]["0.2"]["value"]
        for key in ("alignment", "occlusion"):
            assert own[key]["lowest"] <= own[key]["pck"] <= own[key]["highest"]
            assert own[key]["change"] == own[key]["pck"] - own["plain"]
        assert again["robustness"]["occlusion"] != own["occlusion"]
    assert evaluate(*args) == 0
    assert "Robustness, 2 repetitions, seed 0" in capsys.readouterr().out


def test_regions_are_disturbed_by_at_most_ten_percent() -> None:
    roi = refpose.Roi(0.5, 0.25, 0.5, 1.0, 0.3)
    moved = predictions.disturb(roi, np.array([1.0, -1.0, 1.0]))
    expected = refpose.Roi(0.55, 0.15, 0.55, 1.1, 0.3)
    assert moved == expected
    assert predictions.disturb(roi, np.zeros(3)) == roi


def test_rectangles_lie_on_the_person_and_nowhere_else(truth: Path) -> None:
    annotations = read_annotations(truth)
    files = {"astronaut": truth.parent / "astronaut.png"}
    for mode in pairs.MODES:
        (view,) = views.views(annotations, files, mode)
        image, hidden = predictions.occlude(view, np.random.default_rng(3))
        x, y, width, height = (int(v) for v in hidden[0])
        x, y = x - view.origin_px[0], y - view.origin_px[1]
        changed = (image != view.image).any(axis=2)
        assert changed[y : y + height, x : x + width].mean() > 0.9
        changed[y : y + height, x : x + width] = False
        assert not changed.any()
        assert view.image.flags.c_contiguous


def test_persons_without_a_torso_have_no_size() -> None:
    points = np.full((17, 2), np.nan)
    points[:5] = 1.0
    person = AnnotatedPerson(COCO_17, points, np.array([2] * 5 + [0] * 12))
    assert math.isnan(pairs.person_size(person, "torso"))
    assert math.isnan(pairs.person_size(person, "head"))
    assert not pairs.counts(person, "torso", COCO_17, 1)


def test_crop_boxes() -> None:
    points = np.full((17, 2), np.nan)
    points[0], points[1] = (10, 20), (30, 60)
    person = AnnotatedPerson(COCO_17, points, np.array([2, 1] + [0] * 15), box_px=(10, 20, 40, 80))
    assert views.crop_box(person, 100, 100) == (0, 6, 44, 74)  # 0.35 of 40 pixels all around, cut at the edge
    assert views.crop_box(person, 40, 70) == (0, 6, 40, 70)
    assert views.crop_box(person, 100, 200, "annotated") == (5, 10, 55, 110)
    nowhere = AnnotatedPerson(COCO_17, np.full((17, 2), np.nan), np.zeros(17, int))
    assert views.crop_box(nowhere, 100, 100) == (0, 0, 0, 0)
    assert views.crop_box(nowhere, 100, 100, "annotated") == (0, 0, 0, 0)


def test_somebody_not_found_has_all_joints_wrong(
    truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "nobody.json").write_text("[]")
    (run,) = evaluated(capsys, truth, "--results", tmp_path / "nobody.json")["runs"]
    ours = run["pck"]["torso"]["0.2"]
    assert (ours["value"], ours["keypoints"], ours["found"], ours["found_only"]) == (0.0, 17, 0, None)
    assert run["oks"]["AP"] == 0.0
    assert run["joints"]["nose"]["mean_error"] is None
    assert evaluate(truth, "--results", tmp_path / "nobody.json") == 0


def test_a_picture_without_a_person(truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (512, 512), (90, 90, 90)).save(tmp_path / "astronaut.png")
    for run in evaluated(capsys, truth, "--images", tmp_path, *QUICK, "--augment", "--repeats", "1")["runs"]:
        assert run["pck"]["torso"]["0.2"]["found"] == 0
        assert run["robustness"]["alignment"]["found"] == 0


def test_plot(truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    args = (truth, *QUICK, "--augment", "--repeats", "1", "--plot")
    assert evaluate(*args, tmp_path / "figures.png") == 0
    with Image.open(tmp_path / "figures.png") as picture:
        assert min(picture.size) > 500
    assert sorted(p.name for p in tmp_path.iterdir()) == ["figures.png"]
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        evaluate(*args, tmp_path / "figures.xyz")
    assert "figures.xyz: expected a name that ends in " in capsys.readouterr().err
    assert evaluate(*args, tmp_path / "nowhere" / "figures.png") == 1
    assert "nowhere: no such folder" in capsys.readouterr().err
    before = (tmp_path / "figures.png").read_bytes()
    assert evaluate(*args, tmp_path / "figures.png") == 1
    assert "figures.png: already there; --force overwrites" in capsys.readouterr().err
    assert (tmp_path / "figures.png").read_bytes() == before


def test_plot_into_a_device(truth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no ending, which Matplotlib would put a .png to."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert evaluate(truth, *QUICK, "--plot", os.devnull) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_plot_for_which_a_program_would_be_started(
    truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(SystemExit, match="2"):
        evaluate(truth, *QUICK, "--plot", tmp_path / "figures.pgf")
    assert "expected a name that ends in " in capsys.readouterr().err


def test_inputs_are_never_overwritten(truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "lite.full.json"
    mine.write_bytes(truth.read_bytes())
    images = ("--images", truth.parent, *QUICK, "--mode", "full", "--save-results", tmp_path)
    assert evaluate(mine, *images, "--force") == 1
    assert "lite.full.json: is an input, and would be overwritten" in capsys.readouterr().err
    mine.write_text("mine")
    assert evaluate(truth, *images) == 1
    assert "lite.full.json: already there; --force overwrites" in capsys.readouterr().err
    assert mine.read_text() == "mine"


def without_joints() -> dict[str, Any]:
    return {"images": {"a": {"names": ["nose"], "persons": [{"keypoints": {"nose": [0, 0, 0]}}, {"keypoints": {}}]}}}


def only_a_nose() -> dict[str, Any]:
    return {"images": {"a": {"persons": [{"keypoints": {"nose": [3, 4, 2]}}]}}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (without_joints(), "nothing to measure: 2 persons on 1 pictures, none with a labelled joint"),
        (only_a_nose(), "nothing to measure: of 1 persons with labelled joints none has a box"),
        ({"images": {}}, "nothing to measure: 0 persons on 0 pictures"),
    ],
)
def test_nothing_to_measure(
    content: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "truth.json").write_text(json.dumps(content))
    assert evaluate(tmp_path / "truth.json") == 1
    assert message in capsys.readouterr().err


def test_missing_pictures_are_named(truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(truth, "--images", tmp_path, *QUICK) == 1
    assert f"1 of 1 pictures are missing: astronaut; looked for in {tmp_path}" in capsys.readouterr().err


def test_results_without_all_pictures(truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(truth, "--results", tmp_path) == 1
    assert "no results for 1 pictures" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--results", "x.json", "--augment"), "--augment runs models"),
        (("--results", "x.json", "--save-results", "out"), "--save-results writes what models find"),
        (("--threshold", "0"), "expected a number greater than 0"),
        (("--threshold", "much"), "expected a number greater than 0"),
        (("--seed", "-1"), "expected a whole number, 0 or more"),
        (("--model", "medium"), "invalid choice"),
    ],
)
def test_wrong_usage(args: tuple[str, ...], message: str, truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        evaluate(truth, *args)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_squares_of_mpii_are_black_beyond_the_picture(tmp_path: Path) -> None:
    """The usual evaluation's crop, 1.25 * 200 * scale wide and 15 * scale below the centre, is never cut short."""
    joints = [[11.0 + i, 21.0 + i] for i in range(16)]
    person = {"image": "a.png", "joints": joints, "joints_vis": [1] * 16, "center": [11.0, 21.0], "scale": 0.2}
    far = {**person, "center": [1001.0, 21.0]}
    (tmp_path / "mpii.json").write_text(json.dumps([person, far]))
    Image.fromarray(np.full((40, 60, 3), 200, np.uint8)).save(tmp_path / "a.png")
    source = read_annotations(tmp_path / "mpii.json")
    files = {picture.id: tmp_path / "a.png" for picture in source.pictures}
    (view,) = views.views(source, files, "crop", "annotated")
    assert view.image.shape == (50, 50, 3)
    assert view.origin_px == (-15, -2)  # 10 - 25 and 20 + 15 * 0.2 - 25
    assert (view.image[2:42, 15:] == 200).all()
    assert view.image.sum(dtype=int) == 40 * 35 * 3 * 200


def test_results_of_a_model_without_world_landmarks(
    truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their JSON has null where the others have metres."""
    name = "efficientpose-rt"
    write_weights(tmp_path, name, random_weights(record(name)))
    monkeypatch.setenv("REFPOSE_WEIGHTS", str(tmp_path))
    assert cli.main(["image", str(truth.parent), "-o", str(tmp_path / "out"), "--model", name, "--crop", "none"]) == 0
    capsys.readouterr()
    (run,) = evaluated(capsys, truth, "--results", tmp_path / "out")["runs"]
    assert run["world"] is None
