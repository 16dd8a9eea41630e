"""A figure of joint angles over time, as PNG (`refpose.plot.plot_angles`)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from ...extras import require
from ...plot import plot_angles
from ..angles import check_names
from ..recording import PIXELS, WORLD
from .common import Gathered, Options, Writer, gathering


def create(path: Path, options: Options) -> AbstractContextManager[Writer]:
    """Draw the figure at the end; until then frames are kept in a file."""
    return gathering(path, (*PIXELS, *WORLD), lambda temporary, gathered: _draw(temporary, gathered, options))


def _draw(path: Path, gathered: Gathered, options: Options) -> None:
    check_names(gathered.keypoints)
    require("matplotlib", "plot")
    figure = require("matplotlib.figure", "plot").Figure(figsize=(8, 6), layout="constrained")
    require("matplotlib.backends.backend_agg", "plot").FigureCanvasAgg(figure)
    plot_angles(gathered.blocks(), options.angles, axes=figure.subplots(3, 1, sharex=True))
    figure.savefig(path, format="png", dpi=120)
