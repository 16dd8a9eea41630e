"""The C library's expf, sinf, cosf and atan2f, written out in NumPy.

MediaPipe calls these four functions of the platform's C library, and the bits of its results depend on theirs.
refpose carries the algorithms of glibc 2.36 (``sysdeps/ieee754/flt-32``: ``e_expf.c``, ``s_sinf.c``, ``s_cosf.c``,
``s_atanf.c``, ``e_atan2f.c``) so that every platform computes what MediaPipe computes on Linux.

Only operations that IEEE 754 fixes are used, one NumPy call per rounding: nothing can be contracted, and neither
NumPy's own transcendental functions nor its SIMD flavours play a part.
"""

from math import isqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float32]
f32 = np.float32


def _exp2_table() -> NDArray[np.float64]:
    """2**(j/32), j = 0..31, to the nearest float64.

    The fifth-order square root of 2**(j + 1920) has 61 bits; cutting 8 of them off with rounding leaves 53.
    """
    values = []
    for j in range(32):
        root = 1 << (j + 1920)
        for _ in range(5):
            root = isqrt(root)
        values.append(float(root) / 2.0**60)
    return np.array(values)


EXP2_32 = _exp2_table()
# 32/ln 2 in two parts: products of a float32 with either of them are exact in float64.
_INV_LN2 = float.fromhex("0x1.71547652b82fep+5")
_INV_LN2_HI = float.fromhex("0x1.7154765p+5")
_INV_LN2_LO = _INV_LN2 - _INV_LN2_HI
_EXP_C1 = float.fromhex("0x1.62e42ff0c52d6p-6")
_EXP_C2 = float.fromhex("0x1.ebfce50fac4f3p-13")
_EXP_C3 = float.fromhex("0x1.c6af84b912394p-20")


