"""How many cores this process may use, and how work is laid on them so that no two threads want the same one."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

from .options import positive

AUTO = "auto"
WINDOWS = 61  # processes at most, which Windows can wait for at once
AHEAD = 4  # frames between the threads of one video; more only take memory


def available() -> int:
    """Cores that this process may use: those that it is allowed on, or less where its control group gets less time."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        allowed = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
        return max(1, min(allowed, math.floor(int(quota) / int(period))))
    except (OSError, ValueError):  # another system, or no limit ("max")
        return allowed


def jobs(text: str) -> int | str:
    """Read the argument of ``--jobs``: a whole number of 1 or more, or ``auto``."""
    try:
        return AUTO if text == AUTO else positive(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, 1 or more, or {AUTO}") from None


def processes(wanted: int | str, tasks: int, threads: int) -> int:
    """How many processes work.

    Parameters
    ----------
    wanted : int or "auto"
        What ``--jobs`` says; auto is as many as have cores for all their threads.
    tasks : int
        Number of tasks; no more processes than tasks.
    threads : int
        Threads of each network.
    """
    most = max(1, available() // threads) if wanted == AUTO else int(wanted)
    return max(1, min(most, tasks, WINDOWS if os.name == "nt" else tasks))


def ahead(processes: int, threads: int) -> int:
    """How many frames may wait between the threads of one video: none where all cores have work without."""
    return AHEAD if processes * threads < available() else 0
