"""The C engine built in other ways: without a compiler, by other compilers, with other optimisation."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def run(*command: str | Path, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, *map(str, command)]
    return subprocess.run(arguments, capture_output=True, text=True, cwd=folder, env={**os.environ, **environment})


@pytest.mark.full
def test_without_a_compiler(root: Path, tmp_path: Path) -> None:
    """The package installs, falls back to NumPy with one warning, and says why there is no native engine."""
    ignored = shutil.ignore_patterns(".git", ".venv", "build", "tests", "*.so", "_native.c", ".*_cache", "__pycache__")
    shutil.copytree(root, tmp_path / "source", ignore=ignored)
    options = ("-q", "--no-deps", "--target", tmp_path / "site")
    done = run("-m", "pip", "install", *options, tmp_path / "source", CC="/nonexistent/cc")
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
    assert done.stderr.count("no native engine") == 1


@pytest.mark.full
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_other_builds_give_the_same_bits(compiler: str, root: Path, tmp_path: Path) -> None:
    pytest.importorskip("refpose.engine._native", reason="the native engine was not built")
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler}")
    package = Path(importlib.import_module("refpose").__file__ or "").resolve().parents[1]
    script = root / "tests" / "native" / "check.py"
    options = ("--cc", compiler, "--networks", "lite", "--folder", tmp_path / "check")
    done = run(script, *options, PYTHONPATH=str(package))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" 0 results that differ") == 2
