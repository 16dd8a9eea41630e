"""What to do of many files: the tasks of a command line, and where their results go."""

from __future__ import annotations

import argparse
import glob
import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..files import discard, is_descriptor, make_folder, temporary_name
from ..tables import KINDS
from ..video import ENDINGS as VIDEOS
from . import cores, outputs
from .records import Record, refuse_foreign


@dataclass(frozen=True)
class Task:
    """One input file and where its results go.

    Attributes
    ----------
    source : Path
        The input file.
    stem : Path
        The path of the results without their endings: ``out/a`` for ``out/a.png``, ``out/a.json`` ...
    """

    source: Path
    stem: Path

    @property
    def folders(self) -> set[Path]:
        """The folders that the results go to."""
        return {self.stem.parent}

    def output(self, ending: str) -> Path:
        """Path of the result with `ending` (which begins with a dot)."""
        return self.stem.with_name(self.stem.name + ending)


def add_arguments(parser: argparse.ArgumentParser, noun: str) -> None:
    """Add the options that all verbs over many files share; `noun` is what the files are called, in the plural."""
    group = parser.add_argument_group(f"many {noun}")
    group.add_argument(
        "--jobs",
        type=cores.jobs,
        default=1,
        metavar="N",
        help=f"work on N {noun} at a time, in processes; {cores.AUTO}: as many as there are cores for",
    )
    group.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="work on a Dask cluster instead: the address of its scheduler (tcp://HOST:8786), or its scheduler file",
    )
    group.add_argument(
        "--shard", type=_shard, default=(1, 1), metavar="i/n", help=f"do the i-th of n parts of the {noun}"
    )
    existing = group.add_mutually_exclusive_group()
    existing.add_argument(
        "--resume", action="store_true", help=f"skip {noun} whose results are complete, redo the others"
    )
    existing.add_argument("--force", action="store_true", help="overwrite results that are there")


def _shard(text: str) -> tuple[int, int]:
    """Read the argument of ``--shard``: part and number of parts, counted from 1."""
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r}: expected i/n with i in 1..n, for example 2/8")
    return int(part), int(parts)


