"""How well people are followed on annotated videos: MOTA, IDF1, changes of identity, duplicates.

The figures are those of Bernardin and Stiefelhagen 2008 ("CLEAR MOT") and Ristani et al. 2016 ("IDF1"), counted by the
library motmetrics (extra ``tracking``). They need to know on each frame who may be whom: an estimate may show an
annotated person when its object key point similarity (COCO's, `refpose.accuracy.metrics.oks`) is at least `MIN_OKS`,
the least strict of COCO's thresholds. An estimate of somebody who does not count is neither right nor wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import arguments, topology
from ..extras import require
from . import metrics
from .pairs import Predictions, unknown_joints
from .records import AnnotatedPerson, AnnotatedPicture, Annotations, FoundPerson, extent_area
from .scores import oks_truth

if TYPE_CHECKING:
    from ..motion import Recording

MIN_OKS = 0.5  # cocodataset.org/#keypoints-eval: the first of the thresholds of average precision

# motmetrics' names of what `score` gives.
_FIGURES = {
    "mota": "mota",
    "idf1": "idf1",
    "switches": "num_switches",
    "misses": "num_misses",
    "false": "num_false_positives",
    "fragments": "num_fragmentations",
    "poses": "num_objects",
    "people": "num_unique_objects",
}


def videos(annotations: Annotations) -> dict[str | int, list[AnnotatedPicture]]:
    """The frames of each video in their order.

    Raises
    ------
    ValueError
        When somebody who counts has no ``track_id``, or a frame stands twice.
    """
    found: dict[str | int, list[AnnotatedPicture]] = {}
    for picture in annotations.pictures:
        for person in picture.persons:
            if person.track is None and not oks_truth(person).ignored:
                raise ValueError(f"{annotations.path}: picture {picture.id!r}: a person without track_id")
        found.setdefault(picture.video, []).append(picture)
    for name, pictures in found.items():
        frames = [picture.frame for picture in pictures]
        if None not in frames:
            pictures.sort(key=lambda picture: picture.frame or 0)
            if len(set(frames)) < len(frames):
                raise ValueError(f"{annotations.path}: video {name!r}: two images are the same frame")
    return found


def has_tracks(annotations: Annotations) -> bool:
    """Whether a file says who people are."""
    return any(person.track is not None for picture in annotations.pictures for person in picture.persons)


def score(annotations: Annotations, predictions: Predictions, min_oks: float = MIN_OKS) -> dict[str, Any]:
    """Figures of tracking.

    Parameters
    ----------
    annotations : Annotations
        With tracks.
    predictions : mapping from picture id to sequence of FoundPerson
        With tracks.
    min_oks : float, optional
        From which similarity on an estimate may show a person; in 0..1.

    Returns
    -------
    dict
        Ready for JSON. ``videos``: by name, and ``all``: together (None stands for a figure that does not exist):
        ``mota``, ``idf1``; ``switches``: how often a person's identity changed; ``misses``; ``false``: estimates of
        nobody, or of somebody who was found already, these are the ``duplicates``; ``fragments``: how often somebody
        was lost and found again; ``oks``: mean of the right ones; ``poses`` and ``people`` annotated, ``frames``.

    Raises
    ------
    MissingExtra
        When motmetrics is not installed.
    ValueError
        When annotations or predictions lack tracks, or nobody counts.
    """
    least = arguments.number("min_oks", min_oks, 0, 1)
    motmetrics = require("motmetrics", "tracking")
    lacking = unknown_joints(predictions, topology.COCO_17)
    events, extra = {}, {}
    for name, pictures in videos(annotations).items():
        accumulator = motmetrics.MOTAccumulator(auto_id=True)
        near = []
        for picture in (one for one in pictures if one.labelled):
            similar, truth, found = _compared(picture, predictions.get(picture.id, ()), lacking, least)
            distance = np.where(similar >= least, 1 - similar, np.nan)
            accumulator.update([one.track for one in truth], [one.track for one in found], distance)
            may_be = np.asarray((similar >= least).any(axis=0))
            near.append({one.track for one, may in zip(found, may_be.tolist(), strict=True) if may})
        events[str(name)] = accumulator
        happened = accumulator.mot_events
        false = happened[happened.Type == "FP"]
        extra[str(name)] = {
            "duplicates": sum(who in near[frame] for (frame, _), who in false.HId.items()),
            "oks": (1 - happened.D[happened.Type.isin(("MATCH", "SWITCH"))]).tolist(),
            "frames": len(near),
        }
    table = motmetrics.metrics.create().compute_many(
        list(events.values()), names=list(events), metrics=list(_FIGURES.values()), generate_overall=True
    )
    if not table.loc["OVERALL", "num_objects"]:
        raise ValueError(f"{annotations.path}: nothing to measure: nobody with a track has labelled joints of COCO's")
    total = {
        "duplicates": sum(own["duplicates"] for own in extra.values()),
        "oks": [value for own in extra.values() for value in own["oks"]],
        "frames": sum(own["frames"] for own in extra.values()),
    }
    return {
        "min_oks": least,
        "videos": {name: _record(table.loc[name], own) for name, own in extra.items()},
        "all": _record(table.loc["OVERALL"], total),
    }


def _record(row: Any, extra: Mapping[str, Any]) -> dict[str, Any]:
    """A row of motmetrics' table under our names."""
    shares = {name: float(row[_FIGURES[name]]) for name in ("mota", "idf1")}
    return {
        **{name: value if np.isfinite(value) else None for name, value in shares.items()},
        **{name: int(row[theirs]) for name, theirs in _FIGURES.items() if name not in shares},
        **extra,
        "oks": float(np.mean(extra["oks"])) if extra["oks"] else None,
    }


