"""Record what pycocotools says about seeded random key points: ``python make_pycocotools.py pycocotools.npz``.

Needs pycocotools (recorded with 2.0.11). For every case the file holds ``<case>/input`` (the bytes of a JSON object
with ``truth``, a COCO key point file, and ``results``, a COCO results list) and what ``COCOeval(iouType="keypoints")``
made of it: ``<case>/precision`` (T, R, K, A), ``<case>/recall`` (T, K, A) and ``<case>/stats`` (10).
"""

import contextlib
import copy
import io
import json
import sys

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

NAMES = [
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder"),
    *("left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip"),
    *("left_knee", "right_knee", "left_ankle", "right_ankle"),
]


def person(rng, size):
    """Key points (17, 2) of a blob of `size` pixels somewhere on a 640 x 480 picture, to half a pixel."""
    centre = rng.uniform((0, 0), (640, 480))
    return np.round((centre + rng.normal(size=(17, 2)) * size / 3) * 2) / 2


def annotation(rng, number, image, category, *, size, crowd=False, labelled=0.8, ids_from=1):
    points = person(rng, size)
    visible = np.where(rng.random(17) < labelled, rng.integers(1, 3, 17), 0)
    points[visible == 0] = 0
    low, high = points.min(axis=0), points.max(axis=0)
    return {
        "id": number + ids_from,
        "image_id": image,
        "category_id": category,
        "keypoints": [float(v) for row in np.column_stack([points, visible]) for v in row],
        "num_keypoints": int((visible > 0).sum()),
        "bbox": [float(v) for v in (*low, *(high - low))],
        "area": round(float(np.prod(high - low)) * rng.uniform(0.4, 1.0), 2),
        "iscrowd": int(crowd),
    }


def prediction(rng, near, noise, score):
    points = np.reshape(near["keypoints"], (17, 3))[:, :2]
    span = max(near["bbox"][2:]) or 40.0
    moved = np.round((points + rng.normal(size=(17, 2)) * noise * span) * 100) / 100
    return {
        "image_id": near["image_id"],
        "category_id": near["category_id"],
        "keypoints": [float(v) for x, y in moved for v in (x, y, 1)],
        "score": score,
    }


def case(
    seed,
    *,
    images=6,
    people=4,
    found=1.0,
    extra=1,
    noise=0.05,
    crowd=0.0,
    empty=0.0,
    ties=False,
    exact=False,
    sizes=(15, 260),
    categories=(1,),
    boxes=False,
    ids_from=1,
    blank=0,
):
    """One random COCO file and results for it; the last `blank` images have predictions only."""
    rng = np.random.default_rng(seed)
    truth, results = [], []
    shuffled = [int(i) for i in rng.permutation(np.arange(1, images + 1) * 7)]  # ids neither dense nor in order
    for place, image in enumerate(shuffled):
        for category in categories:
            for _ in range(int(rng.integers(1, people + 1))):
                near = annotation(
                    rng,
                    len(truth),
                    image,
                    category,
                    size=rng.uniform(*sizes),
                    crowd=rng.random() < crowd,
                    labelled=0.0 if rng.random() < empty else 0.8,
                    ids_from=ids_from,
                )
                truth.append(near)
                for _ in range(int(rng.poisson(extra)) + (rng.random() < found)):
                    score = round(float(rng.random()), 1 if ties else 6)
                    results.append(prediction(rng, near, 0.0 if exact else noise * rng.random(), score))
            if place >= images - blank:
                truth = [a for a in truth if a["image_id"] != image]
    if boxes:
        for result in results:
            xy = np.reshape(result["keypoints"], (17, 3))[:, :2]
            low, high = xy.min(axis=0) - 5, xy.max(axis=0) + 5
            result["bbox"] = [float(v) for v in (*low, *(high - low))]
    order = rng.permutation(len(results))
    return {
        "truth": {
            "images": [{"id": i, "file_name": f"{i}.jpg", "width": 640, "height": 480} for i in shuffled],
            "annotations": truth,
            "categories": [{"id": c, "name": f"person{c}", "keypoints": NAMES} for c in categories],
        },
        "results": [results[i] for i in order],
    }


CASES = {
    "plain": case(1),
    "crowds": case(2, crowd=0.4, extra=3, people=6),
    "without_points": case(3, empty=0.4, extra=2),
    "crowds_without_points": case(4, crowd=0.5, empty=0.5, extra=3),
    "many_predictions": case(5, images=3, people=5, extra=9, noise=0.08),
    "ties": case(6, ties=True, extra=3, images=8),
    "exact": case(7, exact=True, extra=1),
    "small_people": case(8, sizes=(4, 90)),
    "two_categories": case(9, categories=(1, 5), crowd=0.2, empty=0.1),
    "boxes_given": case(10, boxes=True, sizes=(20, 160)),
    "ids_from_zero": case(11, ids_from=0, images=2, people=2),
    "blank_pictures": case(12, blank=2),
    "poor": case(13, noise=0.5, found=0.6),
    "nothing_counts": case(14, crowd=1.0),
}


def record(data):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(data["truth"])
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(copy.deepcopy(data["results"])), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {
        "precision": evaluation.eval["precision"][..., 0],
        "recall": evaluation.eval["recall"][..., 0],
        "stats": evaluation.stats,
    }


def main(path):
    arrays = {}
    for name, data in CASES.items():
        text = json.dumps(data, separators=(",", ":")).encode()
        arrays[f"{name}/input"] = np.frombuffer(text, np.uint8)
        for key, value in record(data).items():
            arrays[f"{name}/{key}"] = value
    np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
