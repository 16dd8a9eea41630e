"""Which way up a frame is shown: the display matrix that phones write."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def display_matrix(frame: Any) -> tuple[int, int, int, int]:
    """Give the numbers a, b, c, d of a frame's display matrix, see `upright`."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    (a, b, _), (c, d, _), _ = np.frombuffer(bytes(data), np.int32)[:9].reshape(3, 3).tolist()
    return a, b, c, d


def swaps_axes(a: float, b: float, c: float, d: float) -> bool:
    """Tell whether a display matrix makes rows of columns, to the nearest quarter turn."""
    return abs(a) + abs(d) < abs(b) + abs(c)


def upright(pixels: NDArray[np.uint8], a: float, b: float, c: float, d: float) -> NDArray[np.uint8]:
    """Turn and mirror a frame as its display matrix says, to the nearest quarter turn.

    The matrix takes column p and row q to column a p + c q and row b p + d q (ISO 14496-12, 6.2.2; FFmpeg's
    libavutil/display.h), up to the shift that brings the picture back to the origin.
    """
    if swaps_axes(a, b, c, d):
        pixels, a, d = pixels.swapaxes(0, 1), c, b
    return pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
