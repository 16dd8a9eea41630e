"""Numbers of every kind as arguments: the same as Python's own, or a clear error; never another value."""

from __future__ import annotations

import io
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refpose import Roi, Smoothing, arguments, draw, load_network, motion, video
from refpose.accuracy import metrics

INTEGERS = [int, *(getattr(np, f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64))]
FLOATS = [float, np.float16, np.float32, np.float64, np.longdouble]
EXACT = [Fraction, Decimal, lambda n: Fraction(np.int32(n))]
KINDS = [*INTEGERS, *FLOATS, *EXACT]


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_become_pythons_own(kind: Callable[[int], Any]) -> None:
    found = arguments.exact("n", kind(100))
    assert type(found) in (int, float, Fraction)
    assert type(getattr(found, "numerator", 1)) is int
    assert found * 1_000_000_000_000 == 10**14  # in 8, 16 or 32 bits this would wrap round
    assert type(arguments.number("n", kind(100))) is float
    assert arguments.number("n", kind(100), 100, 100) == 100.0


@pytest.mark.parametrize("kind", INTEGERS)
def test_whole_numbers_become_pythons_own(kind: Callable[[int], Any]) -> None:
    found = arguments.whole("n", kind(7), 7, 7)
    assert type(found) is int
    assert found == 7


def test_fractions_of_decimals_are_exact() -> None:
    assert arguments.exact("t", Decimal("0.1")) == Fraction(1, 10)
    assert arguments.exact("t", Fraction(np.int8(100), np.int8(3))) * 10**9 == Fraction(10**11, 3)


NO_NUMBERS = [
    True,
    np.True_,
    "1",
    b"1",
    None,
    1j,
    np.complex64(1),
    [1],
    np.array([1.0]),
    np.array(1),
    np.timedelta64(40, "ms"),
    type,
]
NOT_FINITE = [float("nan"), float("inf"), -np.float32("inf"), np.float16("nan"), Decimal("NaN"), Decimal("-Infinity")]
NOT_FINITE += [Decimal("sNaN"), Decimal("1E+999999999")]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
@pytest.mark.parametrize("take", [arguments.exact, arguments.number, arguments.whole, arguments.probability])
def test_what_is_no_number(take: Callable[[str, Any], Any], value: Any) -> None:
    with pytest.raises(TypeError, match="size must be a"):
        take("size", value)


@pytest.mark.parametrize("value", NOT_FINITE, ids=repr)
@pytest.mark.parametrize("take", [arguments.exact, arguments.number, arguments.probability])
def test_what_is_not_finite(take: Callable[[str, Any], Any], value: Any) -> None:
    with pytest.raises(ValueError, match="size must be finite"):
        take("size", value)


@pytest.mark.parametrize(
    "value", [10**400, 10**5000, Fraction(10**400, 3), Fraction(10**5000, 3)], ids=lambda n: type(n).__name__
)
def test_what_no_float_can_hold(value: Any) -> None:
    with pytest.raises(ValueError, match="size must be finite"):
        arguments.number("size", value)


def test_what_takes_for_ever_to_write_out() -> None:
    with pytest.raises(ValueError, match="size must have at most 1100 decimal places"):
        arguments.number("size", Decimal("1E-999999999"))
    with pytest.raises(TypeError, match="size must be a whole number, not Fraction of thousands of digits"):
        arguments.whole("size", Fraction(1, 10**5000))


@pytest.mark.parametrize("value", [-1, np.int8(-1), 1.0001, Decimal("2"), Fraction(-1, 10**9), 50])
def test_what_is_no_probability(value: Any) -> None:
    with pytest.raises(ValueError, match="threshold must be from 0 to 1, not"):
        arguments.probability("threshold", value)


def test_ranges_open_on_one_side() -> None:
    with pytest.raises(ValueError, match="n must be at least 3, not 2"):
        arguments.whole("n", 2, least=3)
    with pytest.raises(ValueError, match="n must be at most 3, not 4"):
        arguments.whole("n", 4, most=3)


def test_flags() -> None:
    assert arguments.flag("f", np.True_) is True
    for value in (0, 1, None, "no", np.int64(1)):
        with pytest.raises(TypeError, match="f must be True or False"):
            arguments.flag("f", value)


