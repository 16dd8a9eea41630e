"""EfficientPose's model files: both sources give the same network, and nothing else is taken."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from efficientpose_data import TRAINED, converted, model_file, needs_files, network_name, random_weights
from numpy.typing import NDArray

from refpose.cli import main
from refpose.networks import efficientpose, record, weights
from refpose.networks.tape import Tape
from refpose.tools import convert, keras_model
from refpose.tools.tflite_model import TfliteModel

# Of the values that batch norm was folded into, and of the others, how many are equal after rounding to binary16.
AGREEING = {"RT": (371_914, 371_928, 62_936, 1), "I": (588_946, 588_968, 98_532, 2)}


@needs_files
@pytest.mark.parametrize("model", TRAINED)
def test_tflite_files_are_the_networks(model: str, tmp_path: Path) -> None:
    pytest.importorskip("tflite")
    name, path = network_name(model), model_file(model)
    for folder in ("a", "b"):
        assert main(["convert", str(path), "-o", str(tmp_path / folder)]) == 0
    first, second = (tmp_path / folder / f"{name}.h5" for folder in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    loaded = weights.load(name, tmp_path / "a")
    assert loaded.attributes["source"] == path.name
    assert all(array.dtype == np.float16 for array in loaded.stored.values())


@needs_files
@pytest.mark.parametrize("model", AGREEING)
def test_both_sources_agree(model: str) -> None:
    pytest.importorskip("tflite")
    tflite, keras = (converted(model_file(model, ending)).stored for ending in ("tflite", "h5"))
    assert tflite.keys() == keras.keys()
    folded = equal = plain = 0
    for name, array in tflite.items():
        apart = np.abs(array.view(np.int16).astype(int) - keras[name].astype(np.float16).view(np.int16))
        assert apart[array != 0].max(initial=0) <= AGREEING[model][3], name
        if name.split("/")[-2] in ("stem", "expand", "depthwise", "project"):
            folded, equal = folded + array.size, equal + np.count_nonzero(apart == 0)
        else:
            assert not apart.any(), name
            plain += array.size
    assert (equal, folded, plain) == AGREEING[model][:3]


# Keras files of our own --------------------------------------------------------------------------------------------


def keras_layers(tape: Tape, seed: int = 0) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Layers as the authors' files have them, with random values."""
    rng = np.random.default_rng(seed)
    arrays, layers = random_weights(tape, seed), {}
    for step, source in keras_model._sources(tape):
        kernel, bias = arrays[f"{step.name}/kernel"], arrays[f"{step.name}/bias"]
        if step.op == "depthwise":
            layers[source.layer] = {"depthwise_kernel": kernel[..., None]}
        else:
            layers[source.layer] = {"kernel": kernel.transpose(1, 2, 3, 0)}
        if source.batch_norm is None:
            layers[source.layer]["bias"] = bias
        else:
            names = ("gamma", "beta", "moving_mean", "moving_variance")
            layers[source.batch_norm] = {what: rng.random(len(bias), np.float32) for what in names}
    fixed = efficientpose.enlarging_kernel()
    for layer in keras_model._UPSAMPLERS:
        layers[layer] = {"kernel": fixed, "bias": np.zeros(16, np.float32)}
    return layers


def write_keras(path: Path, layers: dict[str, dict[str, NDArray[Any]]]) -> Path:
    with h5py.File(path, "w") as h5:
        # What a loader must never run: a layer whose code is part of the file.
        h5.attrs["model_config"] = json.dumps({"class_name": "Lambda", "config": {"function": ["cHJpbnQoMSk=", None]}})
        for layer, arrays in layers.items():
            group = h5.create_group(f"model_weights/{layer}")
            group.attrs["weight_names"] = [f"inner/{what}:0".encode() for what in arrays]
            for what, array in arrays.items():
                group[f"inner/{what}:0"] = array
        h5.create_group("model_weights/lambda_1_res1").attrs["weight_names"] = np.zeros(0)
    return path


@pytest.mark.parametrize("network", ["efficientpose-rt", "efficientpose-ii", "efficientpose-ii-lite"])
def test_batch_norm_is_folded(network: str, tmp_path: Path) -> None:
    layers = keras_layers(record(network))
    source = write_keras(tmp_path / "model.h5", layers)
    assert main(["convert", str(source), "-o", str(tmp_path)]) == 0
    found = weights.load(network, tmp_path)
    for step, layer in keras_model._sources(record(network)):
        kernel, bias = found[f"{step.name}/kernel"], found[f"{step.name}/bias"]
        what = "depthwise_kernel" if step.op == "depthwise" else "kernel"
        original = layers[layer.layer][what]
        if layer.batch_norm is None:
            assert np.array_equal(bias, layers[layer.layer]["bias"])
            continue
        norm = layers[layer.batch_norm]
        scale = norm["gamma"] / np.sqrt(norm["moving_variance"] + np.float32(1e-3))
        shaped = original[..., 0] * scale if step.op == "depthwise" else (original * scale).transpose(3, 0, 1, 2)
        assert np.array_equal(kernel, shaped)
        assert np.array_equal(bias, norm["beta"] - norm["moving_mean"] * scale)


