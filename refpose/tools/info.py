"""Tell what a report of a fault should say: versions, engine, kernels, paths, libraries, environment variables."""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import __version__
from ..engine import native_isa, resolve
from ..files import json_text
from ..networks import NETWORKS, weights
from ..study.machine import processor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``refpose info``."""
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Do ``refpose info``."""
    found = information()
    if args.json:
        print(json_text(found))
        return 0
    for name, value in found.items():
        text = ", ".join(f"{key} {what}" for key, what in value.items()) if isinstance(value, dict) else str(value)
        print(f"{name + ':':14}{text or 'none'}")
    return 0


def information() -> dict[str, Any]:
    """All that is told, by name."""
    try:
        engine, isa = resolve("auto"), native_isa()
    except (ValueError, RuntimeError) as error:
        engine, isa = "numpy", str(error)
    return {
        "refpose": __version__,
        "Python": f"{platform.python_implementation()} {sys.version.split()[0]}, {sys.executable}",
        "system": platform.platform(),
        "processor": f"{processor()}, {os.cpu_count()} threads",
        "engine": engine,
        "kernels": isa,
        "path": str(Path(weights.__file__).resolve().parents[1]),
        "weights": {name: str(path) for name in NETWORKS if (path := weights.default_path(name)).is_file()},
        "libraries": dict(libraries()),
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith("REFPOSE_")},
    }


def libraries() -> Iterator[tuple[str, str]]:
    """The dependencies that are installed, those of the extras too, with their versions."""
    try:
        required = metadata.requires("refpose") or []
    except metadata.PackageNotFoundError:  # from a source folder
        required = ["numpy", "h5py", "pillow", "av", "matplotlib", "tqdm", "pyarrow"]
    names = dict.fromkeys(match[0].lower() for line in required if (match := re.match(r"[\w.-]+", line)))
    for name in names:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
