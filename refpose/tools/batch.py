"""Doing many tasks, one after the other or in processes, until somebody says stop.

A task that fails is reported and the others are done all the same.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from threading import Event

from .. import messages
from ..engine import blas
from ..files import discard_all
from . import signals
from .planning import Task

Work = Callable[["Task"], str]
_work: Work  # what a process of the pool does, see `run`
_stop = Event()  # set by an interrupt
_told: Connection | None = None  # in a process of the pool: something can be read from it after an interrupt
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
    """Do tasks in processes until all are done or a process dies; return those that were lost with it.

    The first interrupt lets tasks bring their results to an end, the second one breaks them off.
    """
    # Processes see that there is something to read, and leave it there for the others. Events have a lock, which would
    # stay closed when a process is killed that has just closed it.
    (stop_told, stop), (leave_told, leave) = context.Pipe(duplex=False), context.Pipe(duplex=False)
    with signals.held():  # Python's helper, which may begin here, ignores not all of them
        pool = ProcessPoolExecutor(
            min(jobs, len(waiting)) or 1, context, _start_process, (start, stop_told, leave_told)
        )
    running: dict[Future[str | Exception], Task] = {}
    lost: list[Task] = []
    with stop_told, stop, leave_told, leave, signals.asking(partial(stop.send, "stop"), partial(leave.send, "leave")):
        try:
            while (waiting and not lost and not stop_told.poll()) or running:
                while waiting and len(running) < jobs and not (lost or stop_told.poll()):
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
                    except KeyboardInterrupt:  # it has said what became of it
                        continue
                    else:
                        if not isinstance(outcome, InterruptedError):
                            yield task, outcome
            if stop_told.poll():
                raise signals.stopped()
            return lost
        finally:
            stop.send("stop")  # whatever it is that ends this
            pool.shutdown(wait=True, cancel_futures=True)


def _attempt(work: Work, task: Task) -> str | Exception:
    """Do one task; what goes wrong with it, whatever it is, must not keep the others from being done."""
    try:
        return work(task)
    except Exception as error:  # noqa: BLE001
        return error


def _start_process(start: Callable[[], Work], stop: Connection, leave: Connection) -> None:
    """Prepare a process of the pool."""
    global _work, _told
    # Ctrl-C reaches all processes of the terminal; the first one decides, and the others learn of it from `stop`.
    signals.ignore()
    messages.take_charge()
    threading.Thread(target=_leave_when_told, args=(leave,), daemon=True).start()
    _told = stop
    _work = start()


def _leave_when_told(leave: Connection) -> None:
    """End this process, and remove its temporary files, when it is told to or the one that started it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([leave, parent.sentinel])
        discard_all()
        os._exit(1)


def _attempt_in_process(task: Task) -> str | Exception:
    """Do one task in a process of the pool."""
    if stopping():
        return InterruptedError("interrupted before it was begun")
    return _attempt(_work, task)


def stopping() -> bool:
    """Tell whether the user wants to stop. Work that takes long asks now and then, and brings its results to an end."""
    told = _stop.is_set() or (_told is not None and _told.poll())
    return told or any(reason() for reason in getattr(_reasons, "of_thread", ()))


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
