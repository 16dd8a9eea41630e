"""One HTML page that shows how BlazePose saw a picture: every stage, every block of the networks, every landmark.

The page is whole in itself: pictures are inside, nothing is fetched. `report_template.html` is the page, with one place
for the data that this module collects from an `Explanation` and the networks.
"""

from __future__ import annotations

import base64
import io
import json
import math
import os
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .. import __version__, families, files
from ..networks.tape import Step, Tape
from ..stages import detector, landmarks
from ..stages.roi import Roi
from ..topology import LANDMARK_NAMES, POSE_CONNECTIONS
from .explain import Explanation

if TYPE_CHECKING:
    from ..engine import Network
    from ..pose import Pose

Array = NDArray[Any]

PICTURE_SIDE = 1280  # pixels; larger pictures are reduced for the page
MASK_SIDE = 512
MAP_SIDE = 64  # larger activation maps are reduced
MAPS = 16  # channels shown of a layer
THUMBNAIL = 32
BINS = 41  # of a weights histogram

# Matplotlib's "inferno" at nine places, linear in between.
_COLORS = "000004 1b0c41 4a0c6b 781c6d a52c60 cf4446 ed6925 fb9b06 fcffa4".split()


def write(path: str | os.PathLike[str], pose: Pose, image: Array, title: str) -> Explanation:
    """Explain a picture and write the page about it; the file appears whole or not at all.

    Parameters
    ----------
    path : path
    pose : Pose
        In mode ``"image"``.
    image : ndarray of uint8, shape (H, W, 3)
        RGB.
    title : str
        What the page calls the picture.

    Returns
    -------
    Explanation
        What the page shows.

    Raises
    ------
    ValueError
        The pose is one for videos.
    OSError
        The file cannot be written.
    """
    if pose.mode != "image":
        raise ValueError("a report is about a single picture: expected a Pose with mode='image'")
    pose.explain(image)  # the native engine packs its weights in the first run, which is not to be timed
    explanation = pose.explain(image)
    write_page = families.named(families.family_of(pose.model).report).page
    files.write_bytes(path, write_page(explanation, tuple(pose.networks.values()), title).encode())
    return explanation


def page(explanation: Explanation, networks: Iterable[Network], title: str) -> str:
    """The page as HTML.

    Parameters
    ----------
    explanation : Explanation
    networks : iterable of Network
        The detector and the landmark network that made it.
    title : str
        What the page calls the picture.
    """
    data = json.dumps(_data(explanation, tuple(networks), title), separators=(",", ":"), allow_nan=False)
    template = resources.files("refpose.study").joinpath("report_template.html").read_text("utf-8")
    # "<" could end the script element that the data is in.
    return template.replace("__DATA__", data.replace("<", "\\u003c"))


def _data(e: Explanation, networks: tuple[Network, ...], title: str) -> dict[str, Any]:
    width, height = e.image_size
    places = e.places or [0]
    first = e.of_person(places[0])
    return {
        "title": title,
        "version": __version__,
        "size": [width, height],
        "stopped": e.stopped,
        "settings": e.settings,
        "times": [[name, round(seconds * 1e3, 3)] for name, seconds in e.times.items()],
        "picture": photo(reduced(e["image"], PICTURE_SIDE)),
        "names": [name.replace("_", " ") for name in LANDMARK_NAMES],
        "connections": sorted(POSE_CONNECTIONS),
        "decisions": e.decisions,
        "detector": _detector_data(first),
        "networks": [
            _network_data(network, first[name])
            for network, name in zip(networks, ("detector/input", "crop/input"), strict=True)
            if name in first
        ],
        **_person_data(first),
        "others": [_person_data(e.of_person(place)) for place in places[1:]],
    }


def _person_data(e: Explanation) -> dict[str, Any]:
    """The region of a person, and what was found there."""
    width, height = e.image_size
    data: dict[str, Any] = {"blend": _rounded(e["detector/blend_n"]) if "detector/blend_n" in e else None}
    if "crop/input" in e:
        roi = Roi(*e["roi/crop_n"])
        data["roi"] = {
            "corners": _rounded(e["crop/corners_px"] / (width, height)),
            "side": round(roi.width * width, 2),
            "degrees": round(math.degrees(roi.rotation), 2),
            "crop": photo(np.rint(e["crop/input"] * 255).astype(np.uint8)),
            "presence": round(float(e["network/presence"]), 5),
        }
    if not e.stopped:
        data["landmarks"] = _landmark_data(e)
        data["mask"] = _tint(reduced(np.rint(e["mask/image"] * 255).astype(np.uint8), MASK_SIDE))
    return data


