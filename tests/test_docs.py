"""The pages: that they leave out nothing."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import refpose
from refpose import cli


@pytest.fixture(scope="module")
def reference(root: Path) -> object:
    """The module that makes pages of the package."""
    sys.path.insert(0, str(root / "docs"))
    try:
        return importlib.import_module("reference")
    finally:
        sys.path.pop(0)


def public_names() -> Iterator[str]:
    """All classes and functions that modules of the package define, and the methods and properties of the classes."""
    yield from (f"refpose.{name}" for name in refpose.__all__ if name != "__version__")
    hidden = ("refpose.cli", "refpose.tools", "refpose.mediapipe.", "refpose.__main__")
    root = Path(refpose.__file__).parent.parent
    for path in sorted(root.glob("refpose/**/*.py")):
        module_name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        if module_name.startswith(hidden) or "._" in module_name or "-" in module_name:
            continue
        module = importlib.import_module(module_name)
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", None) != module_name:
                continue
            if not (inspect.isclass(value) or inspect.isfunction(value)):
                continue
            home = "refpose" if getattr(refpose, name, None) is value else module_name
            yield f"{home}.{name}"
            if inspect.isclass(value) and not issubclass(value, BaseException):
                for member, what in vars(value).items():
                    if not member.startswith("_") and (inspect.isfunction(what) or isinstance(what, property)):
                        yield f"{home}.{name}.{member}"


@pytest.mark.full
def test_api_pages_have_every_public_name(root: Path, tmp_path: Path) -> None:
    """Of pages as they are built; what has no docstring is not shown."""
    inventory = pytest.importorskip("sphinx.util.inventory", reason="Sphinx comes with the extra docs")
    for module in ("myst_parser", "numpydoc", "matplotlib"):
        pytest.importorskip(module)
    # The theme of the pages draws the tree of all of them on each, which takes half of the time.
    options = ["-q", "-W", "--keep-going", "-b", "html", "-D", "html_theme=basic"]
    command = [sys.executable, "-m", "sphinx", *options, "docs", str(tmp_path)]
    package = str(Path(refpose.__file__).parents[1])
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": package})
    assert done.returncode == 0, done.stderr
    with (tmp_path / "objects.inv").open("rb") as file:
        found = inventory.InventoryFile.load(file, "", lambda base, path: path)
    shown = {name for kind in found if kind.startswith("py:") for name in found[kind]}
    assert sorted(set(public_names()) - shown) == []
    assert (tmp_path / "sample-report.html").is_file()
    pose = (tmp_path / "api.html").read_text("utf-8")
    signature = re.sub("<[^>]*>", "", pose[pose.index('id="refpose.Pose"') :].partition("</dt>")[0])
    for name in inspect.signature(refpose.Pose).parameters:
        assert name in signature


def test_every_environment_variable_is_explained(root: Path) -> None:
    sources = [*(root / "refpose").rglob("*.py"), *(root / "src_c").glob("*.[ch]"), root / "tests" / "conftest.py"]
    used = {name for path in sources for name in re.findall(r"\bREFPOSE_[A-Z_]+\b", path.read_text("utf-8"))}
    assert used >= {"REFPOSE_WEIGHTS", "REFPOSE_ISA"}
    page = (root / "docs" / "command-line.md").read_text("utf-8")
    assert {name for name in used if f"`{name}`" not in page} == set()


def test_command_line_page_has_every_verb_and_option(reference: object) -> None:
    page = reference.command_line()
    for verb, parser in cli.verbs(cli.parser()).items():
        assert f"refpose {verb}\n-------" in page
        for action in parser._actions:
            assert all(name in page for name in action.option_strings)


def test_key_points_are_numbered(reference: object) -> None:
    rows = re.findall(r"- (\d+)\n +- ``(\w+)``\n +- (\d+)", reference.landmarks())
    assert [int(number) for number, _, _ in rows] == list(range(33))
    assert rows[11] == ("11", "LEFT_SHOULDER", "12")
    assert rows[0] == ("0", "NOSE", "0")


def test_measured_times_become_a_table(reference: object, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        """{"settings": {"threads": 2},
        "machine": {"date": "2026-01-02", "processor": "P", "isa": "avx2", "versions": {"refpose": "0.1.0"}},
        "video": {"lite": [{"name": "refpose native", "minimum_ms": 2.0, "ratio_of_minima": 1.0},
                           {"name": "MediaPipe", "minimum_ms": 9.0, "ratio_of_minima": 4.5}]},
        "programs": {"lite, read, estimate": [
            {"name": "table", "minimum_ms": 4.0, "ratio_of_minima": 1.0, "ratio_of_medians": 1.0},
            {"name": "table MediaPipe", "minimum_ms": 12.0, "ratio_of_minima": 3.0, "ratio_of_medians": 3.1}]}}"""
    )
    text = reference.performance(tmp_path)
    assert "P, whole programs" in text
    assert "2026-01-02; kernels avx2; refpose 0.1.0." in text
    cells = re.findall(r"- (\S.*)", text)
    at = cells.index("lite: frame of a video, tracking")
    assert cells[at : at + 4] == ["lite: frame of a video, tracking", "2.0", "x 4.50", "8.3"]
    assert cells[-7:] == ["lite, read, estimate", "table", "4.0", "table MediaPipe", "12.0", "x 3.00", "x 3.10"]


def test_measured_times_in_the_repository_are_shown(reference: object, root: Path) -> None:
    assert "hours of video per core-hour" in reference.performance(root / "docs" / "bench")


def test_the_map_has_every_file(root: Path) -> None:
    """Who looks for something in ARCHITECTURE.md finds the file."""
    told = (root / "ARCHITECTURE.md").read_text("utf-8")
    files = [
        path
        for folder in ("refpose", "src_c", "fuzz")
        for path in (root / folder).rglob("*")
        if path.suffix in (".py", ".h", ".c", ".inc", ".pyx", ".pxi", ".html")
        and not {"mediapipe", "__pycache__", "_weights", "_truth"} & set(path.parts)
        and path.name not in ("__init__.py", "_native.c")
        and not (path.suffix == ".c" and path.with_suffix(".h").exists())  # the header is named
    ]
    assert len(files) > 150
    assert [path.name for path in files if not re.search(rf"\b{re.escape(path.name)}\b", told)] == []
