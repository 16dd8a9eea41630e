"""What goes wrong in ports of BlazePose, as variants of the pipeline's stages that `refpose.study.compare` tries.

Every function takes what a stage of `explain.STAGES` takes, and options by name; without options it is the
stage. `OPTIONS` lists the values an option can have, and what each of them is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..stages import detector, landmarks, roi, segmentation, warp
from ..stages.libm import FloatArray, f32
from ..stages.roi import Roi
from . import explain
from .explain import Machine

Array = NDArray[Any]
Arrays = tuple[Array, ...]

_STAGES = {stage.name: stage.run for stage in explain.STAGES}

_COLOURS = {"bgr": "channels in the order blue, green, red instead of red, green, blue"}
_SAMPLING = {
    "float": "float bilinear instead of fixed-point: neither positions rounded to 1/32 pixel nor values to bytes",
    "rounded": "positions not rounded to 1/32 pixel (values are rounded to bytes)",
    "nearest": "nearest pixel instead of bilinear",
}
_HALF = "half-pixel offset: centres of pixels at +0.5; in BlazePose an integer index is a coordinate"

OPTIONS: dict[str, dict[str, dict[str, str]]] = {
    "letterbox": {
        "range": {
            "0..1": "values 0..1 instead of -1..1",
            "0..255": "values 0..255 instead of -1..1: not scaled",
        },
        "geometry": {
            "squashed": "squashed instead of letterboxed: the aspect ratio is not kept",
            "corner": "picture in the top left corner of the square instead of its middle",
        },
        "colour": _COLOURS,
        "sampling": _SAMPLING | {"smooth": "reduced with a smoothing filter (antialiasing) instead of plain bilinear"},
        "offset": {"half": _HALF},
        "outside": {
            "zero": "padding is 0 after scaling (grey) instead of black, -1",
            "edge": "padding repeats the edge of the picture instead of black",
        },
    },
    "detector decoding": {
        "score": {"logit": "missing sigmoid: scores are logits"},
        "anchors": {
            "corner": "anchors at the corners of cells instead of their centres (half a cell missing)",
            "order": "order of the anchors: the copies of a cell must be neighbours",
        },
        "box": {"corner": "centre of a box taken for its corner"},
        "axes": {"swapped": "x and y exchanged"},
        "scale": {"pixels": "not divided by the input size, 224"},
    },
    "blend": {
        "mean": {
            "best": "plain non-maximum suppression: the best candidate alone instead of the weighted mean",
            "equal": "mean without weights instead of weighted by the scores",
        },
    },
    "letterbox removal": {"padding": {"kept": "padding of the letterbox not removed"}},
    "region around the body": {
        "rotation": {
            "none": "no rotation: the region is upright",
            "reversed": "rotation in the wrong direction",
            "quarter": "rotation off by a quarter turn: measured from the x axis, not from the vertical",
        },
        "points": {"shoulders": "third and fourth key point (upper body) instead of the first two"},
        "size": {"radius": "radius of the circle taken for its diameter"},
        "aspect": {
            "ignored": "distance and angle measured in fractions instead of pixels: the aspect ratio is ignored"
        },
    },
    "region to crop": {
        "scale": {"1": "not enlarged: the factor 1.25 is missing", "1.5": "enlarged by 1.5 instead of 1.25"}
    },
    "crop": {
        "range": {
            "-1..1": "values -1..1 instead of 0..1",
            "0..255": "values 0..255 instead of 0..1: not scaled",
        },
        "rotation": {"none": "no rotation: the crop is upright", "reversed": "rotation in the wrong direction"},
        "colour": _COLOURS,
        "sampling": _SAMPLING,
        "offset": {"half": _HALF, "ends": "corner pixels at the ends of the region (size - 1 instead of size)"},
        "outside": {"black": "black outside the picture instead of its edge repeated"},
        "axes": {"swapped": "x and y exchanged"},
    },
    "landmark network": {
        "fed": {
            "-1..1": "the network was fed values -1..1 instead of 0..1",
            "0..255": "the network was fed values 0..255 instead of 0..1",
            "bgr": "the network was fed blue, green, red instead of red, green, blue",
            "swapped": "the network was fed rows and columns exchanged",
        },
        "presence": {
            "twice": "sigmoid applied to the presence, which is a probability already",
            "logit": "missing sigmoid: the presence is a logit",
        },
        "landmarks": {"fractions": "landmarks already divided by 256"},
        "heatmap": {"sigmoid": "sigmoid already applied to the heat map"},
        "segmentation": {"sigmoid": "sigmoid already applied to the mask"},
    },
    "detector network": {
        "fed": {
            "0..1": "the network was fed values 0..1 instead of -1..1",
            "0..255": "the network was fed values 0..255 instead of -1..1",
            "bgr": "the network was fed blue, green, red instead of red, green, blue",
            "swapped": "the network was fed rows and columns exchanged",
        },
        "scores": {"sigmoid": "sigmoid already applied to the scores"},
    },
    "landmark decoding": {
        "sigmoid": {"missing": "missing sigmoid: visibility and presence are logits"},
        "scale": {"pixels": "not divided by the input size, 256", "224": "divided by 224 instead of 256"},
        "columns": {"swapped": "visibility and presence exchanged"},
        "z": {"pixels": "z not divided by 256"},
    },
    "refinement": {
        "window": {"7": "window of 7 cells instead of 9", "9": "window of 9 cells instead of 7"},
        "sigmoid": {"missing": "missing sigmoid: weights are the logits of the heat map"},
        "method": {
            "none": "not refined by the heat map",
            "peak": "cell of the greatest value instead of the centre of mass",
            "whole": "centre of mass of the whole heat map instead of a window",
        },
        "offset": {"half": "half-cell offset: centres of cells at +0.5"},
        "axes": {"swapped": "rows and columns of the heat map exchanged"},
        "gate": {"open": "refined even where no cell of the window reaches 0.5"},
    },
    "projection": {
        "rotation": {"none": "no rotation back to the picture", "reversed": "rotation in the wrong direction"},
        "aspect": {"ignored": "width of the region used for y too: the aspect ratio is ignored"},
        "scale": {"1": "the region that was enlarged is taken for the one that was not (1.25)"},
        "z": {"roi": "z not scaled with the width of the region"},
    },
    "world landmarks": {
        "rotation": {"none": "no rotation back to the picture", "reversed": "rotation in the wrong direction"}
    },
    "mask decoding": {"sigmoid": {"missing": "missing sigmoid: the mask is logits"}},
    "mask on the image": {
        "rotation": {"none": "no rotation back to the picture", "reversed": "rotation in the wrong direction"},
        "offset": {"half": _HALF},
    },
}
"""Stage -> option -> value -> what is wrong."""


def run(stage: str, options: dict[str, str]) -> explain.Run:
    """The function of a stage with these options."""
    if not options:
        return _STAGES[stage]
    variant = _VARIANTS[stage]
    return lambda machine, *arrays: variant(machine, *arrays, **options)


def _recolour(image: Array, colour: str) -> Array:
    return np.ascontiguousarray(image[:, :, ::-1]) if colour == "bgr" else image


def _then(matrix: Array, first: tuple[float, float], scale: float = 1.0, after: float = 0.0) -> warp.Matrix:
    """The map `matrix` after ``x -> scale*x + first``, and ``+ after`` behind it; row-major."""
    before = np.array([[scale, 0, first[0]], [0, scale, first[1]], [0, 0, 1.0]])
    behind = np.array([[1, 0, after], [0, 1, after], [0, 0, 1.0]])
    return tuple(map(float, (behind @ matrix @ before).reshape(-1)))


def _shifted(matrix: Array, size: int, offset: str) -> warp.Matrix:
    if offset == "half":
        return _then(matrix, (0.5, 0.5), after=-0.5)
    if offset == "ends":
        return _then(matrix, (0.0, 0.0), scale=size / (size - 1))
    return tuple(map(float, matrix.reshape(-1)))


def _sampled(image: Array, matrix: warp.Matrix, size: int, border: warp.Border, sampling: str) -> FloatArray:
    """Grey levels 0..255 at the positions of a map."""
    if sampling == "fixed":
        return warp.warp_u8(image, matrix, size, border).astype(f32)
    m = np.array(matrix).reshape(3, 3)
    column, row = np.meshgrid(np.arange(size), np.arange(size))
    x, y, depth = (m[i, 0] * column + m[i, 1] * row + m[i, 2] for i in range(3))
    x, y = x / depth, y / depth
    height, width = image.shape[:2]

    def tap(x: Array, y: Array) -> Array:
        inner_x, inner_y = np.clip(x, 0, width - 1).astype(np.intp), np.clip(y, 0, height - 1).astype(np.intp)
        value = image[inner_y, inner_x].astype(np.float64)
        return value if border == "replicate" else value * ((inner_x == x) & (inner_y == y))[..., None]

    if sampling == "nearest":
        return tap(np.floor(x + 0.5), np.floor(y + 0.5)).astype(f32)
    left, top = np.floor(x), np.floor(y)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    upper = (1 - fx) * tap(left, top) + fx * tap(left + 1, top)
    lower = (1 - fx) * tap(left, top + 1) + fx * tap(left + 1, top + 1)
    value = (1 - fy) * upper + fy * lower
    return (np.floor(value + 0.5) if sampling == "rounded" else value).astype(f32)


def _letterbox(
    m: Machine,
    image: Array,
    range: str = "-1..1",
    geometry: str = "letterbox",
    colour: str = "rgb",
    sampling: str = "fixed",
    offset: str = "none",
    outside: str = "black",
) -> Arrays:
    height, width = image.shape[:2]
    size, side = detector.INPUT_SIZE, max(width, height)
    matrix = np.array(roi.whole_image(width, height).crop_matrix(size, m.stages.crop_matrix)).reshape(3, 3)
    if geometry == "squashed":
        matrix = np.diag([width / size, height / size, 1.0])
    elif geometry == "corner":
        matrix = np.diag([side / size, side / size, 1.0])
    border: warp.Border = "constant" if geometry != "squashed" and outside == "black" else "replicate"
    picture = _recolour(image, colour)
    if sampling == "smooth":
        grey = _reduced(picture, geometry, size)
    else:
        grey = _sampled(picture, _shifted(matrix, size, offset), size, border, sampling)
    scaled = {"-1..1": grey * f32(2 / 255) - f32(1), "0..1": grey / f32(255), "0..255": grey}[range]
    if outside == "zero":
        column, row = np.meshgrid(np.arange(size), np.arange(size))
        x, y = matrix[0, 0] * column + matrix[0, 2], matrix[1, 1] * row + matrix[1, 2]
        scaled[(x < 0) | (y < 0) | (x > width - 1) | (y > height - 1)] = 0
    return (scaled.astype(f32),)


def _reduced(picture: Array, geometry: str, size: int) -> FloatArray:
    """Grey levels 0..255, reduced by Pillow's bilinear filter, whose support grows with the reduction."""
    height, width = picture.shape[:2]
    if geometry == "squashed":
        return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR)).astype(f32)
    scale = size / max(width, height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    square = np.zeros((size, size, 3), f32)
    x, y = (0, 0) if geometry == "corner" else ((size - inner[0]) // 2, (size - inner[1]) // 2)
    square[y : y + inner[1], x : x + inner[0]] = np.asarray(
        Image.fromarray(picture).resize(inner, Image.Resampling.BILINEAR)
    )
    return square


def _fed(x: Array, fed: str, centred: bool) -> FloatArray:
    """A network's input as it should not be; `centred` when it should be -1..1."""
    unit = (x + f32(1)) / f32(2) if centred else x
    changed: Array = {
        "right": x,
        "-1..1": unit * f32(2) - f32(1),
        "0..1": unit,
        "0..255": unit * f32(255),
        "bgr": x[:, :, ::-1],
        "swapped": x.transpose(1, 0, 2),
    }[fed]
    return np.ascontiguousarray(changed, f32)


def _detect(m: Machine, x: Array, fed: str = "right", scores: str = "logits") -> Arrays:
    boxes, logits = _STAGES["detector network"](m, _fed(x, fed, True))
    return boxes, landmarks.sigmoid(logits) if scores == "sigmoid" else logits


def _decode_boxes(
    m: Machine,
    boxes: Array,
    logits: Array,
    score: str = "probability",
    anchors: str = "centres",
    box: str = "centre",
    axes: str = "x, y",
    scale: str = "fractions",
) -> Arrays:
    boxes = boxes.copy()
    if axes == "swapped":
        boxes = boxes.reshape(-1, 6, 2)[:, :, ::-1].reshape(-1, 12).copy()
    if box == "corner":
        boxes[:, :2] += boxes[:, 2:4] / 2
    if anchors != "centres":
        wrong = _wrong_anchors(anchors) - detector.anchors()
        boxes[:, :2] += wrong * detector.INPUT_SIZE
        boxes[:, 4:] += np.tile(wrong, 4) * detector.INPUT_SIZE
    if scale == "pixels":
        boxes *= f32(detector.INPUT_SIZE)
    if score == "probability":
        return _STAGES["detector decoding"](m, boxes, logits)
    kept = np.flatnonzero((logits >= m.min_detection_confidence) & (boxes[:, 2:4] >= 0).all(axis=1))
    sure = np.full(len(logits), -detector.SCORE_LIMIT, f32)
    sure[kept] = detector.SCORE_LIMIT
    rows = detector.decode(boxes, sure)
    rows[:, 0] = logits[kept]
    return (rows,)


def _wrong_anchors(kind: str) -> FloatArray:
    if kind == "corner":
        cells = np.concatenate([np.full(n * n * k, n) for n, k in detector.GRIDS])
        return (detector.anchors() - f32(0.5) / cells[:, None]).astype(f32)
    layers, start = [], 0
    for n, k in detector.GRIDS:
        layer = detector.anchors()[start : start + n * n * k]
        layers.append(np.tile(layer[::k], (k, 1)))
        start += n * n * k
    return np.concatenate(layers)


def _blend(m: Machine, candidates: Array, mean: str = "weighted") -> Arrays:
    if mean == "weighted" or not len(candidates):
        return _STAGES["blend"](m, candidates)
    head = candidates[np.argmax(candidates[:, 0])]
    if mean == "best":
        return (head,)
    members = candidates[detector.overlap(candidates, head) > detector.MIN_OVERLAP]
    return (np.concatenate([head[:1], members[:, 1:].mean(axis=0)]),)


def _keep_padding(m: Machine, blend_sq: Array, image: Array, padding: str = "kept") -> Arrays:
    return (blend_sq,)


def _from_points(
    m: Machine,
    blend_n: Array,
    image: Array,
    rotation: str = "right",
    points: str = "hips",
    size: str = "diameter",
    aspect: str = "kept",
) -> Arrays:
    width, height = image.shape[1::-1]
    centre, on_circle = (blend_n[9:11], blend_n[11:13]) if points == "shoulders" else (blend_n[5:7], blend_n[7:9])
    frame: tuple[int, int] = (1, 1) if aspect == "ignored" else (width, height)
    region = explain.as_array(roi.from_points(centre, on_circle, *frame, m.stages.atan2f))
    if size == "radius":
        region[2:4] /= 2
    region[4] = _turned(float(region[4]), rotation)
    return (explain.as_array(Roi(*region)),)


def _turned(angle: float, rotation: str) -> float:
    return {"right": angle, "none": 0.0, "reversed": -angle, "quarter": angle - np.pi / 2}[rotation]


def _enlarge(m: Machine, tight_n: Array, image: Array, scale: str = "1.25") -> Arrays:
    (region,) = _STAGES["region to crop"](m, tight_n, image)
    region[2:4] *= f32(float(scale) / roi.CROP_SCALE)
    return (region,)


def _crop(
    m: Machine,
    image: Array,
    matrix: Array,
    range: str = "0..1",
    rotation: str = "right",
    colour: str = "rgb",
    sampling: str = "fixed",
    offset: str = "none",
    outside: str = "edge",
    axes: str = "x, y",
) -> Arrays:
    size = landmarks.INPUT_SIZE
    affine = matrix / matrix[2, 2]
    if rotation != "right":
        middle = affine @ (size / 2, size / 2, 1)
        scale = np.hypot(affine[0, 0], affine[1, 0])
        angle = _turned(float(np.arctan2(affine[1, 0], affine[0, 0])), rotation)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        affine = np.eye(3)
        affine[:2, :2] = turn
        affine[:2, 2] = middle[:2] - turn @ (size / 2, size / 2)
    border: warp.Border = "constant" if outside == "black" else "replicate"
    grey = _sampled(_recolour(image, colour), _shifted(affine, size, offset), size, border, sampling)
    if axes == "swapped":
        grey = grey.transpose(1, 0, 2)
    scaled = {"0..1": grey / f32(255), "-1..1": grey * f32(2 / 255) - f32(1), "0..255": grey}[range]
    return (np.ascontiguousarray(scaled, f32),)


def _estimate(
    m: Machine,
    x: Array,
    fed: str = "right",
    presence: str = "probability",
    landmarks: str = "pixels",
    heatmap: str = "logits",
    segmentation: str = "logits",
) -> Arrays:
    out = list(_STAGES["landmark network"](m, _fed(x, fed, False)))
    if presence == "twice":
        out[1] = _sigmoid(out[1])
    if presence == "logit":
        out[1] = np.log(out[1] / (1 - out[1])).astype(f32)
    if landmarks == "fractions":
        out[0] = out[0] / np.array((256, 256, 256, 1, 1), f32)
    if segmentation == "sigmoid":
        out[2] = _sigmoid(out[2])
    if heatmap == "sigmoid":
        out[3] = _sigmoid(out[3])
    return tuple(out)


def _sigmoid(logits: Array) -> FloatArray:
    return landmarks.sigmoid(logits)


def _decode(
    m: Machine,
    rows: Array,
    presence: Array,
    sigmoid: str = "applied",
    scale: str = "256",
    columns: str = "right",
    z: str = "fractions",
) -> Arrays:
    (decoded,) = _STAGES["landmark decoding"](m, rows, presence)
    if sigmoid == "missing":
        decoded[:, 3:] = rows[: len(decoded), 3:]
    if scale != "256":
        decoded[:, :3] *= f32(256 if scale == "pixels" else 256 / 224)
    if columns == "swapped":
        decoded[:, 3:] = decoded[:, :2:-1].copy()
    if z == "pixels":
        decoded[:, 2] *= f32(256)
    return (decoded,)


def _refine(
    m: Machine,
    decoded: Array,
    heatmap: Array,
    window: str = "",
    sigmoid: str = "applied",
    method: str = "centre of mass",
    offset: str = "none",
    axes: str = "x, y",
    gate: str = "closed",
) -> Arrays:
    if method == "none":
        return (decoded,)
    reach = int(window) if window else m.window
    if axes == "swapped":
        heatmap = np.ascontiguousarray(heatmap.transpose(1, 0, 2))
    if (sigmoid, method, gate) == ("applied", "centre of mass", "closed"):
        (refined,) = _STAGES["refinement"](replace(m, window=reach), decoded, heatmap)
        moved = (refined[:, :2] != decoded[:, :2]).any(axis=1)
    else:
        refined, moved = _other_centre(decoded, heatmap, reach, sigmoid, method, gate)
    if offset == "half":
        refined = refined.copy()
        refined[moved, :2] += f32(0.5 / len(heatmap))
    return (refined,)


def _other_centre(
    decoded: Array, heatmap: Array, window: int, sigmoid: str, method: str, gate: str
) -> tuple[FloatArray, Array]:
    """Landmarks moved by other centres than the one of `landmarks.refine`, and which were."""
    rows, columns, _ = heatmap.shape
    reach = window // 2
    refined, moved = decoded.copy(), np.zeros(len(decoded), bool)
    for i, (x, y) in enumerate(decoded[:, :2]):
        column, row = int(x * columns), int(y * rows)
        if not (0 <= column < columns and 0 <= row < rows):
            continue
        low = (0, 0) if method == "whole" else (max(0, row - reach), max(0, column - reach))
        high = (rows, columns) if method == "whole" else (min(rows, row + reach + 1), min(columns, column + reach + 1))
        logits = heatmap[low[0] : high[0], low[1] : high[1], i]
        weight = logits.astype(np.float64) if sigmoid == "missing" else _sigmoid(logits).astype(np.float64)
        if (gate == "closed" and weight.max() < landmarks.MIN_CONFIDENCE) or weight.sum() == 0:
            continue
        at_row, at_column = np.mgrid[low[0] : high[0], low[1] : high[1]]
        if method == "peak":
            weight = (weight == weight.max()).astype(np.float64)
        refined[i, 0] = (weight * at_column).sum() / weight.sum() / columns
        refined[i, 1] = (weight * at_row).sum() / weight.sum() / rows
        moved[i] = True
    return refined, moved


def _project(
    m: Machine,
    refined: Array,
    crop_n: Array,
    image: Array,
    rotation: str = "right",
    aspect: str = "kept",
    scale: str = "1.25",
    z: str = "image",
) -> Arrays:
    region = crop_n.copy()
    region[4] = _turned(float(region[4]), rotation)
    if aspect == "ignored":
        region[3] = region[2]
    if scale == "1":
        region[2:4] /= f32(roi.CROP_SCALE)
    position = roi.project(refined[:, :3], Roi(*region), *explain.turn(m, region))
    if z == "roi":
        position[:, 2] = refined[:, 2]
    return (np.concatenate([position, refined[:, 3:]], axis=1),)


def _turn_world(m: Machine, rows: Array, crop_n: Array, rotation: str = "right") -> Arrays:
    region = crop_n.copy()
    region[4] = _turned(float(region[4]), rotation)
    return _STAGES["world landmarks"](m, rows, region)


def _mask_logits(m: Machine, logits: Array, sigmoid: str = "missing") -> Arrays:
    return (logits,)


def _mask_image(
    m: Machine, probability: Array, crop_n: Array, image: Array, rotation: str = "right", offset: str = "none"
) -> Arrays:
    region = crop_n.copy()
    region[4] = _turned(float(region[4]), rotation)
    if offset != "half":
        return _STAGES["mask on the image"](m, probability, region, image)
    height, width = image.shape[:2]
    square = roi.square_of(Roi(*region), width, height)
    rows = np.array(segmentation.image_to_mask(square, width, height, *explain.turn(m, region), len(probability)))
    matrix = np.vstack([rows.reshape(2, 3), [0, 0, 1]])
    return (m.stages.warp_mask(probability, _then(matrix, (0.5, 0.5), after=-0.5)[:6], width, height),)


_VARIANTS: dict[str, Callable[..., Arrays]] = {
    "letterbox": _letterbox,
    "detector network": _detect,
    "detector decoding": _decode_boxes,
    "blend": _blend,
    "letterbox removal": _keep_padding,
    "region around the body": _from_points,
    "region to crop": _enlarge,
    "crop": _crop,
    "landmark network": _estimate,
    "landmark decoding": _decode,
    "refinement": _refine,
    "projection": _project,
    "world landmarks": _turn_world,
    "mask decoding": _mask_logits,
    "mask on the image": _mask_image,
}
