"""Video files in and out: pixels, times, what is broken, what browsers and players get."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import videos
from numpy.typing import NDArray

import refpose
from refpose import video
from refpose.extras import MissingExtra
from refpose.video import extent

INTRA = {"codec": "ffv1", "pixels": "bgr0"}  # lossless, every frame on its own


class Nobody:
    """Stands for a pose estimator that finds nobody, and remembers the times it was given."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def reset(self) -> None:
        self.times = []

    def process(self, image: NDArray[np.uint8], timestamp: float) -> list[refpose.Person]:
        self.times.append(timestamp)
        return []


def read(path: Path) -> tuple[list[video.Frame], video.Reader]:
    with video.Reader(path) as reader:
        return list(reader), reader


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Mean absolute difference in grey levels; what lossy coding does to the scenes is below 4."""
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other).mean())


# Reading: pixels


def test_pixels_are_pyavs(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", videos.scenes(5))
    frames, reader = read(path)
    expected = [frame.to_ndarray(format="rgb24") for frame in decoded(path)]
    assert [frame.index for frame in frames] == list(range(5))
    assert all(np.array_equal(frame.rgb, pixels) for frame, pixels in zip(frames, expected, strict=True))
    assert all(frame.rgb.flags.c_contiguous and frame.rgb.flags.writeable for frame in frames)
    assert (reader.codec, reader.fps, reader.duration, reader.declared) == ("h264", 25, 0.2, 5)


@pytest.mark.parametrize("turn", videos.TURNS)
def test_rotation_tag_is_obeyed(tmp_path: Path, turn: int) -> None:
    stored = [np.ascontiguousarray(np.rot90(scene, turn // 90)) for scene in videos.scenes(3)]
    path = videos.tag(videos.write(tmp_path / "a.mp4", stored), videos.TURNS[turn])
    frames, _ = read(path)
    assert difference(frames[0].rgb, videos.scene(0)) < 4
    assert frames[0].rgb.flags.c_contiguous


@pytest.mark.parametrize(
    "matrix", [(s, 0, 0, t) for s in (1, -1) for t in (1, -1)] + [(0, s, t, 0) for s in (1, -1) for t in (1, -1)]
)
def test_display_matrix_moves_every_pixel_where_it_says(matrix: tuple[int, int, int, int]) -> None:
    a, b, c, d = matrix
    height, width = 3, 4
    pixels = np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)
    rows, columns = np.mgrid[:height, :width]
    new_columns, new_rows = a * columns + c * rows, b * columns + d * rows
    new_columns -= new_columns.min()
    new_rows -= new_rows.min()
    expected = np.zeros((new_rows.max() + 1, new_columns.max() + 1, 3), np.uint8)
    expected[new_rows, new_columns] = pixels
    assert np.array_equal(video.upright.upright(pixels, a, b, c, d), expected)


@pytest.mark.parametrize("size", [(191, 255), (1, 1), (1, 64), (33, 1)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    scene = videos.scene(0)[: size[0], : size[1]]
    path = videos.write(tmp_path / "a.mov", [np.ascontiguousarray(scene)] * 2, codec="png", pixels="rgb24")
    frames, _ = read(path)
    assert np.array_equal(frames[1].rgb, scene)
    assert frames[1].rgb.flags.c_contiguous


@pytest.mark.parametrize(("codec", "pixels"), [("qtrle", "argb"), ("png", "rgba")])
def test_transparency_is_dropped(tmp_path: Path, codec: str, pixels: str) -> None:
    scene = videos.scene(0)
    alpha = np.linspace(0, 255, scene.shape[1]).astype(np.uint8)
    with_alpha = np.dstack((scene, np.broadcast_to(alpha, scene.shape[:2])))
    frames, _ = read(videos.write(tmp_path / "a.mov", [with_alpha] * 2, codec=codec, pixels=pixels))
    assert np.array_equal(frames[0].rgb, scene)


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv422p10le", "yuv444p"])
def test_other_bit_depths_and_chroma(tmp_path: Path, pixels: str) -> None:
    frames, _ = read(videos.write(tmp_path / "a.mp4", videos.scenes(2), pixels=pixels))
    assert frames[0].rgb.dtype == np.uint8
    assert difference(frames[0].rgb, videos.scene(0)) < 4


def test_grey(tmp_path: Path) -> None:
    frames, _ = read(videos.write(tmp_path / "a.mkv", videos.scenes(2), codec="ffv1", pixels="gray"))
    assert np.ptp(frames[0].rgb, axis=2).max() == 0


def test_size_that_changes_in_mid_stream(tmp_path: Path) -> None:
    small = videos.write(tmp_path / "small.ts", videos.scenes(4))
    large = videos.write(tmp_path / "large.ts", videos.scenes(4, 240, 320))
    path = tmp_path / "both.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    frames, reader = read(path)
    assert [frame.rgb.shape[:2] for frame in frames] == [(192, 256)] * 4 + [(240, 320)] * 4
    assert reader.broken == 0


# Reading: times


def test_variable_frame_rate(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.05, 0.5, 0.541, 2.0]
    path = videos.write(tmp_path / "a.mp4", videos.scenes(6), times)
    frames, reader = read(path)
    assert [frame.time for frame in frames] == [frame.time for frame in decoded(path)]
    assert [frame.time for frame in frames] == pytest.approx(times, abs=1e-9)
    assert reader.mended == 0


def test_times_need_not_begin_at_zero(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", videos.scenes(3), [7.0, 7.1, 7.2], **INTRA)
    assert [frame.time for frame in read(path)[0]] == [7.0, 7.1, 7.2]


def test_negative_times(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", videos.scenes(3), [0.0, 0.1, 0.2], **INTRA)
    data = bytearray(path.read_bytes())
    for number, packet in enumerate(videos.packets(path)):
        # A Matroska block: 0x81 (track 1), its time as a signed 16-bit number of milliseconds ...
        assert data[packet.pos : packet.pos + 3] == b"\x81" + (100 * number).to_bytes(2, "big")
        data[packet.pos + 1 : packet.pos + 3] = (100 * number - 150).to_bytes(2, "big", signed=True)
    path.write_bytes(data)
    frames, reader = read(path)
    assert [frame.time for frame in frames] == [frame.time for frame in decoded(path)]
    assert frames[0].time < 0 < frames[2].time
    assert reader.mended == 0


def test_repeated_times_are_mended_and_counted(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", videos.scenes(6), [0.0, 0.04, 0.04, 0.08, 0.08, 0.12], **INTRA)
    frames, reader = read(path)
    assert [frame.time for frame in frames] == pytest.approx([0, 0.04, 0.06, 0.08, 0.1, 0.12])
    assert reader.mended == 2


def test_clock_that_is_set_back_goes_on(tmp_path: Path) -> None:
    late = videos.write(tmp_path / "late.ts", videos.scenes(3), [9.0, 9.04, 9.08], codec="mpeg4")
    early = videos.write(tmp_path / "early.ts", videos.scenes(3), [0.0, 0.04, 0.08], codec="mpeg4")
    path = tmp_path / "both.ts"
    path.write_bytes(late.read_bytes() + early.read_bytes())
    frames, reader = read(path)
    assert np.diff([frame.time for frame in frames]) == pytest.approx(0.04, abs=1e-4)
    assert reader.mended == 1


@pytest.mark.parametrize("length", [3, 5, 12, 30])
def test_joined_clips_of_any_length_go_on(tmp_path: Path, length: int) -> None:
    """Both begin at the same time: the clock is set back by the first one's length, however short."""
    clip = videos.write(tmp_path / "a.ts", videos.scenes(length), [n / 25 for n in range(length)], codec="mpeg4")
    path = tmp_path / "both.ts"
    path.write_bytes(2 * clip.read_bytes())
    frames, reader = read(path)
    assert len(frames) == 2 * length
    assert np.diff([frame.time for frame in frames]) == pytest.approx(0.04, abs=1e-4)
    assert reader.mended == 1


