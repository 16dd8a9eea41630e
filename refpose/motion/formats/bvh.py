"""BVH (Biovision): a skeleton of bones with fixed lengths and its rotations, as animation programs read it.

`BONES` is the skeleton. In its rest pose, a T, the person stands upright facing +z, y is up, the arms point sideways
(left +x), the legs down, the feet forwards. The lengths are the medians over the recording, in centimetres. Every joint
has its rotations in the order z, x, y, the root its place besides.

Trunk and head take their orientation from two lines (across and along); limbs turn from their parent's frame by the
shortest way, for points tell nothing of their roll. BVH has no gaps: where a point is missing a joint keeps its last
rotation.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import topology
from ..recording import WORLD, Recording
from .common import Options, Writer, gathering, lines, upright

Floats = NDArray[np.float64]


class Bone(NamedTuple):
    """A joint, and the bone that begins there.

    Attributes
    ----------
    name, parent : str
        Parent is "" for the root.
    start, end : str
        Joints of a skeleton between which the bone lies.
    rest : tuple of int
        Direction of the bone in the rest pose.
    across : tuple of (str, str), optional
        The line from right to left that is x, where two lines give the orientation.
    exact : str
        Which of both is met exactly: "across" or "bone".
    leaf : bool
        Whether an end site closes the chain.
    """

    name: str
    parent: str
    start: str
    end: str
    rest: tuple[int, int, int]
    across: tuple[str, str] | None = None
    exact: str = "bone"
    leaf: bool = False


_HIPS, _SHOULDERS, _EARS = ("right_hip", "left_hip"), ("right_shoulder", "left_shoulder"), ("right_ear", "left_ear")
_UP, _DOWN, _FORWARDS = (0, 1, 0), (0, -1, 0), (0, 0, 1)


def _limbs(side: str, x: int) -> list[Bone]:
    s, p = side.lower(), side
    out = (x, 0, 0)
    return [
        Bone(f"{p}UpLeg", "Hips", f"{s}_hip", f"{s}_knee", _DOWN),
        Bone(f"{p}Leg", f"{p}UpLeg", f"{s}_knee", f"{s}_ankle", _DOWN),
        Bone(f"{p}Foot", f"{p}Leg", f"{s}_ankle", f"{s}_foot_index", _FORWARDS, leaf=True),
        Bone(f"{p}Arm", "Chest", f"{s}_shoulder", f"{s}_elbow", out),
        Bone(f"{p}ForeArm", f"{p}Arm", f"{s}_elbow", f"{s}_wrist", out),
        Bone(f"{p}Hand", f"{p}ForeArm", f"{s}_wrist", f"{s}_index", out, leaf=True),
    ]


BONES: tuple[Bone, ...] = (
    Bone("Hips", "", "mid_hip", "neck", _UP, _HIPS, "across"),
    Bone("Spine", "Hips", "mid_hip", "neck", _UP, _SHOULDERS),
    Bone("Chest", "Spine", "neck", "neck", _UP, _SHOULDERS, "across"),
    Bone("Neck", "Chest", "neck", "mid_ear", _UP, _EARS, leaf=True),
    *_limbs("Left", 1),
    *_limbs("Right", -1),
)
"""The skeleton; parents come before children."""

_JOINTS = tuple(dict.fromkeys(joint for bone in BONES for joint in (bone.start, bone.end, *(bone.across or ()))))


def create(path: Path, options: Options) -> AbstractContextManager[Writer]:
    """Write BVH at the end; 43 MB an hour at 30 frames a second are kept until then."""
    return gathering(path, WORLD, lambda temporary, recording: _write(temporary, recording, options))


def _write(path: Path, recording: Recording, options: Options) -> None:
    points = upright(recording, options) * 100.0
    places = topology.convert(points, recording.keypoints, _JOINTS)
    at = {joint: places[:, k] for k, joint in enumerate(_JOINTS)}
    offsets, ends = _rest_pose(at)
    rotations = _rotations(at)
    rate = options.rate or (recording.rate if len(recording) > 1 else 30.0)
    ordered = _in_order("Hips")
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("HIERARCHY\n" + _hierarchy("Hips", 0, offsets, ends))
        file.write(f"MOTION\nFrames: {len(recording)}\nFrame Time: {1 / rate:.8f}\n")
        numbers = np.concatenate([_held(at["mid_hip"]), *(rotations[name] for name in ordered)], axis=1)
        for start in range(0, len(recording), 1024):
            file.write(lines([numbers[start : start + 1024]], ["%.6f"], nan="0", separator=" "))


def _children(name: str) -> list[Bone]:
    return [bone for bone in BONES if bone.parent == name]


def _in_order(name: str) -> list[str]:
    """The joints in the order in which the hierarchy names them."""
    return [name, *(below for child in _children(name) for below in _in_order(child.name))]


def _rest_pose(at: dict[str, Floats]) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Offsets of the joints from their parents, and of the end sites."""

    def length(a: str, b: str) -> float:
        known = np.linalg.norm(at[b] - at[a], axis=-1)
        known = known[~np.isnan(known)]
        return float(np.median(known)) if len(known) else 0.0

    offsets, ends = {}, {}
    for bone in BONES:
        parent = next((other for other in BONES if other.name == bone.parent), None)
        if parent is None or parent.start == bone.start:
            offset = np.zeros(3)
        elif parent.end == bone.start:
            offset = np.multiply(parent.rest, length(parent.start, parent.end))
        else:  # hips and shoulders beside the middle
            side = 1.0 if bone.name.startswith("Left") else -1.0
            offset = np.array([side * length(parent.start, bone.start), 0.0, 0.0])
        offsets[bone.name] = np.asarray(offset, np.float64)
        ends[bone.name] = np.multiply(bone.rest, length(bone.start, bone.end)).astype(np.float64)
    return offsets, ends


