"""mediapipe.solutions.pose over refpose: the same names, arguments, errors and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

import refpose.pose
from refpose.mediapipe.framework.formats.landmark_pb2 import (
    Landmark,
    LandmarkList,
    NormalizedLandmark,
    NormalizedLandmarkList,
)
from refpose.mediapipe.framework.message import to_float32
from refpose.topology import POSE_CONNECTIONS, PoseLandmark
from refpose.trackers import STEP_US

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["POSE_CONNECTIONS", "Pose", "PoseLandmark", "SolutionOutputs"]

# By model_complexity: modules/pose_landmark/pose_landmark_model_loader.pbtxt
_MODELS: tuple[Literal["lite", "full", "heavy"], ...] = ("lite", "full", "heavy")


@dataclass(eq=False)
class SolutionOutputs:
    """What `Pose.process` found. All attributes are None when it found nobody.

    Attributes
    ----------
    pose_landmarks : NormalizedLandmarkList or None
        33 landmarks: x, y in fractions of the image's width and height, z on x's scale; visibility 0..1.
    pose_world_landmarks : LandmarkList or None
        33 landmarks in metres, origin between the hips.
    segmentation_mask : (H, W) float32 array or None
        0..1, read-only; None unless asked for.
    """

    pose_landmarks: NormalizedLandmarkList | None = None
    pose_world_landmarks: LandmarkList | None = None
    segmentation_mask: NDArray[np.float32] | None = None
    _fields: ClassVar = ("pose_landmarks", "pose_world_landmarks", "segmentation_mask")


class Pose:
    """Find the most prominent person in a video, or in pictures.

    Parameters
    ----------
    static_image_mode : bool
        Take each image on its own, instead of as the next frame of a video. Any truth value.
    model_complexity : {0, 1, 2}
        The lite, full or heavy network.
    smooth_landmarks : bool
        Filter the landmarks of a video.
    enable_segmentation : bool
        Also give a mask of the person.
    smooth_segmentation : bool
        Accepted, and without effect, as in MediaPipe 0.10.21.
    min_detection_confidence, min_tracking_confidence : float or None
        Scores below do not count; None sets no threshold.

    Raises
    ------
    TypeError
        When an argument is of another type.
    ValueError
        When `model_complexity` is none of the three. (MediaPipe aborts the process.)
    """

    def __init__(
        self,
        static_image_mode: Any = False,
        model_complexity: int = 1,
        smooth_landmarks: Any = True,
        enable_segmentation: bool = False,
        smooth_segmentation: Any = True,
        min_detection_confidence: float | None = 0.5,
        min_tracking_confidence: float | None = 0.5,
    ) -> None:
        if not isinstance(model_complexity, int | np.integer | np.bool_):
            raise TypeError(f"model_complexity: expected 0, 1 or 2, found {model_complexity!r}")
        if not 0 <= model_complexity < len(_MODELS):
            raise ValueError(f"model_complexity: expected 0, 1 or 2, found {model_complexity!r}")
        self._pose: refpose.pose.Pose | None = refpose.pose.Pose(
            model=_MODELS[int(model_complexity)],
            mode="image" if static_image_mode else "video",
            smooth=_flag("smooth_landmarks", smooth_landmarks and not static_image_mode),
            segmentation=_flag("enable_segmentation", enable_segmentation),
            smooth_segmentation=_flag("smooth_segmentation", smooth_segmentation and not static_image_mode),
            min_detection_confidence=_threshold(min_detection_confidence),
            min_tracking_confidence=_threshold(min_tracking_confidence),
        )
        self._calls = 0
        self._failed = False

    def process(self, image: NDArray[Any]) -> SolutionOutputs:
        """Find the person on an image.

        Every call advances the clock of a video by 33,333 us, also one that fails.

        Parameters
        ----------
        image : (H, W, 3) uint8 or bool array
            RGB.

        Raises
        ------
        AttributeError, IndexError
            When `image` is not an array, or has less than three dimensions.
        TypeError
            When its type does not fit into uint8.
        ValueError
            When it has not three channels, when it is read-only and not C-contiguous, and after `close`.
        RuntimeError
            When it is empty, and from then on until `reset`.
        """
        self._calls += 1
        if self._pose is None:
            raise ValueError("process() of a Pose that was closed")
        if image.shape[2] != 3:
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
                f"image of shape {pixels.shape}: this Pose cannot go on after an image without pixels until reset()"
            )
        people = self._pose.process(
            pixels.astype(np.uint8, copy=False), timestamp=Fraction(self._calls * STEP_US, 1_000_000)
        )
        if not people:
            return SolutionOutputs()
        person = people[0]
        visibility = person.visibility.tolist()
        return SolutionOutputs(
            NormalizedLandmarkList(
                landmark=(
                    NormalizedLandmark(x=x, y=y, z=z, visibility=v)
                    for (x, y, z), v in zip(person.landmarks.tolist(), visibility, strict=True)
                )
            ),
            LandmarkList(
                landmark=(
                    Landmark(x=x, y=y, z=z, visibility=v)
                    for (x, y, z), v in zip(person.world_landmarks.tolist(), visibility, strict=True)
                )
            ),
            person.segmentation_mask,
        )

    def reset(self) -> None:
        """Forget all images. The clock goes on."""
        self._failed = False
        if self._pose is not None:
            self._pose.reset()

    def close(self) -> None:
        """End the use of this object.

        Raises
        ------
        ValueError
            When it was closed before.
        """
        if self._pose is None:
            raise ValueError("close() of a Pose that was closed")
        self._pose = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected a bool, found {value!r}")
    return bool(value)


def _threshold(value: float | None) -> float:
    """A threshold of the graph's options, which are float32; without one every score counts."""
    return 0.0 if value is None else to_float32(value)
