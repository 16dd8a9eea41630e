"""One HTML page that shows how a network of EfficientPose saw a picture: whole in itself, nothing is fetched."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable

import numpy as np

from .. import __version__, draw, files
from ..efficientpose import HeatmapPose, View
from ..networks.tape import Tape
from ..stages.warp import ByteArray
from . import report

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #222 }
img { max-width: 100%; display: block }
.row { display: flex; flex-wrap: wrap; gap: 1.5rem } .row > * { flex: 1 1 20rem }
figure { margin: 0 } figcaption { font-size: 13px; color: #666 }
.maps { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .8rem }
.maps img { width: 100%; image-rendering: pixelated }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } td, th { padding: .15rem .8rem .15rem 0 }
td.n, th.n { text-align: right } th { text-align: left; border-bottom: 1px solid #ccc }
.wide { overflow-x: auto }
"""


def write(path: str | os.PathLike[str], pose: HeatmapPose, image: ByteArray, title: str) -> bool:
    """Write the page about a picture; the file appears whole or not at all.

    Parameters
    ----------
    path : path
    pose : HeatmapPose
    image : ndarray of uint8, shape (H, W, 3)
        RGB.
    title : str
        What the page calls the picture.

    Returns
    -------
    bool
        Whether a person was found.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    views = pose.views(image)
    files.write_bytes(path, page(pose, image, views, title).encode())
    return bool(views)


def page(pose: HeatmapPose, image: ByteArray, views: list[View], title: str) -> str:
    """The page as HTML."""
    drawn = image.copy()
    for view in views:
        draw.person(drawn, view.person)
    tape = pose.network.tape.pruned(("heatmap",))
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{pose.model}, crop: {pose.crop or 'none'}, {image.shape[1]} x {image.shape[0]} pixels"
        + ("." if views else ". Nobody was found.")
        + "</p>",
        '<div class="row">' + _figure(report.photo(report.reduced(drawn, report.PICTURE_SIDE)), "the picture"),
        *(_figure(report.photo(report.reduced(view.seen, 512)), "what the network was shown") for view in views),
        "</div>",
        *(_person(view) for view in views),
        _layers(tape),
        f"<p>refpose {__version__}</p>",
    ]
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
    return f'<!DOCTYPE html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _figure(uri: str, caption: str) -> str:
    return f'<figure><img src="{uri}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'


def _person(view: View) -> str:
    """Joints and their maps, reduced to an eighth (the network's own resolution); dark is 0, bright 1."""
    person, side = view.person, len(view.heatmap) // 8
    maps = view.heatmap.reshape(side, 8, side, 8, -1).mean(axis=(1, 3))
    names = [name.replace("_", " ") for name in person.topology.names]
    tiles = "".join(_figure(report.heat(maps[:, :, k]), name) for k, name in enumerate(names))
    rows = (
        (name, *(("missing", "") if np.isnan(x) else (f"{x:.1f}", f"{y:.1f}")), f"{sure:.3f}")
        for name, (x, y, _), sure in zip(names, person.landmarks_px.tolist(), person.visibility.tolist(), strict=True)
    )
    table = _table(("joint", "x, pixels", "y, pixels", "peak"), rows, 1)
    return f'<h2>Joints</h2><div class="wide">{table}</div><h2>Heat maps</h2><div class="maps">{tiles}</div>'


def _layers(tape: Tape) -> str:
    rows = (
        (
            step.name,
            step.op,
            str(step.attrs.get("act") or ""),
            " x ".join(map(str, step.out.shape)),
            f"{step.parameters:,}",
            f"{step.macs:,}",
        )
        for step in tape.steps
    )
    table = _table(("layer", "operation", "activation", "output", "parameters", "multiply-adds"), rows, 3)
    total = f"{len(tape.steps)} layers, {tape.parameters:,} parameters, {tape.macs:,} multiply-adds"
    return f'<h2>Layers</h2><p>{total}</p><div class="wide">{table}</div>'


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]], words: int) -> str:
    """A table whose first `words` columns hold words, the others numbers."""

    def line(tag: str, cells: tuple[str, ...]) -> str:
        marked = (
            f'<{tag} class="n">{cell}</{tag}>' if i >= words else f"<{tag}>{cell}</{tag}>"
            for i, cell in enumerate(cells)
        )
        return f"<tr>{''.join(marked)}</tr>"

    return f"<table>{line('th', columns)}{''.join(line('td', row) for row in rows)}</table>"
