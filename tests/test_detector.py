"""The detector's stages: anchors, decoding, blending, letterbox; by hand and against recorded detections."""

from __future__ import annotations

import numpy as np
import pytest
from golden_data import assert_same, detection_array, load, picture, pictures

from refpose.stages import detector, libm, roi, warp


def row(score: float, left: float, top: float, width: float, height: float, *points: float) -> np.ndarray:
    return np.array([score, left, top, width, height, *(points or np.zeros(8))], np.float32)


def outputs(**logits: float) -> tuple[np.ndarray, np.ndarray]:
    """Raw outputs that are zero, and far below any threshold, except for some anchors ("a" + index)."""
    boxes, scores = np.zeros((2254, 12), np.float32), np.full(2254, -50, np.float32)
    for name, logit in logits.items():
        scores[int(name[1:])] = logit
    return boxes, scores


def test_anchors() -> None:
    anchors = detector.anchors()
    assert anchors.shape == (2254, 2)
    assert anchors.dtype == np.float32
    assert not anchors.flags.writeable
    assert_same(anchors[:4], np.float32([[0.5 / 28, 0.5 / 28]] * 2 + [[1.5 / 28, 0.5 / 28]] * 2))
    assert_same(anchors[28 * 2], np.float32([0.5 / 28, 1.5 / 28]))
    assert_same(anchors[28 * 28 * 2 :][:3], np.float32([[0.5 / 14, 0.5 / 14]] * 2 + [[1.5 / 14, 0.5 / 14]]))
    assert_same(anchors[-6:], np.float32([[6.5 / 7, 6.5 / 7]] * 6))


def test_decode_by_hand() -> None:
    boxes, scores = outputs(a0=3.0, a2253=0.0)
    boxes[2253] = [22.4, -11.2, 56, 112, 0, 0, 22.4, 0, 0, 22.4, 2.24, -2.24]
    rows = detector.decode(boxes, scores)
    assert rows.shape == (2, 13)
    assert rows[1, 0] == 0.5  # reaches the threshold
    ax = ay = np.float32(6.5 / 7)
    expected = [ax + 0.1 - 0.125, ay - 0.05 - 0.25, 0.25, 0.5, ax, ay, ax + 0.1, ay, ax, ay + 0.1, ax + 0.01, ay - 0.01]
    assert np.abs(rows[1, 1:] - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("threshold", "count"), [(0.5, 1), (0.6, 0), (0.0, 2254), (-1, 2254), (1.1, 0), (np.nan, 2254)]
)
def test_threshold(threshold: float, count: int) -> None:
    boxes, scores = outputs(a7=0.1)
    assert len(detector.decode(boxes, scores, threshold)) == count


def test_boxes_of_negative_or_undefined_size_are_dropped() -> None:
    boxes, scores = outputs(a1=5, a2=5, a3=5)
    boxes[1, 2], boxes[2, 3] = -1, np.nan
    assert len(detector.decode(boxes, scores)) == 1


def test_scores_are_clipped_before_the_exponential() -> None:
    boxes, scores = outputs(a0=1e30)
    scores[1] = -1e30
    rows = detector.decode(boxes, scores, 0.0)
    assert rows[0, 0] == 1
    assert rows[1, 0] == np.float32(1) / (np.float32(1) + libm.expf(np.float32(100)))


def test_overlap_by_hand() -> None:
    one = row(1, 0, 0, 2, 2)
    rows = np.stack([one, row(1, 1, 0, 2, 2), row(1, 2, 2, 1, 1), row(1, 5, 5, 1, 1), row(1, 0, 0, 0, 0)])
    assert detector.overlap(rows, one).tolist() == [1, np.float32(2 / 6), 0, 0, 0]
    assert detector.overlap(rows[4:], rows[4]).tolist() == [0]


def test_blend_by_hand() -> None:
    first = row(0.6, 0, 0, 1, 1, *range(8))
    best = row(0.8, 0.1, 0, 1, 1, *range(10, 18))
    other = row(0.7, 3, 3, 1, 1, *range(20, 28))
    people = list(detector.weighted_nms(np.stack([first, other, best])))
    assert len(people) == 2
    assert people[0][0] == best[0]
    weights = np.array([0.8, 0.6]) / 1.4
    assert people[0][1:] == pytest.approx(weights @ np.stack([best, first])[:, 1:], abs=1e-5)
    assert people[1] == pytest.approx(other, abs=1e-5)


def test_blend_of_nothing_and_of_a_box_without_area() -> None:
    assert list(detector.weighted_nms(np.empty((0, 13), np.float32))) == []
    flat = row(0.9, 0.5, 0.5, 0, 0)
    (alone,) = detector.weighted_nms(flat[None])
    assert_same(alone, flat)


def test_equal_scores_keep_the_order_of_the_anchors() -> None:
    rows = np.stack([row(1, 3 * k, 0, 1, 1) for k in range(5)])
    assert [float(person[1]) for person in detector.weighted_nms(rows)] == [0, 3, 6, 9, 12]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 300), (300, 1), (224, 224), (7, 5)])
def test_letterbox_of_odd_sizes(height: int, width: int) -> None:
    image = np.full((height, width, 3), 255, np.uint8)
    x = detector.letterbox(image)
    assert x.shape == (224, 224, 3)
    assert x.min() >= -1
    assert x[112, 112] == pytest.approx(1, abs=1e-6) or min(height, width) == 1


@pytest.mark.parametrize("name", pictures())
def test_recorded_detections(name: str) -> None:
    recorded, found = load("pipeline.h5", name)
    image = picture(name)
    height, width = image.shape[:2]
    x = detector.letterbox(image)
    assert_same(x, warp.scale_u8(recorded["det_input_u8"], detector.BLAZEPOSE.scale, detector.BLAZEPOSE.offset))
    if not found["detected"]:
        assert not len(recorded["detections_raw"])
        return
    assert_same(np.array(roi.whole_image(width, height).letterbox), recorded["det_letterbox"])
    candidates = recorded["detections_raw"]
    assert_same(np.stack(list(detector.weighted_nms(candidates))), recorded["detections_nms"])
    rows = [detector.remove_padding(row, width, height) for row in detector.weighted_nms(candidates)]
    people = [detector.detection(row, candidates.copy()) for row in rows]
    assert_same(np.stack([detection_array(person) for person in people]), recorded["detections"])
