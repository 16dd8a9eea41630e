"""The facade of MediaPipe Tasks against what the wheels 0.10.21 and 1.2.3 answer to right and wrong calls."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tasks_data
from conftest import GOLDEN, GOLDENS

from refpose.engine import resolve

RECORDED = json.loads((Path(__file__).parent / "recorded" / "tasks_api.json").read_text())
pytestmark = pytest.mark.skipif(resolve("auto") != "native", reason="NumPy's engine is too slow for live streams")

# What is not imitated, by version and group: calls whose outcome is another one, and why.
BETTER = {
    "the process ends": [
        ("both", "min_tracking_confidence -0.1, video"),
        ("both", "min_tracking_confidence float('nan'), video"),
        ("both", "image: 48 bit"),
        ("both", "image: odd alignment"),
        ("0.10.21", "live: raising callback"),
        ("0.10.21", "live: callback with two arguments"),
        ("1.2.3", "image: shallow copy"),
    ],
    "other memory is read, or the wrong pixels": [
        ("both", "image: 4 channels as SRGB"),
        ("0.10.21", "image: 4-D"),
        ("1.2.3", "image: reversed columns"),
        ("1.2.3", "image: Fortran order"),
        ("1.2.3", "image: sliced"),
        ("1.2.3", "image: index out of range"),
        ("1.2.3", "image: view outlives image"),
    ],
    "an import that fails for no reason": [("both", "import spellings")],
}
EXPECTED = {
    ("0.10.21", "live: raising callback", "events"): ["value", "[1, 2]"],
    ("1.2.3", "image: shallow copy", "n.width"): ["value", "7"],
    ("1.2.3", "image: reversed columns", "np.array_equal(m.numpy_view(), A[:, ::-1])"): ["value", "True"],
    ("1.2.3", "image: Fortran order", "np.array_equal(m.numpy_view(), A)"): ["value", "True"],
    ("1.2.3", "image: sliced", "np.array_equal(m.numpy_view(), A[10:20, 30:60])"): ["value", "True"],
    ("1.2.3", "image: view outlives image", "np.array_equal(v, A)"): ["value", "True"],
}


@pytest.fixture(
    scope="module",
    params=[
        *(pytest.param((version, "quick"), id=f"{version}-quick") for version in tasks_data.VERSIONS),
        *(
            pytest.param((version, "live"), id=f"{version}-live", marks=pytest.mark.full)
            for version in tasks_data.VERSIONS
        ),
    ],
)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    """What the facade answers, in a process of its own; "live": in groups of calls that wait."""
    version, part = request.param
    folder = tmp_path_factory.mktemp("tasks")
    for name in ("bundles", "models", "images", "cwd"):
        (folder / name).mkdir()
    (folder / "bundles" / "lite.task").write_bytes(tasks_data.task("lite"))
    (folder / "models" / "pose_landmark_lite.tflite").write_bytes(tasks_data.tflite("lite"))
    for name in ("astronaut", "coffee"):
        shutil.copy((GOLDENS or GOLDEN) / "images" / f"{name}.png", folder / "images")
    script = Path(__file__).parent / "tasks_api_cases.py"
    done = subprocess.run(
        [sys.executable, "-W", "error", script, version, folder, part],
        capture_output=True,
        text=True,
        cwd=folder / "cwd",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return version, json.loads(done.stdout)


def comparable(outcome: list[str]) -> list[str]:
    """An outcome without what is MediaPipe's, Python's or NumPy's own."""
    kind, *rest = outcome
    if kind == "value":
        (text,) = rest
        text = text.replace("np.True_", "True")  # NumPy 1
        return [kind, re.sub(r"<module 'mediapipe\.(python\.)?solutions' from .*>", "<module solutions>", text)]
    name, text = rest
    name = {"ModuleNotFoundError": "ImportError"}.get(name, name)
    if name in ("ImportError", "AttributeError") and ("module" in text or "refpose has no" in text or "import" in text):
        return [kind, name]  # says more here
    if name == "AttributeError" and ("has no setter" in text or "pickle" in text):
        return [kind, name]
    if "ImageFormat" in text or re.fullmatch("VEC32F4|UNKNOWN|SBGRA|.*image_frame.*", text):
        text = "no such format" if name == "AttributeError" else text
    text = text.partition("\n\nInvoked with:")[0]  # pybind11
    text = text.partition(", was not provided and cannot be")[0][:500]  # why there is no graphics card
    head, failed, _ = text.partition('Calculator" failed: ')
    if failed and "NaN" not in text and "Unsupported" not in text:
        text = head + failed  # lines of MediaPipe's sources
    if text.startswith("Unable to map file to memory buffer, errno=12"):
        text = "Unable to map file to memory buffer, errno=12"  # which
    return [kind, name, text]


def test_every_call(found: tuple[str, Any]) -> None:
    version, outcomes = found
    exempt = {group for rows in BETTER.values() for v, group in rows if v in ("both", version)}
    compared = 0
    for group in RECORDED["groups"]:
        name = group["name"]
        if name not in outcomes:
            continue
        assert len(outcomes[name]) == len(group["calls"])
        for call, outcome in zip(group["calls"], outcomes[name], strict=True):
            line, recorded = call["call"], call[version]
            if name in exempt:
                # Nothing ends: there is an answer, and where it is an error it says what is wrong.
                assert outcome == EXPECTED.get((version, name, line), outcome), (name, line)
                assert outcome[0] in ("value", "exception")
                continue
            assert comparable(outcome) == comparable(recorded), (name, line)
            compared += 1
    assert compared > (400 if "image mode" in outcomes else 40)


def test_what_is_not_imitated(found: tuple[str, Any]) -> None:
    version, outcomes = found
    for (v, group, line), expected in EXPECTED.items():
        calls = [call["call"] for call in next(g for g in RECORDED["groups"] if g["name"] == group)["calls"]]
        if v == version and group in outcomes:
            assert outcomes[group][calls.index(line)] == expected
    if "image mode" not in outcomes:
        return
    for group in ("min_tracking_confidence -0.1, video", "min_tracking_confidence float('nan'), video"):
        kind, error, text = outcomes[group][0]
        assert (kind, error) == ("exception", "ValueError")
        assert text.startswith("min_tracking_confidence: expected a number from 0 on")
    assert outcomes["image: odd alignment"][2][1] == "ValueError"
    assert outcomes["image: 48 bit"][1][:2] == ["exception", "ValueError"]
    assert outcomes["image: 4 channels as SRGB"][0][1] == "ValueError"
    assert outcomes["import spellings"][0] == ["value", "True"]
