"""Write tables of key points for other programs, or as other tables.

TABLE is what ``refpose video`` or ``refpose image`` wrote (CSV, Parquet, HDF5, JSON). For every table NAME.csv and
format, NAME.trc and so on is written beside it, or into the folder OUT; for one table and one format OUT may be the
name of the file. Formats that hold one person have a file for each further one: NAME_person1.trc. --csv, --parquet,
--h5 and --json write the table in another kind, with --angles with columns for angles.

Formats with even times (TRC, MOT, BVH, C3D) are interpolated where the table's times are not even, which is said.
Missing numbers stay missing, as each format wants it, unless --fill-gaps fills them. Tables are read in blocks, so
memory does not grow with their length, except where gaps are filled or places smoothed. A C3D file holds 65,535 frames:
more go on in NAME_part2.c3d.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np

from .. import messages, motion, tables
from ..extras import require
from ..files import make_folder, printable
from ..motion import FORMATS, Recording, reading
from ..motion.angles import Stream, check_names
from ..tables import KINDS
from ..tables.recorded import write_recording
from . import movement, options, outputs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``refpose export``."""
    parser.add_argument("tables", nargs="+", type=Path, metavar="TABLE", help="a table of key points")
    parser.add_argument(
        "-o", "--output", type=options.output, metavar="OUT", help="folder of the results, or name of the one"
    )
    outputs.add_force(parser)
    movement.add_formats(parser, "--to", "--format")
    movement.add_tables(parser, KINDS, "table that is read", "as NAME says")
    movement.add_angles(parser)
    group = parser.add_argument_group("what is done before")
    movement.add_confidence(group)
    movement.add_times(group)
    group.add_argument(
        "--fill-gaps", type=options.seconds, metavar="S", help="fill gaps of up to S seconds along straight lines"
    )
    group.add_argument(
        "--low-pass", type=movement.above_zero, metavar="HZ", help="smooth: Butterworth, fourth order, zero phase"
    )


def run(args: argparse.Namespace) -> int:
    """Do ``refpose export``."""
    movement.check_times(args)
    chosen, kinds = movement.formats(args), movement.tables_of(args, KINDS)
    if not chosen and not kinds:
        raise argparse.ArgumentError(None, "nothing to write: name formats with --to, or ask for a table")
    if len(args.tables) > 1 and (named := [path for path in kinds.values() if path is not True]):
        raise argparse.ArgumentError(None, f"{named[0]} is the name of one file; for several tables, name a folder")
    if args.low_pass is not None:
        require("scipy.signal", "motion")
    if ".parquet" in {*kinds, *(table.suffix.lower() for table in args.tables)}:
        require("pyarrow.parquet", "parquet")
    targets = {table: _targets(table, chosen, kinds, args) for table in args.tables}
    paths = [path for each in targets.values() for path in each.values()]
    if len(set(paths)) < len(paths):
        raise ValueError("two tables would be written to files of one name; choose a folder for each")
    outputs.refuse_inputs(paths, args.tables)
    if not args.force:
        outputs.refuse_existing([*paths, *_of_others(targets)], "--force overwrites")
    outputs.mention_leftovers({path.parent for path in paths})
    failed = 0
    for table, files in targets.items():
        try:
            done = _export(table, files, args)
        except (ValueError, OSError) as error:
            said = str(error) if printable(table) in str(error) else f"{printable(table)}: {error}"
            if len(targets) == 1:
                if isinstance(error, ValueError):
                    raise ValueError(said) from error
                raise
            messages.say(said, sys.stderr)
            failed += 1
        else:
            messages.say(f"{printable(table)}: {done}")
    return 1 if failed else 0


def _targets(table: Path, chosen: list[str], kinds: dict[str, Any], args: argparse.Namespace) -> dict[str, Path]:
    """Where each format, and each kind of table, goes."""
    out = args.output
    if (
        out is not None
        and len(args.tables) == len(chosen) == 1
        and not kinds
        and out.name.endswith(FORMATS[chosen[0]].ending)
    ):
        return {chosen[0]: out}
    if out is not None and out.suffix.lower() in {
        *KINDS,
        *(Path(f"a{FORMATS[name].ending}").suffix for name in chosen),
    }:
        name = f", or a name that ends in {FORMATS[chosen[0]].ending}" if chosen else ""
        raise argparse.ArgumentError(None, f"{out}: expected a folder{name}")
    folder = table.parent if out is None else out
    others = {kind: folder / f"{table.stem}{kind}" if path is True else path for kind, path in kinds.items()}
    return {name: folder / f"{table.stem}{FORMATS[name].ending}" for name in chosen} | others


def _of_others(targets: dict[Path, dict[str, Path]]) -> Iterator[Path]:
    """Files that are there where those of further people, or of more frames, may go: NAME_person1.trc."""
    for files in targets.values():
        for name, path in files.items():
            if name in FORMATS and not FORMATS[name].several and path.parent.is_dir():
                stem = escape(path.name.removesuffix(FORMATS[name].ending))
                for more in ("person", "part"):
                    yield from sorted(path.parent.glob(f"{stem}_{more}*{FORMATS[name].ending}"))


