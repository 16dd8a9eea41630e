"""Measure accuracy on annotated pictures: PCK, OKS average precision, errors of world landmarks, joint by joint.

ANNOTATIONS is a COCO key point file, PoseTrack's of 2017 or 2018, an MPII list, or {"images": {id: {"names": [...],
"persons": [{"keypoints": {name: [x, y, v]}}]}}}. Models are run on its pictures in several ways: "full" gives them the
whole picture and compares the person they find with the annotated person nearest to it; "crop" gives them each
annotated person cut out of the picture; "track" follows people through the frames of annotated videos (COCO's or
PoseTrack's form, with track_id), which needs the extra tracking. Results of other estimators (COCO results lists, or
folders of what refpose image wrote; for videos also PoseTrack's form, or the table that refpose video wrote) are
compared with --results. Everything named is put side by side, and the first compared with each of the others.

PCK: a joint is right when it is at most this part of the torso (middle of shoulders to middle of hips) or of the head
away from the annotation; somebody not found has all joints wrong. OKS figures are those of pycocotools, on COCO's 17
joints. Tracking (MOTA, IDF1): somebody found may be an annotated person when their OKS is at least --min-oks.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..accuracy import tracking
from ..accuracy.annotations import find_pictures, read_annotations
from ..accuracy.pairs import JOINT_SETS, MIN_JOINTS, MODES, SIZES, Predictions, counts
from ..accuracy.predictions import Run, predict
from ..accuracy.records import Annotations
from ..accuracy.results import read_results, results_record
from ..accuracy.robustness import robustness
from ..accuracy.scores import CURVE, Options, compare, score
from ..accuracy.tracking import MIN_OKS
from ..extras import require
from ..files import make_folder, replacing, write_json
from . import following, options, outputs, progress

TITLES = {"full": "whole pictures, end to end", "crop": "persons cut out by their annotations"}
SIZE_NAMES = {"torso": "PCK, torso", "torso_diagonal": "PCK, torso diagonal", "head": "PCKh, head"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``refpose evaluate``."""
    parser.add_argument("annotations", type=Path, metavar="ANNOTATIONS", help="annotated key points, JSON")
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="folder of the pictures (images beside ANNOTATIONS, or that folder)"
    )
    parser.add_argument(
        "--results", type=Path, nargs="+", default=[], metavar="FILE", help="results to measure; no model runs then"
    )
    parser.add_argument(
        "--mode",
        choices=(*MODES, "both", "track"),
        help="how models are run (both full and crop; track where annotations and results say who people are)",
    )
    parser.add_argument(
        "--boxes",
        choices=("keypoints", "annotated"),
        default="keypoints",
        help="where to cut persons out: around the labelled joints, or by the annotated box",
    )
    figures = parser.add_argument_group("figures")
    figures.add_argument("--joints", choices=tuple(JOINT_SETS), default="coco", help="joints that count")
    figures.add_argument(
        "--threshold", type=_fraction, nargs="+", default=[0.2], metavar="T", help="of PCK, in torsos (0.2)"
    )
    figures.add_argument(
        "--head-threshold", type=_fraction, nargs="+", default=[0.5], metavar="T", help="of PCKh, in heads (0.5)"
    )
    figures.add_argument(
        "--min-joints",
        type=options.positive,
        default=MIN_JOINTS,
        metavar="N",
        help="persons with fewer labelled joints do not count for PCK",
    )
    figures.add_argument(
        "--min-oks",
        type=options.probability,
        default=MIN_OKS,
        metavar="S",
        help=f"of tracking: how similar an estimate and a person must be ({MIN_OKS})",
    )
    figures.add_argument(
        "--ignore-unknown-joints", action="store_true", help="accept joints that refpose has no name for"
    )
    noise = parser.add_argument_group("robustness")
    noise.add_argument(
        "--augment",
        action="store_true",
        help="repeat with the region of interest shifted and scaled by up to 10 %%, and with rectangles over people",
    )
    noise.add_argument("--repeats", type=options.positive, default=5, metavar="N", help="how often")
    noise.add_argument("--seed", type=_seed, default=0, metavar="N", help="of what is drawn at random")
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print JSON instead of tables")
    output.add_argument("--plot", type=Path, metavar="FILE", help="draw the figures (PNG, SVG, PDF)")
    output.add_argument(
        "--save-results", type=Path, metavar="DIR", help="write what models found as COCO results, NAME.MODE.json"
    )
    outputs.add_force(output)
    options.add_arguments(parser, several=True)


def _fraction(text: str) -> float:
    """Read a threshold."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number greater than 0")
    return value


def _seed(text: str) -> int:
    """Read a seed, which NumPy wants to be no less than 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, 0 or more")
    return int(text)


