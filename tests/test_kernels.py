"""Every kernel of the table against its plain twin: random shapes, canaries around the results, NaN where reading is
allowed but must not matter.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from refpose.engine import layout, packing
from refpose.engine.kernels import KERNELS

native = pytest.importorskip("refpose.engine._native")

Array = NDArray[np.float32]
FAST = [isa for isa in native.isas() if isa != "ref"]
CANARY = np.float32(-12345.678)
SEED = 20240607


FEW_CHANNELS = {"k": 3, "stride": 1, "pad": 1}  # the window of blocks of few channels


@dataclass
class Tensor:
    """A tensor in a buffer of its own: `values` (h, w, c), as the kernels see it with NaN in its padding."""

    values: Array
    planar: bool = False
    ld: int = 0
    buffer: Array = field(init=False)

    def __post_init__(self) -> None:
        h, w, c = self.values.shape
        if self.planar:
            self.ld = layout.plane_padding(w) + layout.padded_size(h * (w + 2)) + 16
            self.buffer = np.zeros(c * self.ld + layout.plane_padding(w) + layout.END_PADDING, np.float32)
        else:
            self.ld = self.ld or layout.padded_channels(c) + 16 * (c % 3)
            self.buffer = np.full(h * w * self.ld, np.nan, np.float32)
        self.view[...] = self.values

    @property
    def view(self) -> Array:
        """The values (h, w, c) in the buffer."""
        h, w, c = self.values.shape
        strides = (w + 2, 1, self.ld) if self.planar else (w * self.ld, self.ld, 1)
        start = self.buffer[layout.plane_padding(w) if self.planar else 0 :]
        return np.lib.stride_tricks.as_strided(start, (h, w, c), [4 * n for n in strides])

    def place(self, space: int) -> tuple[int, ...]:
        return (space, *self.values.shape, 0, self.ld)


@dataclass
class Case:
    """One call of one kernel."""

    kernel: str
    tensors: dict[str, Tensor]
    fields: dict[str, int] = field(default_factory=dict)
    packed: dict[str, Array] = field(default_factory=dict)

    def run(self, isa: str, threads: int = 1) -> dict[str, NDArray[Any]]:
        """The results (h, w, c); the buffers around them must be what the kernel's contract says."""
        row = np.zeros(1, native.STEP)
        row["kernel"] = list(native.kernels()).index(self.kernel)
        row["k"], row["stride"], row["expand_k"], row["expand_stride"] = 1, 1, 1, 1
        for name, value in self.fields.items():
            row[name] = value
        row["add"]["space"] = row["gate"]["space"] = row["sums"]["space"] = -1
        weights, size = [], 0
        for name, block in self.packed.items():
            row[name] = size
            weights.append(np.pad(block, (0, -len(block) % 16)))
            size += len(weights[-1])
        sizes, buffers = [16], {}
        for space, (name, tensor) in enumerate(self.tensors.items(), start=1):
            row[name] = tensor.place(space)
            if name == "add" and tensor is self.tensors["in"]:  # the same place
                row[name] = row["in"]
            written = name in ("out", "sums")
            buffer = np.full(tensor.buffer.size + 64, CANARY, np.float32)
            buffer[32:-32] = np.nan if written else tensor.buffer
            buffers[name] = buffer
            sizes.append(-tensor.buffer.size if written else tensor.buffer.size)
        packed = np.concatenate(weights) if weights else np.zeros(16, np.float32)
        program = native.Program(row, packed, tuple(sizes), isa, threads)
        program.run(*(buffer[32:-32] for buffer in buffers.values()))
        for buffer in buffers.values():
            assert (buffer[:32] == CANARY).all(), "written before a tensor"
            assert (buffer[-32:] == CANARY).all(), "written behind a tensor"
        return {name: self.result(name, buffers[name][32:-32]) for name in ("out", "sums") if name in buffers}

    def result(self, name: str, buffer: Array) -> NDArray[Any]:
        """The values of a tensor that was written to this buffer."""
        tensor = self.tensors[name]
        written = Tensor(tensor.values, tensor.planar, tensor.ld)
        written.buffer = buffer
        found = written.view.copy()
        if tensor.planar:
            written.view[...] = 0
            used = found.shape[2] * tensor.ld + layout.plane_padding(found.shape[1])
            assert not buffer[:used].any(), "something beside the images is not zero"
        if name == "sums" or self.kernel == "row_sums":  # of the channels that there are
            return found.view(np.float64)[..., : self.tensors["out" if name == "sums" else "in"].values.shape[2]]
        return found


