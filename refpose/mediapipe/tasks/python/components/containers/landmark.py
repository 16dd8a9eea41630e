"""mediapipe.tasks.python.components.containers.landmark."""

from __future__ import annotations

from dataclasses import dataclass

from refpose.mediapipe.framework.formats import landmark_pb2

__all__ = ["Landmark", "NormalizedLandmark"]


@dataclass
class Landmark:
    """A point in metres, from the middle between the hips.

    Attributes
    ----------
    x, y, z : float or None
    visibility, presence : float or None
        Probability that the point can be seen, and that it is inside the picture.
    """

    x: float | None = None
    y: float | None = None
    z: float | None = None
    visibility: float | None = None
    presence: float | None = None

    def to_pb2(self) -> landmark_pb2.Landmark:
        """The landmark as a message; what is None is left out."""
        return landmark_pb2.Landmark(**_stated(self))

    @classmethod
    def create_from_pb2(cls, pb2_obj: landmark_pb2.Landmark) -> Landmark:
        """The landmark in a message; what it does not state is 0."""
        return Landmark(pb2_obj.x, pb2_obj.y, pb2_obj.z, pb2_obj.visibility, pb2_obj.presence)


@dataclass
class NormalizedLandmark:
    """A point in the picture, in fractions of its width (x, z) and height (y).

    Attributes
    ----------
    x, y, z : float or None
    visibility, presence : float or None
        Probability that the point can be seen, and that it is inside the picture.
    """

    x: float | None = None
    y: float | None = None
    z: float | None = None
    visibility: float | None = None
    presence: float | None = None

    def to_pb2(self) -> landmark_pb2.NormalizedLandmark:
        """The landmark as a message; what is None is left out."""
        return landmark_pb2.NormalizedLandmark(**_stated(self))

    @classmethod
    def create_from_pb2(cls, pb2_obj: landmark_pb2.NormalizedLandmark) -> NormalizedLandmark:
        """The landmark in a message; what it does not state is 0."""
        return NormalizedLandmark(pb2_obj.x, pb2_obj.y, pb2_obj.z, pb2_obj.visibility, pb2_obj.presence)


def _stated(landmark: Landmark | NormalizedLandmark) -> dict[str, float]:
    return {name: value for name, value in vars(landmark).items() if value is not None}
