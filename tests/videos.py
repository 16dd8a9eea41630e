"""Videos for tests, made with PyAV: the example picture moving over a background."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "astronaut.png"
HEIGHT, WIDTH = 192, 256

# Display matrices (the nine numbers of a track header, ISO 14496-12 6.2.2) by clockwise quarter turns.
TURNS = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


@cache
def _person(side: int) -> NDArray[np.uint8]:
    with Image.open(EXAMPLE) as picture:
        return np.array(picture.convert("RGB").resize((side, side)))


def scene(number: int, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """Frame `number`: (height, width, 3) uint8, the person a little further to the right each time."""
    side = min(height, width) * 7 // 8
    rows, columns = np.mgrid[:height, :width]
    frame = np.stack([rows * 100 // height + 60, columns * 100 // width + 60, np.full_like(rows, 120)], 2).astype(
        np.uint8
    )
    left = min(number * 2, width - side)
    frame[height - side :, left : left + side] = _person(side)
    return frame


def scenes(count: int, height: int = HEIGHT, width: int = WIDTH) -> list[NDArray[np.uint8]]:
    return [scene(number, height, width) for number in range(count)]


def write(
    path: Path,
    frames: Sequence[NDArray[np.uint8]],
    times: Sequence[float] | None = None,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    sound: str | None = None,
    fps: int = 25,
    aspect: Fraction | None = None,
) -> Path:
    """Write frames (RGB or RGBA) at times in seconds (every 1/fps without), with a tone as long if `sound`."""
    with av.open(f"file:{path}", "w", options=container or {}) as output:
        stream = output.add_stream(codec, rate=fps, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], pixels
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        tone = None if sound is None else output.add_stream(sound, rate=48000)
        for number, pixel in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixel, format="rgb24" if pixel.shape[2] == 3 else "rgba")
            if times is not None:
                frame.pts, frame.time_base = round(times[number] * 1000), Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if tone is not None:
            for start in range(0, 48000 * len(frames) // fps, 960):
                wave = (8000 * np.sin(np.arange(start, start + 960) / 20)).astype(np.int16)
                heard = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
                heard.sample_rate, heard.pts, heard.time_base = 48000, start, Fraction(1, 48000)
                output.mux(tone.encode(heard))
            output.mux(tone.encode(None))
    return path


def tag(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Set the display matrix of the first track of an MP4 file to a, b, c, d."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 44
    a, b, c, d = (value * 65536 for value in matrix)
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def packets(path: Path) -> list[Any]:
    """The packets of the first video stream; `pos` and `size` tell where they are in the file."""
    with av.open(f"file:{path}") as container:
        return [packet for packet in container.demux(container.streams.video[0]) if packet.size]


def damage(path: Path, numbers: Sequence[int]) -> Path:
    """Fill these packets with zeros."""
    places = [(packet.pos, packet.size) for packet in packets(path)]
    data = bytearray(path.read_bytes())
    for number in numbers:
        position, size = places[number]
        data[position : position + size] = bytes(size)
    path.write_bytes(data)
    return path


def cut(path: Path, size: int) -> Path:
    """Keep the first bytes of a file only."""
    path.write_bytes(path.read_bytes()[:size])
    return path


def sound_only(path: Path) -> Path:
    with av.open(str(path), "w") as output:
        tone = output.add_stream("aac", rate=48000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), format="s16", layout="mono")
        silence.sample_rate = 48000
        output.mux(tone.encode(silence))
        output.mux(tone.encode(None))
    return path


def without_duration(path: Path, frames: Sequence[NDArray[np.uint8]]) -> Path:
    """A Matroska file as it is streamed live: it states no length."""
    with open(path, "wb") as file, av.open(file, "w", format="matroska", options={"live": "1"}) as output:
        stream = output.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "yuv420p"
        for pixels in frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))
    return path
