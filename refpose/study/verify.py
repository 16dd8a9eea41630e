"""Is everything here what it should be? The chain of equalities, link by link, on this machine.

weights = those that were released; the networks' code run on arrays (*eager*) = recorded layers; *tape* = eager;
*plan* = tape; every *engine* = the reference; the pipeline's stages = what MediaPipe was recorded with. Each link is
bit for bit (the NumPy engine's within the rounding of float32), and names the first layer or stage that breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import engine, networks
from ..engine import blas, plan
from ..engine.kernels import PlanStep
from ..families import family_of
from ..images import read_image
from ..networks import ops, published, weights
from ..networks.tape import Eager, Step, Tape, Val
from ..pipeline import Detector, Landmarker, blazepose
from ..pose import Pose
from ..trackers import Stills
from . import tasks_truth, truth
from .explain import Keep, quantities_of
from .quantities import BLAZEPOSE, Quantity

Array = NDArray[Any]

NETWORKS = ("detector", "lite", "full", "heavy")
MODELS = NETWORKS[1:]
# BLAS sums in another order. The end of the mask's path, whose values reach thousands before they are cut off at 6,
# carries the differences of all layers before it: there 1.2e-3 of a layer's largest value were measured.
BLAS_NOISE = 1e-2


@dataclass(frozen=True)
class Check:
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


class Mismatch(Exception):
    """An equality does not hold; says where, and how far off."""

    def __init__(self, where: str, text: str = "") -> None:
        super().__init__(where, text)
        self.where, self.text = where, text


class Skip(Exception):
    """A link cannot be looked at here; says why."""


@dataclass
class Workspace:
    """What the links share: the networks, an input for each, and what the reference makes of it, layer by layer.

    The exact operations take seconds, so a call that was made before, on the very same arrays, is answered from
    memory: whoever makes the calls of the eager run pays nothing, and whoever makes others is found out.
    """

    networks: Mapping[str, engine.Network]
    inputs: dict[str, Array]
    layers: dict[str, dict[str, Array]] = field(default_factory=dict)
    calls: dict[Any, tuple[Any, Array]] = field(default_factory=dict)

    @classmethod
    def load(cls, models: Sequence[str] = MODELS) -> Workspace:
        """Load the networks of these models, and make their inputs from the recorded picture."""
        networks: dict[str, engine.Network] = {}
        inputs: dict[str, Array] = {}
        picture = read_image(truth.FOLDER / f"{truth.layers('detector').picture}.png")
        kept: dict[str, Mapping[str, Array]] = {}  # by family and size
        for model in models:
            pose = Pose(model, "image", engine="reference")
            shapes = f"{family_of(model).title} {[network.input_shape for network in pose.networks.values()]}"
            if shapes not in kept:
                keep = _UpTo("crop/input", quantities_of(model))
                with suppress(Reached):  # what is behind the last network's input takes seconds
                    pose.compute(keep, picture)
                kept[shapes] = keep.arrays
            for name, network in pose.networks.items():
                networks.setdefault(network.name, network)
                inputs.setdefault(network.name, kept[shapes][name])
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


def verify(tell: Callable[[Check], None] = lambda link: None, models: Sequence[str] = MODELS) -> tuple[Check, ...]:
    """Go through all links.

    Parameters
    ----------
    tell : function
        Is given every link as soon as it is done.
    models : sequence of str
        Whose networks are looked at, of any family. MediaPipe's results are recorded for BlazePose's alone.

    Returns
    -------
    tuple of Check
        In order; one that breaks does not keep the others from being looked at.
    """
    found: list[Check] = []

    def look(name: str, check: Callable[..., str], *arguments: Any) -> None:
        start = perf_counter()
        try:
            link = Check(name, "holds", text=check(*arguments))
        except Mismatch as mismatch:
            link = Check(name, "breaks", mismatch.where, mismatch.text)
        except Skip as reason:
            link = Check(name, "skipped", text=str(reason))
        except ValueError as error:
            link = Check(name, "breaks", "", str(error))
        found.append(replace(link, seconds=perf_counter() - start))
        tell(found[-1])

    try:
        workspace = Workspace.load(models)
    except (ValueError, FileNotFoundError) as error:
        link = Check("weights", "breaks", "", str(error))
        tell(link)
        return (link,)
    look("weights", weights_as_released, workspace)
    if converted():
        look("weights converted", converted_weights)
    look("eager", eager_as_recorded, workspace)
    look("tape", tape_as_eager, workspace)
    look("plan", plan_as_tape, workspace)
    look("engine numpy", numpy_engine, workspace)
    look("engine native", native_engine, workspace)
    recorded = [model for model in models if model in MODELS]
    for stages in ("numpy", "native") if recorded else ():
        look(f"stages {stages}", stages_as_recorded, stages, recorded)
    if "lite" in recorded:
        look("tasks", tasks_as_recorded)
    return tuple(found)


def weights_as_released(workspace: Workspace) -> str:
    """Every trained array that comes with the package has the hash that was recorded."""
    count, shipped = 0, [name for name in workspace.networks if name in NETWORKS]
    for name in shipped:
        arrays = workspace.networks[name].weights.stored
        for array, sha256 in truth.layers(name).weights.items():
            count += 1
            if array not in arrays or truth.digest(arrays[array]) != sha256:
                raise Mismatch(f"{name}.h5: {array}", "not the trained values that were released")
    return f"{count} arrays of {len(shipped)} networks"


def converted() -> list[str]:
    """Networks whose weights do not come with refpose and are found here."""
    return [name for name in networks.NETWORKS if name not in NETWORKS and weights.default_path(name).is_file()]


def converted_weights() -> str:
    """The converted weights that are found here are those made of the authors' published models."""
    found, unknown = converted(), []
    for name in found:
        loaded = weights.load(name)
        if published.origin(str(loaded.attributes["content_sha256"])) is not None:
            continue
        strange = published.implausible(loaded.stored)
        if strange:
            raise Mismatch(f"{name}.h5: {strange}", "not a trained network's")
        copy = published.differences(name, loaded.stored)
        if copy is not None:
            model, differ = copy
            raise Mismatch(f"{name}.h5: {differ[0]}", f"{len(differ)} arrays differ from the published {model.file}")
        unknown.append(name)
    text = f"{len(found) - len(unknown)} of {len(found)} networks are the published ones"
    return f"{text}; nothing is known of {', '.join(unknown)}" if unknown else text


