"""Recordings: read from every table without loss, made from videos, and refused where they are none."""

from __future__ import annotations

import csv
import json
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from motion_data import recording
from test_tables import EXPECTED, FRAMES, METADATA, SOURCE, somebody

from refpose import motion, tables
from refpose.motion import reading
from refpose.tables.recorded import write_recording
from refpose.topology import LANDMARK_NAMES, PoseLandmark
from refpose.video import FrameResult

ANGLES = ("right_knee", "trunk")
ROWS = [kind for kind in tables.KINDS if kind != ".h5"]


def filmed(seed: int):
    """Somebody with values before smoothing too."""
    person = somebody(seed)
    draw = np.random.default_rng(seed + 100)
    for name in ("raw_landmarks", "raw_world_landmarks"):
        setattr(person, name, draw.normal(size=(33, 3)).astype(np.float32))
    person.raw_visibility = draw.random(33, np.float32)
    person.image_size = (640, 480)
    return person


PEOPLE = [(frame, time, [filmed(frame * 7 + k) for k in range(len(people))]) for frame, time, people in FRAMES]
TURNED = np.random.default_rng(9).normal(scale=90, size=(10, 2, 2)).astype(np.float32)


def write(path: Path, **form) -> Path:
    with tables.create(path, SOURCE, METADATA, **form) as table:
        for frame, time, people in PEOPLE:
            table.write(frame, time, people, TURNED[frame, : len(people)] if "angles" in form else None)
    return path


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("kind", tables.KINDS)
def test_every_table_comes_back_as_it_was(tmp_path: Path, kind: str, wide: bool) -> None:
    path = write(tmp_path / f"a{kind}", wide=wide, raw=True, angles=ANGLES)
    found = tables.read(path)
    frames = [frame for frame in PEOPLE if frame[2] or kind == ".h5"]
    assert found.frame.tolist() == [frame for frame, *_ in frames]
    assert found.time.tolist() == [time for _, time, _ in frames]
    assert (found.people, found.keypoints, found.sources) == ((0, 1), LANDMARK_NAMES, (SOURCE,))
    assert found.columns == (*tables.VALUES, *tables.RAW)
    assert found.angle_names == ANGLES
    assert found.values.dtype == found.angles.dtype == np.float32
    for row, turned, (frame, _, people) in zip(found.values, found.angles, frames, strict=True):
        for k in range(2):
            if k < len(people):
                assert row[k].tobytes() == tables.numbers(people[k], found.columns).tobytes()
                assert np.array_equal(turned[k], TURNED[frame, k])
            else:
                assert np.isnan(row[k]).all()
                assert np.isnan(turned[k]).all()
    if kind in (".h5", ".parquet"):
        assert found.metadata == METADATA


def test_raw_columns_are_the_persons() -> None:
    person = filmed(3)
    columns = (*tables.VALUES, *tables.RAW)
    found = dict(zip(columns, tables.numbers(person, columns).T, strict=True))
    assert np.array_equal(found["x_raw_px"], person.raw_landmarks[:, 0] * np.float32(640))
    assert np.array_equal(found["y_raw_px"], person.raw_landmarks[:, 1] * np.float32(480))
    assert np.array_equal(found["z_raw"], person.raw_landmarks[:, 2])
    assert np.array_equal(found["yw_raw_m"], person.raw_world_landmarks[:, 1])
    assert np.array_equal(found["visibility_raw"], person.raw_visibility)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("kind", ROWS)
def test_every_frame_has_rows_where_asked_for(tmp_path: Path, kind: str, wide: bool) -> None:
    found = tables.read(write(tmp_path / f"a{kind}", wide=wide, every_frame=True))
    assert found.frame.tolist() == [frame for frame, *_ in FRAMES]
    assert found.found.tolist() == [[k < len(people) for k in range(2)] for *_, people in FRAMES]
    assert np.array_equal(found.values[found.found], [tables.numbers(p) for *_, people in PEOPLE for p in people])


def test_csv_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.csv", raw=True, angles=ANGLES)
    before = tables.read(path)
    monkeypatch.setitem(sys.modules, "pyarrow.csv", None)
    after = tables.read(path)
    assert after.values.tobytes() == before.values.tobytes()
    assert after.angles.tobytes() == before.angles.tobytes()


