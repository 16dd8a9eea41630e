"""Plans: every rule keeps the bits, tensors that live at the same time share no memory, the text is stable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from refpose import engine
from refpose.engine import layout
from refpose.engine.packing import pack_depthwise, pack_pointwise, pack_sparse
from refpose.engine.plan import Plan, compile_plan
from refpose.engine.rules import RULES
from refpose.networks import ops, record, weights

NETWORKS = ("detector", "lite", "full", "heavy")
# Made anew by `refpose inspect NETWORK --plan > tests/plans/NETWORK.txt` when plans are meant to change.
PLANS = Path(__file__).parent / "plans"


def plan_of(name: str, rules: tuple[str, ...] = tuple(RULES), threads: int = 1) -> Plan:
    return Plan.of(record(name), weights.load(name), rules, threads)


def picture(name: str) -> NDArray[np.float32]:
    """Something the network can make little of, but that depends on every weight."""
    return np.random.default_rng(7).random(record(name).input.shape, np.float32)


def run(plan: Plan, x: NDArray[np.float32], threads: int = 1) -> dict[str, NDArray[np.float32]]:
    program = compile_plan(plan, weights.load(plan.tape.name), engine.native_isa(), threads)
    found = {name: np.empty(val.shape, np.float32) for name, val in plan.tape.outputs.items()}
    program.run(x, *found.values())
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_text_is_that_of_the_snapshot(name: str) -> None:
    assert plan_of(name).describe() == (PLANS / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", ["detector", "lite"])
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_keeps_the_bits(name: str, rule: str) -> None:
    pytest.importorskip("refpose.engine._native")
    threads = 2 if rule == "split_for_threads" else 1
    without = plan_of(name, tuple(other for other in RULES if other != rule), threads)
    x = picture(name)
    expected = run(plan_of(name, threads=threads), x, threads)
    for output, value in run(without, x, threads).items():
        assert np.array_equal(value, expected[output]), output


@pytest.mark.parametrize("name", ["detector", "lite"])
def test_no_rules_keep_the_bits(name: str) -> None:
    pytest.importorskip("refpose.engine._native")
    x = picture(name)
    expected = run(plan_of(name), x)
    for output, value in run(plan_of(name, ()), x).items():
        assert np.array_equal(value, expected[output]), output


@pytest.mark.parametrize("name", ["detector", "lite"])
def test_a_plan_runs_on_numpy(name: str) -> None:
    plan, loaded, x = plan_of(name), weights.load(name), picture(name)
    expected = plan.tape.run(ops.FUNCTIONS, loaded, x)
    for output, value in plan.run(ops.FUNCTIONS, loaded, x).items():
        assert np.array_equal(value, expected[output]), output


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("rules", [tuple(RULES), ()], ids=["all rules", "no rules"])
def test_memory_of_what_lives_is_never_shared(name: str, rules: tuple[str, ...]) -> None:
    plan = plan_of(name, rules)
    last_use = {val.index: i for i, step in enumerate(plan.steps) for val in step.inputs}
    alive: dict[int, tuple[int, int]] = {}
    most = 0
    for i, step in enumerate(plan.steps):
        place = plan.places[step.out.index]
        if place.space == 0:
            rows, columns, channels = place.shape
            size = channels * place.ld if step.record.planar else rows * columns * place.ld
            begin, end = place.at, place.at + size
            assert end <= plan.arena
            for other, (low, high) in alive.items():
                assert end <= low or high <= begin, f"{step.parts[-1].name} lies on value {other}"
            alive[step.out.index] = begin, end
        most = max(most, sum(high - low for low, high in alive.values()))
        alive = {index: where for index, where in alive.items() if last_use.get(index, i) > i}
    assert plan.arena <= 1.3 * most


@pytest.mark.parametrize("name", NETWORKS)
def test_unasked_outputs_are_not_computed(name: str) -> None:
    tape = record(name)
    first = next(iter(tape.outputs))
    pruned = Plan.of(tape.pruned((first,)), weights.load(name))
    assert sum(part.macs for step in pruned.steps for part in step.parts) < tape.macs
    assert set(pruned.tape.outputs) == {first}


@pytest.mark.parametrize("outputs", [1, 16, 17, 48, 64, 65, 112, 128, 195])
def test_pointwise_panels_hold_every_weight_once(outputs: int) -> None:
    rng = np.random.default_rng(outputs)
    kernel = rng.random((outputs, 1, 1, 5), np.float32)
    bias = rng.random(outputs, np.float32)
    packed = pack_pointwise(kernel, bias)
    found = [packed[6 * n :][: 6 * width].reshape(6, width) for n, width in layout.panels(outputs)]
    matrix = np.concatenate(found, axis=1)
    assert matrix.shape == (6, -(-outputs // layout.LANES) * layout.LANES)
    assert np.array_equal(matrix[0, :outputs], bias)
    assert np.array_equal(matrix[1:, :outputs], kernel.reshape(outputs, 5).T)
    assert not matrix[:, outputs:].any()


def test_depthwise_taps_go_down_the_columns() -> None:
    kernel = np.arange(9 * 20, dtype=np.float32).reshape(3, 3, 20)
    packed = pack_depthwise(kernel, np.full(20, -1, np.float32)).reshape(2, 10, 16)
    assert np.array_equal(packed[1, :, 2], [-1, *kernel[:, 0, 18], *kernel[:, 1, 18], *kernel[:, 2, 18]])


def test_sparse_stream_names_the_weights_that_are_not_zero() -> None:
    kernel = np.zeros((2, 1, 1, 6), np.float32)
    kernel[0, 0, 0, [1, 4]] = 2, 3
    kernel[1, 0, 0, 5] = 4
    packed = pack_sparse(kernel, np.array([7, 8], np.float32), 3, 100)
    bias, stream = packed[:4], packed[4:].reshape(-1, 4)
    assert list(bias[:2]) == [7, 8]
    heads = stream.view(np.int32)
    assert heads[0, :3].tolist() == [1, 0, 1]  # output 1 has no weight in the first three channels
    assert heads[1, 1] == 100
    assert stream[1, 2:].tolist() == [0, 2]
    assert heads[2, :3].tolist() == [0, 1, 1]
    assert heads[3, :2].tolist() == [400, 500]
    assert stream[3, 2:].tolist() == [3, 4]


@pytest.mark.parametrize(("name", "narrow"), [("lite", False), ("full", True), ("heavy", True), ("detector", False)])
def test_matrices_of_large_networks_stay_binary16(name: str, narrow: bool) -> None:
    plan, loaded = plan_of(name), weights.load(name)
    packed, _, halves = plan.pack(loaded)
    assert any(halves) == narrow
    if narrow:
        assert packed.nbytes < 0.6 * 4 * sum(part.parameters for step in plan.steps for _, _, part in step.trained)