def values(rng: np.random.Generator, *shape: int) -> Array:
    return rng.standard_normal(shape).astype(np.float32) * np.float32(2)


def weights(rng: np.random.Generator, *shape: int, density: float = 1.0) -> Array:
    """binary16 values, as the networks have them; `density` of them are not zero."""
    some = rng.standard_normal(shape) * 0.5 * (rng.random(shape) < density)
    return some.astype(np.float16).astype(np.float32)


def narrowed(rng: np.random.Generator, case: Case) -> Case:
    """Some of the weights as binary16, where the kernel takes them so."""
    for array in KERNELS[case.kernel].binary16:
        if rng.random() < 0.5 and "gate" not in case.tensors:
            case.packed[array] = case.packed[array].astype(np.float16).view(np.float32)
            case.fields["flags"] |= BINARY16[array]
    return case


def pointwise_case(rng: np.random.Generator) -> Case:
    h, w, inputs, outputs = (int(rng.integers(1, top)) for top in (9, 12, 70, 150))
    tensors = {"in": Tensor(values(rng, h, w, inputs)), "out": Tensor(values(rng, h, w, outputs))}
    if rng.random() < 0.5:
        tensors["add"] = Tensor(values(rng, h, w, outputs))
    else:
        tensors["out"] = Tensor(values(rng, h, w, outputs), ld=outputs + int(rng.integers(0, 3)))
    packed = packing.pack_pointwise(weights(rng, outputs, 1, 1, inputs), weights(rng, outputs))
    if rng.random() < 0.4:
        tensors["gate"] = Tensor(values(rng, 1, 1, inputs))
    flags = activations(rng, "project", residual="add" in tensors)
    return narrowed(rng, Case("pointwise", tensors, {"flags": flags}, {"project": packed}))


CLAMPS = {"project": native.RELU6, "depthwise": native.RELU6_DEPTHWISE, "expand": native.RELU6_EXPAND}
BINARY16 = {"project": native.BINARY16, "expand": native.BINARY16_EXPAND}
OTHERS = {"project": native.ACT, "depthwise": native.ACT_DEPTHWISE, "expand": native.ACT_EXPAND}


def activations(rng: np.random.Generator, *places: str, residual: bool = False) -> int:
    """Flags for a clamp, another activation or none at each of these places of a step, which has one other at most."""
    other = str(rng.choice(list(native.ACTIVATIONS)))
    flags = native.RELU6_SUM if residual and rng.random() < 0.5 else 0
    for place in places:
        choice = int(rng.integers(3))
        if choice == 1:
            flags |= CLAMPS[place]
        elif (
            choice == 2 and not (place == "project" and residual) and not (place == "depthwise" and other == "sigmoid")
        ):
            flags |= OTHERS[place] | native.ACTIVATIONS[other]
    return flags


def clamps(rng: np.random.Generator, *flags: int) -> int:
    """Some of these flags."""
    return sum(flag for flag in flags if rng.random() < 0.5)


def sums_of(rng: np.random.Generator, rows: int, channels: int) -> Tensor:
    """Sums in double of each of these rows: a pair of float32s holds one."""
    return Tensor(rng.standard_normal((rows, 1, layout.padded_channels(channels))).view(np.float32))


def window(rng: np.random.Generator, out: tuple[int, int]) -> tuple[dict[str, int], tuple[int, int]]:
    """A window of 3 or 5 and an input size that gives this output size."""
    k, stride = int(rng.choice([3, 5])), int(rng.choice([1, 2]))
    pad = k // 2 - int(stride == 2 and rng.random() < 0.3)
    return {"k": k, "stride": stride, "pad": pad}, (out[0] * stride, out[1] * stride)


def planar_depthwise_case(rng: np.random.Generator) -> Case:
    out = tuple(int(n) for n in rng.integers(1, 40, 2))
    fields, (h, w) = window(rng, (out[0], out[1]))
    fields["pad"] = fields["k"] // 2
    c = int(rng.integers(1, 40))
    tensors = {"in": Tensor(values(rng, h, w, c), True), "out": Tensor(values(rng, *out, c), True)}
    packed = packing.pack_depthwise(weights(rng, fields["k"], fields["k"], c), weights(rng, c))
    return Case(
        "planar_depthwise", tensors, {**fields, "flags": clamps(rng, native.RELU6_DEPTHWISE)}, {"depthwise": packed}
    )


