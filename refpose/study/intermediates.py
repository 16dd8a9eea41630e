"""Somebody else's intermediates of a picture: where they come from, and whether they have the shapes of their names."""

from __future__ import annotations

import importlib
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import reading
from ..engine import Network
from ..reading import archives, hdf5
from ..stages.landmarks import COUNT
from . import layers
from .quantities import ACTIVATIONS, Quantity, without_person

Array = NDArray[Any]


def checked(
    theirs: Mapping[str, Array], image: Array, quantities: Mapping[str, Quantity], networks: Mapping[str, Network]
) -> dict[str, Array]:
    """Intermediates in the shapes their names ask for.

    Parameters
    ----------
    theirs : mapping of str to array
    image : ndarray of uint8, shape (H, W, 3)
    quantities : mapping of str to Quantity
    networks : mapping of str to Network
        By their own names.

    Raises
    ------
    ValueError
        A name is not known, an array is not one of numbers or has another shape.
    """
    sizes = {"H": image.shape[0], "W": image.shape[1], "S": list(networks.values())[-1].input_shape[0]}
    found: dict[str, Array] = {}
    for name, values in theirs.items():
        array = np.asarray(values)
        if array.dtype.kind not in "fiu":
            raise ValueError(f"{name}: expected numbers, found {array.dtype}")
        if name.startswith(ACTIVATIONS):
            shape: tuple[int | str, ...] = layers.shape_of(name, networks)
            kind: type[np.generic] = np.float32
        elif (quantity := quantities.get(without_person(name)[1])) is not None:
            shape = tuple(sizes.get(str(side), side) for side in quantity.shape)
            kind = quantity.dtype
        else:
            raise ValueError(
                f"{name}: no such quantity; known are {', '.join(quantities)}, {ACTIVATIONS}<network>/<layer>/output"
            )
        found[name] = _shaped(name, array.astype(kind), shape)
    if not found:
        raise ValueError(f"nothing to compare; known names are {', '.join(quantities)}")
    return found


def _shaped(name: str, array: Array, shape: tuple[int | str, ...]) -> Array:
    if shape == ("n",):
        return np.ascontiguousarray(array.reshape(-1))
    if "n" in shape:  # a list of unknown length: its other axis decides
        if array.ndim >= 2 and array.shape[-1] == shape[1]:
            return np.ascontiguousarray(array.reshape(-1, array.shape[-1]))
    elif "h" in shape:  # a picture of unknown size
        if array.ndim == 3 and array.shape[2] == shape[2]:
            return np.ascontiguousarray(array)
    elif len(shape) == 2 and int(shape[0]) > COUNT and array.size == COUNT * int(shape[1]):
        return np.ascontiguousarray(array.reshape(COUNT, int(shape[1])))  # the landmarks without what is behind them
    elif array.size == math.prod(int(s) for s in shape) and _long_axes(array.shape) in (
        _long_axes(shape),
        (array.size,),
    ):
        return np.array(array.reshape(shape), order="C")  # ascontiguousarray gives single numbers an axis
    expected = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    hint = ""
    if len(shape) == 3 and not {"n", "h"} & set(shape) and array.shape[-3:] == (shape[2], *shape[:2]):
        hint = ": channels come last here"
    raise ValueError(f"{name}: expected shape {expected}, found {array.shape}{hint}")


def _long_axes(shape: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(side for side in shape if side != 1)


def load(source: str | os.PathLike[str]) -> Callable[[Array], dict[str, Array]]:
    """Something that gives intermediates for a picture.

    Parameters
    ----------
    source : path or str
        An HDF5 file or an ``.npz`` with arrays under their names, or ``module:function``, a Python function that takes
        the picture (ndarray of uint8, (H, W, 3), RGB) and returns a mapping of names to arrays.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        The file is of another kind, damaged, or larger than `refpose.reading.limit`, or there is no such function.
    """
    text = os.fspath(source)
    path = Path(text)
    module, colon, function = text.partition(":")
    if colon and not path.exists() and module.replace(".", "").isidentifier():
        return _function(module, function)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path} (a Python function is given as module:function)")
    arrays = _read(path)
    return lambda image: arrays


def _read(path: Path) -> dict[str, Array]:
    """The arrays of a file, whose content says which kind it is."""
    data = reading.content(path)
    if hdf5.is_hdf5(data):
        return hdf5.read(data, path).arrays
    if archives.is_zip(data):
        return archives.read_npz(data, path)
    if data.lstrip()[:1] in (b"{", b"["):
        raise ValueError(f"{path}: JSON; intermediates are read from .h5 or .npz files, which hold arrays as they are")
    raise ValueError(f"{path}: neither an .h5 nor an .npz file")


def _function(module: str, name: str) -> Callable[[Array], dict[str, Array]]:
    folder = os.getcwd()
    if folder not in sys.path:
        # The user's own module. Last: what lies there must not take the place of what is installed.
        sys.path.append(folder)
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{module}:{name}: cannot be imported: {error}") from error
    if not callable(function):
        raise ValueError(f"{module}:{name}: not a function")

    def call(image: Array) -> dict[str, Array]:
        found = function(image)
        if not isinstance(found, Mapping):
            raise ValueError(f"{module}:{name} returned {type(found).__name__}, expected a mapping of names to arrays")
        return dict(found)

    return call