def test_json_laid_out_in_another_way(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json")
    before = tables.read(path)
    path.write_text(json.dumps(json.loads(path.read_text()), indent=2))
    assert tables.read(path).values.tobytes() == before.values.tobytes()


def test_record_beside_a_table_of_text(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    (tmp_path / "a.meta.json").write_text('{"video": {"width": 640, "height": 480}}')
    assert tables.read(tmp_path / "a.csv").image_size == (640, 480)


@pytest.mark.parametrize("kind", tables.KINDS)
def test_tables_of_many_pictures(tmp_path: Path, kind: str) -> None:
    with tables.create(tmp_path / f"a{kind}", "", {}) as table:
        for k, name in enumerate(["b.jpg", "a.jpg", "c.jpg"]):
            table.write(k, float("nan"), [somebody(k)], source=name)
    found = tables.read(tmp_path / f"a{kind}")
    assert np.isnan(found.time).all()
    assert [found.sources[k] for k in found.source_of] == ["b.jpg", "a.jpg", "c.jpg"]
    assert np.array_equal(found.values[:, 0], [tables.values(somebody(k)) for k in range(3)])


@pytest.mark.parametrize("kind", tables.KINDS)
@pytest.mark.parametrize("frames", [[], FRAMES[:1]])
def test_nobody(tmp_path: Path, kind: str, frames) -> None:
    with tables.create(tmp_path / f"a{kind}", SOURCE, METADATA) as table:
        for frame in frames:
            table.write(*frame)
    found = tables.read(tmp_path / f"a{kind}")
    assert len(found) == (len(frames) if kind == ".h5" else 0)
    assert not found.found.any()
    assert (found.keypoints, found.columns) == (LANDMARK_NAMES, tables.VALUES)


@pytest.mark.parametrize("kind", tables.KINDS)
def test_blocks_are_the_whole_in_little_memory(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("_ROWS_AT_ONCE", 3000), ("_OBJECTS_AT_ONCE", 3000), ("_FRAMES_AT_ONCE", 60)):
        monkeypatch.setattr(reading, name, size)
    people = [[somebody(1)], [somebody(2), somebody(3)]]

    def peak(frames: int) -> int:
        with tables.create(tmp_path / f"a{kind}", SOURCE, METADATA) as table:
            for frame in range(frames):
                table.write(frame, frame / 25, people[frame % 2])
        tracemalloc.start()
        count = sum(map(len, reading.blocks(tmp_path / f"a{kind}")))
        try:
            assert count == frames
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # what is loaded at first use
    assert peak(600) < peak(300) + 2e6  # of rows as Python has them, 300 frames take 10 MB
    whole = tables.read(tmp_path / f"a{kind}")
    assert whole.frame.tolist() == list(range(300))
    assert np.array_equal(whole.values[1::2], np.broadcast_to([tables.values(p) for p in people[1]], (150, 2, 33, 8)))


def edited(path: Path, *changes: tuple[str, str]) -> Path:
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("xw_m", "world_x")], "no table that refpose wrote: it has no column xw_m"),
        ([("keypoint", "bodypart")], "it has no column keypoint"),
        ([("source,", "video,")], "it has no column source"),
        ([("visibility", "presence")], "two columns have the same name"),
        ([("\na", "\n\n"), ("0", "zero")], "(?s).*"),
        ([(",left_eye,", ",nose,")], "stands twice on a frame"),
        ([("0.7,0,", "0.75,0,")], "a frame has two times"),
        ([(",0.7,1,", ",0.7,1.5,")], "must be whole|holds something else|CSV conversion error"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, changes, message: str) -> None:
    with tables.create(tmp_path / "a.csv", "a.mp4", {}) as table:
        for frame in FRAMES:
            table.write(*frame)
    with pytest.raises(ValueError, match=message):
        tables.read(edited(tmp_path / "a.csv", *changes))


def test_rows_out_of_order(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", wide=True)
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([header, *rows[::-1], ""]), encoding="utf-8")
    with pytest.raises(ValueError, match="rows are not sorted by frame"):
        tables.read(path)


