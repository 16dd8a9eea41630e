"""The options about movement that verbs share: formats of other programs, angles, times, confidence."""

from __future__ import annotations

import argparse
import math
from collections.abc import Collection, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ..extras import require
from ..motion import FORMATS, Options
from ..motion.angles import FACING, FROM
from ..motion.formats.common import MARKERS, ORIGINS, UNITS
from ..stages.filters import Smoothing
from ..topology import SKELETONS
from . import options


def add_tables(parser: argparse.ArgumentParser, kinds: Iterable[str], noun: str, named: str) -> None:
    """Add an option for each kind of table, and ``--wide``; `named` says what a table with a name of its own is."""
    for kind in kinds:
        parser.add_argument(
            f"--{kind[1:]}",
            nargs="?",
            const=True,
            type=partial(_table_path, kind, noun),
            metavar=f"NAME{kind}",
            help=f"write a table ending in {kind}: named after the {noun}, or {named}",
        )
    parser.add_argument("--wide", action="store_true", help="tables with a row per person instead of one per keypoint")
    parser.add_argument(
        "--every-frame", action="store_true", help="in tables, rows for frames or pictures without anybody too"
    )


def tables_of(args: argparse.Namespace, kinds: Iterable[str]) -> dict[str, Any]:
    """The tables that are asked for: by their kind their path, or True for one that is named after its input."""
    return {kind: path for kind in kinds if (path := getattr(args, kind[1:])) is not None}


def _table_path(kind: str, noun: str, text: str) -> Path:
    """Read the name that is given to a table."""
    path = Path(text)
    if path.suffix.lower() != kind:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected a name that ends in {kind} (if this is a {noun}, put it before the options)"
        )
    return path


def add_formats(parser: argparse.ArgumentParser, *flags: str, but: Collection[str] = ()) -> None:
    """Add the option that lists formats, all but some, and how their files are written."""
    offered = [kind for name, kind in FORMATS.items() if name not in but]
    group = parser.add_argument_group("files for other programs")
    group.add_argument(
        *flags,
        dest="formats",
        nargs="+",
        action="extend",
        type=partial(_format, [kind.name for kind in offered]),
        default=[],
        metavar="FORMAT",
        help="; ".join(f"{kind.name}: {kind.about} (NAME{kind.ending})" for kind in offered),
    )
    group.add_argument("--rate", type=above_zero, metavar="HZ", help="frames per second of formats with even times")
    group.add_argument("--unit", choices=UNITS, default="m", help="of TRC and C3D")
    group.add_argument("--origin", choices=ORIGINS, default="hips", help="of places in space: TRC, C3D, BVH")
    group.add_argument(
        "--joints",
        choices=SKELETONS,
        metavar="SKELETON",
        help=f"which joints, in their order: {', '.join(SKELETONS)} (by default the table's own; OpenPose: body25, "
        "COCO: coco17)",
    )
    group.add_argument("--markers", choices=MARKERS, default="refpose", help="whose names of markers: TRC, C3D")
    group.add_argument("--person", type=options.whole, metavar="N", help="write this person only, in tables too")


def add_angles(parser: argparse.ArgumentParser) -> None:
    """Add the options for angles in tables and files."""
    group = parser.add_argument_group("angles")
    group.add_argument("--angles", action="store_true", help="columns with the angles of joints and segments")
    _add_source(group)


def _add_source(group: argparse._ActionsContainer) -> None:
    """Add ``--angles-from`` and ``--facing``."""
    group.add_argument("--angles-from", choices=FROM, default="world", help="metres in space, or pixels")
    group.add_argument(
        "--facing",
        choices=FACING,
        default="auto",
        help="where the person looks on the picture, for angles from pixels; auto: by the feet, frame by frame",
    )


def add_drawn_angles(parser: argparse.ArgumentParser) -> None:
    """Add ``--draw-angles`` and what angles are computed from, where there is nothing but pictures."""
    add_angle_labels(parser)
    _add_source(parser)


def add_angle_labels(parser: argparse._ActionsContainer) -> None:
    """Add ``--draw-angles``."""
    parser.add_argument("--draw-angles", action="store_true", help="write the angles beside the joints")


def add_confidence(parser: argparse._ActionsContainer) -> None:
    """Add ``--min-visibility``."""
    parser.add_argument(
        "--min-visibility",
        type=options.probability,
        metavar="P",
        help="leave out the places of key points with a smaller visibility",
    )


