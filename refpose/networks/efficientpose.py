"""EfficientPose's networks, written once: five sizes from one table by compound scaling, and three LITE variants.

Architecture: Groos, Ramampiaro, Ihlen, "EfficientPose: Scalable single-person pose estimation" (arXiv 2004.12186), on
backbones of Tan, Le, "EfficientNet" (arXiv 1905.11946), as in the files that the authors publish.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .tape import Ops

KEYPOINTS = 16
LIMBS = 14  # each with a vector field of two channels

# EfficientNet's multipliers of widths and depths.
WIDTH_DEPTH = {
    "B0": (1.0, 1.0),
    "B1": (1.0, 1.1),
    "B2": (1.1, 1.2),
    "B3": (1.2, 1.4),
    "B4": (1.4, 1.8),
    "B5": (1.6, 2.2),
    "B7": (2.0, 3.1),
}


def scaled_channels(channels: int, width: float) -> int:
    """EfficientNet's rounding: the nearest multiple of 8, halves upwards, but never below 90 percent."""
    wanted = channels * width
    rounded = max(8, 8 * math.floor((wanted + 4) / 8))
    return rounded if rounded >= 0.9 * wanted else rounded + 8


def scaled_repeats(repeats: int, depth: float) -> int:
    return math.ceil(repeats * depth)


class Stage(NamedTuple):
    """Blocks of one width and kernel size in EfficientNet-B0, before scaling; the first has the stride."""

    channels: int
    repeats: int
    size: int
    stride: int
    expansion: int


STEM = 32
STAGES = (Stage(16, 1, 3, 1, 1), Stage(24, 2, 3, 2, 6), Stage(40, 2, 5, 2, 6))


class Variant(NamedTuple):
    """What tells the sizes apart."""

    side: int  # of the input, pixels
    high: str  # backbone of the high-resolution branch
    low: str | None  # backbone of the low-resolution branch, where there is one
    dense_blocks: int  # of each detection pass
    lite: bool = False  # ReLU6, no squeeze-and-excitation, stem and depth of the first stage not scaled, no other heads


VARIANTS = {
    "efficientpose-rt": Variant(224, "B0", None, 1),
    "efficientpose-i": Variant(256, "B2", "B0", 1),
    "efficientpose-ii": Variant(368, "B4", "B0", 2),
    "efficientpose-iii": Variant(480, "B5", "B1", 3),
    "efficientpose-iv": Variant(600, "B7", "B3", 4),
    "efficientpose-rt-lite": Variant(224, "B0", None, 1, lite=True),
    "efficientpose-i-lite": Variant(256, "B2", None, 1, lite=True),
    "efficientpose-ii-lite": Variant(368, "B4", None, 2, lite=True),
}


def efficientpose(ops: Ops, x: Any, variant: Variant) -> dict[str, Any]:
    """Two views of the picture, three passes of densely connected blocks over them, heat maps.

    Parameters
    ----------
    x : (side, side, 3)
        Normalised picture, see `heatmaps.network_input`.

    Returns
    -------
    dict
        ``heatmap`` (side, side, 16): about 0..1, a peak where the key point is; ``coarse`` (side/8, side/8, 16): the
        same before enlargement. Not LITE: the auxiliary ``fields`` (side/8, side/8, 28), vectors along the limbs, and
        ``early`` (side/8, side/8, 16), the heat maps of the pass before.
    """
    features = backbone(ops, "high", x, variant.high, STAGES, variant.lite)
    if variant.low:
        half = ops.average_pool("low/halve", x)
        low = backbone(ops, "low", half, variant.low, STAGES[:2], variant.lite, last_add=False)
        features = ops.concat("features", features, low, axis=2)
    width, _ = WIDTH_DEPTH[variant.high]
    channels = scaled_channels(STAGES[-1].channels, width)

    skeleton = detection_pass(ops, "pass1", features, channels, variant)
    y = ops.concat("pass2/input", skeleton, features, axis=2)
    early = detection_pass(ops, "pass2", y, channels, variant)
    y = ops.concat("pass3/input", early, features, axis=2)
    y = detection_pass(ops, "pass3", y, channels, variant)

    outputs = {"coarse": ops.pointwise("heatmap/coarse", y, KEYPOINTS)}
    if not variant.lite:
        outputs["fields"] = ops.pointwise("fields", skeleton, 2 * LIMBS)
        outputs["early"] = ops.pointwise("early", early, KEYPOINTS)
    y = outputs["coarse"]
    for times in (2, 4, 8):
        y = ops.enlarge(f"heatmap/x{times}", y)
    return {"heatmap": y, **outputs}