def planar_pointwise_case(rng: np.random.Generator) -> Case:
    h, w, inputs, outputs = (int(rng.integers(1, top)) for top in (40, 40, 70, 50))
    tensors = {"in": Tensor(values(rng, h, w, inputs), True), "out": Tensor(values(rng, h, w, outputs), True)}
    if rng.random() < 0.5:
        tensors["add"] = Tensor(values(rng, h, w, outputs), True)
    chunk = int(rng.integers(1, inputs + 1))
    kernel = weights(rng, outputs, 1, 1, inputs, density=float(rng.choice([0.0, 0.25, 1.0])))
    packed = packing.pack_sparse(kernel, weights(rng, outputs), chunk, tensors["in"].ld)
    flags = clamps(rng, native.RELU6, native.RELU6_SUM if "add" in tensors else 0)
    return Case("planar_pointwise", tensors, {"chunk": chunk, "flags": flags}, {"project": packed})


def planar_expand_depthwise_case(rng: np.random.Generator) -> Case:
    case = planar_depthwise_case(rng)
    h, w, channels = case.tensors["in"].values.shape
    inputs, group = int(rng.integers(1, 30)), int(rng.integers(1, channels + 1))
    case.kernel, case.tensors["in"] = "planar_expand_depthwise", Tensor(values(rng, h, w, inputs), True)
    chunk = int(rng.integers(1, inputs + 1))
    kernel = weights(rng, channels, 1, 1, inputs, density=0.25)
    case.packed["expand"] = packing.pack_groups(kernel, weights(rng, channels), group, chunk, case.tensors["in"].ld)
    flags = clamps(rng, native.RELU6_EXPAND, native.RELU6_DEPTHWISE)
    case.fields |= {"rows": group, "chunk": chunk, "mid": channels, "flags": flags}
    return case


def planar_upsample_case(rng: np.random.Generator) -> Case:
    h, w, c = (int(rng.integers(1, top)) for top in (20, 40, 9))
    return Case(
        "planar_upsample", {"in": Tensor(values(rng, h, w, c), True), "out": Tensor(values(rng, 2 * h, 2 * w, c), True)}
    )


def planar_depth_to_space_case(rng: np.random.Generator) -> Case:
    h, w, c = (int(rng.integers(1, top)) for top in (20, 40, 30))
    tensors = {"in": Tensor(values(rng, h, w, 4 * c), True), "out": Tensor(values(rng, 2 * h, 2 * w, c))}
    return Case("planar_depth_to_space", tensors)


def planar_stem_case(rng: np.random.Generator) -> Case:
    h, w, n = int(rng.integers(1, 20)), 16 * int(rng.integers(1, 6)), 24 * int(rng.integers(1, 3))
    tensors = {"in": Tensor(values(rng, 2 * h, 2 * w, 3), ld=3), "out": Tensor(values(rng, h, w, n), True)}
    packed = packing.pack_pointwise(weights(rng, n, 3, 3, 3), weights(rng, n))
    fields = {"k": 3, "stride": 2, "pad": int(rng.integers(0, 2)), "flags": native.RELU6}
    return Case("planar_stem", tensors, fields, {"project": packed})


def depthwise_case(rng: np.random.Generator) -> Case:
    return windowed_case(rng, "depthwise")


def separable_case(rng: np.random.Generator) -> Case:
    return windowed_case(rng, "separable")


def bottleneck_case(rng: np.random.Generator) -> Case:
    return windowed_case(rng, "bottleneck")


def expand_depthwise_case(rng: np.random.Generator) -> Case:
    return windowed_case(rng, "expand_depthwise")


