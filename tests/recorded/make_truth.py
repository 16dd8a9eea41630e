"""Make refpose/_truth, what ``refpose verify`` compares with: pictures, and what MediaPipe made of them.

    python tests/recorded/make_truth.py

Stages and raw outputs are those that MediaPipe 0.10.21 was recorded with (tests/golden), under the names of
`explain`. Of large arrays a sample is kept and the hash of the whole. MediaPipe gives no access to the layers
of its networks; theirs are from refpose's reference engine, and are kept only because that engine's outputs are equal
to MediaPipe's on the same input, which is checked here.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from refpose.engine import load_network
from refpose.networks import ops
from refpose.stages import detector, landmarks, warp
from refpose.study.truth import FOLDER, digest, positions

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
PICTURES = ("astronaut", "hopper_small", "coffee")
MODELS = ("lite", "full", "heavy")
LAYERS_ON = "astronaut"
NETWORKS = ("detector", *MODELS)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    licences = {entry["id"]: entry for entry in json.loads((GOLDEN / "images.json").read_text())["images"]}
    with (
        h5py.File(FOLDER / "truth.h5", "w", libver=("earliest", "v110")) as out,
        h5py.File(GOLDEN / "pipeline.h5") as golden,
    ):
        out.attrs["source"] = "MediaPipe 0.10.21, mp.solutions.pose in static mode"
        for name in PICTURES:
            copy_picture(name)
            group = golden[name]
            put(out, name, shared(group))
            for number, model in enumerate(MODELS):
                if group[f"c{number}"].attrs["found"]:
                    put(out, f"{name}/{model}", of_model(group[f"c{number}"]))
            out[name].attrs["licence"] = licences[name].get("licence") or licences[name].get("terms") or ""
        for network in NETWORKS:
            put_layers(out, network)


def copy_picture(name: str) -> None:
    shutil.copyfile(GOLDEN / "images" / f"{name}.png", FOLDER / f"{name}.png")


def shared(group: Any) -> dict[str, Any]:
    """What does not depend on the landmark network."""
    det = warp.scale_u8(group["det_input_u8"][()], detector.BLAZEPOSE.scale, detector.BLAZEPOSE.offset)
    found = {"detector/input": det, "detector/candidates_sq": group["detections_raw"][()]}
    if "roi_input_u8" in group:
        found |= {
            "detector/blend_sq": group["detections_nms"][0],
            "detector/blend_n": group["detections"][0],
            "roi/crop_n": group["rect_from_detection"][()],
            "crop/input": warp.scale_u8(
                group["roi_input_u8"][()], landmarks.BLAZEPOSE.scale, landmarks.BLAZEPOSE.offset
            ),
        }
    return found


def of_model(group: Any) -> dict[str, Any]:
    rows, world = group["landmarks"][()], group["world"][()]
    found = {
        "network/landmarks": group["net_landmarks"][()].reshape(39, 5),
        "network/presence": group["presence"][()],
        "network/world": group["net_world"][()].reshape(39, 3),
        "landmarks/decoded_roi": group["roi_landmarks_net"][: landmarks.USED],
        "landmarks/refined_roi": group["roi_landmarks"][: landmarks.USED],
        "result/landmarks_n": rows[:, :3],
        "result/visibility": rows[:, 3],
        "result/presence": rows[:, 4],
        "result/world_m": world[:, :3],
    }
    for name, recorded in (("network/segmentation", "net_segmentation"), ("network/heatmap", "net_heatmap")):
        if recorded in group:
            found[name] = group[recorded][()]
    if "mask" in group:
        found["result/mask"] = group["mask"][()]
    return found


def put(out: Any, where: str, arrays: dict[str, Any]) -> None:
    for name, array in arrays.items():
        values = np.ascontiguousarray(array).reshape(-1)
        at = positions(values.size)
        dataset = out.create_dataset(f"{where}/{name}", data=values[at], track_times=False)
        dataset.attrs["sha256"] = digest(np.asarray(array))
        dataset.attrs["shape"] = np.array(array.shape, np.int64)


def put_layers(out: Any, name: str) -> None:
    network = load_network(name, "reference")
    with h5py.File(GOLDEN / "pipeline.h5") as golden:
        arrays = shared(golden[LAYERS_ON])
        x = arrays["detector/input" if name == "detector" else "crop/input"]
        if name != "detector":
            arrays = of_model(golden[LAYERS_ON][f"c{MODELS.index(name)}"])
    names, digests, samples = [], [], []
    made = {}
    for step, y in network.tape.trace(ops.FUNCTIONS, network.weights, x):
        names.append(step.name)
        digests.append(digest(y))
        samples.append(np.resize(np.ascontiguousarray(y).reshape(-1)[positions(y.size, 16)], 16))
        made[step.out.index] = y
    outputs = {output: made[val.index] for output, val in network.tape.outputs.items()}
    if name == "detector":
        same = np.array_equal(detector.decode(outputs["boxes"], outputs["scores"]), arrays["detector/candidates_sq"])
    else:
        same = all(
            np.array_equal(outputs[what], arrays[f"network/{what}"]) for what in ("landmarks", "presence", "world")
        )
    if not same:
        raise SystemExit(f"{name}: the outputs are not what MediaPipe makes of {LAYERS_ON}")
    group = out.create_group(f"layers/{name}")
    group.attrs["picture"] = LAYERS_ON
    group.create_dataset("name", data=np.array(names, "S"), track_times=False)
    group.create_dataset("sha256", data=np.array(digests, "S"), track_times=False)
    group.create_dataset("sample", data=np.array(samples, np.float32), track_times=False)
    weights = group.create_group("weights")
    stored = network.weights.stored
    weights.create_dataset("name", data=np.array(list(network.tape.weights), "S"), track_times=False)
    weights.create_dataset(
        "sha256", data=np.array([digest(stored[w]) for w in network.tape.weights], "S"), track_times=False
    )


if __name__ == "__main__":
    main()
