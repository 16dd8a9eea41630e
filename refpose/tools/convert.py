"""``refpose convert``: Google's and EfficientPose's model files in, refpose's weights files out.

The code of the networks is proven to be the published architecture on the way: a .tflite model's operators are walked
from its outputs to its input beside the network's own tape, and anything that differs (operator, wiring, shape, stride,
padding, activation, an operator left over) is refused. A Keras file must have just the network's layers and shapes.
Published models are known by their hash. Of others it is said that they are unknown; they are refused when the sizes of
their numbers are not those of trained ones, or when most of their arrays are a published model's and some are not.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import messages, reading
from ..files import make_folder
from ..networks import NETWORKS, efficientpose, published, record, weights
from ..networks.tape import Step, Tape, Val
from ..reading import archives, hdf5
from . import keras_model, options, outputs
from .tflite_model import Operator, TfliteModel

LICENCE = "Apache-2.0"
_MAX_MODELS = 256 << 20  # bytes that the models of an archive may be unpacked to; the largest has 28 MB

# Order of the outputs in the model files.
OUTPUTS = {
    "detector": ("boxes", "scores"),
    **dict.fromkeys(("lite", "full", "heavy"), ("landmarks", "presence", "segmentation", "heatmap", "world")),
    **{
        name: ("heatmap",) if variant.lite else ("fields", "early", "coarse", "heatmap")
        for name, variant in efficientpose.VARIANTS.items()
    },
}

# How the operations of `ops` are called in .tflite files. Reshapes move no value and are looked through on both sides.
_KINDS = {
    "conv": "CONV_2D",
    "pointwise": "CONV_2D",
    "depthwise": "DEPTHWISE_CONV_2D",
    "gated": "CONV_2D",
    "add": "ADD",
    "upsample": "RESIZE_BILINEAR",
    "enlarge": "TRANSPOSE_CONV",
    "max_pool": "MAX_POOL_2D",
    "average_pool": "AVERAGE_POOL_2D",
    "mean": "MEAN",
    "pad_channels": "PAD",
    "depth_to_space": "DEPTH_TO_SPACE",
    "concat": "CONCATENATION",
    "logistic": "LOGISTIC",
}
_CONSTANT_MAKERS = ("DEQUANTIZE", "DENSIFY")
# Activations that are operators of their own in .tflite files.
_SPELLED_OUT = ("sigmoid", "swish", "eswish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="a .tflite model, a .task bundle, the mediapipe wheel, the @mediapipe/pose npm tarball, or a Keras .h5 "
        "file of EfficientPose",
    )
    parser.add_argument("-o", "--output", type=options.output, default=Path("weights"), help="folder to write to")
    parser.add_argument(
        "--changed", action="store_true", help="take a model that differs from a published one in some arrays"
    )
    outputs.add_force(parser)


def run(args: argparse.Namespace) -> int:
    models = [found for source in args.sources for found in read_models(source)]
    converted: dict[str, tuple[str, str, dict[str, NDArray[Any]]]] = {}
    for name, data in models:
        network, arrays = convert(name, data)
        digest = hashlib.sha256(data).hexdigest()
        messages.say(f"{name}: {judge(name, network, arrays, digest, args.changed)}", sys.stderr)
        if network in converted and converted[network][1] != digest:
            raise ValueError(f"{name}: a second, different model of the network {network!r} in one call")
        converted[network] = (name, digest, arrays)
    make_folder(args.output)
    targets = {network: args.output / f"{network}.h5" for network in converted}
    outputs.check(dict.fromkeys(targets.values(), (".h5",)), args.sources, args.force)
    for network, (name, digest, arrays) in converted.items():
        target = targets[network]
        weights.save(target, network, arrays, PurePosixPath(name).name, digest, LICENCE)
        print(f"{name} -> {target} ({len(arrays)} arrays, {sum(a.size for a in arrays.values()):,} values)")
    return 0


def convert(name: str, data: bytes) -> tuple[str, dict[str, NDArray[Any]]]:
    """Network and trained arrays of a model file: binary16 from .tflite, float32 from Keras.

    Raises
    ------
    ValueError
        The file is damaged, or not a network refpose knows.
    """
    if hdf5.is_hdf5(data):
        return keras_model.extract(data, name)
    with reading.errors(name, "a .tflite model"):
        model = TfliteModel(data, name)
        network = identify(model)
        return network, extract(model, network)


def judge(name: str, network: str, arrays: Mapping[str, NDArray[Any]], sha256: str, changed: bool = False) -> str:
    """Say what is known about a model.

    Parameters
    ----------
    name : str
        The model file.
    network : str
    arrays : mapping of str to ndarray
        Its trained arrays.
    sha256 : str
        Of the model file.
    changed : bool
        Whether a changed copy of a published model is taken.

    Returns
    -------
    str
        A sentence.

    Raises
    ------
    ValueError
        Its numbers are not those of a trained network, or it is a changed copy of a published model.
    """
    if any(model.sha256 == sha256 for model in published.models()):
        return "a published model"
    strange = published.implausible(arrays)
    if strange:
        raise ValueError(f"{name}: damaged: {strange}")
    copy = published.differences(network, arrays)
    if copy is None:
        return "NOT one of the published models: nothing is known of its numbers, but that their sizes are usual"
    model, differ = copy
    if not differ:
        return f"the numbers of the published {model.file} in another file"
    what = f"{len(differ)} of {len(arrays)} arrays differ from the published {model.file}, the first is {differ[0]}"
    if not changed:
        raise ValueError(f"{name}: damaged or changed: {what}; --changed takes it all the same")
    return f"CHANGED: {what}"


def read_models(source: Path) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the pose models in a file: itself, or those in an archive.

    Raises
    ------
    ValueError
        The file is neither a model nor an archive with pose models.
    """
    data = reading.content(source)
    if data[4:8] == b"TFL3" or hdf5.is_hdf5(data):
        yield source.name, data
        return
    bound = reading.limit(default=_MAX_MODELS)
    if archives.is_zip(data):
        members = archives.unzip(data, source, _is_pose_model, bound)
    elif archives.is_gzip(data):
        members = archives.untar(data, source, _is_pose_model, bound)
    else:
        raise ValueError(f"{source}: neither a .tflite or Keras .h5 model nor an archive (.task, .whl, .tgz)")
    if not members:
        raise ValueError(f"{source}: no pose model in this archive")
    yield from sorted(members.items())


