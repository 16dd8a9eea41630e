"""Find the person on pictures.

For every picture NAME.jpg the folder OUT gets NAME.png (the picture with the skeleton in MediaPipe's colours, the
rotated region that the landmark network saw, and the detector's box around the head) and NAME.json (everything that
was found, an empty list of people if nothing was); with --csv also NAME.csv (a line per keypoint), with --format the
files of other programs, in which a picture is one frame at 0 seconds. For one picture, OUT may be the name of the PNG
itself. With a name (--parquet all.parquet) a table is one for all pictures, in their order; with --resume of those of
before, too.

--mask writes NAME.mask.png (0 background, 255 person), and where several people are looked for NAME.mask_person0.png
and so on, one for each in the order of the JSON file. --labels writes NAME.labels.png: 0 background, else the label
that the JSON file states of a person; where masks overlap, that of the most probable one.

Pictures of folders and their subfolders are taken by their ending. Where two pictures would get the same name, the
whole name is kept (NAME.jpg.png). Results that are there already are not overwritten without --force, inputs never.
Files appear whole or not at all, the JSON last.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__, draw, masks, motion, tables
from ..extras import require
from ..families import topology_of
from ..files import printable
from ..images import ENDINGS, READABLE, read_image, write_png
from ..motion import FORMATS
from ..motion.angles import Stream
from ..motion.labels import draw_angles
from ..motion.recording import Recorder
from ..person import Person
from ..pose import Pose
from . import batch, cluster, movement, options, outputs, planning, progress, records
from .streams import drawn, of_number, only, without_unsure
from .together import records_of, refuse_foreign
from .together import write as write_together

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
        type=options.output,
        metavar="OUT",
        help="folder of the results; for one picture also NAME.png",
    )
    movement.add_tables(parser, tables.KINDS, "picture", "one of all pictures as NAME says")
    parser.add_argument("--mask", action="store_true", help="find and write the person's mask too")
    parser.add_argument("--labels", action="store_true", help="write a picture that tells people's masks apart too")
    movement.add_region(parser)
    movement.add_confidence(parser)
    movement.add_angles(parser)
    movement.add_formats(parser, "--format", but=["plot"])
    options.add_drawing(parser, draw.PARTS)
    movement.add_angle_labels(parser)
    options.add_arguments(parser)
    planning.add_arguments(parser, "pictures")


def run(args: argparse.Namespace) -> int:
    """Do ``refpose image``."""
    kinds = movement.tables_of(args, tables.KINDS)
    together = {path: (kind,) for kind, path in kinds.items() if path is not True}
    each = [kind for kind, path in kinds.items() if path is True and kind != RECORD]  # which every picture has
    if ".parquet" in kinds:
        require("pyarrow.parquet", "parquet")
    formats = movement.formats(args)
    endings = [".png", RECORD, *each, *(FORMATS[name].ending for name in formats)]
    endings += [".mask.png"] * args.mask + [".labels.png"] * args.labels
    plan = planning.plan(args.photos, args.output, ENDINGS, endings)
    sources = [task.source for task in plan.tasks]
    if clash := {*together, *records_of(together)} & {task.output(RECORD) for task in plan.tasks}:
        raise argparse.ArgumentError(None, f"{clash.pop()} is the name of one picture's results; choose another")
    outputs.check(together | records_of(together), sources, args.force or args.resume, args.output)
    if args.resume:
        refuse_foreign(together)
    start = Annotator(args, each)
    todo = planning.unfinished(plan, endings, start.made_with, args, RECORD)
    todo = planning.make_folders(plan, todo)
    outcomes = cluster.outcomes(args, todo, start, cluster.LARGEST_GROUP)
    code = progress.report(outcomes, plan, len(todo), "pictures")
    for path in together:
        form = (start.names, args.wide, args.angles, args.every_frame, args.person)
        count = write_together(path, args.output, plan.tasks, start.made_with, args.force, *form)
        outputs.tell(f"{count} pictures -> {printable(path)}", path)
    return code


class Annotator:
    """What is to be done with every picture; called, it makes the function that does it.

    Parameters
    ----------
    args : argparse.Namespace
        The arguments of ``refpose image``.
    kinds : list of str
        The tables that every picture has.

    Attributes
    ----------
    names : tuple of str
        Of the key points that are found.
    """

    def __init__(self, args: argparse.Namespace, kinds: list[str]) -> None:
        self.drawn, self.color_by = options.drawn(args), args.color_by
        self.mask, self.labelled = args.mask, args.labels
        self.pose = options.settings(args, mode="image", segmentation=args.mask or args.labels)
        settings = {**self.pose, "drawn": self.drawn}
        if self.color_by != draw.COLOR_BY[0]:
            settings["color_by"] = self.color_by
        told = ("roi", "min_visibility", "angles", "draw_angles", "labels", "wide", "every_frame")
        settings |= {name: value for name in told if (value := getattr(args, name)) not in (None, False)}
        if args.roi is not None:
            settings["roi"] = list(args.roi)
        self.formats, self.options = movement.formats(args), movement.format_options(args)
        if self.formats:
            settings["formats"] = self.formats
        if changed := movement.told(self.options):
            settings["options"] = changed
        if args.angles or args.draw_angles:
            settings |= {"angles_from": args.angles_from, "facing": args.facing}
        self.made_with = {
            "refpose": __version__,
            "settings": settings,
            "weights_sha256": options.weights_sha256(self.pose["model"]),
        }
        self.roi, self.least = args.roi, args.min_visibility
        self.angles, self.labels = args.angles, args.draw_angles
        self.angles_from, self.facing = args.angles_from, args.facing
        self.force = args.force
        self.threads = args.threads
        self.kinds, self.wide, self.every_frame = kinds, args.wide, args.every_frame
        self.names = topology_of(args.model).names

    def __call__(self) -> batch.Work:
        """Load the networks; the function that is returned takes a task and says what was found."""
        return partial(self.annotate, options.make_pose(self.pose, self.threads))

    def annotate(self, pose: Pose, task: planning.Task) -> str:
        """Do one picture."""
        with records.writing(task.source, task.output(RECORD), self.made_with, self.force) as results:
            picture = read_image(task.source)
            people = pose.process(picture if self.roi is None else only(picture, self.roi))
            shown = [drawn(person, self.least) for person in people]
            if self.least is not None:
                people = [without_unsure(person, self.least) for person in people]
            stream = Stream(pose.topology.names, self.angles_from, facing=self.facing)
            turned = stream.of_people(people)
            draw.people(picture, shown, self.drawn, self.color_by)
            if self.labels:
                for person, degrees in zip(shown, turned, strict=True):
                    draw_angles(picture, person, degrees)
            write_png(results.path(task.output(".png")), picture)
            columns = stream.angles if self.angles else ()
            how = self.made_with | {"video": {"width": picture.shape[1], "height": picture.shape[0]}}
            chosen, places = of_number(people, self.options.person)
            for kind in self.kinds:
                with tables.create(
                    results.path(task.output(kind)),
                    str(task.source),
                    how,
                    self.wide,
                    pose.topology.names,
                    angles=columns,
                    every_frame=self.every_frame,
                ) as table:
                    table.write(0, 0.0, chosen, turned[places] if self.angles else None)
            self._export(results, task, people, picture.shape[:2], pose.topology.names)
            if self.mask:
                self._write_masks(results.path(task.output(".mask.png")), people, picture.shape[:2])
            told = record(people, picture.shape[:2])
            if self.labelled:
                write_png(results.path(task.output(".labels.png")), masks.label_image(people, picture.shape[:2]))
                for entry, label in zip(told["people"], masks.labels_of(people), strict=True):
                    entry["label"] = label
            if self.angles:
                for entry, degrees in zip(told["people"], turned.tolist(), strict=True):
                    values = [None if math.isnan(value) else value for value in degrees]
                    entry["angles"] = dict(zip(columns, values, strict=True))
            results.finish(told)
        found = f"person with score {people[0].score:.3f}" if people else "no person"
        if len(people) > 1:
            found = f"{len(people)} people"
        return f"{found} -> {task.output('.png')}"

    def _write_masks(self, path: Path, people: Sequence[Person], shape: tuple[int, int]) -> None:
        """Write everybody's mask, and where several people are looked for, one of each."""
        write_png(path, masks.grey(people, shape))
        if self.pose.get("people", 1) != 1:
            for place, person in enumerate(people):
                write_png(path.with_name(f"{path.stem}_person{place}.png"), masks.grey([person], shape))

    def _export(
        self,
        results: records.Results,
        task: planning.Task,
        people: Sequence[Person],
        shape: tuple[int, int],
        names: tuple[str, ...],
    ) -> None:
        """Write the files for other programs: of one frame, at 0 seconds."""
        recorder = Recorder(str(task.source), {"video": {"width": shape[1], "height": shape[0]}}, names)
        recorder.add(0, 0.0, people)
        block = recorder.rest()
        for name in self.formats:
            path = results.path(task.output(FORMATS[name].ending))
            with motion.export(path, name, self.options, split=True) as file:
                file.write(block)


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
