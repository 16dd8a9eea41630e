"""Contestants take turns: what is timed against what, and whose time a turn was.

They take turns of some calls each, so that whatever else the machine does hits all alike, and are compared by the ratio
of their minima and that of their medians. A turn during which threads of another contestant worked is thrown away and
counted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from threading import get_native_id
from typing import Any

TURN = 0.03  # seconds of calls in a row
INTRUSION = 0.01  # share of a turn that threads of other contestants may work
SLOW = 0.25  # seconds; calls that take longer are made twice only


@dataclass
class Contestant:
    """What is timed against others.

    Attributes
    ----------
    name : str
    call : callable
        Does the work once.
    threads : set of int
        Its own threads, by number.
    seconds : list of float
        Of every timed call.
    spoiled : int
        Turns that were thrown away.
    """

    name: str
    call: Callable[[], object]
    threads: set[int] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)
    spoiled: int = 0


def processor_seconds() -> dict[int, float] | None:
    """Seconds that every thread of this process has worked; None where the system does not tell."""
    found = {}
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/schedstat", encoding="ascii") as file:
                found[int(thread)] = int(file.read().split()[0]) / 1e9
    except OSError:
        return None
    return found


def fastest(call: Callable[[], object], seconds: float) -> float:
    """The shortest of several runs, in seconds."""
    best, end = float("inf"), time.monotonic() + seconds
    while best == float("inf") or time.monotonic() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def prepare(name: str, make: Callable[[], Callable[[], object]]) -> Contestant:
    """Make a contestant, run it twice, and note the threads that it started."""
    before = set(processor_seconds() or ())
    call = make()
    call()
    call()
    return Contestant(name, call, set(processor_seconds() or ()) - before)


def compete(contestants: Sequence[Contestant], seconds: float) -> None:
    """Let the quick ones take turns for about that long, three turns at least; the slow ones make two calls before."""
    quick = []
    for one in contestants:
        cost = fastest(one.call, TURN)
        if cost < SLOW:
            quick.append((one, max(1, min(200, int(TURN / cost)))))
        else:
            for _ in range(2):
                _turn(one, 1)
    number, end = 0, time.monotonic() + seconds
    while quick and (number < 3 or time.monotonic() < end):
        for i in range(len(quick)):
            _turn(*quick[(i + number) % len(quick)])
        number += 1


def _turn(one: Contestant, calls: int) -> None:
    if calls > 1:
        one.call()  # brings its weights back into the cache
    before = processor_seconds()
    found = []
    start = last = time.perf_counter()
    for _ in range(calls):
        one.call()
        now = time.perf_counter()
        found.append(now - last)
        last = now
    after = processor_seconds()
    if before is not None and after is not None:
        others = set(after) - one.threads - {get_native_id()}
        worked = sum(after[thread] - before.get(thread, 0.0) for thread in others)
        if worked > INTRUSION * (last - start):
            one.spoiled += 1
            return
    one.seconds += found


def rows(contestants: Sequence[Contestant]) -> list[dict[str, Any]]:
    """Minimum and median of every contestant, and how many times as long as the first it takes."""
    first = contestants[0].seconds
    return [
        {
            "name": one.name,
            "calls": len(one.seconds),
            "spoiled_turns": one.spoiled,
            "minimum_ms": 1e3 * min(one.seconds) if one.seconds else None,
            "median_ms": 1e3 * median(one.seconds) if one.seconds else None,
            "ratio_of_minima": min(one.seconds) / min(first) if one.seconds and first else None,
            "ratio_of_medians": median(one.seconds) / median(first) if one.seconds and first else None,
        }
        for one in contestants
    ]