def test_a_stamp_that_goes_back_once_moves_no_other(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.08, 0.12, 0.16, 0.2]
    path = videos.write(tmp_path / "a.mkv", videos.scenes(6), times, **INTRA)
    data, packet = bytearray(path.read_bytes()), list(videos.packets(path))[3]
    assert data[packet.pos + 1 : packet.pos + 3] == (120).to_bytes(2, "big")  # as in `test_negative_times`
    data[packet.pos + 1 : packet.pos + 3] = (50).to_bytes(2, "big")
    path.write_bytes(data)
    frames, reader = read(path)
    assert [frame.time for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.1, 0.16, 0.2])
    assert reader.mended == 1


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile 'clip.mkv'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nclip.mkv\n#EXT-X-ENDLIST\n",
        '<?xml version="1.0"?><MPD><Period><AdaptationSet><Representation><BaseURL>clip.mkv</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        "[reference]\nRef1=http://127.0.0.1/clip.mkv\n",
    ],
)
def test_lists_of_other_files_are_not_followed(tmp_path: Path, text: str) -> None:
    videos.write(tmp_path / "clip.mkv", videos.scenes(3))
    for name in ("a.mp4", "a.m3u8", "a.ffconcat", "a.mpd", "a.sdp"):
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=f"{name}: cannot be read as a video"):
            video.Reader(tmp_path / name)


