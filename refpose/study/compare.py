"""Somebody else's intermediates against refpose's: the first stage that differs, by how much, and why.

Every stage is judged on its own: refpose's stage is given what *you* had before it, as far as you hand it over, and its
result is compared with yours. So a mistake shows where it is made, and not in everything that follows. Where a stage
differs, the mistakes of `refpose.study.mistakes` are tried, alone and together, until one gives what you have.
"""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..stages import landmarks
from . import layers, mistakes
from .explain import ACTIVATIONS, QUANTITIES, STAGES, Machine, Nobody, Stage

Array = NDArray[Any]
Values = Mapping[str, Array]

# What other orders of summation make of float32 numbers, with a margin; larger differences have a cause.
NOISE = {
    "grey levels": 0.02,
    "px": 0.02,
    "probability": 1e-4,
    "logits": 0.02,
    "mm": 0.2,
    "degrees": 1e-3,
}
_MASK_NOISE = 2.0  # logits of the mask reach +-1700
# Fixed-point warps of other builds of OpenCV differ by one level in up to one byte of 2000.
_STRAY_BYTES, _STRAY_LEVELS = 1e-3, 1.01
_NAMED = 0.3  # a mistake is named when it leaves at most this part of the difference
_HELPS = 0.6  # a further one when it leaves at most this part of what the others left
_MOST_MISTAKES = 3
_ALMOST_ALL = 0.05  # what may be left when earlier stages are not looked at any more


@dataclass(frozen=True)
class Part:
    """Columns of a quantity that share a unit: ``values * scale`` is in `unit`."""

    what: str
    columns: slice
    scale: tuple[float, ...]
    unit: str


def _parts(name: str, image_size: tuple[int, int]) -> tuple[Part, ...]:
    """How differences of a quantity are measured."""
    width, height = image_size
    everything = slice(None)
    points = (width, height) * 6
    table: dict[str, tuple[Part, ...]] = {
        "image": (Part("", everything, (1,), "grey levels"),),
        "detector/input": (Part("", everything, (127.5,), "grey levels"),),
        "detector/boxes": (Part("", everything, (1,), "px"),),
        "detector/scores": (Part("", everything, (1,), "logits"),),
        "detector/anchors_sq": (Part("", everything, (224,), "px"),),
        "detector/blend_n": (
            Part("score", slice(0, 1), (1,), "probability"),
            Part("places", slice(1, 13), points, "px"),
        ),
        "crop/corners_px": (Part("", everything, (1,), "px"),),
        "crop/input": (Part("", everything, (255,), "grey levels"),),
        "network/landmarks": (
            Part("x, y, z", slice(0, 3), (1,), "px"),
            Part("visibility, presence", slice(3, 5), (1,), "logits"),
        ),
        "network/heatmap": (Part("", everything, (1,), "logits"),),
        "network/segmentation": (Part("", everything, (1,), "logits"),),
        "network/world": (Part("", everything, (1000,), "mm"),),
        "world/turned_m": (Part("", everything, (1000,), "mm"),),
        "result/world_m": (Part("", everything, (1000,), "mm"),),
        "landmarks/projected_n": (
            Part("x, y", slice(0, 2), (width, height), "px"),
            Part("z", slice(2, 3), (width,), "px"),
            Part("visibility, presence", slice(3, 5), (1,), "probability"),
        ),
        "result/landmarks_n": (
            Part("x, y", slice(0, 2), (width, height), "px"),
            Part("z", slice(2, 3), (width,), "px"),
        ),
    }
    for square in ("detector/candidates_sq", "detector/blend_sq"):
        table[square] = (
            Part("score", slice(0, 1), (1,), "probability"),
            Part("places", slice(1, 13), (224,), "px"),
        )
    for region in ("roi/tight_n", "roi/crop_n"):
        table[region] = (
            Part("centre and size", slice(0, 4), (width, height, width, height), "px"),
            Part("rotation", slice(4, 5), (180 / np.pi,), "degrees"),
        )
    for rows in ("landmarks/decoded_roi", "landmarks/refined_roi"):
        table[rows] = (
            Part("x, y", slice(0, 2), (256,), "px"),
            Part("z", slice(2, 3), (256,), "px"),
            Part("visibility, presence", slice(3, 5), (1,), "probability"),
        )
    return table.get(name, (Part("", everything, (1,), "probability"),))


