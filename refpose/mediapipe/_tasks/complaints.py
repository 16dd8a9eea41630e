"""MediaPipe's words for what goes wrong inside a graph: they name the calculator, for whoever looks them up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

_GRAPH = "mediapipe_tasks_vision_pose_landmarker_poselandmarkergraph__"
_DETECTOR = f"{_GRAPH}mediapipe_tasks_vision_pose_detector_posedetectorgraph__"
_LANDMARKS = (
    f"{_GRAPH}mediapipe_tasks_vision_pose_landmarker_multipleposelandmarksdetectorgraph__"
    "mediapipe_tasks_vision_pose_landmarker_singleposelandmarksdetectorgraph__"
)
_CROP = "mediapipe_tasks_components_processors_imagepreprocessinggraph__ImageToTensorCalculator"


def _inference(graph: str) -> str:
    subgraph = f"{graph}mediapipe_tasks_core_inferencesubgraph__"
    return f"{subgraph}inferencecalculator__{subgraph}InferenceCalculator"


def _failed(node: str, reason: str) -> str:
    return f'Calculator::Process() for node "{node}" failed: {reason}'


def picture(reason: str) -> str:
    """The picture cannot be made the detector's input."""
    return _failed(_DETECTOR + _CROP, reason)


def detector(reason: str) -> str:
    """The detector cannot take its input."""
    return _failed(_inference(_DETECTOR), reason)


def region(reason: str) -> str:
    """A region cannot be cropped."""
    return _failed(_LANDMARKS + _CROP, reason)


def no_gpu(version: str) -> RuntimeError:
    """The error of the delegate that refpose does not have."""
    node = _inference(_DETECTOR if version == "0.10.21" else _LANDMARKS)
    return RuntimeError(
        f'Service "kGpuService", required by node {node}, was not provided and cannot be created: '
        "refpose computes on the CPU"
    )


def conversion(name: str) -> Callable[..., NoReturn]:
    """What stands for a method or class method that makes MediaPipe's engine's own of an object, or the reverse."""
    method = name.rpartition(".")[2]
    taken = "protobuf messages" if method.endswith("pb2") else "structures of its C library"
    text = f"refpose has no {name}: MediaPipe's engine takes {taken} there, refpose's the objects as they are"

    def complain(*arguments: Any, **named: Any) -> NoReturn:
        raise NotImplementedError(text)

    complain.__name__, complain.__qualname__, complain.__doc__ = method, name, f"{text}."
    return complain
