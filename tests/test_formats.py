"""Files for other programs, as texts and as these programs read them.

Readers come with the extra ``interchange``; what is not installed is skipped, and says so.
"""

from __future__ import annotations

import json
import math
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motion_data import recording

from refpose import motion, topology
from refpose.extras import MissingExtra
from refpose.topology import BODY_25, COCO_17, LANDMARK_NAMES

pytestmark = pytest.mark.filterwarnings("ignore")  # other programs' own

PEOPLE = recording(people=2, gaps=True)
ONE = PEOPLE.person(0)
UPRIGHT = ONE.world_m[:, 0] * [1, -1, -1]


def needs(module: str) -> Any:
    return pytest.importorskip(module, reason=f"{module} is not installed (extra interchange)", exc_type=ImportError)


def write(tmp_path: Path, name: str, given: motion.Recording = PEOPLE, **options: Any) -> Path:
    """Write a format in blocks of 16 frames."""
    path = tmp_path / f"clip{motion.FORMATS[name].ending}"
    with motion.export(path, name, motion.Options(**options), split=True) as file:
        for start in range(0, max(len(given), 1), 16):
            file.write(given.take(slice(start, start + 16)))
    assert file.files[0] == path
    return path


def columns_of(text: str, start: int) -> tuple[list[str], list[list[str]]]:
    """The header and the cells of a text of tabs."""
    lines = text.splitlines()
    return lines[start].split("\t"), [line.split("\t") for line in lines[start + 1 :] if line]


# --- TRC


def test_trc(tmp_path: Path) -> None:
    text = write(tmp_path, "trc").read_text()
    head = text.splitlines()[:6]
    assert head[0] == "PathFileType\t4\t(X/Y/Z)\tclip.trc"
    described = dict(zip(head[1].split("\t"), (cell.strip() for cell in head[2].split("\t")), strict=True))
    assert described["DataRate"] == described["CameraRate"] == "30"
    assert (described["NumFrames"], described["NumMarkers"], described["Units"]) == ("90", "33", "m")
    assert [name for name in head[3].split("\t")[2:] if name] == list(LANDMARK_NAMES)
    _, rows = columns_of(text, 5)
    assert rows[11][2:-1] == [""] * 99
    assert [float(cell) for cell in rows[50][:2]] == [51, pytest.approx(50 / 30, abs=1e-6)]
    found = np.array([[float(cell or "nan") for cell in row[2:-1]] for row in rows]).reshape(90, 33, 3)
    assert np.allclose(found, UPRIGHT, atol=6e-8, equal_nan=True)


def test_trc_in_millimetres_from_the_ground(tmp_path: Path) -> None:
    _, rows = columns_of(write(tmp_path, "trc", unit="mm", origin="ground").read_text(), 5)
    found = np.array([[float(cell or "nan") for cell in row[2:-1]] for row in rows]).reshape(90, 33, 3)
    assert np.nanmin(found[..., 1], axis=1)[:10] == pytest.approx(np.zeros(10), abs=1e-3)
    assert np.allclose(np.diff(found, axis=1), np.diff(UPRIGHT, axis=1) * 1000, atol=2e-4, equal_nan=True)
    hips = found[:, [23, 24], 1].mean(axis=1)
    assert hips[0] > hips[45] + 100  # they go down in a squat


def test_trc_of_another_skeleton_and_rate(tmp_path: Path) -> None:
    text = write(tmp_path, "trc", skeleton="body25", rate=60).read_text()
    lines = text.splitlines()
    assert [name for name in lines[3].split("\t")[2:] if name] == list(BODY_25)
    assert lines[2].startswith("60\t60\t179 ")


def test_markers_as_pose2sim_calls_them(tmp_path: Path) -> None:
    for skeleton, expected in (
        ("blazepose", ["Nose", "LEyeInner", "LEye"]),
        ("halpe26", ["Nose", "LEye", "REye", "LEar", "REar", "LShoulder"]),
    ):
        text = write(tmp_path, "trc", skeleton=skeleton, markers="pose2sim").read_text()
        names = [name for name in text.splitlines()[3].split("\t")[2:] if name]
        assert names[: len(expected)] == expected
        assert {"RKnee", "LBigToe", "RHeel"} <= set(names)
        assert len(set(names)) == len(topology.SKELETONS[skeleton])
    assert names[17:] == ["Head", "Neck", "Hip", "LBigToe", "RBigToe", "LSmallToe", "RSmallToe", "LHeel", "RHeel"]


