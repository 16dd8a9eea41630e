"""Reading annotated key points and results: the kinds of files, and what is wrong with wrong ones."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from refpose.accuracy.annotations import find_pictures, read_annotations
from refpose.accuracy.joints import joint_name
from refpose.accuracy.records import FoundPerson, labelled_box
from refpose.accuracy.results import read_results, results_record
from refpose.topology import COCO_17, LANDMARK_NAMES, MPII_16


def coco() -> dict[str, Any]:
    keypoints = [v for j in range(17) for v in (10 * j, 5 * j, j % 3)]
    person = {"image_id": 4, "category_id": 1, "keypoints": keypoints, "num_keypoints": 11, "area": 900.0}
    return {
        "images": [{"id": 9, "file_name": "b.jpg"}, {"id": 4, "file_name": "a.jpg"}],
        "annotations": [
            {**person, "id": 31, "bbox": [1, 2, 3, 4], "iscrowd": 0},
            {**person, "id": 32, "keypoints": [0] * 51, "num_keypoints": 0, "bbox": [0, 0, 9, 9], "iscrowd": 0},
            {**person, "id": 33, "bbox": [0, 0, 9, 9], "iscrowd": 1},
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17)}],
    }


def mpii() -> list[dict[str, Any]]:
    joints = [[float(10 * j + 1), 21.0 - j] for j in range(16)]
    person = {"joints": joints, "joints_vis": [1] * 15 + [0], "center": [101, 51], "scale": 0.5}
    return [{**person, "image": "a.jpg"}, {**person, "image": "b.jpg"}, {**person, "image": "a.jpg"}]


def generic() -> dict[str, Any]:
    person = {"keypoints": {"nose": [3, 4, 2], "left_hip": [5.5, 6, 1]}, "box_xywh": [0, 0, 8, 8]}
    return {"images": {"a": {"names": ["nose", "left_hip", "right_hip"], "persons": [person]}}}


def write(folder: Path, content: Any, name: str = "truth.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_coco(tmp_path: Path) -> None:
    annotations = read_annotations(write(tmp_path, coco()))
    assert annotations.kind == "coco"
    assert annotations.joints == {1: COCO_17}
    assert [(p.id, p.file, len(p.persons)) for p in annotations.pictures] == [(4, "a.jpg", 3), (9, "b.jpg", 0)]
    person, empty, crowd = annotations.pictures[0].persons
    assert (person.names, person.number, person.area_px, person.box_px) == (COCO_17, 31, 900.0, (1, 2, 3, 4))
    assert person.labels.tolist() == [j % 3 for j in range(17)]
    assert person.points_px[1].tolist() == [10, 5]
    assert np.isnan(person.points_px[0]).all()
    assert [(p.crowd, p.ignored) for p in (person, empty, crowd)] == [(False, False), (False, True), (True, True)]
    assert labelled_box(person) == (10, 5, 150, 75)
    assert labelled_box(empty) is None


def test_mpii_counts_pixels_from_one(tmp_path: Path) -> None:
    annotations = read_annotations(write(tmp_path, mpii()))
    assert annotations.kind == "mpii"
    assert [(p.id, len(p.persons)) for p in annotations.pictures] == [("a.jpg", 2), ("b.jpg", 1)]
    person = annotations.pictures[0].persons[0]
    assert person.names == MPII_16
    assert person.points_px[1].tolist() == [10, 19]
    assert np.isnan(person.points_px[15]).all()
    # 100 pixels wide, centred 15 * 0.5 below (100, 50).
    assert person.square_px == (50, 7.5, 100, 100)
    assert person.box_px is None
    # Head top and upper neck are neighbours in the list: 10 pixels apart in x and 1 in y.
    assert person.head_px == math.hypot(10, 1)


def test_generic(tmp_path: Path) -> None:
    content = generic()
    content["images"]["a"]["persons"][0] |= {
        "world": {"nose": [0.1, -0.5, 0.2]},
        "head_box_xywh": [0, 0, 3, 4],
        "area": 17,
    }
    content["images"]["a"]["file"] = "pictures/one.png"
    (picture,) = read_annotations(write(tmp_path, content)).pictures
    (person,) = picture.persons
    assert (picture.id, picture.file) == ("a", "pictures/one.png")
    assert person.names == ("nose", "left_hip", "right_hip")
    assert person.labels.tolist() == [2, 1, 0]
    assert person.points_px[1].tolist() == [5.5, 6]
    assert person.world_m is not None
    assert person.world_m[0].tolist() == [0.1, -0.5, 0.2]
    assert np.isnan(person.world_m[1:]).all()
    assert person.head_px == pytest.approx(3.0)  # 0.6 of the diagonal
    assert person.area_px == 17


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("Head top", "head_top"),
        ("top_head", "head_top"),
        ("root (pelvis)", "pelvis"),
        ("root_(pelvis)", "pelvis"),
        ("left_foot", "left_ankle"),
        ("Right Shoulder", "right_shoulder"),
        ("belly", "belly"),
    ],
)
def test_spellings(given: str, plain: str) -> None:
    assert joint_name(given) == plain


def test_joints_of_public_data_sets_are_known(tmp_path: Path) -> None:
    lists = [
        ["root (pelvis)", "left_hip", "left_knee", "left_foot", "spine", "thorax", "neck_base", "head"],  # Human3.6M
        ["neck", "belly", "head", "right_shoulder"],  # JHMDB
        ["nose", "head_bottom", "head_top", "left_ear"],  # PoseTrack18
        ["Right Shoulder", "Head top", "Neck"],  # AIC
    ]
    for names in lists:
        content = coco()
        content["categories"][0]["keypoints"] = names
        content["annotations"] = []
        (joints,) = read_annotations(write(tmp_path, content)).joints.values()
        assert len(joints) == len(names)


def edited(content: Any, *path: Any, value: Any) -> Any:
    """The content with one place of it replaced (or removed, for the value ...)."""
    place = content
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return content


PERSON = ("images", "a", "persons", 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{broken", "broken JSON at line 1, column 2"),
        ('{"images": [],\n "annotations": [1,, 2]}', "broken JSON at line 2"),
        ("[]", "not a file of annotated key points.*found a list of 0"),
        ('{"x": 1}', "found an object with 'x'"),
        ("3", "found 3"),
        (edited(coco(), "categories", value=[{"id": 1}]), "none has keypoints"),
        (edited(coco(), "categories", 0, "keypoints", 3, value="left_eyebrow"), "unknown joints 'left_eyebrow'; known"),
        (edited(coco(), "categories", 0, "keypoints", 3, value="nose"), "nose is listed twice"),
        (edited(coco(), "categories", 0, "keypoints", 3, value=7), "expected names of joints, found 7"),
        (edited(coco(), "images", 1, "id", value=9), r"images\[1\]: the id 9 is used twice"),
        (edited(coco(), "images", 1, "file_name", value=...), r"images\[1\]: 'file_name' is missing"),
        (edited(coco(), "annotations", 1, "image_id", value=77), r"annotations\[1\]: image_id 77 is not in images"),
        (edited(coco(), "annotations", 1, "keypoints", value=[1, 2, 3]), r"\.keypoints: expected 51 numbers, found 3"),
        (edited(coco(), "annotations", 0, "keypoints", 7, value="x"), r"annotations\[0\]\.keypoints: .* found 'x'"),
        (edited(coco(), "annotations", 0, "keypoints", 7, value=None), "found None among them"),
        (edited(coco(), "annotations", 0, "keypoints", 7, value=math.nan), "found nan among them"),
        (edited(coco(), "annotations", 0, "keypoints", value=...), r"annotations\[0\]: 'keypoints' is missing"),
        (edited(coco(), "annotations", 0, "bbox", value=[0, 0, -1, 5]), "must not be negative, found -1 x 5"),
        (edited(coco(), "annotations", 0, "area", value="big"), r"\.area: expected a number, found 'big'"),
        (edited(coco(), "annotations", 0, "area", value=-1), r"\.area: expected a number from 0 on, found -1"),
        (edited(coco(), "annotations", 0, "area", value=10**400), r"\.area: expected a number, found an integer"),
        (edited(coco(), "annotations", 0, "keypoints", 7, value=-(10**400)), "found an integer of 1329 bits"),
        (edited(coco(), "annotations", 0, "keypoints", 7, value=1e300), "found 1e.300 among them"),
        (edited(coco(), "annotations", 0, "keypoints", 7, value=True), "found True among them"),
        (edited(coco(), "annotations", 0, "keypoints", 5, value=-1), "how a joint is labelled, found -1"),
        (edited(coco(), "annotations", 0, "keypoints", 5, value=0.7), "how a joint is labelled, found 0.7"),
        (edited(coco(), "annotations", 0, "image_id", value=[1]), r"\.image_id: expected an integer, found a list"),
        (edited(coco(), "annotations", 0, "category_id", value={}), r"\.category_id: expected an integer"),
        (edited(coco(), "categories", 0, "keypoints", 3, value=["a"]), "expected names of joints, found a list of 1"),
        (edited(coco(), "images", 0, "file_name", value={"a": 1}), r"\.file_name: expected a text, found an object"),
        (edited(mpii(), 1, "scale", value=0), r"\[1\]\.scale: expected a number above 0, found 0"),
        (edited(mpii(), 1, "scale", value=-2.5), r"\[1\]\.scale: expected a number above 0, found -2.5"),
        (edited(mpii(), 1, "image", value=None), r"\[1\]\.image: expected a text, found None"),
        ('{"images": {}, "images": {}}', "the key 'images' stands twice"),
        ("[" * 99999, "nested too deeply|broken JSON"),
        (edited(coco(), "annotations", 0, value=[]), r"annotations\[0\]: expected an object"),
        (edited(coco(), "annotations", value={}), "annotations: expected a list"),
        (edited(mpii(), 2, "joints", value=[[1, 2]]), r"\[2\]\.joints: expected MPII's 16 joints, found 1"),
        (edited(mpii(), 2, "joints_vis", value=[1]), r"\[2\]\.joints_vis: expected 16 numbers, found 1"),
        (edited(mpii(), 1, "center", value=...), r"\[1\]: 'center' is missing"),
        (edited(generic(), *PERSON, "keypoints", "snout", value=[1, 2, 2]), "'snout' not among the picture's names"),
        (edited(generic(), "images", "a", "names", 2, value="snout"), r"\.names: unknown joints 'snout'"),
        (edited(generic(), *PERSON, "keypoints", value=[1]), r"persons\[0\]\.keypoints: expected an object of joints"),
        (edited(generic(), *PERSON, "keypoints", "nose", value=[1, 2]), r"\['nose'\]: expected 3 numbers, found 2"),
        (edited(generic(), *PERSON, "world", value={"snout": [1, 2, 3]}), r"\.world: 'snout' not among"),
        (edited(generic(), "images", "a", "persons", value=...), r"images\['a'\]: 'persons' is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(content: Any, message: str, tmp_path: Path) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ValueError, match=message) as caught:
        read_annotations(path)
    assert str(caught.value).startswith(str(path))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_bytes(b"\xff\xd8\xff\xe0\x00")
    with pytest.raises(ValueError, match="not a text file in UTF-8"):
        read_annotations(tmp_path / "truth.json")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.json"):
        read_annotations(tmp_path / "nothing.json")


def test_unknown_joints_can_be_accepted(tmp_path: Path) -> None:
    content = edited(coco(), "categories", 0, "keypoints", 3, value="left_eyebrow")
    annotations = read_annotations(write(tmp_path, content), ignore_unknown_joints=True)
    assert annotations.joints[1][3] == "left_eyebrow"


def test_pictures_are_found(tmp_path: Path) -> None:
    annotations = read_annotations(write(tmp_path, generic()))
    with pytest.raises(FileNotFoundError, match=r"1 of 1 pictures are missing: a; looked for in .*images and "):
        find_pictures(annotations)
    (tmp_path / "images").mkdir()
    for place in (tmp_path / "a.webp", tmp_path / "images" / "a.PNG".lower()):
        Image.new("RGB", (2, 2)).save(place)
        assert find_pictures(annotations) == {"a": place}
    with pytest.raises(FileNotFoundError, match=re.escape(f"looked for in {tmp_path / 'other'}")):
        find_pictures(annotations, tmp_path / "other")


def results() -> list[dict[str, Any]]:
    keypoints = [float(v) for j in range(17) for v in (10 * j, 5 * j, 1)]
    return [{"image_id": 4, "category_id": 1, "keypoints": keypoints, "score": 0.5}]


def test_results(tmp_path: Path) -> None:
    annotations = read_annotations(write(tmp_path, coco()))
    found = read_results(write(tmp_path, results(), "results.json"), annotations)
    assert found[9] == []
    (person,) = found[4]
    assert (person.names, person.score, person.person, person.area_px) == (COCO_17, 0.5, None, 160 * 80)
    assert person.points_px[2].tolist() == [20, 10]


def test_the_first_result_decides_where_areas_come_from(tmp_path: Path) -> None:
    annotations = read_annotations(write(tmp_path, coco()))
    with_box = {**results()[0], "bbox": [0, 0, 3, 7]}
    found = read_results(write(tmp_path, [with_box, with_box], "results.json"), annotations)
    assert [p.area_px for p in found[4]] == [21, 21]
    found = read_results(write(tmp_path, [*results(), with_box], "results.json"), annotations)
    assert [p.area_px for p in found[4]] == [160 * 80, 160 * 80]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"people": []}, "expected a list of results, found an object with 'people'"),
        (edited(results(), 0, "image_id", value=5), r"\[0\]: image_id 5 is not a picture of .*truth\.json"),
        (edited(results(), 0, "image_id", value=[4]), r"image_id \[4\] is not a picture"),
        (edited(results(), 0, "category_id", value=[1]), r"category_id: expected an integer, found a list of 1"),
        (edited(results(), 0, "score", value=10**400), r"\.score: expected a number, found an integer of 1329 bits"),
        (edited(results(), 0, "points", value={"nose": [10**400, 2]}), "found an integer of 1329 bits among them"),
        (edited(results(), 0, "category_id", value=2), "category_id 2 has no key points .* those that have are 1"),
        (edited(results(), 0, "keypoints", value=[0] * 99), "expected 51 numbers, found 99"),
        (edited(results(), 0, "score", value=...), "'score' is missing"),
        (edited(results(), 0, "score", value=math.nan), r"\.score: expected a number, found nan"),
        (edited(results(), 0, "person", value=3), "picture 4 has 3 annotated persons, found 3"),
        (edited(results(), 0, "points", value={"snout": [1, 2]}), r"\.points: unknown joints 'snout'"),
        (edited(results(), 0, "world", value={"nose": [1, 2]}), r"world\['nose'\]: expected 3 numbers, found 2"),
    ],
)
def test_wrong_results(content: Any, message: str, tmp_path: Path) -> None:
    annotations = read_annotations(write(tmp_path, coco()))
    with pytest.raises(ValueError, match=message):
        read_results(write(tmp_path, content, "results.json"), annotations)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    person = FoundPerson(LANDMARK_NAMES, rng.normal(size=(33, 2)), 0.25, 1.0, 1, 2, rng.normal(size=(33, 3)))
    annotations = read_annotations(write(tmp_path, coco()))
    (again,) = read_results(write(tmp_path, [results_record(4, person)], "results.json"), annotations)[4]
    assert (again.names, again.score, again.person) == (LANDMARK_NAMES, 0.25, 2)
    np.testing.assert_array_equal(again.points_px, person.points_px)
    np.testing.assert_array_equal(again.world_m, person.world_m)