@dataclass(frozen=True)
class Difference:
    """How far a part of a quantity is from refpose's.

    Attributes
    ----------
    what : str
        The columns; empty for all.
    unit : str
    largest, mean : float
        Of the absolute differences; NaN counts as infinite.
    off : float
        Part of the values that differ by more than float32 noise.
    """

    what: str
    unit: str
    largest: float
    mean: float
    off: float

    @property
    def noise(self) -> bool:
        """Whether other float32 arithmetic explains it."""
        return self.off == 0 or (
            self.unit == "grey levels" and self.off <= _STRAY_BYTES and self.largest <= _STRAY_LEVELS
        )

    def __str__(self) -> str:
        what = f"{self.what}: " if self.what else ""
        return f"{what}up to {self.largest:.4g} {self.unit}, {self.mean:.3g} on average"


@dataclass(frozen=True)
class Row:
    """What was found about one of the names handed over.

    Attributes
    ----------
    name, stage : str
    state : str
        ``"equal"`` (bit for bit), ``"close"`` (other float32 arithmetic explains it), ``"differs"`` or ``"unknown"``
        (refpose finds nobody, so that there is nothing to compare with).
    differences : tuple of Difference
        Of the parts that are not equal.
    causes : tuple of str
        Mistakes that together make refpose's stage give what was handed over; empty when none was found.
    explained : float
        Part of the difference that goes away with them.
    remark : str
    """

    name: str
    stage: str
    state: str
    differences: tuple[Difference, ...] = ()
    causes: tuple[str, ...] = ()
    explained: float = 0.0
    remark: str = ""


@dataclass(frozen=True)
class Comparison:
    """Rows in the order of the pipeline.

    Attributes
    ----------
    rows : tuple of Row
    """

    rows: tuple[Row, ...] = field(default_factory=tuple)

    @property
    def first(self) -> Row | None:
        """The first row that differs."""
        return next((row for row in self.rows if row.state == "differs"), None)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        first = self.first
        return {"first": first and first.name, "rows": [asdict(row) for row in self.rows]}

    def __str__(self) -> str:
        width = max((len(row.name) for row in self.rows), default=0)
        lines = []
        for row in self.rows:
            differences = "; ".join(map(str, row.differences)) if row.state == "differs" else ""
            lines.append(f"{row.name:{width}}  {row.state:8} {differences}{row.remark}".rstrip())
            if row.causes:
                lines += [f"{'':{width}}  cause:   {cause}" for cause in row.causes]
                lines.append(f"{'':{width}}           explains {100 * row.explained:.4g} % of the difference")
            elif row.state == "differs":
                lines.append(f"{'':{width}}  none of the mistakes that were tried gives this")
        first = self.first
        if first is None:
            lines.append("\nno stage differs")
        else:
            cause = f": {'; '.join(first.causes)}" if first.causes else ""
            lines.append(f"\nfirst stage that differs: {first.stage} ({first.name}){cause}")
        return "\n".join(lines)


def compare(
    theirs: Values,
    image: Array,
    model: str = "full",
    engine: str = "auto",
    min_detection_confidence: float = 0.5,
    window: int = landmarks.WINDOW,
) -> Comparison:
    """Compare intermediates of one picture with refpose's.

    Parameters
    ----------
    theirs : mapping of str to array
        Any of `explain.QUANTITIES`, and outputs of layers as ``activations/<network>/<layer>/output``. Axes of
        length 1 do not matter, nor whether a network's list of numbers is flat.
    image : ndarray of uint8, shape (H, W, 3)
        RGB; what both were given.
    model, engine, min_detection_confidence
        As for `refpose.Pose`.
    window : int
        Side of the refinement window in cells: 9 as MediaPipe's Python class, 7 as its graph.

    Raises
    ------
    ValueError
        A name is not known, or an array has another shape than its name asks for.
    """
    machine = Machine.load(
        model,
        engine,
        min_detection_confidence=min_detection_confidence,
        min_tracking_confidence=-math.inf,  # whatever the presence: the landmarks are to be compared
        window=window,
    )
    given = checked(theirs, image, machine)
    return Comparison(tuple(_rows(machine, image, given)))


