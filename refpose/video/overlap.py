"""Work beside the caller's, in a thread: what comes next is made ready, and what is done is put away.

Both keep the order, hold a bounded number of things, and hand an error on where it belongs. FFmpeg and the native
engine let other threads run meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

MOST = 1000
"""Frames that may be ready before they are asked for, or wait: each takes the memory of a picture."""


def read_ahead(items: Iterator[T], count: int) -> Generator[T, None, None]:
    """Give the items of an iterator, which a thread takes from it up to `count` items ahead.

    An error of the iterator comes after the items before it. When this generator is closed, the thread has ended.

    Parameters
    ----------
    items : iterator
    count : int
        With 0, nothing is taken before it is asked for, and there is no thread.
    """
    if count == 0:
        yield from items
        return
    end: Any = object()
    with ThreadPoolExecutor(1, "refpose-read-ahead") as thread:
        waiting = deque(thread.submit(next, items, end) for _ in range(count))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(thread.submit(next, items, end))
                yield item
        finally:
            for future in waiting:
                future.cancel()


class Behind:
    """Calls that a thread makes one after the other, while up to `count` of them wait.

    An error of a call is raised by one of the next `__call__` or by `wait`. Calls behind it are not made, since they
    would work on what is half done: they raise the same error.

    Parameters
    ----------
    count : int
        With 0, calls are made at once, and there is no thread.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._thread = ThreadPoolExecutor(1, "refpose-behind") if count else None
        self._waiting: deque[Future[None]] = deque()
        self._error: Exception | None = None

    def __call__(self, call: Callable[..., None], *arguments: Any) -> None:
        """Make a call soon; waits where too many wait already."""
        if self._thread is None:
            self._make(call, *arguments)
            return
        while self._waiting and (len(self._waiting) >= self._count or self._waiting[0].done()):
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._make, call, *arguments))

    def _make(self, call: Callable[..., None], *arguments: Any) -> None:
        if self._error is not None:
            raise self._error
        try:
            call(*arguments)
        except Exception as error:
            self._error = error
            raise

    def wait(self) -> None:
        """Wait until all calls are made."""
        while self._waiting:
            self._waiting.popleft().result()

    def close(self) -> None:
        """Forget the calls that wait, and end the thread."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
        self._error = None  # its traceback leads back here
