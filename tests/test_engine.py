"""Networks as they are loaded and run: the quick NumPy engine's closeness, arguments, several outputs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from golden_data import MODELS, exact_engines, load, picture, pictures
from tolerances import NUMPY_ENGINE, NUMPY_ENGINE_OTHER_ORDER, NUMPY_ENGINE_PICTURES

from refpose import Pose
from refpose.engine import Network, blas, load_network
from refpose.engine.network import run_unfinished
from refpose.networks import ops
from refpose.stages import detector, landmarks, warp

EXACT = exact_engines()[-1]
CLOSE = NUMPY_ENGINE if blas.in_order() else NUMPY_ENGINE_OTHER_ORDER


@lru_cache(maxsize=2)
def network(name: str, engine: str) -> Network:
    return load_network(name, engine)


PICTURES = [
    pytest.param(name, marks=() if name in ("astronaut", "grace_hopper") else pytest.mark.full) for name in pictures()
]


EVERY = {"lite": 1, "full": 3, "heavy": 3}  # the large networks take longer, and see some of the pictures
CROPS = [
    pytest.param(*picture.values, model, marks=picture.marks)
    for model in MODELS
    for picture in PICTURES[:: EVERY[model]]
]


@pytest.mark.parametrize(("name", "model"), CROPS)
def test_numpy_engine_on_recorded_crops(name: str, model: str) -> None:
    above, _ = load("pipeline.h5", name)
    if "roi_input_u8" not in above:
        pytest.skip(f"{name} shows nobody, so there is no crop")
    recorded, _ = load("pipeline.h5", f"{name}/c{MODELS[model]}")
    x = warp.scale_u8(above["roi_input_u8"], landmarks.BLAZEPOSE.scale, landmarks.BLAZEPOSE.offset)
    found = network(model, "numpy")(x)
    for output, value in found.items():
        key = output if output == "presence" else f"net_{output}"
        if key in recorded:
            difference = np.abs(value - np.reshape(recorded[key], value.shape)).max()
            assert difference <= CLOSE[output], output


@pytest.mark.parametrize("name", PICTURES)
def test_numpy_engine_on_recorded_detector_inputs(name: str) -> None:
    """The exact engine's raw outputs are what MediaPipe's recorded detections come from (test_golden_pictures)."""
    above, _ = load("pipeline.h5", name)
    x = warp.scale_u8(above["det_input_u8"], detector.BLAZEPOSE.scale, detector.BLAZEPOSE.offset)
    found, exact = (network("detector", engine)(x) for engine in ("numpy", EXACT))
    for output, value in found.items():
        assert np.abs(value - exact[output]).max() <= CLOSE[output], output


@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_blas_filters_planes(in_order: bool, size: int, stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of the depthwise convolution, any number of channels, any size: in float64 it is the exact one."""
    rng = np.random.default_rng(size + stride)
    for rows, channels in ((1, 1), (2, 7), (9, 11), (16, 24), (33, 16)):
        x = rng.standard_normal((rows, rows, channels)).astype(np.float32)
        kernel = rng.standard_normal((size, size, channels)).astype(np.float16).astype(np.float32)
        bias = rng.standard_normal(channels).astype(np.float32)
        total = max((-(-rows // stride) - 1) * stride + size - rows, 0)
        window = {"stride": stride, "pad": (total // 2, total - total // 2)}
        expected = ops.depthwise(x, kernel, bias, **window)  # type: ignore[arg-type]
        with monkeypatch.context() as patch:
            patch.setattr(blas, "in_order", lambda: in_order)
            found = blas.depthwise(x, kernel, bias, **window)  # type: ignore[arg-type]
        if in_order:
            assert np.abs(found - expected).max() < 1e-5
        else:
            assert np.array_equal(found, expected)


@pytest.mark.parametrize("depth", [1, 319, 320, 900])
def test_blas_adds_up_deep_sums(depth: int) -> None:
    rng = np.random.default_rng(depth)
    for rows, outputs in ((1, 1), (3, 2), (4, 65), (5, 200)):
        x = rng.standard_normal((rows, rows, depth)).astype(np.float32)
        kernel = rng.standard_normal((outputs, 1, 1, depth)).astype(np.float16).astype(np.float32)
        bias = rng.standard_normal(outputs).astype(np.float32)
        difference = np.abs(blas.pointwise(x, kernel, bias) - ops.pointwise(x, kernel, bias)).max()
        assert difference <= (0 if blas.in_order() else 1e-3)


@pytest.mark.full
@pytest.mark.parametrize("model", MODELS)
def test_numpy_engine_on_pictures(model: str) -> None:
    pose = Pose(model, mode="image", engine="numpy")  # type: ignore[arg-type]
    differences = []
    for name in pictures()[:: EVERY[model]]:
        recorded, how = load("pipeline.h5", f"{name}/c{MODELS[model]}")
        people = pose.process(picture(name))
        assert len(people) == how["found"], name
        for person in people:
            differences.append(np.abs(person.landmarks[:, :2] - recorded["landmarks"][:, :2]))
    median, high = np.percentile(differences, (50, 99))
    assert median <= NUMPY_ENGINE_PICTURES[0]
    assert high <= NUMPY_ENGINE_PICTURES[1]


@pytest.mark.parametrize("engine", sorted({"numpy", EXACT}))
def test_some_outputs_are_those_of_all(engine: str) -> None:
    net = network("lite", engine)
    x = np.random.default_rng(0).random(net.input_shape, np.float32)
    everything = net(x)
    assert list(everything) == list(net.output_names)
    for wanted in (("world",), ("segmentation", "presence"), tuple(reversed(net.output_names))):
        some = net(x, wanted)
        assert list(some) == list(wanted)
        for name, value in some.items():
            assert value.shape == everything[name].shape
            assert np.array_equal(value, everything[name]), name


@pytest.mark.parametrize(("model", "engine"), [("lite", "numpy"), *((model, EXACT) for model in MODELS)])
def test_an_output_before_its_last_layer(model: str, engine: str) -> None:
    """Whoever sums the last layer up themselves has its bits; the other outputs are as they were."""
    x = np.random.default_rng(5).random((256, 256, 3), np.float32)
    names = ("landmarks", "heatmap", "world")
    for threads in (1, 2) if engine == "native" else (1,):
        network = load_network(model, engine, threads)
        expected, found = network(x, names), run_unfinished(network, x, names, "heatmap")
        assert tuple(found) == names
        if engine == "native":
            before, kernel, bias = found["heatmap"]
            assert before.shape[:2] == (64, 64)
            found["heatmap"] = ops.conv(before, kernel.reshape(39, 1, 1, -1), bias)
        for name in names:
            assert np.array_equal(found[name], expected[name])
    with pytest.raises(ValueError, match="the input must have shape"):
        run_unfinished(network, x[:5], names, "heatmap")
    with pytest.raises(ValueError, match="has no output 'nose'"):
        run_unfinished(network, x, ("nose",), "heatmap")


def test_trace_names_every_layer() -> None:
    net = network("lite", "numpy")
    x = np.random.default_rng(0).random(net.input_shape, np.float32)
    traced = dict(net.trace(x))
    assert list(traced) == [layer.name for layer in net.layers]
    assert all(traced[layer.name].shape == layer.output_shape for layer in net.layers)
    assert np.array_equal(traced["heatmap"], net(x)["heatmap"])
    assert sum(layer.parameters for layer in net.layers) == net.tape.parameters


@pytest.mark.parametrize("engine", sorted({"numpy", EXACT}))
def test_bad_inputs(engine: str) -> None:
    net = network("lite", engine)
    x = np.zeros(net.input_shape, np.float32)
    for bad in (x.astype(np.float64), x.astype(np.uint8), x.tolist(), None):
        with pytest.raises(TypeError, match="lite: the input must be a float32 array, found"):
            net(bad)  # type: ignore[arg-type]
    for shaped in (x[None], x[:-1], x[..., :2], x[:0]):
        with pytest.raises(ValueError, match=r"lite: the input must have shape \(256, 256, 3\), found"):
            net(shaped)
    with pytest.raises(ValueError, match="lite has no output 'mask', only landmarks, presence"):
        net(x, ("mask",))


def test_inputs_of_any_layout() -> None:
    net = network("lite", EXACT)
    x = np.random.default_rng(0).random(net.input_shape, np.float32)
    expected = net(x, ("world",))["world"]
    fixed = x.copy()
    fixed.flags.writeable = False
    for same in (np.asfortranarray(x), fixed, np.repeat(x, 2, axis=1)[:, ::2], x[::-1].copy()[::-1]):
        assert np.array_equal(net(same, ("world",))["world"], expected)


def test_names_that_do_not_exist() -> None:
    with pytest.raises(ValueError, match="no network 'huge'"):
        load_network("huge")
    with pytest.raises(ValueError, match="no engine 'cuda'"):
        load_network("lite", "cuda")
    for threads in (0, -1, 1000, 1.5):
        with pytest.raises((TypeError, ValueError), match="threads must be"):
            load_network("lite", threads=threads)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="no weights file"):
        load_network("lite", path="absent.h5")


def test_repr() -> None:
    assert repr(network("lite", "numpy")) == "Network(name='lite', engine='numpy', input_shape=(256, 256, 3))"
