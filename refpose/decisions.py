"""What is decided about a frame with several people: numbers that explanations keep, in words that people read."""

from __future__ import annotations

from enum import IntEnum
from typing import SupportsInt


class Decision(IntEnum):
    """A number that says why, with its words."""

    words: str

    def __new__(cls, number: int, words: str) -> Decision:
        decision = int.__new__(cls, number)
        decision._value_ = number
        decision.words = words
        return decision

    @classmethod
    def words_of(cls, number: SupportsInt) -> str:
        """The words of a number."""
        return next(one.words for one in cls if one.value == int(number))

    @classmethod
    def legend(cls) -> str:
        """All numbers and their words."""
        return ", ".join(f"{one.value} {one.words}" for one in cls)


class Asked(Decision):
    """Why the detector was asked."""

    NOBODY = 0, "nobody is in sight"
    HIDDEN = 1, "somebody is hidden"
    TURN = 2, "it is its turn"
    DOUBT = 3, "somebody is in doubt"


class Find(Decision):
    """What became of somebody the detector found."""

    LOOKED_AT = 0, "looked at"
    KNOWN = 1, "no news, a tracked region shows the place"
    NO_ROOM = 2, "no room for more people"
    MOVED = 3, "in a crowd: a tracked region is moved there"


class Source(Decision):
    """Why a region is looked at."""

    GIVEN = 0, "given"
    TRACKED = 1, "tracked"
    DETECTED = 2, "found by the detector"
    EXPECTED = 3, "somebody hidden is expected there"


class Fate(Decision):
    """What became of what a region shows."""

    KEPT = 0, "kept"
    NEW = 1, "somebody new"
    BACK = 2, "taken up again"
    TWIN = 3, "hidden, another region shows the same person"
    LOST = 4, "nobody is there"
    STRAYED = 5, "not who is expected there"
    NO_ROOM = 6, "no room for more people"
    DOUBTED = 7, "hidden, in doubt and not seen by the detector"