class _Noting(Eager):
    """Runs a network's code on arrays and keeps what each layer gives."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]], weights: Mapping[str, Array]) -> None:
        super().__init__(functions, weights)
        self.made: dict[str, Array] = {}

    def emit(self, op: str, name: str, *arguments: Any) -> Any:
        self.made[name] = super().emit(op, name, *arguments)
        return self.made[name]


def eager_as_recorded(workspace: Workspace) -> str:
    """The networks' code, run directly on arrays with the exact operations, gives the recorded layers."""
    unrecorded = []
    for name, network in workspace.networks.items():
        noting = _Noting(workspace.functions, network.weights)
        networks.NETWORKS[name][0](noting, workspace.inputs[name])
        workspace.layers[name] = noting.made
        if name not in NETWORKS:
            unrecorded.append(name)
            continue
        recorded = truth.layers(name).layers
        for layer, record in recorded.items():
            if layer not in noting.made:
                raise Mismatch(f"{name}: {layer}", "no such layer any more")
            if not record.equals(noting.made[layer]):
                raise Mismatch(f"{name}: {layer}", _off(record.largest_difference(noting.made[layer]), record.sample))
    text = f"{sum(map(len, workspace.layers.values()))} layers on {truth.layers('detector').picture}"
    return text + "".join(f"; no layers of {name} are recorded" for name in unrecorded)


def _off(largest: float, values: Array) -> str:
    return f"off by up to {largest:.3g}, where values reach {np.abs(values).max(initial=0.0):.3g}"


def tape_as_eager(workspace: Workspace) -> str:
    """The tape, played back, gives the same layers."""
    for name, network in workspace.networks.items():
        _same_layers(name, network.tape, workspace)
    return f"{sum(len(network.tape.steps) for network in workspace.networks.values())} steps"


def _same_layers(name: str, tape: Tape, workspace: Workspace) -> None:
    for step, y in tape.trace(workspace.functions, workspace.networks[name].weights, workspace.inputs[name]):
        _same(f"{name}: {step.name}", y, workspace.layers[name].get(step.name))


def _same(where: str, found: Array, expected: Array | None) -> None:
    if expected is None:
        raise Mismatch(where, "the layer before this link was not computed")
    if found.shape != expected.shape:
        raise Mismatch(where, f"shape {found.shape} instead of {expected.shape}")
    if found.tobytes() != expected.tobytes():
        off = np.abs(found.astype(np.float64) - expected)
        raise Mismatch(where, _off(float(np.where(np.isnan(off), np.inf, off).max()), expected))


def plan_as_tape(workspace: Workspace) -> str:
    """Every step of the plan is composed of its parts, and these in the plan's order give the same layers."""
    count = 0
    for name, network in workspace.networks.items():
        planned = plan.Plan.of(network.tape, network.weights)
        summed = {step.sums: step.out for step in planned.steps if step.sums is not None}
        for step in planned.steps:
            if step.parts:  # a copy into a joined value has none
                _composed(name, step, summed)
        missing = {step.name for step in network.tape.steps} - {step.name for step in planned.ordered().steps}
        if missing:
            raise Mismatch(f"{name}: {min(missing)}", "no step of the plan does this")
        _same_layers(name, planned.ordered(), workspace)
        count += len(planned.steps)
    return f"{count} steps"


def _composed(name: str, step: PlanStep, summed: Mapping[Val, Val]) -> None:
    """What a step reads and writes is what its parts read and write; sums of a value's rows stand for the value."""
    where = f"{name}: {step.parts[-1].name}"
    made = {part.out for part in step.parts}
    read = {val for part in step.parts for val in part.inputs} - made
    if read != {summed.get(val, val) for val in step.inputs}:
        raise Mismatch(where, f"the step {step.kernel} reads {_values(step.inputs)}, its parts {_values(read)}")
    if step.out != step.parts[-1].out:
        raise Mismatch(
            where, f"the step {step.kernel} writes {_values([step.out])}, its parts {_values([step.parts[-1].out])}"
        )


