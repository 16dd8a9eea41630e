"""mediapipe.solutions.pose over refpose: the same names, arguments, errors and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from refpose.mediapipe import _missing
from refpose.mediapipe.framework.formats.landmark_pb2 import LandmarkList, NormalizedLandmarkList
from refpose.mediapipe.python.solution_base import SolutionBase
from refpose.topology import POSE_CONNECTIONS, PoseLandmark

__all__ = ["POSE_CONNECTIONS", "Pose", "PoseLandmark", "SolutionBase", "SolutionOutputs"]

if not TYPE_CHECKING:
    __getattr__ = _missing.attributes(__name__)

_BINARYPB_FILE_PATH = "mediapipe/modules/pose_landmark/pose_landmark_cpu.binarypb"


def _download_oss_pose_landmark_model(model_complexity: int) -> None:
    """Nothing: all models are in the package."""


@dataclass(eq=False, repr=False)
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
    _fields: ClassVar[tuple[str, ...]] = ("pose_landmarks", "pose_world_landmarks", "segmentation_mask")

    def __repr__(self) -> str:
        return "<class 'mediapipe.python.solution_base.SolutionOutputs'>"  # which MediaPipe makes for every call


class Pose(SolutionBase):
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
        self._start(
            static_image_mode,
            model_complexity,
            smooth_landmarks,
            enable_segmentation,
            smooth_segmentation,
            min_detection_confidence,
            min_tracking_confidence,
        )

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
        return SolutionOutputs(*self._find(image))