@dataclass
class Plan:
    """What is to be done with some inputs.

    Attributes
    ----------
    tasks : list of Task
        In the order of the inputs, files of a folder by their path.
    problems : list of (str, Exception)
        Inputs that cannot be taken, and why.
    left_out : Counter of str
        How many entries of folders were not taken, by what they are.
    """

    tasks: list[Task] = field(default_factory=list)
    problems: list[tuple[str, Exception]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def plan(inputs: Sequence[str], out: Path, accepted: Collection[str], endings: Sequence[str]) -> Plan:
    """Find the input files and give each a place for its results that no other has.

    Folders are searched with their subfolders, which come again under `out`; hidden files are left out, and so is
    `out` itself where it lies inside. Results are called after their input file without its ending (``a.png`` for
    ``a.jpg``), after its whole name where two would meet (``a.jpg.png`` and ``a.png.png``), with a number where that
    is not enough. The plan depends on the inputs alone, so that all shards of one job agree on it. For a single file,
    `out` may be the path of its first result.

    Parameters
    ----------
    inputs : sequence of str
        Files, folders and patterns (``*.jpg``). A file is taken whatever its ending; given twice, it is taken once.
    out : Path
        The folder of the results, or a path with the first of `endings`.
    accepted : collection of str
        The endings (lower case, with their dot) of the files that are taken from folders.
    endings : sequence of str
        The endings of the results of one task (lower case, with their dot).

    Returns
    -------
    Plan
        Inputs that are not there, folders without a file that is taken, and entries of folders that are no files are
        problems of their own, which do not keep the others from being done.

    Raises
    ------
    ValueError
        When a result would overwrite an input.
    argparse.ArgumentError
        When `out` is the path of a single result and the inputs are not a single file, or has the ending of another
        kind of file.
    """
    inputs = [path for text in inputs for path in _expanded(text)]
    if out.suffix.lower() == endings[0] and not out.is_dir():
        if len(inputs) > 1 or os.path.isdir(inputs[0]):
            raise argparse.ArgumentError(None, f"{out} is the name of one file; for several inputs, name a folder")
        found = Plan()
        if problem := _problem(Path(inputs[0]), accepted, named=True):
            found.problems.append((inputs[0], problem))
        else:
            found.tasks.append(Task(Path(inputs[0]), out.with_suffix("")))
    elif out.suffix.lower() in {*accepted, *KINDS} and not out.is_dir():
        raise argparse.ArgumentError(None, f"{out}: expected a folder or a name that ends in {endings[0]}")
    else:
        found = _plan_folder(inputs, out, accepted, endings)
    outputs.refuse_inputs(
        (task.output(ending) for task in found.tasks for ending in endings), (task.source for task in found.tasks)
    )
    return found


def _expanded(text: str) -> list[str]:
    """Give what a pattern matches, which no shell has expanded (in quotes, or on Windows); else the text itself."""
    if os.path.lexists(text) or not glob.has_magic(text):
        return [text]
    return sorted(glob.glob(text, recursive=True)) or [text]


def _problem(path: Path, accepted: Collection[str], named: bool) -> Exception | None:
    """Say why a path, `named` by the user or found in a folder, cannot be taken as an input file."""
    text = str(path)
    if re.match("[A-Za-z][A-Za-z0-9+.-]+:/", text) and not os.path.lexists(path):
        # Path has made one stroke of two.
        address = re.sub(":/+", "://", text, count=1)
        return ValueError(f"{address}: addresses are not read, the network is never used; name a file on this machine")
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        if glob.has_magic(text):
            return FileNotFoundError(f"{path}: nothing matches this pattern")
        what = "a symbolic link that leads nowhere" if path.is_symlink() else "no such file or folder"
        return FileNotFoundError(f"{path}: {what}")
    except OSError as error:
        return OSError(f"{path}: {error.strerror}")
    if named and path.suffix.lower() in VIDEOS - set(accepted):
        return ValueError(f"{path}: is a video; for videos there is refpose video")
    if stat.S_ISREG(mode) or (named and is_descriptor(path)):
        return None
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return ValueError(f"{path}: expected a file, found {kinds.get(stat.S_IFMT(mode), 'a device')}")


def _plan_folder(inputs: Sequence[str], out: Path, accepted: Collection[str], endings: Sequence[str]) -> Plan:
    """Do `plan` for results in a folder."""
    plan = Plan()
    found: dict[str, tuple[Path, Path]] = {}  # absolute path -> source as given, its place below `out`
    for text in inputs:
        given = Path(text)
        files = _walk(given, accepted, out, plan) if given.is_dir() else [(given, Path(given.name))]
        for path, relative in files:
            if problem := _problem(path, accepted, named=path is given):
                plan.problems.append((text if path is given else str(path), problem))
            else:
                found.setdefault(os.path.abspath(path), (path, relative))

    # Names that differ in case only are one file on many file systems.
    shared = Counter(str(relative.with_suffix("")).casefold() for _, relative in found.values())
    taken: set[str] = set()
    for source, relative in found.values():
        short = relative.with_suffix("")
        name = short if shared[str(short).casefold()] == 1 else relative
        number = 1
        while taken & (claims := {(str(name) + ending).casefold() for ending in endings}):
            number += 1
            name = relative.with_name(f"{relative.name}-{number}")
        taken |= claims
        plan.tasks.append(Task(source, out / name))
    return plan


def _walk(folder: Path, accepted: Collection[str], out: Path, plan: Plan) -> list[tuple[Path, Path]]:
    """Give the files of a folder and its subfolders, sorted, each with its place below the folder.

    Hidden ones are left out, and those in `out`; what is left out is counted, what cannot be read is a problem.
    """
    results = os.path.realpath(out)
    found = []
    made: set[str] = set()  # results of runs before that are beside their inputs

    def report(error: OSError) -> None:
        plan.problems.append((str(error.filename), OSError(f"{error.filename}: {error.strerror}")))

    for place, folders, files in os.walk(folder, onerror=report):
        plan.left_out["linked folders"] += sum(os.path.islink(os.path.join(place, name)) for name in folders)
        plan.left_out["hidden"] += sum(name.startswith(".") for name in [*folders, *files])
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and os.path.realpath(Path(place, name)) != results
        )
        if os.path.commonpath([os.path.realpath(place), results]) == results:
            made = set().union(*(Record(Path(place, name)).results for name in files if name.endswith(".json")))
        for name in sorted(name for name in files if not name.startswith(".")):
            path = Path(place, name)
            if os.path.realpath(path) in made:
                plan.left_out["results of refpose"] += 1
            elif path.suffix.lower() in accepted:
                found.append((path, path.relative_to(folder)))
            else:
                plan.left_out[path.suffix.lower() or "without an ending"] += 1
    if not found:
        kinds = " ".join(sorted(accepted))
        plan.problems.append((str(folder), ValueError(f"{folder}: no file in this folder ends in one of {kinds}")))
    return found


