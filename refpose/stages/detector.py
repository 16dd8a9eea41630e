"""The person detector: image -> letterboxed network input -> anchors -> candidates -> people.

Follows MediaPipe's ``pose_detection_cpu.pbtxt``: ``ssd_anchors_calculator.cc``,
``tensors_to_detections_calculator.cc``, ``non_max_suppression_calculator.cc`` (weighted), and
``detection_letterbox_removal_calculator.cc``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from . import libm, warp
from .libm import FloatArray, f32
from .roi import remove_letterbox, whole_image

INPUT_SIZE = 224  # pixels, pose_detection_cpu.pbtxt
MIN_OVERLAP = 0.3  # pose_detection_cpu.pbtxt: min_suppression_threshold
TASKS_MIN_OVERLAP = 0.5  # tasks/cc/vision/pose_detector/proto/pose_detector_graph_options.proto
SCORE_LIMIT = 100.0  # pose_detection_cpu.pbtxt: score_clipping_thresh
# Grids of the output layers and anchors per cell: strides 8, 16, and three layers of 32; two anchors per layer.
GRIDS = ((28, 2), (14, 2), (7, 6))


class DetectorModel(NamedTuple):
    """What must be known of a detector network besides its weights.

    Attributes
    ----------
    input_size : int
        Side of its square input in pixels.
    scale, offset : float32
        ``byte * scale + offset`` is what the network is fed.
    fused : bool
        Whether that is rounded once, see `refpose.stages.warp.scale_u8`.
    grids : tuple of (int, int)
        Cells along a side and anchors per cell of each grid.
    score_limit : float
        Logits beyond are cut off.
    """

    input_size: int = INPUT_SIZE
    scale: np.float32 = f32(2 / 255)
    offset: np.float32 = f32(-1)
    fused: bool = True
    grids: tuple[tuple[int, int], ...] = GRIDS
    score_limit: float = SCORE_LIMIT


BLAZEPOSE = DetectorModel()


@dataclass(frozen=True, eq=False)
class Detection:
    """A person found by the detector.

    Attributes
    ----------
    score : float
        Probability, 0..1.
    box_n : ndarray of float32, shape (4,)
        Box around the head: left, top, width, height in fractions of image width and height.
    keypoints_n : ndarray of float32, shape (4, 2)
        x, y in fractions of image width and height: middle of the hips, whole-body circle point, middle of the
        shoulders, upper-body circle point. BlazePose uses the first two.
    candidates_sq : ndarray of float32, shape (n, 13)
        All anchors above the threshold as `decode` gives them, on the letterboxed square.
    """

    score: float
    box_n: FloatArray
    keypoints_n: FloatArray
    candidates_sq: FloatArray

    def __repr__(self) -> str:
        return f"Detection(score={self.score:.6g}, box_n={self.box_n}, {len(self.candidates_sq)} candidates)"


def letterbox(
    image: warp.ByteArray,
    model: DetectorModel = BLAZEPOSE,
    warp_f32: Callable[..., FloatArray] = warp.warp_f32,
    rotation_degrees: int = 0,
    mirrored: bool = True,
) -> FloatArray:
    """The detector's input: the image in a square, black outside, reduced without any filter.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB, C-contiguous.
    model : DetectorModel
    warp_f32 : function
        The engine's `refpose.stages.warp.warp_f32`.
    rotation_degrees : int
        As for `refpose.stages.roi.whole_image`.
    mirrored : bool
        As for `refpose.stages.roi.Square.corners_px`.

    Returns
    -------
    ndarray of float32, shape (224, 224, 3)
        -1..1
    """
    height, width = image.shape[:2]
    matrix = whole_image(width, height, rotation_degrees).crop_matrix(model.input_size, mirrored=mirrored)
    return warp_f32(image, matrix, model.input_size, "constant", model.scale, model.offset, model.fused)


@lru_cache(maxsize=4)
def anchors(model: DetectorModel = BLAZEPOSE) -> FloatArray:
    """Centres of the 2254 anchors; all are 1 wide and high (``ssd_anchors_calculator.cc``, fixed_anchor_size).

    Parameters
    ----------
    model : DetectorModel

    Returns
    -------
    ndarray of float32, shape (2254, 2), read-only
        x, y on the letterboxed square, 0..1.
    """
    layers = []
    for n, per_cell in model.grids:
        centre = ((np.arange(n) + 0.5) / n).astype(f32)
        y, x = np.meshgrid(centre, centre, indexing="ij")
        layers.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), per_cell, axis=0))
    table = np.concatenate(layers)
    table.setflags(write=False)
    return table


def decode(
    boxes: FloatArray,
    logits: FloatArray,
    min_score: float = 0.5,
    model: DetectorModel = BLAZEPOSE,
    expf: Callable[[FloatArray], FloatArray] = libm.expf,
) -> FloatArray:
    """Candidates: the anchors whose score reaches the threshold, decoded.

    Parameters
    ----------
    boxes : ndarray of float32, shape (2254, 12)
        Network output: centre x, y, width, height, four key points x, y; pixels of the input from the anchor's centre.
    logits : ndarray of float32, shape (2254,)
        Network output.
    min_score : float
        Threshold, 0..1. NaN keeps every anchor, as in MediaPipe.
    model : DetectorModel
    expf : function
        The engine's `refpose.stages.libm.expf`.

    Returns
    -------
    ndarray of float32, shape (n, 13)
        Score, left, top, width, height, four key points x, y; fractions of the letterboxed square. In the order of the
        anchors.
    """
    one = f32(1)
    score = one / (one + expf(-np.clip(logits, f32(-model.score_limit), f32(model.score_limit))))
    with np.errstate(over="ignore"):
        kept = np.flatnonzero(~(score < f32(min_score)))
    relative = boxes[kept] / f32(model.input_size)
    anchor = anchors(model)[kept]
    centre, half = relative[:, :2] + anchor, relative[:, 2:4] / f32(2)
    low = centre - half
    rows = np.empty((len(kept), 13), f32)
    rows[:, 0] = score[kept]
    rows[:, 1:3] = low
    rows[:, 3:5] = (centre + half) - low
    rows[:, 5:] = relative[:, 4:] + np.tile(anchor, 4)
    return rows[(rows[:, 3] >= 0) & (rows[:, 4] >= 0)]


def _corners(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    low = rows[:, 1:3]
    return low, low + rows[:, 3:5]


def overlap(rows: FloatArray, row: FloatArray) -> FloatArray:
    """Intersection over union of boxes with one box.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, 13)
    row : ndarray of float32, shape (13,)

    Returns
    -------
    ndarray of float32, shape (n,)
        0..1; 0 where the union has no area.
    """
    (low, high), (low_1, high_1) = _corners(rows), _corners(row[None])
    sides = np.minimum(high, high_1) - np.maximum(low, low_1)
    inter = np.where((sides >= 0).all(axis=1), sides[:, 0] * sides[:, 1], f32(0))
    extent, extent_1 = high - low, high_1 - low_1
    union = extent[:, 0] * extent[:, 1] + extent_1[:, 0] * extent_1[:, 1] - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def weighted_nms(candidates: FloatArray, min_overlap: float = MIN_OVERLAP) -> Iterator[FloatArray]:
    """People among the candidates, the surest first (``non_max_suppression_calculator.cc``: WEIGHTED).

    A person is the candidate with the highest score, its places replaced by the score-weighted mean over all
    candidates that overlap it. For one person nothing is suppressed: take the first item. The following ones are made
    of what is left (weighted non-maximum suppression).

    Parameters
    ----------
    candidates : ndarray of float32, shape (n, 13)
        As `decode` gives them; of equal scores the lower index comes first.
    min_overlap : float
        Intersection over union above which two boxes show one person.

    Yields
    ------
    ndarray of float32, shape (13,)
        Score of the best candidate, mean box and mean key points; same frame as the candidates. Where all scores are
        0, the means are not numbers.
    """
    left = candidates[np.argsort(-candidates[:, 0], kind="stable")]
    while len(left):
        head = left[0]
        near = overlap(left, head) > f32(min_overlap)
        if not near.any():  # a box without area overlaps nothing, not even itself
            yield head
            return
        members = left[near]
        score = members[:, :1]
        low, high = _corners(members)
        places = np.concatenate([low, high, members[:, 5:]], axis=1) * score
        # accumulate adds one row after the other, which `sum` need not do
        with np.errstate(invalid="ignore"):
            mean = np.add.accumulate(places)[-1] / np.add.accumulate(score)[-1]
        yield np.concatenate([head[:1], mean[:2], mean[2:4] - mean[:2], mean[4:]])
        left = left[~near]


def remove_padding(row: FloatArray, width: int, height: int, rotation_degrees: int = 0) -> FloatArray:
    """A detection on the letterboxed square -> the same on the image.

    Parameters
    ----------
    row : ndarray of float32, shape (13,)
        Fractions of the square.
    width, height : int
        Image size in pixels.
    rotation_degrees : int
        As for `refpose.stages.roi.whole_image`. Places are not turned back, as in MediaPipe Tasks.

    Returns
    -------
    ndarray of float32, shape (13,)
        Fractions of image width and height.
    """
    padding = whole_image(width, height, rotation_degrees).letterbox
    points = remove_letterbox(row[1:].reshape(6, 2), padding)
    left, top, right, bottom = padding
    # the second pair is the box's extent, which is scaled but not shifted
    points[1] = row[3:5] / np.array((f32(1) - (left + right), f32(1) - (top + bottom)), f32)
    return np.concatenate([row[:1], points.reshape(-1)])


def detection(row_n: FloatArray, candidates_sq: FloatArray) -> Detection:
    """A detection as its users see it.

    Parameters
    ----------
    row_n : ndarray of float32, shape (13,)
        As `remove_padding` gives it.
    candidates_sq : ndarray of float32, shape (n, 13)
        As `decode` gives them.
    """
    row_n.setflags(write=False)
    candidates_sq.setflags(write=False)
    return Detection(float(row_n[0]), row_n[1:5], row_n[5:].reshape(4, 2), candidates_sq)
