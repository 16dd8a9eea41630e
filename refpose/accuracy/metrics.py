"""Accuracy figures for key points: PCK, OKS with average precision and recall, MPJPE. Pure NumPy.

Everything here works on plain arrays; who the persons are and where the numbers come from is the business of
`refpose.accuracy.annotations` and of ``refpose evaluate``. Key points of a picture are float64 pixels ``(..., J, 2)``.
A joint nobody labelled is left out by its mask, a joint nobody predicted is NaN and counts as wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import arguments

Floats = NDArray[np.float64]

# Standard deviation of human annotators, as a fraction of the square root of the person's area, for the 17 points in
# COCO's order. cocodataset.org/#keypoints-eval; the same numbers in pycocotools.cocoeval.Params.setKpParams. Such
# numbers were measured for these 17 points only: there are none for BlazePose's 33, so OKS is defined on the 17.
COCO_SIGMAS: Floats = (
    np.array([0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89])
    / 10.0
)

# pycocotools.cocoeval.Params.setKpParams: thresholds, recall grid, persons per picture, areas in square pixels.
OKS_THRESHOLDS: Floats = np.linspace(0.5, 0.95, 10)
RECALL_GRID: Floats = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = 20
AREA_RANGES: Mapping[str, tuple[float, float]] = {
    "all": (0.0, 1e5**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e5**2),
}

# What pycocotools.cocoeval.summarize prints for key points, in its order: name, is it precision, OKS, area range.
_SUMMARY: tuple[tuple[str, bool, float | None, str], ...] = (
    ("AP", True, None, "all"),
    ("AP50", True, 0.5, "all"),
    ("AP75", True, 0.75, "all"),
    ("AP_medium", True, None, "medium"),
    ("AP_large", True, None, "large"),
    ("AR", False, None, "all"),
    ("AR50", False, 0.5, "all"),
    ("AR75", False, 0.75, "all"),
    ("AR_medium", False, None, "medium"),
    ("AR_large", False, None, "large"),
)

# MPII's evaluation: a head's size is this fraction of the diagonal of its annotated rectangle
# (SC_BIAS in MPII's evaluation toolkit, for the PCKh of Andriluka et al. 2014).
MPII_HEAD_FACTOR = 0.6


@dataclass(frozen=True)
class Pck:
    """Percentage of correct key points at one threshold.

    Attributes
    ----------
    threshold : float
        Largest accepted distance as a fraction of the person's size.
    correct, labelled : ndarray of shape (J,), int
        Per joint: how many are correct, how many were labelled.
    per_person : ndarray of shape (N,), float64
        Fraction of each person's labelled joints that are correct; NaN for a person without any.
    """

    threshold: float
    correct: NDArray[np.int64]
    labelled: NDArray[np.int64]
    per_person: Floats

    @property
    def value(self) -> float:
        """Correct key points over labelled key points, all persons together; NaN when nothing was labelled."""
        labelled = int(self.labelled.sum())
        return int(self.correct.sum()) / labelled if labelled else float("nan")

    @property
    def per_joint(self) -> Floats:
        """The same for each joint, shape (J,); NaN for a joint never labelled."""
        share = np.full(len(self.correct), np.nan)
        np.divide(self.correct, self.labelled, out=share, where=self.labelled > 0)
        return share

    @property
    def mean_over_persons(self) -> float:
        """Mean of `per_person`: each person weighs the same, however many joints are labelled."""
        known = self.per_person[np.isfinite(self.per_person)]
        return float(known.mean()) if known.size else float("nan")


def distances(found_px: ArrayLike, truth_px: ArrayLike) -> Floats:
    """Euclidean distance of each joint.

    Parameters
    ----------
    found_px, truth_px : array_like of shape (..., J, D)
        Points in the same frame of reference and unit.

    Returns
    -------
    ndarray of shape (..., J), float64
        In that unit; NaN where either point is NaN.
    """
    gap = np.asarray(found_px, np.float64) - np.asarray(truth_px, np.float64)
    length: Floats = np.sqrt((gap**2).sum(axis=-1))
    return length


def torso_sizes(
    left_shoulder: ArrayLike, right_shoulder: ArrayLike, left_hip: ArrayLike, right_hip: ArrayLike
) -> Floats:
    """Size of a torso: from the middle of the shoulders to the middle of the hips.

    Parameters
    ----------
    left_shoulder, right_shoulder, left_hip, right_hip : array_like of shape (..., 2)
        Annotated pixels.

    Returns
    -------
    ndarray of shape (...), float64
        Pixels.
    """
    shoulders = (np.asarray(left_shoulder, np.float64) + np.asarray(right_shoulder, np.float64)) / 2
    hips = (np.asarray(left_hip, np.float64) + np.asarray(right_hip, np.float64)) / 2
    return distances(shoulders, hips)


def pck(errors: ArrayLike, labelled: ArrayLike, sizes: ArrayLike, threshold: float) -> Pck:
    """Percentage of correct key points: those not farther from the truth than `threshold` times the person's size.

    The meaning follows from `sizes`: with torso sizes it is PCK, with head sizes PCKh.

    Parameters
    ----------
    errors : array_like of shape (N, J)
        Distances in pixels; NaN or inf for a joint that was not found, which is then wrong.
    labelled : array_like of shape (N, J), bool
        Which joints count.
    sizes : array_like of shape (N,)
        Each person's size in pixels, greater than 0.
    threshold : float
        Greater than 0.

    Returns
    -------
    Pck

    Raises
    ------
    ValueError
        For shapes that do not belong together, a size or a threshold that is not greater than 0.
    """
    error = np.asarray(errors, np.float64)
    known = np.asarray(labelled, bool)
    size = np.asarray(sizes, np.float64)
    if error.ndim != 2 or known.shape != error.shape or size.shape != error.shape[:1]:
        raise ValueError(
            "pck: expected errors (N, J), labelled (N, J), sizes (N,), "
            f"found {error.shape}, {known.shape}, {size.shape}"
        )
    if not (size > 0).all():
        raise ValueError("pck: every size must be greater than 0")
    threshold = arguments.number("pck: the threshold", threshold)
    if not threshold > 0:
        raise ValueError(f"pck: the threshold must be greater than 0, found {threshold}")
    correct = known & (error <= threshold * size[:, None])  # a comparison with NaN is false: not found, not correct
    count = known.sum(axis=1)
    per_person = np.divide(correct.sum(axis=1), count, out=np.full(len(count), np.nan), where=count > 0)
    return Pck(threshold, correct.sum(axis=0), known.sum(axis=0), per_person)


def oks(
    found_px: ArrayLike,
    truth_px: ArrayLike,
    labelled: ArrayLike,
    area_px: float,
    box_px: Sequence[float],
    sigmas: ArrayLike = COCO_SIGMAS,
) -> Floats:
    """Object key point similarity of several predictions with one annotated person.

    With a labelled joint: the mean over labelled joints of ``exp(-d^2 / (2 area (2 sigma)^2))``. A person without any
    (a crowd, say) is compared by how far the points lie outside the person's box doubled in every direction, as
    pycocotools' ``COCOeval.computeOks`` does it; operations and their order are the same, so that equality at a
    threshold is decided alike.

    Parameters
    ----------
    found_px : array_like of shape (D, J, 2)
        Predicted points, pixels.
    truth_px : array_like of shape (J, 2)
        Annotated points, pixels.
    labelled : array_like of shape (J,), bool
        Which of them are labelled.
    area_px : float
        The person's area in square pixels (COCO: of the segmentation, not of the box).
    box_px : sequence of 4 floats
        x, y, width, height in pixels; used when nothing is labelled.
    sigmas : array_like of shape (J,), optional

    Returns
    -------
    ndarray of shape (D,), float64
        0 to 1.
    """
    found = np.asarray(found_px, np.float64)
    truth = np.asarray(truth_px, np.float64)
    known = np.asarray(labelled, bool)
    variances = (np.asarray(sigmas, np.float64) * 2) ** 2
    if known.any():
        dx = found[..., 0] - truth[:, 0]
        dy = found[..., 1] - truth[:, 1]
    else:
        x, y, width, height = box_px
        dx = np.maximum(0.0, x - width - found[..., 0]) + np.maximum(0.0, found[..., 0] - (x + width * 2))
        dy = np.maximum(0.0, y - height - found[..., 1]) + np.maximum(0.0, found[..., 1] - (y + height * 2))
    exponent = (dx**2 + dy**2) / variances / (area_px + np.spacing(1)) / 2
    if known.any():
        exponent = np.ascontiguousarray(exponent[:, known])
    similarity: Floats = np.exp(-exponent).sum(axis=1) / exponent.shape[1]
    return similarity


@dataclass(frozen=True)
class OksTruth:
    """One annotated person as `average_precision` needs it.

    Attributes
    ----------
    points_px : ndarray of shape (J, 2), float64
    labelled : ndarray of shape (J,), bool
    area_px : float
        Square pixels.
    box_px : tuple of 4 floats
        x, y, width, height.
    crowd : bool
        A group annotated as one: neither found nor missed, and any number of predictions may lie on it.
    ignored : bool
        Neither found nor missed (a crowd, or without labelled points).
    matchable : bool
        False where pycocotools would forget the match: it writes an annotation's id into its table of matches and
        reads 0 as "none", so an annotation with id 0 is occupied by its prediction, which counts as wrong.
    """

    points_px: Floats
    labelled: NDArray[np.bool_]
    area_px: float
    box_px: tuple[float, float, float, float]
    crowd: bool = False
    ignored: bool = False
    matchable: bool = True


@dataclass(frozen=True)
class OksFound:
    """One predicted person: `points_px` (J, 2), `score`, and `area_px` in square pixels (which area range it is in)."""

    points_px: Floats
    score: float
    area_px: float


@dataclass(frozen=True)
class AveragePrecision:
    """COCO's key point figures.

    Attributes
    ----------
    precision : ndarray of shape (T, R, K, A), float64
        At each OKS threshold, recall of `RECALL_GRID`, category and area range (all, medium, large), as
        ``COCOeval.eval["precision"]`` without its last axis; -1 where nothing was annotated.
    recall : ndarray of shape (T, K, A), float64
    """

    precision: Floats
    recall: Floats

    def summary(self) -> dict[str, float]:
        """COCO's ten figures (AP, AP50, ..., AR_large); -1 where nothing was annotated."""
        areas = list(AREA_RANGES)
        figures = {}
        for name, is_precision, threshold, area in _SUMMARY:
            table = self.precision if is_precision else self.recall
            if threshold is not None:
                table = table[np.isclose(OKS_THRESHOLDS, threshold, rtol=0, atol=1e-6)]
            table = table[..., areas.index(area)]
            known = table[table > -1]
            figures[name] = float(known.mean()) if known.size else -1.0
        return figures


