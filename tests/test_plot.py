"""Matplotlib helpers: what they draw, into which axes, and that they leave everything else alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from refpose import Person, Pose, Roi
from refpose.images import read_image

pytest.importorskip("matplotlib", reason="the extra plot is not installed")

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot

from refpose import plot
from refpose.topology import EFFICIENTPOSE


@pytest.fixture(scope="module")
def person(astronaut: Path) -> Person:
    return Pose(mode="image").process(read_image(astronaut))[0]


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot.close("all")


def test_pose2d_is_in_pixels(person: Person, astronaut: Path) -> None:
    figure, axes = pyplot.subplots(1, 2)
    settings = dict(matplotlib.rcParams)
    ax = plot.plot_pose2d(person, read_image(astronaut), ax=axes[1], names=["nose"])
    assert ax is axes[1]
    assert not axes[0].lines
    assert ax.get_xlim() == (-0.5, 511.5)
    assert ax.get_ylim() == (511.5, -0.5)
    points = np.array([line.get_xydata()[0] for line in ax.lines[-33:]])
    np.testing.assert_array_equal(points, person.landmarks_px[:, :2])
    assert [text.get_text() for text in ax.texts] == ["nose"]
    assert dict(matplotlib.rcParams) == settings
    figure.canvas.draw()


def test_pose3d_stands_upright(person: Person) -> None:
    ax = plot.plot_pose3d(person)
    x, z, up = ax.collections[0]._offsets3d
    np.testing.assert_array_equal(x, person.world_landmarks[:, 0])
    np.testing.assert_array_equal(z, person.world_landmarks[:, 2])
    np.testing.assert_array_equal(up, -person.world_landmarks[:, 1])
    assert up[0] > up[23]  # the nose is above the hips
    sizes = [np.ptp(limits) for limits in (ax.get_xlim(), ax.get_ylim(), ax.get_zlim())]
    np.testing.assert_allclose(sizes, sizes[0])
    assert (ax.elev, ax.azim) == (10, -70)
    ax.figure.canvas.draw()


def test_activations_shows_the_liveliest_channels() -> None:
    activation = np.zeros((4, 6, 20), np.float32)
    activation[0, 0] = np.arange(20)
    ax = plot.plot_activations(activation, columns=5)
    assert [text.get_text() for text in ax.texts] == [str(i) for i in range(19, 3, -1)]
    np.testing.assert_array_equal(ax.images[0].get_array(), activation[:, :, 19])
    ax = plot.plot_activations(activation, channels=[2])
    assert [text.get_text() for text in ax.texts] == ["2"]


def test_bad_input(person: Person) -> None:
    with pytest.raises(ValueError, match="no landmark 'tail'"):
        plot.plot_pose2d(person, names=["tail"])
    with pytest.raises(TypeError, match="projection='3d'"):
        plot.plot_pose3d(person, ax=pyplot.figure().add_subplot())
    with pytest.raises(ValueError, match=r"\(H, W, C\), found \(3,\)"):
        plot.plot_activations([1, 2, 3])
    with pytest.raises(ValueError, match="no channel 7"):
        plot.plot_activations(np.zeros((2, 2, 3)), channels=[7])


def test_matplotlib_is_imported_only_when_needed() -> None:
    code = "import sys, refpose.plot; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_person_with_another_skeleton() -> None:
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.random((16, 2)), np.full(16, np.nan)]).astype(np.float32)
    person = Person(
        landmarks=points,
        visibility=np.ones(16, np.float32),
        score=1.0,
        roi=Roi(0.5, 0.5, 1, 1),
        image_size=(100, 80),
        topology=EFFICIENTPOSE,
    )
    ax = plot.plot_pose2d(person, names=("head_top",))
    dots = [line.get_xydata()[0] for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots, person.landmarks_px[:, :2])
    assert [text.get_text() for text in ax.texts] == ["head top"]
    with pytest.raises(ValueError, match="no landmark 'nose': expected one of head_top"):
        plot.plot_pose2d(person, names=("nose",))
    with pytest.raises(ValueError, match="efficientpose: this model finds no world landmarks"):
        plot.plot_pose3d(person)


def test_long_recordings_are_drawn_with_fewer_points_that_look_the_same() -> None:
    from refpose.plot import _BINS, _thinned

    time = np.arange(108_000) / 30
    values = np.sin(time / 100)
    values[50_000], values[70_000] = 5.0, -5.0
    values[60_000:60_100] = np.nan
    kept, drawn = _thinned(time, values)
    assert len(kept) <= 3 * _BINS
    assert (np.diff(kept) > 0).all()
    assert (np.nanmax(drawn), np.nanmin(drawn)) == (5.0, -5.0)
    assert kept[np.argmax(drawn == 5.0)] == time[50_000]
    assert np.isnan(drawn[np.searchsorted(kept, 60_000 / 30) : np.searchsorted(kept, 60_100 / 30)]).any()
    assert np.allclose(np.interp(time[:49_900], kept, np.nan_to_num(drawn)), values[:49_900], atol=0.01)
    assert len(_thinned(time[:100], values[:100])[0]) == 100
