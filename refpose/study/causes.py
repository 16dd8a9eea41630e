"""Why a stage differs: mistakes, on the way from what was handed over, that lead to what was handed over for it.

The pipeline runs again with functions exchanged for mistaken ones; calls that these do not reach are answered from the
run before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from types import ModuleType
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import families
from ..pose import Pose
from ..runner import Names, NoPerson, Run
from .differences import distance
from .quantities import Quantity

Array = NDArray[Any]
T = TypeVar("T")

_NAMED = 0.3  # a mistake is named when it leaves at most this part of the difference
_HELPS = 0.6  # a further one when it leaves at most this part of what the others left
_MOST_MISTAKES = 3
_ALMOST_ALL = 0.05  # what may be left when earlier stages are not looked at any more


class _Missing:
    """What a call that could not be made should have given."""


MISSING: Final = _Missing()


class Call(NamedTuple):
    """A call of the pipeline: what it gave by these names. Without a function, what came from outside."""

    names: tuple[str, ...]
    function: Callable[..., Any] | None
    arguments: tuple[Any, ...]
    values: tuple[Any, ...]

    @property
    def made(self) -> bool:
        """Whether it gave something."""
        return not any(value is MISSING for value in self.values)


class Judged(Protocol):
    """The run in which a stage was found to differ."""

    pose: Pose[Any]
    image: Array
    size: tuple[int, int]
    quantities: Mapping[str, Quantity]
    theirs: Mapping[str, Array]
    calls: list[Call]
    given_values: dict[str, Any]


Choice = tuple[str, str, str]  # stage, option, value


def _maker(argument: Any, calls: Sequence[Call]) -> tuple[str, Call] | None:
    """The call that gave a value, and the value's name."""
    for call in calls:
        for name, value in zip(call.names, call.values, strict=True):
            if value is argument and value is not MISSING:
                return name, call
    return None


def own_inputs(call: Call, calls: Sequence[Call], theirs: Mapping[str, Array]) -> tuple[str, ...]:
    """What a call was given of refpose's own, but for the picture."""
    makers = [_maker(argument, calls) for argument in call.arguments]
    return tuple(made[0] for made in makers if made is not None and made[0] not in theirs and made[0] != "image")


def _path(call: Call, calls: Sequence[Call], theirs: Mapping[str, Array]) -> list[Call]:
    """The call and those before it whose results were not handed over, nearest first."""
    path: list[Call] = []
    queue = [call]
    while queue:
        one = queue.pop(0)
        if any(one is before for before in path):
            continue
        path.append(one)
        makers = [_maker(argument, calls) for argument in one.arguments]
        queue += [made[1] for made in makers if made is not None and made[0] not in theirs]
    return path


class Reached(Exception):
    """The call that is looked at was made."""

    def __init__(self, values: tuple[Any, ...]) -> None:
        super().__init__()
        self.values = values


