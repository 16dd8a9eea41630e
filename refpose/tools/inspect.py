"""List the layers of a network: name, operation, shapes, parameters, multiply-adds, receptive field, and totals.

With a family's name and ``--table``, list its sizes with parameters and FLOPs as its paper counts them.

The figures come from the network's code alone; no weights are read. The receptive field is the side, in pixels of the
input, of the square that one value depends on. Today's landmark networks have 1.36 (lite), 3.17 (full) and 13.75
million parameters (heavy); the 1.3 and 3.5 million of the BlazePose paper (2020) are those of an earlier release.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from ..engine import Layer, layers_of
from ..engine.plan import Plan
from ..engine.select import kernel_texts
from ..families import FAMILIES
from ..files import json_text
from ..networks import NETWORKS, record, weights

PAPERS = {family.title.lower(): family.paper for family in FAMILIES if family.paper}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    names = (*NETWORKS, *PAPERS)
    parser.add_argument("network", choices=names, metavar="NETWORK", help=", ".join(names))
    parser.add_argument(
        "--outputs",
        nargs="+",
        metavar="NAME",
        help="only the layers that these outputs need",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--csv", action="store_true", help="as CSV")
    form.add_argument("--table", action="store_true", help=f"with {' or '.join(PAPERS)}: the table of its paper")
    form.add_argument("--plan", action="store_true", help="the steps of the native engine instead: kernels and memory")


def run(args: argparse.Namespace) -> int:
    if (args.network in PAPERS) != args.table:
        raise argparse.ArgumentError(None, f"{' or '.join(PAPERS)} and --table go together")
    if args.table:
        print("\n".join(import_module(PAPERS[args.network]).lines()))
        return 0
    tape = record(args.network)
    if args.outputs:
        tape = tape.pruned(tuple(args.outputs))
    if args.plan:
        plan = Plan.of(tape, weights.load(args.network))
        print(plan.describe(), end="")
        used = {step.kernel for step in plan.steps}
        texts = [f"{kernel:<24}{text}" for kernel, text in kernel_texts().items() if kernel in used]
        if texts:
            print("", *texts, sep="\n")
        return 0
    layers = layers_of(tape)
    if args.json:
        totals = {"layers": len(layers), "parameters": tape.parameters, "macs": tape.macs}
        document = {
            "network": tape.name,
            "input_shape": tape.input.shape,
            "outputs": {name: val.shape for name, val in tape.outputs.items()},
            "layers": [layer._asdict() for layer in layers],
            "totals": totals,
        }
        print(json_text(document))
    elif args.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_cells(layer) for layer in layers)
    else:
        inputs = f"input {shape_text(tape.input.shape)}"
        outputs = ", ".join(f"{name} {shape_text(val.shape)}" for name, val in tape.outputs.items())
        print(f"{tape.name}: {inputs} -> {outputs}\n")
        total = ("total", f"{len(layers)} layers", "", "", f"{tape.parameters:,}", f"{tape.macs:,}", "")
        rows = [
            (*_cells(layer)[:4], f"{layer.parameters:,}", f"{layer.macs:,}", str(layer.receptive_field))
            for layer in layers
        ]
        print_table(COLUMNS, [*rows, total])
    return 0


COLUMNS = ("layer", "op", "input", "output", "parameters", "multiply-adds", "field")


def _cells(layer: Layer) -> tuple[Any, ...]:
    inputs = " + ".join(map(shape_text, layer.input_shapes))
    output = shape_text(layer.output_shape)
    return (layer.name, layer.op, inputs, output, layer.parameters, layer.macs, layer.receptive_field)


def shape_text(shape: Sequence[int | str]) -> str:
    """``(64, 64, 39)`` as ``64x64x39``; a single number as ``scalar``."""
    return "x".join(map(str, shape)) or "scalar"


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their column names, numbers to the right; the last row is a total and set off by a line."""
    widths = [max(len(row[i]) for row in (columns, *rows)) for i in range(len(columns))]
    numeric = [all(row[i].replace(",", "").isdigit() for row in rows[:-1]) for i in range(len(columns))]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    print("\n".join([line(columns), rule, *map(line, rows[:-1]), rule, line(rows[-1])]))