@pytest.mark.parametrize("kind", KINDS)
def test_regions_and_smoothing(kind: Callable[[int], Any]) -> None:
    one = kind(1)
    assert Roi(one, one, one, one, one) == Roi(1.0, 1.0, 1.0, 1.0, 1.0)
    assert all(type(value) is float for value in vars(Roi(one, one, one, one, one)).values())
    smoothing = Smoothing(one, one, one, one, one, one)
    assert smoothing == Smoothing(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert all(type(value) is float for value in vars(smoothing).values())


@pytest.mark.parametrize("kind", INTEGERS)
def test_drawing(kind: Callable[[int], Any]) -> None:
    pictures = np.zeros((2, 120, 160, 3), np.uint8)
    for picture, number in zip(pictures, (int, kind), strict=True):
        draw.line(picture, (number(3), number(5)), (number(120), number(100)), (1, 2, 3), number(3))
        draw.circle(picture, (number(100), number(60)), number(20), (4, 5, 6), number(2))
    assert pictures[0].any()
    assert np.array_equal(*pictures)


@pytest.mark.parametrize("kind", INTEGERS)
def test_threads(kind: Callable[[int], Any]) -> None:
    assert type(load_network("lite", "reference", kind(1)).threads) is int


@pytest.mark.parametrize("kind", KINDS)
def test_times_and_rates_of_videos(kind: Callable[[int], Any], tmp_path: Path) -> None:
    pytest.importorskip("av")
    frame = np.zeros((16, 16, 3), np.uint8)
    with video.create(tmp_path / "a.mp4", kind(25), pixel_aspect=kind(2)) as writer:
        for time in (100, 101, 103, 120):
            writer.write(frame, kind(time))
    with video.Reader(tmp_path / "a.mp4") as reader:
        assert [frame.time for frame in reader] == [0.0, 1.0, 3.0, 20.0]
        assert reader.pixel_aspect == 2


@pytest.mark.parametrize("value", [2**31, 2**64, np.uint64(2**63), Fraction(10**5000), 1e-300, -1, 0, "1", np.nan])
@pytest.mark.parametrize("name", ["pixel_aspect", "threads", "time", "ahead", "behind"])
def test_numbers_that_videos_have_no_room_for(tmp_path: Path, name: str, value: Any) -> None:
    pytest.importorskip("av")
    frame = np.zeros((16, 16, 3), np.uint8)
    if value in (0, 1e-300, -1, 2**31) and name in ("time", "ahead", "behind"):
        value = 10**15

    def make() -> None:
        if name == "ahead":
            video.Reader(tmp_path, ahead=value)
        with video.create(tmp_path / "a.mp4", **({} if name == "time" else {name: value})) as writer:
            writer.write(frame, 0.0)
            writer.write(frame, value)

    with pytest.raises((ValueError, TypeError), match=f"{name} must be"):
        make()
    assert list(tmp_path.iterdir()) == []


def test_a_shape_of_pixels_without_a_small_fraction(tmp_path: Path) -> None:
    pytest.importorskip("av")
    for aspect in (1 / 3, 3.1, np.float32(1e9), 1e-9):
        with video.create(tmp_path / "a.mp4", pixel_aspect=aspect) as writer:
            writer.write(np.zeros((16, 16, 3), np.uint8), 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_thresholds_of_metrics(kind: Callable[[int], Any]) -> None:
    found = metrics.pck([[250.0, 251.0]], [[True, True]], [2.5], kind(100))
    assert found.correct.tolist() == [1, 0]


def test_arguments_do_not_need_numpys_printing() -> None:
    """A message for a large array is short."""
    with pytest.raises(TypeError) as caught:
        arguments.number("size", np.zeros((1000, 1000)))
    assert len(str(caught.value)) < 200
    with pytest.raises(TypeError, match="size must be a number"):
        arguments.number("size", io.BytesIO())


@pytest.mark.parametrize("kind", KINDS)
def test_recordings(kind: Callable[[int], Any]) -> None:
    frames = 40
    recording = motion.Recording(
        np.arange(frames) / 100,
        np.arange(frames),
        np.random.default_rng(0).random((frames, 1, 2, 2), np.float32),
        (0,),
        ("nose", "left_eye"),
        ("x_px", "visibility"),
    )
    for make in (
        lambda n: recording.between(n(0), n(1)),
        lambda n: recording.retimed(n(100)),
        lambda n: motion.resample(recording, n(100)),
        lambda n: motion.blank(recording, n(1)),
        lambda n: motion.fill_gaps(recording, n(100)),
        lambda n: motion.one_euro(recording, n(1), n(1), n(1), n(1), n(1)),
    ):
        found, expected = make(kind), make(int)
        assert np.array_equal(found.time, expected.time)
        assert found.values.tobytes() == expected.values.tobytes()