def expf(x: ArrayLike) -> FloatArray:
    """e to the power x.

    Parameters
    ----------
    x : array_like of float32, any shape
        Any value: large arguments give infinity or 0, NaN gives NaN.

    Returns
    -------
    ndarray of float32, same shape
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        # Beyond the interval the result is 0 or infinity and stays so.
        wide = np.clip(np.asarray(x, f32), f32(-104), f32(89)).astype(np.float64)
        k = np.rint(wide * _INV_LN2)
        # fma(x, 32/ln 2, -k): both products and the first difference are exact, so this rounds once.
        r = (wide * _INV_LN2_HI - k) + wide * _INV_LN2_LO
        index = k.astype(np.int32)
        scale = np.ldexp(EXP2_32[index & 31], index >> 5)
        y = (_EXP_C3 * r + _EXP_C2) * (r * r) + (_EXP_C1 * r + 1.0)
        return (y * scale).astype(f32)


_TWO_OVER_PI = float.fromhex("0x1.45F306DC9C883p-1")
_HALF_PI = float.fromhex("0x1.921FB54442D18p0")
_SIN = tuple(map(float.fromhex, ("-0x1.555545995a603p-3", "0x1.1107605230bc4p-7", "-0x1.994eb3774cf24p-13")))
_COS = tuple(
    map(
        float.fromhex,
        ("-0x1.ffffffd0c621cp-2", "0x1.55553e1068f19p-5", "-0x1.6c087e89a359dp-10", "0x1.99343027bf8c3p-16"),
    )
)


def _quadrants(x: FloatArray) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """Quarter turn n nearest to x, and the sine and cosine of x - n*pi/2, all in float64."""
    wide = x.astype(np.float64)
    n = np.floor(wide * _TWO_OVER_PI + 0.5)
    r = wide - n * _HALF_PI
    z = r * r
    sine = (r + (r * z) * _SIN[0]) + ((r * z) * z) * (_SIN[1] + z * _SIN[2])
    cosine = ((1.0 + z * _COS[0]) + (z * z) * _COS[1]) + ((z * z) * z) * (_COS[2] + z * _COS[3])
    return n.astype(np.int32) & 3, sine, cosine


def sinf(x: ArrayLike) -> FloatArray:
    """Sine.

    Parameters
    ----------
    x : array_like of float32, any shape
        Angle in radians, ``|x| <= 3.15``: rotations in refpose are normalised to [-pi, pi].

    Returns
    -------
    ndarray of float32, same shape
    """
    x = np.asarray(x, f32)
    n, sine, cosine = _quadrants(x)
    value = np.where(n & 1, cosine, sine)
    value = np.where(n & 2, -value, value).astype(f32)
    return np.where(x == 0, x, value)  # keeps the sign of zero


def cosf(x: ArrayLike) -> FloatArray:
    """Cosine.

    Parameters
    ----------
    x : array_like of float32, any shape
        Angle in radians, ``|x| <= 3.15``: rotations in refpose are normalised to [-pi, pi].

    Returns
    -------
    ndarray of float32, same shape
    """
    n, sine, cosine = _quadrants(np.asarray(x, f32))
    value = np.where(n & 1, sine, cosine)
    return np.where((n + 1) & 2, -value, value).astype(f32)


def _from_bits(*patterns: int) -> FloatArray:
    return np.array(patterns, np.uint32).view(f32)


# arctan of 0.5, 1, 1.5 and infinity in two float32 parts; the first entry serves |y/x| < 7/16.
_ATAN_HI = _from_bits(0, 0x3EED6338, 0x3F490FDA, 0x3F7B985E, 0x3FC90FDA)
_ATAN_LO = _from_bits(0, 0x31AC3769, 0x33222168, 0x33140FB4, 0x33A22168)
_ATAN = tuple(
    map(
        f32,
        (
            *(3.3333334327e-01, -2.0000000298e-01, 1.4285714924e-01, -1.1111110449e-01, 9.0908870101e-02),
            *(-7.6918758452e-02, 6.6610731184e-02, -5.8335702866e-02, 4.9768779427e-02, -3.6531571299e-02),
            1.6285819933e-02,
        ),
    )
)
_PI, _PI_LO = f32(np.pi), f32(-8.7422776573e-08)
_PI_HALF = f32(np.pi / 2)


def _odd_even_atan(t: FloatArray) -> FloatArray:
    """The part of arctan(t) = t - t*(...) in brackets, for |t| <= 7/16."""
    z = t * t
    w = z * z
    a = _ATAN
    even = z * (a[0] + w * (a[2] + w * (a[4] + w * (a[6] + w * (a[8] + w * a[10])))))
    odd = w * (a[1] + w * (a[3] + w * (a[5] + w * (a[7] + w * a[9]))))
    return even + odd


def atan2f(y: ArrayLike, x: ArrayLike) -> FloatArray:
    """Angle of the point (x, y), in radians, in [-pi, pi].

    Parameters
    ----------
    y, x : array_like of float32, shapes that broadcast
        Finite values; signs of zeros count as in C.

    Returns
    -------
    ndarray of float32, the broadcast shape
    """
    y, x = np.broadcast_arrays(np.asarray(y, f32), np.asarray(x, f32))
    with np.errstate(all="ignore"):  # branches that are not chosen may divide by zero or overflow
        q = np.abs(y / x)
        interval = sum((q >= f32(bound)).astype(np.intp) for bound in (7 / 16, 11 / 16, 19 / 16, 39 / 16))
        one = f32(1)
        half_off = f32(1.5)
        t = np.choose(
            interval,
            (
                q,
                (f32(2) * q - one) / (f32(2) + q),
                (q - one) / (q + one),
                (q - half_off) / (one + half_off * q),
                -one / q,
            ),
        )
        correction = t * _odd_even_atan(t)
        angle = np.where(interval == 0, t - correction, _ATAN_HI[interval] - ((correction - _ATAN_LO[interval]) - t))
        angle = np.where(q >= f32(2.0**25), _PI_HALF, angle)
        angle = np.where(y == 0, f32(0), angle)
        angle = np.where(np.signbit(x), _PI - (angle - _PI_LO), angle)
        angle = np.where((x == 0) & (y != 0), _PI_HALF, angle)
    return np.copysign(angle, y)
