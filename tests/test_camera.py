"""`refpose camera` with a camera and windows that are none."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import videos
from numpy.typing import NDArray

from refpose import Pose, cli, video
from refpose.images import read_image
from refpose.motion.angles import Stream
from refpose.motion.labels import draw_angles
from refpose.tools import camera
from refpose.tools.streams import Clip

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


class Screen:
    """A window that remembers what it was shown, and is closed by the user at some frame."""

    def __init__(self, closed_at: int = -1) -> None:
        self.shown: list[NDArray[np.uint8]] = []
        self.closed_at = closed_at
        self.closed = False

    def show(self, rgb: NDArray[np.uint8]) -> bool:
        self.shown.append(rgb.copy())
        return len(self.shown) != self.closed_at

    def close(self) -> None:
        self.closed = True


class Camera:
    """What cv2.VideoCapture is. Four frames come, the third when it is asked for again, and then no more."""

    def __init__(self, which: int | str) -> None:
        self.which, self.asked, self.frame, self.released = which, 0, 0, False
        opened.append(self)

    def isOpened(self) -> bool:
        return self.which != 7

    def read(self) -> tuple[bool, NDArray[np.uint8] | None]:
        self.asked += 1
        if self.asked == 3 or self.frame == 4:
            return False, None
        self.frame += 1
        return True, videos.scene(self.frame)[:, :, ::-1]

    def release(self) -> None:
        self.released = True


opened: list[Camera] = []


class OpenCVError(Exception):
    """cv2.error: what a build of OpenCV without windows raises, and others where there is no window any more."""


class TclError(Exception):
    """What Tk raises when the window is gone."""


@pytest.fixture
def cv2(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An OpenCV with a camera and windows, and a display."""
    module: Any = ModuleType("cv2")
    module.VideoCapture, module.WND_PROP_VISIBLE, module.error = Camera, 4, OpenCVError
    module.shown, module.keys, module.visible = [], [], 1
    module.namedWindow = lambda title: None
    module.imshow = lambda title, bgr: module.shown.append(bgr)
    module.waitKey = lambda delay: module.keys.pop(0) if module.keys else -1
    module.getWindowProperty = lambda title, which: module.visible
    module.destroyAllWindows = lambda: module.shown.append("destroyed")
    monkeypatch.setitem(sys.modules, "cv2", module)
    monkeypatch.setenv("DISPLAY", ":0")
    opened.clear()
    return module


def frames(count: int) -> list[video.Frame]:
    return [video.Frame(number, number / 25, videos.scene(number)) for number in range(count)]


def test_every_frame_is_shown_with_a_skeleton() -> None:
    screen = Screen()
    assert camera.show(Clip(frames(3)), Pose("lite"), screen, ["skeleton"]) == 3
    assert all((shown != videos.scene(number)).any() for number, shown in enumerate(screen.shown))


def test_mirror_turns_the_picture_and_not_the_person() -> None:
    plain, mirrored = Screen(), Screen()
    camera.show(Clip(frames(2)), Pose("lite"), plain, ["skeleton"])
    camera.show(Clip(frames(2)), Pose("lite"), mirrored, ["skeleton"], mirror=True)
    assert all(np.array_equal(one[:, ::-1], two) for one, two in zip(plain.shown, mirrored.shown, strict=True))


@pytest.mark.parametrize("mirror", [False, True])
def test_angles_beside_the_joints_can_be_read(mirror: bool) -> None:
    """Also in a mirror: joints change places, letters do not."""
    picture = read_image(EXAMPLES / "skier.png")
    screen, pose, skier = Screen(), Pose("lite"), [video.Frame(0, 0.0, picture.copy())]
    camera.show(Clip(skier), pose, screen, [], mirror, angles=Stream())
    (person,) = Pose("lite").process(picture)
    (degrees,) = Stream().of_people([person])
    width = picture.shape[1]
    expected = np.ascontiguousarray(picture[:, ::-1] if mirror else picture)
    if mirror:
        landmarks = person.landmarks.copy()
        landmarks[:, 0] = (width - 1) / width - landmarks[:, 0]
        person = replace(person, landmarks=landmarks)
    before = expected.copy()
    draw_angles(expected, person, degrees)
    assert (expected != before).any(axis=2).sum() > 500
    assert np.array_equal(screen.shown[0], expected)