@dataclass(frozen=True)
class Column:
    """One estimator in one mode: its name, what it found, and its figures."""

    name: str
    mode: str
    found: Predictions
    figures: dict[str, Any]


def run(args: argparse.Namespace) -> int:
    """Do ``refpose evaluate``."""
    models = args.model or ([] if args.results else ["full"])
    if args.augment and not models:
        raise argparse.ArgumentError(None, "--augment runs models: name some with --model")
    if args.save_results and not models:
        raise argparse.ArgumentError(None, "--save-results writes what models find: name some with --model")
    chosen = Options(JOINT_SETS[args.joints], tuple(args.threshold), tuple(args.head_threshold), args.min_joints)
    annotations = read_annotations(args.annotations, args.ignore_unknown_joints)
    if args.mode == "track" or (args.mode is None and not models and following.wanted(args.results, annotations)):
        return track(args, annotations, models)
    check(annotations, chosen)
    prepare_outputs(args, annotations, models)

    columns = []
    for path, name in zip(args.results, unique_names(args.results), strict=True):
        found = read_results(path, annotations)
        mode = results_mode(found, path)
        columns.append(Column(name, mode, found, score(annotations, found, mode, chosen)))
    for mode in modes(args):
        for model in models:
            columns.append(run_model(args, annotations, model, mode, chosen))

    comparisons = []
    for mode in MODES:
        own = [column for column in columns if column.mode == mode]
        for other in own[1:]:
            figures = compare(annotations, own[0].found, other.found, mode, chosen)
            comparisons.append({"first": own[0].name, "second": other.name, **figures})
    if args.plot:
        plot(columns, args.plot)
    if args.json:
        print(json.dumps(document(args, annotations, columns, comparisons), indent=1, allow_nan=False))
    else:
        print("\n\n".join(tables(annotations, columns, comparisons)))
    return 0


def track(args: argparse.Namespace, annotations: Annotations, models: Sequence[str]) -> int:
    """Measure how people are followed."""
    if args.augment or args.plot:
        raise argparse.ArgumentError(None, "--augment and --plot are not for --mode track")
    following.check(annotations)
    prepare_outputs(args, annotations, models)
    columns: list[tuple[str, Predictions, dict[str, Any]]] = []
    for path, name in zip(args.results, unique_names(args.results), strict=True):
        columns.append((name, following.read(path, annotations), {}))
    for model in models:
        columns.append((model, *following.run_model(args, annotations, model)))
        if args.save_results:
            save_results(args, model, "track", columns[-1][1])
    figures = [tracking.score(annotations, found, args.min_oks) for _, found, _ in columns]
    if args.json:
        runs = [
            {"name": name, "mode": "track", **({"settings": settings} if settings else {}), "tracking": own}
            for (name, _, settings), own in zip(columns, figures, strict=True)
        ]
        print(json.dumps({**heading(annotations), "runs": runs}, indent=1, allow_nan=False))
        return 0
    own = [one["all"] for one in figures]
    size = f"{own[0]['frames']} labelled frames, {own[0]['people']} people, {own[0]['poses']} poses"
    print(f"{annotations.path} ({annotations.kind}): {len(figures[0]['videos'])} videos, {size}\n")
    print(_table(["", *(name for name, _, _ in columns)], following.rows(own)))
    return 0


def check(annotations: Annotations, chosen: Options) -> None:
    """Make sure that there is somebody to measure before any model runs.

    Raises
    ------
    ValueError
        When nobody counts.
    """
    persons = [person for picture in annotations.pictures for person in picture.persons]
    visible = [person for person in persons if (person.labels > 0).any()]
    if not visible:
        raise ValueError(
            f"{annotations.path}: nothing to measure: {len(persons)} persons on {len(annotations.pictures)} pictures, "
            "none with a labelled joint"
        )
    if all(p.ignored or (p.area_px is None and p.box_px is None) for p in visible) and not any(
        counts(p, kind, chosen.joints, chosen.min_joints) for p in visible for kind in SIZES
    ):
        raise ValueError(
            f"{annotations.path}: nothing to measure: of {len(visible)} persons with labelled joints none has a box or "
            f"an area (for OKS), nor both shoulders and hips or the head (for PCK) and {chosen.min_joints} joints"
        )


