"""expf, sinf, cosf and atan2f rounded correctly: the float32 nearest to the true value, always.

MediaPipe 1.0.0 and later are not built on the platform's C library, and these are the bits that their four functions
give. `refpose.stages.libm` has the other set, glibc's.

Values are computed as pairs of float64 whose sum has about 104 bits, and rounded once. Only operations that IEEE 754
fixes are used, so every platform gets the same bits.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import libm
from .libm import FloatArray, f32

Array = NDArray[np.float64]
# An unevaluated sum: a float64 and what it lacks, at most half a unit in its last place.
Pair = tuple[Array, Array]

_SPLIT = 2.0**27 + 1  # Veltkamp: a float64 in two halves of 26 bits, whose products are exact


def _constant(value: Fraction) -> Pair:
    high = float(value)
    return np.float64(high), np.float64(float(value - Fraction(high)))


# pi/2 and ln 2 to 190 bits
_HALF_PI = Fraction(0x3243F6A8885A308D313198A2E03707344A4093822299F31D0, 1 << 193)
_LN2 = Fraction(0xB17217F7D1CF79ABC9E3B39803F2F6AF40F343267298B62D, 1 << 192)
# The first part of ln 2 has 42 bits: its products with whole numbers below 2**11 are exact.
_LN2_HIGH = float(Fraction(int(_LN2 * 2**42), 2**42))
_LN2_LOW = _constant(_LN2 - Fraction(_LN2_HIGH))
_HALF_PI_HIGH = float(_HALF_PI)
_HALF_PI_LOW = _constant(_HALF_PI - Fraction(_HALF_PI_HIGH))

# Taylor series as far as they are felt in 104 bits, for |r| up to ln(2)/2 and pi/4
_EXP = [_constant(Fraction(1, factorial(n))) for n in range(24)]
_SIN = [_constant(Fraction((-1) ** n, factorial(2 * n + 1))) for n in range(15)]
_COS = [_constant(Fraction((-1) ** n, factorial(2 * n))) for n in range(15)]
_THIRD = _constant(Fraction(1, 3))


def _two_sum(a: Array, b: Array) -> Pair:
    s = a + b
    z = s - a
    return s, (a - (s - z)) + (b - z)


def _two_product(a: Array, b: Array) -> Pair:
    p = a * b
    c, d = _SPLIT * a, _SPLIT * b
    a_high, b_high = c - (c - a), d - (d - b)
    a_low, b_low = a - a_high, b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


def _quick_sum(a: Array, b: Array) -> Pair:
    """`_two_sum` where a is the larger one."""
    s = a + b
    return s, b - (s - a)


def _sum(x: Pair, y: Pair) -> Pair:
    high, error = _two_sum(x[0], y[0])
    low, error_low = _two_sum(x[1], y[1])
    high, error = _quick_sum(high, error + low)
    return _quick_sum(high, error + error_low)


def _product(x: Pair, y: Pair) -> Pair:
    high, error = _two_product(x[0], y[0])
    return _quick_sum(high, error + (x[0] * y[1] + x[1] * y[0]))


def _negative(x: Pair) -> Pair:
    return -x[0], -x[1]


def _quotient(x: Pair, y: Pair) -> Pair:
    first = x[0] / y[0]
    rest = _sum(x, _negative(_product(y, (first, np.zeros_like(first)))))
    second = rest[0] / y[0]
    rest = _sum(rest, _negative(_product(y, (second, np.zeros_like(second)))))
    high, low = _quick_sum(first, second)
    return _quick_sum(high, low + rest[0] / y[0])


def _series(coefficients: list[Pair], x: Pair) -> Pair:
    """The polynomial with these coefficients, the lowest first."""
    value = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        value = _sum(_product(value, x), coefficient)
    return value


def _rounded(x: Pair) -> FloatArray:
    """The nearest float32: rounding to odd first, so that the second rounding is right (see `refpose.networks.fma`)."""
    high, low = x
    even = (np.asarray(high).view(np.int64) & 1) == 0
    return np.where((low != 0) & even, np.nextafter(high, np.copysign(np.inf, low)), high).astype(f32)


def expf(x: ArrayLike) -> FloatArray:
    """e to the power x; arguments and results as for `libm.expf`."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        # Beyond the interval the result is 0 or infinity and stays so.
        wide = np.clip(np.asarray(x, f32), f32(-104), f32(89)).astype(np.float64)
        k = np.rint(wide / float(_LN2))
        # The product and the difference are exact.
        r = _two_sum(wide - k * _LN2_HIGH, -k * _LN2_LOW[0])
        high, low = _series(_EXP, _sum(r, (np.zeros_like(k), -k * _LN2_LOW[1])))
        power = np.nan_to_num(k).astype(np.int64)
        return _rounded((np.ldexp(high, power), np.ldexp(low, power)))


def _sine_and_cosine(x: Array) -> tuple[Pair, Pair]:
    """Of float32 values, ``|x| <= 3.15``."""
    n = np.floor(x / float(_HALF_PI) + 0.5)  # -2..2, so that products with it are exact
    r = _sum(_two_sum(x, -n * _HALF_PI_HIGH), (-n * _HALF_PI_LOW[0], -n * _HALF_PI_LOW[1]))
    square = _product(r, r)
    sine, cosine = _product(_series(_SIN, square), r), _series(_COS, square)
    quarter = n.astype(np.int64)

    def turned(turns: NDArray[np.int64]) -> Pair:
        sign = np.where(turns & 2, -1.0, 1.0)
        high, low = (sign * np.where(turns & 1, c, s) for s, c in zip(sine, cosine, strict=True))
        return high, low

    return turned(quarter), turned(quarter + 1)


def sinf(x: ArrayLike) -> FloatArray:
    """Sine; arguments and results as for `libm.sinf`."""
    x = np.asarray(x, f32)
    sine, _ = _sine_and_cosine(x.astype(np.float64))
    return np.where(x == 0, x, _rounded(sine))  # keeps the sign of zero


def cosf(x: ArrayLike) -> FloatArray:
    """Cosine; arguments and results as for `libm.cosf`."""
    _, cosine = _sine_and_cosine(np.asarray(x, f32).astype(np.float64))
    return _rounded(cosine)


def atan2f(y: ArrayLike, x: ArrayLike) -> FloatArray:
    """Angle of the point (x, y), in radians, in [-pi, pi]; arguments and results as for `libm.atan2f`.

    One step from glibc's value a, which is right to 23 bits: ``a + atan((y cos a - x sin a)/(x cos a + y sin a))``.
    """
    y, x = np.broadcast_arrays(np.asarray(y, f32), np.asarray(x, f32))
    near = libm.atan2f(y, x)
    wide_x, wide_y, start = (v.astype(np.float64) for v in (x, y, near))
    zero = np.zeros_like(start)
    with np.errstate(invalid="ignore"):  # 0/0 at the origin, where glibc's value stands
        sine, cosine = _sine_and_cosine(start)
        across = _sum(_product(cosine, (wide_y, zero)), _negative(_product(sine, (wide_x, zero))))
        along = _sum(_product(cosine, (wide_x, zero)), _product(sine, (wide_y, zero)))
        d = _quotient(across, along)
        cube = _product(_product(d, d), _product(d, _THIRD))
        high, low = _sum((start, zero), _sum(d, _negative(cube)))
        # Small angles are smaller than the ratio by less than the pairs can hold; where they are subnormal, that
        # decides ties.
        low = np.where((x > 0) & (np.abs(high) < 2.0**-26), low - high * 2.0**-106, low)
        return np.where(y == 0, near, _rounded((high, low)))
