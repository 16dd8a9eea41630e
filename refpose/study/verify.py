"""Is everything here what it should be? The chain of equalities, link by link, on this machine.

weights = those that were released; the networks' code run on arrays (*eager*) = recorded layers; *tape* = eager;
*plan* = tape; every *engine* = the reference; the pipeline's stages = what MediaPipe was recorded with. Each link is
bit for bit (the NumPy engine's within the rounding of float32), and names the first layer or stage that breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import engine
from ..engine import blas, plan
from ..engine.kernels import PlanStep
from ..images import read_image
from ..networks import blazepose as nets
from ..networks import ops
from ..networks.tape import Eager, Step, Tape
from ..stages.table import NUMPY
from . import truth
from .explain import STAGES, Machine, Nobody, compute

Array = NDArray[Any]

NETWORKS = ("detector", "lite", "full", "heavy")
MODELS = NETWORKS[1:]
# BLAS sums in another order. The end of the mask's path, whose values reach thousands before they are cut off at 6,
# carries the differences of all layers before it: there 1.2e-3 of a layer's largest value were measured.
BLAS_NOISE = 1e-2


@dataclass(frozen=True)
class Link:
    """One equality.

    Attributes
    ----------
    name : str
    state : str
        ``"holds"``, ``"breaks"`` or ``"skipped"``.
    where : str
        The first layer, stage or array that breaks it: ``full: encoder/block3/project``.
    text : str
        What was compared, or how large the difference is, or why it was skipped.
    seconds : float
    """

    name: str
    state: str
    where: str = ""
    text: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        where = f" at {self.where}" if self.where else ""
        return f"{self.name:16}{self.state}{where}{': ' if where and self.text else '  ' * bool(self.text)}{self.text}"


class Breach(Exception):
    """An equality does not hold; says where, and how far off."""

    def __init__(self, where: str, text: str = "") -> None:
        super().__init__(where, text)
        self.where, self.text = where, text


class Skip(Exception):
    """A link cannot be looked at here; says why."""


@dataclass
class Bench:
    """What the links share: the networks, an input for each, and what the reference makes of it, layer by layer.

    The exact operations take seconds, so a call that was made before, on the very same arrays, is answered from
    memory: whoever makes the calls of the eager run pays nothing, and whoever makes others is found out.
    """

    networks: Mapping[str, engine.Network]
    inputs: dict[str, Array]
    layers: dict[str, dict[str, Array]] = field(default_factory=dict)
    calls: dict[Any, tuple[Any, Array]] = field(default_factory=dict)

    @classmethod
    def load(cls, names: Sequence[str] = NETWORKS) -> Bench:
        """Load networks of these names, and make their inputs from the recorded picture."""
        networks = {name: engine.load_network(name, "reference") for name in names}
        inputs: dict[str, Array] = {}
        picture = read_image(truth.FOLDER / f"{truth.layers('detector').picture}.png")
        detector = networks.get("detector") or engine.load_network("detector", "reference")
        machine = Machine(detector, detector, NUMPY)  # the landmark network is not reached
        for name, array in compute(machine, {"image": picture}):
            if name == "detector/input":
                inputs["detector"] = array
            if name == "crop/input":
                inputs |= dict.fromkeys(MODELS, array)
                break
        return cls(networks, inputs)

    @property
    def functions(self) -> dict[str, Callable[..., Array]]:
        """The exact operations."""
        return {op: partial(self._call, op) for op in ops.FUNCTIONS}

    def _call(self, op: str, *arrays: Array, **attrs: Any) -> Array:
        key = (op, *map(id, arrays), *sorted(attrs.items()))
        if key not in self.calls:
            self.calls[key] = (arrays, ops.FUNCTIONS[op](*arrays, **attrs))  # kept alive, so that no id comes again
        return self.calls[key][1]


def verify(tell: Callable[[Link], None] = lambda link: None) -> tuple[Link, ...]:
    """Go through all links.

    Parameters
    ----------
    tell : function
        Is given every link as soon as it is done.

    Returns
    -------
    tuple of Link
        In order; one that breaks does not keep the others from being looked at.
    """
    found: list[Link] = []

    def look(name: str, check: Callable[..., str], *arguments: Any) -> None:
        start = perf_counter()
        try:
            link = Link(name, "holds", text=check(*arguments))
        except Breach as breach:
            link = Link(name, "breaks", breach.where, breach.text)
        except Skip as reason:
            link = Link(name, "skipped", text=str(reason))
        except (Nobody, ValueError) as error:
            link = Link(name, "breaks", "", str(error))
        found.append(replace(link, seconds=perf_counter() - start))
        tell(found[-1])

    try:
        bench = Bench.load()
    except (Nobody, ValueError, FileNotFoundError) as error:
        link = Link("weights", "breaks", "", str(error))
        tell(link)
        return (link,)
    look("weights", weights_as_released, bench)
    look("eager", eager_as_recorded, bench)
    look("tape", tape_as_eager, bench)
    look("plan", plan_as_tape, bench)
    look("engine numpy", numpy_engine, bench)
    look("engine native", native_engine, bench)
    for stages in ("numpy", "native"):
        look(f"stages {stages}", stages_as_recorded, stages)
    return tuple(found)


def weights_as_released(bench: Bench) -> str:
    """Every trained array has the hash that was recorded."""
    count = 0
    for name, network in bench.networks.items():
        for array, sha256 in truth.layers(name).weights.items():
            count += 1
            if array not in network.weights.stored or truth.digest(network.weights.stored[array]) != sha256:
                raise Breach(f"{name}.h5: {array}", "not the trained values that were released")
    return f"{count} arrays of {len(bench.networks)} networks"


class _Noting(Eager):
    """Runs a network's code on arrays and keeps what each layer gives."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]], weights: Mapping[str, Array]) -> None:
        super().__init__(functions, weights)
        self.made: dict[str, Array] = {}

    def emit(self, op: str, name: str, *arguments: Any) -> Any:
        self.made[name] = super().emit(op, name, *arguments)
        return self.made[name]


