"""The facade with MediaPipe's names against what MediaPipe answered."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import facade_cases
import golden_data
import numpy as np
import pytest

import refpose
from refpose import mediapipe as mp
from refpose.engine import resolve

FOLDER = Path(__file__).parent / "recorded"
RECORDED = json.loads((FOLDER / "facade.json").read_text())
exact = pytest.mark.skipif(resolve("auto") != "native", reason="the native engine was not built; NumPy's is not exact")

drawing = mp.solutions.drawing_utils


def python(program: str) -> str:
    """What a program prints in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def test_all_cases_are_recorded() -> None:
    assert list(RECORDED["arguments"]) == facade_cases.ARGUMENTS
    assert list(RECORDED["calls"]) == facade_cases.CALLS


@pytest.mark.parametrize("case", facade_cases.ARGUMENTS)
def test_arguments(case: str) -> None:
    found = facade_cases.outcome(f"Pose({case})", {"Pose": mp.solutions.pose.Pose})
    assert (found if found.startswith("raises") else "done") == RECORDED["arguments"][case]


@pytest.mark.parametrize("complexity", [-1, 3, 10**12])
def test_no_such_model(complexity: int) -> None:
    with pytest.raises(ValueError, match=f"model_complexity: expected 0, 1 or 2, found {complexity}"):
        mp.solutions.pose.Pose(model_complexity=complexity)


@pytest.mark.parametrize("case", facade_cases.CALLS)
def test_calls(case: str) -> None:
    names = {"A": np.zeros((48, 64, 3), np.uint8), "p": mp.solutions.pose.Pose()}
    found = facade_cases.outcome(case, names)
    assert ("done" if "SolutionOutputs" in found else found) == RECORDED["calls"][case]


def test_reset_after_an_image_without_pixels() -> None:
    pose = mp.solutions.pose.Pose()
    facade_cases.failed(pose)
    with pytest.raises(RuntimeError, match=r"shape \(48, 64, 3\).*until reset"):
        pose.process(np.zeros((48, 64, 3), np.uint8))
    pose.reset()
    assert pose.process(np.zeros((48, 64, 3), np.uint8)).pose_landmarks is None


def test_four_channels_and_blank_images() -> None:
    """As MediaPipe's own tests have it."""
    with mp.solutions.pose.Pose(enable_segmentation=True) as pose:
        with pytest.raises(ValueError, match="Input image must contain three channel rgb data"):
            pose.process(np.arange(36, dtype=np.uint8).reshape(3, 3, 4))
        results = pose.process(np.full((100, 100, 3), 255, np.uint8))
        assert results.pose_landmarks is None
        assert results.pose_world_landmarks is None
        assert results.segmentation_mask is None


def test_masks_of_another_size() -> None:
    """MediaPipe fails here; see docs/migration.md."""
    astronaut = golden_data.picture("astronaut")
    pose = mp.solutions.pose.Pose(enable_segmentation=True)
    for frame in (astronaut, astronaut[:400]):
        assert pose.process(frame).segmentation_mask.shape == frame.shape[:2]


def test_names() -> None:
    assert [landmark.name for landmark in mp.solutions.pose.PoseLandmark] == RECORDED["names"]
    assert sorted(map(list, mp.solutions.pose.POSE_CONNECTIONS)) == sorted(RECORDED["connections"])
    assert mp.solutions.pose.POSE_CONNECTIONS is refpose.POSE_CONNECTIONS
    style = mp.solutions.drawing_styles.get_default_pose_landmarks_style()
    found = sorted((int(index), vars(spec)) for index, spec in style.items())
    assert json.loads(json.dumps(found)) == RECORDED["style"]
    assert repr(drawing.DrawingSpec()) == "DrawingSpec(color=(224, 224, 224), thickness=2, circle_radius=2)"
    assert mp.__version__ == "0.10.21"


@pytest.fixture(scope="module")
def astronaut_pose() -> Any:
    with mp.solutions.pose.Pose(static_image_mode=True, enable_segmentation=True) as pose:
        return pose.process(golden_data.picture("astronaut"))


