"""From the tape to steps that a kernel does at once: fuse, choose tiles, lay out the memory, pack the weights.

A plan starts as the tape, one step per call. The rules of rules.py then join neighbours. A joined step remembers the
tape steps it is composed of, so a plan also runs on NumPy (`Plan.run`) and every rule can be tried on its own: the bits
must stay the same. arena.py says where tensors lie, packing.py how weights do.

What the kernels expect of all this is drawn in src_c/kernels.h.
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
from .arena import LANES, VIEWS, Place, lanes, lay_out, tensor_size, views_of
from .packing import pack_depthwise, pack_groups, pack_pointwise, pack_sparse
from .rules import RULES, PlanStep, Steps

Array = NDArray[np.float32]

_PLANES = 49152  # values of expanded planes that are worked on at a time: they stay in the L2 cache
_CACHED = 2**19  # weights of a step, in values, that the L2 cache still holds when the next tile of rows asks for them
# Values that are not on the tape have negative numbers: parts of concatenations from -1 down, sums of rows below this.
_SUMS = 1_000_000

# Kernels of which the first convolution expands.
_EXPANDING = ("bottleneck", "expand_depthwise", "narrow_stem", "planar_expand_depthwise")

# Kernel of a tape step on its own.
_KERNELS = {
    "pointwise": "pointwise",
    "conv": "conv",
    "depthwise": "depthwise",
    "gated": "pointwise",
    "add": "add",
    "upsample": "upsample",
    "enlarge": "enlarge",
    "max_pool": "max_pool",
    "average_pool": "average_pool",
    "pad_channels": "copy",
    "depth_to_space": "depth_to_space",
    "logistic": "logistic",
}


def tile(step: PlanStep, places: Mapping[int, Place]) -> tuple[int, int]:
    """(output rows, expanded channels) that a kernel works on at a time.

    As few rows as keep the register tiles full: the window of expanded rows then stays in the cache with all channels.
    """
    rows, columns, _ = places[step.out.index].shape
    if step.kernel == "expand_depthwise":
        expanded, chunk = lanes(step.out.shape[2]), 96 if rows > 16 else 48
        return 2, chunk if expanded > chunk and expanded % 48 == 0 else expanded
    if step.kernel == "bottleneck":
        expanded = lanes(step.parts[0].out.shape[2])
        if expanded * (step.input.shape[2] + step.out.shape[2]) > _CACHED and expanded % 96 == 0:
            return min(rows, 16), 96  # weights come from afar: each of them once
        return min(rows, 4), expanded
    if step.kernel in ("planar_pointwise", "planar_expand_depthwise"):
        rows, columns, inputs = step.input.shape
        chunks = -(-inputs // (160 if rows * columns <= 64 else 80))
        planes = _PLANES // tensor_size((rows, columns, 1), True)[1] // 2 * 2
        outputs = step.out.shape[2] if step.kernel == "planar_pointwise" else max(2, min(step.out.shape[2], planes))
        return outputs, -(-inputs // chunks)
    return (min(rows, max(4, 64 // columns)), 0) if step.kernel in ("depthwise", "separable") else (0, 0)


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
            wanted.discard("seams")
        if not _mostly_zero(tape, weights):
            wanted.discard("sparse")
        views, copies = views_of(tape)
        steps: Steps = []
        for step in tape.steps:
            steps += copies.get(step.out.index, []) if step.op in VIEWS else _alone(step)
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

    def pack(self, weights: Mapping[str, Array]) -> tuple[Array, list[dict[str, int]]]:
        """Packed weights in one array, from a multiple of 64 bytes on, and for each step where its own lie."""
        room = sum(_most_packed(part) for step in self.steps for _, part in _parameters(step))
        packed = np.empty(room + LANES, np.float32)  # what is not written to takes no memory
        packed = packed[-(packed.ctypes.data // 4) % LANES :]
        at: list[dict[str, int]] = []
        size = 0
        for step in self.steps:
            offsets: dict[str, int] = {}
            for use, part in _parameters(step):
                kernel, bias = weights[f"{part.name}/kernel"], weights[f"{part.name}/bias"]
                if part.op == "depthwise":
                    block = pack_depthwise(kernel, bias)
                elif use == "expand" and step.kernel == "planar_expand_depthwise":
                    group, chunk = tile(step, self.places)
                    block = pack_groups(kernel, bias, group, chunk, self.places[step.input.index].ld)
                elif step.kernel == "planar_pointwise":
                    block = pack_sparse(kernel, bias, tile(step, self.places)[1], self.places[step.input.index].ld)
                else:
                    block = pack_pointwise(kernel, bias)
                offsets.setdefault(use, size)
                end = size + lanes(block.size)
                packed[size : size + block.size] = block
                packed[size + block.size : end] = 0
                size = end
            at.append(offsets)
        packed = packed[:size]
        packed.flags.writeable = False
        return packed, at

    def sizes(self) -> tuple[int, ...]:
        """Values in the arena, the input and, negative because they are written, the outputs."""
        return (self.arena, self.tape.input.size, *(-val.size for val in self.tape.outputs.values()))

    def describe(self) -> str:
        """The plan as text: one line a step, the same for everybody who has the same network."""
        lines = [f"{self.tape.name}: {len(self.steps)} steps, arena {4 * self.arena} bytes"]
        for number, step in enumerate(self.steps):
            rows, chunk = tile(step, self.places)
            tiling = f" {rows} rows" * bool(rows) + f" x {chunk} channels" * bool(chunk)
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


def _alone(step: Step) -> Steps:
    if step.op == "mean":
        rows, _, channels = step.inputs[0].shape
        sums = Val(-_SUMS - step.out.index, (rows, 1, 2 * lanes(channels)))
        return [PlanStep("row_sums", (), step.inputs[0], sums), PlanStep("mean", (step,), sums, step.out)]
    residual = step.inputs[1] if step.op == "add" else None
    gate = step.inputs[1] if step.op == "gated" else None
    return [PlanStep(_KERNELS[step.op], (step,), step.inputs[0], step.out, residual, gate)]


def _parameters(step: PlanStep) -> Iterable[tuple[str, Step]]:
    """(which packed array of the step, the part it belongs to); arrays of one name lie one behind the other."""
    trained = [part for part in step.parts if part.weights]
    if step.kernel == "tail":
        yield from (("depthwise", part) for part in trained[:-1])
        yield "project", trained[-1]
        return
    for i, part in enumerate(trained):
        if part.op == "depthwise":
            yield "depthwise", part
        else:
            yield (
                "expand" if i == 0 and step.kernel in _EXPANDING else "project",
                part,
            )


def _most_packed(part: Step) -> int:
    """Values that the packed weights of a part take at most: dense, or in pairs of outputs with every weight used."""
    outputs, inputs = part.weights["bias"][0], math.prod(part.weights["kernel"]) // part.weights["bias"][0]
    return 4 * (outputs + LANES) * (inputs + 2 * LANES)


def compile_plan(plan: Plan, weights: Mapping[str, Array], isa: str, threads: int = 1) -> Any:
    """The plan as a program of the native engine."""
    from . import _native

    return _native.Program(*link(plan, weights), plan.sizes(), isa, threads)


def link(plan: Plan, weights: Mapping[str, Array]) -> tuple[NDArray[Any], Array]:
    """The plan as rows of a program of the native engine, and all packed weights."""
    from . import _native

    packed, offsets = plan.pack(weights)
    numbers = {name: i for i, name in enumerate(_native.kernels())}
    table = np.zeros(len(plan.steps), _native.STEP)
    for row, step, at in zip(table, plan.steps, offsets, strict=True):
        rows, chunk = tile(step, plan.places)
        window = step.part("depthwise") or step.part("conv")
        size = 1 if window is None else window.weights["kernel"][1]
        row["kernel"], row["flags"] = numbers[step.kernel], _flags(step)
        row["k"], row["rows"], row["chunk"] = size, rows, chunk
        row["stride"], row["pad"] = (1, 0) if window is None else (window.attrs["stride"], window.attrs["pad"][0])
        if step.kernel in ("bottleneck", "expand_depthwise", "narrow_stem"):
            expand = step.parts[0]
            row["mid_h"], row["mid_w"], row["mid"] = expand.out.shape
            row["expand_k"] = expand.weights["kernel"][1]
            row["expand_stride"], row["expand_pad"] = expand.attrs.get("stride", 1), expand.attrs.get("pad", (0, 0))[0]
        if step.kernel == "mean":
            row["mid_w"] = step.parts[0].inputs[0].shape[1]
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
    if step.kernel == "tail":  # its activations are part of what it is
        return flags
    for use, part in _parameters(step):
        clamp, act = {
            "expand": (_native.RELU6_EXPAND, _native.ACT_EXPAND),
            "depthwise": (_native.RELU6_DEPTHWISE, _native.ACT_DEPTHWISE),
            "project": (_native.RELU6, _native.ACT),
        }[use]
        if part.attrs["act"] == "relu6":
            flags |= clamp
        elif part.attrs["act"] is not None:
            flags |= act | _native.ACTIVATIONS[part.attrs["act"]]
    total = step.part("add")
    return flags | _native.RELU6_SUM if total is not None and total.attrs["act"] == "relu6" else flags
