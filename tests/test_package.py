"""The package as it is built, installed and imported."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import pydoc
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


def test_metadata(root: Path) -> None:
    """The address of the project is one, and the README that an index shows has no link that ends there."""
    project = (root / "pyproject.toml").read_text("utf-8")
    (home,) = re.findall(r'^Homepage = "(.*)"$', project, re.MULTILINE)
    assert f'HOME = "{home}/blob/main/"' in (root / "setup.py").read_text("utf-8")
    cited = (root / "CITATION.cff").read_text("utf-8")
    assert f'repository-code: "{home}"' in cited
    assert f"version: {refpose.__version__}" in cited
    for page in (root / "README.md", *(root / "docs").glob("*.md")):
        for link in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


@pytest.mark.parametrize("name", ["skier.png", "skier.mp4"])
def test_pictures_of_others_are_credited(name: str, root: Path) -> None:
    source = "http://farm8.staticflickr.com/7015/6795644157_f019453ae7_z.jpg"
    for page in (root / "NOTICE", root / "examples" / "README.md"):
        text = page.read_text("utf-8")
        assert name in text
        assert source in text
        assert "CC BY 2.0" in text


INSTALLS = re.compile(r"pip install (?:-\S+ )*[^\n`#]*refpose\[[^\n`#]*")


def test_install_lines_need_no_index_to_have_refpose(root: Path) -> None:
    for page in (root / "README.md", root / "weights" / "README.md", *(root / "docs").glob("*.md")):
        assert INSTALLS.findall(page.read_text("utf-8")) == [], page.name


HEAVY = ("matplotlib", "motmetrics", "pandas", "pyarrow", "scipy", "distributed")  # of extras


@pytest.mark.full
def test_pyinstaller_makes_a_program_that_stands_alone(astronaut: Path, tmp_path: Path) -> None:
    """The hook brings weights, templates, engine, and the modules that are imported by name."""
    pytest.importorskip("PyInstaller")
    if not (Path(refpose.__file__).parent / "_weights").is_dir():
        pytest.skip("refpose is not installed here")
    (tmp_path / "hello.py").write_text("from refpose.cli import entry\nentry()\n")
    options = ("--noconfirm", "--log-level", "ERROR")  # the hook is found by its entry point
    excluded = [f"--exclude-module={name}" for name in (*HEAVY, "pytest")]
    command = [sys.executable, "-m", "PyInstaller", *options, *excluded, "hello.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    program = str(tmp_path / "dist" / "hello" / "hello")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def call(*args: str) -> str:
        done = subprocess.run([program, *args], cwd=tmp_path, capture_output=True, text=True, env=clean)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert f'"engine": "{resolve("auto")}"' in call("info", "--json")
    assert "person with score" in call("image", str(astronaut), "-o", "out", "--jobs", "2")
    assert "-> page.html" in call("report", str(astronaut), "-o", "page.html")


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory, root: Path) -> tuple[Path, Path, Path]:
    """The source archive, the wheel built from it, and the wheel built from the sources."""
    pytest.importorskip("build")
    pytest.importorskip("Cython", reason="Cython comes with the extra dev")
    folder = tmp_path_factory.mktemp("archives")
    ignored = shutil.ignore_patterns(
        ".git", ".venv", "build", "dist", "demo", "*.egg-info", "*.so", "_native.c", "__pycache__", ".*_cache"
    )
    shutil.copytree(root, folder / "source", ignore=ignored)

    def build(kind: str, source: Path, out: str) -> Path:
        command = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", folder / out, source]
        # Paths, times and order would be seen in what is compiled without optimisation, too, in a third of the time.
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "CFLAGS": "-g0 -O0"}
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        (archive,) = (folder / out).iterdir()
        return archive

    direct = build("wheel", folder / "source", "direct")
    sdist = build("sdist", folder / "source", "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (unpacked,) = (folder / "unpacked").iterdir()
    for path in unpacked.rglob("*"):  # of somebody who keeps files from others
        path.chmod(path.stat().st_mode & 0o700)
    return sdist, build("wheel", unpacked, "wheel"), direct


@pytest.mark.full
def test_building_twice_gives_the_same_bytes(archives: tuple[Path, Path, Path]) -> None:
    """In two folders, once from the sources and once from the source archive."""
    _, wheel, direct = archives
    assert wheel.name == direct.name
    contents = [{info.filename: info.CRC for info in zipfile.ZipFile(path).infolist()} for path in (wheel, direct)]
    assert contents[0] == contents[1]
    assert wheel.read_bytes() == direct.read_bytes()


@pytest.mark.full
def test_source_archives_are_the_same_bytes(archives: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """Made again from what is in one, by somebody else's umask, at another time, after the engine was built there."""
    with tarfile.open(archives[0]) as archive:
        archive.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (unpacked,) = tmp_path.iterdir()
    for path in unpacked.rglob("*"):
        path.chmod(path.stat().st_mode & ~0o044)
        os.utime(path, (1_600_000_000, 1_600_000_000))
    (unpacked / "refpose" / "engine" / "_native.c").write_text("made by Cython")
    command = [sys.executable, "-m", "build", "--no-isolation", "--sdist", "--outdir", tmp_path / "again", unpacked]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    (again,) = (tmp_path / "again").iterdir()
    assert again.read_bytes() == archives[0].read_bytes()


