"""Timings: kernels, networks, pictures and videos, refpose's engines and other runtimes turn by turn in one process.

``refpose bench`` starts this module as a process of its own, ``python -m refpose.study.bench SETTINGS``, because what
decides about threads must be known before NumPy and the others are imported. SETTINGS is JSON; lines of JSON come back.

How turns are taken and compared is told in `contest`; all threads are on the same processors.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import metadata
from itertools import cycle
from pathlib import Path
from typing import Any, TextIO

from . import peers
from .contest import Contestant, compete, fastest, prepare, processor_seconds, rows

# Networks ------------------------------------------------------------------------------------------------------------


def engine_names(wanted: Sequence[str]) -> list[str]:
    """The engines that can run here, of those that are wanted."""
    from ..engine import resolve

    return [name for name in wanted if name != "native" or resolve("auto") == "native"]


def network_contestants(network: str, settings: dict[str, Any]) -> list[Contestant]:
    """A network on refpose's engines and on the other runtimes that are here."""
    import numpy as np

    from ..engine import load_network
    from ..networks import NETWORKS

    threads = settings["threads"]
    x = np.random.default_rng(1).random(NETWORKS[network][1], np.float32)

    def engine(name: str) -> Callable[[], Callable[[], object]]:
        def make() -> Callable[[], object]:
            net = load_network(network, name, threads)
            return lambda: net(x)

        return make

    found = [prepare(f"refpose {name}", engine(name)) for name in engine_names(settings["engines"])]
    path = peers.model_file(network, settings["models"])
    makers = {"litert": ("LiteRT XNNPACK", peers.litert), "openvino": ("OpenVINO f32", peers.openvino)}
    for peer, (title, maker) in makers.items():
        if peer in settings["peers"] and path is not None:
            file = path
            found.append(prepare(title, lambda maker=maker, file=file: maker(file, x, threads)))  # type: ignore[misc]
    return found


# Pictures and videos -------------------------------------------------------------------------------------------------


def walking(process: Callable[[Any], object], images: Sequence[Any]) -> Callable[[], object]:
    """Process the next of the frames, over and over."""
    supply = cycle(images)
    return lambda: process(next(supply))


def ready(pose: Any, images: Sequence[Any], people: int = 1) -> Callable[[], object]:
    """A pose estimator at work on the frames, on which it finds so many people."""
    for image in images[:2]:
        found = len(pose.process(image))
        if found != people:
            raise RuntimeError(f"{found} people were found on the test picture, not {people}")
    return walking(pose.process, images)


def picture_contestants(model: str, mode: str, settings: dict[str, Any]) -> list[Contestant]:
    """A model on whole pictures (mode "image") or on a video's frames in tracking ("video")."""
    from ..pose import Pose
    from .walk import frames

    images = frames() if mode == "video" else frames()[:1]

    def engine(name: str) -> Contestant:
        return prepare(
            f"refpose {name}", lambda: ready(Pose(model, mode, engine=name, threads=settings["threads"]), images)
        )

    found = [engine(name) for name in engine_names(settings["engines"])]
    if "mediapipe" in settings["peers"] and peers.model_file(model, None) is not None:
        found.append(prepare("MediaPipe", lambda: walking(peers.mediapipe(model, mode), images)))
    return found


