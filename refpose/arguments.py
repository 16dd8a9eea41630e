"""Numbers that come in as arguments: made Python's own before anything is computed with them.

NumPy's integers wrap round where Python's grow (``Fraction(np.int32(13))`` keeps 32 bits), so no function computes with
a caller's number as it came. Accepted are Python's and NumPy's integers and floats, `fractions.Fraction` and
`decimal.Decimal`; truth values are no numbers, nor are NumPy's durations, whose unit would be lost.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Rational, Real
from typing import Any

import numpy as np

LATEST = 2.0**63 / 1e6  # seconds: MediaPipe's time stamps are microseconds in 64 bits
_NO_NUMBERS = (bool, np.timedelta64)  # though Python and NumPy call them whole numbers
_PLACES = 1100  # of a Decimal after the point: the least float has 1074; a Fraction of millions takes for ever


def flag(name: str, value: Any) -> bool:
    """True or False as Python's own.

    Parameters
    ----------
    name : str
        What the argument is called, for messages.
    value : bool or NumPy's

    Raises
    ------
    TypeError
        It is neither True nor False.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, not {shown(value)}")
    return bool(value)


def whole(name: str, value: Any, least: int | None = None, most: int | None = None) -> int:
    """A whole number as Python's int.

    Parameters
    ----------
    name : str
        What the argument is called, for messages.
    value : int or NumPy integer
    least, most : int, optional
        The range it must be in, both included.

    Raises
    ------
    TypeError
        It is not an integer.
    ValueError
        It is out of its range.
    """
    if isinstance(value, _NO_NUMBERS) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number, not {shown(value)}")
    number = int(value)
    if (least is not None and number < least) or (most is not None and number > most):
        raise ValueError(f"{name} must be {_range(least, most)}, not {shown(value)}")
    return number


def exact(name: str, value: Any) -> int | float | Fraction:
    """A finite number without rounding: an int, a float or a Fraction of Python's own ints.

    Parameters
    ----------
    name : str
        What the argument is called, for messages.
    value : number

    Raises
    ------
    TypeError
        It is not a number.
    ValueError
        It is not finite, or a Decimal of more places than any float has.
    """
    if isinstance(value, _NO_NUMBERS) or not isinstance(value, Real | Decimal):
        raise TypeError(f"{name} must be a number, not {shown(value)}")
    if isinstance(value, Decimal):
        if not value.is_finite() or math.isinf(value):
            raise ValueError(f"{name} must be finite, not {shown(value)}")
        if int(value.as_tuple().exponent) < -_PLACES:
            raise ValueError(f"{name} must have at most {_PLACES} decimal places, not {shown(value)}")
        return Fraction(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, not {shown(value)}")
    return float(value)


def number(name: str, value: Any, least: float | None = None, most: float | None = None) -> float:
    """A finite number as Python's float.

    Parameters
    ----------
    name : str
        What the argument is called, for messages.
    value : number
    least, most : float, optional
        The range it must be in, both included.

    Raises
    ------
    TypeError
        It is not a number.
    ValueError
        It is not finite, or out of its range.
    """
    try:
        found = float(exact(name, value))
    except OverflowError:
        raise ValueError(f"{name} must be finite, not {shown(value)}") from None
    if not math.isfinite(found):  # a long double beyond float64
        raise ValueError(f"{name} must be finite, not {shown(value)}")
    if (least is not None and found < least) or (most is not None and found > most):
        raise ValueError(f"{name} must be {_range(least, most)}, not {shown(value)}")
    return found


def positive(name: str, value: Any) -> float:
    """A number above zero as Python's float; raises as `number`."""
    found = number(name, value)
    if found <= 0:
        raise ValueError(f"{name} must be above zero, not {shown(value)}")
    return found


def probability(name: str, value: Any) -> float:
    """A number from 0 to 1 as Python's float; raises as `number`."""
    return number(name, value, 0, 1)


def _range(least: float | None, most: float | None) -> str:
    if most is None:
        return f"at least {least}"
    return f"at most {most}" if least is None else f"from {least} to {most}"


def shown(value: Any) -> str:
    """The value for a message: repr of a number with thousands of digits raises, and of an array fills the screen."""
    try:
        text = repr(value)
    except ValueError:
        text = f"{type(value).__name__} of thousands of digits"
    return text if len(text) <= 100 else text[:97] + "..."
