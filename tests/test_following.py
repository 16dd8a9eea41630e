"""How well people are followed on clips whose truth is known, beside MediaPipe Tasks; `make tracking` has all clips."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tracking_clips import COUNTED, FRAMES, clips, truth
from tracking_table import material, measure, nearest, refpose, street, tasks

from refpose.people import Person
from refpose.stages.roi import Roi
from refpose.trackers import SolutionTracker


@cache
def figures(name: str, who: str) -> dict[str, Any]:
    """Figures of a clip with the lite network."""
    (clip,) = [clip for clip in clips() if clip.name == name]
    videos, marked = material([clip])
    people = len(clip.actors)
    follow = refpose("lite", people) if who == "refpose" else tasks("lite", people)
    found: dict[str, Any] = measure(follow, videos, marked)["all"]
    return found


def test_nobody_is_taken_for_another_while_people_are_apart() -> None:
    """Somebody leaves the picture and is the same when coming back."""
    own = figures("leaving and coming back", "refpose")
    assert (own["switches"], own["false"], own["duplicates"]) == (0, 0, 0)
    assert own["mota"] > 0.97
    assert own["idf1"] > 0.98


@pytest.mark.parametrize(("name", "idf1", "mota"), [("crossing close", 0.85, 0.75), ("in step", 0.9, 0.85)])
def test_people_who_cross_or_touch_keep_their_identities(name: str, idf1: float, mota: float) -> None:
    """Floors below what is measured; Tasks' results with identities by the nearest torso are worse in every figure."""
    own, theirs = figures(name, "refpose"), figures(name, "tasks")
    assert own["switches"] == 0
    assert own["idf1"] > max(idf1, theirs["idf1"])
    assert own["mota"] > max(mota, theirs["mota"])
    for count in ("switches", "misses", "false", "duplicates"):
        assert own[count] <= theirs[count]


def test_truth_of_the_clips() -> None:
    """Joints move as their people do; who is covered does not count."""
    (clip,) = [clip for clip in clips() if clip.name == "crossing close"]
    found = truth([clip])
    assert len(found["images"]) == FRAMES
    noses = {track: [a["keypoints"][0] for a in found["annotations"] if a["track_id"] == track] for track in (0, 1)}
    assert noses[0] == sorted(noses[0])
    assert noses[1] == sorted(noses[1], reverse=True)
    hidden = [a["image_id"] for a in found["annotations"] if a["iscrowd"]]
    assert {a["track_id"] for a in found["annotations"] if a["iscrowd"]} == {0}
    assert FRAMES // 2 in hidden
    assert 0 < len(hidden) < FRAMES // 3
    assert 0 < COUNTED < 1


def test_nearest_torso() -> None:
    def body(x: float) -> Any:
        return np.full((33, 2), x)

    first, used = nearest([body(10), body(90)], [], 0)
    assert [number for number, _ in first] == [0, 1]
    second, used = nearest([body(80), body(20), body(200)], first, used)
    assert [number for number, _ in second] == [1, 0, 2]
    assert used == 3


def test_somebody_is_expected_where_they_go() -> None:
    """A crop that jumps in the last two frames leads away by a fifth of the jump only."""
    person = Person(0, SolutionTracker(), Roi(0.1, 0.5, 0.3, 0.5), 0)
    for i in range(1, 21):
        person.memory.roi = Roi(0, 0, 1, 1)
        person.see(Roi(0.1 + 0.01 * i, 0.5, 0.3, 0.5), 33_000 * i, True)
    assert person.expected(33_000 * 25).x == pytest.approx(0.35)
    assert person.expected(33_000 * 25).y == pytest.approx(0.5)
    for i in (21, 22):
        person.see(Roi(person.seen.x + 0.06, 0.5, 0.3, 0.5), 33_000 * i, True)
    step = person.expected(33_000 * 23).x - person.seen.x
    assert step == pytest.approx(0.01 + 0.05 * (0.1 + 0.09))


def test_labels_of_the_street(root: Path) -> None:
    """Three people on every tenth frame; everybody else is neither right nor wrong."""
    content = json.loads((root / "tests" / "recorded" / "street_people.json").read_text())
    assert len(content["images"]) == 60
    labelled = {image["id"] for image in content["images"] if image["is_labeled"]}
    assert sorted(labelled) == [0, 10, 20, 30, 40, 50, 59]
    assert sorted((a["image_id"], a["track_id"]) for a in content["annotations"]) == sorted(
        (frame, track) for frame in labelled for track in (0, 1, 2)
    )


@pytest.mark.full
def test_street(goldens: Path) -> None:
    """Nobody on the street is taken for another."""
    videos, marked = street(goldens / "frames_street")
    own = measure(refpose("full", 3), videos, marked)["all"]
    assert (own["switches"], own["duplicates"], own["false"]) == (0, 0, 0)
