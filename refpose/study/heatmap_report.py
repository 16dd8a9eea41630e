"""One HTML page that shows how a network of EfficientPose saw a picture: whole in itself, nothing is fetched."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

import numpy as np

from .. import __version__, draw
from ..engine import Network
from ..networks.tape import Tape
from ..person import Person
from ..stages.libm import FloatArray
from ..stages.roi import Roi
from ..topology import EFFICIENTPOSE
from . import report
from .explain import Explanation

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


def page(e: Explanation, networks: Sequence[Network], title: str) -> str:
    """The page as HTML.

    Parameters
    ----------
    e : Explanation
    networks : sequence of Network
        Those that made it; the last one makes the heat maps.
    title : str
        What the page calls the picture.
    """
    width, height = e.image_size
    drawn = e["image"].copy()
    people = [] if e.stopped else [_person(e)]
    for person in people:
        draw.person(drawn, person)
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{e.settings['model']}, crop: {e.settings['crop'] or 'none'}, {width} x {height} pixels"
        + ("." if people else f". Nobody was found: {html.escape(e.stopped)}.")
        + "</p>",
        '<div class="row">' + _figure(report.photo(report.reduced(drawn, report.PICTURE_SIDE)), "the picture"),
        *(_figure(report.photo(report.reduced(e["crop/picture"], 512)), "what the network was shown") for _ in people),
        "</div>",
        *(_joints(person, e["network/heatmap"]) for person in people),
        _layers(networks[-1].tape.pruned(("heatmap",))),
        f"<p>refpose {__version__}</p>",
    ]
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
    return f'<!DOCTYPE html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _person(e: Explanation) -> Person:
    visibility = e["result/visibility"]
    return Person(
        landmarks=e["result/landmarks_n"],
        visibility=visibility,
        score=float(visibility.mean(dtype=np.float64)),
        roi=Roi(*map(float, e["roi/upright_n"])),
        image_size=e.image_size,
        topology=EFFICIENTPOSE,
    )


def _figure(uri: str, caption: str) -> str:
    return f'<figure><img src="{uri}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'


def _joints(person: Person, heatmap: FloatArray) -> str:
    """Joints and their maps, reduced to an eighth (the network's own resolution); dark is 0, bright 1."""
    side = len(heatmap) // 8
    maps = heatmap.reshape(side, 8, side, 8, -1).mean(axis=(1, 3))
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
