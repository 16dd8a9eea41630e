"""The figures of accuracy: against pycocotools' own, and against cases worked by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import tolerances

from refpose.accuracy import metrics, scores
from refpose.accuracy.annotations import read_annotations
from refpose.accuracy.results import read_results

RECORDED = np.load(Path(__file__).parent / "recorded" / "pycocotools.npz")
CASES = sorted({name.partition("/")[0] for name in RECORDED.files})


@pytest.mark.parametrize("case", CASES)
def test_average_precision_is_that_of_pycocotools(case: str, tmp_path: Path) -> None:
    data = json.loads(RECORDED[f"{case}/input"].tobytes())
    (tmp_path / "truth.json").write_text(json.dumps(data["truth"]))
    (tmp_path / "results.json").write_text(json.dumps(data["results"]))
    annotations = read_annotations(tmp_path / "truth.json")
    found = read_results(tmp_path / "results.json", annotations)
    ours = metrics.average_precision(scores.oks_input(annotations, found))
    close = {"rtol": 0, "atol": tolerances.PYCOCOTOOLS}
    np.testing.assert_allclose(ours.precision, RECORDED[f"{case}/precision"], **close)
    np.testing.assert_allclose(ours.recall, RECORDED[f"{case}/recall"], **close)
    np.testing.assert_allclose(list(ours.summary().values()), RECORDED[f"{case}/stats"], **close)


def test_the_recorded_cases_cover_what_is_special() -> None:
    data = {case: json.loads(RECORDED[f"{case}/input"].tobytes()) for case in CASES}
    truths = [a for d in data.values() for a in d["truth"]["annotations"]]
    assert any(a["iscrowd"] for a in truths)
    assert any(a["num_keypoints"] == 0 for a in truths)
    assert any(a["id"] == 0 for a in truths)
    assert any(a["area"] < 32**2 for a in truths)
    many = [r["image_id"] for r in data["many_predictions"]["results"]]
    assert max(many.count(i) for i in set(many)) > metrics.MAX_DETECTIONS
    scores = [r["score"] for r in data["ties"]["results"]]
    assert len(set(scores)) < len(scores)


def test_pck_by_hand() -> None:
    errors = [[1.0, 2.0, 2.0001, math.nan], [0.0, 9.0, 0.0, math.inf]]
    labelled = [[True, True, True, True], [True, True, False, True]]
    result = metrics.pck(errors, labelled, [10.0, 20.0], 0.2)
    assert result.correct.tolist() == [2, 1, 0, 0]
    assert result.labelled.tolist() == [2, 2, 1, 2]
    assert result.value == 3 / 7
    assert result.per_joint.tolist() == [1.0, 0.5, 0.0, 0.0]
    assert result.per_person.tolist() == [0.5, 1 / 3]
    assert result.mean_over_persons == pytest.approx(5 / 12)


def test_pck_of_nobody_is_nan() -> None:
    result = metrics.pck(np.zeros((1, 2)), np.zeros((1, 2), bool), [1.0], 0.2)
    assert math.isnan(result.value)
    assert math.isnan(result.mean_over_persons)
    assert np.isnan(result.per_joint).all()


@pytest.mark.parametrize(
    ("errors", "labelled", "sizes", "threshold", "message"),
    [
        ([[1.0]], [[True, True]], [1.0], 0.2, r"expected errors \(N, J\).*\(1, 1\), \(1, 2\), \(1,\)"),
        ([[1.0]], [[True]], [1.0, 2.0], 0.2, r"\(2,\)"),
        ([[1.0]], [[True]], [0.0], 0.2, "every size"),
        ([[1.0]], [[True]], [math.nan], 0.2, "every size"),
        ([[1.0]], [[True]], [1.0], 0.0, "the threshold"),
    ],
)
def test_pck_refuses(errors: list, labelled: list, sizes: list, threshold: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.pck(errors, labelled, sizes, threshold)


def test_torso_is_from_the_middle_of_the_shoulders_to_the_middle_of_the_hips() -> None:
    assert metrics.torso_sizes([0, 0], [4, 0], [2, 3], [6, 3]) == math.hypot(2, 3)


def test_oks_by_hand() -> None:
    truth = np.zeros((17, 2))
    found = np.zeros((2, 17, 2))
    found[1, 0] = [3.0, 4.0]
    labelled = np.zeros(17, bool)
    labelled[[0, 5]] = True
    values = metrics.oks(found, truth, labelled, 100.0, (0, 0, 10, 10))
    assert values[0] == 1.0
    # The nose is 5 pixels off, the shoulder right; sigma of the nose is 0.026.
    assert values[1] == pytest.approx((math.exp(-25 / (2 * 100 * (2 * 0.026) ** 2)) + 1) / 2)


def test_oks_without_labels_asks_how_far_outside_the_doubled_box() -> None:
    inside, outside = np.full((17, 2), 25.0), np.full((17, 2), 31.0)
    none = np.zeros(17, bool)
    values = metrics.oks([inside, outside], np.zeros((17, 2)), none, 400.0, (10, 10, 10, 10))
    assert values[0] == 1.0
    assert values[1] == pytest.approx(np.exp(-2 / (2 * 400 * (2 * metrics.COCO_SIGMAS) ** 2)).mean())


def test_perfect_and_missing_predictions() -> None:
    points = np.random.default_rng(0).uniform(0, 200, (17, 2))
    truth = metrics.OksTruth(points, np.ones(17, bool), 1e4, (0, 0, 200, 200))
    found = metrics.OksFound(points, 0.9, 4e4)
    figures = metrics.average_precision([[([truth], [found])]]).summary()
    assert {name for name, value in figures.items() if value == -1} == {"AP_medium", "AR_medium"}
    # Not quite 1: like pycocotools, precision is divided by the count plus the smallest float.
    assert [v for v in figures.values() if v != -1] == pytest.approx([1.0] * 8)
    assert metrics.average_precision([[([truth], [])]]).summary()["AP"] == 0.0
    nowhere = metrics.OksFound(np.full((17, 2), np.nan), 0.9, 0.0)
    assert metrics.average_precision([[([truth], [nowhere])]]).summary()["AR"] == 0.0


def _turn(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def test_mpjpe_and_its_alignments() -> None:
    truth = np.random.default_rng(1).normal(size=(17, 3))
    shifted = truth + np.array([0, 3, 4])
    assert metrics.mpjpe(shifted, truth) == pytest.approx(5)
    assert metrics.mpjpe(shifted, truth, "root", (11, 12)) == pytest.approx(0, abs=1e-12)
    moved = 2.5 * truth @ _turn(0.7).T + [1, 2, 3]
    assert metrics.mpjpe(moved, truth, "procrustes") == pytest.approx(0, abs=1e-12)
    assert metrics.mpjpe(truth * [-1, 1, 1], truth, "procrustes") > 0.1  # a mirror image is another pose


def test_mpjpe_leaves_out_what_is_missing() -> None:
    truth = np.zeros((4, 3))
    found = np.ones((4, 3)) * [1.0, 0.0, 0.0]
    found[1] = math.nan
    truth[2, 0] = math.nan
    assert metrics.mpjpe(found, truth) == 1.0
    assert math.isnan(metrics.mpjpe(found, truth, "root", (1,)))
    assert math.isnan(metrics.mpjpe(found, truth, "root"))
    assert math.isnan(metrics.mpjpe(found, truth, "procrustes"))
    assert math.isnan(metrics.mpjpe(np.full((4, 3), math.nan), truth))


def test_mpjpe_refuses() -> None:
    with pytest.raises(ValueError, match=r"expected two arrays \(J, 3\), found \(2, 3\) and \(3, 3\)"):
        metrics.mpjpe(np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="align must be None, 'root' or 'procrustes', found 'hip'"):
        metrics.mpjpe(np.zeros((2, 3)), np.zeros((2, 3)), "hip")