def test_it_renames(astronaut_pose: Any) -> None:
    (person,) = refpose.Pose(mode="image", segmentation=True).process(golden_data.picture("astronaut"))
    for message, points in (
        (astronaut_pose.pose_landmarks, person.landmarks),
        (astronaut_pose.pose_world_landmarks, person.world_landmarks),
    ):
        found = np.array([(item.x, item.y, item.z, item.visibility) for item in message.landmark])
        np.testing.assert_array_equal(found, np.column_stack([points, person.visibility]))
        assert not any(item.HasField("presence") for item in message.landmark)
    np.testing.assert_array_equal(astronaut_pose.segmentation_mask, person.segmentation_mask)
    assert not astronaut_pose.segmentation_mask.flags.writeable


@exact
def test_printed_results(astronaut_pose: Any) -> None:
    assert str(astronaut_pose.pose_landmarks) == RECORDED["landmarks"]
    assert str(astronaut_pose.pose_world_landmarks) == RECORDED["world_landmarks"]


@exact
@pytest.mark.parametrize("import_line", ["from refpose import mediapipe as mp", "import refpose.mediapipe as mp"])
def test_a_program_with_its_import_line_changed(import_line: str) -> None:
    program = facade_cases.PROGRAM.replace("import mediapipe as mp", import_line)
    video = facade_cases.frames(golden_data.picture("astronaut"))
    assert facade_cases.run_program(program, video).splitlines() == RECORDED["program"]


@exact
@pytest.mark.parametrize("number", range(len(facade_cases.PROGRAMS)))
def test_programs_that_are_not_changed(number: int) -> None:
    mp.install()
    video = facade_cases.frames(golden_data.picture("astronaut"))
    try:
        found = facade_cases.run_program(facade_cases.PROGRAMS[number], video)
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "mediapipe"]:
            del sys.modules[name]
    assert found.splitlines() == RECORDED["programs"][number]


@exact
def test_calls_that_fail_advance_the_clock() -> None:
    frames = facade_cases.frames(golden_data.picture("astronaut"))[:3]
    facade, pose = mp.solutions.pose.Pose(), refpose.Pose()
    for index, frame in enumerate(frames):
        found = facade.process(frame)
        with pytest.raises(TypeError):
            facade.process(frame / 2)
        (person,) = pose.process(frame, timestamp=(2 * index + 1) * 0.033333)
        expected = person.world_landmarks.tolist()
        assert [[item.x, item.y, item.z] for item in found.pose_world_landmarks.landmark] == expected


@exact
def test_draw_landmarks(astronaut_pose: Any) -> None:
    style = mp.solutions.drawing_styles.get_default_pose_landmarks_style()
    specs = drawing.DrawingSpec((245, 117, 66), 4, 6), drawing.DrawingSpec((245, 66, 230), 3, 2)
    thin = drawing.DrawingSpec((1, 2, 3), 1)
    options: list[dict[str, Any]] = [
        {},
        {"landmark_drawing_spec": style},
        {"landmark_drawing_spec": specs[0], "connection_drawing_spec": specs[1]},
        {"is_drawing_landmarks": False, "connection_drawing_spec": thin},
    ]
    for chosen, expected in zip(options, np.load(FOLDER / "drawing.npz")["skeletons"], strict=True):
        picture = np.zeros((160, 120, 3), np.uint8)
        drawing.draw_landmarks(picture, astronaut_pose.pose_landmarks, mp.solutions.pose.POSE_CONNECTIONS, **chosen)
        np.testing.assert_array_equal(picture, expected)


def test_nothing_to_draw() -> None:
    picture = np.zeros((9, 9, 3), np.uint8)
    drawing.draw_landmarks(picture, None, mp.solutions.pose.POSE_CONNECTIONS)
    drawing.draw_landmarks(picture, mp.framework.formats.landmark_pb2.NormalizedLandmarkList())
    drawing.plot_landmarks(None)
    assert not picture.any()


