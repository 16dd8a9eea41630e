"""Doing many tasks, one after the other or in processes, until somebody says stop.

A task that fails is reported and the others are done all the same.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.synchronize
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from threading import Event

from .. import messages
from ..engine import blas
from ..files import discard_all
from . import signals
from .planning import Task

Work = Callable[["Task"], str]
_work: Work  # what a process of the pool does, see `run`
_stop: Event | multiprocessing.synchronize.Event = Event()  # set by an interrupt; a process of the pool has another
_reasons = threading.local()  # .of_thread: more that it may stop for, see `stopping_if`


def run(
    tasks: Sequence[Task], start: Callable[[], Work], jobs: int, forks: bool = False
) -> Iterator[tuple[Task, str | Exception]]:
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
    forks : bool
        Whether processes may be copies of this one, which begin with all that is loaded here, rather than new ones:
        for work that does not use BLAS, the threads of which are set when NumPy is imported.

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
    if forks and _can_fork():
        start = partial(_same, work)
        context: BaseContext = get_context("fork")
    else:
        context = get_context("spawn")
    # BLAS: or the processes' threads would fight for the cores. Path: Python looks for modules in the current folder
    # first when it starts them, which may hold files of strangers. (So does Python 3.10 in any case.)
    with _environment({**dict.fromkeys(blas.THREADS, "1"), "PYTHONSAFEPATH": "1"}):
        waiting = deque(tasks)
        while waiting:
            lost = yield from _run_in_processes(waiting, start, jobs, context)
            for task in lost:  # one of them has killed a process, perhaps by its memory: alone, each has all of it
                for again in (yield from _run_in_processes(deque([task]), start, 1, context)):
                    yield (
                        again,
                        ChildProcessError(
                            "the process that did it was killed, also when it ran alone (out of memory?)"
                        ),
                    )


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Let processes that are started meanwhile have variables that are not set here."""
    new = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)


def _can_fork() -> bool:
    """Whether copies of this process can work: none of its threads may hold a lock that nobody would ever open."""
    # Those of BLAS end before a fork by themselves. macOS has libraries that forbid it.
    return sys.platform == "linux" and threading.active_count() == 1


def _same(work: Work) -> Work:
    """Start with what the first process has prepared."""
    return work


def _run_in_processes(
    waiting: deque[Task], start: Callable[[], Work], jobs: int, context: BaseContext
) -> Generator[tuple[Task, str | Exception], None, list[Task]]:
    """Do tasks in processes until all are done or a process dies; return those that were lost with it."""
    stop = context.Event()
    pool = ProcessPoolExecutor(min(jobs, len(waiting)) or 1, context, _start_process, (start, stop))
    running: dict[Future[str | Exception], Task] = {}
    lost: list[Task] = []
    try:
        while (waiting and not lost) or running:
            while waiting and len(running) < jobs and not lost:
                task = waiting.popleft()
                try:
                    with signals.held():  # a process begins with them held, and lets go when it ignores them
                        running[pool.submit(_attempt_in_process, task)] = task
                except BrokenProcessPool:
                    lost.append(task)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                task = running.pop(future)
                try:
                    outcome = future.result()
                except BrokenProcessPool:
                    lost.append(task)
                else:
                    yield task, outcome
        return lost
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
    signals.ignore()
    messages.take_charge()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _stop = stop
    _work = start()


def _end_with_parent() -> None:
    """End this process, and remove its temporary files, when the one that started it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        discard_all()
        os._exit(1)


def _attempt_in_process(task: Task) -> str | Exception:
    """Do one task in a process of the pool."""
    if _stop.is_set():
        return InterruptedError("interrupted before it was begun")
    return _attempt(_work, task)


def stopping() -> bool:
    """Tell whether the user wants to stop. Work that takes long asks now and then, and brings its results to an end."""
    return _stop.is_set() or any(reason() for reason in getattr(_reasons, "of_thread", ()))


@contextmanager
def stopping_if(reason: Callable[[], bool]) -> Iterator[None]:
    """Let `stopping` be true in this thread also when `reason` says so."""
    _reasons.of_thread = [*getattr(_reasons, "of_thread", ()), reason]
    try:
        yield
    finally:
        _reasons.of_thread.pop()


@contextmanager
def stop_on_interrupt() -> Iterator[None]:
    """Let the first Ctrl-C make `stopping` true instead of breaking off in mid-work; the second one breaks off.

    For work in this process; that of a pool is told in any case.
    """
    with signals.asking(_stop.set):
        try:
            yield
        finally:
            _stop.clear()
