"""Figures of tracking: counted by hand on small files, in COCO's and in PoseTrack's forms."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from refpose import Pose, cli, tables
from refpose.accuracy import tracking
from refpose.accuracy.annotations import read_annotations
from refpose.accuracy.records import Annotations
from refpose.accuracy.results import read_results
from refpose.topology import COCO_17

POSETRACK = ("nose", "head_bottom", "head_top", *COCO_17[3:])
POSETRACK17 = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow"),
    *("right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "head_bottom", "nose", "head_top"),
)
POINT = (1, "annorect", 1, "annopoints", 0, "point", 3)


def pose(x: float, joints: int = 17) -> list[float]:
    """A person 100 pixels high at a column, all joints visible."""
    return [v for j in range(joints) for v in (x + 2 * (j % 2), 10 + 6.0 * j, 2)]


def truth(places: list[dict[int, float]], **image: Any) -> dict[str, Any]:
    """Annotations: column of everybody, by track, for each frame."""
    return {
        "images": [
            {"id": 100 + i, "file_name": f"{i}.png", "frame_id": i, "vid_id": "v", **image} for i in range(len(places))
        ],
        "annotations": [
            annotation(i, track, x, number=10 * i + track + 1)
            for i, own in enumerate(places)
            for track, x in own.items()
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17)}],
    }


def annotation(frame: int, track: int, x: float, number: int) -> dict[str, Any]:
    box = [x - 15, 5, 30, 110]
    own = {"id": number, "image_id": 100 + frame, "track_id": track, "category_id": 1}
    return {**own, "keypoints": pose(x), "bbox": box, "area": 0.6 * box[2] * box[3]}


def results(places: list[dict[int, float]]) -> list[dict[str, Any]]:
    """A list of results: column of everybody, by track, for each frame."""
    return [
        {"image_id": 100 + i, "category_id": 1, "track_id": track, "keypoints": pose(x), "score": 1.0}
        for i, own in enumerate(places)
        for track, x in own.items()
    ]


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def read(folder: Path, content: Any) -> Annotations:
    return read_annotations(write(folder / "truth.json", content))


def scored(folder: Path, content: Any, found: Any) -> dict[str, Any]:
    annotations = read(folder, content)
    return tracking.score(annotations, read_results(write(folder / "found.json", found), annotations))


TWO = [{1: 50.0, 2: 250.0}] * 4


def test_perfect(tmp_path: Path) -> None:
    figures = scored(tmp_path, truth(TWO), results([{7: 50.0, 4: 250.0}] * 4))
    own = figures["all"]
    assert figures["videos"]["v"] == own
    assert (own["mota"], own["idf1"], own["oks"]) == (1, 1, 1)
    assert [own[key] for key in ("switches", "misses", "false", "duplicates", "fragments")] == [0] * 5
    assert [own[key] for key in ("frames", "people", "poses")] == [4, 2, 8]


def test_counted_by_hand(tmp_path: Path) -> None:
    """Identities change once (a switch for each), somebody is missed twice, one estimate is of nobody, one a second."""
    found = [{1: 50.0, 2: 250.0}, {1: 250.0, 2: 50.0}, {2: 51.0, 5: 400.0}, {2: 50.0, 6: 53.0}]
    own = scored(tmp_path, truth(TWO), results(found))["all"]
    assert (own["switches"], own["misses"], own["false"], own["duplicates"]) == (2, 2, 2, 1)
    assert own["mota"] == pytest.approx(1 - (2 + 2 + 2) / 8)
    # person 1 is best explained by identity 2 (3 of 4 frames), person 2 by identity 1 (1 of 4)
    assert own["idf1"] == pytest.approx(2 * 4 / (8 + 8))


def test_similarity_decides(tmp_path: Path) -> None:
    """The similarity of a pose that is moved by d is the mean of exp(-d^2 / (2 area (2 sigma)^2))."""
    annotations = read(tmp_path, truth([{1: 50.0}]))
    found = read_results(write(tmp_path / "found.json", results([{1: 57.0}])), annotations)
    sigmas = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
    similarity = np.exp(-(7**2) / (2 * 0.6 * 30 * 110 * (2 * sigmas) ** 2)).mean()
    assert 0.4 < similarity < 0.5
    assert tracking.score(annotations, found, float(similarity) - 1e-9)["all"]["misses"] == 0
    assert tracking.score(annotations, found)["all"]["misses"] == 1


def test_who_does_not_count_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    """A hidden person (no labelled joint counts), a crowd by its polygon, and frames nobody labelled."""
    content = truth([{1: 50.0, 2: 250.0}, {1: 50.0, 2: 250.0}])
    content["annotations"][1]["iscrowd"] = 1
    content["images"][0] |= {"ignore_regions_x": [[380, 430, 430, 380]], "ignore_regions_y": [[0, 0, 200, 200]]}
    content["images"][1]["is_labeled"] = False
    own = scored(tmp_path, content, results([{1: 50.0, 2: 250.0, 3: 400.0, 4: 500.0}, {}]))["all"]
    assert (own["misses"], own["false"], own["poses"], own["frames"]) == (0, 1, 1, 1)


def test_videos_are_apart(tmp_path: Path) -> None:
    """The same numbers in another video are other people."""
    content = truth(TWO)
    for image in content["images"][2:]:
        image["vid_id"] = "w"
    figures = scored(tmp_path, content, results([*[{1: 50.0, 2: 250.0}] * 2, *[{2: 50.0, 1: 250.0}] * 2]))
    assert list(figures["videos"]) == ["v", "w"]
    assert (figures["all"]["switches"], figures["all"]["idf1"], figures["all"]["people"]) == (0, 1, 4)


def test_posetrack(tmp_path: Path) -> None:
    """PoseTrack's 17 joints, and results in a file of the same form."""
    content = truth(TWO)
    content["categories"][0]["keypoints"] = list(POSETRACK)
    content["annotations"][0]["bbox_head"] = [40, 5, 20, 15]
    assert read(tmp_path, content).pictures[0].persons[0].head_px == 0.6 * 25
    found = json.loads(json.dumps(content))
    for record in found["annotations"]:
        record["track_id"] = 9 - record["track_id"]
        record["scores"] = [0.9] * 17
    own = scored(tmp_path, content, found)["all"]
    assert (own["mota"], own["idf1"], own["poses"]) == (1, 1, 8)


