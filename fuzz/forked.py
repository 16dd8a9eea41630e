"""HDF5 files read by forks of this process, instead of by a new Python each: the same child, twenty times as many.

What `refpose.reading.hdf5` starts as a script takes 0.2 s to import h5py. Here that is done once, and the child begins
where it would have imported it; its limits, what it is told and what it says are the same.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from refpose.reading import hdf5_child


def run(command: list[str], *, input: bytes, timeout: float, **_: Any) -> subprocess.CompletedProcess[bytes]:
    """As `subprocess.run` of the child."""
    with tempfile.TemporaryFile(dir=_FOLDER) as told, tempfile.TemporaryFile(dir=_FOLDER) as said:
        told.write(input)
        told.seek(0)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.dup2(told.fileno(), 0)
                os.dup2(said.fileno(), 1)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115
                hdf5_child.main()
                sys.stdout.flush()
                code = 0
            finally:
                os._exit(code)
        end = time.monotonic() + timeout
        while (done := os.waitpid(child, os.WNOHANG)) == (0, 0):
            if time.monotonic() > end:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                raise subprocess.TimeoutExpired(command, timeout)
            time.sleep(0.001)
        said.seek(0)
        return subprocess.CompletedProcess(command, os.waitstatus_to_exitcode(done[1]), said.read())


_FOLDER = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def use() -> None:
    """Let `refpose.reading.hdf5` read by forks from now on."""
    if not hasattr(os, "fork"):
        return
    import h5py  # noqa: F401

    subprocess.run = run  # type: ignore[assignment]  # nothing else in a worker starts processes
