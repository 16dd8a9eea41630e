"""Show the skeleton on the live picture of a camera.

The camera is read with OpenCV (pip install opencv-python): by its number, the path of its device (/dev/video0), or the
address of a camera in the network (rtsp://...), the only case in which refpose uses the network. The window is
OpenCV's, or Tk's where OpenCV was built without windows. The window's close button, Esc and q end it. Nothing is
recorded. When the camera gives no picture for --patience seconds, that is said, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import queue
import re
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .. import draw, messages
from ..extras import MissingExtra
from ..families import family_of
from ..motion.angles import Stream
from ..motion.labels import draw_angles
from ..pose import Pose
from ..video import Frame, process
from . import movement, options
from .streams import Clip, drawn, without_unsure

TITLE = "refpose"
_ESCAPE = 27
_PAUSE = 0.05  # seconds between two questions for a picture that does not come


class Window(Protocol):
    """Where pictures are shown."""

    def show(self, rgb: NDArray[np.uint8]) -> bool:
        """Show a picture, (H, W, 3) RGB; False when the user has closed the window."""

    def close(self) -> None:
        """Take the window off the screen."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``refpose camera``."""
    parser.add_argument(
        "--camera",
        type=_camera,
        default=0,
        metavar="WHICH",
        help="number, path or address of the camera",
    )
    parser.add_argument(
        "--patience",
        type=options.seconds,
        default=5.0,
        metavar="S",
        help="seconds to wait for a picture that does not come",
    )
    parser.add_argument("--mirror", action="store_true", help="show the picture as a mirror would")
    movement.add_region(parser)
    movement.add_confidence(parser)
    movement.add_smoothing(parser)
    options.add_drawing(parser, ("skeleton",))
    movement.add_drawn_angles(parser)
    options.add_arguments(parser)


def _camera(text: str) -> int | str:
    """Read the number of a camera, or leave its path or address as it is."""
    return int(text) if text.isdecimal() else text


def run(args: argparse.Namespace) -> int:
    """Do ``refpose camera``."""
    mode = family_of(args.model).live_mode
    pose = options.make_pose(options.settings(args, mode=mode, smooth=movement.smoothing(args)), args.threads)
    frames = read_camera(args.camera, args.patience)
    window = open_window()
    begun = time.perf_counter()
    try:
        clip = Clip(frames, roi=args.roi)
        angles = Stream(pose.topology.names, args.angles_from, facing=args.facing) if args.draw_angles else None
        count = show(clip, pose, window, options.drawn(args), args.mirror, args.min_visibility, args.color_by, angles)
    finally:
        frames.close()
        window.close()
    messages.say(f"{count} frames, {count / (time.perf_counter() - begun):.1f} per second", sys.stderr)
    return 0


def show(
    frames: Clip,
    pose: Pose,
    window: Window,
    parts: list[str],
    mirror: bool = False,
    least: float | None = None,
    color_by: str = "side",
    angles: Stream | None = None,
) -> int:
    """Find and show people until the frames end or the window is closed.

    Parameters
    ----------
    frames : Clip
        Drawn into.
    pose : Pose
    window : Window
    parts : list of str
        As for `refpose.draw.person`.
    mirror : bool
        Whether left and right of the picture change places; the person's own do not.
    least : float, optional
        Key points of less visibility are not drawn; the skeleton's own limit without it.
    color_by : str
        As for `refpose.draw.people`.
    angles : Stream, optional
        The angles that are written beside the joints; none without it.

    Returns
    -------
    int
        Number of frames shown.
    """
    count = 0
    for result in process(frames, pose):
        count += 1
        shown = [drawn(person, least) for person in result.people]
        draw.people(frames.rgb, shown, parts, color_by)
        picture = np.ascontiguousarray(frames.rgb[:, ::-1]) if mirror else frames.rgb
        if angles is not None:
            sure = result.people if least is None else [without_unsure(person, least) for person in result.people]
            for person, degrees in zip(shown, angles.of_people(sure), strict=True):
                draw_angles(picture, person, degrees, angles.angles, mirror)
        if not window.show(picture):
            break
    return count


def read_camera(which: int | str, patience: float = 5.0) -> Generator[Frame, None, None]:
    """Give the frames of a camera, each at the time it came.

    Parameters
    ----------
    which : int or str
        Number of the camera, path of its device, or its address (``rtsp://...``), as ``cv2.VideoCapture`` takes them.
    patience : float
        For how long a picture that cannot be read is asked for again, in seconds.

    Raises
    ------
    MissingExtra
        When OpenCV is not installed.
    OSError
        When there is no such camera, or it is busy or not permitted; in the course of iteration, when it gives no
        picture any more.
    """
    try:
        cv2 = import_module("cv2")
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "cv2 (OpenCV) is needed to read a camera and is not installed; get it with: pip install opencv-python",
            name="cv2",
        ) from error
    name = re.sub("//[^/]*@", "//", str(which))  # without its password
    try:
        camera = cv2.VideoCapture(which)
        there = camera.isOpened()
    except Exception as error:  # of OpenCV, or an OverflowError for a number that is none of a camera
        raise OSError(f"camera {name} cannot be opened: {error}") from error
    if not there:
        camera.release()
        raise OSError(f"camera {name} cannot be opened: it is not there, in use by another program, or not permitted")
    return _frames(camera, name, patience)