def posetrack17(places: list[dict[int, float]]) -> dict[str, Any]:
    """The same as `truth` in PoseTrack17's form: its 15 joints at the places of COCO's, the head 20 x 15 pixels."""
    return {
        "annolist": [
            {
                "image": [{"name": f"images/bonn/{i:06}.png"}],
                "imgnum": [i + 1],
                "annorect": [posetrack17_person(track, x) for track, x in own.items()],
            }
            for i, own in enumerate(places)
        ]
    }


def posetrack17_person(track: int, x: float) -> dict[str, Any]:
    places = dict(zip(COCO_17, np.reshape(pose(x), (-1, 3)).tolist(), strict=True))
    points = [
        {"id": [k], "x": [places[name][0]], "y": [places[name][1]], "is_visible": [k % 2]}
        for k, name in enumerate(POSETRACK17)
        if name in places
    ]
    corners = {"x1": [x - 10], "y1": [5], "x2": [x + 10], "y2": [20]}
    return {"track_id": [track], **corners, "annopoints": [{"point": points}]}


def test_posetrack17(tmp_path: Path) -> None:
    """Both forms say the same; results are taken in it too."""
    content = posetrack17(TWO)
    content["annolist"][3]["annorect"] = []
    content["annolist"][2]["ignore_regions"] = [
        {"point": [{"x": [x], "y": [y]} for x, y in ((380, 0), (430, 0), (430, 200), (380, 200))]}
    ]
    annotations = read(tmp_path, content)
    assert annotations.kind == "posetrack17"
    assert [(p.id, p.file, p.video, p.labelled) for p in annotations.pictures] == [
        (name, name, "images/bonn", labelled)
        for name, labelled in zip((f"images/bonn/{i:06}.png" for i in range(4)), (True, True, True, False), strict=True)
    ]
    assert [len(p.crowds_px) for p in annotations.pictures] == [0, 0, 1, 0]
    person = annotations.pictures[0].persons[1]
    assert (person.names, person.track, person.head_px) == (POSETRACK17, 2, 0.6 * 25)
    assert person.labels.tolist() == [1 + k % 2 for k in range(12)] + [0, 2, 0]
    theirs = read(tmp_path, truth(TWO)).pictures[0].persons[1]
    for name in ("right_ankle", "left_knee", "left_wrist", "right_shoulder", "nose"):
        place = person.points_px[POSETRACK17.index(name)].tolist()
        assert place == theirs.points_px[COCO_17.index(name)].tolist()

    found = posetrack17([{7: 50.0, 4: 250.0}] * 2 + [{7: 50.0, 9: 400.0}] + [{3: 600.0}])
    nobody = {"track_id": [5], "annopoints": []}
    found["annolist"][0]["annorect"].append(nobody)
    own = scored(tmp_path, content, found)["all"]
    assert [own[key] for key in ("misses", "false", "switches", "poses", "frames")] == [1, 0, 0, 6, 3]
    content["annolist"][3]["is_labeled"] = [1]
    own = scored(tmp_path, content, found)["all"]
    assert [own[key] for key in ("misses", "false", "switches", "poses", "frames")] == [1, 1, 0, 6, 4]
    refpose = [{**r, "image_id": f"images/bonn/{r['image_id'] - 100:06}.png"} for r in results(TWO)]
    own = scored(tmp_path, posetrack17(TWO), refpose)["all"]
    assert (own["mota"], own["idf1"], own["poses"]) == (1, 1, 8)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ((), {}, r"annolist: expected a list, found an empty object"),
        ((1,), [], r"annolist\[1\]: expected an object, found a list of 0"),
        ((1, "image"), ..., r"annolist\[1\]: 'image' is missing"),
        ((1, "image"), [], r"annolist\[1\]\.image: expected a list of 1, found a list of 0"),
        ((1, "image", 0), {"file": "a"}, r"annolist\[1\]\.image\[0\]: 'name' is missing"),
        ((1, "image", 0, "name"), 7, r"image\[0\]\.name: expected a text, found 7"),
        ((1, "image", 0, "name"), "images/bonn/000000.png", r"\[1\]: the picture images/bonn/000000.png stands"),
        ((1, "annorect"), ..., r"annolist\[1\]: 'annorect' is missing"),
        ((1, "annorect", 1), 3, r"annorect\[1\]: expected an object, found 3"),
        ((1, "annorect", 1, "track_id"), 2, r"annorect\[1\]\.track_id: expected a list, found 2"),
        ((1, "annorect", 1, "track_id"), [2, 3], r"\.track_id: expected a list of 1, found a list of 2"),
        ((1, "annorect", 1, "track_id"), ["2"], r"\.track_id\[0\]: expected an integer, found '2'"),
        ((1, "annorect", 1, "track_id"), [1], r"annorect\[1\]: a second person with track_id 1"),
        ((1, "annorect", 1, "track_id"), ..., r"picture 'images/bonn/000001\.png': a person without track_id"),
        ((1, "annorect", 1, "annopoints"), {}, r"annopoints: expected a list, found an empty object"),
        ((1, "annorect", 1, "annopoints"), [3], r"annopoints\[0\]: expected an object, found 3"),
        ((1, "annorect", 1, "annopoints", 0, "point"), ..., r"annopoints\[0\]: 'point' is missing"),
        ((*POINT, "id"), [15], r"point\[3\]\.id: expected a joint from 0 to 14, found 15"),
        ((*POINT, "id"), [-1], r"point\[3\]\.id: expected a joint from 0 to 14, found -1"),
        ((*POINT, "id"), [2], r"point\[3\]: right_hip is listed twice"),
        ((*POINT, "id"), [None], r"point\[3\]\.id\[0\]: expected an integer, found None"),
        ((*POINT, "x"), [float("nan")], r"point\[3\]\.x\[0\]: expected a number, found nan"),
        ((*POINT, "y"), [10**400], r"point\[3\]\.y\[0\]: expected a number, found an integer of 1329 bits"),
        ((*POINT, "y"), ..., r"point\[3\]: 'y' is missing"),
        ((*POINT, "is_visible"), [2], r"point\[3\]\.is_visible: expected 0 or 1, found 2"),
        (POINT, 3, r"point\[3\]: expected an object, found 3"),
        ((1, "annorect", 1, "x2"), ..., r"annorect\[1\]: 'x2' is missing"),
        ((1, "annorect", 1, "x2"), [True], r"annorect\[1\]\.x2\[0\]: expected a number, found True"),
        ((1, "is_labeled"), ["yes"], r"annolist\[1\]\.is_labeled\[0\]: expected an integer, found 'yes'"),
        ((1, "ignore_regions"), [{}], r"ignore_regions\[0\]: 'point' is missing"),
        ((1, "ignore_regions"), [{"point": [{"x": [1]}]}], r"ignore_regions\[0\]\.point\[0\]: 'y' is missing"),
    ],
)  # fmt: skip
def test_wrong_posetrack17(path: tuple[Any, ...], value: Any, message: str, tmp_path: Path) -> None:
    content = posetrack17(TWO)
    place, keys = content, ("annolist", *path)
    for key in keys[:-1]:
        place = place[key]
    if value is ...:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    with pytest.raises(ValueError, match=message) as caught:
        scored(tmp_path, content, posetrack17(TWO))
    assert str(caught.value).startswith(str(tmp_path / "truth.json"))


