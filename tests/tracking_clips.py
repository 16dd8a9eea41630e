"""Videos of several people whose truth is known: people cut out of pictures, moved over a background.

Where the joints of each picture are was marked by hand (the skier's by COCO's annotators), so that no estimator is the
measure of another; they move as the cut-out does. Somebody counts on a frame while at least `COUNTED` of what was cut
out of the picture can be seen; hidden further, whatever is said about them is neither right nor wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from refpose import Pose
from refpose.images import read_image
from refpose.topology import COCO_17

ROOT = Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 640, 360
FRAMES = 48
COUNTED, THERE = 0.4, 0.05  # parts of a person that can be seen: who counts, who is annotated at all

Points = dict[str, tuple[float, float]]

# By hand, in pixels of the pictures. The skier: COCO val2017, picture 785 (CC BY 4.0).
JOINTS: dict[str, Points] = {
    "skier": {
        "nose": (367, 81), "left_eye": (374, 73), "right_eye": (360, 75), "left_ear": (386, 78), "right_ear": (356, 81),
        "left_shoulder": (399, 108), "right_shoulder": (358, 129), "left_elbow": (433, 142), "right_elbow": (341, 159),
        "left_wrist": (449, 165), "right_wrist": (309, 178), "left_hip": (424, 203), "right_hip": (393, 214),
        "left_knee": (429, 294), "right_knee": (367, 273), "left_ankle": (466, 362), "right_ankle": (396, 341),
    },
    "astronaut": {
        "nose": (227, 124), "left_eye": (245, 103), "right_eye": (202, 101), "left_ear": (272, 131),
        "right_ear": (176, 123), "left_shoulder": (335, 270), "right_shoulder": (85, 275), "right_elbow": (55, 430),
    },
    "grace_hopper": {
        "nose": (264, 236), "left_eye": (307, 187), "right_eye": (222, 189), "left_ear": (362, 216),
        "right_ear": (168, 218), "left_shoulder": (470, 405), "right_shoulder": (60, 405),
    },
    "cameraman": {
        "nose": (251, 163), "right_eye": (236, 146), "right_ear": (188, 140), "right_shoulder": (95, 190),
        "right_elbow": (60, 325), "right_wrist": (190, 225), "left_elbow": (245, 300), "left_wrist": (300, 215),
    },
}  # fmt: skip
FILES = {
    "skier": ROOT / "examples" / "skier.png",
    **{name: ROOT / "tests" / "golden" / "images" / f"{name}.png" for name in JOINTS if name != "skier"},
}


class Cut(NamedTuple):
    """Somebody cut out of a picture: colours (H, W, 3) and opacity (H, W), both float32; joints in its pixels."""

    colours: NDArray[np.float32]
    opacity: NDArray[np.float32]
    joints: Points


@cache
def cut(name: str, height: int, mirrored: bool = False) -> Cut:
    """Somebody of this height in pixels; a mirror image's left is its right."""
    image, mask = _outline(name)
    rows, columns = (np.flatnonzero((mask > 0.5).any(axis=axis)) for axis in (1, 0))
    box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    scale = height / (box[3] - box[1])
    size = max(1, round((box[2] - box[0]) * scale)), height
    layers = [
        Image.fromarray(layer).crop(box).resize(size, Image.Resampling.LANCZOS) for layer in (image, mask_u8(mask))
    ]
    colours, opacity = (np.asarray(layer, np.float32) for layer in layers)
    joints = {joint: ((x - box[0]) * scale, (y - box[1]) * scale) for joint, (x, y) in JOINTS[name].items()}
    if mirrored:
        colours, opacity = colours[:, ::-1], opacity[:, ::-1]
        sides = {"left": "right", "right": "left"}
        joints = {
            "_".join(sides.get(word, word) for word in joint.split("_")): (size[0] - 1 - x, y)
            for joint, (x, y) in joints.items()
        }
    return Cut(colours, opacity / 255, joints)


@cache
def _outline(name: str) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    image = read_image(FILES[name])
    (person,) = Pose("heavy", "image", segmentation=True).process(image)
    return image, np.clip(2 * person.segmentation_mask - 0.5, 0, 1)


