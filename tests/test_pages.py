"""The pages on movement: run as they are printed, true in what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import refpose
from refpose import cli, people, tables
from refpose import mediapipe as mp
from refpose.images import read_image
from refpose.tables.recorded import write_recording

BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.filterwarnings("ignore")  # other programs' own
def test_from_a_video_to_joint_angles_in_opensim(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("av", "scipy", "matplotlib"):
        pytest.importorskip(module)
    (tmp_path / "examples").symlink_to(root / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    done = 0
    for kind, text in BLOCK.findall((root / "docs" / "opensim.md").read_text("utf-8")):
        if kind == "sh":
            for line in text.splitlines():
                program, *arguments = shlex.split(line)
                assert program == "refpose"
                assert cli.main(arguments) == 0, capsys.readouterr().err
        else:
            for module in re.findall(r"^(?:import|from) (opensim|Pose2Sim)", text, re.MULTILINE):
                pytest.importorskip(module, reason=f"{module} is not installed (extra interchange); {done} blocks ran")
            exec(compile(text, "docs/opensim.md", "exec"), names)
        done += 1
    assert done == 6
    assert (tmp_path / "results" / "skier.angles.png").is_file()


@pytest.mark.filterwarnings("ignore")
def test_supervision_takes_the_facades_results(root: Path) -> None:
    """`docs/movement.md` says so."""
    supervision = pytest.importorskip("supervision", reason="supervision is not installed (extra interchange)")
    image = read_image(root / "examples" / "astronaut.png")
    with mp.solutions.pose.Pose(static_image_mode=True, model_complexity=0) as pose:
        results = pose.process(image)
    found = supervision.KeyPoints.from_mediapipe(results, image.shape[1::-1])
    person = refpose.Pose("lite", mode="image").process(image)[0]
    assert np.allclose(found.xy[0], person.landmarks_px[:, :2], atol=1e-3)


def test_several_people_as_the_page_says(
    root: Path, pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`docs/people.md`: the constants are those of the rules, all of them; the block runs; so does the dump."""
    page = (root / "docs" / "people.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(_?[A-Z_]+)` \| ([^|]+) \|", page, re.MULTILINE))
    numbers = {
        name: ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for name, value in vars(people).items()
        if re.fullmatch(r"_?[A-Z][A-Z_]+", name) and isinstance(value, int | float | tuple) and name != "STEP_US"
        if not (isinstance(value, tuple) and not all(isinstance(one, int) for one in value))
    }
    assert told == numbers
    (tmp_path / "examples").symlink_to(root / "examples")
    monkeypatch.chdir(tmp_path)
    blocks = [text for kind, text in BLOCK.findall(page) if kind == "python"]
    exec(compile(blocks[0], "docs/people.md", "exec"), {})
    assert capsys.readouterr().out.startswith("0 [")
    assert set(np.unique(read_image(tmp_path / "labels.png"))) == {0, 1}


def test_decisions_as_the_page_says(root: Path, pair: Path) -> None:
    page = (root / "docs" / "people.md").read_text("utf-8")
    both = read_image(pair)
    alone = both.copy()
    alone[:, 450:] = 128
    pose = refpose.Pose("lite", people=3)
    for frame in (both, both, alone, alone):
        pose.process(frame)
    for line in pose.explain(both).decisions:
        assert f"    {line}\n" in page or re.sub(r"find \d", "find 0", line) in page


@pytest.mark.filterwarnings("ignore")
def test_rerun_example(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As printed on the page, but into a file instead of a viewer."""
    rerun = pytest.importorskip("rerun", reason="rerun-sdk is not installed (extra interchange)")
    (tmp_path / "out").mkdir()
    recording = tables.read(root / "examples" / "squat.h5")
    with tables.create(tmp_path / "out" / "clip.csv", "squat", {}) as table:
        write_recording(table, recording)
    monkeypatch.chdir(tmp_path)
    (example,) = [
        text for _, text in BLOCK.findall((root / "docs" / "movement.md").read_text("utf-8")) if "import rerun" in text
    ]
    begun = 'rerun.init("refpose", spawn=True)\n'
    assert begun in example
    example = example.replace(begun, 'rerun.init("refpose")\nrerun.save("clip.rrd")\n')
    exec(compile(example, "docs/movement.md", "exec"), {})
    rerun.disconnect()
    saved = Path("clip.rrd").read_bytes()
    assert saved.startswith(b"RRF")
    assert len(saved) > 20_000  # compressed: 90 frames of 33 points
