"""Zip and tar archives: members by name, none unpacked beyond a bound.

.task bundles, wheels and .npz files are zip archives, npm's packages tar archives.
"""

from __future__ import annotations

import ast
import io
import math
import os
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from . import errors, limit

_MAX_MEMBERS = 100_000
_ENCRYPTED = 1  # bit of ZipInfo.flag_bits
_PIECE = 1 << 20


def is_zip(data: bytes) -> bool:
    """Whether these bytes are a zip archive."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06") or zipfile.is_zipfile(io.BytesIO(data))


def is_gzip(data: bytes) -> bool:
    """Whether these bytes are gzip's, as npm's packages are."""
    return data[:2] == b"\x1f\x8b"


def unzip(
    data: bytes,
    where: str | os.PathLike[str],
    wanted: Callable[[str], bool] = lambda name: True,
    bound: int | None = None,
) -> dict[str, bytes]:
    """Members of a zip archive by name.

    Parameters
    ----------
    data : bytes
        The archive.
    where : str or path
        Its name, for errors.
    wanted : function
        Tells by its name whether a member is wanted.
    bound : int, optional
        Bytes that all of them together may be unpacked to; `refpose.reading.limit` by default.

    Raises
    ------
    ValueError
        It is damaged, a wanted member is encrypted or there twice, or they are larger than the bound.
    """
    bound = limit() if bound is None else bound
    found: dict[str, bytes] = {}
    with errors(where, "a zip archive"), zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [entry for entry in archive.infolist() if wanted(entry.filename) and not entry.is_dir()]
        if len(entries) > _MAX_MEMBERS:
            raise ValueError(f"{os.fspath(where)}: has {len(entries):,} members, more than {_MAX_MEMBERS:,}")
        left = bound
        for entry in entries:
            place = f"{os.fspath(where)}: {entry.filename}"
            if entry.filename in found:
                raise ValueError(f"{place}: is in the archive twice")
            if entry.flag_bits & _ENCRYPTED:
                raise ValueError(f"{place}: is encrypted")
            with errors(place, "a member of a zip archive"), archive.open(entry) as member:
                found[entry.filename] = _read(member, left, place, bound)
            left -= len(found[entry.filename])
    return found


def untar(
    data: bytes,
    where: str | os.PathLike[str],
    wanted: Callable[[str], bool] = lambda name: True,
    bound: int | None = None,
) -> dict[str, bytes]:
    """Files in a gzipped tar archive by name; parameters and errors as of `unzip`, the bound is the whole archive's."""
    bound = limit() if bound is None else bound
    found: dict[str, bytes] = {}
    with errors(where, "a gzipped tar archive"):
        stream = _Bounded(io.BytesIO(data), bound, os.fspath(where))
        with tarfile.open(fileobj=cast(Any, stream), mode="r|") as archive:
            for member in archive:
                if not (member.isreg() and wanted(member.name)):
                    continue
                file = archive.extractfile(member)
                if file is None or member.name in found:
                    raise ValueError(f"{os.fspath(where)}: {member.name}: is in the archive twice")
                found[member.name] = file.read()
                if len(found[member.name]) != member.size:
                    raise ValueError(f"{os.fspath(where)}: {member.name}: cut short")
    return found


class _Bounded:
    """What a gzip file holds, as a stream that ends in an error beyond a bound."""

    def __init__(self, compressed: io.BytesIO, bound: int, where: str) -> None:
        import gzip

        self._stream = gzip.GzipFile(fileobj=compressed)
        self._left, self._bound, self._where = bound, bound, where

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _too_large(self._where, self._bound)
        return data


def _read(member: Any, left: int, where: str, bound: int) -> bytes:
    """All of a stream, piece by piece, so that a false statement of its length costs nothing."""
    pieces: list[bytes] = []
    while piece := member.read(_PIECE):
        left -= len(piece)
        if left < 0:
            raise _too_large(where, bound)
        pieces.append(piece)
    return b"".join(pieces)


def _too_large(where: str, bound: int) -> ValueError:
    return ValueError(f"{where}: unpacks to more than {bound:,} bytes (REFPOSE_MAX_BYTES raises this bound)")


def read_npz(data: bytes, where: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Arrays of an .npz file by name.

    NumPy's own reader reserves what a header asks for before it looks at the data.

    Raises
    ------
    ValueError
        It is damaged, holds something else than arrays of numbers, or is too large (see `unzip`).
    """
    members = unzip(data, where)
    if len({name.removesuffix(".npy") for name in members}) < len(members):  # "a" and "a.npy"
        raise ValueError(f"{os.fspath(where)}: two arrays have the same name")
    return {
        name.removesuffix(".npy"): _read_npy(member, f"{os.fspath(where)}: {name.removesuffix('.npy')}")
        for name, member in members.items()
    }


def _read_npy(data: bytes, where: str) -> NDArray[Any]:
    """An array in NumPy's format (numpy.lib.format, versions 1 and 2)."""
    with errors(where, "an array in NumPy's format"):
        if data[:6] != b"\x93NUMPY" or data[6] not in (1, 2):
            raise ValueError(f"{where}: not an array in NumPy's format")
        width = 2 if data[6] == 1 else 4
        start = 8 + width + int.from_bytes(data[8 : 8 + width], "little")
        if start > min(len(data), 10_000):
            raise ValueError(f"{where}: its header is cut short or too long")
        header = ast.literal_eval(data[8 + width : start].decode("latin1"))
        kind, fortran, shape = np.dtype(header["descr"]), bool(header["fortran_order"]), tuple(header["shape"])
        if kind.kind not in "biufc" or kind.subdtype is not None:
            raise ValueError(f"{where}: holds {kind}, not numbers")
        if not all(type(n) is int and n >= 0 for n in shape) or math.prod(shape) * kind.itemsize != len(data) - start:
            raise ValueError(f"{where}: {len(data) - start} bytes do not make an array of shape {shape} of {kind}")
        return np.frombuffer(data, kind, offset=start).reshape(shape, order="F" if fortran else "C").copy()
