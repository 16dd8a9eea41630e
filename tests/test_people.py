"""Several people in a video: with one in sight the solutions' bits, and identities that last."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_data import assert_same, landmark_arrays
from numpy.typing import NDArray
from PIL import Image

from refpose import Pose, Roi, cli, tables, video
from refpose.decisions import Asked, Fate, Find
from refpose.images import read_image, write_png
from refpose.people import PeopleTracker
from refpose.runner import Run
from refpose.stages.landmarks import Landmarks
from refpose.study.explain import Explanation
from refpose.tasks import TasksPose
from refpose.trackers import Estimate, Region

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def person(astronaut: Path) -> Picture:
    """Somebody, 256 pixels high and wide."""
    return np.asarray(Image.fromarray(read_image(astronaut)).resize((256, 256), Image.Resampling.LANCZOS))


def scene(person: Picture, *places: int | None) -> Picture:
    """A grey wall, 900 x 300, with the person at these columns; the second one is a mirror image."""
    frame = np.full((300, 900, 3), 128, np.uint8)
    for i, x in enumerate(places):
        if x is None:
            continue
        left, right = max(x, 0), min(x + 256, 900)
        if left < right:
            picture = person[:, ::-1] if i % 2 else person
            frame[30:286, left:right] = picture[:, left - x : right - x]
    return frame


def track(frames: list[Picture], **options: Any) -> list[dict[int, float]]:
    """Column of the nose of everybody, by identity, frame by frame."""
    pose = Pose("lite", **{"people": 3, **options})
    return [{p.id: float(p.landmarks_px[0, 0]) for p in pose.process(frame)} for frame in frames]


def test_one_person_has_the_bits_of_one(person: Picture) -> None:
    """Found, followed, lost, found again, lost for long, found again."""
    frames = [scene(person, 100 + 3 * k) for k in range(14)]
    frames += [scene(person)] * 2 + [scene(person, 160 + 3 * k) for k in range(3)]
    frames += [scene(person)] * 4 + [scene(person, 500 - 3 * k) for k in range(3)]
    one, several = Pose("lite", segmentation=True), Pose("lite", segmentation=True, people=4, max_hidden=0.1)
    seen = set()
    for frame in frames:
        (a, b) = one.process(frame), several.process(frame)
        assert len(a) == len(b)
        for mine, theirs in zip(a, b, strict=True):
            for name, value in landmark_arrays(mine).items():
                np.testing.assert_array_equal(value, landmark_arrays(theirs)[name], err_msg=name)
            assert_same(mine.segmentation_mask, theirs.segmentation_mask)
            assert (mine.roi, mine.next_roi, mine.id) == (theirs.roi, theirs.next_roi, None)
            seen.add(theirs.id)
    assert seen == {0, 1}  # lost for longer than a tenth of a second, it is somebody else


def test_identities_last_while_people_walk(person: Picture) -> None:
    found = track([scene(person, 10 + 4 * k, 600 - 4 * k) for k in range(20)])
    assert [sorted(frame) for frame in found] == [[0, 1]] * 20
    for number in (0, 1):
        steps = np.diff([frame[number] for frame in found])
        assert np.abs(steps).max() < 30
        assert (np.sign(steps[3:]) == np.sign(steps[-1])).all()


def test_somebody_comes_later_leaves_and_comes_back(person: Picture) -> None:
    places: list[int | None] = [None] * 4 + [600] * 14 + [None] * 5 + [606] * 14
    found = track([scene(person, 40, x) for x in places], detect_every=5)
    assert all(0 in frame for frame in found)
    assert {number for frame in found for number in frame} == {0, 1}
    assert 1 in found[10]
    assert 1 not in found[21]
    assert 1 in found[-1]


def test_room_for_so_many(person: Picture) -> None:
    frame = scene(person, 10, 630)
    assert sorted(track([frame], people=2)[0]) == sorted(track([frame], people=None)[0]) == [0, 1]
    assert [len(Pose("lite", "image", people=n).process(frame)) for n in (1, 2, 3, None)] == [1, 2, 2, 2]


def test_nobody_twice(person: Picture) -> None:
    """Two regions around one person show one person."""
    pose = Pose("lite", people=2)
    ((_, *_),) = [pose.process(scene(person, 300))]
    region = Roi(0.47, 0.55, 0.3, 0.9)
    assert len(pose.process(scene(person, 300), roi=[region, Roi(0.48, 0.56, 0.3, 0.9)])) == 1


def test_given_regions(person: Picture) -> None:
    frame = scene(person, 10, 600)
    regions = [p.roi for p in Pose("lite", "image", people=2).process(frame)]
    pose = Pose("lite", people=2)
    assert [p.roi for p in pose.process(frame, roi=regions)] == regions
    assert [p.id for p in pose.process(frame)] == [0, 1]
    with pytest.raises(ValueError, match="2 regions, but people=1"):
        Pose("lite").process(frame, roi=regions)


def test_explained_and_pickled(person: Picture) -> None:
    pose = Pose("lite", people=2)
    frames = [scene(person, 10 + 2 * k, 600) for k in range(3)]
    pose.process(frames[0])
    copy = pickle.loads(pickle.dumps(pose))
    people = pose.process(frames[1])
    found = copy.explain(frames[1])
    for i, one in enumerate(people):
        prefix = f"people/{i}/" * (i > 0)
        assert_same(found[f"{prefix}result/landmarks_n"], one.landmarks)
        assert int(found[f"{prefix}result/id"]) == one.id
    assert "person 1: " in found.table()


def test_decisions(person: Picture) -> None:
    """Somebody comes, is refused as no news, leaves, is looked for, comes back, is hidden, is forgotten."""
    pose = Pose("lite", people=3, detect_every=2, max_hidden=0.1)
    alone, both = scene(person, 10), scene(person, 10, 600)
    found = [pose.explain(frame) for frame in (alone, alone, both, both, alone, alone, both)]
    assert found[0].decisions == [
        "detector: asked because nobody is in sight",
        "region 0: found by the detector; somebody new: person 0",
    ]
    assert found[1].decisions == ["region 0 (person 0): tracked; kept"]
    asked, *finds, tracked, new = found[2].decisions
    assert asked == "detector: asked because it is its turn"
    assert sorted(line[8:] for line in finds) == ["looked at", "no news, a tracked region shows the place"]
    assert (tracked, new) == (
        "region 0 (person 0): tracked; kept",
        "region 1: found by the detector; somebody new: person 1",
    )
    assert found[3].decisions[-1] == "region 1 (person 1): tracked; kept"
    lost, hidden = found[4].decisions[-2:]
    assert lost.startswith("region 1 (person 1): tracked; nobody is there: presence ")
    assert hidden == "person 1: hidden"
    assert found[5].decisions[0] == "detector: asked because somebody is hidden"
    assert found[6].decisions[-1] == "region 1: found by the detector; taken up again: person 1"
    assert int(found[6]["people/1/tracker/fate"]) == Fate.BACK
    last = [pose.explain(alone) for _ in range(5)]
    assert [list(one["tracker/forgotten"]) for one in last] == [[], [], [], [1], []]
    assert last[3].decisions[-1] == "person 1: forgotten"


def test_decision_about_twins(person: Picture) -> None:
    pose = Pose("lite", people=2)
    pose.process(scene(person, 300))
    regions = [Roi(0.47, 0.55, 0.3, 0.9), Roi(0.48, 0.56, 0.3, 0.9)]
    found = pose.explain(scene(person, 300), roi=regions)
    assert [line for line in found.decisions if "another" in line] in (
        ["region 0: given; hidden, another region shows the same person: region 1"],
        ["region 1: given; hidden, another region shows the same person: region 0"],
    )
    assert len(found.places) == 1


class Decided(Run):
    """Keeps what is decided about regions and finds, by their places."""

    def __init__(self, place: int = 0, kept: dict[tuple[str, int], Any] | None = None) -> None:
        self.place, self.kept = place, {} if kept is None else kept

    def person(self, index: int) -> Decided:
        return Decided(index, self.kept)

    def decided(self, name: str, value: Any) -> None:
        self.kept[name, self.place] = value


def seen_at(region: Region, x: float, presence: float = 1) -> Estimate:
    """Somebody whose hips are in this column of a square picture, 0.2 of it high from hips to head."""
    position = np.full((35, 3), (x, 0.5, 0), np.float32)
    position[34, 1] = 0.3
    certain = np.ones(35, np.float32)
    return Estimate(
        region, np.float32(presence), Landmarks(position, certain, certain), np.zeros((33, 3), np.float32), None
    )


def play(
    tracker: PeopleTracker, finds: list[float], places: list[float | tuple[float, float] | None]
) -> tuple[list[int], dict[Any, Any]]:
    """A frame: the detector sees people in these columns, each region shows somebody there, or nobody (None).

    A pair is a column and a presence, which otherwise is 1.

    Returns who is followed, and what was decided.
    """
    run = Decided()
    regions = tracker.regions(run, lambda count: [Region(Roi(x, 0.5, 0.5, 0.5)) for x in finds[:count]])
    shown = [
        (region, x if isinstance(x, tuple) else (x,))
        for region, x in zip(regions, places, strict=True)
        if x is not None
    ]
    estimates = [seen_at(region, *x) for region, x in shown]
    found = tracker.follow(run, estimates, 500, 500, tracker.next_time(None))
    return [result.id for _, result in found if result.id is not None], run.kept


def test_decision_about_who_went_astray() -> None:
    """Somebody hidden is back when their hips are within 0.15 of the region's side of where they are looked for."""
    tracker = PeopleTracker(3)
    assert play(tracker, [0.2, 0.8], [0.2, 0.8])[0] == [0, 1]
    assert play(tracker, [0.2], [0.2, None])[0] == [0]
    side = tracker.tracked[1].seen.width
    found, decided = play(tracker, [0.2], [0.2, 0.8 - 0.2 * side])
    assert (found, decided["tracker/fate", 1], tracker.tracked[1].hidden) == ([0], Fate.STRAYED, True)
    found, decided = play(tracker, [0.2], [0.2, 0.8 - 0.1 * side])
    assert (found, decided["tracker/fate", 1]) == ([0, 1], Fate.BACK)


