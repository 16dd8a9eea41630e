"""Several people in a video, as refpose follows them: identities that last, filters for each, nobody twice.

MediaPipe has no such thing (its Tasks find several people, and do not tell who is who). Everybody has a
`refpose.trackers.SolutionTracker` of their own, so that one person in sight is followed with the solutions' bits. The
rules are few:

1. A person is looked for where the frame before says (the solutions' next region).
2. The detector is asked when a frame has nobody to look for, when somebody was lost the frame before, and else on every
   `detect_every`-th frame while there is room; without room, when one of several is in doubt. Who it finds within
   `_SAME_PLACE` of a tracked region is no news. But where a tracked region overlaps another by more than `_CROWDED`,
   its crop shows two people, and may have been placed by the landmarks of the wrong one: then they are looked for where
   the detector sees them, if no other tracked region is as near to that.
3. Two estimates whose torsos are closer than `_SAME_TORSO` of their size show one person: a landmark network whose crop
   shows two people may jump to the other. It stays with who is in sight rather than with who was hidden or is new, and
   else with the one who was expected nearest to it, going on as before; the other is hidden.
4. Who is hidden keeps the identity and the filters for `max_hidden` seconds. Meanwhile they are looked for where they
   would be had they gone on as before, unless the detector sees somebody there, that is outside the picture, or nobody
   else is in sight: somebody who passes behind another comes out on the other side, and the detector, made for one
   person, often goes on seeing the other only. What is found there counts when the middle of its hips is within
   `_STRAYED` of where it was looked for. They are back too when the detector finds somebody within `_REACH` of that
   place, or of the place where they were last seen: people turn round. Nobody else being around, the filters are taken
   over however long ago that was, as in the solutions, but the identity is not.
5. A landmark network that has lost somebody may go on for seconds to see them in what is behind them. So where somebody
   else is in sight, an estimate with less presence than `_SURE` is dropped when the detector does not bear it out: it
   was asked, and found nobody near the region. One frame of that is forgiven, unless somebody was only expected there.
6. There is room for `people`: for those in sight, then for those who come back, then for new ones.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import decisions
from .decisions import Asked, Fate
from .runner import NoPerson, Run
from .stages.association import overlap
from .stages.filters import Smoothing
from .stages.landmarks import AUXILIARY
from .stages.roi import Roi
from .stages.table import NUMPY, Stages
from .trackers import RESULT, STEP_US, Clock, Estimate, Find, Region, Result, SolutionTracker

DETECT_EVERY = 1  # frames
MAX_HIDDEN = 2.0  # seconds
_SAME_PLACE = 0.25  # of the larger region's side: distance of two regions' centres that show one person
_CROWDED = 0.35  # overlap of two tracked regions (intersection over union) from which the detector knows better
_SAME_TORSO = 0.25  # of the smaller region's side: mean distance of shoulders and hips in two estimates of one person
_REACH = 0.6  # of the larger region's side: how far from where they were last seen a hidden person comes back
_ALIKE = 1.6  # regions of one person are not larger than so many times each other
_STRAYED = 0.15  # of the region's side: how far from where they are expected somebody hidden may be
_SURE = 0.9  # presence of somebody whom the detector need not see
_NEWS = 0.1  # part of a frame's speed in the speed at which somebody goes; a crop that jumps lasts two or three frames
_TORSO = (11, 12, 23, 24)  # shoulders and hips


class Person:
    """Somebody who is followed.

    Attributes
    ----------
    id : int
        From 0, in the order in which people were first seen; never given twice.
    memory : SolutionTracker
        Filters, mask, and the region for the next frame.
    seen : Roi
        The region in which they were last seen.
    seen_us : int
        When that was, in microseconds.
    sure : bool
        Whether the landmark network was, then.
    """

    def __init__(self, number: int, memory: SolutionTracker, seen: Roi, seen_us: int) -> None:
        self.id = number
        self.memory = memory
        self.seen = seen
        self.seen_us = seen_us
        self.sure = True
        self._speed: NDArray[np.float64] = np.zeros(
            2
        )  # of the region's centre, in fractions of the image per microsecond
        self._steps = 0

    @property
    def hidden(self) -> bool:
        """Whether the last frame did not show them."""
        return self.memory.roi is None

    def see(self, roi: Roi, time_us: int, sure: bool) -> None:
        """Take note of where they are seen; called before the memory has a region for the next frame."""
        if self.hidden:
            self._steps = 0
        elif time_us > self.seen_us:
            self._steps += 1
            step = np.array((roi.x - self.seen.x, roi.y - self.seen.y)) / (time_us - self.seen_us)
            self._speed = self._speed + max(1 / self._steps, _NEWS) * (step - self._speed)
        self.seen, self.seen_us, self.sure = roi, time_us, sure

    def expected(self, time_us: int) -> Roi:
        """Where they would be had they gone on as before."""
        x, y = self._speed * (time_us - self.seen_us)
        return replace(self.seen, x=self.seen.x + float(x), y=self.seen.y + float(y))

    def result(self, *arguments: Any) -> Result:
        """`SolutionTracker.filtered`, with the identity."""
        return self.memory.filtered(*arguments)._replace(id=self.id)


class PeopleTracker(Clock):
    """The memory of a stream of frames with several people; picklable.

    Parameters
    ----------
    people : int or None
        How many are followed at most; None: all that are found.
    smoothing : Smoothing or None
        As for `SolutionTracker`.
    mask_ratio : float
        As for `SolutionTracker`.
    detect_every : int
        How often the detector is asked while everybody is in sight, in frames.
    max_hidden : float
        How long somebody who is not seen is remembered, in seconds.

    Attributes
    ----------
    tracked : list of Person
        By identity.
    forgotten : list of int
        Who was forgotten at the end of the last frame, having been hidden for too long.
    """

    def __init__(
        self,
        people: int | None,
        smoothing: Smoothing | None = None,
        mask_ratio: float = 0.0,
        detect_every: int = DETECT_EVERY,
        max_hidden: float = MAX_HIDDEN,
    ) -> None:
        self.people = people
        self.smoothing = smoothing
        self.mask_ratio = mask_ratio
        self.detect_every = detect_every
        self.max_hidden = max_hidden
        self.reset()

    def reset(self) -> None:
        """Forget everybody."""
        self.time_us = None
        self.tracked: list[Person] = []
        self.last: SolutionTracker | None = None
        self._next_id = 0
        self._frames = 0
        self._step_us = STEP_US
        self.forgotten: list[int] = []
        self._places: dict[int, int] = {}
        self._looked: list[tuple[Region, Person | None]] = []
        self._unseen: set[int] = set()

    @property
    def in_sight(self) -> list[Person]:
        """Those who have a region to look at."""
        return [one for one in self.tracked if one.memory.roi is not None]

    def regions(self, run: Run, find: Find) -> Sequence[Region]:
        """Where to look: at those in sight, and at those the detector finds besides."""
        known = self.in_sight
        self._looked = [(Region(one.memory.roi), one) for one in known if one.memory.roi is not None]
        self._unseen = set()
        room = self.people is None or len(known) < self.people
        if not known:
            run.decided("tracker/asked", Asked.NOBODY)
            self._looked = [(region, None) for region in find(self.people)]
        elif (why := self._asked(known, room)) is not None:
            run.decided("tracker/asked", why)
            self._looked += [(region, None) for region in self._news(run, find, len(known))]
        if known and room:
            self._looked += self._behind()
        for i, (region, person) in enumerate(self._looked):
            run.person(i).given("roi/crop_n", region.roi)
            run.person(i).decided("tracker/id", None if person is None else person.id)
        return [region for region, _ in self._looked]

    def _asked(self, known: Sequence[Person], room: bool) -> Asked | None:
        """Why the detector is asked while somebody is in sight, if it is."""
        if room and len(known) < len(self.tracked):
            return Asked.HIDDEN
        if room and self._frames % self.detect_every == 0:
            return Asked.TURN
        return Asked.DOUBT if len(known) > 1 and not all(one.sure for one in known) else None

    def _behind(self) -> list[tuple[Region, Person | None]]:
        """Where those who are hidden should be, as far as the detector has found nobody there."""
        now = (self.time_us or 0) + self._step_us
        found = [region.roi for region, person in self._looked if person is None]
        places = [(one.expected(now), one) for one in self.tracked if one.hidden]
        return [
            (Region(roi, expected=True), one)
            for roi, one in places
            if 0 <= roi.x <= 1 and 0 <= roi.y <= 1 and not any(_near(roi, other, _SAME_PLACE) for other in found)
        ]

    def _news(self, run: Run, find: Find, known: int) -> list[Region]:
        """Whom the detector finds besides those in sight; whoever is in a crowd is looked for where it sees them."""
        try:
            found = find(None)
        except NoPerson:
            found = []
        looked = [region.roi for region, _ in self._looked]
        shown = [[k for k, other in enumerate(looked) if _near(one.roi, other, _SAME_PLACE)] for one in found]
        self._unseen = set(range(len(looked))).difference(*shown)
        news: list[Region] = []
        for i, (one, near) in enumerate(zip(found, shown, strict=True)):
            if len(near) == 1 and _crowded(looked, near[0]):
                fate = decisions.Find.MOVED
                self._looked[near[0]] = Region(one.roi), self._looked[near[0]][1]
            elif near:
                fate = decisions.Find.KNOWN
            elif self.people is not None and len(news) >= self.people - known:
                fate = decisions.Find.NO_ROOM
            else:
                fate = decisions.Find.LOOKED_AT
                news.append(one)
            run.person(i).decided("detector/fate", fate)
        return news

    def follow(
        self, run: Run, estimates: Sequence[Estimate], width: int, height: int, time_us: int, stages: Stages = NUMPY
    ) -> list[tuple[Estimate, Result]]:
        """Take over the estimates of a frame; those that are kept come back with their results, by identity."""
        places = {id(region): (i, person) for i, (region, person) in enumerate(self._looked)}
        seen = [(one, *places.get(id(one.region), (i, None))) for i, one in enumerate(estimates)]
        for _, _, person in seen:
            if person is not None and estimates[0].mask is not None:
                person.memory.check_mask((height, width))
        size = np.array((width, height))
        dropped = dict.fromkeys(self._doubted(seen), Fate.DOUBTED) | {
            place: Fate.STRAYED
            for one, place, _ in seen
            if one.region.expected and _astray(one, one.region.roi, size) > _STRAYED
        }
        for place, fate in dropped.items():
            run.person(place).decided("tracker/fate", fate)
        seen = [one for one in seen if one[1] not in dropped]
        twins = _twins(seen, time_us, size)
        kept = sorted((one for i, one in enumerate(seen) if i not in twins), key=lambda one: _rank(one[2]))
        for _, place, _ in kept[self.people :] if self.people is not None else ():
            run.person(place).decided("tracker/fate", Fate.NO_ROOM)
        kept = kept[: self.people]
        followed: dict[int, tuple[Person, int, Estimate]] = {
            person.id: (person, place, one) for one, place, person in kept if person is not None
        }
        for one, place, person in kept:
            fate = Fate.KEPT
            if person is not None and person.hidden:
                fate = Fate.BACK
            elif person is None:
                before = self._next_id
                new = self._newcomer(one.region.roi, time_us, followed.keys())
                followed[new.id] = new, place, one
                fate = Fate.NEW if new.id == before else Fate.BACK
            run.person(place).decided("tracker/fate", fate)
        for i, other in twins.items():
            run.person(seen[i][1]).decided("tracker/fate", Fate.TWIN)
            run.person(seen[i][1]).decided("tracker/twin", seen[other][1])
        for known in self.tracked:
            if known.id not in followed:
                known.memory.lose(time_us)
        found = []
        self._places = {number: place for number, (_, place, _) in followed.items()}
        for person, place, one in (followed[number] for number in sorted(followed)):
            person.see(one.region.roi, time_us, _sure(one))
            arguments = (one.landmarks, one.world, one.mask, width, height, time_us, stages)
            found.append((one, Result(*run.person(place)(RESULT, person.result, *arguments))))
        self._end_frame(time_us)
        return found

    def _doubted(self, seen: Sequence[Seen]) -> list[int]:
        """The places of those who may not be there, where somebody else is (rule 5)."""
        doubted = [
            place
            for one, place, person in seen
            if not _sure(one)
            and (one.region.expected or (place in self._unseen and person is not None and not person.sure))
        ]
        others = [place for one, place, _ in seen if not one.region.expected and place not in doubted]
        return doubted if others else []

    def _newcomer(self, roi: Roi, time_us: int, followed: Collection[int]) -> Person:
        """Somebody who was not seen and is back, or somebody new."""
        ways = [
            (_apart(roi, place), one)
            for one in self.tracked
            if one.id not in followed
            for place in (one.seen, one.expected(time_us))
            if _near(roi, place, _REACH)
        ]
        if ways:
            return min(ways, key=lambda way: way[0])[1]
        alone = not self.tracked and self.last is not None
        memory = self.last if alone and self.last is not None else SolutionTracker(self.smoothing, self.mask_ratio)
        self.last = None
        person = Person(self._next_id, memory, roi, time_us)
        self._next_id += 1
        self.tracked.append(person)
        return person

    def lose(self, time_us: int) -> None:
        """Take note that a frame shows nobody."""
        self._places = {}
        for person in self.tracked:
            person.memory.lose(time_us)
        self._end_frame(time_us)

    def _end_frame(self, time_us: int) -> None:
        """Forget those who have been hidden for too long."""
        if self.time_us is not None:
            self._step_us = time_us - self.time_us
        self.time_us = time_us
        self._frames += 1
        self._looked = []
        limit = time_us - round(self.max_hidden * 1e6)
        staying = [one for one in self.tracked if one.memory.roi is not None or one.seen_us >= limit]
        if self.tracked and not staying:
            self.last = max(self.tracked, key=lambda one: one.seen_us).memory
        self.forgotten = [one.id for one in self.tracked if one not in staying]
        self.tracked = staying

    def states(self) -> dict[str, NDArray[Any]]:
        """Who is hidden and who forgotten after a frame, and the filters of those seen, by their regions' places."""
        hidden = [one.id for one in self.tracked if one.memory.roi is None]
        return {
            "tracker/hidden": np.array(hidden, np.int64),
            "tracker/forgotten": np.array(self.forgotten, np.int64),
        } | {
            name if place == 0 else f"people/{place}/{name}": array
            for person in self.tracked
            if (place := self._places.get(person.id)) is not None
            for name, array in person.memory.states().items()
        }