def windowed_case(rng: np.random.Generator, kernel: str) -> Case:
    """These have the depthwise convolution in common."""
    out = tuple(int(n) for n in rng.integers(1, 14, 2))
    fields, (h, w) = window(rng, (out[0], out[1]))
    inputs, outputs = int(rng.integers(1, 40)), int(rng.integers(1, 60))
    channels = inputs
    packed: dict[str, Array] = {}
    if kernel in ("bottleneck", "expand_depthwise"):
        channels = int(rng.choice([48, 96, 144])) if rng.random() < 0.5 else int(rng.integers(1, 80))
        lanes = layout.padded_channels(channels)
        fields |= {"mid": channels, "mid_h": h, "mid_w": w}
        fields["chunk"] = 48 if lanes % 48 == 0 and rng.random() < 0.7 else lanes
        if rng.random() < 0.3:
            fields |= {"expand_k": 3, "expand_stride": 2, "expand_pad": 1}
            h, w = 2 * h, 2 * w
        size = fields.get("expand_k", 1)
        packed["expand"] = packing.pack_pointwise(weights(rng, channels, size, size, inputs), weights(rng, channels))
    filters = weights(rng, fields["k"], fields["k"], channels)
    packed["depthwise"] = packing.pack_depthwise(filters, weights(rng, channels))
    if kernel in ("depthwise", "expand_depthwise"):
        outputs = channels
    else:
        packed["project"] = packing.pack_pointwise(weights(rng, outputs, 1, 1, channels), weights(rng, outputs))
    fields["rows"] = int(rng.integers(1, 6))
    tensors = {"in": Tensor(values(rng, h, w, inputs)), "out": Tensor(values(rng, *out, outputs))}
    if kernel in ("separable", "bottleneck") and rng.random() < 0.5:
        tensors["add"] = Tensor(values(rng, *out, outputs))
    fields["flags"] = activations(rng, *packed, residual="add" in tensors)
    if kernel in ("depthwise", "expand_depthwise") and fields["flags"] & native.ACT_DEPTHWISE and rng.random() < 0.7:
        tensors["sums"] = sums_of(rng, out[0], outputs)
    return narrowed(rng, Case(kernel, tensors, fields, packed))


