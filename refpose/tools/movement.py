"""The options about movement that verbs share: formats of other programs, angles, times, confidence."""

from __future__ import annotations

import argparse
import math

from ..motion import FORMATS, Options
from ..motion.angles import FACING, FROM
from ..motion.formats.common import ORIGINS, UNITS
from ..topology import SKELETONS
from . import options


def add_formats(parser: argparse.ArgumentParser, option: str, required: bool = False) -> None:
    """Add the option that lists formats, and how their files are written."""
    group = parser.add_argument_group("files for other programs")
    group.add_argument(
        option,
        dest="formats",
        nargs="+",
        action="extend",
        type=_formats,
        default=None if required else [],
        required=required,
        metavar="FORMAT",
        help="; ".join(f"{name}: {kind.about} (NAME{kind.ending})" for name, kind in FORMATS.items()),
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
    group.add_argument("--person", type=options.whole, metavar="N", help="write this person only")


def add_angles(parser: argparse.ArgumentParser, columns: bool = True) -> None:
    """Add the options for angles; ``--angles`` where there are tables to have columns for them."""
    group = parser.add_argument_group("angles")
    if columns:
        group.add_argument("--angles", action="store_true", help="columns with the angles of joints and segments")
    group.add_argument("--angles-from", choices=FROM, default="world", help="metres in space, or pixels")
    group.add_argument(
        "--facing",
        choices=FACING,
        default="auto",
        help="where the person looks on the picture, for angles from pixels; auto: by the feet, frame by frame",
    )


def add_confidence(parser: argparse._ActionsContainer) -> None:
    """Add ``--min-visibility``."""
    parser.add_argument(
        "--min-visibility",
        type=options.probability,
        metavar="P",
        help="leave out the places of key points with a smaller visibility",
    )


def add_times(parser: argparse._ActionsContainer) -> None:
    """Add ``--start``, ``--end`` and ``--fps``."""
    parser.add_argument("--start", type=seconds, metavar="S", help="begin at this second of the video")
    parser.add_argument("--end", type=seconds, metavar="S", help="end before this second of the video")
    parser.add_argument(
        "--fps",
        type=above_zero,
        metavar="HZ",
        help="how many frames a second were taken, for slow motion: times are the frames' numbers divided by it",
    )


def format_options(args: argparse.Namespace) -> Options:
    """How files are to be written."""
    return Options(
        rate=args.rate,
        unit=args.unit,
        origin=args.origin,
        skeleton=args.joints,
        angles=args.angles_from,
        facing=args.facing,
        person=args.person,
    )


def _formats(text: str) -> str:
    """Read the name of a format."""
    if text not in FORMATS:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected one of {', '.join(FORMATS)} (if this is an input, put it before the options)"
        )
    return text


def formats(args: argparse.Namespace) -> list[str]:
    """The formats that are asked for, each once."""
    return list(dict.fromkeys(args.formats))


def above_zero(text: str) -> float:
    """Read a number above 0."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0")
    return value


def seconds(text: str) -> float:
    """Read seconds, 0 or more."""
    value = _number(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds, 0 or more")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
