"""Find the person in videos.

For every video NAME.mov the folder OUT gets NAME.mp4 (the video with the skeleton drawn in, its sound kept, H.264 that
browsers play), the tables that are asked for (NAME.csv, NAME.parquet, NAME.h5, NAME.json) and NAME.meta.json (how they
came about, how many frames, how many of them broken). For one video, OUT may be the name of the MP4 itself, and each
table may be given a name of its own; without OUT only these tables are written.

Tables have a row per keypoint (with --wide one per person): source, frame, time_s, person, keypoint, x_px, y_px, z,
xw_m, yw_m, zw_m, visibility, presence. Frames on which nobody was found have no rows. Times are the video's own
presentation times, in seconds.

Broken frames are skipped and counted; a file whose end is missing is done as far as it goes. Ctrl-C ends the results
with the last frame that was done. --resume does both again. Results that are there already are not overwritten without
--force, inputs never. Files appear whole or not at all, NAME.meta.json last.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from .. import __version__, draw, messages, tables
from ..extras import require
from ..files import printable
from ..motion.labels import draw_angles
from ..pose import Pose
from ..video import CRF, ENDINGS, PRESET, PRESETS, READABLE, Reader, Writer, create, process
from . import batch, cluster, cores, movement, options, outputs, planning, progress, records
from .signals import stopped
from .streams import Clip, Streams, Wanted, drawn

VIDEO, RECORD = ".mp4", ".meta.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``refpose video``."""
    parser.add_argument("videos", nargs="+", metavar="VIDEO", help=f"a video ({READABLE}), or a folder of videos")
    parser.add_argument(
        "-o", "--output", type=options.output, metavar="OUT", help="folder of the results; for one video also NAME.mp4"
    )
    movement.add_tables(parser, tables.KINDS, "video", "as NAME says")
    parser.add_argument("--no-video", dest="video", action="store_false", help="write tables only")
    parser.add_argument("--no-sound", dest="sound", action="store_false", help="leave the sound out")
    encoder = parser.add_argument_group("encoder of the annotated video")
    encoder.add_argument(
        "--preset", choices=PRESETS, default=PRESET, metavar="NAME", help=f"from fast to small: {', '.join(PRESETS)}"
    )
    encoder.add_argument(
        "--crf",
        type=_rate_factor,
        default=CRF,
        metavar="N",
        help="constant rate factor, 1 to 51: lower looks better and takes more bytes",
    )
    group = parser.add_argument_group("what is looked at, and what tables have")
    movement.add_times(group)
    movement.add_region(group)
    group.add_argument("--raw", action="store_true", help="columns with the values before smoothing too")
    movement.add_confidence(group)
    movement.add_angles(parser)
    movement.add_formats(parser, "--format")
    movement.add_smoothing(parser)
    options.add_drawing(parser, ("skeleton",))
    movement.add_angle_labels(parser)
    options.add_arguments(parser)
    planning.add_arguments(parser, "videos")


