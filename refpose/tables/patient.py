"""HDF5 files on disks that may be full."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def hdf5_file(path: Path) -> Iterator[tuple[Any, Callable[[], None]]]:
    """Make an HDF5 file; errors of writing are raised by a function to call now and then, and at the end.

    Yields
    ------
    h5py.File
    function
        Raises the first OSError so far, if any: what is written after it is kept in memory.
    """
    import h5py

    with _PatientFile(path, "w+") as raw:
        with h5py.File(raw, "w") as file:
            yield file, raw.check
        raw.check()


class _PatientFile(io.FileIO):
    """A file that keeps the first error of writing until it is asked for.

    When writing fails under HDF5 (disk full), it cannot close its objects any more, and crashes the process, then or
    later. So from the first error on, what does not reach the disk is kept in memory, and read from there.
    """

    _error: OSError | None = None

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self._kept: list[tuple[int, bytes]] = []  # place in the file, what would be there; later ones count

    def write(self, data: Any) -> int:
        """Write all of `data`, to memory what cannot be written to the disk."""
        rest = memoryview(data).cast("B")
        total = len(rest)
        end = self.tell() + total
        try:
            while rest and self._error is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self._error = error
        if rest:
            self._kept.append((end - len(rest), bytes(rest)))
            self.seek(end)
        return total

    def readinto(self, buffer: Any) -> int:
        """Read what was written, wherever it is."""
        if self._error is None:
            return super().readinto(buffer) or 0
        start, view = self.tell(), memoryview(buffer).cast("B")
        view[:] = bytes(len(view))
        super().readinto(view)
        for place, data in self._kept:
            first, last = max(place, start), min(place + len(data), start + len(view))
            if first < last:
                view[first - start : last - start] = data[first - place : last - place]
        self.seek(start + len(view))
        return len(view)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place; the end is that of what was written, wherever it is."""
        if whence == os.SEEK_END and self._kept:
            end = max(super().seek(0, os.SEEK_END), *(place + len(data) for place, data in self._kept))
            return super().seek(end + offset)
        return super().seek(offset, whence)

    def truncate(self, size: int | None = None) -> int:
        """Set the size, or after an error do nothing."""
        try:
            if self._error is None:
                return super().truncate(size)
        except OSError as error:
            self._error = error
        return size or 0

    def check(self) -> None:
        """Raise the error that was kept, if any."""
        if self._error is not None:
            raise self._error
