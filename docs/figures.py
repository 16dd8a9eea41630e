"""The figures of the documentation, drawn by refpose from its own intermediates of examples/astronaut.png."""

import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot
from matplotlib.patches import Circle, Polygon, Rectangle

import refpose
from refpose import plot, tables
from refpose.images import read_image
from refpose.stages import detector, landmarks
from refpose.study import mistakes, report
from refpose.study.quantities import BLAZEPOSE


def draw_all(root: Path, folder: Path) -> None:
    """Draw every figure that is not there yet."""
    drawers = (detection, region, refinement, encoder, pose, network)
    folder.mkdir(exist_ok=True)
    (folder / "quantities.rst").write_text(quantities(), "utf-8")
    (folder / "mistakes.rst").write_text(mistaken(), "utf-8")
    squat(root / "examples" / "squat.h5", folder / "squat.png")
    done = [folder / f"{draw.__name__}.png" for draw in (*drawers, keypoints)] + [
        folder / "sample" / "sample-report.html"
    ]
    if all(path.exists() for path in done):
        return
    image = read_image(root / "examples" / "astronaut.png")
    estimator = refpose.Pose(mode="image")
    explanation = estimator.explain(image, activations=True)
    person = estimator.process(image)[0]
    for draw in drawers:
        figure = draw(image, explanation, person)
        figure.savefig(folder / f"{draw.__name__}.png", dpi=110)
        pyplot.close(figure)
    figure = keypoints(estimator, read_image(root / "examples" / "skier.png"))
    figure.savefig(folder / "keypoints.png", dpi=110)
    pyplot.close(figure)
    report.write(folder / "sample" / "sample-report.html", estimator, image, "astronaut.png")


def squat(table: Path, path: Path) -> None:
    """Knees, hips and ankles over the synthetic squat."""
    figure, axes = pyplot.subplots(2, 1, figsize=(7, 4.4), sharex=True, layout="constrained")
    recording = tables.read(table)
    for ax, joints in zip(axes, (("knee", "hip"), ("ankle",)), strict=True):
        plot.plot_angles(recording, angles=[f"{side}_{j}" for j in joints for side in ("right", "left")], axes=[ax])
    axes[0].set_xlabel("")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def quantities() -> str:
    """The table of names, from the code."""
    rows = (
        ["name", "shape", "unit", "meaning"],
        *(
            [f"``{name}``", " x ".join(map(str, q.shape)) or "scalar", q.unit, q.meaning]
            for name, q in BLAZEPOSE.items()
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


PARTS = {
    "encoder": "#2f6db5",
    "decoder": "#2f9e55",
    "heatmap": "#7fc97f",
    "segmentation": "#a03fb0",
    "regression": "#d9730d",
}
"""Colours of the parts of the network: what the names of blocks begin with, and all else in grey."""


def network(image, e, person):
    """The map of the landmark network: blocks by their distance from the input and the side of their maps."""
    data = report._network_data(refpose.load_network("full"), e["crop/input"])
    blocks = data["blocks"]
    levels = sorted({block["level"] for block in blocks}, reverse=True)
    figure, ax = pyplot.subplots(figsize=(9, 4.6), layout="constrained")
    place = [(block["x"], levels.index(block["level"])) for block in blocks]
    for a, b in data["edges"]:
        (x0, y0), (x1, y1) = place[a], place[b]
        ax.plot(
            [x0, (x0 + x1) / 2, x1], [y0, y0, y1] if y1 < y0 else [y0, y1, y1], "-", color="#999999", lw=0.7, zorder=1
        )
    named = set()
    for block, (x, y) in zip(blocks, place, strict=True):
        part = block["name"].split("/")[0]
        colour = PARTS.get(part, "#555555")
        label = None if part in named else part
        named.add(part)
        ax.scatter([x], [y], s=20 + block["macs"] / 2.5e5, marker="s", color=colour, zorder=2, label=label)
    ax.set_yticks(range(len(levels)), [f"{side} x {side}" for side in levels])
    ax.invert_yaxis()
    ax.set(xlabel="steps from the input", title="the landmark network: a square is a block, its area the multiply-adds")
    ax.legend(fontsize="small", frameon=False, loc="lower left", ncols=2)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return figure


def keypoints(estimator, image):
    """The numbers of the 33 key points on a person, with the face and the hands larger."""
    person = estimator.process(image)[0]
    points = person.landmarks_px[:, :2]
    names = [p.name for p in refpose.PoseLandmark]
    face = range(refpose.PoseLandmark.MOUTH_RIGHT + 1)
    hands = {
        side: [i for i, name in enumerate(names) if re.fullmatch(f"{side.upper()}_(WRIST|PINKY|INDEX|THUMB)", name)]
        for side in ("left", "right")
    }
    shown = {"face": list(face), **{f"{side} hand": own for side, own in hands.items()}}
    elsewhere = {i for own in shown.values() for i in own} - {0, hands["left"][0], hands["right"][0]}
    shown["body"] = [i for i in range(len(names)) if i not in elsewhere]
    figure = pyplot.figure(figsize=(9, 6.6), layout="constrained")
    axes = figure.subplot_mosaic(
        [["body", "face", "face"], ["body", "face", "face"], ["body", "left hand", "right hand"]],
        width_ratios=(2.2, 1, 1),
    )
    for title, chosen in shown.items():
        _numbered(axes[title], image, points, chosen, 30 if title == "body" else 6)
        axes[title].set(title=title)
        axes[title].set_axis_off()
    return figure


def _numbered(ax, image, points, chosen, margin):
    """Some key points with their numbers, the picture cut out around them."""
    ax.imshow(image, alpha=0.55)
    own = points[chosen]
    for a, b in refpose.POSE_CONNECTIONS:
        if a in chosen and b in chosen:
            ax.plot(*points[[a, b]].T, "-", color="#35c3de", lw=1.2)
    ax.plot(*own.T, "o", ms=4, color="#d9400d")
    low, high = own.min(axis=0) - margin, own.max(axis=0) + margin
    for place, (number, (x, y)) in enumerate(zip(chosen, own, strict=True)):
        ax.annotate(
            str(int(number)),
            (x, y),
            xytext=(4, -11 if place % 2 and margin < 10 else 3),
            textcoords="offset points",
            fontsize=8,
            fontweight="bold",
            bbox={"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.7},
        )
    ax.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]))
