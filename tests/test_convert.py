"""The converter: the networks' code is the published architecture, and anything else is refused.

Needs the original model files: the folder named by ``REFPOSE_MODELS``, by default ``models`` beside
``REFPOSE_GOLDENS``.
"""

from __future__ import annotations

import io
import os
import signal
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_weights import SHA256

from refpose.cli import main
from refpose.networks import record, weights
from refpose.networks.blazepose import NETWORKS
from refpose.networks.tape import Tape
from refpose.tools import convert
from refpose.tools.tflite_model import TfliteModel

FILES = {
    "detector": "pose_detection.tflite",
    "lite": "pose_landmark_lite.tflite",
    "full": "pose_landmark_full.tflite",
    "heavy": "pose_landmark_heavy.tflite",
}


@pytest.fixture(scope="session")
def models() -> Path:
    beside = Path(os.environ.get("REFPOSE_GOLDENS", "absent")).parent / "models"
    folder = Path(os.environ.get("REFPOSE_MODELS", beside))
    if not folder.is_dir():
        pytest.skip("no original model files: REFPOSE_MODELS does not name their folder")
    pytest.importorskip("tflite")
    return folder


@pytest.fixture(scope="session")
def lite(models: Path) -> TfliteModel:
    return TfliteModel((models / FILES["lite"]).read_bytes(), FILES["lite"])


@pytest.mark.parametrize("name", NETWORKS)
def test_conversion_gives_the_files_of_the_package(name: str, models: Path, tmp_path: Path) -> None:
    """The whole model is walked beside the tape; the bytes are those in the repository."""
    assert main(["convert", str(models / FILES[name]), "-o", str(tmp_path)]) == 0
    assert (tmp_path / f"{name}.h5").read_bytes() == weights.default_path(name).read_bytes()


@pytest.mark.parametrize("kind", ["bundle.task", "mediapipe.whl", "pose.tgz"])
def test_archives(kind: str, models: Path, tmp_path: Path) -> None:
    source, data = tmp_path / kind, (models / FILES["lite"]).read_bytes()
    if kind.endswith("tgz"):
        with tarfile.open(source, "w:gz") as tar:
            member = tarfile.TarInfo("package/pose_landmark_lite.tflite")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    else:
        with zipfile.ZipFile(source, "w") as bundle:
            bundle.writestr("mediapipe/modules/pose_landmark/pose_landmark_lite.tflite", data)
            bundle.writestr("mediapipe/modules/hand_landmark/hand_landmark_lite.tflite", b"not a pose model")
    assert main(["convert", str(source), "-o", str(tmp_path / "out")]) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["lite.h5"]
    assert (tmp_path / "out" / "lite.h5").read_bytes() == weights.default_path("lite").read_bytes()


def changed(tape: Tape, index: int, **changes: Any) -> Tape:
    """The tape with one step changed."""
    steps = list(tape.steps)
    steps[index] = replace(steps[index], **changes)
    return Tape(tape.name, tape.input, tuple(steps), tape.outputs)


def first(tape: Tape, op: str) -> int:
    return next(i for i, step in enumerate(tape.steps) if step.op == op)


def walk(model: TfliteModel, tape: Tape) -> None:
    side_by_side = convert._Walk(model, tape)
    for name, tensor in zip(convert.OUTPUTS["lite"], model.outputs, strict=True):
        side_by_side.same(tape.outputs[name], tensor)
    side_by_side.finish()


def test_the_walk_accepts_the_network(lite: TfliteModel) -> None:
    walk(lite, record("lite"))


@pytest.mark.parametrize(
    ("op", "attrs", "message"),
    [
        ("depthwise", {"stride": 2}, "encoder/block0/depthwise: stride: expected 2"),
        ("depthwise", {"act": None}, "encoder/block0/depthwise: activation: expected None, found relu6"),
        ("depthwise", {"pad": (0, 1)}, "encoder/block0/depthwise: padding: expected \\(0, 1\\), found \\(1, 1\\)"),
        ("add", {"act": "relu6"}, "encoder/block2/add: activation: expected relu6, found None"),
    ],
)
def test_another_attribute_is_refused(lite: TfliteModel, op: str, attrs: dict[str, Any], message: str) -> None:
    tape = record("lite")
    at = first(tape, op)
    with pytest.raises(ValueError, match=message):
        walk(lite, changed(tape, at, attrs={**tape.steps[at].attrs, **attrs}))


