"""Timings: kernels, networks, pictures and videos, refpose's engines and other runtimes turn by turn in one process.

``refpose bench`` starts this module as a process of its own, ``python -m refpose.study.bench SETTINGS``, because what
decides about threads must be known before NumPy and the others are imported. SETTINGS is JSON; lines of JSON come back.

Contestants take turns of some calls each, so that whatever else the machine does hits all alike, and are compared by
the ratio of their minima. Every thread is on the same processors. A turn during which threads of another contestant
worked is thrown away and counted.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, TextIO

TURN = 0.03  # seconds of calls in a row
INTRUSION = 0.01  # share of a turn that threads of other contestants may work
SLOW = 0.25  # seconds; calls that take longer are made twice only
PEERS = {"litert": "ai_edge_litert", "openvino": "openvino", "mediapipe": "mediapipe"}
PICTURE_SIZE = (1280, 720)
FRAMES = 60
MEDIAPIPE_FILES = {
    "detector": "pose_detection/pose_detection.tflite",
    **{name: f"pose_landmark/pose_landmark_{name}.tflite" for name in ("lite", "full", "heavy")},
}


@dataclass
class Contestant:
    """What is timed against others.

    Attributes
    ----------
    name : str
    call : callable
        Does the work once.
    threads : set of int
        Its own threads, by number.
    seconds : list of float
        Of every timed call.
    spoiled : int
        Turns that were thrown away.
    """

    name: str
    call: Callable[[], object]
    threads: set[int] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)
    spoiled: int = 0


def processor_seconds() -> dict[int, float] | None:
    """Seconds that every thread of this process has worked; None where the system does not tell."""
    found = {}
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/schedstat", encoding="ascii") as file:
                found[int(thread)] = int(file.read().split()[0]) / 1e9
    except OSError:
        return None
    return found


def fastest(call: Callable[[], object], seconds: float) -> float:
    """The shortest of several runs, in seconds."""
    best, end = float("inf"), time.monotonic() + seconds
    while best == float("inf") or time.monotonic() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def prepare(name: str, make: Callable[[], Callable[[], object]]) -> Contestant:
    """Make a contestant, run it twice, and note the threads that it started."""
    before = set(processor_seconds() or ())
    call = make()
    call()
    call()
    return Contestant(name, call, set(processor_seconds() or ()) - before)


def compete(contestants: Sequence[Contestant], seconds: float) -> None:
    """Let the quick ones take turns for about that long, three turns at least; the slow ones make two calls before."""
    quick = []
    for one in contestants:
        cost = fastest(one.call, TURN)
        if cost < SLOW:
            quick.append((one, max(1, min(200, int(TURN / cost)))))
        else:
            for _ in range(2):
                _turn(one, 1)
    number, end = 0, time.monotonic() + seconds
    while quick and (number < 3 or time.monotonic() < end):
        for i in range(len(quick)):
            _turn(*quick[(i + number) % len(quick)])
        number += 1


def _turn(one: Contestant, calls: int) -> None:
    if calls > 1:
        one.call()  # brings its weights back into the cache
    before = processor_seconds()
    found = []
    start = last = time.perf_counter()
    for _ in range(calls):
        one.call()
        now = time.perf_counter()
        found.append(now - last)
        last = now
    after = processor_seconds()
    if before is not None and after is not None:
        others = set(after) - one.threads - {threading_native_id()}
        worked = sum(after[thread] - before.get(thread, 0.0) for thread in others)
        if worked > INTRUSION * (last - start):
            one.spoiled += 1
            return
    one.seconds += found


def threading_native_id() -> int:
    """The number of the calling thread."""
    from threading import get_native_id

    return get_native_id()


def rows(contestants: Sequence[Contestant]) -> list[dict[str, Any]]:
    """Minimum and median of every contestant, and how many times as long as the first it takes."""
    first = contestants[0].seconds
    return [
        {
            "name": one.name,
            "calls": len(one.seconds),
            "spoiled_turns": one.spoiled,
            "minimum_ms": 1e3 * min(one.seconds) if one.seconds else None,
            "median_ms": 1e3 * median(one.seconds) if one.seconds else None,
            "ratio_of_minima": min(one.seconds) / min(first) if one.seconds and first else None,
            "ratio_of_medians": median(one.seconds) / median(first) if one.seconds and first else None,
        }
        for one in contestants
    ]


# Networks ------------------------------------------------------------------------------------------------------------


def engine_names(wanted: Sequence[str]) -> list[str]:
    """The engines that can run here, of those that are wanted."""
    from ..engine import resolve

    return [name for name in wanted if name != "native" or resolve("auto") == "native"]


def model_file(network: str, folder: str | None) -> Path | None:
    """Google's model file of a network: in the folder, or in MediaPipe's wheel, which has two of the four."""
    if folder is not None:
        path = Path(folder) / Path(MEDIAPIPE_FILES[network]).name
        return path if path.is_file() else None
    spec = find_spec("mediapipe")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "modules" / MEDIAPIPE_FILES[network]
    return path if path.is_file() else None


def network_contestants(network: str, settings: dict[str, Any]) -> list[Contestant]:
    """A network on refpose's engines and on the other runtimes that are here."""
    import numpy as np

    from ..engine import load_network

    threads = settings["threads"]
    shape = load_network(network, "reference").input_shape
    x = np.random.default_rng(1).random(shape, np.float32)

    def engine(name: str) -> Callable[[], Callable[[], object]]:
        def make() -> Callable[[], object]:
            net = load_network(network, name, threads)
            return lambda: net(x)

        return make

    found = [prepare(f"refpose {name}", engine(name)) for name in engine_names(settings["engines"])]
    path = model_file(network, settings["models"])
    makers = {"litert": ("LiteRT XNNPACK", _litert), "openvino": ("OpenVINO f32", _openvino)}
    for peer, (title, maker) in makers.items():
        if peer in settings["peers"] and path is not None:
            file = path
            found.append(prepare(title, lambda maker=maker, file=file: maker(file, x, threads)))  # type: ignore[misc]
    return found