class Swap(Run):
    """Makes the calls of a pipeline with functions exchanged, up to the call that is looked at.

    Parameters
    ----------
    run : Judged
    target : Call
    options : mapping of str to mapping
        Stage -> option -> value of the mistakes that are made.
    """

    everything = True

    def __init__(self, run: Judged, target: Call, options: Mapping[str, Mapping[str, str]]) -> None:
        self.run, self.target, self.options = run, target, options
        self.mistakes = mistakes_of(run.pose.model)
        self.calls = {call.names: call for call in run.calls}

    def __call__(self, names: Names, function: Callable[..., T], *arguments: Any) -> T:
        """Make a call, mistaken where that is asked for, or answer it from memory."""
        if not names:
            return None  # type: ignore[return-value]
        if isinstance(names, str):
            return self._made((names,), function, arguments, lambda made: (made,))[0]
        return self._made(names, function, arguments, tuple)  # type: ignore[return-value]

    def each(self, name: str, function: Callable[..., list[T]], *arguments: Any) -> list[T]:
        """Make a call for the first person."""
        return list(self._made((name,), function, arguments, lambda made: (made[0],)))

    def given(self, name: str, value: T) -> T:
        """Take over what comes from outside."""
        return self._passed((name,), (value,))[0]

    def fused(self, name: str, function: Callable[..., T], parts: Callable[..., T], *arguments: Any) -> T:
        """Make the calls one by one."""
        return parts(*arguments, self)

    def _made(
        self,
        names: tuple[str, ...],
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        as_values: Callable[[Any], tuple[Any, ...]],
    ) -> tuple[Any, ...]:
        stage = self.run.quantities[names[0]].stage
        before = self.calls.get(names)
        if stage in self.options:
            function = self.mistakes.mistaken(stage, self.options[stage], function)
        elif (
            before is not None
            and not any(value is MISSING for value in before.values)
            and _alike(arguments, before.arguments)
        ):
            return self._passed(names, before.values)
        if any(argument is MISSING for argument in arguments):
            raise NoPerson("a stage before found nobody")
        with np.errstate(all="ignore"):
            return self._passed(names, as_values(function(*arguments)))

    def _passed(self, names: tuple[str, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
        if names == self.target.names:
            raise Reached(values)
        return tuple(self.run.given_values.get(name, value) for name, value in zip(names, values, strict=True))


def _alike(some: Sequence[Any], others: Sequence[Any]) -> bool:
    return len(some) == len(others) and all(
        one is other or (isinstance(one, int | float | str) and one == other)
        for one, other in zip(some, others, strict=True)
    )


def mistakes_of(model: str) -> ModuleType:
    """The module of the usual mistakes in ports of a model."""
    found: ModuleType = families.named(families.family_of(model).mistakes)
    return found


def search(run: Judged, call: Call, name: str, target: Array) -> tuple[tuple[str, ...], float]:
    """Mistakes that lead to what was handed over.

    Parameters
    ----------
    run : Judged
    call : Call
        The one that differs.
    name : str
        Of its result that differs.
    target : ndarray
        What was handed over.

    Returns
    -------
    causes : tuple of str
        Empty when none is found.
    explained : float
        Part of the difference that goes away with them.
    """
    options, quantities = mistakes_of(run.pose.model).OPTIONS, run.quantities
    quantity = quantities[name]
    index = call.names.index(name)

    def apart(value: Any) -> float:
        return distance(quantity, quantity.form.pack(value), target, run.size)

    before = apart(call.values[index])
    stage = quantity.stage
    path = [quantities[one.names[0]].stage for one in _path(call, run.calls, run.theirs)]
    cache: dict[tuple[Choice, ...], float] = {}

    def left(chosen: Sequence[Choice]) -> float:
        key = tuple(sorted(chosen))
        if not key:
            return before
        if key not in cache:
            made = _remade(run, call, key)
            cache[key] = before if made is None else min(apart(made[index]), 1e30)
        return cache[key]

    enough = 1.0 if before > 10 else before / 10
    chosen: tuple[Choice, ...] = ()
    for scope in ([stage], path):  # earlier stages cost a run of the network each, and are tried only where needed
        choices: list[tuple[Choice, ...]] = [
            ((s, option, value),) for s in scope for option, wrong in options.get(s, {}).items() for value in wrong
        ]
        if scope is path:
            choices += _twins(choices)
        found = _search(choices, left, before, enough, pairs=scope is not path and "network" not in stage)
        chosen = min(chosen, found, key=left)
        if left(chosen) <= max(enough, _ALMOST_ALL * before) or len(path) == 1:
            break
    remaining = left(chosen)
    if not chosen or remaining > _NAMED * before:
        return (), 0.0
    texts = tuple(
        options[at][option][value] + ("" if at == stage else f" (in an earlier stage: {at})")
        for at, option, value in chosen
    )
    return texts, 1 - remaining / before


def _remade(run: Judged, target: Call, chosen: Sequence[Choice]) -> tuple[Any, ...] | None:
    """What the call gives with these mistakes made; None where they leave nobody, or nothing that makes sense."""
    options: dict[str, dict[str, str]] = {}
    for stage, option, value in chosen:
        options.setdefault(stage, {})[option] = value
    try:
        run.pose.compute(Swap(run, target, options), run.image)
    except Reached as reached:
        return reached.values
    except ValueError:
        pass
    return None


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
