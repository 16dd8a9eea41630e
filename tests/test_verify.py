"""refpose verify: it passes on what is shipped, and names what was broken on purpose."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from efficientpose_data import model_file, needs_files, random_weights, write_weights

from refpose import cli
from refpose.engine import Network, blas, packing, resolve, rules
from refpose.networks import record
from refpose.networks.weights import Weights
from refpose.stages import landmarks, roi, warp
from refpose.study import truth, verify
from refpose.tools import convert


@pytest.fixture(scope="module")
def lite() -> verify.Workspace:
    """The lite network and its layers."""
    loaded = verify.Workspace.load(("lite",))
    workspace = verify.Workspace({"lite": loaded.networks["lite"]}, loaded.inputs)
    verify.eager_as_recorded(workspace)
    return workspace


def with_weights(workspace: verify.Workspace, name: str, change) -> verify.Workspace:
    """A bench whose lite network has one array changed."""
    network = workspace.networks["lite"]
    stored = dict(network.weights.stored)
    stored[name] = np.ascontiguousarray(change(stored[name])).astype(stored[name].dtype)
    changed = Network(network.tape, Weights("lite", stored, network.weights.attributes), "reference")
    return verify.Workspace({"lite": changed}, workspace.inputs)


def mismatch(check, *arguments) -> verify.Mismatch:
    with pytest.raises(verify.Mismatch) as caught:
        check(*arguments)
    return caught.value


@pytest.mark.full
def test_holds_on_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    """With heavy it takes twice as long; its engines are compared by other tests."""
    assert cli.main(["verify", "--json", "--model", "lite", "full"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["holds"]
    states = {link["name"]: link["state"] for link in document["links"]}
    states.pop("weights converted", None)  # where some are found
    native = "holds" if resolve("auto") == "native" else "skipped"
    assert states.pop("engine native") == states.pop("stages native") == native
    assert set(states.values()) == {"holds"}
    assert set(states) == {"weights", "eager", "tape", "plan", "engine numpy", "stages numpy", "tasks"}


def test_a_weight_changed_by_a_thousandth(lite: verify.Workspace) -> None:
    name = "encoder/block7/project/kernel"

    def change(kernel):
        kernel = kernel.copy()
        kernel[3, 0, 0, 5] += np.float16(1e-3)
        return kernel

    changed = with_weights(lite, name, change)
    assert mismatch(verify.weights_as_released, changed).where == f"lite.h5: {name}"
    assert mismatch(verify.eager_as_recorded, changed).where == "lite: encoder/block7/project"


def test_a_transposed_kernel(lite: verify.Workspace) -> None:
    changed = with_weights(lite, "encoder/block4/depthwise/kernel", lambda kernel: kernel.transpose(1, 0, 2))
    found = mismatch(verify.eager_as_recorded, changed)
    assert found.where == "lite: encoder/block4/depthwise"
    assert "off by up to" in found.text


def test_a_plan_rule_off_by_one(lite: verify.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = rules.RULES["resize_add"]

    def off_by_one(steps):
        return [
            step._replace(residual=steps[i - 1].out) if step.kernel == "upsample" and step.residual else step
            for i, step in enumerate(rule(steps))
        ]

    monkeypatch.setitem(rules.RULES, "resize_add", off_by_one)
    found = mismatch(verify.plan_as_tape, lite)
    # At 16x16 the step before happens to be the right one.
    assert found.where == "lite: decoder/stage32/add"
    assert "reads" in found.text


@pytest.mark.skipif(resolve("auto") != "native", reason="the native engine was not built")
def test_an_engine_with_another_weight(lite: verify.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = packing.pack_depthwise

    def rows_first(kernel, bias):
        return pack(kernel.transpose(1, 0, 2), bias) if kernel.shape[0] == 5 else pack(kernel, bias)

    monkeypatch.setattr(packing, "pack_depthwise", rows_first)
    # block3 is the first with a 5x5 kernel; its three layers are one step of the plan.
    assert mismatch(verify.native_engine, lite).where == "lite: encoder/block3/project"


def test_numpy_and_native_engines_and_tape_hold(lite: verify.Workspace) -> None:
    assert verify.tape_as_eager(lite) == "125 steps"
    found = verify.numpy_engine(lite)
    assert found.startswith("bit for bit") if blas.in_order() else "within" in found
    if resolve("auto") == "native":
        assert "1 and 2 threads" in verify.native_engine(lite)


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at one picture and one model only."""
    monkeypatch.setattr(verify, "MODELS", ("lite",))
    monkeypatch.setattr(truth, "pictures", lambda: ["hopper_small"])


