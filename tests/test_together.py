"""`refpose image`: one table of many pictures, angles, regions and confidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import refpose
from refpose import cli, motion, tables
from refpose.images import read_image
from refpose.pose import Person, Pose
from refpose.tools import options

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "astronaut.png"


@pytest.fixture(scope="module")
def somebody() -> Person:
    return refpose.Pose("lite", mode="image").process(read_image(EXAMPLE))[0]


class Found(Pose):
    """Finds the same person on every picture but dark ones."""

    def __init__(self, person: Person) -> None:
        self.person, self.segmentation = person, False
        self.topology = person.topology
        self.seen: list[Any] = []

    def process(self, image: Any, timestamp: Any = None, roi: Any = None) -> list[Person]:
        self.seen.append(image.copy())
        return [self.person] if image.mean() > 20 else []


@pytest.fixture
def found(somebody: Person, monkeypatch: pytest.MonkeyPatch) -> Found:
    pose = Found(somebody)
    monkeypatch.setattr(options, "make_pose", lambda settings, threads: pose)
    return pose


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name, grey in (("c", 90), ("a", 120), ("b", 0)):
        Image.new("RGB", (512, 512), (grey, grey, grey)).save(tmp_path / "in" / f"{name}.png")
    return tmp_path / "in"


def run(folder: Path, *args: str | Path) -> int:
    return cli.main(["image", str(folder), "-o", str(folder.parent / "out"), *map(str, args), "--model=lite"])


@pytest.mark.parametrize("wide", [[], ["--wide"]])
@pytest.mark.parametrize("kind", [".csv", ".parquet", ".h5"])
def test_one_table_of_all_pictures(folder: Path, found: Found, somebody: Person, kind: str, wide: list[str]) -> None:
    path = folder.parent / f"all{kind}"
    assert run(folder, f"--{kind[1:]}", path, "--angles", *wide) == 0
    table = tables.read(path)
    names = [Path(table.sources[k]).name for k in table.source_of]
    assert names == (["a.png", "b.png", "c.png"] if kind == ".h5" else ["a.png", "c.png"])
    assert np.isnan(table.time).all()
    both = table.take(table.found[:, 0])
    assert both.frame.tolist() == [0, 2]
    assert np.array_equal(both.values[:, 0], [tables.values(somebody)] * 2, equal_nan=True)
    assert np.allclose(both.angles[0, 0], motion.angles.in_world(somebody.world_landmarks), atol=1e-4)
    assert not (folder.parent / "out" / f"a{kind}").exists()
    coco = folder.parent / "all.coco.json"
    assert cli.main(["export", str(path), "--to", "coco", "-o", str(coco)]) == 0
    assert [result["image_id"] for result in json.loads(coco.read_text())] == [0, 2]


def test_a_table_in_the_folder_that_will_be_made(
    folder: Path, found: Found, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder.parent / "out"
    assert run(folder, "--csv", folder.parent / "absent" / "all.csv") == 1
    assert "absent: no such folder" in capsys.readouterr().err
    assert not out.exists()
    assert run(folder, "--csv", out / "all.csv") == 0
    assert (out / "all.csv").read_text().count("c.png") == 33


def test_a_picture_that_another_run_is_at(folder: Path, found: Found, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder.parent / "out"
    assert run(folder) == 0
    record = json.loads((out / "a.json").read_text())
    del record["people"]
    (out / "a.json").write_text(json.dumps(record | {"complete": False}))
    (folder / "a.png").write_bytes(b"no picture")  # is not done again
    assert run(folder, "--csv", out / "all.csv", "--resume") == 1
    assert "a.json: not complete, another run writes it or was killed" in capsys.readouterr().err
    assert not (out / "all.csv").exists()


def test_tables_of_each(folder: Path, found: Found, somebody: Person) -> None:
    assert run(folder, "--parquet", "--h5", "--csv") == 0
    for kind in (".parquet", ".h5", ".csv"):
        assert np.array_equal(
            tables.read(folder.parent / "out" / f"a{kind}").values[0, 0], tables.values(somebody), equal_nan=True
        )


def test_resumed_pictures_are_in_the_table(folder: Path, found: Found) -> None:
    out = str(folder.parent / "out")
    assert cli.main(["image", str(folder / "a.png"), "-o", out, "--model=lite"]) == 0
    path = folder.parent / "all.csv"
    assert run(folder, "--csv", path, "--resume") == 0
    assert len(found.seen) == 3
    assert len(tables.read(path)) == 2
    assert run(folder, "--csv", path) == 1  # results are there
    assert run(folder, "--csv", path, "--force") == 0


def test_somebody_elses_table_stays(folder: Path, found: Found, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder.parent / "all.csv"
    path.write_text("mine")
    assert run(folder, "--csv", path, "--resume") == 1
    assert "all.csv: is not what refpose wrote there" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert found.seen == []  # it is said before anything is done
    path.unlink()
    assert run(folder, "--csv", path) == 0
    written = path.read_bytes()
    assert run(folder, "--csv", path, "--resume") == 0
    assert path.read_bytes() == written
    path.write_bytes(written + b"and my own\n")
    assert run(folder, "--csv", path, "--resume") == 1
    assert path.read_bytes() == written + b"and my own\n"
    (folder.parent / "b.meta.json").write_text("{}")
    assert run(folder, "--csv", folder.parent / "b.csv", "--resume") == 1
    assert (folder.parent / "b.meta.json").read_text() == "{}"


def test_angles_in_the_record(folder: Path, found: Found, somebody: Person) -> None:
    assert run(folder, "--angles", "--angles-from", "image", "--facing", "right") == 0
    record = json.loads((folder.parent / "out" / "a.json").read_text())
    angles = record["people"][0]["angles"]
    expected = motion.angles.in_image(somebody.landmarks_px[:, :2], facing="right")
    assert list(angles) == list(motion.angles.ANGLES)
    assert np.allclose(list(angles.values()), expected)
    assert record["settings"]["angles_from"] == "image"


def test_region_and_confidence(folder: Path, found: Found, somebody: Person) -> None:
    assert run(folder, "--roi", "100,0,200,512", "--min-visibility", "0.6", "--draw-angles") == 0
    first = found.seen[0]
    assert not first[:, :100].any()
    assert first[:, 100:300].all()
    record = json.loads((folder.parent / "out" / "a.json").read_text())
    for point, visibility in zip(record["people"][0]["keypoints"], somebody.visibility, strict=True):
        assert (point["x_px"] is None) == (visibility < np.float32(0.6))
        assert point["visibility"] == visibility


def test_a_table_is_not_named_like_a_picture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(folder, "--csv", "all.parquet")
    assert "expected a name that ends in .csv (if this is a picture" in capsys.readouterr().err


def test_files_for_other_programs_of_each_picture(
    folder: Path, found: Found, somebody: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "--format", "coco", "trc", "openpose-one") == 0
    out = folder.parent / "out"
    points = np.array(json.loads((out / "a.coco.json").read_text())[0]["keypoints"]).reshape(17, 3)
    assert np.allclose(points[0, :2], somebody.landmarks_px[0, :2], atol=1e-4)
    assert json.loads((out / "b.coco.json").read_text()) == []
    (line,) = (out / "c.trc").read_text().splitlines()[6:]
    cells = [float(cell) for cell in line.split()]
    assert cells[:2] == [1, 0]
    assert np.allclose(np.reshape(cells[2:], (33, 3)), somebody.world_landmarks * [1, -1, -1], atol=1e-6)
    told = json.loads((out / "a.json").read_text())
    assert {"a.coco.json", "a.trc", "a.openpose.json"} <= {*told["results"]}
    with pytest.raises(SystemExit):
        run(folder, "--format", "plot")
    assert "'plot': expected one of trc, mot" in capsys.readouterr().err
