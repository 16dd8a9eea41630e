"""EfficientPose's Keras files: trained arrays by the authors' layer names, batch norm folded into the convolutions.

Only the arrays are read. The description of the model that such a file carries besides, with byte code of its Lambda
layers, is never looked at: the architecture is our own, and every array must fit it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import reading
from ..networks import record
from ..networks.efficientpose import NETWORKS, VARIANTS, enlarging_kernel
from ..networks.tape import Step, Tape
from ..reading import hdf5

_MAX_BYTES = 512 << 20  # of the arrays in a file; the largest network has 26 MB
EPSILON = np.float32(1e-3)  # of every batch norm

_PASSES = {"pass1": "skeleton", "pass2": "detection1", "pass3": "detection2"}
_HEADS = {
    "fields": "pass1_skeleton_pafs",
    "early": "pass2_detection1_confs",
    "heatmap/coarse": "pass3_detection2_confs",
}
_UPSAMPLERS = ("upscaled_deconv1", "upscaled_deconv2", "upscaled_confs")
_BRANCHES = {"high": "res1", "low": "res2"}
# Layers of a block: convolution, batch norm.
_BLOCK = {
    "expand": ("expand_conv", "expand_bn"),
    "depthwise": ("dwconv", "bn"),
    "squeeze": ("se_reduce", None),
    "excite": ("se_expand", None),
    "project": ("project_conv", "project_bn"),
}
_DETECTION_BLOCK = {
    "expand": ("conv1", "conv1_bn"),
    "depthwise": ("dconv1", "dconv1_bn"),
    "squeeze": ("se_se_squeeze_conv", None),
    "excite": ("se_se_excite_conv", None),
    "project": ("conv2", "conv2_bn"),
}


class Source(NamedTuple):
    """Where the weights of a step come from: layers of the Keras model."""

    layer: str
    batch_norm: str | None


def extract(data: bytes, where: str) -> tuple[str, dict[str, NDArray[np.float32]]]:
    """Network and its trained arrays by name, from the bytes of a Keras file.

    Raises
    ------
    ValueError
        The file is damaged, or its layers are not those of one of EfficientPose's networks.
    """
    found = hdf5.read(data, where, "model_weights", ("weight_names",), reading.limit(default=_MAX_BYTES))
    if not found.attributes:
        raise ValueError(f"{where}: no group 'model_weights': not a Keras model file")
    layers = _layers(found, where)
    network = identify(layers, where)
    return network, fold(record(network), layers, where)


def identify(layers: dict[str, dict[str, NDArray[Any]]], where: str) -> str:
    """The network with just these layers.

    Raises
    ------
    ValueError
        There is none; the nearest one and the first difference are named.
    """
    found = set(layers)
    expected = {network: set(_expected(record(network))) for network in NETWORKS}
    network = min(NETWORKS, key=lambda name: len(expected[name] ^ found))
    for layer in sorted(expected[network] ^ found):
        what = "missing" if layer in expected[network] else f"not a part of {network}"
        raise ValueError(f"{where}: not a network refpose knows: {layer}: {what}")
    return network


def fold(tape: Tape, layers: dict[str, dict[str, NDArray[Any]]], where: str) -> dict[str, NDArray[np.float32]]:
    """Kernel and bias of every step.

    Where a batch norm follows: ``kernel * scale`` and ``beta - mean * scale`` with ``scale = gamma/sqrt(variance +
    EPSILON)``, every step in float32. Rounded to binary16, these are the values of the authors' .tflite files.

    Raises
    ------
    ValueError
        An array is missing, of another shape or not float32.
    """

    def take(layer: str, what: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        array = layers[layer].get(what)
        if array is None:
            raise ValueError(f"{where}: {layer}: no {what}")
        if array.shape != shape or array.dtype != np.float32:
            found = f"{array.shape} {array.dtype}"
            raise ValueError(f"{where}: {layer}: {what}: expected {shape} float32, found {found}")
        return array

    arrays: dict[str, NDArray[np.float32]] = {}
    for step, source in _sources(tape):
        shape, channels = step.weights["kernel"], step.out.shape[2]
        if step.op == "depthwise":
            kernel = take(source.layer, "depthwise_kernel", (*shape, 1))[..., 0]
        else:
            kernel = take(source.layer, "kernel", (*shape[1:], shape[0])).transpose(3, 0, 1, 2)
        if source.batch_norm is None:
            bias = take(source.layer, "bias", (channels,))
        else:
            gamma, beta, mean, variance = (
                take(source.batch_norm, what, (channels,))
                for what in ("gamma", "beta", "moving_mean", "moving_variance")
            )
            if not np.all(variance >= 0):
                raise ValueError(f"{where}: {source.batch_norm}: moving_variance: has negative values")
            scale = gamma / np.sqrt(variance + EPSILON)
            kernel = kernel * (scale if step.op == "depthwise" else scale[:, None, None, None])
            bias = beta - mean * scale
        arrays[f"{step.name}/kernel"] = np.ascontiguousarray(kernel)
        arrays[f"{step.name}/bias"] = bias
    fixed = enlarging_kernel()
    for layer in _UPSAMPLERS:
        same = (
            np.array_equal(take(layer, "kernel", fixed.shape), fixed)
            and not take(layer, "bias", fixed.shape[-1:]).any()
        )
        if not same:
            raise ValueError(f"{where}: {layer}: not the bilinear kernel without bias")
    return arrays


def _expected(tape: Tape) -> Iterator[str]:
    for _, source in _sources(tape):
        yield source.layer
        if source.batch_norm is not None:
            yield source.batch_norm
    yield from _UPSAMPLERS


def _sources(tape: Tape) -> Iterator[tuple[Step, Source]]:
    """Every step with weights, and the layers they come from."""
    lite_blocks = 0
    for step in tape.steps:
        if not step.weights:
            continue
        if step.name in _HEADS:
            yield step, Source(_HEADS[step.name], None)
            continue
        first, *middle, last = step.name.split("/")
        if first in _PASSES:
            dense, block = (int(part[-1]) + 1 for part in middle)
            layer, batch_norm = _DETECTION_BLOCK[last]
            prefix = f"{first}_block{dense}_mbconv{block}_{_PASSES[first]}_"
            yield step, Source(prefix + layer, batch_norm and prefix + batch_norm)
        elif VARIANTS[tape.name].lite:
            yield step, _lite_source(tape, step, last, lite_blocks)
            lite_blocks += last == "project"
        else:
            branch = _BRANCHES[first]
            if last == "stem":
                yield step, Source(f"stem_conv_{branch}", f"stem_bn_{branch}")
                continue
            stage, block = (int(part.lstrip("stageblock")) for part in middle)
            layer, batch_norm = _BLOCK[last]
            prefix = f"block{stage}{chr(ord('a') + block)}_"
            yield step, Source(f"{prefix}{layer}_{branch}", batch_norm and f"{prefix}{batch_norm}_{branch}")


def _lite_source(tape: Tape, step: Step, last: str, block: int) -> Source:
    """Layers of the LITE backbones: blocks are counted through all stages, layers of one kind within the block."""
    model = f"efficientnet-lite{VARIANTS[tape.name].high[1:]}/model"
    if last == "stem":
        return Source(f"{model}/stem/conv2d/Conv2D_0", f"{model}/stem/tpu_batch_normalization/FusedBatchNormV3_0")
    kinds = ["expand", "depthwise", "project"] if block else ["depthwise", "project"]
    norm = kinds.index(last)
    convolution = [kind for kind in kinds if kind != "depthwise"].index(last) if last != "depthwise" else 0
    suffix = f"_{convolution}" if convolution else ""
    layer = "depthwise_conv2d/depthwise_0" if last == "depthwise" else f"conv2d{suffix}/Conv2D_0"
    batch_norm = "tpu_batch_normalization" + (f"_{norm}" if norm else "")
    return Source(f"{model}/blocks_{block}/{layer}", f"{model}/blocks_{block}/{batch_norm}/FusedBatchNormV3_0")


def _layers(content: hdf5.Content, where: str) -> dict[str, dict[str, NDArray[Any]]]:
    """Layer -> last part of the array's name without ``:0`` -> array, of all layers that have arrays."""
    layers: dict[str, dict[str, NDArray[Any]]] = {}
    for layer, attributes in content.attributes.items():
        names = attributes.get("weight_names")
        if not layer or not names:
            continue
        arrays = layers.setdefault(layer, {})
        for name in names if isinstance(names, list) else [names]:
            array = content.arrays.get(f"{layer}/{name}")
            if array is None:
                raise ValueError(f"{where}: {layer}: {name}: not an array of the file")
            arrays[str(name).rpartition("/")[2].removesuffix(":0")] = array
    return layers