def _rotations(at: dict[str, Floats]) -> dict[str, Floats]:
    """Rotations of every joint against its parent: degrees about z, x, y (F, 3), held over gaps."""
    frames = len(at["mid_hip"])
    turned: dict[str, Floats] = {"": np.broadcast_to(np.eye(3), (frames, 3, 3))}
    result = {}
    for bone in BONES:
        parent = turned[bone.parent]
        along = at[bone.end] - at[bone.start]
        if bone.across is not None:
            across = at[bone.across[1]] - at[bone.across[0]]
            if bone.start == bone.end:  # the chest goes on where the spine ends
                along = parent[..., 1]
            world = _frame(across, along, bone.exact)
        else:
            rest = np.array(bone.rest, np.float64)
            world = _shortest(np.einsum("fij,j->fi", parent, rest), along) @ parent
        local = np.swapaxes(parent, -1, -2) @ world
        local = _held(local.reshape(frames, 9), np.eye(3).ravel()).reshape(frames, 3, 3)
        turned[bone.name] = parent @ local
        result[bone.name] = np.unwrap(_euler(local), period=360, axis=0)
    return result


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 1e-9, length, np.nan)


def _frame(across: Floats, along: Floats, exact: str) -> Floats:
    """Rotations (F, 3, 3) that take x to `across` and y to `along`, one of them exactly."""
    if exact == "across":
        x = _unit(across)
        z = _unit(np.cross(x, along))
        y = np.cross(z, x)
    else:
        y = _unit(along)
        z = _unit(np.cross(across, y))
        x = np.cross(y, z)
    return np.stack([x, y, z], axis=-1)


def _shortest(start: Floats, end: Floats) -> Floats:
    """The smallest rotations (F, 3, 3) from one direction to another (Rodrigues' formula)."""
    a, b = _unit(start), _unit(end)
    cos = (a * b).sum(axis=-1)[:, None, None]
    v = np.cross(a, b)
    zero = np.zeros(len(v))
    k = np.stack([zero, -v[:, 2], v[:, 1], v[:, 2], zero, -v[:, 0], -v[:, 1], v[:, 0], zero], axis=-1).reshape(-1, 3, 3)
    turn = np.eye(3) + k + k @ k / np.maximum(1 + cos, 1e-12)
    # Straight back: half a turn about any line square to it.
    square = _unit(np.cross(a, np.where(np.abs(a[:, :1]) < 0.9, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))))
    back = 2 * square[:, :, None] * square[:, None, :] - np.eye(3)
    return np.where(cos < -1 + 1e-9, back, turn)


def _euler(rotation: Floats) -> Floats:
    """Degrees about z, x, y (F, 3) of rotations that are Rz Rx Ry."""
    x = np.arcsin(np.clip(rotation[:, 2, 1], -1, 1))
    z = np.arctan2(-rotation[:, 0, 1], rotation[:, 1, 1])
    y = np.arctan2(-rotation[:, 2, 0], rotation[:, 2, 2])
    return np.degrees(np.stack([z, x, y], axis=-1))


def _held(numbers: Floats, otherwise: ArrayLike = 0.0) -> Floats:
    """Numbers (F, n) with the last known row in place of NaN; at the beginning the first known one."""
    known = ~np.isnan(numbers).any(axis=1)
    if not known.any():
        return np.broadcast_to(np.asarray(otherwise, np.float64), numbers.shape)
    last = np.maximum.accumulate(np.where(known, np.arange(len(numbers)), -1))
    return numbers[np.where(last < 0, np.argmax(known), last)]


def _hierarchy(name: str, depth: int, offsets: dict[str, Floats], ends: dict[str, Floats]) -> str:
    bone = next(bone for bone in BONES if bone.name == name)
    pad, inner = "\t" * depth, "\t" * (depth + 1)
    channels = "Zrotation Xrotation Yrotation"
    channels = f"3 {channels}" if depth else f"6 Xposition Yposition Zposition {channels}"
    text = f"{pad}{'JOINT' if depth else 'ROOT'} {name}\n{pad}{{\n"
    text += f"{inner}OFFSET {_numbers(offsets[name])}\n{inner}CHANNELS {channels}\n"
    for child in _children(name):
        text += _hierarchy(child.name, depth + 1, offsets, ends)
    if bone.leaf:
        text += f"{inner}End Site\n{inner}{{\n{inner}\tOFFSET {_numbers(ends[name])}\n{inner}}}\n"
    return text + f"{pad}}}\n"


def _numbers(vector: Floats) -> str:
    return " ".join(f"{number + 0.0:.6f}" for number in vector)
