"""Video files in and out (PyAV): frames upright with their true times, H.264 that browsers play, sound kept.

for frame in refpose.video.process("clip.mp4", refpose.Pose()):
    frame.index, frame.time, frame.rgb, frame.people
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from . import arguments
from .extras import require
from .files import replacing
from .images import MAX_PIXELS
from .reading import errors, limit

if TYPE_CHECKING:
    from .pose import Person, Pose

# Endings by which videos are recognised in a folder. A file that is named is opened whatever its ending.
ENDINGS = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".asf", ".flv", ".3gp", ".ogv", ".mxf"),
        *(".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".vob"),
    )
)

# FFmpeg's readers for these files, and the few that streams without a container need. Playlists and lists of files
# (concat, hls, dash, image2 ...) are not among them: they open other files, whatever they are called.
_READERS = (
    *("mov", "matroska", "webm", "avi", "asf", "flv", "live_flv", "ogg", "mxf", "mpeg", "mpegts", "mpegvideo", "vob"),
    *("gif", "apng", "webp_anim", "ivf", "nut", "rm", "dv", "wtv", "yuv4mpegpipe", "swf", "nsv", "gxf", "bink", "obu"),
    *("h261", "h263", "h264", "hevc", "vvc", "av1", "m4v", "mjpeg", "mjpeg_2000", "vc1", "dirac", "cavsvideo"),
)
READABLE = (
    "MP4, MOV, Matroska, WebM, AVI, MPEG-TS, MPEG-PS, WMV, FLV, Ogg, MXF, 3GP, GIF and what else is one local file"
)
"""The kinds of files in words, for users."""

_FALLBACK_RATE = 30.0  # frames per second, where a file says nothing usable
_TICK = Fraction(
    1, 90_000
)  # time base of written videos (MPEG's clock): 24, 25, 30, 50, 60 and 30000/1001 fps are exact
# Sound that MP4 takes and browsers play is copied as it is, the rest becomes AAC.
_COPIED_SOUND = ("aac", "mp3", "flac", "opus")
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_PRIMING = 0.1  # seconds of sound before the first frame that are kept: encoders' run-in, hidden by the player


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


@dataclass(frozen=True)
class FrameResult:
    """A frame of a video and who was found on it.

    Attributes
    ----------
    index, time, rgb
        As in `Frame`.
    people : list of Person
        Empty when nobody was found.
    """

    index: int
    time: float
    rgb: NDArray[np.uint8]
    people: list[Person]


def process(source: str | os.PathLike[str] | Iterable[Frame], pose: Pose) -> Iterator[FrameResult]:
    """Find people on the frames of a video.

    Frames are decoded one by one as they are asked for, so memory does not grow with the length of the video.

    Parameters
    ----------
    source : path-like, Reader, or iterable of Frame
        A video file; or frames from elsewhere, their times in seconds and increasing. With a `Reader`, its counts of
        broken frames and mended time stamps can be looked at afterwards.
    pose : Pose
        Is reset first: a new video begins. The presentation times of the frames go to its filters.

    Yields
    ------
    FrameResult

    Raises
    ------
    MissingExtra, OSError, ValueError
        As `Reader`.
    """
    if isinstance(source, str | os.PathLike):
        with Reader(source) as reader:
            yield from process(reader, pose)
        return
    pose.reset()
    for frame in source:
        yield FrameResult(frame.index, frame.time, frame.rgb, pose.process(frame.rgb, timestamp=frame.time))


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
        Whether the file ended in the middle of a packet, or could not be read further.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int = 1) -> None:
        self._av = require("av", "video")
        self.path = os.fspath(path)
        if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
            raise ValueError(f"{self.path}: not a file")  # a pipe would wait for its other end
        with open(path, "rb"):  # the operating system's own errors, with its own messages
            pass
        bound = limit("REFPOSE_MAX_PIXELS", MAX_PIXELS)
        try:
            self._container = _opened(self.path)
        except self._av.FFmpegError as error:
            raise ValueError(
                f"{self.path}: cannot be read as a video; it is empty, damaged at its beginning, cut short before its "
                f"index, a list of other files, or none at all ({error.strerror})"
            ) from error
        try:
            self._stream = self._choose()
            self._stream.codec_context.thread_count = arguments.whole("threads", threads, least=1)
            self._stream.codec_context.options = {"max_pixels": str(min(bound, 2**31 - 1))}
        except BaseException:
            self.close()
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
        self._sideways = False
        # Looking at the side data of a frame keeps its memory until Python's garbage collection, so the display matrix
        # is read again only when the angle changes, which PyAV gives without harm.
        self._rotation: int | None = None
        self._matrix: tuple[int, int, int, int] = (1, 0, 0, 1)
        # Half a frame is also the least step of `mended` times: 1000 fps keeps it far above a microsecond.
        self._step = 1 / self.fps if self.fps and self.fps <= 1000 else 1 / _FALLBACK_RATE
        self._stamps = _Stamps()
        self._frames = self._read()

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

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a pixel divided by its height, once turned upright; known after the first frame."""
        aspect = Fraction(self._stream.codec_context.sample_aspect_ratio or 1) or Fraction(1)
        return 1 / aspect if self._sideways else aspect

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        return next(self._frames)

    def _read(self) -> Iterator[Frame]:
        """Decode, skipping what is broken."""
        frames = self._timed()
        while True:
            with errors(self.path, "a video"):
                found = next(frames, None)
                if found is None:
                    break
                frame, time = found
                pixels = frame.to_ndarray(format="rgb24")
                if frame.rotation != self._rotation:
                    self._rotation, self._matrix = frame.rotation, _display_matrix(frame)
            a, b, c, d = self._matrix
            self._sideways = _swaps_axes(a, b, c, d)
            pixels = _upright(pixels, a, b, c, d)
            self.frames += 1
            yield Frame(self.frames - 1, time, np.ascontiguousarray(pixels))
        if not self.frames:
            damage = f"; {self.broken} were broken" if self.broken else ""
            raise ValueError(f"{self.path}: no frame of this video could be decoded{damage}")

    def _stamped(self) -> Iterator[tuple[Any, float | None]]:
        """Give the whole frames and their stamps in seconds on the file's clock."""
        for frame in self._decode():
            if frame.is_corrupt:
                self.broken += 1
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
                self.mended += 1
            else:
                time = stamp + shift
                if last is not None and round(time * 1e6) <= round(last * 1e6):
                    self.mended += 1
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
                self.cut_short = True
                packet = None  # what is still inside the decoder
            # Only the last packet can be incomplete for want of bytes; damage in mid-stream marks others too.
            if packet is not None and packet.size:
                self.cut_short = packet.is_corrupt
            try:
                yield from self._stream.codec_context.decode(packet)
            except failures as error:
                if isinstance(error, self._av.error.DecoderNotFoundError):
                    raise ValueError(
                        f"{self.path}: this build of FFmpeg (PyAV) has no decoder for {self.codec}"
                    ) from error
                self.broken += 1
            if packet is None:
                return


