"""Intermediates of strangers: read by their content, refused where they lead elsewhere, functions looked for last."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from refpose.study import intermediates

IMAGE = np.zeros((4, 5, 3), np.uint8)
ARRAYS = {"crop/input": np.random.default_rng(0).random((4, 4, 3), np.float32), "b": np.arange(7)}


def write(path: Path, kind: str) -> Path:
    if kind == "npz":
        np.savez_compressed(path.with_suffix(".npz"), **ARRAYS)
        path.with_suffix(".npz").rename(path)
    else:
        with h5py.File(path, "w") as h5:
            for name, array in ARRAYS.items():
                h5[name] = array
    return path


@pytest.mark.parametrize("name", ["a.h5", "a.npz", "a"])
@pytest.mark.parametrize("kind", ["h5", "npz"])
def test_files_are_told_by_their_content(tmp_path: Path, kind: str, name: str) -> None:
    found = intermediates.load(write(tmp_path / name, kind))(IMAGE)
    assert found.keys() == ARRAYS.keys()
    assert all(np.array_equal(found[key], array) for key, array in ARRAYS.items())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps({"crop/input": [1, 2]}).encode(), r"a\.x: JSON; intermediates are read from \.h5 or \.npz"),
        (b"  \n[1, 2]", r"a\.x: JSON"),
        (b"", r"a\.x: neither an \.h5 nor an \.npz file"),
        (b"text", r"a\.x: neither an \.h5 nor an \.npz file"),
        (b"\x89HDF\r\n\x1a\n", r"a\.x: damaged or cut short"),
        (b"PK\x03\x04", r"a\.x: cannot be read as a zip archive"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.x").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        intermediates.load(tmp_path / "a.x")


def test_other_files_are_not_reached_for(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        h5["crop/input"] = h5py.ExternalLink("/etc/passwd", "/x")
    with pytest.raises(ValueError, match=r"a\.h5: crop/input: is a link"):
        intermediates.load(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as h5:
        h5.create_dataset("crop/input", (100,), np.uint8, external=[("/etc/passwd", 0, 100)])
    with pytest.raises(ValueError, match=r"b\.h5: crop/input: its values are in another file"):
        intermediates.load(tmp_path / "b.h5")


def test_kilobytes_do_not_become_gigabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFPOSE_MAX_BYTES", "1000000")
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        h5.create_dataset("crop/input", (10_000_000,), np.float32, fillvalue=1.0, chunks=(1000,))
    with pytest.raises(ValueError, match=r"1,000,000 bytes are exceeded .REFPOSE_MAX_BYTES raises"):
        intermediates.load(tmp_path / "a.h5")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(2_000_000))
    (tmp_path / "b.npz").write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match=r"a\.npy: unpacks to more than 1,000,000 bytes"):
        intermediates.load(tmp_path / "b.npz")


def test_files_do_not_make_the_current_folder_importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("h5py", "numpy", "zipfile"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('executed')")
    before = list(sys.path)
    for kind in ("h5", "npz"):
        assert intermediates.load(write(tmp_path / f"a.{kind}", kind))(IMAGE).keys() == ARRAYS.keys()
    assert sys.path == before


def test_functions_of_the_current_folder_come_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    (tmp_path / "my_port_for_this_test.py").write_text("def run(image): return {'b': image}")
    (tmp_path / "colorsys.py").write_text("raise SystemExit('in the place of the standard library')")
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    assert intermediates.load("my_port_for_this_test:run")(IMAGE)["b"] is IMAGE
    assert sys.path[-1] == str(tmp_path)
    assert callable(intermediates.load("colorsys:hsv_to_rgb"))
    with pytest.raises(ValueError, match="cannot be imported"):
        intermediates.load("absent_module:run")
