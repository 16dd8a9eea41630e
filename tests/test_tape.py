"""The networks as tapes: the record is the code, and running it is running the code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from refpose.engine import blas
from refpose.networks import record, weights
from refpose.networks.blazepose import NETWORKS
from refpose.networks.tape import Eager, Ops, Recorder, Tape, Val

# Of the released models, counted independently from their .tflite files: trained values and multiply-adds.
TOTALS = {
    "detector": (2_965_314, 429_859_360),
    "lite": (1_363_089, 197_822_208),
    "full": (3_169_489, 386_148_736),
    "heavy": (13_751_073, 1_927_318_656),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_totals(name: str) -> None:
    tape = record(name)
    assert (tape.parameters, tape.macs) == TOTALS[name]


@pytest.mark.parametrize("name", ["detector", "lite"])
def test_eager_equals_tape(name: str) -> None:
    """The code run on arrays and the record of it played back: the same calls on the same values."""
    network, shape = NETWORKS[name]
    loaded = weights.load(name)
    x = np.random.default_rng(0).random(shape, np.float32)
    eager = network(Eager(blas.FUNCTIONS, loaded), x)
    replayed = record(name).run(blas.FUNCTIONS, loaded, x)
    assert list(eager) == list(replayed)
    for output in eager:
        assert np.array_equal(eager[output], replayed[output])


def test_shapes_of_the_record_are_those_of_the_values() -> None:
    tape, loaded = record("lite"), weights.load("lite")
    x = np.zeros(tape.input.shape, np.float32)
    for step, activation in tape.trace(blas.FUNCTIONS, loaded, x):
        assert activation.shape == step.out.shape, step.name


@pytest.mark.parametrize("name", NETWORKS)
def test_pruning_leaves_what_is_needed(name: str) -> None:
    tape = record(name)
    for output in tape.outputs:
        pruned = tape.pruned((output,))
        known = {tape.input.index}
        for step in pruned.steps:
            assert known.issuperset(val.index for val in step.inputs)
            known.add(step.out.index)
        assert tape.outputs[output].index in known
        assert len(pruned.steps) < len(tape.steps)
    assert tape.pruned(tuple(tape.outputs)).steps == tape.steps


def test_pruned_outputs_have_the_same_values() -> None:
    tape, loaded = record("lite"), weights.load("lite")
    x = np.random.default_rng(1).random(tape.input.shape, np.float32)
    everything = tape.run(blas.FUNCTIONS, loaded, x)
    some = tape.pruned(("world", "presence")).run(blas.FUNCTIONS, loaded, x)
    assert list(some) == ["world", "presence"]
    for name, value in some.items():
        assert np.array_equal(value, everything[name])


def test_a_layer_name_is_used_once() -> None:
    recorder = Recorder()
    x = recorder.max_pool("pool", Val(0, (4, 4, 1)))
    with pytest.raises(ValueError, match="two layers are called 'pool'"):
        recorder.max_pool("pool", x)


def test_shapes_that_do_not_fit_are_refused() -> None:
    def network(ops: Ops, x: Any) -> dict[str, Any]:
        return {"y": ops.add("add", x, ops.max_pool("pool", x))}

    with pytest.raises(ValueError, match="add: cannot add"):
        Tape.record("toy", network, (4, 4, 2))
    with pytest.raises(ValueError, match="cannot reshape"):
        Recorder().reshape("reshape", Val(0, (4, 4, 2)), (31,))
    with pytest.raises(ValueError, match="no output 'z'"):
        record("lite").pruned(("z",))
