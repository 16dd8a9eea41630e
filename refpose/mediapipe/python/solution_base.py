"""mediapipe.python.solution_base: what the solutions for the pose have in common, over `refpose.Pose`."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

import refpose.blazepose
from refpose import arguments
from refpose.mediapipe import _missing
from refpose.mediapipe.framework.formats.landmark_pb2 import (
    Landmark,
    LandmarkList,
    NormalizedLandmark,
    NormalizedLandmarkList,
)
from refpose.mediapipe.framework.message import Message, RepeatedComposite, to_float32
from refpose.trackers import STEP_US

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["SolutionBase"]

RGB_CHANNELS = 3

# By model_complexity: modules/pose_landmark/pose_landmark_model_loader.pbtxt
_MODELS: tuple[Literal["lite", "full", "heavy"], ...] = ("lite", "full", "heavy")

_Found = tuple[NormalizedLandmarkList | None, LandmarkList | None, NDArray[np.float32] | None]

if not TYPE_CHECKING:
    _GRAPHS = ("CALCULATOR_TO_OPTIONS", "NAME_TO_TYPE", "PacketDataType", "type_names_from_oneof")
    __getattr__ = _missing.attributes(__name__, *_GRAPHS)


class SolutionBase:
    """Base of `Pose` and `Holistic`. Graphs of one's own need MediaPipe itself.

    Raises
    ------
    NotImplementedError
        Always: only the classes derived from it can be made.
    """

    _graph: refpose.blazepose.BlazePose | None
    # Of the last call in microseconds, at the 30 frames a second that MediaPipe's Python classes take for granted
    _simulated_timestamp: int
    _failed: bool

    def __init__(
        self,
        binary_graph_path: str | None = None,
        graph_config: Any = None,
        calculator_params: Mapping[str, Any] | None = None,
        graph_options: Any = None,
        side_inputs: Mapping[str, Any] | None = None,
        outputs: list[str] | None = None,
        stream_type_hints: Mapping[str, Any] | None = None,
    ) -> None:
        raise NotImplementedError(_missing.explain("mediapipe.python.solution_base.SolutionBase for other graphs"))

    def _start(
        self,
        static_image_mode: Any,
        model_complexity: int,
        smooth_landmarks: Any,
        enable_segmentation: bool,
        smooth_segmentation: Any,
        min_detection_confidence: float | None,
        min_tracking_confidence: float | None,
    ) -> None:
        """Make the `refpose.Pose`; arguments and errors are those of `Pose`."""
        if not isinstance(model_complexity, int | np.integer | np.bool_):
            raise TypeError(f"model_complexity: expected 0, 1 or 2, found {model_complexity!r}")
        if not 0 <= model_complexity < len(_MODELS):
            raise ValueError(f"model_complexity: expected 0, 1 or 2, found {model_complexity!r}")
        self._graph = refpose.blazepose.BlazePose(
            model=_MODELS[int(model_complexity)],
            mode="image" if static_image_mode else "video",
            smooth=arguments.flag("smooth_landmarks", smooth_landmarks and not static_image_mode),
            segmentation=arguments.flag("enable_segmentation", enable_segmentation),
            smooth_segmentation=arguments.flag("smooth_segmentation", smooth_segmentation and not static_image_mode),
        )
        self._graph.set_thresholds(_threshold(min_detection_confidence), _threshold(min_tracking_confidence))
        self._simulated_timestamp = 0
        self._failed = False

    def _find(self, image: NDArray[Any]) -> _Found:
        """Landmarks, world landmarks and mask of the person on an image; arguments and errors as `Pose.process`."""
        self._simulated_timestamp += STEP_US
        if self._graph is None:
            raise ValueError(f"process() of a {type(self).__name__} that was closed")
        if image.shape[2] != RGB_CHANNELS:
            raise ValueError("Input image must contain three channel rgb data.")
        pixels = np.asarray(image)
        if not np.can_cast(pixels.dtype, np.uint8, "safe"):
            raise TypeError(
                f"Cannot cast array data from {pixels.dtype!r} to dtype('uint8') according to the rule 'safe'"
            )
        if not (pixels.flags.writeable or pixels.flags.c_contiguous):
            raise ValueError(
                "image: expected a writable or a C-contiguous array, found a read-only one that is neither"
            )
        self._failed = self._failed or pixels.size == 0
        if self._failed:
            raise RuntimeError(
                f"image of shape {pixels.shape}: this {type(self).__name__} cannot go on after an image without pixels "
                "until reset()"
            )
        people = self._graph.process(
            pixels.astype(np.uint8, copy=False), timestamp=Fraction(self._simulated_timestamp, 1_000_000)
        )
        if not people:
            return None, None, None
        person = people[0]
        visibility = person.visibility.tolist()
        return (
            NormalizedLandmarkList.holding(_points(NormalizedLandmark, person.landmarks, visibility)),
            LandmarkList.holding(_points(Landmark, person.world_landmarks, visibility)),
            person.segmentation_mask,
        )

    def reset(self) -> None:
        """Forget all images. The clock goes on."""
        self._failed = False
        if self._graph is not None:
            self._graph.reset()

    def close(self) -> None:
        """End the use of this object.

        Raises
        ------
        ValueError
            When it was closed before.
        """
        if self._graph is None:
            raise ValueError(f"close() of a {type(self).__name__} that was closed")
        self._graph = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<mediapipe {type(self).__name__}: {'closed' if self._graph is None else repr(self._graph)}>"


def _points(kind: type[Message], places: NDArray[np.float32], visibility: list[float]) -> dict[str, Any]:
    """The fields of a list of landmarks."""
    points = [
        kind.holding({"x": x, "y": y, "z": z, "visibility": v})
        for (x, y, z), v in zip(places.tolist(), visibility, strict=True)
    ]
    return {"landmark": RepeatedComposite(kind, points)}


def _threshold(value: float | None) -> float:
    """A threshold of the graph's options, which are float32; without one every score counts."""
    return 0.0 if value is None else to_float32(value)
