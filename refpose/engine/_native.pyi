"""Typed face of the Cython module."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..stages.landmarks import Landmarks
from ..stages.roi import Roi
from ..stages.warp import Matrix
from .network import Unfinished

_Floats = NDArray[np.float32]
_Doubles = NDArray[np.float64]
_Bytes = NDArray[np.uint8]
_Whole = NDArray[np.int32]

LAYOUT: dict[str, int]
RELU6: int
RELU6_SUM: int
RELU6_DEPTHWISE: int
RELU6_EXPAND: int
ACT: int
ACT_DEPTHWISE: int
ACT_EXPAND: int
BINARY16: int
BINARY16_EXPAND: int
ACTIVATIONS: dict[str, int]
MAX_SIZE: int
SOURCES: str
KNOWN_ISAS: tuple[str, ...]
STEP: np.dtype[np.void]

def kernels() -> dict[str, str]: ...
def isas() -> tuple[str, ...]: ...
def peak(isa: str, rounds: int) -> int: ...
def pack_sparse(kernel: _Floats, bias: _Floats, chunk: int, plane: int) -> _Floats: ...
def sinf(x: float | np.float32) -> np.float32: ...
def cosf(x: float | np.float32) -> np.float32: ...
def atan2f(y: float | np.float32, x: float | np.float32) -> np.float32: ...
def rounded_sinf(x: float | np.float32) -> np.float32: ...
def rounded_cosf(x: float | np.float32) -> np.float32: ...
def rounded_atan2f(y: float | np.float32, x: float | np.float32) -> np.float32: ...
def crop_matrix(corners: list[tuple[float, float]], size: int) -> Matrix: ...
def draw_lines(image: NDArray[Any], ends: _Whole, colors: NDArray[Any], thickness: _Whole) -> None: ...
def draw_circles(image: NDArray[Any], circles: _Whole, colors: NDArray[Any], thickness: _Whole) -> None: ...
def decode_jpeg(data: bytes, tolerant: bool, max_pixels: int) -> _Bytes: ...

class Program:
    def __init__(
        self, steps: NDArray[np.void], weights: _Floats, sizes: tuple[int, ...], isa: str, threads: int = 1
    ) -> None: ...
    @property
    def threads(self) -> int: ...
    def run(self, *buffers: _Floats) -> None: ...

class Stages:
    def __init__(self, isa: str, rounded: bool = False) -> None: ...
    def expf(self, x: _Floats | float) -> _Floats: ...
    def warp_f32(
        self,
        image: _Bytes,
        matrix: Matrix,
        size: int,
        border: Literal["constant", "replicate"],
        scale: float | np.float32,
        offset: float | np.float32,
        fused: bool = True,
    ) -> _Floats: ...
    def probability(self, logits: _Floats) -> _Floats: ...
    def warp_mask(
        self,
        mask: _Floats,
        matrix: tuple[float, ...],
        width: int,
        height: int,
        first: int = 0,
        out: _Floats | None = None,
    ) -> _Floats: ...
    def refine(self, position_roi: _Floats, heatmap: _Floats | Unfinished, window: int) -> _Floats: ...
    def landmarks(
        self,
        rows: _Floats,
        heatmap: _Floats | Unfinished,
        window: int,
        letterbox: tuple[float, ...],
        roi: Roi,
        cos: float | np.float32,
        sin: float | np.float32,
    ) -> Landmarks: ...
    def one_euro(
        self, values: _Floats, states: _Doubles, parameters: _Doubles, frequency: float, value_scale: float
    ) -> tuple[_Floats, _Doubles]: ...
    def network_input(self, image: _Bytes, side: int, lite: bool) -> _Floats: ...
    def find_peaks(self, heatmap: _Floats, smoothed: bool) -> tuple[NDArray[np.intp], _Floats]: ...