def _detector_data(e: Explanation) -> dict[str, Any]:
    width, height = e.image_size
    boxes, logits, candidates = e["detector/boxes"], e["detector/scores"], e["detector/candidates_sq"]
    score = landmarks.sigmoid(np.clip(logits, -detector.SCORE_LIMIT, detector.SCORE_LIMIT).astype(np.float32))
    best = detector.decode(boxes, logits, 0.0)
    best = best[np.argmax(best[:, 0])]
    grids, start = [], 0
    for cells, anchors in detector.GRIDS:
        count = cells * cells * anchors
        grid = score[start : start + count].reshape(cells, cells, anchors).max(axis=2)
        grids.append({"cells": cells, "anchors": anchors, "best": round(float(grid.max()), 4), "map": heat(grid)})
        start += count
    order = np.argsort(-candidates[:, 0], kind="stable")
    head = candidates[order[:1]]
    least = e.settings.get("min_overlap", detector.MIN_OVERLAP)
    used = detector.overlap(candidates[order], head[0]) > least if len(head) else np.zeros(0, bool)
    return {
        "input": photo(np.rint((e["detector/input"] + 1) * 127.5).astype(np.uint8)),
        "grids": grids,
        "candidates": [
            {"row": _rounded(detector.remove_padding(row, width, height)), "used": bool(u)}
            for row, u in zip(candidates[order], used, strict=True)
        ],
        "best": _rounded(detector.remove_padding(best, width, height)),
        "blend": _rounded(e["detector/blend_n"]) if "detector/blend_n" in e else None,
        "threshold": e.settings["min_detection_confidence"],
    }


def _landmark_data(e: Explanation) -> dict[str, Any]:
    probability = landmarks.sigmoid(e["network/heatmap"])[:, :, : landmarks.COUNT]
    decoded, refined = (e[f"landmarks/{what}_roi"][: landmarks.COUNT] for what in ("decoded", "refined"))
    return {
        "raw": _rounded(decoded[:, :2]),
        "refined": _rounded(refined[:, :2]),
        "visibility": _rounded(decoded[:, 3], 4),
        "presence": _rounded(decoded[:, 4], 4),
        "image": _rounded(e["result/landmarks_n"]),
        "world": _rounded(e["result/world_m"], 4),
        "peak": _rounded(probability.max(axis=(0, 1)), 4),
        "window": e.settings["refinement_window"],
        "heatmaps": _clear_heat(np.concatenate(list(probability.transpose(2, 0, 1)), axis=1)),
    }


# Networks ------------------------------------------------------------------------------------------------------------


def block_of(step: Step, blocks: dict[int, str]) -> str:
    """Name of the block that a step belongs to: ``encoder/block3`` for ``encoder/block3/depthwise``.

    `blocks` says which block made a value; steps that only rearrange or squash one belong there too.
    """
    if step.op in ("reshape", "logistic"):
        return blocks[step.inputs[0].index]
    parts = step.name.split("/")
    return "/".join(parts[:-1]) if len(parts) > 2 else step.name


def _network_data(network: Network, x: Array) -> dict[str, Any]:
    """Blocks with their places in the diagram, and layers with their maps and weights."""
    layers: list[dict[str, Any]] = []
    energy: dict[str, Array] = {}
    members: dict[str, list[int]] = {}
    home: dict[int, str] = {}
    for number, (step, layer, (_, activation)) in enumerate(
        zip(network.tape.steps, network.layers, network.trace(x), strict=True)
    ):
        block = home[step.out.index] = block_of(step, home)
        members.setdefault(block, []).append(number)
        if activation.ndim == 3 and activation.shape[0] > 1:
            energy[block] = np.sqrt(np.mean(np.square(activation), axis=2))
        row: dict[str, Any] = {
            "name": layer.name,
            "op": f"{layer.op} {step.weights['kernel'][1]}x{step.weights['kernel'][1]}"
            if "pad" in step.attrs
            else layer.op,
            "act": step.attrs.get("act") or "",
            "in": list(layer.input_shapes),
            "out": layer.output_shape,
            "parameters": layer.parameters,
            "macs": layer.macs,
            "field": layer.receptive_field,
            "range": [float(f"{activation.min():.4g}"), float(f"{activation.max():.4g}")],
        }
        if step.op not in ("reshape", "concat", "logistic") and activation.shape[0] > 1:
            row |= _maps(activation)
        if "kernel" in step.weights:
            row["weights"] = _histogram(network.weights[f"{step.name}/kernel"])
        layers.append(row)
    steps = network.tape.steps
    edges = sorted(
        {
            (home[val.index], home[step.out.index])
            for step in steps
            for val in step.inputs
            if val.index in home and home[val.index] != home[step.out.index]
        }
    )
    order = list(members)
    column, level = _places(order, edges, network.tape, home)
    sprite, at = _sprite(energy)
    return {
        "name": network.name,
        "input": list(network.input_shape),
        "parameters": network.tape.parameters,
        "macs": network.tape.macs,
        "layers": layers,
        "sprite": sprite,
        "blocks": [
            {
                "name": name,
                "layers": members[name],
                "x": column[name],
                "level": level[name],
                "thumbnail": at.get(name, -1),
                "macs": sum(layers[n]["macs"] for n in members[name]),
                "parameters": sum(layers[n]["parameters"] for n in members[name]),
            }
            for name in order
        ],
        "edges": [[order.index(a), order.index(b)] for a, b in edges],
    }


