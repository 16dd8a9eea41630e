"""Files of strangers: what is damaged, too large or leads elsewhere ends in one ValueError that names the file."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from refpose import reading
from refpose.reading import archives, hdf5

# Errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError("x"), r"damaged or cut short \(KeyError: 'x'\)"),
        (RecursionError(), "nested too deeply"),
        (MemoryError(), "more memory than there is"),
        (OSError("no good"), "no good"),
        (NotImplementedError("compression 99"), r"damaged or cut short \(NotImplementedError: compression 99\)"),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), "bad"),
    ],
)
def test_whatever_is_raised_becomes_one_error(error: Exception, text: str) -> None:
    with (
        pytest.raises(ValueError, match=f"^a.bin: cannot be read as a thing: .*{text}"),
        reading.errors("a.bin", "a thing"),
    ):
        raise error


def test_an_error_that_names_the_file_passes() -> None:
    with pytest.raises(ValueError, match=r"^a\.bin: row 3: no number$"), reading.errors("a.bin", "a thing"):
        raise ValueError("a.bin: row 3: no number")


def test_interrupts_pass() -> None:
    with pytest.raises(KeyboardInterrupt), reading.errors("a.bin", "a thing"):
        raise KeyboardInterrupt


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a file"):
        reading.content(tmp_path)
    with pytest.raises(FileNotFoundError):
        reading.content(tmp_path / "absent")


def test_bounds_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(bytes(1000))
    monkeypatch.setenv("REFPOSE_MAX_BYTES", "999")
    with pytest.raises(ValueError, match=r"larger than 999 bytes .REFPOSE_MAX_BYTES raises"):
        reading.content(tmp_path / "a")
    monkeypatch.setenv("REFPOSE_MAX_BYTES", "1000")
    assert len(reading.content(tmp_path / "a")) == 1000
    for wrong in ("a lot", "-1", "1e9", "²"):
        monkeypatch.setenv("REFPOSE_MAX_BYTES", wrong)
        with pytest.raises(ValueError, match="REFPOSE_MAX_BYTES: expected a whole number"):
            reading.limit()


# JSON -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[" * 100_000, "nested too deeply|broken JSON"),
        (b'{"a": ' * 100_000, "nested too deeply|broken JSON"),
        (b"1" * 5000, "limit"),
        (b'{"a": 1, "b": {"c": 2, "c": 3}}', "the key 'c' stands twice"),
        (b'{"a": ', "line 1, column 7"),
        (b"\xff\xfe\xfa", "UTF-8|broken JSON"),
        (b"", "line 1, column 1"),
    ],
)
def test_broken_json(text: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(text)
    with pytest.raises(ValueError, match=message) as caught:
        reading.json_file(tmp_path / "a.json")
    assert str(tmp_path / "a.json") in str(caught.value)


# Archives -------------------------------------------------------------------------------------------------------------


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("a")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def test_members_are_read() -> None:
    data = bytes(range(256)) * 5000
    assert archives.unzip(zipped(a=data, b=b"x"), "z", lambda name: name == "a") == {"a": data}
    assert archives.untar(tarred(data), "t") == {"a": data}


@pytest.mark.parametrize(("read", "pack"), [(archives.unzip, lambda d: zipped(a=d)), (archives.untar, tarred)])
def test_a_bomb_is_not_unpacked(read: Callable[..., Any], pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(10_000_000))
    assert len(bomb) < 20_000
    with pytest.raises(ValueError, match=r"bomb.*unpacks to more than 9,999,999 bytes"):
        read(bomb, "bomb", bound=9_999_999)


def test_a_zip_that_lies_about_its_lengths() -> None:
    data = bytearray(zipped(a=bytes(10_000_000)))
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(ValueError, match="z"):
        archives.unzip(bytes(data), "z", bound=1000)


def test_encrypted_and_repeated_members() -> None:
    data = bytearray(zipped(a=b"x" * 100))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    data[6] |= 1
    with pytest.raises(ValueError, match="z: a: is encrypted"):
        archives.unzip(bytes(data), "z")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", b"2")
    with pytest.raises(ValueError, match="z: a: is in the archive twice"):
        archives.unzip(buffer.getvalue(), "z")


def test_npz_files_are_numpys() -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "a/b": rng.random((3, 4, 5)).astype(np.float32),
        "c": np.asfortranarray(rng.integers(0, 255, (7, 8), dtype=np.uint8)),
        "d": np.float64(3.5),
        "e": np.zeros((0, 3), ">f4"),
        "f": np.array([True, False]),
    }
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, **arrays)
        found = archives.read_npz(buffer.getvalue(), "x.npz")
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            assert np.array_equal(found[name], array)
            assert found[name].dtype == np.asarray(array).dtype


def npy(header: dict[str, Any] | str, data: bytes) -> bytes:
    text = (header if isinstance(header, str) else repr(header)).encode()
    return zipped(**{"a.npy": b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data})


@pytest.mark.parametrize(
    "data",
    [
        npy({"descr": "<f8", "fortran_order": False, "shape": (10**12,)}, b"12345678"),
        npy({"descr": "<f8", "fortran_order": False, "shape": (-1,)}, b"12345678"),
        npy({"descr": "|O", "fortran_order": False, "shape": (1,)}, b"12345678"),
        npy({"descr": "<f8", "shape": (1,)}, b"12345678"),
        npy("[" * 5000, b""),
        npy("__import__('os')", b""),
        zipped(**{"a.npy": b"\x93NUMPY\x09\x00"}),
        zipped(**{"a.npy": b""}),
        b"PK\x03\x04",
        b"",
    ],
)
def test_broken_npz(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^x\.npz: "):
        archives.read_npz(data, "x.npz")


def test_two_arrays_of_one_name() -> None:
    one = b"\x93NUMPY\x01\x00" + (60).to_bytes(2, "little")
    one += str({"descr": "<f8", "fortran_order": False, "shape": ()}).ljust(60).encode()
    with pytest.raises(ValueError, match=r"^x\.npz: two arrays have the same name"):
        archives.read_npz(zipped(**{"a.npy": one + bytes(8), "a": one + b"12345678"}), "x.npz")


def test_gzip_cut_short() -> None:
    with pytest.raises(ValueError, match=r"^t: cannot be read as a gzipped tar archive"):
        archives.untar(tarred(bytes(100_000))[:-40], "t")
    with pytest.raises(ValueError, match=r"^t: cannot be read as a gzipped tar archive"):
        archives.untar(gzip.compress(b"no tar"), "t")


# HDF5 -----------------------------------------------------------------------------------------------------------------


def h5(fill: Callable[[h5py.File], Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer.getvalue()


def test_arrays_and_attributes_come_through() -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "a": rng.random((3, 4)),
        "b/c": rng.integers(0, 255, (300, 20, 3), dtype=np.uint8),
        "b/d": np.float32(2.5),
        "e": np.zeros((0, 3), np.int16),
        "f": np.array([1 + 2j]),
        "g": np.array([True, False]),
    }

    def fill(file: h5py.File) -> None:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip" if np.size(array) > 1000 else None)
        file.attrs["n"], file.attrs["text"], file.attrs["other"] = 7, "ä", "not asked for"
        file["b"].attrs["text"] = np.array([b"x", b"y"])

    found = hdf5.read(h5(fill), "x.h5", attributes=["n", "text"])
    assert found.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert np.array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == np.asarray(array).dtype
    assert found.attributes == {"": {"n": 7, "text": "ä"}, "b": {"text": ["x", "y"]}}


def external_storage(file: h5py.File) -> None:
    file.create_dataset("x", (100,), np.uint8, external=[("/etc/passwd", 0, 100)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), np.uint8)
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    file.create_virtual_dataset("x", layout)


def twice(file: h5py.File) -> None:
    file["a"] = np.zeros(3)
    file["b"] = file["a"]


def round_about(file: h5py.File) -> None:
    file.create_group("a/b")
    file["a/b/c"] = file["a"]


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lambda file: file.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/x")), "x: is a link"),
        (lambda file: file.__setitem__("x", h5py.SoftLink("/y")), "x: is a link"),
        (external_storage, "x: its values are in another file"),
        (virtual, "x: its values are in another file"),
        (twice, "b: is in the file under two names|a: is in the file under two names"),
        (round_about, "a/b/c: is in the file under two names"),
        (
            lambda file: file.create_dataset("x", (1 << 40,), "f4", fillvalue=1.0, chunks=(1 << 20,)),
            "bytes are exceeded",
        ),
        (lambda file: file.__setitem__("x", "text"), "x: not an array of numbers"),
        (lambda file: file.__setitem__("x", np.zeros(3, [("a", int)])), "x: not an array of numbers"),
        (lambda file: file.__setitem__("x", h5py.Empty(float)), "x: not an array of numbers"),
        (lambda file: file.__setitem__("x", np.dtype(float)), "x: neither a group nor an array"),
    ],
)
def test_what_is_not_read(fill: Callable[[h5py.File], Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"^x\.h5: .*({message})"):
        hdf5.read(h5(fill), "x.h5")


def test_what_crashes_or_never_ends_does_so_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The process that reads is killed, runs without end, or answers nothing: the caller is told."""
    data = h5(lambda file: file.__setitem__("x", 1))
    child = tmp_path / "hdf5_child.py"
    monkeypatch.setattr(hdf5, "__file__", str(tmp_path / "hdf5.py"))
    monkeypatch.setattr(hdf5, "_PATIENCE", 2.0)
    for code, message in (
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended with -11"),
        ("while True: pass", "no end"),
        ("", "ended with 0"),
        ("print('nonsense')", "cannot be read as an HDF5 file"),
        ('print(\'{"problem": "", "arrays": [["x", "<f8", [9]]], "attributes": {}}\')', "cannot be read"),
    ):
        child.write_text(code)
        with pytest.raises(ValueError, match=rf"^x\.h5: .*{message}"):
            hdf5.read(data, "x.h5")


