"""The command line: ``refpose VERB ...``.

Every verb is a module of `refpose.tools` with ``add_arguments(parser)`` and ``run(args) -> exit code``, imported when
it is called. Results go to stdout: what was asked for, or a line for every file written. Progress, warnings, errors and
sums go to stderr. Exit codes: 0 done, 1 something failed, 2 the command was not understood, 130 interrupted, 143
terminated.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Collection, Sequence

from . import __version__, messages
from .tools import signals
from .tools.signals import Stopped

# One row per verb: the module in refpose.tools, and its line in `refpose --help`.
VERBS = {
    "image": "find the person on pictures: annotated PNG, JSON, CSV, mask",
    "video": "find the person in videos: annotated MP4, tables as CSV, Parquet, HDF5, JSON",
    "export": "write tables of key points for other programs: OpenSim, OpenPose, DeepLabCut, BVH, C3D and more",
    "camera": "show the skeleton on the live picture of a camera",
    "evaluate": "measure accuracy on annotated pictures: PCK, OKS, joint by joint",
    "report": "write a page that shows how a picture is seen, stage by stage and layer by layer",
    "dump": "write every intermediate of a picture to an HDF5 file",
    "verify": "check on this machine that every layer and stage computes what it should",
    "compare": "find the first stage at which another implementation differs, and why",
    "bench": "time kernels, networks, pictures, and compare with other runtimes",
    "inspect": "list the layers of a network, their shapes and costs",
    "convert": "make the weight files from Google's model files",
    "info": "tell versions, engine, paths and libraries, for reports of faults",
    "completion": "print a script that lets a shell complete commands",
}

EPILOG = "exit codes: 0 done, 1 something failed, 2 wrong usage, 130 interrupted"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; those of the process by default.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    SystemExit
        With 2 when the arguments are wrong, with 0 for ``--help`` and ``--version``.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    messages.take_charge()
    try:
        with signals.held():  # libraries that are interrupted while they are imported tell other errors
            whole = parser(argv[:1])
        args, unknown = whole.parse_known_args(argv)
        if unknown:
            args.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        return _run(args, argv[0])
    except KeyboardInterrupt as stop:
        number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
        messages.say(f"refpose: {'interrupted' if number == signal.SIGINT else 'terminated'}", sys.stderr)
        return 128 + number


def _run(args: argparse.Namespace, verb: str) -> int:
    """Run a command whose arguments are understood."""
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except argparse.ArgumentError as error:  # arguments that are right one by one, but not together
        args.parser.error(str(error))
    except MemoryError as error:
        messages.say(f"refpose {verb}: {messages.no_memory(error)}", sys.stderr)
        return 1
    except (ValueError, OSError, ImportError) as error:  # also of libraries that lack one of their own
        if not (isinstance(error, BrokenPipeError) and error.filename is None):
            messages.say(f"refpose {verb}: {error}", sys.stderr)
        # Else it was stdout: its reader (a pager, `head`) left, and knows. Results are named (`files.replacing`).
        try:
            sys.stdout.flush()
        except OSError:
            _give_up_stdout()
        return 1
    return code


def _give_up_stdout() -> None:
    """Send what is left for stdout nowhere, or Python would complain once more when it closes stdout."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def entry() -> None:
    """Run the command of this process and leave with its exit code."""
    multiprocessing.freeze_support()  # in a program that PyInstaller has made, the processes of --jobs begin here
    signals.listen()
    code = main()
    signals.listen_no_more()
    sys.exit(code)


def parser(verbs: Collection[str] = tuple(VERBS)) -> argparse.ArgumentParser:
    """Make the parser; only the given verbs have their modules imported and their arguments known."""
    whole = argparse.ArgumentParser(
        prog="refpose", description="BlazePose, equal to MediaPipe bit for bit.", epilog=EPILOG
    )
    whole.add_argument("--version", action="version", version=f"refpose {__version__}")
    choices = whole.add_subparsers(metavar="VERB", required=True)
    for verb, summary in VERBS.items():
        sub = choices.add_parser(verb, help=summary, epilog=EPILOG, formatter_class=Help)
        sub.set_defaults(parser=sub)
        if verb in verbs:
            tool = importlib.import_module(f"refpose.tools.{verb}")
            sub.description = (tool.__doc__ or "").replace("`", "")
            tool.add_arguments(sub)
            sub.set_defaults(run=tool.run)
    return whole


def verbs(whole: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the verbs in that of the whole command line."""
    (choices,) = (action for action in whole._actions if isinstance(action, argparse._SubParsersAction))
    return dict(choices.choices)


class Help(argparse.RawDescriptionHelpFormatter):
    """Descriptions are printed as they are laid out; options tell their defaults."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text, value = action.help or "", action.default
        if action.nargs == 0 or "default" in text or value in (None, argparse.SUPPRESS) or value == []:
            return text
        told = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        return f"{text} ({told.replace('%', '%%')})"
