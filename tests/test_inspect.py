"""``refpose inspect``: the table of layers as text, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json

import pytest

from refpose.cli import main
from refpose.networks import record
from refpose.networks.blazepose import NETWORKS


@pytest.mark.parametrize("name", NETWORKS)
def test_table(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", name]) == 0
    lines = capsys.readouterr().out.splitlines()
    tape = record(name)
    for step in tape.steps:
        assert any(line.split()[:2] == [step.name, step.op] for line in lines), step.name
    assert f"{tape.parameters:,}" in lines[-1]
    assert f"{tape.macs:,}" in lines[-1]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "full", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["totals"] == {"layers": 136, "parameters": 3_169_489, "macs": 386_148_736}
    assert document["outputs"]["heatmap"] == [64, 64, 39]
    stem = document["layers"][0]
    assert (stem["name"], stem["op"], stem["output_shape"]) == ("encoder/stem", "conv", [128, 128, 24])
    assert stem["macs"] == 128 * 128 * 24 * 27


def test_csv_of_some_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "lite", "--csv", "--outputs", "heatmap"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows[-1]["layer"] == "heatmap"
    assert not any(row["layer"].startswith(("segmentation", "regression")) for row in rows)
    assert sum(int(row["multiply-adds"]) for row in rows) == record("lite").pruned(("heatmap",)).macs


def test_plan_tells_what_its_kernels_compute(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("refpose.engine._native", reason="the native engine was not built")
    assert main(["inspect", "lite", "--plan"]) == 0
    plan, _, texts = capsys.readouterr().out.partition("\n\n")
    used = {line.split()[1] for line in plan.splitlines()[1:]}
    assert {line.split()[0] for line in texts.splitlines()} == used
    assert "max_pool                2x2 maximum; channels the input lacks become zero" in texts.splitlines()


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "lite", "--outputs", "mask"]) == 1
    assert "lite has no output 'mask'" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["inspect", "huge"])
