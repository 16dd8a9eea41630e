"""Reading pictures of every kind, and writing files whole or not at all."""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refpose.files import json_text, replacing, write_json
from refpose.images import ENDINGS, FORMATS, read_image, write_png

RGB = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def save(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)
    return path


def test_rgb_is_read_as_it_is(tmp_path: Path) -> None:
    read = read_image(save(tmp_path / "a.png", Image.fromarray(RGB)))
    assert read.dtype == np.uint8
    assert read.flags.c_contiguous
    assert read.flags.writeable
    np.testing.assert_array_equal(read, RGB)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_obeyed(tmp_path: Path, orientation: int) -> None:
    # The stored pixels are made from the upright picture by undoing what each value of the tag asks for.
    stored = {
        1: RGB,
        2: RGB[:, ::-1],
        3: RGB[::-1, ::-1],
        4: RGB[::-1],
        5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, 1),
        7: RGB.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(RGB, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", Image.fromarray(np.ascontiguousarray(stored)), exif=exif)
    np.testing.assert_array_equal(read_image(path), RGB)


def test_exif_that_is_none_is_no_hindrance(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(RGB), exif=b"Exif\0\0certainly no TIFF header")
    np.testing.assert_array_equal(read_image(path), RGB)


def test_grey(tmp_path: Path) -> None:
    read = read_image(save(tmp_path / "a.png", Image.fromarray(RGB[:, :, 0])))
    np.testing.assert_array_equal(read, np.repeat(RGB[:, :, :1], 3, axis=2))


def test_black_and_white(tmp_path: Path) -> None:
    bits = RGB[:, :, 0] > 127
    read = read_image(save(tmp_path / "a.png", Image.fromarray(bits)))
    np.testing.assert_array_equal(read, np.repeat(bits[:, :, None] * np.uint8(255), 3, axis=2))


def test_alpha_is_dropped(tmp_path: Path) -> None:
    alpha = np.random.default_rng(1).integers(0, 256, (40, 60, 1), dtype=np.uint8)
    read = read_image(save(tmp_path / "a.png", Image.fromarray(np.concatenate([RGB, alpha], axis=2))))
    np.testing.assert_array_equal(read, RGB)
    read = read_image(save(tmp_path / "b.png", Image.fromarray(np.concatenate([RGB[:, :, :1], alpha], axis=2))))
    np.testing.assert_array_equal(read, np.repeat(RGB[:, :, :1], 3, axis=2))


@pytest.mark.parametrize("transparency", [None, 3, bytes(range(100))])
def test_palette(tmp_path: Path, transparency: int | bytes | None) -> None:
    palette = Image.fromarray(RGB).quantize(100)
    options = {} if transparency is None else {"transparency": transparency}
    read = read_image(save(tmp_path / "a.png", palette, **options))
    np.testing.assert_array_equal(read, np.asarray(palette.convert("RGB")))


def test_cmyk(tmp_path: Path) -> None:
    cmyk = Image.fromarray(RGB).convert("CMYK")
    read = read_image(save(tmp_path / "a.tif", cmyk))
    np.testing.assert_array_equal(read, np.asarray(cmyk.convert("RGB")))


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_upper_8_of_16_bits_are_kept(tmp_path: Path, name: str) -> None:
    deep = np.random.default_rng(2).integers(0, 65536, (40, 60), dtype=np.uint16)
    read = read_image(save(tmp_path / name, Image.fromarray(deep)))
    np.testing.assert_array_equal(read, np.repeat((deep >> 8).astype(np.uint8)[:, :, None], 3, axis=2))


def test_upper_8_of_16_bits_are_kept_in_colour(tmp_path: Path) -> None:
    deep = np.random.default_rng(3).integers(0, 65536, (40, 60, 3), dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(png(60, 40, 16, 2, b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), (deep >> 8).astype(np.uint8))


DEEP = np.random.default_rng(3).integers(0, 1 << 16, (40, 60, 4), dtype=np.uint16)


def tiff16(pixels: np.ndarray, order: str, stated: int | None = None) -> bytes:
    """A TIFF file of 16 bits per sample made by hand, in this order of bytes, perhaps with a stated white."""
    height, width, bands = pixels.shape
    data = pixels.astype(f"{order}u2").tobytes()
    bits = struct.pack(f"{order}{bands}H", *[16] * bands)
    entries = [(256, 1, width), (257, 1, height), (258, bands, None), (259, 1, 1), (262, 1, 2 if bands == 3 else 1)]
    entries += [(273, 1, None), (277, 1, bands), (278, 1, height), (279, 1, len(data))]
    entries += [(281, 1, stated)] if stated is not None else []
    end = 8 + 2 + 12 * len(entries) + 4
    out = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, len(entries))
    for tag, count, value in entries:
        where = {258: end if bands > 1 else 16, 273: end + len(bits)}.get(tag, value)
        kind = 3 if tag in (258, 259, 262, 277, 281) else 4
        short = kind == 3 and count == 1
        out += struct.pack(f"{order}HHI", tag, kind, count)
        out += struct.pack(f"{order}HH", where, 0) if short else struct.pack(f"{order}I", where)
    return out + struct.pack(f"{order}I", 0) + bits + data


def png16(pixels: np.ndarray) -> bytes:
    height, width, bands = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png(width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[bands], rows)


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("kind", ["png 1", "png 2", "png 3", "png 4", "tiff< 1", "tiff> 1", "tiff< 3", "tiff> 3"])
def test_samples_of_fewer_bits_in_files_of_16(tmp_path: Path, kind: str, bits: int) -> None:
    bands = int(kind[-1])
    deep = DEEP[..., :bands] >> (16 - bits)
    if bands in (2, 4):
        deep[..., -1] = 65535  # opaque; says nothing of the colours
    data = png16(deep) if "png" in kind else tiff16(deep, kind[4])
    (tmp_path / "a").write_bytes(data)
    colours = deep[..., :1].repeat(3, -1) if bands < 3 else deep[..., :3]
    with pytest.warns(UserWarning, match=f"a: its samples of 16 bits are taken as ones of {bits} bits"):
        read = read_image(tmp_path / "a")
    np.testing.assert_array_equal(read, (colours >> (bits - 8)).astype(np.uint8))


def test_a_stated_white_counts_more_than_the_data(tmp_path: Path) -> None:
    dark = DEEP[..., :3] >> 5
    (tmp_path / "a.tif").write_bytes(tiff16(dark, "<", 65535))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), (dark >> 8).astype(np.uint8))
    (tmp_path / "b.tif").write_bytes(tiff16(dark >> 2, "<", 4095))
    with pytest.warns(UserWarning, match="12 bits"):
        read = read_image(tmp_path / "b.tif")
    np.testing.assert_array_equal(read, (dark >> 6).astype(np.uint8))
    Image.fromarray(dark[..., 0]).save(tmp_path / "c.pgm")  # its white is 65535
    np.testing.assert_array_equal(read_image(tmp_path / "c.pgm")[..., 0], (dark[..., 0] >> 8).astype(np.uint8))