@dataclass(frozen=True)
class _Matches:
    """One picture, one area range: what became of each prediction and each annotation."""

    scores: Floats  # (D,) falling
    matched: NDArray[np.bool_]  # (T, D)
    found_ignored: NDArray[np.bool_]  # (T, D)
    truth_ignored: NDArray[np.bool_]  # (G,)


def average_precision(
    categories: Sequence[Sequence[tuple[Sequence[OksTruth], Sequence[OksFound]]]],
    sigmas: ArrayLike = COCO_SIGMAS,
    max_detections: int = MAX_DETECTIONS,
) -> AveragePrecision:
    """Average precision and recall over OKS thresholds, equal to pycocotools' ``COCOeval(iouType="keypoints")``.

    Parameters
    ----------
    categories : sequence of sequence of (truths, found)
        For each category, for each picture (pycocotools goes by ascending image id, which decides between predictions
        of equal score), its annotated and its predicted persons in the order of their files.
    sigmas : array_like of shape (J,), optional
    max_detections : int, optional
        Only so many predictions per picture count, best scores first.

    Returns
    -------
    AveragePrecision
    """
    max_detections = arguments.whole("max_detections", max_detections, 1)
    shape = (len(OKS_THRESHOLDS), len(RECALL_GRID), len(categories), len(AREA_RANGES))
    precision = np.full(shape, -1.0)
    recall = np.full((shape[0], *shape[2:]), -1.0)
    for k, pictures in enumerate(categories):
        prepared = []
        for truths, found in pictures:
            best = [found[i] for i in np.argsort([-p.score for p in found], kind="stable")[:max_detections]]
            if truths or best:
                prepared.append((truths, best, _similarities(truths, best, sigmas)))
        for a, limits in enumerate(AREA_RANGES.values()):
            matches = [_match(truths, best, table, limits) for truths, best, table in prepared]
            curves = _accumulate(matches)
            if curves is not None:
                precision[:, :, k, a], recall[:, k, a] = curves
    return AveragePrecision(precision, recall)


