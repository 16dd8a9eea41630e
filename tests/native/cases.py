"""Write cases for check.c: programs of whole networks and calls of the stages, with the results of plain NumPy."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from refpose.engine import load_network
from refpose.engine.plan import Plan, link
from refpose.engine.rules import RULES
from refpose.networks import ops
from refpose.stages import filters, heatmaps, jpeg, landmarks, libm, raster, rounded, segmentation, warp
from refpose.stages.roi import Roi, Square

NETWORKS = ("detector", "lite", "full", "heavy")
Array = np.ndarray[Any, np.dtype[np.float32]]
FUNCTIONS = ("expf", "sinf", "cosf", "atan2f")


def write(path: Path, kind: str, *arrays: Any) -> None:
    """Write one case; lists are whole numbers."""
    with path.open("wb") as file:
        file.write(kind.encode().ljust(32, b"\0"))
        for array in arrays:
            data = np.asarray(array, np.int64 if isinstance(array, list) else None).tobytes()
            file.write(np.int64(len(data)).tobytes() + data + bytes(-len(data) % 8))


def random_input(shape: tuple[int, ...], seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Something like a picture: patches of 16 x 16 pixels with noise on them, in 0..1."""
    rng = np.random.default_rng(seed)
    patches = rng.random((shape[0] // 16, shape[1] // 16, shape[2]), np.float32)
    noise = rng.random(shape, np.float32)
    return (0.8 * patches.repeat(16, 0).repeat(16, 1) + 0.2 * noise).astype(np.float32)


def network_cases(folder: Path, names: Sequence[str]) -> None:
    """Every network with all rules and with none, against the reference engine."""
    for name in names:
        network = load_network(name, "reference")
        x = random_input(network.input_shape, seed=1)
        expected = network(x)
        for rules in (tuple(RULES), ()):
            plan = Plan.of(network.tape, network.weights, rules)
            label = "all_rules" if rules else "no_rules"
            sizes = [abs(size) for size in plan.sizes()]
            program = (*link(plan, network.weights), sizes, x, *expected.values())
            write(folder / f"{name}_{label}.case", "program", *program)
        if "heatmap" in expected:
            tape, _ = network.tape.without_last("heatmap")
            plan = Plan.of(tape, network.weights)
            expected["heatmap"] = dict(network.trace(x))["decoder/stage64/add"]
            sizes = [abs(size) for size in plan.sizes()]
            program = (*link(plan, network.weights), sizes, x, *expected.values())
            write(folder / f"{name}_without_last.case", "program", *program)


def stage_cases(folder: Path) -> None:
    """Calls of the stages with random arguments."""
    rng = np.random.default_rng(2)
    bits = rng.integers(0, 2**32, 100_000, dtype=np.uint32).view(np.float32)
    x = np.concatenate([rng.standard_normal(100_000).astype(np.float32) * np.float32(40), bits[np.isfinite(bits)]])
    angles = rng.uniform(-3.15, 3.15, 50_000).astype(np.float32)
    points = rng.standard_normal((50_000, 2)).astype(np.float32) * np.float32(100)
    points[:25_000] = np.round(points[:25_000])
    for prefix, functions in (("", libm), ("rounded_", rounded)):
        for name, argument in (("expf", x), ("sinf", angles), ("cosf", angles)):
            write(folder / f"{prefix}{name}.case", prefix + name, argument, getattr(functions, name)(argument))
        write(folder / f"{prefix}atan2f.case", f"{prefix}atan2f", points, functions.atan2f(points[:, 0], points[:, 1]))
    image = rng.integers(0, 256, (91, 163, 3), dtype=np.uint8)
    for number, (size, border) in enumerate(
        [(256, "constant"), (224, "replicate"), (65, "constant"), (1, "replicate")]
    ):
        corners = rng.uniform(-20, 160, (4, 2)).astype(np.float32).astype(np.float64)
        matrix = warp.crop_matrix([(float(px), float(py)) for px, py in corners], size)
        write(folder / f"crop_matrix{number}.case", "crop_matrix", corners, [size], np.array(matrix))
        scale, offset = np.float32(2 / 255), np.float32(-1)
        for fused in (False, True):
            expected = warp.warp_f32(image, matrix, size, border, scale, offset, fused)  # type: ignore[arg-type]
            sizes = [*image.shape[:2], size, int(border == "replicate"), int(fused)]
            arguments = (image, sizes, np.array(matrix), np.array((scale, offset)))
            write(folder / f"warp{number}_{fused}.case", "warp", *arguments, expected)
        mask = rng.random((64, 64), np.float32)
        for kind, expf in (("probability", libm.expf), ("rounded_probability", rounded.expf)):
            logits = np.log(mask) * 10 + 20
            write(folder / f"{kind}{number}.case", kind, logits, segmentation.probability(logits, expf))
        affine = tuple(rng.uniform(-1, 1, 6) * (0.5, 0.5, 64, 0.5, 0.5, 64))
        expected = warp.warp_mask(mask, affine, 163, 91)
        write(folder / f"warp_mask{number}.case", "warp_mask", mask, [64, 163, 91], np.array(affine), expected)
        position = rng.uniform(-0.1, 1.1, (39, 3)).astype(np.float32)
        window = (1, 7, 9, 129)[number]
        for depth in (0, 20):
            heatmap, values = heatmap_of(rng, depth)
            for kind, expf in (("refine", libm.expf), ("rounded_refine", rounded.expf)):
                refined = landmarks.refine(position, heatmap, window, expf)
                sizes = [39, window, *heatmap.shape, depth]
                write(folder / f"{kind}{number}_{depth}.case", kind, position, sizes, *values, refined)


def heatmap_of(rng: np.random.Generator, depth: int) -> tuple[Array, tuple[Array, Array]]:
    """A heat map, and how it is handed over: as it is, or before a last layer of this depth with its weights."""
    if depth == 0:
        heatmap = (rng.standard_normal((64, 64, 39)) * 3 - 2).astype(np.float32)
        return heatmap, (heatmap, np.zeros(1, np.float32))
    x, kernel = (rng.standard_normal(shape).astype(np.float32) for shape in ((64, 64, depth), (39, depth)))
    bias = rng.uniform(-3, 0, 39).astype(np.float32)
    return ops.conv(x, kernel.reshape(39, 1, 1, depth), bias), (x, np.append(kernel, bias))


def landmark_cases(folder: Path) -> None:
    """From a network's landmarks to smooth ones on the image."""
    rng = np.random.default_rng(5)
    for number, (window, depth) in enumerate(((7, 0), (9, 0), (7, 48), (9, 33))):
        heatmap, values = heatmap_of(rng, depth)
        rows = (rng.uniform(-0.1, 1.1, (35, 5)) * 256).astype(np.float32)
        square = Square(*np.float32([9, 9, 5, 5]), 0.0, tuple(rng.uniform(0, 1e-7, 4).astype(np.float32)))
        region = rng.uniform(0.1, 0.9, 5).astype(np.float32)
        roi = Roi(*map(float, region))
        cos, sin = libm.cosf(region[4:])[0], libm.sinf(region[4:])[0]
        found = landmarks.on_image(rows, heatmap, window, square, roi, cos, sin)
        numbers = np.array([landmarks.INPUT_SIZE, *square.letterbox, *region[:4], cos, sin], np.float32)
        results = np.concatenate([np.ravel(array) for array in found])
        write(
            folder / f"landmarks{number}.case",
            "landmarks",
            rows,
            [35, window, *heatmap.shape, depth],
            *values,
            numbers,
            results,
        )
        speeds = (rng.standard_normal(105) * 100).astype(np.float32)
        states, limits = (rng.standard_normal((3, 105)).astype(np.float32).astype(np.float64) for _ in range(2))
        smooth, after = filters.one_euro(speeds, states, np.abs(limits), 30.0003, 0.00123)
        results = np.frombuffer(after.tobytes() + smooth.tobytes(), np.uint8)
        scales = np.array([30.0003, 0.00123])
        write(folder / f"one_euro{number}.case", "one_euro", speeds, states, np.abs(limits), scales, results)


def heatmap_cases(folder: Path) -> None:
    """Before and after networks that end in heat maps."""
    rng = np.random.default_rng(6)
    for number, (height, width, side) in enumerate([(91, 163, 64), (300, 40, 96), (1, 1, 8), (20, 30, 64)]):
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        expected = heatmaps.network_input(image, side, number % 2 == 0)
        limits = np.array([image.min(), image.max()]) * (1 / 255)
        both = [(*axis[:-1], np.array(axis.blur)) for axis in heatmaps.axes(height, width, side)]
        arrays = (image, [height, width, side], limits, heatmaps.normalisation(number % 2 == 0), *both[0], *both[1])
        write(folder / f"network_input{number}.case", "network_input", *arrays, expected)
        heatmap = rng.standard_normal((side, side, 16)).astype(np.float32)
        at, value = heatmaps.find_peaks(heatmap, number % 2 == 0)
        blur = np.array(heatmaps.gaussian(heatmaps.SMOOTHING)[: 5 if number % 2 == 0 else 0])
        results = np.concatenate([at.astype(np.int32), value.view(np.int32)])
        write(folder / f"find_peaks{number}.case", "find_peaks", heatmap, [*heatmap.shape], blur, results)


def drawing_cases(folder: Path) -> None:
    """Lines and circles on a picture and around it."""
    rng = np.random.default_rng(4)
    for number, reach in enumerate((20, 1000, 2**30)):
        ends = rng.integers(-reach, 100 + reach, (200, 4)).astype(np.int32)
        ends[::2, :2] = rng.integers(0, 60, (100, 2))
        circles = np.column_stack([ends[:, :2], rng.integers(0, min(reach, 400), 200)]).astype(np.int32)
        colors = rng.integers(0, 256, (200, 3), dtype=np.uint8)
        for kind, draw, shapes, least in (
            ("draw_lines", raster.draw_lines, ends, 1),
            ("draw_circles", raster.draw_circles, circles, -1),
        ):
            thickness = rng.integers(least, 9, 200).astype(np.int32)
            picture = np.zeros((60, 90, 3), np.uint8)
            draw(picture, shapes, colors, thickness)
            write(folder / f"{kind}{number}.case", kind, shapes, [200, 60, 90], colors, thickness, picture)


def jpeg_cases(folder: Path) -> None:
    """The recorded files that are taken."""
    recorded = json.loads((Path(__file__).parents[1] / "recorded" / "jpeg.json").read_text())
    for name, one in recorded.items():
        data = base64.b64decode(one["file"])
        for tolerant, version in enumerate(("0.10.21", "1.2.3")):
            if "sha256" in one[version]:
                expected = jpeg.decode_jpeg(data, bool(tolerant), 2**20)
                write(
                    folder / f"jpeg_{name}_{tolerant}.case", "jpeg", np.frombuffer(data, np.uint8), [tolerant], expected
                )


def write_all(folder: Path, networks: Sequence[str] = NETWORKS) -> list[Path]:
    """Write all cases and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    stage_cases(folder)
    landmark_cases(folder)
    heatmap_cases(folder)
    drawing_cases(folder)
    jpeg_cases(folder)
    network_cases(folder, networks)
    return sorted(folder.glob("*.case"))
