"""expf, sinf, cosf and atan2f of MediaPipe 1.x: correctly rounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from refpose.stages import libm, rounded

# Arguments whose results lie next to the middle between two float32, of 12 million tried for each function; computed
# with mpmath to 300 bits.
HARD = {
    "expf": (
        ("-0x1.5768a8p+6", "0x1.1a5f2cp-124"),
        ("-0x1.5800a4p+6", "0x1.e6d8c6p-125"),
        ("-0x1.fab1b2p+5", "0x1.8aa1b2p-92"),
        ("0x1.9a0bccp+0", "0x1.3d8c04p+2"),
        ("-0x1.5458f6p-3", "0x1.b19b7ap-1"),
        ("0x1.ddc228p+3", "0x1.740daap+21"),
        ("0x1.883834p+5", "0x1.a918dep+70"),
        ("0x1.3829eep+6", "0x1.81271ep+112"),
    ),
    "sinf": (
        ("0x1.e7061ep-2", "0x1.d4de8ap-2"),
        ("-0x1.9eab2ep-4", "-0x1.9df5f2p-4"),
        ("-0x1.3e42p+1", "-0x1.37f8dep-1"),
        ("-0x1.48300ep+1", "-0x1.179220p-1"),
        ("0x1.cbaf9ap+0", "0x1.f31c8cp-1"),
        ("-0x1.fdba4cp+0", "-0x1.d36ee0p-1"),
    ),
    "cosf": (
        ("-0x1.b6781cp+0", "-0x1.21c966p-3"),
        ("0x1.589f80p-4", "0x1.fe305ap-1"),
        ("-0x1.a01ebap-4", "0x1.fd5c30p-1"),
        ("-0x1.4432b2p+0", "0x1.32e976p-2"),
        ("0x1.0667bep-1", "0x1.be3762p-1"),
        ("0x1.0ee662p+1", "-0x1.09b264p-1"),
    ),
    "atan2f": (
        ("0x1.9592cep+7", "0x1.72edbep+7", "0x1.a8f3cep-1"),
        ("-0x1.42c0e4p+7", "0x1.0fcc3ap+7", "-0x1.bde5cap-1"),
        ("-0x1.4973d8p+5", "-0x1.453e1ap+6", "-0x1.561db0p+1"),
        ("0x1.12f38cp+6", "-0x1.d8788ap+7", "0x1.6de156p+1"),
        ("0x1.6b5428p+4", "0x1.a34d2ep+7", "0x1.b9ee16p-4"),
        ("0x1.176f28p+6", "-0x1.d773e2p+4", "0x1.f84e70p+0"),
        # 3/2 of the smallest number: the middle between two; the angle is smaller than the ratio by one part in 2^297
        ("0x3p-149", "0x1p+1", "0x1p-149"),
        ("-0x3p-149", "0x1p+1", "-0x1p-149"),
    ),
}
WIDE: dict[str, Callable[..., Any]] = {"expf": np.exp, "sinf": np.sin, "cosf": np.cos, "atan2f": np.arctan2}


@pytest.mark.parametrize("name", HARD)
def test_hard_arguments(name: str) -> None:
    *arguments, expected = (np.float32([float.fromhex(v) for v in column]) for column in zip(*HARD[name], strict=True))
    np.testing.assert_array_equal(getattr(rounded, name)(*arguments), expected, strict=True)


def arguments_of(name: str) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    if name == "atan2f":
        points = np.concatenate([rng.normal(size=(50_000, 2)) * 100, rng.normal(size=(50_000, 2)) * [1e-3, 1e3]])
        return [np.float32(column) for column in points.T]
    if name == "expf":
        return [np.float32(np.concatenate([rng.uniform(-100, 88.7, 100_000), rng.normal(size=20_000)]))]
    return [np.float32(np.concatenate([rng.uniform(-3.14, 3.14, 100_000), rng.normal(size=20_000) * 0.01]))]


@pytest.mark.parametrize("name", HARD)
def test_equal_to_float64_rounded_where_that_decides(name: str) -> None:
    """The platform's float64 functions are right to 2^-50 or so: enough for all but some of these arguments."""
    arguments = arguments_of(name)
    found = getattr(rounded, name)(*arguments)
    wide = WIDE[name](*(argument.astype(np.float64) for argument in arguments))
    low, high = np.float32(wide * (1 - 2.0**-48)), np.float32(wide * (1 + 2.0**-48))
    decided = low == high
    assert decided.mean() > 0.999
    np.testing.assert_array_equal(found[decided], low[decided], strict=True)
    # and never far off
    np.testing.assert_array_less(np.abs(found - wide), np.spacing(np.abs(wide).astype(np.float32)))


def test_it_is_another_set_than_glibcs() -> None:
    """As many results differ as between the two wheels' functions: 0.06 %, 1.3 %, 1.3 % and 16 %."""
    for name, least, most in (
        ("expf", 2e-4, 2e-3),
        ("sinf", 5e-3, 3e-2),
        ("cosf", 5e-3, 3e-2),
        ("atan2f", 0.05, 0.25),
    ):
        arguments = arguments_of(name)
        differ = getattr(rounded, name)(*arguments) != getattr(libm, name)(*arguments)
        assert least < differ.mean() < most, name


def test_special_values() -> None:
    found = rounded.expf(np.float32([np.inf, -np.inf, np.nan, 0, -0.0, 89, -104, 88.8, 1e-45, -1e-45]))
    np.testing.assert_array_equal(found, np.float32([np.inf, 0, np.nan, 1, 1, np.inf, 0, np.inf, 1, 1]))
    assert np.signbit(rounded.sinf(np.float32(-0.0)))
    assert rounded.cosf(np.float32(0)) == 1
    zeros = np.float32([0.0, -0.0])
    y, x = (v.ravel() for v in np.meshgrid(zeros, np.float32([0.0, -0.0, 1, -1])))
    for found, expected in ((rounded.atan2f(y, x), libm.atan2f(y, x)), (rounded.atan2f(x, y), libm.atan2f(x, y))):
        np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))
    assert rounded.expf(np.zeros((2, 3), np.float32)).shape == (2, 3)