def conv_case(rng: np.random.Generator) -> Case:
    h, w, inputs, outputs = (int(rng.integers(1, top)) for top in (9, 20, 12, 100))
    k, stride = int(rng.integers(1, 6)), int(rng.integers(1, 3))
    tensors = {
        "in": Tensor(values(rng, h * stride, w * stride, inputs), ld=inputs + int(rng.integers(0, 3))),
        "out": Tensor(values(rng, h, w, outputs)),
    }
    packed = packing.pack_pointwise(weights(rng, outputs, k, k, inputs), weights(rng, outputs))
    fields = {"k": k, "stride": stride, "pad": k // 2, "flags": activations(rng, "project")}
    return narrowed(rng, Case("conv", tensors, fields, {"project": packed}))


def mask_head_case(rng: np.random.Generator) -> Case:
    h, w = int(rng.integers(2, 8)), 32 * int(rng.integers(1, 3))
    tensors = {
        "in": Tensor(values(rng, h, w, 8)),
        "add": Tensor(values(rng, 2 * h, 2 * w, 8)),
        "out": Tensor(values(rng, 4 * h, 4 * w, 1), ld=1),
    }
    blocks = [
        block
        for _ in range(4)
        for block in (
            packing.pack_depthwise(weights(rng, 3, 3, 8), weights(rng, 8)),
            packing.pack_pointwise(weights(rng, 8, 1, 1, 8), weights(rng, 8)),
        )
    ]
    project = packing.pack_pointwise(weights(rng, 1, 3, 3, 8), weights(rng, 1))
    return Case("mask_head", tensors, {}, {"depthwise": np.concatenate(blocks), "project": project})


def few_channel_separable_case(rng: np.random.Generator) -> Case:
    h, w = int(rng.integers(1, 10)), 32 * int(rng.integers(1, 4))
    inputs, outputs = 8 * int(rng.integers(1, 7)), 8 * int(rng.integers(1, 4))
    tensors = {"in": Tensor(values(rng, h, w, inputs)), "out": Tensor(values(rng, h, w, outputs))}
    packed = {
        "depthwise": packing.pack_depthwise(weights(rng, 3, 3, inputs), weights(rng, inputs)),
        "project": packing.pack_pointwise(weights(rng, outputs, 1, 1, inputs), weights(rng, outputs)),
    }
    clamp = native.RELU6 if rng.random() < 0.5 else 0
    return Case("few_channel_separable", tensors, {**FEW_CHANNELS, "flags": native.RELU6_DEPTHWISE | clamp}, packed)


def few_channel_residual_case(rng: np.random.Generator) -> Case:
    case = few_channel_separable_case(rng)
    case.tensors["out"] = Tensor(values(rng, *case.tensors["in"].values.shape))
    outputs = case.tensors["out"].values.shape[2]
    case.packed["project"] = packing.pack_pointwise(weights(rng, outputs, 1, 1, outputs), weights(rng, outputs))
    case.tensors["add"] = case.tensors["in"]
    case.fields["flags"] = native.RELU6_DEPTHWISE | (native.RELU6_SUM if rng.random() < 0.5 else 0)
    return case


def few_channel_stem_case(rng: np.random.Generator) -> Case:
    h, w = int(rng.integers(1, 10)), 32 * int(rng.integers(1, 4))
    channels, outputs = 24 * int(rng.integers(1, 3)), 8 * int(rng.integers(1, 4))
    tensors = {"in": Tensor(values(rng, 2 * h, 2 * w, 3), ld=3), "out": Tensor(values(rng, h, w, outputs))}
    packed = {
        "expand": packing.pack_pointwise(weights(rng, channels, 3, 3, 3), weights(rng, channels)),
        "depthwise": packing.pack_depthwise(weights(rng, 3, 3, channels), weights(rng, channels)),
        "project": packing.pack_pointwise(weights(rng, outputs, 1, 1, channels), weights(rng, outputs)),
    }
    expand = {"mid": channels, "mid_h": h, "mid_w": w, "expand_k": 3, "expand_stride": 2}
    clamps = native.RELU6_EXPAND | native.RELU6_DEPTHWISE | (native.RELU6 if rng.random() < 0.5 else 0)
    fields = {**FEW_CHANNELS, **expand, "expand_pad": int(rng.integers(0, 2)), "flags": clamps}
    return Case("few_channel_stem", tensors, fields, packed)


def elementwise_case(rng: np.random.Generator) -> Case:
    """What moves, adds or resizes values: no weights."""
    kernel = str(
        rng.choice(["add", "upsample", "enlarge", "max_pool", "average_pool", "depth_to_space", "copy", "logistic"])
    )
    h, w, c = (int(rng.integers(1, top)) for top in (9, 20, 70))
    shape, out = (h, w, c), (h, w, c)
    if kernel in ("upsample", "enlarge"):
        out = (2 * h, 2 * w, c)
    elif kernel in ("max_pool", "average_pool"):
        shape, out = (2 * h, 2 * w, c), (h, w, c + int(rng.integers(0, 20)) * (kernel == "max_pool"))
    elif kernel == "depth_to_space":
        shape, out = (h, w, 4 * c), (2 * h, 2 * w, c)
    elif kernel == "copy":
        out = (h, w, c + int(rng.integers(0, 20)))
    tensors = {"in": Tensor(values(rng, *shape)), "out": Tensor(values(rng, *out))}
    if kernel == "add" or (kernel == "upsample" and rng.random() < 0.5):
        tensors["add"] = Tensor(values(rng, *out))
    return Case(kernel, tensors, {"flags": clamps(rng, native.RELU6_SUM if "add" in tensors else 0)})


def sums_case(rng: np.random.Generator) -> Case:
    h, w, c = int(rng.integers(1, 9)), int(rng.integers(1, 20)), int(rng.integers(1, 60))
    if rng.random() < 0.5:
        return Case("row_sums", {"in": Tensor(values(rng, h, w, c)), "out": sums_of(rng, h, c)})
    return Case("mean", {"in": sums_of(rng, h, c), "out": Tensor(values(rng, 1, 1, c))}, {"mid_w": w})


CASES: tuple[Callable[[np.random.Generator], Case], ...] = (
    pointwise_case,
    conv_case,
    depthwise_case,
    separable_case,
    bottleneck_case,
    expand_depthwise_case,
    few_channel_separable_case,
    few_channel_residual_case,
    few_channel_stem_case,
    mask_head_case,
    elementwise_case,
    sums_case,
    planar_stem_case,
    planar_pointwise_case,
    planar_depthwise_case,
    planar_expand_depthwise_case,
    planar_upsample_case,
    planar_depth_to_space_case,
)


NUMBERS = range(50)  # of the cases that each maker makes


def cases() -> Iterator[Case]:
    return (make(np.random.default_rng([SEED, number])) for make in CASES for number in NUMBERS)


def test_every_row_of_the_table_has_cases() -> None:
    assert {case.kernel for case in cases()} == set(native.kernels())


def test_every_row_of_the_table_says_what_it_computes_and_has_a_record() -> None:
    assert all(native.kernels().values())
    assert native.kernels().keys() == KERNELS.keys()


def test_every_activation_is_drawn_at_every_place() -> None:
    drawn: dict[str, set[tuple[str, str]]] = {}
    for case in cases():
        flags = case.fields.get("flags", 0)
        for place in CLAMPS:
            if flags & CLAMPS[place]:
                drawn.setdefault(case.kernel, set()).add((place, "relu6"))
            if flags & OTHERS[place]:
                name = next(name for name, code in native.ACTIVATIONS.items() if code == flags & 3 << 8)
                drawn.setdefault(case.kernel, set()).add((place, name))
    for kernel in ("conv", "pointwise", "separable", "bottleneck", "depthwise", "expand_depthwise"):
        places = [array for array, _ in KERNELS[kernel].weights]
        every = {(place, name) for place in places for name in ("relu6", *native.ACTIVATIONS)}
        assert drawn[kernel] == every - {("depthwise", "sigmoid")}, kernel
    assert any("gate" in case.tensors for case in cases())
    assert {case.kernel for case in cases() if "sums" in case.tensors} == {"depthwise", "expand_depthwise"}


@pytest.mark.parametrize("isa", FAST)
@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__.removesuffix("_case"))
def test_fast_kernels_give_the_bits_of_the_plain_ones(make: Callable[[np.random.Generator], Case], isa: str) -> None:
    for number in NUMBERS:
        case = make(np.random.default_rng([SEED, number]))
        expected = case.run("ref")
        for threads in (1, 3):
            for name, found in case.run(isa, threads).items():
                assert np.array_equal(found, expected[name], equal_nan=True), describe(
                    case, number, found, expected[name]
                )


