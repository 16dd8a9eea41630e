"""Write jpeg.json: small JPEG files of many kinds, and what MediaPipe's wheels decode from them.

python make_jpeg.py files ../../examples/astronaut.png jpeg.json     with Pillow 13
python make_jpeg.py decode jpeg.json                                 with MediaPipe 0.10.21, then with 1.2.3
"""

import base64
import hashlib
import io
import json
import sys
import tempfile
from pathlib import Path

SIZES = ((1, 1), (2, 3), (3, 1), (1, 17), (7, 5), (8, 8), (9, 16), (17, 33), (24, 31), (40, 37))


def files(picture: str) -> dict:
    """The files by name."""
    from PIL import Image

    whole = Image.open(picture).convert("RGB")
    made = {}

    def jpeg(width: int, height: int, mode: str = "RGB", **options) -> bytearray:
        buffer = io.BytesIO()
        whole.crop((190, 60, 190 + width, 60 + height)).convert(mode).save(buffer, "JPEG", **options)
        return bytearray(buffer.getvalue())

    for number, (width, height) in enumerate(SIZES):
        quality = (10, 30, 50, 75, 90, 95, 100)[number % 7]
        for subsampling, name in enumerate(("444", "422", "420")):
            options = {"subsampling": subsampling, "quality": quality, "progressive": (number + subsampling) % 3 == 0}
            made[f"{name}_{width}x{height}"] = jpeg(width, height, **options)
        made[f"grey_{width}x{height}"] = jpeg(width, height, "L", quality=quality, progressive=number % 2 == 0)
    for name, quality in (("low", 1), ("high", 100)):
        made[name] = jpeg(40, 37, quality=quality)
        made[f"{name}_progressive"] = jpeg(40, 37, quality=quality, progressive=True, subsampling=0)
    made["restarts"] = jpeg(40, 37, restart_marker_blocks=1)
    made["restarts_progressive"] = jpeg(40, 37, restart_marker_blocks=2, progressive=True)
    made["optimized"] = jpeg(40, 37, optimize=True)
    made["comment"] = jpeg(17, 9, comment=b"\xff\xd8\xff\xd9")
    for turn in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        made[f"orientation_{turn}"] = jpeg(12, 9, exif=exif)
        made[f"orientation_grey_{turn}"] = jpeg(12, 9, "L", exif=exif)

    # Other factors of sampling, with as many groups of as many blocks: the same data is another picture
    for factors, subsampling in ((0x12, 1), (0x41, 2), (0x14, 2)):
        for progressive in (False, True):
            data = jpeg(32, 32, subsampling=subsampling, progressive=progressive)
            data[frame(data) + 11] = factors
            made[f"factors_{factors:x}" + "_progressive" * progressive] = data

    # Colours
    made["rgb"] = jpeg(24, 19, keep_rgb=True)
    made["cmyk"] = jpeg(24, 19, "CMYK")
    for transform in (1, 2):
        data = jpeg(24, 19, "CMYK")
        data[data.index(b"Adobe") + 11] = transform
        made[f"cmyk_transform_{transform}"] = data
    data = jpeg(24, 19, "CMYK")
    start = data.index(b"\xff\xee")
    del data[start : start + 16]
    made["cmyk_plain"] = data
    adobe = b"\xff\xee\0\x0eAdobe\0d\0\0\0\0"
    for transform in (0, 1):
        data = jpeg(24, 19, subsampling=0)
        made[f"jfif_adobe_{transform}"] = data[:20] + adobe + bytes([transform]) + data[20:]
        made[f"adobe_{transform}"] = data[:2] + adobe + bytes([transform]) + data[20:]

    # One channel after the other, a wrong and a right height behind the first, tables of 16 bits
    parts = [jpeg(33, 18, "L", quality=quality) for quality in (80, 80, 80)]
    scans = [bytes(part[part.index(b"\xff\xda") : -2]) for part in parts]
    head = bytes(parts[0][: frame(parts[0])])
    tables = bytes(parts[0][frame(parts[0]) + 13 : parts[0].index(b"\xff\xda")])
    header = b"\xff\xc0\0\x11\x08\0\x12\0\x21\x03\x01\x11\0\x02\x11\0\x03\x11\0"
    scans = [scan[:5] + bytes([number]) + scan[6:] for number, scan in enumerate(scans, 1)]
    for name, height in (
        ("channels", b""),
        ("height", b"\xff\xdc\0\x04\0\x12"),
        ("wrong_height", b"\xff\xdc\0\x04\0\x13"),
    ):
        made[name] = (
            head + header + tables + scans[0] + height + scans[1] + b"\xff\xff\xff" + scans[2][1:] + b"\xff\xd9"
        )
    start = head.index(b"\xff\xdb")
    wide = b"\xff\xdb\0\x83\x10" + b"".join(bytes([0, value]) for value in head[start + 5 : start + 69])
    made["wide_tables"] = head[:start] + wide + head[start + 69 :] + bytes(parts[0][frame(parts[0]) :])

    # Large coefficients: the transform's sums overflow 16 bits
    for name, value in (("overflow", b"\xff\xff"), ("large", b"\x20\x00"), ("larger", b"\x7f\xff")):
        made[name] = made["wide_tables"].replace(wide, b"\xff\xdb\0\x83\x10" + value * 64)

    # Damaged, or of other kinds
    whole_file = jpeg(40, 37)
    at = frame(whole_file)
    for name, place, value in (
        ("bits_12", at + 4, 12),
        ("arithmetic", at + 1, 0xC9),
        ("lossless", at + 1, 0xC3),
        ("channels_2", at + 9, 2),
        ("factor_0", at + 11, 0x02),
        ("factor_3", at + 11, 0x32),
        ("factor_5", at + 11, 0x51),
        ("no_codes", whole_file.index(b"\xff\xc4") + 21, 0),
        ("code_lengths", whole_file.index(b"\xff\xc4") + 5, 9),
        ("table_4", whole_file.index(b"\xff\xdb") + 4, 4),
        ("scan_end", whole_file.index(b"\xff\xda") + 12, 9),
        ("scan_start", whole_file.index(b"\xff\xda") + 11, 1),
        ("restart_missing", len(whole_file) - 60, 0xFF),
    ):
        changed = bytearray(whole_file)
        changed[place] = value
        made[name] = changed
    for name, place in (("height_0", at + 5), ("width_0", at + 7)):
        made[name] = whole_file[:place] + b"\0\0" + whole_file[place + 2 :]
    made["nothing"] = b"\xff\xd8"
    made["cut_header"] = whole_file[:100]
    for share in (30, 60, 90):
        first = whole_file.index(b"\xff\xda") + 14
        made[f"cut_{share}"] = whole_file[: first + (len(whole_file) - first) * share // 100]
        data = made["restarts"]
        made[f"cut_restarts_{share}"] = data[: first + (len(data) - first) * share // 100]
        data = made["restarts_progressive"]
        made[f"cut_progressive_{share}"] = data[: len(data) * share // 100]
        made[f"ended_{share}"] = bytes(made[f"cut_{share}"]) + b"\xff\xd9"
        made[f"ended_progressive_{share}"] = bytes(made[f"cut_progressive_{share}"]) + b"\xff\xd9"
    made["no_end"] = whole_file[:-2]
    made["junk_before_end"] = whole_file[:-2] + b"\xff\x00\x01\x02\xff\xff\x00\x03\xff\xd9"
    made["junk_behind_end"] = whole_file + b"junk"
    made["other_marker"] = whole_file[:-2] + b"\xff\x01\xff\xd9"
    return {name: {"file": base64.b64encode(data).decode()} for name, data in made.items()}


def frame(data: bytes) -> int:
    """Where the frame header begins."""
    return max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))


def decode(recorded: dict) -> None:
    """Add what the MediaPipe that is installed makes of the files."""
    import mediapipe
    import numpy

    for name, one in recorded.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.jpg"
            path.write_bytes(base64.b64decode(one["file"]))
            try:
                image = mediapipe.Image.create_from_file(str(path))
            except RuntimeError as error:
                found = {"error": str(error).splitlines()[0].replace(str(path), "FILE")}
            else:
                pixels = numpy.array(image.numpy_view()).reshape(image.height, image.width, -1)
                found = {"shape": pixels.shape, "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}
                if (pixels == (0, 135, 0)[: pixels.shape[2]]).all():  # memory that nothing was written to
                    found = {"empty": True}
        one[mediapipe.__version__] = found


def main(verb: str, *paths: str) -> None:
    """Do one of the two steps."""
    target = Path(paths[-1])
    recorded = files(paths[0]) if verb == "files" else json.loads(target.read_text())
    if verb == "decode":
        decode(recorded)
    target.write_text(json.dumps(recorded, indent=0) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
