"""mediapipe.solutions.holistic for the pose alone: its landmarks are those of `mediapipe.solutions.pose`.

Hands and faces are not found. Their fields of the results raise NotImplementedError when they are touched, so that no
program takes "not looked for" for "not there".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from numpy.typing import NDArray

from refpose import arguments
from refpose.mediapipe import _missing
from refpose.mediapipe.python.solution_base import SolutionBase
from refpose.mediapipe.solutions import pose
from refpose.mediapipe.solutions._hands import HandLandmark
from refpose.mediapipe.solutions.face_mesh_connections import FACEMESH_CONTOURS, FACEMESH_TESSELATION
from refpose.mediapipe.solutions.hands_connections import HAND_CONNECTIONS
from refpose.topology import POSE_CONNECTIONS, PoseLandmark

__all__ = [
    "FACEMESH_CONTOURS",
    "FACEMESH_TESSELATION",
    "HAND_CONNECTIONS",
    "POSE_CONNECTIONS",
    "HandLandmark",
    "Holistic",
    "PoseLandmark",
    "SolutionBase",
    "SolutionOutputs",
]

if not TYPE_CHECKING:
    __getattr__ = _missing.attributes(__name__)

_BINARYPB_FILE_PATH = "mediapipe/modules/holistic_landmark/holistic_landmark_cpu.binarypb"
_download_oss_pose_landmark_model = pose._download_oss_pose_landmark_model


@dataclass(eq=False, repr=False)
class SolutionOutputs(pose.SolutionOutputs):
    """What `Holistic.process` found: the attributes of `pose.SolutionOutputs`.

    Raises
    ------
    NotImplementedError
        When `left_hand_landmarks`, `right_hand_landmarks` or `face_landmarks` is touched.
    """

    _fields: ClassVar[tuple[str, ...]] = (
        "pose_landmarks",
        "pose_world_landmarks",
        "left_hand_landmarks",
        "right_hand_landmarks",
        "face_landmarks",
        "segmentation_mask",
    )

    @property
    def left_hand_landmarks(self) -> NoReturn:
        """Not looked for."""
        raise NotImplementedError(_missing.explain("left_hand_landmarks of mediapipe.solutions.holistic"))

    @property
    def right_hand_landmarks(self) -> NoReturn:
        """Not looked for."""
        raise NotImplementedError(_missing.explain("right_hand_landmarks of mediapipe.solutions.holistic"))

    @property
    def face_landmarks(self) -> NoReturn:
        """Not looked for."""
        raise NotImplementedError(_missing.explain("face_landmarks of mediapipe.solutions.holistic"))


class Holistic(SolutionBase):
    """Find the pose of the most prominent person in a video, or in pictures, but neither hands nor face.

    Parameters
    ----------
    refine_face_landmarks : bool
        Accepted, and without effect: no face is looked for.
    static_image_mode, model_complexity, smooth_landmarks, enable_segmentation, smooth_segmentation
        As for `pose.Pose`.
    min_detection_confidence, min_tracking_confidence : float or None
        As for `pose.Pose`.

    Raises
    ------
    TypeError, ValueError
        As for `pose.Pose`.
    """

    def __init__(
        self,
        static_image_mode: Any = False,
        model_complexity: int = 1,
        smooth_landmarks: Any = True,
        enable_segmentation: bool = False,
        smooth_segmentation: Any = True,
        refine_face_landmarks: bool = False,
        min_detection_confidence: float | None = 0.5,
        min_tracking_confidence: float | None = 0.5,
    ) -> None:
        arguments.flag("refine_face_landmarks", refine_face_landmarks)
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
        """Find the pose of the person on an image; arguments and errors are those of `pose.Pose.process`."""
        return SolutionOutputs(*self._find(image))
