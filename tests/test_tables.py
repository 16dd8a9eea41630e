"""Tables on disk: the same float32 in every kind, streamed, whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from refpose import tables
from refpose.extras import MissingExtra
from refpose.motion import reading
from refpose.topology import LANDMARK_NAMES

METADATA = {"model": "full", "video": {"fps": 25.0}}
SOURCE = 'a "b", ü.mp4'


@dataclass
class Somebody:
    """What tables ask of a person."""

    landmarks: NDArray[np.float32]
    landmarks_px: NDArray[np.float32]
    world_landmarks: NDArray[np.float32]
    visibility: NDArray[np.float32]
    presence: NDArray[np.float32]
    id: int | None = None


def somebody(seed: int) -> Somebody:
    draw = np.random.default_rng(seed)
    count = len(LANDMARK_NAMES)
    person = Somebody(
        *(draw.normal(size=(count, 3)).astype(np.float32) for _ in range(3)), *draw.random((2, count), np.float32)
    )
    person.landmarks[0] = np.float32([1e-30, -0.0, 16777217])  # numbers that text likes to spoil
    return person


# Frames 0 and 3 show nobody, frame 2 two people.
FRAMES = [
    (0, 0.0, []),
    (1, 1 / 3, [somebody(1)]),
    (2, 0.7, [somebody(2), somebody(3)]),
    (3, 0.8, []),
    (9, 1.5, [somebody(4)]),
]
PEOPLE = [(frame, time, number, person) for frame, time, people in FRAMES for number, person in enumerate(people)]
EXPECTED = np.stack([tables.values(person) for *_, person in PEOPLE])


def write(path: Path, wide: bool = False, frames: list[tuple[int, float, list[Somebody]]] = FRAMES) -> Path:
    with tables.create(path, SOURCE, METADATA, wide) as table:
        for frame in frames:
            table.write(*frame)
    return path


def columns(path: Path) -> dict[str, list[object]]:
    """Read a table of rows back with a reader that knows nothing of refpose."""
    if path.suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        return dict(parquet.read_table(path).to_pydict())
    if path.suffix == ".csv":
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        rows = json.loads(path.read_text(encoding="utf-8"))
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


KINDS_OF_ROWS = [kind for kind in tables.KINDS if kind != ".h5"]


def test_values_are_the_persons() -> None:
    person = somebody(7)
    table = tables.values(person)
    assert table.dtype == np.float32
    assert np.array_equal(table[:, :2], person.landmarks_px[:, :2])
    assert np.array_equal(table[:, 2], person.landmarks[:, 2])
    assert np.array_equal(table[:, 3:6], person.world_landmarks)
    assert np.array_equal(table[:, 6:].T, (person.visibility, person.presence))


@pytest.mark.parametrize("kind", KINDS_OF_ROWS)
def test_tidy_rows(tmp_path: Path, kind: str) -> None:
    table = columns(write(tmp_path / f"a{kind}"))
    assert tuple(table) == tables.COLUMNS
    each = len(LANDMARK_NAMES)
    assert table["source"] == [SOURCE] * each * len(PEOPLE)
    assert table["keypoint"] == list(LANDMARK_NAMES) * len(PEOPLE)
    assert [int(frame) for frame in table["frame"]] == [frame for frame, *_ in PEOPLE for _ in range(each)]
    assert [float(time) for time in table["time_s"]] == [time for _, time, *_ in PEOPLE for _ in range(each)]
    assert [int(number) for number in table["person"]] == [number for *_, number, _ in PEOPLE for _ in range(each)]
    numbers = np.array([table[name] for name in tables.VALUES]).astype(np.float32)
    assert np.array_equal(numbers.T.reshape(EXPECTED.shape), EXPECTED)


@pytest.mark.parametrize("kind", KINDS_OF_ROWS)
def test_wide_rows(tmp_path: Path, kind: str) -> None:
    table = columns(write(tmp_path / f"a{kind}", wide=True))
    names = [f"{name}_{value}" for name in LANDMARK_NAMES for value in tables.VALUES]
    assert tuple(table) == (*tables.KEYS, *names)
    assert [int(frame) for frame in table["frame"]] == [frame for frame, *_ in PEOPLE]
    assert [int(number) for number in table["person"]] == [number for *_, number, _ in PEOPLE]
    numbers = np.array([table[name] for name in names]).astype(np.float32)
    assert np.array_equal(numbers.T.reshape(EXPECTED.shape), EXPECTED)


def test_hdf5_has_a_place_for_every_frame(tmp_path: Path) -> None:
    with h5py.File(write(tmp_path / "a.h5")) as file:
        assert file["frame"][:].tolist() == [frame for frame, *_ in FRAMES]
        assert file["time_s"][:].tolist() == [time for _, time, _ in FRAMES]
        assert file["keypoint_names"].asstr()[:].tolist() == list(LANDMARK_NAMES)
        assert file["value_names"].asstr()[:].tolist() == list(tables.VALUES)
        assert file.attrs["source"] == SOURCE
        assert json.loads(file.attrs["refpose"]) == METADATA
        keypoints = file["keypoints"][:]
    assert keypoints.shape == (5, 2, 33, 8)
    assert keypoints.dtype == np.float32
    assert np.array_equal(keypoints[~np.isnan(keypoints)], EXPECTED.ravel())
    assert np.isnan(keypoints[[0, 3]]).all()
    assert np.isnan(keypoints[1, 1]).all()


@pytest.mark.parametrize("source", ["=cmd|' /C calc'!A1", "+1.mp4", "-1.mp4", "@SUM(1)", "\tx", "\rx"])
def test_names_that_spreadsheets_would_compute(tmp_path: Path, source: str) -> None:
    with tables.create(tmp_path / "a.csv", source, {}) as table:
        table.write(*FRAMES[1])
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert {row[0] for row in rows} == {"'" + source}
    assert rows[0][5:7] == EXPECTED[0, 0, :2].astype(str).tolist()  # numbers are what they are, negative ones too


def test_pandas_is_left_alone(tmp_path: Path) -> None:
    """PyArrow imports it on the way, and does not stop where it is told to meanwhile."""
    pytest.importorskip("pyarrow")
    path = write(tmp_path / "a.parquet")
    program = """