def _similarities(truths: Sequence[OksTruth], found: Sequence[OksFound], sigmas: ArrayLike) -> Floats:
    """OKS of every prediction with every annotation, shape (D, G)."""
    table = np.zeros((len(found), len(truths)))
    if found:
        points = np.stack([p.points_px for p in found])
        for g, truth in enumerate(truths):
            table[:, g] = oks(points, truth.points_px, truth.labelled, truth.area_px, truth.box_px, sigmas)
    return table


def _match(
    truths: Sequence[OksTruth], found: Sequence[OksFound], similarities: Floats, limits: tuple[float, float]
) -> _Matches:
    """Give each prediction, best score first, the most similar annotation still free (``COCOeval.evaluateImg``)."""
    low, high = limits
    ignored = np.array([t.ignored or not low <= t.area_px <= high for t in truths], bool)
    order = np.argsort(ignored, kind="stable")  # those that count come first
    ignored = ignored[order]
    table = similarities[:, order]
    crowd = [truths[g].crowd for g in order]
    matchable = [truths[g].matchable for g in order]
    thresholds, counts = len(OKS_THRESHOLDS), len(found)
    matched = np.zeros((thresholds, counts), bool)
    found_ignored = np.zeros((thresholds, counts), bool)
    for t, threshold in enumerate(OKS_THRESHOLDS):
        taken = np.zeros(len(truths), bool)
        for d in range(counts):
            best, chosen = min(threshold, 1 - 1e-10), -1
            for g in range(len(truths)):
                if taken[g] and not crowd[g]:
                    continue
                if chosen > -1 and ignored[g] and not ignored[chosen]:
                    break  # one that counts is never given up for one that does not
                if table[d, g] >= best:
                    best, chosen = table[d, g], g
            if chosen > -1:
                taken[chosen] = True
                matched[t, d] = matchable[chosen]
                found_ignored[t, d] = ignored[chosen]
    outside = np.array([not low <= p.area_px <= high for p in found], bool)
    found_ignored |= ~matched & outside
    return _Matches(np.array([p.score for p in found], np.float64), matched, found_ignored, ignored)