def shard(tasks: list[Task], part: tuple[int, int]) -> list[Task]:
    """Give the i-th of n parts of the tasks (`part` is (i, n), i from 1): every n-th of them."""
    return tasks[part[0] - 1 :: part[1]]


def unfinished(
    plan: Plan, endings: Sequence[str], made_with: Mapping[str, Any], args: argparse.Namespace, record: str = ".json"
) -> list[Task]:
    """Leave out what need not be done again.

    With ``--resume``, a task is finished when its record vouches for all its results (see `Record.is_of`): they are
    complete, of the same input and made in the same way. Where something stands in the way that no record vouches for,
    the task is moved to the problems of the plan.

    Parameters
    ----------
    plan : Plan
        All that is to be done; a shard of it is done here.
    endings : sequence of str
        The endings of the results of one task.
    made_with : mapping
        How results are made, as the record says it.
    args : argparse.Namespace
        With ``resume``, ``force`` and ``shard``.
    record : str
        The ending of the record, a JSON file.

    Returns
    -------
    list of Task
        The tasks to do.

    Raises
    ------
    FileExistsError
        When results are there and neither ``--resume`` nor ``--force`` says what to do with them.
    """
    plan.tasks = shard(plan.tasks, args.shard)
    if args.shard[0] > 1:  # the first one reports what none can do
        plan.problems.clear()
        plan.left_out.clear()
    if args.force:
        return plan.tasks
    if not args.resume:
        everything = [task.output(ending) for task in plan.tasks for ending in endings]
        outputs.refuse_existing(everything, "--force overwrites, --resume keeps what is complete")
        return plan.tasks
    todo = []
    for task in tuple(plan.tasks):
        results = [task.output(ending) for ending in endings]
        found = Record(task.output(record))
        if found.is_of(task.source, made_with, [path for path in results if path != task.output(record)]):
            continue
        try:
            refuse_foreign(results, found)
        except OSError as error:
            plan.tasks.remove(task)
            plan.problems.append((str(task.source), error))
        else:
            todo.append(task)
    return todo


def make_folders(plan: Plan, tasks: Sequence[Task]) -> list[Task]:
    """Make the folders of the results, and make sure that they can be written to before any work is done.

    Parameters
    ----------
    plan : Plan
        Its problems are added to.
    tasks : sequence of Task
        What is to be done.

    Returns
    -------
    list of Task
        Those whose results can be written.

    Raises
    ------
    OSError
        When that is none of them.
    """
    failed: dict[Path, OSError] = {}
    folders = {folder for task in tasks for folder in task.folders}
    for folder in sorted(folders):
        try:
            make_folder(folder)
            probe = temporary_name(folder / "probe")
            try:
                probe.touch(exist_ok=False)
            finally:
                discard(probe)
        except OSError as error:
            failed[folder] = OSError(f"{folder}: results cannot be written to this folder: {error.strerror}")
    outputs.mention_leftovers(folders)
    if failed and all(task.folders & failed.keys() for task in tasks):
        raise next(iter(failed.values()))
    for task in tasks:
        if bad := sorted(task.folders & failed.keys()):
            plan.tasks.remove(task)
            plan.problems.append((str(task.source), failed[bad[0]]))
    return [task for task in tasks if not task.folders & failed.keys()]
