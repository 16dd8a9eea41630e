"""`Pose` as its users see it: what it accepts, what it gives, what it remembers."""

from __future__ import annotations

import copy
import gc
import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_data import assert_same, landmark_arrays, picture
from numpy.typing import NDArray

from refpose import Person, Pose, Roi, Smoothing
from refpose.images import read_image
from refpose.trackers import SolutionTracker, Stills

Image = NDArray[np.uint8]


@pytest.fixture(scope="module")
def image() -> Image:
    return picture("astronaut")


@pytest.fixture(scope="module")
def still() -> Pose:
    """A pose estimator for single images; it keeps no state."""
    return Pose("lite", mode="image")


def pan(image: Image, count: int = 4) -> list[Image]:
    return [image[5 * k : 480 + 5 * k, 3 * k : 460 + 3 * k] for k in range(count)]


def everything(people: list[Person]) -> list[dict[str, Any]]:
    return [landmark_arrays(person) | {"roi": person.roi, "next": person.next_roi} for person in people]


def assert_same_people(found: list[Person], expected: list[Person]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(everything(found), everything(expected), strict=True):
        for name, value in one.items():
            np.testing.assert_equal(value, other[name], err_msg=name)


def test_person(still: Pose, image: Image) -> None:
    (person,) = still.process(image)
    for name, shape in {
        "landmarks": (33, 3),
        "visibility": (33,),
        "presence": (33,),
        "world_landmarks": (33, 3),
        "auxiliary_landmarks": (2, 3),
        "raw_landmarks": (33, 3),
        "raw_visibility": (33,),
        "raw_world_landmarks": (33, 3),
        "raw_auxiliary_landmarks": (2, 3),
    }.items():
        value = getattr(person, name)
        assert value.shape == shape, name
        assert value.dtype == np.float32, name
        assert not value.flags.writeable, name
    assert person.segmentation_mask is None
    assert person.next_roi is None
    assert person.image_size == (512, 512)
    assert isinstance(person.score, float)
    assert 0.5 < person.score <= 1
    assert person.landmarks_px.dtype == np.float32
    assert_same(person.landmarks_px, person.landmarks * np.float32(512))
    assert person.detection is not None
    assert person.detection.candidates_sq.shape[1] == 13
    assert len(person.detection.candidates_sq) > 1
    assert not person.detection.candidates_sq.flags.writeable
    assert not person.detection.box_n.flags.writeable
    assert "512" in repr(person)
    assert "candidates" in repr(person.detection)
    with pytest.raises(AttributeError):
        person.score = 1.0  # type: ignore[misc]


def test_mask(image: Image) -> None:
    (person,) = Pose("lite", mode="image", segmentation=True).process(image)
    mask = person.segmentation_mask
    assert mask is not None
    assert (mask.shape, mask.dtype, mask.flags.writeable) == ((512, 512), np.float32, False)
    assert 0 <= mask.min() < 0.1
    assert 0.9 < mask.max() <= 1


def test_nobody(still: Pose) -> None:
    assert still.process(picture("coffee")) == []
    assert still.detect(picture("coffee")) == []


def test_detect(still: Pose, image: Image) -> None:
    (person,) = still.process(image)
    best, *_ = still.detect(image)
    assert person.detection is not None
    assert_same(best.keypoints_n, person.detection.keypoints_n)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 700, 3), (700, 1, 3), (2, 2, 3)])
