"""`PoseLandmarker` in use: MediaPipe's own tests of it, live streams, threads, bad input, drawing; both versions."""

from __future__ import annotations

import copy
import gc
import logging
import threading
from importlib import import_module
from itertools import count
from pathlib import Path
from time import sleep
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
import tasks_data
from conftest import GOLDEN
from golden_data import picture
from tasks_data import Recorded, frame

from refpose.engine import resolve

pytestmark = pytest.mark.skipif(resolve("auto") != "native", reason="the native engine was not built")

PACKAGES = {"0.10.21": "refpose.mediapipe", "1.2.3": "refpose.mediapipe.v1"}


@pytest.fixture(params=tasks_data.VERSIONS)
def mp(request: pytest.FixtureRequest) -> Any:
    """MediaPipe, as a namespace with what the tests need."""
    package = import_module(PACKAGES[request.param])
    vision = package.tasks.vision
    options = vision.PoseLandmarkerOptions

    def make(model: str = "lite", **chosen: Any) -> Any:
        base = package.tasks.BaseOptions(model_asset_path=f"refpose:{model}")
        return vision.PoseLandmarker.create_from_options(options(base_options=base, **chosen))

    def image(pixels: np.ndarray) -> Any:
        return package.Image(image_format=package.ImageFormat.SRGB, data=pixels)

    return SimpleNamespace(
        version=request.param, package=package, vision=vision, make=make, image=image, mode=vision.RunningMode
    )


def astronaut() -> np.ndarray:
    return np.ascontiguousarray(picture("astronaut", GOLDEN))


FRAMES = [np.ascontiguousarray(astronaut()[2 * i : 2 * i + 440, 60:500]) for i in range(6)]


def rows(found: Any) -> np.ndarray:
    """Landmarks of a result as numbers (people, 2, 33, 5)."""
    lists = zip(found.pose_landmarks, found.pose_world_landmarks, strict=True)
    numbers = [[[(p.x, p.y, p.z, p.visibility, p.presence) for p in part] for part in person] for person in lists]
    return np.array(numbers, np.float64).reshape(-1, 2, 33, 5)


# As in pose_landmarker_test.py of MediaPipe --------------------------------------------------------------------------


def test_create_from_file_and_options(mp: Any, tmp_path: Path) -> None:
    (tmp_path / "pose_landmarker.task").write_bytes(tasks_data.task("lite"))
    path = str(tmp_path / "pose_landmarker.task")
    base = mp.package.tasks.BaseOptions
    for made in (
        mp.vision.PoseLandmarker.create_from_model_path(path),
        mp.vision.PoseLandmarker.create_from_options(
            mp.vision.PoseLandmarkerOptions(base_options=base(model_asset_path=path))
        ),
        mp.vision.PoseLandmarker.create_from_options(
            mp.vision.PoseLandmarkerOptions(base_options=base(model_asset_buffer=Path(path).read_bytes()))
        ),
    ):
        with made as landmarker:
            assert isinstance(landmarker, mp.vision.PoseLandmarker)
            assert len(landmarker.detect(mp.image(astronaut())).pose_landmarks) == 1


def test_create_from_a_file_that_is_not_there(mp: Any) -> None:
    kind = FileNotFoundError if mp.version == "1.2.3" else RuntimeError
    base = mp.package.tasks.BaseOptions(model_asset_path="/path/to/invalid/model.tflite")
    with pytest.raises(kind, match=r"Unable to open file at /path/to/invalid/model.tflite"):
        mp.vision.PoseLandmarker.create_from_options(mp.vision.PoseLandmarkerOptions(base_options=base))


@pytest.mark.parametrize("run", ["image_full_n3_masks", "image_lite_n2", "image_lite_n2_rot90"])
def test_detect(mp: Any, run: str) -> None:
    """The numbers that the wheel gave, as Python's own floats, and its masks."""
    recorded = Recorded(f"repository/{run}", mp.version)
    options = recorded.options
    masks = bool(options["output_segmentation_masks"])
    with mp.make(options["model"], num_poses=int(options["num_poses"]), output_segmentation_masks=masks) as landmarker:
        for i, source in enumerate(recorded.sources):
            rotation = mp.vision.ImageProcessingOptions(rotation_degrees=recorded.rotations[i])
            image = mp.image(frame(source, recorded.folder))
            found = landmarker.detect(image, rotation)
            people = slice(recorded.first[i], recorded.first[i + 1])
            np.testing.assert_array_equal(rows(found)[:, 0], recorded.truth["landmarks"][people])
            np.testing.assert_array_equal(rows(found)[:, 1], recorded.truth["world"][people])
            assert all(type(p.x) is float for person in found.pose_landmarks for p in person)
            if not masks or not found.pose_landmarks:
                assert found.segmentation_masks is None
                continue
            shape = (image.height, image.width) + (() if mp.version == "0.10.21" else (1,))
            for mask in found.segmentation_masks:
                assert mask.image_format == mp.package.ImageFormat.VEC32F1
                assert mask.numpy_view().shape == shape
                assert not mask.numpy_view().flags.writeable