def test_opensim_reads_trc(tmp_path: Path) -> None:
    opensim = needs("opensim")
    for options, unit, scale in (({}, "m", 1), ({"unit": "mm"}, "mm", 1000)):
        table = opensim.TimeSeriesTableVec3(str(write(tmp_path, "trc", **options)))
        assert list(table.getColumnLabels()) == list(LANDMARK_NAMES)
        assert table.getTableMetaDataAsString("Units") == unit
        assert float(table.getTableMetaDataAsString("DataRate")) == 30
        assert np.allclose(table.getIndependentColumn(), np.arange(90) / 30, atol=1e-6)
        rows = (table.getRowAtIndex(k) for k in range(90))
        found = np.array([[[row[j][axis] for axis in range(3)] for j in range(33)] for row in rows])
        assert np.allclose(found, UPRIGHT * scale, atol=6e-8 if scale == 1 else 6e-5, equal_nan=True)


def test_pose2sim_reads_trc_and_mot(tmp_path: Path) -> None:
    common = needs("Pose2Sim.common")
    data, frames, time, markers, _ = common.read_trc(write(tmp_path, "trc"))
    assert markers == list(LANDMARK_NAMES)
    assert np.allclose(data.to_numpy().reshape(90, 33, 3), UPRIGHT, atol=6e-8, equal_nan=True)
    assert frames.tolist() == list(range(1, 91))
    assert np.allclose(time, np.arange(90) / 30, atol=1e-6)
    degrees, time, _ = common.read_mot(write(tmp_path, "mot"))
    assert list(degrees.columns) == list(motion.angles.ANGLES)
    assert np.allclose(degrees, motion.angles.compute(ONE)[:, 0], atol=1e-6, equal_nan=True)


# --- MOT


@pytest.mark.parametrize("source", ["world", "image"])
def test_mot(tmp_path: Path, source: str) -> None:
    text = write(tmp_path, "mot", angles=source).read_text()
    assert text.startswith("Coordinates\nversion=1\nnRows=90")
    assert f"nColumns={len(motion.angles.ANGLES) + 1}\ninDegrees=yes\n\nendheader\n" in text
    names, rows = columns_of(text, 7)
    assert names == ["time", *motion.angles.ANGLES]
    found = np.array(rows, np.float64)
    assert np.allclose(found[:, 0], np.arange(90) / 30, atol=1e-6)
    assert np.allclose(found[:, 1:], motion.angles.compute(ONE, source)[:, 0], atol=1e-6, equal_nan=True)


def test_opensim_reads_mot(tmp_path: Path) -> None:
    opensim = needs("opensim")
    table = opensim.TimeSeriesTable(str(write(tmp_path, "mot")))
    assert list(table.getColumnLabels()) == list(motion.angles.ANGLES)
    rows = (table.getRowAtIndex(k) for k in range(table.getNumRows()))
    found = np.array([[row[j] for j in range(len(motion.angles.ANGLES))] for row in rows])
    assert np.allclose(found, motion.angles.compute(ONE)[:, 0], atol=1e-6, equal_nan=True)
    assert opensim.Storage(str(write(tmp_path, "mot"))).isInDegrees()
    # Its window's reader ends at the first gap, so gaps are said; filled ones it reads whole.
    assert opensim.Storage(str(write(tmp_path, "mot"))).getSize() < 90
    whole = write(tmp_path, "mot", motion.fill_gaps(ONE, 0.2))
    assert opensim.Storage(str(whole)).getSize() == 90


# --- OpenPose


def expected_openpose(given: motion.Recording, skeleton: str, frame: int) -> list[np.ndarray]:
    """x, y, confidence of the people on a frame, zeros for what is missing."""
    points = motion.to_skeleton(given, skeleton).column("x_px", "y_px", "visibility")[frame]
    points[np.isnan(points[..., 0])] = 0
    return [points[k] for k in np.flatnonzero(given.found[frame])]


@pytest.mark.parametrize(("skeleton", "count"), [(None, 25), ("blazepose", 33)])
def test_openpose(tmp_path: Path, skeleton: str | None, count: int) -> None:
    folder = write(tmp_path, "openpose", skeleton=skeleton)
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"clip_{k:012d}_keypoints.json" for k in range(90)]
    together = json.loads(write(tmp_path, "openpose-one", skeleton=skeleton).read_text())
    for frame, file in enumerate(files):
        content = json.loads(file.read_text())
        assert content["version"] == 1.3
        assert together[frame]["people"] == content["people"]
        assert (together[frame]["frame"], together[frame]["time_s"]) == (frame, pytest.approx(frame / 30))
        expected = expected_openpose(PEOPLE, skeleton or "body25", frame)
        assert len(content["people"]) == len(expected)
        for person, points in zip(content["people"], expected, strict=True):
            found = np.array(person["pose_keypoints_2d"]).reshape(count, 3)
            assert np.allclose(found, points, atol=6e-5)
    assert json.loads(files[50].read_text())["people"][1]["person_id"] == [1]


