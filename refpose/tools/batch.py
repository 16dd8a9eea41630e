"""Many files in one go, for the verbs that take files: what to do, where the results go, and doing it.

One input file is one task. A task that fails is reported and the others are done all the same.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing.synchronize
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any, TextIO

from ..engine import blas
from ..files import replacing
from ..tables import KINDS
from . import cores

Work = Callable[["Task"], str]

_work: Work  # what a process of the pool does, see `run`
_stop: Event | multiprocessing.synchronize.Event = Event()  # set by an interrupt; a process of the pool has another


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


def plan(inputs: Sequence[str], out: Path, accepted: Collection[str], endings: Sequence[str]) -> list[Task]:
    """Find the input files and give each a place for its results that no other has.

    Folders are searched with their subfolders, which come again under `out`; hidden files are left out, and so is
    `out` itself where it lies inside. Results are called after their input file without its ending (``a.png`` for
    ``a.jpg``), after its whole name where two would meet (``a.jpg.png`` and ``a.png.png``), with a number where that
    is not enough. The plan depends on the inputs alone, so that all shards of one job agree on it. For a single file,
    `out` may be the path of its first result.

    Parameters
    ----------
    inputs : sequence of str
        Files and folders. A file is taken whatever its ending; given twice, it is taken once.
    out : Path
        The folder of the results, or a path with the first of `endings`.
    accepted : collection of str
        The endings (lower case, with their dot) of the files that are taken from folders.
    endings : sequence of str
        The endings of the results of one task (lower case, with their dot).

    Returns
    -------
    list of Task
        In the order of `inputs`, files of a folder by their path.

    Raises
    ------
    FileNotFoundError
        When an input is not there.
    ValueError
        When a folder holds no file that is taken, or a result would overwrite an input.
    argparse.ArgumentError
        When `out` is the path of a single result and the inputs are not a single file, or has the ending of another
        kind of file.
    """
    if out.suffix.lower() == endings[0] and not out.is_dir():
        if len(inputs) > 1 or Path(inputs[0]).is_dir():
            raise argparse.ArgumentError(None, f"{out} is the name of one file; for several inputs, name a folder")
        tasks = [Task(_existing(inputs[0]), out.with_suffix(""))]
    elif out.suffix.lower() in {*accepted, *KINDS} and not out.is_dir():
        raise argparse.ArgumentError(None, f"{out}: expected a folder or a name that ends in {endings[0]}")
    else:
        tasks = _plan_folder(inputs, out, accepted, endings)
    sources = {task.source.resolve() for task in tasks}
    for task in tasks:
        for ending in endings:
            if task.output(ending).resolve() in sources:
                raise ValueError(f"{task.output(ending)}: is an input, and would be overwritten; choose another folder")
    return tasks


def _existing(given: str) -> Path:
    """Give the path of an input, which must be there."""
    path = Path(given)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    return path


def _plan_folder(inputs: Sequence[str], out: Path, accepted: Collection[str], endings: Sequence[str]) -> list[Task]:
    """Do `plan` for results in a folder."""
    found: dict[str, tuple[Path, Path]] = {}  # absolute path -> source as given, its place below `out`
    for text in inputs:
        given = _existing(text)
        if given.is_dir():
            files = [(path, path.relative_to(given)) for path in _walk(given, accepted, out)]
            if not files:
                raise ValueError(f"{given}: no file in this folder ends in one of {' '.join(sorted(accepted))}")
        else:
            files = [(given, Path(given.name))]
        for path, relative in files:
            found.setdefault(os.path.abspath(path), (path, relative))

    # Names that differ in case only are one file on many file systems.
    shared = Counter(str(relative.with_suffix("")).casefold() for _, relative in found.values())
    taken: set[str] = set()
    tasks = []
    for source, relative in found.values():
        short = relative.with_suffix("")
        name = short if shared[str(short).casefold()] == 1 else relative
        number = 1
        while taken & (claims := {(str(name) + ending).casefold() for ending in endings}):
            number += 1
            name = relative.with_name(f"{relative.name}-{number}")
        taken |= claims
        tasks.append(Task(source, out / name))
    return tasks


def _walk(folder: Path, accepted: Collection[str], out: Path) -> Iterator[Path]:
    """Give the files of a folder and its subfolders, sorted, without hidden ones and without those in `out`."""
    out = out.resolve()
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and Path(place, name).resolve() != out)
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in accepted:
                yield Path(place, name)


def shard(tasks: list[Task], part: tuple[int, int]) -> list[Task]:
    """Give the i-th of n parts of the tasks (`part` is (i, n), i from 1): every n-th of them."""
    return tasks[part[0] - 1 :: part[1]]


def unfinished(
    tasks: Iterable[Task],
    endings: Sequence[str],
    settings: dict[str, Any],
    args: argparse.Namespace,
    record: str = ".json",
) -> list[Task]:
    """Leave out what need not be done again.

    A task is finished when all its results are there and its record (a JSON file, written last) names the same source
    and the same settings, and does not say ``"complete": false``.

    Parameters
    ----------
    tasks : iterable of Task
        All tasks.
    endings : sequence of str
        The endings of the results of one task.
    settings : dict
        What the results depend on besides the source, as it stands in the record under ``"settings"``.
    args : argparse.Namespace
        With ``resume`` and ``force``.
    record : str
        The ending of the record.

    Returns
    -------
    list of Task
        The tasks to do.

    Raises
    ------
    FileExistsError
        When results are there and neither ``--resume`` nor ``--force`` says what to do with them.
    """
    tasks = list(tasks)
    if args.resume:
        return [task for task in tasks if not _finished(task, endings, settings, record)]
    if not args.force:
        there = [path for task in tasks for ending in endings if (path := task.output(ending)).exists()]
        if there:
            others = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
            raise FileExistsError(
                f"{there[0]}{others}: already there; --force overwrites, --resume keeps what is complete"
            )
    return tasks


def _finished(task: Task, endings: Sequence[str], settings: dict[str, Any], record: str) -> bool:
    """Tell whether the results of a task are complete and made with these settings."""
    if not all(task.output(ending).exists() for ending in endings):
        return False
    try:
        found = json.loads(task.output(record).read_bytes())
    except ValueError:
        return False
    return (
        isinstance(found, dict)
        and found.get("source") == str(task.source)
        and found.get("settings") == settings
        and found.get("complete", True)
    )


def make_folders(tasks: Iterable[Task]) -> None:
    """Make the folders of the results, and make sure that they can be written to before any work is done.

    Raises
    ------
    OSError
        When a folder cannot be made or written to.
    """
    for folder in sorted({folder for task in tasks for folder in task.folders}):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(folder / ".refpose-probe") as temporary:
                temporary.touch()
            (folder / ".refpose-probe").unlink()
        except OSError as error:
            raise OSError(f"{folder}: results cannot be written to this folder: {error.strerror}") from error


def run(tasks: Sequence[Task], start: Callable[[], Work], jobs: int) -> Iterator[tuple[Task, str | Exception]]:
    """Do the tasks, here or in processes, and give each with what came out as soon as it is done.

    Parameters
    ----------
    tasks : sequence of Task
        What to do.
    start : callable
        Makes the function that does one task; called once per process. Picklable, as is what the function returns: a
        line that says what came out.
    jobs : int
        Number of processes; with 1 all is done in this one, in order.

    Yields
    ------
    task : Task
    outcome : str or Exception
        What the work returned, or why it failed.

    Raises
    ------
    Exception
        Whatever `start` raises.
    """
    work = start()  # with several processes too: what keeps all of them from starting is then said once, and here
    if jobs == 1:
        for task in tasks:
            yield task, _attempt(work, task)
        return
    # "spawn": forked children of a process with threads (NumPy's BLAS has some) may hang.
    context = get_context("spawn")
    stop = context.Event()
    for variable in blas.THREADS:  # or the processes' threads would fight for the cores
        os.environ.setdefault(variable, "1")
    pool = ProcessPoolExecutor(min(jobs, len(tasks)) or 1, context, _start_process, (start, stop))
    try:
        futures = {pool.submit(_attempt_in_process, task): task for task in tasks}
        for future in as_completed(futures):
            try:
                outcome = future.result()
            except BrokenProcessPool as error:  # the process itself died: out of memory, killed
                outcome = error
            yield futures[future], outcome
    finally:
        stop.set()  # some tasks may be on their way to a process, where they can no longer be cancelled
        pool.shutdown(wait=True, cancel_futures=True)


def _attempt(work: Work, task: Task) -> str | Exception:
    """Do one task; what goes wrong with it, whatever it is, must not keep the others from being done."""
    try:
        return work(task)
    except Exception as error:  # noqa: BLE001
        return error


def _start_process(start: Callable[[], Work], stop: multiprocessing.synchronize.Event) -> None:
    """Prepare a process of the pool."""
    global _work, _stop
    # Ctrl-C reaches all processes of the terminal; the first one decides, and the others learn of it from `stop`.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _stop = stop
    _work = start()


def _attempt_in_process(task: Task) -> str | Exception:
    """Do one task in a process of the pool."""
    if _stop.is_set():
        return InterruptedError("interrupted before it was begun")
    return _attempt(_work, task)


def stopping() -> bool:
    """Tell whether the user wants to stop. Work that takes long asks now and then, and brings its results to an end."""
    return _stop.is_set()


@contextmanager
def stop_on_interrupt() -> Iterator[None]:
    """Let the first Ctrl-C make `stopping` true instead of breaking off in mid-work; the second one breaks off.

    For work in this process; that of a pool is told in any case.
    """

    def ask(number: int, frame: FrameType | None) -> None:
        _stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _stop.clear()


def report(
    outcomes: Iterable[tuple[Task, str | Exception]], total: int, skipped: int, noun: str, progress: bool = True
) -> int:
    """Say what comes out of each task, results on stdout and failures on stderr, and sum up at the end.

    Parameters
    ----------
    outcomes : iterable of (Task, str or Exception)
        From `run`.
    total : int
        Number of tasks that `run` was given.
    skipped : int
        Number of tasks that were finished before.
    noun : str
        What the files are called, in the plural.
    progress : bool
        Whether to show a bar, if stderr is a terminal and tqdm is installed.

    Returns
    -------
    int
        The exit code: 1 when a task failed.
    """
    failed = 0
    with Bar(total, noun, progress and total > 1) as bar:
        for task, outcome in outcomes:
            if isinstance(outcome, Exception):
                failed += 1
                bar.say(_failure(task, outcome), sys.stderr)
            else:
                bar.say(f"{task.source}: {outcome}", sys.stdout)
            bar.advance()
    if total + skipped > 1:
        print(f"{total - failed} {noun} done, {skipped} skipped, {failed} failed", file=sys.stderr)
    return 1 if failed else 0


def _failure(task: Task, error: Exception) -> str:
    """Say why a task failed, naming its source once; the kind of error too where the message is not meant for users."""
    text = str(error) if isinstance(error, (ValueError, OSError)) else f"{type(error).__name__}: {error}"
    return text if text.startswith(str(task.source)) else f"{task.source}: {text}"


class Bar:
    """A progress bar on stderr: tqdm's, if it is installed and stderr is a terminal; else nothing.

    Parameters
    ----------
    total : int or None
        Number of steps, None when it is not known.
    unit : str
        What is counted, in the plural.
    wanted : bool
        False for no bar in any case.
    """

    def __init__(self, total: int | None, unit: str, wanted: bool = True) -> None:
        self._bar: Any = None
        if wanted and sys.stderr.isatty():
            try:
                from tqdm import tqdm
            except ModuleNotFoundError:
                return
            self._bar = tqdm(total=total, unit=f" {unit}", file=sys.stderr, dynamic_ncols=True)

    def __enter__(self) -> Bar:
        """Nothing is to be prepared."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def advance(self, steps: int = 1) -> None:
        """Count steps."""
        if self._bar is not None:
            self._bar.update(steps)

    def say(self, line: str, stream: TextIO) -> None:
        """Print a line without tearing the bar."""
        if self._bar is None:
            print(line, file=stream, flush=True)
        else:
            self._bar.write(line, file=stream)