def _is_pose_model(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".tflite" and path.name.startswith("pose_")


def identify(model: TfliteModel) -> str:
    """The network whose tape asks for as many convolutions and the same input as the model has.

    Raises
    ------
    ValueError
        No network does.
    """

    def signature(kinds: list[str], shape: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]]:
        return kinds.count("CONV_2D"), kinds.count("DEPTHWISE_CONV_2D"), shape

    found = signature([op.kind for op in model.operators], model.shape(model.inputs[0])[1:])
    for network in NETWORKS:
        tape = record(network)
        if signature([_KINDS.get(step.op, "") for step in tape.steps], tape.input.shape) == found:
            return network
    raise ValueError(
        f"{model.where}: not a network refpose knows: {found[0]} convolutions and {found[1]} depthwise ones "
        f"on an input of shape {found[2]}"
    )


def extract(model: TfliteModel, network: str) -> dict[str, NDArray[np.float16]]:
    """The trained arrays of `network` by name, from a model that is shown to be that network.

    Raises
    ------
    ValueError
        At the first difference between the model's operators and the network's tape.
    """
    walk = _Walk(model, record(network))
    if len(model.outputs) != len(OUTPUTS[network]):
        raise ValueError(f"{model.where}: expected {len(OUTPUTS[network])} outputs, found {len(model.outputs)}")
    for name, tensor in zip(OUTPUTS[network], model.outputs, strict=True):
        walk.same(walk.tape.outputs[name], tensor)
    walk.finish()
    return {name: walk.arrays[name] for name in walk.tape.weights}