def test_decision_about_who_is_in_doubt() -> None:
    """Where somebody else is, who has less presence than 0.9 and is not seen by the detector is hidden."""
    tracker = PeopleTracker(3)
    play(tracker, [0.2, 0.8], [0.2, 0.8])
    assert play(tracker, [0.2], [0.2, (0.8, 0.89)])[0] == [0, 1]  # once
    found, decided = play(tracker, [0.2], [0.2, (0.8, 0.89)])
    assert (found, decided["tracker/fate", 1], tracker.tracked[1].hidden) == ([0], Fate.DOUBTED, True)
    found, decided = play(tracker, [0.2], [0.2, (0.8, 0.89)])  # where they are expected
    assert (found, decided["tracker/fate", 1]) == ([0], Fate.DOUBTED)
    found, decided = play(tracker, [0.2], [0.2, (0.8, 0.91)])
    assert (found, decided["tracker/fate", 1]) == ([0, 1], Fate.BACK)
    for _ in range(2):
        assert play(tracker, [0.2, 0.8], [0.2, (0.8, 0.6)])[0] == [0, 1]
    both = PeopleTracker(3)
    play(both, [0.2, 0.8], [0.2, 0.8])
    for _ in range(3):
        assert play(both, [], [(0.2, 0.6), (0.8, 0.6)])[0] == [0, 1]
    alone = PeopleTracker(3)
    play(alone, [0.2], [0.2])
    for _ in range(2):
        assert play(alone, [], [(0.2, 0.6)])[0] == [0]


