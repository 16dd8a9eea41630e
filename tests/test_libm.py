"""expf, sinf, cosf and atan2f against the C library, where that is the one they were written after."""

from __future__ import annotations

import ctypes
import ctypes.util
import itertools
import platform
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from refpose.stages import libm

Array = NDArray[np.float32]


@pytest.fixture(scope="module")
def c_library() -> ctypes.CDLL:
    """glibc of the years in which it had these algorithms."""
    name, version = platform.libc_ver()
    numbers = tuple(int(part) for part in version.split(".")[:2]) if version else ()
    if name != "glibc" or not (2, 28) <= numbers <= (2, 40):
        pytest.skip(f"the C library here is {name or 'not known'} {version}, not glibc 2.28 to 2.40")
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip(f"glibc may round otherwise on {platform.machine()}: it may contract")
    return ctypes.CDLL("libm.so.6")


def c_function(library: ctypes.CDLL, name: str, arguments: int) -> Callable[..., Array]:
    function = getattr(library, name)
    function.argtypes, function.restype = (ctypes.c_float,) * arguments, ctypes.c_float
    return lambda *x: np.fromiter(map(function, *(a.tolist() for a in x)), np.float32, len(x[0]))


def assert_same_bits(found: Array, expected: Array, *arguments: Array) -> None:
    """Equal bit for bit, signs of zero included; any NaN equals any other."""
    assert found.dtype == np.float32
    differ = (found.view(np.uint32) != expected.view(np.uint32)) & ~(np.isnan(found) & np.isnan(expected))
    at = np.flatnonzero(differ)[:3]
    assert not at.size, [(*(float(a[i]).hex() for a in arguments), found[i], expected[i]) for i in at]


def patterns(start: int, count: int) -> Array:
    """Floats evenly spread over all 2**32 bit patterns."""
    step = 2**32 // count
    return np.arange(start % step, 2**32, step, dtype=np.uint64).astype(np.uint32).view(np.float32)


def around(values: list[float], reach: int = 40) -> Array:
    """Floats next to some values, of both signs."""
    bits = np.array(values, np.float32).view(np.int32)[:, None] + np.arange(-reach, reach + 1, dtype=np.int32)
    near = bits.astype(np.int32).view(np.float32).ravel()
    return np.concatenate([near, -near])


EXP_EDGES = [2e-45, 1.2e-38, 1e-8, 88.72283, 87.33654, 103.27893, 103.97208, 32.564633, 31.54967, 0.6931472, 1e30]
EXP_EDGES += [
    float.fromhex("0x1.04845ep+5"),
    float.fromhex("0x1.f8cbb2p+5"),
    *(k * np.log(2) / 64 for k in range(1, 99)),
]
ANGLE_EDGES = [2e-45, 1.2e-38, 2.0**-12, 0.75, np.pi / 4, np.pi / 2, 3 * np.pi / 4, np.pi]
RATIO_EDGES = [2.0**-29, 7 / 16, 11 / 16, 1, 19 / 16, 39 / 16, 2.0**25, 2.0**26, 2.0**34, 2.0**60]
SPECIAL = np.float32([0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 1.2e-38, -1.2e-38, 3e38, -3e38, 0.5, -2.0, 4e-20, -7e19])


def angles(x: Array) -> Array:
    return x[np.abs(x) <= np.float32(3.15)]


