"""Pages that are made from the package: the API, the command line, the numbers of the key points, measured times."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import refpose
from refpose import cli
from refpose.motion.angles import ANGLES

# Modules whose names are not refpose's own: the facade's are MediaPipe's (migration.md), those of the command line are
# its verbs (command-line page).
NOT_LISTED = ("refpose.__main__", "refpose.cli", "refpose.tools", "refpose.mediapipe.")

# A page each, in this order: title, and the modules below a package; the first has those of the package itself.
GROUPS = {
    "refpose": "Public modules",
    "refpose.stages": "Stages of a frame",
    "refpose.networks": "Networks",
    "refpose.engine": "Engines",
    "refpose.study": "Study, compare, verify, report",
    "refpose.accuracy": "Accuracy",
    "refpose.tables": "Tables",
    "refpose.motion": "Motion and files for other programs",
    "refpose.mediapipe": "MediaPipe's names",
    "refpose.reading": "Reading files of strangers",
}


def modules() -> list[ModuleType]:
    """All modules whose public names the API pages list."""
    return list(_below(refpose))


def _below(package: ModuleType) -> Iterator[ModuleType]:
    """The listed modules of a package, and those of its packages; others are not imported."""
    for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if info.name.startswith(NOT_LISTED) or info.name.rpartition(".")[2].startswith("_"):
            continue
        module = importlib.import_module(info.name)
        yield module
        if info.ispkg:
            yield from _below(module)


def public(module: ModuleType) -> Iterator[str]:
    """The public classes and functions that a module defines."""
    for name, value in vars(module).items():
        if name.startswith("_") or not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        if value.__module__ == module.__name__:
            yield name


def group_of(name: str) -> str:
    """The page of a module."""
    package = ".".join(name.split(".")[:2])
    if package in GROUPS:
        return package
    return package if hasattr(importlib.import_module(package), "__path__") else "refpose"


def write(folder: Path) -> None:
    """Write all pages into a folder."""
    (folder / "api").mkdir(parents=True, exist_ok=True)
    pages: dict[str, list[str]] = {}
    for module in modules():
        pages.setdefault(group_of(module.__name__), []).append(module.__name__)
    for group, members in pages.items():
        text = titled(GROUPS.get(group, group), "=") + "".join(map(module_text, members))
        (folder / "api" / f"{group}.rst").write_text(text, "utf-8")
    order = [*GROUPS, *(group for group in pages if group not in GROUPS)]
    tree = ".. toctree::\n\n" + "".join(f"   /_figures/api/{group}\n" for group in order if group in pages)
    (folder / "api.rst").write_text(tree, "utf-8")
    (folder / "command-line.rst").write_text(command_line(), "utf-8")
    (folder / "landmarks.rst").write_text(landmarks(), "utf-8")
    (folder / "angles.rst").write_text(angles(), "utf-8")
    (folder / "performance.rst").write_text(performance(folder.parent / "bench"), "utf-8")


def angles() -> str:
    """The definitions of the angles."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 18 40 12 30", ""]
    rows = [("angle", "points", "in the world", "positive; zero")]
    rows += [(f"``{name}``", ", ".join(a.points), a.plane, a.positive) for name, a in ANGLES.items()]
    for row in rows:
        lines += [f"   {'*' if k == 0 else ' '} - {cell}" for k, cell in enumerate(row)]
    return "\n".join(lines) + "\n"


def titled(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}\n\n"


def module_text(name: str) -> str:
    """One module; what `refpose` itself has is on the front page of the API."""
    module = importlib.import_module(name)
    front = [own for own in public(module) if getattr(refpose, own, None) is getattr(module, own)]
    text = titled(name, "-") + f".. automodule:: {name}\n"
    if any(public(module)) or not hasattr(module, "__path__"):
        text += "   :members:\n   :undoc-members:\n"
        if front:
            text += f"   :exclude-members: {', '.join(front)}\n"
    return text + "\n"


def command_line() -> str:
    """What ``--help`` prints, for every verb."""
    before = dict(os.environ)
    os.environ["COLUMNS"] = "100"  # which argparse obeys
    try:
        whole = cli.parser()
        text = literal(whole.format_help())
        for verb, parser in cli.verbs(whole).items():
            text += titled(f"refpose {verb}", "-") + literal(parser.format_help())
        return text
    finally:
        os.environ.clear()
        os.environ.update(before)


WHAT = {"networks": "network, all outputs", "pictures": "picture", "video": "frame of a video, tracking"}
PEERS = {"LiteRT XNNPACK": "LiteRT", "OpenVINO f32": "OpenVINO", "MediaPipe": "MediaPipe"}


def performance(files: Path) -> str:
    """A table for every report of ``refpose bench --json`` in a folder: refpose's times, and others' in them."""
    text = ""
    for path in sorted(files.glob("*.json")):
        report = json.loads(path.read_text("utf-8"))
        machine, threads = report["machine"], report["settings"]["threads"]
        versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
        text += titled(f"{machine['processor']}, {threads} thread{'s' * (threads > 1)}", "-")
        text += f"{machine['date']}; kernels {machine['isa']}; {versions}."
        text += f" **{report['remark'].capitalize()}.**\n\n" if "remark" in report else "\n\n"
        rows = [["", "refpose, ms", *PEERS.values(), "hours of video per core-hour"]]
        for what, title in WHAT.items():
            for network, contestants in report.get(what, {}).items():
                found = {row["name"]: row for row in contestants}
                own = found["refpose native"]["minimum_ms"]
                others = [found.get(peer, {}).get("ratio_of_minima") for peer in PEERS]
                hours = f"{1000 / own / 30 / threads:.1f}" if what == "video" else ""
                ratios = ["" if ratio is None else f"x {ratio:.2f}" for ratio in others]
                rows.append([f"{network}: {title}", f"{own:.1f}", *ratios, hours])
        text += list_table(rows, "34 12 10 10 10 24")
    return text


def list_table(rows: list[list[str]], widths: str) -> str:
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in rows:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}".rstrip() for i, cell in enumerate(row)]
    return "\n".join(lines) + "\n\n"


def literal(text: str) -> str:
    return "::\n\n" + "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines()) + "\n"


def landmarks() -> str:
    """The table of the 33 key points: number, name, and number of the partner on the other side."""
    partners = dict(refpose.topology.LEFT_RIGHT_PAIRS) | {b: a for a, b in refpose.topology.LEFT_RIGHT_PAIRS}
    rows = [["number", "name", "other side"]]
    rows += [[str(int(p)), f"``{p.name}``", str(int(partners.get(p, p)))] for p in refpose.PoseLandmark]
    return list_table(rows, "12 40 20")