def _accumulate(matches: Sequence[_Matches]) -> tuple[Floats, Floats] | None:
    """Precision (T, R) on the recall grid and final recall (T,) (``COCOeval.accumulate``); None if nothing counts."""
    positives = sum(int((~m.truth_ignored).sum()) for m in matches)
    if positives == 0:
        return None
    order = np.argsort(-np.concatenate([m.scores for m in matches]), kind="stable")
    matched = np.concatenate([m.matched for m in matches], axis=1)[:, order]
    counts = ~np.concatenate([m.found_ignored for m in matches], axis=1)[:, order]
    true = np.cumsum(matched & counts, axis=1, dtype=np.float64)
    false = np.cumsum(~matched & counts, axis=1, dtype=np.float64)
    curve = np.zeros((len(OKS_THRESHOLDS), len(RECALL_GRID)))
    final = np.zeros(len(OKS_THRESHOLDS))
    if not order.size:
        return curve, final
    reached = true / positives
    precision = true / (false + true + np.spacing(1))
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    for t in range(len(OKS_THRESHOLDS)):
        at = np.searchsorted(reached[t], RECALL_GRID, side="left")
        inside = at < order.size
        curve[t, inside] = envelope[t, at[inside]]
        final[t] = reached[t, -1]
    return curve, final


def mpjpe(found_m: ArrayLike, truth_m: ArrayLike, align: str | None = None, root: Sequence[int] = ()) -> float:
    """Mean per-joint position error of one person.

    Parameters
    ----------
    found_m, truth_m : array_like of shape (J, 3)
        Points in metres. Joints that are NaN in either are left out.
    align : {None, "root", "procrustes"}, optional
        None compares as given; "root" first puts the mean of the joints `root` of both at the origin; "procrustes"
        moves, turns and scales `found_m` onto `truth_m` in the sense of least squares (PA-MPJPE).
    root : sequence of int, optional
        Indices of the root joints (the hips), for ``align="root"``.

    Returns
    -------
    float
        Metres; NaN when the needed joints are missing (any for None, the root for "root", three for "procrustes").

    Raises
    ------
    ValueError
        For an unknown `align` or shapes that do not belong together.
    """
    found = np.asarray(found_m, np.float64)
    truth = np.asarray(truth_m, np.float64)
    if found.shape != truth.shape or found.ndim != 2 or found.shape[1] != 3:
        raise ValueError(f"mpjpe: expected two arrays (J, 3), found {found.shape} and {truth.shape}")
    known = np.asarray(np.isfinite(np.hstack([found, truth])).all(axis=1))
    if align == "root":
        if not len(root) or not known[list(root)].all():
            return float("nan")
        found = found - found[list(root)].mean(axis=0)
        truth = truth - truth[list(root)].mean(axis=0)
    elif align == "procrustes":
        if known.sum() < 3:
            return float("nan")
        return float(distances(procrustes(found[known], truth[known]), truth[known]).mean())
    elif align is not None:
        raise ValueError(f"mpjpe: align must be None, 'root' or 'procrustes', found {align!r}")
    return float(distances(found[known], truth[known]).mean()) if known.any() else float("nan")


def procrustes(points: ArrayLike, target: ArrayLike) -> Floats:
    """Move, turn (never mirror) and scale points onto others, least squares (Umeyama 1991, eq. 40 to 42).

    Parameters
    ----------
    points, target : array_like of shape (J, D)
        At least one point of `points` must differ from the others.

    Returns
    -------
    ndarray of shape (J, D), float64
        `points` after the transformation, in `target`'s frame and unit.
    """
    moved = np.asarray(points, np.float64)
    goal = np.asarray(target, np.float64)
    moved = moved - moved.mean(axis=0)
    centre = goal.mean(axis=0)
    u, stretch, vt = np.linalg.svd((goal - centre).T @ moved)
    signs = np.ones(len(stretch))
    if np.linalg.det(u @ vt) < 0:
        signs[-1] = -1.0
    scale = (stretch * signs).sum() / (moved**2).sum()
    aligned: Floats = scale * moved @ (u * signs @ vt).T + centre
    return aligned
