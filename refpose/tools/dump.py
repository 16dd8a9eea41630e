"""Write every intermediate of a picture to an HDF5 file.

Letterboxed input, raw outputs, candidates, blend, region, crop, heat maps, landmarks before and after refinement, world
landmarks, masks, results: each under the name that `refpose.study.quantities` documents, with its unit and meaning
as attributes. ``--list`` prints the names. ``--activations`` adds the output of every layer as
``activations/NETWORK/LAYER/output``. `Explanation.load` reads the file back; ``refpose compare`` takes
one as somebody's intermediates.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..images import read_image
from ..study.explain import quantities_of
from . import options, outputs
from .inspect import shape_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``refpose dump``."""
    parser.add_argument(
        "picture", nargs="?", type=options.picture, metavar="PICTURE", help="a picture file; - for standard input"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.h5", help="the file to write")
    parser.add_argument("--activations", action="store_true", help="the output of every layer too (some tens of MB)")
    parser.add_argument("--list", action="store_true", help="print the names, shapes, units and meanings, and stop")
    outputs.add_force(parser)
    options.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Do ``refpose dump``."""
    if args.list:
        for name, quantity in quantities_of(args.model).items():
            shape = shape_text(quantity.shape)  # letters stand for sizes that differ
            print(f"{name:26}{shape:12}{quantity.meaning} [{quantity.unit}]")
        return 0
    if args.picture is None or args.output is None:
        raise argparse.ArgumentError(None, "expected a picture and -o FILE.h5, or --list")
    outputs.check({args.output: (".h5",)}, [args.picture], args.force)
    image = read_image(args.picture)
    pose = options.make_pose(options.settings(args, mode="image"), args.threads)
    explanation = pose.explain(image, activations=args.activations)
    explanation.save(args.output)
    state = f"nobody: {explanation.stopped}" if explanation.stopped else "one person"
    outputs.tell(f"{state}; {len(explanation)} arrays -> {args.output}", args.output)
    return 0