@pytest.mark.full
def test_bill_of_materials(archives: tuple[Path, Path, Path], root: Path, tmp_path: Path) -> None:
    """What the wheel brings along, with versions and hashes."""
    pytest.importorskip("cyclonedx_py", reason="cyclonedx-bom comes with the extra dev")
    command = [sys.executable, root / ".ci" / "sbom.py", archives[1], tmp_path / "bill.json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    bill = json.loads((tmp_path / "bill.json").read_text("utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    found = {component["name"]: component for component in bill["components"]}
    assert set(found) == {"refpose", "numpy", "h5py", "pillow", *(f"{name}.h5" for name in NETWORKS)}
    assert found["refpose"]["version"] == refpose.__version__
    assert found["numpy"]["purl"].startswith("pkg:pypi/numpy@")
    card = (root / "weights" / "README.md").read_text("utf-8")
    assert all(found[f"{name}.h5"]["hashes"][0]["content"] in card for name in NETWORKS)


def test_checks_install_what_is_locked_by_hash(root: Path) -> None:
    """Every requirement of the checks has one version and hashes; nothing comes from an address of its own."""
    text = (root / ".ci" / "requirements.txt").read_text("utf-8")
    entries = re.findall(
        r"^([a-z0-9._-]+)==\S+ \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE
    )
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith(("#", "--hash"))]
    assert len(lines) == len(entries)
    locked = {name for name, _ in entries}
    assert {"numpy", "h5py", "pillow", "setuptools", "cython"} <= locked
    extras = (root / "pyproject.toml").read_text("utf-8").partition("[project.optional-dependencies]")[2]
    wanted, names = {"dev"}, set()
    while wanted:  # extras name others: refpose[docs,test]
        extra = wanted.pop()
        block = extras.partition(f"\n{extra} = [")[2]
        block = block[: re.search(r"\](?: #.*)?\n(?:[a-z]+ = |\n)", block).start()]
        for name, others in re.findall(r'"([A-Za-z0-9._-]+)(?:\[([a-z0-9,]+)\])?', block):
            if name == "refpose":
                wanted |= set(others.split(","))
            else:
                names.add(name.lower())
    assert names - locked == set(), "type: make lock"
    assert "LOCK=.ci/requirements.txt" in (root / ".ci" / "run").read_text("utf-8")


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


def test_pose_shows_every_argument() -> None:
    """To people: signature and help name what the class of each family takes, with defaults."""
    parameters = inspect.signature(refpose.Pose).parameters
    for name, default in (("model", "full"), ("mode", "video"), ("threads", 1), ("refinement_window", 9)):
        assert parameters[name].default == default
    assert not {p.kind for p in parameters.values()} & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    text = pydoc.plain(pydoc.render_doc(refpose.Pose)).partition("|  Methods")[0]
    for name in parameters:
        assert f"{name}" in text
