"""Every write, rename, open and fsync fails in turn, or the process is killed there; then the command is given again.

Nothing half is taken as done, nothing foreign is touched, and why something failed is said in a line. One fault is
tried at each call, each kind in turn; with ``REFPOSE_FAULTS=all`` all kinds are tried at each (hours).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import faults
import pytest

HERE = Path(__file__).resolve().parent
EXTENT = "full" if os.environ.get("REFPOSE_FAULTS") == "all" else "some"
pytestmark = [pytest.mark.timeout(0)] if EXTENT == "full" else []  # hours; each command has its own limit


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes calls fail."""
    if sys.platform != "linux":
        pytest.skip("faults are injected with LD_PRELOAD, and files found in /proc: Linux only")
    if (compiler := shutil.which("gcc") or shutil.which("cc")) is None:
        pytest.skip("no C compiler to build native/faults.c with")
    library = tmp_path_factory.mktemp("faults") / "faults.so"
    source = HERE / "native" / "faults.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


def model() -> list[str]:
    """Google's lite model, where the original files are at hand."""
    folder = Path(os.environ.get("REFPOSE_MODELS", Path(os.environ.get("REFPOSE_GOLDENS", "absent")).parent / "models"))
    path = folder / "pose_landmark_lite.tflite"
    return [str(path.resolve())] if path.exists() else []


def injected(shim: Path, folder: Path, name: str) -> dict[str, object]:
    if name == "convert" and not model():
        pytest.skip("REFPOSE_MODELS does not name the folder of the original models")
    environment = {**os.environ, "LD_PRELOAD": str(shim), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, HERE / "faults.py", name, folder, EXTENT, *model()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.full
@pytest.mark.parametrize("name", faults.SCENARIOS)
def test_faults(shim: Path, tmp_path: Path, name: str) -> None:
    found = injected(shim, tmp_path, name)
    assert found["wrong"] == []
    assert found["calls"] >= 5
