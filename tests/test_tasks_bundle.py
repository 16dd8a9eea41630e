"""Model files of MediaPipe Tasks: what is recognised, and what is refused."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tasks_data import DETECTOR, LANDMARKS, bundle, flatbuffer, task, tflite
from test_convert import FILES, models

from refpose.mediapipe._tasks import bundle as bundles
from refpose.networks import record, weights

__all__ = ["models"]  # the fixture


class Missing(Exception):
    pass


def names(content: bytes) -> tuple[str, str]:
    detector, landmarks = bundles.read(content, Missing)
    return detector.name, landmarks.name


@pytest.mark.parametrize("model", bundles.MODELS)
def test_recognised_by_its_numbers(model: str, tmp_path: Path) -> None:
    """Half of all programs say pose_landmarker.task, whatever it is."""
    (tmp_path / "pose_landmarker.task").write_bytes(task(model))
    found = bundles.read_file(str(tmp_path / "pose_landmarker.task"), Missing)
    assert (found.detector.name, found.landmarks.name) == ("detector", model)
    assert found == bundles.read_file(f"refpose:{model}", Missing)  # shared with the packaged ones


def test_original_models_are_recognised(models: Path) -> None:
    detector = (models / FILES["detector"]).read_bytes()
    for model in bundles.MODELS:
        found = bundles.read(bundle({DETECTOR: detector, LANDMARKS: (models / FILES[model]).read_bytes()}), Missing)
        assert found == bundles.packaged(model)


def test_what_else_is_in_the_zip_does_not_matter() -> None:
    inner = {LANDMARKS: tflite("lite"), "readme.txt": b"hello", DETECTOR: tflite("detector")}
    assert names(bundle(inner)) == ("detector", "lite")
    assert names(b"x" * 99 + bundle(inner) + b"y" * 99) == ("detector", "lite")


def good() -> dict[str, bytes]:
    return {DETECTOR: tflite("detector"), LANDMARKS: tflite("lite")}


def with_sizes(content: bytes, size: int) -> bytes:
    """The zip with other sizes of its first member in its table of contents."""
    at = content.index(b"PK\1\2")
    return content[: at + 20] + struct.pack("<2I", size, size) + content[at + 28 :]


WRONG = {
    "nothing": (lambda: b"", "Unable to open zip archive"),
    "no zip": (lambda: b"hello", "Unable to open zip archive"),
    "a model": (lambda: tflite("lite"), "Unable to open zip archive"),
    "an empty zip": (lambda: bundle({}), "Unable to open zip archive"),
    "half of it": (lambda: task("lite")[: len(task("lite")) // 2], "Unable to open zip archive"),
    "its end is missing": (lambda: task("lite")[:-30], "Unable to open zip archive"),
    "its beginning is missing": (lambda: task("lite")[5000:], "Unable to read associated file|Expected uncompressed"),
    "compressed": (lambda: bundle(good(), zipfile.ZIP_DEFLATED), "Expected uncompressed zip archive"),
    "a bomb": (
        lambda: bundle({DETECTOR: bytes(10**8), LANDMARKS: bytes(10**8)}, zipfile.ZIP_DEFLATED),
        "Expected uncompressed zip archive",
    ),
    "larger than it is": (lambda: with_sizes(task("lite"), 2**28 - 1), "Unable to read associated file"),
    "far too large": (lambda: with_sizes(task("lite"), 2**31), "the model has 2147483648 bytes"),
    "a table of contents without end": (
        lambda: bundle({f"{'x' * 60}{i}": b"" for i in range(12_000)}),
        "Unable to open zip archive.*table of contents",
    ),
    "a damaged number": (
        lambda: (
            (whole := task("lite"))[: len(whole) // 2]
            + bytes([whole[len(whole) // 2] ^ 1])
            + whole[len(whole) // 2 + 1 :]
        ),
        r"Unable to read associated file.*CRC",
    ),
    "an empty model": (lambda: bundle({**good(), DETECTOR: b""}), "length of the file should be positive"),
    "garbage": (lambda: bundle({**good(), DETECTOR: b"garbage" * 99}), "not a valid Flatbuffer buffer"),
    "half a model": (
        lambda: bundle({**good(), LANDMARKS: tflite("lite")[:99_999]}),
        "not a valid Flatbuffer buffer",
    ),
    "references to nowhere": (
        lambda: bundle({**good(), LANDMARKS: b"\xff\xff\xff\x7fTFL3" + b"\xff" * 99}),
        "not a valid Flatbuffer buffer",
    ),
    "constants that overlap": (
        lambda: bundle({**good(), LANDMARKS: overlapping()}),
        "not a valid Flatbuffer buffer",
    ),
}


def overlapping() -> bytes:
    """Thousands of constants that are all the same megabyte: unpacked they would be gigabytes."""
    count, size = 5000, 2**20
    vector = struct.pack("<I", count)
    head = (
        struct.pack("<I4s", 28, b"TFL3")
        + struct.pack("<7H", 14, 8, 0, 0, 0, 0, 4)
        + bytes(6)
        + struct.pack("<iI", 20, 4)
    )
    table_at = len(head) + 4 + 4 * count + 8
    references = b"".join(struct.pack("<I", table_at - (len(head) + 4 + 4 * i)) for i in range(count))
    table = struct.pack("<3H", 6, 8, 4) + bytes(2) + struct.pack("<iI", 8, 4) + struct.pack("<I", size) + bytes(size)
    return head + vector + references + table


@pytest.mark.parametrize("case", WRONG)
def test_refused(case: str) -> None:
    make, reason = WRONG[case]
    with pytest.raises((RuntimeError, ValueError), match=reason):
        bundles.read(make(), Missing)


def test_members_that_are_missing() -> None:
    for name in (DETECTOR, LANDMARKS):
        members = good()
        del members[name]
        with pytest.raises(
            Missing, match=rf"No file with name: {name}. All files in the model asset bundle are: pose_"
        ):
            bundles.read(bundle(members), Missing)
    with pytest.raises(Missing, match=r"bundle are: a/pose_detector.tflite, a/pose_landmarks_detector.tflite"):
        bundles.read(bundle({f"a/{name}": data for name, data in good().items()}), Missing)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"Unable to open file at .*absent.task"):
        bundles.read_file(str(tmp_path / "absent.task"), Missing)
    with pytest.raises(Missing, match="Unable to open file"):
        bundles.read_file("a\0b.task", Missing)
    with pytest.raises(RuntimeError, match=r"Unable to map file.*is a folder"):
        bundles.read_file(str(tmp_path), Missing)
    (tmp_path / "empty.task").touch()
    with pytest.raises(RuntimeError, match="Unable to open zip archive"):
        bundles.read_file(str(tmp_path / "empty.task"), Missing)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.task")
    with pytest.raises((RuntimeError, Missing), match="Unable to"):
        bundles.read_file(str(tmp_path / "pipe.task"), Missing)


def other_numbers(network: str) -> bytes:
    """A .tflite file of a network with one number changed."""
    stored = weights.load(network).stored
    arrays = [stored[name].copy() for name in record(network).weights]
    arrays[0].reshape(-1)[0] += np.float16(0.5)
    return flatbuffer([array.tobytes() for array in arrays])


def test_other_numbers_need_the_converter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tflite", None)
    content = bundle({**good(), LANDMARKS: other_numbers("lite")})
    with pytest.raises(
        RuntimeError, match=r"trained numbers are not those of lite or full or heavy.*refpose\[convert\]"
    ):
        bundles.read(content, Missing)


def test_other_numbers_are_converted(models: Path) -> None:
    original = bytearray((models / FILES["lite"]).read_bytes())
    kernel = weights.load("lite").stored["encoder/stem/kernel"]
    at = original.index(kernel.tobytes())
    original[at] ^= 1
    detector = (models / FILES["detector"]).read_bytes()
    found = bundles.read(bundle({DETECTOR: detector, LANDMARKS: bytes(original)}), Missing)
    assert found.detector == bundles.packaged("lite").detector
    assert found.landmarks.name == "lite"
    changed = found.landmarks.weights.stored["encoder/stem/kernel"] != kernel
    assert changed.sum() == 1
    assert changed.reshape(-1)[0]


def test_another_network_inside(models: Path) -> None:
    originals = {name: (models / file).read_bytes() for name, file in FILES.items()}
    swapped = bundle({DETECTOR: originals["lite"], LANDMARKS: originals["detector"]})
    with pytest.raises(ValueError, match=r"pose_detector.tflite: expected a model of detector, found lite"):
        bundles.read(swapped, Missing)


def test_any_damage_is_refused_or_harmless() -> None:
    whole = task("lite")
    rng = np.random.default_rng(1)
    for round in range(120):
        content = bytearray(whole)
        for _ in range(int(rng.integers(1, 5))):  # the table of contents, or the beginnings of the models
            place = len(whole) - int(rng.integers(1, 300)) if round % 2 else int(rng.integers(0, 3000))
            content[place] = rng.integers(256)
        try:
            found = bundles.read(bytes(content), Missing)
        except (RuntimeError, ValueError, Missing):
            continue
        assert found == bundles.packaged("lite")


def test_memory_is_bounded(tmp_path: Path) -> None:
    """A quarter of a gigabyte of zeros takes no more memory than a small file."""
    resource = pytest.importorskip("resource")
    del resource
    path = tmp_path / "bomb.task"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(DETECTOR, "w") as file,
    ):
        for _ in range(64):
            file.write(bytes(2**22))
    program = f"""
import resource
from refpose.mediapipe._tasks import bundle
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    bundle.read_file({str(path)!r}, KeyError)
except RuntimeError as error:
    print(error, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "Expected uncompressed zip archive. True\n"