class _Walk:
    """Walks a tape and a model side by side, from the outputs to the input, and collects the weights."""

    def __init__(self, model: TfliteModel, tape: Tape) -> None:
        self.model, self.tape = model, tape
        self.arrays: dict[str, NDArray[np.float16]] = {}
        self._steps = {step.out.index: step for step in tape.steps}
        self._makers = {op.outputs[0]: op for op in model.operators}
        self._pairs: dict[int, int] = {}
        self._seen: set[int] = set()  # tensors of the model that were met, by their number
        self._through: set[int] = set()  # concatenations of the tape that were met

    def same(self, val: Val, tensor: int) -> None:
        """Require that `val` of the tape and `tensor` of the model are computed alike."""
        # An explicit stack: the path from the outputs of the heavy network to its input is longer than Python's
        # recursion.
        todo = [(val, tensor)]
        while todo:
            val, tensor = todo.pop()
            val, tensor = self._through_reshapes(val, tensor)
            if self._pairs.setdefault(val.index, tensor) != tensor:
                raise ValueError(f"{self._at(val)}: the model computes this twice")
            if tensor in self._seen:
                continue
            self._seen.add(tensor)
            self._check(
                _squeeze(val.shape) == _squeeze(self.model.shape(tensor)),
                val,
                "shape",
                val.shape,
                self.model.shape(tensor),
            )
            if val.index == 0:
                self._check(tensor in self.model.inputs, val, "source", "the input", self.model.name(tensor))
                continue
            todo.extend(self._same_step(self._steps[val.index], tensor))

    def finish(self) -> None:
        """Require that nothing of the tape or of the model is left over."""
        for op in self.model.operators:
            looked_through = op.kind in ("RESHAPE", *_CONSTANT_MAKERS)
            if not looked_through and op.outputs[0] not in self._seen:
                raise ValueError(
                    f"{self.model.where}: {op.kind} {self.model.name(op.outputs[0])}: not in the network's code"
                )
        for step in self.tape.steps:
            if step.op != "reshape" and step.out.index not in self._pairs.keys() | self._through:
                raise ValueError(f"{self.model.where}: {step.name}: not in the model")

    def _same_step(self, step: Step, tensor: int) -> list[tuple[Val, int]]:
        if step.attrs.get("act") in _SPELLED_OUT:
            tensor = self._before_activation(step, tensor)
            self._seen.add(tensor)
        op = self._maker(step, tensor)
        self._check(op.kind == _KINDS[step.op], step, "operator", _KINDS[step.op], op.kind)
        options, inputs = op.options, op.inputs[: len(step.inputs)]
        if "act" in step.attrs or "act" in options:
            act = step.attrs.get("act") if step.attrs.get("act") not in _SPELLED_OUT else None
            self._check(options.get("act") == act, step, "activation", act, options.get("act"))
        if step.op in ("conv", "pointwise", "depthwise"):
            inputs = (self._same_window(step, op),)
            self._take_weights(step, op)
        elif step.op == "gated":
            inputs = self._factors(step, self._same_window(step, op))
            self._take_weights(step, op)
        elif step.op == "average_pool":
            sides = (options["window"], options["stride"])
            self._check(sides == ((2, 2), (2, 2)), step, "window, stride", "2x2, 2", sides)
        elif step.op == "mean":
            axes = np.ravel(self._constant(step, op.inputs[1])).tolist()
            self._check(axes == [1, 2], step, "axes", [1, 2], axes)
        elif step.op == "enlarge":
            inputs = (self._same_enlargement(step, op),)
        elif step.op == "max_pool":
            window = (options["window"], options["stride"], options["padding"])
            self._check(window == ((2, 2), (2, 2), "VALID"), step, "window, stride, padding", "2x2, 2, VALID", window)
        elif step.op == "upsample":
            centres = (options["half_pixel"], options["corners"])
            self._check(centres == (True, False), step, "half-pixel centres, aligned corners", (True, False), centres)
        elif step.op == "pad_channels":
            expected = [[0, 0], [0, 0], [0, 0], [0, step.out.shape[2] - step.inputs[0].shape[2]]]
            amounts = self._padding(op)
            self._check(amounts == expected, step, "padding", expected, amounts)
        elif step.op == "depth_to_space":
            self._check(options["block"] == 2, step, "block", 2, options["block"])
        elif step.op == "concat":
            return self._same_parts(step, tensor)
        self._check(len(inputs) == len(step.inputs), step, "number of inputs", len(step.inputs), len(inputs))
        return list(zip(step.inputs, inputs, strict=True))

    def _before_activation(self, step: Step, tensor: int) -> int:
        """The tensor to which the operators that spell out the step's activation are applied."""
        act = step.attrs["act"]
        if act == "sigmoid":
            return self._operands(step, tensor, "LOGISTIC")[0]
        value, sigmoid = self._operands(step, tensor, "MUL")
        (before,) = self._operands(step, sigmoid, "LOGISTIC")
        if act == "eswish":
            factor, value = self._operands(step, value, "MUL")
            beta = self._constant(step, factor)
            self._check(beta.shape == () and beta == 1.25, step, "beta of E-swish", 1.25, beta)
        self._check(value == before, step, "argument of the sigmoid", self.model.name(value), self.model.name(before))
        return value

    def _operands(self, step: Step, tensor: int, kind: str) -> tuple[int, ...]:
        """The inputs of the operator of this kind that makes the tensor, as part of a step."""
        op = self._maker(step, tensor)
        self._check(op.kind == kind, step, "operator", kind, op.kind)
        self._check(op.options.get("act") is None, step, "activation", None, op.options.get("act"))
        self._seen.add(tensor)
        return op.inputs

    def _factors(self, step: Step, product: int) -> tuple[int, int]:
        """The activation and the gate whose product a gated convolution reads; either may come first."""
        factors = self._operands(step, product, "MUL")
        image, gate = sorted(factors, key=lambda tensor: self.model.shape(tensor)[1:3] == (1, 1))
        return image, gate

    def _same_enlargement(self, step: Step, op: Operator) -> int:
        """Compare a transposed convolution with the fixed one; return the tensor it reads."""
        _, kernel_tensor, source = op.inputs
        window = (op.options["stride"], op.options["padding"])
        self._check(window == ((2, 2), "SAME"), step, "stride, padding", "2, SAME", window)
        kernel = self._constant(step, kernel_tensor)
        same = np.array_equal(kernel, efficientpose.enlarging_kernel().transpose(2, 0, 1, 3))
        self._check(same, step, "kernel", "the bilinear one", "another")
        return source

    def _constant(self, step: Step, tensor: int) -> NDArray[Any]:
        values = self.model.constant(tensor)
        if values is None:
            raise ValueError(f"{self._at(step)}: {self.model.name(tensor)}: not a constant of the model")
        return values

    def _same_parts(self, step: Step, tensor: int) -> list[tuple[Val, int]]:
        """Pair what two concatenations are made of in the end: how they are nested makes no difference."""
        axis = step.attrs["axis"]
        vals, tensors = [step.out], [tensor]
        while any(self._is_concat(val, axis) for val in vals):
            self._through.update(val.index for val in vals if self._is_concat(val, axis))
            vals = [
                part
                for val in vals
                for part in (self._steps[val.index].inputs if self._is_concat(val, axis) else (val,))
            ]
        passed: set[int] = set()
        while any(self._joins(t, axis) for t in tensors):
            joined = {t for t in tensors if self._joins(t, axis)}
            self._check(not joined & passed, step, "inputs", "others", "the concatenation itself")
            passed |= joined
            self._seen.update(t for t in tensors if self._joins(t, axis))
            tensors = [part for t in tensors for part in (self._makers[t].inputs if self._joins(t, axis) else (t,))]
            self._check(len(tensors) <= len(vals), step, "number of inputs", len(vals), f"{len(tensors)} or more")
        self._check(len(tensors) == len(vals), step, "number of inputs", len(vals), len(tensors))
        return list(zip(vals, tensors, strict=True))

    def _is_concat(self, val: Val, axis: int) -> bool:
        step = self._steps.get(val.index)
        return step is not None and step.op == "concat" and step.attrs["axis"] == axis

    def _joins(self, tensor: int, axis: int) -> bool:
        op = self._makers.get(tensor)
        return op is not None and op.kind == "CONCATENATION" and op.options["axis"] == 1 + axis

    def _same_window(self, step: Step, op: Operator) -> int:
        """Compare stride, padding and dilation of a convolution; return the tensor it reads, before a PAD of its
        own.
        """
        stride = step.attrs.get("stride", 1)
        self._check(op.options["stride"] == (stride, stride), step, "stride", stride, op.options["stride"])
        self._check(op.options["dilation"] == (1, 1), step, "dilation", 1, op.options["dilation"])
        self._check(op.options.get("multiplier", 1) == 1, step, "depth multiplier", 1, op.options.get("multiplier"))
        source = op.inputs[0]
        before = after = 0
        size = self.model.shape(op.inputs[1])[1]
        if op.options["padding"] == "SAME":
            n = self.model.shape(source)[1]
            total = max((-(-n // stride) - 1) * stride + size - n, 0)
            before, after = total // 2, total - total // 2
        maker = self._makers.get(source)
        if maker is not None and maker.kind == "PAD" and self._padding(maker)[3] == [0, 0]:
            batch, rows, columns, _ = self._padding(maker)
            self._check(batch == [0, 0] and rows == columns, step, "padding", "rows and columns alike", (rows, columns))
            before, after = before + rows[0], after + rows[1]
            self._seen.add(source)
            source = maker.inputs[0]
        expected = step.attrs.get("pad", (0, 0))
        self._check((before, after) == expected, step, "padding", expected, (before, after))
        return source

    def _take_weights(self, step: Step, op: Operator) -> None:
        for what, tensor in zip(("kernel", "bias"), op.inputs[1:], strict=True):
            values = self._constant(step, tensor)
            if step.op == "depthwise" and what == "kernel":
                values = values[0]
            self._check(values.dtype == np.float16, step, f"type of {what}", "float16", values.dtype)
            self._check(values.shape == step.weights[what], step, f"shape of {what}", step.weights[what], values.shape)
            self.arrays[f"{step.name}/{what}"] = values

    def _padding(self, op: Operator) -> list[list[int]]:
        values = self.model.constant(op.inputs[1])
        if values is None:
            raise ValueError(f"{self.model.where}: PAD {self.model.name(op.outputs[0])}: amounts are not constant")
        return [[int(a), int(b)] for a, b in values]

    def _maker(self, step: Step, tensor: int) -> Operator:
        if tensor not in self._makers:
            raise ValueError(f"{self._at(step)}: expected {_KINDS[step.op]}, found the model's input")
        return self._makers[tensor]

    def _through_reshapes(self, val: Val, tensor: int) -> tuple[Val, int]:
        while val.index in self._steps and self._steps[val.index].op == "reshape":
            val = self._steps[val.index].inputs[0]
        passed: set[int] = set()
        while tensor in self._makers and self._makers[tensor].kind == "RESHAPE":
            if tensor in passed:
                raise ValueError(f"{self.model.where}: RESHAPE {self.model.name(tensor)}: of itself")
            passed.add(tensor)
            tensor = self._makers[tensor].inputs[0]
        return val, tensor

    def _check(self, same: bool, at: Step | Val, what: str, expected: object, found: object) -> None:
        if not same:
            raise ValueError(f"{self._at(at)}: {what}: expected {expected}, found {found}")

    def _at(self, at: Step | Val) -> str:
        if isinstance(at, Val):
            return f"{self.model.where}: {self._steps[at.index].name if at.index else 'input'}"
        return f"{self.model.where}: {at.name}"


def _squeeze(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)
