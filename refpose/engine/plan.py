"""From the tape to steps that a kernel does at once: fuse, choose tiles, lay out the memory, pack the weights.

A plan starts as the tape, one step per call. The rules of rules.py then join neighbours. A joined step remembers the
tape steps it is composed of, so a plan also runs on NumPy (`Plan.run`) and every rule can be tried on its own: the bits
must stay the same. arena.py says where tensors lie, packing.py how weights do.

What the kernels expect of all this is drawn in src_c/layout.h; what a plan must know of each is its record in
kernels.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..networks.tape import Step, Tape, Val
from ..networks.weights import Weights
from .arena import VIEWS, Place, lay_out, views_of
from .kernels import PlanStep
from .layout import LANES, padded_size
from .packing import Reader, pack_pointwise
from .rules import RULES, Steps, alone

Array = NDArray[np.float32]

# Weights of large networks come from memory in every run, not from the cache: they stay binary16, as they were trained.
_LARGE_NETWORK = 2**21  # values that the matrices of a network have at least together
_LARGE_MATRIX = 2**14

# Flags of a program's step by the packed array of the part: a clamp, or another activation.
_FLAGS = {"expand": ("RELU6_EXPAND", "ACT_EXPAND"), "depthwise": ("RELU6_DEPTHWISE", "ACT_DEPTHWISE")}
_FLAGS["project"] = ("RELU6", "ACT")
_BINARY16 = {"expand": "BINARY16_EXPAND", "project": "BINARY16"}  # and of weights that are


@dataclass(frozen=True)
class Plan:
    """A network as steps for kernels.

    Attributes
    ----------
    tape : Tape
        Of the outputs that are wanted, nothing else.
    steps : tuple of PlanStep
    places : mapping of int to Place
        By index of the value.
    arena : int
        Values that must fit into the arena.
    """

    tape: Tape
    steps: tuple[PlanStep, ...]
    places: Mapping[int, Place] = field(repr=False)
    arena: int

    @classmethod
    def of(cls, tape: Tape, weights: Weights, rules: Iterable[str] = tuple(RULES), threads: int = 1) -> Plan:
        """Make a plan with these rules, applied in the order of `RULES`, for this number of threads."""
        wanted = set(rules)
        if threads == 1:
            wanted.discard("split_for_threads")
        if not _mostly_zero(tape, weights):
            wanted.discard("sparse")
        views, copies = views_of(tape)
        steps: Steps = []
        for step in tape.steps:
            steps += copies.get(step.out.index, []) if step.op in VIEWS else alone(step)
        for name, rule in RULES.items():
            if name in wanted:
                steps = rule(steps)
        places, arena = lay_out(tape, steps, views)
        return cls(tape, tuple(steps), places, arena)

    def run(
        self, functions: Mapping[str, Callable[..., Any]], weights: Mapping[str, Array], x: Array
    ) -> dict[str, Array]:
        """Do the parts of every step in the plan's order with these functions, as `Tape.run` does the tape's."""
        return self.ordered().run(functions, weights, x)

    def ordered(self) -> Tape:
        """The tape with its steps in the plan's order."""
        parts = [part for step in self.steps for part in step.parts]
        views = [step for step in self.tape.steps if step.op in VIEWS]
        ordered: list[Step] = []
        known = {self.tape.input.index}
        for step in (*parts, None):
            if step is not None:
                ordered.append(step)
                known.add(step.out.index)
            ready = [view for view in views if all(val.index in known for val in view.inputs)]
            while ready:
                views = [view for view in views if view not in ready]
                ordered += ready
                known.update(view.out.index for view in ready)
                ready = [view for view in views if all(val.index in known for val in view.inputs)]
        return replace(self.tape, steps=tuple(ordered))

    def pack(self, weights: Weights) -> tuple[Array, list[dict[str, int]], list[set[str]]]:
        """Packed weights in one array, from a multiple of 64 bytes on; for each step where its own lie, and which are
        binary16.
        """
        room = sum(_most_packed(part) for step in self.steps for _, _, part in step.trained)
        packed = np.empty(room + LANES, np.float32)  # what is not written to takes no memory
        packed = packed[-(packed.ctypes.data // 4) % LANES :]
        at: list[dict[str, int]] = []
        narrow: list[set[str]] = []
        size = 0
        matrices = [part for step in self.steps for array, _, part in step.trained if array in step.record.binary16]
        large = sum(part.parameters for part in matrices) >= _LARGE_NETWORK
        for step in self.steps:
            offsets: dict[str, int] = {}
            reader = Reader(*step.record.tile(step), self.places[step.input.index].ld)
            narrow.append(set())
            for array, packing, part in step.trained:
                if large and _stays_binary16(step, array, part, weights):
                    narrow[-1].add(array)
                    stored = weights.stored
                    block = pack_pointwise(stored[f"{part.name}/kernel"], stored[f"{part.name}/bias"]).view(np.float32)
                else:
                    block = packing(weights[f"{part.name}/kernel"], weights[f"{part.name}/bias"], reader)
                offsets.setdefault(array, size)
                end = size + padded_size(block.size)
                packed[size : size + block.size] = block
                packed[size + block.size : end] = 0
                size = end
            at.append(offsets)
        packed = packed[:size]
        packed.flags.writeable = False
        return packed, at, narrow

    def sizes(self) -> tuple[int, ...]:
        """Values in the arena, the input and, negative because they are written, the outputs."""
        return (self.arena, self.tape.input.size, *(-val.size for val in self.tape.outputs.values()))

    def describe(self) -> str:
        """The plan as text: one line a step, the same for everybody who has the same network."""
        lines = [f"{self.tape.name}: {len(self.steps)} steps, arena {4 * self.arena} bytes"]
        for number, step in enumerate(self.steps):
            rows, chunk = step.record.tile(step)
            tiling = f" {rows} {step.record.unit}" * bool(rows) + f" x {chunk} channels" * bool(chunk)
            operands = " + ".join(self._operand(val) for val in step.inputs)
            lines.append(
                f"{number:3} {step.kernel:<24}{operands} -> {self._operand(step.out)}{tiling}"
                + "".join(f"  {part.name}" for part in step.parts[-1:])
            )
        return "\n".join(lines) + "\n"

    def _operand(self, val: Val) -> str:
        place = self.places[val.index]
        space = "arena" if place.space == 0 else "input" if place.space == 1 else f"output{place.space - 2}"
        return f"{'x'.join(map(str, place.shape))}@{space}+{4 * place.at}"


def _mostly_zero(tape: Tape, weights: Weights) -> bool:
    """Whether most of the pointwise multiply-adds have a zero weight."""
    macs = zero = 0.0
    for step in tape.steps:
        if step.op == "pointwise":
            macs += step.macs
            zero += step.macs * (1 - weights.nonzero(f"{step.name}/kernel") / math.prod(step.weights["kernel"]))
    return zero > 0.5 * macs


def _stays_binary16(step: PlanStep, array: str, part: Step, weights: Weights) -> bool:
    """Whether the kernel is to widen these weights itself."""
    return (
        array in step.record.binary16
        and step.gate is None
        and math.prod(part.weights["kernel"]) >= _LARGE_MATRIX
        and all(weights.stored[f"{part.name}/{what}"].dtype == np.float16 for what in ("kernel", "bias"))
    )


def _most_packed(part: Step) -> int:
    """Values that the packed weights of a part take at most: dense, or in pairs of outputs with every weight used."""
    outputs, inputs = part.weights["bias"][0], math.prod(part.weights["kernel"]) // part.weights["bias"][0]
    return 4 * (outputs + LANES) * (inputs + 2 * LANES)


def compile_plan(plan: Plan, weights: Weights, isa: str, threads: int = 1) -> Any:
    """The plan as a program of the native engine."""
    from . import _native

    return _native.Program(*link(plan, weights), plan.sizes(), isa, threads)


def link(plan: Plan, weights: Weights) -> tuple[NDArray[Any], Array]:
    """The plan as rows of a program of the native engine, and all packed weights."""
    from . import _native

    packed, offsets, narrow = plan.pack(weights)
    numbers = {name: i for i, name in enumerate(_native.kernels())}
    table = np.zeros(len(plan.steps), _native.STEP)
    for row, step, at, halves in zip(table, plan.steps, offsets, narrow, strict=True):
        row["kernel"], row["flags"] = numbers[step.kernel], _flags(step)
        for array in halves:
            row["flags"] |= getattr(_native, _BINARY16[array])
        row["rows"], row["chunk"] = step.record.tile(step)
        for name, value in step.record.fields(step).items():
            row[name] = value
        operands = {"in": step.input, "add": step.residual, "out": step.out, "gate": step.gate, "sums": step.sums}
        for name, val in operands.items():
            row[name]["space"] = -1
            if val is not None:
                place = plan.places[val.index]
                row[name] = (place.space, *place.shape, place.at, place.ld)
        for name, offset in at.items():
            row[name] = offset
    return table, packed


def _flags(step: PlanStep) -> int:
    from . import _native

    flags = 0
    if step.record.fixed:
        return flags
    for array, _, part in step.trained:
        clamp, other = _FLAGS[array]
        if part.attrs["act"] == "relu6":
            flags |= getattr(_native, clamp)
        elif part.attrs["act"] is not None:
            flags |= getattr(_native, other) | _native.ACTIVATIONS[part.attrs["act"]]
    total = step.part("add")
    return flags | _native.RELU6_SUM if total is not None and total.attrs["act"] == "relu6" else flags
