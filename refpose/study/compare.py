"""Somebody else's intermediates against refpose's: the first stage that differs, by how much, and why.

Every stage is judged on its own: refpose's stage is given what *you* had before it, as far as you hand it over, and its
result is compared with yours. So a mistake shows where it is made, and not in everything that follows. Where a stage
differs, usual mistakes are tried (`refpose.study.causes`), alone and together, until one gives what you have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..pose import Pose
from ..runner import Names, NoPerson, Run
from ..stages import landmarks
from . import causes, layers
from .causes import MISSING, Call
from .differences import Difference, differences_of
from .explain import quantities_of
from .intermediates import checked
from .quantities import ACTIVATIONS, Quantity, of_person, without_person

Array = NDArray[Any]
T = TypeVar("T")

# Detector inputs of one picture, whatever was done to it, are more alike than this; of two pictures they are not.
_SAME_PICTURE = 0.3


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
    own : tuple of str
        What the stage was given of refpose's own, because it was not handed over.
    """

    name: str
    stage: str
    state: str
    differences: tuple[Difference, ...] = ()
    causes: tuple[str, ...] = ()
    explained: float = 0.0
    remark: str = ""
    own: tuple[str, ...] = ()


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
            said = "; ".join(filter(None, (differences, row.remark)))
            lines.append(f"{row.name:{width}}  {row.state:8} {said}".rstrip())
            if row.causes:
                lines += [f"{'':{width}}  cause:   {cause}" for cause in row.causes]
                lines.append(f"{'':{width}}           explains {100 * row.explained:.4g} % of the difference")
            elif row.state == "differs" and row.differences:
                lines.append(f"{'':{width}}  none of the mistakes that were tried gives this")
            if row.state == "differs" and row.own:
                lines.append(f"{'':{width}}  judged with refpose's own {', '.join(row.own)}: not handed over")
        first = self.first
        if first is None:
            lines.append("\nno stage differs")
        else:
            cause = f": {'; '.join(first.causes)}" if first.causes else ""
            lines.append(f"\nfirst stage that differs: {first.stage} ({first.name}){cause}")
        return "\n".join(lines)


def compare(
    theirs: Mapping[str, Array],
    image: Array,
    model: str = "full",
    engine: str = "auto",
    min_detection_confidence: float = 0.5,
    window: int = landmarks.WINDOW,
    tasks: str | None = None,
    people: int = 1,
) -> Comparison:
    """Compare intermediates of one picture with refpose's.

    Parameters
    ----------
    theirs : mapping of str to array
        Any of the model's quantities (`refpose.study.quantities`), and outputs of layers as
        ``activations/<network>/<layer>/output``. Axes of length 1 do not matter, nor whether a network's list of
        numbers is flat, nor whether rows behind the 33 landmarks are there.
    image : ndarray of uint8, shape (H, W, 3)
        RGB; what both were given.
    model, engine, min_detection_confidence
        As for `refpose.Pose`.
    window : int
        BlazePose: side of the refinement window in cells: 9 as MediaPipe's Python class, 7 as its graph.
    tasks : {"0.10.21", "1.2.3"}, optional
        Compare with MediaPipe Tasks' pose landmarker of this version (`refpose.tasks`) instead of the solution. Names
        of the second person are ``people/1/...``.
    people : int
        At most so many people are looked for.

    Raises
    ------
    ValueError
        A name is not known, or an array has another shape than its name asks for.
    """
    options: dict[str, Any] = {"engine": engine, "min_detection_confidence": min_detection_confidence}
    if tasks is not None:
        from ..tasks import TasksPose

        return judge(theirs, image, TasksPose(model, "image", people, tasks, segmentation=True, **options))
    if window != landmarks.WINDOW:
        options["refinement_window"] = window
    if people != 1:
        options["people"] = people
    return judge(theirs, image, Pose(model, "image", **options))


