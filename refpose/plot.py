"""Figures for papers and notebooks with Matplotlib (extra ``plot``). Every function draws into axes and returns them;
nothing is shown, saved or set for other figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import arguments
from .extras import require

if TYPE_CHECKING:
    from .motion.recording import Recording
    from .person import Person

Array = NDArray[Any]

LEFT, RIGHT, CENTRE = "#e8751a", "#0f8ea8", "#7d828c"
VISIBLE = 0.5  # fainter below


def _color(name: str) -> str:
    return LEFT if "left" in name else RIGHT if "right" in name else CENTRE


def _faint(visibility: Array, *landmarks: int) -> float:
    return 1.0 if min(visibility[list(landmarks)]) >= VISIBLE else 0.25


def plot_pose2d(person: Person, image: ArrayLike | None = None, ax: Any = None, names: Iterable[str] = ()) -> Any:
    """Landmarks on the picture, in pixels.

    Parameters
    ----------
    person : Person
    image : (H, W, 3) uint8, optional
        Drawn below.
    ax : matplotlib.axes.Axes, optional
        A new figure's without it.
    names : iterable of str
        Landmarks to label, of the person's ``topology.names``.

    Returns
    -------
    matplotlib.axes.Axes
        x to the right and y down, in pixels, equally scaled.

    Raises
    ------
    ValueError
        There is no landmark of some name.
    MissingExtra
        Matplotlib is not installed.
    """
    if ax is None:
        ax = require("matplotlib.pyplot", "plot").figure(layout="constrained").add_subplot()
    width, height = person.image_size
    if image is not None:
        ax.imshow(np.asarray(image), extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    points, visibility = person.landmarks_px, person.visibility
    for a, b in sorted(person.topology.connections):
        ax.plot(
            *points[[a, b], :2].T, color="white" if image is not None else CENTRE, alpha=_faint(visibility, a, b), lw=2
        )
    for i, name in enumerate(person.topology.names):
        ax.plot(*points[i, :2], "o", color=_color(name), alpha=_faint(visibility, i), ms=4, mec="white", mew=0.6)
    label = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1}
    for name in names:
        i = _index(person.topology.names, name)
        ax.annotate(
            name.replace("_", " "),
            points[i, :2],
            xytext=(4, -4),
            textcoords="offset points",
            fontsize="small",
            bbox=label,
        )
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xlabel="x in px", ylabel="y in px", aspect="equal")
    return ax


def plot_pose3d(person: Person, ax: Any = None, elev: float = 10.0, azim: float = -70.0) -> Any:
    """World landmarks in metres, upright, seen from the front.

    Parameters
    ----------
    person : Person
    ax : mpl_toolkits.mplot3d.axes3d.Axes3D, optional
        A new figure's without it.
    elev, azim : float
        Where the camera is, in degrees, as in Matplotlib: (0, -90) is the place of the camera that took the picture.

    Returns
    -------
    mpl_toolkits.mplot3d.axes3d.Axes3D
        Its axes are x (to the picture's right), z (away from the camera) and y upside down (up), equally scaled.

    Raises
    ------
    TypeError
        The axes are not three-dimensional.
    ValueError
        The person's model finds no world landmarks.
    MissingExtra
        Matplotlib is not installed.
    """
    if person.world_landmarks is None:
        raise ValueError(f"{person.topology.name}: this model finds no world landmarks")
    names = person.topology.names
    if ax is None:
        figure = require("matplotlib.pyplot", "plot").figure(layout="constrained")
        ax = figure.add_subplot(projection="3d")
    if not hasattr(ax, "get_zlim"):
        raise TypeError("ax must be three-dimensional: make it with projection='3d'")
    x, y, z = person.world_landmarks.T
    points = np.stack([x, z, -y], axis=1)  # Matplotlib's third axis is the vertical
    for a, b in sorted(person.topology.connections):
        side = {_color(names[a]), _color(names[b])}
        color = side.pop() if len(side) == 1 else CENTRE
        ax.plot(*points[[a, b]].T, color=color, alpha=_faint(person.visibility, a, b), lw=2.5)
    colors = [_color(name) for name in names]
    alpha = [_faint(person.visibility, i) for i in range(len(points))]
    ax.scatter(*points.T, c=colors, alpha=alpha, s=14, depthshade=False)
    middle, reach = (points.max(axis=0) + points.min(axis=0)) / 2, np.ptp(points, axis=0).max() / 2 + 0.05
    ax.set(
        **{f"{axis}lim": (m - reach, m + reach) for axis, m in zip("xyz", middle, strict=True)},
        xlabel="x in m",
        ylabel="z in m",
        zlabel="−y in m",
    )
    ax.set_box_aspect((1, 1, 1))
    ax.view_init(elev=arguments.number("elev", elev), azim=arguments.number("azim", azim))
    return ax


PLOTTED = (("ankle",), ("knee", "hip"), ("shoulder", "elbow"))
"""The joints of `plot_angles`, axes by axes."""


def plot_angles(
    recording: Recording | Iterable[Recording],
    source: str = "world",
    angles: Iterable[str] | None = None,
    axes: Any = None,
) -> Any:
    """Angles of the first person over time, right limbs solid and left ones dashed.

    Parameters
    ----------
    recording : refpose.motion.Recording, or iterable of them
        One recording, or the blocks of one. Of very long ones, no more points are drawn than can be told apart.
    source : {"world", "image"}
        What they are computed from.
    angles : iterable of str, optional
        Which of `refpose.motion.angles.ANGLES`, all in one pair of axes; those of the limbs' joints without it.
    axes : sequence of matplotlib.axes.Axes, optional
        One for `angles`, else one for each of `PLOTTED`; a new figure's without it.

    Returns
    -------
    list of matplotlib.axes.Axes
        Seconds and degrees.

    Raises
    ------
    ValueError
        There is no such angle or source.
    MissingExtra
        Matplotlib is not installed.
    """
    from .motion.angles import JOINT_ANGLES, Stream
    from .motion.recording import Recording

    groups = [tuple(angles)] if angles is not None else [_both_sides(joints) for joints in PLOTTED]
    if axes is None:
        figure = require("matplotlib.pyplot", "plot").figure(layout="constrained")
        axes = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    chosen = list(dict.fromkeys(name for names in groups for name in names))
    stream, times, series = None, [], []
    for block in [recording] if isinstance(recording, Recording) else recording:
        stream = stream or Stream(block.keypoints, source, chosen)
        times.append(block.time)
        series.append(stream.of(block)[:, 0])
    time, computed = np.concatenate(times), np.concatenate(series)
    for ax, names in zip(axes, groups, strict=True):
        for name in names:
            style = "--" if name.startswith("left") else "-"
            drawn = _thinned(time, computed[:, chosen.index(name)])
            ax.plot(*drawn, style, label=name.replace("_", " "), lw=1.5)
        ax.set_ylabel("flexion in degrees" if {*names} <= {*JOINT_ANGLES} else "degrees")
        ax.grid(alpha=0.3)
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small")  # beside the curves, not on them
    axes[-1].set_xlabel("time in s")
    return list(axes)


_BINS = 4000  # many more than a figure has columns of pixels


def _thinned(time: Array, values: Array) -> tuple[Array, Array]:
    """At most the least and the greatest value in each of `_BINS` stretches of time, and where values are missing."""
    if len(values) <= 2 * _BINS:
        return time, values
    kept = []
    for part in np.array_split(np.arange(len(values)), _BINS):
        missing = np.isnan(values[part])
        if missing.any():
            kept.append(part[[int(np.argmax(missing))]])
        if not missing.all():
            kept.append(part[[int(np.nanargmin(values[part])), int(np.nanargmax(values[part]))]])
    chosen = np.unique(np.concatenate(kept))
    return time[chosen], values[chosen]


def _both_sides(joints: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{side}_{joint}" for joint in joints for side in ("right", "left"))


def plot_activations(
    activation: ArrayLike,
    channels: Sequence[int] | None = None,
    columns: int = 8,
    ax: Any = None,
    cmap: str = "inferno",
) -> Any:
    """Channels of an activation side by side, each from its least to its greatest value.

    Parameters
    ----------
    activation : (H, W, C) float
        As `Network.trace` yields it.
    channels : sequence of int, optional
        Which; the sixteen with the greatest standard deviation without it.
    columns : int
        Channels in a row.
    ax : matplotlib.axes.Axes, optional
        A new figure's without it.
    cmap : str
        Matplotlib's colour map.

    Returns
    -------
    matplotlib.axes.Axes
        Without ticks; numbers of the channels above the maps.

    Raises
    ------
    ValueError
        The activation has no channels, there is no channel of some number, or no column.
    MissingExtra
        Matplotlib is not installed.
    """
    maps, columns = np.asarray(activation), arguments.whole("columns", columns, 1)
    if maps.ndim != 3:
        raise ValueError(f"expected an activation of shape (H, W, C), found {maps.shape}")
    if channels is None:
        channels = np.argsort(-maps.std(axis=(0, 1)), kind="stable")[:16].tolist()
    channels = [arguments.whole("channel", channel) for channel in channels]
    for channel in channels:
        if not 0 <= channel < maps.shape[2]:
            raise ValueError(f"no channel {channel}: the activation has {maps.shape[2]}")
    if ax is None:
        ax = require("matplotlib.pyplot", "plot").figure(layout="constrained").add_subplot()
    height, width, _ = maps.shape
    gap_x, gap_y = max(1, width // 12), max(1, height // 5)
    for k, channel in enumerate(channels):
        left, top = k % columns * (width + gap_x), k // columns * (height + gap_y)
        shown = maps[:, :, channel]
        ax.imshow(shown, cmap=cmap, extent=(left, left + width, top + height, top), interpolation="nearest")
        ax.text(left + width / 2, top - 0.02 * height, str(channel), ha="center", va="bottom", fontsize="x-small")
    rows = -(-len(channels) // columns)
    ax.set(
        xlim=(0, min(len(channels), columns) * (width + gap_x) - gap_x),
        ylim=(rows * (height + gap_y) - gap_y, -gap_y),
        aspect="equal",
    )
    ax.set_axis_off()
    return ax


def _index(names: Sequence[str], name: str) -> int:
    if name not in names:
        raise ValueError(f"no landmark {name!r}: expected one of {', '.join(names)}")
    return names.index(name)