def prepare_outputs(args: argparse.Namespace, annotations: Annotations, models: Sequence[str]) -> None:
    """Find out before hours of work whether results can be written, and whether plots can be drawn."""
    inputs = [annotations.path, *args.results]
    written: dict[Path, Collection[str]] = {}
    if models:
        inputs += find_pictures(annotations, args.images).values()
    if args.save_results:
        make_folder(args.save_results)
        written |= {results_path(args, model, mode): (".json",) for model in models for mode in modes(args)}
    if args.plot:
        backend = require("matplotlib.backend_bases", "plot")
        known = backend.FigureCanvasBase.get_supported_filetypes()
        written[args.plot] = [f".{kind}" for kind in known if kind != "pgf"]  # for which TeX is started
    outputs.check(written, inputs, args.force)


def modes(args: argparse.Namespace) -> tuple[str, ...]:
    """The ways in which models are run."""
    return MODES if args.mode in (None, "both") else (args.mode,)


def results_path(args: argparse.Namespace, model: str, mode: str) -> Path:
    """Where what a model finds in one mode is written to."""
    return Path(args.save_results, f"{model}.{mode}.json")


def unique_names(paths: Sequence[Path]) -> list[str]:
    """Short names of files: without folder and ending where that tells them apart."""
    stems = [path.stem for path in paths]
    return [stem if stems.count(stem) == 1 else str(path) for stem, path in zip(stems, paths, strict=True)]


def results_mode(found: Predictions, path: Path) -> str:
    """The mode in which results were made: those of crops say in whose crop they were found."""
    cropped = {person.person is not None for people in found.values() for person in people}
    if len(cropped) > 1:
        raise ValueError(f"{path}: some results name the person in whose crop they were found and some do not")
    return "crop" if True in cropped else "full"


def run_model(args: argparse.Namespace, annotations: Annotations, model: str, mode: str, chosen: Options) -> Column:
    """Run a model over the pictures in one mode."""
    files = find_pictures(annotations, args.images)
    settings = options.settings(argparse.Namespace(**{**vars(args), "model": model}), mode="image")
    total = sum(len(p.persons) if mode == "crop" else 1 for p in annotations.pictures)
    with options.make_pose(settings, args.threads) as pose, progress.Bar(total, f"{model} {mode}") as bar:
        made: Run = predict(
            pose,
            annotations,
            files,
            mode,
            args.boxes,
            args.repeats if args.augment else 0,
            args.seed,
            lambda view: bar.advance(),
        )
    figures = {"settings": settings, **score(annotations, made.plain, mode, chosen)}
    if args.augment:
        figures["robustness"] = robustness(annotations, made, mode, chosen, args.seed)
    if args.save_results:
        save_results(args, model, mode, made.plain)
    return Column(model, mode, made.plain, figures)


def save_results(args: argparse.Namespace, model: str, mode: str, found: Predictions) -> None:
    """Write what a model found."""
    records = [results_record(image, person) for image, people in found.items() for person in people]
    write_json(results_path(args, model, mode), records)


def heading(annotations: Annotations) -> dict[str, Any]:
    """What a document of figures begins with."""
    return {
        "refpose": __version__,
        "annotations": {"file": str(annotations.path), "kind": annotations.kind, **sizes(annotations)},
    }


def document(
    args: argparse.Namespace, annotations: Annotations, columns: Sequence[Column], comparisons: list[dict[str, Any]]
) -> dict[str, Any]:
    """All figures, for ``--json``."""
    return {
        **heading(annotations),
        "options": {
            "joints": args.joints,
            "threshold": args.threshold,
            "head_threshold": args.head_threshold,
            "min_joints": args.min_joints,
            "boxes": args.boxes,
        },
        "curve_thresholds": [round(float(t), 6) for t in CURVE],
        "runs": [{"name": c.name, **c.figures} for c in columns],
        "comparisons": comparisons,
    }


def sizes(annotations: Annotations) -> dict[str, int]:
    """How many pictures and persons there are, and how many persons have no labelled joint."""
    persons = [person for picture in annotations.pictures for person in picture.persons]
    return {
        "pictures": len(annotations.pictures),
        "persons": len(persons),
        "without_joints": sum(1 for person in persons if not (person.labels > 0).any()),
    }


def tables(annotations: Annotations, columns: Sequence[Column], comparisons: Iterable[dict[str, Any]]) -> Iterable[str]:
    """All figures as text, one piece after the other."""
    size = sizes(annotations)
    line = f"{annotations.path} ({annotations.kind}): {size['pictures']} pictures, {size['persons']} persons"
    yield line + (f", {size['without_joints']} of them without labelled joints" if size["without_joints"] else "")
    for mode in MODES:
        own = [column for column in columns if column.mode == mode]
        if own:
            yield f"{TITLES[mode].upper()}\n{summary_table(own)}"
            yield joint_table(own)
            if any("robustness" in column.figures for column in own):
                yield robustness_table([column for column in own if "robustness" in column.figures])
    for figures in comparisons:
        yield comparison_text(figures)