def mask_u8(mask: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Opacity as bytes."""
    return (255 * mask).round().astype(np.uint8)


@cache
def background() -> NDArray[np.float32]:
    """Blurred noise, always the same."""
    noise = np.random.default_rng(15).integers(60, 200, (HEIGHT // 20, WIDTH // 20, 3), dtype=np.uint8)
    large = Image.fromarray(noise).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    return np.asarray(large.filter(ImageFilter.GaussianBlur(6)), np.float32)


@dataclass(frozen=True)
class Actor:
    """Somebody in a clip.

    Attributes
    ----------
    who : Cut
    path : callable
        From the time in 0..1 to the middle and the bottom of the cut-out in pixels, or None where they are away.
    """

    who: Cut
    path: Callable[[float], tuple[float, float] | None]


@dataclass(frozen=True)
class Clip:
    """A video: `actors` from the hindmost to the foremost. `apart`: nobody ever covers anybody."""

    name: str
    actors: Sequence[Actor]
    apart: bool = False
    frames: int = FRAMES

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], list[dict[str, Any]]]]:
        """Frames (H, W, 3) with COCO's annotations of those on them."""
        for number in range(self.frames):
            yield self.frame(number)

    def frame(self, number: int) -> tuple[NDArray[np.uint8], list[dict[str, Any]]]:
        """One frame with its annotations."""
        picture = background().copy()
        seen = []
        for track, actor in enumerate(self.actors):
            place = actor.path(number / (FRAMES - 1))
            if place is None:
                continue
            height, width = actor.who.opacity.shape
            x, y = round(place[0] - width / 2), round(place[1] - height)
            layer = np.zeros((HEIGHT, WIDTH), np.float32)
            x0, x1, y0, y1 = max(x, 0), min(x + width, WIDTH), max(y, 0), min(y + height, HEIGHT)
            if x1 <= x0 or y1 <= y0:
                continue
            part = slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)
            layer[y0:y1, x0:x1] = actor.who.opacity[part]
            opaque = layer[y0:y1, x0:x1, None]
            area = picture[y0:y1, x0:x1]
            picture[y0:y1, x0:x1] = area + opaque * (actor.who.colours[part] - area)
            seen = [(other, behind * (1 - layer), where) for other, behind, where in seen]
            seen.append((track, layer, (x, y)))
        people = []
        for track, layer, (x, y) in seen:
            who = self.actors[track].who
            area_px = float(who.opacity.sum())
            visible = float(layer.sum()) / area_px
            if visible >= THERE:
                people.append(_annotation(track, who, (x, y), area_px, visible < COUNTED))
        return np.clip(picture.round(), 0, 255).astype(np.uint8), people


def truth(some: Sequence[Clip]) -> dict[str, Any]:
    """Clips as one file of COCO's annotations; the frames' numbers go on from one clip to the next."""
    images: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    for clip in some:
        for frame, (_, own) in enumerate(clip):
            number = len(images)
            images.append({"id": number, "frame_id": frame, "vid_id": clip.name, "file_name": f"{number:05}.png"})
            people += [{"id": len(people) + k + 1, "image_id": number, **person} for k, person in enumerate(own)]
    category = {"id": 1, "name": "person", "keypoints": list(COCO_17)}
    return {"images": images, "annotations": people, "categories": [category]}


def _annotation(track: int, who: Cut, at: tuple[int, int], area_px: float, hidden: bool) -> dict[str, Any]:
    height, width = who.opacity.shape
    keypoints: list[float] = []
    for name in COCO_17:
        x, y = who.joints.get(name, (np.nan, np.nan))
        keypoints += [0, 0, 0] if np.isnan(x) else [x + at[0], y + at[1], 2]
    return {
        "track_id": track,
        "category_id": 1,
        "keypoints": keypoints,
        "bbox": [*at, width, height],
        "area": area_px,
        "iscrowd": int(hidden),
    }


def line(
    *stops: tuple[float, float], bottom: float = HEIGHT, bob: float = 0.0
) -> Callable[[float], tuple[float, float]]:
    """A path along a row: times and columns between which the way is straight; bobbing by so many pixels."""
    times, columns = zip(*stops, strict=True)

    def place(time: float) -> tuple[float, float]:
        return float(np.interp(time, times, columns)), bottom + bob * float(np.sin(14 * time))

    return place


def between(start: float, end: float, path: Callable[[float], tuple[float, float]]) -> Callable[[float], Any]:
    """A path that is there from one time to another only."""
    return lambda time: path(time) if start <= time < end else None


