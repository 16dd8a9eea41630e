"""What a plan must know of each kernel: the table of src_c/kernels.h, seen from Python.

A record says what tape operations a kernel does on its own, where its result lies, which packed weights it reads in
which order, and how its tile is chosen. The rules (rules.py) say which kernels take the place of which others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..networks.tape import Step, Val
from .layout import PANEL, image_shape, padded_channels, tensor_size
from .packing import Packing, dense, grouped_sparse, sparse, window

_PLANES = 49152  # values of expanded planes that are worked on at a time: they stay in the L2 cache
_FEWEST_PLANES = 6  # and so many at least: each of their groups reads all inputs again
_CACHED = 2**17  # weights of a step, in values, that the L2 cache still holds when the next tile of rows asks for them


class PlanStep(NamedTuple):
    """What one kernel does at once.

    Attributes
    ----------
    kernel : str
        Name of a record in `KERNELS`.
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

    @property
    def record(self) -> Kernel:
        return KERNELS[self.kernel]

    @property
    def trained(self) -> tuple[tuple[str, Packing, Step], ...]:
        """(packed array, its packing, its part), in order; arrays of one name lie one behind the other."""
        parts = [part for part in self.parts if part.weights]
        return tuple((*use, part) for use, part in zip(self.record.weights, parts, strict=True))

    def part(self, op: str, nth: int = 0) -> Step | None:
        """The nth part that is such an operation; negative counts from the end."""
        found = [part for part in self.parts if part.op == op]
        return found[nth] if -len(found) <= nth < len(found) else None


class Tile(NamedTuple):
    """What a kernel works on at a time, in the fields of a program's step; 0 where it has no choice.

    Attributes
    ----------
    rows : int
        Output rows; output channels of kernels on planes.
    chunk : int
        Expanded channels; input channels of kernels that skip zero weights.
    """

    rows: int = 0
    chunk: int = 0


def window_fields(step: PlanStep) -> dict[str, int]:
    """The window of a depthwise convolution, or else of a dense one."""
    part = step.part("depthwise") or step.part("conv")
    if part is None:
        return {"k": 1, "stride": 1, "pad": 0}
    return {"k": part.weights["kernel"][1], "stride": part.attrs["stride"], "pad": part.attrs["pad"][0]}


def expand_fields(step: PlanStep) -> dict[str, int]:
    """The same, and what the first convolution makes with a window of its own."""
    expand = step.parts[0]
    rows, columns, channels = expand.out.shape
    return window_fields(step) | {
        "mid": channels,
        "mid_h": rows,
        "mid_w": columns,
        "expand_k": expand.weights["kernel"][1],
        "expand_stride": expand.attrs.get("stride", 1),
        "expand_pad": expand.attrs.get("pad", (0, 0))[0],
    }


def mean_fields(step: PlanStep) -> dict[str, int]:
    """How many columns the sums are of."""
    return window_fields(step) | {"mid_w": step.parts[0].inputs[0].shape[1]}


# Tiles: as few rows as keep the register tiles full, so that the window of expanded rows stays in the cache with all
# channels.


def no_tile(step: PlanStep) -> Tile:
    return Tile()


