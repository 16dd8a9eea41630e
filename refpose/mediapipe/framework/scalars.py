"""Fields that the landmark messages have not: integers, text, enumerations, lists of these, and single messages."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSequence
from operator import index
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

from refpose.mediapipe.framework import wire
from refpose.mediapipe.framework.message import Field, Message, float_text, to_float32

_ESCAPES = {10: "\\n", 13: "\\r", 9: "\\t", 34: '\\"', 39: "\\'", 92: "\\\\"}
_ESCAPES |= {code: f"\\{code:03o}" for code in (*range(32), 127) if code not in _ESCAPES}


class Kind(NamedTuple):
    """Values of one kind.

    Attributes
    ----------
    type, cpp_type, wire_type : int
        As in `Field`.
    default : value
    check : function
        The value that a field takes over; raises TypeError or ValueError.
    encode, decode : function
        To the content of a record, as `wire.Record` has it, and back.
    text : function
        As text format has it.
    enum_type : Enumeration, optional
    """

    type: int
    cpp_type: int
    wire_type: int
    default: Any
    check: Callable[[Any], Any]
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    text: Callable[[Any], str]
    enum_type: Enumeration | None = None


class Enumeration:
    """An enumeration's names and numbers; also its descriptor."""

    def __init__(self, full_name: str, names: Mapping[str, int]) -> None:
        self.full_name, self._names = full_name, dict(names)
        self.values_by_name = {name: SimpleNamespace(name=name, number=number) for name, number in names.items()}
        self.values_by_number = {value.number: value for value in self.values_by_name.values()}

    def Name(self, number: int) -> str:
        """The name of a number."""
        if number not in self.values_by_number:
            raise ValueError(f"Enum {self.full_name} has no name defined for value {number!r}")
        return str(self.values_by_number[number].name)

    def Value(self, name: str) -> int:
        """The number of a name."""
        if name not in self._names:
            raise ValueError(f"Enum {self.full_name} has no value defined for name {name!r}")
        return self._names[name]

    def keys(self) -> list[str]:
        """The names."""
        return list(self._names)

    def values(self) -> list[int]:
        """The numbers."""
        return list(self._names.values())

    def items(self) -> list[tuple[str, int]]:
        """Names with their numbers."""
        return list(self._names.items())


def _integers(type: int, cpp_type: int, bits: int) -> Kind:
    def check(value: Any) -> int:
        number = index(value)
        if not -(1 << bits - 1) <= number < 1 << bits - 1:
            raise ValueError(f"Value out of range: {number}")
        return number

    return Kind(type, cpp_type, wire.VARINT, 0, check, _signed, lambda data: _whole(data, bits), str)


def _signed(value: int) -> bytes:
    return wire.varint(value & (1 << 64) - 1)


