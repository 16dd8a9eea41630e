"""What the containers of videos say about their own size: is a file all there?

Only so much of each format is read as tells where it ends. The layouts are those of ISO 14496-12 (MP4, QuickTime),
RFC 8794 and 9559 (Matroska), Microsoft's AVI RIFF and ASF specifications, RFC 3533 (Ogg), GIF89a and ISO 13818-1 (MPEG
transport streams).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO

_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # the object that states the size of the file
_UNKNOWN = -1


def bytes_missing(path: str | os.PathLike[str]) -> bool | None:
    """Tell whether the end of a video file is missing.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    bool or None
        None where the file does not state its size, or is of another kind.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        for end in _ENDS:
            file.seek(0)
            try:
                stated = end(file, size)
            except IndexError:  # in the middle of what states it
                return True
            if stated is not None:
                return None if stated == _UNKNOWN else stated > size
    return None


def _number(data: bytes, order: str = "big") -> int:
    """Read a whole number; IndexError where there are no bytes for it."""
    if not data:
        raise IndexError
    return int.from_bytes(data, "little" if order == "little" else "big")


def _mp4(file: BinaryIO, size: int) -> int | None:
    """Add up the boxes of the file; the size of each stands before it."""
    place = 0
    while place < size:
        file.seek(place)
        head = file.read(16)
        if place == 0 and head[4:8] not in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"):
            return None
        if len(head) < 8:
            raise IndexError
        length = _number(head[:4])
        if length == 0:  # up to the end, wherever that is
            return _UNKNOWN
        if length == 1:
            length = _number(head[8:16])
        if length < 8:  # no box: something that was added to the file
            return place
        place += length
    return place


def _matroska(file: BinaryIO, size: int) -> int | None:
    """Find the end of the segment, which all is in, behind the header."""
    if file.read(4) != b"\x1a\x45\xdf\xa3":
        return None
    header = _ebml_size(file)
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != b"\x18\x53\x80\x67":
        return _UNKNOWN
    length = _ebml_size(file)
    return _UNKNOWN if length == _UNKNOWN else file.tell() + length


def _ebml_size(file: BinaryIO) -> int:
    """Read the size of an element: as many bytes follow the first as it has zeros before its first one."""
    first = _number(file.read(1))
    more = 8 - first.bit_length()
    value = _number(bytes([first & (0x7F >> more)]) + file.read(more))
    return _UNKNOWN if value == (1 << 7 * (more + 1)) - 1 else value


def _avi(file: BinaryIO, size: int) -> int | None:
    """Add up the RIFF chunks; files over a gigabyte have several."""
    place = 0
    while place < size:
        file.seek(place)
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:11] != b"AVI":
            return place or None
        length = _number(head[4:8], "little")
        if length == 0:  # a recording that nobody brought to an end
            return _UNKNOWN
        place += 8 + length + length % 2
    return min(place, size) if place == size + 1 else place


def _asf(file: BinaryIO, size: int) -> int | None:
    """Read the size that the header states, unless it is a broadcast's."""
    head = file.read(65536)
    if not head.startswith(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")):
        return None
    place = head.find(_ASF_PROPERTIES)
    properties = head[place : place + 92]
    if place < 0 or len(properties) < 92 or properties[88] & 1:
        return _UNKNOWN
    return _number(properties[40:48], "little") or _UNKNOWN


def _gif(file: BinaryIO, size: int) -> int | None:
    """Look for the semicolon that ends the file."""
    if file.read(6) not in (b"GIF87a", b"GIF89a"):
        return None
    file.seek(max(0, size - 1024))
    return size if file.read().rstrip(b"\0").endswith(b";") else size + 1


def _ogg(file: BinaryIO, size: int) -> int | None:
    """Find the end of the last page, whose segments' sizes stand at its beginning."""
    if file.read(4) != b"OggS":
        return None
    start = max(0, size - 65307)
    file.seek(start)
    tail = file.read()
    place = tail.rfind(b"OggS")
    if place < 0:
        return _UNKNOWN
    count = _number(tail[place + 26 : place + 27])
    segments = tail[place + 27 : place + 27 + count]
    return start + place + 27 + count + sum(segments) + (count - len(segments))


def _transport_stream(file: BinaryIO, size: int) -> int | None:
    """Round up to whole packets: 188 bytes, those of cameras with a time code of 4 before."""
    head = file.read(2 * 192)
    for length, first in ((188, 0), (192, 4)):
        if head[first : first + 1] == head[first + length : first + length + 1] == b"\x47":
            return -(-size // length) * length
    return None


_ENDS: tuple[Callable[[BinaryIO, int], int | None], ...] = (
    _mp4,
    _matroska,
    _avi,
    _asf,
    _gif,
    _ogg,
    _transport_stream,
)
"""By format: where a file of this many bytes ends as it says itself; None for another format."""