def people_contestants(model: str, settings: dict[str, Any]) -> list[Contestant]:
    """A model on a video's frames with several people, as MediaPipe Tasks finds them, and as refpose follows them.

    With several threads, two of the people are followed by all threads and by one besides.
    """
    from ..pose import Pose
    from ..tasks import VERSIONS, TasksPose
    from .walk import PEOPLE, people_frames

    images = people_frames()
    threads = settings["threads"]
    installed = metadata.version("mediapipe") if "mediapipe" in settings["peers"] else ""
    version = next(name for name in VERSIONS if installed.startswith("0.") == name.startswith("0."))

    def engine(name: str) -> Contestant:
        options = {"people": PEOPLE, "version": version, "engine": name, "threads": threads}
        return prepare(f"refpose {name}, Tasks {version}", lambda: ready(TasksPose(model, **options), images, PEOPLE))

    def follow(name: str, people: int, threads: int) -> Contestant:
        options: dict[str, Any] = {"people": people, "engine": name, "threads": threads}
        title = f"refpose {name}, people={people}" + ", one thread" * (threads < settings["threads"])
        return prepare(title, lambda: ready(Pose(model, **options), images, people))

    names = engine_names(settings["engines"])
    found = [*map(engine, names), *(follow(name, PEOPLE, threads) for name in names)]
    if threads > 1:
        found += [follow(name, 2, some) for name in names for some in (threads, 1)]
    bundle = peers.bundle_file(model, settings["models"])
    if installed and bundle is not None:
        found.append(prepare("MediaPipe Tasks", lambda: walking(peers.tasks(bundle, PEOPLE), images)))
    return found


# Kernels -------------------------------------------------------------------------------------------------------------


def kernel_rows(network: str, isa: str) -> list[dict[str, Any]]:
    """Every step of a network's plan on its own: time, rate, and how many times faster than its plain twin."""
    import numpy as np

    from ..engine import _native
    from ..engine.plan import Plan, link
    from ..networks import record, weights

    loaded = weights.load(network)
    plan = Plan.of(record(network), loaded)
    table, packed = link(plan, loaded)
    buffers = [np.zeros(abs(size), np.float32) for size in plan.sizes()[1:]]
    found = []
    for i, step in enumerate(plan.steps):
        seconds = {}
        for name in (isa, "ref"):
            program = _native.Program(table[i : i + 1], packed, plan.sizes(), name)
            program.run(*buffers)
            seconds[name] = fastest(lambda program=program: program.run(*buffers), 0.02)  # type: ignore[misc]
        macs = sum(part.macs for part in step.parts)
        found.append(
            {
                "step": i,
                "kernel": step.kernel,
                "layer": step.parts[-1].name if step.parts else "",
                "shape": plan.places[step.out.index].shape,
                "microseconds": 1e6 * seconds[isa],
                "gflops": 2e-9 * macs / seconds[isa],
                "times_plain": seconds["ref"] / seconds[isa],
            }
        )
    return found


# The process of its own ----------------------------------------------------------------------------------------------


def run(settings: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Do all that the settings ask for; `say` is given a line of progress now and then."""
    from ..families import MODELS, family_of
    from .machine import machine

    report: dict[str, Any] = {
        "settings": settings,
        "machine": machine(),
        "checked_threads": processor_seconds() is not None,
    }
    isa = report["machine"]["isa"]
    for what in settings["what"]:
        report[what] = {}
        for network in settings["networks"]:
            if what not in ("networks", "kernels") and network not in MODELS:
                continue
            if what == "people" and not any(option.name == "people" for option in family_of(network).options):
                continue
            say({"progress": f"{what}: {network}"})
            if what == "programs":
                from . import programs

                with tempfile.TemporaryDirectory() as folder:
                    for group, found in programs.measure(network, settings, Path(folder)).items():
                        report[what][f"{network}, {group}"] = found
                continue
            if what == "kernels":
                if isa is not None:
                    report[what][network] = kernel_rows(network, isa)
                continue
            if what == "networks":
                contestants = network_contestants(network, settings)
            elif what == "people":
                contestants = people_contestants(network, settings)
            else:
                mode = "image" if what == "pictures" else "video"
                contestants = picture_contestants(network, mode, settings)
            compete(contestants, settings["seconds"])
            report[what][network] = rows(contestants)
    return report


def main(argv: Sequence[str], out: TextIO) -> None:
    """Pin all threads, measure, and write lines of JSON: progress, then the report."""
    settings = json.loads(argv[0])
    if hasattr(os, "sched_setaffinity"):
        settings["processors"] = allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[-settings["threads"] :])

    def say(line: dict[str, Any]) -> None:
        out.write(json.dumps(line) + "\n")
        out.flush()

    say({"report": run(settings, say)})


if __name__ == "__main__":
    # Some runtimes write to stdout.
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    main(sys.argv[1:], results)