def test_openpose_replaces_its_folder(tmp_path: Path) -> None:
    folder = write(tmp_path, "openpose")
    again = write(tmp_path, "openpose", PEOPLE.take(slice(0, 20)))
    assert again == folder
    assert len(list(folder.iterdir())) == 20
    assert list(tmp_path.iterdir()) == [folder]


def test_pose2sim_reads_openpose(tmp_path: Path) -> None:
    association = needs("Pose2Sim.personAssociation")
    for frame, file in enumerate(sorted(write(tmp_path, "openpose").iterdir())):
        found = [np.array(person).reshape(25, 3) for person in association.read_json(file)]
        expected = expected_openpose(PEOPLE, "body25", frame)
        assert len(found) == len(expected)
        assert all(np.allclose(a, b, atol=6e-5) for a, b in zip(found, expected, strict=True))


# --- COCO


def test_coco(tmp_path: Path) -> None:
    results = json.loads(write(tmp_path, "coco").read_text())
    assert len(results) == PEOPLE.found.sum()
    places = [tuple(place) for place in np.argwhere(PEOPLE.found)]
    points = motion.to_skeleton(PEOPLE, "coco17").column("x_px", "y_px", "visibility")
    for result, (frame, person) in zip(results, places, strict=True):
        assert (result["image_id"], result["category_id"]) == (frame, 1)
        expected = np.where(np.isnan(points[frame, person, :, :1]), 0, points[frame, person])
        assert np.allclose(np.reshape(result["keypoints"], (17, 3)), expected, atol=6e-5)
        assert result["score"] == pytest.approx(0.9, abs=1e-6)


def test_pycocotools_reads_coco(tmp_path: Path) -> None:
    coco = needs("pycocotools.coco")
    evaluation = needs("pycocotools.cocoeval")
    whole = motion.to_skeleton(recording(people=2), "coco17").points_px
    annotations = []
    for frame, person in np.ndindex(90, 2):
        points = whole[frame, person].astype(float)
        x, y = points.min(axis=0)
        w, h = points.max(axis=0) - (x, y)
        annotations.append(
            {
                "id": len(annotations) + 1,
                "image_id": frame,
                "category_id": 1,
                "iscrowd": 0,
                "num_keypoints": 17,
                "keypoints": np.column_stack([points, np.full(17, 2)]).ravel().tolist(),
                "bbox": [x, y, w, h],
                "area": w * h,
            }
        )
    truth = {
        "images": [{"id": k, "width": 640, "height": 480} for k in range(90)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17), "skeleton": []}],
        "info": {},
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    known = coco.COCO(str(tmp_path / "truth.json"))
    found = known.loadRes(str(write(tmp_path, "coco", recording(people=2))))
    judged = evaluation.COCOeval(known, found, "keypoints")
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
    assert judged.stats[0] == pytest.approx(1)
    assert len(found.anns) == 180


# --- DeepLabCut


def test_deeplabcut(tmp_path: Path) -> None:
    lines = [line.split(",") for line in write(tmp_path, "deeplabcut").read_text().splitlines()]
    assert [line[0] for line in lines[:4]] == ["scorer", "individuals", "bodyparts", "coords"]
    assert lines[1][1] == "person0"
    assert lines[1][-1] == "person1"
    assert lines[2][1:100:3] == list(LANDMARK_NAMES)
    assert lines[15][:4] == ["11", "", "", ""]
    alone = [line.split(",") for line in write(tmp_path, "deeplabcut", ONE).read_text().splitlines()]
    assert [line[0] for line in alone[:3]] == ["scorer", "bodyparts", "coords"]
    found = np.array([[float(cell or "nan") for cell in line[1:]] for line in alone[3:]], np.float32)
    expected = ONE.column("x_px", "y_px", "visibility").reshape(90, 99)
    assert np.array_equal(found, expected, equal_nan=True)  # nine digits are the same float32


