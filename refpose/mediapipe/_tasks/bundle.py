"""Model files of MediaPipe Tasks: a zip of two .tflite models, stored without compression.

Programs name such a ``.task`` file. Its two models are recognised by their trained numbers, whatever the file is
called: when all are those of a network that comes with refpose, that one is taken. A model with other numbers is
converted, which needs the package `tflite`. The models' buffers are found without it.
"""

from __future__ import annotations

import io
import math
import mmap
import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from ...engine import Network, resolve
from ...extras import require
from ...networks import record, weights
from ...networks.weights import Weights

DETECTOR, LANDMARKS = "pose_detector.tflite", "pose_landmarks_detector.tflite"
MODELS = ("lite", "full", "heavy")
NAMES = {f"refpose:{model}": model for model in MODELS}
"""What a program may give instead of a file's path, to get the models that come with refpose."""

NOT_GIVEN = (
    "ExternalFile must specify at least one of 'file_content', 'file_name', 'file_pointer_meta' or "
    "'file_descriptor_meta'."
)
"""What is said where a program names no model."""

_LARGEST_MODEL = 2**28  # bytes; heavy has 2**25
_LARGEST_DIRECTORY = 2**20  # bytes of the zip's table of contents
_END = struct.Struct("<4s4H2LH")  # the zip's end of central directory record
_NOT_A_ZIP = "Unable to open zip archive."
_NOT_A_MODEL = "The model is not a valid Flatbuffer buffer"


class Bundle(NamedTuple):
    """The networks of a model file."""

    detector: Network
    landmarks: Network


def packaged(model: str) -> Bundle:
    """The networks that come with refpose: ``"lite"``, ``"full"`` or ``"heavy"``."""
    return Bundle(_packaged("detector"), _packaged(model))


def read_file(path: str, missing: type[Exception]) -> Bundle:
    """Open a model file, or one of `NAMES`; errors as of `read`, and `missing` where there is no such file."""
    if path in NAMES:
        return packaged(NAMES[path])
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise RuntimeError(f"Unable to map file to memory buffer: {path} is not a file")
            if not os.fstat(file.fileno()).st_size:
                raise RuntimeError(_NOT_A_ZIP)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return _read(content, missing, path)
    except IsADirectoryError as error:
        raise RuntimeError(f"Unable to map file to memory buffer, errno=12: {path} is a folder") from error
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) or "null" in str(error):
            raise missing(f"Unable to open file at {path}") from error
        raise


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe is not waited for."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read(content: bytes, missing: type[Exception]) -> Bundle:
    """The networks in the bytes of a model file.

    Parameters
    ----------
    content : bytes
    missing : type of Exception
        What is raised where the zip lacks a model.

    Raises
    ------
    RuntimeError
        This is no zip of stored files, or it is cut short; or the models have other numbers than refpose's, and
        cannot be converted here.
    ValueError
        One of the models is damaged, or not the network it is named after.
    """
    return _read(content, missing, "the model asset buffer")


def _read(content: bytes | mmap.mmap, missing: type[Exception], where: str) -> Bundle:
    models = [_member(content, name, missing) for name in (DETECTOR, LANDMARKS)]
    detector = _recognised(models[0], ("detector",), f"{where}: {DETECTOR}")
    by_size = sorted(MODELS, key=lambda model: abs(_size(model) - len(models[1])))
    return Bundle(detector, _recognised(models[1], tuple(by_size), f"{where}: {LANDMARKS}"))


# The zip --------------------------------------------------------------------------------------------------------------


class _Content(io.RawIOBase):
    """A file that reads from memory without copying it as a whole."""

    def __init__(self, content: bytes | mmap.mmap) -> None:
        self._content, self._at = content, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, len(self._content))[whence])
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        end = len(self._content) if size is None or size < 0 else self._at + size
        found = self._content[self._at : end]
        self._at += len(found)
        return found


def _member(content: bytes | mmap.mmap, name: str, missing: type[Exception]) -> bytes:
    """A file of the zip. Nothing that the zip says of itself makes this read more than the zip's own bytes."""
    _check_directory(content)
    try:
        with zipfile.ZipFile(_Content(content)) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            entry = entries.get(name)
            found = b"" if entry is None else _stored(archive, entry)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, UnicodeDecodeError, struct.error) as error:
        raise RuntimeError(f"Unable to read associated file in zip archive. ({error})") from error
    if entry is None:
        listed = ", ".join(list(entries)[:20])
        raise missing(f"No file with name: {name}. All files in the model asset bundle are: {listed}.")
    return found


