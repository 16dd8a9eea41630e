"""``refpose evaluate --mode track``: people are followed on annotated videos, and compared by who they are."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..accuracy import tracking
from ..accuracy.annotations import find_pictures
from ..accuracy.pairs import Predictions
from ..accuracy.records import Annotations, FoundPerson
from ..accuracy.results import read_results
from ..accuracy.views import View, category_of, to_found
from ..extras import require
from ..images import read_image
from . import options, progress

TABLES = (".csv", ".parquet", ".h5")

_ROWS = (
    ("MOTA (%)", "mota", lambda value: f"{100 * value:.1f}"),
    ("IDF1 (%)", "idf1", lambda value: f"{100 * value:.1f}"),
    ("identity switches", "switches", str),
    ("misses", "misses", str),
    ("false", "false", str),
    ("  of them duplicates", "duplicates", str),
    ("fragments", "fragments", str),
    ("mean OKS of the right ones", "oks", lambda value: f"{value:.3f}"),
)


def wanted(results: Sequence[Path], annotations: Annotations) -> bool:
    """Whether annotations and results say who people are."""

    def followed(path: Path) -> bool:
        if path.suffix.lower() in TABLES:
            return True
        return any(one.track is not None for own in read_results(path, annotations).values() for one in own)

    return tracking.has_tracks(annotations) and all(followed(path) for path in results)


def check(annotations: Annotations) -> None:
    """Find out before hours of work whether figures can be made.

    Raises
    ------
    MissingExtra
        When motmetrics is not installed.
    ValueError
        When the annotations do not say who people are.
    """
    if not tracking.has_tracks(annotations):
        raise ValueError(f"{annotations.path}: no annotation has a track_id: --mode track needs to know who people are")
    tracking.videos(annotations)
    require("motmetrics", "tracking")


def read(path: Path, annotations: Annotations) -> Predictions:
    """Read results that say who people are: those of `read_results`, or a table that ``refpose video`` wrote.

    Raises
    ------
    ValueError
        When they do not fit the annotations.
    """
    if path.suffix.lower() in TABLES:
        from .. import tables

        recording = tables.read(path)
        try:
            return tracking.from_recording(recording, annotations)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    return read_results(path, annotations)


def run_model(args: argparse.Namespace, annotations: Annotations, model: str) -> tuple[Predictions, dict[str, Any]]:
    """Run a model over the frames of all videos; also with which settings."""
    files = find_pictures(annotations, args.images)
    settings = options.settings(argparse.Namespace(**{**vars(args), "model": model}), mode="video")
    found: dict[str | int, list[FoundPerson]] = {}
    with options.make_pose(settings, args.threads) as pose, progress.Bar(len(files), f"{model} track") as bar:
        for frames in tracking.videos(annotations).values():
            pose.reset()
            for index, picture in enumerate(frames):
                image = read_image(files[picture.id])
                view = View(picture, index, None, image)
                people = pose.process(image)
                own = [to_found(view, person, category_of(view, annotations)) for person in people]
                # With people=1 nobody is told apart: there is one identity.
                found[picture.id] = [replace(one, track=i) if one.track is None else one for i, one in enumerate(own)]
                bar.advance()
    return found, settings


def rows(columns: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The rows of a table with these figures of tracking beside each other."""
    return [[title, *("-" if own[key] is None else show(own[key]) for own in columns)] for title, key, show in _ROWS]