def eager_as_recorded(bench: Bench) -> str:
    """The networks' code, run directly on arrays with the exact operations, gives the recorded layers."""
    for name, network in bench.networks.items():
        noting = _Noting(bench.functions, network.weights)
        nets.NETWORKS[name][0](noting, bench.inputs[name])
        bench.layers[name] = noting.made
        recorded = truth.layers(name).layers
        for layer, record in recorded.items():
            if layer not in noting.made:
                raise Breach(f"{name}: {layer}", "no such layer any more")
            if not record.equals(noting.made[layer]):
                raise Breach(f"{name}: {layer}", _off(record.largest_difference(noting.made[layer]), record.sample))
    return f"{sum(map(len, bench.layers.values()))} layers on {truth.layers('detector').picture}"


def _off(largest: float, values: Array) -> str:
    return f"off by up to {largest:.3g}, where values reach {np.abs(values).max(initial=0.0):.3g}"


def tape_as_eager(bench: Bench) -> str:
    """The tape, played back, gives the same layers."""
    for name, network in bench.networks.items():
        _same_layers(name, network.tape, bench)
    return f"{sum(len(network.tape.steps) for network in bench.networks.values())} steps"


def _same_layers(name: str, tape: Tape, bench: Bench) -> None:
    for step, y in tape.trace(bench.functions, bench.networks[name].weights, bench.inputs[name]):
        _same(f"{name}: {step.name}", y, bench.layers[name].get(step.name))


def _same(where: str, found: Array, expected: Array | None) -> None:
    if expected is None:
        raise Breach(where, "the layer before this link was not computed")
    if found.shape != expected.shape:
        raise Breach(where, f"shape {found.shape} instead of {expected.shape}")
    if found.tobytes() != expected.tobytes():
        off = np.abs(found.astype(np.float64) - expected)
        raise Breach(where, _off(float(np.where(np.isnan(off), np.inf, off).max()), expected))


def plan_as_tape(bench: Bench) -> str:
    """Every step of the plan is composed of its parts, and these in the plan's order give the same layers."""
    count = 0
    for name, network in bench.networks.items():
        planned = plan.Plan.of(network.tape, network.weights)
        for step in planned.steps:
            _composed(name, step)
        missing = {step.name for step in network.tape.steps} - {step.name for step in planned.ordered().steps}
        if missing:
            raise Breach(f"{name}: {min(missing)}", "no step of the plan does this")
        _same_layers(name, planned.ordered(), bench)
        count += len(planned.steps)
    return f"{count} steps"


