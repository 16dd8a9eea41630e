"""Reading and writing weights files, which are HDF5.

A file holds one network. Every trained array is a contiguous dataset named after its layer
(``encoder/block3/depthwise/kernel``) in the precision of the original (binary16 for BlazePose), in the shape that
`ops` takes. Attributes of the root say what the file is: ``format``, ``network``, ``source`` (name of the original
file), ``source_sha256``, ``licence`` and ``content_sha256``, a hash of all names, shapes and values by which
damage is noticed. Files made from published models are known by their own hash (`published`) before anything is parsed;
all others are parsed in a child process (`refpose.reading.hdf5`).
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import files, reading
from . import SHIPPED, published, record

FORMAT = 1
_PIECE = 2**18  # bytes of a file that are hashed at a time
_SMALL = 2**23  # bytes; a file up to that size is kept in memory until its network was made ready
ATTRIBUTES = ("format", "network", "source", "source_sha256", "licence", "content_sha256")


class Weights(Mapping[str, NDArray[np.float32]]):
    """The trained arrays of one network by name, float32 and read-only, and where they come from.

    They are kept in the precision of the file and widened whenever they are asked for. Those of published models stay
    in the file, which is kept open, and are read again each time (of a small file from `release` on).

    Attributes
    ----------
    network : str
    attributes : dict
        Those of the file.
    stored : mapping of str to ndarray
        The arrays in the precision of the file.
    """

    def __init__(self, network: str, stored: Mapping[str, NDArray[Any]], attributes: Mapping[str, Any]) -> None:
        self.network = network
        self.stored = stored
        self.attributes = dict(attributes)

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        array = _widened(self.stored[name])
        array.flags.writeable = False
        return array

    def release(self) -> None:
        """Let go of the file's content, as far as it is in memory: all arrays were asked for."""
        if isinstance(self.stored, _Kept):
            self.stored.file.release()

    def nonzero(self, name: str) -> int:
        """How many values of an array are not zero."""
        array = self.stored[name]
        if array.dtype == np.float16:  # the sign shifted out; NumPy would widen value by value
            array = array.view(np.uint16) << 1
        return int(np.count_nonzero(array))

    def __iter__(self) -> Iterator[str]:
        return iter(self.stored)

    def __len__(self) -> int:
        return len(self.stored)


def default_path(network: str) -> Path:
    """The weights file of this network in the folder ``REFPOSE_WEIGHTS``, where there is one, or else the package's.

    Raises
    ------
    FileNotFoundError
        The variable names no folder.
    """
    folder = os.environ.get("REFPOSE_WEIGHTS")
    if folder and not Path(folder).is_dir():
        raise FileNotFoundError(f"environment variable REFPOSE_WEIGHTS: no folder {folder}")
    if folder and (Path(folder) / f"{network}.h5").is_file():
        return Path(folder) / f"{network}.h5"
    here = Path(__file__).resolve().parent.parent
    installed = here / "_weights" / f"{network}.h5"
    return installed if installed.exists() else here.parent / "weights" / f"{network}.h5"


def load(network: str, path: str | os.PathLike[str] | None = None) -> Weights:
    """Read and check the weights of one network.

    Parameters
    ----------
    network : str
        Name of one of `networks.NETWORKS`.
    path : path, optional
        Another weights file than `default_path` finds, or the folder it is in.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        The file is not HDF5, is damaged or cut short, or does not hold exactly the arrays the network's code asks for:
        what was expected and what was found is said.
    """
    file = Path(default_path(network) if path is None else path)
    if file.is_dir():
        file /= f"{network}.h5"
    if not file.is_file():
        if path is None and network not in SHIPPED:
            raise FileNotFoundError(
                f"no weights of {network!r}: they do not come with refpose. Make {network}.h5 from the authors' model "
                "file with `refpose convert FILE -o DIR`, then name DIR by the environment variable REFPOSE_WEIGHTS "
                "or by the argument `weights`"
            )
        raise FileNotFoundError(f"no weights file {file}")
    with reading.errors(file, "a weights file"):
        kept = _File(file)
        digest = kept.sha256()
        if published.CONVERTED.get(digest) == network:
            if digest not in _known:
                _known[digest] = _read_known(kept)
            places, attributes = _known[digest]
            return Weights(network, _Kept(kept, places), attributes)
        from ..reading import hdf5

        found = hdf5.read(bytes(kept.read(0, kept.size)), file, attributes=ATTRIBUTES)
    attributes = found.attributes[""]
    for name in ATTRIBUTES:
        if name not in attributes:
            raise ValueError(f"{file}: no attribute {name!r}: not a weights file of refpose")
    check(network, found.arrays, attributes, file.name)
    return Weights(network, found.arrays, attributes)


def save(
    path: str | os.PathLike[str],
    network: str,
    arrays: Mapping[str, NDArray[Any]],
    source: str,
    source_sha256: str,
    licence: str,
) -> None:
    """Write the weights of one network; the same arrays always give the same bytes."""
    import h5py

    attributes = {
        "format": FORMAT,
        "network": network,
        "source": source,
        "source_sha256": source_sha256,
        "licence": licence,
        "content_sha256": content_sha256(arrays),
    }
    check(network, arrays, attributes, Path(path).name)
    # In memory: HDF5 does not survive a full disk.
    with h5py.File(os.fspath(path), "w", driver="core", backing_store=False, libver=("earliest", "v110")) as h5:
        for name, value in attributes.items():
            h5.attrs[name] = value
        for name in record(network).weights:
            h5.create_dataset(name, data=np.ascontiguousarray(arrays[name]), track_times=False)
        h5.flush()
        image = h5.id.get_file_image()
    files.write_bytes(path, image)