def test_another_operator_is_refused(lite: TfliteModel) -> None:
    tape = record("lite")
    with pytest.raises(ValueError, match="pool: operator: expected RESIZE_BILINEAR, found MAX_POOL_2D"):
        walk(lite, changed(tape, first(tape, "max_pool"), op="upsample"))


def test_another_kernel_shape_is_refused(lite: TfliteModel) -> None:
    tape = record("lite")
    at = first(tape, "conv")
    with pytest.raises(ValueError, match=r"encoder/stem: shape of kernel: expected \(24, 5, 5, 3\)"):
        walk(lite, changed(tape, at, weights={"kernel": (24, 5, 5, 3), "bias": (24,)}))


def test_other_wiring_is_refused(lite: TfliteModel) -> None:
    """An add whose operands are exchanged."""
    tape = record("lite")
    at = first(tape, "add")
    with pytest.raises(ValueError, match=r"expected|twice"):
        walk(lite, changed(tape, at, inputs=tape.steps[at].inputs[::-1]))


def test_a_model_with_more_is_refused(lite: TfliteModel) -> None:
    tape = record("lite")
    side_by_side = convert._Walk(lite, tape)
    side_by_side.same(tape.outputs["heatmap"], lite.outputs[3])
    with pytest.raises(ValueError, match="not in the network's code"):
        side_by_side.finish()


@pytest.mark.parametrize("kept", [4, 7, 100, 5000, 500_000, 2_800_000, -1])
def test_a_model_cut_short_is_refused(
    kept: int, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "short.tflite"
    source.write_bytes((models / FILES["lite"]).read_bytes()[:kept])
    assert main(["convert", str(source), "-o", str(tmp_path / "out")]) == 1
    assert "short.tflite" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_another_model_is_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(convert.NETWORKS, "lite")
    assert main(["convert", str(models / FILES["lite"]), "-o", str(tmp_path / "out")]) == 1
    assert "not a network refpose knows" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"", b"text", b"\x1f\x8bnot really", b"PK\x03\x04not really"])
def test_files_that_are_no_models(data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "model"
    source.write_bytes(data)
    assert main(["convert", str(source), "-o", str(tmp_path / "out")]) == 1
    assert str(source) in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "absent"), "-o", str(tmp_path / "out")]) == 1


def test_an_archive_without_pose_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "other.zip"
    with zipfile.ZipFile(source, "w") as bundle:
        bundle.writestr("a.txt", "nothing")
    assert main(["convert", str(source), "-o", str(tmp_path / "out")]) == 1
    assert "no pose model in this archive" in capsys.readouterr().err


# Crafted and damaged models -------------------------------------------------------------------------------------------


def edited(path: Path, kind: str, edit: Callable[[Any], None]) -> bytes:
    """A model file whose first operator of this kind was edited in place."""
    tflite = pytest.importorskip("tflite")
    data = bytearray(path.read_bytes())
    model = tflite.Model.GetRootAsModel(data, 0)
    code = getattr(tflite.BuiltinOperator, kind)
    for i in range(model.Subgraphs(0).OperatorsLength()):
        op = model.Subgraphs(0).Operators(i)
        opcode = model.OperatorCodes(op.OpcodeIndex())
        if max(opcode.BuiltinCode(), opcode.DeprecatedBuiltinCode()) == code:
            edit(op)
            return bytes(data)
    raise AssertionError(f"{path}: no {kind}")


def of_itself(op: Any) -> None:
    inputs = op.InputsAsNumpy()
    inputs.setflags(write=True)
    inputs[:] = op.Outputs(0)


def of_nothing(op: Any) -> None:
    inputs = op.InputsAsNumpy()
    inputs.setflags(write=True)
    inputs[:] = 1_000_000


@pytest.mark.parametrize("edit", [of_itself, of_nothing])
@pytest.mark.parametrize(
    ("network", "kind"),
    [
        ("lite", "RESHAPE"),
        ("lite", "DEQUANTIZE"),
        ("lite", "CONV_2D"),
        ("lite", "ADD"),
        ("detector", "CONCATENATION"),
        ("detector", "RESHAPE"),
        ("detector", "DENSIFY"),
        ("detector", "PAD"),
    ],
)
def test_operators_of_themselves_are_refused(
    network: str, kind: str, edit: Callable[[Any], None], models: Path
) -> None:
    with pytest.raises(ValueError, match=r"^crafted\.tflite: "):
        convert.convert("crafted.tflite", edited(models / FILES[network], kind, edit))