def test_decision_about_doubt_without_room() -> None:
    """The detector rests while as many people are in sight as may be, unless one of them is in doubt."""
    tracker = PeopleTracker(2)
    play(tracker, [0.2, 0.8], [0.2, 0.8])
    found, decided = play(tracker, [0.2], [0.2, (0.8, 0.6)])
    assert (found, ("tracker/asked", 0) in decided) == ([0, 1], False)
    found, decided = play(tracker, [0.2], [0.2, (0.8, 0.6)])
    assert (found, decided["tracker/asked", 0], decided["tracker/fate", 1]) == ([0], Asked.DOUBT, Fate.DOUBTED)
    alone = PeopleTracker(1)
    play(alone, [0.2], [(0.2, 0.6)])
    assert ("tracker/asked", 0) not in play(alone, [0.2], [0.2])[1]


def test_decision_about_a_crowd() -> None:
    """Where tracked regions overlap, somebody is looked for where the detector sees them, if that is one of the two."""
    tracker = PeopleTracker(3)
    play(tracker, [0.3, 0.5], [0.3, 0.5])
    found, decided = play(tracker, [0.27, 0.4], [0.27, 0.5])
    assert [decided["detector/fate", place] for place in range(2)] == [Find.MOVED, Find.KNOWN]
    assert (found, tracker.tracked[0].seen.x) == ([0, 1], pytest.approx(0.27))
    tracker = PeopleTracker(3)
    play(tracker, [0.2, 0.8], [0.2, 0.8])
    found, decided = play(tracker, [0.23, 0.8], [0.2, 0.8])
    assert [decided["detector/fate", place] for place in range(2)] == [Find.KNOWN, Find.KNOWN]
    assert (found, tracker.tracked[0].seen.x) == ([0, 1], pytest.approx(0.2))


