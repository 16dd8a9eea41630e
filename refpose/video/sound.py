"""The sound of one video on its way into another."""

from __future__ import annotations

import errno
import io
import os
from contextlib import suppress
from fractions import Fraction
from typing import Any

from ..extras import require
from .container import opened

# Sound that MP4 takes and browsers play is copied as it is, the rest becomes AAC.
_COPIED_SOUND = ("aac", "mp3", "flac", "opus")
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_LEAST_RATE = 4000  # samples a second; a file that states fewer would become hours of sound
_PRIMING = 0.1  # seconds of sound before the first frame that are kept: encoders' run-in, hidden by the player


class Sound:
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
        self._copied = codec in _COPIED_SOUND and self._fits(stream)
        if self._copied:
            self._to = output.add_stream_from_template(stream)
        else:
            rate = stream.codec_context.sample_rate
            self._to = output.add_stream("aac", rate=rate if rate in _AAC_RATES else 48000)
            self._to.codec_context.layout = "mono" if stream.codec_context.layout.nb_channels == 1 else "stereo"
        self.codec: str = codec if self._copied else "aac"
        self._packets = source.demux(stream)
        self._waiting: Any = None  # the packet that was read last and is not written yet

    def _fits(self, stream: Any) -> bool:
        """Tell whether MP4 takes the stream as it is: MP3 of 8000 samples a second, for one, it does not."""
        options = {"movflags": "empty_moov"}  # writes at the beginning what else is refused at the end
        with suppress(self._av.FFmpegError), self._av.open(io.BytesIO(), "w", "mp4", options=options) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
            return True
        return False

    @classmethod
    def of(cls, path: str | os.PathLike[str], output: Any, start: float) -> Sound | None:
        """Open the sound of a file; None where it has none, or none that can be decoded."""
        source = opened(path)
        stream = source.streams.best("audio")
        if stream is None or stream.codec_context is None or stream.codec_context.sample_rate < _LEAST_RATE:
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
        """Write a decoded frame of sound, unless it holds what the encoder does not take (NaN); None flushes it."""
        try:
            packets = self._to.encode(frame)
        except self._av.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            return
        for packet in packets:
            self._mux(packet)

    def _mux(self, packet: Any) -> None:
        """Hand a packet to the output. One that is damaged, or does not fit after the last one, is left out."""
        try:
            self._output.mux(packet)
        except self._av.FFmpegError as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:  # of the disk
                raise

    def finish(self, end: float) -> None:
        """Write the sound up to this time of the source in seconds, and what the encoder still holds."""
        self.advance(end)
        if not self._copied:
            self._encode(None)

    def close(self) -> None:
        """Close the source."""
        self._source.close()