def check(network: str, arrays: Mapping[str, NDArray[Any]], attributes: Mapping[str, Any], where: str) -> None:
    """Raise ValueError unless these are exactly the arrays the code of `network` asks for, undamaged."""
    if attributes["format"] != FORMAT:
        raise ValueError(f"{where}: expected format {FORMAT}, found {attributes['format']}")
    if attributes["network"] != network:
        raise ValueError(f"{where}: expected the network {network!r}, found {attributes['network']!r}")
    expected = record(network).weights
    for name, shape in expected.items():
        if name not in arrays:
            raise ValueError(f"{where}: {name}: missing")
        array = arrays[name]
        if array.dtype not in (np.float16, np.float32):
            raise ValueError(f"{where}: {name}: expected float16 or float32, found {array.dtype}")
        if array.shape != shape:
            raise ValueError(f"{where}: {name}: expected {shape}, found {array.shape}")
        if not _all_finite(array):
            raise ValueError(f"{where}: {name}: has values that are not finite")
    for name in arrays:
        if name not in expected:
            raise ValueError(f"{where}: {name}: not a part of the network {network!r}")
    if attributes["content_sha256"] != content_sha256(arrays):
        raise ValueError(f"{where}: the values do not have the hash the file names: it was damaged or changed")


def content_sha256(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Hash of all names, types, shapes and values, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def _widened(array: NDArray[Any]) -> NDArray[np.float32]:
    """A copy as float32. NumPy widens binary16 value by value; this moves the bits of all, which is exact: exponents
    are 112 too small then.
    """
    if array.dtype != np.float16:
        return array.astype(np.float32)
    bits = array.view(np.uint16).astype(np.uint32)
    signs = bits & 0x8000
    signs <<= 16
    bits &= 0x7FFF
    bits <<= 13
    wide = bits.view(np.float32)
    wide *= np.float32(2.0**112)
    bits |= signs
    return wide


def _all_finite(array: NDArray[Any]) -> bool:
    if array.dtype == np.float16:  # NumPy widens binary16 value by value; its exponent can be looked at faster
        return bool(((array.view(np.uint16) & 0x7C00) != 0x7C00).all())
    return bool(np.isfinite(array).all())


class _File:
    """An open file, which is that of the moment it was opened, whatever the path names later."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
        weakref.finalize(self, os.close, self._handle)
        self._status = self._now()
        self._lock = threading.Lock()
        self._content: memoryview | None = None

    @property
    def size(self) -> int:
        return self._status[0]

    def _now(self) -> tuple[int, int]:
        status = os.fstat(self._handle)
        return status.st_size, status.st_mtime_ns

    def release(self) -> None:
        """Keep no content in memory."""
        self._content = None

    def read(self, at: int, size: int) -> bytes | memoryview:
        """These bytes of the file.

        Raises
        ------
        ValueError
            Something was written to the file since it was opened.
        """
        kept = self._content
        if kept is not None:
            return kept[at : at + size]
        if hasattr(os, "pread"):  # a forked process shares the position
            content = os.pread(self._handle, size, at)
        else:
            with self._lock:
                os.lseek(self._handle, at, os.SEEK_SET)
                content = os.read(self._handle, size)
        if len(content) != size or self._now() != self._status:
            raise ValueError(f"{self.path}: the file was changed since it was opened")
        return content

    def sha256(self) -> str:
        if self.size <= _SMALL:
            self._content = memoryview(self.read(0, self.size))
            return hashlib.sha256(self._content).hexdigest()
        digest = hashlib.sha256()
        for at in range(0, self.size, _PIECE):
            digest.update(self.read(at, min(_PIECE, self.size - at)))
        return digest.hexdigest()


class _Kept(Mapping[str, NDArray[Any]]):
    """Arrays that stay in their file: each is read when it is asked for."""

    def __init__(self, file: _File, places: _Places) -> None:
        self.file = file
        self._places = places

    def __getitem__(self, name: str) -> NDArray[Any]:
        shape, dtype, at = self._places[name]
        return np.frombuffer(self.file.read(at, math.prod(shape) * dtype.itemsize), dtype).reshape(shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


_Places = Mapping[str, tuple[tuple[int, ...], np.dtype[Any], int]]  # of arrays in a file: shape, type, offset
_known: dict[str, tuple[_Places, dict[str, Any]]] = {}  # what `_read_known` found, by the file's hash


def _read_known(file: _File) -> tuple[_Places, dict[str, Any]]:
    """Every dataset's place by name and the attributes, of a file that is known to be whole."""
    import h5py
    from h5py import h5d, h5o

    names: list[bytes] = []
    places: dict[str, tuple[tuple[int, ...], np.dtype[Any], int]] = {}
    with h5py.File(file.path, "r") as h5:
        h5o.visit(h5.id, names.append)
        for name in names:
            item = h5o.open(h5.id, name)
            if isinstance(item, h5d.DatasetID):
                places[name.decode()] = item.shape, item.dtype, item.get_offset()
        return places, {name: h5.attrs[name] for name in ATTRIBUTES}