@pytest.mark.parametrize("name", ["deeplabcut", "deeplabcut-h5"])
@pytest.mark.parametrize("people", [1, 2])
def test_movement_reads_deeplabcut(tmp_path: Path, name: str, people: int) -> None:
    load = needs("movement.io.load_poses")
    given = recording(people=people, gaps=True)
    thin = given.take(given.found.any(axis=1))  # as tables of rows are
    data = load.from_dlc_file(write(tmp_path, name, thin), fps=30)
    found = data.position.transpose("time", data.position.dims[-1], data.position.dims[-2], "space").values
    assert np.allclose(found, given.points_px, atol=1e-5, equal_nan=True)
    assert np.allclose(data.time, np.arange(90) / 30)
    likelihood = data.confidence.transpose("time", data.confidence.dims[-1], data.confidence.dims[-2]).values
    assert np.allclose(likelihood, given.visibility, equal_nan=True)
    assert list(data[data.position.dims[-2]].values) == list(LANDMARK_NAMES)


def test_pose2sim_reads_deeplabcut(tmp_path: Path) -> None:
    convert = needs("Pose2Sim.Utilities.DLC_to_OpenPose")
    needs("tables")
    convert.DLC_to_OpenPose_func(write(tmp_path, "deeplabcut-h5", ONE), tmp_path / "json")
    files = sorted((tmp_path / "json").iterdir())
    found = [json.loads(file.read_text())["people"][0]["pose_keypoints_2d"] for file in files]
    expected = np.nan_to_num(ONE.column("x_px", "y_px", "visibility"))
    assert np.allclose(np.reshape(found, (90, 33, 3)), expected[:, 0], atol=1e-5)


def test_sleap_io_reads_deeplabcut_by_way_of_movement(tmp_path: Path) -> None:
    """Alone it reads DeepLabCut's tables of labelled pictures only, of videos none, its own neither."""
    sleap = needs("sleap_io")
    data = needs("movement.io.load_poses").from_dlc_file(write(tmp_path, "deeplabcut"), fps=30)
    needs("movement.io.save_poses").to_sleap_analysis_file(data, tmp_path / "clip.analysis.h5")
    labels = sleap.load_file(str(tmp_path / "clip.analysis.h5"))
    assert [track.name for track in labels.tracks] == ["person0", "person1"]
    assert labels.skeletons[0].node_names == list(LANDMARK_NAMES)
    assert np.allclose(labels.numpy()[..., :2], PEOPLE.points_px, atol=1e-5, equal_nan=True)


# --- NWB


@contextmanager
def nwb_needed() -> Iterator[None]:
    needs("pynwb")
    needs("ndx_pose")
    yield


def test_movement_reads_nwb(tmp_path: Path) -> None:
    load = needs("movement.io.load_poses")
    with nwb_needed():
        write(tmp_path, "nwb")
    for file, person in (("clip.nwb", 0), ("clip_person1.nwb", 1)):
        there = PEOPLE.found[:, person]
        for key, expected in (("PoseEstimation", PEOPLE.points_px), ("PoseEstimationWorld", PEOPLE.world_m)):
            data = load.from_nwb_file(tmp_path / file, pose_estimation_key=key)
            found = data.position.transpose("time", data.position.dims[-1], data.position.dims[-2], "space").values
            start = np.flatnonzero(there)[0]
            names = [LANDMARK_NAMES.index(name) for name in data[data.position.dims[-2]].values]  # in another order
            assert sorted(names) == list(range(33))
            assert np.array_equal(found[:, 0], expected[start:, person, names], equal_nan=True)


def test_nwb_has_a_row_for_every_frame(tmp_path: Path) -> None:
    """Tables leave out frames without anybody; movement counts rows, and calls individuals as the identifier says."""
    with nwb_needed():
        path = write(tmp_path, "nwb", ONE.take(ONE.found[:, 0]))
    with needs("pynwb").NWBHDF5IO(path, "r") as file:
        content = file.read()
        nose = content.processing["behavior"]["PoseEstimation"]["nose"]
        assert np.allclose(nose.timestamps[:], np.arange(90) / 30)
        assert np.array_equal(nose.data[:], ONE.points_px[:, 0, 0], equal_nan=True)
        assert content.identifier == "clip.mp4 person0"


def test_pynwb_reads_nwb(tmp_path: Path) -> None:
    with nwb_needed():
        path = write(tmp_path, "nwb", ONE)
    with needs("pynwb").NWBHDF5IO(path, "r") as file:
        content = file.read()
        pose = content.processing["behavior"]["PoseEstimation"]
        nose = pose["nose"]
        assert np.allclose(nose.timestamps[:], np.arange(90) / 30)
        assert np.array_equal(nose.data[:], ONE.points_px[:, 0, 0], equal_nan=True)
        assert np.array_equal(nose.confidence[:], ONE.visibility[:, 0, 0], equal_nan=True)
        assert pose.skeleton.edges[:].tolist() == [list(pair) for pair in topology.BLAZEPOSE.connections]
        assert pose.dimensions[:].tolist() == [[640, 480]]
        assert content.subject.subject_id == "person0"


