"""Outputs of the landmark network -> landmarks on the image and in metres.

Follows MediaPipe's ``tensors_to_pose_landmarks_and_segmentation.pbtxt`` and ``pose_landmark_by_roi_cpu.pbtxt``:
``tensors_to_landmarks_calculator.cc``, ``refine_landmarks_from_heatmap_calculator.cc``,
``landmark_projection_calculator.cc`` (in `refpose.stages.roi`) and ``world_landmark_projection_calculator.cc``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..runner import DIRECT, Run
from . import libm
from .libm import FloatArray, f32
from .roi import Roi, Square, project, remove_letterbox

INPUT_SIZE = 256  # pixels, pose_landmark_by_roi_cpu.pbtxt
COUNT = 33  # landmarks that are given out; the network has 39 rows
AUXILIARY = slice(33, 35)  # rows that place the next region: its centre, and a point on its circle
USED = 35  # rows 35 to 38 serve nothing
# pose.py of MediaPipe loses the option kernel_size: 7 of the graph, so the calculator's default is in force.
WINDOW = 9
GRAPH_WINDOW = 7
MIN_CONFIDENCE = 0.5  # refine_landmarks_from_heatmap_calculator.proto: min_confidence_to_refine

_ONE = f32(1)


class LandmarkModel(NamedTuple):
    """What must be known of a landmark network besides its weights.

    Attributes
    ----------
    input_size : int
        Side of the crop in pixels, and of the mask.
    scale, offset : float32
        ``byte * scale + offset`` is what the network is fed.
    landmark_count : int
        Landmarks that are given out: the first rows.
    used : int
        Rows that are decoded: the landmarks and the auxiliary points behind them.
    """

    input_size: int = INPUT_SIZE
    scale: np.float32 = f32(1 / 255)
    offset: np.float32 = f32(0)
    landmark_count: int = COUNT
    used: int = USED


BLAZEPOSE = LandmarkModel()


class Landmarks(NamedTuple):
    """Landmarks in one frame of reference: position (n, 3), visibility (n,) and presence (n,), all float32."""

    position: FloatArray
    visibility: FloatArray
    presence: FloatArray


def sigmoid(logits: FloatArray, expf: Callable[[FloatArray], FloatArray] = libm.expf) -> FloatArray:
    """1/(1 + exp(-v)), every step in float32.

    Parameters
    ----------
    logits : ndarray of float32, any shape
    expf : function
        The engine's `refpose.stages.libm.expf`.

    Returns
    -------
    ndarray of float32, same shape
    """
    return _ONE / (_ONE + expf(-logits))


def decode(
    rows: FloatArray, model: LandmarkModel = BLAZEPOSE, expf: Callable[[FloatArray], FloatArray] = libm.expf
) -> Landmarks:
    """Landmarks in the crop.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, 5)
        Network output "landmarks": x, y, z in pixels of the crop, visibility and presence logits.
    model : LandmarkModel
        Its `used` rows are decoded.
    expf : function
        The engine's `refpose.stages.libm.expf`.

    Returns
    -------
    Landmarks
        Position in fractions of the crop; z has the scale of x.
    """
    rows = rows[: model.used]
    sure = sigmoid(rows[:, 3:].T, expf)
    return Landmarks(rows[:, :3] / f32(model.input_size), sure[0], sure[1])


def refine(
    position_roi: FloatArray,
    heatmap: FloatArray,
    window: int = WINDOW,
    expf: Callable[[FloatArray], FloatArray] = libm.expf,
) -> FloatArray:
    """Move landmarks to the centre of mass of the heat map around them, where the map is sure enough.

    Parameters
    ----------
    position_roi : ndarray of float32, shape (n, 3)
        Fractions of the crop.
    heatmap : ndarray of float32, shape (64, 64, m) with m >= n
        Network output: logits, one channel per landmark.
    window : int
        Side of the window around a landmark, in cells of the map; odd.
    expf : function
        The engine's `refpose.stages.libm.expf`.

    Returns
    -------
    ndarray of float32, shape (n, 3)
        x and y of refined landmarks changed; z kept.
    """
    rows, columns, _ = heatmap.shape
    reach = (window - 1) // 2
    refined = position_roi.copy()
    cell = position_roi[:, :2] * np.array((columns, rows), f32)
    # Truncation is towards zero, so all of -1 < cell < columns is inside.
    inside = np.flatnonzero(((cell > -1) & (cell < (columns, rows))).all(axis=1))
    centre = cell[inside].astype(np.intp)
    step = np.arange(-reach, reach + 1)
    column = (centre[:, 0, None, None] + step).repeat(window, axis=1)
    row = (centre[:, 1, None, None] + step[:, None]).repeat(window, axis=2)
    outside = (column < 0) | (column >= columns) | (row < 0) | (row >= rows)
    logits = heatmap[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1), inside[:, None, None]]
    # Cells outside the map add an exact zero to every sum.
    p = np.where(outside, f32(0), sigmoid(logits, expf)).reshape(len(inside), -1)
    sure = np.flatnonzero(p.max(axis=1, initial=0) >= f32(MIN_CONFIDENCE))

    def total(values: FloatArray) -> FloatArray:
        # accumulate adds cell after cell, row by row, which `sum` need not do
        return np.add.accumulate(values.reshape(len(inside), -1), axis=1)[sure, -1]

    mass = total(p)
    for axis, (index, cells) in enumerate(((column, columns), (row, rows))):
        moment = total(index.astype(f32) * p.reshape(index.shape))
        refined[inside[sure], axis] = (moment / f32(cells)) / mass
    return refined


def refined(
    found: Landmarks, heatmap: FloatArray, window: int = WINDOW, refine: Callable[..., FloatArray] = refine
) -> Landmarks:
    """Landmarks in the crop, moved as `refine` says."""
    return found._replace(position=refine(found.position, heatmap, window))


def projected(found: Landmarks, square: Square, roi: Roi, cos: np.float32, sin: np.float32) -> Landmarks:
    """Landmarks in the crop -> landmarks on the image, by `roi.remove_letterbox` and `roi.project`.

    Parameters
    ----------
    found : Landmarks
        Position in fractions of the crop.
    square : Square
        What was cropped.
    roi : Roi
        The region in that square.
    cos, sin : float32
        Of the region's rotation.

    Returns
    -------
    Landmarks
        Position in fractions of image width and height; z in fractions of the width.
    """
    return found._replace(position=project(remove_letterbox(found.position, square.letterbox), roi, cos, sin))


def on_image(
    rows: FloatArray,
    heatmap: FloatArray,
    window: int,
    square: Square,
    roi: Roi,
    cos: np.float32,
    sin: np.float32,
    run: Run = DIRECT,
    expf: Callable[[FloatArray], FloatArray] = libm.expf,
    refine: Callable[..., FloatArray] = refine,
) -> Landmarks:
    """Landmarks on the image: `decode`, `refined` and `projected`, which the native engine does in one go.

    Parameters
    ----------
    rows, heatmap, window
        As for `decode` and `refine`.
    square, roi, cos, sin
        As for `projected`.
    run : Run
        Makes the calls.
    expf, refine : functions
        The engine's.

    Returns
    -------
    Landmarks
        Position in fractions of image width and height; z in fractions of the width.
    """
    found = run("landmarks/decoded_roi", decode, rows, BLAZEPOSE, expf)
    found = run("landmarks/refined_roi", refined, found, heatmap, window, refine)
    return run("landmarks/projected_n", projected, found, square, roi, cos, sin)


def world(rows: FloatArray, cos: np.float32, sin: np.float32, count: int = COUNT) -> FloatArray:
    """World landmarks, turned like the crop.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, 3)
        Network output "world": metres from the middle of the hips, axes of the crop.
    cos, sin : float32
        Of the region's rotation.
    count : int
        Rows that are landmarks.

    Returns
    -------
    ndarray of float32, shape (count, 3)
        Metres, axes of the image.
    """
    rows = rows[:count]
    x, y = rows[:, 0], rows[:, 1]
    out = np.empty_like(rows)
    out[:, 0] = cos * x - sin * y
    out[:, 1] = sin * x + cos * y
    out[:, 2] = rows[:, 2]
    return out
