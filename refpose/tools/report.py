"""Write one HTML page that shows how BlazePose saw a picture.

The picture with the detector's candidates, their blend and the region; the crop; the networks block by block with their
activations, weights and costs; heat maps and landmarks before and after refinement; visibility and presence; the pose
in metres, to be turned with the mouse; the mask; the time of every stage. Of EfficientPose's models: the picture with
the skeleton, what the network was shown, a heat map for every joint, the layers. The page is whole in itself: nothing
is fetched when it is opened.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..files import printable
from ..images import read_image
from ..study import report
from . import options, outputs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``refpose report``."""
    parser.add_argument("picture", type=options.picture, metavar="PICTURE", help="a picture file; - for standard input")
    parser.add_argument(
        "-o", "--output", required=True, type=options.output, metavar="PAGE.html", help="the page to write"
    )
    parser.add_argument("--title", help="headline of the page (the picture's file name)")
    outputs.add_force(parser)
    options.add_tasks(parser)
    options.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Do ``refpose report``."""
    outputs.check({args.output: (".html", ".htm")}, [args.picture], args.force)
    image = read_image(args.picture)
    pose = options.explained_pose(args, "image")
    title = args.title or printable(Path(args.picture).name)
    found = report.write(args.output, pose, image, title)
    outputs.tell(f"{found.state} -> {args.output}", args.output)
    return 0
