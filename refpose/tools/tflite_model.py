"""A .tflite file as plain lists: operators in order, constants as arrays.

The flatbuffer is read with the `tflite` package (extra ``convert``). Constants are followed through DEQUANTIZE and
DENSIFY and handed out in the precision in which they are stored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..extras import require
from ..reading import errors

# TensorType -> NumPy type, of tflite's schema.fbs; other types do not occur in pose networks.
_TYPES: dict[int, Any] = {0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 9: np.int8}
_ACTIVATIONS = {0: None, 1: "relu", 3: "relu6"}
_PADDINGS = {0: "SAME", 1: "VALID"}
_MAX_DENSE = 1 << 25  # values of a sparse tensor; the largest of a pose network has 10^5
_SPARSE_INDICES = {1: "Int32Vector", 2: "Uint16Vector", 3: "Uint8Vector"}


@dataclass(frozen=True)
class Operator:
    """One operator of the file: its kind (``"CONV_2D"``), tensors by number, and the options that change what it
    computes.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


class TfliteModel:
    """The single subgraph of a .tflite file.

    Parameters
    ----------
    data : bytes
        The file's contents.
    where : str
        Its name, for messages.

    Raises
    ------
    ValueError
        The bytes are not a whole .tflite file of the kind this reads.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self._tflite = require("tflite", "convert")
        self.where = where
        if len(data) < 8 or data[4:8] != b"TFL3":
            raise ValueError(f"{where}: not a .tflite file")
        with errors(where, "a .tflite model"):
            self._model = self._tflite.Model.GetRootAsModel(data, 0)
            if self._model.SubgraphsLength() != 1:
                raise ValueError(f"{where}: expected one subgraph, found {self._model.SubgraphsLength()}")
            self._graph = self._model.Subgraphs(0)
            self.inputs = tuple(int(i) for i in self._graph.InputsAsNumpy())
            self.outputs = tuple(int(i) for i in self._graph.OutputsAsNumpy())
            self.operators = [self._operator(i) for i in range(self._graph.OperatorsLength())]
            if not self.inputs or any(not op.outputs for op in self.operators):
                raise ValueError(f"{where}: has no input, or operators without an output")
            for i in range(self._graph.TensorsLength()):
                self.constant(i)

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The tensor's shape with its batch axis."""
        t = self._tensor(tensor)
        return tuple(int(n) for n in t.ShapeAsNumpy()) if t.ShapeLength() else ()

    def name(self, tensor: int) -> str:
        """The name the tensor has in the file."""
        return str(self._tensor(tensor).Name().decode())

    def _tensor(self, tensor: int) -> Any:
        if not 0 <= tensor < self._graph.TensorsLength():  # flatbuffers would read whatever is there
            raise ValueError(f"{self.where}: no tensor {tensor}: there are {self._graph.TensorsLength()}")
        return self._graph.Tensors(tensor)

    def constant(self, tensor: int) -> NDArray[Any] | None:
        """The values of a constant tensor as stored (binary16 before DEQUANTIZE), dense; None where it is computed."""
        passed: set[int] = set()
        while tensor in self._constant_sources:
            if tensor in passed:
                raise ValueError(f"{self.where}: {self.name(tensor)}: a constant made of itself")
            passed.add(tensor)
            tensor = self._constant_sources[tensor]
        t = self._tensor(tensor)
        if not 0 <= t.Buffer() < self._model.BuffersLength():
            raise ValueError(f"{self.where}: {self.name(tensor)}: no buffer {t.Buffer()}")
        stored = self._model.Buffers(t.Buffer())
        if not stored.DataLength():
            return None
        if t.Type() not in _TYPES:
            raise ValueError(f"{self.where}: {self.name(tensor)}: tensor type {t.Type()} is not one this reads")
        values = stored.DataAsNumpy().view(_TYPES[t.Type()])
        shape = self.shape(tensor)
        if t.Sparsity() is not None:
            return self._densify(tensor, t.Sparsity(), values, shape)
        if values.size != math.prod(shape):
            raise ValueError(f"{self.where}: {self.name(tensor)}: {values.size} values for shape {shape}")
        return np.asarray(values.reshape(shape))

    @cached_property
    def _constant_sources(self) -> dict[int, int]:
        operators = (self._operator(i) for i in range(self._graph.OperatorsLength()))
        return {op.outputs[0]: op.inputs[0] for op in operators if op.kind in ("DEQUANTIZE", "DENSIFY")}

    def _densify(self, tensor: int, sparsity: Any, values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        """Rows of the last axis are stored as (column, value) lists: tflite's CSR with all other axes dense."""
        axes = [sparsity.DimMetadata(i) for i in range(sparsity.DimMetadataLength())]
        plain = [int(i) for i in sparsity.TraversalOrderAsNumpy()] == list(range(len(shape)))
        if not plain or [axis.Format() for axis in axes] != [0] * (len(shape) - 1) + [1]:
            raise ValueError(f"{self.where}: {self.name(tensor)}: this kind of sparse tensor is not one this reads")
        if min(shape) < 0 or math.prod(shape) > _MAX_DENSE:
            raise ValueError(f"{self.where}: {self.name(tensor)}: {shape} is no shape of a sparse tensor")
        starts, columns = (
            self._sparse_vector(axes[-1].ArraySegments(), axes[-1].ArraySegmentsType()),
            self._sparse_vector(axes[-1].ArrayIndices(), axes[-1].ArrayIndicesType()),
        )
        if starts[-1] != len(columns) or len(columns) != len(values) or len(starts) - 1 != math.prod(shape[:-1]):
            raise ValueError(f"{self.where}: {self.name(tensor)}: the lists of a sparse tensor do not fit together")
        rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        dense = np.zeros((len(starts) - 1, shape[-1]), values.dtype)
        dense[rows, columns] = values
        return dense.reshape(shape)

    def _sparse_vector(self, table: Any, kind: int) -> NDArray[np.int64]:
        vector = getattr(self._tflite, _SPARSE_INDICES[kind])()
        vector.Init(table.Bytes, table.Pos)
        return np.asarray(vector.ValuesAsNumpy(), np.int64)

    def _operator(self, index: int) -> Operator:
        op = self._graph.Operators(index)
        code = self._model.OperatorCodes(op.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        kind = self._kinds.get(number, f"operator {number}")
        inputs = tuple(int(i) for i in op.InputsAsNumpy()) if op.InputsLength() else ()
        return Operator(kind, inputs, tuple(int(i) for i in op.OutputsAsNumpy()), self._options(kind, op))

    @cached_property
    def _kinds(self) -> dict[int, str]:
        return {v: k for k, v in vars(self._tflite.BuiltinOperator).items() if isinstance(v, int)}

    def _options(self, kind: str, op: Any) -> dict[str, Any]:
        names = {
            "CONV_2D": "Conv2DOptions",
            "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
            "TRANSPOSE_CONV": "TransposeConvOptions",
            "ADD": "AddOptions",
            "MUL": "MulOptions",
            "MAX_POOL_2D": "Pool2DOptions",
            "AVERAGE_POOL_2D": "Pool2DOptions",
            "RESIZE_BILINEAR": "ResizeBilinearOptions",
            "DEPTH_TO_SPACE": "DepthToSpaceOptions",
            "CONCATENATION": "ConcatenationOptions",
            "MEAN": "ReducerOptions",
        }
        if kind not in names:
            return {}
        table = op.BuiltinOptions()
        if table is None:
            raise ValueError(f"{self.where}: {kind} without options")
        options = getattr(self._tflite, names[kind])()
        options.Init(table.Bytes, table.Pos)
        read: dict[str, Any] = {}
        if hasattr(options, "StrideH"):
            read["stride"] = (options.StrideH(), options.StrideW())
            read["padding"] = _PADDINGS[options.Padding()]
        if hasattr(options, "DilationHFactor"):
            read["dilation"] = (options.DilationHFactor(), options.DilationWFactor())
        if hasattr(options, "FusedActivationFunction"):
            act = options.FusedActivationFunction()
            read["act"] = _ACTIVATIONS.get(act, f"activation {act}")
        if hasattr(options, "FilterHeight"):
            read["window"] = (options.FilterHeight(), options.FilterWidth())
        if hasattr(options, "DepthMultiplier"):
            read["multiplier"] = options.DepthMultiplier()
        if hasattr(options, "HalfPixelCenters"):
            read["half_pixel"], read["corners"] = options.HalfPixelCenters(), options.AlignCorners()
        if hasattr(options, "BlockSize"):
            read["block"] = options.BlockSize()
        if hasattr(options, "Axis"):
            read["axis"] = options.Axis()
        if hasattr(options, "KeepDims"):
            read["keep_dims"] = options.KeepDims()
        return read