@pytest.mark.parametrize("verb", ["image", "video", "camera", "export"])
def test_options_that_mean_the_same_have_the_same_name(verb: str) -> None:
    """What a verb has not is nothing that it could do."""
    options = {
        name: {option for action in parser._actions for option in action.option_strings}
        for name, parser in cli.verbs(cli.parser()).items()
    }
    drawn = {"--draw-angles", "--draw-skeleton", "--color-by", "--min-detection-confidence", "--people", "--roi"}
    written = {
        "--angles",
        "--csv",
        "--every-frame",
        "--format",
        "--joints",
        "--markers",
        "--person",
        "--rate",
        "--wide",
    }
    written |= {"--force", "--output", "--unit", "--origin"}
    everywhere = {"--angles-from", "--facing", "--min-visibility"}
    wanted = everywhere | (drawn if verb != "export" else set()) | (written if verb != "camera" else set())
    wanted |= {"--start", "--end", "--fps"} if verb in ("video", "export") else set()
    wanted |= {"--no-smooth", "--min-cutoff"} if verb in ("video", "camera") else set()
    assert wanted <= options[verb]


def test_closing_the_window_ends_it() -> None:
    screen = Screen(closed_at=2)
    assert camera.show(Clip(frames(5)), Pose("lite"), screen, []) == 2


def test_from_camera_to_window(cv2: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.keys = [-1, -1, -1, 27]
    assert cli.main(["camera", "--model=lite", "--mirror", "--draw-roi"]) == 0
    assert len(cv2.shown) == 5
    assert cv2.shown[-1] == "destroyed"
    assert cv2.shown[0].flags.c_contiguous
    assert opened[0].released
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("4 frames, ")


@pytest.mark.parametrize("key", [27, ord("q")])
def test_keys_that_end_it(cv2: Any, key: int) -> None:
    cv2.keys = [-1, key]
    assert cli.main(["camera", "--model=lite"]) == 0
    assert len(cv2.shown) == 3


def test_close_button_of_opencv(cv2: Any) -> None:
    cv2.visible = 0
    assert cli.main(["camera", "--model=lite"]) == 0
    assert len(cv2.shown) == 2


def test_close_button_of_opencvs_qt(cv2: Any) -> None:
    cv2.getWindowProperty = without_windows
    assert cli.main(["camera", "--model=lite"]) == 0
    assert len(cv2.shown) == 2


def test_colours_are_opencvs_on_the_way_in_and_out(cv2: Any) -> None:
    first = next(camera.read_camera(0))
    assert np.array_equal(first.rgb, videos.scene(1))
    camera.OpenCVWindow().show(first.rgb)
    assert np.array_equal(cv2.shown[0], videos.scene(1)[:, :, ::-1])


def test_times_increase(cv2: Any) -> None:
    frames = list(itertools.islice(camera.read_camera(0), 4))
    assert all(np.diff([frame.time for frame in frames]) > 0)


def test_camera_that_stops(cv2: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """It is asked again for as long as was said; then that is an error, and not the end as the user wants it."""
    begun = time.monotonic()
    assert cli.main(["camera", "--model=lite", "--patience=0.3"]) == 1
    assert time.monotonic() - begun >= 0.3
    assert capsys.readouterr().err.endswith(
        "refpose camera: camera 0 has given no picture for 0.3 seconds: unplugged, switched off, or taken by another "
        "program (4 frames came before)\n"
    )
    assert opened[0].asked > 6
    assert opened[0].released
    assert cv2.shown[-1] == "destroyed"


@pytest.mark.parametrize("which", ["/dev/video2", "rtsp://camera.local/live"])
def test_camera_by_path_and_address(cv2: Any, which: str) -> None:
    cv2.keys = [27]
    assert cli.main(["camera", "--model=lite", "--camera", which]) == 0
    assert opened[0].which == which


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "soon"])
def test_patience_that_is_none(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["camera", f"--patience={text}"])
    assert "expected seconds, 0 or more" in capsys.readouterr().err


def test_no_such_camera(cv2: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["camera", "--model=lite", "--camera", "7"]) == 1
    assert "camera 7 cannot be opened" in capsys.readouterr().err
    assert opened[0].released


def test_no_opencv(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert cli.main(["camera", "--model=lite"]) == 1
    assert "pip install opencv-python" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="displays are told by variables on Linux only")
