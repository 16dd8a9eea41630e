"""Being told to stop: Ctrl-C, `kill`, a closed terminal, the end of a queue's time.

All are treated alike: results are ended or removed, and the exit code is 128 and the number of the signal. A signal
that whoever started the process has told it to ignore (``nohup``, a background job) stays ignored.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Stopped(KeyboardInterrupt):
    """The process was told to stop.

    Attributes
    ----------
    number : int
        The signal that told it.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.number = number


_last: int = signal.SIGINT


def stopped() -> Stopped:
    """Give the exception that tells of the last signal."""
    return Stopped(_last)


def ignore() -> None:
    """Leave all signals of the terminal to another process; those that are `held` too."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


@contextmanager
def held() -> Iterator[None]:
    """Let signals wait meanwhile, also in processes and threads that are started."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def listen() -> None:
    """Have all signals raise `Stopped`."""
    for number in _ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _break_off)


def listen_no_more() -> None:
    """Have all signals end this process at once, as they do by default: its work is done."""
    for number in _ENDING:
        if signal.getsignal(number) is _break_off:
            signal.signal(number, signal.SIG_DFL)


def _break_off(number: int, frame: FrameType | None) -> None:
    global _last
    _last = number
    raise Stopped(number)


@contextmanager
def asking(*calls: Callable[[], object]) -> Iterator[None]:
    """Have signals call these functions, one each, instead of breaking off in mid-work; those after them break off.

    Only in the main thread, which is the one that is broken off.
    """
    waiting = list(calls)

    def ask(number: int, frame: FrameType | None) -> None:
        global _last
        _last = number
        waiting.pop(0)()
        if not waiting:
            for other in before:
                signal.signal(other, _break_off)

    before = {number: signal.getsignal(number) for number in _ENDING}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    if threading.current_thread() is not threading.main_thread():
        before = {}
    for number in before:
        signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