def checked(theirs: Values, image: Array, machine: Machine) -> dict[str, Array]:
    """Intermediates in the shapes their names ask for.

    Raises
    ------
    ValueError
        A name is not known, an array is not one of numbers or has another shape.
    """
    networks = {network.name: network for network in (machine.detector, machine.landmark)}
    sizes = {"H": image.shape[0], "W": image.shape[1]}
    found: dict[str, Array] = {}
    for name, values in theirs.items():
        array = np.asarray(values)
        if array.dtype.kind not in "fiu":
            raise ValueError(f"{name}: expected numbers, found {array.dtype}")
        if name.startswith(ACTIVATIONS):
            shape: tuple[int | str, ...] = layers.shape_of(name, networks)
        elif name in QUANTITIES:
            shape = tuple(sizes.get(str(side), side) for side in QUANTITIES[name].shape)
        else:
            raise ValueError(
                f"{name}: no such quantity; known are {', '.join(QUANTITIES)}, {ACTIVATIONS}<network>/<layer>/output"
            )
        found[name] = _shaped(name, array, shape)
    if not found:
        raise ValueError(f"nothing to compare; known names are {', '.join(QUANTITIES)}")
    return found


def _shaped(name: str, array: Array, shape: tuple[int | str, ...]) -> Array:
    array = array.astype(np.uint8 if name == "image" else np.float64 if name == "crop/matrix" else np.float32)
    if "n" in shape:  # a list of unknown length: its other axis decides
        if array.ndim >= 2 and array.shape[-1] == shape[1]:
            return np.ascontiguousarray(array.reshape(-1, array.shape[-1]))
    elif array.size == math.prod(int(s) for s in shape) and _long_axes(array.shape) in (
        _long_axes(shape),
        (array.size,),
    ):
        return np.array(array.reshape(shape), order="C")  # ascontiguousarray gives single numbers an axis
    expected = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    hint = ""
    if len(shape) == 3 and "n" not in shape and array.shape[-3:] == (shape[2], *shape[:2]):
        hint = ": channels come last here"
    raise ValueError(f"{name}: expected shape {expected}, found {array.shape}{hint}")


