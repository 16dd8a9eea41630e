"""The families of models, one record each: whoever needs to know what a model is asks here.

Estimators and what belongs to them are named, not imported, so that a family costs nothing until it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from .networks import blazepose, efficientpose
from .people import DETECT_EVERY, MAX_HIDDEN
from .topology import Topology


class Option(NamedTuple):
    """An option of a family's models on the command line.

    Attributes
    ----------
    flag : str
        ``"--crop"``.
    name : str
        The argument of the estimator.
    choices : mapping of str to object, or str
        What can be said, and the argument's value; or the kind of number: ``"probability"``, ``"positive"``,
        ``"people"``, ``"seconds"``.
    default : str or float
    help : str
    """

    flag: str
    name: str
    choices: Mapping[str, Any] | str
    default: str | float
    help: str


class Family(NamedTuple):
    """Models that are used alike.

    Attributes
    ----------
    title : str
        As people call it.
    models : tuple of str
    estimator : str
        ``module:class`` of the `refpose.pose.Pose` for these models.
    quantities : str
        ``module:mapping`` of the intermediates' names to `refpose.study.quantities.Quantity`.
    mistakes : str
        Module of the usual mistakes in ports, see `refpose.study.mistakes`.
    report : str
        Module whose `page` makes the report's HTML.
    paper : str
        Module whose `lines` compare the networks' sizes with those that their paper states; empty: it states none.
    live_mode : str
        The mode for the pictures of a camera.
    note : str
        What is said about the models in ``--help``.
    options : tuple of Option
        Besides those that all models have.
    settings : tuple of str
        Arguments of the estimator that the verbs may give besides the options of all models.
    """

    title: str
    models: tuple[str, ...]
    estimator: str
    quantities: str
    mistakes: str
    report: str
    paper: str
    live_mode: str
    note: str
    options: tuple[Option, ...]
    settings: tuple[str, ...]


FAMILIES = (
    Family(
        title="BlazePose",
        models=tuple(blazepose.WIDTHS),
        estimator="refpose.blazepose:BlazePose",
        quantities="refpose.study.quantities:BLAZEPOSE",
        mistakes="refpose.study.mistakes",
        report="refpose.study.report",
        paper="",
        live_mode="video",
        note="",
        options=(
            Option(
                "--min-tracking-confidence",
                "min_tracking_confidence",
                "probability",
                0.5,
                "presence from which the landmark network's find counts",
            ),
            Option("--people", "people", "people", 1, "how many people are looked for at most: a number, or all"),
            Option(
                "--detect-every",
                "detect_every",
                "positive",
                DETECT_EVERY,
                "several people in a video: how often the detector looks for more, in frames",
            ),
            Option(
                "--max-hidden",
                "max_hidden",
                "seconds",
                MAX_HIDDEN,
                "several people in a video: for how many seconds somebody who is not seen keeps the identity",
            ),
        ),
        settings=("smooth", "segmentation"),
    ),
    Family(
        title="EfficientPose",
        models=tuple(efficientpose.VARIANTS),
        estimator="refpose.efficientpose:EfficientPose",
        quantities="refpose.study.quantities:EFFICIENTPOSE",
        mistakes="refpose.study.heatmap_mistakes",
        report="refpose.study.heatmap_report",
        paper="refpose.study.paper_table",
        live_mode="camera",
        note=", whose weights you convert and the environment variable REFPOSE_WEIGHTS finds",
        options=(
            Option(
                "--crop",
                "crop",
                {"blazepose": "blazepose", "none": None},
                "blazepose",
                "what EfficientPose's networks see: the person that BlazePose's detector finds, or the whole picture",
            ),
        ),
        settings=("segmentation",),
    ),
)
MODELS = tuple(model for family in FAMILIES for model in family.models)


def family_of(model: str) -> Family:
    """The family that a model belongs to.

    Raises
    ------
    ValueError
        There is no such model.
    """
    for family in FAMILIES:
        if model in family.models:
            return family
    raise ValueError(f"no model {model!r}: expected one of {', '.join(MODELS)}")


def topology_of(model: str) -> Topology:
    """The skeleton of the people that a model finds."""
    topology: Topology = named(family_of(model).estimator).topology
    return topology


def named(place: str) -> Any:
    """What stands at ``module:name``, or the module."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name) if name else import_module(module)
