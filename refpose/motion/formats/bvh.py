"""BVH (Biovision): a skeleton of bones with fixed lengths and its rotations, as animation programs read it.

`BONES` is the skeleton. In its rest pose, a T, the person stands upright facing +z, y is up, the arms point sideways
(left +x), the legs down, the feet forwards. The lengths are the medians over the recording, in centimetres. Every joint
has its rotations in the order z, x, y, the root its place besides.

Trunk and head take their orientation from two lines (across and along); limbs turn from their parent's frame by the
shortest way, for points tell nothing of their roll. BVH has no gaps: where a point is missing a joint keeps its last
rotation. It has no times either, so it begins with the first frame of the recording; until the person comes, joints
have the rotations that they have then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ... import topology
from ..recording import WORLD
from .common import Gathered, Options, Writer, gathering, lines, upright

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

_FRAMES_AT_ONCE = 1024
_JOINTS = tuple(dict.fromkeys(joint for bone in BONES for joint in (bone.start, bone.end, *(bone.across or ()))))


def create(path: Path, options: Options) -> AbstractContextManager[Writer]:
    """Write BVH at the end, when the lengths of all bones are known; until then frames are kept in a file."""
    return gathering(path, WORLD, lambda temporary, gathered: _write(temporary, gathered, options))


def _write(path: Path, gathered: Gathered, options: Options) -> None:
    if not topology.sources("mid_hip", gathered.keypoints):
        names = ", ".join(gathered.keypoints[:3])
        raise ValueError(f"no skeleton with bones can be made of the key points {names}...: there are no hips")
    offsets, ends = _rest_pose(gathered, options)
    rate = options.rate or (gathered.rate if len(gathered) > 1 else 30.0)
    before = int(gathered.without_numbers().frame[0]) if len(gathered) else 0
    ordered = _in_order("Hips")
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("HIERARCHY\n" + _hierarchy("Hips", 0, offsets, ends))
        file.write(f"MOTION\nFrames: {before + len(gathered)}\nFrame Time: {1 / rate:.8f}\n")
        turning = _Turning(_first_rotations(gathered, options))
        middle = _first_known(gathered, options)
        for at in _places(gathered, options):
            rotations = turning.degrees(at)
            place, middle = _held(at["mid_hip"], middle)
            numbers = np.concatenate([place, *(rotations[name] for name in ordered)], axis=1)
            file.write(lines([numbers[:1]], ["%.6f"], nan="0", separator=" ") * before)
            file.write(lines([numbers], ["%.6f"], nan="0", separator=" "))
            before = 0


def _places(gathered: Gathered, options: Options) -> Iterator[dict[str, Floats]]:
    """Give the places (F, 3) of all joints in centimetres, some hundred frames at a time."""
    for block in gathered.blocks():
        for start in range(0, len(block), _FRAMES_AT_ONCE):
            part = block.take(slice(start, start + _FRAMES_AT_ONCE))
            places = topology.convert(upright(part, options) * 100.0, part.keypoints, _JOINTS)
            yield {joint: places[:, k] for k, joint in enumerate(_JOINTS)}


def _first_known(gathered: Gathered, options: Options) -> Floats:
    """The first known place of the middle of the hips, 0 without any."""
    for at in _places(gathered, options):
        known = ~np.isnan(at["mid_hip"]).any(axis=1)
        if known.any():
            return np.asarray(at["mid_hip"][np.argmax(known)])
    return np.zeros(3)


def _first_rotations(gathered: Gathered, options: Options) -> dict[str, Floats]:
    """The first known rotation of every joint against its parent, which it has until then too.

    It depends on what the joints above have until then, so the frames are gone through for one generation after the
    other, each time until all are found. A joint that is never known does not turn.
    """
    first: dict[str, Floats] = {}
    for generation in _generations():
        unknown = {bone.name: np.full((3, 3), np.nan) for bone in generation}
        turning = _Turning(first | unknown)
        for at in _places(gathered, options):
            for name, rotations in turning.rotations(at).items():
                known = ~np.isnan(rotations).any(axis=(1, 2))
                if name in unknown and known.any():
                    first[name] = rotations[np.argmax(known)]
                    del unknown[name]
            if not unknown:
                break
        first |= {name: np.eye(3) for name in unknown}
    return first


def _generations() -> Iterator[list[Bone]]:
    """The root, its children, their children ..."""
    bones = _children("")
    while bones:
        yield bones
        bones = [child for bone in bones for child in _children(bone.name)]


def _children(name: str) -> list[Bone]:
    return [bone for bone in BONES if bone.parent == name]


def _in_order(name: str) -> list[str]:
    """The joints in the order in which the hierarchy names them."""
    return [name, *(below for child in _children(name) for below in _in_order(child.name))]


def _rest_pose(gathered: Gathered, options: Options) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Offsets of the joints from their parents, and of the end sites."""
    parents = {bone.name: bone for bone in BONES}
    wanted = {(bone.start, bone.end) for bone in BONES}
    wanted |= {(parents[bone.parent].start, bone.start) for bone in BONES if bone.parent}
    found: dict[tuple[str, str], list[Floats]] = {ends: [] for ends in wanted}
    for at in _places(gathered, options):
        for (a, b), known in found.items():
            distance = np.linalg.norm(at[b] - at[a], axis=-1)
            known.append(distance[~np.isnan(distance)])

    def length(a: str, b: str) -> float:
        known = np.concatenate(found[a, b] or [np.zeros(0)])
        return float(np.median(known)) if len(known) else 0.0

    offsets, ends = {}, {}
    for bone in BONES:
        parent = parents.get(bone.parent)
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