def _composed(name: str, step: PlanStep) -> None:
    """What a step reads and writes is what its parts read and write."""
    where = f"{name}: {step.parts[-1].name}"
    made = {part.out for part in step.parts}
    read = {val for part in step.parts for val in part.inputs} - made
    if read != set(step.inputs):
        raise Breach(where, f"the step {step.kernel} reads {_values(step.inputs)}, its parts {_values(read)}")
    if step.out != step.parts[-1].out:
        raise Breach(
            where, f"the step {step.kernel} writes {_values([step.out])}, its parts {_values([step.parts[-1].out])}"
        )


def _values(values: Any) -> str:
    return ", ".join(f"value {val.index} {val.shape}" for val in sorted(values, key=lambda val: val.index))


def numpy_engine(bench: Bench) -> str:
    """The NumPy engine gives the reference's layers, but for float32 rounding where BLAS adds in another order."""
    worst, equal = 0.0, True
    for name, network in bench.networks.items():
        for step, y in network.tape.trace(blas.FUNCTIONS, network.weights, bench.inputs[name]):
            expected = bench.layers[name][step.name]
            size = max(float(np.abs(expected).max()), 1e-6)
            off = float(np.abs(y - expected).max()) / size
            if not off <= BLAS_NOISE:
                raise Breach(f"{name}: {step.name}", _off(off * size, expected))
            worst, equal = max(worst, off), equal and np.array_equal(y, expected)
    if equal:
        return "bit for bit: BLAS adds in the same order here"
    return f"within {worst:.1g} of the largest value of a layer (not bit for bit: another order of summation)"


def native_engine(bench: Bench) -> str:
    """The native engine gives the reference's outputs, with one and with two threads."""
    try:
        isa = engine.native_isa()
    except RuntimeError as reason:
        raise Skip(str(reason)) from None
    for name, network in bench.networks.items():
        for threads in (1, 2):
            native = engine.Network(network.tape, network.weights, "native", threads)
            out = native(bench.inputs[name])
            for output, val in network.tape.outputs.items():
                last = next(step for step in network.tape.steps if step.out == val)
                if out[output].tobytes() != bench.layers[name][last.name].tobytes():
                    _blame(name, network.tape, native, bench)
                    _same(f"{name}: {last.name}", out[output], bench.layers[name][last.name])
    return f"{isa}, with 1 and 2 threads"


def _blame(name: str, tape: Tape, native: engine.Network, bench: Bench) -> None:
    """Find the first step of the plan whose result is wrong, by asking for the results one after the other."""
    for planned in plan.Plan.of(tape, native.weights).steps:
        step: Step = planned.parts[-1]
        if len(step.out.shape) != 3:
            continue
        alone = replace(tape, outputs={"it": step.out}).pruned(("it",))
        found = engine.Network(alone, native.weights, "native", native.threads)(bench.inputs[name])["it"]
        _same(f"{name}: {step.name}", found, bench.layers[name][step.name])


def stages_as_recorded(kind: str) -> str:
    """The whole pipeline on the pictures that come with the package gives what MediaPipe was recorded with.

    `kind` says whose functions do the work around the networks. The networks run on the native engine where there is
    one, else on the reference.
    """
    try:
        stages = engine.stages(kind)
        fast = "native"
        engine.native_isa()
    except RuntimeError as reason:
        if kind == "native":
            raise Skip(str(reason)) from None
        fast = "reference"
    detector, count = engine.load_network("detector", fast), 0
    for model in MODELS:
        machine = Machine(detector, engine.load_network(model, fast), stages)
        for picture in truth.pictures():
            recorded = truth.stages(picture, model)
            for name, array in _until_nobody(machine, read_image(truth.FOLDER / f"{picture}.png")):
                if name in recorded:
                    count += 1
                    record = recorded.pop(name)
                    if not record.equals(array):
                        stage = next(stage.name for stage in STAGES if name in stage.makes)
                        where = f"{stage} ({name}, {picture}, {model})"
                        raise Breach(where, _off(record.largest_difference(array), record.sample))
            if recorded:
                raise Breach(f"{min(recorded)} ({picture}, {model})", "was not computed")
    return f"{count} results of MediaPipe 0.10.21 on {', '.join(truth.pictures())}"


def _until_nobody(machine: Machine, image: Array) -> Iterator[tuple[str, Array]]:
    try:
        yield from compute(machine, {"image": image})
    except Nobody:
        return
