"""Where the tensors of a plan lie: one arena, laid out by lifetime.

Tensors that live at the same time get different places; reshaping and concatenating cost nothing, because their
operands are written where the result will be. How values lie in a tensor is drawn in src_c/layout.h.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..networks.tape import Tape, Val
from .kernels import PlanStep
from .layout import LANES, image_shape, padded_size, tensor_size
from .rules import Steps, copy

# Operations after which no kernel writes beyond the channels of its result.
_KEEP_TO_THEIR_CHANNELS = ("pointwise", "gated", "add", "concat")


class Place(NamedTuple):
    """Where a value lies: `space` 0 is the arena, 1 the input, 2... the outputs; `at` and `ld` count values.

    Value (y, x, c) of an (h, w, c) tensor is at ``at + (y*w + x)*ld + c``; in planes, whose rows are w + 2 wide, at
    ``at + c*ld + padding + y*(w + 2) + x``.
    """

    space: int
    at: int
    shape: tuple[int, int, int]
    ld: int

    @property
    def size(self) -> int:
        return self.shape[0] * self.shape[1] * self.ld


class View(NamedTuple):
    """A value that is written into another one, `at` values behind its beginning."""

    root: Val
    at: int
    strided: bool = False  # channels of each pixel of `root`, rather than all of its values from there on


VIEWS = ("reshape", "concat")


def views_of(tape: Tape) -> tuple[dict[int, View], dict[int, list[PlanStep]]]:
    """Values that are written into another one, by index; and copies, by index of the concatenation that needs them.

    Channels are put together by whatever writes them. What is part of two concatenations, or not written by a kernel
    that keeps to its channels, is copied.
    """
    views: dict[int, View] = {}
    copies: dict[int, list[PlanStep]] = {}
    makers = {step.out.index: step.op for step in tape.steps}
    outputs = {val.index for val in tape.outputs.values()}
    for step in reversed(tape.steps):
        if step.op not in VIEWS:
            continue
        whole = views.get(step.out.index, View(step.out, 0))
        strided, at = step.attrs.get("axis") == 2, whole.at
        for val in step.inputs:
            view = View(whole.root, at, strided)
            at += val.shape[2] if strided else val.size
            if strided and (
                val.index in views.keys() | outputs or makers.get(val.index) not in _KEEP_TO_THEIR_CHANNELS
            ):
                part = Val(-1 - len(views), val.shape)
                copies.setdefault(step.out.index, []).append(copy(val, part))
                val = part
            views[val.index] = view
    return views, copies


def lay_out(tape: Tape, steps: Steps, views: Mapping[int, View]) -> tuple[dict[int, Place], int]:
    """The place of every value that a step reads or writes, and the size of the arena.

    Largest first, each as low as the tensors allow that live at the same time and were placed before.
    """
    places = {tape.input.index: Place(1, 0, image_shape(tape.input.shape), tape.input.shape[-1])}
    outputs = {val.index: 2 + i for i, val in enumerate(tape.outputs.values())}
    in_planes = {step.out.index for step in steps if step.record.planar}
    lives: dict[int, tuple[int, int]] = {}
    sizes: dict[int, int] = {}
    for i, step in enumerate(steps):
        for val in (*step.inputs, *step.outs):
            root = views[val.index].root if val.index in views else val
            if root.index in outputs or root.index == tape.input.index:
                continue
            dense = val.index in views and not views[val.index].strided
            size = root.size if dense else tensor_size(image_shape(root.shape), root.index in in_planes)[0]
            sizes[root.index] = max(sizes.get(root.index, 0), padded_size(size))
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
            shape = image_shape(val.shape)
            view = views.get(val.index, View(val, 0))
            dense = (val.index in views and not view.strided) or view.root.index in outputs
            whole = image_shape(view.root.shape) if view.strided else shape
            ld = whole[2] if dense else tensor_size(whole, val.index in in_planes)[1]
            index = view.root.index
            places[val.index] = Place(outputs.get(index, 0), offsets.get(index, 0) + view.at, shape, ld)
    # The last pixel of strided channels is read in whole vectors too.
    behind = LANES * any(view.strided for view in views.values())
    return places, max((offsets[root] + sizes[root] for root in offsets), default=LANES) + behind
