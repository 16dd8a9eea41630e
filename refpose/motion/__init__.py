"""Movement: recordings of key points as arrays, what biomechanics does with them, and files that other programs read.

recording = refpose.tables.read("clip.parquet")
recording = motion.fill_gaps(motion.blank(recording, below=0.5), limit=0.2)
recording = motion.low_pass(motion.resample(recording), cutoff_hz=6)
degrees = motion.angles.compute(recording)
motion.write(recording, "clip.trc")
"""

from . import angles
from .filters import low_pass, one_euro
from .formats import FORMATS, Options, export, write
from .gaps import blank, fill_gaps, resample, with_every_frame
from .recording import Recording, joined, record
from .skeletons import centre_of_mass, mirrored, segment_lengths, to_skeleton

__all__ = [
    "FORMATS",
    "Options",
    "Recording",
    "angles",
    "blank",
    "centre_of_mass",
    "export",
    "fill_gaps",
    "joined",
    "low_pass",
    "mirrored",
    "one_euro",
    "record",
    "resample",
    "segment_lengths",
    "to_skeleton",
    "with_every_frame",
    "write",
]
