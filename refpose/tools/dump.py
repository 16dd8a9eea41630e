"""Write every intermediate of a picture, or of a video's frame, to an HDF5 file.

Letterboxed input, raw outputs, candidates, blend, region, crop, heat maps, landmarks before and after refinement, world
landmarks, masks, results: each under the name that `refpose.study.quantities` documents, with its unit and meaning
as attributes. ``--list`` prints the names. ``--activations`` adds the output of every layer as
``activations/NETWORK/LAYER/output``. `Explanation.load` reads the file back; ``refpose compare`` takes
one as somebody's intermediates.

With --frame, the file is a video: people are followed up to that frame, which is dumped. Why each region was looked at,
and what became of what it showed, is printed and dumped.
"""

from __future__ import annotations

import argparse

from ..images import read_image
from ..study.explain import Explanation, quantities_of
from . import options, outputs
from .inspect import shape_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``refpose dump``."""
    parser.add_argument(
        "picture", nargs="?", type=options.picture, metavar="PICTURE", help="a picture file; - for standard input"
    )
    parser.add_argument(
        "--frame", type=options.whole, metavar="N", help="the file is a video, and its frame N is dumped, from 0"
    )
    parser.add_argument("-o", "--output", type=options.output, metavar="FILE.h5", help="the file to write")
    parser.add_argument("--activations", action="store_true", help="the output of every layer too (some tens of MB)")
    parser.add_argument("--list", action="store_true", help="print the names, shapes, units and meanings, and stop")
    outputs.add_force(parser)
    options.add_tasks(parser)
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
    explanation = explained(args)
    explanation.save(args.output)
    outputs.tell(f"{explanation.state}; {len(explanation)} arrays -> {args.output}", args.output)
    for line in explanation.decisions:
        outputs.tell(line, args.output)
    return 0


def explained(args: argparse.Namespace) -> Explanation:
    """Explain the picture, or the frame of the video after those before it.

    Raises
    ------
    ValueError
        The video has no such frame.
    """
    if args.frame is None:
        return options.explained_pose(args, "image").explain(read_image(args.picture), activations=args.activations)
    from ..video import Reader

    pose = options.explained_pose(args, "video")
    with Reader(args.picture) as reader:
        for frame in reader:
            if frame.index == args.frame:
                return pose.explain(frame.rgb, frame.time, activations=args.activations)
            pose.process(frame.rgb, frame.time)
    raise ValueError(f"{args.picture}: no frame {args.frame}")
