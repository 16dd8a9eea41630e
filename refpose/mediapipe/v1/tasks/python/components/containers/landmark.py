"""mediapipe.tasks.python.components.containers.landmark as MediaPipe 1.x has it."""

from __future__ import annotations

from dataclasses import dataclass

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
