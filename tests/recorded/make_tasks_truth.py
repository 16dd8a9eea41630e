"""Write refpose/study/_truth/tasks.json: what MediaPipe Tasks gave on the pictures that come with the package.

python make_tasks_truth.py WHOLE_SET/tasks/tasks_dev.h5 ../../refpose/study/_truth/tasks.json
"""

import hashlib
import json
import sys

import h5py

RUN, PICTURES = "image_lite_n3", ("astronaut", "coffee", "hopper_small")


def main(source: str, target: str) -> None:
    """Copy the numbers of the pictures' stages, and hashes of their landmarks."""
    found: dict = {}
    with h5py.File(source) as file:
        run = file[RUN]
        for version in ("0.10.21", "1.2.3"):
            truth, stages = run[version], run[version]["stages"]
            people, regions = truth["people"][()], stages["rois_count"][()]
            for i, name in enumerate(run["source"].asstr()):
                picture = name.removeprefix("image:")
                if picture not in PICTURES:
                    continue
                person = slice(people[:i].sum(), people[: i + 1].sum())
                region = slice(regions[:i].sum(), regions[: i + 1].sum())
                found.setdefault(version, {})[picture] = {
                    "detector/input": int(stages["det_input_crc32"][i]),
                    "roi/crop_n": [[float(v) for v in row] for row in stages["rois"][region]],
                    "crop/input": [int(crc) for crc in stages["crop_crc32"][region]],
                    "result/landmarks_n": hashlib.sha256(truth["landmarks"][person].tobytes()).hexdigest(),
                    "result/world_m": hashlib.sha256(truth["world"][person].tobytes()).hexdigest(),
                }
    with open(target, "w") as out:
        json.dump(found, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
