"""Values of JSON files, each checked to be what it must be; errors say where in the file it stands."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 1e15
"""Of numbers in files; no picture, and no id that a float holds exactly, is beyond."""


def describe(value: Any) -> str:
    """A value in few words, for messages."""
    if isinstance(value, int) and abs(value) > LARGEST:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, dict):
        keys = ", ".join(map(repr, list(value)[:6]))
        return f"an object with {keys}" if keys else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}" + (f", the first {describe(value[0])}" if value else "")
    return repr(value)[:60]


def entry(record: Any, key: str, where: str) -> Any:
    """What an object has under a key."""
    if not isinstance(record, dict):
        raise ValueError(f"{where}: expected an object, found {describe(record)}")
    if key not in record:
        raise ValueError(f"{where}: {key!r} is missing")
    return record[key]


def listing(value: Any, where: str) -> list[Any]:
    """A list."""
    if not isinstance(value, list):
        raise ValueError(f"{where}: expected a list, found {describe(value)}")
    return value


def number(value: Any, where: str) -> float:
    """A finite number."""
    if not is_number(value):
        raise ValueError(f"{where}: expected a number, found {describe(value)}")
    return float(value)


def positive(value: Any, where: str, zero: bool = False) -> float:
    """A number above zero, or from zero on."""
    found = number(value, where)
    if found < 0 or (found == 0 and not zero):
        raise ValueError(f"{where}: expected a number {'from 0 on' if zero else 'above 0'}, found {found:g}")
    return found


def is_number(value: Any) -> bool:
    """Whether a value is a finite number up to `LARGEST`."""
    # bool is an int in Python; NaN and infinities, which json accepts, are no coordinates, nor is what no float holds.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -LARGEST <= value <= LARGEST


def integer(value: Any, where: str) -> int:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{where}: expected an integer, found {describe(value)}")
    return value


def numbers(value: Any, count: int, where: str) -> NDArray[np.float64]:
    """`count` finite numbers from a flat list."""
    values = listing(value, where)
    if len(values) != count:
        raise ValueError(f"{where}: expected {count} numbers, found {len(values)}")
    try:
        array = np.array(values, np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.full(count, np.nan)
    if array.shape != (count,) or bool in map(type, values) or not (np.abs(array) <= LARGEST).all():
        wrong = next(v for v in values if not is_number(v))
        raise ValueError(f"{where}: expected {count} numbers, found {describe(wrong)} among them")
    return array


def labels(values: NDArray[np.float64], where: str) -> NDArray[np.int64]:
    """How joints are labelled: 0 not at all, 1 hidden, 2 visible; data sets have further numbers for further kinds."""
    labels = values.astype(np.int64)
    wrong = values[(labels != values) | (labels < 0)]
    if wrong.size:
        raise ValueError(f"{where}: expected 0, 1 or 2 for how a joint is labelled, found {wrong[0]:g}")
    return labels


def text(value: Any, where: str) -> str:
    """A text."""
    if not isinstance(value, str):
        raise ValueError(f"{where}: expected a text, found {describe(value)}")
    return value


def box(value: Any, where: str) -> tuple[float, float, float, float] | None:
    """COCO's box x, y, width, height; an empty list or null stands for none."""
    if value is None or value == []:
        return None
    x, y, width, height = (float(v) for v in numbers(value, 4, where))
    if width < 0 or height < 0:
        raise ValueError(f"{where}: width and height must not be negative, found {width:g} x {height:g}")
    return x, y, width, height
