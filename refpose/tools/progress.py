"""What is said while many tasks are done, and at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, TextIO

from .. import messages
from .planning import Plan, Task


def report(
    outcomes: Iterable[tuple[Task, str | Exception]], plan: Plan, total: int, noun: str, progress: bool = True
) -> int:
    """Say what comes out of each task, results on stdout and failures on stderr, and sum up at the end.

    Parameters
    ----------
    outcomes : iterable of (Task, str or Exception)
        From `run`.
    plan : Plan
        What was to be done; its tasks that `run` was not given were finished before.
    total : int
        Number of tasks that `run` was given.
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
    for source, problem in plan.problems:
        messages.say(_failure(source, problem), sys.stderr)
    with Bar(total, noun, progress and total > 1) as bar:
        for task, outcome in outcomes:
            if isinstance(outcome, Exception):
                failed += 1
                bar.say(_failure(str(task.source), outcome), sys.stderr)
            else:
                bar.say(f"{task.source}: {outcome}", sys.stdout)
            bar.advance()
    skipped = len(plan.tasks) - total
    done, failed = total - failed, failed + len(plan.problems)
    if left_out := +plan.left_out:
        parts = ", ".join(f"{count} {kind}" for kind, count in sorted(left_out.items()))
        messages.say(f"left out of folders: {parts}", sys.stderr)
    if total + skipped + len(plan.problems) > 1 or skipped:
        messages.say(f"{done} {noun} done, {skipped} skipped, {failed} failed", sys.stderr)
    return 1 if failed else 0


def _failure(source: str, error: Exception) -> str:
    """Say why a task failed, naming its source once; the kind of error too where the message is not meant for users."""
    text = str(error) if isinstance(error, (ValueError, OSError)) else f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError):
        text = messages.no_memory(error)
    return text if text.startswith(source) else f"{source}: {text}"


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

            class Shown(tqdm):  # type: ignore[misc]
                monitor_interval = 0  # no thread that sees to it: processes can be forked; instead, every step does

            self._bar = Shown(total=total, unit=f" {unit}", file=sys.stderr, dynamic_ncols=True, miniters=1)

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
            messages.say(line, stream)
        else:
            self._bar.write(messages.one_line(line), file=stream)
