"""What is the same in the results of both versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import starmap
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...topology import ORDERED_CONNECTIONS
from ...trackers import Result

Point = TypeVar("Point")


class PoseLandmarksConnections:
    """Which landmarks are connected."""

    @dataclass
    class Connection:
        """Two landmarks' numbers."""

        start: int
        end: int

    POSE_LANDMARKS: ClassVar[list[Connection]] = list(starmap(Connection, ORDERED_CONNECTIONS))


def points(places: NDArray[np.float32], person: Result, kind: Callable[..., Point]) -> list[Point]:
    """Somebody's landmarks at these places (33, 3), each a `kind` of x, y, z, visibility and presence."""
    columns: list[Any] = [*places.T.tolist(), person.visibility.tolist(), person.presence.tolist()]
    return list(map(kind, *columns))