import sys
from pathlib import Path
from refpose import motion, tables
from refpose.tables.recorded import write_recording
for ending in (".csv", ".parquet", ".parquet"):
    recording = tables.read(sys.argv[1])
    sys.argv[1] = str(Path(sys.argv[1]).with_name("b" + ending))
    with tables.create(sys.argv[1], "a", {}, names=recording.keypoints) as table:
        write_recording(table, recording, None)
assert "pyarrow" in sys.modules and "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program, path], check=True)


@pytest.mark.parametrize(
    "kind", ["int8", "uint16", "int64", "float16", "float32", "float64", "decimal", "bool", "text"]
)
@pytest.mark.parametrize("missing", [False, True])
def test_columns_of_arrow(kind: str, missing: bool) -> None:
    """Numbers of any type, some missing, from the middle of a table, and none at all."""
    pa = pytest.importorskip("pyarrow")
    numbers = np.arange(40) % 7
    types = {"decimal": pa.decimal128(25, 2), "bool": pa.bool_(), "text": pa.string()}
    plain = pa.array(numbers.astype(np.float16 if kind == "float16" else np.int64), mask=(numbers == 3) & missing)
    column = plain if kind == "float16" else plain.cast(types.get(kind, kind))
    for part in (column, column[9:30], column[3:3], column[11:11]):
        found = reading._of_column(part)
        expected = part.to_numpy(zero_copy_only=False)
        assert np.array_equal(found, expected, equal_nan=found.dtype.kind == "f")


def test_metadata_in_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    schema = parquet.read_schema(write(tmp_path / "a.parquet"))
    assert json.loads(schema.metadata[b"refpose"]) == METADATA
    assert str(schema.field("x_px").type) == "float"


@pytest.mark.parametrize("kind", KINDS_OF_ROWS)
@pytest.mark.parametrize("frames", [[], FRAMES[:1]])
def test_nobody(tmp_path: Path, kind: str, frames: list[tuple[int, float, list[Somebody]]]) -> None:
    path = write(tmp_path / f"a{kind}", frames=frames)
    assert not any(columns(path).values())
    if kind == ".csv":
        assert path.read_text() == ",".join(tables.COLUMNS) + "\n"


@pytest.mark.parametrize("frames", [[], FRAMES[:1]])
def test_nobody_in_hdf5(tmp_path: Path, frames: list[tuple[int, float, list[Somebody]]]) -> None:
    with h5py.File(write(tmp_path / "a.h5", frames=frames)) as file:
        assert file["keypoints"].shape == (len(frames), 1, 33, 8)
        assert np.isnan(file["keypoints"][:]).all()


@pytest.mark.parametrize(("kind", "missing"), [(".csv", ""), (".json", None)])
def test_missing_numbers(tmp_path: Path, kind: str, missing: object) -> None:
    person = somebody(1)
    person.world_landmarks[2, 1] = np.nan
    table = columns(write(tmp_path / f"a{kind}", frames=[(0, 0.0, [person])]))
    assert table["yw_m"][2] == missing
    assert np.float32(table["yw_m"][3]) == person.world_landmarks[3, 1]


@pytest.mark.parametrize("kind", tables.KINDS)
def test_long_tables_are_written_as_they_come(tmp_path: Path, kind: str) -> None:
    people = [somebody(1)]

    def peak(frames: int) -> int:
        tracemalloc.start()
        with tables.create(tmp_path / f"a{kind}", SOURCE, METADATA) as table:
            for frame in range(frames):
                table.write(frame, frame / 25, people)
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # what is loaded at first use
    assert peak(700) < peak(270) + 65536  # 62 frames


