"""The options that all verbs with a `refpose.Pose` share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from .. import draw
from ..engine import ENGINES, resolve
from ..families import FAMILIES, MODELS, family_of
from ..networks import weights
from ..pose import Pose
from ..stages.filters import Smoothing


def add_arguments(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """Add the options of the pose estimator; with `several`, ``--model`` takes a list and has no default."""
    group = parser.add_argument_group("pose estimator")
    if several:
        group.add_argument("--model", choices=MODELS, nargs="+", metavar="MODEL", help=", ".join(MODELS))
    else:
        group.add_argument("--model", choices=MODELS, default="full", metavar="MODEL", help=_MODEL_HELP)
    group.add_argument("--engine", choices=ENGINES, default="auto", help="what computes the networks")
    group.add_argument("--threads", type=positive, default=1, metavar="N", help="threads per network")
    group.add_argument(
        "--min-detection-confidence",
        type=probability,
        default=0.5,
        metavar="P",
        help="score from which the detector's find counts",
    )
    for option in (option for family in FAMILIES for option in family.options):
        if isinstance(option.choices, str):
            read, metavar = _NUMBERS[option.choices]
            group.add_argument(
                option.flag, dest=option.name, type=read, default=option.default, metavar=metavar, help=option.help
            )
        else:
            group.add_argument(
                option.flag, dest=option.name, choices=option.choices, default=option.default, help=option.help
            )


_PARTS = {
    "skeleton": "the skeleton, in MediaPipe's colours",
    "roi": "the rotated region that the landmark network saw",
    "box": "the detector's box around the head, where the detector was asked",
}


def add_drawing(parser: argparse.ArgumentParser, default: Collection[str]) -> None:
    """Add the options for what is drawn: ``--draw-roi``, ``--no-draw-roi`` and so on for each of `draw.PARTS`."""
    group = parser.add_argument_group("drawing")
    for part in draw.PARTS:
        state = "drawn" if part in default else "not drawn"
        group.add_argument(
            f"--draw-{part}", action=argparse.BooleanOptionalAction, help=f"{_PARTS[part]} ({state} by default)"
        )
    group.add_argument(
        "--color-by",
        choices=draw.COLOR_BY,
        default=draw.COLOR_BY[0],
        help="what colours tell apart: the sides of a body, or people (%(default)s)",
    )
    parser.set_defaults(**{f"draw_{part}": part in default for part in draw.PARTS})


def drawn(args: argparse.Namespace) -> list[str]:
    """What of `draw.PARTS` shall be drawn."""
    return [part for part in draw.PARTS if getattr(args, f"draw_{part}")]


_MODEL_HELP = "; ".join(f"{family.title}{family.note}: {', '.join(family.models)}" for family in FAMILIES)


def picture(text: str) -> str:
    """Read the name of a picture; ``-`` means standard input."""
    if text == "-" and os.name == "nt":
        raise argparse.ArgumentTypeError("standard input is not read on Windows: name a file")
    return "/dev/stdin" if text == "-" else text


def output(text: str) -> Path:
    """Read where results go, which is a file or a folder."""
    if text == "-":
        raise argparse.ArgumentTypeError("results are not written to standard output; ./- is a file or folder named -")
    return Path(text)


def positive(text: str) -> int:
    """Read a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, 1 or more")
    return int(text)


def whole(text: str) -> int:
    """Read a whole number of 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, 0 or more")
    return int(text)


def probability(text: str) -> float:
    """Read a number in 0..1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0 to 1")
    return value


def several(text: str) -> int | None:
    """Read a whole number of 1 or more, or ``all``, which is None."""
    return None if text == "all" else positive(text)


def seconds(text: str) -> float:
    """Read a number of seconds, 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds, 0 or more")
    return value


_NUMBERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "probability": (probability, "P"),
    "positive": (positive, "N"),
    "people": (several, "N"),
    "seconds": (seconds, "S"),
}


def settings(args: argparse.Namespace, **others: Any) -> dict[str, Any]:
    """Collect what the results depend on besides the input, for the record and as arguments of `make_pose`.

    The engine is the one that "auto" stands for. Results do not depend on the number of threads.

    Raises
    ------
    ValueError
        When the engine cannot run here.
    """
    try:
        engine = resolve(args.engine)
    except RuntimeError as error:
        raise ValueError(f"--engine {args.engine}: {error}") from error
    common = {"model": args.model, "engine": engine, "min_detection_confidence": args.min_detection_confidence}
    family = family_of(args.model)
    for option in family.options:
        value = getattr(args, option.name)
        common[option.name] = value if isinstance(option.choices, str) else option.choices[value]
    return common | {name: value for name, value in others.items() if name == "mode" or name in family.settings}


def weights_sha256(model: str) -> dict[str, str]:
    """Give the hashes of what the detector and the landmark network of `model` were trained to, for the record."""
    return {name: weights.load(name).attributes["content_sha256"] for name in ("detector", model)}


def add_tasks(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--tasks``."""
    parser.add_argument(
        "--tasks",
        choices=("0.10.21", "1.2.3"),
        metavar="VERSION",
        help="as MediaPipe Tasks' pose landmarker of this version, 0.10.21 or 1.2.3, instead of the solution",
    )


def explained_pose(args: argparse.Namespace, mode: str) -> Pose[Any]:
    """Make the pose estimator that the arguments ask for, of MediaPipe Tasks where ``--tasks`` says so.

    Raises
    ------
    ValueError
        Tasks do not look for all people.
    """
    told = settings(args, mode=mode)
    if args.tasks is None:
        return make_pose(told, args.threads)
    from ..tasks import TasksPose

    if args.people is None:
        raise ValueError("--tasks: name the number of people; MediaPipe Tasks has no --people all")
    return TasksPose(
        args.model,
        told["mode"],
        args.people,
        args.tasks,
        min_detection_confidence=args.min_detection_confidence,
        min_presence_confidence=args.min_tracking_confidence,
        engine=told["engine"],
        threads=args.threads,
    )


def make_pose(settings: dict[str, Any], threads: int) -> Pose[Any]:
    """Make the pose estimator that the settings ask for."""
    if isinstance(settings.get("smooth"), dict):
        settings = {**settings, "smooth": Smoothing(**settings["smooth"])}
    return Pose(**settings, threads=threads)
