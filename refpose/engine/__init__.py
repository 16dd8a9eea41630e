"""How the networks are computed: three engines behind one `Network`. Nothing outside knows which of them is running."""

from .layout import MAX_THREADS
from .network import Layer, Network, layers_of, load_network
from .select import ENGINES, native_isa, resolve, stages

__all__ = [
    "ENGINES",
    "MAX_THREADS",
    "Layer",
    "Network",
    "layers_of",
    "load_network",
    "native_isa",
    "resolve",
    "stages",
]