def test_black_stays_black(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png16(np.zeros((4, 5, 3), np.uint16)))
    assert not read_image(tmp_path / "a.png").any()


def test_no_program_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostScript, for which Pillow starts Ghostscript, is not opened, whatever it is called."""
    for name in ("gs", "gswin64c", "gsc"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for name in ("a.jpg", "a.eps", "a.ps"):
        (tmp_path / name).write_text(
            "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
        )
        with pytest.raises(ValueError, match=rf"{name}: not a picture of a kind that is read \(JPEG, PNG"):
            read_image(tmp_path / name)
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("file_format", ["ICO", "PCX", "SGI", "PDF", "ICNS", "DDS", "XBM"])
def test_formats_that_are_not_meant_to_be_read(tmp_path: Path, file_format: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(RGB[:32, :32]).convert("1" if file_format == "XBM" else "RGB").save(buffer, file_format)
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match=r"a\.png: not a picture of a kind that is read"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("ending", sorted(ENDINGS))
def test_every_ending_is_one_of_a_format_that_is_read(ending: str) -> None:
    name = next(name for name, endings in FORMATS.items() if ending in endings)
    Image.init()
    assert name == "HEIF" or Image.registered_extensions().get(ending, name) in (name, "JPEG", "PPM", "DIB")


def test_heic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heif = pytest.importorskip("pillow_heif")
    smooth = np.add.outer(np.arange(64), np.arange(96))[..., None].repeat(3, -1).astype(np.uint8)
    heif.from_pillow(Image.fromarray(smooth)).save(tmp_path / "a.heic", quality=95)
    found = read_image(tmp_path / "a.heic").astype(int)
    assert found.shape == smooth.shape
    assert np.abs(found - smooth).max() < 16
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ValueError, match=r'a\.heic: HEIC pictures are read with pillow-heif.*"refpose\[heif\]"'):
        read_image(tmp_path / "a.heic")


def test_avif_without_a_reader_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()
    monkeypatch.setattr(Image, "OPEN", {name: reader for name, reader in Image.OPEN.items() if name != "AVIF"})
    (tmp_path / "a.avif").write_bytes(b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B" + bytes(100))
    with pytest.raises(ValueError, match=r"a\.avif: AVIF pictures are read by Pillow 11\.3"):
        read_image(tmp_path / "a.avif")


def test_stereo_pictures(tmp_path: Path) -> None:
    pictures = [Image.fromarray(RGB), Image.fromarray(RGB[::-1])]
    pictures[0].save(tmp_path / "a.mpo", save_all=True, append_images=pictures[1:], quality=95)
    with Image.open(tmp_path / "a.mpo") as first:
        np.testing.assert_array_equal(read_image(tmp_path / "a.mpo"), np.asarray(first))


def test_threads_leave_warnings_as_they_are(tmp_path: Path) -> None:
    """Warnings of other threads are shown while pictures are read, and everybody's afterwards."""
    path = save(tmp_path / "a.png", Image.fromarray(RGB))
    read_image(path)
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda: [read_image(path) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        with pytest.raises(UserWarning, match="shown"):
            warnings.warn("shown", stacklevel=1)
    assert list(warnings.filters) == before


def test_pillows_warnings_are_left_out(tmp_path: Path) -> None:
    """Here warnings are errors, so that one would keep the picture from being read."""
    exif = Image.Exif()
    exif[0x9C9B] = "x" * 99
    data = bytearray(save(tmp_path / "a.tif", Image.fromarray(RGB), exif=exif).read_bytes())
    at = data.index(struct.pack("<HH", 0x9C9B, 1)) if struct.pack("<HH", 0x9C9B, 1) in data else None
    if at is not None:
        data[at + 4 : at + 8] = b"\xff\xff\xff\x0f"
    (tmp_path / "a.tif").write_bytes(data)
    assert read_image(tmp_path / "a.tif").shape == RGB.shape


def test_the_bound_of_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(RGB))
    monkeypatch.setenv("REFPOSE_MAX_PIXELS", str(RGB.shape[0] * RGB.shape[1] - 1))
    with pytest.raises(ValueError, match=r"a\.png: more than 2,399 pixels"):
        read_image(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    monkeypatch.setenv("REFPOSE_MAX_PIXELS", str(RGB.shape[0] * RGB.shape[1]))
    np.testing.assert_array_equal(read_image(path), RGB)


def png(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    """A PNG file made by hand; `rows` begin with their filter byte each."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_samples_without_a_white_are_refused(tmp_path: Path, dtype: type) -> None:
    path = save(tmp_path / "a.tif", Image.fromarray(np.full((4, 5), 70000, dtype)))
    with pytest.raises(ValueError, match=r"a\.tif: .*32 bits.*expected 8 or 16"):
        read_image(path)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (30000, 20)])
def test_extreme_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    read = read_image(save(tmp_path / "a.png", Image.new("RGB", size, (1, 2, 3))))
    assert read.shape == (size[1], size[0], 3)
    assert (read == (1, 2, 3)).all()


def test_wide_picture_beyond_the_size_that_pillow_warns_of(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("L", (30000, 3000)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_image(path).shape == (3000, 30000, 3)


def test_decompression_bomb_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(50000, 50000, 1, 0, bytes(100)))
    with pytest.raises(ValueError, match=r"a\.png: .*more than 134,217,728 pixels .REFPOSE_MAX_PIXELS raises"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.tif", "a.bmp", "a.webp"])
@pytest.mark.parametrize("part", [0.0, 0.02, 0.5, 0.9])
def test_truncated_file(tmp_path: Path, name: str, part: float) -> None:
    data = save(tmp_path / name, Image.fromarray(RGB)).read_bytes()
    (tmp_path / name).write_bytes(data[: int(part * len(data))])
    with pytest.raises(ValueError, match=rf"{name}: (not a picture|cannot be read as a picture)"):
        read_image(tmp_path / name)


def test_not_a_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("Dear Sir or Madam, this is a letter.\n" * 99)
    with pytest.raises(ValueError, match=r"a\.jpg: not a picture"):
        read_image(tmp_path / "a.jpg")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_image(tmp_path / "nowhere.png")
    with pytest.raises(ValueError, match=f"{tmp_path.name}: not a file"):
        read_image(tmp_path)


def test_damaged_bytes_give_a_picture_or_a_value_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    messages = []
    for file_format in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP"):
        buffer = io.BytesIO()
        Image.fromarray(RGB).save(buffer, file_format)
        for _ in range(40):
            data = np.frombuffer(buffer.getvalue(), np.uint8).copy()
            data[rng.integers(0, len(data), 5)] = rng.integers(0, 256, 5)
            (tmp_path / "a").write_bytes(data.tobytes())
            try:
                assert read_image(tmp_path / "a").ndim == 3
            except ValueError as error:
                messages.append(str(error))
    assert messages
    assert all(message.startswith(str(tmp_path / "a")) for message in messages)


def test_png_comes_back(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", RGB)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), RGB)
    assert os.listdir(tmp_path) == ["a.png"]


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")

    def fail() -> None:
        with replacing(tmp_path / "a.txt") as temporary:
            temporary.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_json_for_others_has_null_for_what_is_not_finite() -> None:
    value = {"a": [1.5, float("inf"), (-float("inf"), {"b": float("nan")})], "c": "NaN", "d": None, "e": True}
    expected = {"a": [1.5, None, [None, {"b": None}]], "c": "NaN", "d": None, "e": True}
    assert json.loads(json_text(value), parse_constant=pytest.fail) == expected


def test_json_has_no_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": [1.5, "é"]})
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"x": [1.5, "é"]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", float("nan"))
    assert os.listdir(tmp_path) == ["a.json"]


def test_longest_file_name(tmp_path: Path) -> None:
    name = "n" * 250 + ".json"
    write_json(tmp_path / name, [])
    assert os.listdir(tmp_path) == [name]