def summary_table(columns: Sequence[Column]) -> str:
    """PCK, OKS and world errors of some columns of one mode."""
    rows: list[list[str]] = []

    def add(title: str, values: Iterable[Any], show: Callable[[Any], str]) -> None:
        rows.append([title, *("-" if value is None else show(value) for value in values)])

    for kind in SIZES:
        # Who counts depends on the annotations alone: what one column has, all have.
        for threshold in columns[0].figures["pck"].get(kind, {}):
            own = [column.figures["pck"][kind][threshold] for column in columns]
            add(f"{SIZE_NAMES[kind]} @{threshold}", (p["value"] for p in own), _percent)
            add("  right / labelled joints", (f"{p['correct']}/{p['keypoints']}" for p in own), str)
            add("  found / annotated persons", (f"{p['found']}/{p['persons']}" for p in own), str)
            add("  persons found only", (p["found_only"] for p in own), _percent)
            add("  mean over persons", (p["mean_over_persons"] for p in own), _percent)
    notes = []
    first = columns[0].figures["oks"]
    for name in () if "missing" in first else (k for k in first if k.startswith("A")):
        values = [column.figures["oks"].get(name) for column in columns]
        add(f"OKS {name.replace('_', ' ')}", (None if v is None or v < 0 else v for v in values), _percent)
    for column in columns:
        oks = column.figures["oks"]
        if column.figures["unknown_joints"]:
            notes.append(f"{column.name} has no {', '.join(column.figures['unknown_joints'])}: not counted")
        if "missing" in oks:
            notes.append(f"{column.name}: no OKS: {oks['missing']}")
    if "missing" not in first:
        left_out = f", {first['pictures_left_out']} pictures left out" if first["pictures_left_out"] else ""
        if first["area"] != "annotated" or left_out:
            notes.append(f"OKS: {first['persons']} persons, area: {first['area']}{left_out}")
    if any(column.figures["world"] for column in columns):
        own = [column.figures["world"] or {} for column in columns]
        for title, key in (("", "mpjpe"), (", hips aligned", "root_aligned"), (", Procrustes", "procrustes")):
            add(f"world error{title} (mm)", (w.get(key) for w in own), lambda metres: f"{1000 * metres:.1f}")
    return "\n".join([_table(["", *(column.name for column in columns)], rows), *notes])


def joint_table(columns: Sequence[Column]) -> str:
    """PCK and mean error of each joint, at the first threshold."""
    joints = joints_of(columns)
    if not joints:
        return "No torso is known: no figures by joint."
    threshold = next(iter(columns[0].figures["pck"]["torso"]))
    rows = []
    for name, number in joints.items():
        own = [column.figures["pck"]["torso"][threshold]["joints"].get(name) for column in columns]
        errors = [column.figures["joints"].get(name, {}).get("mean_error") for column in columns]
        cells = ["-" if v is None else _percent(v) for v in own] + ["-" if e is None else f"{e:.3f}" for e in errors]
        rows.append([name, str(number), *cells])
    names = [column.name for column in columns]
    heads = ["joint", "number", *(f"{name} @{threshold}" for name in names), *(f"{name} error" for name in names)]
    return f"By joint: PCK (torso), and mean error of those found in torsos\n{_table(heads, rows)}"


def joints_of(columns: Sequence[Column]) -> dict[str, int]:
    """Joints that some columns of one mode have figures for, and how often each is labelled."""
    return {name: record["keypoints"] for column in columns for name, record in column.figures["joints"].items()}


def robustness_table(columns: Sequence[Column]) -> str:
    """How accuracy holds under alignment noise and occlusion."""
    own = [column.figures["robustness"] for column in columns]
    if "missing" in own[0]:
        return f"No figures under noise: {own[0]['missing']}"
    rows = [["plain", *(_percent(r["plain"]) for r in own)]]
    for title, key in (
        ("region shifted and scaled by up to 10 %", "alignment"),
        ("rectangles over people", "occlusion"),
    ):
        rows.append([title, *(_percent(r[key]["pck"]) for r in own)])
        rows.append(["  persons found", *(_percent(r[key]["found"]) for r in own)])
        rows.append(["  change", *(f"{100 * r[key]['change']:+.1f}" for r in own)])
        rows.append(
            ["  lowest to highest", *(f"{_percent(r[key]['lowest'])} to {_percent(r[key]['highest'])}" for r in own)]
        )
    for title, key in (("  joints under them", "covered"), ("  other joints", "uncovered")):
        rows.append([title, *("-" if r["occlusion"][key] is None else _percent(r["occlusion"][key]) for r in own)])
    heads = [f"PCK (torso) @{own[0]['threshold']:g}", *(column.name for column in columns)]
    return f"Robustness, {own[0]['repeats']} repetitions, seed {own[0]['seed']}\n{_table(heads, rows)}"