Seen = tuple[Estimate, int, Person | None]


def _twins(seen: Sequence[Seen], time_us: int, size: NDArray[Any]) -> dict[int, int]:
    """Which estimates show a person whom another one shows too, and which other (rule 3)."""
    torsos = [one.landmarks.position[list(_TORSO), :2] * size for one, _, _ in seen]
    dropped: dict[int, int] = {}
    for a, b in combinations(range(len(seen)), 2):
        side = min(seen[k][0].region.roi.width * size[0] for k in (a, b))
        apart = float(np.linalg.norm(torsos[a] - torsos[b], axis=1).mean())
        if {a, b} & dropped.keys() or apart > _SAME_TORSO * side:
            continue
        further = _further(seen, (a, b), time_us, size)
        dropped[further] = a + b - further
    return dropped


def _further(seen: Sequence[Seen], pair: tuple[int, int], time_us: int, size: NDArray[Any]) -> int:
    """Of two estimates of one person, that of less standing (`_rank`), else that which went astray further."""
    a, b = pair
    standing = []
    for one, _, person in (seen[k] for k in pair):
        place = one.region.roi if person is None else person.expected(time_us)
        standing.append((_rank(person), _astray(one, place, size)))
    return a if standing[0] > standing[1] else b


def _sure(one: Estimate) -> bool:
    """Whether the landmark network has no doubt that there is somebody."""
    return float(one.presence) >= _SURE


def _rank(person: Person | None) -> int:
    """Who goes first: somebody in sight, somebody who was hidden, somebody new."""
    return 2 if person is None else int(person.hidden)


def _astray(one: Estimate, place: Roi, size: NDArray[Any]) -> float:
    """How far the middle of the hips is from the middle of a region, in sides of it."""
    gap = (one.landmarks.position[AUXILIARY][0, :2] - np.array((place.x, place.y))) * size
    return float(np.linalg.norm(gap) / (place.width * size[0]))


def _apart(one: Roi, other: Roi) -> float:
    """Distance of two regions' centres, in sides of the larger one."""
    x = (one.x - other.x) / max(one.width, other.width)
    y = (one.y - other.y) / max(one.height, other.height)
    return float(np.hypot(x, y))


def _crowded(places: Sequence[Roi], place: int) -> bool:
    """Whether one of some regions overlaps another."""
    return any(overlap(places[place], other) > _CROWDED for k, other in enumerate(places) if k != place)


def _near(one: Roi, other: Roi, part: float) -> bool:
    """Whether two regions may show one person."""
    larger, smaller = max(one.width, other.width), min(one.width, other.width)
    return _apart(one, other) <= part and larger <= _ALIKE * smaller
