"""Cases that were faults once: small, made by code, tried first in every round."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from . import doors
from .tiny import model


def _edited(door: str, index: int, *edits: tuple[int, int]) -> Callable[[], bytes]:
    """A seed of a door with some bytes set."""

    def make() -> bytes:
        take = doors.DOORS[door]
        assert isinstance(take, doors.Files)
        data = bytearray(take.seeds()[index])
        for at, value in edits:
            data[at] = value
        return bytes(data)

    return make


def _bomb(name: str, megabytes: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as member:
        for _ in range(megabytes):
            member.write(bytes(1 << 20))
    return buffer.getvalue()


def _fill_value() -> bytes:
    return doors._h5(lambda h5: h5.create_dataset("x", (1 << 40,), "f4", fillvalue=1.0, chunks=(1 << 20,)))


def _external() -> bytes:
    import h5py

    return doors._h5(lambda h5: h5.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/x")))


CASES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "libhdf5 crashed (weights, byte 1129)": ("weights", _edited("weights", 0, (1129, 3))),
    "libhdf5 never ended (weights, byte 2256)": ("weights", _edited("weights", 0, (2256, 255))),
    "libhdf5 crashed (explanation, byte 913)": ("explanation", _edited("explanation", 0, (913, 3))),
    "one changed value of an explanation": ("explanation", _edited("explanation", 0, (-40, 77))),
    "a fill value of terabytes": ("hdf5", _fill_value),
    "a link to another file": ("hdf5", _external),
    "RESHAPE of itself": ("tflite", lambda: model(of_itself="RESHAPE")),
    "DEQUANTIZE of itself": ("tflite", lambda: model(of_itself="DEQUANTIZE")),
    "CONCATENATION of itself": ("tflite", lambda: model(of_itself="CONCATENATION")),
    "a bundle of gigabytes": ("bundle", lambda: _bomb("pose_a.tflite", 300)),
    "an npz file of gigabytes": ("npz", lambda: _bomb("a.npy", 100)),
    "brackets": ("annotations", lambda: b"[" * 100_000),
    "a number of 400 digits": ("annotations", lambda: b'{"images": {"a": {"persons": ' + b"9" * 400 + b"}}}"),
    "a number of 5000 digits": ("results", lambda: b"[" + b"9" * 5000 + b"]"),
    "a key that stands twice": ("annotations", lambda: b'{"images": {}, "images": {}}'),
    "an id that is a list": ("results", lambda: b'[{"image_id": [4], "category_id": [1]}]'),
    "PostScript": ("picture", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"),
    "a list of other files": ("video", lambda: b"ffconcat version 1.0\nfile '/etc/passwd'\n"),
    "a playlist": ("video", lambda: b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n"),
}


def replay() -> int:
    """Try all of them in this process; how many were not refused as promised."""
    import os

    before = {name: os.environ.get(name) for name in ("REFPOSE_MAX_BYTES",)}
    os.environ["REFPOSE_MAX_BYTES"] = str(1 << 26)
    wrong = 0
    try:
        for name, (door, make) in CASES.items():
            take = doors.DOORS[door]
            assert isinstance(take, doors.Files)
            try:
                taken = take.take(make())
            except ModuleNotFoundError:  # an extra that is not installed
                continue
            except doors.Wrong as error:
                print(f"kept: {name}: {error}")
                wrong += 1
                continue
            if taken and "byte" not in name:  # a byte that means nothing in this version of HDF5
                print(f"kept: {name}: was taken")
                wrong += 1
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
    print(f"kept: {len(CASES)} cases, {wrong} findings", flush=True)
    return wrong
