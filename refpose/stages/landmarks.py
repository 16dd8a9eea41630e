"""Outputs of the landmark network -> landmarks on the image and in metres.

Follows MediaPipe's ``tensors_to_pose_landmarks_and_segmentation.pbtxt`` and ``pose_landmark_by_roi_cpu.pbtxt``:
``tensors_to_landmarks_calculator.cc``, ``refine_landmarks_from_heatmap_calculator.cc``,
``landmark_projection_calculator.cc`` (in `refpose.stages.roi`) and ``world_landmark_projection_calculator.cc``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import libm
from .libm import FloatArray, f32
from .roi import Roi, project, remove_letterbox

INPUT_SIZE = 256  # pixels, pose_landmark_by_roi_cpu.pbtxt
INPUT_SCALE, INPUT_OFFSET = f32(1 / 255), f32(0)  # bytes -> 0..1
COUNT = 33  # landmarks that are given out; the network has 39 rows
AUXILIARY = slice(33, 35)  # rows that place the next region: its centre, and a point on its circle
USED = 35  # rows 35 to 38 serve nothing
# pose.py of MediaPipe loses the option kernel_size: 7 of the graph, so the calculator's default is in force.
WINDOW = 9
GRAPH_WINDOW = 7
MIN_CONFIDENCE = 0.5  # refine_landmarks_from_heatmap_calculator.proto: min_confidence_to_refine

_ONE = f32(1)


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


def decode(rows: FloatArray, expf: Callable[[FloatArray], FloatArray] = libm.expf) -> Landmarks:
    """Landmarks in the crop.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, 5)
        Network output "landmarks" or its first rows: x, y, z in pixels of the crop, visibility and presence logits.
    expf : function
        The engine's `refpose.stages.libm.expf`.

    Returns
    -------
    Landmarks
        Position in fractions of the crop; z has the scale of x.
    """
    sure = sigmoid(rows[:, 3:].T, expf)
    return Landmarks(rows[:, :3] / f32(INPUT_SIZE), sure[0], sure[1])


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


def on_image(
    rows: FloatArray,
    heatmap: FloatArray,
    window: int,
    letterbox: tuple[np.float32, ...],
    roi: Roi,
    cos: np.float32,
    sin: np.float32,
) -> Landmarks:
    """Landmarks on the image: `decode`, `refine`, `roi.remove_letterbox` and `roi.project`.

    Parameters
    ----------
    rows, heatmap, window
        As for `decode` and `refine`.
    letterbox : four float32
        Padding of the square that was cropped, in fractions of it.
    roi : Roi
        The region in that square.
    cos, sin : float32
        Of the region's rotation.

    Returns
    -------
    Landmarks
        Position in fractions of image width and height; z in fractions of the width.
    """
    found = decode(rows)
    refined = refine(found.position, heatmap, window)
    return found._replace(position=project(remove_letterbox(refined, letterbox), roi, cos, sin))


def world(rows: FloatArray, cos: np.float32, sin: np.float32) -> FloatArray:
    """World landmarks, turned like the crop.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, 3)
        Network output "world" or its first rows: metres from the middle of the hips, axes of the crop.
    cos, sin : float32
        Of the region's rotation.

    Returns
    -------
    ndarray of float32, shape (n, 3)
        Metres, axes of the image.
    """
    x, y = rows[:, 0], rows[:, 1]
    out = np.empty_like(rows)
    out[:, 0] = cos * x - sin * y
    out[:, 1] = sin * x + cos * y
    out[:, 2] = rows[:, 2]
    return out
