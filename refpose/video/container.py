"""Which files are videos, and opening one."""

from __future__ import annotations

import os
from typing import Any

from ..extras import require

# Endings by which videos are recognised in a folder. A file that is named is opened whatever its ending.
ENDINGS = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".asf", ".flv", ".3gp", ".ogv", ".mxf"),
        *(".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".vob"),
    )
)

# FFmpeg's readers for these files, and the few that streams without a container need. Playlists and lists of files
# (concat, hls, dash, image2 ...) are not among them: they open other files, whatever they are called.
READERS = (
    *("mov", "matroska", "webm", "avi", "asf", "flv", "live_flv", "ogg", "mxf", "mpeg", "mpegts", "mpegvideo", "vob"),
    *("gif", "apng", "webp_anim", "ivf", "nut", "rm", "dv", "wtv", "yuv4mpegpipe", "swf", "nsv", "gxf", "bink", "obu"),
    *("h261", "h263", "h264", "hevc", "vvc", "av1", "m4v", "mjpeg", "mjpeg_2000", "vc1", "dirac", "cavsvideo"),
)
READABLE = (
    "MP4, MOV, Matroska, WebM, AVI, MPEG-TS, MPEG-PS, WMV, FLV, Ogg, MXF, 3GP, GIF and what else is one local file"
)
"""The kinds of files in words, for users."""


def opened(path: str | os.PathLike[str]) -> Any:
    """Open a file with one of `READERS`."""
    # "file:" so that no name is taken for a protocol, the lists so that nothing else than this file is read.
    options = {"protocol_whitelist": "file", "format_whitelist": ",".join(READERS)}
    av = require("av", "video")
    # Titles and the like in no known encoding are of no interest. PyAV 19 and later no longer ask.
    errors = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
    return av.open(f"file:{os.fspath(path)}", options=options, **errors)