# --- BVH


def positions(text: str) -> dict[str, np.ndarray]:
    """Places of the joints by forward kinematics: {name: (F, 3)}, a reader of its own."""
    head, motions = text.split("MOTION\n")
    channels = np.array([line.split() for line in motions.splitlines()[2:]], np.float64)
    places: dict[str, np.ndarray] = {}
    stack: list[tuple[str, np.ndarray, np.ndarray]] = []
    name, used = "", 0
    for words in (line.split() for line in head.splitlines()[1:]):
        if words[0] in ("ROOT", "JOINT", "End"):
            name = words[1] if words[0] != "End" else f"{stack[-1][0]}End"
        elif words[0] == "OFFSET":
            offset = np.array(words[1:], np.float64)
            if stack:
                _, turn, place = stack[-1]
                places[name] = place + turn @ offset
            if name.endswith("End"):
                stack.append((name, np.eye(3), offset))
        elif words[0] == "CHANNELS":
            own = channels[:, used : used + int(words[1])]
            used += int(words[1])
            if not stack:
                places[name], own = own[:, :3], own[:, 3:]
            z, x, y = np.radians(own).T
            turn = about("z", z) @ about("x", x) @ about("y", y)
            stack.append((name, stack[-1][1] @ turn if stack else turn, places[name]))
        elif words[0] == "}":
            stack.pop()
    assert used == channels.shape[1]
    return places


def about(axis: str, angle: np.ndarray) -> np.ndarray:
    c, s, one, zero = np.cos(angle), np.sin(angle), np.ones_like(angle), np.zeros_like(angle)
    rows = {
        "x": [one, zero, zero, zero, c, -s, zero, s, c],
        "y": [c, zero, s, zero, one, zero, -s, zero, c],
        "z": [c, -s, zero, s, c, zero, zero, zero, one],
    }
    return np.stack(rows[axis], axis=-1).reshape(-1, 3, 3)


BVH_JOINTS = {
    "Hips": "mid_hip",
    "Chest": "neck",
    "NeckEnd": "mid_ear",
    "LeftUpLeg": "left_hip",
    "LeftLeg": "left_knee",
    "RightFoot": "right_ankle",
    "RightFootEnd": "right_foot_index",
    "LeftArm": "left_shoulder",
    "RightForeArm": "right_elbow",
    "RightHand": "right_wrist",
    "LeftHandEnd": "left_index",
}


@pytest.mark.parametrize("origin", ["hips", "ground"])
def test_bvh(tmp_path: Path, origin: str) -> None:
    given = recording(people=2).person(1)
    text = write(tmp_path, "bvh", given, origin=origin).read_text()
    assert "MOTION\nFrames: 90\nFrame Time: 0.03333333\n" in text
    expected = given.world_m[:, 0] * [100, -100, -100]
    if origin == "ground":
        expected[..., 1] -= expected[:, [27, 28, 29, 30, 31, 32], 1].min(axis=1)[:, None]
    points = topology.convert(expected, LANDMARK_NAMES, list(BVH_JOINTS.values()))
    found = positions(text)
    for k, joint in enumerate(BVH_JOINTS):
        assert np.abs(found[joint] - points[:, k]).max() < 1e-3, joint  # centimetres


def test_bvh_holds_what_is_missing(tmp_path: Path) -> None:
    held = positions(write(tmp_path, "bvh", ONE).read_text())
    whole = positions(write(tmp_path, "bvh", recording()).read_text())
    assert np.isfinite(held["RightHand"]).all()
    assert np.allclose(held["RightHand"][10:13], whole["RightHand"][9], atol=1e-3)
    assert np.allclose(held["RightHand"][13:], whole["RightHand"][13:], atol=1e-3)


