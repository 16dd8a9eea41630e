"""The package as it is built, installed and imported."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import refpose
from refpose.engine import resolve
from refpose.networks import weights
from refpose.networks.blazepose import NETWORKS


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_version_is_that_of_the_installed_package() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", refpose.__version__)
    if "site-packages" in refpose.__file__:
        assert metadata.version("refpose") == refpose.__version__


def test_import_is_light() -> None:
    loaded = python("import refpose, sys; print(*sys.modules)").split()
    for heavy in ("h5py", "PIL", "av", "matplotlib", "tqdm", "pyarrow"):
        assert heavy not in loaded


def test_every_public_name_is_there() -> None:
    for name in refpose.__all__:
        assert getattr(refpose, name) is not None
    assert set(refpose.__all__) <= set(dir(refpose))
    with pytest.raises(AttributeError, match="'refpose' has no attribute 'nonsense'"):
        _ = refpose.nonsense


def test_nothing_is_printed_and_no_socket_opened(astronaut: Path) -> None:
    code = (
        "import socket\n"
        "def refuse(*args, **kwargs): raise AssertionError('a socket was opened')\n"
        "socket.socket = socket.create_connection = refuse\n"
        "import refpose\nfrom refpose.images import read_image\n"
        f"pose = refpose.Pose('lite', mode='image', engine={resolve('auto')!r})\n"
        f"assert pose.process(read_image({str(astronaut)!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_core_needs_three_packages() -> None:
    try:
        requires = metadata.requires("refpose") or []
    except metadata.PackageNotFoundError:
        pytest.skip("refpose is not installed here")
    core = sorted(re.split(r"[^\w.-]", line)[0].lower() for line in requires if "extra ==" not in line)
    assert core == ["h5py", "numpy", "pillow"]


@pytest.mark.parametrize("network", NETWORKS)
def test_model_card_tells_the_checksums(network: str, root: Path) -> None:
    card = (root / "weights" / "README.md").read_text("utf-8")
    path = weights.default_path(network)
    assert hashlib.sha256(path.read_bytes()).hexdigest() in card
    assert weights.load(network).attributes["source_sha256"] in card


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory, root: Path) -> tuple[Path, Path, Path]:
    """The source archive, the wheel built from it, and the wheel built from the sources."""
    pytest.importorskip("build")
    folder = tmp_path_factory.mktemp("archives")
    ignored = shutil.ignore_patterns(
        ".git", ".venv", "build", "dist", "demo", "*.egg-info", "*.so", "__pycache__", ".*_cache"
    )
    shutil.copytree(root, folder / "source", ignore=ignored)

    def build(kind: str, source: Path, out: str) -> Path:
        command = [sys.executable, "-m", "build", f"--{kind}", "--outdir", str(folder / out), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        (archive,) = (folder / out).iterdir()
        return archive

    direct = build("wheel", folder / "source", "direct")
    sdist = build("sdist", folder / "source", "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (unpacked,) = (folder / "unpacked").iterdir()
    return sdist, build("wheel", unpacked, "wheel"), direct


@pytest.mark.full
def test_archives_hold_all_and_build_from_each_other(archives: tuple[Path, Path, Path], root: Path) -> None:
    sdist, wheel, direct = archives
    with tarfile.open(sdist) as archive:
        sources = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("LICENSE", "NOTICE", "README.md", "setup.py", "weights/README.md", "examples/astronaut.png"):
        assert name in sources
    contents = [set(zipfile.ZipFile(path).namelist()) for path in (wheel, direct)]
    assert contents[0] == contents[1]
    for network in NETWORKS:
        assert f"weights/{network}.h5" in sources
        packed = zipfile.ZipFile(wheel).read(f"refpose/_weights/{network}.h5")
        assert packed == (root / "weights" / f"{network}.h5").read_bytes()
    modules = {path.relative_to(root).as_posix() for path in (root / "refpose").rglob("*.py")}
    assert modules <= contents[0]
    assert {"refpose/py.typed", "refpose/_weights/README.md"} <= contents[0]
    assert any(name.endswith("licenses/LICENSE") for name in contents[0])
    assert any(name.endswith("licenses/NOTICE") for name in contents[0])
    assert not any(name.startswith(("tests/", "examples/", "build/")) for name in contents[0])
