"""The C engine built in other ways: without a compiler, by other compilers, with other optimisation."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SUFFIX = ".abi3.so" if os.name == "posix" else ".pyd"
WHEEL = ("-m", "pip", "wheel", "--no-deps", "--no-build-isolation")
CLEAN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(*command: str | Path, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, *map(str, command)]
    return subprocess.run(arguments, capture_output=True, text=True, cwd=folder, env={**CLEAN, **environment})


def sources(root: Path, folder: Path) -> Path:
    """A copy of the sources of the package, as in a fresh clone."""
    ignored = shutil.ignore_patterns(".git", ".venv", "build", "tests", "*.so", "_native.c", ".*_cache", "__pycache__")
    return Path(shutil.copytree(root, folder / "source", ignore=ignored))


@pytest.mark.full
@pytest.mark.parametrize("compiler", ["/nonexistent/cc", "false"])
def test_without_a_compiler(compiler: str, root: Path, tmp_path: Path) -> None:
    """The package installs, falls back to NumPy with one warning, and says why there is no native engine."""
    pytest.importorskip("Cython", reason="Cython comes with the extra dev")
    source = sources(root, tmp_path)
    stale = source / "refpose" / "engine" / f"_native{SUFFIX}"
    stale.write_bytes(b"an engine of older sources")
    done = run(*WHEEL, "-v", "-w", tmp_path, source, CC=compiler)
    assert done.returncode == 0, done.stderr
    assert "Install a C compiler" in done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not stale.exists()
    done = run("-m", "pip", "install", "-q", "--no-deps", "--target", tmp_path / "site", wheel)
    assert done.returncode == 0, done.stderr
    code = (
        "import numpy as np, refpose\n"
        "nets = [refpose.load_network('lite') for _ in range(2)]\n"
        "assert [net.engine for net in nets] == ['numpy'] * 2\n"
        "assert nets[0](np.zeros((256, 256, 3), np.float32))['presence'] < 0.5\n"
        "try:\n    refpose.load_network('lite', 'native')\n"
        "except RuntimeError as error:\n    print(refpose.__file__, error)\n"
    )
    done = run("-c", code, folder=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))
    assert "installed without its native engine" in done.stdout
    (warning,) = done.stderr.splitlines()
    assert "gcc" in warning
    assert '"pip install --force-reinstall --no-deps --no-cache-dir ."' in warning
    assert run("-c", "import refpose.engine as e; e.resolve('auto')", folder=source).stderr.startswith(
        f"refpose is imported from its source folder {source}, where its native engine is not built"
    )


@pytest.mark.full
def test_python_started_in_the_source_folder_has_the_engine(root: Path, tmp_path: Path) -> None:
    """Any build leaves it there, since Python started there imports that folder and not what was installed."""
    pytest.importorskip("refpose.engine._native", reason="the native engine was not built")
    pytest.importorskip("Cython", reason="Cython comes with the extra dev")
    source = sources(root, tmp_path)
    done = run(*WHEEL, "-q", "-w", tmp_path, source, CFLAGS="-O0")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert not wheel.name.endswith("-any.whl")
    code = "import refpose; print(refpose.__file__, refpose.load_network('lite').engine)"
    for command in (("-c", code), ("-i", "-c", code), ("-m", "code")):  # the last two as a notebook and a prompt would
        arguments = [sys.executable, *command]
        done = subprocess.run(arguments, input=code, capture_output=True, text=True, cwd=source, env=CLEAN)
        assert f"{source / 'refpose' / '__init__.py'} native" in done.stdout, done.stderr
    with (source / "src_c" / "vec.h").open("a") as file:
        file.write("// a change after the build\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=source, env=CLEAN)
    assert done.stdout.endswith(" numpy\n")
    assert "an engine of other sources" in done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "refpose", "inspect", "lite"], capture_output=True, cwd=source, env=CLEAN
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.full
def test_other_builds_give_the_same_bits(root: Path, tmp_path: Path) -> None:
    """With clang where it is, and -O3; `make compilers` tries gcc and clang, -O2 and -O3."""
    pytest.importorskip("refpose.engine._native", reason="the native engine was not built")
    compiler = next(filter(shutil.which, ("clang", "gcc")), None)
    if compiler is None:
        pytest.skip("neither clang nor gcc")
    package = Path(importlib.import_module("refpose").__file__ or "").resolve().parents[1]
    script = root / "tests" / "native" / "check.py"
    options = ("--cc", compiler, "--flags=-O3", "--networks", "lite", "--folder", tmp_path / "check")
    done = run(script, *options, PYTHONPATH=str(package))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" 0 results that differ") == 1
