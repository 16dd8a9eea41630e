"""Many files on the workers of a Dask cluster, instead of processes here.

The same function does a task here and there. What is Dask's stays Dask's: who gets which task, what becomes of the
tasks of a worker that died, and when a task has killed too many. What is ours: a worker with another refpose, other
weights or another file system is refused, pictures go in groups, and a group that kills its workers is taken apart.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..extras import require
from ..files import discard, temporary_name
from . import batch, cores, options, planning

CONNECTING = 15.0  # seconds
GROUPS_PER_WORKER = 8  # that all workers end at nearly the same time
LARGEST_GROUP = 50  # pictures that are done again when a worker dies


def outcomes(
    args: argparse.Namespace, tasks: Sequence[planning.Task], start: Any, largest_group: int = 1
) -> Iterator[tuple[planning.Task, str | Exception]]:
    """Do tasks where the arguments say: on a cluster, or in processes here, and give each with what came out.

    Parameters
    ----------
    args : argparse.Namespace
        With ``dask``, ``jobs`` and ``threads``.
    tasks : sequence of Task
    start : callable
        As for `batch.run`; with ``pose``, the settings of the pose estimator.
    largest_group : int
        How many tasks may go to a worker at once.
    """
    if args.dask is None:
        jobs = cores.processes(args.jobs, len(tasks), args.threads)
        return batch.run(tasks, start, jobs, forks=start.pose["engine"] == "native")
    if args.jobs != 1:
        raise argparse.ArgumentError(None, "--jobs is for processes here; on a cluster, its workers count")
    return run(tasks, start, args.dask, largest_group)


@dataclass(frozen=True)
class _Order:
    """What the workers of one run are to know.

    Attributes
    ----------
    run : str
        Its name.
    start : callable
        Makes the function that does a task.
    model : str
    identity : dict
        What a worker must have, see `_identity`.
    folder : str
        In which relative names begin.
    probe : str
        A file that is there while the run lasts.
    """

    run: str
    start: Callable[[], batch.Work]
    model: str
    identity: dict[str, Any]
    folder: str
    probe: str


class Refused(ValueError):
    """A worker that cannot give the results of this machine."""


def run(
    tasks: Sequence[planning.Task], start: Any, scheduler: str, largest_group: int
) -> Iterator[tuple[planning.Task, str | Exception]]:
    """Do tasks on the workers of a Dask cluster, and give each with what came out as soon as it is done.

    When the caller stops, what waits is cancelled, and what runs ends its results as after Ctrl-C.

    Parameters
    ----------
    tasks, start
        As for `batch.run`.
    scheduler : str
        The address of the scheduler, or its scheduler file.
    largest_group : int
        How many tasks may go to a worker at once.

    Yields
    ------
    task : Task
    outcome : str or Exception

    Raises
    ------
    MissingExtra
        When Dask's distributed is not installed.
    OSError
        When there is no scheduler.
    ValueError
        When a worker is refused.
    """
    distributed = require("distributed", "dask")
    if not tasks:
        return
    start()  # what keeps every worker from starting is then said once, and here
    model = start.pose["model"]
    probe = temporary_name(tasks[0].output(".probe").absolute())
    order = _Order(uuid.uuid4().hex, start, model, _identity(model), os.getcwd(), str(probe))
    with _connected(distributed, scheduler) as client:
        probe.touch()
        try:
            _refuse_others(client, order)
            yield from _all(distributed, client, order, tasks, largest_group)
        finally:
            discard(probe)


@contextmanager
def _connected(distributed: Any, scheduler: str) -> Iterator[Any]:
    """Connect to a scheduler."""
    import asyncio  # what is done without a cluster needs none of it

    try:
        address = json.loads(Path(scheduler).read_bytes())["address"] if os.path.isfile(scheduler) else scheduler
        kind = asyncio.run(asyncio.wait_for(_kind(distributed, address), CONNECTING))
        if kind != "Scheduler":
            raise ValueError(f"it is a {kind}")
        client = distributed.Client(address, timeout=CONNECTING, set_as_default=False)
    except Exception as error:  # of the network, the handshake, the file: of many kinds
        why = str(error).partition("\n")[0] or f"not within {CONNECTING:g} s"
        raise OSError(f"{scheduler}: no Dask scheduler answers there ({type(error).__name__}: {why})") from error
    try:
        yield client
    finally:
        client.close(timeout=CONNECTING)


async def _kind(distributed: Any, address: str) -> Any:
    """What of Dask's answers at an address; a client would wait for ever where something takes its call in silence."""
    security = distributed.Security().get_connection_args("client")
    async with distributed.rpc(address, connection_args=security) as remote:
        return (await remote.identity())["type"]


def _refuse_others(client: Any, order: _Order) -> None:
    """Refuse a cluster that has workers which cannot do the same as this machine.

    Workers that come later are asked with their first task.
    """
    answers = client.run(_objection, order, on_error="return")
    bad = {worker: answer for worker, answer in answers.items() if answer is not None}
    if bad:
        worker, answer = min(bad.items())
        others = f" (and {len(bad) - 1} other workers are refused)" if len(bad) > 1 else ""
        if isinstance(answer, Exception):
            answer = f"has no refpose {__version__} that works ({type(answer).__name__}: {answer})"
        raise Refused(f"worker {worker} {answer}{others}")