def test_tables_of_other_programs(tmp_path: Path) -> None:
    for name, text, message in (
        ("a.csv", "scorer,a,a,a\nbodyparts,nose,nose,nose\n", "has no column source"),
        ("b.csv", "x,y\n1,2\n", r"has no column source, frame, time_s and 2 more \(its columns: x, y\)"),
        ("c.csv", "", "has no column source"),
        ("d.json", '{"people": []}', "expected an array of objects"),
        ("e.json", '[{"x": 1}]', "has no column"),
        ("f.json", "[1, 2", "is no JSON"),
        ("g.parquet", "PAR1", "no Parquet file"),
        ("h.h5", "nothing", "not an HDF5 file"),
        ("i.xlsx", "", "ends in one of"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=message):
            tables.read(tmp_path / name)
    (tmp_path / "j.csv").write_bytes(b"\xff\xfe\x00\x01,\x80")
    with pytest.raises(ValueError, match="no CSV file in UTF-8"):
        tables.read(tmp_path / "j.csv")
    with h5py.File(tmp_path / "k.h5", "w") as file:
        file["landmarks"] = [1, 2]
    with pytest.raises(ValueError, match="it has no dataset keypoints, frame"):
        tables.read(tmp_path / "k.h5")
    with pytest.raises(FileNotFoundError):
        tables.read(tmp_path / "l.csv")


def test_made_from_a_video() -> None:
    class Filmed:
        topology = type("topology", (), {"names": LANDMARK_NAMES})

    def people(frame: int):
        found = [filmed(frame)] if frame % 3 else []
        for person in found:
            person.topology = Filmed.topology
        return found

    rgb = np.zeros((480, 640, 3), np.uint8)
    frames = [FrameResult(k, k / 25, rgb, people(k)) for k in range(600)]
    found = motion.record(iter(frames), "clip.mp4", raw=True)
    assert len(found) == 600
    assert found.time.tolist() == [k / 25 for k in range(600)]
    assert found.image_size == (640, 480)
    assert found.found[:, 0].tolist() == [bool(k % 3) for k in range(600)]
    assert np.array_equal(found.values[301, 0], tables.numbers(filmed(301), found.columns))
    nobody = motion.record([])
    assert (len(nobody), nobody.keypoints) == (0, LANDMARK_NAMES)


def test_parts_of_a_recording() -> None:
    found = recording(people=2)
    assert repr(found) == "Recording(90 frames, 2.97 s, 2 people, 33 key points)"
    assert found.points_px.shape == (90, 2, 33, 2)
    assert np.array_equal(found.world_m, found.values[..., 3:6])
    assert found.rate == pytest.approx(30)
    assert found.person(1).people == (1,)
    assert np.array_equal(found.person(1).values[:, 0], found.values[:, 1])
    assert found.between(1.0, 2.0).frame.tolist() == list(range(30, 60))
    assert np.array_equal(found.column("visibility"), found.visibility)
    with pytest.raises(ValueError, match=r"no person 2: the recording has 0, 1"):
        found.person(2)
    with pytest.raises(ValueError, match="no column 'x'"):
        found.column("x")
    with pytest.raises(ValueError, match="two frames or more"):
        found.take([0]).rate  # noqa: B018
    with pytest.raises(ValueError, match=r"expected values \(90, 2, 33, 8\)"):
        replace(found, values=found.values[:50])


def test_blocks_with_other_people_are_joined() -> None:
    whole = recording(people=2, gaps=True)
    parts = [whole.take(slice(0, 40)).person(0), whole.take(slice(40, 90))]
    joined = motion.joined(parts)
    assert joined.people == (0, 1)
    assert np.array_equal(joined.values, whole.values, equal_nan=True)
    with pytest.raises(ValueError, match="cannot be joined"):
        motion.joined([whole, motion.to_skeleton(whole, "coco17")])


def test_pandas_and_xarray(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    found = tables.read(write(tmp_path / "a.csv", angles=ANGLES))
    frame = found.to_pandas()
    plain = pandas.read_csv(tmp_path / "a.csv", dtype=dict.fromkeys(tables.VALUES, np.float32))
    assert list(frame.columns) == list(plain.columns)
    assert np.array_equal(frame[list(tables.VALUES)], plain[list(tables.VALUES)])
    assert len(frame) == len(EXPECTED) * 33
    pytest.importorskip("xarray")
    data = found.to_xarray()
    picked = data["values"].sel(person=0, keypoint="nose", value="x_px")
    assert np.array_equal(picked, found.values[:, 0, PoseLandmark.NOSE, 0])


@pytest.mark.parametrize("arrow", [True, False])
def test_csv_as_spreadsheets_save_it(tmp_path: Path, arrow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a byte order mark."""
    if not arrow:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        monkeypatch.setitem(sys.modules, "pyarrow.csv", None)
    path = tmp_path / "a.csv"
    with tables.create(path, "clip.mp4", {}) as table:
        write_recording(table, recording())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert np.array_equal(tables.read(path).values, recording().values)


@pytest.mark.parametrize(
    ("kind", "message"), [(".csv", "ends in the middle of a line"), (".json", "ends without a closing bracket")]
)
def test_tables_that_are_cut_short(tmp_path: Path, kind: str, message: str) -> None:
    path = tmp_path / f"a{kind}"
    with tables.create(path, "clip.mp4", {}) as table:
        write_recording(table, recording())
    whole = path.read_bytes()
    end = whole.rindex(b"0.9", 0, len(whole) // 2) + 2 if kind == ".csv" else whole.rindex(b",\n", 0, len(whole) // 2)
    path.write_bytes(whole[:end])
    with pytest.raises(ValueError, match=message):
        tables.read(path)


@pytest.mark.parametrize(
    ("name", "new", "message"),
    [
        ("frame", np.arange(90)[::-1], "not sorted"),
        ("frame", np.arange(90) // 2, "come twice"),
        ("frame", np.arange(90) - 5, "below 0"),
        ("frame", np.linspace(0, 1, 90), "must be whole"),
        ("keypoint_names", ["nose"] * 33, "a name twice"),
    ],
)
def test_hdf5_of_other_hands(tmp_path: Path, name: str, new: object, message: str) -> None:
    path = tmp_path / "a.h5"
    with tables.create(path, "clip.mp4", {}) as table:
        write_recording(table, recording())
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = new
    with pytest.raises(ValueError, match=message):
        tables.read(path)


@pytest.mark.parametrize("plain", [False, True])
def test_what_other_programs_make_of_csv(tmp_path: Path, plain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """pandas writes whole numbers with a point where some are missing, R writes NA: with PyArrow and without."""
    if plain:
        monkeypatch.setitem(sys.modules, "pyarrow.csv", None)
    expected = tables.read(write(tmp_path / "a.csv"))
    for missing in ("NA", "NaN", "nan"):
        with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
            lines = [[cell or missing for cell in line] for line in csv.reader(file)]
        lines[1:] = [[line[0], f"{line[1]}.0", line[2], f"{line[3]}.0", *line[4:]] for line in lines[1:]]
        with open(tmp_path / "b.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(lines)
        found = tables.read(tmp_path / "b.csv")
        assert np.array_equal(found.values, expected.values, equal_nan=True)
        assert found.people == expected.people


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace(",", ";"), "its columns are separated by semicolons; save it with commas"),
        (lambda text: text.replace(",", "\t"), "its columns are separated by tabs"),
        (
            lambda text: "scorer,refpose,refpose\ncoords,x,y\n",
            "is no table that refpose wrote: it has no column source",
        ),
    ],
)
def test_csv_of_other_kinds(tmp_path: Path, change: Callable[[str], str], message: str) -> None:
    path = write(tmp_path / "a.csv")
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        tables.read(path)


def test_the_record_of_a_picture(tmp_path: Path) -> None:
    """What ``refpose image`` writes about a picture is a recording of one frame."""
    point = dict.fromkeys(tables.VALUES, 0.25) | {"name": "nose", "zw_m": None}
    people = [{"keypoints": [point], "angles": {"trunk": 80.0}}, {"keypoints": [point | {"x_px": 3.5}]}]
    record = {"refpose": "0.1.0", "source": "a.png", "width": 640, "height": 480, "people": people[:1]}
    (tmp_path / "a.json").write_text(json.dumps(record))
    found = tables.read(tmp_path / "a.json")
    assert (found.frame.tolist(), found.time.tolist(), found.people, found.keypoints) == ([0], [0.0], (0,), ("nose",))
    assert (found.sources, found.image_size, found.angle_names) == (("a.png",), (640, 480), ("trunk",))
    assert found.column("x_px").tolist() == [[[0.25]]]
    assert np.isnan(found.column("zw_m")).all()
    assert found.angles.tolist() == [[[80.0]]]
    (tmp_path / "b.json").write_text(json.dumps(record | {"people": []}))
    assert len(tables.read(tmp_path / "b.json")) == 0
    (tmp_path / "c.json").write_text(json.dumps({"version": 1.3, "people": people}))
    with pytest.raises(ValueError, match="is no table that refpose wrote"):
        tables.read(tmp_path / "c.json")
