"""Time kernels, networks, whole pictures and videos, and compare the engines with each other and with other runtimes.

Those of ai-edge-litert, openvino and mediapipe that are installed (pip install "refpose[bench]" mediapipe) are timed
turn by turn with refpose in one process, all threads on the same processor (one by default). LiteRT and OpenVINO read
the published .tflite files: from the folder --models, or those two that come with mediapipe. Printed are minimum and
median, and how many times as long as refpose's first engine each takes: ratios of the minima, which hold on a busy
machine too, and of the medians. Turns during which another contestant's threads worked do not count.

People are three, 1280 x 720, in a video: as MediaPipe Tasks finds them, and as refpose follows them, who keep their
identities. MediaPipe Tasks reads its published .task files from the folder --models.

Programs are the loop of MediaPipe's users (with OpenCV) in MediaPipe and in refpose.mediapipe, `refpose video` with and
without picture, and two videos or many pictures with one process and with two, each as a process of its own on all
processors; times are those of a frame.

The kernels are the steps of a network's plan, each on its own; a multiply-add is two operations, those with zero
weights included, and the limit is what multiply-adds of registers alone reach in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .. import messages
from ..engine import blas, resolve
from ..families import MODELS
from ..files import json_text
from ..networks import NETWORKS, weights
from ..study.peers import BUNDLE, PEERS, bundle_file, file_names, model_file
from .movement import above_zero
from .options import positive

PACKAGE = Path(__file__).resolve().parents[1]
WHAT = ("kernels", "networks", "pictures", "video", "people", "programs")
ENGINES = ("native", "numpy", "reference")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``refpose bench``."""
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"{', '.join(WHAT)}; all by default")
    parser.add_argument("--networks", nargs="+", choices=tuple(NETWORKS), help="all that have weights here by default")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES, help="all by default")
    parser.add_argument("--peers", nargs="*", choices=tuple(PEERS), help="all that are installed by default")
    parser.add_argument("--models", type=Path, metavar="DIR", help="folder of the published .tflite and .task files")
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="and processors")
    parser.add_argument("--seconds", type=above_zero, default=3.0, help="for each comparison")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Do ``refpose bench``."""
    for what in args.what:
        if what not in WHAT:
            raise argparse.ArgumentError(None, f"nothing to time is called {what!r}: expected {', '.join(WHAT)}")
    if args.models is not None and not args.models.is_dir():
        raise FileNotFoundError(f"no folder {args.models}")
    installed = [peer for peer, module in PEERS.items() if find_spec(module) is not None]
    for peer in args.peers or ():
        if peer not in installed:
            raise ValueError(f'{peer} is not installed; get it with: pip install "refpose[bench]" mediapipe')
    for network in args.networks or ():
        weights.load(network)  # says what is missing
    if list(args.engines) == ["native"] and resolve("auto") != "native":
        raise ValueError("the native engine was not built, or not for this processor; choose others by --engines")
    settings = {
        "what": list(args.what or WHAT),
        "networks": args.networks or [name for name in NETWORKS if weights.default_path(name).is_file()],
        "engines": list(args.engines),
        "peers": installed if args.peers is None else args.peers,
        "models": None if args.models is None else str(args.models.resolve()),
        "threads": args.threads,
        "seconds": args.seconds,
    }
    report = measure(settings)
    if args.json:
        print(json_text(report))
    else:
        print("\n".join(text(report)))
    return 0


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """Have everything timed by a process of its own, and return its report."""
    threads = str(settings["threads"])
    quiet = {"GLOG_minloglevel": "3", "TF_CPP_MIN_LOG_LEVEL": "3"}
    limits = dict.fromkeys(blas.THREADS, threads)
    command = [sys.executable, "-m", "refpose.study.bench", json.dumps(settings)]
    paths = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, **quiet, **limits, "PYTHONPATH": paths, "PYTHONSAFEPATH": "1"}
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, env=environment)
        with process:
            for line in process.stdout or ():
                found = json.loads(line)
                if "report" in found:
                    report: dict[str, Any] = found["report"]
                else:
                    messages.say(found["progress"], sys.stderr)
        if process.returncode:
            said.seek(0)
            last = said.read().rstrip().rpartition("\n")[2]
            raise ChildProcessError(f"the timing process ended with {process.returncode}: {last}")
    return report


def text(report: dict[str, Any]) -> list[str]:
    """The report as lines to read."""
    machine, settings = report["machine"], report["settings"]
    threads = settings["threads"]
    lines = [
        f"{machine['processor']}, {machine['system']}",
        ", ".join(f"{name} {version}" for name, version in machine["versions"].items()),
        f"{threads} thread{'s' * (threads > 1)} on as many processors",
    ]
    if machine["isa"] is None:
        lines.append("the native engine was not built, or not for this processor")
    else:
        lines.append(f"native kernels: {machine['isa']}, limit {machine['limit_gflops']:.0f} GFLOP/s on one thread")
    if not settings["peers"]:
        lines.append("none of ai-edge-litert, openvino and mediapipe is installed or wanted: refpose alone")
    if not report["checked_threads"]:
        lines.append("this system does not tell what threads do: turns were not checked")
    for what in settings["what"]:
        for network, rows in report[what].items():
            lines += ["", f"{what}: {network}"]
            lines += kernel_lines(rows, machine["limit_gflops"]) if what == "kernels" else turn_lines(rows)
            lines += missing(what, network, settings)
    return lines


def kernel_lines(rows: list[dict[str, Any]], limit: float) -> list[str]:
    """The table of kernels, and how fast they are together."""
    lines = [f"{'step':>4}  {'kernel':<24} {'output':<14} {'us':>8} {'GFLOP/s':>8} {'x plain':>8}  last layer"]
    for row in rows:
        shape = "x".join(map(str, row["shape"]))
        lines.append(
            f"{row['step']:4}  {row['kernel']:<24} {shape:<14} {row['microseconds']:8.1f} {row['gflops']:8.1f} "
            f"{row['times_plain']:8.1f}  {row['layer']}"
        )
    total = sum(row["microseconds"] for row in rows)
    rate = sum(row["microseconds"] * row["gflops"] for row in rows) / total
    share = f", {rate / limit:.2f} of the limit" if limit else ""
    plain = sum(row["microseconds"] * row["times_plain"] for row in rows) / total
    return [*lines, f"      all: {total / 1e3:.2f} ms, {rate:.1f} GFLOP/s{share}, {plain:.1f} times faster than plain"]


def turn_lines(rows: list[dict[str, Any]]) -> list[str]:
    """The table of contestants."""
    lines = [
        f"  {'':<30} {'min ms':>9} {'median':>9}  {'x min':>6} {'x median':>8}  {'calls':>6} {'spoiled turns':>13}"
    ]
    for row in rows:
        if row["minimum_ms"] is None:
            lines.append(f"  {row['name']:<30} no turn without threads of others ({row['spoiled_turns']} spoiled)")
            continue
        ratios = [" " if row[name] is None else f"{row[name]:.2f}" for name in ("ratio_of_minima", "ratio_of_medians")]
        lines.append(
            f"  {row['name']:<30} {row['minimum_ms']:9.3f} {row['median_ms']:9.3f}  {ratios[0]:>6} {ratios[1]:>8}  "
            f"{row['calls']:6} {row['spoiled_turns']:13}"
        )
    return lines


def missing(what: str, network: str, settings: dict[str, Any]) -> list[str]:
    """What could not be compared, and why."""
    if what == "networks" and {"litert", "openvino"} & set(settings["peers"]):
        file = model_file(network, settings["models"])
        names = file_names(network)
        why = f"no {' or '.join(names)}; name its folder by --models" if names else "no .tflite of it was published"
    elif what in ("pictures", "video") and network in MODELS and "mediapipe" in settings["peers"]:
        file = model_file(network, None)
        why = "MediaPipe's package does not hold this model"
    elif what == "people" and "mediapipe" in settings["peers"]:
        file = bundle_file(network, settings["models"])
        why = f"no {BUNDLE.format(network)}; name its folder by --models"
    else:
        return []
    return [f"  not compared: {why}"] if file is None else []