def test_layer_names_of_the_lite_backbones() -> None:
    names = set(keras_model._expected(record("efficientpose-ii-lite")))
    model = "efficientnet-lite4/model"
    for name in (
        f"{model}/stem/conv2d/Conv2D_0",
        f"{model}/blocks_0/conv2d/Conv2D_0",  # the projection: there is no expansion
        f"{model}/blocks_0/tpu_batch_normalization_1/FusedBatchNormV3_0",
        f"{model}/blocks_8/conv2d_1/Conv2D_0",
        f"{model}/blocks_8/tpu_batch_normalization_2/FusedBatchNormV3_0",
        "pass2_block2_mbconv3_detection1_dconv1",
    ):
        assert name in names


# Bad input ---------------------------------------------------------------------------------------------------------


def refused(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says about a file that it refuses."""
    assert main(["convert", str(path), "-o", str(tmp_path / "out")]) == 1
    assert not (tmp_path / "out").exists()
    message = capsys.readouterr().err
    assert path.name in message
    return message


@pytest.mark.parametrize("kept", [8, 100, 2000, 0.5, 0.99])
def test_keras_files_cut_short(kept: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_keras(tmp_path / "model.h5", keras_layers(record("efficientpose-rt")))
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if kept < 1 else int(kept)])
    assert "damaged or cut short" in refused(path, tmp_path, capsys)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda layers: layers.pop("stem_bn_res1"), "stem_bn_res1: missing"),
        (
            lambda layers: layers.update(extra={"kernel": np.zeros(1, np.float32)}),
            "extra: not a part of efficientpose-rt",
        ),
        (lambda layers: layers["stem_conv_res1"].pop("kernel"), "stem_conv_res1: missing"),
        (lambda layers: layers["stem_bn_res1"].pop("gamma"), "stem_bn_res1: no gamma"),
        (
            lambda layers: layers["stem_bn_res1"].update(gamma=np.ones(31, np.float32)),
            r"stem_bn_res1: gamma: expected \(32,\) float32, found \(31,\) float32",
        ),
        (lambda layers: layers["stem_bn_res1"].update(gamma=np.ones(32)), "found .* float64"),
        (
            lambda layers: layers["stem_bn_res1"].update(moving_variance=np.full(32, -1, np.float32)),
            "moving_variance: has negative values",
        ),
        (lambda layers: layers["upscaled_confs"].update(bias=np.ones(16, np.float32)), "not the bilinear kernel"),
        (lambda layers: layers["stem_bn_res1"].update(beta=np.full(32, np.nan, np.float32)), "not finite"),
    ],
)
def test_keras_files_of_something_else(
    change: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = keras_layers(record("efficientpose-rt"))
    change(layers)
    path = write_keras(tmp_path / "model.h5", layers)
    assert main(["convert", str(path), "-o", str(tmp_path / "out")]) == 1
    assert re.search(message, capsys.readouterr().err)
    assert not list((tmp_path / "out").glob("*.h5"))


def test_an_hdf5_file_of_another_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as h5:
        h5["x"] = 1
    assert "not a Keras model file" in refused(path, tmp_path, capsys)


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    source = write_keras(tmp_path / "model.h5", keras_layers(record("efficientpose-rt")))
    assert main(["convert", str(source), "-o", str(tmp_path)]) == 0
    with pytest.raises(ValueError, match="expected the network 'efficientpose-i', found 'efficientpose-rt'"):
        weights.load("efficientpose-i", tmp_path / "efficientpose-rt.h5")


@needs_files
@pytest.mark.parametrize("kept", [8, 1000, 0.5, 0.999])
def test_tflite_files_cut_short(kept: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tflite")
    data, path = model_file("RT").read_bytes(), tmp_path / "short.tflite"
    path.write_bytes(data[: int(kept * len(data)) if kept < 1 else int(kept)])
    refused(path, tmp_path, capsys)


def changed(tape: Tape, name: str, **attrs: Any) -> Tape:
    steps = [replace(step, attrs={**step.attrs, **attrs}) if step.name == name else step for step in tape.steps]
    return Tape(tape.name, tape.input, tuple(steps), tape.outputs)


@needs_files
@pytest.mark.parametrize(
    ("name", "attrs", "message"),
    [
        ("high/stem", {"act": "eswish"}, "high/stem: operator: expected MUL"),
        ("high/stem", {"act": None}, "high/stem: operator: expected CONV_2D, found MUL"),
        ("pass1/dense0/block0/expand", {"act": "swish"}, "block0/expand: argument of the sigmoid"),
        ("high/stage2/block0/depthwise", {"pad": (1, 1)}, "high/stage2/block0/depthwise: padding"),
        ("high/stage1/block0/excite", {"act": "swish"}, "high/stage1/block0/excite: operator: expected MUL"),
    ],
)
def test_the_walk_sees_differences(name: str, attrs: dict[str, Any], message: str) -> None:
    pytest.importorskip("tflite")
    path, network = model_file("RT"), "efficientpose-rt"
    model, tape = TfliteModel(path.read_bytes(), path.name), changed(record(network), name, **attrs)
    walk = convert._Walk(model, tape)
    with pytest.raises(ValueError, match=message):
        walk.same(tape.outputs["heatmap"], model.outputs[convert.OUTPUTS[network].index("heatmap")])
