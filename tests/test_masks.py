"""Masks of several people: grey values, labels, files, and how much memory they take."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from refpose import Pose, Roi, cli, draw, masks, pipeline
from refpose.images import read_image


def somebody(mask: Any, number: int | None = None) -> Any:
    return SimpleNamespace(segmentation_mask=None if mask is None else np.array(mask, np.float32), id=number)


LEFT = [[0.9, 0.6, 0.2, 0.5]]
RIGHT = [[0.1, 0.7, 0.8, 0.5]]


def test_labels_are_of_the_most_probable_person() -> None:
    assert masks.label_image([somebody(LEFT), somebody(RIGHT)], (1, 4)).tolist() == [[1, 2, 2, 0]]
    assert masks.label_image([somebody(LEFT, 7), somebody(LEFT, 3)], (1, 4)).tolist() == [[8, 8, 0, 0]]
    assert masks.label_image([], (2, 3)).tolist() == [[0] * 3] * 2
    assert masks.grey([somebody(LEFT), somebody(None), somebody(RIGHT)], (1, 4)).tolist() == [[230, 178, 204, 128]]


def test_many_labels_take_two_bytes() -> None:
    for number, kind in ((254, np.uint8), (255, np.uint16), (65534, np.uint16)):
        found = masks.label_image([somebody(LEFT, number)], (1, 4))
        assert (found.dtype, found.max()) == (kind, number + 1)
    with pytest.raises(ValueError, match="up to 65535, not 65536"):
        masks.label_image([somebody(LEFT, 65535)], (1, 4))
    for bad in (None, [[1.0]]):
        with pytest.raises(ValueError, match="expected masks of shape"):
            masks.label_image([somebody(LEFT), somebody(bad)], (1, 4))


def test_image_writes_everybody(pair: Path, tmp_path: Path) -> None:
    command = ["image", str(pair), "-o", str(tmp_path), "--model", "lite", "--people", "all", "--color-by", "person"]
    assert cli.main([*command, "--mask", "--labels", "--csv", "--no-draw-roi", "--no-draw-box"]) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"pair.png", "pair.json", "pair.csv", "pair.labels.png", "pair.mask.png"} | {
        f"pair.mask_person{place}.png" for place in (0, 1)
    }
    people = Pose("lite", "image", segmentation=True, people=None).process(read_image(pair))
    record = json.loads((tmp_path / "pair.json").read_bytes())
    assert [entry["label"] for entry in record["people"]] == [1, 2]
    assert [entry["score"] for entry in record["people"]] == [person.score for person in people]
    assert set(record["results"]) == names - {"pair.json"}
    labels = np.asarray(Image.open(tmp_path / "pair.labels.png"))
    assert labels.dtype == np.uint8
    for place, person in enumerate(people):
        mask = person.segmentation_mask
        assert mask is not None
        np.testing.assert_array_equal(
            np.asarray(Image.open(tmp_path / f"pair.mask_person{place}.png")), np.rint(mask * 255)
        )
        np.testing.assert_array_equal(labels == place + 1, mask > 0.5)
        x, y = person.landmarks_px[11, :2].astype(int)
        assert tuple(read_image(tmp_path / "pair.png")[y, x]) == draw.PERSON_COLORS[place]
    rows = (tmp_path / "pair.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 33
    assert {row.split(",")[3] for row in rows[1:]} == {"0", "1"}
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert cli.main([*command, "--mask", "--labels", "--csv", "--no-draw-roi", "--no-draw-box", "--resume"]) == 0
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == times
    (tmp_path / "pair.mask_person1.png").unlink()
    assert cli.main([*command, "--mask", "--labels", "--csv", "--no-draw-roi", "--no-draw-box", "--resume"]) == 0
    assert (tmp_path / "pair.mask_person1.png").exists()


def test_everybody_has_a_colour(pair: Path) -> None:
    picture = read_image(pair)
    people = Pose("lite", "video", people=2).process(picture)
    by_side, by_person = picture.copy(), picture.copy()
    draw.people(by_side, people, ["skeleton"])
    draw.people(by_person, people[::-1], ["skeleton"], color_by="person")  # by identity, in whatever order they come
    alone = picture.copy()
    for person in people:
        draw.person(alone, person, ["skeleton"])
    np.testing.assert_array_equal(by_side, alone)
    for number, person in enumerate(people):
        x, y = person.landmarks_px[11, :2].astype(int)
        assert tuple(by_person[y, x]) == draw.PERSON_COLORS[number]
    with pytest.raises(ValueError, match="color_by: expected one of side, person, found 'age'"):
        draw.people(picture, people, color_by="age")


def test_memory_of_thirty_masks(astronaut: Path) -> None:
    """Four bytes a pixel and person, and nothing else that grows with the picture."""
    picture = np.zeros((1500, 2000, 3), np.uint8)
    picture[100:612, 100:612] = read_image(astronaut)
    pose = Pose("lite", "image", segmentation=True, people=None)
    regions = [Roi(0.178 + k / 1000, 0.237, 0.3, 0.4) for k in range(30)]
    pose.process(picture, roi=regions[:2])
    tracemalloc.start()
    people = pose.process(picture, roi=regions)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(people) == 30
    assert peak < 4 * 1500 * 2000 * 31 + 30 * 2**20


@pytest.mark.parametrize("mode", ["image", "video"])
def test_masks_that_take_too_much(pair: Path, mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pose = Pose("lite", mode, segmentation=True, people=2)
    picture = read_image(pair)
    ids = [person.id for person in pose.process(picture, 0)]
    monkeypatch.setattr(pipeline, "MASKS_SIZE", 2_000_000)
    with pytest.raises(MemoryError, match="masks of 2 people on 900 x 300 pixels take"):
        pose.process(picture, 1)
    monkeypatch.undo()
    assert [person.id for person in pose.process(picture, 1)] == ids


@pytest.mark.parametrize("threads", [2, 5])
def test_a_mask_drawn_by_several_threads(astronaut: Path, threads: int) -> None:
    """Also where there are fewer rows than threads."""
    for image in (read_image(astronaut), read_image(astronaut)[100:103]):
        (alone,), (shared,) = (
            Pose("lite", "image", segmentation=True, threads=n).process(image, roi=[Roi(0.5, 0.4, 1, 1)])
            for n in (1, threads)
        )
        assert alone.segmentation_mask is not None
        assert shared.segmentation_mask is not None
        assert np.array_equal(alone.segmentation_mask, shared.segmentation_mask)