def describe(case: Case, number: int, found: NDArray[Any], expected: NDArray[Any]) -> str:
    shapes: dict[str, Any] = {name: tensor.values.shape for name, tensor in case.tensors.items()}
    wrong = np.argwhere(found != expected)
    return f"case {number} of seed {SEED}: {case.kernel} {shapes} {case.fields}: {len(wrong)} wrong, first {wrong[:3]}"


@pytest.mark.parametrize("kernel", native.kernels())
def test_no_kernel_takes_what_it_does_not_do(kernel: str) -> None:
    """Flags and tensors beyond its own are refused, rather than done by the plain kernel and not by the fast one."""
    case = next(case for case in cases() if case.kernel == kernel)
    case.run("ref")
    known = sum({**CLAMPS, **{place + "'": flag for place, flag in OTHERS.items()}}.values()) | native.RELU6_SUM
    known |= sum(BINARY16[array] for array in KERNELS[kernel].binary16)
    for bit in range(31):
        if not known >> bit & 1 and bit not in (8, 9):
            wrong = dataclasses.replace(case, fields=case.fields | {"flags": 1 << bit})
            with pytest.raises(ValueError, match="activation out of range"):
                wrong.run("ref")
    for name in {"gate", "sums"} - case.tensors.keys():
        if (name, kernel) not in (("gate", "pointwise"), ("sums", "depthwise"), ("sums", "expand_depthwise")):
            tensor = Tensor(np.zeros((1, 1, case.tensors["in"].values.shape[2]), np.float32))
            with pytest.raises(ValueError, match=r"(gate tensor|row sums|tensors) out of range"):
                dataclasses.replace(case, tensors=case.tensors | {name: tensor}).run("ref")


@pytest.mark.parametrize("isa", native.isas())
def test_every_binary16_is_widened_as_numpy_widens_it(isa: str) -> None:
    """Subnormals, infinities and NaN too: weights times one, and zero is added."""
    numbers = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(-1, 4096)
    case = pointwise_case(np.random.default_rng(SEED))
    case.tensors = {
        "in": Tensor(np.ones((1, 1, 1), np.float32)),
        "out": Tensor(np.zeros((1, 1, 4096), np.float32)),
    }
    case.fields["flags"] = native.BINARY16
    for some in numbers:
        packed = packing.pack_pointwise(some.reshape(-1, 1, 1, 1), np.zeros(4096, np.float16))
        case.packed["project"] = packed.view(np.float32)
        assert np.array_equal(case.run(isa)["out"].ravel(), some.astype(np.float32), equal_nan=True)


def test_gates_are_for_weights_of_float32() -> None:
    case = next(case for case in cases() if "gate" in case.tensors)
    case.fields["flags"] |= native.BINARY16
    with pytest.raises(ValueError, match="gate tensor out of range"):
        case.run("ref")
