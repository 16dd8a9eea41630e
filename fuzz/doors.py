"""The doors by which files and arguments of strangers come in. Each tries one case: refused with the promised error, or
taken and then right.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .mutate import mutated, mutated_json

ROOT = Path(__file__).resolve().parent.parent
# In memory where that can be: to open a file on disk anew takes longer than most readers do.
SCRATCH = Path("/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()) / f"refpose-fuzz-{os.getpid()}"
NAME = "case"  # what files are called; every error must say it


class Wrong(Exception):
    """A case was taken that should have been refused, refused in another way than promised, or is not right."""


def check(right: bool, what: str) -> None:
    if not right:
        raise Wrong(what)


def file(data: bytes, ending: str) -> Path:
    """A file with these bytes."""
    SCRATCH.mkdir(exist_ok=True)
    path = SCRATCH / f"{NAME}{ending}"
    path.write_bytes(data)
    return path


def refused(error: ValueError) -> bool:
    check(type(error) is ValueError or type(error).__name__ == "DecodeError", f"{type(error).__name__}: {error}")
    return False


class Files:
    """A door for files.

    Parameters
    ----------
    seeds : function
        Makes files that are right.
    feed : function
        Reads one; raises ValueError, or whatever it must not.
    mutate : function
        Takes a generator, a seed and all seeds.
    """

    def __init__(
        self,
        seeds: Callable[[], Sequence[bytes]],
        feed: Callable[[bytes], None],
        mutate: Callable[[np.random.Generator, bytes, Sequence[bytes]], bytes] = mutated,
    ) -> None:
        self.seeds, self.feed, self.mutate = cache(seeds), feed, mutate

    def case(self, rng: np.random.Generator) -> bytes:
        seeds = self.seeds()
        return self.mutate(rng, seeds[int(rng.integers(len(seeds)))], seeds)

    def __call__(self, rng: np.random.Generator) -> bool:
        return self.take(self.case(rng))

    def take(self, data: bytes) -> bool:
        """Whether a file is taken."""
        try:
            self.feed(data)
        except ValueError as error:
            check(NAME in str(error) or type(error).__name__ == "DecodeError", f"does not name the file: {error}")
            return refused(error)
        return True


# Weights, models ------------------------------------------------------------------------------------------------------


def _weights_seeds() -> list[bytes]:
    return [(ROOT / "weights" / "lite.h5").read_bytes()]


def _weights(data: bytes) -> None:
    from refpose.networks import weights

    # Its name would have the network's; that of the folder is said as well.
    found = weights.load("lite", file(data, ".h5"))
    check(weights.content_sha256(found.stored) == found.attributes["content_sha256"], "its hash does not fit")


def _h5(fill: Callable[[Any], Any], **options: Any) -> bytes:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as h5:
        fill(h5)
    return buffer.getvalue()


def _small_h5() -> list[bytes]:
    rng = np.random.default_rng(0)

    def fill(h5: Any) -> None:
        h5.attrs["format"] = 1
        for name, size in (("a/b", 10), ("a/c/d", 300), ("e", 3)):
            h5.create_dataset(name, data=rng.random((size, 3), np.float32), compression="gzip" if size > 99 else None)
        h5["a"].attrs["weight_names"] = np.array([b"b"])

    return [_h5(fill), _h5(fill, libver="latest"), _h5(fill, userblock_size=512)]


def _hdf5(data: bytes) -> None:
    from refpose.reading import hdf5

    found = hdf5.read(data, NAME, attributes=["format", "weight_names"], bound=1 << 24)
    check(sum(array.nbytes for array in found.arrays.values()) <= 1 << 24, "larger than its bound")


def _keras_seeds() -> list[bytes]:
    def fill(h5: Any) -> None:
        for layer in ("stem_conv_res1", "stem_bn_res1"):
            group = h5.create_group(f"model_weights/{layer}")
            group.attrs["weight_names"] = [f"{layer}/kernel:0".encode()]
            group[f"{layer}/kernel:0"] = np.zeros((3, 3), np.float32)

    return [_h5(fill)]


def _keras(data: bytes) -> None:
    from refpose.tools import convert

    convert.convert(NAME, data)
    raise Wrong("a file without a network was taken")


def models() -> Path | None:
    """The folder of the published models, where it is at hand."""
    named = os.environ.get("REFPOSE_MODELS") or (
        Path(os.environ["REFPOSE_GOLDENS"]).parent / "models" if os.environ.get("REFPOSE_GOLDENS") else None
    )
    return Path(named) if named and Path(named).is_dir() else None


def _tflite_seeds() -> list[bytes]:
    from .tiny import model

    return [model(), model(sparse=True)]


def _tflite(data: bytes) -> None:
    from refpose.tools import convert

    convert.convert(NAME, data)
    raise Wrong("a model without a network was taken")


def _published_seeds() -> list[bytes]:
    folder = models()
    if folder is None:
        raise FileNotFoundError("no published models: REFPOSE_MODELS does not name their folder")
    return [(folder / f"pose_{name}.tflite").read_bytes() for name in ("landmark_lite", "detection")]


def _published(data: bytes) -> None:
    import hashlib

    from refpose.tools import convert

    network, arrays = convert.convert(NAME, data)
    said = convert.judge(NAME, network, arrays, hashlib.sha256(data).hexdigest())
    check("published" in said and "NOT" not in said, f"a changed model was taken: {said}")


def _mutated_model(rng: np.random.Generator, data: bytes, others: Sequence[bytes]) -> bytes:
    """Changes all over the model, or in its structures, which are at its two ends."""
    if rng.random() < 0.5:
        return mutated(rng, data)
    cut = len(data) - 200_000
    return data[:cut] + mutated(rng, data[cut:]) if rng.random() < 0.5 else mutated(rng, data, (), 5000)


def _bundle_seeds() -> list[bytes]:
    seeds = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.writestr("pose_detector.tflite", b"\x1c\0\0\0TFL3" + bytes(200))
            archive.writestr("pose_landmarks_detector.tflite", b"\x1c\0\0\0TFL3" + bytes(range(256)))
        seeds.append(buffer.getvalue())
    return seeds


def _bundle(data: bytes) -> None:
    from refpose.tools import convert

    for name, member in convert.read_models(file(data, ".task")):
        check(len(member) < 1 << 20, f"{name}: {len(member)} bytes")


# Intermediates --------------------------------------------------------------------------------------------------------


def _npz_seeds() -> list[bytes]:
    seeds = []
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, **{"crop/input": np.zeros((4, 4, 3), np.float32), "b": np.arange(30).reshape(5, 6).T})
        seeds.append(buffer.getvalue())
    return seeds


def _npz(data: bytes) -> None:
    from refpose.reading import archives

    for name, array in archives.read_npz(data, NAME).items():
        check(array.dtype.kind in "biufc", f"{name}: {array.dtype}")


def _explanation_seeds() -> list[bytes]:
    from refpose.study.explain import Explanation

    arrays = {
        "image": np.arange(48, dtype=np.uint8).reshape(4, 4, 3),
        "detector/scores": np.linspace(-9, 9, 2254, dtype=np.float32),
    }
    path = file(b"", ".h5")
    Explanation(arrays, {"model": "lite"}, {"letterbox": 0.5}).save(path)
    return [path.read_bytes()]


def _explanation(data: bytes) -> None:
    from refpose.study.explain import Explanation

    found = Explanation.load(file(data, ".h5"))
    check(found["image"].tobytes() == bytes(range(48)), "other values were taken")
    check(found["detector/scores"].tobytes() == np.linspace(-9, 9, 2254, dtype=np.float32).tobytes(), "other values")


# Annotations, results -------------------------------------------------------------------------------------------------


def _annotation_seeds() -> list[bytes]:
    from refpose.topology import COCO_17

    person = {"image_id": 4, "category_id": 1, "keypoints": [float(v) for v in range(51)], "num_keypoints": 17}
    person["keypoints"][2::3] = [v % 3 for v in range(17)]
    coco = {
        "images": [{"id": 9, "file_name": "b.jpg"}, {"id": 4, "file_name": "a.jpg"}],
        "annotations": [{**person, "id": 31, "bbox": [1, 2, 3, 4], "iscrowd": 0, "area": 900.0}],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17)}],
    }
    one = {"joints": [[9.0, 7.5]] * 16, "joints_vis": [1] * 15 + [0], "center": [101, 51], "scale": 0.5}
    mpii = [{**one, "image": "a.jpg"}, {**one, "image": "b.jpg"}]
    joints = {"nose": [3, 4, 2], "left_hip": [5.5, 6, 1]}
    generic = {"images": {"a": {"names": ["nose", "left_hip"], "persons": [{"keypoints": joints, "area": 3}]}}}
    points = [{"id": [k], "x": [9 + k], "y": [7.5], "is_visible": [k % 2]} for k in range(15)]
    somebody = {"track_id": [3], "x1": [1], "y1": [2], "x2": [5], "y2": [8], "annopoints": [{"point": points}]}
    region = {"point": [{"x": [x], "y": [1]} for x in (1, 5, 9)]}
    posetrack17 = {
        "annolist": [
            {"image": [{"name": "clip/1.jpg"}], "annorect": [somebody], "is_labeled": [1], "ignore_regions": [region]},
            {"image": [{"name": "clip/2.jpg"}], "annorect": []},
        ]
    }
    return [json.dumps(content).encode() for content in (coco, mpii, generic, posetrack17)]


def _annotations(data: bytes) -> None:
    from refpose.accuracy.annotations import read_annotations

    for picture in read_annotations(file(data, ".json")).pictures:
        for person in picture.persons:
            labelled = person.labels > 0
            check(bool(np.isfinite(person.points_px[labelled]).all()), "a labelled joint without a place")
            check(person.area_px is None or 0 <= person.area_px < math.inf, f"area {person.area_px}")
            for box in (person.box_px, person.square_px):
                check(box is None or (min(box[2:]) >= 0 and all(map(math.isfinite, box))), f"box {box}")


def _record_seeds() -> list[bytes]:
    result = {"bytes": 1, "modified_ns": 1, "sha256": hashlib.sha256(b"1").hexdigest()}
    told = {"refpose": "0.1.0", "complete": True, "input": {"bytes": 1, "modified_ns": 1, "changed_ns": 1}}
    return [json.dumps({**told, "results": {"result.csv": result}, "earlier": {"result.csv": ["0"]}}).encode()]


def _record(data: bytes) -> None:
    from refpose.tools import records

    path, result = file(data, ".json"), SCRATCH / "result.csv"
    result.write_bytes(b"2")
    found = records.Record(path)
    check(not found.is_of(result, {"refpose": "0.1.0"}, [result]), "another input is taken for the same")
    known = hashlib.sha256(b"2").hexdigest().encode() in data
    check(known or not found.vouches_for(result), "somebody else's file is taken for a result")
    json.dumps([sorted(found.results), found.earlier()]).encode()


def _result_seeds() -> list[bytes]:
    one = {"image_id": 4, "category_id": 1, "keypoints": [1.0] * 51, "score": 0.5, "points": {"nose": [1, 2]}}
    return [json.dumps([one, {**one, "bbox": [1, 2, 3, 4], "person": 0, "world": {"nose": [1, 2, 3]}}]).encode()]


def _results(data: bytes) -> None:
    from refpose.accuracy.annotations import read_annotations
    from refpose.accuracy.results import read_results

    truth = SCRATCH / "truth.json"
    SCRATCH.mkdir(exist_ok=True)
    if not truth.exists():
        truth.write_bytes(_annotation_seeds()[0])
    for found in read_results(file(data, ".json"), read_annotations(truth)).values():
        for person in found:
            check(math.isfinite(person.score) and 0 <= person.area_px < math.inf, f"{person.score} {person.area_px}")


def _table_seeds() -> list[bytes]:
    from types import SimpleNamespace

    from refpose import tables
    from refpose.topology import LANDMARK_NAMES

    rng, count, seeds = np.random.default_rng(0), len(LANDMARK_NAMES), []
    person = SimpleNamespace(
        **{name: rng.random((count, 3), np.float32) for name in ("landmarks", "landmarks_px", "world_landmarks")},
        **{name: rng.random(count, np.float32) for name in ("visibility", "presence")},
        id=None,
    )
    for kind in ("csv", "json", "parquet", "h5"):
        path = file(b"", f".{kind}")
        try:
            with tables.create(path, "=a.mp4", {"model": "lite"}) as table:
                for frame in range(3):
                    table.write(frame, frame / 25, [person] if frame else [])
        except ImportError:  # an extra that is not installed
            continue
        seeds.append(path.read_bytes())
    return seeds


def _table(data: bytes) -> None:
    from refpose import tables

    starts = {b"PAR1": ".parquet", b"\x89HDF": ".h5", b"[\n": ".json"}
    kind = next((kind for start, kind in starts.items() if data.startswith(start)), ".csv")
    found = tables.read(file(data, kind))
    check(len(found.time) == len(found.frame) == len(found.values), "columns of different lengths")


# Pictures, videos -----------------------------------------------------------------------------------------------------


def _picture_seeds() -> list[bytes]:
    from PIL import Image

    rng = np.random.default_rng(0)
    pixels = np.repeat(np.repeat(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8), 4, 0), 4, 1)
    picture = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds: list[tuple[str, Image.Image, dict[str, Any]]] = [
        ("JPEG", picture, {"exif": exif}),
        ("PNG", picture, {}),
        ("PNG", picture.quantize(20), {"transparency": 3}),
        ("PNG", Image.fromarray(pixels[..., 0].astype(np.uint16) * 16), {}),
        ("WEBP", picture, {"lossless": True}),
        ("TIFF", picture, {"compression": "tiff_lzw"}),
        ("TIFF", Image.fromarray(pixels[..., 0].astype(np.uint16) * 257), {}),
        ("GIF", picture.quantize(20), {"save_all": True, "append_images": [picture.quantize(9)]}),
        ("BMP", picture, {}),
        ("PPM", picture, {}),
        ("TGA", picture, {"compression": "tga_rle"}),
        ("JPEG2000", picture, {}),
        ("MPO", picture, {"save_all": True, "append_images": [picture]}),
        ("AVIF", picture, {}),
    ]
    seeds = []
    for name, image, options in kinds:
        buffer = io.BytesIO()
        try:
            image.save(buffer, name, **options)
        except (KeyError, OSError):  # this Pillow cannot
            continue
        seeds.append(buffer.getvalue())
    try:
        import pillow_heif
    except ModuleNotFoundError:
        return seeds
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture.resize((64, 64))).save(buffer)
    return [*seeds, buffer.getvalue()]


def _picture(data: bytes) -> None:
    from refpose.images import decode

    pixels = decode(data, NAME)
    check(pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3, f"{pixels.dtype} {pixels.shape}")
    check(pixels.flags.c_contiguous and pixels.flags.writeable and pixels.size > 0, "not as promised")


def _jpeg_seeds() -> list[bytes]:
    recorded = json.loads((ROOT / "tests" / "recorded" / "jpeg.json").read_text())
    return [base64.b64decode(one["file"]) for one in recorded.values()]


def _jpeg(data: bytes) -> None:
    """MediaPipe's decoder: both engines have the same pixels, or the same reason to refuse."""
    from refpose.engine import _native as native
    from refpose.stages import jpeg

    for tolerant in (False, True):
        results = []
        for engine in (native, jpeg):
            try:
                pixels = engine.decode_jpeg(data, tolerant, 1 << 13)
                results.append((pixels.shape, pixels.tobytes()))
            except ValueError as error:
                results.append((str(error), b""))
        check(results[0] == results[1], f"the engines differ: {results[0][0]}, {results[1][0]}")
    if not results[0][1]:
        raise ValueError(f"{NAME}: {results[0][0]}")


