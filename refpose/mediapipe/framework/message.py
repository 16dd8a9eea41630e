"""What programs use of protobuf's messages, in plain Python.

A message class lists its fields as a ``.proto`` file does: ``x = Float(1)``, ``landmark = Repeated(1, Landmark)``.
Behaviour is that of protobuf 4.25 with its C implementation, which MediaPipe 0.10.21 uses: float fields hold float32,
a field that was set is told from one that was not, and messages print in text format.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, TypeVar, overload

import numpy as np

from refpose.mediapipe.framework import wire

if TYPE_CHECKING:
    from typing_extensions import Self

M = TypeVar("M", bound="Message")


def to_float32(value: Any) -> float:
    """A number as a float field holds it: rounded to float32, infinite beyond its range.

    Raises
    ------
    TypeError
        When it is not a real number; arrays are none.
    OverflowError
        When it is an integer beyond the range of float64.
    """
    if isinstance(value, np.ndarray):
        raise TypeError(f"{value} has type ndarray, but expected one of: float")
    return ctypes.c_float(value).value


class Field:
    """A field of a message; also its descriptor, with the names google.protobuf.json_format reads.

    Attributes
    ----------
    name, json_name, full_name : str
    number, wire_type : int
        In the binary format.
    accepted : tuple of int
        The wire types that are understood.
    label, type, cpp_type : int
        As in google/protobuf/descriptor.py.
    has_presence : bool
        Whether a field that was set is told from one that was not.
    """

    LABEL_OPTIONAL, LABEL_REQUIRED, LABEL_REPEATED = 1, 2, 3
    TYPE_FLOAT, TYPE_MESSAGE = 2, 11
    CPPTYPE_FLOAT, CPPTYPE_MESSAGE = 6, 10
    is_extension = has_default_value = has_options = False
    containing_oneof = extension_scope = None
    enum_type: Any = None
    message_type: SimpleNamespace | None = None
    containing_type: SimpleNamespace
    index: int
    default_value: Any

    def __init__(self, number: int, wire_type: int, label: int, type: int, cpp_type: int) -> None:
        self.number = number
        self.wire_type = wire_type
        self.accepted: tuple[int, ...] = (wire_type,)
        self.label = label
        self.type = type
        self.cpp_type = cpp_type
        self.is_repeated = label == self.LABEL_REPEATED
        self.has_presence = not self.is_repeated

    def __set_name__(self, owner: type[Message], name: str) -> None:
        self.name = name
        first, *others = name.split("_")
        self.json_name = self.camelcase_name = first + "".join(map(str.title, others))
        self.full_name = f"mediapipe.{owner.__qualname__}.{name}"

    def present(self, message: Message) -> bool:
        """Whether the field was set, or is not empty."""
        return self.name in message._values and (self.has_presence or bool(message._values[self.name]))


def float_text(value: float) -> str:
    """A float32 in text format: six digits where they are enough, else nine (``upb/lex/round_trip.c``)."""
    short = f"{value:.6g}"
    return short if to_float32(float(short)) == value else f"{value:.9g}"


class Float(Field):
    """An optional float32, 0.0 until it is set."""

    default_value = 0.0

    def __init__(self, number: int) -> None:
        super().__init__(number, wire.FIXED32, self.LABEL_OPTIONAL, self.TYPE_FLOAT, self.CPPTYPE_FLOAT)

    @overload
    def __get__(self, message: None, owner: type[Message]) -> Float: ...
    @overload
    def __get__(self, message: Message, owner: type[Message]) -> float: ...
    def __get__(self, message: Message | None, owner: type[Message]) -> Float | float:
        return self if message is None else message._values.get(self.name, 0.0)

    def __set__(self, message: Message, value: Any) -> None:
        message._values[self.name] = to_float32(value)

    def initialise(self, message: Message, value: float) -> None:
        self.__set__(message, value)

    def merge(self, message: Message, value: float) -> None:
        message._values[self.name] = value

    def same(self, value: float, other: float) -> bool:
        return value == other

    def text(self, value: float, indent: str) -> str:
        return f"{indent}{self.name}: {float_text(value)}\n"

    def encode(self, value: float) -> bytes:
        return struct.pack("<Bf", self.number << 3 | self.wire_type, value)

    def decode(self, message: Message, data: bytes) -> None:
        (message._values[self.name],) = struct.unpack("<f", data)


class Repeated(Field, Generic[M]):
    """Any number of messages of one class, none at first."""

    def __init__(self, number: int, kind: type[M]) -> None:
        super().__init__(number, wire.BYTES, self.LABEL_REPEATED, self.TYPE_MESSAGE, self.CPPTYPE_MESSAGE)
        self.default_value = []
        self.kind = kind
        self.message_type = kind.DESCRIPTOR

    @overload
    def __get__(self, message: None, owner: type[Message]) -> Repeated[M]: ...
    @overload
    def __get__(self, message: Message, owner: type[Message]) -> RepeatedComposite[M]: ...
    def __get__(self, message: Message | None, owner: type[Message]) -> Repeated[M] | RepeatedComposite[M]:
        if message is None:
            return self
        found: RepeatedComposite[M] | None = message._values.get(self.name)
        if found is None:
            found = message._values[self.name] = RepeatedComposite(self.kind)
        return found

    def __set__(self, message: Message, value: Any) -> NoReturn:
        raise AttributeError(
            f'Assignment not allowed to message, map, or repeated field "{self.name}" in protocol message object.'
        )

    def initialise(self, message: Message, value: Iterable[M | Mapping[str, Any]]) -> None:
        if not isinstance(value, Iterable):
            raise TypeError(f"Argument for field {self.full_name} is not iterable")
        items = self.__get__(message, type(message))
        for item in value:
            if isinstance(item, Mapping):
                items.add(**item)
            else:
                items.append(item)

    def merge(self, message: Message, value: Iterable[M]) -> None:
        self.__get__(message, type(message)).extend(value)

    def same(self, value: RepeatedComposite[M], other: RepeatedComposite[M]) -> bool:
        return value == other

    def text(self, value: Iterable[M], indent: str) -> str:
        return "".join(f"{indent}{self.name} {{\n{item._text(indent + '  ')}{indent}}}\n" for item in value)

    def encode(self, value: Iterable[M]) -> bytes:
        tag = bytes([self.number << 3 | self.wire_type])
        return b"".join(tag + wire.varint(len(data)) + data for data in (item.SerializeToString() for item in value))

    def decode(self, message: Message, data: bytes) -> None:
        self.__get__(message, type(message)).add().MergeFromString(data)


def file(name: str) -> SimpleNamespace:
    """Descriptor of a file that message classes are from."""
    path = f"mediapipe/framework/formats/{name}.proto"
    return SimpleNamespace(name=path, package="mediapipe", syntax="proto2", message_types_by_name={})


class Message:
    """Base of the message classes; every field has its keyword, and None leaves it unset."""

    __slots__ = ("_stated", "_unknown", "_values")
    __hash__ = None  # type: ignore[assignment]  # messages can change

    DESCRIPTOR: ClassVar[SimpleNamespace]
    _values: dict[str, Any]
    _unknown: tuple[wire.Record, ...]
    _stated: bool  # whether a message inside another is there though nothing in it is set

    def __init_subclass__(cls, file: SimpleNamespace) -> None:
        fields = [field for field in vars(cls).values() if isinstance(field, Field)]
        cls.DESCRIPTOR = SimpleNamespace(
            name=cls.__name__,
            full_name=f"mediapipe.{cls.__qualname__}",
            fields=fields,
            fields_by_name={field.name: field for field in fields},
            fields_by_camelcase_name={field.json_name: field for field in fields},
            fields_by_number={field.number: field for field in fields},
            **dict.fromkeys(("enum_types", "extension_ranges", "extensions", "nested_types", "oneofs"), ()),
            oneofs_by_name={},
            containing_type=None,
            file=file,
            syntax=file.syntax,
            has_options=False,
            is_extendable=False,
            _concrete_class=cls,
        )
        file.message_types_by_name[cls.__name__] = cls.DESCRIPTOR
        for index, field in enumerate(fields):
            field.index, field.containing_type = index, cls.DESCRIPTOR
            setattr(cls, f"{field.name.upper()}_FIELD_NUMBER", field.number)

    def __init__(self, *args: Any, **values: Any) -> None:
        if args:
            raise TypeError("No positional arguments allowed")
        self._begin({})
        for name, value in values.items():
            field = self._field(name)
            if value is not None:
                field.initialise(self, value)

    @classmethod
    def holding(cls, values: dict[str, Any]) -> Self:
        """A message whose fields hold these values themselves, by name: float32 numbers, `RepeatedComposite`."""
        message = cls.__new__(cls)
        message._begin(values)
        return message

    def _begin(self, values: dict[str, Any]) -> None:
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_unknown", ())
        object.__setattr__(self, "_stated", False)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.DESCRIPTOR.fields_by_name:
            raise AttributeError(f'Protocol message {type(self).__name__} has no "{name}" field.')
        object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        mine, theirs = self.ListFields(), other.ListFields()
        return (
            self._unknown == other._unknown
            and len(mine) == len(theirs)
            and all(
                field is other_field and field.same(value, other_value)
                for (field, value), (other_field, other_value) in zip(mine, theirs, strict=True)
            )
        )

    def __repr__(self) -> str:
        return self._text("")

    def __copy__(self) -> Self:
        result = type(self)()
        result.MergeFrom(self)
        return result

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.__copy__()

    def __reduce__(self) -> tuple[Callable[[bytes], Self], tuple[bytes]]:
        return type(self).FromString, (self.SerializeToString(),)

    def CopyFrom(self, other: Self) -> None:
        """Become equal to another message of this class."""
        self._check_class("CopyFrom", other)
        if other is not self:
            self.Clear()
            self.MergeFrom(other)

    def MergeFrom(self, other: Self) -> None:
        """Take over the fields that `other` has set; repeated ones are appended."""
        self._check_class("MergeFrom", other)
        self.SetInParent()
        for field, value in other.ListFields():
            field.merge(self, value)
        object.__setattr__(self, "_unknown", self._unknown + other._unknown)

    def Clear(self) -> None:
        """Unset all fields."""
        self._values.clear()
        object.__setattr__(self, "_unknown", ())

    def ClearField(self, name: str) -> None:
        """Unset a field."""
        self._values.pop(self._field(name).name, None)

    def HasField(self, name: str) -> bool:
        """Whether a field was set."""
        field = self._field(name)
        if not field.has_presence:
            raise ValueError(f"Field {field.full_name} does not have presence.")
        return field.present(self)

    def ListFields(self) -> list[tuple[Any, Any]]:
        """The fields that are set or not empty, with their values, ordered by number."""
        return [(field, self._values[field.name]) for field in self.DESCRIPTOR.fields if field.present(self)]

    def SerializeToString(self, deterministic: bool = False) -> bytes:
        """The message in protobuf's binary format, always the same bytes for the same message."""
        known = b"".join(field.encode(value) for field, value in self.ListFields())
        return known + b"".join(record.raw for record in self._unknown)

    SerializePartialToString = SerializeToString

    def ByteSize(self) -> int:
        """Length of the binary format."""
        return len(self.SerializeToString())

    def MergeFromString(self, data: bytes) -> int:
        """Merge a message in binary format; unknown fields are kept. Returns the length."""
        content = memoryview(data).tobytes()
        unknown = []
        for record in wire.records(content):
            field = self.DESCRIPTOR.fields_by_number.get(record.field_number)
            if field is not None and record.wire_type in field.accepted:
                field.decode(self, record.content)
            else:
                unknown.append(record)
        object.__setattr__(self, "_unknown", (*self._unknown, *unknown))
        return len(content)

    def ParseFromString(self, data: bytes) -> int:
        """Become the message that `data` is in binary format. Returns the length."""
        self.Clear()
        return self.MergeFromString(data)

    @classmethod
    def FromString(cls, data: bytes) -> Self:
        """A new message from the binary format."""
        result = cls()
        result.MergeFromString(data)
        return result

    def UnknownFields(self) -> tuple[wire.Record, ...]:
        """What was parsed that is no field of this class: `field_number`, `wire_type` and `data` of each."""
        return self._unknown

    def DiscardUnknownFields(self) -> None:
        """Drop the unknown fields, also those of the messages inside."""
        object.__setattr__(self, "_unknown", ())
        for field, value in self.ListFields():
            if field.message_type is not None:
                for item in value if field.is_repeated else [value]:
                    item.DiscardUnknownFields()

    def IsInitialized(self, errors: list[str] | None = None) -> bool:
        """Whether all required fields are set: True, for there are none. `errors` stays as it is."""
        return True

    def FindInitializationErrors(self) -> list[str]:
        """The required fields that are not set: none."""
        return []

    def SetInParent(self) -> None:
        """Be there in the message that has this one as a field, though nothing is set."""
        object.__setattr__(self, "_stated", True)

    def WhichOneof(self, name: str) -> NoReturn:
        """Which field of a group of alternatives is set. These classes have no such group.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(f"Protocol message {type(self).__name__} has no oneof {name!r}")

    def HasExtension(self, extension: object) -> NoReturn:
        """Whether an extension is set. These classes have none.

        Raises
        ------
        KeyError
            Always.
        """
        raise KeyError(f"{type(self).__name__} has no extension {extension!r}")

    ClearExtension = HasExtension

    def _field(self, name: str) -> Any:
        try:
            return self.DESCRIPTOR.fields_by_name[name]
        except KeyError:
            raise ValueError(f'Protocol message {type(self).__name__} has no "{name}" field.') from None

    def _check_class(self, method: str, other: object) -> None:
        if type(other) is not type(self):
            raise TypeError(
                f"Parameter to {method}() must be instance of same class: expected {type(self)} got {type(other)}."
            )

    def _text(self, indent: str) -> str:
        return "".join(field.text(value, indent) for field, value in self.ListFields())


class RepeatedComposite(Sequence[M]):
    """The messages of a repeated field. Putting a message in copies it; slices are lists."""

    __slots__ = ("_items", "_kind")
    __hash__ = None  # type: ignore[assignment]  # can change

    def __init__(self, kind: type[M], items: Iterable[M] = ()) -> None:
        self._kind = kind
        self._items: list[M] = list(items)  # these themselves

    def add(self, **values: Any) -> M:
        """Append a new message with these fields, and return it."""
        self._items.append(self._kind(**values))
        return self._items[-1]

    def append(self, item: M) -> None:
        """Append a copy of `item`."""
        self.insert(len(self), item)

    def extend(self, items: Iterable[M]) -> None:
        """Append copies of `items`."""
        if not isinstance(items, Iterable):
            raise TypeError("Value must be iterable")
        for item in list(items):
            self.append(item)

    MergeFrom = extend

    def insert(self, index: int, item: M) -> None:
        """Put a copy of `item` before `index`."""
        copy = self._kind()
        copy.MergeFrom(item)
        self._items.insert(index, copy)

    def pop(self, index: int = -1) -> M:
        """Remove a message and return it."""
        return self._items.pop(index)

    def remove(self, item: M) -> None:
        """Remove the first message equal to `item`."""
        self._items.remove(item)

    def reverse(self) -> None:
        """Reverse the order."""
        self._items.reverse()

    def sort(self, *, key: Callable[[M], Any], reverse: bool = False) -> None:
        """Order by `key`."""
        self._items.sort(key=key, reverse=reverse)

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> M: ...
    @overload
    def __getitem__(self, index: slice) -> list[M]: ...
    def __getitem__(self, index: int | slice) -> M | list[M]:
        return self._items[index]

    def __setitem__(self, index: int | slice, item: object) -> NoReturn:
        raise TypeError("does not support assignment")

    def __delitem__(self, index: int | slice) -> None:
        del self._items[index]

    def __iter__(self) -> Iterator[M]:
        return iter(self._items)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, RepeatedComposite):
            return self._items == other._items
        return self._items == other

    def __repr__(self) -> str:
        return repr(self._items)

    def __deepcopy__(self, memo: dict[int, Any]) -> RepeatedComposite[M]:
        result = RepeatedComposite(self._kind)
        result.extend(self)
        return result
