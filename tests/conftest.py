"""Where the recorded results are.

``tests/golden`` holds what MediaPipe 0.10.21 computed on pictures that may be redistributed; the environment variable
``REFPOSE_GOLDENS`` names a folder with the whole set, laid out in the same way. Tests that need the whole set are
skipped without it.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
GOLDENS = Path(os.environ["REFPOSE_GOLDENS"]).resolve() if os.environ.get("REFPOSE_GOLDENS") else None

# A background job of a shell is started with Ctrl-C ignored, and so would be the processes that the tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project's sources."""
    return ROOT


@pytest.fixture(scope="session")
def golden() -> Path:
    """The recorded results in the repository."""
    return GOLDEN


@pytest.fixture(scope="session")
def goldens() -> Path:
    """The whole set of recorded results; skips where it is not at hand."""
    if GOLDENS is None:
        pytest.skip("REFPOSE_GOLDENS does not name the folder of the whole recorded set")
    if not GOLDENS.is_dir():
        pytest.fail(f"REFPOSE_GOLDENS={GOLDENS} is not a folder")
    return GOLDENS


@pytest.fixture(scope="session")
def best_goldens() -> Path:
    """The whole recorded set where it is at hand, else the part of it in the repository."""
    return GOLDEN if GOLDENS is None else GOLDENS


@pytest.fixture(scope="session")
def astronaut(root: Path) -> Path:
    """The example picture (512x512, one person)."""
    return root / "examples" / "astronaut.png"


@pytest.fixture(scope="session")
def pair(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of two people side by side (900x300)."""
    with Image.open(astronaut) as picture:
        person = picture.convert("RGB").resize((256, 256), Image.Resampling.LANCZOS)
    wall = Image.new("RGB", (900, 300), (128, 128, 128))
    wall.paste(person, (10, 30))
    wall.paste(person.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (600, 30))
    path = tmp_path_factory.mktemp("pair") / "pair.png"
    wall.save(path)
    return path
