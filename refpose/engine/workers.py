"""Calls that several threads share out among them: the people of a frame, before the rows of a network's layers."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

T = TypeVar("T")
S = TypeVar("S")


class Workers:
    """Threads that do calls side by side, the caller's among them; they are started when they are first needed.

    Parameters
    ----------
    threads : int
        With 1, all is done by the caller.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._owner = 0

    def map(self, function: Callable[[S], T], items: Sequence[S]) -> list[T]:
        """Call a function for every item; results in the order of the items.

        The first error that is met is raised when nobody works any more; calls that were not begun are left out then.
        """
        helpers = min(self.threads, len(items)) - 1
        if helpers < 1:
            return [function(item) for item in items]
        found: list[T | None] = [None] * len(items)
        numbers = iter(range(len(items)))

        def work() -> None:
            for number in numbers:
                found[number] = function(items[number])

        others = [self._threads().submit(work) for _ in range(helpers)]
        try:
            work()
        finally:
            for _ in numbers:
                pass
            errors = [other.exception() for other in others]
        for error in errors:
            if error is not None:
                raise error
        return found  # type: ignore[return-value]

    def _threads(self) -> ThreadPoolExecutor:
        """The other threads; a forked child has none of its parent's."""
        if self._pool is None or self._owner != os.getpid():
            from concurrent.futures import ThreadPoolExecutor  # one person needs none of it

            self._pool = ThreadPoolExecutor(self.threads - 1, "refpose")
            self._owner = os.getpid()
        return self._pool