def _video_seeds() -> list[bytes]:
    sys.path.insert(0, str(ROOT / "tests"))
    import videos

    SCRATCH.mkdir(exist_ok=True)
    seeds = []
    for name, codec in (
        ("a.mp4", "libx264"),
        ("a.mkv", "mpeg4"),
        ("a.ts", "mpeg4"),
        ("a.avi", "mpeg4"),
        ("a.webm", "libvpx"),
    ):
        path = videos.write(SCRATCH / name, videos.scenes(6, 48, 64), codec=codec)
        seeds.append(path.read_bytes())
    seeds.append(seeds[2] + seeds[2])
    return seeds


def _video(data: bytes) -> None:
    from refpose.video import Reader

    last = -math.inf
    with Reader(file(data, ".mp4")) as reader:
        for frame in reader:
            check(frame.rgb.dtype == np.uint8 and frame.rgb.ndim == 3, f"{frame.rgb.dtype} {frame.rgb.shape}")
            check(last < frame.time < math.inf, f"time {frame.time} after {last}")
            last = frame.time
            if frame.index >= 100:
                break


# Messages, arguments, the native engine -------------------------------------------------------------------------------


def _message_seeds() -> list[bytes]:
    from refpose.mediapipe.framework.formats import landmark_pb2

    seeds = []
    for kind in (landmark_pb2.NormalizedLandmarkList, landmark_pb2.LandmarkList):
        message = kind()
        for n in range(3):
            message.landmark.add(x=n, y=0.5, visibility=1.0)
        seeds.append(message.SerializeToString())
    return seeds