def _places(
    order: Sequence[str], edges: Sequence[tuple[str, str]], tape: Tape, home: dict[int, str]
) -> tuple[dict[str, int], dict[str, int]]:
    """Column (steps from the input, as late as what follows allows) and row (height of the map) of every block."""
    before = {name: [a for a, b in edges if b == name] for name in order}
    after = {name: [b for a, b in edges if a == name] for name in order}
    column: dict[str, int] = {}
    for name in order:
        column[name] = max((column[a] + 1 for a in before[name]), default=0)
    for name in reversed(order):
        column[name] = min((column[b] - 1 for b in after[name]), default=column[name])
    level = {home[step.out.index]: step.out.shape[0] for step in tape.steps if len(step.out.shape) == 3}
    for name in order:  # what joins lists of numbers stands where its input stood
        level.setdefault(name, min((level[a] for a in before[name]), default=1))
    return column, level


def _maps(activation: Array) -> dict[str, Any]:
    """The liveliest channels side by side, each from its least to its greatest value."""
    spread = activation.reshape(-1, activation.shape[2]).std(axis=0)
    channels = np.argsort(-spread, kind="stable")[:MAPS]
    maps = activation[:, :, channels]
    step = max(1, maps.shape[0] // MAP_SIDE)
    maps = maps[: maps.shape[0] // step * step, : maps.shape[1] // step * step]
    rows, columns = maps.shape[0] // step, maps.shape[1] // step
    maps = maps.reshape(rows, step, columns, step, -1).mean(axis=(1, 3))
    tiles = [_spread(maps[:, :, i]) for i in range(len(channels))]
    return {"maps": heat(np.concatenate(tiles, axis=1)), "channels": channels.tolist()}


def _spread(values: Array) -> Array:
    """Values from 0 (their least) to 1 (their greatest)."""
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def _sprite(maps: dict[str, Array]) -> tuple[str, dict[str, int]]:
    """A small picture of every map in a row, and each map's number in it."""
    tiles = [
        np.asarray(
            Image.fromarray(_spread(values).astype(np.float32)).resize((THUMBNAIL, THUMBNAIL), _resampling(values))
        )
        for values in maps.values()
    ]
    return heat(np.concatenate(tiles, axis=1)), {name: i for i, name in enumerate(maps)}


def _resampling(values: Array) -> Image.Resampling:
    return Image.Resampling.BOX if values.shape[0] > THUMBNAIL else Image.Resampling.NEAREST


def _histogram(values: Array) -> dict[str, Any]:
    """Counts of weights in `BINS` bins, symmetric about zero, and how many are exactly zero."""
    limit = float(np.abs(values).max())
    counts, _ = np.histogram(values, BINS, (-limit, limit))
    return {
        "limit": float(f"{limit:.4g}"),
        "counts": counts.tolist(),
        "zeros": int(np.count_nonzero(values == 0)),
        "total": int(values.size),
    }


# Pictures ------------------------------------------------------------------------------------------------------------


@cache
def _palette() -> Array:
    """Colours of the values 0 to 255, ndarray of uint8, shape (256, 3)."""
    anchors = np.array([[int(c[i : i + 2], 16) for i in (0, 2, 4)] for c in _COLORS])
    at = np.linspace(0, 255, len(anchors))
    return np.rint(np.stack([np.interp(np.arange(256), at, anchors[:, i]) for i in range(3)], axis=1)).astype(np.uint8)


def heat(values: Array) -> str:
    """Values 0..1 in colours."""
    picture = Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8), "L")
    picture.putpalette(_palette().tobytes())
    return _uri(picture, "PNG", optimize=True)


def _clear_heat(values: Array) -> str:
    """Values 0..1 in colours, the lower the more transparent."""
    index = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return _uri(Image.fromarray(np.dstack([_palette()[index], index])), "PNG", optimize=True)


def _tint(mask: Array) -> str:
    """White, as opaque as the mask says."""
    return _uri(Image.fromarray(np.dstack([np.full((*mask.shape, 3), 255, np.uint8), mask])), "PNG", optimize=True)


def reduced(pixels: Array, side: int) -> Array:
    """A picture whose longer side has at most `side` pixels."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def photo(pixels: Array) -> str:
    return _uri(Image.fromarray(pixels), "JPEG", quality=90)


def _uri(picture: Image.Image, form: str, **options: Any) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _rounded(values: Array, digits: int = 5) -> Any:
    return np.round(np.asarray(values, np.float64), digits).tolist()