@pytest.mark.parametrize(
    "count", [pytest.param(2**19, id="quick"), pytest.param(2**22, id="all", marks=pytest.mark.full)]
)
@pytest.mark.parametrize(("name", "edges"), [("expf", EXP_EDGES), ("sinf", ANGLE_EDGES), ("cosf", ANGLE_EDGES)])
def test_equal_to_the_c_library(c_library: ctypes.CDLL, name: str, edges: list[float], count: int) -> None:
    x = np.concatenate([patterns(7919, count), around(edges), SPECIAL])
    if name != "expf":
        x = angles(np.concatenate([x, np.linspace(-3.15, 3.15, count // 4, dtype=np.float32)]))
    else:
        x = np.concatenate(
            [x, np.linspace(-105, 90, count // 4, dtype=np.float32), np.float32([np.inf, -np.inf, np.nan])]
        )
    assert_same_bits(getattr(libm, name)(x), c_function(c_library, name, 1)(x), x)


@pytest.mark.parametrize(
    "count", [pytest.param(2**18, id="quick"), pytest.param(2**20, id="all", marks=pytest.mark.full)]
)
def test_atan2f_equal_to_the_c_library(c_library: ctypes.CDLL, count: int) -> None:
    random = np.random.default_rng(count)
    y, x = random.integers(0, 2**32, (2, count), dtype=np.uint64).astype(np.uint32).view(np.float32)
    finite = np.isfinite(x) & np.isfinite(y)
    pixels = random.uniform(-2000, 2000, (2, count)).astype(np.float32)
    whole = random.integers(-300, 300, (2, count)).astype(np.float32)
    scale = random.uniform(-100, 100, count).astype(np.float32)
    with np.errstate(over="ignore", under="ignore"):
        ends = (random.choice(around(RATIO_EDGES), count) * scale).astype(np.float32)
    special = np.array(list(itertools.product(SPECIAL, SPECIAL)), np.float32).T
    pairs = [np.stack([y[finite], x[finite]]), pixels, whole, np.stack([ends, scale]), special]
    y, x = np.concatenate(pairs, axis=1)
    y, x = y[np.isfinite(y)], x[np.isfinite(y)]
    assert_same_bits(libm.atan2f(y, x), c_function(c_library, "atan2f", 2)(y, x), y, x)


@pytest.mark.parametrize(
    ("name", "arguments", "recorded"),
    [
        ("expf", (1.0,), "0x1.5bf0a80000000p+1"),
        ("expf", (-1.0,), "0x1.78b5640000000p-2"),
        ("expf", (88.7,), "0x1.f46ff80000000p+127"),
        ("expf", (-103.9,), "0x1.0000000000000p-149"),
        # one of two arguments that show whether the reduction is a fused multiply-add
        ("expf", (float.fromhex("0x1.04845ep+5"),), "0x1.f93e380000000p+46"),
        ("expf", (1000.0,), "inf"),
        ("expf", (-1000.0,), "0x0.0p+0"),
        ("sinf", (0.5,), "0x1.eaee880000000p-2"),
        ("sinf", (-2.5,), "-0x1.326af00000000p-1"),
        ("cosf", (0.5,), "0x1.c152800000000p-1"),
        ("cosf", (-2.5,), "-0x1.9a2f7e0000000p-1"),
        ("atan2f", (3.0, 4.0), "0x1.4978fa0000000p-1"),
        ("atan2f", (-3.0, -4.0), "-0x1.3fc1780000000p+1"),
    ],
)
def test_values_recorded_from_glibc(name: str, arguments: tuple[float, ...], recorded: str) -> None:
    assert float(getattr(libm, name)(*map(np.float32, arguments))).hex() == recorded


def test_signs_of_zero() -> None:
    zero = np.float32([0.0, -0.0])
    assert np.signbit(libm.sinf(zero)).tolist() == [False, True]
    angle = libm.atan2f(np.float32([0, -0.0, 0, -0.0]), np.float32([1, 1, -1, -1]))
    assert np.signbit(angle).tolist() == [False, True, False, True]
    assert angle.tolist() == [0, 0, np.float32(np.pi), -np.float32(np.pi)]


def test_scalars_and_shapes() -> None:
    x = np.float32([[0.1, 0.2, 0.3]])
    for function in (libm.expf, libm.sinf, libm.cosf):
        assert function(x).shape == (1, 3)
        assert np.float32(function(np.float32(0.2))) == function(x)[0, 1]
    assert libm.atan2f(x, x.T).shape == (3, 3)
    assert np.isnan(libm.expf(np.float32(np.nan)))