@pytest.mark.parametrize("mode", ["image", "video"])
def test_tiny_images(shape: tuple[int, int, int], mode: Any) -> None:
    pose = Pose("lite", mode=mode, segmentation=True, min_detection_confidence=0, min_tracking_confidence=0)
    for value in (0, 255):
        for person in pose.process(np.full(shape, value, np.uint8)):
            assert np.isfinite(person.landmarks).all()
            assert person.segmentation_mask is not None
            assert person.segmentation_mask.shape == shape[:2]


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (np.zeros((0, 5, 3), np.uint8), ValueError, "no pixels"),
        (np.zeros((5, 0, 3), np.uint8), ValueError, "no pixels"),
        (np.zeros((5, 5), np.uint8), ValueError, r"found shape \(5, 5\)"),
        (np.zeros((5, 5, 4), np.uint8), ValueError, r"found shape \(5, 5, 4\)"),
        (np.zeros((1, 5, 5, 3), np.uint8), ValueError, r"found shape \(1, 5, 5, 3\)"),
        (np.zeros((5, 5, 3), np.float32), TypeError, "found float32"),
        (np.zeros((5, 5, 3), np.int8), TypeError, "found int8"),
        (np.zeros((5, 5, 3), np.uint16), TypeError, "found uint16"),
        ([[[0, 0, 0]]], TypeError, "found list"),
        (None, TypeError, "found NoneType"),
    ],
)
def test_bad_images_leave_the_state_alone(image: Image, bad: Any, error: type[Exception], message: str) -> None:
    pose, other = Pose("lite"), Pose("lite")
    for one in (pose, other):
        one.process(image)
    with pytest.raises(error, match=message):
        pose.process(bad)
    assert_same_people(pose.process(image), other.process(image))


