"""float32 as text, many at once: the characters that ``str`` gives for each number, some ten times as fast.

NumPy finds the fewest digits that tell a number from its neighbours with long integers, one number after the other.
Here all numbers are rounded in float64 to eight significant digits, seven, six ... as long as the same float32 is read
from them, and to nine where eight are not enough. Where float64 cannot tell (near a tie, midway between two float32,
beside a power of two), and outside `LEAST` to `LARGEST`, NumPy is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

PAD = 0xFF
"""Stands for no character; no byte of UTF-8."""

LEAST, LARGEST = 1e-14, 1e6
"""From here numbers are so small that float64 has not the powers of ten they need, from there `str` may give them an
exponent."""

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_AT_ONCE = 1 << 14  # numbers whose intermediate results stay in the cache
_DIGITS = 9  # tell every float32 from all others
_DECIMALS = 12  # that many have the smallest numbers without an exponent
_EXPONENT_BELOW = np.float32(1e-4)  # what is less is written like 1e-05
WIDTH = 20
"""Characters of a text."""

_POWERS = 10.0 ** np.arange(23)
_TENS = (10.0 ** np.r_[:8, -16:0]).astype(np.float32)  # by their powers, the negative ones from behind
_WHOLE_TENS = 10 ** np.arange(_DIGITS + 1)


def _words(texts: Iterable[str]) -> NDArray[np.uint32]:
    """Texts of four characters, each as one number; a blank is `PAD`."""
    return np.frombuffer("".join(texts).replace(" ", "\xff").encode("latin-1"), np.uint32)


# A text is made of five words: sign and thousands, ones and point, twelve decimals (of which eight, where an exponent
# is the last word).
_THOUSANDS = _words([f"{sign}{k or '':>3}" for sign in " -" for k in range(1000)])
_ONES = _words([f"{k:>3}." for k in range(1000)] + [f"{k:03d}." for k in range(1000)] + [f"{k:>3} " for k in range(10)])
_FOUR = _words([f"{k:04d}" for k in range(10_000)])
_EXPONENTS = _words([f"e-{k:02d}" for k in range(16)])
_HIDDEN = _words(["\0" * k + " " * (_DECIMALS - k) for k in range(_DECIMALS + 1)]).reshape(-1, 3).T.copy()


def texts(numbers: NDArray[np.float32], nan: bytes) -> Bytes:
    """Write numbers as texts.

    Parameters
    ----------
    numbers : ndarray of float32, shape (n,)
    nan : bytes
        What stands for NaN.

    Returns
    -------
    ndarray of uint8, shape (n, 20)
        A text in each row, in ASCII, with `PAD` anywhere between.
    """
    words = np.empty((len(numbers), WIDTH // 4), np.uint32)
    for start in range(0, len(numbers), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        _write(words[part], numbers[part], nan)
    return words.view(np.uint8)


def padded(words: list[bytes], least: int = 0) -> Bytes:
    """Words as rows of bytes, each with `PAD` behind it, at least so wide."""
    width = max(least, *map(len, words))
    text = b"".join(word.ljust(width, bytes([PAD])) for word in words)
    return np.frombuffer(text, np.uint8).reshape(len(words), width)


def _write(words: NDArray[np.uint32], numbers: NDArray[np.float32], nan: bytes) -> None:
    """Write the texts of some numbers into their words (n, 5)."""
    size = np.abs(numbers)
    missing, zero = np.isnan(numbers), size == 0
    plain = (size >= LEAST) & (size < LARGEST) & (size != _EXPONENT_BELOW)
    size = np.where(plain, size, np.float32(1)).astype(np.float64)
    power = np.floor(np.log10(size) - 1e-7).astype(np.int64)
    power += size >= _TENS[power + 1]
    digits, used, sure = _shortest(size, power)
    digits[zero] = 0
    small = size < _EXPONENT_BELOW
    point = np.where(small, 0, power)  # how many digits behind the first it stands
    number = digits * _WHOLE_TENS[point + _DECIMALS - _DIGITS + 1]
    whole = number // 10**_DECIMALS
    number -= whole * 10**_DECIMALS
    shown = np.maximum(used - 1 - point, ~small)
    thousands = whole // 1000
    ones = whole - thousands * 1000 + np.where(shown == 0, 2000, 1000 * (thousands > 0))
    words[:, 0] = _THOUSANDS.take(thousands + 1000 * np.signbit(numbers), mode="clip")
    words[:, 1] = _ONES.take(ones, mode="clip")
    first, second = number // 10**8, number // 10**4
    decimals = first, second - first * 10**4, number - second * 10**4
    for word, four, hidden in zip(words.T[2:], decimals, _HIDDEN, strict=True):
        np.bitwise_or(_FOUR.take(four, mode="clip"), hidden.take(shown, mode="clip"), out=word)
    words[small, 4] = _EXPONENTS[-power[small]]
    if missing.any():
        words[missing] = padded([nan], WIDTH).view(np.uint32)
    if len(others := np.flatnonzero(~(plain & sure) & ~missing & ~zero)):
        words[others] = padded([str(number).encode() for number in numbers[others]], WIDTH).view(np.uint32)


def _shortest(size: Floats, power: Whole) -> tuple[Whole, Whole, NDArray[np.bool_]]:
    """The fewest significant digits of each size; of whole numbers at least all digits before the point.

    Parameters
    ----------
    size : ndarray of float64, shape (n,)
    power : ndarray of int64, shape (n,)
        Power of ten of the first digit.

    Returns
    -------
    digits : ndarray of int64, shape (n,)
        A number of nine digits.
    used : ndarray of int64, shape (n,)
        How many of these there are: from the first.
    sure : ndarray of bool, shape (n,)
        Whether no other digits can be meant.
    """
    short = size.astype(np.float32)
    scale = _POWERS[_DIGITS - 1 - power]
    used = np.full(len(size), _DIGITS)
    rest: Any = slice(None)
    x, same, each, enough = size, short, scale, np.ones(len(size), np.bool_)
    for _ in range(_DIGITS - 1):
        each = each / 10
        enough &= ((np.rint(x * each) / each).astype(np.float32) == same) & (each >= 1)
        used[rest] -= enough
        if (left := np.count_nonzero(enough)) < len(enough) / 4:
            if not left:
                break
            rest = np.arange(len(size))[rest][enough]
            x, same, each, enough = x[enough], same[enough], each[enough], np.ones(left, np.bool_)
    dropped = _POWERS[_DIGITS - used]
    scale /= dropped
    scaled = size * scale
    whole = np.rint(scaled)
    back = whole / scale
    tie = np.abs(np.abs(scaled - whole) - 0.5) < 1e-6
    midway = back.view(np.int64) & 0x1FFFFFFF == 0x10000000
    beside = (back != size) & (short.view(np.int32) & 0x7FFFFF == 0)
    digits = (whole * dropped).astype(np.int64)
    return digits, used, ~(tie | midway | beside)