def add_region(parser: argparse._ActionsContainer) -> None:
    """Add ``--roi``."""
    parser.add_argument(
        "--roi",
        type=_region,
        metavar="X,Y,W,H",
        help="look for people in this part of the picture only: left, top, width, height in pixels",
    )


def _region(text: str) -> tuple[int, int, int, int]:
    """Read a part of the picture."""
    parts = text.split(",")
    if len(parts) != 4 or not all(part.isdecimal() for part in parts) or 0 in map(int, parts[2:]):
        raise argparse.ArgumentTypeError(f"{text!r}: expected left,top,width,height in whole pixels, like 0,0,640,720")
    left, top, width, height = map(int, parts)
    return left, top, width, height


def add_smoothing(parser: argparse.ArgumentParser) -> None:
    """Add ``--no-smooth`` and an option for each parameter of `Smoothing`."""
    group = parser.add_argument_group("smoothing over time", "One-Euro filters, as MediaPipe's; see refpose.Smoothing")
    group.add_argument("--no-smooth", dest="smooth", action="store_false", help="do not smooth the landmarks")
    for name, about in _SMOOTHING.items():
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=float,
            metavar="X",
            help=f"{about} ({getattr(Smoothing(), name):g})",
        )


_SMOOTHING = {
    "min_cutoff": "on the picture: cut-off at rest in Hz; lower smooths more and lags more",
    "beta": "on the picture: its growth with speed, in Hz per body size and second",
    "world_min_cutoff": "in space: cut-off at rest in Hz",
    "world_beta": "in space: its growth with speed, in Hz per metre and second",
    "derivative_cutoff": "cut-off for the speeds in Hz",
    "visibility_alpha": "weight of the newest visibility, above 0 to 1; 1 does not smooth it",
}


def smoothing(args: argparse.Namespace) -> bool | dict[str, float]:
    """Whether and how to smooth: parameters only where some differ from MediaPipe's.

    Raises
    ------
    argparse.ArgumentError
        When a parameter is out of its range, or given for no smoothing.
    """
    given = {name: value for name in _SMOOTHING if (value := getattr(args, name)) is not None}
    if not given:
        return bool(args.smooth)
    if not args.smooth:
        raise argparse.ArgumentError(
            None, f"--no-smooth and --{next(iter(given)).replace('_', '-')} exclude each other"
        )
    try:
        return asdict(Smoothing(**given))
    except ValueError as error:
        raise argparse.ArgumentError(None, str(error).removeprefix("Smoothing: ")) from error


def add_times(parser: argparse._ActionsContainer) -> None:
    """Add ``--start``, ``--end`` and ``--fps``."""
    parser.add_argument("--start", type=options.seconds, metavar="S", help="begin at this second of the video")
    parser.add_argument("--end", type=options.seconds, metavar="S", help="end before this second of the video")
    parser.add_argument(
        "--fps",
        type=above_zero,
        metavar="HZ",
        help="how many frames a second were taken, for slow motion: times are the frames' numbers divided by it",
    )


def check_times(args: argparse.Namespace) -> None:
    """Raise argparse.ArgumentError where ``--end`` does not come after ``--start``."""
    if args.start is not None and args.end is not None and args.end <= args.start:
        raise argparse.ArgumentError(None, f"--end {args.end:g} must come after --start {args.start:g}")


def told(given: Options) -> dict[str, Any]:
    """What of the options differs from what is done by default, for records."""
    usual = asdict(Options())
    return {name: value for name, value in asdict(given).items() if value != usual[name]}


def format_options(args: argparse.Namespace) -> Options:
    """How files are to be written."""
    return Options(
        rate=args.rate,
        unit=args.unit,
        origin=args.origin,
        markers=args.markers,
        skeleton=args.joints,
        angles=args.angles_from,
        facing=args.facing,
        person=args.person,
    )


def _format(offered: list[str], text: str) -> str:
    """Read the name of a format."""
    if text not in offered:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected one of {', '.join(offered)} (if this is an input, put it before the options)"
        )
    return text


def formats(args: argparse.Namespace) -> list[str]:
    """The formats that are asked for, each once.

    Raises
    ------
    MissingExtra
        When something that one of them needs is not installed.
    """
    names = list(dict.fromkeys(args.formats))
    for name in names:
        for module, extra in FORMATS[name].requires:
            require(module, extra)
    return names


def above_zero(text: str) -> float:
    """Read a number above 0."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