def test_layouts_of_the_same_pixels(still: Pose, image: Image) -> None:
    expected = still.process(image)
    read_only = image.copy()
    read_only.setflags(write=False)
    mirrored = np.ascontiguousarray(image[:, ::-1])[:, ::-1]
    wide = np.zeros((512, 512, 4), np.uint8)
    wide[..., :3] = image
    for same in (read_only, np.asfortranarray(image), mirrored, wide[..., :3]):
        assert_same_people(still.process(same), expected)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": "medium"}, ValueError, "no model 'medium': expected one of lite, full, heavy"),
        ({"model": 1}, ValueError, "no model 1"),
        ({"mode": "stream"}, ValueError, "no mode 'stream'"),
        ({"engine": "gpu"}, ValueError, "no engine 'gpu'"),
        ({"smooth": "yes"}, TypeError, "smooth must be True or False"),
        ({"segmentation": 1}, TypeError, "segmentation must be True or False"),
        ({"smooth_segmentation": None}, TypeError, "smooth_segmentation must be True or False"),
        ({"min_detection_confidence": "0.5"}, TypeError, "min_detection_confidence must be a number"),
        ({"min_tracking_confidence": None}, TypeError, "min_tracking_confidence must be a number"),
        ({"refinement_window": 8}, ValueError, "refinement_window must be odd"),
        ({"refinement_window": -1}, ValueError, "refinement_window must be odd"),
        ({"refinement_window": 9.0}, TypeError, "refinement_window must be a whole number"),
        ({"mask_smoothing": 1.5}, ValueError, "mask_smoothing must be from 0 to 1"),
        ({"mask_smoothing": math.nan}, ValueError, "mask_smoothing must be finite"),
        ({"min_detection_confidence": 50}, ValueError, "min_detection_confidence must be from 0 to 1"),
        ({"min_tracking_confidence": -1}, ValueError, "min_tracking_confidence must be from 0 to 1"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Pose(**{"model": "lite", **arguments})


def test_video_tracks_and_image_mode_does_not(image: Image) -> None:
    video, images = Pose("lite"), Pose("lite", mode="image")
    (first,) = video.process(image)
    (second,) = video.process(image)
    assert first.detection is not None
    assert second.detection is None
    assert second.roi == first.next_roi
    assert isinstance(video.tracker, SolutionTracker)
    assert video.tracker.roi == second.next_roi
    assert isinstance(images.tracker, Stills)
    assert_same_people(images.process(image), images.process(image))


def test_losing_and_finding_again(image: Image) -> None:
    pose = Pose("lite")
    assert pose.process(image)
    assert pose.process(np.zeros_like(image)) == []
    (again,) = pose.process(image)
    assert again.detection is not None


def test_reset_and_context_manager(image: Image) -> None:
    pose = Pose("lite")
    frames = pan(image)
    with pose as entered:
        assert entered is pose
        first = [pose.process(frame) for frame in frames]
    for found, expected in zip([pose.process(frame) for frame in frames], first, strict=True):
        assert_same_people(found, expected)
    pose.reset()
    assert_same_people(pose.process(frames[0]), first[0])


def test_time_stamps(image: Image) -> None:
    by_default, explicit, slow = Pose("lite"), Pose("lite"), Pose("lite")
    for k, frame in enumerate(pan(image), 1):
        expected = by_default.process(frame)
        assert_same_people(explicit.process(frame, timestamp=k * 33_333e-6), expected)
        (later,) = slow.process(frame, timestamp=10 * k)
    assert (later.landmarks != expected[0].landmarks).any()


@pytest.mark.parametrize("timestamp", [0.1, 0.05, -1, math.nan])
def test_time_going_backwards_leaves_the_state_alone(image: Image, timestamp: float) -> None:
    pose, other = Pose("lite"), Pose("lite")
    for one in (pose, other):
        one.process(image, timestamp=0.1)
    with pytest.raises(ValueError, match="time"):
        pose.process(image, timestamp=timestamp)
    assert_same_people(pose.process(image, timestamp=0.2), other.process(image, timestamp=0.2))


def test_smoothing(image: Image) -> None:
    raw, default, named, lazy = (Pose("lite", smooth=s) for s in (False, True, Smoothing(), Smoothing(beta=1.0)))
    for frame in pan(image):
        (plain,), (smooth,), (same,), (slow,) = (one.process(frame) for one in (raw, default, named, lazy))
        assert_same(plain.visibility, plain.raw_visibility)
        assert_same(plain.world_landmarks, plain.raw_world_landmarks)
        assert np.abs(plain.landmarks - plain.raw_landmarks).max() < 1e-6  # to pixels and back
        assert_same_people([same], [smooth])
    assert (smooth.landmarks != smooth.raw_landmarks).any()
    assert (smooth.visibility != smooth.raw_visibility).any()
    assert (slow.landmarks != smooth.landmarks).any()
    # The auxiliary landmarks place the next region, so they are filtered in the same way whatever is asked for.
    assert slow.next_roi == smooth.next_roi == plain.next_roi


def test_own_region(still: Pose, image: Image) -> None:
    (found,) = still.process(image)
    (again,) = still.process(image, roi=found.roi)
    assert again.detection is None
    assert_same(again.landmarks, found.landmarks)
    upper = Roi(found.roi.x, found.roi.y, found.roi.width / 2, found.roi.height, found.roi.rotation)
    (squared,) = still.process(image, roi=upper)
    assert squared.roi.width == pytest.approx(found.roi.width)
    assert_same(squared.landmarks, found.landmarks)
    video = Pose("lite")
    (first,) = video.process(image, roi=found.roi)
    (second,) = video.process(image)
    assert second.roi == first.next_roi


@pytest.mark.parametrize(
    ("roi", "error", "message"),
    [
        ((0.5, 0.5, 1, 1, 0), TypeError, "roi must be a refpose.Roi, not tuple"),
        (Roi(0.5, 0.5, 0, 0), ValueError, "sides must be above zero"),
        (Roi(0.5, 0.5, 1e-30, 1), ValueError, "sides must be above zero"),
        (Roi(1e30, 0.5, 1, 1), ValueError, "fractions of the image's size"),
    ],
)
def test_bad_regions(still: Pose, image: Image, roi: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        still.process(image, roi=roi)


@pytest.mark.parametrize("roi", [Roi(0.5, 0.5, 2e-6, 2e-6, 1), Roi(5, -7, 0.1, 0.1), Roi(0, 0, 900, 900, -2)])
def test_odd_regions_do_no_harm(image: Image, roi: Roi) -> None:
    pose = Pose("lite", segmentation=True, min_tracking_confidence=0)
    (person,) = pose.process(image, roi=roi)
    assert np.isfinite(person.landmarks).all()
    assert person.segmentation_mask is not None
    pose.process(image)


def test_confidences(still: Pose, image: Image) -> None:
    (person,) = still.process(image)
    assert person.detection is not None
    for name, value in (
        ("min_detection_confidence", person.detection.score),
        ("min_tracking_confidence", person.score),
    ):
        assert Pose("lite", mode="image", **{name: value - 1e-6}).process(image)
        assert not Pose("lite", mode="image", **{name: value + 1e-6}).process(image)
    # The detector's threshold is inclusive, the landmark network's is not.
    assert Pose("lite", mode="image", min_detection_confidence=person.detection.score).process(image)
    assert not Pose("lite", mode="image", min_tracking_confidence=person.score).process(image)


def test_pickle_in_mid_stream(image: Image) -> None:
    pose = Pose("lite", segmentation=True, mask_smoothing=0.7, refinement_window=7)
    first, *rest = pan(image)
    pose.process(first)
    pickled, copied = pickle.loads(pickle.dumps(pose)), copy.deepcopy(pose)
    for frame in rest:
        expected = pose.process(frame)
        for other in (pickled, copied):
            found = other.process(frame)
            assert_same_people(found, expected)
            assert_same(found[0].segmentation_mask, expected[0].segmentation_mask)


def test_pickled_person(still: Pose, image: Image) -> None:
    (person,) = still.process(image)
    for other in (pickle.loads(pickle.dumps(person)), copy.copy(person), copy.deepcopy(person)):
        assert_same_people([other], [person])
        for value in vars(other).values():
            assert not (isinstance(value, np.ndarray) and value.flags.writeable)


def test_a_shallow_copy_would_share_the_tracker(still: Pose) -> None:
    with pytest.raises(TypeError, match="deepcopy"):
        copy.copy(still)


def test_mask_smoothing_and_size_changes(image: Image) -> None:
    smoothed, plain = Pose("lite", segmentation=True, mask_smoothing=0.7), Pose("lite", segmentation=True)
    off = Pose("lite", segmentation=True, mask_smoothing=0.7, smooth_segmentation=False)
    frames = [image[:, :460], image[:, 40:500]]
    for frame in frames:
        (a,), (b,), (c,) = (pose.process(frame) for pose in (smoothed, plain, off))
    assert (a.segmentation_mask != b.segmentation_mask).any()
    assert_same(b.segmentation_mask, c.segmentation_mask)
    state = pickle.dumps(smoothed.tracker)
    with pytest.raises(ValueError, match=r"image is 512 x 512, the last mask 460 x 512.*reset"):
        smoothed.process(image)
    assert pickle.dumps(smoothed.tracker) == state
    smoothed.process(frames[0])
    assert plain.process(image)
    smoothed.reset()
    assert smoothed.process(image)


def test_threads_do_not_disturb_each_other(image: Image) -> None:
    frames = pan(image)

    def run(_: int) -> list[list[Person]]:
        pose = Pose("lite")
        return [pose.process(frame) for frame in frames]

    expected = run(0)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(run, range(4)):
            for one, other in zip(found, expected, strict=True):
                assert_same_people(one, other)


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_dropped_is_gone_at_once(image: Image, threads: int) -> None:
    def use() -> None:
        pose = Pose("lite", people=2, segmentation=True, threads=threads)
        pose.process(image)
        assert pose.process(np.zeros_like(image)) == []

    use()
    gc.collect()
    gc.disable()  # nothing may wait for it: not weights and their open file, not the frame on which somebody left
    try:
        use()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_nothing_is_printed_or_written(image: Image, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    Pose("lite").process(image)
    assert capfd.readouterr() == ("", "")


def test_pictures_beyond_what_warps_can_address() -> None:
    pose = Pose("lite", mode="image")
    with pytest.warns(UserWarning, match="image: 32768 x 40; nothing beyond 32,767 is seen, as in MediaPipe"):
        pose.process(np.zeros((40, 32768, 3), np.uint8))
    pose.process(np.zeros((40, 32767, 3), np.uint8))  # warnings are errors here


def test_a_threshold_of_zero_gives_places(astronaut: Path) -> None:
    for image in (read_image(astronaut), np.zeros((64, 64, 3), np.uint8)):
        for found in Pose("lite", mode="image", min_detection_confidence=0).detect(image):
            assert np.isfinite(found.box_n).all()
            assert np.isfinite(found.keypoints_n).all()