def _stored(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise RuntimeError("Expected uncompressed zip archive.")
    if not entry.file_size:
        raise ValueError(f"{entry.filename}: the length of the file should be positive.")
    if entry.file_size > _LARGEST_MODEL:
        raise RuntimeError(f"{entry.filename}: the model has {entry.file_size} bytes, more than {_LARGEST_MODEL}")
    with archive.open(entry) as file:  # encrypted: RuntimeError
        return file.read()


def _check_directory(content: bytes | mmap.mmap) -> None:
    """Raise RuntimeError unless there is a table of contents, and a small one."""
    at = content.rfind(b"PK\5\6", max(0, len(content) - 2**16 - _END.size))
    if at < 0 or at + _END.size > len(content):
        raise RuntimeError(_NOT_A_ZIP)
    _, _, _, _, entries, size, _, _ = _END.unpack(content[at : at + _END.size])
    if not entries:
        raise RuntimeError(_NOT_A_ZIP)
    if size > _LARGEST_DIRECTORY:
        raise RuntimeError(f"{_NOT_A_ZIP} (its table of contents has {size} bytes)")


# The models -----------------------------------------------------------------------------------------------------------


def _recognised(model: bytes, networks: tuple[str, ...], where: str) -> Network:
    """The network of `networks` whose numbers stand in a model, or the model converted."""
    buffers = set(_buffers(model, where))
    for name in networks:
        network = _packaged(name)
        if all(_stands_in(array, buffers) for array in network.weights.stored.values()):
            return network
    return _converted(model, networks, where)


def _stands_in(array: NDArray[Any], buffers: set[bytes]) -> bool:
    """Whether a trained array is one of the buffers, dense or without its zeros."""
    if array.tobytes() in buffers:
        return True
    bits = np.ascontiguousarray(array).view(np.uint16)
    return bits[bits != 0].tobytes() in buffers


def _buffers(model: bytes, where: str) -> Iterator[bytes]:
    """The constants of a .tflite model: the vectors of its table ``buffers`` (tflite/schema/schema.fbs)."""
    if len(model) < 8 or model[4:8] != b"TFL3":
        raise ValueError(f"{where}: {_NOT_A_MODEL}")
    total = 0
    try:
        root = _offset(model, 0)
        for buffer in _vector(model, _field(model, root, 4)):
            data = _field(model, _offset(model, buffer), 0)
            if data:
                (length,) = struct.unpack_from("<I", model, data)
                total += length
                if data + 4 + length > len(model) or total > len(model):
                    raise ValueError(f"{where}: {_NOT_A_MODEL}")
                yield model[data + 4 : data + 4 + length]
    except struct.error as error:
        raise ValueError(f"{where}: {_NOT_A_MODEL}") from error


def _offset(model: bytes, at: int) -> int:
    """Where a reference that stands there leads."""
    (relative,) = struct.unpack_from("<I", model, at)
    return at + int(relative)


def _field(model: bytes, table: int, index: int) -> int:
    """Where the vector in a field of a table begins; 0 if the table has no such field."""
    (back,) = struct.unpack_from("<i", model, table)
    layout = table - back
    if layout < 0:
        raise struct.error("a table without a layout")
    (size,) = struct.unpack_from("<H", model, layout)
    if 4 + 2 * index >= size:
        return 0
    (relative,) = struct.unpack_from("<H", model, layout + 4 + 2 * index)
    return _offset(model, table + relative) if relative else 0


def _vector(model: bytes, at: int) -> Iterator[int]:
    """The places of a vector's references."""
    if not at:
        return
    (count,) = struct.unpack_from("<I", model, at)
    if 4 * count > len(model):
        raise struct.error("a vector longer than the file")
    for i in range(count):
        yield at + 4 + 4 * i


def _converted(model: bytes, networks: tuple[str, ...], where: str) -> Network:
    """A model with numbers of its own, as one of `networks`."""
    from ...tools.convert import convert

    try:
        require("tflite", "convert")
    except ImportError as error:
        raise RuntimeError(
            f"{where}: its trained numbers are not those of {' or '.join(networks)} that come with refpose; "
            f"to use them all the same, {error}"
        ) from error
    network, arrays = convert(where, model)
    if network not in networks:
        raise ValueError(f"{where}: expected a model of {' or '.join(networks)}, found {network}")
    digest = weights.content_sha256(arrays)
    source = PurePosixPath(where).name
    attributes = {"format": weights.FORMAT, "network": network, "source": source, "source_sha256": "", "licence": ""}
    weights.check(network, arrays, {**attributes, "content_sha256": digest}, where)
    return _network(network, Weights(network, arrays, {**attributes, "content_sha256": digest}))


def _size(model: str) -> int:
    """How many bytes the trained numbers of a network have, as binary16."""
    return 2 * sum(math.prod(shape) for shape in record(model).weights.values())


_shared: WeakValueDictionary[tuple[str, str], Network] = WeakValueDictionary()


def _packaged(name: str) -> Network:
    """A network that comes with refpose: one for all that use it at a time, as networks have no state."""
    key = name, str(weights.default_path(name))
    network = _shared.get(key)
    if network is None:
        network = _shared[key] = _network(name, weights.load(name))
    return network


def _network(name: str, loaded: Weights) -> Network:
    return Network(record(name), loaded, resolve("auto"))