def test_empty_results(mp: Any) -> None:
    with mp.make(output_segmentation_masks=True) as landmarker:
        found = landmarker.detect(mp.image(picture("coffee", GOLDEN)))
        assert found == mp.vision.PoseLandmarkerResult([], [], None)


def test_region_of_interest(mp: Any) -> None:
    rect = import_module(f"{PACKAGES[mp.version]}.tasks.python.components.containers.rect")
    region = getattr(rect, "RectF", rect.Rect)(left=0.1, top=0.1, right=0.9, bottom=0.9)
    options = mp.vision.ImageProcessingOptions(region)
    with mp.make() as landmarker, pytest.raises(ValueError, match="This task doesn't support region-of-interest"):
        landmarker.detect(mp.image(astronaut()), options)


@pytest.mark.parametrize("mode", ["IMAGE", "VIDEO", "LIVE_STREAM"])
def test_running_modes(mp: Any, mode: str) -> None:
    callback = (lambda result, image, time: None) if mode == "LIVE_STREAM" else None
    image = mp.image(FRAMES[0])
    calls = {
        "IMAGE": ("detect", image),
        "VIDEO": ("detect_for_video", image, 1),
        "LIVE_STREAM": ("detect_async", image, 1),
    }
    words = {"IMAGE": "image", "VIDEO": "video", "LIVE_STREAM": "live stream"}
    with mp.make(running_mode=mp.mode[mode], result_callback=callback) as landmarker:
        current = mode if mp.version == "0.10.21" else f"{words[mode]} mode"
        for name, (method, *arguments) in calls.items():
            if name != mode:
                message = f"not initialized with the {words[name]} mode. Current running mode:{current}"
                with pytest.raises(ValueError, match=message):
                    getattr(landmarker, method)(*arguments)
    with pytest.raises(ValueError, match=r"result callback (should not|must) be provided"):
        mp.make(running_mode=mp.mode[mode], result_callback=None if callback else print)


@pytest.mark.parametrize("run", ["video_gaps_lite_n1", "video_gaps_lite_n2", "video_slides_lite_n1"])
def test_detect_for_video(mp: Any, run: str) -> None:
    recorded = Recorded(f"repository/{run}", mp.version)
    with mp.make(running_mode=mp.mode.VIDEO, num_poses=int(recorded.options["num_poses"])) as landmarker:
        for i, source in enumerate(recorded.sources):
            found = landmarker.detect_for_video(mp.image(frame(source, recorded.folder)), recorded.times_ms[i])
            people = slice(recorded.first[i], recorded.first[i + 1])
            np.testing.assert_array_equal(rows(found)[:, 0], recorded.truth["landmarks"][people])
            np.testing.assert_array_equal(rows(found)[:, 1], recorded.truth["world"][people])
        for time in (recorded.times_ms[-1], 0):
            with pytest.raises(ValueError, match="Input timestamp must be monotonically increasing"):
                landmarker.detect_for_video(mp.image(FRAMES[0]), time)


# Live streams --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("people", [1, 2])
def test_live_stream_equals_video(mp: Any, people: int) -> None:
    with mp.make(running_mode=mp.mode.VIDEO, num_poses=people) as landmarker:
        expected = [landmarker.detect_for_video(mp.image(one), 33 * i) for i, one in enumerate(FRAMES)]
    found: list[Any] = []
    arrived = threading.Event()

    def callback(result: Any, image: Any, time: int) -> None:
        assert threading.current_thread() is not threading.main_thread()
        found.append((result, image.numpy_view().copy(), time))
        arrived.set()

    options = {"running_mode": mp.mode.LIVE_STREAM, "num_poses": people, "result_callback": callback}
    with mp.make(**options) as landmarker:
        for i, one in enumerate(FRAMES):
            arrived.clear()
            landmarker.detect_async(mp.image(one), 33 * i)
            assert arrived.wait(60)  # 1.x drops what comes too soon
        with pytest.raises(ValueError, match="Input timestamp must be monotonically increasing"):
            landmarker.detect_async(mp.image(FRAMES[0]), 33)
    assert [time for _, _, time in found] == [33 * i for i in range(len(FRAMES))]
    assert [result for result, _, _ in found] == expected
    for (_, pixels, _), one in zip(found, FRAMES, strict=True):
        np.testing.assert_array_equal(pixels, one)