def _all(
    distributed: Any, client: Any, order: _Order, tasks: Sequence[planning.Task], largest_group: int
) -> Iterator[tuple[planning.Task, str | Exception]]:
    """Hand the tasks to the workers, and take in what they answer.

    A group that kills its workers is taken apart. What is left then is done one by one, when nothing else is: by that
    time it is known that no neighbour killed the worker.
    """
    workers = max(1, sum(client.nthreads().values()))
    size = max(1, min(largest_group, -(-len(tasks) // (GROUPS_PER_WORKER * workers))))
    killed = yield from _round(distributed, client, order, [tasks[i : i + size] for i in range(0, len(tasks), size)])
    if size > 1:
        killed = yield from _round(distributed, client, order, [[task] for group in killed for task in group])
    for group in killed:
        for (task,) in (yield from _round(distributed, client, order, [group])):
            yield (
                task,
                ChildProcessError("every worker that did it was killed, also when it ran alone (out of memory?)"),
            )


def _round(
    distributed: Any, client: Any, order: _Order, groups: Sequence[Sequence[planning.Task]]
) -> Generator[tuple[planning.Task, str | Exception], None, list[Sequence[planning.Task]]]:
    """Let the workers do groups of tasks; return those groups that killed theirs again and again."""
    waiting = {client.submit(_do, order, tuple(group), pure=False): group for group in groups}
    running = distributed.as_completed(list(waiting), loop=client.loop)
    killed = []
    try:
        for future in running:
            error = future.exception() if future.status == "error" else None
            if future.status == "finished":
                try:
                    answers = future.result()
                except Exception as failure:  # noqa: BLE001  # the worker died before it told, and so did the others
                    error = failure
                else:
                    yield from zip(waiting.pop(future), answers, strict=True)
                    continue
            elif future.status in ("pending", "lost"):  # the same; another worker does it again
                running.add(future)
                continue
            if isinstance(error, Refused):
                raise error
            group = waiting.pop(future)
            if isinstance(error, distributed.KilledWorker):
                killed.append(group)
            else:
                gone = error if isinstance(error, Exception) else ConnectionError("the Dask scheduler is gone")
                yield from ((task, gone) for task in group)
    finally:
        if waiting:
            _stop(client, order, list(waiting))
    return killed


def _stop(client: Any, order: _Order, futures: list[Any]) -> None:
    """Cancel what waits, and ask what runs to bring its results to an end."""
    try:
        client.cancel(futures, force=True)
        client.run(_stop_run, order.run, on_error="ignore")
    except Exception:  # noqa: BLE001  # without a scheduler there is nobody to ask
        return


# What follows runs on the workers.

_local = threading.local()  # .run, .work: of the thread's last task
_stopped: set[str] = set()  # the runs that have been stopped
_here = threading.Condition()
_folders: list[str] = []  # of the tasks that run


def _identity(model: str) -> dict[str, Any]:
    """What decides whether two machines give the same results."""
    return {"refpose": __version__, "weights": options.weights_sha256(model)}


def _objection(order: _Order) -> str | None:
    """Why this worker cannot do its part; None if it can."""
    if __version__ != order.identity["refpose"]:  # first: another version may keep its weights elsewhere
        return f"has refpose {__version__}, but {order.identity['refpose']} is needed"
    if _identity(order.model) != order.identity:
        return f"has other weights for {order.model}"
    if not os.path.exists(order.probe):
        return f"does not see {os.path.dirname(order.probe)}: results go to a file system that all workers share"
    return None


def _do(order: _Order, tasks: Sequence[planning.Task]) -> list[str | Exception]:
    """Do tasks on a worker."""
    if getattr(_local, "run", None) != order.run:
        if objection := _objection(order):
            raise Refused(f"worker {require('distributed', 'dask').get_worker().address} {objection}")
        _local.work = order.start()
        _local.run = order.run
    with _in_folder(order.folder), batch.stopping_if(lambda: order.run in _stopped):
        return [_attempt(order, task) for task in tasks]


def _attempt(order: _Order, task: planning.Task) -> str | Exception:
    """Do one task, if the run goes on."""
    if order.run in _stopped:
        return InterruptedError("interrupted before it was begun")
    try:
        done: str = _local.work(task)
    except KeyboardInterrupt:  # it was asked to stop; left alone, this would end the worker
        return InterruptedError("interrupted")
    except Exception as error:  # noqa: BLE001  # whatever it is, the others are to be done
        return error
    return done


def _stop_run(run: str) -> None:
    """Let the tasks of a run bring their results to an end."""
    _stopped.add(run)


@contextmanager
def _in_folder(folder: str) -> Iterator[None]:
    """Let relative names begin in a folder. It is the whole process's, so tasks that want another one wait."""
    with _here:
        _here.wait_for(lambda: all(other == folder for other in _folders))
        os.chdir(folder)
        _folders.append(folder)
    try:
        yield
    finally:
        with _here:
            _folders.remove(folder)
            _here.notify_all()
