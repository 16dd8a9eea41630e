"""A .tflite file of a few hundred bytes, for the reader of models: four operators, a dense and a sparse constant."""

from __future__ import annotations

from typing import Any


def model(sparse: bool = False, of_itself: str = "") -> bytes:
    """The file.

    Parameters
    ----------
    sparse : bool
        Whether its constant is stored sparsely.
    of_itself : {"", "RESHAPE", "DEQUANTIZE", "CONCATENATION"}
        An operator whose input is its own output.
    """
    import flatbuffers
    import numpy as np
    import tflite

    b = flatbuffers.Builder(1024)

    def numbers(start: Any, values: list[int]) -> int:
        start(b, len(values))
        for value in reversed(values):
            b.PrependInt32(value)
        return int(b.EndVector())

    def offsets(start: Any, values: list[int]) -> int:
        start(b, len(values))
        for value in reversed(values):
            b.PrependUOffsetTRelative(value)
        return int(b.EndVector())

    kinds = ("RESHAPE", "DEQUANTIZE", "CONCATENATION", "DENSIFY")
    codes = []
    for kind in kinds:
        tflite.OperatorCodeStart(b)
        tflite.OperatorCodeAddBuiltinCode(b, getattr(tflite.BuiltinOperator, kind))
        tflite.OperatorCodeAddVersion(b, 1)
        codes.append(tflite.OperatorCodeEnd(b))
    data = b.CreateNumpyVector(np.arange(12, dtype=np.float16).view(np.uint8))
    buffers = []
    for content in (None, data):
        tflite.BufferStart(b)
        if content is not None:
            tflite.BufferAddData(b, content)
        buffers.append(tflite.BufferEnd(b))
    tensors = []
    for index in range(5):
        name = b.CreateString(f"t{index}")
        shape = numbers(tflite.TensorStartShapeVector, [3, 4])
        sparsity = _sparsity(b, tflite, numbers, offsets) if sparse and index == 1 else None
        tflite.TensorStart(b)
        tflite.TensorAddShape(b, shape)
        tflite.TensorAddType(b, 1 if index == 1 else 0)
        tflite.TensorAddBuffer(b, 1 if index == 1 else 0)
        tflite.TensorAddName(b, name)
        if sparsity is not None:
            tflite.TensorAddSparsity(b, sparsity)
        tensors.append(tflite.TensorEnd(b))
    operators = []
    for code, kind, source, out in ((0, "RESHAPE", 0, 2), (1, "DEQUANTIZE", 1, 3), (2, "CONCATENATION", 2, 4)):
        inputs = [out, out] if kind == of_itself else [source, 3] if kind == "CONCATENATION" else [source]
        taken = numbers(tflite.OperatorStartInputsVector, inputs)
        made = numbers(tflite.OperatorStartOutputsVector, [out])
        options = None
        if kind == "CONCATENATION":
            tflite.ConcatenationOptionsStart(b)
            tflite.ConcatenationOptionsAddAxis(b, 1)
            options = tflite.ConcatenationOptionsEnd(b)
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(b, code)
        tflite.OperatorAddInputs(b, taken)
        tflite.OperatorAddOutputs(b, made)
        if options is not None:
            tflite.OperatorAddBuiltinOptionsType(b, tflite.BuiltinOptions.ConcatenationOptions)
            tflite.OperatorAddBuiltinOptions(b, options)
        operators.append(tflite.OperatorEnd(b))
    parts = (
        offsets(tflite.SubGraphStartTensorsVector, tensors),
        numbers(tflite.SubGraphStartInputsVector, [0]),
        numbers(tflite.SubGraphStartOutputsVector, [4]),
        offsets(tflite.SubGraphStartOperatorsVector, operators),
    )
    tflite.SubGraphStart(b)
    for add, part in zip(
        (tflite.SubGraphAddTensors, tflite.SubGraphAddInputs, tflite.SubGraphAddOutputs, tflite.SubGraphAddOperators),
        parts,
        strict=True,
    ):
        add(b, part)
    graph = tflite.SubGraphEnd(b)
    graphs = offsets(tflite.ModelStartSubgraphsVector, [graph])
    listed = offsets(tflite.ModelStartOperatorCodesVector, codes)
    stored = offsets(tflite.ModelStartBuffersVector, buffers)
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, 3)
    tflite.ModelAddOperatorCodes(b, listed)
    tflite.ModelAddSubgraphs(b, graphs)
    tflite.ModelAddBuffers(b, stored)
    b.Finish(tflite.ModelEnd(b), file_identifier=b"TFL3")
    return bytes(b.Output())


def _sparsity(b: Any, tflite: Any, numbers: Any, offsets: Any) -> int:
    """Rows of four with all values kept: 12 (column, value) pairs."""
    vectors = []
    for values in ([0, 4, 8, 12], [0, 1, 2, 3] * 3):
        made = numbers(tflite.Int32VectorStartValuesVector, values)
        tflite.Int32VectorStart(b)
        tflite.Int32VectorAddValues(b, made)
        vectors.append(tflite.Int32VectorEnd(b))
    axes = []
    for packed in (False, True):
        tflite.DimensionMetadataStart(b)
        tflite.DimensionMetadataAddFormat(b, int(packed))
        if packed:
            tflite.DimensionMetadataAddArraySegmentsType(b, 1)
            tflite.DimensionMetadataAddArraySegments(b, vectors[0])
            tflite.DimensionMetadataAddArrayIndicesType(b, 1)
            tflite.DimensionMetadataAddArrayIndices(b, vectors[1])
        else:
            tflite.DimensionMetadataAddDenseSize(b, 3)
        axes.append(tflite.DimensionMetadataEnd(b))
    order = numbers(tflite.SparsityParametersStartTraversalOrderVector, [0, 1])
    listed = offsets(tflite.SparsityParametersStartDimMetadataVector, axes)
    tflite.SparsityParametersStart(b)
    tflite.SparsityParametersAddTraversalOrder(b, order)
    tflite.SparsityParametersAddDimMetadata(b, listed)
    return int(tflite.SparsityParametersEnd(b))
