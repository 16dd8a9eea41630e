"""Other skeletons, left and right, lengths of segments, centre of mass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import arguments, topology
from .recording import Recording


def to_skeleton(recording: Recording, skeleton: str | Sequence[str]) -> Recording:
    """Bring a recording into the order of another skeleton (`refpose.topology.convert`).

    Parameters
    ----------
    recording : Recording
    skeleton : str or sequence of str
        One of `refpose.topology.SKELETONS`, or names of joints.

    Returns
    -------
    Recording
        NaN for joints that the recording has nothing for. Probabilities of joints in the middle of two are their mean.

    Raises
    ------
    ValueError
        When there is no such skeleton, or none of its joints is known.
    """
    names = joints_of(skeleton)
    if not any(topology.sources(name, recording.keypoints) for name in names):
        raise ValueError(
            f"no joint of {', '.join(names[:3])}... can be made of {', '.join(recording.keypoints[:3])}..."
        )
    if names == recording.keypoints:
        return recording
    values = topology.convert(recording.values, recording.keypoints, names)
    return replace(recording, values=values.astype(np.float32), keypoints=names)


def joints_of(skeleton: str | Sequence[str]) -> tuple[str, ...]:
    """The names of the joints of a skeleton, given by its name or by them."""
    if not isinstance(skeleton, str):
        return tuple(skeleton)
    if skeleton not in topology.SKELETONS:
        raise ValueError(f"no skeleton {skeleton!r}: expected one of {', '.join(topology.SKELETONS)}")
    return topology.SKELETONS[skeleton]


def counterparts(names: Sequence[str]) -> list[int]:
    """For each key point the place of its counterpart on the other side, its own for those in the middle."""
    swap = {"left": "right", "right": "left"}
    others = ["_".join(swap.get(word, word) for word in name.split("_")) for name in names]
    return [names.index(other) if other in names else k for k, other in enumerate(others)]


def mirrored(recording: Recording, width: int | None = None) -> Recording:
    """The recording as if the video had been mirrored: left of the picture is right, and left limbs are right ones.

    Parameters
    ----------
    recording : Recording
    width : int, optional
        Of the frames in pixels; the recording's own (`Recording.image_size`) without it.

    Returns
    -------
    Recording
        x becomes ``width - 1 - x`` in pixels (pixels are counted by their indices) and ``-x`` in metres.

    Raises
    ------
    ValueError
        When the width is not known.
    """
    if width is None:
        if recording.image_size is None:
            raise ValueError("the width of the frames is not known: give it")
        width = recording.image_size[0]
    width = arguments.whole("width", width, least=1)
    values = recording.values[:, :, counterparts(recording.keypoints)].copy()
    for k, name in enumerate(recording.columns):
        if name in ("x_px", "x_raw_px"):
            values[..., k] = width - 1 - values[..., k]
        elif name in ("xw_m", "xw_raw_m"):
            values[..., k] = -values[..., k]
    return recording.moved(values)


SEGMENTS: dict[str, tuple[str, str]] = {
    **{
        f"{side}_{name}": (f"{side}_{a}", f"{side}_{b}")
        for side in ("right", "left")
        for name, a, b in (
            ("upper_arm", "shoulder", "elbow"),
            ("forearm", "elbow", "wrist"),
            ("hand", "wrist", "index"),
            ("thigh", "hip", "knee"),
            ("shank", "knee", "ankle"),
            ("foot", "heel", "foot_index"),
        )
    },
    "trunk": ("neck", "mid_hip"),
    "shoulders": ("right_shoulder", "left_shoulder"),
    "pelvis": ("right_hip", "left_hip"),
}
"""The ends of each segment, the nearer to the trunk first (the foot's: heel and toe)."""


def segment_lengths(recording: Recording, space: bool = True) -> dict[str, NDArray[np.float64]]:
    """Lengths of the segments over time.

    Parameters
    ----------
    recording : Recording
    space : bool
        In metres from world landmarks; otherwise on the picture, in pixels.

    Returns
    -------
    dict
        For each of `SEGMENTS` an array (F, P), NaN where an end is missing. Bones do not change their lengths: what
        varies is the estimate's error; take the median.
    """
    points = (recording.world_m if space else recording.points_px).astype(np.float64)
    ends = tuple(dict.fromkeys(end for pair in SEGMENTS.values() for end in pair))
    places = topology.convert(points, recording.keypoints, ends)
    at = {name: places[..., k, :] for k, name in enumerate(ends)}
    return {name: np.linalg.norm(at[b] - at[a], axis=-1) for name, (a, b) in SEGMENTS.items()}


class Part(NamedTuple):
    """A part of the body: its ends, its mass and where its centre of mass is from the first end to the second."""

    ends: tuple[str, str]
    mass: float
    centre: float


def _limbs(rows: dict[str, tuple[float, float]]) -> list[Part]:
    return [
        Part(SEGMENTS[f"{side}_{name}"], mass / 100, centre / 100)
        for side in ("right", "left")
        for name, (mass, centre) in rows.items()
    ]


BODY_PARTS: dict[str, tuple[Part, ...]] = {
    "female": (
        Part(("mid_ear", "mid_ear"), 0.0668, 0.0),
        Part(("neck", "mid_hip"), 0.4257, 0.3782),
        *_limbs(
            {
                "upper_arm": (2.55, 57.54),
                "forearm": (1.38, 45.59),
                "hand": (0.56, 74.74),
                "thigh": (14.78, 36.12),
                "shank": (4.81, 43.52),
                "foot": (1.29, 40.14),
            }
        ),
    ),
    "male": (
        Part(("mid_ear", "mid_ear"), 0.0694, 0.0),
        Part(("neck", "mid_hip"), 0.4346, 0.4310),
        *_limbs(
            {
                "upper_arm": (2.71, 57.72),
                "forearm": (1.62, 45.74),
                "hand": (0.61, 79.00),
                "thigh": (14.16, 40.95),
                "shank": (4.33, 43.95),
                "foot": (1.37, 44.15),
            }
        ),
    ),
}
"""Masses in parts of the body's, and centres of mass: P. de Leva, "Adjustments to Zatsiorsky-Seluyanov's segment
inertia parameters", Journal of Biomechanics 29(9), 1996, table 4. Trunk from the middle of the shoulders to that of the
hips, shank to the ankle's joint centre (its alternative end points), hand from the wrist to the knuckles, foot from
heel to toe. The head's centre is taken to be midway between the ears."""


def centre_of_mass(recording: Recording, sex: str | None = None) -> NDArray[np.float64]:
    """The body's centre of mass.

    Parameters
    ----------
    recording : Recording
    sex : {"female", "male"}, optional
        Whose table (`BODY_PARTS`); the mean of both without it.

    Returns
    -------
    ndarray of float64, shape (F, P, 3)
        Metres, in the frame of `Recording.world_m`, whose origin moves with the hips; NaN where a part is missing.

    Raises
    ------
    ValueError
        When there is no such table.
    """
    if sex is not None and sex not in BODY_PARTS:
        raise ValueError(f"no body {sex!r}: expected {' or '.join(BODY_PARTS)}")
    tables = list(BODY_PARTS.values()) if sex is None else [BODY_PARTS[sex]]
    ends = tuple(dict.fromkeys(end for part in tables[0] for end in part.ends))
    weights = np.zeros(len(ends))
    for part in (part for table in tables for part in table):
        weights[ends.index(part.ends[0])] += part.mass * (1 - part.centre)
        weights[ends.index(part.ends[1])] += part.mass * part.centre
    places = topology.convert(recording.world_m.astype(np.float64), recording.keypoints, ends)
    return np.einsum("fpjk,j->fpk", places, weights / weights.sum())
