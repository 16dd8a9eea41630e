"""Parameters and FLOPs of EfficientPose as its paper counts them (arXiv 2004.12186, table 1), from our definitions.

The paper's numbers are those of the authors' TensorFlow graph without the two auxiliary heads: every stored value
counts as a parameter, batch norm's four vectors and the fixed kernels of the upsampling included; FLOPs are what
TensorFlow's profiler calls float operations: two per multiply-add of convolutions (the transposed ones dense), one per
value of a multiplication, an addition or a bias, one per input value of a mean; batch norm, sigmoid and concatenation
are free.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..networks import record
from ..networks.efficientpose import KEYPOINTS, VARIANTS
from ..networks.tape import Step, Tape

# Name, parameters and FLOPs in the paper's precision; OpenPose is what the paper compares itself with.
PUBLISHED = {
    "efficientpose-rt": ("0.46M", "0.87G"),
    "efficientpose-i": ("0.72M", "1.67G"),
    "efficientpose-ii": ("1.73M", "7.70G"),
    "efficientpose-iii": ("3.23M", "23.35G"),
    "efficientpose-iv": ("6.56M", "72.89G"),
    "efficientpose-rt-lite": ("0.40M", "0.86G"),
    "efficientpose-i-lite": ("0.59M", "1.54G"),
    "efficientpose-ii-lite": ("1.46M", "7.25G"),
}
OPENPOSE = (25_940_000, 160_360_000_000)

# Multiplications of the activations in TensorFlow's graph: x*sigmoid(x), and that times 1.25.
_PRODUCTS = {None: 0, "relu6": 0, "sigmoid": 0, "swish": 1, "eswish": 2}
_DECONVOLUTION = 4 * 4 * KEYPOINTS * KEYPOINTS


def counted(network: str) -> Tape:
    """The part of a network that the paper counts."""
    return record(network).pruned(("heatmap",))


def parameters(tape: Tape) -> int:
    """Stored values of the authors' graph for this tape."""
    return sum(_parameters(step) for step in tape.steps)


def float_operations(tape: Tape) -> int:
    """Float operations of the authors' graph for this tape."""
    lite = VARIANTS[tape.name].lite
    return sum(_float_operations(step, lite) for step in tape.steps)


def lines() -> Iterator[str]:
    """The table as text."""
    columns = f"{'network':24}{'parameters':>14}{'paper':>9}{'FLOPs':>18}{'paper':>10}"
    yield f"{columns}{'OpenPose: parameters':>23}{'FLOPs':>9}"
    for network, (published_parameters, published_flops) in PUBLISHED.items():
        tape = counted(network)
        stored, flops = parameters(tape), float_operations(tape)
        yield (
            f"{network:24}{stored:14,}{published_parameters:>9}{flops:18,}{published_flops:>10}"
            f"{OPENPOSE[0] / stored:22.1f}x{OPENPOSE[1] / flops:8.1f}x"
        )
    yield f"{'OpenPose':24}{'':14}{OPENPOSE[0] / 1e6:8.2f}M{'':18}{OPENPOSE[1] / 1e9:9.2f}G"


def has_batch_norm(step: Step) -> bool:
    """Whether the authors' graph has a batch norm here instead of a bias: all but heads and squeeze-and-excitation."""
    return step.name.rpartition("/")[2] in ("stem", "expand", "depthwise", "project")


def _parameters(step: Step) -> int:
    if step.op == "enlarge":
        return _DECONVOLUTION + KEYPOINTS
    vectors = 3 * step.out.shape[2] if has_batch_norm(step) else 0  # gamma, mean and variance besides beta
    return step.parameters + vectors


def _float_operations(step: Step, lite: bool) -> int:
    if step.op == "enlarge":
        return 2 * _DECONVOLUTION * step.inputs[0].size // KEYPOINTS + step.out.size
    if step.op in ("mean", "average_pool"):
        return step.inputs[0].size
    if step.op == "add":
        return 0 if lite else step.out.size  # the LITE graphs add by AddV2, which the profiler does not know
    gates = step.inputs[0].size if step.op == "gated" else 0
    biases = 0 if has_batch_norm(step) or not step.weights else step.out.size
    return 2 * step.macs + biases + gates + _PRODUCTS[step.attrs.get("act")] * step.out.size