def test_bvhtoolbox_reads_bvh(tmp_path: Path) -> None:
    toolbox = needs("bvhtoolbox")
    convert = needs("bvhtoolbox.convert.bvh2csv")
    tree = toolbox.BvhTree(write(tmp_path, "bvh", recording()).read_text())
    assert tree.nframes == 90
    assert tree.frame_time == pytest.approx(1 / 30)
    assert convert.write_joint_positions(tree, str(tmp_path / "places.csv"), end_sites=False)
    header, *rows = (tmp_path / "places.csv").read_text().splitlines()
    found = np.array([row.split(",") for row in rows], np.float64)[:90]
    names = header.split(",")
    points = topology.convert(recording().world_m[:, 0] * [100, -100, -100], LANDMARK_NAMES, list(BVH_JOINTS.values()))
    for k, joint in enumerate(BVH_JOINTS):
        if not joint.endswith("End"):
            start = names.index(f"{joint}.x")
            assert np.abs(found[:, start : start + 3] - points[:, k]).max() < 1e-3, joint


# --- C3D


def test_ezc3d_reads_c3d(tmp_path: Path) -> None:
    ezc3d = needs("ezc3d")
    for options, unit, scale in (({}, "m", 1), ({"unit": "mm"}, "mm", 1000)):
        content = ezc3d.c3d(str(write(tmp_path, "c3d", **options)))
        point = content["parameters"]["POINT"]
        assert point["LABELS"]["value"] == list(LANDMARK_NAMES)
        assert (point["UNITS"]["value"], point["RATE"]["value"][0]) == ([unit], 30)
        found = content["data"]["points"][:3].transpose(2, 1, 0)
        assert np.allclose(found, UPRIGHT * scale, rtol=1e-6, atol=1e-7, equal_nan=True)
        missing = np.isnan(UPRIGHT).any(axis=2).T
        assert np.array_equal(content["data"]["meta_points"]["residuals"][0], np.where(missing, -1, 0))


@pytest.mark.filterwarnings("error")
def test_uneven_times_are_said(tmp_path: Path) -> None:
    given = recording()
    with pytest.warns(UserWarning, match=r"a\.trc: times not even: 1 frames interpolated"):
        motion.write(replace(given, time=given.time + 0.01 * (given.frame == 40)), tmp_path / "a.trc")
    motion.write(given, tmp_path / "b.trc")


def test_c3d_goes_on_in_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The header has two bytes for the number of frames."""
    ezc3d = needs("ezc3d")
    assert motion.FORMATS["c3d"].most == 65535
    monkeypatch.setitem(motion.FORMATS, "c3d", replace(motion.FORMATS["c3d"], most=40))
    with motion.export(tmp_path / "clip.c3d", "c3d", split=True) as file:
        for start in range(0, 90, 50):
            file.write(PEOPLE.take(slice(start, start + 50)))
    alone = ["clip.c3d", "clip_part2.c3d", "clip_part3.c3d"]
    other = ["clip_person1_part2.c3d", "clip_person1_part3.c3d"]  # comes with frame 40
    assert sorted(path.name for path in file.files) == sorted(alone + other)
    for person, names in ((0, alone), (1, other)):
        parts = [ezc3d.c3d(str(tmp_path / name)) for name in names]
        assert [part["header"]["points"]["last_frame"] for part in parts] == [39, 39, 9][person:]
        found = np.concatenate([part["data"]["points"][:3] for part in parts], axis=2).transpose(2, 1, 0)
        expected = PEOPLE.world_m[40 * person :, person] * [1, -1, -1]
        assert np.allclose(found, expected, rtol=1e-6, atol=1e-7, equal_nan=True)


def test_files_of_all_people_begin_together(tmp_path: Path) -> None:
    """C3D and BVH have no times: frame k is the same moment in everybody's file."""
    write(tmp_path, "trc")
    lines = (tmp_path / "clip_person1.trc").read_text().splitlines()
    assert lines[2].split("\t")[6] == lines[6].split("\t")[0] == "41"
    assert float(lines[6].split("\t")[1]) == pytest.approx(40 / 30, abs=1e-6)
    write(tmp_path, "bvh")
    places = positions((tmp_path / "clip_person1.bvh").read_text())["RightHand"]
    wrist = PEOPLE.world_m[40:, 1, LANDMARK_NAMES.index("right_wrist")] * [100, -100, -100]
    assert np.abs(places[40:] - wrist).max() < 1e-3
    assert np.ptp(places[:41], axis=0).max() == 0
    ezc3d = needs("ezc3d")
    write(tmp_path, "c3d")
    found = ezc3d.c3d(str(tmp_path / "clip_person1.c3d"))["data"]["points"][:3].transpose(2, 1, 0)
    expected = PEOPLE.world_m[:, 1] * [1, -1, -1]
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-7, equal_nan=True)


