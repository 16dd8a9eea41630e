"""float32 as text, many at once: what NumPy writes, character by character."""

from __future__ import annotations

import numpy as np
import pytest

from refpose.tables import decimals


def texts(numbers: np.ndarray) -> list[str]:
    rows = decimals.texts(numbers, b"null")
    return [row.tobytes().replace(b"\xff", b"").decode() for row in rows]


def expected(numbers: np.ndarray) -> list[str]:
    return ["null" if np.isnan(number) else str(number) for number in numbers]


_RANDOM = np.random.default_rng(11)
_EXACT = np.concatenate([10.0 ** np.arange(-40, 38), 2.0 ** np.arange(-140, 127), [0.0, 1e-30, 16777217, np.inf]])
_EXACT = _EXACT.astype(np.float32)


@pytest.mark.parametrize(
    "numbers",
    [
        _RANDOM.integers(0, 2**32, 40_000, dtype=np.uint32).view(np.float32),  # NaN and infinite ones too
        (10 ** _RANDOM.uniform(-15, 7, 40_000)).astype(np.float32),
        (_RANDOM.integers(-(10**5), 10**5, 20_000) / 10 ** _RANDOM.integers(0, 9, 20_000)).astype(np.float32),
        _RANDOM.normal(size=20_000).astype(np.float16).astype(np.float32),  # midway between decimals
        np.concatenate(
            [_EXACT, -_EXACT, np.nextafter(_EXACT, np.float32(np.inf)), np.nextafter(_EXACT, np.float32(0))]
        ),
        np.empty(0, np.float32),
    ],
    ids=["bits", "sizes", "short", "halves", "powers", "none"],
)
@pytest.mark.filterwarnings("ignore:invalid value")  # signalling NaN
def test_same_text_as_numpy(numbers: np.ndarray) -> None:
    assert texts(numbers) == expected(numbers)


def test_padded_words() -> None:
    assert decimals.padded([b"ab", b"", b"c"]).tolist() == [[97, 98], [255, 255], [99, 255]]
    assert decimals.padded([b""]).shape == (1, 0)