def test_results_in_another_video(tmp_path: Path) -> None:
    found = posetrack17(TWO)
    found["annolist"][2]["image"][0]["name"] = "images/mpii/000002.png"
    with pytest.raises(ValueError, match=r"found\.json: image id 'images/mpii/000002\.png' is not a picture of"):
        scored(tmp_path, posetrack17(TWO), found)


def test_frames_instead_of_images(tmp_path: Path) -> None:
    content = truth(TWO)
    for record in content["annotations"]:
        record["frame"] = record.pop("image_id") - 100
    assert scored(tmp_path, content, results(TWO))["all"]["mota"] == 1


def broken(key: str, index: int, **values: Any) -> dict[str, Any]:
    content = truth(TWO)
    record = content[key][index]
    for name, value in values.items():
        record.pop(name, None)
        if value is not ...:
            record[name] = value
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (broken("annotations", 1, track_id=1), r"annotations\[1\]: a second person with track_id 1"),
        (broken("annotations", 1, track_id="x"), r"annotations\[1\]\.track_id: expected an integer, found 'x'"),
        (broken("annotations", 1, track_id=...), "picture 100: a person without track_id"),
        (broken("annotations", 0, image_id=..., frame=77), r"annotations\[0\]: frame 77 is not in images"),
        (broken("annotations", 0, image_id=..., frame=1.5), r"annotations\[0\]\.frame: expected an integer, found 1.5"),
        (broken("images", 1, frame_id=0), "video 'v': two images are the same frame"),
        (broken("images", 1, frame_id="a"), r"images\[1\]\.frame_id: expected an integer"),
        (broken("images", 1, vid_id=[1]), r"images\[1\]: expected a video's name or number, found a list of 1"),
        (broken("images", 1, ignore_regions_x=[[1, 2]]), r"1 ignore_regions_x, but 0 ignore_regions_y"),
        (broken("images", 1, ignore_regions_x=[[1, 2]], ignore_regions_y=[[1]]), "expected 2 numbers, found 1"),
    ],
)
def test_wrong_annotations(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        scored(tmp_path, content, results(TWO))


def test_wrong_results(tmp_path: Path) -> None:
    annotations = read(tmp_path, truth(TWO))
    twice = [*results(TWO), results(TWO)[0]]
    with pytest.raises(ValueError, match=r"\[8\]: a second person with track_id 1 on this frame"):
        read_results(write(tmp_path / "found.json", twice), annotations)
    nameless = results(TWO)
    del nameless[3]["track_id"]
    with pytest.raises(ValueError, match="picture 101: somebody was found of whom the results do not say who it is"):
        scored(tmp_path, truth(TWO), nameless)
    content = truth(TWO)
    content["images"][0]["id"] = 99
    content["annotations"] = content["annotations"][2:]
    with pytest.raises(ValueError, match="image id 99 is not a picture"):
        read_results(write(tmp_path / "found.json", content), annotations)


def test_nobody_to_measure(tmp_path: Path) -> None:
    content = truth(TWO)
    for record in content["annotations"]:
        record["iscrowd"] = 1
    with pytest.raises(ValueError, match="nothing to measure"):
        scored(tmp_path, content, results(TWO))


def test_the_library_is_named_when_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "motmetrics", None)
    with pytest.raises(ImportError, match=r'pip install "refpose\[tracking\]"'):
        scored(tmp_path, truth(TWO), results(TWO))


