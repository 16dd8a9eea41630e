"""Compare somebody else's intermediates of a picture with refpose's, stage by stage.

MINE is an HDF5 file, an .npz file or a Python function (module:function, called with the picture as RGB bytes), holding
or returning any of the arrays that ``refpose dump --list`` names, and outputs of layers under
activations/NETWORK/LAYER/output. Every stage is judged on its own: it is given what you had before it. Where a stage
differs, usual mistakes are tried, and those that give what you have are named. docs/VERIFY.md tells how to go about it.

Exit code 0 when no stage differs, 1 when one does.
"""

from __future__ import annotations

import argparse

from ..engine import ENGINES
from ..families import MODELS
from ..files import json_text
from ..images import read_image
from ..stages.landmarks import GRAPH_WINDOW, WINDOW
from ..study import compare, intermediates
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``refpose compare``."""
    parser.add_argument("mine", metavar="MINE", help="FILE.h5, FILE.npz or module:function")
    parser.add_argument(
        "picture",
        type=options.picture,
        metavar="PICTURE",
        help="the picture they belong to; - for standard input",
    )
    parser.add_argument(
        "--window",
        type=int,
        choices=(WINDOW, GRAPH_WINDOW),
        default=WINDOW,
        help="refinement window: 9 as MediaPipe's Python class, 7 as its graph",
    )
    options.add_tasks(parser)
    parser.add_argument(
        "--people", type=options.positive, default=1, metavar="N", help="people that are looked for (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    group = parser.add_argument_group("pose estimator")
    group.add_argument("--model", choices=MODELS, default="full", metavar="MODEL", help=", ".join(MODELS))
    group.add_argument("--engine", choices=ENGINES, default="auto", help="what computes")
    group.add_argument(
        "--min-detection-confidence",
        type=options.probability,
        default=0.5,
        metavar="P",
        help="score from which the detector's find counts",
    )


def run(args: argparse.Namespace) -> int:
    """Do ``refpose compare``."""
    image = read_image(args.picture)
    theirs = intermediates.load(args.mine)(image)
    found = compare.compare(
        theirs,
        image,
        args.model,
        args.engine,
        args.min_detection_confidence,
        window=args.window,
        tasks=args.tasks,
        people=args.people,
    )
    print(json_text(found.as_dict()) if args.json else found)
    return 0 if found.first is None else 1
