"""Names of joints as data sets spell them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .. import topology
from . import checked

# Joints of public data sets which no skeleton of `refpose.topology` has, so that nothing can be compared with them:
# JHMDB, Human3.6M, CrowdPose, AIC, PoseTrack18, Halpe, Human-Art.
OTHER_JOINTS = frozenset(
    (
        "belly",
        "face",
        "head",
        "head_bottom",
        "neck_base",
        "spine",
        "left_finger",
        "right_finger",
        "left_toe",
        "right_toe",
    )
)

# Other spellings of joints that `refpose.topology` has: Human3.6M's feet are the ankles (its figures end there),
# MPII's "top of the head" has three names.
_SPELLINGS: Mapping[str, str] = {
    "left_foot": "left_ankle",
    "right_foot": "right_ankle",
    "top_head": "head_top",
    "top_of_head": "head_top",
    "root": "pelvis",
    "hip": "pelvis",
}
KNOWN_JOINTS = OTHER_JOINTS.union(
    topology.LANDMARK_NAMES, topology.COCO_17, topology.MPII_16, topology.BODY_25, _SPELLINGS.values()
)


def joint_name(name: str) -> str:
    """Spell a joint as `refpose.topology` does: "Head top" becomes "head_top", "root (pelvis)" becomes "pelvis"."""
    plain = re.sub(r"[\s\-]+", "_", re.sub(r"[\s_]*\(.*?\)", "", name.strip().lower()))
    return _SPELLINGS.get(plain, plain)


class Names:
    """Spells joints, refuses unknown ones, and remembers lists already seen (most persons share theirs)."""

    def __init__(self, ignore_unknown: bool) -> None:
        self._ignore_unknown = ignore_unknown
        self._seen: dict[tuple[str, ...], tuple[str, ...]] = {}

    def spell(self, names: Sequence[Any], where: str) -> tuple[str, ...]:
        for name in names:
            if not isinstance(name, str):
                raise ValueError(f"{where}: expected names of joints, found {checked.describe(name)}")
        given = tuple(names)
        if given not in self._seen:
            spelled = tuple(joint_name(name) for name in given)
            unknown = [name for name, plain in zip(given, spelled, strict=True) if plain not in KNOWN_JOINTS]
            if unknown and not self._ignore_unknown:
                raise ValueError(
                    f"{where}: unknown joints {', '.join(map(repr, unknown))}; "
                    f"known are {', '.join(sorted(KNOWN_JOINTS))}"
                )
            twice = sorted({name for name in spelled if spelled.count(name) > 1})
            if twice:
                raise ValueError(f"{where}: {', '.join(twice)} is listed twice")
            self._seen[given] = spelled
        return self._seen[given]
