"""Frames in, results out: one after the other, or live on threads of their own."""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, NamedTuple, NoReturn, TypeVar

from ...trackers import Result
from .images import Pixels
from .landmarker import Landmarker

I = TypeVar("I", bound=Pixels)  # noqa: E741 - the version's Image


class Closed(Exception):
    """The session was closed."""


class Frame(NamedTuple, Generic[I]):
    """A picture that waits.

    Attributes
    ----------
    image : Image
    time_us : int
    rotation_degrees : int
    """

    image: I
    time_us: int
    rotation_degrees: int


class Session(Generic[I]):
    """A landmarker in use: calls come one after the other, and an error ends it.

    Parameters
    ----------
    landmarker : Landmarker
    deliver : function, optional
        Live: what becomes of a frame's image, of its time and of the people found. It is called on a thread of its
        own, for one frame after the other.
    newest_only : bool
        Live: whether a frame that waits is dropped when a newer one comes.
    """

    def __init__(
        self,
        landmarker: Landmarker,
        deliver: Callable[[I, int, list[Result]], None] | None = None,
        newest_only: bool = False,
    ) -> None:
        self._landmarker = landmarker
        self._deliver = deliver
        self._newest_only = newest_only
        self._running = threading.Lock()  # held while a frame is worked on
        self._state = threading.Condition()  # guards what follows
        self._closed = False
        self._failure: Exception | None = None
        self._last_us: int | None = None
        self._waiting: deque[Frame[I]] = deque()
        self._accepted = self._begun = False  # whether a frame will be worked on come what may; whether it is now
        self._found: queue.SimpleQueue[tuple[I, int, list[Result]] | None] = queue.SimpleQueue()
        self._threads: tuple[threading.Thread, ...] = ()

    @property
    def closed(self) -> bool:
        return self._closed

    def process(self, image: I, time_us: int | None, rotation_degrees: int) -> list[Result]:
        """The people on a picture, or on the next frame of a video.

        Raises
        ------
        Closed
        ValueError
            When time does not go forward.
        RuntimeError, ValueError
            When the picture cannot be worked on; from then on, every call raises.
        """
        with self._running:
            with self._state:
                self._check(time_us)
            try:
                return self._landmarker.process(image, time_us or 0, rotation_degrees)
            except (RuntimeError, ValueError) as error:
                self._failure = error
                raise type(error)(f"CalculatorGraph::Run() failed: \n{error}") from error

    def send(self, image: I, time_us: int, rotation_degrees: int) -> None:
        """Let the next frame be worked on; raises as `process` does, of the picture when the next frame is sent."""
        with self._state:
            self._check(time_us)
            if not self._threads:
                self._threads = tuple(
                    threading.Thread(target=target, name=f"refpose {target.__name__}", daemon=True)
                    for target in (self._work, self._report)
                )
                for thread in self._threads:
                    thread.start()
            while self._newest_only and len(self._waiting) > (self._accepted and not self._begun):
                self._waiting.pop()
            self._accepted = True
            self._waiting.append(Frame(image, time_us, rotation_degrees))
            self._state.notify_all()

    def close(self) -> None:
        """Accept no more frames, and wait until the results of all that were accepted have been delivered.

        From within the callback, this does not wait for the callback.
        """
        with self._state:
            self._closed = True
            self._state.notify_all()
        with self._running:  # whoever computes on another thread is waited for
            pass
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def close_forgotten(self) -> None:
        """`close`, when nobody holds the task any more; on a thread of the session's own without waiting."""
        if threading.current_thread() in self._threads:
            with self._state:
                self._closed = True
                self._state.notify_all()
        else:
            self.close()

    def _check(self, time_us: int | None) -> None:
        if self._closed:
            raise Closed
        if self._failure is not None:
            self._complain(self._failure)
        if time_us is not None:
            if self._last_us is not None and time_us <= self._last_us:
                raise ValueError("Input timestamp must be monotonically increasing.")
            self._last_us = time_us

    def _complain(self, failure: Exception) -> NoReturn:
        raise type(failure)(f"Graph has errors: \n{failure}")

    def _work(self) -> None:
        """Find people on the frames that wait, on a thread of its own."""
        while True:
            with self._state:
                self._state.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    break
                frame = self._waiting.popleft()
                self._begun = True
            try:
                with self._running:
                    people = self._landmarker.process(frame.image, frame.time_us, frame.rotation_degrees)
            except Exception as error:  # noqa: BLE001 - there is nobody above to whom it could be raised
                _log.exception("PoseLandmarker: the frame at %d us could not be worked on", frame.time_us)
                with self._state:
                    self._failure = error
                    self._waiting.clear()
            else:
                self._found.put((frame.image, frame.time_us, people))
            with self._state:
                self._begun, self._accepted = False, bool(self._waiting)
        self._found.put(None)

    def _report(self) -> None:
        """Deliver results, on a thread of its own."""
        assert self._deliver is not None
        while (found := self._found.get()) is not None:
            try:
                self._deliver(*found)
            except Exception:  # noqa: BLE001 - the next frames are delivered all the same
                _log.exception("PoseLandmarker: the result callback raised an exception")


_log = logging.getLogger("refpose")