def _litert(path: Path, x: Any, threads: int) -> Callable[[], object]:
    interpreter = import_module("ai_edge_litert.interpreter").Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x[None])
    call: Callable[[], object] = interpreter.invoke
    return call


def _openvino(path: Path, x: Any, threads: int) -> Callable[[], object]:
    core = import_module("openvino").Core()
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": False,
    }
    request = core.compile_model(core.read_model(str(path)), "CPU", options).create_infer_request()
    request.infer([x[None]])
    call: Callable[[], object] = request.infer
    return call


# Pictures and videos -------------------------------------------------------------------------------------------------


def frames() -> list[Any]:
    """A person on a grey wall, 1280 x 720 RGB, walking a pixel a frame to the right and back."""
    import numpy as np
    from PIL import Image

    from .truth import FOLDER

    with Image.open(FOLDER / "astronaut.png") as image:
        person = np.asarray(image.convert("RGB").resize((640, 640), Image.Resampling.BILINEAR))
    found = []
    for i in range(FRAMES):
        frame = np.full((PICTURE_SIZE[1], PICTURE_SIZE[0], 3), 128, np.uint8)
        left = 300 + min(i, FRAMES - i)
        frame[40:680, left : left + 640] = person
        found.append(frame)
    return found


def picture_contestants(model: str, mode: str, settings: dict[str, Any]) -> list[Contestant]:
    """A model on whole pictures (mode "image") or on a video's frames in tracking ("video")."""
    from ..pose import Pose

    images = frames() if mode == "video" else frames()[:1]

    def walking(process: Callable[[Any], object]) -> Callable[[], object]:
        def endless() -> Iterator[Any]:
            while True:
                yield from images

        supply = endless()
        return lambda: process(next(supply))

    def engine(name: str) -> Callable[[], Callable[[], object]]:
        def make() -> Callable[[], object]:
            pose = Pose(model, mode, engine=name, threads=settings["threads"])
            if not pose.process(images[0]):
                raise RuntimeError("nobody was found on the test picture")
            return walking(pose.process)

        return make

    found = [prepare(f"refpose {name}", engine(name)) for name in engine_names(settings["engines"])]
    if "mediapipe" in settings["peers"] and model_file(model, None) is not None:
        found.append(prepare("MediaPipe", lambda: walking(_mediapipe(model, mode))))
    return found


def _mediapipe(model: str, mode: str) -> Callable[[Any], object]:
    solutions = import_module("mediapipe").solutions
    complexity = ("lite", "full", "heavy").index(model)
    pose = solutions.pose.Pose(static_image_mode=mode == "image", model_complexity=complexity)
    process: Callable[[Any], object] = pose.process
    return process


# Kernels -------------------------------------------------------------------------------------------------------------


def peak_gflops(isa: str) -> float:
    """Multiply-adds of registers alone, as 1e9 operations a second, a multiply-add being two; 0 for plain C."""
    from ..engine import _native

    rounds = 500_000
    done: int = _native.peak(isa, rounds)
    return 2e-9 * done / fastest(lambda: _native.peak(isa, rounds), 0.1)


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


def machine() -> dict[str, Any]:
    """What this runs on, and when: processor, instruction set, versions, day."""
    import numpy as np

    from .. import __version__
    from ..engine import native_isa, resolve

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


def run(settings: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Do all that the settings ask for; `say` is given a line of progress now and then."""
    report: dict[str, Any] = {
        "settings": settings,
        "machine": machine(),
        "checked_threads": processor_seconds() is not None,
    }
    isa = report["machine"]["isa"]
    for what in settings["what"]:
        report[what] = {}
        for network in settings["networks"]:
            if what != "networks" and what != "kernels" and network == "detector":
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