@exact
def test_plot_landmarks(astronaut_pose: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    plt = pytest.importorskip("matplotlib.pyplot")
    shown: list[Any] = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(facade_cases.plotted(plt.gcf())))
    connections = mp.solutions.pose.POSE_CONNECTIONS
    drawing.plot_landmarks(astronaut_pose.pose_world_landmarks, connections)
    spec = drawing.DrawingSpec((1, 2, 3), thickness=2)
    drawing.plot_landmarks(astronaut_pose.pose_landmarks, None, spec, elevation=30, azimuth=60)
    plt.close("all")
    assert json.loads(json.dumps(shown)) == RECORDED["plots"]
    with pytest.raises(ValueError, match="Landmark index is out of range"):
        drawing.plot_landmarks(astronaut_pose.pose_landmarks, [(0, 33)])


def test_plotting_without_matplotlib(astronaut_pose: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"refpose\[plot\]"):
        drawing.plot_landmarks(astronaut_pose.pose_landmarks)


def test_imports() -> None:
    """All the ways into the package lead to the same modules, and load nothing that is not needed."""
    program = """
import sys
import refpose.mediapipe.python.solutions.pose as deep
from refpose.mediapipe.solutions import drawing_styles, drawing_utils, pose
from refpose.mediapipe.python.solutions import drawing_utils as deep_drawing
from refpose.mediapipe.python.solutions.pose_connections import POSE_CONNECTIONS
from refpose.mediapipe.framework.formats import landmark_pb2
from refpose import mediapipe as mp
assert deep is pose is mp.solutions.pose is mp.python.solutions.pose
assert deep_drawing is drawing_utils
assert landmark_pb2 is mp.framework.formats.landmark_pb2
print([name for name in ("PIL", "cv2", "google.protobuf", "h5py", "matplotlib", "mediapipe") if name in sys.modules])
"""
    assert python(program) == "[]\n"


def test_install() -> None:
    program = """
from refpose import mediapipe
mediapipe.install()
mediapipe.install()
import mediapipe as mp
import mediapipe.python.solutions.drawing_utils as drawing_utils
from mediapipe import solutions
from mediapipe.framework.formats import landmark_pb2
from mediapipe.python.solutions import drawing_styles
from mediapipe.python.solutions.pose import Pose, PoseLandmark
from mediapipe.solutions import pose
assert mp is mediapipe
assert Pose is mp.solutions.pose.Pose is pose.Pose
assert drawing_utils is solutions.drawing_utils
assert landmark_pb2.NormalizedLandmark(x=1).x == 1
"""
    assert python(program) == ""


def test_install_beside_the_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", sys.modules["json"])
    with pytest.raises(RuntimeError, match=r"mediapipe was imported already, from .*json.*before the first import"):
        mp.install()


def test_find_spec() -> None:
    program = """
from importlib.util import find_spec
from refpose import mediapipe
mediapipe.install()
for name in ("", ".solutions.pose", ".python.solutions.pose", ".framework.formats.detection_pb2", ".solutions.hands"):
    assert find_spec(f"mediapipe{name}").name, name
for name in (".nothing", ".solutions.nothing", ".python.solutions.nothing", ".framework.formats.nothing_pb2"):
    assert find_spec(f"mediapipe{name}") is None, name
    assert find_spec(f"refpose.mediapipe{name}") is None, name
try:
    import mediapipe.nothing
except ModuleNotFoundError as error:
    print(error)
"""
    assert python(program) == "No module named 'mediapipe.nothing'\n"


