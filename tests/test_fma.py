"""The fused multiply-add against exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from refpose.networks.fma import MultiplyAdd, fma, needs_subnormals

LARGEST = Fraction(float(np.finfo(np.float32).max))
HALF_ULP_OF_LARGEST = Fraction(2) ** 103


def rounded(value: Fraction) -> np.float32:
    """The float32 nearest to `value`, halves to even, by integers alone."""
    if value == 0:
        return np.float32(0)
    magnitude = abs(value)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if Fraction(2) ** exponent > magnitude:
        exponent -= 1
    ulp = Fraction(2) ** (max(exponent, -126) - 23)
    if magnitude >= LARGEST + HALF_ULP_OF_LARGEST:
        return np.float32(np.inf if value > 0 else -np.inf)
    return np.float32(float(round(value / ulp) * ulp))  # round() of a Fraction takes halves to even


def expected(a: NDArray[np.float32], b: NDArray[np.float32], c: NDArray[np.float32]) -> NDArray[np.float32]:
    exact = (
        Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
        for x, y, z in zip(a.tolist(), b.tolist(), c.tolist(), strict=True)
    )
    return np.array([rounded(value) for value in exact], np.float32)


def patterns(rng: np.random.Generator, n: int) -> NDArray[np.float32]:
    """Random bit patterns of finite floats."""
    bits = rng.integers(0, 2**32, 2 * n, dtype=np.uint32).view(np.float32)
    return bits[np.isfinite(bits)][:n]


def cases(kind: str, n: int = 4000) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(list(kind.encode()))
    a = rng.standard_normal(n).astype(np.float16).astype(np.float32)
    b = rng.standard_normal(n).astype(np.float32)
    if kind == "patterns":
        return patterns(rng, n), patterns(rng, n), patterns(rng, n)
    if kind == "network":
        return a, b, rng.standard_normal(n).astype(np.float32)
    if kind == "cancellation":
        return a, b, -(a * b) * (1 + rng.integers(-2, 3, n).astype(np.float32) * np.float32(2**-23))
    if kind == "ties":  # the product is half an ulp of c, give or take what float64 cannot hold
        c = np.ldexp(rng.integers(2**23, 2**24, n), rng.integers(-30, 30, n)).astype(np.float32)
        half = np.spacing(c) / 2
        off = np.float32(1) + rng.choice([0, 2**-23, -(2**-24), 2**-15], n).astype(np.float32)
        return half.astype(np.float32), off, c
    if kind == "far ties":  # a product on a tie of float32, and c far below it
        a = rng.integers(2**11, 2**12, n).astype(np.float32) * 2 + 1  # odd, so that a product of 25 bits is a tie
        b = rng.integers(2**11, 2**12, n).astype(np.float32) * 2 + 1
        return a, b, np.ldexp(rng.choice([-1.0, 1.0], n), -rng.integers(20, 80, n)).astype(np.float32)
    if kind == "subnormal":
        return a, np.ldexp(b, rng.integers(-149, -120, n)).astype(np.float32), patterns(rng, n) * np.float32(2**-125)
    raise ValueError(kind)


KINDS = ("patterns", "network", "cancellation", "ties", "far ties", "subnormal")


@pytest.mark.parametrize("kind", KINDS)
def test_rounds_once(kind: str) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        a, b, c = cases(kind)
        found = fma(a, b, c)
    assert np.array_equal(found, expected(a, b, c))


@pytest.mark.parametrize("kind", ["network", "cancellation", "ties", "far ties"])
def test_short_version_rounds_once_in_its_domain(kind: str) -> None:
    a, b, c = cases(kind)
    acc = c.copy()
    MultiplyAdd(len(acc) + 7, subnormals=False)(acc, a, b)
    assert np.array_equal(acc, expected(a, b, c))


def test_the_naive_form_would_be_wrong() -> None:
    """The cases above can tell a double rounding from a single one."""
    wrong = 0
    for kind in ("ties", "far ties"):
        a, b, c = cases(kind)
        naive = (a.astype(np.float64) * b + c).astype(np.float32)
        wrong += np.count_nonzero(naive != expected(a, b, c))
    assert wrong > 0


def test_short_version_at_the_edge_of_its_domain() -> None:
    """Binary16 weights times the smallest factor allowed: multiples of 2^-149, so that nothing is lost."""
    rng = np.random.default_rng(5)
    a = rng.integers(-2048, 2048, 3000).astype(np.float32) * np.float32(2**-24)
    b = np.float32(2.0**-102) * (1 + rng.random(3000, np.float32))
    assert not needs_subnormals(b, a)
    assert needs_subnormals(b / 2, a)
    assert needs_subnormals(b, a / 3)
    c = np.ldexp(rng.integers(-(2**20), 2**20, 3000), -149).astype(np.float32)
    acc = c.copy()
    MultiplyAdd(len(acc), subnormals=False)(acc, a, b)
    assert np.array_equal(acc, expected(a, b, c))


def test_broadcasts_and_keeps_shape() -> None:
    a, b, c = np.float32(2) * np.ones((3, 1), np.float32), np.ones((1, 4), np.float32), np.float32(1)
    assert fma(a, b, c).shape == (3, 4)
    assert (fma(a, b, c) == 3).all()
    assert fma(np.float32(2), np.float32(3), np.float32(1)).shape == ()


def test_infinities_and_nan() -> None:
    with np.errstate(invalid="ignore", over="ignore"):
        large = np.float32(3e38)
        assert fma(large, large, np.float32(0)) == np.inf
        assert fma(large, np.float32(2), np.float32(-np.inf)) == -np.inf
        assert np.isnan(fma(np.float32(np.inf), np.float32(0), np.float32(0)))
        assert np.isnan(fma(np.float32(1), np.float32(np.nan), np.float32(0)))
