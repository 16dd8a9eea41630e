"""The one rule of all verbs about the files they write.

An input is never overwritten, a file that is there only with ``--force``, and a name whose ending does not fit what is
written is refused. All that is found out before any work is done. Pipes and devices take whatever is written to them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from .. import messages
from ..files import is_stream, leftovers, printable


def add_force(parser: argparse._ActionsContainer) -> None:
    """Add the option ``--force``."""
    parser.add_argument("--force", action="store_true", help="overwrite what is there already; inputs never")


def check(
    outputs: Mapping[Path, Collection[str]],
    inputs: Iterable[str | os.PathLike[str]],
    force: bool,
    made: Path | None = None,
) -> None:
    """Refuse to write where something would be lost.

    Parameters
    ----------
    outputs : mapping of Path to collection of str
        The files to write, each with the endings that fit it (lower case, with their dot).
    inputs : iterable of path-like
        The files that are read.
    force : bool
        Whether files that are there may be overwritten.
    made : Path, optional
        A folder that will be made if it is not there.

    Raises
    ------
    argparse.ArgumentError
        When an ending does not fit.
    ValueError
        When an output is an input, or two outputs are one file.
    OSError
        When an output is there already, is neither a file nor a pipe nor a character device, or its folder is not
        there.
    """
    outputs = {path: endings for path, endings in outputs.items() if not is_stream(path)}
    for path, endings in outputs.items():
        if path.suffix.lower() not in endings:
            raise argparse.ArgumentError(None, f"{path}: expected a name that ends in {' or '.join(sorted(endings))}")
    refuse_inputs(outputs, inputs)
    if len({os.path.realpath(path) for path in outputs}) < len(outputs):
        raise ValueError(f"{' and '.join(map(str, outputs))}: two results of one name")
    if not force:
        refuse_existing(outputs, "--force overwrites")
    for folder in {path.parent for path in outputs} - {made}:
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder")
    mention_leftovers({path.parent for path in outputs})


def refuse_inputs(outputs: Iterable[Path], inputs: Iterable[str | os.PathLike[str]]) -> None:
    """Raise ValueError when an output is one of the inputs, by whatever name."""
    read = {identity for path in inputs if (identity := _identity(path))}
    for path in outputs:
        if _identity(path) in read:
            raise ValueError(f"{path}: is an input, and would be overwritten; choose another name or folder")


def _identity(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Give what tells a file from all others; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def refuse_existing(outputs: Iterable[Path], remedy: str) -> None:
    """Raise FileExistsError, which names the remedy, when something stands where an output shall be."""
    there = [path for path in outputs if os.path.lexists(path)]
    if there:
        others = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
        raise FileExistsError(f"{there[0]}{others}: already there; {remedy}")


def mention_leftovers(folders: Iterable[Path]) -> None:
    """Say on stderr where runs that were killed left temporary files behind."""
    for folder in sorted(folders):
        if found := leftovers(folder):
            parts = [part for path in found for part in (path, *path.rglob("*"))]
            size = sum(part.stat().st_size for part in parts if part.is_file()) / 1e6
            files = "a temporary file" if len(found) == 1 else f"{len(found)} temporary files"
            messages.say(
                f"{printable(folder)}: {files} of runs that were killed ({size:.1f} MB), the first is "
                f"{printable(found[0].name)}; they can be deleted",
                sys.stderr,
            )


def tell(line: str, output: Path) -> None:
    """Say what came out: on stdout, or on stderr where stdout may be what was written to."""
    messages.say(line, sys.stderr if is_stream(output) else sys.stdout)
