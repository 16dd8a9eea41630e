"""The typed face: what mypy --strict says of programs that use refpose, and that the stub follows from the list."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import make_stub
import pytest

import refpose

PACKAGE = Path(refpose.__file__).resolve().parents[1]
# mypy finds what is installed by itself, and refuses to be told.
SEARCHED = {} if PACKAGE.name in ("site-packages", "dist-packages") else {"MYPYPATH": str(PACKAGE)}

# What the examples of a page take for granted, by page.
GIVEN = {
    "VERIFY.md": "import numpy\ncrop = letterboxed = raw_landmarks = refined = numpy.zeros(1)",
    "efficientpose.md": "import numpy, refpose\nimage = numpy.zeros((9, 9, 3), numpy.uint8)",
    "migration.md": "import numpy\nrgb = numpy.zeros((9, 9, 3), numpy.uint8)\nseconds, timestamp_ms = 0.0, 0",
}

FOREIGN = (
    "cv2",
    "dask",
    "distributed",
    "h5py",
    "matplotlib",
    "mediapipe",
    "opensim",
    "pandas",
    "Pose2Sim",
    "ray",
    "rerun",
)
"""Libraries that examples import; what mypy says must not depend on whether they are installed."""

WRONG = {
    "nonsense.py": ("from refpose import Nonsense", "attr-defined"),
    "argument.py": ("import refpose\nrefpose.Pose('full', nonsense=1)", "call-"),
    "hands.py": ("from refpose import mediapipe as mp\nmp.solutions.hands", "attr-defined"),
    "attribute.py": ("import refpose\nprint(refpose.Pose().process([[0]]))", "arg-type"),
}

RIGHT = {
    "drawing.py": """
import numpy as np

from refpose import mediapipe as mp

image, pose, drawing = np.zeros((9, 9, 3), np.uint8), mp.solutions.pose, mp.solutions.drawing_utils
results = pose.Pose(model_complexity=0).process(image)
style = mp.solutions.drawing_styles.get_default_pose_landmarks_style()
drawing.draw_landmarks(image, results.pose_landmarks, pose.POSE_CONNECTIONS, landmark_drawing_spec=style)
style[pose.PoseLandmark.NOSE] = drawing.DrawingSpec(color=(1, 2, 3), thickness=1)
drawing.draw_landmarks(image, results.pose_landmarks, [(0, 1)], style, {(0, 1): drawing.DrawingSpec()})
drawing.plot_landmarks(results.pose_world_landmarks, pose.POSE_CONNECTIONS)
if results.pose_landmarks:
    x: float = results.pose_landmarks.landmark[pose.PoseLandmark.NOSE].x
with mp.solutions.holistic.Holistic() as holistic:
    print(holistic.process(image).pose_world_landmarks)
""",
    "model.py": """
import refpose


def estimators(model: str) -> list[refpose.Pose]:
    several = refpose.Pose(model, refinement_window=9, mask_smoothing=0, people=2, detect_every=1, max_hidden=1)
    return [several, refpose.Pose(model, crop=None, weights="folder")]
""",
}


def examples(page: Path) -> Iterator[str]:
    """The Python code of a page, in order: blocks of ``python``, and the input lines of doctests.

    Programs for the real MediaPipe, and lines to put into files of the project, stand in blocks of ``py``.
    """
    for kind, block in re.findall(r"^```(python|\{doctest\})\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.M):
        yield block if kind == "python" else "\n".join(re.findall(r"^(?:>>>|\.\.\.) ?(.*)$", block, re.M))


@pytest.fixture(scope="module")
def findings(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What mypy --strict finds in each program; one run, for it reads the whole package."""
    pytest.importorskip("mypy", reason="mypy comes with the extra dev")
    folder = tmp_path_factory.mktemp("programs")
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    programs = {page.name: "\n".join([GIVEN.get(page.name, ""), *examples(page)]) for page in pages}
    programs |= {name: code for name, (code, _) in WRONG.items()} | RIGHT
    for name, code in programs.items():
        (folder / f"page_{name}").with_suffix(".py").write_text(code + "\n", "utf-8")  # no module of that name
    (folder / "mypy.ini").write_text(
        "[mypy]\nstrict = true\nscripts_are_modules = true\nallow_redefinition_new = true\nlocal_partial_types = true\n"
        "[mypy-refpose.*]\nfollow_imports = silent\n"
        + "".join(f"[mypy-{name}.*]\nfollow_imports = skip\nignore_missing_imports = true\n" for name in FOREIGN)
    )
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        "mypy.ini",
        *(f"page_{Path(name).stem}.py" for name in programs),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | SEARCHED)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: dict[str, list[str]] = {name: [] for name in programs}
    for line in done.stdout.splitlines():
        for name in programs:
            if line.startswith(f"page_{Path(name).stem}.py:"):
                found[name].append(line)
    assert "Found" in done.stdout
    return found


def test_stub_follows_from_the_list() -> None:
    assert make_stub.STUB.read_text("utf-8") == make_stub.stub()


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_found(name: str, findings: dict[str, list[str]]) -> None:
    assert any(f"[{WRONG[name][1]}" in line for line in findings[name]), findings[name]


@pytest.mark.parametrize("name", RIGHT)
def test_programs_for_mediapipe_are_accepted(name: str, findings: dict[str, list[str]]) -> None:
    assert findings[name] == []


def test_pyright(tmp_path: Path) -> None:
    """Pyright accepts and finds the same in the facade."""
    pytest.importorskip("pyright", reason="pip install pyright; it needs Node.js")
    programs = RIGHT | {"hands.py": WRONG["hands.py"][0]}
    for name, code in programs.items():
        (tmp_path / name).write_text(code + "\n", "utf-8")
    (tmp_path / "pyrightconfig.json").write_text(f'{{"extraPaths": ["{PACKAGE.as_posix()}"]}}')
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, *programs]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if " - error: " in line]
    assert len(found) == 1, done.stdout + done.stderr
    assert '"hands" is not a known attribute' in found[0]


@pytest.mark.parametrize("page", ["README.md", *sorted(p.name for p in (make_stub.ROOT / "docs").glob("*.md"))])
def test_every_example_is_accepted(page: str, findings: dict[str, list[str]]) -> None:
    assert findings[page] == []