def test_which_frames_are_dropped(mp: Any) -> None:
    """0.10.21 drops none. 1.x keeps the one it works on, and the newest of those that wait."""
    times: list[int] = []
    hold = threading.Event()
    with mp.make(running_mode=mp.mode.LIVE_STREAM, result_callback=lambda r, i, t: times.append(t)) as landmarker:
        session = landmarker._session
        process = session._landmarker.process

        def held(*arguments: Any) -> Any:
            assert hold.wait(60)
            return process(*arguments)

        session._landmarker.process = held
        for i in range(10):
            landmarker.detect_async(mp.image(FRAMES[i % 6]), i)
        hold.set()
    assert times == (list(range(10)) if mp.version == "0.10.21" else [0, 9])


def test_a_slow_callback_drops_nothing_and_close_waits(mp: Any) -> None:
    times: list[int] = []
    done = threading.Semaphore(0)
    options = {
        "running_mode": mp.mode.LIVE_STREAM,
        "result_callback": lambda r, i, t: (done.acquire(), times.append(t)),
    }
    landmarker = mp.make(**options)
    for i in range(5):
        landmarker.detect_async(mp.image(FRAMES[i]), i)
        while landmarker._session._accepted:  # until it was worked on
            sleep(0.001)
    done.release(5)
    landmarker.close()
    assert times == list(range(5))


def test_a_callback_that_raises(mp: Any, caplog: pytest.LogCaptureFixture) -> None:
    times: list[int] = []

    def callback(result: Any, image: Any, time: int) -> None:
        times.append(time)
        raise KeyError("boom")

    with caplog.at_level(logging.ERROR, "refpose"):
        with mp.make(running_mode=mp.mode.LIVE_STREAM, result_callback=callback) as landmarker:
            landmarker.detect_async(mp.image(FRAMES[0]), 1)
        with mp.make(running_mode=mp.mode.LIVE_STREAM, result_callback=lambda result: 0) as landmarker:
            landmarker.detect_async(mp.image(FRAMES[0]), 1)
    assert times == [1]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [KeyError, TypeError]


def test_a_callback_that_closes(mp: Any) -> None:
    times: list[int] = []
    closed = threading.Event()

    def callback(result: Any, image: Any, time: int) -> None:
        times.append(time)
        if time == 0:
            landmarker.close()
            closed.set()

    landmarker = mp.make(running_mode=mp.mode.LIVE_STREAM, result_callback=callback)
    landmarker.detect_async(mp.image(FRAMES[0]), 0)
    assert closed.wait(60)
    if mp.version == "0.10.21":
        with pytest.raises(ValueError, match="Task runner is currently not running"):
            landmarker.detect_async(mp.image(FRAMES[0]), 1)
    else:
        assert landmarker.detect_async(mp.image(FRAMES[0]), 1) is None
    assert times == [0]


def test_closing_in_mid_stream(mp: Any) -> None:
    """All that was accepted is delivered, also when another thread sends on."""
    times: list[int] = []
    delivered = threading.Semaphore(0)

    def callback(result: Any, image: Any, time: int) -> None:
        times.append(time)
        delivered.release()

    landmarker = mp.make(running_mode=mp.mode.LIVE_STREAM, result_callback=callback)
    sent: list[int] = []

    def send() -> None:
        images = [mp.image(one) for one in FRAMES]
        for i in count():  # until it is closed: 1.x may drop any number of them
            try:
                landmarker.detect_async(images[i % 6], i)
            except ValueError:
                return
            if landmarker._session.closed:
                return
            sent.append(i)
            sleep(0.001)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    for _ in range(3):
        assert delivered.acquire(timeout=60)
    landmarker.close()
    thread.join()
    assert times == sorted(set(times))
    assert set(times) <= {*sent, len(sent)}
    if mp.version == "0.10.21":
        assert set(sent) <= set(times)
    running = threading.active_count()
    gc.collect()
    assert threading.active_count() <= running


