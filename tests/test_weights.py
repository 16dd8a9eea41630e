"""Weights files: what is written is read back, and nothing damaged or foreign is taken."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from refpose.engine import load_network, resolve
from refpose.networks import published, record, weights
from refpose.networks.blazepose import NETWORKS

SHA256 = {  # of the original .tflite files
    "detector": "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    "lite": "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
    "full": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "heavy": "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
}
KERNEL = "encoder/block3/depthwise/kernel"


@pytest.mark.parametrize("name", NETWORKS)
def test_the_files_of_the_package(name: str) -> None:
    loaded = weights.load(name)
    assert list(loaded) == sorted(record(name).weights)
    assert loaded.attributes["source_sha256"] == SHA256[name]
    assert loaded.attributes["licence"] == "Apache-2.0"
    first = loaded[next(iter(loaded))]
    assert first.dtype == np.float32
    assert not first.flags.writeable
    assert all(array.dtype == np.float16 for array in loaded.stored.values())


def test_what_is_saved_is_loaded_and_saved_alike(tmp_path: Path) -> None:
    loaded = weights.load("lite")
    saved = [tmp_path / "a.h5", tmp_path / "b.h5"]
    for path in saved:
        weights.save(path, "lite", loaded.stored, "x.tflite", "0" * 64, "Apache-2.0")
    assert saved[0].read_bytes() == saved[1].read_bytes()
    again = weights.load("lite", saved[0])
    assert all(np.array_equal(again[name], loaded[name]) for name in loaded)


def edited(tmp_path: Path, edit: Callable[[h5py.File], None]) -> Path:
    path = tmp_path / "lite.h5"
    shutil.copy(weights.default_path("lite"), path)
    with h5py.File(path, "r+") as h5:
        edit(h5)
    return path


def replaced(value: np.ndarray) -> Callable[[h5py.File], None]:
    def edit(h5: h5py.File) -> None:
        del h5[KERNEL]
        h5[KERNEL] = value

    return edit


def in_chunks(h5: h5py.File) -> None:
    values = h5.pop(KERNEL)[()]
    h5.create_dataset(KERNEL, data=values, chunks=(1, 1, 16))


def set_nan(h5: h5py.File) -> None:
    values = h5[KERNEL][()]
    values[1, 1, 5] = np.nan
    h5[KERNEL][...] = values


def set_one(h5: h5py.File) -> None:
    values = h5[KERNEL][()]
    values[0, 0, 0] += 1
    h5[KERNEL][...] = values


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda h5: h5.pop(KERNEL), f"{KERNEL}: missing"),
        (lambda h5: h5.move(KERNEL, KERNEL + "2"), f"{KERNEL}: missing"),
        (replaced(np.zeros((3, 3, 5), np.float16)), f"{KERNEL}: expected .* found \\(3, 3, 5\\)"),
        (replaced(np.zeros((5, 5, 96), np.int32)), f"{KERNEL}: expected float16 or float32, found int32"),
        (replaced(np.array(["a"], h5py.string_dtype())), "not an array of numbers"),
        (set_nan, f"{KERNEL}: has values that are not finite"),
        (set_one, "do not have the hash"),
        (lambda h5: h5.create_dataset("more", data=np.zeros(3, np.float16)), "more: not a part of the network 'lite'"),
        (lambda h5: h5.attrs.modify("content_sha256", "0" * 64), "do not have the hash"),
        (lambda h5: h5.attrs.modify("network", "full"), "expected the network 'lite', found 'full'"),
        (lambda h5: h5.attrs.modify("format", 99), "expected format 1, found 99"),
        (lambda h5: h5.attrs.pop("licence"), "no attribute 'licence'"),
    ],
)
def test_an_edited_file_is_refused(tmp_path: Path, edit: Callable[[h5py.File], None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        weights.load("lite", edited(tmp_path, edit))


def test_a_file_stored_in_another_way_is_the_same(tmp_path: Path) -> None:
    again = weights.load("lite", edited(tmp_path, in_chunks))
    assert all(np.array_equal(again.stored[name], array) for name, array in weights.load("lite").stored.items())


# A byte of the package's file, what it is changed to: libhdf5 crashed on the first and never ended on the second.
@pytest.mark.parametrize(("at", "value"), [(1129, 3), (2256, 255), (96, 0), (600, 255), (2000, 17)])
def test_damage_in_the_structures_of_a_file(at: int, value: int, tmp_path: Path) -> None:
    data = bytearray(weights.default_path("lite").read_bytes())
    data[at] = value if data[at] != value else value + 1
    (tmp_path / "lite.h5").write_bytes(data)
    try:
        found = weights.load("lite", tmp_path)
    except ValueError as error:
        message = str(error)
    else:  # a byte that means nothing
        message = "lite.h5: nothing"
        assert weights.content_sha256(found.stored) == weights.load("lite").attributes["content_sha256"]
    assert "lite.h5: " in message


def test_a_folder_of_weights_that_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFPOSE_WEIGHTS", str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError, match=r"REFPOSE_WEIGHTS: no folder .*absent"):
        weights.load("lite")
    monkeypatch.setenv("REFPOSE_WEIGHTS", str(tmp_path))
    assert weights.load("lite").network == "lite"


def test_files_of_published_models_are_known() -> None:
    for name in NETWORKS:
        assert published.CONVERTED[hashlib.sha256(weights.default_path(name).read_bytes()).hexdigest()] == name
        model = published.origin(str(weights.load(name).attributes["content_sha256"]))
        assert model is not None
        assert (model.network, model.sha256) == (name, SHA256[name])
        assert not published.implausible(weights.load(name).stored)
        assert published.differences(name, weights.load(name).stored) == (model, [])


@pytest.mark.parametrize("kept", [0, 100, 5000, 1_000_000, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "lite.h5"
    path.write_bytes(weights.default_path("lite").read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"lite\.h5: "):
        weights.load("lite", path)


def test_files_that_are_not_weights(tmp_path: Path) -> None:
    text = tmp_path / "text.h5"
    text.write_text("not HDF5")
    with pytest.raises(ValueError, match="not an HDF5 file"):
        weights.load("lite", text)
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(ValueError, match="not a weights file of refpose"):
        weights.load("lite", tmp_path / "empty.h5")
    with pytest.raises(FileNotFoundError, match="no weights file"):
        weights.load("lite", tmp_path / "absent.h5")
    with pytest.raises(FileNotFoundError, match="no weights file"):
        weights.load("lite", tmp_path)


def test_a_failed_save_leaves_nothing(tmp_path: Path) -> None:
    arrays = dict(weights.load("lite").stored)
    del arrays[KERNEL]
    with pytest.raises(ValueError, match="missing"):
        weights.save(tmp_path / "lite.h5", "lite", arrays, "x.tflite", "0" * 64, "Apache-2.0")
    assert not list(tmp_path.iterdir())


def test_every_binary16_number_is_widened_exactly() -> None:
    numbers = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    numbers = numbers[np.isfinite(numbers)]
    loaded = weights.Weights("lite", {"some/kernel": numbers}, {})
    assert loaded["some/kernel"].tobytes() == numbers.astype(np.float32).tobytes()


def test_model_card_has_the_hashes_that_results_tell(root: Path) -> None:
    card = (root / "weights" / "README.md").read_text("utf-8")
    for name in ("detector", "lite", "full", "heavy"):
        assert f"| `{name}` | `{weights.load(name).attributes['content_sha256']}` |" in card


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copy(weights.default_path("lite"), tmp_path))


def allocated(work: Callable[[], object]) -> tuple[int, int]:
    """Bytes that are there after some work, what it gave included, and at its peak."""
    tracemalloc.start()
    kept = work()
    found = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return found


def test_values_of_a_published_file_are_read_when_they_are_asked_for() -> None:
    size = weights.default_path("heavy").stat().st_size
    assert allocated(lambda: weights.load("heavy"))[1] < size / 10


def test_a_small_file_is_kept_until_it_is_released() -> None:
    size = weights.default_path("detector").stat().st_size
    assert size < allocated(lambda: weights.load("detector"))[0] < 1.1 * size

    def released() -> weights.Weights:
        loaded = weights.load("detector")
        loaded.release()
        return loaded

    assert allocated(released)[0] < size / 10
    loaded = released()
    assert weights.content_sha256(loaded.stored) == loaded.attributes["content_sha256"]


@pytest.mark.skipif(resolve("auto") != "native", reason="the native engine was not built")
def test_a_network_that_is_ready_keeps_no_file_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    released = []
    monkeypatch.setattr(weights.Weights, "release", lambda self: released.append(self.network))
    network = load_network("lite", "native")
    assert released == []
    network(np.zeros(network.input_shape, np.float32))
    assert released == ["lite"]


def test_a_file_that_is_replaced_or_removed_stays_as_it_was_loaded(copied: Path) -> None:
    loaded = weights.load("lite", copied)
    shutil.copy(weights.default_path("full"), copied.with_name("other"))
    copied.with_name("other").replace(copied)
    assert weights.content_sha256(loaded.stored) == loaded.attributes["content_sha256"]
    copied.unlink()
    assert weights.content_sha256(loaded.stored) == loaded.attributes["content_sha256"]


@pytest.mark.parametrize("size", [0, 100_000, None])
def test_a_file_that_is_written_over_is_noticed(copied: Path, size: int | None) -> None:
    loaded = weights.load("lite", copied)
    loaded.release()
    with copied.open("r+b") as file:
        if size is None:
            file.seek(1_000_000)
            file.write(bytes(1000))
        else:
            file.truncate(size)
    with pytest.raises(ValueError, match=re.escape(f"{copied}: the file was changed since it was opened")):
        weights.content_sha256(loaded.stored)


def test_files_are_closed_with_their_weights(copied: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    loaded = weights.load("lite", copied)
    assert len(os.listdir("/dev/fd")) == before + 1
    del loaded
    assert len(os.listdir("/dev/fd")) == before