def test_uneven_times_become_the_same_for_everybody(tmp_path: Path) -> None:
    time = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.05, 90))
    with motion.export(tmp_path / "a.mot", "mot", motion.Options(rate=25), split=True) as file:
        file.write(replace(PEOPLE, time=time))
    first, second = (columns_of(path.read_text(), 7)[1] for path in file.files)
    times = [row[0] for row in second]
    assert time[40] <= float(times[0]) < time[40] + 0.04
    assert [row[0] for row in first][-len(times) :] == times
    assert file.interpolated < 90


@pytest.mark.skipif(os.name != "posix", reason="names are bytes")
def test_c3d_in_a_folder_whose_name_is_no_utf8(tmp_path: Path) -> None:
    needs("ezc3d")
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/n\xff"))
    folder.mkdir()
    (path,) = motion.write(ONE, folder / "a.c3d")
    assert path.read_bytes() == write(tmp_path, "c3d", ONE).read_bytes()
    assert [file.name for file in folder.iterdir()] == ["a.c3d"]


def test_the_longest_c3d(tmp_path: Path) -> None:
    ezc3d = needs("ezc3d")
    time = np.arange(65536) / 30
    values = np.zeros((65536, 1, 2, 8), np.float32)
    values[:, 0, :, 3] = time[:, None]
    long = motion.Recording(time, np.arange(65536), values, keypoints=("left_hip", "right_hip"))
    first, second = motion.write(long, tmp_path / "a.c3d")
    assert np.array_equal(ezc3d.c3d(str(first))["data"]["points"][0, 1], time[:-1].astype(np.float32))
    assert np.array_equal(ezc3d.c3d(str(second))["data"]["points"][0, 1], time[-1:].astype(np.float32))


# --- what all have in common


TEXTS = [name for name, kind in motion.FORMATS.items() if not kind.requires]


@pytest.mark.parametrize("name", [name for name in TEXTS if not motion.FORMATS[name].several])
def test_formats_for_one_person(tmp_path: Path, name: str) -> None:
    ending = motion.FORMATS[name].ending
    with pytest.raises(ValueError, match=rf"{name} holds one person, and there are several \(0, 1\); choose one"):
        motion.write(PEOPLE, tmp_path / f"a{ending}")
    assert not list(tmp_path.iterdir())
    assert motion.write(PEOPLE, tmp_path / f"a{ending}", options=motion.Options(person=1)) == [tmp_path / f"a{ending}"]
    path = write(tmp_path, name)
    second = path.with_name(f"clip_person1{ending}")
    chosen = tmp_path / f"a{ending}"
    assert second.read_text().replace(second.name, chosen.name) == chosen.read_text()


def test_somebody_who_comes_with_the_last_frame_of_a_block(tmp_path: Path) -> None:
    late = recording(people=2, fps=50)
    values = late.values.copy()
    values[:31, 1] = np.nan  # is there from the last frame of the second block on
    write(tmp_path, "trc", late.moved(values))
    lines = (tmp_path / "clip_person1.trc").read_text().splitlines()
    assert lines[2].startswith("50\t50\t59 ")
    assert float(lines[6].split("\t")[1]) == pytest.approx(31 / 50, abs=1e-6)


def test_uneven_times_are_resampled_and_said(tmp_path: Path) -> None:
    time = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.05, 90))
    with motion.export(tmp_path / "a.trc", "trc", motion.Options(rate=25)) as file:
        file.write(replace(recording(), time=time))
    assert file.interpolated > 60
    _, rows = columns_of((tmp_path / "a.trc").read_text(), 5)
    assert np.allclose(np.diff([float(row[1]) for row in rows]), 0.04, atol=2e-6)


@pytest.mark.parametrize("name", motion.FORMATS)
def test_nobody_at_all(tmp_path: Path, name: str) -> None:
    for module, _ in motion.FORMATS[name].requires:
        needs(module)
    blind = recording().moved(np.full_like(recording().values, np.nan))
    for given in (blind, blind.take([])):
        path = write(tmp_path, name, given)
        assert path.exists()


