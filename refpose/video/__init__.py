"""Video files in and out (PyAV): frames upright with their true times, H.264 that browsers play, sound kept.

for frame in refpose.video.process("clip.mp4", refpose.Pose()):
    frame.index, frame.time, frame.rgb, frame.people
"""

from .container import ENDINGS, READABLE
from .people import FrameResult, process
from .reader import Frame, Reader
from .writer import CRF, PRESET, PRESETS, Writer, create

__all__ = [
    "CRF",
    "ENDINGS",
    "PRESET",
    "PRESETS",
    "READABLE",
    "Frame",
    "FrameResult",
    "Reader",
    "Writer",
    "create",
    "process",
]