def clips() -> list[Clip]:
    """All clips."""
    skier, reiks = cut("skier", 300), cut("skier", 300, mirrored=True)
    astronaut, hopper = cut("astronaut", 250), cut("grace_hopper", 250)
    cameraman = cut("cameraman", 260)
    small = cut("skier", 170)
    foot = HEIGHT - 20
    return [
        Clip(
            "side by side",
            [
                Actor(skier, line((0, 110), (0.5, 150), (1, 110), bottom=foot, bob=6)),
                Actor(astronaut, line((0, 325), (1, 345), bob=4)),
                Actor(hopper, line((0, 530), (0.5, 545), (1, 520), bob=5)),
            ],
            apart=True,
        ),
        Clip(
            "in step",
            [
                Actor(skier, line((0, 130), (1, 340), bottom=foot, bob=6)),
                Actor(reiks, line((0, 300), (1, 510), bottom=foot, bob=5)),
            ],
        ),
        Clip(
            "crossing",
            [
                Actor(reiks, line((0, 110), (1, 530), bottom=foot, bob=5)),
                Actor(skier, line((0, 530), (1, 110), bottom=foot, bob=6)),
            ],
        ),
        Clip(
            "crossing close",
            [
                Actor(astronaut, line((0, 110), (1, 530), bob=4)),
                Actor(hopper, line((0, 530), (1, 110), bob=5)),
            ],
        ),
        Clip(
            "leaving and coming back",
            [
                Actor(astronaut, line((0, 180), (1, 200), bob=4)),
                Actor(skier, line((0, 450), (0.3, 760), (0.6, 760), (0.9, 450), (1, 450), bottom=foot, bob=5)),
            ],
            apart=True,
        ),
        Clip(
            "behind one another",
            [
                Actor(reiks, line((0, 90), (0.45, 330), (0.6, 330), (1, 560), bottom=foot, bob=4)),
                Actor(cameraman, line((0, 330), (1, 330), bob=3)),
            ],
        ),
        Clip(
            "hidden and turning back",
            [
                Actor(skier, line((0, 560), (0.4, 300), (0.55, 300), (1, 560), bottom=foot, bob=4)),
                Actor(astronaut, line((0, 290), (1, 300), bob=3)),
                Actor(hopper, line((0, 90), (1, 100), bob=3)),
            ],
        ),
        Clip(
            "entering",
            [
                Actor(hopper, line((0, 110), (1, 120), bob=3)),
                Actor(astronaut, between(0.15, 2, line((0.15, 800), (0.5, 330), (1, 320), bob=4))),
                Actor(skier, between(0.45, 2, line((0.45, 750), (0.8, 550), (1, 540), bottom=foot, bob=4))),
            ],
        ),
        Clip(
            "bystander",
            [
                Actor(small, line((0, 560), (0.5, 380), (1, 540), bottom=250, bob=3)),
                Actor(hopper, line((0, 290), (1, 310), bob=4)),
            ],
        ),
    ]


HALF, WHOLE = ("astronaut", "grace_hopper", "cameraman"), ("skier",)  # who ends with the picture, and who has feet


def drawn(seed: int) -> Clip:
    """A clip made at random, one of eight kinds in turn; the same for the same seed."""
    random = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    names = [str(name) for name in random.permutation(HALF + WHOLE)]
    frames = int(random.integers(40, 56))

    def actor(
        *stops: tuple[float, float], least: float = 0.5, most: float = 0.9, bottom: float | None = None, of: Any = ()
    ) -> Actor:
        name = next(name for name in names if name in (of or names))
        names.remove(name)
        who = cut(name, int(HEIGHT * random.uniform(least, most)), bool(random.integers(2)))
        if bottom is None:
            bottom = HEIGHT if name in HALF else HEIGHT - random.uniform(0, 30)
        return Actor(who, line(*stops, bottom=bottom, bob=random.uniform(0, 7)))

    def at(low: float, high: float) -> float:
        return float(random.uniform(low, high))

    actors: list[Actor] = []
    if kind == "crossing":
        side = at(60, 150)
        actors = [actor((0, side), (1, WIDTH - side)), actor((0, WIDTH - side), (at(0.6, 1), side))]
    elif kind == "three crossing":
        actors = [actor((0, 90), (1, 550)), actor((0, 320), (1, 330)), actor((0, 560), (1, 80))]
    elif kind == "passing behind":
        behind = at(0.35, 0.5)
        actors = [
            actor((0, 90), (behind, 320), (behind + at(0, 0.2), 325), (1, 560)),
            actor((0, 320), (1, at(290, 350))),
        ]
    elif kind == "turning back":
        turn, gap = at(0.3, 0.5), at(0, 80)
        actors = [
            actor((0, 90), (turn, 320 - gap), (turn + 0.15, 320 - gap), (1, 90)),
            actor((0, 340), (1, 330)),
        ]
    elif kind == "close":
        gap, way, more = at(90, 170), at(0, 150), at(-40, 40)
        actors = [actor((0, 160), (1, 160 + way)), actor((0, 160 + gap), (1, 160 + gap + way + more))]
    elif kind == "bystander":
        small = actor((0, 560), (0.5, at(360, 440)), (1, 540), least=0.35, most=0.5, bottom=at(230, 330), of=WHOLE)
        actors = [small, actor((0, 280), (1, 310), least=0.6, most=0.8)]
    elif kind == "leaving":
        away = ((0, 470), (0.3, 780), (0.6, 780), (0.9, 470), (1, 470))
        actors = [actor((0, 180), (1, 220)), actor(*away)]
    else:
        actors = [actor((0, x), (1, x + at(-15, 15)), least=0.45, most=0.6) for x in (100, 320, 540)]
    return Clip(f"{seed}: {kind}", actors, apart=kind in ("leaving", "side by side"), frames=frames)


KINDS = (
    "crossing", "three crossing", "passing behind", "turning back", "close", "bystander", "leaving", "side by side",
)  # fmt: skip
"""Of `drawn`."""