@pytest.mark.parametrize("kind", tables.KINDS)
@pytest.mark.parametrize("count", [255, 256, 257, 600])
def test_groups_of_frames_lose_nothing(tmp_path: Path, kind: str, count: int) -> None:
    person = somebody(1)
    path = write(tmp_path / f"a{kind}", True, [(frame, frame / 25, [person]) for frame in range(count)])
    if kind == ".h5":
        with h5py.File(path) as file:
            frames = file["frame"][:].tolist()
            assert np.array_equal(file["keypoints"][-1, 0], tables.values(person))
    else:
        frames = [int(frame) for frame in columns(path)["frame"]]
    assert frames == list(range(count))


@pytest.mark.parametrize("kind", tables.KINDS)
def test_whole_or_not_at_all(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a{kind}"
    path.write_text("before")
    with pytest.raises(AttributeError, match="landmarks"):
        write(path, frames=[*FRAMES, (10, 2.0, [object()])])
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_text() == "before"


def test_unknown_kind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.xlsx: a table is written to a file that ends in one of \.csv \.parquet"):
        tables.create(tmp_path / "a.xlsx", SOURCE, METADATA)


def test_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r'pip install "refpose\[parquet\]"'):
        write(tmp_path / "a.parquet")
    assert os.listdir(tmp_path) == []


LIMITED = """
import resource, signal, sys
from test_tables import METADATA, SOURCE, somebody, tables

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    with tables.create(sys.argv[1], SOURCE, METADATA) as table:
        for frame in range(600):
            table.write(frame, frame / 25, [somebody(frame)])
except OSError as error:
    print("failed", error.errno)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
@pytest.mark.parametrize("kind", tables.KINDS)
@pytest.mark.parametrize("limit", [0, 3000, 100_000])
def test_full_disk(tmp_path: Path, kind: str, limit: int) -> None:
    command = [sys.executable, "-c", LIMITED, str(tmp_path / f"a{kind}"), str(limit)]
    paths = os.pathsep.join([os.path.dirname(__file__), *filter(None, sys.path)])
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths})
    assert (done.returncode, done.stdout, done.stderr) == (0, "failed 27\n", "")
    assert os.listdir(tmp_path) == []


def _many() -> list[tuple[int, float, list[Somebody]]]:
    """Frames for several times what is written at once, with numbers of many sizes and some that are missing."""
    draw = np.random.default_rng(3)
    frames = []
    for frame in range(150):
        people = [somebody(frame * 3 + k) for k in range(draw.integers(0, 3))]
        for person in people:
            person.world_landmarks *= (10.0 ** draw.integers(-9, 9, (33, 1))).astype(np.float32)
            person.visibility[draw.integers(0, 33, 5)] = np.nan
        frames.append((frame, frame / 7 if frame % 5 else float("nan"), people))
    return frames


def _plain(number: object, nan: str) -> str:
    return nan if number != number else str(number)


@pytest.mark.parametrize("wide", [False, True])
def test_every_byte_of_csv(tmp_path: Path, wide: bool) -> None:
    frames = _many()
    lines = []
    for frame, time, people in frames:
        for number, person in enumerate(people):
            cells = [[_plain(cell, "") for cell in row] for row in tables.values(person)]
            key = ["clip.mp4", str(frame), "" if time != time else repr(time), str(number)]
            if wide:
                lines.append([*key, *(cell for row in cells for cell in row)])
            else:
                lines += [[*key, name, *row] for name, row in zip(LANDMARK_NAMES, cells, strict=True)]
    path = tmp_path / "a.csv"
    with tables.create(path, "clip.mp4", METADATA, wide) as table:
        for one in frames:
            table.write(*one)
    header, rest = path.read_bytes().split(b"\r\n", 1)
    assert header.startswith(b"source,frame,time_s,person,")
    assert rest.decode() == "".join(",".join(line) + "\r\n" for line in lines)


def test_every_byte_of_json(tmp_path: Path) -> None:
    frames = _many()
    lines = []
    for frame, time, people in frames:
        for number, person in enumerate(people):
            for name, row in zip(LANDMARK_NAMES, tables.values(person), strict=True):
                stamp = "null" if time != time else repr(time)
                values = "".join(f', "{v}": {_plain(c, "null")}' for v, c in zip(tables.VALUES, row, strict=True))
                lines.append(
                    f'{{"source": "ü \\"x\\".mp4", "frame": {frame}, "time_s": {stamp}, "person": {number}, '
                    f'"keypoint": "{name}"{values}}}'
                )
    path = tmp_path / "a.json"
    with tables.create(path, 'ü "x".mp4', METADATA) as table:
        for one in frames:
            table.write(*one)
    assert path.read_text("utf-8") == "[\n" + ",\n".join(lines) + "\n]\n"