def _rate_factor(text: str) -> float:
    """Read the argument of ``--crf``."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 51:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 1 to 51")
    return value


@dataclass(frozen=True)
class Task(planning.Task):
    """One video and where its results go.

    Attributes
    ----------
    named : tuple of (str, Path)
        Results that have a name of their own, by their ending.
    """

    named: tuple[tuple[str, Path], ...] = ()

    @property
    def folders(self) -> set[Path]:
        return super().folders | {path.parent for _, path in self.named}

    def output(self, ending: str) -> Path:
        return dict(self.named).get(ending) or super().output(ending)


def run(args: argparse.Namespace) -> int:
    """Do ``refpose video``."""
    kinds = movement.tables_of(args, tables.KINDS)
    wanted = Wanted.of(args)
    with_video = args.video and args.output is not None
    if not kinds and not wanted.formats and not with_video:
        raise argparse.ArgumentError(None, "nothing to write: name OUT with -o, or ask for a table")
    endings = [VIDEO] * with_video + [*kinds, *wanted.endings, RECORD]
    plan = _plan(args, kinds, endings)
    # Before any work is done, rather than once per video.
    require("av", "video")
    if ".parquet" in kinds:
        require("pyarrow.parquet", "parquet")
    start = Annotator(args, wanted, endings, progress=len(plan.tasks) == 1)
    todo = planning.unfinished(plan, endings, start.made_with, args, RECORD)
    todo = planning.make_folders(plan, todo)
    jobs = cores.processes(args.jobs, len(todo), args.threads)
    start.ahead = 0 if args.dask else cores.ahead(jobs, args.threads)
    with batch.stop_on_interrupt() if jobs == 1 and not args.dask else ExitStack():
        return progress.report(cluster.outcomes(args, todo, start), plan, len(todo), "videos")


def _plan(args: argparse.Namespace, kinds: dict[str, Any], endings: list[str]) -> planning.Plan:
    """Give the videos and where their results go."""
    named = tuple((kind, path) for kind, path in kinds.items() if path is not True)
    out = args.output
    if out is None:
        if len(named) < len(kinds) or len(named) + 1 < len(endings):
            raise argparse.ArgumentError(None, "name OUT with -o, or give every table a name of its own")
        out = named[0][1].with_suffix(endings[0])
    plan = planning.plan(args.videos, out, ENDINGS, endings)
    if not named:
        return plan
    if len(plan.tasks) + len(plan.problems) > 1 or Path(args.videos[0]).is_dir():
        raise argparse.ArgumentError(None, f"{named[0][1]} is the name of one file; for several inputs, name a folder")
    plan.tasks = [Task(task.source, task.stem, named) for task in plan.tasks]
    for task in plan.tasks:
        outputs.refuse_inputs([path for _, path in named], [task.source])
    return plan


class Annotator:
    """What is to be done with every video; called, it makes the function that does it.

    Parameters
    ----------
    args : argparse.Namespace
        The arguments of ``refpose video``.
    endings : list of str
        The endings of the results.
    progress : bool
        Whether to show how far a video is.

    Attributes
    ----------
    ahead : int
        How many frames may wait to be looked at, and to be encoded: with 0, one thread does all.
    """

    ahead = 0

    def __init__(self, args: argparse.Namespace, wanted: Wanted, endings: list[str], progress: bool) -> None:
        self.pose = options.settings(args, mode="video", smooth=movement.smoothing(args))
        self.drawn, self.color_by = options.drawn(args), args.color_by
        self.sound = args.sound
        self.wanted = wanted
        self.quality: dict[str, Any] = {"preset": args.preset, "crf": args.crf}
        settings = {**self.pose, "drawn": self.drawn, "sound": self.sound, "wide": args.wide} | wanted.settings
        if self.color_by != draw.COLOR_BY[0]:
            settings["color_by"] = self.color_by
        if VIDEO in endings:
            settings["encoder"] = self.quality
        self.made_with = {
            "refpose": __version__,
            "settings": settings,
            "weights_sha256": options.weights_sha256(self.pose["model"]),
        }
        self.force = args.force
        self.threads = args.threads
        self.endings = endings[:-1]  # without the record
        self.progress = progress

    def __call__(self) -> batch.Work:
        """Load the networks; the function that is returned takes a task and says what was found."""
        return partial(self.annotate, options.make_pose(self.pose, self.threads))

    def annotate(self, pose: Pose, task: planning.Task) -> str:
        """Do one video.

        Raises
        ------
        KeyboardInterrupt
            When the user wanted to stop, after the results were ended.
        """
        with (
            Reader(task.source, self.threads, self.ahead) as reader,
            progress.Bar(reader.expected_frames, "frames", self.progress) as bar,
            records.writing(task.source, task.output(RECORD), self.made_with, self.force) as results,
        ):
            wanted = self.wanted
            clip = Clip(reader, wanted.start, wanted.end, wanted.fps, wanted.roi)
            frames = process(clip, pose)
            first = next(frames, None)
            if first is None:
                raise ValueError(f"{task.source}: no frame is shown between --start and --end")
            how = {
                **self.made_with,
                "source": printable(task.source),
                "video": {
                    "codec": reader.codec,
                    "fps": reader.fps,
                    "duration_s": reader.duration,
                    "frames": reader.declared,
                    "width": first.rgb.shape[1],
                    "height": first.rgb.shape[0],
                },
            }
            found, interrupted = 0, False
            with ExitStack() as files:
                paths = {ending: results.path(task.output(ending)) for ending in self.endings}
                streams = Streams(files, paths, str(task.source), how, pose, self.wanted)
                movie = self._movie(results, task, reader, files)
                for result in chain([first], frames):
                    angles = streams.write(result.index, result.time, result.people)
                    if movie is not None:
                        shown = [drawn(person, self.wanted.min_visibility) for person in result.people]
                        draw.people(clip.rgb, shown, self.drawn, self.color_by)
                        if self.wanted.draw_angles:
                            for person, degrees in zip(shown, angles, strict=True):
                                draw_angles(clip.rgb, person, degrees, streams.angle_names)
                        movie.write(clip.rgb, clip.time)
                    found += bool(result.people)
                    bar.advance()
                    if batch.stopping():
                        interrupted = True
                        if movie is not None:
                            movie.stop_sound()
                        break
                streams.finish()
                if clip.ended and movie is not None:
                    movie.stop_sound()
            counts = {
                "frames": clip.count,
                "frames_with_person": found,
                "broken": reader.broken,
                "mended_times": reader.mended,
                "cut_short": reader.cut_short,
                "sound": movie and movie.sound,
            }
            if streams.interpolated:
                counts["interpolated"] = streams.interpolated
            results.finish(how | counts, complete=not (interrupted or reader.cut_short))
        for remark in streams.remarks:
            messages.say(f"{task.source}: {remark}", sys.stderr)
        written = [task.output(ending) for ending in self.endings]
        written += [task.output(RECORD).with_name(name) for name in streams.further]
        told = f"{_summary(counts, reader.declared)} -> {', '.join(map(str, written))}"
        if interrupted:
            messages.say(f"{task.source}: interrupted after {told}", sys.stderr)
            raise stopped()
        return told

    def _movie(self, results: records.Results, task: planning.Task, reader: Reader, files: ExitStack) -> Writer | None:
        """Begin the annotated video, if there shall be one."""
        if VIDEO not in self.endings:
            return None
        sound_of = reader.path if self.sound else None
        shape = (reader.fps, sound_of, reader.pixel_aspect, self.threads)
        return files.enter_context(create(results.path(task.output(VIDEO)), *shape, **self.quality, behind=self.ahead))


def _summary(counts: dict[str, Any], declared: int | None) -> str:
    """Say what became of a video that states this number of frames."""
    of = f" of {declared}" if counts["cut_short"] and declared else ""
    parts = [f"{counts['frames']}{of} frames", f"a person on {counts['frames_with_person']}"]
    if counts["broken"]:
        parts.append(f"{counts['broken']} broken skipped")
    if counts["mended_times"]:
        parts.append(f"{counts['mended_times']} time stamps mended")
    if counts.get("interpolated"):
        parts.append(f"{counts['interpolated']} interpolated for formats with even times")
    if counts["cut_short"]:
        parts.append("the file is cut short")
    return ", ".join(parts)
