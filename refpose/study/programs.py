"""Timings of whole programs: the classic loop, ``refpose video`` with and without picture, several files at a time.

Each program runs as a process of its own, ``python -m refpose.study.programs NAME SETTINGS``, on all processors that
``refpose bench`` may use, one after the other and in several rounds. It prints seconds a frame, from the first to the
end of the last; imports are not counted, nor the loading of MediaPipe's networks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from .contest import Contestant, rows
from .peers import COMPLEXITY, model_file
from .walk import frames

ROUNDS = 3
REPEATS = 4  # of the walk to and fro that a video shows

# What is compared: the first one's time is 1.
GROUPS = {
    "read, estimate, draw": ("loop facade", "loop MediaPipe"),
    "read, estimate, draw, write": ("video", "video MediaPipe"),
    "read, estimate, table": ("table", "table MediaPipe"),
    "cores: table of one video, then two at a time": ("table one thread", "table", "two tables, --jobs 2"),
    "cores: pictures one by one, then two at a time": ("pictures one thread", "pictures, --jobs 2"),
}
NEEDS = {"loop facade": ("cv2",), "MediaPipe": ("cv2", "mediapipe")}


def measure(model: str, settings: dict[str, Any], folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Time all programs with a model.

    Parameters
    ----------
    model : str
    settings : dict
        Of ``refpose bench``, with ``processors``.
    folder : Path
        For the videos.

    Returns
    -------
    dict
        `refpose.study.contest.rows` of each of `GROUPS`; a call is a frame. Programs that cannot run here are left out.
    """
    if find_spec("av") is None:
        return {}
    clip(folder / "a.mp4")
    names = [name for name in dict.fromkeys(sum(GROUPS.values(), ())) if can_run(name, model, settings)]
    found = {name: Contestant(name, lambda: None) for name in names}
    for number in range(ROUNDS):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            found[name].seconds.append(seconds_a_frame(name, {**settings, "model": model, "folder": str(folder)}))
    groups = {group: [found[name] for name in members if name in found] for group, members in GROUPS.items()}
    return {group: rows(members) for group, members in groups.items() if members}


def can_run(name: str, model: str, settings: dict[str, Any]) -> bool:
    """Whether a program has what it needs."""
    needed = NEEDS["MediaPipe"] if name.endswith("MediaPipe") else NEEDS.get(name, ())
    if name.endswith("MediaPipe") and ("mediapipe" not in settings["peers"] or model_file(model, None) is None):
        return False
    if name.startswith("loop") and model not in COMPLEXITY:
        return False
    return all(find_spec(module) is not None for module in needed)


def clip(path: Path) -> None:
    """Write the video that all programs read."""
    from ..video import create

    with create(path, 30) as movie:
        for number, rgb in enumerate(frames() * REPEATS):
            movie.write(rgb, number / 30)


def seconds_a_frame(name: str, settings: dict[str, Any]) -> float:
    """Run a program once."""
    command = [sys.executable, "-m", "refpose.study.programs", name, json.dumps(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ChildProcessError(f"the program {name!r} ended with {done.returncode}:\n{done.stderr}")
    return float(done.stdout.split()[-1])


# The programs --------------------------------------------------------------------------------------------------------


def loop(solutions: Any, settings: dict[str, Any], draws: bool, writes: bool) -> Callable[[], int]:
    """The loop that MediaPipe's users write; gives the number of frames."""
    cv2 = import_module("cv2")
    pose = solutions.pose.Pose(model_complexity=COMPLEXITY[settings["model"]])
    style = solutions.drawing_styles.get_default_pose_landmarks_style()
    folder = settings["folder"]

    def run() -> int:
        capture = cv2.VideoCapture(f"{folder}/a.mp4")
        size = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        kind = cv2.VideoWriter_fourcc(*"mp4v")
        writer = cv2.VideoWriter(f"{folder}/loop.mp4", kind, 30, size) if writes else None
        count = 0
        while True:
            there, bgr = capture.read()
            if not there:
                break
            result = pose.process(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
            if draws:
                solutions.drawing_utils.draw_landmarks(
                    bgr, result.pose_landmarks, solutions.pose.POSE_CONNECTIONS, landmark_drawing_spec=style
                )
            if writer is not None:
                writer.write(bgr)
            count += 1
        if writer is not None:
            writer.release()
        return count

    return run


def tool(settings: dict[str, Any], inputs: tuple[str, ...], options: tuple[str, ...]) -> Callable[[], int]:
    """``refpose video``; gives the number of frames."""
    folder = Path(settings["folder"])
    for name in inputs[1:]:
        (folder / name).write_bytes((folder / inputs[0]).read_bytes())
    ready = command("video", settings, [folder / name for name in inputs], options)

    def run() -> int:
        ready()
        records = [folder / "out" / f"{Path(name).stem}.meta.json" for name in inputs]
        return sum(json.loads(record.read_bytes())["frames"] for record in records)

    return run


def pictures(settings: dict[str, Any], options: tuple[str, ...]) -> Callable[[], int]:
    """``refpose image`` with a folder of JPEG files; gives their number."""
    folder = Path(settings["folder"]) / "pictures"
    folder.mkdir(exist_ok=True)
    images = frames()
    for number, rgb in enumerate(images):
        Image.fromarray(rgb).save(folder / f"{number}.jpg")
    ready = command("image", settings, [folder], options)

    def run() -> int:
        ready()
        return len(images)

    return run


def command(
    verb: str, settings: dict[str, Any], inputs: Sequence[Path], options: tuple[str, ...]
) -> Callable[[], None]:
    """A command of refpose, whose modules are loaded."""
    from ..cli import main

    for module in ("av", f"refpose.tools.{verb}"):
        import_module(module)
    out = ("-o", f"{settings['folder']}/out", "--force", "--model", settings["model"])

    def run() -> None:
        if main([verb, *map(str, inputs), *out, *options]):
            raise RuntimeError(f"refpose {verb} failed")

    return run


def program(name: str, settings: dict[str, Any]) -> Callable[[], int]:
    """A program by its name, ready to run."""
    if name.endswith("MediaPipe"):
        solutions = import_module("mediapipe").solutions
        return loop(solutions, settings, not name.startswith("table"), name.startswith("video"))
    if name == "loop facade":
        return loop(import_module("refpose.mediapipe").solutions, settings, True, False)
    if name == "video":
        return tool(settings, ("a.mp4",), ("--no-sound",))
    if name.endswith("one thread") and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, settings["processors"][-1:])
    if name.startswith("pictures"):
        return pictures(settings, ("--jobs", "2") if name.endswith("2") else ())
    if name == "table one thread":
        return tool(settings, ("a.mp4",), ("--no-video", "--csv"))
    inputs = ("a.mp4", "b.mp4") if name.startswith("two") else ("a.mp4",)
    return tool(settings, inputs, ("--no-video", "--csv", *(("--jobs", "2") if len(inputs) > 1 else ())))


if __name__ == "__main__":
    arguments = json.loads(sys.argv[2])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, arguments["processors"])
    ready = program(sys.argv[1], arguments)
    start = time.perf_counter()
    frames_done = ready()
    sys.stdout.write(f"\n{(time.perf_counter() - start) / frames_done}\n")
