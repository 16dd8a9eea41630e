"""mediapipe.tasks.python.vision.pose_landmarker as MediaPipe 1.x has it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from operator import index
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import finalize

from refpose.mediapipe._tasks import bundle
from refpose.mediapipe._tasks.complaints import conversion, no_gpu
from refpose.mediapipe._tasks.landmarker import Landmarker
from refpose.mediapipe._tasks.options import Settings, check_callback, float32
from refpose.mediapipe._tasks.results import PoseLandmarksConnections, points
from refpose.mediapipe._tasks.session import Closed, Session
from refpose.mediapipe.v1.tasks.python.components.containers.landmark import Landmark, NormalizedLandmark
from refpose.mediapipe.v1.tasks.python.core.base_options import BaseOptions
from refpose.mediapipe.v1.tasks.python.vision.core.image import Image
from refpose.mediapipe.v1.tasks.python.vision.core.image_processing_options import ImageProcessingOptions
from refpose.mediapipe.v1.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode
from refpose.topology import PoseLandmark
from refpose.trackers import Result

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "PoseLandmark",
    "PoseLandmarker",
    "PoseLandmarkerOptions",
    "PoseLandmarkerResult",
    "PoseLandmarksConnections",
]


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

    from_ctypes = conversion("PoseLandmarkerResult.from_ctypes")


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


_MODES = {1: "image mode", 2: "video mode", 3: "live stream mode"}


class PoseLandmarker:
    """Finds people on pictures, and follows them through videos and live streams.

    Parameters
    ----------
    lib : Landmarker
        What computes. (In MediaPipe a library.)
    handle : VisionTaskRunningMode
    dispatcher : function or None
        What becomes of a live frame's image, of its time in microseconds, and of the people found.
    async_callback : function or None
        The program's.
    """

    def __init__(
        self,
        lib: Landmarker,
        handle: VisionTaskRunningMode,
        dispatcher: Callable[[Image, int, list[Result]], None] | None,
        async_callback: Callable[[PoseLandmarkerResult, Image, int], None] | None,
    ) -> None:
        self._session: Session[Image] = Session(lib, dispatcher, newest_only=True)
        self._mode = handle.ctype
        finalize(self, self._session.close_forgotten)
        self._callback = async_callback

    @classmethod
    def create_from_model_path(cls, model_path: str) -> PoseLandmarker:
        """A `PoseLandmarker` for single pictures with this model and default options."""
        return cls.create_from_options(PoseLandmarkerOptions(BaseOptions(model_asset_path=model_path)))

    @classmethod
    def create_from_options(cls, options: PoseLandmarkerOptions) -> PoseLandmarker:
        """A `PoseLandmarker` with these options.

        Raises
        ------
        TypeError, ValueError, RuntimeError, FileNotFoundError
            When an option is of another type or out of its range, or the model cannot be used.
        """
        running_mode, callback = options.running_mode, options.result_callback
        check_callback(running_mode is VisionTaskRunningMode.LIVE_STREAM, callback)
        buffer, path, delegate = _model_of(options.base_options)
        mode = running_mode.ctype
        settings = Settings(
            ctypes.c_int(index(options.num_poses)).value,
            float32(options.min_pose_detection_confidence),
            float32(options.min_pose_presence_confidence),
            float32(options.min_tracking_confidence),
            bool(options.output_segmentation_masks),
            mode != VisionTaskRunningMode.IMAGE.ctype,
        )

        def deliver(image: Image, time_us: int, people: list[Result]) -> None:
            assert callback is not None
            callback(_result(people), image, time_us // 1000)

        landmarker = Landmarker(_open(buffer, path), settings, "1.2.3")
        if delegate == BaseOptions.Delegate.GPU.value:
            raise no_gpu("1.2.3")
        return PoseLandmarker(landmarker, running_mode, None if callback is None else deliver, callback)

    def detect(
        self, image: Image, image_processing_options: ImageProcessingOptions | None = None
    ) -> PoseLandmarkerResult:
        """The people on a picture; nobody after `close`.

        Raises
        ------
        ValueError, TypeError, AttributeError, RuntimeError
            When an argument is wrong, or the running mode is another one.
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
        """Let the next frame of a live stream be worked on; raises as `detect_for_video`.

        While a frame is worked on, only the newest of those that come is kept.
        """
        self._call(VisionTaskRunningMode.LIVE_STREAM, image, image_processing_options, timestamp_ms)

    def close(self) -> None:
        """End the use of this task, after the results of all accepted frames of a live stream have been delivered."""
        if not self._session.closed:
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _call(
        self,
        running_mode: VisionTaskRunningMode,
        image: Image,
        options: ImageProcessingOptions | None,
        timestamp_ms: Any = None,
    ) -> list[Result]:
        """Check the arguments of a call in MediaPipe's order, and make it; the people found, none of a live stream."""
        image = image._image_ptr
        has_region, rotation = options.to_ctypes() if options else (False, 0)
        time_us = None
        if running_mode is not VisionTaskRunningMode.IMAGE:
            try:
                time_us = ctypes.c_int64(index(timestamp_ms) * 1000).value
            except TypeError:
                raise ctypes.ArgumentError("argument 4: TypeError: wrong type") from None
        if self._session.closed:
            return []
        wanted = running_mode.ctype
        if self._mode != wanted:
            raise ValueError(
                f"Task is not initialized with the {_MODES[wanted]}. Current running mode:{_MODES[self._mode]}"
            )
        if has_region:
            raise ValueError("This task doesn't support region-of-interest.")
        if rotation % 90 != 0:
            raise ValueError("Expected rotation to be a multiple of 90°.")
        try:
            if time_us is None or running_mode is VisionTaskRunningMode.VIDEO:
                return self._session.process(image, time_us, rotation)
            self._session.send(image, time_us, rotation)
        except Closed:  # meanwhile
            pass
        return []


def _result(people: list[Result]) -> PoseLandmarkerResult:
    return PoseLandmarkerResult(
        [points(one.landmarks, one, NormalizedLandmark) for one in people],
        [points(one.world, one, Landmark) for one in people],
        [Image._made_of("VEC32F1", one.mask, 16) for one in people if one.mask is not None] or None,
    )


def _model_of(options: BaseOptions) -> tuple[bytes | None, str | None, int | None]:
    """Contents, path and delegate, none of which is empty."""
    if not hasattr(options, "model_asset_path"):
        raise AttributeError(f"{type(options).__name__!r} object has no attribute 'to_ctypes'")
    buffer, path = options.model_asset_buffer, options.model_asset_path
    if buffer is not None and not isinstance(buffer, bytes):
        raise TypeError(f"bytes or integer address expected instead of {type(buffer).__name__} instance")
    delegate = None if options.delegate is None else int(options.delegate.value)
    return buffer or None, path.encode("utf-8").decode() if path else None, delegate


def _open(buffer: bytes | None, path: str | None) -> bundle.Bundle:
    if buffer is not None:
        return bundle.read(buffer, missing=FileNotFoundError)
    if path is None:
        raise ValueError(bundle.NOT_GIVEN)
    return bundle.read_file(path, missing=FileNotFoundError)