def backbone(
    ops: Ops, name: str, x: Any, scaling: str, stages: tuple[Stage, ...], lite: bool, last_add: bool = True
) -> Any:
    """The first stages of a scaled EfficientNet; `last_add` False leaves out the very last residual addition."""
    width, depth = WIDTH_DEPTH[scaling]
    act = "relu6" if lite else "swish"
    stem = STEM if lite else scaled_channels(STEM, width)
    x = ops.conv(f"{name}/stem", x, stem, 3, stride=2, act=act)
    for s, stage in enumerate(stages, start=1):
        fixed = lite and s == 1
        repeats = stage.repeats if fixed else scaled_repeats(stage.repeats, depth)
        for i in range(repeats):
            block = f"{name}/stage{s}/block{i}"
            # The squeeze width is a quarter of the block's input, not of its expansion.
            squeezed = None if lite else max(1, x.shape[2] // 4)
            stride = stage.stride if i == 0 else 1
            channels = scaled_channels(stage.channels, width)
            expanded = stage.expansion * x.shape[2]
            y = mobile_block(ops, block, x, channels, expanded, squeezed, stage.size, stride, act)
            last = s == len(stages) and i == repeats - 1
            if i and (last_add or not last):
                y = ops.add(f"{block}/add", y, x)
            x = y
    return x


def mobile_block(
    ops: Ops, name: str, x: Any, channels: int, expanded: int, squeezed: int | None, size: int, stride: int, act: str
) -> Any:
    """Widen (where `expanded` is more than there is), filter each channel, weight the channels (where `squeezed` is
    given), project.
    """
    y = x if expanded == x.shape[2] else ops.pointwise(f"{name}/expand", x, expanded, act=act)
    y = ops.depthwise(f"{name}/depthwise", y, size, stride, act=act)
    if squeezed is None:
        return ops.pointwise(f"{name}/project", y, channels)
    gate = ops.mean(f"{name}/mean", y)
    gate = ops.pointwise(f"{name}/squeeze", gate, squeezed, act=act)
    gate = ops.pointwise(f"{name}/excite", gate, y.shape[2], act="sigmoid")
    return ops.gated(f"{name}/project", y, gate, channels)


def detection_pass(ops: Ops, name: str, x: Any, channels: int, variant: Variant) -> Any:
    """Dense blocks one after another, each from the second on added to what it was given."""
    x = dense_block(ops, f"{name}/dense0", x, channels, variant.lite)
    for b in range(1, variant.dense_blocks):
        y = dense_block(ops, f"{name}/dense{b}", x, channels, variant.lite)
        x = ops.add(f"{name}/dense{b}/add", y, x)
    return x


def dense_block(ops: Ops, name: str, x: Any, channels: int, lite: bool) -> Any:
    """Three mobile blocks, each given what all before it in the block found, the newest first; `x` is not kept."""
    y: Any = None
    for i in range(3):
        new = detection_block(ops, f"{name}/block{i}", x, channels, lite)
        y = new if y is None else ops.concat(f"{name}/concat{i}", new, y, axis=2)
        x = y
    return y


def detection_block(ops: Ops, name: str, x: Any, channels: int, lite: bool) -> Any:
    """The detection passes' mobile block: 5x5, widened to six times its *output*, E-swish."""
    act, squeezed = ("relu6", None) if lite else ("eswish", channels // 4)
    return mobile_block(ops, name, x, channels, 6 * channels, squeezed, 5, 1, act)


def enlarging_kernel() -> NDArray[np.float32]:
    """The transposed convolution that `ops.enlarge` stands for: rows, columns, outputs, inputs; (4, 4, 16, 16)."""
    line = np.array([0.25, 0.75, 0.75, 0.25], np.float32)
    return np.asarray(np.multiply.outer(np.outer(line, line), np.eye(KEYPOINTS, dtype=np.float32)))


NETWORKS: dict[str, tuple[Callable[[Ops, Any], dict[str, Any]], tuple[int, int, int]]] = {
    name: (partial(efficientpose, variant=variant), (variant.side, variant.side, 3))
    for name, variant in VARIANTS.items()
}