def write_both(file: motion.formats.Export, good: motion.Recording, bad: motion.Recording) -> None:
    file.write(good)
    file.write(bad)
    file.write(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", TEXTS)
def test_whole_or_not_at_all(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    turned_back = replace(recording(), time=recording().time[::-1], frame=np.arange(90)[::-1])
    broken = recording() if motion.FORMATS[name].frames == "given" else turned_back
    with pytest.raises((ValueError, AttributeError)), motion.export(path, name, split=True) as file:
        write_both(file, recording(), broken)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_pictures_have_no_times(tmp_path: Path) -> None:
    pictures = replace(recording(), time=np.full(90, np.nan))
    for name in ("trc", "mot", "bvh"):
        with pytest.raises(ValueError, match="no times"):
            motion.write(pictures, tmp_path / f"a{motion.FORMATS[name].ending}")
    assert len(json.loads(motion.write(pictures, tmp_path / "a.coco.json")[0].read_text())) == 90
    assert json.loads(motion.write(pictures, tmp_path / "a.openpose.json")[0].read_text())[0]["time_s"] is None


def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="no format 'fbx': expected one of trc, mot"):
        motion.write(PEOPLE, tmp_path / "a", "fbx")
    with pytest.raises(ValueError, match="no format has this ending"):
        motion.write(PEOPLE, tmp_path / "a.fbx")
    for options, message in (
        ({"unit": "inch"}, "unit: expected one of m, mm, not 'inch'"),
        ({"origin": "head"}, "origin: expected one of hips, ground"),
        ({"skeleton": "coco"}, "no skeleton 'coco'"),
        ({"rate": math.nan}, "rate must be finite"),
        ({"angles": "both"}, "angles: expected one of world, image"),
    ):
        with pytest.raises(ValueError, match=message):
            motion.Options(**options)
    monkeypatch.setitem(__import__("sys").modules, "ezc3d", None)
    with pytest.raises(MissingExtra, match=r'pip install "refpose\[c3d\]"'):
        motion.write(ONE, tmp_path / "a.c3d")
    handless = motion.to_skeleton(ONE, ("nose", "left_hip"))
    with pytest.raises(ValueError, match="has no feet"):
        motion.write(handless, tmp_path / "a.trc", options=motion.Options(origin="ground"))


def test_endings_tell_the_format(tmp_path: Path) -> None:
    for name in TEXTS:
        (path,) = motion.write(ONE, tmp_path / f"a{motion.FORMATS[name].ending}")
        assert path.exists()
    assert len({kind.ending for kind in motion.FORMATS.values()}) == len(motion.FORMATS)


def test_bvh_in_blocks_is_the_same(tmp_path: Path) -> None:
    """What a joint is before it is known for the first time may stand many blocks later."""
    moving = recording(frames=700)
    knee, ankle, ear = (LANDMARK_NAMES.index(name) for name in ("left_knee", "right_ankle", "left_ear"))
    hips = [LANDMARK_NAMES.index(name) for name in ("left_hip", "right_hip")]
    values = moving.values.copy()
    values[:300, :, hips] = np.nan
    values[:400, :, knee] = np.nan
    values[500:, :, ear] = np.nan
    values[:, :, ankle] = np.nan
    given = replace(moving, values=values)
    lines = write(tmp_path, "bvh", given).read_text().splitlines()
    (tmp_path / "whole").mkdir()
    motion.write(given, tmp_path / "whole" / "clip.bvh")
    assert lines == (tmp_path / "whole" / "clip.bvh").read_text().splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("Frame Time")) + 1
    rows = np.array([line.split() for line in lines[start:]], float)
    assert len(rows) == 700
    # Hips come with frame 300, the left knee with frame 400: until then they are as they are then.
    assert np.array_equal(rows[:301, :6], np.tile(rows[300, :6], (301, 1)))
    names = [line.split()[1] for line in lines if line.strip().startswith(("ROOT", "JOINT"))]
    thigh = 3 + 3 * names.index("LeftUpLeg")
    assert np.array_equal(rows[300:401, thigh : thigh + 3], np.tile(rows[400, thigh : thigh + 3], (101, 1)))
    assert not np.array_equal(rows[401, thigh : thigh + 3], rows[420, thigh : thigh + 3])
    never = 3 + 3 * names.index("RightLeg")
    assert np.array_equal(rows[:, never : never + 3], np.zeros((700, 3)))


@pytest.mark.parametrize("name", ["bvh", "c3d", "deeplabcut", "deeplabcut-h5", "nwb", "plot"])
def test_memory_does_not_grow_with_length(tmp_path: Path, name: str) -> None:
    for module, _ in motion.FORMATS[name].requires:
        pytest.importorskip(module)
    second = recording()

    def peak(times: int) -> int:
        tracemalloc.start()
        with motion.export(tmp_path / f"a{motion.FORMATS[name].ending}", name) as file:
            for k in range(times):
                file.write(replace(second, time=second.time + 3 * k, frame=second.frame + 90 * k))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(1)  # what is loaded the first time
    assert (peak(50) - peak(10)) / (40 * 90) < (700 if name in ("bvh", "plot") else 60)  # bytes a frame
