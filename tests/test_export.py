"""`refpose export`: tables that exist, written for other programs."""

from __future__ import annotations

import csv
import json
import os
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from motion_data import recording

from refpose import motion, tables
from refpose.cli import main
from refpose.motion import Recording


class Row:
    """A person as tables take one, of the numbers of a recording."""

    def __init__(self, numbers: np.ndarray) -> None:
        self.landmarks_px = self.landmarks = numbers[:, :3]
        self.world_landmarks = numbers[:, 3:6]
        self.visibility, self.presence = numbers[:, 6], numbers[:, 7]
        self.id = None


def table(path: Path, given: Recording | None = None) -> Path:
    given = recording(people=2, gaps=True) if given is None else given
    with tables.create(path, "clip.mp4", dict(given.metadata), names=given.keypoints) as file:
        for k in range(len(given)):
            people = [Row(numbers) for numbers, there in zip(given.values[k], given.found[k], strict=True) if there]
            file.write(int(given.frame[k]), float(given.time[k]), people)
    return path


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
@pytest.mark.parametrize("ending", [".csv", ".parquet", ".h5", ".json"])
def test_a_table_that_is_a_pipe(tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It would wait for its other end."""
    os.mkfifo(tmp_path / f"t{ending}")
    assert main(["export", str(tmp_path / f"t{ending}"), "--to", "trc"]) == 1
    assert f"t{ending}: not a file" in capsys.readouterr().err


@pytest.mark.parametrize("kind", tables.KINDS)
def test_every_kind_of_table(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / f"clip{kind}", recording())
    assert main(["export", str(path), "--to", "trc", "mot", "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert said == f"{path}: 90 frames, 1 person -> {tmp_path}/out/clip.trc, {tmp_path}/out/clip.mot\n"
    expected = motion.write(recording(), tmp_path / "clip.trc")[0].read_text()
    assert (tmp_path / "out" / "clip.trc").read_text() == expected


def test_beside_the_table_and_by_name(tmp_path: Path) -> None:
    path = table(tmp_path / "clip.csv")
    assert main(["export", str(path), "--to", "coco", "openpose-one"]) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"clip.csv", "clip.coco.json", "clip.openpose.json"}
    frames = tmp_path / "frames.openpose"
    command = ["export", str(path), "--to", "openpose", "-o", str(frames), "--force"]
    for _ in range(2):
        assert main(command) == 0
        assert len(list(frames.glob("frames_*_keypoints.json"))) == 90
    (frames / "notes.txt").write_text("mine")  # --force is for what is called as what is written
    assert main(command) == 1
    assert (frames / "notes.txt").read_text() == "mine"
    assert len(list(frames.iterdir())) == 91


def test_a_file_for_each_person_or_one(tmp_path: Path) -> None:
    path = table(tmp_path / "clip.h5")
    assert main(["export", str(path), "--to", "bvh"]) == 0
    assert {file.name for file in tmp_path.glob("*.bvh")} == {"clip.bvh", "clip_person1.bvh"}
    one = tmp_path / "one.bvh"
    assert main(["export", str(path), "--to", "bvh", "--person", "1", "-o", str(one)]) == 0
    assert one.read_text() == (tmp_path / "clip_person1.bvh").read_text()


def test_what_is_done_before(tmp_path: Path) -> None:
    path = table(tmp_path / "clip.csv", recording(gaps=True))
    arguments = ["--to", "mot", "--force", "--start", "0.2", "--end", "2", "--fill-gaps", "0.2"]
    assert main(["export", str(path), *arguments]) == 0
    rows = [line.split("\t") for line in (tmp_path / "clip.mot").read_text().splitlines()[8:]]
    assert [float(rows[0][0]), float(rows[-1][0])] == pytest.approx([0.2, 59 / 30], abs=1e-6)
    assert not any("nan" in row for row in rows)
    assert main(["export", str(path), *arguments[:3], "--fps", "240"]) == 0
    rows = [line.split("\t") for line in (tmp_path / "clip.mot").read_text().splitlines()[8:]]
    assert float(rows[-1][0]) == pytest.approx(89 / 240, abs=1e-6)
    assert main(["export", str(path), *arguments[:3], "--min-visibility", "0.95"]) == 0
    rows = [line.split("\t") for line in (tmp_path / "clip.mot").read_text().splitlines()[8:]]
    assert all(cell == "nan" for row in rows for cell in row[1:])


def test_gaps_in_mot_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / "clip.csv", recording(gaps=True))
    assert main(["export", str(path), "--to", "mot", "trc"]) == 0
    assert (
        "MOT: 4 of 90 rows have missing angles (nan); OpenSim's window reads up to the first" in capsys.readouterr().err
    )
    assert main(["export", str(path), "--to", "mot", "trc", "--fill-gaps", "0.2", "--force"]) == 0
    assert not capsys.readouterr().err


def test_smoothing(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    path = table(tmp_path / "clip.csv", recording())
    assert main(["export", str(path), "--to", "trc", "--low-pass", "6", "--rate", "60"]) == 0
    assert "\n60\t60\t179 " in (tmp_path / "clip.trc").read_text()


def test_uneven_times_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moving = recording()
    time = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.05, 90))
    path = table(tmp_path / "clip.csv", motion.recording.replace(moving, time=time))
    assert main(["export", str(path), "--to", "trc", "--rate", "25"]) == 0
    assert "times not even: " in capsys.readouterr().out


def test_several_tables_go_on_after_a_bad_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = table(tmp_path / "good.csv"), tmp_path / "bad.csv"
    bad.write_text("x,y\n1,2\n")
    assert main(["export", str(bad), str(good), "--to", "coco", "-o", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert "bad.csv: is no table that refpose wrote" in said.err
    assert "good.csv: 87 frames, 2 people" in said.out
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["good.coco.json"]


def test_nothing_is_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / "clip.csv")
    (tmp_path / "clip.trc").write_text("mine")
    assert main(["export", str(path), "--to", "trc"]) == 1
    assert "clip.trc: already there; --force overwrites" in capsys.readouterr().err
    assert (tmp_path / "clip.trc").read_text() == "mine"
    (tmp_path / "clip_person1.bvh").write_text("mine")
    assert main(["export", str(path), "--to", "bvh"]) == 1
    assert (tmp_path / "clip_person1.bvh").read_text() == "mine"
    other = table(tmp_path / "other" / "clip.csv") if (tmp_path / "other").mkdir() is None else path
    assert main(["export", str(path), str(other), "--to", "mot", "-o", str(tmp_path / "out")]) == 1
    assert "files of one name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "fbx"], "'fbx': expected one of trc, mot"),
        (["--to", "trc", "-o", "a.mot.csv"], "expected a folder, or a name that ends in .trc"),
        (["--to", "trc", "--rate", "0"], "expected a number above 0"),
        (["--to", "trc", "--start", "-1"], "expected seconds, 0 or more"),
        (["--to", "trc", "--joints", "coco"], "invalid choice: 'coco'"),
        ([], "nothing to write: name formats with --to, or ask for a table"),
        (["--csv", "a.h5"], "expected a name that ends in .csv"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export", str(table(tmp_path / "clip.csv")), *arguments])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_empty_tables(tmp_path: Path) -> None:
    path = table(tmp_path / "clip.csv", recording().take([]))
    names = [name for name, kind in motion.FORMATS.items() if not kind.requires]
    assert main(["export", str(path), "--to", *names]) == 0
    assert json.loads((tmp_path / "clip.coco.json").read_text()) == []


def test_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = table(tmp_path / "clip.csv", recording())
    assert main(["export", str(path), "--to", "plot"]) == 0
    assert (tmp_path / "clip.angles.png").read_bytes().startswith(b"\x89PNG")


def test_plotted_angles() -> None:
    pytest.importorskip("matplotlib")
    from refpose.plot import plot_angles

    axes = plot_angles(recording())
    lines = {line.get_label(): line for ax in axes for line in ax.get_lines()}
    assert set(lines) == {f"{s} {j}" for s in ("right", "left") for j in ("ankle", "knee", "hip", "shoulder", "elbow")}
    expected = motion.angles.compute(recording(), angles=["right_knee"])[:, 0, 0]
    assert np.array_equal(lines["right knee"].get_ydata(), expected)
    assert {ax.get_ylabel() for ax in axes} == {"flexion in degrees"}
    (ax,) = plot_angles(recording(), "image", ["trunk"])
    assert ax.get_ylabel() == "degrees"
    assert ax.get_xlabel() == "time in s"
    with pytest.raises(ValueError, match="no angle 'spine'"):
        plot_angles(recording(), angles=["spine"])


@pytest.mark.parametrize("kind", tables.KINDS)
def test_a_table_in_another_kind_with_angles(tmp_path: Path, kind: str) -> None:
    path = table(tmp_path / "clip.csv")
    new = tmp_path / f"new{kind}"
    assert main(["export", str(path), f"--{kind[1:]}", str(new), "--angles", "--angles-from", "image"]) == 0
    before, after = tables.read(path), tables.read(new)
    assert after.people == before.people
    assert np.array_equal(after.frame, before.frame)
    assert np.array_equal(after.values, before.values, equal_nan=True)
    expected = motion.angles.compute(before, "image")
    assert after.angle_names == tuple(motion.angles.ANGLES)
    assert np.array_equal(after.angles[before.found], expected[before.found].astype(np.float32), equal_nan=True)
    assert after.sources == ("clip.mp4",)


def test_tables_of_one_person_for_every_frame_beside_the_old_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = table(tmp_path / "clip.csv")
    assert main(["export", str(path), "--csv"]) == 1
    assert "clip.csv: is an input, and would be overwritten" in capsys.readouterr().err
    out = ["-o", str(tmp_path / "out"), "--csv", "--h5", "--wide", "--every-frame", "--person", "1", "--to", "coco"]
    assert main(["export", str(path), *out]) == 0
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"clip.csv", "clip.h5", "clip.coco.json"}
    one = tables.read(tmp_path / "out" / "clip.csv")
    assert one.found.sum() == 50
    assert one.people == (0, 1)  # 0 stands on frames without anybody
    assert np.array_equal(one.person(1).take(one.found[:, 1]).values, recording(people=2).values[40:, [1]])
    assert "--csv" not in path.read_text()


def test_named_tables_are_for_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(table(tmp_path / name)) for name in ("a.csv", "b.csv")]
    with pytest.raises(SystemExit):
        main(["export", *paths, "--h5", str(tmp_path / "c.h5")])
    assert "c.h5 is the name of one file; for several tables, name a folder" in capsys.readouterr().err
    assert main(["export", *paths, "--h5"]) == 0
    assert tables.read(tmp_path / "b.h5").people == (0, 1)


def test_pictures_keep_their_names_in_another_table(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    with tables.create(path, "", {}) as file:
        for k in range(3):
            file.write(k, float("nan"), [Row(recording().values[k, 0])], source=f"{k}.png")
    assert main(["export", str(path), "--h5", "--parquet"]) == 0
    for kind in (".h5", ".parquet"):
        again = tables.read(path.with_suffix(kind))
        assert [again.sources[k] for k in again.source_of] == ["0.png", "1.png", "2.png"]


STRANGE = ("=1+1", "a\tb,c\nd", "-hip")


def strange(path: Path) -> Path:
    """A table whose key points have names that programs would take for something else."""
    given = recording(people=1)
    names = (*STRANGE, *given.keypoints[len(STRANGE) :])
    with tables.create(path, "clip.mp4", {}, names=names) as file:
        for k in range(2):
            file.write(k, float(given.time[k]), [Row(given.values[k, 0])])
    return path


def test_names_of_key_points_make_no_cells_and_no_formulas(tmp_path: Path) -> None:
    path = strange(tmp_path / "clip.h5")
    assert main(["export", str(path), "--to", "deeplabcut", "trc"]) == 0
    with open(tmp_path / "clip.dlc.csv", newline="") as file:
        parts = next(line for line in csv.reader(file) if line[0] == "bodyparts")
    assert parts[1::3][:3] == ["'=1+1", "a\tb,c\nd", "'-hip"]
    lines = (tmp_path / "clip.trc").read_text().splitlines()
    assert lines[3].split("\t")[2:11:3] == ["=1+1", "a\\tb,c\\nd", "-hip"]
    assert len(lines) == 6 + 2


@pytest.mark.skipif(os.name != "posix", reason="names are bytes")
def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    path = table(Path(os.fsdecode(os.fsencode(tmp_path) + b"/n\xff\t.csv")))
    command = ["export", str(path), "--to", "trc", "openpose-one", "deeplabcut", "bvh", "--person", "0"]
    kinds = ["--json", "--h5", *(["--parquet"] if find_spec("pyarrow") else [])]
    assert main(command) == main(["export", str(path), *kinds]) == 0
    assert path.with_suffix(".trc").read_text().partition("\n")[0].endswith("\tn\\xff\\t.trc")
    for kind in kinds:
        assert tables.read(path.with_suffix(f".{kind[2:]}")).values.shape == tables.read(path).values.shape


def test_a_person_with_a_huge_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = table(tmp_path / "clip.csv", recording()).read_bytes().decode()
    (tmp_path / "huge.csv").write_text(re.sub(r"(?m)^(clip.mp4,\d+,[\d.e-]+),0,", r"\1,1000000000,", text))
    assert main(["export", str(tmp_path / "huge.csv"), "--h5"]) == 1
    assert "a person has the number 1,000,000,000" in capsys.readouterr().err
    assert not (tmp_path / "huge.h5").exists()


def test_many_people_on_many_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody has room on every frame: some kilobytes would become gigabytes."""
    head, first = (table(tmp_path / "clip.csv", recording()).read_text().splitlines())[:2]
    rows = [re.sub(r"^clip.mp4,\d+,[\d.e-]+,0,", f"clip.mp4,{k},{k},{k},", first) for k in range(200)]
    (tmp_path / "many.csv").write_text("\n".join([head, *rows, ""]))
    assert tables.read(tmp_path / "many.csv").values.shape == (200, 200, 1, 8)
    monkeypatch.setenv("REFPOSE_MAX_BYTES", "1000000")
    # the last frame may go on in the next piece of the file, and comes in a block of its own
    with pytest.raises(ValueError, match=r"many\.csv: 199 people on 199 frames would take 1,267,232 bytes"):
        tables.read(tmp_path / "many.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_beside_the_table_is_not_read(tmp_path: Path) -> None:
    path = table(tmp_path / "clip.csv")
    os.mkfifo(tmp_path / "clip.meta.json")
    assert tables.read(path).metadata == {}


def test_a_file_where_the_folder_shall_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / "clip.csv")
    (tmp_path / "out").write_text("mine")
    assert main(["export", str(path), "--to", "coco", "-o", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == f"refpose export: [Errno 20] Not a directory: '{tmp_path}/out'\n"


def test_a_lower_rate_and_every_format(tmp_path: Path) -> None:
    """Blocks of the table may have no frame of the grid; here the last one has a frame alone."""
    path = table(tmp_path / "clip.csv", recording())
    names = [name for name, kind in motion.FORMATS.items() if not kind.requires]
    assert main(["export", str(path), "--format", *names, "--rate", "5"]) == 0
    rows = (tmp_path / "clip.trc").read_text().splitlines()[6:]
    assert [float(row.split("\t")[1]) for row in rows] == pytest.approx([k / 5 for k in range(15)])


def test_times_that_leave_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / "clip.csv", recording())
    assert main(["export", str(path), "--to", "trc", "--start", "100"]) == 1
    with pytest.raises(SystemExit, match="2"):
        main(["export", str(path), "--to", "trc", "--start", "2", "--end", "1"])
    said = capsys.readouterr().err
    assert "no frame is between --start and --end" in said
    assert "--end 1 must come after --start 2" in said
    assert [file.name for file in tmp_path.iterdir()] == ["clip.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "mot"], "no angle can be made of the key points a, b, c...: their names are unknown"),
        (["--to", "bvh"], "no skeleton with bones can be made of the key points a, b, c...: there are no hips"),
        (["--to", "openpose"], "no joint of nose, neck, right_shoulder... can be made of a, b, c..."),
        (["--csv", "--angles"], "no angle can be made of the key points a, b, c...: their names are unknown"),
        (["--to", "trc", "--person", "7"], "no person 7 on any frame (there: 0, 1)"),
        (["--to", "trc", "--start", "300"], "no frame is between --start and --end"),
    ],
)
def test_what_cannot_be_written_is_one_error_and_leaves_nothing(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = recording(people=2, gaps=True)
    names = tuple("abc") + tuple(f"marker{k}" for k in range(30))
    path = table(tmp_path / "clip.h5", given if "trc" in arguments else replace(given, keypoints=names))
    assert main(["export", str(path), "-o", str(tmp_path / "out"), *arguments]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"refpose export: {path}: {message}"
    assert list(tmp_path.iterdir()) == [path]


def test_times_of_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = replace(recording(5), time=np.full(5, np.nan))
    path = table(tmp_path / "clip.csv", given)
    assert main(["export", str(path), "--to", "coco", "--start", "1"]) == 1
    assert "these frames have no times" in capsys.readouterr().err


@pytest.mark.parametrize("kind", tables.KINDS)
def test_every_frame_of_a_table_that_leaves_some_out(tmp_path: Path, kind: str) -> None:
    """Nobody is there on frames 10 to 12, and the second person not before frame 40."""
    given = recording(people=2, gaps=True)
    path = table(tmp_path / "clip.csv", given.take([k for k in range(90) if k not in (10, 11, 12)]))
    assert main(["export", str(path), f"--{kind[1:]}", "--every-frame", "-o", str(tmp_path / "all")]) == 0
    found = tables.read(tmp_path / "all" / f"clip{kind}")
    assert found.frame.tolist() == list(range(90))
    assert np.allclose(found.time, given.time, atol=1e-9)
    assert np.array_equal(found.person(0).values, given.person(0).values, equal_nan=True)
    alone = ["--person", "1", "-o", str(tmp_path / "one")]
    assert main(["export", str(path), f"--{kind[1:]}", "--every-frame", *alone]) == 0
    found = tables.read(tmp_path / "one" / f"clip{kind}")
    assert found.frame.tolist() == list(range(90))
    assert found.found.any(axis=1).nonzero()[0].tolist() == list(range(40, 90))