def _values(values: Any) -> str:
    return ", ".join(f"value {val.index} {val.shape}" for val in sorted(values, key=lambda val: val.index))


def numpy_engine(workspace: Workspace) -> str:
    """The NumPy engine gives the reference's layers, but for float32 rounding where BLAS adds in another order."""
    worst, equal = 0.0, True
    for name, network in workspace.networks.items():
        for step, y in network.tape.trace(blas.FUNCTIONS, network.weights, workspace.inputs[name]):
            expected = workspace.layers[name][step.name]
            size = max(float(np.abs(expected).max()), 1e-6)
            off = float(np.abs(y - expected).max()) / size
            if not off <= BLAS_NOISE:
                raise Mismatch(f"{name}: {step.name}", _off(off * size, expected))
            worst, equal = max(worst, off), equal and np.array_equal(y, expected)
    if equal:
        return "bit for bit: BLAS adds in the same order here"
    return f"within {worst:.1g} of the largest value of a layer (not bit for bit: another order of summation)"


def native_engine(workspace: Workspace) -> str:
    """The native engine gives the reference's outputs, with one and with two threads."""
    try:
        isa = engine.native_isa()
    except RuntimeError as reason:
        raise Skip(str(reason)) from None
    for name, network in workspace.networks.items():
        for threads in (1, 2):
            native = engine.Network(network.tape, network.weights, "native", threads)
            out = native(workspace.inputs[name])
            for output, val in network.tape.outputs.items():
                last = next(step for step in network.tape.steps if step.out == val)
                if out[output].tobytes() != workspace.layers[name][last.name].tobytes():
                    _blame(name, network.tape, native, workspace)
                    _same(f"{name}: {last.name}", out[output], workspace.layers[name][last.name])
    return f"{isa}, with 1 and 2 threads"


def _blame(name: str, tape: Tape, native: engine.Network, workspace: Workspace) -> None:
    """Find the first step of the plan whose result is wrong, by asking for the results one after the other."""
    for planned in plan.Plan.of(tape, native.weights).steps:
        step: Step = planned.parts[-1]
        if len(step.out.shape) != 3:
            continue
        alone = replace(tape, outputs={"it": step.out}).pruned(("it",))
        found = engine.Network(alone, native.weights, "native", native.threads)(workspace.inputs[name])["it"]
        _same(f"{name}: {step.name}", found, workspace.layers[name][step.name])


def stages_as_recorded(kind: str, models: Sequence[str] = MODELS) -> str:
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
    detector, count = Detector(engine.load_network("detector", fast), stages), 0
    for model in models:
        landmarker = Landmarker(engine.load_network(model, fast), stages)
        for picture in truth.pictures():
            hold = _Hold(truth.stages(picture, model), f"{picture}, {model}")
            blazepose(detector, landmarker, Stills(), hold, read_image(truth.FOLDER / f"{picture}.png"))
            if hold.recorded:
                raise Mismatch(f"{min(hold.recorded)} ({picture}, {model})", "was not computed")
            count += hold.count
    return f"{count} results of MediaPipe 0.10.21 on {', '.join(truth.pictures())}"


def tasks_as_recorded() -> str:
    """Several people, as MediaPipe Tasks finds them: the results of both versions, and the stages that lead there."""
    try:
        engine.native_isa()
        fast = "native"
    except RuntimeError:
        fast = "reference"
    count = 0
    for name, same in tasks_truth.compared(fast):
        if not same:
            raise Mismatch(name, "another value than MediaPipe's")
        count += 1
    return f"{count} results of MediaPipe Tasks 0.10.21 and 1.2.3"


class _UpTo(Keep):
    """Keeps what the pipeline gives, up to a name."""

    def __init__(self, name: str, quantities: Mapping[str, Quantity]) -> None:
        super().__init__(quantities)
        self.last = name

    def person(self, index: int) -> Keep:
        """There is one person on the picture."""
        return self

    def keep(self, name: str, value: Any) -> None:
        """Keep one value, or end."""
        super().keep(name, value)
        if name == self.last:
            raise Reached


class Reached(Exception):
    """What was looked for was computed."""


class _Hold(Keep):
    """Holds what the pipeline gives against what was recorded."""

    def __init__(self, recorded: dict[str, truth.Record], where: str) -> None:
        super().__init__(BLAZEPOSE)
        self.recorded, self.where, self.count = recorded, where, 0

    def person(self, index: int) -> Keep:
        """The solutions look at one person."""
        return self

    def keep(self, name: str, value: Any) -> None:
        """Compare one value, and forget it."""
        if value is None or name not in self.recorded:
            return
        record, array = self.recorded.pop(name), self.quantities[name].form.pack(value)
        self.count += 1
        if not record.equals(array):
            where = f"{self.quantities[name].stage} ({name}, {self.where})"
            raise Mismatch(where, _off(record.largest_difference(array), record.sample))
