"""Low-pass and One-Euro filters against scalar loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from golden_data import assert_same

from refpose import Smoothing
from refpose.stages.filters import LowPass, OneEuro

f32 = np.float32


class ScalarOneEuro:
    """The filter of one number, written as MediaPipe's one_euro_filter.cc has it."""

    def __init__(self, min_cutoff: float, beta: float, derivative_cutoff: float) -> None:
        self.parameters = float(f32(min_cutoff)), float(f32(beta)), float(f32(derivative_cutoff))
        self.last: tuple[int, float, float, float] | None = None

    def apply(self, v: np.float32, time_us: int, scale: float) -> np.float32:
        min_cutoff, beta, derivative_cutoff = self.parameters
        if self.last is None:
            self.last = (time_us, float(v), float(v), 0.0)
            return v
        before, raw, y, e = self.last
        f = 1.0 / ((time_us - before) * 1000 * 1e-9)

        def alpha(cutoff: float) -> np.float32:
            return f32(1.0 / (1.0 + 1.0 / (2 * math.pi * cutoff) / (1.0 / f)))

        def low_pass(a: np.float32, new: np.float32, old: float) -> np.float32:
            return f32(float(a * new) + (1.0 - float(a)) * old)

        e = float(low_pass(alpha(derivative_cutoff), f32((float(v) - raw) * scale * f), e))
        out = low_pass(alpha(min_cutoff + beta * abs(e)), v, y)
        self.last = (time_us, float(v), float(out), e)
        return out


@pytest.mark.parametrize("scale", [1.0, float(f32(1 / 300))])
@pytest.mark.parametrize("parameters", [(0.05, 80, 1), (0.1, 40, 1), (1.5, 0, 0.3)])
def test_one_euro_equals_scalar_loop(parameters: tuple[float, float, float], scale: float) -> None:
    random = np.random.default_rng(1)
    values = np.cumsum(random.normal(0, 3, (30, 5, 3)), axis=0).astype(f32)
    times = np.cumsum(random.integers(1, 100_000, 30)).tolist()
    many = OneEuro(*parameters)
    single = [ScalarOneEuro(*parameters) for _ in range(15)]
    for value, time in zip(values, times, strict=True):
        expected = [s.apply(v, time, scale) for s, v in zip(single, value.ravel(), strict=True)]
        assert_same(many.apply(value, time, scale), f32(expected).reshape(5, 3))


def test_parameters_may_differ_by_row() -> None:
    random = np.random.default_rng(2)
    values = random.normal(0, 1, (10, 2, 3)).astype(f32)
    both = OneEuro(np.array([[0.05], [0.01]]), np.array([[80.0], [10.0]]), np.array([[1.0], [2.0]]))
    alone = [OneEuro(0.05, 80, 1.0), OneEuro(0.01, 10, 2.0)]
    for k, value in enumerate(values):
        expected = np.stack([one.apply(v, k * 1000) for one, v in zip(alone, value, strict=True)])
        assert_same(both.apply(value, k * 1000), expected)


def test_one_euro_at_rest_and_after_reset() -> None:
    one = OneEuro(0.05, 80)
    still = np.full((2, 3), 7, f32)
    for k in range(1, 5):
        assert_same(one.apply(still, k * 33_333), still)
    assert not one.speed.any()
    one.reset()
    assert one.time_us is None
    moved = still + f32(100)
    assert_same(one.apply(moved, 33_333), moved)


def test_states_are_the_filters_own() -> None:
    one = OneEuro(0.05, 80)
    values = np.zeros(3, f32)
    one.apply(values, 1)
    values += f32(5)
    assert not one.raw.any()


def test_low_pass_by_hand() -> None:
    low = LowPass(0.1)
    assert low.apply(f32([1, 0])).tolist() == [1, 0]
    alpha = f32(0.1)
    expected = f32(float(alpha * f32(0.25)) + (1 - float(alpha)) * 1.0)
    assert low.apply(f32([0.25, 0]))[0] == expected


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"min_cutoff": 0}, ValueError),
        ({"min_cutoff": -1.0}, ValueError),
        ({"beta": -0.1}, ValueError),
        ({"beta": math.inf}, ValueError),
        ({"world_beta": math.nan}, ValueError),
        ({"derivative_cutoff": 0.0}, ValueError),
        ({"visibility_alpha": 1.1}, ValueError),
        ({"visibility_alpha": "much"}, TypeError),
        ({"world_min_cutoff": True}, TypeError),
    ],
)
def test_bad_smoothing(parameters: dict[str, float], error: type[Exception]) -> None:
    (name,) = parameters
    with pytest.raises(error, match=f"Smoothing: {name} must"):
        Smoothing(**parameters)


def test_smoothing_without_speed() -> None:
    assert Smoothing(beta=0, world_beta=0).beta == 0
