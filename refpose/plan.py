"""From the tape to steps that a kernel does at once: fuse, pack the weights, lay out the memory.

A plan starts as the tape, one step per call. The rules in `RULES`, each a function from steps to steps, then join
neighbours that one kernel can do together. A joined step remembers the tape steps it is composed of, so a plan also
runs on NumPy (`Plan.run`) and every rule can be tried on its own: the bits must stay the same. Tensors that live at
the same time get different places in one arena; reshaping and concatenating cost nothing, because their operands are
written where the result will be.

What the kernels expect of steps, packed weights and tensors is drawn in src_c/kernels.h.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .tape import Step, Tape, Val

Array = NDArray[np.float32]

_PLANES = 49152  # values of expanded planes that are worked on at a time: they stay in the L2 cache
_CACHED = 2**19  # weights of a step, in values, that the L2 cache still holds when the next tile of rows asks for them
PLANE_SLACK = 128  # values behind the last plane that whole tiles may read
LANES = 16  # channels of a tensor in the arena and outputs of packed weights come in multiples of this

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


# Kernels that leave their result in planes, and the kernels they stand for.
PLANAR = {
    "planar_stem": "conv",
    "planar_pointwise": "pointwise",
    "planar_depthwise": "depthwise",
    "planar_expand_depthwise": "expand_depthwise",
    "planar_upsample": "upsample",
}


@dataclass(frozen=True)
class PlanStep:
    """What one kernel does at once.

    Attributes
    ----------
    kernel : str
        Row of the table in kernels.h.
    parts : tuple of Step
        The tape steps it is composed of, in order: its meaning.
    input, out : Val
    residual : Val or None
        Added to the finished result.
    gate : Val or None
        Factors of the input channels.
    sums : Val or None
        Where the sums of the result's rows go.
    """

    kernel: str
    parts: tuple[Step, ...]
    input: Val
    out: Val
    residual: Val | None = None
    gate: Val | None = None
    sums: Val | None = None

    @property
    def outs(self) -> tuple[Val, ...]:
        return (self.out,) if self.sums is None else (self.out, self.sums)

    @property
    def inputs(self) -> tuple[Val, ...]:
        return tuple(val for val in (self.input, self.residual, self.gate) if val is not None)

    def part(self, op: str, nth: int = 0) -> Step | None:
        """The nth part that is such an operation; negative counts from the end."""
        found = [part for part in self.parts if part.op == op]
        return found[nth] if -len(found) <= nth < len(found) else None


Steps = list[PlanStep]


# Values that are not on the tape have negative numbers: parts of concatenations from -1 down, sums of rows below this.
_SUMS = 1_000_000

# Operations after which no kernel writes beyond the channels of its result.
_KEEP_TO_THEIR_CHANNELS = ("pointwise", "gated", "add", "concat")

# Activations that are more than a clamp.
_ACTIVATIONS = ("sigmoid", "swish", "eswish")

# What one residual block is made of, where neither stride nor channels change.
_BLAZE_BLOCK = ["depthwise", "pointwise", "add"]


# Rules ---------------------------------------------------------------------------------------------------------------


def tail(steps: Steps) -> Steps:
    """The eight-channel end of the segmentation path: two enlargements, each followed by two residual separable blocks,
    and a convolution to one channel. Planar and row by row, nothing of it exists as a whole.
    """
    ops = ["upsample", "add", *2 * _BLAZE_BLOCK, "upsample", *2 * _BLAZE_BLOCK, "conv"]
    for i in range(len(steps) - len(ops) + 1):
        some = steps[i : i + len(ops)]
        parts = tuple(part for step in some for part in step.parts)
        if [part.op for part in parts] != ops or parts[-1].weights["kernel"] != (1, 3, 3, 8):
            continue
        fine = next(val for val in some[1].inputs if val != some[0].out)
        return [*steps[:i], PlanStep("tail", parts, some[0].input, some[-1].out, fine), *steps[i + len(ops) :]]
    return steps


def pool_pad(steps: Steps) -> Steps:
    """Maximum, then channels of zeros behind it."""
    return _join(steps, "max_pool", "copy", _behind("max_pool"))


def resize_add(steps: Steps) -> Steps:
    """Enlargement, then a sum with another tensor."""
    return _join(steps, "upsample", "add", _with_residual)


def pointwise_add(steps: Steps) -> Steps:
    """Pointwise convolution, then a sum with another tensor."""
    return _join(steps, "pointwise", "add", _with_residual)


def separable(steps: Steps) -> Steps:
    """Depthwise, then pointwise convolution: the rows in between stay in the cache."""
    return _join(steps, "depthwise", "pointwise", _behind("separable"))


def bottleneck(steps: Steps) -> Steps:
    """Pointwise (expand), depthwise, pointwise (project): the expanded tensor never exists as a whole."""
    return _join(steps, "pointwise", "separable", _behind("bottleneck"))


def stem_block(steps: Steps) -> Steps:
    """The same with another convolution in the place of the expansion."""
    return _join(steps, "conv", "separable", _behind("bottleneck"))


def sum_rows(steps: Steps) -> Steps:
    """Depthwise, then the sums of its rows."""
    result: Steps = []
    for step in steps:
        makers = [i for i, earlier in enumerate(result) if earlier.out == step.input]
        before = result[makers[0]] if step.kernel == "row_sums" and makers else None
        if (
            before
            and before.kernel in ("depthwise", "expand_depthwise")
            and before.parts[-1].attrs["act"] in ("swish", "eswish")
        ):
            result[makers[0]] = replace(before, sums=step.out)
        else:
            result.append(step)
    return result


def expand_depthwise(steps: Steps) -> Steps:
    """Pointwise (expand), depthwise, where a mean over the result must be known before the projection."""
    return _join(
        _join(steps, "pointwise", "depthwise", _behind("expand_depthwise")),
        "conv",
        "depthwise",
        _behind("expand_depthwise"),
    )


def sparse(steps: Steps) -> Steps:
    """Planes from the first convolution to where depth becomes space, so that zero weights can be skipped."""
    planar_of = {kernel: name for name, kernel in PLANAR.items()}
    known: set[int] = set()  # values that lie in planes
    result: Steps = []
    for step in steps:
        kernel = step.kernel
        if step.input.index in known:
            if step.residual is not None and step.residual.index not in known:
                return steps
            if kernel not in ("depth_to_space", "pointwise", "depthwise", "upsample"):
                return steps
            kernel = planar_of.get(kernel, "planar_depth_to_space")
        elif kernel == "conv" and not known:
            kernel = planar_of[kernel]
        if kernel in PLANAR:
            known.add(step.out.index)
        result.append(replace(step, kernel=kernel))
    return result


def planar_expand(steps: Steps) -> Steps:
    """Pointwise (expand), depthwise on planes, some channels at a time: the expanded planes stay in the cache."""
    return _join(steps, "planar_pointwise", "planar_depthwise", _behind("planar_expand_depthwise"))


def seams(steps: Steps) -> Steps:
    """For several threads: bottlenecks of few rows in two, of which the first can be shared out by channels. Shared out
    by rows, they would expand the rows at the seams twice.
    """
    result: Steps = []
    for step in steps:
        if step.kernel == "bottleneck" and step.out.shape[0] <= 8:
            expand, depthwise, *rest = step.parts
            result.append(PlanStep("expand_depthwise", (expand, depthwise), step.input, depthwise.out))
            step = PlanStep("pointwise", tuple(rest), depthwise.out, step.out, step.residual)
        result.append(step)
    return result


RULES: dict[str, Callable[[Steps], Steps]] = {
    rule.__name__: rule
    for rule in (
        tail,
        pool_pad,
        resize_add,
        pointwise_add,
        sparse,
        planar_expand,
        separable,
        bottleneck,
        stem_block,
        expand_depthwise,
        seams,
        sum_rows,
    )
}


def _behind(kernel: str) -> Callable[[PlanStep, PlanStep], PlanStep | None]:
    """Join two steps of which the second transforms what the first made of its only input."""

    def combine(first: PlanStep, then: PlanStep) -> PlanStep | None:
        plain = first.residual is None and first.gate is None and then.gate is None and then.parts
        if not plain or first.out != then.input:
            return None
        acts = {part.attrs["act"] for part in (*first.parts, *then.parts) if part.attrs.get("act") in _ACTIVATIONS}
        if len(acts) > 1:  # a kernel applies one activation besides the clamp
            return None
        return replace(then, kernel=kernel, input=first.input)

    return combine


def _with_residual(first: PlanStep, then: PlanStep) -> PlanStep | None:
    if first.residual is not None or then.residual is None or first.out not in then.inputs:
        return None
    if first.parts[-1].attrs.get("act") in _ACTIVATIONS:  # kernels apply these last
        return None
    other = then.input if then.residual == first.out else then.residual
    return replace(then, kernel=first.kernel, input=first.input, residual=other, gate=first.gate)


def _join(steps: Steps, first: str, then: str, combine: Callable[[PlanStep, PlanStep], PlanStep | None]) -> Steps:
    """Join every step of kernel `first` with the only user of its result where that is of kernel `then`.

    `combine` gets both and makes the joined step (whose parts are filled in here), or None where they do not fit. The
    joined step takes the place of the later one.
    """
    result: Steps = []
    users: dict[int, int] = {}
    for step in steps:
        for val in step.inputs:
            users[val.index] = users.get(val.index, 0) + 1
    for step in steps:
        joined = None
        if step.kernel == then:
            for earlier in result:
                if earlier.kernel == first and earlier.out in step.inputs and users[earlier.out.index] == 1:
                    joined = combine(earlier, step)
                    if joined is not None:
                        result.remove(earlier)
                        result.append(replace(joined, parts=earlier.parts + step.parts))
                        break
        if joined is None:
            result.append(step)
    return result


# Memory --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a value lies: `space` 0 is the arena, 1 the input, 2... the outputs; `at` and `ld` count values.

    Value (y, x, c) of an (h, w, c) tensor is at ``at + (y*w + x)*ld + c``; in planes, whose rows are w + 2 wide, at
    ``at + c*ld + margin + y*(w + 2) + x``.
    """

    space: int
    at: int
    shape: tuple[int, int, int]
    ld: int

    @property
    def size(self) -> int:
        return self.shape[0] * self.shape[1] * self.ld