def test_no_display(cv2: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert cli.main(["camera", "--model=lite"]) == 1
    assert "there is no display" in capsys.readouterr().err


def without_windows(*args: object) -> None:
    raise OpenCVError("The function is not implemented.\n")


def tk_gone(*args: object) -> None:
    raise TclError("application has been destroyed")


def test_tk_where_opencv_has_no_windows(cv2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.namedWindow = without_windows
    updates: list[str] = []
    bound: dict[str, Any] = {}

    class Tk:
        def __init__(self) -> None:
            self.protocol = self.bind = bound.__setitem__
            self.title = self.update = self.destroy = lambda *args: updates.append("called")

        def vanish(self) -> None:
            self.update = self.destroy = tk_gone

    class Label:
        def __init__(self, root: Tk) -> None:
            self.image = None

        def pack(self) -> None:
            pass

        def configure(self, image: object) -> None:
            self.image = image

    monkeypatch.setitem(sys.modules, "tkinter", SimpleNamespace(Tk=Tk, Label=Label, TclError=TclError))
    monkeypatch.setitem(sys.modules, "PIL.ImageTk", SimpleNamespace(PhotoImage=lambda picture: picture.size))
    window = camera.open_window()
    assert isinstance(window, camera.TkWindow)
    assert window.show(videos.scene(0)[:, ::-1])
    assert window._label.image == (256, 192)
    bound["<Escape>"]("event")
    assert not window.show(videos.scene(0))
    assert set(bound) == {"WM_DELETE_WINDOW", "<Escape>", "q"}
    window.close()
    killed = camera.TkWindow()
    killed._root.vanish()
    assert not killed.show(videos.scene(0))
    killed.close()


def test_no_window_at_all(cv2: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.namedWindow = without_windows
    monkeypatch.setitem(sys.modules, "tkinter", None)
    assert cli.main(["camera", "--model=lite"]) == 1
    err = capsys.readouterr().err
    assert "no window can be opened: OpenCVWindow: The function is not implemented.; TkWindow: import of tkinter" in err


def test_opencv_that_lacks_a_library(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(name: str) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(camera, "import_module", broken)
    assert cli.main(["camera", "--model=lite"]) == 1
    assert capsys.readouterr().err == (
        "refpose camera: libGL.so.1: cannot open shared object file: No such file or directory\n"
    )


def test_camera_that_keeps_its_reader(cv2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that never comes is one that does not come; the camera is left to the one that still reads it."""
    never = threading.Event()
    monkeypatch.setattr(Camera, "read", lambda self: never.wait(20))
    with pytest.raises(OSError, match=r"no picture for 0.1 seconds: .* \(0 frames came before\)"):
        next(camera.read_camera(0, patience=0.1))
    never.set()
    assert not opened[0].released


def failing(camera: Camera) -> None:
    raise OpenCVError("can't grab frame")


@pytest.mark.parametrize(
    "read",
    [
        failing,
        lambda camera: (True, None),
        lambda camera: (True, np.zeros((0, 0, 3), np.uint8)),
        lambda camera: (True, np.zeros((4, 4, 2), np.uint8)),
        lambda camera: (True, np.zeros((4, 4, 3), np.uint16)),
        lambda camera: None,
    ],
)
def test_what_is_no_picture_is_asked_for_again(cv2: Any, monkeypatch: pytest.MonkeyPatch, read: Any) -> None:
    monkeypatch.setattr(Camera, "read", read)
    with pytest.raises(OSError, match=r"no picture for 0\.01 seconds"):
        next(camera.read_camera(0, patience=0.01))
    assert opened[0].released


def test_grey_pictures_and_such_with_transparency(cv2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bgr = videos.scene(1)[:, :, ::-1]
    clear = np.dstack([bgr, np.full(bgr.shape[:2], 7, np.uint8)])
    pictures = iter([clear, bgr[:, :, 0], bgr[:50, :60]])  # and another size
    monkeypatch.setattr(Camera, "read", lambda self: (True, next(pictures)))
    three = [frame.rgb for frame in itertools.islice(camera.read_camera(0), 3)]
    assert np.array_equal(three[0], videos.scene(1))
    assert np.array_equal(three[1], np.repeat(bgr[:, :, :1], 3, axis=2))
    assert np.array_equal(three[2], videos.scene(1)[:50, :60])


@pytest.mark.parametrize(
    ("which", "name"), [("9" * 30, "9" * 30), ("rtsp://me:secret@c.local/a@b", "rtsp://c.local/a@b")]
)
def test_cameras_that_opencv_refuses(cv2: Any, which: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(which: object) -> None:
        raise OpenCVError("not supported")

    cv2.VideoCapture = refuse
    assert cli.main(["camera", "--model=lite", "--camera", which]) == 1
    assert capsys.readouterr().err == f"refpose camera: camera {name} cannot be opened: not supported\n"


def test_display_that_goes(cv2: Any) -> None:
    cv2.imshow = cv2.destroyAllWindows = without_windows
    assert cli.main(["camera", "--model=lite"]) == 0
    assert opened[0].released


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_interrupt_while_the_camera_gives_nothing(
    cv2: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reading, never = threading.Event(), threading.Event()
    monkeypatch.setattr(Camera, "read", lambda self: reading.set() or never.wait(20))

    def interrupt() -> None:
        reading.wait()
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt).start()
        begun = time.monotonic()
        assert cli.main(["camera", "--model=lite", "--patience=15"]) == 130
        assert time.monotonic() - begun < 15
    finally:
        signal.signal(signal.SIGINT, before)
        never.set()
    assert capsys.readouterr().err == "refpose: interrupted\n"