def evaluate(*args: str | Path) -> int:
    return cli.main(["evaluate", *map(str, args)])


def test_evaluate_prints_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Annotations and results that say who people are give the table of tracking."""
    path = write(tmp_path / "truth.json", truth(TWO))
    good = write(tmp_path / "good.json", results(TWO))
    bad = write(tmp_path / "bad.json", results([{1: 50.0, 2: 250.0}, {1: 250.0, 2: 50.0}, {}, {}]))
    assert evaluate(path, "--results", good, bad) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("1 videos, 4 labelled frames, 2 people, 8 poses")
    table = {line[:26].strip(): line[26:].split() for line in lines[4:]}
    assert table["MOTA (%)"] == ["100.0", "25.0"]
    assert table["identity switches"] == ["0", "2"]
    assert table["misses"] == ["0", "4"]
    assert evaluate(path, "--results", good, "--json") == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["tracking"]["all"]["mota"] == 1


def test_evaluate_runs_models_and_reads_their_tables(
    astronaut: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a model finds is saved; measured against itself, all is right, from the list and from a table of a video."""
    person = np.asarray(Image.open(astronaut).convert("RGB").resize((256, 256)))
    for i in range(3):
        frame = np.full((300, 700, 3), 128, np.uint8)
        frame[30:286, 10 + 4 * i : 266 + 4 * i] = person
        frame[30:286, 420 - 4 * i : 676 - 4 * i] = person[:, ::-1]
        Image.fromarray(frame).save(tmp_path / f"{i}.png")
    path = write(tmp_path / "truth.json", truth([{1: 50.0, 2: 250.0}] * 3))
    run = (path, "--images", tmp_path, "--mode", "track", "--model", "lite", "--people", "3")
    assert evaluate(*run, "--save-results", tmp_path / "saved") == 0
    capsys.readouterr()
    saved = tmp_path / "saved" / "lite.track.json"
    found = json.loads(saved.read_text())
    assert [(r["image_id"], r["track_id"]) for r in found] == [(100 + i, k) for i in range(3) for k in (0, 1)]
    again = truth([{}] * 3)
    again["annotations"] = [{**r, "id": i + 1, "area": 5000.0} for i, r in enumerate(found)]
    path = write(tmp_path / "again.json", again)
    with tables.create(tmp_path / "table.csv", "clip", {}) as table:
        pose = Pose("lite", people=3)
        for i in range(3):
            table.write(i, i / 30, pose.process(np.asarray(Image.open(tmp_path / f"{i}.png"))))
    for results in (saved, tmp_path / "table.csv"):
        assert evaluate(path, "--results", results, "--json") == 0
        own = json.loads(capsys.readouterr().out)["runs"][0]["tracking"]["all"]
        assert (own["mota"], own["idf1"], own["poses"]) == (1, 1, 6)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--mode", "track", "--augment", "--model", "lite"), "--augment and --plot are not for --mode track"),
        (("--mode", "track", "--min-oks", "2"), "expected a number from 0 to 1"),
    ],
)
def test_wrong_usage(args: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "truth.json", truth(TWO))
    with pytest.raises(SystemExit) as caught:
        evaluate(path, *args)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_annotations_without_tracks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = truth(TWO)
    for record in content["annotations"]:
        del record["track_id"]
    path = write(tmp_path / "truth.json", content)
    found = write(tmp_path / "found.json", results(TWO))
    assert evaluate(path, "--results", found, "--mode", "track") == 1
    assert "no annotation has a track_id" in capsys.readouterr().err