def _whole(data: bytes, bits: int) -> int:
    """The signed integer of so many bits in a varint."""
    value = sum((part & 127) << 7 * place for place, part in enumerate(data))
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def _string(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise TypeError(f"bad argument type for built-in operation: expected str, found {value!r}")
    value.encode()
    return value


FLOAT = Kind(
    Field.TYPE_FLOAT, Field.CPPTYPE_FLOAT, wire.FIXED32, 0.0, to_float32,
    lambda value: struct.pack("<f", value), lambda data: struct.unpack("<f", data)[0], float_text,
)  # fmt: skip
INT32 = _integers(5, 1, 32)
INT64 = _integers(3, 2, 64)
STRING = Kind(
    9, 9, wire.BYTES, "", _string,
    str.encode, lambda data: data.decode("utf-8", "replace"), lambda value: f'"{value.translate(_ESCAPES)}"',
)  # fmt: skip


def enumeration(known: Enumeration) -> Kind:
    """The kind of an enumeration's numbers; a field takes its names too."""

    def check(value: Any) -> int:
        number = known.Value(value) if isinstance(value, str) else index(value)
        known.Name(number)
        return number

    return Kind(14, 8, wire.VARINT, 0, check, _signed, lambda data: _whole(data, 32), known.Name, known)


def _record(number: int, wire_type: int, content: bytes) -> bytes:
    length = wire.varint(len(content)) if wire_type == wire.BYTES else b""
    return bytes([number << 3 | wire_type]) + length + content


class Scalar(Field):
    """An optional value."""

    def __init__(self, number: int, kind: Kind) -> None:
        super().__init__(number, kind.wire_type, self.LABEL_OPTIONAL, kind.type, kind.cpp_type)
        self.kind, self.default_value, self.enum_type = kind, kind.default, kind.enum_type

    def __get__(self, message: Message | None, owner: type[Message]) -> Any:
        return self if message is None else message._values.get(self.name, self.default_value)

    def __set__(self, message: Message, value: Any) -> None:
        message._values[self.name] = self.kind.check(value)

    initialise = merge = __set__

    def same(self, value: Any, other: Any) -> bool:
        return bool(value == other)

    def text(self, value: Any, indent: str) -> str:
        return f"{indent}{self.name}: {self.kind.text(value)}\n"

    def encode(self, value: Any) -> bytes:
        return _record(self.number, self.wire_type, self.kind.encode(value))

    def decode(self, message: Message, data: bytes) -> None:
        message._values[self.name] = self.kind.decode(data)


class Scalars(Field):
    """Any number of values, none at first. Numbers are packed into one record, as MediaPipe's files say."""

    def __init__(self, number: int, kind: Kind) -> None:
        super().__init__(number, wire.BYTES, self.LABEL_REPEATED, kind.type, kind.cpp_type)
        self.accepted = (wire.BYTES, kind.wire_type)
        self.kind, self.default_value = kind, []

    def __get__(self, message: Message | None, owner: type[Message]) -> Any:
        return self if message is None else message._values.setdefault(self.name, RepeatedScalar(self.kind))

    def __set__(self, message: Message, value: Any) -> NoReturn:
        raise AttributeError(f'Assignment not allowed to repeated field "{self.name}" in protocol message object.')

    def initialise(self, message: Message, value: Iterable[Any]) -> None:
        self.__get__(message, type(message)).extend(value)

    merge = initialise

    def same(self, value: Any, other: Any) -> bool:
        return bool(value == other)

    def text(self, value: Iterable[Any], indent: str) -> str:
        return "".join(f"{indent}{self.name}: {self.kind.text(one)}\n" for one in value)

    def encode(self, value: Iterable[Any]) -> bytes:
        contents = [self.kind.encode(one) for one in value]
        if self.kind.wire_type != wire.BYTES:
            contents = [b"".join(contents)]
        return b"".join(_record(self.number, wire.BYTES, content) for content in contents)

    def decode(self, message: Message, data: bytes) -> None:
        values = self.__get__(message, type(message))
        if self.kind.wire_type == wire.BYTES:
            values.append(self.kind.decode(data))
            return
        size = 4 if self.kind.wire_type == wire.FIXED32 else 0
        while data:
            length = size or 1 + next((place for place, part in enumerate(data) if part < 128), len(data))
            if length > len(data):
                raise wire.DecodeError("Error parsing message: it ends in the middle of a field")
            values.append(self.kind.decode(data[:length]))
            data = data[length:]


class Single(Field):
    """An optional message. It is there when it was asked to be (`SetInParent`), copied, or anything in it was set."""

    def __init__(self, number: int, kind: type[Message]) -> None:
        super().__init__(number, wire.BYTES, self.LABEL_OPTIONAL, self.TYPE_MESSAGE, self.CPPTYPE_MESSAGE)
        self.kind, self.default_value, self.message_type = kind, None, kind.DESCRIPTOR

    def __get__(self, message: Message | None, owner: type[Message]) -> Any:
        return self if message is None else message._values.setdefault(self.name, self.kind())

    def __set__(self, message: Message, value: Any) -> NoReturn:
        raise AttributeError(
            f'Assignment not allowed to message, map, or repeated field "{self.name}" in protocol message object.'
        )

    def present(self, message: Message) -> bool:
        found = message._values.get(self.name)
        return found is not None and (found._stated or bool(found.ListFields() or found.UnknownFields()))

    def initialise(self, message: Message, value: Message | Mapping[str, Any]) -> None:
        self.merge(message, self.kind(**value) if isinstance(value, Mapping) else value)

    def merge(self, message: Message, value: Message) -> None:
        own = self.__get__(message, type(message))
        own.MergeFrom(value)
        own.SetInParent()

    def same(self, value: Message, other: Message) -> bool:
        return value == other

    def text(self, value: Message, indent: str) -> str:
        return f"{indent}{self.name} {{\n{value._text(indent + '  ')}{indent}}}\n"

    def encode(self, value: Message) -> bytes:
        return _record(self.number, wire.BYTES, value.SerializeToString())

    def decode(self, message: Message, data: bytes) -> None:
        own = self.__get__(message, type(message))
        own.MergeFromString(data)
        own.SetInParent()


class RepeatedScalar(MutableSequence[Any]):
    """The values of a repeated field."""

    __slots__ = ("_items", "_kind")
    __hash__ = None  # type: ignore[assignment]  # can change

    def __init__(self, kind: Kind, items: Iterable[Any] = ()) -> None:
        self._kind = kind
        self._items = [kind.check(item) for item in items]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __getitem__(self, place: Any) -> Any:
        return self._items[place]

    def __setitem__(self, place: Any, value: Any) -> None:
        check = self._kind.check
        self._items[place] = [check(one) for one in value] if isinstance(place, slice) else check(value)

    def __delitem__(self, place: Any) -> None:
        del self._items[place]

    def insert(self, index: int, value: Any) -> None:
        """Put a value before `index`."""
        self._items.insert(index, self._kind.check(value))

    def MergeFrom(self, other: Iterable[Any]) -> None:
        """Append values."""
        self.extend(other)

    def sort(self, *, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:
        """Order the values."""
        self._items.sort(key=key, reverse=reverse)

    def __eq__(self, other: object) -> bool:
        return self._items == (other._items if isinstance(other, RepeatedScalar) else other)

    def __repr__(self) -> str:
        return repr(self._items)

    def __deepcopy__(self, memo: dict[int, Any]) -> RepeatedScalar:
        return RepeatedScalar(self._kind, self._items)
