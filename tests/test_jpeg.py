"""JPEG files: both engines against what MediaPipe's wheels decode, recorded; against each other on damaged files."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from refpose.stages import jpeg

try:
    from refpose.engine import _native as native
except ImportError:
    native = None

RECORDED = json.loads((Path(__file__).parent / "recorded" / "jpeg.json").read_text())
FILES = {name: base64.b64decode(one["file"]) for name, one in RECORDED.items()}
VERSIONS = ["0.10.21", "1.2.3"]
needs_native = pytest.mark.skipif(native is None, reason="the native engine was not built")
ENGINES = [pytest.param(jpeg, id="numpy"), pytest.param(native, marks=needs_native, id="native")]
PIXELS = 2**16


def decoded(engine: Any, data: bytes, version: str) -> np.ndarray | str:
    """The pixels, or why there are none."""
    try:
        return engine.decode_jpeg(data, version == "1.2.3", PIXELS)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("engine", ENGINES)
def test_pixels_are_mediapipes(engine: Any, version: str) -> None:
    compared = 0
    for name, data in FILES.items():
        recorded = RECORDED[name][version]
        if name.startswith("orientation") and version == "1.2.3":
            recorded = RECORDED[name]["0.10.21"]  # the decoder does not turn
        found = decoded(engine, data, version)
        if "sha256" in recorded:
            assert not isinstance(found, str), f"{name}: {found}"
            assert list(found.shape) == recorded["shape"], name
            assert hashlib.sha256(found.tobytes()).hexdigest() == recorded["sha256"], name
            compared += 1
        else:  # where MediaPipe 1.x gives a picture that nothing was written to, there is an error
            assert isinstance(found, str), name
            if version == "0.10.21":
                assert recorded["error"] == f"Image decoding failed ({found}): FILE", name
    assert compared >= 80


def module(version: str) -> ModuleType:
    if version == "1.2.3":
        return pytest.importorskip("refpose.mediapipe.v1")
    return pytest.importorskip("refpose.mediapipe")


@pytest.mark.parametrize("version", VERSIONS)
def test_create_from_file(version: str, tmp_path: Path) -> None:
    """The whole way: turned as 1.x does, and with MediaPipe's errors."""
    mp: Any = module(version)
    for name, data in FILES.items():
        recorded = RECORDED[name][version]
        path = tmp_path / "a.jpg"
        path.write_bytes(data)
        if "sha256" in recorded:
            image = mp.Image.create_from_file(str(path))
            pixels = np.array(image.numpy_view()).reshape(image.height, image.width, -1)
            assert list(pixels.shape) == recorded["shape"], name
            assert hashlib.sha256(pixels.tobytes()).hexdigest() == recorded["sha256"], name
        else:
            with pytest.raises(RuntimeError) as caught:
                mp.Image.create_from_file(str(path))
            if "error" in recorded:
                assert str(caught.value) == recorded["error"].replace("FILE", str(path)), name


def tiff(
    orientation: int, order: str = "<", kind: int = 3, count: int = 1, more: tuple[int, int] = (0, 0), magic: int = 42
) -> bytes:
    """EXIF data whose only table has an orientation, and another entry if it has a tag."""
    value = struct.pack(f"{order}H2x" if kind == 3 else f"{order}I", orientation)
    entries = [struct.pack(f"{order}HHI", 0x112, kind, count) + value]
    if more[0]:
        entries.append(struct.pack(f"{order}HHII", more[0], 4, 1, more[1]))
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", magic, 8, len(entries))
    return b"Exif\0\0" + head + b"".join(entries) + bytes(4)


def segment(content: bytes, marker: int = 0xE1, length: int | None = None) -> bytes:
    return struct.pack(">BBH", 255, marker, 2 + len(content) if length is None else length) + content


TURNED = segment(tiff(6))


EXIF = {
    "little endian": (TURNED, True),
    "big endian": (segment(tiff(6, ">")), True),
    "two numbers": (segment(tiff(6, ">", count=2)), True),
    "no number": (segment(tiff(6, count=0)), False),
    "three numbers, elsewhere": (segment(tiff(6, count=3)), False),  # 0 stands where it leads
    "a long": (segment(tiff(6, kind=4)), False),
    "no TIFF": (segment(tiff(6, magic=43)), False),
    "number 9": (segment(tiff(9)), False),
    "number 0": (segment(tiff(0)), False),
    "XMP first": (segment(b"an XMP packet, or whatever else") + TURNED, False),
    "empty first": (segment(b"") + TURNED, False),
    "upright first": (segment(tiff(1)) + TURNED, False),
    "upright second": (TURNED + segment(tiff(1)), True),
    "comment first": (segment(b"a comment", 0xFE) + TURNED, True),
    "marker in comment": (segment(b"ab\xff\xe1cd", 0xFE) + TURNED, False),
    "in a comment": (segment(b"ab" + TURNED, 0xFE), True),
    "APP2": (segment(tiff(6), 0xE2), False),
    "cut in the table": (segment(tiff(6)[:-9]), False),
    "cut behind the entry": (segment(tiff(6)[:-4]), True),
    "no table": (segment(tiff(6)[:14]), False),
    "length too small": (segment(tiff(6), length=12), False),
    "further table": (segment(tiff(6, more=(0x8769, 8))), True),
    "further table, cut": (segment(tiff(6, more=(0x8769, 9))), False),
    "place, at the header": (segment(tiff(6, more=(0x8825, 0))), False),
    "further table, far away": (segment(tiff(6, more=(0x8769, 2**31))), True),
    "place, before the data": (segment(tiff(6, more=(0x8825, 2**32 - 1))), False),
}