def window_tile(step: PlanStep) -> Tile:
    rows, columns, _ = image_shape(step.out.shape)
    return Tile(min(rows, max(4, 64 // columns)))


def expand_depthwise_tile(step: PlanStep) -> Tile:
    rows, _, channels = image_shape(step.out.shape)
    expanded, chunk = padded_channels(channels), 2 * PANEL if rows > 16 else PANEL
    return Tile(2, chunk if expanded > chunk and expanded % PANEL == 0 else expanded)


def bottleneck_tile(step: PlanStep) -> Tile:
    rows = step.out.shape[0]
    expanded = padded_channels(step.parts[0].out.shape[2])
    if expanded * (step.input.shape[2] + step.out.shape[2]) > _CACHED and expanded % (2 * PANEL) == 0:
        return Tile(min(rows, 16), 2 * PANEL)  # weights come from afar: each of them once
    return Tile(min(rows, 4), expanded)


def _sparse_inputs(step: PlanStep) -> int:
    """Input channels at a time: their planes stay in the L1 cache."""
    rows, columns, inputs = step.input.shape
    chunks = -(-inputs // (160 if rows * columns <= 64 else 80))
    return -(-inputs // chunks)


def sparse_tile(step: PlanStep) -> Tile:
    return Tile(step.out.shape[2], _sparse_inputs(step))


def grouped_sparse_tile(step: PlanStep) -> Tile:
    rows, columns, _ = step.input.shape
    planes = _PLANES // tensor_size((rows, columns, 1), True)[1] // 2 * 2
    return Tile(min(step.out.shape[2], max(_FEWEST_PLANES, planes)), _sparse_inputs(step))


@dataclass(frozen=True)
class Kernel:
    """What a plan must know of a kernel.

    Attributes
    ----------
    ops : tuple of str
        Tape operations that it does on its own.
    planar : str or None
        The result lies in planes; the kernel of interleaved tensors whose place it takes.
    weights : tuple of (str, Packing)
        The trained parts' packed arrays in the order of the parts: field of the program's step, and how it is packed.
    binary16 : tuple of str
        Packed arrays that it also takes as binary16.
    tile : function
        What it works on at a time.
    unit : str
        What a tile's `rows` count.
    fields : function
        The fields of the program's step that describe windows and what lies between two parts.
    fixed : bool
        Its activations are part of what it is, rather than flags of a step.
    """

    ops: tuple[str, ...] = ()
    planar: str | None = None
    weights: tuple[tuple[str, Packing], ...] = ()
    binary16: tuple[str, ...] = ()
    tile: Callable[[PlanStep], Tile] = no_tile
    unit: str = "rows"
    fields: Callable[[PlanStep], Mapping[str, int]] = window_fields
    fixed: bool = False


KERNELS: dict[str, Kernel] = {
    "conv": Kernel(ops=("conv",), weights=(("project", dense),), binary16=("project",)),
    "pointwise": Kernel(ops=("pointwise", "gated"), weights=(("project", dense),), binary16=("project",)),
    "depthwise": Kernel(ops=("depthwise",), weights=(("depthwise", window),), tile=window_tile),
    "separable": Kernel(weights=(("depthwise", window), ("project", dense)), binary16=("project",), tile=window_tile),
    "bottleneck": Kernel(
        weights=(("expand", dense), ("depthwise", window), ("project", dense)),
        binary16=("expand", "project"),
        tile=bottleneck_tile,
        fields=expand_fields,
    ),
    "expand_depthwise": Kernel(
        weights=(("expand", dense), ("depthwise", window)),
        binary16=("expand",),
        tile=expand_depthwise_tile,
        fields=expand_fields,
    ),
    "few_channel_separable": Kernel(weights=(("depthwise", window), ("project", dense))),
    "few_channel_stem": Kernel(
        weights=(("expand", dense), ("depthwise", window), ("project", dense)), fields=expand_fields
    ),
    "mask_head": Kernel(weights=4 * (("depthwise", window), ("depthwise", dense)) + (("project", dense),), fixed=True),
    "planar_stem": Kernel(planar="conv", weights=(("project", dense),)),
    "planar_pointwise": Kernel(planar="pointwise", weights=(("project", sparse),), tile=sparse_tile, unit="outputs"),
    "planar_expand_depthwise": Kernel(
        planar="expand_depthwise",
        weights=(("expand", grouped_sparse), ("depthwise", window)),
        tile=grouped_sparse_tile,
        unit="outputs",
        fields=expand_fields,
    ),
    "planar_depthwise": Kernel(planar="depthwise", weights=(("depthwise", window),)),
    "planar_upsample": Kernel(planar="upsample"),
    "planar_depth_to_space": Kernel(),
    "add": Kernel(ops=("add",)),
    "upsample": Kernel(ops=("upsample",)),
    "enlarge": Kernel(ops=("enlarge",)),
    "max_pool": Kernel(ops=("max_pool",)),
    "average_pool": Kernel(ops=("average_pool",)),
    "row_sums": Kernel(),
    "mean": Kernel(fields=mean_fields),
    "depth_to_space": Kernel(ops=("depth_to_space",)),
    "copy": Kernel(ops=("pad_channels",)),
    "logistic": Kernel(ops=("logistic",)),
}
