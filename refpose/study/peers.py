"""Other runtimes to compare with, where they are installed, and the model files that they read."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

PEERS = {"litert": "ai_edge_litert", "openvino": "openvino", "mediapipe": "mediapipe"}
WHEEL_FILES = {
    "detector": "pose_detection/pose_detection.tflite",
    **{name: f"pose_landmark/pose_landmark_{name}.tflite" for name in ("lite", "full", "heavy")},
}
BUNDLE = "pose_landmarker_{}.task"
"""The name under which a model of MediaPipe Tasks was published."""
COMPLEXITY = {"lite": 0, "full": 1, "heavy": 2}
"""MediaPipe's `model_complexity` of the models that it has."""


def file_names(network: str) -> list[str]:
    """The names under which a network's model was published as .tflite."""
    from ..networks.published import models  # needs NumPy, before which the threads of `refpose bench` are pinned

    return [model.file for model in models() if model.network == network and model.file.endswith(".tflite")]


def model_file(network: str, folder: str | None) -> Path | None:
    """The published model file of a network: in the folder, or in MediaPipe's wheel, which has two of its four."""
    if folder is not None:
        return next((path for name in file_names(network) if (path := Path(folder) / name).is_file()), None)
    spec = find_spec("mediapipe")
    if spec is None or spec.origin is None or network not in WHEEL_FILES:
        return None
    path = Path(spec.origin).parent / "modules" / WHEEL_FILES[network]
    return path if path.is_file() else None


def litert(path: Path, x: Any, threads: int) -> Callable[[], object]:
    """LiteRT with XNNPACK, ready to run on the array."""
    interpreter = import_module("ai_edge_litert.interpreter").Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x[None])
    call: Callable[[], object] = interpreter.invoke
    return call


def openvino(path: Path, x: Any, threads: int) -> Callable[[], object]:
    """OpenVINO on the CPU in float32, ready to run on the array."""
    core = import_module("openvino").Core()
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": False,
    }
    request = core.compile_model(core.read_model(str(path)), "CPU", options).create_infer_request()
    request.infer([x[None]])
    call: Callable[[], object] = request.infer
    return call


def mediapipe(model: str, mode: str) -> Callable[[Any], object]:
    """MediaPipe's `process` for pictures (mode "image") or a video's frames ("video")."""
    solutions = import_module("mediapipe").solutions
    pose = solutions.pose.Pose(static_image_mode=mode == "image", model_complexity=COMPLEXITY[model])
    process: Callable[[Any], object] = pose.process
    return process


def bundle_file(model: str, folder: str | None) -> Path | None:
    """The published model file of MediaPipe Tasks, in the folder."""
    path = None if folder is None else Path(folder) / BUNDLE.format(model)
    return path if path is not None and path.is_file() else None


def tasks(bundle: Path, people: int) -> Callable[[Any], object]:
    """MediaPipe Tasks' pose landmarker for the frames of a video, 30 a second."""
    package = import_module("mediapipe")
    vision = package.tasks.vision
    options = vision.PoseLandmarkerOptions(
        base_options=package.tasks.BaseOptions(model_asset_path=str(bundle)),
        running_mode=vision.RunningMode.VIDEO,
        num_poses=people,
    )
    landmarker = vision.PoseLandmarker.create_from_options(options)
    times = count(1)

    def process(rgb: Any) -> object:
        image = package.Image(image_format=package.ImageFormat.SRGB, data=rgb)
        found: object = landmarker.detect_for_video(image, 33 * next(times))
        return found

    return process
