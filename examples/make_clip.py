"""Make skier.mp4: two seconds in which a window of 424 x 424 pixels pans over skier.png.

Run in this folder: ``python make_clip.py`` (needs PyAV: ``pip install av``).
"""

from fractions import Fraction
from math import cos, pi

import av
import numpy as np
from PIL import Image

SIDE, FRAMES, RATE = 424, 50, 25
picture = np.asarray(Image.open("skier.png").convert("RGB"))

with av.open("skier.mp4", "w", options={"movflags": "faststart"}) as movie:
    stream = movie.add_stream("libx264", RATE, options={"crf": "24", "preset": "veryslow"})
    stream.width = stream.height = SIDE
    stream.pix_fmt = "yuv420p"
    for number in range(FRAMES):
        x = round((picture.shape[1] - SIDE) * (1 - cos(2 * pi * number / FRAMES)) / 2)  # to the right and back
        window = np.ascontiguousarray(picture[:SIDE, x : x + SIDE])
        frame = av.VideoFrame.from_ndarray(window, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        movie.mux(stream.encode(frame))
    movie.mux(stream.encode(None))
