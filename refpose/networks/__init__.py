"""All networks by name: BlazePose's, whose weights come with the package, and EfficientPose's, whose do not."""

from __future__ import annotations

from functools import cache

from . import blazepose, efficientpose
from .tape import Tape

SHIPPED = tuple(blazepose.NETWORKS)
"""Networks whose weights come with the package."""
NETWORKS = {**blazepose.NETWORKS, **efficientpose.NETWORKS}


@cache
def record(name: str) -> Tape:
    """The tape of one of `NETWORKS`."""
    network, input_shape = NETWORKS[name]
    return Tape.record(name, network, input_shape)