def _compared(
    picture: AnnotatedPicture, found: Sequence[FoundPerson], lacking: Sequence[str], least: float
) -> tuple[NDArray[np.float64], list[AnnotatedPerson], list[FoundPerson]]:
    """Similarity (T, F) of the T persons who count with the F estimates that do."""
    known = ~np.isin(topology.COCO_17, lacking)
    truths = [(person, oks_truth(person)) for person in picture.persons]
    points = [topology.convert(one.points_px, one.names, topology.COCO_17) for one in found]
    # A joint that was not found is nowhere near.
    places = np.where(np.isfinite(points), points, np.inf) if points else np.zeros((0, len(known), 2))
    rows = [metrics.oks(places, own.points_px, own.labelled & known, own.area_px, own.box_px) for _, own in truths]
    similar = np.array(rows).reshape(len(rows), len(found))
    count = np.array([person.track is not None and not own.ignored for person, own in truths], bool)
    for one in found:
        if one.track is None:
            raise ValueError(f"picture {picture.id!r}: somebody was found of whom the results do not say who it is")
    near = (similar[count] >= least).any(axis=0)
    aside = (similar[~count] >= least).any(axis=0) & ~near
    for j in np.flatnonzero(~near & ~aside):
        place = points[j][np.isfinite(points[j]).all(axis=1)]
        aside[j] = len(place) > 0 and any(_inside(place.mean(axis=0), polygon) for polygon in picture.crowds_px)
    return (
        similar[count][:, ~aside],
        [person for (person, _), counted in zip(truths, count, strict=True) if counted],
        [one for one, away in zip(found, aside, strict=True) if not away],
    )


def _inside(point: NDArray[np.float64], polygon: NDArray[np.float64]) -> bool:
    """Whether a point (2,) lies in a polygon (N, 2): a ray to the right crosses its edges an odd number of times."""
    x, y = point
    (x0, y0), (x1, y1) = polygon.T, np.roll(polygon, 1, axis=0).T
    across = (y0 > y) != (y1 > y)
    at = x0 + (x1 - x0) * (y - y0) / np.where(across, y1 - y0, 1)
    return bool((across & (x < at)).sum() % 2)


def from_recording(recording: Recording, annotations: Annotations) -> dict[str | int, list[FoundPerson]]:
    """A recording of the one video that is annotated, as predictions.

    Raises
    ------
    ValueError
        When there are several videos, or the recording has other frames.
    """
    own = videos(annotations)
    if len(own) != 1 or len(recording.sources) != 1:
        raise ValueError(
            f"{annotations.path}: a recording of {len(recording.sources)} videos is compared with {len(own)} videos"
        )
    (pictures,) = own.values()
    by_frame = {i if picture.frame is None else picture.frame: picture for i, picture in enumerate(pictures)}
    found: dict[str | int, list[FoundPerson]] = {picture.id: [] for picture in pictures}
    for i, (frame, people) in enumerate(_people(recording)):
        if frame not in by_frame:
            raise ValueError(f"frame {frame} of the recording (its row {i}) is not in {annotations.path}")
        found[by_frame[frame].id] = people
    return found


def _people(recording: Recording) -> Iterator[tuple[int, list[FoundPerson]]]:
    """Those found on each frame, by the frame's number."""
    points = recording.points_px.astype(np.float64)
    for frame, places in zip(recording.frame, points, strict=True):
        yield (
            int(frame),
            [
                FoundPerson(recording.keypoints, place, 1.0, extent_area(place), track=track)
                for track, place in zip(recording.people, places, strict=True)
                if np.isfinite(place).any()
            ],
        )