def test_decisions_without_room() -> None:
    """Finds beyond the room are not looked at; those in sight go first, then who comes back, then who is new."""
    tracker = PeopleTracker(2)
    assert play(tracker, [0.2], [0.2])[0] == [0]
    found, decided = play(tracker, [0.2, 0.8, 0.5], [0.2, 0.8])
    assert [decided["detector/fate", place] for place in range(3)] == [Find.KNOWN, Find.LOOKED_AT, Find.NO_ROOM]
    assert found == [0, 1]
    play(tracker, [0.2, 0.8], [0.2, None])
    found, decided = play(tracker, [0.2, 0.5], [0.2, 0.5, 0.8])  # the new one's region comes before the expected one's
    assert [decided["tracker/fate", place] for place in range(3)] == [Fate.KEPT, Fate.NO_ROOM, Fate.BACK]
    assert found == [0, 1]


def test_frame_of_a_video_is_dumped(person: Picture, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("av")
    with video.create(tmp_path / "a.mp4", 30) as movie:
        for k in range(4):
            movie.write(scene(person, 10 + 2 * k, 600), k / 30)
    options = ["--model", "lite", "--people", "2"]
    command = ["dump", str(tmp_path / "a.mp4"), "-o", str(tmp_path / "a.h5"), *options]
    assert cli.main([*command, "--frame", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "region 0 (person 0): tracked; kept",
        "region 1 (person 1): tracked; kept",
    ]
    found = Explanation.load(tmp_path / "a.h5")
    frames = [frame.rgb for frame in video.Reader(tmp_path / "a.mp4")]
    pose = Pose("lite", people=2)
    people = [pose.process(frame, k / 30) for k, frame in enumerate(frames[:3])][-1]
    assert_same(found["people/1/result/landmarks_n"], people[1].landmarks)
    assert cli.main([*command, "--frame", "9", "--force"]) == 1
    assert "a.mp4: no frame 9" in capsys.readouterr().err


@pytest.mark.parametrize("tasks", [[], ["--tasks", "1.2.3"]])
def test_dumped_people_are_compared(
    person: Picture, tmp_path: Path, tasks: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    picture, dumped = tmp_path / "a.png", tmp_path / "a.h5"
    write_png(picture, scene(person, 10, 600))
    options = ["--model", "lite", "--people", "2", *tasks]
    assert cli.main(["dump", str(picture), "-o", str(dumped), *options]) == 0
    assert "2 people; " in capsys.readouterr().out
    found = Explanation.load(dumped)
    version = tasks[-1] if tasks else None
    assert found.settings.get("tasks_version") == version
    pose = TasksPose("lite", "image", 2, version) if version else Pose("lite", "image", people=2)
    assert_same(found["people/1/result/landmarks_n"], pose.process(scene(person, 10, 600))[1].landmarks)
    assert cli.main(["compare", str(dumped), str(picture), *options]) == 0
    arrays = dict(found) | {"people/1/crop/input": found["people/1/crop/input"][:, :, ::-1]}
    np.savez(tmp_path / "b.npz", **arrays)
    assert cli.main(["compare", str(tmp_path / "b.npz"), str(picture), *options]) == 1
    assert "first stage that differs: crop (people/1/crop/input)" in capsys.readouterr().out


@pytest.mark.parametrize("ending", [".csv", ".h5"])
def test_tables_have_the_identity(person: Picture, tmp_path: Path, ending: str) -> None:
    pose = Pose("lite", people=2, max_hidden=0, detect_every=1)
    frames = [scene(person, 10), scene(person, None, 600), scene(person, None, 600)]
    path = tmp_path / f"x{ending}"
    with tables.create(path, "x", {}) as table:
        ids = []
        for i, frame in enumerate(frames):
            people = pose.process(frame)
            ids += [p.id for p in people]
            table.write(i, i / 30, people)
    assert len(set(ids)) == 2
    recording = tables.read(path)
    assert list(recording.people) == sorted(set(ids))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"people": 0}, "people must be at least 1"),
        ({"people": -1}, "people must be at least 1"),
        ({"detect_every": 0}, "detect_every must be at least 1"),
        ({"max_hidden": -1.0}, "max_hidden must be at least 0"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pose("lite", **options)
