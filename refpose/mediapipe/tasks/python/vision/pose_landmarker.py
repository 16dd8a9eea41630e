"""mediapipe.tasks.python.vision.pose_landmarker as MediaPipe 0.10.21 has it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Any

from refpose.mediapipe._tasks import bundle
from refpose.mediapipe._tasks.complaints import conversion, no_gpu
from refpose.mediapipe._tasks.landmarker import Landmarker
from refpose.mediapipe._tasks.options import Settings, check_callback, float32
from refpose.mediapipe._tasks.results import PoseLandmarksConnections, points
from refpose.mediapipe.python._framework_bindings.image import Image
from refpose.mediapipe.tasks.python.components.containers.landmark import Landmark, NormalizedLandmark
from refpose.mediapipe.tasks.python.core.base_options import BaseOptions
from refpose.mediapipe.tasks.python.vision.core.base_vision_task_api import BaseVisionTaskApi
from refpose.mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions
from refpose.mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode
from refpose.trackers import Result

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["PoseLandmarker", "PoseLandmarkerOptions", "PoseLandmarkerResult", "PoseLandmarksConnections"]


@dataclass
class PoseLandmarkerResult:
    """What was found on a picture; the lists have one entry a person, in the same order.

    Attributes
    ----------
    pose_landmarks : list of list of NormalizedLandmark
        33 for everybody.
    pose_world_landmarks : list of list of Landmark
        33 for everybody.
    segmentation_masks : list of Image, or None
        Probabilities of the picture's pixels, where asked for and anybody was found.
    """

    pose_landmarks: list[list[NormalizedLandmark]]
    pose_world_landmarks: list[list[Landmark]]
    segmentation_masks: list[Image] | None = None


@dataclass
class PoseLandmarkerOptions:
    """Options of `PoseLandmarker`, which are read once.

    Attributes
    ----------
    base_options : BaseOptions
    running_mode : VisionTaskRunningMode
    num_poses : int
        At most so many people are found, from 1 on.
    min_pose_detection_confidence : float
        Least score of the detector that counts.
    min_pose_presence_confidence : float
        Least probability of the landmark network that counts (exclusive), 0..1.
    min_tracking_confidence : float
        Regions of a stream that overlap by more (intersection over union) show one person; from 0 on.
    output_segmentation_masks : bool
    result_callback : function, optional
        Live stream: is called with a `PoseLandmarkerResult`, the image and its time, on another thread.
    """

    base_options: BaseOptions
    running_mode: VisionTaskRunningMode = VisionTaskRunningMode.IMAGE
    num_poses: int = 1
    min_pose_detection_confidence: float = 0.5
    min_pose_presence_confidence: float = 0.5
    min_tracking_confidence: float = 0.5
    output_segmentation_masks: bool = False
    result_callback: Callable[[PoseLandmarkerResult, Image, int], None] | None = None

    to_pb2 = conversion("PoseLandmarkerOptions.to_pb2")


class PoseLandmarker(BaseVisionTaskApi):
    """Finds people on pictures, and follows them through videos and live streams."""

    @classmethod
    def create_from_model_path(cls, model_path: str) -> Self:
        """A `PoseLandmarker` for single pictures with this model and default options."""
        return cls.create_from_options(PoseLandmarkerOptions(BaseOptions(model_asset_path=model_path)))

    @classmethod
    def create_from_options(cls, options: PoseLandmarkerOptions) -> Self:
        """A `PoseLandmarker` with these options.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            When an option is of another type or out of its range, or the model cannot be used.
        """
        masks = bool(options.output_segmentation_masks)
        running_mode, callback = options.running_mode, options.result_callback
        base = _checked_base(options.base_options)
        tracking = float32(options.min_tracking_confidence)
        settings = Settings(
            _int32(options.num_poses),
            float32(options.min_pose_detection_confidence),
            float32(options.min_pose_presence_confidence),
            tracking,
            masks,
            running_mode != VisionTaskRunningMode.IMAGE,
        )

        def deliver(image: Image, time_us: int, people: list[Result]) -> None:
            assert callback is not None
            callback(_result(people), image, time_us // 1000)

        live = running_mode == VisionTaskRunningMode.LIVE_STREAM
        check_callback(live, callback or None)
        landmarker = Landmarker(_open(base), settings, "0.10.21")
        if base.delegate == BaseOptions.Delegate.GPU:
            raise no_gpu("0.10.21")
        return cls(landmarker, running_mode, deliver if callback else None)

    def detect(
        self, image: Image, image_processing_options: ImageProcessingOptions | None = None
    ) -> PoseLandmarkerResult:
        """The people on a picture.

        Raises
        ------
        ValueError, TypeError, RuntimeError
            When an argument is wrong, the running mode is another one, or this was closed.
        """
        return _result(self._call(VisionTaskRunningMode.IMAGE, image, image_processing_options))

    def detect_for_video(
        self, image: Image, timestamp_ms: int, image_processing_options: ImageProcessingOptions | None = None
    ) -> PoseLandmarkerResult:
        """The people on the next frame of a video; raises as `detect`, and ValueError when time does not go forward."""
        return _result(self._call(VisionTaskRunningMode.VIDEO, image, image_processing_options, timestamp_ms))

    def detect_async(
        self, image: Image, timestamp_ms: int, image_processing_options: ImageProcessingOptions | None = None
    ) -> None:
        """Let the next frame of a live stream be worked on; raises as `detect_for_video`. No frame is left out."""
        self._call(VisionTaskRunningMode.LIVE_STREAM, image, image_processing_options, timestamp_ms)


def _result(people: list[Result]) -> PoseLandmarkerResult:
    return PoseLandmarkerResult(
        [points(one.landmarks, one, NormalizedLandmark) for one in people],
        [points(one.world, one, Landmark) for one in people],
        [Image._made_of("VEC32F1", one.mask, 16) for one in people if one.mask is not None] or None,
    )


def _checked_base(options: BaseOptions) -> BaseOptions:
    """The options with an absolute path, of whatever kind paths are."""
    if not hasattr(options, "model_asset_path"):
        raise AttributeError(f"{type(options).__name__!r} object has no attribute 'to_pb2'")
    path, buffer = options.model_asset_path, options.model_asset_buffer
    if path is not None and path not in bundle.NAMES:
        path = os.fsdecode(os.path.abspath(path))
    if buffer is not None and not isinstance(buffer, bytes):
        raise TypeError(f"expected bytes, {type(buffer).__name__} found")
    return BaseOptions(path, buffer, options.delegate)


def _open(base: BaseOptions) -> bundle.Bundle:
    if base.model_asset_buffer:
        return bundle.read(base.model_asset_buffer, missing=RuntimeError)
    if base.model_asset_path is None:
        raise ValueError(bundle.NOT_GIVEN)
    return bundle.read_file(base.model_asset_path, missing=RuntimeError)


def _int32(value: Any) -> int:
    number = index(value)
    if not -(2**31) <= number < 2**31:
        raise ValueError(f"Value out of range: {number}")
    return number