def test_an_error_in_a_live_stream(mp: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged; frames that are sent afterwards are told about it."""
    times: list[int] = []
    grey = mp.package.Image(image_format=mp.package.ImageFormat.GRAY8, data=np.zeros((9, 9), np.uint8))
    landmarker = mp.make(running_mode=mp.mode.LIVE_STREAM, result_callback=lambda r, i, t: times.append(t))
    landmarker.detect_async(grey, 1)
    while landmarker._session._accepted:
        pass
    with pytest.raises((ValueError, RuntimeError), match="Graph has errors"):
        landmarker.detect_async(mp.image(FRAMES[0]), 2)
    landmarker.close()
    assert not times
    assert "could not be worked on" in caplog.text


def test_forgotten_landmarkers_end_their_threads(mp: Any) -> None:
    before = threading.active_count()
    times: list[int] = []
    for i in range(3):
        landmarker = mp.make(running_mode=mp.mode.LIVE_STREAM, result_callback=lambda r, im, t: times.append(t))
        landmarker.detect_async(mp.image(FRAMES[0]), i)
    del landmarker
    gc.collect()
    for thread in threading.enumerate():
        if thread.name.startswith("refpose"):
            thread.join(60)
    assert threading.active_count() == before
    assert times == [0, 1, 2]


# Bad input -----------------------------------------------------------------------------------------------------------


def test_several_threads(mp: Any) -> None:
    """Calls come one after the other."""
    with mp.make("full", num_poses=2) as landmarker:
        expected = [landmarker.detect(mp.image(one)) for one in FRAMES]
        found: dict[int, Any] = {}

        def work(index: int) -> None:
            found[index] = landmarker.detect(mp.image(FRAMES[index % 6]))

        threads = [threading.Thread(target=work, args=(i,)) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [found[i] for i in range(12)] == expected * 2


def test_huge_numbers_of_people(mp: Any) -> None:
    with mp.make(num_poses=2**31 - 1) as many, mp.make() as one:
        assert many.detect(mp.image(astronaut())) == one.detect(mp.image(astronaut()))


@pytest.mark.parametrize("people", [0, -1])
def test_no_people(mp: Any, people: int) -> None:
    with pytest.raises(RuntimeError, match="max_vec_size should be greater than or equal to 1"):
        mp.make(num_poses=people)


def test_frames_that_change_size(mp: Any) -> None:
    with mp.make(running_mode=mp.mode.VIDEO, output_segmentation_masks=True) as landmarker:
        for i, shape in enumerate([(440, 440), (200, 400), (440, 440), (1, 1), (3, 500), (300, 300)]):
            pixels = np.ascontiguousarray(astronaut()[: shape[0], : shape[1]])
            found = landmarker.detect_for_video(mp.image(pixels), i)
            for mask in found.segmentation_masks or ():
                assert (mask.height, mask.width) == shape


CONVERSIONS = {
    "0.10.21": [
        "core.base_options.BaseOptions.to_pb2",
        "core.base_options.BaseOptions.create_from_pb2",
        "vision.pose_landmarker.PoseLandmarkerOptions.to_pb2",
        "components.containers.rect.NormalizedRect.to_pb2",
        "components.containers.rect.NormalizedRect.create_from_pb2",
    ],
    "1.2.3": [
        "core.base_options.BaseOptions.to_ctypes",
        "vision.pose_landmarker.PoseLandmarkerResult.from_ctypes",
        "vision.core.image.Image.create_from_ctypes",
        "components.containers.rect.Rect.to_ctypes",
        "components.containers.rect.RectF.to_ctypes",
        "components.containers.bounding_box.BoundingBox.from_ctypes",
        "components.containers.category.Category.from_ctypes",
        "components.containers.keypoint.NormalizedKeypoint.from_ctypes",
        "components.containers.detections.Detection.from_ctypes",
        "components.containers.detections.DetectionResult.from_ctypes",
    ],
}


def test_what_is_made_for_an_engine_that_there_is_not(mp: Any) -> None:
    for name in CONVERSIONS[mp.version]:
        module, owner, method = name.rsplit(".", 2)
        kind = getattr(import_module(f"{PACKAGES[mp.version]}.tasks.python.{module}"), owner)
        assert "takes" in getattr(kind, method).__doc__
        with pytest.raises(NotImplementedError, match=rf"^refpose has no {owner}\.{method}: MediaPipe's engine takes"):
            getattr(kind, method)(object())


def test_landmarks_from_a_structure() -> None:
    containers = import_module(PACKAGES["1.2.3"]).tasks.components.containers
    fields = {"x": 1.0, "y": 2.0, "z": 3.0, "visibility": 0.5, "presence": 0.25}
    for kind in (containers.Landmark, containers.NormalizedLandmark):
        stated = SimpleNamespace(**fields, has_visibility=True, has_presence=True, name=b"nose")
        assert kind.from_ctypes(stated) == kind(1.0, 2.0, 3.0, 0.5, 0.25, "nose")
        not_stated = SimpleNamespace(**fields, has_visibility=False, has_presence=False, name=None)
        assert kind.from_ctypes(not_stated) == kind(1.0, 2.0, 3.0)


def test_images_of_another_shape(mp: Any) -> None:
    """What MediaPipe misreads, or dies of, is a ValueError that says what is wrong."""
    pixels, formats = astronaut(), mp.package.ImageFormat
    for array in (pixels[:, :, 0].copy(), pixels[:, :, :2].copy(), np.dstack([pixels, pixels])):
        with pytest.raises(ValueError, match=r"expected 3 values a pixel, found|size is too small: \d+ \(expected"):
            mp.package.Image(image_format=formats.SRGB, data=array)
    assert mp.image(pixels)[-1, -2, -3] == pixels[-1, -2, -3]


def test_rows_of_masks_begin_where_mediapipe_has_them(mp: Any) -> None:
    with mp.make(output_segmentation_masks=True) as landmarker:
        (mask,) = landmarker.detect(mp.image(astronaut()[:, :497].copy())).segmentation_masks
    assert (mask.width, mask.step, mask.is_contiguous(), mask.is_aligned(16)) == (497, 2000, False, True)


def test_images_are_copied_with_any_strides() -> None:
    v1 = import_module("refpose.mediapipe.v1")
    whole = astronaut()
    for view in (whole[:, ::-1], whole[::2, 3:77], np.asfortranarray(whole)):
        image = v1.Image(v1.ImageFormat.SRGB, view)
        np.testing.assert_array_equal(image.numpy_view(), view)
        np.testing.assert_array_equal(copy.copy(image).numpy_view(), view)


def test_masks_of_many_people_share_no_memory_with_each_other_and_are_not_copied(mp: Any) -> None:
    """A mask takes four bytes a pixel, once."""
    with mp.make(output_segmentation_masks=True) as landmarker:
        (mask,) = landmarker.detect(mp.image(astronaut())).segmentation_masks
    assert mask.array.nbytes == 4 * 512 * 512
    assert mask.array.base is None or mask.array.base.nbytes == mask.array.nbytes
    assert np.shares_memory(mask.numpy_view(), mask.array)


# Files and drawing ---------------------------------------------------------------------------------------------------


def test_images_from_files(mp: Any, tmp_path: Path) -> None:
    pil = pytest.importorskip("PIL.Image")
    formats = mp.package.ImageFormat
    pixels = astronaut()[:40, :60]
    whole = pil.fromarray(pixels)
    rgba = np.dstack([pixels, pixels[:, :, 0]])
    cases = {
        "rgb.png": (whole, formats.SRGB, pixels),
        "rgba.png": (pil.fromarray(rgba), formats.SRGBA, rgba),
        "grey.png": (whole.convert("L"), formats.GRAY8, np.asarray(whole.convert("L"))),
        "rgb.bmp": (whole, formats.SRGB, pixels),
    }
    for name, (image, image_format, expected) in cases.items():
        image.save(tmp_path / name)
        found = mp.package.Image.create_from_file(str(tmp_path / name))
        assert found.image_format == image_format
        np.testing.assert_array_equal(np.squeeze(found.numpy_view()), expected)
    exif = pil.Exif()
    exif[0x0112] = 6
    whole.save(tmp_path / "turned.png", exif=exif)
    found = mp.package.Image.create_from_file(str(tmp_path / "turned.png"))
    assert (found.width, found.height) == (60, 40)  # as it is, other than JPEG files
    whole.convert("LA").save(tmp_path / "la.png")
    with pytest.raises((RuntimeError, ValueError), match="found 2 channels"):
        mp.package.Image.create_from_file(str(tmp_path / "la.png"))
    (tmp_path / "cut.png").write_bytes((tmp_path / "rgb.png").read_bytes()[:300])
    with pytest.raises(RuntimeError, match=r"Image decoding failed|Failed to load"):
        mp.package.Image.create_from_file(str(tmp_path / "cut.png"))


DRAWINGS = Path(__file__).parent / "recorded" / "tasks_drawing.h5"


@pytest.mark.parametrize("name", list(h5py.File(DRAWINGS)))
def test_draw_landmarks(name: str) -> None:
    """Pixel for pixel what MediaPipe 1.2.3 draws."""
    vision = import_module("refpose.mediapipe.v1").tasks.vision
    drawing, connections = vision.drawing_utils, vision.PoseLandmarksConnections.POSE_LANDMARKS
    containers = import_module("refpose.mediapipe.v1.tasks.python.components.containers")
    spec = drawing.DrawingSpec
    mapping = {
        (one.start, one.end): spec((10 + 5 * i, 250 - 5 * i, 90), thickness=1 + i % 4)
        for i, one in enumerate(connections)
    }
    style = vision.drawing_styles.get_default_pose_landmarks_style()
    options: dict[str, dict[str, Any]] = {
        "style": {"landmark_drawing_spec": style},
        "points_only": {"connections": None},
        "no_points": {"landmark_drawing_spec": None},
        "flag_off": {"is_drawing_landmarks": False},
        "mapping": {"connection_drawing_spec": mapping},
        "big": {
            "landmark_drawing_spec": spec((1, 2, 255), -1, 9),
            "connection_drawing_spec": spec((0, 255, 0), 7),
        },
        "upper_body": {"landmark_drawing_spec": style},
    }
    with h5py.File(DRAWINGS) as file:
        landmarks, expected = file[name]["landmarks"][()], file[name]["image"][()]
    image = np.zeros_like(expected)
    points = [containers.NormalizedLandmark(*map(float, row)) for row in landmarks]
    drawing.draw_landmarks(image, points, **{"connections": connections, **options.get(name, {})})
    np.testing.assert_array_equal(image, expected)


def test_drawing_refuses() -> None:
    vision = import_module("refpose.mediapipe.v1").tasks.vision
    drawing = vision.drawing_utils
    landmark = import_module("refpose.mediapipe.v1.tasks.python.components.containers").NormalizedLandmark
    drawing.draw_landmarks(np.zeros((9, 9), np.uint8), [])
    assert drawing.draw_axis is import_module("refpose.mediapipe").solutions.drawing_utils.draw_axis
    with pytest.raises(ValueError, match="Input image must contain three channel bgr data"):
        drawing.draw_landmarks(np.zeros((9, 9, 4), np.uint8), [landmark(0.5, 0.5)])
    connection = vision.PoseLandmarksConnections.Connection(0, 7)
    with pytest.raises(
        ValueError, match=r"Landmark index is out of range. Invalid connection from landmark #0 to landmark #7"
    ):
        drawing.draw_landmarks(np.zeros((9, 9, 3), np.uint8), [landmark(0.5, 0.5)], [connection])


def test_results_drawn_with_the_solutions_functions() -> None:
    """As Google's own notebook does with 0.10.21: through messages."""
    mp21 = import_module("refpose.mediapipe")
    landmark_pb2 = mp21.framework.formats.landmark_pb2
    base = mp21.tasks.BaseOptions(model_asset_path="refpose:lite")
    options = mp21.tasks.vision.PoseLandmarkerOptions(base_options=base)
    with mp21.tasks.vision.PoseLandmarker.create_from_options(options) as landmarker:
        found = landmarker.detect(mp21.Image(image_format=mp21.ImageFormat.SRGB, data=astronaut()))
    message = landmark_pb2.NormalizedLandmarkList()
    message.landmark.extend([landmark_pb2.NormalizedLandmark(x=p.x, y=p.y, z=p.z) for p in found.pose_landmarks[0]])
    drawn = np.zeros((512, 512, 3), np.uint8)
    mp21.solutions.drawing_utils.draw_landmarks(drawn, message, mp21.solutions.pose.POSE_CONNECTIONS)
    assert drawn.any()
    assert found.pose_landmarks[0][0].to_pb2().x == found.pose_landmarks[0][0].x