def test_the_bound_of_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = videos.write(tmp_path / "a.mkv", videos.scenes(3), codec="mpeg4")
    monkeypatch.setenv("REFPOSE_MAX_PIXELS", str(videos.HEIGHT * videos.WIDTH // 2))
    with pytest.raises(ValueError, match=r"a\.mkv: "):
        read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match=r"a\.mp4: not a file"):
        video.Reader(tmp_path / "a.mp4")


def test_titles_in_no_known_encoding(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", videos.scenes(3), codec="mpeg4")
    data = path.read_bytes()
    at = data.index(b"Lavf")
    path.write_bytes(data[:at] + b"\xff\xfe" + data[at + 2 :])
    assert len(read(path)[0]) == 3


def test_times_that_go_back_and_forth_in_avi(tmp_path: Path) -> None:
    # AVI has no presentation times; FFmpeg's guesses for H.264 with B-frames are out of order.
    path = videos.write(tmp_path / "a.avi", videos.scenes(12))
    assert any(np.diff([frame.pts for frame in decoded(path)]) < 0)
    frames, reader = read(path)
    times = [frame.time for frame in frames]
    assert all(np.diff(times) > 0)
    assert times[-1] - times[0] == pytest.approx(11 / 25, abs=0.1)
    assert 0 < reader.mended < 4


def test_no_times_at_all(tmp_path: Path) -> None:
    frames, reader = read(videos.write(tmp_path / "a.h264", videos.scenes(5)))
    assert [frame.time for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert (reader.mended, reader.duration, reader.declared, reader.expected_frames) == (5, None, None, None)


def test_no_duration(tmp_path: Path) -> None:
    frames, reader = read(videos.without_duration(tmp_path / "a.mkv", videos.scenes(5)))
    assert len(frames) == 5
    assert (reader.duration, reader.declared, reader.expected_frames) == (None, None, None)


def test_number_of_frames_is_estimated_from_the_duration(tmp_path: Path) -> None:
    with video.Reader(videos.write(tmp_path / "a.mkv", videos.scenes(5))) as reader:
        assert reader.declared is None
        assert reader.expected_frames == 5


@pytest.mark.parametrize(
    ("stamps", "best"),
    [
        ([(1, 1), (2, 2), (3, 3)], [1, 2, 3]),
        ([(5, None), (6, None)], [5, 6]),
        ([(None, 5), (None, 6)], [5, 6]),
        ([(None, None), (3, None)], [None, 3]),
        ([(1, 2), (4, 3), (3, 4), (5, 5), (4, 6)], [1, 4, 4, 5, 6]),  # pts go back: dts from there on
        ([(1, 5), (2, 5), (3, 5)], [1, 2, 3]),  # dts stand still
    ],
)
def test_choice_of_stamps(stamps: list[tuple[int | None, int | None]], best: list[int | None]) -> None:
    chooser = video.reader._Stamps()
    assert [chooser.best(*pair) for pair in stamps] == best


# Reading: what is broken


def test_broken_frames_are_skipped_and_counted(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mov", videos.scenes(10), codec="png", pixels="rgb24")
    videos.damage(path, [3, 6, 7])
    frames, reader = read(path)
    assert reader.broken == 3
    assert [frame.index for frame in frames] == list(range(7))
    assert [frame.time for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.16, 0.2, 0.32, 0.36])


def test_broken_packets_of_h264(tmp_path: Path) -> None:
    path = videos.damage(videos.write(tmp_path / "a.mp4", videos.scenes(20)), [5, 12])
    frames, reader = read(path)
    assert reader.broken == 2
    assert len(frames) == 18
    assert all(np.diff([frame.time for frame in frames]) > 0)


def test_file_cut_short(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", videos.scenes(20), container={"movflags": "+faststart"})
    frames, reader = read(videos.cut(path, path.stat().st_size * 9 // 10))
    assert 0 < len(frames) < 20
    assert reader.cut_short
    assert reader.declared == 20


CONTAINERS = {
    "mkv": INTRA,
    "webm": {"codec": "libvpx-vp9", "options": {"g": "2"}},
    "ts": {},
    "wmv": {"codec": "wmv2"},
    "gif": {"codec": "gif", "pixels": "rgb8"},
    "avi": {"codec": "mpeg4", "options": {"g": "2"}},
    "flv": {"codec": "flv"},
    "mxf": {"codec": "mpeg2video"},
    "mp4": {"container": {"movflags": "+faststart"}, "sound": "aac"},
    "mov": {"codec": "mjpeg", "pixels": "yuvj420p", "container": {"movflags": "+faststart"}},
}


@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize("ending", CONTAINERS)
def test_file_that_lacks_its_end_is_cut_short(tmp_path: Path, ending: str) -> None:
    path = videos.write(tmp_path / f"a.{ending}", videos.scenes(50, 96, 128), **CONTAINERS[ending])
    frames, reader = read(path)
    assert (len(frames), reader.cut_short) == (50, False)
    size = path.stat().st_size
    for part in (0.9, 0.6):
        frames, reader = read(videos.cut(path, int(size * part) // 2 * 2 + 1))
        assert reader.cut_short
        assert len(frames) < 50


def test_file_that_lacks_its_index_only_is_not_cut_short(tmp_path: Path) -> None:
    """All frames of the length that the file states are there."""
    path = videos.write(tmp_path / "a.mkv", videos.scenes(20))
    last = videos.packets(path)[-1]
    frames, reader = read(videos.cut(path, last.pos + last.size + 10))
    assert len(frames) == 20
    assert not reader.cut_short


def test_sound_longer_than_the_video_does_not_cut_it_short(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", videos.scenes(20), sound="aac")
    joined = tmp_path / "b.mkv"
    with av.open(str(path)) as source, av.open(str(joined), "w") as output:
        copies = {stream.index: output.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.size and (packet.stream.type == "audio" or packet.pts * packet.time_base < 0.3):
                packet.stream = copies[packet.stream.index]
                output.mux(packet)
    frames, reader = read(joined)
    assert len(frames) < 12
    assert not reader.cut_short


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match=r"a\.mp4: not a file"):
        video.Reader(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("head", "size", "missing"),
    [
        (b"\0\0\0\x10ftypisom0000" + b"\0\0\0\0mdat", 5000, None),  # a box that goes to the end of the file
        (b"\0\0\0\x10ftypisom0000" + b"\0\0\0\1mdat" + (4984).to_bytes(8, "big"), 5000, False),
        (b"\0\0\0\x10ftypisom0000" + b"\0\0\0\1mdat" + (4985).to_bytes(8, "big"), 5000, True),
        (b"\0\0\0\x10ftypisom0000", 19, True),
        (bytes.fromhex("1a45dfa3 80 18538067 01ffffffffffffff"), 5000, None),  # as it is streamed
        (bytes.fromhex("1a45dfa3 80 18538067 0800001388"), 5000, True),
        (bytes.fromhex("1a45dfa3 80 185380"), 8, None),
        (b"RIFF\0\0\0\0AVI LIST", 5000, None),  # nobody brought it to an end
        (b"RIFF" + (4992).to_bytes(4, "little") + b"AVI LIST", 5000, False),
        (b"G" + bytes(187) + b"G", 376, False),
        (b"G" + bytes(187) + b"G", 377, True),
        (bytes(4) + b"G" + bytes(191) + b"G", 384, False),
        (b"GIF89a", 50, True),
        (b"not a video", 50, None),
        (b"", 0, False),
    ],
)
def test_what_containers_say_of_their_size(tmp_path: Path, head: bytes, size: int, missing: bool | None) -> None:
    path = tmp_path / "a"
    path.write_bytes(head.ljust(size, b"\0")[:size])
    assert extent.bytes_missing(path) is missing


def test_everything_broken(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", videos.scenes(4), options={"bf": "0"})
    videos.damage(path, range(4))
    with pytest.raises(ValueError, match=r"a\.mp4: no frame of this video could be decoded; 4 were broken"):
        read(path)


def test_no_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        output.start_encoding()
    with pytest.raises(ValueError, match=r"a\.mkv: cannot be read as a video; it is empty"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"this is a text\n" * 100, bytes(5000)])
def test_not_a_video(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.mp4: cannot be read as a video"):
        video.Reader(path)


def test_index_missing(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", videos.scenes(20))
    with pytest.raises(ValueError, match=r"a\.mp4: cannot be read as a video.*cut short"):
        video.Reader(videos.cut(path, path.stat().st_size // 2))


def test_sound_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.m4a: holds no video \(its streams: audio\)"):
        video.Reader(videos.sound_only(tmp_path / "a.m4a"))


def test_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as output:
        cover = output.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic.value
        tone = output.add_stream("aac", rate=48000)
        output.mux(cover.encode(av.VideoFrame(64, 64, "yuvj420p")))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), format="s16", layout="mono")
        silence.sample_rate = 48000
        output.mux(tone.encode(silence) + tone.encode(None))
    with pytest.raises(ValueError, match=r"a\.mp4: holds no video \(its streams: (video, audio|audio, video)\)"):
        video.Reader(path)


def test_unknown_codec(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", videos.scenes(3))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(ValueError, match=r"a\.mp4: the codec of its video is unknown"):
        video.Reader(path)


def test_no_such_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.mp4"):
        video.Reader(tmp_path / "nowhere.mp4")
    with pytest.raises(IsADirectoryError):
        video.Reader(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="names that other systems do not allow")
@pytest.mark.parametrize("name", ["10:30.mp4", "concat:a.mp4", "http:x.mp4", "50%d.mp4", "-o.mp4", "a b ü.mp4"])
def test_awkward_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with video.create(name) as writer:
        for number in range(3):
            writer.write(videos.scene(number), number / 25)
    assert len(read(Path(name))[0]) == 3


def test_playlists_do_not_reach_the_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        path = tmp_path / "a.m3u8"
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n")
        with pytest.raises(ValueError, match=r"a\.m3u8"):
            read(path)
        with pytest.raises(TimeoutError):
            server.accept()


def test_missing_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtra, match=r'pip install "refpose\[video\]"'):
        video.Reader(tmp_path / "a.mp4")


# People


def test_process_gives_poses_their_true_times(tmp_path: Path) -> None:
    times = [0.0, 0.03, 0.1, 0.11, 0.3, 0.31, 0.4, 0.45]
    path = videos.write(tmp_path / "a.mp4", videos.scenes(8), times)
    pose = refpose.Pose("lite")
    results = list(video.process(path, pose))
    assert len(results) == 8
    assert all(result.people for result in results)
    with refpose.Pose("lite") as by_hand:
        for frame, result in zip(decoded(path), results, strict=True):
            pixels = frame.to_ndarray(format="rgb24")
            (expected,) = by_hand.process(pixels, timestamp=frame.time)
            (person,) = result.people
            assert np.array_equal(person.landmarks, expected.landmarks)
            assert np.array_equal(person.world_landmarks, expected.world_landmarks)
            assert np.array_equal(person.visibility, expected.visibility)
    again = list(video.process(path, pose))
    assert all(
        np.array_equal(one.people[0].landmarks, two.people[0].landmarks)
        for one, two in zip(results, again, strict=True)
    )


def test_process_takes_frames_from_elsewhere() -> None:
    pose = Nobody()
    frames = [video.Frame(number, number / 10, videos.scene(number)) for number in range(3)]
    results = list(video.process(iter(frames), pose))
    assert pose.times == [0.0, 0.1, 0.2]
    assert [result.index for result in results] == [0, 1, 2]
    assert all(result.rgb is frame.rgb for result, frame in zip(results, frames, strict=True))


def test_process_with_a_reader_leaves_its_counts(tmp_path: Path) -> None:
    path = videos.damage(videos.write(tmp_path / "a.mp4", videos.scenes(20)), [5, 12])
    with video.Reader(path) as reader:
        assert len(list(video.process(reader, Nobody()))) == reader.frames == 18
        assert reader.broken == 2


def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    frame = videos.scene(0, 48, 64)
    path = videos.write(tmp_path / "a.mp4", [frame] * 3000)

    def peak(frames: int) -> int:
        tracemalloc.start()
        with video.create(tmp_path / "b.mp4") as writer:
            for frame in video.Reader(path):
                writer.write(frame.rgb, frame.time)
                if frame.index == frames:
                    break
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # what is loaded at first use
    # 64 kB is seven of these frames.
    assert peak(2900) < peak(290) + 65536


# Writing


def write(path: Path, frames: list[NDArray[np.uint8]], times: list[float] | None = None, **options: object) -> Path:
    with video.create(path, **options) as writer:
        for number, frame in enumerate(frames):
            writer.write(frame, number / 25 if times is None else times[number])
    return path


def test_what_browsers_play(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", videos.scenes(10), fps=25)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(path)) as container:
        (stream,) = container.streams
        context = stream.codec_context
        assert (context.name, context.pix_fmt, context.profile) == ("h264", "yuv420p", "Main")
        assert (stream.average_rate, stream.frames) == (25, 10)
        assert (context.colorspace, context.color_range) == (1, 1)
        assert (container.start_time, container.duration) == (0, 400_000)
    frames, _ = read(path)
    assert difference(frames[5].rgb, videos.scene(5)) < 4


def test_times_are_kept_from_the_first_frame_on(tmp_path: Path) -> None:
    times = [-3.0, -2.9, -2.5, 0.0, 0.001, 20.0]
    frames, _ = read(write(tmp_path / "a.mp4", videos.scenes(6), times))
    assert [frame.time for frame in frames] == pytest.approx([time + 3 for time in times], abs=1e-5)


def test_ntsc_rate_is_exact(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", videos.scenes(5), [k * 1001 / 30000 for k in range(5)], fps=30000 / 1001)
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)


@pytest.mark.parametrize("size", [(191, 255), (1, 1), (2, 3)])
def test_odd_sizes_are_made_even(tmp_path: Path, size: tuple[int, int]) -> None:
    scene = np.ascontiguousarray(videos.scene(0)[: size[0], : size[1]])
    frames, _ = read(write(tmp_path / "a.mp4", [scene] * 3))
    height, width = frames[0].rgb.shape[:2]
    assert (height, width) == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    if size[0] > 100:
        assert difference(frames[0].rgb[: size[0], : size[1]], scene) < 4
        assert difference(frames[0].rgb[:, -1], frames[0].rgb[:, -2]) < 4


def test_other_sizes_are_fitted_in(tmp_path: Path) -> None:
    tall = np.full((400, 100, 3), 200, np.uint8)
    frames, _ = read(write(tmp_path / "a.mp4", [videos.scene(0), tall]))
    assert frames[1].rgb.shape == frames[0].rgb.shape
    middle = frames[1].rgb[:, 128 - 20 : 128 + 20]
    assert np.abs(middle.astype(int) - 200).max() < 8
    assert frames[1].rgb[:, :90].max() < 24


@pytest.mark.parametrize("shape", [(2, 16_390, 3), (16_390, 2, 3), (0, 8, 3), (8, 8), (8, 8, 4)])
def test_frames_that_cannot_be_written(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"a video of \d+ x \d+ pixels cannot be written|image: expected"):
        write(tmp_path / "a.mp4", [np.zeros(shape, np.uint8)])
    with pytest.raises(ValueError, match="image: expected"):
        write(tmp_path / "a.mp4", [np.zeros((8, 8, 3), np.uint8), np.zeros((0, 8, 3), np.uint8)])
    assert list(tmp_path.iterdir()) == []


def test_pixel_aspect_is_kept(tmp_path: Path) -> None:
    source = videos.write(tmp_path / "a.mp4", videos.scenes(3), aspect=Fraction(4, 3))
    for turn, aspect in ((0, Fraction(4, 3)), (90, Fraction(3, 4))):
        videos.tag(source, videos.TURNS[turn])
        with video.Reader(source) as reader:
            rgb = next(reader).rgb
            assert reader.pixel_aspect == aspect
        path = write(tmp_path / "b.mp4", [rgb], pixel_aspect=aspect)
        with av.open(str(path)) as container:
            assert container.streams.video[0].codec_context.sample_aspect_ratio == aspect


def heard(path: Path) -> tuple[str, float, float]:
    """Codec, time of the first sound and length of the sound in seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        samples = sum(frame.samples for frame in frames)
        return (
            container.streams.audio[0].codec_context.codec.canonical_name,
            frames[0].time,
            samples / frames[0].sample_rate,
        )


@pytest.mark.parametrize(
    ("name", "codec", "kept"),
    [
        ("a.mp4", "aac", "aac"),
        ("a.ts", "aac", "aac"),
        ("a.avi", "mp3", "mp3"),
        ("a.mkv", "flac", "flac"),
        ("a.mkv", "libopus", "opus"),
        ("a.mkv", "pcm_s16le", "aac"),
        ("a.mov", "adpcm_ima_qt", "aac"),
    ],
)
def test_sound_is_kept(tmp_path: Path, name: str, codec: str, kept: str) -> None:
    source = videos.write(tmp_path / name, videos.scenes(25), sound=codec)
    path = tmp_path / "b.mp4"
    with video.Reader(source) as reader, video.create(path, 25, source) as writer:
        for frame in reader:
            writer.write(frame.rgb, frame.time)
        assert writer.sound == kept
    got, begin, length = heard(path)
    assert got == kept
    assert abs(begin) < 0.05
    assert length == pytest.approx(heard(source)[2], abs=0.05)


def test_sound_stays_in_time_when_the_video_begins_late(tmp_path: Path) -> None:
    times = [0.4 + k / 25 for k in range(25)]
    source = videos.write(tmp_path / "a.mkv", videos.scenes(25), times, sound="pcm_s16le")
    with video.Reader(source) as reader, video.create(tmp_path / "b.mp4", 25, source) as writer:
        for frame in reader:
            writer.write(frame.rgb, frame.time)
    original = heard(source)
    _, begin, length = heard(tmp_path / "b.mp4")
    assert begin + length == pytest.approx(original[2] - 0.4, abs=0.02)


def test_sound_can_stop_with_the_last_frame(tmp_path: Path) -> None:
    source = videos.write(tmp_path / "a.mp4", videos.scenes(50), sound="aac")
    with video.create(tmp_path / "b.mp4", 25, source) as writer:
        for number in range(10):
            writer.write(videos.scene(number), number / 25)
        writer.stop_sound()
    assert heard(tmp_path / "b.mp4")[2] == pytest.approx(0.4, abs=0.05)


def with_sound(path: Path, codec: str, rate: int, samples: float = 0.1) -> Path:
    """A video of four frames with sound of this rate, whose samples are all the same."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = videos.WIDTH, videos.HEIGHT, "yuv420p"
        tone = output.add_stream(codec, rate=rate)
        tone.codec_context.layout = "mono"
        wanted = tone.codec_context.format.name if tone.codec_context.format else "s16p"
        for pixels in videos.scenes(4):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))
        heard = av.AudioFrame.from_ndarray(np.full((1, 2304), samples, np.float32), format="flt", layout="mono")
        heard.sample_rate, heard.pts = rate, 0
        for frame in av.AudioResampler(wanted, "mono", rate).resample(heard):
            output.mux(tone.encode(frame))
        output.mux(tone.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "rate", "samples", "kept"),
    [
        ("a.avi", "mp3", 8000, 0.1, "aac"),  # MP4's writer takes none below 16000
        ("a.mkv", "pcm_f32le", 48000, np.nan, None),  # which the encoder does not take
        ("a.mov", "pcm_s16le", 7, 0.1, None),  # five minutes of sound in each packet
    ],
)
def test_sound_that_is_strange(
    tmp_path: Path, name: str, codec: str, rate: int, samples: float, kept: str | None
) -> None:
    """It costs nobody the video."""
    source = with_sound(tmp_path / name, codec, rate, samples)
    path = write(tmp_path / "b.mp4", videos.scenes(4), sound_of=source)
    with av.open(str(path)) as container:
        assert [stream.codec_context.name for stream in container.streams.audio] == [kept] * (kept is not None)
    with video.Reader(path) as reader:
        assert len(list(reader)) == 4


def test_no_sound_to_keep(tmp_path: Path) -> None:
    source = videos.write(tmp_path / "a.mp4", videos.scenes(3))
    with video.create(tmp_path / "b.mp4", sound_of=source) as writer:
        writer.write(videos.scene(0), 0.0)
        assert writer.sound is None


def test_nothing_is_left_of_a_video_that_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("before")
    with pytest.raises(ValueError, match="shape"):
        write(path, [videos.scene(0), np.zeros((4, 4), np.uint8)])
    assert os.listdir(tmp_path) == ["a.mp4"]
    assert path.read_text() == "before"


def test_no_frame_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.mp4: a video needs at least one frame"), video.create(tmp_path / "a.mp4"):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["a.webm", "a.avi", "a.mkv", "a", "a.csv"])
def test_endings_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"written to a file that ends in \.mp4"), video.create(tmp_path / name):
        pass


def test_no_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really_open = av.open

    class Container:
        """A container that knows no codec; PyAV's own cannot be changed on every Python."""

        def __init__(self, *args: object, **options: object) -> None:
            self._real = really_open(*args, **options)

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

        def add_stream(self, *args: object, **options: object) -> None:
            raise av.codec.codec.UnknownCodecError("h264")

    monkeypatch.setattr(av, "open", Container)
    with (
        pytest.raises(ValueError, match=r"a\.mp4: .* no encoder for H\.264"),
        video.create(tmp_path / "a.mp4") as writer,
    ):
        writer.write(videos.scene(0), 0.0)


LIMITED = """
import os, resource, signal, sys
import numpy as np
from refpose import video
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, sound, limit, behind = sys.argv[1], sys.argv[2] or None, int(sys.argv[3]), int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit,) * 2)
noise = np.random.default_rng(0).integers(0, 255, (60, 96, 96, 3), np.uint8)
errors = []
try:
    with video.create(path, sound_of=sound, behind=behind) as writer:
        for number in range(60):
            try:
                writer.write(noise[number], number / 25)
            except (OSError, ValueError) as error:
                errors.append(error)
except (OSError, ValueError) as error:
    errors.append(error)
print(errors[0].strerror)
sys.stdout.writelines({f"{error}\\n" for error in errors[1:]})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
@pytest.mark.parametrize("sound", [False, True])
@pytest.mark.parametrize("behind", [0, 4])
@pytest.mark.parametrize("limit", [0, 20, 20_000, 300_000])
def test_full_disk(tmp_path: Path, limit: int, behind: int, sound: bool) -> None:
    """Nothing is written after an error, not even by whoever takes no notice: FFmpeg would crash in its file's head."""
    source = videos.write(tmp_path / "sound.mp4", videos.scenes(30), sound="aac") if sound else ""
    path = tmp_path / "a.mp4"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), str(source), str(limit), str(behind)],
        capture_output=True,
        text=True,
        check=False,
    )
    first, *others = done.stdout.splitlines()
    assert (done.returncode, done.stderr, first) == (0, "", "File too large")
    assert set(others) <= {f"{path}: nothing more can be written: File too large"}
    assert others or limit > 20
    assert os.listdir(tmp_path) == ["sound.mp4"] * sound


def test_a_file_that_is_closed(tmp_path: Path) -> None:
    with video.create(tmp_path / "a.mp4") as writer:
        writer.write(np.zeros((8, 8, 3), np.uint8), 0)
    with pytest.raises(ValueError, match="nothing more can be written: the file is closed"):
        writer.write(np.zeros((8, 8, 3), np.uint8), 1)


def test_video_whose_sound_is_kept_is_not_overwritten(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", videos.scenes(2), sound="aac")
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"a\.mp4: is an input"), video.create(path, sound_of=path):
        pass
    assert path.read_bytes() == before