def flipped(models: Path, array: str, index: int, bit: int) -> bytes:
    """The lite model with one bit of one trained value flipped."""
    data = (models / FILES["lite"]).read_bytes()
    stored = weights.load("lite").stored[array]
    at = data.index(np.ascontiguousarray(stored).tobytes()) + 2 * index
    return data[:at] + bytes([data[at], data[at + 1] ^ (1 << (bit - 8))]) + data[at + 2 :]


def test_a_flipped_bit_is_noticed(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    array = "encoder/block3/depthwise/kernel"
    stored = weights.load("lite").stored[array].reshape(-1)
    small = int(np.argmin(np.where(stored == 0, np.inf, np.abs(stored.astype(np.float64)))))
    source = tmp_path / "model.tflite"
    for bit, expected in ((15, "1 of 176 arrays differ from the published"), (14, "")):
        source.write_bytes(flipped(models, array, small if bit == 15 else int(np.argmax(np.abs(stored))), bit))
        assert main(["convert", str(source), "-o", str(tmp_path / "out")]) == 1
        assert not (tmp_path / "out").exists()
        assert "model.tflite: damaged" in (message := capsys.readouterr().err)
        assert expected in message
    source.write_bytes(flipped(models, array, small, 15))
    assert main(["convert", str(source), "-o", str(tmp_path / "out"), "--changed"]) == 0
    assert f"CHANGED: 1 of 176 arrays differ from the published {FILES['lite']}, the first is {array}" in (
        capsys.readouterr().err
    )


def test_what_is_said_of_models(models: Path, tmp_path: Path) -> None:
    stored = weights.load("lite").stored
    assert convert.judge("a", "lite", stored, SHA256["lite"]) == "a published model"
    assert "in another file" in convert.judge("a", "lite", stored, "0" * 64)
    rng = np.random.default_rng(0)
    anew = {name: rng.standard_normal(array.shape).astype(np.float16) for name, array in stored.items()}
    assert "NOT one of the published models" in convert.judge("a", "lite", anew, "0" * 64)
    for wrong, message in ((592.0, "592, all others"), (60000.0, "6e.04; trained"), (np.inf, "not finite")):
        broken = {name: array.copy() for name, array in anew.items()}
        broken["encoder/stem/kernel"].reshape(-1)[7] = wrong
        with pytest.raises(ValueError, match=f"^a: damaged: encoder/stem/kernel: .*{message}"):
            convert.judge("a", "lite", broken, "0" * 64)
    with pytest.raises(ValueError, match="all values are zero"):
        convert.judge("a", "lite", {**anew, "encoder/stem/kernel": np.zeros_like(anew["encoder/stem/kernel"])}, "")


def test_a_bundle_that_unpacks_to_gigabytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "bomb.task"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as bundle, bundle.open("pose_a.tflite", "w") as member:
        for _ in range(300):
            member.write(bytes(1 << 20))
    assert main(["convert", str(source), "-o", str(tmp_path / "out")]) == 1
    assert "pose_a.tflite: unpacks to more than 268,435,456 bytes" in capsys.readouterr().err


def test_nothing_is_overwritten(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not the source, whose name may be that of the result, and a file that is there by force only."""
    source = tmp_path / "lite.h5"
    source.write_bytes((models / FILES["lite"]).read_bytes())
    before = source.read_bytes()
    assert main(["convert", str(source), "-o", str(tmp_path), "--force"]) == 1
    assert f"{source}: is an input, and would be overwritten" in capsys.readouterr().err
    assert source.read_bytes() == before
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "lite.h5").write_text("mine")
    assert main(["convert", str(source), "-o", str(tmp_path / "out")]) == 1
    assert "lite.h5: already there; --force overwrites" in capsys.readouterr().err
    assert (tmp_path / "out" / "lite.h5").read_text() == "mine"
    assert main(["convert", str(source), "-o", str(tmp_path / "out"), "--force"]) == 0
    assert weights.load("lite", tmp_path / "out" / "lite.h5")


def test_full_disk(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resource = pytest.importorskip("resource")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        for size in (0, 100, 3000, 1_000_000):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
            assert main(["convert", str(models / FILES["lite"]), "-o", str(tmp_path)]) == 1
            assert f"File too large: '{tmp_path / 'lite.h5'}'" in capsys.readouterr().err
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []
