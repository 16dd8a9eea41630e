"""BlazePose's networks, written once, as straight-line code over the operations of `tape.Ops`.

Run over arrays this computes; run over shapes it gives the tape from which the fast engine makes its plan. Nothing here
depends on the value of a pixel. Names of layers are names of weights: ``encoder/block3/depthwise`` has the arrays
``encoder/block3/depthwise/kernel`` and ``.../bias``.

Architecture: Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking" (2020) and "BlazeFace" (2019)
for the blocks; widths and depths are those of the released models, which `refpose convert` proves layer by layer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from .tape import Ops

# Building blocks -----------------------------------------------------------------------------------------------------


def inverted_bottleneck(
    ops: Ops, name: str, x: Any, channels: int, size: int = 3, stride: int = 1, expansion: int = 6
) -> Any:
    """MobileNetV2's block: widen, filter each channel, project; added to its input where the shapes allow it."""
    y = ops.pointwise(f"{name}/expand", x, expansion * x.shape[2], act="relu6")
    y = ops.depthwise(f"{name}/depthwise", y, size, stride, pad=size // 2, act="relu6")
    y = ops.pointwise(f"{name}/project", y, channels)
    return ops.add(f"{name}/add", y, x) if y.shape == x.shape else y


def separable(ops: Ops, name: str, x: Any, channels: int, depthwise_act: str | None = "relu6") -> Any:
    """Depthwise-separable convolution: 3x3 within each channel, then 1x1 across channels."""
    y = ops.depthwise(f"{name}/depthwise", x, 3, act=depthwise_act)
    return ops.pointwise(f"{name}/pointwise", y, channels, act="relu6")


def blaze_block(
    ops: Ops, name: str, x: Any, channels: int, stride: int = 1, depthwise_act: str | None = "relu6"
) -> Any:
    """BlazeFace's residual block: separable convolution plus its (pooled, channel-padded) input, then the
    activation.
    """
    y = ops.depthwise(f"{name}/depthwise", x, 3, stride, act=depthwise_act)
    y = ops.pointwise(f"{name}/pointwise", y, channels)
    if stride == 2:
        x = ops.max_pool(f"{name}/pool", x)
    if x.shape[2] < channels:
        x = ops.pad_channels(f"{name}/pad", x, channels)
    return ops.add(f"{name}/add", x, y, act="relu6")


def blaze_blocks(ops: Ops, name: str, x: Any, channels: int, count: int) -> Any:
    """A stage of the regression path: one block that halves the image, then `count` that keep it."""
    x = blaze_block(ops, f"{name}/block0", x, channels, stride=2)
    for i in range(1, count + 1):
        x = blaze_block(ops, f"{name}/block{i}", x, channels)
    return x


# The encoder that detector and landmark network share --------------------------------------------------------------


class Stage(NamedTuple):
    """Inverted bottlenecks of one width and kernel size: the first may halve the image, the others are residual."""

    channels: int
    size: int
    stride: int
    expansions: tuple[int, ...]  # one per block


def encoder(ops: Ops, x: Any, stem: int, stages: tuple[Stage, ...]) -> tuple[dict[int, Any], Any]:
    """EfficientNet-like encoder: stem, a bottleneck without expansion, the stages, a wide head.

    Returns
    -------
    features : dict
        Height of the activation -> the last one of that height before the head.
    wide : activation
        What the head makes of the last one: six times its channels, filtered.
    """
    x = ops.conv("encoder/stem", x, 24, 3, stride=2, pad=1, act="relu6")
    x = ops.depthwise("encoder/block0/depthwise", x, 3, act="relu6")
    x = ops.pointwise("encoder/block0/project", x, stem)
    features = {x.shape[0]: x}
    blocks = [(stage, i) for stage in stages for i in range(len(stage.expansions))]
    for n, (stage, i) in enumerate(blocks, start=1):
        stride = stage.stride if i == 0 else 1
        x = inverted_bottleneck(ops, f"encoder/block{n}", x, stage.channels, stage.size, stride, stage.expansions[i])
        features[x.shape[0]] = x
    wide = ops.pointwise("encoder/head/expand", x, 6 * x.shape[2], act="relu6")
    return features, ops.depthwise("encoder/head/depthwise", wide, 3, act="relu6")


# Person detector ---------------------------------------------------------------------------------------------------

_DETECTOR_STAGES = (
    Stage(24, 3, 2, (4, 6)),
    Stage(40, 5, 2, (6, 6)),
    Stage(80, 3, 2, (6, 6, 6)),
    Stage(112, 5, 1, (6, 6, 6)),
    Stage(192, 5, 2, (6, 6, 6, 6)),
)


def detector(ops: Ops, x: Any) -> dict[str, Any]:
    """Single-shot person detector over grids of 28, 14 and 7 cells a side.

    Parameters
    ----------
    x : (224, 224, 3)
        Letterboxed picture, RGB in -1..1.

    Returns
    -------
    dict
        ``boxes`` (2254, 12): centre, size and four key points per anchor, in input pixels relative to the anchor;
        ``scores`` (2254,): logits.
    """
    features, wide = encoder(ops, x, 16, _DETECTOR_STAGES)
    middle = separable(ops, "fpn/lateral14", features[14], 192, depthwise_act=None)
    fine = separable(ops, "fpn/lateral28", features[28], 96, depthwise_act=None)
    middle = top_down(ops, "fpn/stage14", wide, middle)
    fine = top_down(ops, "fpn/stage28", middle, fine)
    boxes: list[Any] = []
    scores: list[Any] = []
    for cells, anchors, y in ((28, 2, fine), (14, 2, middle), (7, 6, wide)):
        y = ops.depth_to_space(f"head{cells}/depth_to_space", y)
        for what, values, found in (("scores", 1, scores), ("boxes", 12, boxes)):
            name = f"head{cells}/{what}"
            z = ops.depthwise(f"{name}/depthwise", y, 3, stride=2, pad=1)
            z = ops.pointwise(f"{name}/pointwise", z, anchors * values)
            rows = cells * cells * anchors
            found.append(ops.reshape(f"{name}/reshape", z, (rows, values) if values > 1 else (rows,)))
    return {"boxes": ops.concat("boxes", *boxes), "scores": ops.concat("scores", *scores)}


def top_down(ops: Ops, name: str, coarse: Any, lateral: Any) -> Any:
    """A level of the detector's feature pyramid: the coarser level enlarged, added to the encoder's, two blocks."""
    channels = lateral.shape[2]
    y = ops.upsample(f"{name}/upsample", coarse)
    y = ops.pointwise(f"{name}/reduce", y, channels, act="relu6")
    y = ops.add(f"{name}/add", lateral, y)
    for i in range(2):
        y = blaze_block(ops, f"{name}/block{i}", y, channels, depthwise_act=None)
    return y


# Landmark network --------------------------------------------------------------------------------------------------


class Widths(NamedTuple):
    """What tells lite, full and heavy apart."""

    stem: int  # channels before the first stage
    stages: tuple[Stage, ...]
    decoder: int  # channels of the heat-map decoder
    regression: int  # channels of the regression path at 8x8 and below
    blocks4: int  # residual blocks of the regression path at 4x4
    blocks2: int  # and at 2x2
    down: tuple[tuple[int, int, int], ...] = ()  # (height, channels, blocks) of a way back down from the decoder


WIDTHS = {
    "lite": Widths(
        stem=8,
        stages=(
            Stage(16, 3, 2, (4, 6)),
            Stage(24, 5, 2, (6, 6)),
            Stage(40, 3, 2, (6, 6, 6)),
            Stage(56, 5, 1, (6, 6, 6)),
            Stage(96, 5, 2, (6, 6, 6, 6)),
        ),
        decoder=32,
        regression=192,
        blocks4=2,
        blocks2=3,
    ),
    "full": Widths(
        stem=16,
        stages=(
            Stage(24, 3, 2, (4, 6)),
            Stage(32, 5, 2, (6, 6)),
            Stage(64, 3, 2, (6, 6, 6)),
            Stage(88, 5, 1, (6, 6, 6)),
            Stage(144, 5, 2, (6, 6, 6, 6)),
        ),
        decoder=48,
        regression=288,
        blocks4=4,
        blocks2=5,
    ),
    "heavy": Widths(
        stem=24,
        stages=(
            Stage(32, 3, 2, (4, 4, 6, 6)),
            Stage(56, 5, 2, (6, 6, 6, 6)),
            Stage(112, 3, 2, (6, 6, 6, 6, 6, 6)),
            Stage(160, 5, 1, (6, 6, 6, 6, 6, 6)),
            Stage(272, 5, 2, (6, 6, 6, 6, 6, 6, 6, 6)),
        ),
        decoder=48,
        regression=288,
        blocks4=7,
        blocks2=7,
        down=((32, 96, 6), (16, 192, 7), (8, 288, 7)),
    ),
}


def landmark(ops: Ops, x: Any, widths: Widths) -> dict[str, Any]:
    """Landmark network: an encoder, a decoder supervised by heat maps, and a regression path to the landmarks.

    Parameters
    ----------
    x : (256, 256, 3)
        Rotated crop of one person, RGB in 0..1.

    Returns
    -------
    dict
        ``landmarks`` (39, 5): x, y, z in crop pixels, visibility and presence logits; ``presence`` (): probability
        that the crop shows a person; ``segmentation`` (256, 256): logits; ``heatmap`` (64, 64, 39): logits;
        ``world`` (39, 3): metres.
    """
    features, wide = encoder(ops, x, widths.stem, widths.stages)
    decoded = decoder(ops, features, wide, widths.decoder)
    outputs = {"segmentation": segmentation_head(ops, decoded, features[128])}
    outputs["heatmap"] = ops.pointwise("heatmap", decoded, 39)

    y = separable(ops, "regression/stage8/reduce", wide, widths.regression)
    if widths.down:
        y = ops.add("regression/stage8/add", way_down(ops, decoded, features, widths.down), y)
    y = blaze_blocks(ops, "regression/stage4", y, widths.regression, widths.blocks4)
    y = blaze_blocks(ops, "regression/stage2", y, widths.regression, widths.blocks2)
    for what, values, shape in (("landmarks", 195, (39, 5)), ("world", 117, (39, 3)), ("presence", 1, ())):
        z = ops.conv(f"regression/{what}", y, values, 2, pad=0)
        outputs[what] = ops.reshape(f"{what}/reshape", z, shape)
    outputs["presence"] = ops.logistic("presence", outputs["presence"])
    return {name: outputs[name] for name in ("landmarks", "presence", "segmentation", "heatmap", "world")}


def decoder(ops: Ops, features: dict[int, Any], wide: Any, channels: int) -> Any:
    """From 8x8 up to 64x64: enlarge, add what the encoder had at that size."""
    y = separable(ops, "decoder/stage8", wide, channels)
    for rows in (16, 32, 64):
        lateral = separable(ops, f"decoder/lateral{rows}", features[rows], channels)
        y = ops.upsample(f"decoder/stage{rows}/upsample", y)
        y = ops.add(f"decoder/stage{rows}/add", y, lateral)
    return y


def segmentation_head(ops: Ops, decoded: Any, fine: Any) -> Any:
    """From the decoder's 64x64 to mask logits at 256x256, eight channels wide."""
    if fine.shape[2] == 8:
        fine = blaze_block(ops, "segmentation/lateral128", fine, 8)
    else:
        fine = separable(ops, "segmentation/lateral128", fine, 8)
    y = separable(ops, "segmentation/stage64", decoded, 8)
    y = ops.upsample("segmentation/stage128/upsample", y)
    y = ops.add("segmentation/stage128/add", y, fine)
    for i in range(2):
        y = blaze_block(ops, f"segmentation/stage128/block{i}", y, 8)
    y = ops.upsample("segmentation/stage256/upsample", y)
    for i in range(2):
        y = blaze_block(ops, f"segmentation/stage256/block{i}", y, 8)
    y = ops.conv("segmentation/logits", y, 1, 3)
    return ops.reshape("segmentation", y, y.shape[:2])


def way_down(ops: Ops, y: Any, features: dict[int, Any], down: tuple[tuple[int, int, int], ...]) -> Any:
    """From the decoder's 64x64 back down to 8x8, adding the encoder's features on the way (heavy only)."""
    for rows, channels, count in down:
        y = blaze_blocks(ops, f"regression/stage{rows}", y, channels, count)
        if rows > 8:
            lateral = separable(ops, f"regression/lateral{rows}", features[rows], channels)
            y = ops.add(f"regression/stage{rows}/add", y, lateral)
    return y


# All networks ------------------------------------------------------------------------------------------------------

NETWORKS: dict[str, tuple[Callable[[Ops, Any], dict[str, Any]], tuple[int, int, int]]] = {
    "detector": (detector, (224, 224, 3)),
    **{name: (partial(landmark, widths=widths), (256, 256, 3)) for name, widths in WIDTHS.items()},
}
