"""Take the part of the whole recorded set that may be redistributed: python extract.py WHOLE_SET

Writes images/, images.json, pipeline.h5, as_written.h5 and nets.h5 beside this file, laid out like the whole set.
"""

import json
import shutil
import sys
from pathlib import Path

import h5py

HERE = Path(__file__).resolve().parent


def copy(source: h5py.File, target: h5py.File, path: str) -> None:
    """Copy a group or dataset with everything in it, and the attributes of the groups it is in."""
    parent, _, name = path.rpartition("/")
    group = target.require_group(parent) if parent else target
    source.copy(source[path], group, name)
    while parent:
        target[parent].attrs.update(source[parent].attrs)
        parent = parent.rpartition("/")[0]


def main(whole: Path) -> None:
    listed = json.loads((whole / "images.json").read_text())
    pictures = [picture for picture in listed["images"] if "redistributable" in picture["tags"]]
    names = [picture["id"] for picture in pictures]
    (HERE / "images").mkdir(exist_ok=True)
    for picture in pictures:
        picture.pop("original", None)
        shutil.copyfile(whole / picture["file"], HERE / picture["file"])
    (HERE / "images.json").write_text(json.dumps({"images": pictures}, indent=1) + "\n")

    def start(name: str) -> tuple[h5py.File, h5py.File]:
        source, target = h5py.File(whole / name), h5py.File(HERE / name, "w", libver="v110")
        target.attrs.update(source.attrs)
        return source, target

    source, target = start("pipeline.h5")
    with source, target:
        for name in names:
            copy(source, target, name)
        for name, group in source["_thresholds"].items():
            if group.attrs["image"] in names:
                copy(source, target, f"_thresholds/{name}")
    source, target = start("as_written.h5")
    with source, target:
        for name in names:
            copy(source, target, f"images/{name}")
    source, target = start("nets.h5")
    with source, target:
        inputs = ("astronaut", "noise")
        for network, group in source["inputs"].items():
            for name in group:
                if name in inputs:
                    copy(source, target, f"inputs/{network}/{name}")
        for network in source:
            if network != "inputs":
                for name in inputs:
                    copy(source, target, f"{network}/outputs/{name}/xnnpack")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
