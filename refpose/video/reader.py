"""Frames out of a video file: upright, with their true times."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import arguments
from ..engine.layout import MAX_THREADS
from ..extras import require
from ..images import MAX_PIXELS
from ..reading import errors, limit, refuse_address, refuse_pipe
from .container import opened
from .extent import bytes_missing
from .overlap import MOST, read_ahead
from .upright import display_matrix, swaps_axes, upright

# Containers that state how long they are; that of others FFmpeg finds by looking at what is there.
_STATE_LENGTH = {"matroska", "mov", "asf", "mxf", "flv"}
_STATE_LENGTH_ONLY = {"mxf", "flv"}  # and not how many bytes they have
FALLBACK_RATE = 30.0  # frames per second, where a file says nothing usable


@dataclass(frozen=True)
class Frame:
    """A frame of a video.

    Attributes
    ----------
    index : int
        Number among the frames that could be decoded, from 0.
    time : float
        When it is shown, in seconds on the clock of the file.
    rgb : ndarray of uint8, shape (H, W, 3)
        Upright; C-contiguous and writable.
    """

    index: int
    time: float
    rgb: NDArray[np.uint8]


@dataclass
class _Seen:
    """What was seen of a file up to some frame; see `Reader`."""

    broken: int = 0
    mended: int = 0
    cut_short: bool = False
    pixel_aspect: Fraction = Fraction(1)


class Reader:
    """The frames of a video file; an iterator of `Frame`, and a context manager.

    The pixels are those of PyAV's ``frame.to_ndarray(format="rgb24")``: the colour matrix and range that the file
    states are obeyed, transparency is dropped, 10 and 12 bits per sample become 8, pixels that are not square stay as
    they are stored. Then they are turned and mirrored as the file's display matrix (the rotation tag of phones) says.
    The size may change in mid-stream. Of several video streams FFmpeg's choice is read; cover pictures are none.

    Times are the file's presentation times, which need not begin at 0, nor be equally spaced. Where they do not
    increase, they are mended (see `mended`), so that the times given always do, by a microsecond at least.

    Parameters
    ----------
    path : path-like
        A file in any format that FFmpeg reads. The network is never used, whatever the file says.
    threads : int
        Threads of the decoder.
    ahead : int
        With 1 or more, a thread decodes up to so many frames before they are asked for. Frames, counts and errors come
        as without.

    Raises
    ------
    MissingExtra
        When PyAV is not installed.
    OSError
        When the file cannot be opened (`FileNotFoundError`, `PermissionError`, ...).
    ValueError
        When it is no video, is empty or damaged at its beginning, holds no video stream, or one of a kind that cannot
        be decoded; in the course of iteration, when no frame can be decoded at all. Frames of more pixels than
        `refpose.images.MAX_PIXELS` are broken ones.

    Attributes
    ----------
    codec : str
        Name of the video's codec.
    fps : float or None
        Average frame rate that the file states.
    duration : float or None
        Length that the file states, in seconds.
    declared : int or None
        Number of frames that the file states.
    frames : int
        Number of frames given so far.
    broken : int
        Number of packets and frames skipped so far because they could not be decoded, or only with damage.
    mended : int
        Number of frames whose time stamp was missing, repeated or went back. Without a stamp, a frame comes a nominal
        frame after its predecessor, otherwise half of one. Where the stamps after one that went back go on from it
        instead of returning, the clock was set back (clips were joined), and from there on times follow it.
    cut_short : bool
        Whether the file ended in the middle of a packet, could not be read further, or lacks its end and with it
        frames: the last one does not reach the length that the file states.
    pixel_aspect : Fraction
        Width of a pixel divided by its height, once turned upright; known after the first frame.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int = 1, ahead: int = 0) -> None:
        self._av = require("av", "video")
        self.path = os.fspath(path)
        self._threads = arguments.whole("threads", threads, 1, MAX_THREADS)
        ahead = arguments.whole("ahead", ahead, 0, MOST)
        refuse_address(path)
        refuse_pipe(path)
        with open(path, "rb"):  # the operating system's own errors, with its own messages
            pass
        bound = limit("REFPOSE_MAX_PIXELS", MAX_PIXELS)
        try:
            self._container = opened(self.path)
        except self._av.FFmpegError as error:
            raise ValueError(
                f"{self.path}: cannot be read as a video; it is empty, damaged at its beginning, cut short before its "
                f"index, a list of other files, or none at all ({error.strerror})"
            ) from error
        try:
            self._stream = self._choose()
            self._stream.codec_context.thread_count = self._threads
            self._stream.codec_context.options = {"max_pixels": str(min(bound, 2**31 - 1))}
        except BaseException:
            self._container.close()
            raise
        stream = self._stream
        self.codec: str = stream.codec_context.name
        # Streams without time stamps have an average rate that FFmpeg made up; the codec's own is in the guessed one.
        rate = (stream.start_time is not None and stream.average_rate) or stream.guessed_rate or stream.average_rate
        self.fps: float | None = float(rate) if rate else None
        if stream.duration is not None:
            self.duration: float | None = float(stream.duration * stream.time_base)
        else:
            self.duration = self._container.duration / 1e6 if self._container.duration else None
        self.declared: int | None = stream.frames or None
        self.frames = self.broken = self.mended = 0
        self.cut_short = False
        self.pixel_aspect = Fraction(1)
        self._seen = _Seen()
        self._colors = require("av.video.reformatter", "video").VideoReformatter()
        # Looking at the side data of a frame keeps its memory until Python's garbage collection, so the display matrix
        # is read again only when the angle changes, which PyAV gives without harm.
        self._rotation: int | None = None
        self._matrix: tuple[int, int, int, int] = (1, 0, 0, 1)
        # Half a frame is also the least step of `mended` times: 1000 fps keeps it far above a microsecond.
        self._step = 1 / self.fps if self.fps and self.fps <= 1000 else 1 / FALLBACK_RATE
        self._stamps = _Stamps()
        self._frames = read_ahead(self._read(), ahead)

    def _choose(self) -> Any:
        """Give the stream to read."""
        cover = self._av.stream.Disposition.attached_pic
        videos = [stream for stream in self._container.streams.video if not stream.disposition & cover]
        if not videos:
            kinds = ", ".join(stream.type for stream in self._container.streams) or "none"
            raise ValueError(f"{self.path}: holds no video (its streams: {kinds})")
        best = self._container.streams.best("video")
        stream = best if best in videos else videos[0]
        if stream.codec_context is None:
            raise ValueError(f"{self.path}: the codec of its video is unknown to this build of FFmpeg (PyAV)")
        return stream

    @property
    def expected_frames(self) -> int | None:
        """Estimate of the number of frames from what the file states, None where it states nothing."""
        if self.declared is None and self.duration and self.fps:
            return round(self.duration * self.fps)
        return self.declared

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._frames.close()
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        frame, seen = next(self._frames)
        self.broken, self.mended, self.cut_short = seen.broken, seen.mended, seen.cut_short
        if frame is None:
            raise StopIteration
        self.frames, self.pixel_aspect = frame.index + 1, seen.pixel_aspect
        return frame

    def _read(self) -> Iterator[tuple[Frame | None, _Seen]]:
        """Decode, skipping what is broken: the frames, at last None, and what was seen until then."""
        index, reached = -1, 0.0
        frames = self._timed()
        while True:
            with errors(self.path, "a video"):
                found = next(frames, None)
                if found is None:
                    break
                frame, time = found
                reached = time + self._step
                # One converter for all frames: a frame's own would be made anew, with threads of its own, for each.
                pixels = self._colors.reformat(frame, format="rgb24", threads=self._threads).to_ndarray()
                if frame.rotation != self._rotation:
                    self._rotation, self._matrix = frame.rotation, display_matrix(frame)
            aspect = Fraction(self._stream.codec_context.sample_aspect_ratio or 1) or Fraction(1)
            self._seen.pixel_aspect = 1 / aspect if swaps_axes(*self._matrix) else aspect
            index += 1
            yield Frame(index, time, np.ascontiguousarray(upright(pixels, *self._matrix))), replace(self._seen)
        self._seen.cut_short = self._seen.cut_short or self._ends_early(reached)
        if index < 0:
            damage = f"; {self._seen.broken} were broken" if self._seen.broken else ""
            raise ValueError(f"{self.path}: no frame of this video could be decoded{damage}")
        yield None, self._seen

    def _ends_early(self, reached: float) -> bool:
        """Tell whether the end of the file is missing, and with it frames after `reached` seconds."""
        missing = bytes_missing(self.path)
        names = set(self._container.format.name.split(","))
        if not (names & _STATE_LENGTH and (missing or names & _STATE_LENGTH_ONLY)):
            return bool(missing)
        stated = self.duration
        # Matroska's containers state the length of the longest stream, and streams theirs by a tag: 00:00:02.040000000
        if found := re.fullmatch(r"(\d+):(\d\d):(\d\d\.\d+)", self._stream.metadata.get("DURATION", "")):
            stated = 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3])
        return reached < stated - self._step if stated else bool(missing)

    def _stamped(self) -> Iterator[tuple[Any, float | None]]:
        """Give the whole frames and their stamps in seconds on the file's clock."""
        for frame in self._decode():
            if frame.is_corrupt:
                self._seen.broken += 1
                continue
            stamp = self._stamps.best(frame.pts, frame.dts)
            yield frame, None if stamp is None else float(stamp * self._stream.time_base)

    def _timed(self) -> Iterator[tuple[Any, float]]:
        """Give the frames and their times in seconds, mended where they do not come after the last one's."""
        frames = self._stamped()
        waiting: tuple[Any, float | None] | None = None  # the frame after, where its stamp was asked for
        last: float | None = None
        shift = 0.0  # from the file's clock to the times given
        while entry := waiting or next(frames, None):
            (frame, stamp), waiting = entry, None
            if stamp is None:
                time = 0.0 if last is None else last + self._step
                self._seen.mended += 1
            else:
                time = stamp + shift
                if last is not None and round(time * 1e6) <= round(last * 1e6):
                    self._seen.mended += 1
                    waiting = next(frames, None)
                    follows = None if waiting is None else waiting[1]
                    if follows is not None and stamp < follows <= last - shift:
                        # The clock was set back: the next frame does not return to the old one either.
                        shift = last + self._step - stamp
                        time = stamp + shift
                    else:
                        # Half a frame, so that the frame after a repeated stamp can keep its own.
                        time = last + self._step / 2
            last = time
            yield frame, time

    def _decode(self) -> Iterator[Any]:
        """Give the frames that the decoder makes of the packets."""
        failures = self._av.FFmpegError
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except failures:
                self._seen.cut_short = True
                packet = None  # what is still inside the decoder
            # Only the last packet can be incomplete for want of bytes; damage in mid-stream marks others too.
            if packet is not None and packet.size:
                self._seen.cut_short = packet.is_corrupt
            try:
                yield from self._stream.codec_context.decode(packet)
            except failures as error:
                if isinstance(error, self._av.error.DecoderNotFoundError):
                    raise ValueError(
                        f"{self.path}: this build of FFmpeg (PyAV) has no decoder for {self.codec}"
                    ) from error
                self._seen.broken += 1
            if packet is None:
                return


class _Stamps:
    """FFmpeg's choice between presentation and decoding time stamps (libavcodec/decode.c, guess_correct_pts).

    Some files (H.264 in AVI) state presentation times that go back and forth, and decoding times that do not; frames
    come in the order of presentation either way.
    """

    def __init__(self) -> None:
        self._last: list[int | None] = [None, None]
        self._faulty = [0, 0]

    def best(self, pts: int | None, dts: int | None) -> int | None:
        """Give the stamp to use for the next frame, None where it has none."""
        for k, stamp in enumerate((pts, dts)):
            if stamp is not None:
                last = self._last[k]
                self._faulty[k] += last is not None and stamp <= last
                self._last[k] = stamp
        if pts is not None and (dts is None or self._faulty[0] <= self._faulty[1]):
            return pts
        return dts
