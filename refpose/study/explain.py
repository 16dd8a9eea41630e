"""Every intermediate of the pipeline by name: what `refpose.Pose.explain` returns, and how it is kept.

`Keep` makes the calls of the pipeline and keeps what they give; `refpose.study.quantities` documents the names.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol, TypeVar

from numpy.typing import NDArray

from .. import __version__, families, files, reading
from ..engine import Network
from ..frame import Regions
from ..reading import hdf5
from ..runner import Names, NoPerson, Run
from ..stages.warp import ByteArray
from ..trackers import Tracker
from . import decided
from .quantities import ACTIVATIONS, OF_FRAME, Quantity, of_person, quantity_of, without_person

Array = NDArray[Any]
Values = Mapping[str, Array]
T = TypeVar("T")

FORMAT = 1


class Explained(Protocol):
    """What is asked of an estimator that is explained; every `refpose.Pose` is one."""

    tracker: Tracker

    @property
    def model(self) -> str:
        """Name of the model."""

    @property
    def networks(self) -> Mapping[str, Network]:
        """The networks by the name of the quantity that they are fed."""

    def look(self, run: Run, image: ByteArray, timestamp: float | Fraction | None, roi: Regions) -> Any:
        """The pipeline, by somebody else's calls."""

    def settings(self) -> dict[str, Any]:
        """What results depend on besides the image."""


def quantities_of(model: str) -> dict[str, Quantity]:
    """The intermediates of a model's family."""
    quantities: dict[str, Quantity] = families.named(families.family_of(model).quantities)
    return quantities


class Keep(Run):
    """Makes the calls of a pipeline, times them, and keeps what they give.

    Parameters
    ----------
    quantities : mapping of str to Quantity
    of : Keep, optional
        Share what this one keeps.
    index : int
        Of the person whose calls these are.

    Attributes
    ----------
    arrays : dict of str to ndarray
    times : dict of str to float
        Seconds per step.
    stopped : list of str
        Why there is nobody.
    """

    everything = True

    def __init__(self, quantities: Mapping[str, Quantity], of: Keep | None = None, index: int = 0) -> None:
        self.quantities = quantities
        self.index = index
        self.arrays: dict[str, Array] = {} if of is None else of.arrays
        self.times: dict[str, float] = {} if of is None else of.times
        self.stopped: list[str] = [] if of is None else of.stopped

    def __call__(self, names: Names, function: Callable[..., T], *arguments: Any) -> T:
        """Make a call, and keep what it gives."""
        several = (names,) if isinstance(names, str) else names
        start = perf_counter()
        value = function(*arguments)
        if several:
            stage = self.quantities[several[0]].stage
            self.times[stage] = self.times.get(stage, 0.0) + perf_counter() - start
        values: Any = (value,) if isinstance(names, str) else value
        for name, one in zip(several, values if several else (), strict=True):
            self.keep(name, one)
        return value

    def each(self, name: str, function: Callable[..., list[T]], *arguments: Any) -> list[T]:
        """Make a call, and keep what it gives for each person."""
        start = perf_counter()
        values = function(*arguments)
        self.times[self.quantities[name].stage] = perf_counter() - start
        for i, value in enumerate(values):
            self.person(i).keep(name, value)
        return values

    def given(self, name: str, value: T) -> T:
        """Keep what comes from outside."""
        self.keep(name, value)
        return value

    def fused(self, name: str, function: Callable[..., T], parts: Callable[..., T], *arguments: Any) -> T:
        """Make the calls one by one."""
        return parts(*arguments, self)

    def person(self, index: int) -> Keep:
        """Keep under the names of one of several people."""
        return Keep(self.quantities, self, index)

    def nobody(self, reason: NoPerson) -> None:
        """Keep the reason."""
        self.stopped.append(str(reason))

    def decided(self, name: str, value: Any) -> None:
        """Keep a decision."""
        self.keep(name, value)

    def keep(self, name: str, value: Any) -> None:
        """Keep one value; None stands for nothing."""
        if value is not None:
            self.arrays[of_person(name, self.index)] = self.quantities[name].form.pack(value)


