"""Layers of a network judged one by one: each is given what came before it in *your* network, as far as it is known.

Where a layer differs, the usual mistakes are tried on that layer alone: the activation, the padding, the order of the
kernel, the bias, the way of enlarging.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine import Network
from ..networks import ops
from ..networks.tape import Step
from .quantities import ACTIVATIONS

Array = NDArray[Any]

# Other orders of summation: relative to the largest value of the layer, with a margin.
NOISE = 1e-4
_NAMED = 0.1


@dataclass(frozen=True)
class Judgement:
    """What was found about a layer; differences are in the layer's own numbers, `size` is the largest of them."""

    layer: str
    state: str
    largest: float
    mean: float
    off: float
    size: float
    causes: tuple[str, ...] = ()
    explained: float = 0.0


def shape_of(name: str, networks: Mapping[str, Network]) -> tuple[int, ...]:
    """Shape of the activation called ``activations/<network>/<layer>/output``.

    Raises
    ------
    ValueError
        There is no such layer.
    """
    network, _, rest = name.removeprefix(ACTIVATIONS).partition("/")
    if network not in networks:
        raise ValueError(f"{name}: no network {network!r} here, only {', '.join(networks)}")
    layer, _, last = rest.rpartition("/")
    shapes = {step.name: step.out.shape for step in networks[network].tape.steps}
    if last != "output" or layer not in shapes:
        raise ValueError(
            f"{name}: no such layer; refpose inspect {network} lists them, and output comes behind the name"
        )
    return shapes[layer]


def judge(network: Network, x: Array, given: Mapping[str, Array]) -> Iterator[Judgement]:
    """Compare outputs of layers.

    Parameters
    ----------
    network : Network
    x : ndarray
        Input of the network.
    given : mapping of str to ndarray
        Somebody's outputs by layer.

    Yields
    ------
    Judgement
        For every layer that is given, in order.
    """
    functions = ops.FUNCTIONS
    alive: dict[int, Array] = {network.tape.input.index: x}
    last = max((i for i, step in enumerate(network.tape.steps) if step.name in given), default=-1)
    for step in network.tape.steps[: last + 1]:
        inputs = [alive[val.index] for val in step.inputs]
        weights = {what: network.weights[f"{step.name}/{what}"] for what in step.weights}
        ours = functions[step.op](*inputs, *weights.values(), **step.attrs)
        if step.name in given:
            yield _judged(step, inputs, weights, ours, given[step.name])
        alive[step.out.index] = given.get(step.name, ours)


def _judged(step: Step, inputs: list[Array], weights: dict[str, Array], ours: Array, theirs: Array) -> Judgement:
    off = np.abs(theirs.astype(np.float64) - ours)
    off = np.where(np.isnan(off), np.inf, off)
    size = float(np.abs(ours).max())
    largest, mean, share = float(off.max()), float(off.mean()), float(np.mean(off > NOISE * max(size, 1e-6)))
    if largest == 0:
        return Judgement(step.name, "equal", 0.0, 0.0, 0.0, size)
    if share == 0:
        return Judgement(step.name, "close", largest, mean, share, size)
    tried = {
        text: float(np.abs(theirs - y).mean())
        for text, y in _variants(step, inputs, weights)
        if y.shape == theirs.shape
    }
    best = min(tried, key=lambda text: tried[text], default="")
    if best and tried[best] <= _NAMED * mean:
        return Judgement(step.name, "differs", largest, mean, share, size, (best,), 1 - tried[best] / mean)
    return Judgement(step.name, "differs", largest, mean, share, size)


def _variants(step: Step, inputs: list[Array], weights: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    """What the layer gives with a mistake, by the mistake's description."""
    function = ops.FUNCTIONS[step.op]
    attrs = dict(step.attrs)

    def with_(**changed: Any) -> Array:
        y: Array = function(*inputs, *weights.values(), **(attrs | changed))
        return y

    if attrs.get("act") == "relu6":
        linear = with_(act=None)
        yield "activation missing (ReLU6)", linear
        yield "ReLU instead of ReLU6", np.maximum(linear, 0)
    elif "act" in attrs:
        yield "ReLU6 where there is no activation", with_(act="relu6")
        yield "ReLU where there is no activation", np.maximum(with_(), 0)
    if "pad" in attrs:
        before, after = attrs["pad"]
        if before != after:
            yield "padding at the other side: the odd row and column belong behind", with_(pad=(after, before))
        elif attrs["stride"] == 2 and before:
            yield "TensorFlow's padding 'same' instead of one on every side", with_(pad=(before - 1, after))
    if "kernel" in weights:
        kernel, bias = weights["kernel"], weights["bias"]
        rest = {**attrs}
        transposed = kernel.swapaxes(0, 1) if step.op == "depthwise" else kernel.swapaxes(1, 2)
        if max(kernel.shape[0:2] if step.op == "depthwise" else kernel.shape[1:3]) > 1:
            yield (
                "kernel transposed: rows and columns exchanged",
                function(*inputs, np.ascontiguousarray(transposed), bias, **rest),
            )
            axes = (0, 1) if step.op == "depthwise" else (1, 2)
            flipped = np.ascontiguousarray(np.flip(kernel, axes))
            yield "kernel flipped: convolution instead of correlation", function(*inputs, flipped, bias, **rest)
        if step.op != "depthwise" and kernel.shape[0] == kernel.shape[3]:
            exchanged = np.ascontiguousarray(kernel.transpose(3, 1, 2, 0))
            yield "kernel transposed: input and output channels exchanged", function(*inputs, exchanged, bias, **rest)
        yield "bias missing", function(*inputs, kernel, np.zeros_like(bias), **rest)
    if step.op == "add":
        yield "sum missing: the first operand alone", inputs[0]
        yield "sum missing: the second operand alone", inputs[1]
    if step.op == "upsample":
        yield "enlarged by repeating values instead of bilinearly", inputs[0].repeat(2, 0).repeat(2, 1)
        yield "enlarged with corners aligned instead of half-pixel centres", _corners_aligned(inputs[0])
    if step.op == "logistic":
        yield "sigmoid missing", inputs[0]
    if step.op == "max_pool":
        x = inputs[0]
        mean = (x[0::2, 0::2] + x[1::2, 0::2] + x[0::2, 1::2] + x[1::2, 1::2]) / np.float32(4)
        yield "mean instead of maximum", mean
    if step.op == "depth_to_space":
        rows, columns, channels = inputs[0].shape
        other = inputs[0].reshape(rows, columns, channels // 4, 2, 2).transpose(0, 3, 1, 4, 2)
        yield "channels before places in depth to space (CRD instead of DCR)", other.reshape(2 * rows, 2 * columns, -1)


def _corners_aligned(x: Array) -> Array:
    """Bilinear enlargement by two that keeps the corner values where they are."""

    def along(x: Array) -> Array:
        n = len(x)
        at = np.arange(2 * n) * (n - 1) / (2 * n - 1)
        low = np.minimum(at.astype(np.intp), n - 2)
        part = (at - low).astype(np.float32)[:, None, None]
        y: Array = x[low] * (1 - part) + x[low + 1] * part
        return y

    return along(along(x).swapaxes(0, 1)).swapaxes(0, 1)