def lanes(channels: int) -> int:
    return -(-channels // LANES) * LANES


def plane_margin(columns: int) -> int:
    """Zeros between two planes: what a 5x5 window reaches beyond an image; `rp_margin` of kernels.h."""
    return lanes(2 * (columns + 2) + 2)


def _tensor_size(shape: tuple[int, int, int], planar: bool) -> tuple[int, int]:
    """(values of a tensor in the arena, distance from pixel to pixel or from plane to plane)."""
    rows, columns, channels = shape
    if not planar:
        return rows * columns * lanes(channels), lanes(channels)
    plane = plane_margin(columns) + lanes(rows * (columns + 2))
    return lanes(channels * plane + plane_margin(columns) + PLANE_SLACK), plane


def _image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else (1, 1, math.prod(shape))


@dataclass(frozen=True)
class _View:
    """A value that is written into another one, `at` values behind its beginning."""

    root: Val
    at: int
    strided: bool = False  # channels of each pixel of `root`, rather than all of its values from there on


_VIEWS = ("reshape", "concat")


def _views(tape: Tape) -> tuple[dict[int, _View], dict[int, list[PlanStep]]]:
    """Values that are written into another one, by index; and copies, by index of the concatenation that needs them.

    Channels are put together by whatever writes them. What is part of two concatenations, or not written by a kernel
    that keeps to its channels, is copied.
    """
    views: dict[int, _View] = {}
    copies: dict[int, list[PlanStep]] = {}
    makers = {step.out.index: step.op for step in tape.steps}
    outputs = {val.index for val in tape.outputs.values()}
    for step in reversed(tape.steps):
        if step.op not in _VIEWS:
            continue
        whole = views.get(step.out.index, _View(step.out, 0))
        strided, at = step.attrs.get("axis") == 2, whole.at
        for val in step.inputs:
            view = _View(whole.root, at, strided)
            at += val.shape[2] if strided else val.size
            if strided and (
                val.index in views.keys() | outputs or makers.get(val.index) not in _KEEP_TO_THEIR_CHANNELS
            ):
                part = Val(-1 - len(views), val.shape)
                copies.setdefault(step.out.index, []).append(PlanStep("copy", (), val, part))
                val = part
            views[val.index] = view
    return views, copies


def _lay_out(tape: Tape, steps: Steps, views: Mapping[int, _View]) -> tuple[dict[int, Place], int]:
    """The place of every value that a step reads or writes, and the size of the arena.

    Largest first, each as low as the tensors allow that live at the same time and were placed before.
    """
    places = {tape.input.index: Place(1, 0, _image_shape(tape.input.shape), tape.input.shape[-1])}
    outputs = {val.index: 2 + i for i, val in enumerate(tape.outputs.values())}
    in_planes = {step.out.index for step in steps if step.kernel in PLANAR}
    lives: dict[int, tuple[int, int]] = {}
    sizes: dict[int, int] = {}
    for i, step in enumerate(steps):
        for val in (*step.inputs, *step.outs):
            root = views[val.index].root if val.index in views else val
            if root.index in outputs or root.index == tape.input.index:
                continue
            dense = val.index in views and not views[val.index].strided
            size = root.size if dense else _tensor_size(_image_shape(root.shape), root.index in in_planes)[0]
            sizes[root.index] = max(sizes.get(root.index, 0), lanes(size))
            lives[root.index] = (lives.get(root.index, (i, i))[0], i)
    offsets: dict[int, int] = {}
    for root_index in sorted(sizes, key=lambda index: (-sizes[index], index)):
        begin, end = lives[root_index]
        taken = sorted(
            (offsets[other], offsets[other] + sizes[other])
            for other in offsets
            if lives[other][0] <= end and begin <= lives[other][1]
        )
        at = 0
        for low, high in taken:
            if at + sizes[root_index] <= low:
                break
            at = max(at, high)
        offsets[root_index] = at
    for step in steps:
        for val in (*step.inputs, *step.outs):
            if val.index == tape.input.index:
                continue
            shape = _image_shape(val.shape)
            view = views.get(val.index, _View(val, 0))
            dense = (val.index in views and not view.strided) or view.root.index in outputs
            whole = _image_shape(view.root.shape) if view.strided else shape
            ld = whole[2] if dense else _tensor_size(whole, val.index in in_planes)[1]
            index = view.root.index
            places[val.index] = Place(outputs.get(index, 0), offsets.get(index, 0) + view.at, shape, ld)
    # The last pixel of strided channels is read in whole vectors too.
    behind = LANES * any(view.strided for view in views.values())
    return places, max((offsets[root] + sizes[root] for root in offsets), default=LANES) + behind


# Packed weights ------------------------------------------------------------------------------------------------------


def panels(outputs: int) -> Iterable[tuple[int, int]]:
    """(first output, width) of every panel of packed pointwise weights; `rp_panel` of kernels.h."""
    start, end = 0, lanes(outputs)
    while start < end:
        left = end - start
        width = 48 if left >= 48 and left != 64 else 32 if left >= 32 else 16
        yield start, width
        start += width


def pack_pointwise(kernel: Array, bias: Array) -> Array:
    """Kernel (O, kh, kw, I) and bias (O,) as panels of outputs, each a bias row and kh*kw*I weight rows."""
    outputs = len(bias)
    matrix = np.zeros((1 + kernel[0].size, lanes(outputs)), np.float32)
    matrix[0, :outputs] = bias
    matrix[1:, :outputs] = kernel.reshape(outputs, -1).T
    return np.concatenate([matrix[:, n : n + width].ravel() for n, width in panels(outputs)])


def pack_sparse(kernel: Array, bias: Array, chunk: int, plane: int) -> Array:
    """The biases, then the stream of non-zero weights of a kernel (O, 1, 1, I), outputs in pairs; drawn in kernels.h.

    `plane` is the distance of the input's planes; `chunk` inputs are looked at at a time.
    """
    from . import _native

    packed: Array = _native.pack_sparse(kernel.reshape(len(bias), -1), bias, chunk, plane)
    return packed


def pack_groups(kernel: Array, bias: Array, group: int, chunk: int, plane: int) -> Array:
    """`pack_sparse` for every `group` outputs, behind the places where these streams start, in fours of values."""
    streams = [
        pack_sparse(kernel[n : n + group], bias[n : n + group], chunk, plane) for n in range(0, len(bias), group)
    ]
    head = -(-len(streams) // 4)
    starts = np.zeros(4 * head, np.int32)
    starts[: len(streams)] = head + np.cumsum([0, *(len(stream) // 4 for stream in streams[:-1])])
    return np.concatenate([starts.view(np.float32), *streams])


def pack_depthwise(kernel: Array, bias: Array) -> Array:
    """Kernel (k, k, C) and bias (C,) as groups of 16 channels, each a bias row and k*k tap rows, columns outer."""
    size, _, channels = kernel.shape
    rows = np.zeros((1 + size * size, lanes(channels)), np.float32)
    rows[0, :channels] = bias
    rows[1:, :channels] = kernel.transpose(1, 0, 2).reshape(size * size, channels)
    return rows.reshape(1 + size * size, -1, LANES).transpose(1, 0, 2).ravel()


# Plans ---------------------------------------------------------------------------------------------------------------


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
        planes = _PLANES // _tensor_size((rows, columns, 1), True)[1] // 2 * 2
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
    def of(
        cls, tape: Tape, weights: Mapping[str, Array], rules: Iterable[str] = tuple(RULES), threads: int = 1
    ) -> Plan:
        """Make a plan with these rules, applied in the order of `RULES`, for this number of threads."""
        wanted = set(rules)
        if threads == 1:
            wanted.discard("seams")
        if not _mostly_zero(tape, weights):
            wanted.discard("sparse")
        views, copies = _views(tape)
        steps: Steps = []
        for step in tape.steps:
            steps += copies.get(step.out.index, []) if step.op in _VIEWS else _alone(step)
        for name, rule in RULES.items():
            if name in wanted:
                steps = rule(steps)
        places, arena = _lay_out(tape, steps, views)
        return cls(tape, tuple(steps), places, arena)

    def run(
        self, functions: Mapping[str, Callable[..., Any]], weights: Mapping[str, Array], x: Array
    ) -> dict[str, Array]:
        """Do the parts of every step in the plan's order with these functions, as `Tape.run` does the tape's."""
        return self.ordered().run(functions, weights, x)

    def ordered(self) -> Tape:
        """The tape with its steps in the plan's order."""
        parts = [part for step in self.steps for part in step.parts]
        views = [step for step in self.tape.steps if step.op in _VIEWS]
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


def _mostly_zero(tape: Tape, weights: Mapping[str, Array]) -> bool:
    """Whether most of the pointwise multiply-adds have a zero weight."""
    macs = zero = 0.0
    for step in tape.steps:
        if step.op == "pointwise":
            kernel = weights[f"{step.name}/kernel"]
            macs += step.macs
            zero += step.macs * (1 - np.count_nonzero(kernel != 0) / kernel.size)
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
                "expand"
                if i == 0 and step.kernel in ("bottleneck", "expand_depthwise", "planar_expand_depthwise")
                else "project",
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
        if step.kernel in ("bottleneck", "expand_depthwise"):
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
