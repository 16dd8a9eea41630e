"""mediapipe.tasks.python.vision.core.base_vision_task_api as MediaPipe 0.10.21 has it."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import finalize

from refpose.mediapipe._tasks.landmarker import Landmarker
from refpose.mediapipe._tasks.options import check_callback, radians
from refpose.mediapipe._tasks.pybind import incompatible
from refpose.mediapipe._tasks.session import Closed, Session
from refpose.mediapipe.python._framework_bindings.image import Image
from refpose.mediapipe.tasks.python.components.containers.rect import NormalizedRect
from refpose.mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions
from refpose.mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode
from refpose.trackers import Result

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BaseVisionTaskApi"]

_PACKET = "mediapipe.python._framework_bindings.packet.Packet"
_AT = (
    f"(self: {_PACKET}, arg0: int) -> {_PACKET}",
    f"(self: {_PACKET}, arg0: mediapipe.python._framework_bindings.timestamp.Timestamp) -> {_PACKET}",
)
_MODES = {"IMAGE": "image", "VIDEO": "video", "LIVE_STREAM": "live stream"}


class BaseVisionTaskApi:
    """What the tasks on pictures have in common: the running mode, and how they end.

    Parameters
    ----------
    graph_config : Landmarker
        What computes. (In MediaPipe a graph.)
    running_mode : VisionTaskRunningMode
    packet_callback : function, optional
        Live: what becomes of a frame's image, its time in microseconds, and the people found.
    """

    def __init__(
        self,
        graph_config: Landmarker,
        running_mode: VisionTaskRunningMode,
        packet_callback: Callable[[Image, int, list[Result]], None] | None = None,
    ) -> None:
        check_callback(running_mode is VisionTaskRunningMode.LIVE_STREAM, packet_callback)
        self._session: Session[Image] = Session(graph_config, packet_callback)
        self._running_mode = running_mode
        finalize(self, self._session.close_forgotten)

    def close(self) -> None:
        """End the use of this task, after the results of all frames of a live stream have been delivered.

        Raises
        ------
        ValueError
            When it was closed before.
        """
        if self._session.closed:
            raise ValueError(_CLOSED)
        self._session.close()

    def convert_to_normalized_rect(
        self, options: ImageProcessingOptions | None, image: Image, roi_allowed: bool = True
    ) -> NormalizedRect:
        """The rectangle of the image that options stand for.

        Raises
        ------
        ValueError
            When the rotation is no multiple of 90 degrees, or the region of interest none, or not allowed.
        """
        rect = NormalizedRect(rotation=0, x_center=0.5, y_center=0.5, width=1, height=1)
        if options is None:
            return rect
        if options.rotation_degrees % 90 != 0:
            raise ValueError("Expected rotation to be a multiple of 90°.")
        rect.rotation = radians(options.rotation_degrees)
        roi = options.region_of_interest
        if roi:
            if not roi_allowed:
                raise ValueError("This task doesn't support region-of-interest.")
            if roi.left >= roi.right or roi.top >= roi.bottom:
                raise ValueError("Expected Rect with left < right and top < bottom.")
            if roi.left < 0 or roi.top < 0 or roi.right > 1 or roi.bottom > 1:
                raise ValueError("Expected Rect values to be in [0,1].")
            rect.x_center, rect.y_center = (roi.left + roi.right) / 2.0, (roi.top + roi.bottom) / 2.0
            rect.width, rect.height = roi.right - roi.left, roi.bottom - roi.top
        if abs(options.rotation_degrees % 180) != 0:
            rect.width, rect.height = (
                rect.height * image.height / image.width,
                rect.width * image.width / image.height,
            )
        return rect

    def get_graph_config(self) -> NoReturn:
        """MediaPipe's graph, which there is none of here."""
        raise NotImplementedError("refpose computes without MediaPipe's graphs: there is no configuration of one")

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
        self.convert_to_normalized_rect(options, image, roi_allowed=False)
        rotation = 0 if options is None else int(options.rotation_degrees)
        if not isinstance(image, Image):
            raise ValueError("Please provide 'image_format' with 'data'.")
        time_us = None if running_mode is VisionTaskRunningMode.IMAGE else _microseconds(timestamp_ms)
        if self._running_mode != running_mode:
            wanted = _MODES[running_mode.name]
            raise ValueError(
                f"Task is not initialized with the {wanted} mode. Current running mode:{self._running_mode.name}"
            )
        try:
            if running_mode is not VisionTaskRunningMode.LIVE_STREAM:
                return self._session.process(image, time_us, rotation)
            assert time_us is not None
            self._session.send(image, time_us, rotation)
            return []
        except Closed:
            raise ValueError(_CLOSED) from None


_CLOSED = "Task runner is currently not running."


def _microseconds(timestamp_ms: Any) -> int:
    """A time stamp as packets have it: an int64."""
    try:
        time_us = index(timestamp_ms) * 1000
    except TypeError:
        if timestamp_ms is None:
            raise TypeError("unsupported operand type(s) for *: 'NoneType' and 'int'") from None
        shown = timestamp_ms * 1000 if isinstance(timestamp_ms, float) else timestamp_ms
        raise _wrong_time(shown) from None
    if not -(2**63) <= time_us < 2**63:
        raise _wrong_time(time_us)
    return time_us


def _wrong_time(value: Any) -> TypeError:
    class _Packet:
        def __repr__(self) -> str:
            return "<mediapipe.Packet with timestamp: UNSET and C++ type: ::mediapipe::Image>"

    return incompatible("at", _AT, _Packet(), value)