def _frames(camera: Any, name: str, patience: float) -> Generator[Frame, None, None]:
    """Give the frames of an open camera until it stops for longer than `patience`."""
    answers: queue.SimpleQueue[NDArray[np.uint8] | None] = queue.SimpleQueue()
    index, last, answered = 0, time.perf_counter(), True
    try:
        while True:
            left = last + patience - time.perf_counter()
            # In a thread: a camera that has gone may keep its reader for ever, and Ctrl-C waits for the end of a call.
            threading.Thread(target=lambda: answers.put(_picture(camera)), daemon=True).start()
            answered = False
            with suppress(queue.Empty):
                picture = answers.get(timeout=max(left, _PAUSE))
                answered = True
            now = time.perf_counter()
            if answered and picture is not None:
                yield Frame(index, now, picture)
                index, last = index + 1, time.perf_counter()
            elif not answered or now - last >= patience:
                raise OSError(
                    f"camera {name} has given no picture for {patience:g} seconds: unplugged, switched off, or taken "
                    f"by another program ({index} frames came before)"
                )
            else:
                time.sleep(_PAUSE)
    finally:
        if answered:  # else it is being read
            camera.release()


def _picture(camera: Any) -> NDArray[np.uint8] | None:
    """Ask a camera for a picture, (H, W, 3) RGB; None where it has none, or one that is no picture."""
    try:
        there, picture = camera.read()
        bgr = np.asarray(picture if there else None)
        if bgr.ndim == 2:  # grey
            bgr = np.repeat(bgr[:, :, None], 3, axis=2)
        whole = bgr.dtype == np.uint8 and bgr.ndim == 3 and bgr.shape[2] in (3, 4) and bgr.size
        return np.ascontiguousarray(bgr[:, :, 2::-1]) if whole else None
    except Exception:  # noqa: BLE001 (cv2.error, and what backends make of a camera that is being unplugged)
        return None


def open_window() -> Window:
    """Open a window.

    Raises
    ------
    OSError
        When none is possible, with the reasons.
    """
    # Without a display OpenCV's windows end the whole process instead of raising an error.
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise OSError("no window can be opened: there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)")
    reasons = []
    kinds: tuple[Callable[[], Window], ...] = (OpenCVWindow, TkWindow)
    for kind in kinds:
        try:
            return kind()
        except Exception as error:  # noqa: BLE001 (cv2.error, tkinter.TclError, ImportError: neither need be there)
            reasons.append(f"{kind.__name__}: {str(error).strip()}")
    raise OSError(f"no window can be opened: {'; '.join(reasons)}")


class OpenCVWindow:
    """A window of OpenCV."""

    def __init__(self) -> None:
        self._cv2 = import_module("cv2")
        self._cv2.namedWindow(TITLE)

    def show(self, rgb: NDArray[np.uint8]) -> bool:
        try:
            self._cv2.imshow(TITLE, np.ascontiguousarray(rgb[:, :, ::-1]))
            key = self._cv2.waitKey(1) & 0xFF
            closed = self._cv2.getWindowProperty(TITLE, self._cv2.WND_PROP_VISIBLE) < 1
        except self._cv2.error:  # OpenCV's Qt windows, when the last one was closed; or the display is gone
            return False
        return not closed and key not in (_ESCAPE, ord("q"))

    def close(self) -> None:
        with suppress(self._cv2.error):
            self._cv2.destroyAllWindows()


class TkWindow:
    """A window of Tk, which comes with most Pythons."""

    def __init__(self) -> None:
        tkinter = import_module("tkinter")
        self._photo = import_module("PIL.ImageTk").PhotoImage
        self._open = True
        self._gone = tkinter.TclError  # whatever is done with a window that something else has destroyed
        self._root = tkinter.Tk()
        self._root.title(TITLE)
        self._root.protocol("WM_DELETE_WINDOW", self._end)
        for key in ("<Escape>", "q"):
            self._root.bind(key, self._end)
        self._label = tkinter.Label(self._root)
        self._label.pack()

    def _end(self, event: Any = None) -> None:
        self._open = False

    def show(self, rgb: NDArray[np.uint8]) -> bool:
        self._shown = self._photo(Image.fromarray(np.ascontiguousarray(rgb)))  # Tk itself does not keep it
        try:
            self._label.configure(image=self._shown)
            self._root.update()
        except self._gone:
            self._open = False
        return self._open

    def close(self) -> None:
        with suppress(self._gone):
            self._root.destroy()
