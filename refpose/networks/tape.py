"""The record of a network: which operations run on which shapes, in which order.

`Ops` is the interface blazepose.py is written over. Running a network over a `Recorder` on a shape gives its `Tape`;
since the networks are straight-line code, that record already is a schedule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Val:
    """One activation of a tape: its number (0 is the network's input) and shape."""

    index: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Step:
    """One operation: ``out = FUNCTIONS[op](*inputs, *weights, **attrs)``.

    `weights` maps the names of the step's parameters (``"kernel"``, ``"bias"``) to their shapes; in the weights
    file they are called ``<step name>/kernel`` and ``<step name>/bias``.
    """

    op: str
    name: str
    inputs: tuple[Val, ...]
    out: Val
    attrs: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """Number of trained values."""
        return sum(math.prod(shape) for shape in self.weights.values())

    @property
    def macs(self) -> int:
        """Multiply-adds, those with a zero weight or in the padding included."""
        if "kernel" not in self.weights:
            return 0
        kernel = self.weights["kernel"]
        taps = math.prod(kernel[:-1]) if self.op == "depthwise" else math.prod(kernel[1:])
        return taps * self.out.size


class Shaped(Protocol):
    """What a network needs to know of an activation: an array has it, and so has a `Val`."""

    @property
    def shape(self) -> tuple[int, ...]: ...


class Ops:
    """The operations a network is made of, each called by the name of its layer.

    The methods work out the shapes; what happens then is `emit`'s business: `Recorder` notes it, `Eager` does it.
    """

    def emit(
        self,
        op: str,
        name: str,
        inputs: tuple[Any, ...],
        shape: tuple[int, ...],
        weights: Mapping[str, tuple[int, ...]],
        attrs: Mapping[str, Any],
    ) -> Any:
        raise NotImplementedError

    def pointwise(self, name: str, x: Shaped, channels: int, act: str | None = None) -> Any:
        rows, columns, depth = x.shape
        weights = {"kernel": (channels, 1, 1, depth), "bias": (channels,)}
        return self.emit("pointwise", name, (x,), (rows, columns, channels), weights, {"act": act})

    def conv(
        self,
        name: str,
        x: Shaped,
        channels: int,
        size: int,
        stride: int = 1,
        pad: str | int = "same",
        act: str | None = None,
    ) -> Any:
        (rows, columns), pads = _window(x.shape, size, stride, pad)
        weights = {"kernel": (channels, size, size, x.shape[2]), "bias": (channels,)}
        attrs = {"stride": stride, "pad": pads, "act": act}
        return self.emit("conv", name, (x,), (rows, columns, channels), weights, attrs)

    def depthwise(
        self, name: str, x: Shaped, size: int, stride: int = 1, pad: str | int = "same", act: str | None = None
    ) -> Any:
        (rows, columns), pads = _window(x.shape, size, stride, pad)
        channels = x.shape[2]
        weights = {"kernel": (size, size, channels), "bias": (channels,)}
        attrs = {"stride": stride, "pad": pads, "act": act}
        return self.emit("depthwise", name, (x,), (rows, columns, channels), weights, attrs)

    def gated(self, name: str, x: Shaped, gate: Shaped, channels: int, act: str | None = None) -> Any:
        rows, columns, depth = x.shape
        if gate.shape != (1, 1, depth):
            raise ValueError(f"{name}: cannot weight the channels of {x.shape} with {gate.shape}")
        weights = {"kernel": (channels, 1, 1, depth), "bias": (channels,)}
        return self.emit("gated", name, (x, gate), (rows, columns, channels), weights, {"act": act})

    def add(self, name: str, x: Shaped, y: Shaped, act: str | None = None) -> Any:
        if x.shape != y.shape:
            raise ValueError(f"{name}: cannot add activations of shapes {x.shape} and {y.shape}")
        return self.emit("add", name, (x, y), x.shape, {}, {"act": act})

    def upsample(self, name: str, x: Shaped) -> Any:
        rows, columns, channels = x.shape
        return self.emit("upsample", name, (x,), (2 * rows, 2 * columns, channels), {}, {})

    def enlarge(self, name: str, x: Shaped) -> Any:
        rows, columns, channels = x.shape
        return self.emit("enlarge", name, (x,), (2 * rows, 2 * columns, channels), {}, {})

    def max_pool(self, name: str, x: Shaped) -> Any:
        rows, columns, channels = x.shape
        return self.emit("max_pool", name, (x,), (rows // 2, columns // 2, channels), {}, {})

    def average_pool(self, name: str, x: Shaped) -> Any:
        rows, columns, channels = x.shape
        return self.emit("average_pool", name, (x,), (rows // 2, columns // 2, channels), {}, {})

    def mean(self, name: str, x: Shaped) -> Any:
        return self.emit("mean", name, (x,), (1, 1, x.shape[2]), {}, {})

    def pad_channels(self, name: str, x: Shaped, channels: int) -> Any:
        return self.emit("pad_channels", name, (x,), (*x.shape[:2], channels), {}, {"channels": channels})

    def depth_to_space(self, name: str, x: Shaped) -> Any:
        rows, columns, channels = x.shape
        return self.emit("depth_to_space", name, (x,), (2 * rows, 2 * columns, channels // 4), {}, {})

    def reshape(self, name: str, x: Shaped, shape: tuple[int, ...]) -> Any:
        if math.prod(x.shape) != math.prod(shape):
            raise ValueError(f"{name}: cannot reshape {x.shape} to {shape}")
        return self.emit("reshape", name, (x,), shape, {}, {"shape": shape})

    def concat(self, name: str, *xs: Shaped, axis: int = 0) -> Any:
        shapes = {(*x.shape[:axis], *x.shape[axis + 1 :]) for x in xs}
        if len(shapes) != 1:
            raise ValueError(f"{name}: cannot put {', '.join(str(x.shape) for x in xs)} together along axis {axis}")
        length = sum(x.shape[axis] for x in xs)
        return self.emit(
            "concat", name, xs, (*xs[0].shape[:axis], length, *xs[0].shape[axis + 1 :]), {}, {"axis": axis}
        )

    def logistic(self, name: str, x: Shaped) -> Any:
        return self.emit("logistic", name, (x,), x.shape, {}, {})


class Recorder(Ops):
    """Notes every call as a `Step` and hands back the `Val` it would compute."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._names: set[str] = set()

    def emit(
        self,
        op: str,
        name: str,
        inputs: tuple[Any, ...],
        shape: tuple[int, ...],
        weights: Mapping[str, tuple[int, ...]],
        attrs: Mapping[str, Any],
    ) -> Val:
        if name in self._names:
            raise ValueError(f"two layers are called {name!r}")
        self._names.add(name)
        out = Val(len(self.steps) + 1, shape)
        self.steps.append(Step(op, name, inputs, out, attrs, weights))
        return out


@dataclass(frozen=True)
class Tape:
    """A network as data: its input, its steps in order and its outputs by name."""

    name: str
    input: Val
    steps: tuple[Step, ...]
    outputs: Mapping[str, Val]

    @classmethod
    def record(cls, name: str, network: Callable[[Ops, Any], dict[str, Any]], input_shape: tuple[int, ...]) -> Tape:
        """Run `network` on a shape and keep what it called."""
        recorder, x = Recorder(), Val(0, input_shape)
        outputs = network(recorder, x)
        return cls(name, x, tuple(recorder.steps), outputs)

    @cached_property
    def weights(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every trained array, in the order of use."""
        return {f"{step.name}/{what}": shape for step in self.steps for what, shape in step.weights.items()}

    @property
    def parameters(self) -> int:
        return sum(step.parameters for step in self.steps)

    @property
    def macs(self) -> int:
        return sum(step.macs for step in self.steps)

    def pruned(self, outputs: tuple[str, ...]) -> Tape:
        """The same tape without the steps that none of these outputs needs.

        Raises
        ------
        ValueError
            There is no output of some name.
        """
        for name in outputs:
            if name not in self.outputs:
                raise ValueError(f"{self.name} has no output {name!r}, only {', '.join(self.outputs)}")
        needed = {self.outputs[name].index for name in outputs}
        kept: list[Step] = []
        for step in reversed(self.steps):
            if step.out.index in needed:
                kept.append(step)
                needed.update(val.index for val in step.inputs)
        return Tape(self.name, self.input, tuple(reversed(kept)), {name: self.outputs[name] for name in outputs})

    def without_last(self, output: str) -> tuple[Tape, Step]:
        """The same tape with an output as it is before the step that makes it; and this step, which no other needs."""
        (last,) = (step for step in self.steps if step.out == self.outputs[output])
        (before,) = last.inputs
        steps = tuple(step for step in self.steps if step is not last)
        return Tape(self.name, self.input, steps, {**self.outputs, output: before}), last

    def trace(
        self,
        functions: Mapping[str, Callable[..., Any]],
        weights: Mapping[str, NDArray[np.float32]],
        x: NDArray[np.float32],
    ) -> Iterator[tuple[Step, NDArray[np.float32]]]:
        """Run the steps with these functions and yield each with what it computed; an activation lives until its
        last use.
        """
        last_use = {val.index: step for step in self.steps for val in step.inputs}
        alive = {self.input.index: x}
        for step in self.steps:
            arrays = (alive[val.index] for val in step.inputs)
            parameters = (weights[f"{step.name}/{what}"] for what in step.weights)
            y = functions[step.op](*arrays, *parameters, **step.attrs)
            alive[step.out.index] = y
            yield step, y
            for val in step.inputs:
                if last_use[val.index] is step:
                    alive.pop(val.index, None)

    def run(
        self,
        functions: Mapping[str, Callable[..., Any]],
        weights: Mapping[str, NDArray[np.float32]],
        x: NDArray[np.float32],
    ) -> dict[str, NDArray[np.float32]]:
        """Run the steps with these functions and return the outputs by name."""
        names = {val.index: name for name, val in self.outputs.items()}
        found = {names[step.out.index]: y for step, y in self.trace(functions, weights, x) if step.out.index in names}
        return {name: found[name] for name in self.outputs}


class Eager(Ops):
    """Does every call at once, with these functions and weights, on arrays."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]], weights: Mapping[str, NDArray[np.float32]]) -> None:
        self.functions, self.weights = functions, weights

    def emit(
        self,
        op: str,
        name: str,
        inputs: tuple[Any, ...],
        shape: tuple[int, ...],
        weights: Mapping[str, tuple[int, ...]],
        attrs: Mapping[str, Any],
    ) -> NDArray[np.float32]:
        parameters = (self.weights[f"{name}/{what}"] for what in weights)
        y: NDArray[np.float32] = self.functions[op](*inputs, *parameters, **attrs)
        return y


def _window(shape: tuple[int, ...], size: int, stride: int, pad: str | int) -> tuple[tuple[int, int], tuple[int, int]]:
    """((rows, columns) of the output, (before, after) padding) of a square window moved over a square image.

    ``"same"`` is TensorFlow's: as many outputs as ceil(n/stride), an odd rest of the padding behind. A number pads both
    sides alike.
    """
    if pad == "same":
        total = {max((-(-n // stride) - 1) * stride + size - n, 0) for n in shape[:2]}
        if len(total) != 1:
            raise ValueError(f"padding 'same' of {shape[0]}x{shape[1]} differs between rows and columns")
        (both,) = total
        pads = (both // 2, both - both // 2)
    else:
        pads = (int(pad), int(pad))
    rows, columns = ((n + sum(pads) - size) // stride + 1 for n in shape[:2])
    return (rows, columns), pads
