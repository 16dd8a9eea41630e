"""refpose compare: planted mistakes are found where they were made, and named."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from refpose import Pose, cli, load_network
from refpose.engine import resolve
from refpose.images import read_image
from refpose.networks import ops
from refpose.study import compare, mistakes
from refpose.study.explain import Explanation, Keep, quantities_of

ENGINE = resolve("auto")
PICTURE = "hopper_small"  # not square, the person lies on the side and is small: nothing cancels out


@pytest.fixture(scope="module")
def picture(root: Path) -> Path:
    return root / "tests" / "golden" / "images" / f"{PICTURE}.png"


@pytest.fixture(scope="module")
def image(picture: Path):
    return read_image(picture)


@pytest.fixture(scope="module")
def explanation(image) -> Explanation:
    return Pose(mode="image", engine=ENGINE).explain(image)


@pytest.fixture(scope="module")
def run(image):
    """Compare, with the networks loaded once."""
    pose = Pose("full", "image", engine=ENGINE)
    return lambda theirs: compare.judge(theirs, image, pose)


def test_equal(run, explanation: Explanation) -> None:
    found = run(explanation)
    assert found.first is None
    assert {row.state for row in found.rows} == {"equal"}
    # Why a region was looked at is refpose's own, and nothing to compare.
    assert [row.name for row in found.rows] == [name for name in explanation if not name.startswith("tracker/")]
    assert str(found).endswith("no stage differs")


CHOICES = [
    (stage, option, value, text)
    for stage, options in mistakes.OPTIONS.items()
    for option, values in options.items()
    for value, text in values.items()
    if (stage, option, value) != ("refinement", "window", "9")
    # The scores of this picture's candidates are nearly equal: weighted or not, the mean is the same within the noise.
    and (stage, value) != ("weighted NMS", "equal")
]


class Plant(Keep):
    """Keeps what the pipeline gives with a mistake made."""

    def __init__(self, model: str, stage: str, options: dict[str, str]) -> None:
        super().__init__(quantities_of(model))
        self.stage, self.options = stage, options

    def _function(self, name: str, function):
        if self.quantities[name].stage != self.stage:
            return function
        return mistakes.mistaken(self.stage, self.options, function)

    def __call__(self, names, function, *arguments):
        first = names if isinstance(names, str) else (names or ("image",))[0]
        return super().__call__(names, self._function(first, function), *arguments)

    def each(self, name, function, *arguments):
        return super().each(name, self._function(name, function), *arguments)

    def person(self, index: int) -> Plant:
        return self


@pytest.mark.parametrize(("stage", "option", "value", "text"), CHOICES, ids=lambda value: str(value)[:20])
def test_every_mistake_that_is_tried_is_told_from_the_others(
    run, image, stage: str, option: str, value: str, text: str
) -> None:
    plant = Plant("full", stage, {option: value})
    Pose("full", "image", engine=ENGINE).compute(plant, image)
    quantities = plant.quantities
    first = run({name: array for name, array in plant.arrays.items() if quantities[name].stage == stage}).first
    assert first is not None
    assert first.stage == stage
    assert first.causes == (text,)
    assert first.explained > 0.99


def resized(image, size):
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)).astype(np.float32)


def test_squashed_by_another_library(run, image) -> None:
    first = run({"detector/input": resized(image, (224, 224)) / 127.5 - 1}).first
    assert first.stage == "letterbox"
    assert "squashed instead of letterboxed" in "; ".join(first.causes)


def test_squashed_unscaled_and_bgr_at_once(run, image) -> None:
    first = run({"detector/input": resized(image, (224, 224))[:, :, ::-1]}).first
    text = "; ".join(first.causes)
    assert "squashed" in text
    assert "blue, green, red" in text
    assert "0..255" in text


def test_crop_without_rotation_by_another_library(run, image, explanation: Explanation) -> None:
    x, y, w, h, _ = explanation["roi/crop_n"].astype(float) * (640, 480, 640, 480, 1)
    quad = (x - w / 2, y - h / 2, x - w / 2, y + h / 2, x + w / 2, y + h / 2, x + w / 2, y - h / 2)
    crop = Image.fromarray(image).transform((256, 256), Image.Transform.QUAD, quad, Image.Resampling.BILINEAR)
    first = run({"roi/crop_n": explanation["roi/crop_n"], "crop/input": np.asarray(crop) / 255}).first
    assert first.stage == "crop"
    assert "no rotation: the crop is upright" in first.causes


def test_float_bilinear_written_out(run, image, explanation: Explanation) -> None:
    column, row = np.meshgrid(np.arange(256.0), np.arange(256.0))
    x, y, depth = np.tensordot(explanation["crop/matrix"], np.stack([column, row, np.ones_like(row)]), 1)
    x, y = np.clip(x / depth, 0, 639), np.clip(y / depth, 0, 479)
    left, top = np.minimum(x.astype(int), 638), np.minimum(y.astype(int), 478)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    pixels = image.astype(float)
    upper = pixels[top, left] * (1 - fx) + pixels[top, left + 1] * fx
    lower = pixels[top + 1, left] * (1 - fx) + pixels[top + 1, left + 1] * fx
    crop = (upper * (1 - fy) + lower * fy) / 255
    first = run({"crop/input": crop.astype(np.float32)}).first
    assert first.stage == "crop"
    assert "float bilinear instead of fixed-point" in first.causes[0]


def test_window_of_the_graph(run, image) -> None:
    theirs = Pose(mode="image", engine=ENGINE, refinement_window=7).explain(image)
    first = run(theirs).first
    assert (first.name, first.causes) == ("landmarks/refined_roi", ("window of 7 cells instead of 9",))


def test_a_later_result_alone_leads_back_to_the_stage(run, image) -> None:
    theirs = Pose(mode="image", engine=ENGINE, refinement_window=7).explain(image)
    first = run({"result/landmarks_n": theirs["result/landmarks_n"]}).first
    assert first.causes == ("window of 7 cells instead of 9 (in an earlier stage: refinement)",)


def test_one_mistake_in_both_crops(astronaut: Path) -> None:
    image = read_image(astronaut)
    theirs = Pose(mode="image", engine=ENGINE).explain(np.ascontiguousarray(image[:, :, ::-1]))
    first = compare.compare({"result/landmarks_n": theirs["result/landmarks_n"]}, image, engine=ENGINE).first
    text = "channels in the order blue, green, red instead of red, green, blue (in an earlier stage: "
    assert first.causes == (f"{text}letterbox)", f"{text}crop)")


def test_a_mistake_does_not_show_in_what_follows(run, explanation: Explanation, image) -> None:
    """What follows a stage is judged by what was handed over for it."""
    theirs = {name: explanation[name] for name in ("detector/input", "detector/boxes", "detector/scores")}
    rows = explanation["detector/candidates_sq"].copy()
    rows[:, 5:] += 0.01
    theirs["detector/candidates_sq"] = rows
    theirs["detector/blend_sq"] = explanation["detector/blend_sq"] + np.float32([0] * 5 + [0.01] * 8)
    states = {row.name: row.state for row in run(theirs).rows}
    assert states["detector/candidates_sq"] == "differs"
    assert states["detector/blend_sq"] in ("close", "equal")


def test_another_number_of_candidates(run, explanation: Explanation) -> None:
    rows = explanation["detector/candidates_sq"]
    first = run({"detector/candidates_sq": rows[:-1]}).first
    assert first.remark.endswith(f"{len(rows) - 1} candidates, refpose has {len(rows)}")
    assert run({"detector/candidates_sq": rows[::-1]}).first is None


def test_an_unknown_mistake_is_not_blamed_on_a_known_one(run, explanation: Explanation) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, (256, 256, 3))
    found = run({"crop/input": explanation["crop/input"] + noise})
    assert found.first.causes == ()
    assert "none of the mistakes that were tried" in str(found)


def rotated(points, cos, sin, centre=0.5):
    """x, y turned around the middle of the crop."""
    u, v = points[:, 0] - centre, points[:, 1] - centre
    return np.stack([cos * u - sin * v, sin * u + cos * v], axis=1)


def written_out(e: Explanation) -> dict[str, tuple[dict[str, np.ndarray], str]]:
    """Mistakes as somebody would make them, in formulas of their own."""
    logits, rows = e["detector/scores"], e["network/landmarks"][:35]
    x, y, w, h, angle = e["roi/tight_n"].astype(float)
    region = e["roi/crop_n"].astype(float)
    decoded, refined = e["landmarks/decoded_roi"], e["landmarks/refined_roi"]
    cos, sin = np.cos(region[4]), np.sin(region[4])
    place = rotated(refined, cos, -sin) * region[2:4] + region[:2]
    best = e["detector/candidates_sq"][np.argmax(e["detector/candidates_sq"][:, 0])]
    grid = np.repeat([1 / 28, 1 / 14, 1 / 7], [28 * 28 * 2, 14 * 14 * 2, 7 * 7 * 6])[:, None]
    kept = logits >= 0
    corner = e["detector/candidates_sq"].copy()
    corner[:, 1:3] -= (grid / 2)[kept]
    corner[:, 5:] -= (grid / 2)[kept]
    wide = np.concatenate([place, refined[:, 2:3] * region[2], refined[:, 3:]], axis=1)
    unsquashed = np.concatenate([rows[:, :3] / 256, rows[:, 3:]], axis=1)
    smaller = np.array([x, y, w * 1.5, h * 1.5, angle])
    upright = np.array([x, y, w, h, 0.0])
    turned = e["network/world"][:33].copy()
    mask = e["network/segmentation"]
    return {
        "range of the input": ({"detector/input": (e["detector/input"] + 1) / 2}, "values 0..1 instead of -1..1"),
        "plain NMS": ({"detector/blend_sq": best}, "plain non-maximum suppression"),
        "anchors at corners": ({"detector/candidates_sq": corner}, "anchors at the corners of cells"),
        "upright region": ({"roi/tight_n": upright}, "no rotation: the region is upright"),
        "another factor": ({"roi/crop_n": smaller}, "enlarged by 1.5 instead of 1.25"),
        "crop -1..1": ({"crop/input": e["crop/input"] * 2 - 1}, "values -1..1 instead of 0..1"),
        "no sigmoid": ({"landmarks/decoded_roi": unsquashed}, "missing sigmoid"),
        "not refined": ({"landmarks/refined_roi": decoded}, "not refined by the heat map"),
        "turned the other way": ({"landmarks/projected_n": wide}, "rotation in the wrong direction"),
        "world not turned": ({"world/turned_m": turned}, "no rotation back to the picture"),
        "mask of logits": ({"mask/probability_roi": mask}, "the mask is logits"),
        "whole pixels": (
            {"landmarks/decoded_roi": np.concatenate([np.round(rows[:, :3]) / 256, decoded[:, 3:]], axis=1)},
            "positions rounded to whole pixels of the crop",
        ),
    }


def test_mistakes_written_out(run, explanation: Explanation) -> None:
    for what, (theirs, cause) in written_out(explanation).items():
        first = run(theirs).first
        assert first is not None, what
        assert [cause in text for text in first.causes] == [True], (what, first.causes)


def test_reductions_of_another_library(run, image) -> None:
    """Means over areas, as cv2.resize makes them with INTER_AREA, and what it gives with INTER_NEAREST."""
    square = np.zeros((224, 224, 3), np.float32)
    square[28:196] = np.asarray(Image.fromarray(image).resize((224, 168), Image.Resampling.BOX))
    first = run({"detector/input": square / 127.5 - 1}).first
    assert "means over areas (INTER_AREA)" in "; ".join(first.causes)
    rows, columns = (np.arange(n) * 20 // 7 for n in (168, 224))
    square[28:196] = image[rows][:, columns]
    first = run({"detector/input": square / 127.5 - 1}).first
    assert "INTER_NEAREST" in "; ".join(first.causes)


def test_the_landmarks_alone_are_taken(run, explanation: Explanation) -> None:
    names = ("network/landmarks", "network/world", "landmarks/decoded_roi", "landmarks/projected_n")
    found = run({name: explanation[name][:33] for name in names})
    assert {row.state for row in found.rows} == {"equal"}
    assert found.rows[0].remark == "33 rows instead of 39: those behind the landmarks are refpose's"


def test_another_picture_is_suspected(run, astronaut: Path) -> None:
    other = Pose("full", "image", engine=ENGINE).explain(read_image(astronaut))
    first = run({"detector/input": other["detector/input"]}).first
    assert first.causes == ()
    assert "of another picture?" in first.remark


def test_what_was_not_handed_over_is_said(run, explanation: Explanation) -> None:
    found = run({"network/world": explanation["network/world"] + 1})
    assert found.first.own == ("crop/input",)
    assert "judged with refpose's own crop/input: not handed over" in str(found)


def test_what_is_not_finite_is_counted_and_has_no_cause(run, explanation: Explanation) -> None:
    rows = explanation["network/world"].copy()
    rows[0, 0] = np.nan
    rows[2, 1] = np.inf
    found = run({"network/world": rows, "world/turned_m": explanation["world/turned_m"]})
    assert found.first.remark == "2 of 117 values are not finite, the first at [0, 0]"
    assert (found.first.causes, found.first.differences) == ((), ())
    assert [row.state for row in found.rows] == ["differs", "equal"]
    assert "none of the mistakes" not in str(found)


def test_shapes_of_other_frameworks(run, explanation: Explanation) -> None:
    theirs = {
        "crop/input": explanation["crop/input"][None],
        "network/landmarks": explanation["network/landmarks"].reshape(1, 195),
        "network/world": explanation["network/world"].reshape(1, 117).astype(np.float64),
        "network/presence": explanation["network/presence"].reshape(1, 1),
        "network/segmentation": explanation["network/segmentation"][None, :, :, None],
        "detector/scores": explanation["detector/scores"][None, :, None],
    }
    assert {row.state for row in run(theirs).rows} == {"equal"}


@pytest.fixture(scope="module")
def trace(explanation: Explanation):
    return dict(load_network("full", "reference").trace(explanation["crop/input"]))


class TestLayers:
    """Single layers, handed over as ``activations/<network>/<layer>/output``."""

    def found(self, run, explanation: Explanation, **layers):
        theirs = {f"activations/full/{name.replace('__', '/')}/output": y for name, y in layers.items()}
        return run({"crop/input": explanation["crop/input"], **theirs})

    def test_equal_and_judged_alone(self, run, explanation: Explanation, trace) -> None:
        wrong = trace["encoder/block1/expand"] * np.float32(1.01)
        network = load_network("full", "reference")
        weights = network.weights
        name = "encoder/block1/depthwise"
        step = next(s for s in network.tape.steps if s.name == name)
        after = ops.depthwise(wrong, weights[f"{name}/kernel"], weights[f"{name}/bias"], **step.attrs)
        found = self.found(
            run,
            explanation,
            encoder__stem=trace["encoder/stem"],
            encoder__block1__expand=wrong,
            encoder__block1__depthwise=after,
        )
        states = [row.state for row in found.rows if row.name.startswith("activations")]
        assert states == ["equal", "differs", "equal"]
        assert found.first.stage == "layer encoder/block1/expand"

    @pytest.mark.parametrize(
        ("layer", "mistake", "cause"),
        [
            ("encoder/block1/expand", lambda x, k, b, f: np.maximum(f(x, k, b), 0), "ReLU instead of ReLU6"),
            ("encoder/block0/depthwise", lambda x, k, b, f: f(x, k, np.zeros_like(b), act="relu6"), "bias missing"),
            (
                "encoder/block3/depthwise",
                lambda x, k, b, f: f(x, np.ascontiguousarray(k.transpose(1, 0, 2)), b, act="relu6"),
                "kernel transposed: rows and columns exchanged",
            ),
        ],
    )
    def test_mistakes(self, run, explanation: Explanation, trace, layer: str, mistake, cause: str) -> None:
        network = load_network("full", "reference")
        step = next(s for s in network.tape.steps if s.name == layer)
        made = {s.out.index: trace[s.name] for s in network.tape.steps}
        rest = {name: value for name, value in step.attrs.items() if name != "act"}

        def function(x, kernel, bias, act=None):
            return ops.FUNCTIONS[step.op](x, kernel, bias, act=act, **rest)

        kernel, bias = network.weights[f"{layer}/kernel"], network.weights[f"{layer}/bias"]
        theirs = mistake(made[step.inputs[0].index], kernel, bias, function)
        first = self.found(run, explanation, **{layer.replace("/", "__"): theirs}).first
        assert first.causes == (cause,)

    def test_enlarged_otherwise(self, run, explanation: Explanation, trace) -> None:
        theirs = trace["decoder/stage8/pointwise"].repeat(2, 0).repeat(2, 1)
        first = self.found(run, explanation, decoder__stage16__upsample=theirs).first
        assert first.causes == ("enlarged by repeating values instead of bilinearly",)


def test_bad_input(run, explanation: Explanation) -> None:
    with pytest.raises(ValueError, match=r"crop/picture: no such quantity; known are image, detector/input"):
        run({"crop/picture": np.zeros(3)})
    with pytest.raises(
        ValueError, match=r"crop/input: expected shape \(256, 256, 3\), found \(3, 256, 256\): channels"
    ):
        run({"crop/input": explanation["crop/input"].transpose(2, 0, 1)})
    with pytest.raises(ValueError, match=r"candidates_sq: expected shape \(n, 13\), found \(8, 12\)"):
        run({"detector/candidates_sq": np.zeros((8, 12))})
    with pytest.raises(ValueError, match="expected numbers"):
        run({"roi/crop_n": np.array(["a"] * 5)})
    with pytest.raises(ValueError, match="nothing to compare"):
        run({})
    with pytest.raises(ValueError, match="no network 'half'"):
        run({"activations/half/encoder/stem/output": np.zeros(3)})
    with pytest.raises(ValueError, match="no such layer"):
        run({"activations/full/encoder/stern/output": np.zeros(3)})


def test_nobody_on_the_picture(root: Path) -> None:
    image = read_image(root / "tests" / "golden" / "images" / "coffee.png")
    found = compare.compare({"result/landmarks_n": np.zeros((33, 3))}, image, engine=ENGINE)
    assert found.first is None
    assert found.rows[0].state == "unknown"
    assert "no candidate of the detector" in str(found)


class TestCommand:
    def test_file_with_a_mistake(self, tmp_path: Path, picture: Path, explanation: Explanation, capsys) -> None:
        file = tmp_path / "mine.h5"
        with h5py.File(file, "w") as h5:
            h5["crop/input"] = explanation["crop/input"] * 2 - 1
            h5["network/presence"] = 0.5
        assert cli.main(["compare", str(file), str(picture), "--engine", ENGINE, "--json"]) == 1
        document = json.loads(capsys.readouterr().out)
        assert document["first"] == "crop/input"
        assert document["rows"][0]["causes"] == ["values -1..1 instead of 0..1"]
        assert document["rows"][0]["differences"][0]["unit"] == "grey levels"

    def test_dump_is_equal(self, tmp_path: Path, picture: Path, capsys) -> None:
        file = tmp_path / "mine.h5"
        assert cli.main(["dump", str(picture), "-o", str(file), "--engine", ENGINE, "--model", "lite"]) == 0
        assert cli.main(["compare", str(file), str(picture), "--engine", ENGINE, "--model", "lite"]) == 0
        assert "no stage differs" in capsys.readouterr().out

    def test_npz(self, tmp_path: Path, picture: Path, explanation: Explanation) -> None:
        file = tmp_path / "mine.npz"
        np.savez(file, **{"world/turned_m": explanation["world/turned_m"]})
        assert cli.main(["compare", str(file), str(picture), "--engine", ENGINE]) == 0

    def test_function(self, tmp_path: Path, picture: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
        (tmp_path / "my_port.py").write_text(
            "import numpy as np\n"
            "def run(image):\n"
            "    return {'image': image[:, :, ::-1]}\n"
            "def bad(image):\n"
            "    return image\n"
        )
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", list(sys.path))
        assert cli.main(["compare", "my_port:run", str(picture), "--engine", ENGINE]) == 1
        assert "first stage that differs: picture (image)" in capsys.readouterr().out
        assert cli.main(["compare", "my_port:bad", str(picture), "--engine", ENGINE]) == 1
        assert "expected a mapping of names to arrays" in capsys.readouterr().err
        assert cli.main(["compare", "my_port:none", str(picture)]) == 1
        assert "cannot be imported" in capsys.readouterr().err

    @pytest.mark.parametrize(("name", "content"), [("a.h5", b"no HDF5"), ("a.npz", b"PK no zip"), ("b.npz", b"")])
    def test_broken_files(self, tmp_path: Path, picture: Path, capsys, name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        assert cli.main(["compare", str(tmp_path / name), str(picture)]) == 1
        assert "neither an .h5 nor an .npz file" in capsys.readouterr().err

    def test_missing_file(self, tmp_path: Path, picture: Path, capsys) -> None:
        assert cli.main(["compare", str(tmp_path / "no.h5"), str(picture)]) == 1
        assert "no file" in capsys.readouterr().err