class Explanation(Mapping[str, Array]):
    """Every intermediate of one image or frame: a mapping from documented names (`quantities`) to arrays.

    What a stage did not come to make is missing: after a frame without a person everything from the stage on that
    `stopped` tells about, in a tracked frame the detector's part. Pickles; two are equal when all their arrays
    are, bit for bit, and their settings.

    Parameters
    ----------
    arrays : mapping of str to ndarray
    settings : dict
        How it came about: version, model, engine and options of the `refpose.Pose`, hashes of the weights.
    times : dict of str to float
        Seconds per stage.
    stopped : str
        Why there is no person; empty where there is one.
    """

    def __init__(
        self, arrays: Values, settings: Mapping[str, Any], times: Mapping[str, float], stopped: str = ""
    ) -> None:
        self.arrays = dict(arrays)
        self.settings = dict(settings)
        self.times = dict(times)
        self.stopped = stopped
        for array in self.arrays.values():
            array.setflags(write=False)

    def __getitem__(self, name: str) -> Array:
        try:
            return self.arrays[name]
        except KeyError:
            raise KeyError(self._why_missing(name)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Explanation):
            return NotImplemented
        mine, theirs = (
            (e.settings, e.times, e.stopped, {name: identity(array) for name, array in e.arrays.items()})
            for e in (self, other)
        )
        return mine == theirs

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Explanation({self.state}, {len(self)} arrays)"

    @property
    def places(self) -> list[int]:
        """The places of the regions that show the people who were found; see `refpose.study.quantities.of_person`."""
        named = map(without_person, self.arrays)
        return sorted(place for place, name in named if name == "result/landmarks_n")

    def of_person(self, place: int) -> Explanation:
        """What belongs to the region at this place, and to the frame as a whole, without ``people/<place>/``."""
        named = ((*without_person(name), array) for name, array in self.arrays.items())
        arrays = {name: array for at, name, array in named if at == place or (at == 0 and name in OF_FRAME)}
        return Explanation(arrays, self.settings, self.times, self.stopped)

    @property
    def state(self) -> str:
        """How many people were found, or why there is nobody, in words."""
        if self.stopped:
            return f"nobody: {self.stopped}"
        return "one person" if len(self.places) == 1 else f"{len(self.places)} people"

    @property
    def image_size(self) -> tuple[int, int]:
        """Width and height of the image in pixels."""
        height, width = self["image"].shape[:2]
        return width, height

    @property
    def quantities(self) -> dict[str, Quantity]:
        """What the names of this model's intermediates stand for."""
        return quantities_of(self.settings["model"])

    @property
    def decisions(self) -> list[str]:
        """Why each region was looked at, and what became of what it showed, a line each."""
        return list(decided.lines(self.arrays))

    def table(self) -> str:
        """The names with shapes, units and meanings, a line each."""
        rows = []
        for name, array in self.arrays.items():
            shape = "x".join(map(str, array.shape)) or "scalar"
            quantity = quantity_of(name, self.quantities)
            rows.append((name, shape, f"{quantity.meaning} [{quantity.unit}]"))
        widths = [max((len(row[i]) for row in rows), default=0) for i in (0, 1)]
        return "\n".join(f"{name:{widths[0]}}  {shape:{widths[1]}}  {text}" for name, shape, text in rows)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to an HDF5 file; it appears whole or not at all.

        Every array is a dataset of its name with the attributes ``unit`` and ``meaning``.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        import h5py

        about = {
            "settings": self.settings,
            "times": self.times,
            "stopped": self.stopped,
            "order": list(self.arrays),
        }
        buffer = io.BytesIO()  # HDF5 does not survive a full disk
        with h5py.File(buffer, "w", userblock_size=hdf5.USER_BLOCK) as h5:
            h5.attrs["format"] = FORMAT
            h5.attrs["explanation"] = json.dumps(about)
            for name, array in self.arrays.items():
                packing = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if array.size > 1024 else {}
                dataset = h5.create_dataset(name, data=array, **packing)
                quantity = quantity_of(name, self.quantities)
                dataset.attrs["unit"] = quantity.unit
                dataset.attrs["meaning"] = quantity.meaning
        files.write_bytes(path, hdf5.sealed(buffer.getvalue()))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Explanation:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
            No such file.
        ValueError
            The file is not one that `save` wrote, was damaged, or is larger than `refpose.reading.limit`.
        """
        file = Path(path)
        if not file.is_file():
            raise FileNotFoundError(f"no file {file}")
        found = hdf5.read(reading.content(file), file, attributes=("format", "explanation"))
        attributes = found.attributes[""]
        if attributes.get("format") != FORMAT or not isinstance(attributes.get("explanation"), str):
            raise ValueError(f"{file}: expected an explanation in format {FORMAT}, as Explanation.save writes")
        with reading.errors(file, "an explanation"):
            about = reading.json_value(attributes["explanation"].encode(), file)
            arrays = {name: found.arrays[name] for name in about["order"]}
            return cls(arrays, dict(about["settings"]), dict(about["times"]), str(about["stopped"]))

    def _why_missing(self, name: str) -> str:
        if name in self.quantities:
            if self.stopped:
                return f"{name} was not computed: {self.stopped}"
            return f"{name} was not computed: the region came from the tracker or from you, or there are no filters"
        if name.startswith(ACTIVATIONS):
            return f"{name}: no such layer, or activations were not asked for"
        return f"no quantity {name!r}; known are {', '.join(self.quantities)} and {ACTIVATIONS}<network>/<layer>/output"


def identity(array: Array) -> tuple[str, tuple[int, ...], bytes]:
    """Type, shape and bytes of an array: equal for arrays that are the same bit for bit, NaN included."""
    return array.dtype.str, array.shape, array.tobytes()


def explain(
    pose: Explained,
    image: ByteArray,
    timestamp: float | Fraction | None = None,
    region: Regions = None,
    activations: bool = False,
) -> Explanation:
    """See `refpose.Pose.explain`."""
    keep = Keep(quantities_of(pose.model))
    people = pose.look(keep, image, timestamp, region)
    arrays = keep.arrays | {"image": image.copy()} | pose.tracker.states()
    if activations:
        arrays |= {
            f"{ACTIVATIONS}{network.name}/{layer}/output": activation.copy()
            for name, network in pose.networks.items()
            if name in keep.arrays
            for layer, activation in network.trace(keep.arrays[name])
        }
    stopped = "" if people else "; ".join(keep.stopped)
    return Explanation(arrays, {"refpose": __version__} | pose.settings(), keep.times, stopped)
