"""The decisions of a frame in words: why each region was looked at, and what became of what it showed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from numpy.typing import NDArray

from ..decisions import Asked, Fate, Find, Source
from .quantities import of_person, without_person


def lines(values: Mapping[str, NDArray[Any]]) -> Iterator[str]:
    """A line for each decision.

    Parameters
    ----------
    values : mapping of str to ndarray
        Any `refpose.study.quantities.DECISIONS`; the presence is told of regions that show nobody.

    Yields
    ------
    str
        ``region 1 (person 0): tracked; kept``: regions and finds are called by their place, people by `Person.id`.
    """
    places = range(1 + max((without_person(name)[0] for name in values), default=-1))
    if (asked := values.get("tracker/asked")) is not None:
        yield f"detector: asked because {Asked.words_of(asked)}"
    for place in places:
        if (fate := values.get(of_person("detector/fate", place))) is not None:
            yield f"find {place}: {Find.words_of(fate)}"
    for place in places:
        if (source := values.get(of_person("tracker/source", place))) is not None:
            yield f"region {place}{_who(values, place)}: {Source.words_of(source)}{_fate(values, place)}"
    for name in ("hidden", "forgotten"):
        for number in values.get(f"tracker/{name}", ()):
            yield f"person {number}: {name}"


def _who(values: Mapping[str, NDArray[Any]], place: int) -> str:
    """For whom a region was made."""
    number = values.get(of_person("tracker/id", place))
    return "" if number is None else f" (person {number})"


def _fate(values: Mapping[str, NDArray[Any]], place: int) -> str:
    """What became of what a region shows."""
    fate = values.get(of_person("tracker/fate", place))
    if fate is None:
        return ""
    told = ""
    if fate == Fate.TWIN:
        told = f": region {values[of_person('tracker/twin', place)]}"
    elif fate in (Fate.NEW, Fate.BACK):
        told = f": person {values[of_person('result/id', place)]}"
    elif fate == Fate.LOST and (presence := values.get(of_person("network/presence", place))) is not None:
        told = f": presence {float(presence):.3g}"
    return f"; {Fate.words_of(fate)}{told}"