def _message(data: bytes) -> None:
    from refpose.mediapipe.framework.formats import landmark_pb2

    message = landmark_pb2.NormalizedLandmarkList()
    message.ParseFromString(data)
    again = landmark_pb2.NormalizedLandmarkList.FromString(message.SerializeToString())
    check(again.SerializeToString() == message.SerializeToString(), "another message comes back")
    str(message)


_NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 0.5, 50, 1e-30, 1e30, 1e308, 10**400, float("nan"), float("inf"), -float("inf"), True, None, "1", b"1"),
    *(np.uint8(200), np.int8(-3), np.int64(2**62), np.float16(0.1), np.longdouble(1e4000), np.bool_(True)),
    *(Fraction(1, 3), Fraction(np.int32(7)), Decimal("0.1"), Decimal("NaN"), Decimal(10) ** 400, 1j),
    *(Decimal("sNaN"), Decimal("1E-999999999"), Fraction(1, 10**5000), Fraction(10**5000, 3), np.datetime64(2020, "Y")),
    *([], [1], {}, np.zeros(3), np.array(1.0), object(), int),
)


def arguments_case(rng: np.random.Generator) -> bool:
    """Numbers of all kinds for what takes numbers."""
    import refpose
    from refpose import arguments, draw

    def some() -> Any:
        return _NUMBERS[int(rng.integers(len(_NUMBERS)))]

    takers: list[Callable[[], Any]] = [
        lambda: refpose.Roi(some(), some(), some(), some(), some()),
        lambda: refpose.Smoothing(some(), some(), some(), some(), some(), some()),
        lambda: arguments.number("n", some(), some_limit(), some_limit()),
        lambda: arguments.exact("n", some()),
        lambda: arguments.whole("n", some()),
        lambda: draw.line(np.zeros((9, 9, 3), np.uint8), (some(), 3), (5, some()), (1, 2, 3), some()),
        lambda: draw.circle(np.zeros((9, 9, 3), np.uint8), (some(), some()), some(), (1, 2, 3), some()),
    ]

    def some_limit() -> Any:
        return [None, 0, 1][int(rng.integers(3))]

    try:
        made = takers[int(rng.integers(len(takers)))]()
    except (ValueError, TypeError) as error:
        check("NumPy" not in str(error) and "numpy boolean" not in str(error), str(error))
        return False
    for value in vars(made).values() if hasattr(made, "__dict__") else [made]:
        check(value is None or type(value) in (int, float, Fraction), type(value).__name__)
        check(not isinstance(value, float) or math.isfinite(value), "not finite, and was taken")
    return True