def test_a_crop_with_half_pixel_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    square_of = roi.square_of

    def shifted(*arguments):
        square = square_of(*arguments)
        return square._replace(x_px=square.x_px + np.float32(0.5), y_px=square.y_px + np.float32(0.5))

    monkeypatch.setattr(roi, "square_of", shifted)
    assert mismatch(verify.stages_as_recorded, "numpy").where == "crop (crop/input, hopper_small, lite)"


def test_a_warp_with_half_pixel_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    warp_u8 = warp.warp_u8

    def shifted(image, matrix, *rest):
        a, b, c, d, e, f, *last = matrix
        return warp_u8(image, (a, b, c + (a + b) / 2 - 0.5, d, e, f + (d + e) / 2 - 0.5, *last), *rest)

    monkeypatch.setattr(warp, "warp_u8", shifted)
    assert mismatch(verify.stages_as_recorded, "numpy").where == "letterbox (detector/input, hopper_small, lite)"


def test_a_missing_sigmoid(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    monkeypatch.setattr(landmarks, "sigmoid", lambda logits, expf=None: logits)
    where = mismatch(verify.stages_as_recorded, "numpy").where
    assert where == "landmark decoding (landmarks/decoded_roi, hopper_small, lite)"


def test_the_command_names_the_first_break(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lite: verify.Workspace
) -> None:
    changed = with_weights(lite, "heatmap/bias", lambda bias: bias + np.float16(1e-3))
    monkeypatch.setattr(verify, "NETWORKS", ("lite",))
    monkeypatch.setattr(verify.Workspace, "load", lambda models: changed)
    small(monkeypatch)
    assert cli.main(["verify"]) == 1
    out = capsys.readouterr().out
    assert "weights         breaks at lite.h5: heatmap/bias" in out
    assert out.rstrip().endswith("first to break: weights at lite.h5: heatmap/bias")


def test_the_truth_is_small() -> None:
    files = list(truth.FOLDER.iterdir())
    assert sum(file.stat().st_size for file in files) < 2_000_000
    assert {file.name for file in files} == {
        "truth.h5",
        "tasks.json",
        "astronaut.png",
        "coffee.png",
        "hopper_small.png",
    }


@pytest.mark.parametrize("state", ["holds", "skipped"])
def test_last_line_says_what_was_not_checked(
    state: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    links = (verify.Check("eager", "holds"), verify.Check("engine native", state, text="it was not built"))
    monkeypatch.setattr(verify, "verify", lambda tell, models: links)
    assert cli.main(["verify"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert (
        last
        == {
            "holds": "all links hold (0 s)",
            "skipped": "all 1 links that were looked at hold (0 s); NOT CHECKED: engine native (it was not built)",
        }[state]
    )


def test_weights_of_efficientpose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made up here; the authors' own are compared where they are at hand."""
    monkeypatch.setenv("REFPOSE_WEIGHTS", str(tmp_path))
    assert not verify.converted()
    network = "efficientpose-rt-lite"
    arrays = random_weights(record(network))
    write_weights(tmp_path, network, arrays)
    assert verify.converted_weights() == f"0 of 1 networks are the published ones; nothing is known of {network}"
    name = next(iter(arrays))
    arrays[name].reshape(-1)[3] = 592.0
    write_weights(tmp_path, network, arrays)
    with pytest.raises(verify.Mismatch, match="not a trained network's"):
        verify.converted_weights()


@needs_files
def test_published_weights_of_efficientpose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tflite")
    monkeypatch.setenv("REFPOSE_WEIGHTS", str(tmp_path))
    network, arrays = convert.convert("RT.tflite", model_file("RT_LITE").read_bytes())
    write_weights(tmp_path, network, arrays)
    assert verify.converted_weights() == "1 of 1 networks are the published ones"
    name = next(iter(arrays))
    arrays = {**arrays, name: -arrays[name]}
    write_weights(tmp_path, network, arrays)
    with pytest.raises(verify.Mismatch, match=r"1 arrays differ from the published EfficientPoseRT_LITE\.tflite"):
        verify.converted_weights()


def test_the_links_of_the_other_family(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = "efficientpose-rt"
    write_weights(tmp_path, name, random_weights(record(name)))
    monkeypatch.setenv("REFPOSE_WEIGHTS", str(tmp_path))
    links = {link.name: link for link in verify.verify(models=[name])}
    assert list(links) == ["weights", "weights converted", "eager", "tape", "plan", "engine numpy", "engine native"]
    assert links["eager"].text.endswith(f"no layers of {name} are recorded")
    assert {link.state for link in links.values()} <= {"holds", "skipped"}