def comparison_text(figures: dict[str, Any]) -> str:
    """Where two columns differ."""
    first, second = figures["first"], figures["second"]
    lines = [f"{first} against {second} ({TITLES[figures['mode']]}), {figures['persons']} persons compared by both"]
    lines.append(
        f"joints right @{figures['threshold']:g}: both {figures['both']}, only {first} {figures['first_only']}, "
        f"only {second} {figures['second_only']}, neither {figures['neither']}"
    )
    if figures["distance"]:
        gap = figures["distance"]
        lines.append(f"distance of their joints in torsos: median {gap['median']:.4f}, largest {gap['max']:.4f}")
    if figures["world"] is not None:
        lines.append(f"distance of their world landmarks: mean {1000 * figures['world']:.2f} mm")
    differing = {name: (a, b) for name, (a, b) in figures["joints"].items() if a != b}
    if differing:
        rows = [[n, _percent(a), _percent(b), f"{100 * (b - a):+.1f}"] for n, (a, b) in differing.items()]
        lines.append(_table(["joints that differ", first, second, "change"], rows))
    return "\n".join(lines)


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows under their heads, the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        return "  ".join([cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))])

    return "\n".join([line(heads).rstrip(), "-" * (sum(widths) + 2 * (len(widths) - 1)), *map(line, rows)])


def plot(columns: Sequence[Column], path: Path) -> None:
    """Draw PCK over the threshold, PCK by joint, and if there are such figures robustness; one row per mode."""
    figure_module = require("matplotlib.figure", "plot")
    modes = [mode for mode in MODES if any(column.mode == mode for column in columns)]
    robust = any("robustness" in column.figures for column in columns)
    widths = [1.0, 1.6, 0.8][: 3 if robust else 2]
    figure = figure_module.Figure(figsize=(4.2 * sum(widths), 4.0 * len(modes)), layout="constrained")
    grid = figure.subplots(len(modes), len(widths), squeeze=False, width_ratios=widths)
    for axes, mode in zip(grid, modes, strict=True):
        own = [column for column in columns if column.mode == mode and column.figures["curve"]]
        axes[0].set(
            title=TITLES[mode], xlabel="threshold (torsos)", ylabel="PCK (%)", xlim=(0, CURVE[-1]), ylim=(0, 101)
        )
        for column in own:
            axes[0].plot([0, *CURVE], [0, *(100 * v for v in column.figures["curve"])], label=column.name)
        axes[0].grid(alpha=0.3)
        if own:
            axes[0].legend(loc="lower right")
            _bars_by_joint(axes[1], own)
        if robust:
            _bars_of_robustness(axes[2], [c for c in own if "plain" in c.figures.get("robustness", {})])
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower() or "png", dpi=150)  # a stream has no ending


def _bars_by_joint(axes: Any, columns: Sequence[Column]) -> None:
    threshold = next(iter(columns[0].figures["pck"]["torso"]))
    names = list(joints_of(columns))
    series = []
    for column in columns:
        own = column.figures["pck"]["torso"][threshold]["joints"]
        series.append((column.name, [100 * own.get(name, 0.0) for name in names]))
    _bars(axes, names, series)
    axes.set(title=f"by joint, @{threshold}", ylabel="PCK (%)", ylim=(0, 101))


def _bars_of_robustness(axes: Any, columns: Sequence[Column]) -> None:
    series = []
    for column in columns:
        own = column.figures["robustness"]
        series.append(
            (column.name, [100 * v for v in (own["plain"], own["alignment"]["pck"], own["occlusion"]["pck"])])
        )
    _bars(axes, ["plain", "alignment\nnoise", "occlusion"], series, rotation=0)
    axes.set(title="robustness", ylabel="PCK (%)", ylim=(0, 101))


def _bars(axes: Any, names: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], rotation: int = 60) -> None:
    """Groups of bars, one group per name, one bar per series."""
    width = 0.8 / max(1, len(series))
    for k, (label, values) in enumerate(series):
        places = [i + (k - (len(series) - 1) / 2) * width for i in range(len(names))]
        axes.bar(places, values, width, label=label)
    labels = [name.replace("_", " ") for name in names]
    axes.set_xticks(range(len(names)), labels, rotation=rotation, ha="right" if rotation else "center")
    axes.grid(axis="y", alpha=0.3)