def _asset_seeds() -> list[bytes]:
    from .tiny import model

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("pose_detector.tflite", model())
        archive.writestr("pose_landmarks_detector.tflite", model(sparse=True))
    return [buffer.getvalue()]


def _asset(data: bytes) -> None:
    """A model file as programs for MediaPipe Tasks give it; errors are of MediaPipe's kinds."""
    from refpose.mediapipe._tasks import bundle

    try:
        bundle.read(data, missing=RuntimeError)
    except (RuntimeError, ValueError) as error:
        check(type(error) in (RuntimeError, ValueError), f"{type(error).__name__}: {error}")
        raise ValueError(f"{NAME}: {error}") from None
    raise Wrong("a model without a network was taken")


def options_case(rng: np.random.Generator) -> bool:
    """Options of MediaPipe Tasks with numbers of all kinds, and a picture where they are taken."""
    from refpose.mediapipe.tasks.python.core.base_options import BaseOptions
    from refpose.mediapipe.tasks.python.vision import pose_landmarker

    global _landmarker  # keeps the networks loaded
    base = BaseOptions(model_asset_path="refpose:lite")
    if _landmarker is None:
        _landmarker = pose_landmarker.PoseLandmarker.create_from_options(pose_landmarker.PoseLandmarkerOptions(base))
    names = ("num_poses", "min_pose_detection_confidence", "min_pose_presence_confidence", "min_tracking_confidence")
    chosen = {name: _NUMBERS[int(rng.integers(len(_NUMBERS)))] for name in names if rng.random() < 0.4}
    try:
        options = pose_landmarker.PoseLandmarkerOptions(base, **chosen)
        pose_landmarker.PoseLandmarker.create_from_options(options).close()
    except (ValueError, TypeError, RuntimeError, OverflowError):
        return False
    return True


