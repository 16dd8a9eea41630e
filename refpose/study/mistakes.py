"""What goes wrong in ports of BlazePose, as variants of the pipeline's stages that `refpose.study.causes` tries.

Every variant takes the right function of a stage, that function's arguments, and options by name; without options it
gives what the stage gives. `OPTIONS` lists the values an option can have, and what each of them is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..stages import detector, landmarks, roi, segmentation, warp
from ..stages.landmarks import Landmarks
from ..stages.libm import FloatArray, f32
from ..stages.roi import Roi, Square

Array = NDArray[Any]
Right = Callable[..., Any]

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
        "sampling": _SAMPLING
        | {
            "smooth": "reduced with a smoothing filter (antialiasing) instead of plain bilinear",
            "area": "reduced by means over areas (INTER_AREA) instead of plain bilinear",
            "dropped": "reduced by leaving pixels out (INTER_NEAREST) instead of plain bilinear",
            "picked": "reduced by the pixels nearest to the centres instead of plain bilinear",
        },
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
    "weighted NMS": {
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
        "rounding": {"whole": "positions rounded to whole pixels of the crop"},
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
        "rounding": {"whole": "positions rounded to whole pixels of the picture"},
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


def mistaken(stage: str, options: Mapping[str, str], right: Right) -> Right:
    """The function of a stage with these mistakes made."""
    return partial(_VARIANTS[stage], right, **options)


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
    right: Right,
    image: Array,
    model: detector.DetectorModel,
    warp_f32: Right,
    rotation_degrees: int,
    mirrored: bool,
    range: str = "-1..1",
    geometry: str = "letterbox",
    colour: str = "rgb",
    sampling: str = "fixed",
    offset: str = "none",
    outside: str = "black",
) -> FloatArray:
    height, width = image.shape[:2]
    size, side = model.input_size, max(width, height)
    square = roi.whole_image(width, height, rotation_degrees)
    matrix = np.array(square.crop_matrix(size, mirrored=mirrored)).reshape(3, 3)
    if geometry == "squashed":
        matrix = np.diag([width / size, height / size, 1.0])
    elif geometry == "corner":
        matrix = np.diag([side / size, side / size, 1.0])
    border: warp.Border = "constant" if geometry != "squashed" and outside == "black" else "replicate"
    picture = _recolour(image, colour)
    if sampling in _REDUCTIONS:
        grey = _reduced(picture, geometry, size, _REDUCTIONS[sampling])
    else:
        grey = _sampled(picture, _shifted(matrix, size, offset), size, border, sampling)
    scaled = {"-1..1": grey * f32(2 / 255) - f32(1), "0..1": grey / f32(255), "0..255": grey}[range]
    if outside == "zero":
        column, row = np.meshgrid(np.arange(size), np.arange(size))
        x, y = matrix[0, 0] * column + matrix[0, 2], matrix[1, 1] * row + matrix[1, 2]
        scaled[(x < 0) | (y < 0) | (x > width - 1) | (y > height - 1)] = 0
    return scaled.astype(f32)


_REDUCTIONS: dict[str, Image.Resampling | None] = {
    "smooth": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "picked": Image.Resampling.NEAREST,
    "dropped": None,
}


def _resized(picture: Array, width: int, height: int, how: Image.Resampling | None) -> Array:
    """Reduced by one of Pillow's filters, whose support grows with the reduction; None: as OpenCV leaves pixels out."""
    if how is not None:
        return np.asarray(Image.fromarray(picture).resize((width, height), how))
    rows, columns = (np.arange(new) * old // new for new, old in zip((height, width), picture.shape[:2], strict=True))
    return picture[rows][:, columns]


def _reduced(picture: Array, geometry: str, size: int, how: Image.Resampling | None) -> FloatArray:
    """Grey levels 0..255."""
    height, width = picture.shape[:2]
    if geometry == "squashed":
        return _resized(picture, size, size, how).astype(f32)
    scale = size / max(width, height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    square = np.zeros((size, size, 3), f32)
    x, y = (0, 0) if geometry == "corner" else ((size - inner[0]) // 2, (size - inner[1]) // 2)
    square[y : y + inner[1], x : x + inner[0]] = _resized(picture, *inner, how)
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


def _detect(
    right: Right, network: Any, x: Array, names: Any, fed: str = "right", scores: str = "logits"
) -> tuple[Array, ...]:
    boxes, logits = right(network, _fed(x, fed, True), names)
    return boxes, landmarks.sigmoid(logits) if scores == "sigmoid" else logits


def _decode_boxes(
    right: Right,
    boxes: Array,
    logits: Array,
    threshold: float,
    model: detector.DetectorModel,
    expf: Right,
    score: str = "probability",
    anchors: str = "centres",
    box: str = "centre",
    axes: str = "x, y",
    scale: str = "fractions",
) -> FloatArray:
    boxes = boxes.copy()
    if axes == "swapped":
        boxes = boxes.reshape(-1, 6, 2)[:, :, ::-1].reshape(-1, 12).copy()
    if box == "corner":
        boxes[:, :2] += boxes[:, 2:4] / 2
    if anchors != "centres":
        wrong = _wrong_anchors(anchors) - detector.anchors(model)
        boxes[:, :2] += wrong * model.input_size
        boxes[:, 4:] += np.tile(wrong, 4) * model.input_size
    if scale == "pixels":
        boxes *= f32(model.input_size)
    if score == "probability":
        return right(boxes, logits, threshold, model, expf)
    kept = np.flatnonzero((logits >= threshold) & (boxes[:, 2:4] >= 0).all(axis=1))
    sure = np.full(len(logits), -model.score_limit, f32)
    sure[kept] = model.score_limit
    rows = detector.decode(boxes, sure)
    rows[:, 0] = logits[kept]
    return rows


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


def _weighted_nms(right: Right, candidates: Array, d: Any, limit: int | None, mean: str = "weighted") -> list[Array]:
    if mean == "weighted" or not len(candidates):
        return right(candidates, d, limit)
    head = candidates[np.argmax(candidates[:, 0])]
    if mean == "best":
        return [head]
    members = candidates[detector.overlap(candidates, head) > d.variant.min_overlap]
    return [np.concatenate([head[:1], members[:, 1:].mean(axis=0)])]


def _keep_padding(
    right: Right, blend_sq: Array, width: int, height: int, rotation_degrees: int, padding: str = "kept"
) -> Array:
    return blend_sq


def _around_keypoints(
    right: Right,
    detection_n: Array,
    width: int,
    height: int,
    atan2f: Right,
    rotation: str = "right",
    points: str = "hips",
    size: str = "diameter",
    aspect: str = "kept",
) -> Roi:
    row = np.concatenate([detection_n[:5], detection_n[9:]]) if points == "shoulders" else detection_n
    frame = (1, 1) if aspect == "ignored" else (width, height)
    region: Roi = right(row, *frame, atan2f)
    part = 2 if size == "radius" else 1
    angle = _turned(region.rotation, rotation)
    return Roi(region.x, region.y, region.width / part, region.height / part, angle)


def _turned(angle: float, rotation: str) -> float:
    return {"right": angle, "none": 0.0, "reversed": -angle, "quarter": angle - np.pi / 2}[rotation]


def _turned_pair(cos: Any, sin: Any, rotation: str) -> tuple[Any, Any]:
    return {"right": (cos, sin), "none": (f32(1), f32(0)), "reversed": (cos, -sin)}[rotation]


def _enlarge(right: Right, tight: Roi, width: int, height: int, scale: str = "1.25") -> Roi:
    region: Roi = right(tight, width, height)
    part = f32(float(scale) / roi.CROP_SCALE)
    return Roi(region.x, region.y, f32(region.width) * part, f32(region.height) * part, region.rotation)


def _crop(
    right: Right,
    image: Array,
    place: warp.Matrix,
    size: int,
    border: warp.Border,
    scale: Any,
    shift: Any,
    range: str = "0..1",
    rotation: str = "right",
    colour: str = "rgb",
    sampling: str = "fixed",
    offset: str = "none",
    outside: str = "edge",
    axes: str = "x, y",
) -> FloatArray:
    matrix = np.array(place).reshape(3, 3)
    affine = matrix / matrix[2, 2]
    if rotation != "right":
        middle = affine @ (size / 2, size / 2, 1)
        scale = np.hypot(affine[0, 0], affine[1, 0])
        angle = _turned(float(np.arctan2(affine[1, 0], affine[0, 0])), rotation)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        affine = np.eye(3)
        affine[:2, :2] = turn
        affine[:2, 2] = middle[:2] - turn @ (size / 2, size / 2)
    border = "constant" if outside == "black" else border
    grey = _sampled(_recolour(image, colour), _shifted(affine, size, offset), size, border, sampling)
    if axes == "swapped":
        grey = grey.transpose(1, 0, 2)
    scaled = {"0..1": grey / f32(255), "-1..1": grey * f32(2 / 255) - f32(1), "0..255": grey}[range]
    return np.ascontiguousarray(scaled, f32)


def _estimate(
    right: Right,
    network: Any,
    x: Array,
    names: Any,
    fed: str = "right",
    presence: str = "probability",
    landmarks: str = "pixels",
    heatmap: str = "logits",
    segmentation: str = "logits",
) -> tuple[Array, ...]:
    out = list(right(network, _fed(x, fed, False), names))
    if presence == "twice":
        out[1] = _sigmoid(out[1])
    if presence == "logit":
        out[1] = np.log(out[1] / (1 - out[1])).astype(f32)
    if landmarks == "fractions":
        out[0] = out[0] / np.array((256, 256, 256, 1, 1), f32)
    if heatmap == "sigmoid":
        out[2] = _sigmoid(out[2])
    if segmentation == "sigmoid":
        out[4] = _sigmoid(out[4])
    return tuple(out)


def _sigmoid(logits: Array) -> FloatArray:
    return landmarks.sigmoid(logits)


def _decode(
    right: Right,
    rows: Array,
    model: landmarks.LandmarkModel,
    expf: Right,
    sigmoid: str = "applied",
    scale: str = "256",
    columns: str = "right",
    z: str = "fractions",
    rounding: str = "none",
) -> Landmarks:
    position, visibility, presence = right(rows, model, expf)
    if sigmoid == "missing":
        visibility, presence = rows[: model.used, 3], rows[: model.used, 4]
    if rounding == "whole":
        position = np.rint(position * f32(model.input_size)) / f32(model.input_size)
    if scale != "256":
        position = position * f32(256 if scale == "pixels" else 256 / 224)
    if columns == "swapped":
        visibility, presence = presence, visibility
    if z == "pixels":
        position = position * np.array((1, 1, 256), f32)
    return Landmarks(position, visibility, presence)


def _refine(
    right: Right,
    found: Landmarks,
    heatmap: Array,
    size: int,
    refine: Right,
    window: str = "",
    sigmoid: str = "applied",
    method: str = "centre of mass",
    offset: str = "none",
    axes: str = "x, y",
    gate: str = "closed",
) -> Landmarks:
    if method == "none":
        return found
    reach = int(window) if window else size
    if axes == "swapped":
        heatmap = np.ascontiguousarray(heatmap.transpose(1, 0, 2))
    if (sigmoid, method, gate) == ("applied", "centre of mass", "closed"):
        position = right(found, heatmap, reach, refine).position
        moved = (position[:, :2] != found.position[:, :2]).any(axis=1)
    else:
        position, moved = _other_centre(found.position, heatmap, reach, sigmoid, method, gate)
    if offset == "half":
        position = position.copy()
        position[moved, :2] += f32(0.5 / len(heatmap))
    return found._replace(position=position)


def _other_centre(
    decoded: FloatArray, heatmap: Array, window: int, sigmoid: str, method: str, gate: str
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
    right: Right,
    found: Landmarks,
    square: Square,
    region: Roi,
    cos: Any,
    sin: Any,
    rotation: str = "right",
    aspect: str = "kept",
    scale: str = "1.25",
    z: str = "image",
    rounding: str = "none",
) -> Landmarks:
    width, height = region.width, region.width if aspect == "ignored" else region.height
    if scale == "1":
        width, height = width / roi.CROP_SCALE, height / roi.CROP_SCALE
    changed = Roi(region.x, region.y, width, height, region.rotation)
    placed: Landmarks = right(found, square, changed, *_turned_pair(cos, sin, rotation))
    position = placed.position
    if z == "roi":
        position[:, 2] = found.position[:, 2]
    if rounding == "whole":
        size = np.array((square.width_px / f32(region.width), square.height_px / f32(region.height)))
        position[:, :2] = np.rint(position[:, :2] * size) / size
    return placed._replace(position=position)


def _turn_world(right: Right, rows: Array, cos: Any, sin: Any, count: int, rotation: str = "right") -> Array:
    return right(rows, *_turned_pair(cos, sin, rotation), count)


def _mask_logits(right: Right, logits: Array, sigmoid: str = "missing") -> Array:
    return logits


def _mask_image(
    right: Right,
    probability: Array,
    square: Square,
    width: int,
    height: int,
    cos: Any,
    sin: Any,
    warp_mask: Right,
    rotation: str = "right",
    offset: str = "none",
) -> Array:
    cos, sin = _turned_pair(cos, sin, rotation)
    if offset != "half":
        return right(probability, square, width, height, cos, sin, warp_mask)
    rows = np.array(segmentation.image_to_mask(square, width, height, cos, sin, len(probability)))
    matrix = np.vstack([rows.reshape(2, 3), [0, 0, 1]])
    shifted = _then(matrix, (0.5, 0.5), after=-0.5)[:6]
    return warp_mask(probability, shifted, width, height)


_VARIANTS: dict[str, Right] = {
    "letterbox": _letterbox,
    "detector network": _detect,
    "detector decoding": _decode_boxes,
    "weighted NMS": _weighted_nms,
    "letterbox removal": _keep_padding,
    "region around the body": _around_keypoints,
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