def _export(table: Path, targets: dict[str, Path], args: argparse.Namespace) -> str:
    """Write one table in all formats; say what was done."""
    frames, people = 0, set[int]()
    blocks = _prepared(reading.blocks(table), args)
    first = next(blocks)
    with ExitStack() as stack:
        stack.enter_context(_folders({path.parent for path in targets.values()}))
        how = movement.format_options(args)
        files = [
            stack.enter_context(motion.export(path, name, how, True))
            for name, path in targets.items()
            if name in FORMATS
        ]
        others = [_Table(path, first, args, stack) for name, path in targets.items() if name in KINDS]
        for block in _chained(first, blocks):
            frames += len(block)
            people |= {block.people[k] for k in block.found.any(axis=0).nonzero()[0]}
            for file in files:
                file.write(block)
            for table_file in others:
                table_file.write(block)
        if not frames and (args.start, args.end) != (None, None):
            raise ValueError("no frame is between --start and --end")
        if args.person is not None and args.person not in people:
            there = ", ".join(map(str, sorted(people))) or "nobody"
            raise ValueError(f"no person {args.person} on any frame (there: {there})")
    for remark in dict.fromkeys(remark for file in files for remark in file.remarks):
        messages.say(f"{printable(table)}: {remark}", sys.stderr)
    told = [printable(path) for file in files for path in file.files] + [printable(file.path) for file in others]
    said = f"{frames} frames, {len(people)} {'person' if len(people) == 1 else 'people'}"
    interpolated = max((file.interpolated for file in files), default=0)
    if interpolated:
        said += f", times not even: {interpolated} frames interpolated"
    return f"{said} -> {', '.join(told)}"


@contextmanager
def _folders(folders: set[Path]) -> Iterator[None]:
    """Make folders, and take those away again that stay empty."""
    made = [folder for folder in folders if not folder.exists()]
    for folder in folders:
        make_folder(folder)
    try:
        yield
    except BaseException:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        raise


class _Table:
    """A table that is written of blocks of frames.

    Parameters
    ----------
    path : Path
    first : Recording
        The first block.
    args : argparse.Namespace
    files : ExitStack
        Ends the file.
    """

    def __init__(self, path: Path, first: Recording, args: argparse.Namespace, files: ExitStack) -> None:
        self.path, self._person, self._every_frame = path, args.person, args.every_frame
        self._last: Recording | None = None
        if args.angles:
            check_names(first.keypoints)
        self._stream = Stream(first.keypoints, args.angles_from, facing=args.facing) if args.angles else None
        self._table = files.enter_context(
            tables.create(
                path,
                first.sources[0],
                first.metadata,
                args.wide,
                first.keypoints,
                raw=set(tables.RAW) <= {*first.columns},
                angles=self._stream.angles if self._stream else first.angle_names,
                every_frame=args.every_frame,
            )
        )

    def write(self, block: Recording) -> None:
        """Add the next frames."""
        if self._every_frame and len(block):
            block = self._with_those_between(block)
        if self._person is not None:
            block = _of(block, self._person)
        write_recording(self._table, block, self._stream.of(block) if self._stream else None)

    def _with_those_between(self, block: Recording) -> Recording:
        """The block with frames that its table has no rows for, from the last one on; pictures have none between."""
        last, self._last = self._last, block.take(slice(-1, None))
        whole = block if last is None else motion.joined([last, block])
        if len(whole.sources) == 1 and np.isfinite(whole.time).all():
            whole = motion.with_every_frame(whole)
        return whole if last is None else whole.take(slice(1, None))


def _of(block: Recording, number: int) -> Recording:
    """The frames with one person alone, who may be on none of them."""
    if number in block.people:
        return block.person(number)
    values, angles = (np.full_like(given[:, :1], np.nan) for given in (block.values, block.angles))
    return replace(block, people=(number,), values=values, angles=angles)


def _chained(first: Recording, rest: Iterator[Recording]) -> Iterator[Recording]:
    yield first
    yield from rest


def _prepared(blocks: Iterable[Recording], args: argparse.Namespace) -> Iterator[Recording]:
    """Do to the frames what is asked for before they are written."""
    single = (_cut(block, args) for block in blocks)
    if args.fill_gaps is None and args.low_pass is None:
        yield from single
        return
    whole = motion.joined(list(single))
    if args.fill_gaps is not None:
        whole = motion.fill_gaps(whole, args.fill_gaps)
    if args.low_pass is not None:
        whole = motion.low_pass(motion.resample(whole, args.rate), args.low_pass)
    yield whole


def _cut(block: Recording, args: argparse.Namespace) -> Recording:
    block = block.between(args.start, args.end)
    if args.fps is not None:
        block = block.retimed(args.fps)
    return block if args.min_visibility is None else motion.blank(block, args.min_visibility)
