"""Print a script that lets a shell complete the verbs, options and files of refpose.

For bash, put it where bash-completion looks, or add to ~/.bashrc:  eval "$(refpose completion bash)"
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import cli
from ..extras import require
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``refpose completion``."""
    parser.add_argument("shell", metavar="SHELL", help="bash, zsh, tcsh, or another that shtab knows")


def run(args: argparse.Namespace) -> int:
    """Do ``refpose completion``."""
    shtab = require("shtab", "cli")
    if args.shell not in shtab.SUPPORTED_SHELLS:
        raise argparse.ArgumentError(None, f"SHELL: expected one of {', '.join(shtab.SUPPORTED_SHELLS)}")
    parser = cli.parser()
    for verb in cli.verbs(parser).values():
        for action in verb._actions:
            if action.metavar and action.choices is None and action.type in (None, Path, options.picture):
                vars(action)["complete"] = shtab.FILE  # this is how shtab is told
    print(shtab.complete(parser, args.shell))
    return 0
