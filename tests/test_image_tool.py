"""`refpose image`, from the command line to the files."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import refpose
from refpose import cli, tables
from refpose.engine import resolve
from refpose.images import read_image
from refpose.networks import weights
from refpose.topology import LANDMARK_NAMES

# The quick network: what is tested here does not depend on it.
QUICK = ["--model", "lite"]


def image(*args: str | Path) -> int:
    return cli.main(["image", *map(str, args), *QUICK])


@pytest.fixture
def coffee(tmp_path: Path) -> Path:
    """A picture without a person."""
    Image.new("RGB", (80, 60), (120, 90, 60)).save(tmp_path / "coffee.png")
    return tmp_path / "coffee.png"


@pytest.fixture(scope="module")
def person(astronaut: Path) -> refpose.Person:
    (person,) = refpose.Pose("lite", mode="image", segmentation=True).process(read_image(astronaut))
    return person


@pytest.fixture(scope="module")
def out(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the tool writes for the astronaut."""
    folder = tmp_path_factory.mktemp("out")
    assert image(astronaut, "-o", folder, "--csv", "--mask") == 0
    return folder


def test_files_and_nothing_else(out: Path) -> None:
    assert sorted(os.listdir(out)) == ["astronaut.csv", "astronaut.json", "astronaut.mask.png", "astronaut.png"]


def test_json_has_every_number(out: Path, person: refpose.Person, astronaut: Path) -> None:
    record = json.loads((out / "astronaut.json").read_text("utf-8"))
    assert record["refpose"] == refpose.__version__
    assert record["source"] == str(astronaut)
    assert (record["width"], record["height"]) == (512, 512)
    assert record["settings"]["model"] == "lite"
    assert record["settings"]["engine"] == resolve("auto")
    assert record["weights_sha256"] == {
        name: weights.load(name).attributes["content_sha256"] for name in ("detector", "lite")
    }
    (found,) = record["people"]
    assert found["score"] == person.score
    assert [found["roi"][name] for name in ("x", "y", "width", "height", "rotation")] == [
        *(person.roi.x, person.roi.y, person.roi.width, person.roi.height, person.roi.rotation)
    ]
    np.testing.assert_array_equal(found["roi"]["corners_px"], person.roi.corners_px(512, 512))
    assert person.detection is not None
    np.testing.assert_array_equal(found["detection"]["box"], person.detection.box_n)
    assert [keypoint["name"] for keypoint in found["keypoints"]] == list(LANDMARK_NAMES)
    table = np.array([list(keypoint.values())[1:] for keypoint in found["keypoints"]])
    np.testing.assert_array_equal(table[:, :2], person.landmarks_px[:, :2])
    np.testing.assert_array_equal(table[:, 2], person.landmarks[:, 2])
    np.testing.assert_array_equal(table[:, 3:6], person.world_landmarks)
    np.testing.assert_array_equal(table[:, 6], person.visibility)
    np.testing.assert_array_equal(table[:, 7], person.presence)


