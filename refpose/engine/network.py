"""The networks ready to run: prepared once, run many times. Nothing outside this folder knows which engine is running.

``"reference"`` is `ops` itself: exact, about a second a picture. ``"numpy"`` is `blas`: quick, not exact to the
last bit. ``"native"`` runs a `plan` on the C kernels: quick and exact, where they were built.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import arguments
from ..networks import NETWORKS, record, weights
from ..networks.tape import Step, Tape
from .layout import MAX_THREADS
from .plan import Plan, compile_plan
from .select import native_isa, resolve

Array = NDArray[np.float32]


class Layer(NamedTuple):
    """A row of the table of layers.

    Attributes
    ----------
    name : str
        ``"encoder/block3/depthwise"``.
    op : str
        Function of `ops`.
    input_shapes : tuple of tuple of int
    output_shape : tuple of int
    parameters : int
        Trained values.
    macs : int
        Multiply-adds for one image, those with a zero weight or in the padding included.
    receptive_field : int
        Side, in pixels of the network's input, of the square that one value depends on; where it reaches beyond the
        input, zeros stand for the rest.
    """

    name: str
    op: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    parameters: int
    macs: int
    receptive_field: int


class Unfinished(NamedTuple):
    """An output before its last layer, a pointwise convolution: all that single values of it take.

    Attributes
    ----------
    x : ndarray of float32, shape (H, W, I)
    kernel : ndarray of float32, shape (O, I)
    bias : ndarray of float32, shape (O,)
    """

    x: Array
    kernel: Array
    bias: Array


def layers_of(tape: Tape) -> tuple[Layer, ...]:
    """The table of layers of a network."""
    fields: dict[int, tuple[int, float]] = {tape.input.index: (1, 1.0)}  # value -> (its field, px between neighbours)
    layers = []
    for step in tape.steps:
        field, jump = max(fields[val.index] for val in step.inputs)
        reach, scale = _reach(step)
        field += round(reach * jump)
        fields[step.out.index] = (field, jump * scale)
        inputs = tuple(val.shape for val in step.inputs)
        layers.append(Layer(step.name, step.op, inputs, step.out.shape, step.parameters, step.macs, field))
    return tuple(layers)


def _reach(step: Step) -> tuple[int, float]:
    """How many cells a step looks beyond one, and how far apart its outputs are, in cells of its input."""
    if step.op in ("conv", "depthwise"):
        return step.weights["kernel"][1] - 1, step.attrs["stride"]
    if step.op in ("max_pool", "average_pool"):
        return 1, 2
    if step.op in ("upsample", "enlarge"):
        return 1, 0.5
    if step.op == "mean":
        return step.inputs[0].shape[0] - 1, 1
    return 0, 0.5 if step.op == "depth_to_space" else 1


class Network:
    """One network with its weights, ready to run; made by `load_network`.

    A network has no state: it may be used from several threads at once.
    """

    def __init__(self, tape: Tape, loaded: weights.Weights, engine: str, threads: int = 1) -> None:
        self.tape = tape
        self.weights = loaded
        self.engine = engine
        self.threads = threads
        self._pruned: dict[tuple[str, ...], Tape] = {tuple(tape.outputs): tape}
        self._programs: dict[tuple[str, ...], Any] = {}
        self._unfinished: dict[tuple[str, ...], tuple[Tape, Any, Array, Array]] = {}

    def __repr__(self) -> str:
        return f"Network(name={self.name!r}, engine={self.engine!r}, input_shape={self.input_shape})"

    @property
    def name(self) -> str:
        return self.tape.name

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.tape.input.shape

    @property
    def output_names(self) -> tuple[str, ...]:
        return tuple(self.tape.outputs)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer in order: name, operation, shapes, parameters, multiply-adds, receptive field."""
        return layers_of(self.tape)

    @property
    def one_thread(self) -> Network:
        """The same network with one thread for each call, for several threads that call it."""
        return self if self.threads == 1 else self._with_one_thread

    @cached_property
    def _with_one_thread(self) -> Network:
        return Network(self.tape, self.weights, self.engine)

    def __call__(self, x: Array, outputs: Iterable[str] | None = None) -> dict[str, Array]:
        """Run the network.

        Parameters
        ----------
        x : ndarray of shape `input_shape`, float32
            Detector: RGB in -1..1; landmark networks: RGB in 0..1.
        outputs : iterable of str, optional
            Names of the outputs that are wanted: only what they need is computed. All by default.

        Returns
        -------
        dict
            Raw outputs by name; see `networks.blazepose` for shapes and units.

        Raises
        ------
        TypeError
            `x` is not a float32 array.
        ValueError
            `x` has another shape, or there is no output of some name.
        """
        tape = self._tape_for(outputs)
        if self.engine != "native":
            computed = tape.run(self._functions, self._widened, self._checked(x))
            return {name: np.ascontiguousarray(y).reshape(y.shape) for name, y in computed.items()}
        return self._run(self._program(tape), tape, x)

    def trace(self, x: Array) -> Iterator[tuple[str, Array]]:
        """Run the network and yield (layer name, activation) of every layer, in order.

        An activation is of shape (height, width, channels), float32.
        """
        for step, activation in self.tape.trace(self._functions, self.weights, self._checked(x)):
            yield step.name, activation

    @cached_property
    def _functions(self) -> Mapping[str, Callable[..., Any]]:
        """What runs the tape. A trace wants every activation, which the native engine does not keep; the reference has
        the same bits.
        """
        if self.engine == "numpy":
            from . import blas

            return blas.FUNCTIONS
        from ..networks import ops

        return ops.FUNCTIONS

    @cached_property
    def _widened(self) -> dict[str, Array]:
        return dict(self.weights)

    def _tape_for(self, outputs: Iterable[str] | None) -> Tape:
        wanted = self.output_names if outputs is None else tuple(outputs)
        if wanted not in self._pruned:
            self._pruned[wanted] = self.tape.pruned(wanted)
        return self._pruned[wanted]

    def _program(self, tape: Tape) -> Any:
        """What the native engine runs for these outputs, made when first asked for."""
        wanted = tuple(tape.outputs)
        if wanted not in self._programs:
            self._programs[wanted] = self._compiled(tape)
        return self._programs[wanted]

    def _run(self, program: Any, tape: Tape, x: Array) -> dict[str, Array]:
        x = np.require(self._checked(x), requirements=("C", "A"))
        found = {name: np.empty(val.shape, np.float32) for name, val in tape.outputs.items()}
        program.run(x, *found.values())
        return found

    def _compiled(self, tape: Tape) -> Any:
        plan = Plan.of(tape, self.weights, threads=self.threads)
        program = compile_plan(plan, self.weights, native_isa(), self.threads)
        self.weights.release()
        return program

    def _checked(self, x: Array) -> Array:
        if not isinstance(x, np.ndarray) or x.dtype != np.float32:
            found = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
            raise TypeError(f"{self.name}: the input must be a float32 array, found {found}")
        if x.shape != self.input_shape:
            raise ValueError(f"{self.name}: the input must have shape {self.input_shape}, found {x.shape}")
        return x


