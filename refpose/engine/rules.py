"""The named rules that join neighbouring steps of a plan which one kernel can do together.

A rule is a function from steps to steps. A joined step remembers the tape steps it is composed of: its meaning.
"""

from __future__ import annotations

from collections.abc import Callable

from ..networks.tape import Step, Val
from .kernels import KERNELS, PlanStep
from .layout import FEW_CHANNELS, MASK_HEAD_CHANNELS, padded_channels

Steps = list[PlanStep]


# Kernel of a tape operation on its own.
_ALONE = {op: name for name, kernel in KERNELS.items() for op in kernel.ops}

# Planar kernels, by the kernel whose place they take.
_PLANAR = {kernel.planar: name for name, kernel in KERNELS.items() if kernel.planar}

# Values that are not on the tape have negative numbers: parts of concatenations from -1 down, sums of rows below this.
_SUMS = 1_000_000

# Activations that are more than a clamp.
_ACTIVATIONS = ("sigmoid", "swish", "eswish")

# What one residual block is made of, where neither stride nor channels change.
_BLAZE_BLOCK = ["depthwise", "pointwise", "add"]


def alone(step: Step) -> Steps:
    """A tape step without any rule."""
    if step.op == "mean":
        rows, _, channels = step.inputs[0].shape
        sums = Val(-_SUMS - step.out.index, (rows, 1, 2 * padded_channels(channels)))
        return [PlanStep("row_sums", (), step.inputs[0], sums), PlanStep("mean", (step,), sums, step.out)]
    residual = step.inputs[1] if step.op == "add" else None
    gate = step.inputs[1] if step.op == "gated" else None
    return [PlanStep(_ALONE[step.op], (step,), step.inputs[0], step.out, residual, gate)]


def copy(val: Val, to: Val) -> PlanStep:
    """What puts a value into its place in a concatenation, where nothing else does."""
    return PlanStep("copy", (), val, to)


def mask_head(steps: Steps) -> Steps:
    """The eight-channel end of the segmentation path: two enlargements, each followed by two residual separable blocks,
    and a convolution to one channel. Planar and row by row, nothing of it exists as a whole.
    """
    ops = ["upsample", "add", *2 * _BLAZE_BLOCK, "upsample", *2 * _BLAZE_BLOCK, "conv"]
    for i in range(len(steps) - len(ops) + 1):
        some = steps[i : i + len(ops)]
        parts = tuple(part for step in some for part in step.parts)
        if [part.op for part in parts] != ops or parts[-1].weights["kernel"] != (1, 3, 3, MASK_HEAD_CHANNELS):
            continue
        fine = next(val for val in some[1].inputs if val != some[0].out)
        return [*steps[:i], PlanStep("mask_head", parts, some[0].input, some[-1].out, fine), *steps[i + len(ops) :]]
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


def few_channels(steps: Steps) -> Steps:
    """Separable blocks with no more than eight outputs, and the stem's block: vectors of columns, since so few channels
    do not fill any.
    """
    return [step._replace(kernel=_few_channel_kernel(step)) for step in steps]


def _few_channel_kernel(step: PlanStep) -> str:
    """The kernel for a step: that which it has, where its channels are not few."""
    conv, depthwise, pointwise = step.part("conv"), step.part("depthwise"), step.part("pointwise", -1)
    if depthwise is None or pointwise is None or pointwise.attrs["act"] in _ACTIVATIONS:
        return step.kernel
    (_, columns, channels), outputs = depthwise.out.shape, pointwise.out.shape[2]
    plain = depthwise.weights["kernel"][1] == 3 and depthwise.attrs["stride"] == 1 and depthwise.attrs["act"] == "relu6"
    if not plain or columns % 32 or channels % 8 or outputs % 8 or max(channels, outputs) > FEW_CHANNELS:
        return step.kernel
    if step.kernel == "separable" and outputs == 8 and step.residual in (None, step.input):
        return "few_channel_separable"
    if step.kernel == "bottleneck" and step.residual is None and conv is not None:
        halved = step.input.shape[:2] == (2 * conv.out.shape[0], 2 * conv.out.shape[1])
        stem = halved and conv.weights["kernel"][1:] == (3, 3, 3) and conv.attrs["act"] == "relu6"
        if stem and channels % 24 == 0 and outputs <= 16:
            return "few_channel_stem"
    return step.kernel


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
            result[makers[0]] = before._replace(sums=step.out)
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
    known: set[int] = set()  # values that lie in planes
    result: Steps = []
    for step in steps:
        kernel = step.kernel
        if step.input.index in known:
            if step.residual is not None and step.residual.index not in known:
                return steps
            if kernel not in ("depth_to_space", "pointwise", "depthwise", "upsample"):
                return steps
            kernel = _PLANAR.get(kernel, "planar_depth_to_space")
        elif kernel == "conv" and not known:
            kernel = _PLANAR[kernel]
        if KERNELS[kernel].planar:
            known.add(step.out.index)
        result.append(step._replace(kernel=kernel))
    return result


def planar_expand(steps: Steps) -> Steps:
    """Pointwise (expand), depthwise on planes, some channels at a time: the expanded planes stay in the cache."""
    return _join(steps, "planar_pointwise", "planar_depthwise", _behind("planar_expand_depthwise"))


def split_for_threads(steps: Steps) -> Steps:
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
        mask_head,
        pool_pad,
        resize_add,
        pointwise_add,
        sparse,
        planar_expand,
        separable,
        bottleneck,
        stem_block,
        few_channels,
        expand_depthwise,
        split_for_threads,
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
        return then._replace(kernel=kernel, input=first.input)

    return combine


def _with_residual(first: PlanStep, then: PlanStep) -> PlanStep | None:
    if first.residual is not None or then.residual is None or first.out not in then.inputs:
        return None
    if first.parts[-1].attrs.get("act") in _ACTIVATIONS:  # kernels apply these last
        return None
    other = then.input if then.residual == first.out else then.residual
    return then._replace(kernel=first.kernel, input=first.input, residual=other, gate=first.gate)


def _join(steps: Steps, first: str, then: str, combine: Callable[[PlanStep, PlanStep], PlanStep | None]) -> Steps:
    """Join every step of kernel `first` with the only user of its result where that is of kernel `then`.

    `combine` gets both and makes the joined step (whose parts are filled in here), or None where they do not fit. The
    joined step takes the place of the later one.
    """
    users: dict[int, int] = {}
    for step in steps:
        for val in step.inputs:
            users[val.index] = users.get(val.index, 0) + 1
    made: dict[int, PlanStep] = {}  # by the index of what they make
    for step in steps:
        joined = None
        if step.kernel == then:
            for index in sorted(val.index for val in step.inputs):
                earlier = made.get(index)
                if earlier is not None and earlier.kernel == first and users[index] == 1:
                    joined = combine(earlier, step)
                    if joined is not None:
                        del made[index]
                        joined = joined._replace(parts=earlier.parts + step.parts)
                        break
        made[step.out.index] = joined or step
    return list(made.values())