def _long_axes(shape: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(side for side in shape if side != 1)


def _rows(machine: Machine, image: Array, theirs: dict[str, Array]) -> Iterator[Row]:
    size = (image.shape[1], image.shape[0])
    values: dict[str, Array] = {"image": image}
    if "image" in theirs:
        yield _judge("image", "picture", image, theirs["image"], size)
    nobody = ""
    for stage in STAGES:
        known = values | theirs
        if all(need in known for need in stage.needs):
            try:
                arrays = stage.run(machine, *(known[need] for need in stage.needs))
                values.update(zip(stage.makes, map(np.asarray, arrays), strict=True))
            except Nobody as reason:
                nobody = str(reason)
        for name in stage.makes:
            if name not in theirs:
                continue
            if name not in values:
                yield Row(name, stage.name, "unknown", remark=f"nothing to compare with: {nobody}")
                continue
            row = _judge(name, stage.name, values[name], theirs[name], size)
            if row.state == "differs":
                causes, explained = _causes(machine, values, theirs, name, stage, size)
                row = replace(row, causes=causes, explained=explained)
            yield row
        if "network" in stage.name:
            yield from _layer_rows(machine, stage, values, theirs)


def _judge(name: str, stage: str, ours: Array, theirs: Array, size: tuple[int, int]) -> Row:
    if name == "detector/candidates_sq" and ours.shape != theirs.shape:
        remark = f"{len(theirs)} candidates, refpose has {len(ours)}"
        return Row(name, stage, "differs", differences_of(name, ours, theirs, size), remark=remark)
    differences = differences_of(name, ours, theirs, size)
    if all(d.largest == 0 for d in differences):
        return Row(name, stage, "equal")
    shown = tuple(d for d in differences if d.largest > 0)
    return Row(name, stage, "close" if all(d.noise for d in differences) else "differs", shown)


def differences_of(name: str, ours: Array, theirs: Array, size: tuple[int, int]) -> tuple[Difference, ...]:
    """Differences part by part."""
    if name == "detector/candidates_sq":
        ours, theirs = _matched(ours, theirs)
    found = []
    for part in _parts(name, size):
        mine, yours = (a[..., part.columns] if a.ndim else a for a in (ours, theirs))
        scale = np.resize(np.array(part.scale), mine.shape[-1]) if mine.ndim else part.scale[0]
        off = np.abs(yours.astype(np.float64) - mine.astype(np.float64)) * scale
        off = np.where(np.isnan(off), np.inf, off)
        noise = _MASK_NOISE if name == "network/segmentation" else NOISE[part.unit]
        largest, mean = (float(off.max()), float(off.mean())) if off.size else (0.0, 0.0)
        found.append(Difference(part.what, part.unit, largest, mean, float(np.mean(off > noise)) if off.size else 0.0))
    return tuple(found)


def _matched(ours: Array, theirs: Array) -> tuple[Array, Array]:
    """Lists of candidates in the order of their scores, missing ones as zeros."""
    length = max(len(ours), len(theirs))
    sorted_ = [rows[np.argsort(-rows[:, 0], kind="stable")] for rows in (ours, theirs)]
    mine, yours = (np.pad(rows, ((0, length - len(rows)), (0, 0))) for rows in sorted_)
    return mine, yours


def distance(name: str, ours: Array, theirs: Array, size: tuple[int, int]) -> float:
    """One number for how far two arrays are apart: mean differences in units of float32 noise."""
    if ours.shape != theirs.shape and name != "detector/candidates_sq":
        return float("inf")
    parts = differences_of(name, ours, theirs, size)
    return sum(part.mean / NOISE[part.unit] for part in parts)


# Causes --------------------------------------------------------------------------------------------------------------

Choice = tuple[str, str, str]  # stage, option, value


def _causes(
    machine: Machine, values: dict[str, Array], theirs: dict[str, Array], name: str, stage: Stage, size: tuple[int, int]
) -> tuple[tuple[str, ...], float]:
    """Mistakes, on the way from what was handed over to `name`, that lead to what was handed over for it."""
    target = theirs[name]
    before = distance(name, values[name], target, size)
    path = _path(stage, theirs)
    cache: dict[tuple[Choice, ...], float] = {}

    def left(chosen: Sequence[Choice]) -> float:
        key = tuple(sorted(chosen))
        if not key:
            return before
        if key not in cache:
            made = _remade(machine, values, theirs, name, stage, path, key)
            cache[key] = before if made is None else min(distance(name, made, target, size), 1e30)
        return cache[key]

    enough = 1.0 if before > 10 else before / 10
    chosen: tuple[Choice, ...] = ()
    for scope in ([stage], path):  # earlier stages cost a run of the network each, and are tried only where needed
        choices: list[tuple[Choice, ...]] = [
            ((s.name, option, value),)
            for s in scope
            for option, wrong in mistakes.OPTIONS.get(s.name, {}).items()
            for value in wrong
        ]
        if scope is path:
            choices += _twins(choices)
        found = _search(choices, left, before, enough, pairs=scope is not path and "network" not in stage.name)
        chosen = min(chosen, found, key=left)
        if left(chosen) <= max(enough, _ALMOST_ALL * before) or len(path) == 1:
            break
    remaining = left(chosen)
    if not chosen or remaining > _NAMED * before:
        return (), 0.0
    texts = tuple(
        mistakes.OPTIONS[at][option][value] + ("" if at == stage.name else f" (in an earlier stage: {at})")
        for at, option, value in chosen
    )
    return texts, 1 - remaining / before


def _twins(choices: Sequence[tuple[Choice, ...]]) -> list[tuple[Choice, ...]]:
    """The same mistake in both stages that cut something out of the picture: a port has one function for them."""
    single = {some[0] for some in choices}
    return [
        (("letterbox", option, value), ("crop", option, value))
        for stage, option, value in sorted(single)
        if stage == "letterbox" and ("crop", option, value) in single
    ]


def _search(
    choices: Sequence[tuple[Choice, ...]],
    left: Callable[[Sequence[Choice]], float],
    before: float,
    enough: float,
    pairs: bool,
) -> tuple[Choice, ...]:
    """The few choices that leave least: one after the other, and all pairs where that does not do."""
    chosen: tuple[Choice, ...] = ()
    remaining = before
    while len(chosen) < _MOST_MISTAKES and remaining > enough:
        further = [(*chosen, *some) for some in choices if not _options(some) & _options(chosen)]
        best = min(further, key=left, default=None)
        if best is None or left(best) > _HELPS * remaining:
            break
        chosen, remaining = best, left(best)
    if pairs and remaining > enough:
        different = [one + other for one, other in combinations(choices, 2) if not _options(one) & _options(other)]
        pair = min(different, key=left, default=None)
        if pair is not None and left(pair) < _HELPS * remaining:
            chosen, remaining = pair, left(pair)
    return tuple(c for c in chosen if left([other for other in chosen if other != c]) > remaining / _HELPS)


def _options(choices: Sequence[Choice]) -> set[tuple[str, str]]:
    return {choice[:2] for choice in choices}


def _path(stage: Stage, theirs: Values) -> list[Stage]:
    """The stage and those before it whose results were not handed over, nearest first."""
    maker = {name: s for s in STAGES for name in s.makes}
    path, queue = [], [stage]
    while queue:
        s = queue.pop(0)
        if s in path:
            continue
        path.append(s)
        queue += [maker[name] for name in s.needs if name in maker and name not in theirs]
    return path


def _remade(
    machine: Machine,
    values: dict[str, Array],
    theirs: dict[str, Array],
    name: str,
    stage: Stage,
    path: Sequence[Stage],
    chosen: Sequence[Choice],
) -> Array | None:
    """`name` with these mistakes made; None where they leave nobody, or nothing that makes sense."""
    options: dict[str, dict[str, str]] = {}
    for changed_stage, option, value in chosen:
        options.setdefault(changed_stage, {})[option] = value
    known = values | {n: a for n, a in theirs.items() if n not in stage.makes}
    changed: set[str] = set()
    for s in STAGES:
        if s not in path or not (s.name in options or changed & set(s.needs)):
            continue
        run = mistakes.run(s.name, options.get(s.name, {}))
        try:
            with np.errstate(all="ignore"):
                arrays = run(machine, *(known[need] for need in s.needs))
        except (Nobody, ValueError):
            return None
        for made, array in zip(s.makes, arrays, strict=True):
            if s is stage or made not in theirs:
                known[made] = np.asarray(array)
                changed.add(made)
    return known[name] if name in changed else None


# Layers --------------------------------------------------------------------------------------------------------------


def _layer_rows(machine: Machine, stage: Stage, values: dict[str, Array], theirs: dict[str, Array]) -> Iterator[Row]:
    """Rows for the layers handed over, each judged on its own like the stages."""
    network = machine.detector if stage.name == "detector network" else machine.landmark
    prefix = f"{ACTIVATIONS}{network.name}/"
    given = {n.removeprefix(prefix).removesuffix("/output"): a for n, a in theirs.items() if n.startswith(prefix)}
    x = (values | theirs).get(stage.needs[0])
    if not given or x is None:
        return
    for found in layers.judge(network, x, given):
        difference = Difference("", f"(values reach {found.size:.3g})", found.largest, found.mean, found.off)
        yield Row(
            f"{prefix}{found.layer}/output",
            f"layer {found.layer}",
            found.state,
            () if found.state == "equal" else (difference,),
            found.causes,
            found.explained,
        )


# Where intermediates come from ----------------------------------------------------------------------------------------


def load(source: str | os.PathLike[str]) -> Callable[[Array], dict[str, Array]]:
    """Something that gives intermediates for a picture.

    Parameters
    ----------
    source : path or str
        An HDF5 file or an ``.npz`` with arrays under their names, or ``module:function``, a Python function that takes
        the picture (ndarray of uint8, (H, W, 3), RGB) and returns a mapping of names to arrays.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        The file holds no arrays, or there is no such function.
    """
    text = os.fspath(source)
    path = Path(text)
    module, colon, function = text.partition(":")
    if colon and not path.exists() and module.replace(".", "").isidentifier():
        return _function(module, function)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path} (a Python function is given as module:function)")
    arrays = _read_npz(path) if path.suffix.lower() == ".npz" else _read_h5(path)
    return lambda image: arrays


def _function(module: str, name: str) -> Callable[[Array], dict[str, Array]]:
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{module}:{name}: cannot be imported: {error}") from error
    if not callable(function):
        raise ValueError(f"{module}:{name}: not a function")

    def call(image: Array) -> dict[str, Array]:
        found = function(image)
        if not isinstance(found, Mapping):
            raise ValueError(f"{module}:{name} returned {type(found).__name__}, expected a mapping of names to arrays")
        return dict(found)

    return call


def _read_npz(path: Path) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: not a readable .npz file ({error})") from error


def _read_h5(path: Path) -> dict[str, Array]:
    import h5py

    arrays: dict[str, Array] = {}

    def take(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = np.asarray(item[()])

    try:
        with h5py.File(path, "r") as h5:
            h5.visititems(take)
    except OSError as error:
        raise ValueError(f"{path}: not a readable HDF5 file ({error})") from error
    return arrays
