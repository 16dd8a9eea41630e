"""Check on this machine that everything computes what it should.

Link by link: the weights are those released; the networks' code run directly, the tape, the plan and the engines give
the same bits (the NumPy engine but for the rounding of float32); the pipeline gives what MediaPipe 0.10.21 was recorded
with on the pictures that come with refpose. The first layer or stage that breaks a link is named.

Exit code 0 when all links hold, 1 when one breaks.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from .. import messages
from ..families import MODELS
from ..files import json_text
from ..study import verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``refpose verify``."""
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--model",
        dest="models",
        nargs="+",
        choices=MODELS,
        default=list(verify.MODELS),
        metavar="MODEL",
        help=f"whose networks: {', '.join(MODELS)}",
    )


def run(args: argparse.Namespace) -> int:
    """Do ``refpose verify``."""
    links = verify.verify(lambda link: messages.say(str(link), sys.stderr if args.json else sys.stdout), args.models)
    broken = [link for link in links if link.state == "breaks"]
    if args.json:
        print(json_text({"holds": not broken, "links": [asdict(link) for link in links]}))
    elif broken:
        print(f"\nfirst to break: {broken[0].name}{' at ' + broken[0].where if broken[0].where else ''}")
    else:
        skipped = [link for link in links if link.state == "skipped"]
        held = f"all {len(links) - len(skipped)} links that were looked at hold" if skipped else "all links hold"
        missing = "".join(f"; NOT CHECKED: {link.name} ({link.text})" for link in skipped)
        print(f"\n{held} ({sum(link.seconds for link in links):.0f} s){missing}")
    return 1 if broken else 0