def run_unfinished(network: Network, x: Array, outputs: Iterable[str], last: str) -> Mapping[str, Array | Unfinished]:
    """Run a network for a stage that needs few values of the output `last`.

    Parameters
    ----------
    network : Network
    x, outputs
        As for its call.
    last : str
        One of the outputs, which a pointwise convolution makes that nothing else needs. With the native engine it is an
        `Unfinished`, with the others an array as all others are.
    """
    if network.engine != "native":
        return network(x, outputs)
    wanted = (*outputs, last)
    if wanted not in network._unfinished:
        tape, step = network._tape_for(wanted[:-1]).without_last(last)
        kernel = network.weights[f"{step.name}/kernel"].reshape(step.weights["kernel"][0], -1)
        bias = network.weights[f"{step.name}/bias"]
        network._unfinished[wanted] = tape, network._compiled(tape), kernel, bias
    tape, program, kernel, bias = network._unfinished[wanted]
    found = network._run(program, tape, x)
    return {**found, last: Unfinished(found[last], kernel, bias)}


def load_network(
    name: str, engine: str = "auto", threads: int = 1, path: str | os.PathLike[str] | None = None
) -> Network:
    """Load one of BlazePose's networks.

    Parameters
    ----------
    name : {"detector", "lite", "full", "heavy"}
    engine : {"auto", "native", "numpy", "reference"}
    threads : int
        Threads of the native engine that work on one call, 1 to 64.
    path : path, optional
        Another weights file than the one that comes with the package.

    Raises
    ------
    TypeError
        The number of threads is not a whole number.
    ValueError
        No network or engine of that name, not that many threads, or a weights file that is not what it should be.
    FileNotFoundError
        No such weights file.
    RuntimeError
        The native engine was asked for but not built, or not for this CPU.
    """
    if name not in NETWORKS:
        raise ValueError(f"no network {name!r}: expected one of {', '.join(NETWORKS)}")
    threads = arguments.whole("threads", threads, 1, MAX_THREADS)
    return Network(record(name), weights.load(name, path), resolve(engine), threads)