_landmarker: Any = None


def native_case(rng: np.random.Generator) -> bool:
    """A plausible program or call at the Cython boundary, see tests/test_native_fuzz.py."""
    sys.path.insert(0, str(ROOT / "tests")) if str(ROOT / "tests") not in sys.path else None
    import test_native_fuzz

    with np.errstate(all="ignore"):
        try:
            kind = test_native_fuzz.fuzz_program if rng.random() < 0.5 else test_native_fuzz.fuzz_stage
            return bool(kind(rng))
        except test_native_fuzz.ERRORS:
            return False


def _structures(rng: np.random.Generator, data: bytes, others: Sequence[bytes]) -> bytes:
    return mutated(rng, data, (), 60_000)


DOORS: dict[str, Callable[[np.random.Generator], bool]] = {
    "weights": Files(_weights_seeds, _weights, _structures),
    "hdf5": Files(_small_h5, _hdf5),
    "keras": Files(_keras_seeds, _keras),
    "tflite": Files(_tflite_seeds, _tflite),
    "published": Files(_published_seeds, _published, _mutated_model),
    "bundle": Files(_bundle_seeds, _bundle),
    "npz": Files(_npz_seeds, _npz),
    "explanation": Files(_explanation_seeds, _explanation),
    "annotations": Files(_annotation_seeds, _annotations, lambda rng, data, others: mutated_json(rng, data)),
    "record": Files(_record_seeds, _record, lambda rng, data, others: mutated_json(rng, data)),
    "results": Files(_result_seeds, _results, lambda rng, data, others: mutated_json(rng, data)),
    "table": Files(_table_seeds, _table),
    "picture": Files(_picture_seeds, _picture),
    "jpeg": Files(_jpeg_seeds, _jpeg),
    "video": Files(_video_seeds, _video),
    "message": Files(_message_seeds, _message),
    "asset": Files(_asset_seeds, _asset),
    "options": options_case,
    "arguments": arguments_case,
    "native": native_case,
}
