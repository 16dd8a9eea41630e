"""mediapipe.tasks.python.components.containers.landmark as MediaPipe 1.x has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Landmark", "NormalizedLandmark"]


@dataclass
class Landmark:
    """A point in metres, from the middle between the hips.

    Attributes
    ----------
    x, y, z : float or None
    visibility, presence : float or None
        Probability that the point can be seen, and that it is inside the picture.
    name : str or None
    """

    x: float | None = None
    y: float | None = None
    z: float | None = None
    visibility: float | None = None
    presence: float | None = None
    name: str | None = None

    @classmethod
    def from_ctypes(cls, c_struct: Any) -> Landmark:
        """The landmark in a C structure (``MpLandmarkC``), or in whatever has its fields."""
        return Landmark(*_fields(c_struct))


@dataclass
class NormalizedLandmark:
    """A point in the picture, in fractions of its width (x, z) and height (y).

    Attributes
    ----------
    x, y, z : float or None
    visibility, presence : float or None
        Probability that the point can be seen, and that it is inside the picture.
    name : str or None
    """

    x: float | None = None
    y: float | None = None
    z: float | None = None
    visibility: float | None = None
    presence: float | None = None
    name: str | None = None

    @classmethod
    def from_ctypes(cls, c_struct: Any) -> NormalizedLandmark:
        """The landmark in a C structure (``MpLandmarkC``), or in whatever has its fields."""
        return NormalizedLandmark(*_fields(c_struct))


def _fields(structure: Any) -> tuple[Any, ...]:
    """What a landmark's fields are; what a structure does not have is None."""
    return (
        structure.x,
        structure.y,
        structure.z,
        structure.visibility if structure.has_visibility else None,
        structure.presence if structure.has_presence else None,
        structure.name.decode("utf-8") if structure.name else None,
    )