def judge(theirs: Mapping[str, Array], image: Array, pose: Pose[Any]) -> Comparison:
    """Compare intermediates with those of an estimator in mode ``"image"``; see `compare`."""
    given = checked(
        theirs, image, quantities_of(pose.model), {network.name: network for network in pose.networks.values()}
    )
    found = Judge(given, image, pose)
    pose.compute(found, image)
    return Comparison(tuple(found.all_rows()))


class Judge(Run):
    """Makes the calls of a pipeline, gives each what was handed over, and judges what was handed over for its result.

    Where a call cannot be made, because a stage before it found nobody, what it should give is `MISSING`.
    """

    everything = True

    def __init__(self, theirs: Mapping[str, Array], image: Array, pose: Pose[Any]) -> None:
        self.everybodys = theirs
        self.theirs: Mapping[str, Array] = _of_person(theirs, 0)
        self.others: dict[int, Judge] = {}
        self.pose, self.image = pose, image
        self.size = (image.shape[1], image.shape[0])
        self.quantities: Mapping[str, Quantity] = quantities_of(pose.model)
        self.rows: list[Row] = []
        self.calls: list[Call] = []
        self.given_values: dict[str, Any] = {}
        self.reason = ""

    def __call__(self, names: Names, function: Callable[..., T], *arguments: Any) -> T:
        """Make a call and judge it; theirs is passed on where there is any."""
        several = (names,) if isinstance(names, str) else names
        if not several:  # a gate: the landmarks are to be compared, however sure the network is
            return None  # type: ignore[return-value]
        made = self._made(function, arguments)
        values = (made,) if isinstance(names, str) else (MISSING,) * len(several) if made is MISSING else tuple(made)
        passed = self._passed(Call(several, function, arguments, values))
        return passed[0] if isinstance(names, str) else passed  # type: ignore[return-value]

    def each(self, name: str, function: Callable[..., list[T]], *arguments: Any) -> list[T]:
        """Make a call and judge its results, each for its person."""
        made = self._made(function, arguments)
        found = [made] if made is MISSING else made
        passed: list[T] = []
        for i, value in enumerate(found):
            from_here = function if i == 0 else partial(_rest, function, i)
            passed += self.person(i)._passed(Call((name,), from_here, arguments, (value,)))
        return passed

    def person(self, index: int) -> Judge:
        """Who judges what was handed over for one of several people."""
        if index == 0:
            return self
        if index not in self.others:
            other = copy(self)  # knows the calls that were made for all
            other.theirs = _of_person(self.everybodys, index)
            other.rows, other.calls, other.given_values = [], list(self.calls), dict(self.given_values)
            other.others = self.others
            self.others[index] = other
        return self.others[index]

    def all_rows(self) -> list[Row]:
        """The rows of all people, and of people whom refpose does not find."""
        rows = list(self.rows)
        for index, other in sorted(self.others.items()):
            rows += [replace(row, name=of_person(row.name, index)) for row in other.rows]
        for name in self.everybodys:
            index, quantity = without_person(name)
            if index and index not in self.others:
                remark = f"refpose finds {1 + len(self.others)} people"
                rows.append(Row(name, self.quantities[quantity].stage, "differs", remark=remark))
        return rows

    def given(self, name: str, value: T) -> T:
        """Judge what comes from outside."""
        return self._passed(Call((name,), None, (), (value,)))[0]

    def fused(self, name: str, function: Callable[..., T], parts: Callable[..., T], *arguments: Any) -> T:
        """Make the calls one by one."""
        return parts(*arguments, self)

    def _made(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if any(argument is MISSING for argument in arguments):
            return MISSING
        try:
            with np.errstate(all="ignore"):  # their numbers may be any
                return function(*arguments)
        except (NoPerson, ValueError) as reason:
            self.reason = str(reason)
            return MISSING

    def _passed(self, call: Call) -> tuple[Any, ...]:
        """What the stages behind a call are given."""
        self.calls.append(call)
        passed = tuple(
            self._take(call, name, value) if name in self.theirs else value
            for name, value in zip(call.names, call.values, strict=True)
        )
        self.rows += self._layers(call)
        return passed

    def _take(self, call: Call, name: str, value: Any) -> Any:
        """Judge what was handed over under a name, and give it in the place of refpose's."""
        quantity, theirs = self.quantities[name], self.theirs[name]
        row = Row(name, quantity.stage, "unknown", own=causes.own_inputs(call, self.calls, self.theirs))
        ours = None if value is MISSING else quantity.form.pack(value)
        strange = np.flatnonzero(~np.isfinite(theirs))
        if ours is not None and ours.shape == theirs.shape:  # what refpose does not find is not a number either
            strange = strange[~np.isnan(ours.reshape(-1)[strange])]
        if len(strange):
            place = ", ".join(map(str, np.unravel_index(strange[0], theirs.shape)))
            remark = f"{len(strange)} of {theirs.size} values are not finite, the first at [{place}]"
            self.rows.append(replace(row, state="differs", remark=remark))
            return value
        if ours is None:
            self.rows.append(replace(row, remark=f"nothing to compare with: {self.reason}"))
        else:
            if theirs.ndim == 2 and "n" not in quantity.shape and len(theirs) < len(ours):
                remark = f"{len(theirs)} rows instead of {len(ours)}: those behind the landmarks are refpose's"
                row, theirs = replace(row, remark=remark), np.concatenate([theirs, ours[len(theirs) :]])
            self.rows.append(self._judged(call, row, quantity, ours, theirs))
        try:
            self.given_values[name] = quantity.form.unpack(theirs)
        except ValueError as reason:  # no region has such sides
            self.reason = f"{name}: {reason}"
            self.given_values[name] = MISSING
        return self.given_values[name]

    def _judged(self, call: Call, row: Row, quantity: Quantity, ours: Array, theirs: Array) -> Row:
        if "n" in quantity.shape and ours.shape != theirs.shape:
            row = replace(row, remark=f"{len(theirs)} candidates, refpose has {len(ours)}")
        elif ours.shape != theirs.shape:
            remark = f"shape {theirs.shape}, refpose has {ours.shape}"
            return replace(row, state="differs", remark=remark)
        differences = differences_of(quantity, ours, theirs, self.size)
        if all(d.largest == 0 for d in differences):
            return replace(row, state="equal")
        shown = tuple(d for d in differences if d.largest > 0)
        if all(d.noise for d in differences):
            return replace(row, state="close", differences=shown)
        found, explained = causes.search(self, call, row.name, theirs)
        if not found and row.name == "detector/input":
            alike = float(np.corrcoef(ours.reshape(-1), theirs.reshape(-1))[0, 1]) if theirs.std() > 0 else 0.0
            if not alike > _SAME_PICTURE:
                remark = f"its correlation with refpose's is {alike:.2f}: of another picture?"
                row = replace(row, remark=remark)
        return replace(row, state="differs", differences=shown, causes=found, explained=explained)

    def _layers(self, call: Call) -> list[Row]:
        """Rows for the layers of a network that were handed over, each judged on its own like the stages."""
        network = next(
            (one for one in self.pose.networks.values() if call.arguments and call.arguments[0] is one), None
        )
        if network is None or call.arguments[1] is MISSING:
            return []
        prefix = f"{ACTIVATIONS}{network.name}/"
        given = {n.removeprefix(prefix).removesuffix("/output"): a for n, a in self.theirs.items() if prefix in n}
        return [
            Row(
                f"{prefix}{found.layer}/output",
                f"layer {found.layer}",
                found.state,
                ()
                if found.state == "equal"
                else (Difference("", f"(values reach {found.size:.3g})", found.largest, found.mean, found.off),),
                found.causes,
                found.explained,
            )
            for found in (layers.judge(network, call.arguments[1], given) if given else ())
        ]


def _of_person(theirs: Mapping[str, Array], index: int) -> dict[str, Array]:
    """What was handed over for one of several people, and of the picture as a whole with the first."""
    named = ((without_person(name), values) for name, values in theirs.items())
    return {name: values for (person, name), values in named if person == index}


def _rest(function: Callable[..., list[T]], start: int, *arguments: Any) -> list[T]:
    """A call's results from one person on."""
    return function(*arguments)[start:]