def _opened(path: str | os.PathLike[str]) -> Any:
    """Open a file with one of `_READERS`."""
    # "file:" so that no name is taken for a protocol, the lists so that nothing else than this file is read.
    options = {"protocol_whitelist": "file", "format_whitelist": ",".join(_READERS)}
    # Titles and the like in no known encoding are of no interest.
    return require("av", "video").open(f"file:{os.fspath(path)}", options=options, metadata_errors="replace")


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


def _display_matrix(frame: Any) -> tuple[int, int, int, int]:
    """Give the numbers a, b, c, d of a frame's display matrix, see `_upright`."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    (a, b, _), (c, d, _), _ = np.frombuffer(bytes(data), np.int32)[:9].reshape(3, 3).tolist()
    return a, b, c, d


def _swaps_axes(a: float, b: float, c: float, d: float) -> bool:
    """Tell whether a display matrix makes rows of columns, to the nearest quarter turn."""
    return abs(a) + abs(d) < abs(b) + abs(c)


def _upright(pixels: NDArray[np.uint8], a: float, b: float, c: float, d: float) -> NDArray[np.uint8]:
    """Turn and mirror a frame as its display matrix says, to the nearest quarter turn.

    The matrix takes column p and row q to column a p + c q and row b p + d q (ISO 14496-12, 6.2.2; FFmpeg's
    libavutil/display.h), up to the shift that brings the picture back to the origin.
    """
    if _swaps_axes(a, b, c, d):
        pixels, a, d = pixels.swapaxes(0, 1), c, b
    return pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]


@contextmanager
def create(
    path: str | os.PathLike[str],
    fps: float | None = None,
    sound_of: str | os.PathLike[str] | None = None,
    pixel_aspect: Fraction | None = None,
    threads: int = 1,
) -> Iterator[Writer]:
    """Write an MP4 file; it appears under its name when the block is left, whole or not at all.

    H.264 with 4:2:0 colours (BT.709) and the index at the beginning of the file, which browsers play while it loads.
    Frames are shown at their own times; the first one's is the beginning of the file.

    Parameters
    ----------
    path : path-like
        The file, ending in ``.mp4``; one that is there is replaced.
    fps : float, optional
        Nominal frame rate, which players display and the encoder plans with; times are not rounded to it.
    sound_of : path-like, optional
        A video whose sound is kept: copied, or made AAC where browsers would not play it. None where it has none.
    pixel_aspect : Fraction, optional
        Width of a pixel divided by its height; 1 where not given.
    threads : int
        Threads of the encoder.

    Yields
    ------
    Writer

    Raises
    ------
    MissingExtra
        When PyAV is not installed.
    OSError
        When the file cannot be written, for example because the disk is full; what was there before stays.
    ValueError
        When the ending is another one, no frame was written, or this build of FFmpeg has no encoder for H.264.
    """
    target = Path(path)
    if target.suffix.lower() != ".mp4":
        raise ValueError(f"{target}: a video is written to a file that ends in .mp4")
    rate = _FALLBACK_RATE if fps is None else arguments.number("fps", fps, least=0) or _FALLBACK_RATE
    aspect = Fraction(1) if pixel_aspect is None else Fraction(arguments.exact("pixel_aspect", pixel_aspect))
    if aspect <= 0:
        raise ValueError(f"pixel_aspect must be above zero, not {pixel_aspect!r}")
    threads = arguments.whole("threads", threads, least=1)
    with replacing(target) as temporary:
        writer = Writer(temporary, target, rate, sound_of, aspect, threads)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()


class Writer:
    """The video file that `create` writes.

    Attributes
    ----------
    sound : str or None
        Codec of the sound that is kept, None if there is none; known once the first frame is written.
    """

    def __init__(
        self,
        temporary: Path,
        target: Path,
        fps: float,
        sound_of: str | os.PathLike[str] | None,
        pixel_aspect: Fraction,
        threads: int,
    ) -> None:
        self._av = require("av", "video")
        self._target = target
        self._rate = Fraction(min(max(fps, 1.0), 1000.0)).limit_denominator(1001)
        self._sound_of = sound_of
        self._aspect = pixel_aspect
        self._threads = threads
        self._sound: _Sound | None = None
        self._size: tuple[int, int] | None = None
        self._start = self._last_time = 0.0
        self._sound_end = float("inf")
        self._last_tick = -1
        # A name of its own ending: FFmpeg would take a leading word with a colon for a protocol.
        self._container = self._av.open(f"file:{temporary}", "w", options={"movflags": "+faststart"})

    @property
    def sound(self) -> str | None:
        return None if self._sound is None else self._sound.codec

    def write(self, rgb: NDArray[np.uint8], time: float) -> None:
        """Add a frame.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (H, W, 3)
            The first frame sets the size of the video; a row or column is repeated where it is odd. Later frames of
            another size are scaled to fit in, with black borders.
        time : float
            When it is shown, in seconds, later than the last.

        Raises
        ------
        TypeError, ValueError
            The time is not a finite number.
        OSError, ValueError
            As `create`.
        """
        time = arguments.number("time", time)
        if self._size is None:
            self._size = (rgb.shape[0], rgb.shape[1])
            self._begin(*self._size, time)
        pixels = _fitted(rgb, self._size)
        frame = self._av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
            format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
        )
        self._last_tick = max(self._last_tick + 1, round(Fraction(time - self._start) / _TICK))
        self._last_time = time
        frame.pts, frame.time_base = self._last_tick, _TICK
        if self._sound is not None:
            self._sound.advance(time)
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def stop_sound(self) -> None:
        """Let the sound end with the last frame, because frames of the source are missing from there on."""
        self._sound_end = self._last_time + float(1 / self._rate)

    def _begin(self, height: int, width: int, time: float) -> None:
        """Set the streams up for frames of this height and width; the file begins at this time."""
        self._start = time
        try:
            stream = self._container.add_stream("h264", rate=self._rate)
        except self._av.codec.codec.UnknownCodecError as error:
            raise ValueError(f"{self._target}: this build of FFmpeg (PyAV) has no encoder for H.264") from error
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        # libx264's names: constant quality, visibly the same as the source, at the speed of decoding.
        stream.options = {"preset": "veryfast", "crf": "20"}
        context = stream.codec_context
        context.time_base = _TICK
        context.thread_count = self._threads
        context.sample_aspect_ratio = self._aspect
        # 1: BT.709 for matrix, primaries and transfer function; 1: the range of television (H.273)
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        self._stream = stream
        if self._sound_of is not None:
            self._sound = _Sound.of(self._sound_of, self._container, time)

    def finish(self) -> None:
        """Write what the encoder still holds, and the index.

        Raises
        ------
        OSError, ValueError
            As `create`.
        """
        if self._size is None:
            raise ValueError(f"{self._target}: a video needs at least one frame")
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        if self._sound is not None:
            self._sound.finish(self._sound_end)
        self._container.close()

    def close(self) -> None:
        """Close the files, whatever their state."""
        if self._sound is not None:
            self._sound.close()
        # After `finish` this does nothing; without it the file is thrown away, whatever it lacks.
        with suppress(self._av.FFmpegError):
            self._container.close()


class _Sound:
    """The sound of another video on its way into the one that is written.

    Parameters
    ----------
    source, stream
        The container that is read, and its stream of sound.
    output
        The container that is written.
    start : float
        Time in the source that is the beginning of the output, in seconds.

    Attributes
    ----------
    codec : str
        Name of the codec in the output.
    """

    def __init__(self, source: Any, stream: Any, output: Any, start: float) -> None:
        self._av = require("av", "video")
        self._source, self._from, self._output, self._start = source, stream, output, start
        codec = stream.codec_context.codec.canonical_name
        self._copied = codec in _COPIED_SOUND
        if self._copied:
            self._to = output.add_stream_from_template(stream)
        else:
            rate = stream.codec_context.sample_rate
            self._to = output.add_stream("aac", rate=rate if rate in _AAC_RATES else 48000)
            self._to.codec_context.layout = "mono" if stream.codec_context.layout.nb_channels == 1 else "stereo"
        self.codec: str = codec if self._copied else "aac"
        self._packets = source.demux(stream)
        self._waiting: Any = None  # the packet that was read last and is not written yet

    @classmethod
    def of(cls, path: str | os.PathLike[str], output: Any, start: float) -> _Sound | None:
        """Open the sound of a file; None where it has none, or none that can be decoded."""
        source = _opened(path)
        stream = source.streams.best("audio")
        if stream is None or stream.codec_context is None:
            source.close()
            return None
        return cls(source, stream, output, start)

    def advance(self, time: float) -> None:
        """Write the sound that begins before this time of the source, in seconds."""
        while True:
            if self._waiting is None:
                try:
                    self._waiting = next(self._packets, None)
                except self._av.FFmpegError:  # the rest of the source cannot be read
                    return
            packet = self._waiting
            if packet is None:
                return
            stamp = packet.dts if packet.pts is None else packet.pts
            if stamp is not None:
                begin = float(stamp * packet.time_base)
                if begin >= time:
                    return
                if begin >= self._start - _PRIMING:
                    self._write(packet)
            self._waiting = None

    def _write(self, packet: Any) -> None:
        """Write one packet, copied or anew; one that is broken is left out."""
        shift = round(Fraction(self._start) / packet.time_base)
        if self._copied:
            packet.pts = (packet.dts if packet.pts is None else packet.pts) - shift
            packet.dts = packet.pts
            packet.stream = self._to
            self._mux(packet)
            return
        try:
            frames = packet.decode()
        except self._av.FFmpegError:
            return
        for frame in frames:
            frame.pts = None if frame.pts is None else frame.pts - shift
            self._encode(frame)

    def _encode(self, frame: Any) -> None:
        """Write a decoded frame of sound; None flushes the encoder."""
        for packet in self._to.encode(frame):
            self._mux(packet)

    def _mux(self, packet: Any) -> None:
        """Hand a packet to the output. One whose time does not fit after the last one's is left out."""
        try:
            self._output.mux(packet)
        except self._av.FFmpegError as error:
            if error.errno != errno.EINVAL:
                raise

    def finish(self, end: float) -> None:
        """Write the sound up to this time of the source in seconds, and what the encoder still holds."""
        self.advance(end)
        if not self._copied:
            self._encode(None)

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def _fitted(rgb: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Bring a frame to a height and width made even: scaled to fit between black borders where it has another size."""
    if rgb.shape[:2] != size:
        scale = min(size[0] / rgb.shape[0], size[1] / rgb.shape[1])
        height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
        top, left = (size[0] - height) // 2, (size[1] - width) // 2
        canvas = np.zeros((*size, 3), np.uint8)
        canvas[top : top + height, left : left + width] = np.asarray(Image.fromarray(rgb).resize((width, height)))
        rgb = canvas
    if size[0] % 2 or size[1] % 2:
        rgb = np.pad(rgb, ((0, size[0] % 2), (0, size[1] % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(rgb)