def test_files_of_any_size_are_looked_at_first(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(h5(lambda file: file.create_dataset("x", data=np.zeros((3000, 1000)), compression="gzip")))
    hdf5.vet(path)
    path.write_bytes(h5(lambda file: file.create_dataset("names", data=["a", "b"])))
    hdf5.vet(path)
    for fill, message in (
        (lambda file: file.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/x")), "x: is a link"),
        (external_storage, "x: its values are in another file"),
        (lambda file: file.create_dataset("x", (1 << 40,), "f4", chunks=(1 << 20,)), "x: says it holds"),
    ):
        path.write_bytes(h5(fill))
        with pytest.raises(ValueError, match=rf"x\.h5: {message}"):
            hdf5.vet(path)
    path.write_text("text")
    with pytest.raises(ValueError, match="not an HDF5 file"):
        hdf5.vet(path)


def test_programs_that_are_no_python_read_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started again with the arguments of the child, a frozen program would do whatever it does."""
    data = h5(lambda file: file.__setitem__("x", np.arange(5.0)))
    monkeypatch.setattr(hdf5.subprocess, "run", pytest.fail)
    for name, value in (("frozen", True), ("executable", "/opt/my-program"), ("executable", None)):
        with monkeypatch.context() as patch:
            patch.setattr(sys, name, value, raising=False)
            assert hdf5.read(data, "x.h5").arrays["x"].tolist() == [0, 1, 2, 3, 4]
            with pytest.raises(ValueError, match=r"^x\.h5: damaged or cut short"):
                hdf5.read(data[:-100], "x.h5")


def test_files_with_a_checksum() -> None:
    data = hdf5.sealed(h5(lambda file: file.__setitem__("x", np.arange(5)), userblock_size=hdf5.USER_BLOCK))
    assert hdf5.read(data, "x.h5").arrays["x"].tolist() == [0, 1, 2, 3, 4]
    assert h5py.File(io.BytesIO(data), "r")["x"][()].tolist() == [0, 1, 2, 3, 4]
    for at in (60, 600, len(data) // 2, len(data) - 1):
        damaged = bytearray(data)
        damaged[at] ^= 1
        with pytest.raises(ValueError, match=r"^x\.h5: damaged or cut short: its checksum"):
            hdf5.check_seal(bytes(damaged), "x.h5")
    with pytest.raises(ValueError, match="checksum"):
        hdf5.check_seal(data[:-1], "x.h5")


def test_files_that_are_no_hdf5() -> None:
    for data in (b"", b"text", json.dumps({"a": 1}).encode(), bytes(5000)):
        with pytest.raises(ValueError, match="x: not an HDF5 file"):
            hdf5.read(data, "x")


@pytest.mark.skipif(sys.platform != "linux", reason="a file that cannot be read at its beginning")
def test_disks_that_fail_are_named() -> None:
    with pytest.raises(OSError, match="/proc/self/mem"):
        reading.content("/proc/self/mem")
