"""Pages that are made from the package: the API, the command line, the numbers of the key points, measured times."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import BuiltinFunctionType, GenericAlias, ModuleType
from typing import Any

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
    (folder / "options.rst").write_text(shared_options(), "utf-8")
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
        # autodoc asks for the signatures of imported functions and of aliases too, and fails at some.
        odd = [own for own, value in vars(module).items() if isinstance(value, BuiltinFunctionType | GenericAlias)]
        if front + odd:
            text += f"   :exclude-members: {', '.join(front + odd)}\n"
    return text + "\n"


SHARING = ("image", "video", "camera", "export")


def shared_options() -> str:
    """Which options two or more of the verbs that find and write people have."""
    verbs = cli.verbs(cli.parser())
    having: dict[str, list[str]] = {}
    for verb in SHARING:
        for action in verbs[verb]._actions:
            for name in action.option_strings:
                if name.startswith("--") and name != "--help" and not name.startswith("--no-draw"):
                    having.setdefault(name, []).append(verb)
    text = ".. list-table::\n   :header-rows: 1\n\n   * - option\n" + "".join(f"     - {verb}\n" for verb in SHARING)
    for name, verbs_with in sorted(having.items()):
        if len(verbs_with) > 1:
            text += f"   * - ``{name}``\n"
            text += "".join(f"     - {'x' if verb in verbs_with else ''}".rstrip() + "\n" for verb in SHARING)
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


WHAT = {
    "networks": "network, all outputs",
    "pictures": "picture",
    "video": "frame of a video, tracking",
    "people": "frame with three people, as MediaPipe Tasks",
}
PEERS = {
    "LiteRT XNNPACK": "LiteRT",
    "OpenVINO f32": "OpenVINO",
    "MediaPipe": "MediaPipe",
    "MediaPipe Tasks": "MediaPipe",
}


def performance(files: Path) -> str:
    """Tables for every report of ``refpose bench --json`` in a folder: refpose's times, and others' in them."""
    text = ""
    for path in sorted(files.glob("*.json")):
        report = json.loads(path.read_text("utf-8"))
        machine, threads = report["machine"], report["settings"]["threads"]
        versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
        used = "whole programs" if "programs" in report else f"{threads} thread{'s' * (threads > 1)}"
        text += titled(f"{machine['processor']}, {used}", "-")
        text += f"{machine['date']}; kernels {machine['isa']}; {versions}."
        text += f" **{report['remark'].capitalize()}.**\n\n" if "remark" in report else "\n\n"
        text += turns_table(report, threads)
        text += programs_table(report.get("programs", {}))
    return text


def turns_table(report: dict[str, Any], threads: int) -> str:
    """What took turns in one process."""
    columns = list(dict.fromkeys(PEERS.values()))
    rows = [["", "refpose, ms", *columns, "hours of video per core-hour"]]
    for what, title in WHAT.items():
        for network, (own, *others) in report.get(what, {}).items():
            ratios = {PEERS[row["name"]]: row["ratio_of_minima"] for row in others if row["name"] in PEERS}
            hours = f"{1000 / own['minimum_ms'] / 30 / threads:.1f}" if what in ("video", "people") else ""
            cells = [f"x {ratios[name]:.2f}" if ratios.get(name) else "" for name in columns]
            rows.append([f"{network}: {title}", f"{own['minimum_ms']:.1f}", *cells, hours])
    return list_table(rows, "34 12 10 10 10 24") if len(rows) > 1 else ""


def programs_table(programs: dict[str, list[dict[str, Any]]]) -> str:
    """Whole programs, each a process of its own: times of a frame, and how many times as long as the first takes."""
    if not programs:
        return ""
    rows = [["program (on all processors)", "", "ms a frame", "", ""]]
    for group, members in programs.items():
        for i, row in enumerate(members):
            ratios = ["", ""] if i == 0 else [f"x {row['ratio_of_minima']:.2f}", f"x {row['ratio_of_medians']:.2f}"]
            rows.append([group if i == 0 else "", row["name"], f"{row['minimum_ms']:.1f}", *ratios])
    rows[0][3:] = ["by minima", "by medians"]
    return list_table(rows, "38 26 12 12 12")


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