class _Turning:
    """Rotations of joints against their parents, block by block; where they are not known they stay as they were.

    Parameters
    ----------
    before : dict of str to ndarray (3, 3)
        The rotation of each joint before the first frame, all NaN where there is none. Joints that are not named have
        no rotations.
    """

    def __init__(self, before: dict[str, Floats]) -> None:
        self._last = dict(before)
        self._degrees: dict[str, Floats] = {}

    def degrees(self, at: dict[str, Floats]) -> dict[str, Floats]:
        """Give the degrees about z, x, y (F, 3) of every joint on the next frames, without jumps."""
        result = {}
        for name, rotations in self.rotations(at).items():
            degrees = _euler(rotations)
            degrees = np.concatenate([self._degrees.get(name, degrees[:1]), degrees])
            result[name] = np.unwrap(degrees, period=360, axis=0)[1:]
            self._degrees[name] = result[name][-1:]
        return result

    def rotations(self, at: dict[str, Floats]) -> dict[str, Floats]:
        """Give the rotations (F, 3, 3) of every joint on the next frames."""
        frames = len(at["mid_hip"])
        turned: dict[str, Floats] = {"": np.broadcast_to(np.eye(3), (frames, 3, 3))}
        result = {}
        for bone in (bone for bone in BONES if bone.name in self._last):
            parent = turned[bone.parent]
            local = np.swapaxes(parent, -1, -2) @ _turned(bone, at, parent)
            held, last = _held(local.reshape(frames, 9), self._last[bone.name].ravel())
            result[bone.name], self._last[bone.name] = held.reshape(frames, 3, 3), last.reshape(3, 3)
            turned[bone.name] = parent @ result[bone.name]
        return result


def _turned(bone: Bone, at: dict[str, Floats], parent: Floats) -> Floats:
    """How a bone stands in space (F, 3, 3), NaN where its points are missing."""
    along = at[bone.end] - at[bone.start]
    if bone.across is None:
        rest = np.einsum("fij,j->fi", parent, np.array(bone.rest, np.float64))
        return np.asarray(_shortest(rest, along) @ parent)
    across = at[bone.across[1]] - at[bone.across[0]]
    # The chest, which has no length, goes on where the spine ends.
    return _frame(across, parent[..., 1] if bone.start == bone.end else along, bone.exact)


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


def _held(numbers: Floats, before: Floats) -> tuple[Floats, Floats]:
    """Numbers (F, n) with the last known row in place of NaN, at the beginning that of `before`; and the last row."""
    rows = np.concatenate([before[None], numbers])
    known = ~np.isnan(rows).any(axis=1)
    held = rows[np.maximum.accumulate(np.where(known, np.arange(len(rows)), 0))]
    return held[1:], held[-1]


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
