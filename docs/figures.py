"""The figures of the documentation, drawn by refpose from its own intermediates of examples/astronaut.png."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot
from matplotlib.patches import Circle, Polygon, Rectangle

import refpose
from refpose import plot
from refpose.images import read_image
from refpose.stages import detector, landmarks
from refpose.study import explain, mistakes


def draw_all(root: Path, folder: Path) -> None:
    """Draw every figure that is not there yet."""
    drawers = (detection, region, refinement, encoder, pose)
    folder.mkdir(exist_ok=True)
    (folder / "quantities.rst").write_text(quantities(), "utf-8")
    (folder / "mistakes.rst").write_text(mistaken(), "utf-8")
    if all((folder / f"{draw.__name__}.png").exists() for draw in drawers):
        return
    image = read_image(root / "examples" / "astronaut.png")
    estimator = refpose.Pose(mode="image")
    explanation = estimator.explain(image, activations=True)
    person = estimator.process(image)[0]
    for draw in drawers:
        figure = draw(image, explanation, person)
        figure.savefig(folder / f"{draw.__name__}.png", dpi=110)
        pyplot.close(figure)


def quantities() -> str:
    """The table of names, from the code."""
    rows = (
        ["name", "shape", "unit", "meaning"],
        *(
            [f"``{name}``", " x ".join(map(str, q.shape)) or "scalar", q.unit, q.meaning]
            for name, q in explain.QUANTITIES.items()
        ),
    )
    return _list_table(rows, "26 12 18 44")


def mistaken() -> str:
    """The table of mistakes, from the code."""
    rows = (
        ["stage", "mistake"],
        *(
            [stage, text[0].upper() + text[1:]]
            for stage, options in mistakes.OPTIONS.items()
            for values in options.values()
            for text in values.values()
        ),
    )
    return _list_table(rows, "25 75")


def _list_table(rows, widths: str) -> str:
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in rows:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
    return "\n".join(lines) + "\n"


def detection(image, e, person):
    """Scores of the finest grid, candidates and their blend."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
    cells, anchors = detector.GRIDS[0]
    score = landmarks.sigmoid(e["detector/scores"][: cells * cells * anchors])
    left.imshow((e["detector/input"] + 1) / 2, extent=(0, 1, 1, 0))
    grid = score.reshape(cells, cells, anchors).max(axis=2)
    left.imshow(grid, extent=(0, 1, 1, 0), cmap="inferno", alpha=0.6, vmin=0, vmax=1)
    left.set_title("scores on the grid of 28 x 28 cells")
    height, width = image.shape[:2]
    right.imshow(image)
    for row in e["detector/candidates_sq"]:
        row = detector.remove_padding(row, width, height)
        right.add_patch(Rectangle(row[1:3] * width, row[3] * width, row[4] * height, fill=False, ec="#5fd38a", lw=0.6))
    blend = e["detector/blend_n"]
    hips, top = blend[5:7] * (width, height), blend[7:9] * (width, height)
    right.add_patch(Rectangle(blend[1:3] * width, blend[3] * width, blend[4] * height, fill=False, ec="#2f9e55", lw=2))
    right.add_patch(Circle(hips, float(np.hypot(*(top - hips))), fill=False, ec="#2f9e55", ls="--"))
    right.plot(*np.stack([hips, top]).T, "o-", color="#2f9e55", mec="white")
    right.set(title="candidates, their blend, and the circle", xlim=(-20, width), ylim=(height + 60, 0))
    for ax in (left, right):
        ax.set_axis_off()
    return figure


def region(image, e, person):
    """The rotated region and the crop."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
    left.imshow(image)
    corners = e["crop/corners_px"]
    left.add_patch(Polygon(corners, fill=False, ec="#d9a400", lw=2))
    left.plot(*corners[1:3].T, color="#d9a400", lw=5)
    low, high = np.minimum(corners.min(axis=0), 0), np.maximum(corners.max(axis=0), image.shape[1::-1])
    left.set(
        xlim=(low[0] - 20, high[0] + 20), ylim=(high[1] + 20, low[1] - 20), title="the region; its upper edge is bold"
    )
    right.imshow(e["crop/input"])
    right.set_title("the crop, 256 x 256: edge pixels are repeated")
    for ax in (left, right):
        ax.set_axis_off()
    return figure


def refinement(image, e, person):
    """A heat map, its window, and the landmark before and after."""
    figure, axes = pyplot.subplots(1, 3, figsize=(9, 3.3), layout="constrained")
    for ax, name in zip(
        axes,
        (refpose.PoseLandmark.LEFT_SHOULDER, refpose.PoseLandmark.MOUTH_LEFT, refpose.PoseLandmark.RIGHT_ELBOW),
        strict=True,
    ):
        heat = landmarks.sigmoid(np.ascontiguousarray(e["network/heatmap"][:, :, name]))
        before, after = (e[f"landmarks/{what}_roi"][name, :2] * 64 for what in ("decoded", "refined"))
        ax.imshow(heat, cmap="inferno", vmin=0, vmax=1)
        ax.add_patch(Rectangle(np.trunc(before) - 4.5, 9, 9, fill=False, ec="white", ls="--"))
        ax.plot(*before, "o", mfc="none", mec="white", ms=8)
        ax.plot(*after, "o", color="#35c3de", ms=5)
        ax.set(xlim=(before[0] - 11, before[0] + 11), ylim=(before[1] + 11, before[1] - 11), title=name.name.lower())
        ax.set_axis_off()
    return figure


def encoder(image, e, person):
    """Four channels at four depths."""
    figure, axes = pyplot.subplots(4, 1, figsize=(6, 6.4), layout="constrained")
    for ax, layer in zip(axes, ("stem", "block2/project", "block4/project", "block11/project"), strict=True):
        activation = e[f"activations/full/encoder/{layer}/output"]
        plot.plot_activations(activation, channels=range(8), ax=ax)
        ax.set_title(
            f"encoder/{layer}: {' x '.join(map(str, activation.shape))}, first eight channels", fontsize="small"
        )
    return figure


def pose(image, e, person):
    """The result in pixels and in metres."""
    figure = pyplot.figure(figsize=(9, 4.4), layout="constrained")
    plot.plot_pose2d(person, image, ax=figure.add_subplot(1, 2, 1))
    plot.plot_pose3d(person, ax=figure.add_subplot(1, 2, 2, projection="3d"))
    return figure
