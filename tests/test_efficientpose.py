"""EfficientPose's networks: their sizes, their operations, their maps against recorded ones, every engine's bits."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from efficientpose_data import (
    IMAGES,
    OUTPUTS,
    TRAINED,
    converted,
    file,
    model_file,
    needs_files,
    network_name,
    random_input,
    random_weights,
    recorded,
    write_weights,
)
from golden_data import exact_engines
from numpy.typing import NDArray
from tolerances import EFFICIENTPOSE_FLOAT64, EFFICIENTPOSE_KERAS, EFFICIENTPOSE_LITERT, EFFICIENTPOSE_SYNTHETIC

from refpose.cli import main
from refpose.engine import blas, load_network, native_isa, resolve
from refpose.engine.plan import Plan, compile_plan
from refpose.engine.rules import RULES
from refpose.networks import efficientpose, ops, record
from refpose.networks.tape import Tape
from refpose.networks.weights import Weights
from refpose.stages import heatmaps
from refpose.study import paper_table

NATIVE = resolve("auto") == "native"

# Parameters and float operations of the inference graph, as published.
PUBLISHED = {
    "efficientpose-rt": (460_284, 874_983_634),
    "efficientpose-i": (719_736, 1_674_751_628),
    "efficientpose-ii": (1_732_944, 7_704_204_884),
    "efficientpose-iii": (3_229_772, 23_350_009_912),
    "efficientpose-iv": (6_560_938, 72_892_316_660),
    "efficientpose-rt-lite": (404_608, 857_545_472),
    "efficientpose-i-lite": (591_632, 1_537_261_568),
    "efficientpose-ii-lite": (1_464_960, 7_248_129_472),
}
# The same with the auxiliary heads, and what an engine needs: batch norm folded, the fixed enlargement not stored.
WITH_HEADS = {"rt": 465_608, "i": 726_116, "ii": 1_740_380, "iii": 3_238_264, "iv": 6_571_542}
LEAN = {"rt": 429_540, "i": 681_120, "ii": 1_666_392, "iii": 3_127_700, "iv": 6_398_098}


@pytest.mark.parametrize("network", PUBLISHED)
def test_parameters_and_operations_are_the_published_ones(network: str) -> None:
    tape = paper_table.counted(network)
    assert (paper_table.parameters(tape), paper_table.float_operations(tape)) == PUBLISHED[network]


@pytest.mark.parametrize("size", WITH_HEADS)
def test_parameters_with_heads_and_folded(size: str) -> None:
    name = f"efficientpose-{size}"
    assert paper_table.parameters(record(name)) == WITH_HEADS[size]
    assert paper_table.counted(name).parameters == LEAN[size]


def test_the_table_of_the_paper(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "efficientpose", "--table"]) == 0
    table = capsys.readouterr().out
    for numbers in PUBLISHED.values():
        assert all(f"{number:,}" in table for number in numbers)
    assert "25.94M" in table
    assert "160.36G" in table


@pytest.mark.parametrize("arguments", [["efficientpose"], ["lite", "--table"]])
def test_the_table_is_of_the_family(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["inspect", *arguments])


@pytest.mark.parametrize(
    ("channels", "width", "expected"),
    [(32, 1.1, 32), (40, 1.1, 48), (24, 1.4, 32), (40, 1.2, 48), (16, 1.4, 24), (3, 1, 8)],
)
def test_rounding_of_channels(channels: int, width: float, expected: int) -> None:
    assert efficientpose.scaled_channels(channels, width) == expected


@pytest.mark.parametrize("network", efficientpose.NETWORKS)
def test_shapes(network: str) -> None:
    tape = record(network)
    side = tape.input.shape[0]
    shapes = {name: val.shape for name, val in tape.outputs.items()}
    assert shapes["heatmap"] == (side, side, 16)
    assert shapes["coarse"] == (side // 8, side // 8, 16)
    assert ("fields" in shapes) != network.endswith("lite")


def test_auxiliary_heads_are_pruned() -> None:
    names = {step.name for step in record("efficientpose-i").pruned(("heatmap",)).steps}
    assert not names & {"fields", "early"}
    assert "pass1/dense0/block0/expand" in names


# Operations ------------------------------------------------------------------------------------------------------


def test_activations_are_close_to_their_formulas() -> None:
    x = np.concatenate([np.linspace(-100, 100, 20_001), [0.0, -0.0, 1e-30, -1e-30, 1e30, -87.5]]).astype(np.float32)
    sigmoid = 1 / (1 + np.exp(-x.astype(np.float64).clip(-700, 700)))
    inside = np.abs(x) < 80
    assert np.abs(ops.sigmoid(x) - sigmoid).max() < 2e-7
    for function, factor in ((ops.swish, 1.0), (ops.eswish, 1.25)):
        expected = factor * x * sigmoid
        assert (np.abs(function(x) - expected) <= 4e-7 * np.abs(expected) + 4e-8 * np.abs(x))[inside].all()
    assert ops.sigmoid(np.float32([0]))[0] == 0.5
    assert np.isnan(ops.swish(np.float32([np.nan]))).all()


def test_mean_is_taken_in_double() -> None:
    x = np.full((64, 64, 3), 16_777_216, np.float32)
    x[0, 0] = 1
    assert ops.mean(x).shape == (1, 1, 3)
    assert ops.mean(x)[0, 0, 0] == np.float32((16_777_216.0 * 4095 + 1) / 4096)


def test_enlarging_is_the_transposed_convolution() -> None:
    x = np.random.default_rng(3).standard_normal((5, 7, 16)).astype(np.float32)
    kernel = efficientpose.enlarging_kernel().astype(np.float64)
    dense = np.zeros((12, 16, 16))
    for y in range(5):
        for column in range(7):
            dense[2 * y : 2 * y + 4, 2 * column : 2 * column + 4] += np.einsum("hwoi,i->hwo", kernel, x[y, column])
    assert np.abs(ops.enlarge(x) - dense[1:-1, 1:-1]).max() < 1e-6


def test_gate_and_pool() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((6, 4, 5)).astype(np.float32)
    gate, kernel = rng.random((1, 1, 5), np.float32), rng.standard_normal((3, 1, 1, 5)).astype(np.float32)
    bias = np.zeros(3, np.float32)
    expected = np.einsum("hwi,oi->hwo", (x * gate).astype(np.float64), kernel[:, 0, 0].astype(np.float64))
    assert np.abs(ops.gated(x, gate, kernel, bias) - expected).max() < 1e-5
    assert np.abs(blas.gated(x, gate, kernel, bias) - expected).max() < 1e-5
    assert np.allclose(ops.average_pool(x), x.reshape(3, 2, 2, 2, 5).mean(axis=(1, 3)), atol=1e-6)


# Engines ---------------------------------------------------------------------------------------------------------


def small(name: str, network: Any, side: int) -> Tape:
    """The network for a smaller picture: every layer, less work."""
    return Tape.record(name, network, (side, side, 3))


@cache
def small_case(name: str) -> tuple[Tape, Weights, NDArray[np.float32], dict[str, Any]]:
    network, _ = efficientpose.NETWORKS[name]
    side = 32 if name == "efficientpose-iv" else 48
    tape = small(name, network, side)
    weights, x = Weights(name, random_weights(tape), {}), random_input(side)
    return tape, weights, x, tape.run(ops.FUNCTIONS, weights, x)


@pytest.mark.parametrize("name", efficientpose.NETWORKS)
def test_numpy_engine_is_close_to_the_reference(name: str) -> None:
    tape, weights, x, expected = small_case(name)
    for output, value in tape.run(blas.FUNCTIONS, weights, x).items():
        assert np.abs(value - expected[output]).max() < 1e-4 * np.abs(expected[output]).max(), output


@pytest.mark.skipif(not NATIVE, reason="no native engine here")
@pytest.mark.parametrize("rules", [tuple(RULES), ()], ids=["rules", "plain"])
@pytest.mark.parametrize("name", efficientpose.NETWORKS)
def test_native_engine_has_the_bits_of_the_reference(name: str, rules: tuple[str, ...]) -> None:
    """Every instruction set, the plain twins and several threads, with all rules of the plan and with none."""
    from refpose.engine import _native

    tape, weights, x, expected = small_case(name)
    for isa in _native.isas():
        for threads in (1, 3):
            found = {output: np.empty_like(value) for output, value in expected.items()}
            compile_plan(Plan.of(tape, weights, rules), weights, isa, threads).run(x, *found.values())
            for output, value in found.items():
                assert np.array_equal(value, expected[output]), f"{isa}, {threads} threads: {output}"


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_keeps_the_meaning(rule: str) -> None:
    tape, weights, x, _ = small_case("efficientpose-ii")
    plan = Plan.of(tape, weights, (rule,))
    found, expected = (run(blas.FUNCTIONS, weights, x) for run in (plan.run, tape.run))
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


@pytest.mark.skipif(not NATIVE, reason="no native engine here")
def test_only_what_is_asked_for(tmp_path: Path) -> None:
    name = "efficientpose-rt"
    path = write_weights(tmp_path, name, random_weights(record(name)))
    network = load_network(name, "native", 2, path)
    x = random_input(224)
    everything = network(x)
    assert set(everything) == {"heatmap", "coarse", "fields", "early"}
    for output, value in everything.items():
        assert np.array_equal(network(x, [output])[output], value)
    assert native_isa() != "ref" or "REFPOSE_ISA" in os.environ


# Recorded maps ---------------------------------------------------------------------------------------------------


def engines(model: str) -> list[str]:
    exact = exact_engines()
    return ["numpy", *(exact if model == "RT" else exact[1:])]


@needs_files
@pytest.mark.parametrize(("model", "engine"), [(model, engine) for model in TRAINED for engine in engines(model)])
def test_maps_against_float64_and_litert(model: str, engine: str, tmp_path: Path) -> None:
    pytest.importorskip("tflite")
    name, weights = network_name(model), converted(model_file(model))
    network = load_network(name, engine, 1, write_weights(tmp_path, name, dict(weights.stored)))
    for image in IMAGES if engine == "native" else IMAGES[:1]:
        truth = recorded(model, image)
        found = network(truth["input_f32"])
        for output, key in OUTPUTS.items():
            if f"f64/{key}" in truth:
                assert np.abs(found[output] - truth[f"f64/{key}"]).max() <= EFFICIENTPOSE_FLOAT64, (image, output)
            if key in truth:
                assert np.abs(found[output] - truth[key]).max() <= EFFICIENTPOSE_LITERT[model], (image, output)
        enlarged = found["coarse"]
        for _ in range(3):
            enlarged = ops.enlarge(enlarged)
        assert np.array_equal(found["heatmap"], enlarged)


@needs_files
@pytest.mark.parametrize("model", ["RT", "I"])
def test_maps_with_the_weights_of_keras_files(model: str) -> None:
    weights, tape = converted(model_file(model, "h5")), record(network_name(model))
    for image in IMAGES:
        truth = recorded(model, image)
        found = tape.run(blas.FUNCTIONS, weights, truth["input_f32"])
        for output, key in OUTPUTS.items():
            assert np.abs(found[output] - truth[f"keras/{key}"]).max() <= EFFICIENTPOSE_KERAS, (image, output)


@needs_files
@pytest.mark.parametrize("model", ["III", "IV"])
@pytest.mark.parametrize("engine", exact_engines()[1:])
def test_sizes_without_trained_weights(model: str, engine: str, tmp_path: Path) -> None:
    name = network_name(model)
    weights = converted(file("synthetic", f"EfficientPose{model}_synthetic.h5"))
    network = load_network(name, engine, 1, write_weights(tmp_path, name, dict(weights.stored)))
    with h5py.File(file("synthetic", f"EfficientPose{model}_synthetic_golden.h5"), "r") as h5:
        x = heatmaps.normalisation(False)[h5["input_u8"][()], np.arange(3)]
        found = network(x, ["coarse"])["coarse"]
        assert np.abs(found - h5["f64/pass3_detection2_confs"][()]).max() <= EFFICIENTPOSE_SYNTHETIC[model]
