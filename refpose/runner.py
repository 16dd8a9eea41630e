"""Who makes the calls of the pipeline: `Run` only calls; others keep, time, judge or exchange what is called.

The pipeline is straight-line code over ``run(name, function, *arguments)``, as the networks are over ``ops``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
Names = str | tuple[str, ...]


class NoPerson(Exception):
    """A stage found that there is no person to look at; says why."""


class Run:
    """Calls the stages and passes on what they give: what `refpose.Pose.process` does.

    Attributes
    ----------
    everything : bool
        Whether all outputs of the networks are wanted, also those that the result does not need.
    """

    everything = False

    def __call__(self, names: Names, function: Callable[..., T], *arguments: Any) -> T:
        """Make a call; the result goes by this name, or a tuple of results by these names. Gates have no names."""
        return function(*arguments)

    def each(self, name: str, function: Callable[..., list[T]], *arguments: Any) -> list[T]:
        """Make a call that gives something for each person."""
        return self(name, function, *arguments)

    def given(self, name: str, value: T) -> T:
        """Take over what comes from outside: a picture, a region that is tracked."""
        return value

    def fused(self, name: str, function: Callable[..., T], parts: Callable[..., T], *arguments: Any) -> T:
        """Make a call that does the work of several: ``parts(*arguments, run)`` makes these one by one."""
        return self(name, function, *arguments)

    def person(self, index: int) -> Run:
        """Who makes the calls for one of several people."""
        return self

    def nobody(self, reason: NoPerson) -> None:
        """Take note that there is nobody."""

    def decided(self, name: str, value: Any) -> None:
        """Take note of a decision (`refpose.decisions`), or of whom it is about."""


DIRECT = Run()