def test_csv_says_the_same_as_the_json(out: Path) -> None:
    with open(out / "astronaut.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    (found,) = json.loads((out / "astronaut.json").read_text("utf-8"))["people"]
    assert list(rows[0]) == [
        *("source", "frame", "time_s", "person", "keypoint", "x_px", "y_px", "z"),
        *("xw_m", "yw_m", "zw_m", "visibility", "presence"),
    ]
    for row, keypoint in zip(rows, found["keypoints"], strict=True):
        assert row["keypoint"] == keypoint["name"]
        for column in list(row)[5:]:
            assert np.float32(row[column]) == np.float32(keypoint[column])


def test_mask_is_that_of_the_person(out: Path, person: refpose.Person) -> None:
    with Image.open(out / "astronaut.mask.png") as mask:
        assert mask.mode == "L"
        np.testing.assert_array_equal(np.asarray(mask), np.rint(person.segmentation_mask * 255))


def test_skeleton_is_drawn_in_the_colours_of_mediapipe(out: Path, person: refpose.Person, astronaut: Path) -> None:
    drawn, picture = read_image(out / "astronaut.png"), read_image(astronaut)
    assert drawn.shape == picture.shape
    x, y = person.landmarks_px[:, :2].astype(int).T
    for landmark, colour in (
        (refpose.PoseLandmark.LEFT_SHOULDER, (255, 138, 0)),
        (refpose.PoseLandmark.RIGHT_SHOULDER, (0, 217, 231)),
    ):
        around = drawn[y[landmark] - 3 : y[landmark] + 4, x[landmark] - 3 : x[landmark] + 4]
        assert (around == colour).all(axis=2).any()


def test_what_is_drawn_can_be_chosen(astronaut: Path, tmp_path: Path) -> None:
    assert image(astronaut, "-o", tmp_path / "a", "--no-draw-skeleton", "--no-draw-roi", "--no-draw-box") == 0
    np.testing.assert_array_equal(read_image(tmp_path / "a" / "astronaut.png"), read_image(astronaut))
    seen = set()
    for names in (["skeleton", "roi"], ["skeleton", "box"], ["roi", "box"], []):
        folder = tmp_path / ("b" + "".join(names))
        assert image(astronaut, "-o", folder, *(f"--no-draw-{name}" for name in names)) == 0
        seen.add(read_image(folder / "astronaut.png").tobytes())
    assert len(seen) == 4


def test_nobody_on_the_picture(coffee: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert image(coffee, "-o", tmp_path / "out", "--csv", "--mask") == 0
    captured = capsys.readouterr()
    assert captured.out == f"{coffee}: no person -> {tmp_path / 'out' / 'coffee.png'}\n"
    assert captured.err == ""
    assert json.loads((tmp_path / "out" / "coffee.json").read_bytes())["people"] == []
    assert (tmp_path / "out" / "coffee.csv").read_text("utf-8").count("\n") == 1
    assert not read_image(tmp_path / "out" / "coffee.mask.png").any()
    np.testing.assert_array_equal(read_image(tmp_path / "out" / "coffee.png"), read_image(coffee))


def test_orientation_is_obeyed(astronaut: Path, tmp_path: Path, out: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(read_image(astronaut), 1)).save(tmp_path / "astronaut.png", exif=exif)
    assert image(tmp_path / "astronaut.png", "-o", tmp_path / "out") == 0
    turned = json.loads((tmp_path / "out" / "astronaut.json").read_bytes())
    assert turned["people"] == json.loads((out / "astronaut.json").read_bytes())["people"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_bad_file_among_many(
    coffee: Path, astronaut: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: int
) -> None:
    (tmp_path / "letter.jpg").write_text("Dear Madam")
    (tmp_path / "half.png").write_bytes(astronaut.read_bytes()[:100000])
    inputs = [tmp_path / "letter.jpg", coffee, tmp_path / "half.png", astronaut]
    assert image(*inputs, "-o", tmp_path / "out", "--jobs", str(jobs)) == 1
    captured = capsys.readouterr()
    assert sorted(line.split(":")[0] for line in captured.out.splitlines()) == sorted([str(coffee), str(astronaut)])
    errors = captured.err.splitlines()
    assert any(line.startswith(f"{tmp_path / 'letter.jpg'}: not a picture") for line in errors)
    assert any(line.startswith(f"{tmp_path / 'half.png'}: cannot be read as a picture") for line in errors)
    assert errors[-1] == "2 pictures done, 0 skipped, 2 failed"
    names = ["astronaut.json", "astronaut.png", "coffee.json", "coffee.png"]
    assert sorted(os.listdir(tmp_path / "out")) == names


def test_result_by_name(coffee: Path, tmp_path: Path) -> None:
    assert image(coffee, "-o", tmp_path / "new" / "found.png") == 0
    assert sorted(os.listdir(tmp_path / "new")) == ["found.json", "found.png"]


def test_existing_results(coffee: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "coffee.png").write_text("mine")
    assert image(coffee, "-o", tmp_path / "out") == 1
    assert "coffee.png: already there; --force overwrites" in capsys.readouterr().err
    assert (tmp_path / "out" / "coffee.png").read_text() == "mine"
    assert image(coffee, "-o", tmp_path / "out", "--force") == 0
    assert read_image(tmp_path / "out" / "coffee.png").any()


def test_resume_does_what_is_left(coffee: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(coffee.read_bytes())
    inputs = [coffee, tmp_path / "a.png", tmp_path / "b.png"]
    assert image(*inputs[:2], "-o", tmp_path / "out") == 0
    (tmp_path / "out" / "a.png").unlink()
    written = (tmp_path / "out" / "coffee.json").stat().st_mtime_ns
    capsys.readouterr()
    assert image(*inputs, "-o", tmp_path / "out", "--resume") == 0
    assert capsys.readouterr().err == "2 pictures done, 1 skipped, 0 failed\n"
    assert (tmp_path / "out" / "coffee.json").stat().st_mtime_ns == written
    assert image(*inputs, "-o", tmp_path / "out", "--resume", "--mask") == 0
    assert capsys.readouterr().err == "3 pictures done, 0 skipped, 0 failed\n"


def test_shards_share_the_work(coffee: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png", "c.png", "c.gif"):
        with Image.open(coffee) as picture:
            picture.save(tmp_path / "in" / name)
    for i in (1, 2, 3):
        assert image(tmp_path / "in", "-o", tmp_path / "out", "--shard", f"{i}/3") == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("*.json")) == [
        *("a.json", "b.json", "c.gif.json", "c.png.json")
    ]


def test_folder_that_cannot_be_written(coffee: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert image(coffee, "-o", coffee / "out") == 1
    assert "results cannot be written to this folder: Not a directory" in capsys.readouterr().err


@pytest.mark.parametrize("args", [["--model", "huge"], ["--min-detection-confidence", "1.5"], ["--threads", "0"]])
def test_wrong_options(coffee: Path, args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        image(coffee, "-o", "out", *args)
    assert left.value.code == 2
    assert args[0] in capsys.readouterr().err


def test_engine_that_cannot_run(
    coffee: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def resolve(engine: str) -> str:
        raise RuntimeError("not built")

    monkeypatch.setattr("refpose.tools.options.resolve", resolve)
    assert image(coffee, "-o", tmp_path / "out") == 1
    assert capsys.readouterr().err == "refpose image: --engine auto: not built\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name != "posix", reason="sends a signal as a terminal does")
def test_interrupt_leaves_no_half_file(astronaut: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for k in range(300):
        (tmp_path / "in" / f"{k}.png").write_bytes(astronaut.read_bytes())
    command = [sys.executable, "-m", "refpose", "image", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *QUICK]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while not list((tmp_path / "out").glob("*.json")) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, messages = process.communicate()
    assert process.returncode == 130
    assert messages == "refpose: interrupted\n"
    for path in (tmp_path / "out").iterdir():
        assert not path.name.startswith(".")
        assert read_image(path).any() if path.suffix == ".png" else json.loads(path.read_bytes())


def test_one_table_of_all_pictures_has_them_all_where_asked_for(astronaut: Path, coffee: Path, tmp_path: Path) -> None:
    named = [f"--{kind[1:]}={tmp_path / f'all{kind}'}" for kind in tables.KINDS]
    where = ["-o", tmp_path / "out", "--model", "lite", "--every-frame", "--angles"]
    assert image(astronaut, coffee, *where, *named) == 0
    for kind in tables.KINDS:
        found = tables.read(tmp_path / f"all{kind}")
        assert found.sources == (str(astronaut), str(coffee))
        assert found.found.tolist() == [[True], [False]]
        assert len(found.angle_names) == 28
    alone = tables.read(tmp_path / "out" / "astronaut.json")
    assert np.array_equal(alone.values[0], found.values[0])
    assert np.array_equal(alone.angles[0].astype(np.float32), found.angles[0], equal_nan=True)


def test_tables_of_one_person(astronaut: Path, tmp_path: Path) -> None:
    options = ["--model", "lite", "--csv", "--h5", "--every-frame"]
    for number, there in ((0, True), (1, False)):
        out = tmp_path / str(number)
        assert image(astronaut, "-o", out, *options, "--person", str(number)) == 0
        for kind in (".csv", ".h5"):
            found = tables.read(out / f"astronaut{kind}")
            assert found.found.tolist() == [[there]]
        assert found.image_size == (512, 512)


def test_a_table_in_the_place_of_a_picture(astronaut: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        image(astronaut, "-o", tmp_path, "--json", tmp_path / "astronaut.json")
    assert "is the name of one picture's results" in capsys.readouterr().err
