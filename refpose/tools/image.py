"""Find the person on pictures.

For every picture NAME.jpg the folder OUT gets NAME.png (the picture with the skeleton in MediaPipe's colours, the
rotated region that the landmark network saw, and the detector's box around the head) and NAME.json (everything that
was found, an empty list of people if nothing was); with --csv also NAME.csv (a line per keypoint), with --mask
NAME.mask.png (0 background, 255 person). For one picture, OUT may be the name of the PNG itself.

Pictures of folders and their subfolders are taken by their ending. Where two pictures would get the same name, the
whole name is kept (NAME.jpg.png). Results that are there already are not overwritten without --force, inputs never.
Files appear whole or not at all, the JSON last.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__, draw, tables
from ..images import ENDINGS, READABLE, read_image, write_png
from ..pose import Person, Pose
from . import batch, cores, options, records

RECORD = ".json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``refpose image``."""
    parser.add_argument(
        "photos",
        nargs="+",
        type=options.picture,
        metavar="PHOTO",
        help=f"a picture ({READABLE}), or a folder of pictures; - reads a picture from standard input",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="OUT",
        help="folder of the results; for one picture also NAME.png",
    )
    parser.add_argument("--csv", action="store_true", help="write a table with a line per keypoint too")
    parser.add_argument("--mask", action="store_true", help="find and write the person's mask too")
    options.add_drawing(parser, draw.PARTS)
    options.add_arguments(parser)
    batch.add_arguments(parser, "pictures")


def run(args: argparse.Namespace) -> int:
    """Do ``refpose image``."""
    endings = [".png", RECORD] + [".csv"] * args.csv + [".mask.png"] * args.mask
    plan = batch.plan(args.photos, args.output, ENDINGS, endings)
    start = Annotator(args)
    todo = batch.unfinished(plan, endings, start.made_with, args, RECORD)
    todo = batch.make_folders(plan, todo)
    jobs = cores.processes(args.jobs, len(todo), args.threads)
    return batch.report(batch.run(todo, start, jobs), plan, len(todo), "pictures")


class Annotator:
    """What is to be done with every picture; called, it makes the function that does it.

    Parameters
    ----------
    args : argparse.Namespace
        The arguments of ``refpose image``.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.drawn = options.drawn(args)
        self.pose = options.settings(args, mode="image", segmentation=args.mask)
        self.made_with = {
            "refpose": __version__,
            "settings": {**self.pose, "drawn": self.drawn},
            "weights_sha256": options.weights_sha256(self.pose["model"]),
        }
        self.force = args.force
        self.threads = args.threads
        self.csv = args.csv

    def __call__(self) -> batch.Work:
        """Load the networks; the function that is returned takes a task and says what was found."""
        return partial(self.annotate, options.make_pose(self.pose, self.threads))

    def annotate(self, pose: Pose, task: batch.Task) -> str:
        """Do one picture."""
        with records.writing(task.source, task.output(RECORD), self.made_with, self.force) as results:
            picture = read_image(task.source)
            people = pose.process(picture)
            for person in people:
                draw.person(picture, person, self.drawn)
            write_png(results.path(task.output(".png")), picture)
            if self.csv:
                name = results.path(task.output(".csv"))
                with tables.create(name, str(task.source), {}, names=pose.topology.names) as table:
                    table.write(0, 0.0, people)
            if pose.segmentation:
                write_png(results.path(task.output(".mask.png")), grey_mask(people, picture.shape[:2]))
            results.finish(record(people, picture.shape[:2]))
        found = f"person with score {people[0].score:.3f}" if people else "no person"
        return f"{found} -> {task.output('.png')}"


def grey_mask(people: Sequence[Person], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Give the mask as grey values, 0 background to 255 person; all 0 where nobody was found."""
    grey = np.zeros(shape, np.uint8)
    for person in people:
        if person.segmentation_mask is not None:
            np.maximum(grey, np.rint(person.segmentation_mask * 255).astype(np.uint8), out=grey)
    return grey


def table_rows(person: Person) -> list[list[float | None]]:
    """Give `tables.VALUES` of every key point; None where the model finds none."""
    return [[None if np.isnan(v) else v for v in row] for row in tables.values(person).tolist()]


def record(people: Sequence[Person], shape: tuple[int, int]) -> dict[str, Any]:
    """Put all that was found into the form of the JSON file.

    Parameters
    ----------
    people : sequence of Person
    shape : (int, int)
        Height and width of the picture in pixels.

    Returns
    -------
    dict
        Numbers are those of `Person`, float32 written out in full.
    """
    height, width = shape
    return {
        "width": width,
        "height": height,
        "people": [
            {
                "score": float(person.score),
                "roi": {**asdict(person.roi), "corners_px": person.roi.corners_px(width, height).tolist()},
                "detection": person.detection
                and {
                    "score": float(person.detection.score),
                    "box": person.detection.box_n.tolist(),
                    "keypoints": person.detection.keypoints_n.tolist(),
                },
                "keypoints": [
                    {"name": name, **dict(zip(tables.VALUES, row, strict=True))}
                    for name, row in zip(person.topology.names, table_rows(person), strict=True)
                ],
            }
            for person in people
        ],
    }