def test_imports_that_are_not_used() -> None:
    """What is missing is found under all its names, and stands where a program only names it."""
    program = """
from refpose import mediapipe
mediapipe.install()
import mediapipe as mp
import mediapipe.calculators.util.thresholding_calculator_pb2
import mediapipe.python.solutions.face_mesh as face_mesh
from mediapipe.framework.formats import body_rig_pb2, classification_pb2, detection_pb2, landmark_pb2, rect_pb2
from mediapipe.framework.formats.classification_pb2 import Classification
from mediapipe.framework.formats.rect_pb2 import Rect
from mediapipe.python import packet_creator, packet_getter
from mediapipe.python._framework_bindings import image_frame
from mediapipe.python.solution_base import SolutionBase, PacketDataType
from mediapipe.python.solutions import face_detection, hands, objectron, selfie_segmentation
from mediapipe.python.solutions.drawing_utils import draw_axis, draw_detection
from mediapipe.python.solutions.hands import Hands, HandLandmark
assert hands is mp.solutions.hands and face_mesh is mp.solutions.face_mesh
assert mp.solutions.drawing_utils.landmark_pb2 is landmark_pb2
assert mp.solutions.drawing_utils.detection_pb2 is detection_pb2
assert HandLandmark.PINKY_TIP == 20 and len(hands.HAND_CONNECTIONS) == 21
assert len(face_mesh.FACEMESH_TESSELATION) == 2556 and face_mesh.FACEMESH_NUM_LANDMARKS == 468
class MyHands(Hands):
    pass
def draw(hands: Hands | None, rectangle: Rect, image: mp.ImageFrame) -> None:
    assert not isinstance(5, Hands) and Hands
for use in (Hands, MyHands, lambda: face_mesh.FaceMesh(), lambda: Rect.x, lambda: list(Rect),
            lambda: Classification["x"], lambda: 5 in Rect, lambda: mp.CalculatorGraph(), lambda: SolutionBase("x"),
            lambda: packet_creator.create_string("x"), lambda: PacketDataType.STRING):
    try:
        use()
    except NotImplementedError as error:
        print(str(error)[:41])
"""
    assert python(program).splitlines() == [
        *["refpose has no mediapipe.solutions.hands."] * 2,
        "refpose has no mediapipe.solutions.face_m",
        *["refpose has no mediapipe.framework.format"] * 4,
        "refpose has no mediapipe.CalculatorGraph:",
        "refpose has no mediapipe.python.solution_",
        *["refpose has no mediapipe.python.packet_cr", "refpose has no mediapipe.python.solution_"],
    ]


@pytest.mark.parametrize("version", ["0.10.21", "1.2.3"])
def test_imports_of_other_tasks(version: str) -> None:
    program = f"""
from importlib.util import find_spec
from refpose import mediapipe
mediapipe.install({version!r})
import mediapipe as mp
import mediapipe.tasks.python.vision.face_landmarker
from mediapipe.tasks.python import audio, text, vision
from mediapipe.tasks.python.components import containers, processors
from mediapipe.tasks.python.components.containers.embedding_result import Embedding
from mediapipe.tasks.python.vision import GestureRecognizer, HandLandmarker, hand_landmarker
from mediapipe.tasks.python.vision.face_landmarker import FaceLandmarker
assert find_spec("mediapipe.tasks") and find_spec("mediapipe.tasks.python.vision.hand_landmarker")
assert find_spec("mediapipe.tasks.nothing") is find_spec("mediapipe.tasks.python.vision.nothing") is None
for use in (HandLandmarker, lambda: hand_landmarker.HandLandmarker.x, lambda: text.TextClassifier(), Embedding):
    try:
        use()
    except NotImplementedError as error:
        print(str(error).partition(":")[0])
"""
    assert python(program).splitlines() == [
        "refpose has no mediapipe.tasks.python.vision.HandLandmarker",
        "refpose has no mediapipe.tasks.python.vision.hand_landmarker.HandLandmarker",
        "refpose has no mediapipe.tasks.python.text.TextClassifier",
        "refpose has no mediapipe.tasks.python.components.containers.embedding_result.Embedding",
    ]


@pytest.mark.parametrize("name", ["solutions.nothing", "nothing", "framework.nothing", "solutions.pose.nothing"])
def test_attributes_that_do_not_exist(name: str) -> None:
    package, _, last = f"mp.{name}".rpartition(".")
    with pytest.raises(AttributeError, match=rf"refpose has no mediapipe\.{name}: .*need MediaPipe itself"):
        getattr(eval(package), last)
    with pytest.raises(ImportError, match=f"cannot import name '{last}'"):
        exec(f"from refpose.mediapipe{package.removeprefix('mp')} import {last}")


