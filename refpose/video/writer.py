"""A video file from frames: H.264 that browsers play, with the sound of the source."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .. import arguments
from ..engine.layout import MAX_THREADS
from ..extras import require
from ..files import replacing
from ..frame import checked_pixels
from .overlap import MOST, Behind
from .reader import FALLBACK_RATE
from .sound import Sound

_TICK = Fraction(1, 90_000)  # time base of written videos (MPEG's clock): 24 to 60 and 30000/1001 fps are exact
_ASPECT = 2**31 - 1  # the numerator and the denominator that FFmpeg has room for

# libx264's presets, from fast with large files to slow with small ones
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
PRESET, CRF = "ultrafast", 21.0
# What all presets but ultrafast have, which leaves it its speed and takes a quarter of the size
_CHEAP = {"coder": "cabac", "deblock": "0:0"}


@contextmanager
def create(
    path: str | os.PathLike[str],
    fps: float | None = None,
    sound_of: str | os.PathLike[str] | None = None,
    pixel_aspect: Fraction | None = None,
    threads: int = 1,
    *,
    preset: str = PRESET,
    crf: float = CRF,
    behind: int = 0,
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
    preset : str
        One of `PRESETS`, libx264's names for how much work it puts into a small file.
    crf : float
        Constant rate factor, 1 to 51: lower is better and larger. The same for all presets, nearly.
    behind : int
        With 1 or more, a thread encodes while up to so many frames wait; they must not be changed after they were
        handed over. What goes wrong is raised by a later `write`, or at the end.

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
        When the ending is another one, the file is the one whose sound is kept, no frame was written, or this build of
        FFmpeg has no encoder for H.264.
    """
    target = Path(path)
    if target.suffix.lower() != ".mp4":
        raise ValueError(f"{target}: a video is written to a file that ends in .mp4")
    if sound_of is not None and target.exists() and os.path.exists(sound_of) and target.samefile(sound_of):
        raise ValueError(f"{target}: is an input, and would be overwritten; choose another name")
    rate = FALLBACK_RATE if fps is None else arguments.number("fps", fps, least=0) or FALLBACK_RATE
    aspect = Fraction(1) if pixel_aspect is None else _aspect(pixel_aspect)
    threads = arguments.whole("threads", threads, 1, MAX_THREADS)
    behind = arguments.whole("behind", behind, 0, MOST)
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, not {preset!r}")
    quality = {"preset": preset, "crf": str(arguments.number("crf", crf, 1, 51)), **_CHEAP}
    with replacing(target) as temporary:
        writer = Writer(temporary, target, rate, sound_of, aspect, threads, quality, behind)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()


def _aspect(given: Any) -> Fraction:
    """The shape of pixels as FFmpeg can hold it."""
    aspect = Fraction(arguments.exact("pixel_aspect", given))
    if not Fraction(1, _ASPECT) <= aspect <= _ASPECT:
        raise ValueError(f"pixel_aspect must be from 1 / {_ASPECT} to {_ASPECT}, not {arguments.shown(given)}")
    return 1 / (1 / aspect).limit_denominator(_ASPECT) if aspect > 1 else aspect.limit_denominator(_ASPECT)


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
        quality: dict[str, str],
        behind: int,
    ) -> None:
        self._av = require("av", "video")
        self._target = target
        self._rate = Fraction(min(max(fps, 1.0), 1000.0)).limit_denominator(1001)
        self._sound_of = sound_of
        self._aspect = pixel_aspect
        self._threads = threads
        self._quality = quality
        self._soon = Behind(behind)
        self._colors = require("av.video.reformatter", "video").VideoReformatter()
        self._sound: Sound | None = None
        self._size: tuple[int, int] | None = None
        self._broken = ""  # why nothing more can be written: FFmpeg crashes where a file is begun a second time
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
            `rgb` is no picture, or the time not a finite number, or beyond 64 bits of microseconds.
        OSError, ValueError
            As `create`.
        """
        rgb, time = checked_pixels(rgb), arguments.number("time", time, -arguments.LATEST, arguments.LATEST)
        with self._errors():
            if self._size is None:
                self._size = (rgb.shape[0], rgb.shape[1])
                self._begin(*self._size, time)
            self._last_tick = max(self._last_tick + 1, round(Fraction(time - self._start) / _TICK))
            self._last_time = time
            self._soon(self._encode, rgb, self._size, self._last_tick, time)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what FFmpeg raises into a ValueError, but for the errors of the disk; nothing is written after one."""
        if self._broken:
            raise ValueError(f"{self._target}: nothing more can be written: {self._broken}")
        try:
            yield
        except Exception as error:
            why = self._broken = getattr(error, "strerror", None) or str(error) or type(error).__name__
            if isinstance(error, OSError | MemoryError) or not isinstance(error, self._av.FFmpegError):
                raise
            height, width = self._size or (0, 0)
            raise ValueError(
                f"{self._target}: a video of {width} x {height} pixels cannot be written: {why}"
            ) from error

    def _encode(self, rgb: NDArray[np.uint8], size: tuple[int, int], tick: int, time: float) -> None:
        """Add a frame; and the sound until then."""
        frame = self._colors.reformat(
            self._av.VideoFrame.from_numpy_buffer(_fitted(rgb, size), format="rgb24"),
            format="yuv420p",
            dst_colorspace="ITU709",
            dst_color_range="MPEG",
            threads=self._threads,
        )
        frame.pts, frame.time_base = tick, _TICK
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
        stream.options = self._quality
        context = stream.codec_context
        context.time_base = _TICK
        context.thread_count = self._threads
        context.sample_aspect_ratio = self._aspect
        # 1: BT.709 for matrix, primaries and transfer function; 1: the range of television (H.273)
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        self._stream = stream
        if self._sound_of is not None:
            self._sound = Sound.of(self._sound_of, self._container, time)
        self._container.start_encoding()

    def finish(self) -> None:
        """Write what the encoder still holds, and the index.

        Raises
        ------
        OSError, ValueError
            As `create`.
        """
        if self._size is None:
            raise ValueError(f"{self._target}: a video needs at least one frame")
        with self._errors():
            self._soon.wait()
            for packet in self._stream.encode(None):
                self._container.mux(packet)
            if self._sound is not None:
                self._sound.finish(self._sound_end)
            self._container.close()

    def close(self) -> None:
        """Close the files, whatever their state."""
        self._broken = self._broken or "the file is closed"
        self._soon.close()
        if self._sound is not None:
            self._sound.close()
        # After `finish` this does nothing; without it the file is thrown away, whatever it lacks.
        with suppress(self._av.FFmpegError):
            self._container.close()


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