@pytest.mark.parametrize("case", EXIF)
def test_exif(case: str, tmp_path: Path) -> None:
    """As MediaPipe 1.2.3 answered. What is turned has rows of 16 bytes; 0.10.21 turns nothing."""
    data, (inserted, turned) = FILES["444_40x37"], EXIF[case]
    (tmp_path / "a.jpg").write_bytes(data[:2] + inserted + data[2:])
    images = [module(version).Image.create_from_file(str(tmp_path / "a.jpg")) for version in VERSIONS]
    shapes = [(image.width, image.height, image.step) for image in images]
    assert shapes == [(40, 37, 120), (37, 40, 112) if turned else (40, 37, 120)]


def test_exif_at_the_end(tmp_path: Path) -> None:
    data, path = FILES["cut_60"] + b"\xff\xd9", tmp_path / "a.jpg"
    before = data[:2] + TURNED + data[2:]
    for content, turned in ((data[:-2] + TURNED + data[-2:], True), (data + TURNED, False), (before[:-2], False)):
        path.write_bytes(content)
        image = module("1.2.3").Image.create_from_file(str(path))
        assert (image.width > image.height) != turned


@pytest.mark.parametrize("engine", ENGINES)
def test_what_no_scan_was_read_of(engine: Any) -> None:
    """Where MediaPipe shows memory that nothing was written to: an error, or 0 for a single channel."""
    whole = FILES["cut_60"]
    empty = whole[: whole.index(b"\xff\xda")] + b"\xff\xd9"
    for version in VERSIONS:
        assert decoded(engine, empty, version) == "no SOS"
        data = FILES["channels"]
        second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
        third = data.index(b"\xff\xda", second + 2)
        found = decoded(engine, data[:second] + data[third:], version)
        assert isinstance(found, np.ndarray)
        luma, red = found.astype(int)[..., 1], found.astype(int)[..., 2]
        assert (red <= luma).all()  # Cb is 0: as little blue as can be


@pytest.mark.parametrize("engine", ENGINES)
def test_bounds(engine: Any) -> None:
    data = FILES["444_40x37"]
    assert engine.decode_jpeg(data, False, 40 * 37).shape == (37, 40, 3)
    with pytest.raises(ValueError, match=r"more than 1,479 pixels \(REFPOSE_MAX_PIXELS"):
        engine.decode_jpeg(data, False, 40 * 37 - 1)
    data = FILES["grey_8x8"]
    scan = data.index(b"\xff\xda")
    many = data[:-2] + data[scan:-2] * (jpeg.MAX_SCANS - 1)
    assert engine.decode_jpeg(many + b"\xff\xd9", False, PIXELS).shape == (8, 8, 1)
    with pytest.raises(ValueError, match="too many scans"):
        engine.decode_jpeg(many + data[scan:], False, PIXELS)


@needs_native
def test_engines_agree_on_damaged_files() -> None:
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    mutate = pytest.importorskip("fuzz.mutate", reason="only in the repository")
    rng = np.random.default_rng(3)
    seeds = list(FILES.values())
    taken = 0
    for _ in range(150):
        data = mutate.mutated(rng, seeds[int(rng.integers(len(seeds)))], seeds)
        for version in VERSIONS:
            expected = decoded(jpeg, data, version)
            found = decoded(native, data, version)
            if isinstance(expected, str) or isinstance(found, str):
                assert isinstance(found, str)
                assert found == expected
            else:
                taken += 1
                np.testing.assert_array_equal(found, expected, strict=True)
    assert taken > 20


@needs_native
def test_arguments_of_the_native_decoder() -> None:
    for wrong in (None, "a", bytearray(b"a"), 1):
        with pytest.raises(TypeError):
            native.decode_jpeg(wrong, True, 9)
    assert decoded(native, b"", "1.2.3") == "no SOI"
