"""What this runs on: processor, instruction set, versions."""

from __future__ import annotations

import platform
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..engine import native_isa, resolve
from .contest import fastest


def machine() -> dict[str, Any]:
    """What this runs on, and when: processor, instruction set, versions, day."""
    native = resolve("auto") == "native"
    packages = ("ai-edge-litert", "openvino", "mediapipe")
    versions = {"refpose": __version__, "Python": platform.python_version(), "NumPy": np.__version__}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    isa = native_isa() if native else None
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": processor(),
        "system": platform.platform(),
        "isa": isa,
        "limit_gflops": peak_gflops(isa) if isa is not None else None,
        "versions": versions,
    }


def processor() -> str:
    """The processor's name, with its family and model where the system tells them: names alone say little in clouds."""
    told: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            name, _, value = line.partition(":")
            told.setdefault(name.strip(), value.strip())
    except OSError:
        pass
    if "model name" not in told:
        return platform.processor() or platform.machine()
    family = f" (family {told['cpu family']} model {told['model']})" if {"cpu family", "model"} <= set(told) else ""
    return told["model name"] + family


def peak_gflops(isa: str) -> float:
    """Multiply-adds of registers alone, as 1e9 operations a second, a multiply-add being two; 0 for plain C."""
    from ..engine import _native  # is not there when it was not built

    rounds = 500_000
    done: int = _native.peak(isa, rounds)
    return 2e-9 * done / fastest(lambda: _native.peak(isa, rounds), 0.1)
