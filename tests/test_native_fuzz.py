"""Random programs, buffers and arguments for the Cython boundary: a clear error or a result, never a crash.

The seed is printed with a failure and can be set by REFPOSE_FUZZ_SEED; REFPOSE_FUZZ_ROUNDS makes the search longer. A
crash would end the test run, so the search is a process of its own. ``make sanitize`` runs it under AddressSanitizer.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_kernels import BINARY16, activations

from refpose.engine.kernels import KERNELS

native = pytest.importorskip("refpose.engine._native", reason="the native engine was not built")

ROUNDS = int(os.environ.get("REFPOSE_FUZZ_ROUNDS", "3000"))
SEED = int(os.environ.get("REFPOSE_FUZZ_SEED", "1"))
ERRORS = (ValueError, TypeError, OverflowError, MemoryError, IndexError, AttributeError)
WEIGHTS = 40_000  # enough for any of the small steps below
SPACE = 20_000

ODD = (-(2**31), -65, -1, 0, 1, 2, 3, 5, 7, 8, 15, 16, 17, 48, 63, 64, 65, 8192, 8193, 2**31 - 1)
ODD_WIDE = (*ODD, -(2**63), 2**63 - 1, 2**62, 2**32, SPACE, WEIGHTS, SPACE - 16)


def plausible_step(rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """A step that some kernel could accept: small tensors, matching sizes, all weights at hand."""
    step = np.zeros(1, native.STEP)
    kernels = list(native.kernels())
    kernel = kernels[rng.integers(len(kernels))]
    h, w, c, out_c = (int(n) for n in rng.integers(1, 20, 4))
    k, stride = int(rng.choice([3, 5])), int(rng.integers(1, 3))
    pad = int(rng.integers(0, k))
    row = step[0]
    row["kernel"] = kernels.index(kernel)
    row["k"], row["stride"], row["pad"] = k, stride, pad
    row["rows"], row["chunk"] = rng.integers(1, 6), 16 * rng.integers(1, 4)
    row["expand_k"], row["expand_stride"] = 1, 1
    out_h, out_w = ((n + stride - 1) // stride for n in (h, w))
    if kernel == "pointwise":
        row["k"], row["stride"], row["pad"], out_h, out_w = 1, 1, 0, h, w
    elif kernel in ("bottleneck", "expand_depthwise"):
        row["mid"], row["mid_h"], row["mid_w"] = rng.integers(1, 50), h, w
        out_c = int(row["mid"]) if kernel == "expand_depthwise" else out_c
    elif kernel.startswith("few_channel"):
        k, stride, pad, c, w, out_c = 3, 1, 1, 8 * int(rng.integers(1, 4)), 32, 8
        row["k"], row["stride"], row["pad"], row["flags"] = k, stride, pad, native.RELU6_DEPTHWISE
        out_h, out_w = h, w
        if kernel == "few_channel_stem":
            row["mid"], row["mid_h"], row["mid_w"] = 24, h, w
            row["expand_k"], row["expand_stride"], row["expand_pad"] = 3, 2, int(rng.integers(0, 2))
            row["flags"] |= native.RELU6_EXPAND
            h, w, c = 2 * h, 2 * w, 3
    elif kernel == "mask_head":
        c, w, h, out_c = 8, 32, max(h, 2) // 2 + 1, 1
        out_h, out_w = 4 * h, 4 * w
    elif kernel in ("upsample", "enlarge", "depth_to_space"):
        out_h, out_w, out_c = 2 * h, 2 * w, c
        c = 4 * c if kernel == "depth_to_space" else c
    elif kernel in ("max_pool", "average_pool"):
        out_h, out_w, h, w, out_c = h, w, 2 * h, 2 * w, c
    elif kernel == "mean":
        out_h = out_w = 1
        out_c = c
    elif kernel not in ("conv", "separable"):
        out_c = c
    if kernel in ("add", "copy", "logistic"):
        out_h, out_w = h, w

    def tensor(space: int, rows: int, columns: int, channels: int) -> tuple[int, ...]:
        ld = -(-channels // 16) * 16 if rng.random() < 0.8 and channels != 3 else channels
        return (space, rows, columns, channels, int(rng.integers(0, 64)) if space == 0 else 0, ld)

    row["in"] = tensor(int(rng.integers(0, 2)), h, w, c)
    row["out"] = tensor(int(rng.choice([0, 2])), out_h, out_w, out_c)
    for name in ("add", "gate", "sums"):
        row[name]["space"] = -1
    if kernel == "mask_head":
        row["add"] = tensor(0, 2 * h, 2 * w, c)
    elif kernel == "add" or (rng.random() < 0.3 and kernel in ("pointwise", "separable", "bottleneck", "upsample")):
        row["add"] = tensor(0, out_h, out_w, out_c)
    if rng.random() < 0.05:
        row["flags"] = rng.integers(0, 4096)
    elif not kernel.startswith("few_channel") and not KERNELS[kernel].fixed:
        places = {array for array, _ in KERNELS[kernel].weights}
        row["flags"] = activations(rng, *sorted(places), residual=row["add"]["space"] >= 0)
        for array in KERNELS[kernel].binary16:
            row["flags"] |= BINARY16[array] * int(rng.integers(2))
    if kernel == "pointwise" and rng.random() < 0.3:
        row["gate"] = tensor(0, 1, 1, c)
    for name in ("expand", "depthwise", "project"):
        row[name] = rng.integers(0, 8)
    return step


def spoil(rng: np.random.Generator, step: np.ndarray[Any, Any]) -> None:
    """Put odd numbers into a few fields."""
    for _ in range(int(rng.choice([0, 0, 1, 2, 4]))):
        field, name = step[0], str(rng.choice(native.STEP.names))
        if native.STEP[name].names:
            field, name = field[name], str(rng.choice(native.STEP[name].names))
        dtype = field.dtype[name]
        odd = ODD_WIDE if dtype.itemsize == 8 else ODD
        near = int(field[name]) + int(rng.integers(-2, 3))
        info = np.iinfo(dtype)
        field[name] = odd[rng.integers(len(odd))] if rng.random() < 0.5 else np.clip(near, info.min, info.max)


def random_buffer(rng: np.random.Generator, size: int) -> Any:
    """Mostly what fits; NaN and infinities inside."""
    array = (rng.standard_normal(size) * 10.0 ** rng.integers(-3, 6)).astype(np.float32)
    array[rng.integers(0, max(size, 1), 5) % max(size, 1)] = rng.choice([np.nan, np.inf, -np.inf, 0, 3e38, 1e-45], 5)
    choice = rng.integers(0, 60)
    wrong = {0: array[::2], 1: array.astype(np.float64), 2: array[:-1], 3: None, 4: array.tolist(), 5: array[None][:0]}
    return wrong.get(int(choice), array)


def fuzz_program(rng: np.random.Generator) -> bool:
    """Make a program of one or two steps and run it; whether it was accepted."""
    steps = np.concatenate([plausible_step(rng) for _ in range(rng.integers(1, 3))])
    for i in range(len(steps)):
        spoil(rng, steps[i : i + 1])
    weights = rng.standard_normal(WEIGHTS).astype(np.float32)
    sizes = (SPACE, SPACE, -SPACE)
    program = native.Program(steps, weights, sizes, str(rng.choice(native.isas())), int(rng.integers(1, 5)))
    program.run(random_buffer(rng, SPACE), random_buffer(rng, SPACE))
    return True


def odd_number(rng: np.random.Generator) -> Any:
    return rng.choice([0.0, 1.0, -1.0, 0.5, 255.9, 1e-30, 1e30, -1e300, np.inf, -np.inf, np.nan, rng.standard_normal()])


def fuzz_stage(rng: np.random.Generator) -> bool:
    """Call one of the stages with random arguments."""
    stages = native.Stages(str(rng.choice(native.isas())))
    matrix = tuple(
        odd_number(rng) if rng.random() < 0.2 else rng.standard_normal() for _ in range(int(rng.choice([9, 9, 6, 8])))
    )
    match int(rng.integers(0, 6)):
        case 0:
            stages.expf(random_buffer(rng, int(rng.integers(0, 100))))
        case 1:
            shape = (*rng.integers(0, 30, 2), int(rng.choice([3, 3, 3, 4])))
            image = rng.integers(0, 256, shape, dtype=np.uint8)
            border = str(rng.choice(["replicate", "constant"]))
            stages.warp_f32(image, matrix, int(rng.integers(-1, 90)), border, odd_number(rng), odd_number(rng))
        case 2:
            side = int(rng.integers(0, 20))
            stages.warp_mask(random_buffer(rng, side * side), matrix, *(int(n) for n in rng.integers(-1, 90, 2)))
        case 3:
            side = int(rng.integers(0, 20))
            mask = rng.random((side, side), np.float32)
            stages.warp_mask(mask, matrix, *(int(n) for n in rng.integers(-1, 90, 2)))
        case 4:
            rows, columns, channels = (int(n) for n in rng.integers(1, 20, 3))
            heatmap = random_buffer(rng, rows * columns * channels)
            heatmap = heatmap.reshape(rows, columns, channels) if isinstance(heatmap, np.ndarray) else heatmap
            position = rng.uniform(-1, 2, (int(rng.integers(0, 25)), 3)).astype(np.float32)
            position.ravel()[: rng.integers(0, 3)] = odd_number(rng)
            stages.refine(position, heatmap, int(rng.choice([1, 7, 9, 0, -5, 2**31 - 1, 2**40])))
        case _:
            corners = [(odd_number(rng), rng.standard_normal()) for _ in range(int(rng.choice([4, 4, 4, 3, 5, 9])))]
            native.crop_matrix(corners, int(rng.integers(-1, 300)))
            x = odd_number(rng)
            native.sinf(x), native.cosf(x), native.atan2f(x, odd_number(rng))
    return True


def search(seed: int, rounds: int) -> None:
    accepted = {fuzz_program: 0, fuzz_stage: 0}
    with np.errstate(all="ignore"):
        for number in range(rounds):
            for fuzz in accepted:
                try:
                    accepted[fuzz] += fuzz(np.random.default_rng((seed, number)))
                except ERRORS:
                    pass
                except BaseException:
                    sys.stderr.write(f"{fuzz.__name__}: seed {seed}, round {number}\n")
                    raise
    sys.stdout.write(" ".join(map(str, accepted.values())))


def test_never_a_crash() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "ignore", __file__],
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parent,
    )
    assert done.returncode == 0, f"seed {SEED}: exit code {done.returncode}\n{done.stderr}"
    programs, stages = map(int, done.stdout.split())
    assert programs > ROUNDS / 10  # otherwise it is only the checks that are tried
    assert stages > ROUNDS / 3


if __name__ == "__main__":
    search(SEED, ROUNDS)
