"""HDF5 files of strangers, read in a child process with limits of time and memory, and the checksum of our own.

libhdf5 crashes or never ends on some damaged files. A file that refpose wrote has a checksum in HDF5's user block, its
first 512 bytes, by which damage is noticed before anything is parsed; whatever is then parsed, a child process parses.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import errors, hdf5_child, limit

SIGNATURE = b"\x89HDF\r\n\x1a\n"
USER_BLOCK = 512  # bytes: the least that HDF5 has
_SEAL = b"refpose: sha256 of what follows these 512 bytes: "
_PATIENCE = 60.0  # seconds for a child to start and answer, and
_BYTES_PER_SECOND = 10_000_000  # for its values to come; slow machines are ten times as fast


class Content(NamedTuple):
    """What is in an HDF5 file.

    Attributes
    ----------
    arrays : dict of str to ndarray
        By their path.
    attributes : dict of str to dict
        By the group's path, "" for that where reading began, which is missing if it does not exist: numbers, texts,
        and lists of these.
    """

    arrays: dict[str, NDArray[Any]]
    attributes: dict[str, dict[str, Any]]


def is_hdf5(data: bytes) -> bool:
    """Whether these bytes are an HDF5 file: its signature is at 0, 512, 1024, 2048 ..."""
    places = [0, *(512 << k for k in range(20))]
    return any(data[place : place + len(SIGNATURE)] == SIGNATURE for place in places if place < len(data))


def sealed(data: bytes) -> bytes:
    """An HDF5 file with its checksum.

    Parameters
    ----------
    data : bytes
        A file made with ``userblock_size=USER_BLOCK``.
    """
    rest = data[USER_BLOCK:]
    return (_SEAL + hashlib.sha256(rest).hexdigest().encode() + b"\n").ljust(USER_BLOCK, b"\0") + rest


def check_seal(data: bytes, where: str | os.PathLike[str]) -> None:
    """Compare a file with its checksum, if it has one.

    Raises
    ------
    ValueError
        It was damaged, cut short or changed.
    """
    if data.startswith(_SEAL) and sealed(data) != data:
        raise ValueError(f"{os.fspath(where)}: damaged or cut short: its checksum does not fit")


def read(
    data: bytes,
    where: str | os.PathLike[str],
    group: str = "/",
    attributes: Sequence[str] = (),
    bound: int | None = None,
) -> Content:
    """Arrays and attributes of an HDF5 file, by a child process.

    Parameters
    ----------
    data : bytes
        The file.
    where : str or path
        Its name, for errors.
    group : str
        Where in the file to begin.
    attributes : sequence of str
        Names of the attributes to read.
    bound : int, optional
        Bytes that all arrays together may have; `refpose.reading.limit` by default.

    Raises
    ------
    ValueError
        It is no HDF5 file, damaged, holds something else than groups and arrays of numbers, leads to other files by
        links or external storage, or is larger than the bound.
    """
    name = os.fspath(where)
    if not is_hdf5(data):
        raise ValueError(f"{name}: not an HDF5 file")
    check_seal(data, name)
    bound = limit() if bound is None else bound
    request = {"group": group, "attributes": list(attributes), "bound": bound}
    out = _answer(request, data, name, _PATIENCE + min(bound, 100 * len(data)) / _BYTES_PER_SECOND)
    with errors(name, "an HDF5 file"):
        head, _, values = out.partition(b"\n")
        answer = json.loads(head)
        if answer["problem"]:
            raise ValueError(f"{name}: {answer['problem']}")
        return Content(dict(_arrays(answer["arrays"], values)), answer["attributes"])


def vet(path: str | os.PathLike[str]) -> None:
    """Let a child process read a whole file, of any size, so that this process may read it afterwards.

    For files that are read in pieces. Arrays of texts are allowed as well.

    Raises
    ------
    OSError
        It cannot be opened.
    ValueError
        As `read`; or an array says that it is larger than its packed values can be.
    """
    name = os.fspath(path)
    with open(name, "rb") as file:
        if not is_hdf5(file.read(1 << 16)):
            raise ValueError(f"{name}: not an HDF5 file")
        size = os.fstat(file.fileno()).st_size
    request = {"vet": os.path.abspath(name), "bound": 1 << 28}
    out = _answer(request, b"", name, _PATIENCE + 100 * size / _BYTES_PER_SECOND)
    with errors(name, "an HDF5 file"):
        problem = json.loads(out)["problem"]
        if problem:
            raise ValueError(f"{name}: {problem}")


def _arrays(listed: list[tuple[str, str, list[int]]], values: bytes) -> Iterator[tuple[str, NDArray[Any]]]:
    at = 0
    for path, kind, shape in listed:
        dtype, count = np.dtype(kind), math.prod(shape)
        array = np.frombuffer(values, dtype, count, at) if count else np.zeros(0, dtype)
        at += count * dtype.itemsize
        yield path, array.reshape(shape).copy()


def _answer(request: dict[str, Any], data: bytes, where: str, seconds: float) -> bytes:
    """What a child process says to a request about a file; this one where the program is no Python (PyInstaller)."""
    if getattr(sys, "frozen", False) or "py" not in Path(sys.executable or "").name.lower():
        return b"".join(hdf5_child.answer(request, data))
    child = Path(__file__).with_name("hdf5_child.py")
    # Isolated from the current folder and from variables; what this process imports from, the child does too.
    request = {**request, "path": [entry for entry in sys.path if os.path.isabs(entry)]}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HDF5_", "PYTHON"))}
    # No plug-ins for compressed values; threads of NumPy's BLAS would each take memory.
    environment |= {"HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-I", "-S", os.fspath(child)]
    message = json.dumps(request).encode() + b"\n" + data
    try:
        done = subprocess.run(
            command, input=message, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise ValueError(
            f"{where}: cannot be read as an HDF5 file: damaged or cut short (no end after {seconds:.0f} s)"
        ) from None
    if done.returncode or not done.stdout:
        raise ValueError(f"{where}: damaged or cut short: what read it as an HDF5 file ended with {done.returncode}")
    return done.stdout
