"""The mask: probability, place on the image, smoothing; by hand and against recorded masks."""

from __future__ import annotations

import numpy as np
import pytest
from golden_data import assert_same, groups, load, picture

from refpose import Roi
from refpose.stages import libm, roi, segmentation


def turn(region: Roi) -> tuple[np.float32, np.float32]:
    rotation = np.float32(region.rotation)
    return np.float32(libm.cosf(rotation)), np.float32(libm.sinf(rotation))


def test_probability() -> None:
    with np.errstate(all="raise"):
        assert segmentation.probability(np.float32([-2000, 0, 300])).tolist() == [0, 0.5, 1]


def test_mask_of_the_whole_image() -> None:
    region = Roi(0.5, 0.5, 1, 1)
    square = roi.square_of(region, 64, 64)
    logits = np.random.default_rng(0).normal(0, 3, (64, 64)).astype(np.float32)
    mask = segmentation.on_image(segmentation.probability(logits), square, 64, 64, *turn(region))
    assert_same(mask, segmentation.probability(logits))


def test_mask_is_zero_outside_the_region() -> None:
    region = Roi(0.25, 0.5, 0.25, 0.25, 0.5)
    square = roi.square_of(region, 200, 200)
    mask = segmentation.on_image(
        segmentation.probability(np.full((256, 256), 9, np.float32)), square, 200, 200, *turn(region)
    )
    assert mask.shape == (200, 200)
    assert mask[100, 50] > 0.99
    assert not mask[:, 100:].any()


def test_smoothing_by_hand() -> None:
    mask, previous = np.float32([[0.5, 0.0, 1.0, 0.6]]), np.float32([[1.0, 1.0, 0.0, 0.6]])
    out = segmentation.smooth(mask, previous, 0.7)
    # one half is most uncertain; sure values stay
    assert out[0, 0] == pytest.approx(0.85)
    assert np.abs(out[0, 1:3] - mask[0, 1:3]).max() < 1e-3
    assert out[0, 3] == mask[0, 3]
    assert_same(segmentation.smooth(mask, previous, 0.0), mask)


CASES = groups("pipeline.h5", "net_segmentation")


@pytest.mark.parametrize("case", CASES)
def test_recorded_masks(case: str) -> None:
    recorded, _ = load("pipeline.h5", case)
    above, _ = load("pipeline.h5", case.split("/")[0])
    height, width = picture(case.split("/")[0]).shape[:2]
    region = Roi(*above["rect_from_detection"])
    square = roi.square_of(region, width, height)
    mask = segmentation.on_image(
        segmentation.probability(recorded["net_segmentation"]), square, width, height, *turn(region)
    )
    assert_same(mask.astype(np.float16), recorded["mask"])


def test_recorded_masks_were_found() -> None:
    assert CASES
