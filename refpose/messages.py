"""What is said on the terminal: names of every kind readably, messages of C libraries with the file's name, and
which warnings of libraries are left out."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, TextIO

from .files import printable

_LINES = 3  # of the messages about one file that are passed on
_in_charge = False  # whether this process speaks to a user


def take_charge() -> None:
    """Make the streams of this process ready: all are there, and take every name.

    Without a console (``pythonw``, closed streams) what is said goes nowhere, and no file that is opened later takes
    the place of stderr, where C libraries would write into it.
    """
    global _in_charge
    _in_charge = True
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    warnings.showwarning = lambda message, *_: say(f"warning: {message}", sys.stderr)
    codecs.register_error("refpose", _readable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="refpose")


def _readable(error: UnicodeError) -> tuple[str, int]:
    r"""Replace what a stream cannot take: a byte of a file name that is no UTF-8 by ``\xff``, others by ``\u263a``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(
        f"\\x{ord(letter) - 0xDC00:02x}"
        if 0xDC80 <= ord(letter) <= 0xDCFF
        else letter.encode("ascii", "backslashreplace").decode()
        for letter in letters
    ), error.end


def say(line: str, stream: TextIO | None = None) -> None:
    """Print a line, without control characters (a file name may hold some), on stdout by default.

    Where nobody listens any more on stderr, or its disk is full, it is not said: what was asked for is done all the
    same.
    """
    try:
        print(one_line(line), file=stream or sys.stdout, flush=True)
    except OSError:
        if stream is not sys.stderr:
            raise


def one_line(text: str) -> str:
    r"""Replace control characters by what they are called in Python (``\n``)."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda found: repr(found[0])[1:-1], text)


def no_memory(error: MemoryError) -> str:
    """Say that memory does not suffice; the error may have no words of its own."""
    return f"there is not enough memory: {error}".removesuffix(": ")


def _memory() -> IO[bytes]:
    """Open a file that is in memory, where the system has such: folders for temporary files may be missing or full."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("refpose"), "w+b")
    import tempfile

    return tempfile.TemporaryFile()


@contextmanager
def of(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say on stderr, with the file's name, what C libraries write there meanwhile (libtiff does).

    Only in a process that speaks to a user: stderr is that of the whole process, all threads of which are concerned.
    """
    if not _in_charge:
        yield
        return
    with _memory() as kept:
        sys.stderr.flush()
        stderr = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            kept.seek(0)
            lines = kept.read().decode(errors="replace").splitlines()
            for line in lines[:_LINES]:
                say(f"{printable(path)}: {line}", sys.stderr)
            if len(lines) > _LINES:
                say(f"{printable(path)}: {len(lines) - _LINES} more messages", sys.stderr)


class _ThisThread(threading.local):
    """A pattern for `warnings.filters` that matches what a thread wants to leave out."""

    beginnings: tuple[str, ...] = ()

    def match(self, text: str) -> bool:
        return text.startswith(self.beginnings)


_this_thread = _ThisThread()
_FILTER: Any = ("ignore", _this_thread, Warning, None, 0)


@contextmanager
def quiet(*beginnings: str) -> Iterator[None]:
    """Leave out warnings in this thread: all, or those that begin so.

    `warnings.catch_warnings` exchanges the list of filters of the whole process, so that of two threads the one that
    leaves last may leave the other's filters for good. This adds a filter that matches in this thread alone, and only
    here. It stays: were it taken out, a thread that looks through the list at that moment would miss another one.
    """
    before = _this_thread.beginnings
    if _FILTER not in warnings.filters:
        warnings.filters.insert(0, _FILTER)  # type: ignore[attr-defined]
    _this_thread.beginnings = (*before, *(beginnings or ("",)))
    try:
        yield
    finally:
        _this_thread.beginnings = before