def test_modules_have_what_mediapipes_have() -> None:
    """Every name of MediaPipe's modules for the pose is there, if only to be imported."""
    libraries = {"cv2", "plt", "containers", "descriptor", "message"}
    for module, names in RECORDED["module_names"].items():
        found = mp.python.solution_base if module == "solution_base" else getattr(mp.solutions, module)
        assert not [name for name in names if name not in libraries and not hasattr(found, name)], module


def test_solution_base() -> None:
    base = mp.python.solution_base.SolutionBase
    assert issubclass(mp.solutions.pose.Pose, base)
    assert issubclass(mp.solutions.holistic.Holistic, base)
    with mp.solutions.pose.Pose() as pose:
        assert isinstance(pose, base)
        assert pose._simulated_timestamp == 0
        pose.process(np.zeros((8, 8, 3), np.uint8))
        assert pose._simulated_timestamp == 33333
    assert pose._graph is None


def test_repr() -> None:
    with mp.solutions.pose.Pose(static_image_mode=True, model_complexity=0) as pose:
        assert re.fullmatch(
            rf"<mediapipe Pose: \w+\(model='lite', mode='image', engine='{resolve('auto')}'\)>", repr(pose)
        )
    assert repr(pose) == "<mediapipe Pose: closed>"


@pytest.mark.parametrize("case", facade_cases.HOLISTIC_ARGUMENTS)
def test_holistic_arguments(case: str) -> None:
    found = facade_cases.outcome(f"Holistic({case})", {"Holistic": mp.solutions.holistic.Holistic})
    assert (found if found.startswith("raises") else "done") == RECORDED["holistic_arguments"][case]


@exact
@pytest.mark.parametrize("complexity", [0, 1, 2])
@pytest.mark.parametrize("name", ["holistic", "pose"])
def test_tracked(name: str, complexity: int) -> None:
    solution = mp.solutions.pose.Pose if name == "pose" else mp.solutions.holistic.Holistic
    found = facade_cases.tracked(solution, golden_data.picture("astronaut"), complexity)
    assert found == RECORDED[name][complexity]


def test_holistic_says_what_it_does_not_find() -> None:
    holistic = mp.solutions.holistic
    with holistic.Holistic() as solution:
        results = solution.process(np.zeros((48, 64, 3), np.uint8))
    assert results.pose_landmarks is results.pose_world_landmarks is results.segmentation_mask is None
    assert repr(results) == "<class 'mediapipe.python.solution_base.SolutionOutputs'>"
    for name in ("left_hand_landmarks", "right_hand_landmarks", "face_landmarks"):
        assert name in results._fields
        with pytest.raises(NotImplementedError, match=rf"refpose has no {name} of .*need MediaPipe itself"):
            getattr(results, name)
    assert holistic.HAND_CONNECTIONS is mp.solutions.hands_connections.HAND_CONNECTIONS
    assert holistic.FACEMESH_TESSELATION is mp.solutions.face_mesh_connections.FACEMESH_TESSELATION


@pytest.mark.filterwarnings("ignore")  # the library's own deprecations
def test_supervision_takes_results(astronaut_pose: Any) -> None:
    supervision = pytest.importorskip("supervision", reason="pip install supervision, which brings OpenCV and SciPy")
    found = supervision.KeyPoints.from_mediapipe(astronaut_pose, (512, 512))
    landmarks = astronaut_pose.pose_landmarks.landmark
    np.testing.assert_allclose(found.xy[0], [(item.x * 512, item.y * 512) for item in landmarks], rtol=1e-6)
    confidence = getattr(found, "keypoint_confidence", None)
    confidence = found.confidence if confidence is None else confidence
    np.testing.assert_allclose(confidence[0], [item.visibility for item in landmarks], rtol=1e-6)
    assert len(supervision.KeyPoints.from_mediapipe(mp.solutions.pose.SolutionOutputs(), (64, 64))) == 0
