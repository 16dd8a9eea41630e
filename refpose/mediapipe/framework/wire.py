"""Protobuf's binary format: records of a field's number, a wire type and the content."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

VARINT, FIXED64, BYTES, GROUP, END_GROUP, FIXED32 = range(6)
MAX_DEPTH = 100  # protobuf's own limit


class DecodeError(ValueError):
    """Bytes that are no message of this kind."""


class Record(NamedTuple):
    """A field of a message in binary format; also what `Message.UnknownFields` lists.

    Attributes
    ----------
    field_number, wire_type : int
    content : bytes
        Without length and end; of a varint the varint itself.
    raw : bytes
        The whole record.
    """

    field_number: int
    wire_type: int
    content: bytes
    raw: bytes

    @property
    def data(self) -> Any:
        """The content as protobuf has it: int, bytes, or the records of a group."""
        if self.wire_type == GROUP:
            return list(records(self.content))
        if self.wire_type == BYTES:
            return self.content
        if self.wire_type == VARINT:
            return sum((part & 127) << 7 * index for index, part in enumerate(self.content))
        return struct.unpack("<Q" if self.wire_type == FIXED64 else "<I", self.content)[0]


def varint(value: int) -> bytes:
    """An unsigned integer, seven bits to a byte, the lowest first."""
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def records(data: bytes) -> Iterator[Record]:
    """The records of a message in binary format.

    Raises
    ------
    DecodeError
        When `data` is none.
    """
    position = 0
    while position < len(data):
        record = _record(data, position)
        if record.wire_type == END_GROUP:
            raise DecodeError(f"Error parsing message: group {record.field_number} ends that did not begin")
        yield record
        position += len(record.raw)


def _record(data: bytes, start: int, depth: int = 0) -> Record:
    """The record that begins at `start`, inside so many groups."""
    if depth > MAX_DEPTH:
        raise DecodeError(f"Error parsing message: more than {MAX_DEPTH} groups inside each other")
    tag, position = _varint(data, start)
    number, wire_type = tag >> 3, tag & 7
    if number == 0:
        raise DecodeError("Error parsing message: field number 0")
    first = position
    if wire_type == VARINT:
        _, position = _varint(data, first)
        last = position
    elif wire_type == BYTES:
        length, first = _varint(data, first)
        last = position = first + length
    elif wire_type in (FIXED32, FIXED64):
        last = position = first + (4 if wire_type == FIXED32 else 8)
    elif wire_type == GROUP:
        inner = _record(data, first, depth + 1)
        while inner.wire_type != END_GROUP:
            position += len(inner.raw)
            inner = _record(data, position, depth + 1)
        if inner.field_number != number:
            raise DecodeError(f"Error parsing message: group {number} ends as group {inner.field_number}")
        last, position = position, position + len(inner.raw)
    elif wire_type == END_GROUP:
        last = position
    else:
        raise DecodeError(f"Error parsing message: wire type {wire_type} of field {number}")
    if position > len(data):
        raise DecodeError("Error parsing message: it ends in the middle of a field")
    return Record(number, wire_type, data[first:last], data[start:position])


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """The varint at `position`, of at most ten bytes, and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise DecodeError("Error parsing message: it ends in the middle of a field")
        part = data[position]
        position += 1
        value |= (part & 127) << shift
        if part < 128:
            return value, position
    raise DecodeError("Error parsing message: a varint of more than ten bytes")
