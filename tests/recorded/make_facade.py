"""Record what MediaPipe 0.10.21 and its protobuf 4.25 answer to `facade_cases.py`, and which pixels OpenCV 4.11 draws.

Run from the folder of the tests, in an environment with mediapipe 0.10.21 and Pillow:
``python recorded/make_facade.py``. Writes ``recorded/facade.json`` and ``recorded/drawing.npz``.
"""

import copy
import json
import sys
from pathlib import Path

import cv2
import matplotlib
import matplotlib.pyplot as plt
import mediapipe as mp
import numpy as np
from google.protobuf import json_format, text_format
from mediapipe.framework.formats import detection_pb2, landmark_pb2, location_data_pb2
from mediapipe.python import solution_base
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import drawing_cases  # noqa: E402
import facade_cases as cases  # noqa: E402

matplotlib.use("Agg")
drawing, styles = mp.solutions.drawing_utils, mp.solutions.drawing_styles
connections = mp.solutions.pose.POSE_CONNECTIONS
rng = np.random.default_rng(7)

astronaut = np.asarray(Image.open(HERE.parent / "golden" / "images" / "astronaut.png").convert("RGB"))
messages = {
    "N": landmark_pb2.NormalizedLandmark,
    "NL": landmark_pb2.NormalizedLandmarkList,
    "W": landmark_pb2.Landmark,
    "WL": landmark_pb2.LandmarkList,
    "C": landmark_pb2.NormalizedLandmarkListCollection,
    "D": detection_pb2.Detection,
    "L": location_data_pb2.LocationData,
}
converters = {**messages, "J": json_format, "T": text_format}
small = np.zeros((48, 64, 3), np.uint8)
arguments = {}
for case in cases.ARGUMENTS:
    answer = cases.outcome(f"Pose({case})", {"Pose": mp.solutions.pose.Pose})
    arguments[case] = answer if answer.startswith("raises") else "done"
holistic_arguments = {}
for case in cases.HOLISTIC_ARGUMENTS:
    answer = cases.outcome(f"Holistic({case})", {"Holistic": mp.solutions.holistic.Holistic})
    holistic_arguments[case] = answer if answer.startswith("raises") else "done"
calls = {}
for case in cases.CALLS:
    answer = cases.outcome(case, {"A": small, "p": mp.solutions.pose.Pose()})
    # The class of results has a name of its own in MediaPipe; only what can be used is compared.
    calls[case] = "done" if "SolutionOutputs" in answer else answer

with mp.solutions.pose.Pose(static_image_mode=True) as pose:
    result = pose.process(astronaut)
plots = []
plt.show = lambda: plots.append(cases.plotted(plt.gcf()))
drawing.plot_landmarks(result.pose_world_landmarks, connections)
drawing.plot_landmarks(
    result.pose_landmarks, None, drawing.DrawingSpec((1, 2, 3), thickness=2), elevation=30, azimuth=60
)
style = sorted((int(index), copy.copy(vars(spec))) for index, spec in styles.get_default_pose_landmarks_style().items())

(HERE / "facade.json").write_text(
    json.dumps(
        {
            "messages": {case: cases.outcome(case, messages) for case in cases.MESSAGES},
            "conversions": {
                case: cases.outcome(f"m = {cases.CONVERTED}\n{case}", converters) for case in cases.CONVERSIONS
            },
            "arguments": arguments,
            "holistic_arguments": holistic_arguments,
            "holistic": [cases.tracked(mp.solutions.holistic.Holistic, astronaut, size) for size in (0, 1, 2)],
            "pose": [cases.tracked(mp.solutions.pose.Pose, astronaut, size) for size in (0, 1, 2)],
            "drawn": {case: drawing_cases.drawn(case, mp) for case in drawing_cases.CASES},
            "answers": {case: drawing_cases.answer(case, mp) for case in drawing_cases.ANSWERS},
            "calls": calls,
            "program": cases.run_program(cases.PROGRAM, cases.frames(astronaut)).splitlines(),
            "programs": [
                cases.run_program(program, cases.frames(astronaut)).splitlines() for program in cases.PROGRAMS
            ],
            "landmarks": str(result.pose_landmarks),
            "world_landmarks": str(result.pose_world_landmarks),
            "plots": plots,
            "style": style,
            "connections": [list(pair) for pair in connections],
            "module_names": {
                name: sorted(key for key in vars(module) if not key.startswith("__"))
                for name, module in {
                    **{name: getattr(mp.solutions, name) for name in ("drawing_utils", "drawing_styles", "holistic")},
                    **{name: getattr(mp.solutions, name) for name in ("pose", "pose_connections", "hands_connections")},
                    "face_mesh_connections": mp.solutions.face_mesh_connections,
                    "solution_base": solution_base,
                }.items()
            },
            "names": [landmark.name for landmark in mp.solutions.pose.PoseLandmark],
        },
        indent=0,
    )
)

# Columns: picture width, height; x, y; x, y of the other end or the radius twice; thickness; 1 for circles
shapes, pictures = [], []
for index in range(600):
    width, height = rng.integers(1, 64, 2).tolist()
    is_circle = index % 2
    x0, y0, x1, y1 = (rng.uniform(-0.6, 1.6, 4) * (width, height, width, height)).astype(int).tolist()
    if is_circle:
        x1 = y1 = int(rng.integers(0, 30)) if index % 3 else int(rng.integers(0, 5))
    thickness = int(rng.choice([2, 2, 1, 3, 4, 5, 8, 11]))
    if is_circle and rng.random() < 0.25:
        thickness = int(rng.choice([-1, 0]))
    if rng.random() < 0.05:
        x1, y1 = x0, y0
    picture = np.zeros((64, 64, 3), np.uint8)
    inside = np.zeros((height, width, 3), np.uint8)
    if is_circle:
        cv2.circle(inside, (x0, y0), abs(x1), (1, 1, 1), thickness)
    else:
        cv2.line(inside, (x0, y0), (x1, y1), (1, 1, 1), thickness)
    picture[:height, :width] = inside
    shapes.append([width, height, x0, y0, abs(x1) if is_circle else x1, y1, thickness, is_circle])
    pictures.append(np.packbits(picture[:, :, 0]))

skeletons = []
for options in (
    {},
    {"landmark_drawing_spec": styles.get_default_pose_landmarks_style()},
    {
        "landmark_drawing_spec": drawing.DrawingSpec((245, 117, 66), 4, 6),
        "connection_drawing_spec": drawing.DrawingSpec((245, 66, 230), 3, 2),
    },
    {"is_drawing_landmarks": False, "connection_drawing_spec": drawing.DrawingSpec((1, 2, 3), 1)},
):
    canvas = np.zeros((160, 120, 3), np.uint8)
    drawing.draw_landmarks(canvas, result.pose_landmarks, connections, **options)
    skeletons.append(canvas)
np.savez_compressed(
    HERE / "drawing.npz", shapes=np.array(shapes), pictures=np.array(pictures), skeletons=np.array(skeletons)
)
