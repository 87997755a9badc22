"""The network of a TFLite file as nodes of an ONNX graph, to be part of a larger one."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert.schema_py_generated import BuiltinOperator, Padding
from onnx import NodeProto, TensorProto, helper, numpy_helper

from decor_core.export.network_operators import Operator, run_network, sum_factors
from decor_core.features.tflite_reader import FileTensor

_TO_FIRST, _TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)  # where the channels go
_ARITHMETIC = {
    BuiltinOperator.ADD: "Add",
    BuiltinOperator.SUB: "Sub",
    BuiltinOperator.MUL: "Mul",
}
_POOLS = {
    BuiltinOperator.MAX_POOL_2D: "MaxPool",
    BuiltinOperator.AVERAGE_POOL_2D: "AveragePool",
}
_UNARY = {
    BuiltinOperator.RELU: "Relu",
    BuiltinOperator.LOGISTIC: "Sigmoid",
    BuiltinOperator.TANH: "Tanh",
    BuiltinOperator.HARD_SWISH: "HardSwish",
    BuiltinOperator.NEG: "Neg",
}


class OnnxGraph:
    """Nodes and constants that are added one after the other; values go by their names."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def __call__(self, operator: str, *inputs: Any, **attributes: Any) -> str:
        """Add a node; gives the name of its output.

        Inputs that are no names are constants: arrays, whole numbers (int64), others (float32).
        """
        names = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        output = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def _constant(self, value: Any) -> str:
        is_number = isinstance(value, float) and not isinstance(value, np.float64)
        array = np.asarray(value, np.float32 if is_number else None)
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name


def onnx_network(
    graph: OnnxGraph, content: bytes, pixels: str
) -> list[tuple[str, tuple[int, ...]]]:
    """Add the network of a TFLite file: pixels [n, 3, side, side] → its stage maps, channels first.

    Gives the name of each map and its shape (height, width, channels), the first stage first.
    Where the file computes in eight bits the graph does, to the bit, in whole numbers kept as
    floats, as ``keras_network``. BackboneError for an operator that is not known here.
    """
    return [
        (stage, shape[1:])
        for stage, shape in run_network(
            content,
            lambda start: _quantize(graph, pixels, start),
            lambda operator, maps: _apply(graph, operator, maps),
        )
    ]


def _apply(graph: OnnxGraph, operator: Operator, maps: list[Any]) -> str:
    """What one operator makes of ``maps``, which are None where its inputs are constant."""
    code, options, inputs, output = operator[:4]
    match code:
        case BuiltinOperator.PAD:
            before, after = inputs[1].values[list(_TO_FIRST)].T.tolist()
            return graph("Pad", maps[0], [*before, *after])
        case BuiltinOperator.QUANTIZE:
            return _quantize(graph, maps[0], output)
        case BuiltinOperator.DEQUANTIZE:
            return graph("Mul", maps[0], inputs[0].scale)
        case BuiltinOperator.SPACE_TO_DEPTH:
            return graph("SpaceToDepth", maps[0], blocksize=options.blockSize)
        case BuiltinOperator.RESHAPE:
            return _reshape(graph, operator, maps[0])
        case BuiltinOperator.MEAN:
            axes = [_TO_FIRST.index(axis) for axis in operator.axes]
            return graph("ReduceMean", maps[0], axes, keepdims=int(options.keepDims))
        case BuiltinOperator.STRIDED_SLICE:
            height, width, channels = operator.parts
            starts, ends = map(list, zip(channels, height, width, strict=True))
            return graph("Slice", maps[0], starts, ends, [1, 2, 3])
        case BuiltinOperator.RSQRT:
            return graph("Reciprocal", graph("Sqrt", maps[0]))
        case BuiltinOperator.GELU if not options.approximate:
            grown = graph("Add", graph("Erf", graph("Mul", maps[0], math.sqrt(0.5))), 1.0)
            return graph("Mul", graph("Mul", maps[0], 0.5), grown)
        case BuiltinOperator.RELU6:
            return graph("Clip", maps[0], 0.0, 6.0)
        case _ if code in _UNARY:
            return graph(_UNARY[code], maps[0])
        case BuiltinOperator.CONCATENATION:
            found = graph("Concat", *maps, axis=_TO_FIRST.index(options.axis % 4))
        case BuiltinOperator.CONV_2D:
            kernel = inputs[1].values.transpose(0, 3, 1, 2)
            found = _convolve(graph, operator, maps[0], kernel, group=operator.groups)
        case BuiltinOperator.DEPTHWISE_CONV_2D:
            kernel, channels = inputs[1].values.transpose(3, 0, 1, 2), operator.input_shapes[0][3]
            found = _convolve(graph, operator, maps[0], kernel, group=channels)
        case BuiltinOperator.FULLY_CONNECTED:
            weights, *bias = (tensor.values for tensor in inputs[1:])
            if len(operator.output_shape) == 4:
                found = graph("Conv", maps[0], weights[:, :, None, None], *bias)
            else:
                found = graph("Gemm", maps[0], weights, *bias, transB=1)
        case BuiltinOperator.ADD if output.scale is not None:
            found = _add(graph, maps, inputs, output)
        case BuiltinOperator.SQUARED_DIFFERENCE:
            difference = graph("Sub", *_operands(operator, maps))
            return graph("Mul", difference, difference)
        case _ if code in _ARITHMETIC:
            found = graph(_ARITHMETIC[code], *_operands(operator, maps))
        case _ if code in _POOLS:
            size = [options.filterHeight, options.filterWidth]
            places = _places(operator, size)
            found = graph(_POOLS[code], maps[0], kernel_shape=size, **places)
        case _:
            raise operator.unknown()
    low, high = operator.bounds
    if output.scale is not None:
        return _round(graph, found, low, high)
    return found if (low, high) == (-np.inf, np.inf) else graph("Clip", found, low, high)


def _places(operator: Operator, kernel: Sequence[int]) -> dict[str, list[int]]:
    """Strides and pads; ONNX Runtime pads by itself only where nothing is dilated."""
    options = operator.options
    strides, dilations = [options.strideH, options.strideW], _dilations(options)
    missing = [0, 0]
    if options.padding == Padding.SAME:
        made, given = operator.output_shape[1:3], operator.input_shapes[0][1:3]
        sides = zip(made, given, kernel, strides, dilations, strict=True)
        missing = [max((m - 1) * s + (k - 1) * d + 1 - n, 0) for m, n, k, s, d in sides]
    return {
        "strides": strides,
        "pads": [*(n // 2 for n in missing), *(-(-n // 2) for n in missing)],
    }


def _dilations(options: Any) -> list[int]:
    return [getattr(options, f"dilation{axis}Factor", 1) for axis in "HW"]


def _reshape(graph: OnnxGraph, operator: Operator, maps: str) -> str:
    """In the order of the file, where channels come last."""
    if len(operator.input_shapes[0]) == 4:
        maps = graph("Transpose", maps, perm=list(_TO_LAST))
    maps = graph("Reshape", maps, [-1, *operator.output_shape[1:]])
    four = len(operator.output_shape) == 4
    return graph("Transpose", maps, perm=list(_TO_FIRST)) if four else maps


def _operands(operator: Operator, maps: list[Any]) -> list[Any]:
    """Maps and constants [n, c, h, w], or [n, c] where all are so."""
    dimensions = len(operator.output_shape)
    operands = []
    for one, tensor, shape in zip(maps, operator.inputs, operator.input_shapes, strict=True):
        if one is not None and len(shape) != dimensions or dimensions == 3:
            raise operator.unknown()
        if one is None:
            one = tensor.values.reshape((1,) * (dimensions - len(shape)) + shape)
            one = one.transpose(_TO_FIRST) if dimensions == 4 else one
        operands.append(one)
    return operands


def _quantize(graph: OnnxGraph, maps: str, output: FileTensor) -> str:
    if output.scale is None:
        return maps
    return _round(graph, graph("Div", maps, output.scale), output.low, output.high)


def _round(graph: OnnxGraph, maps: str, low: float, high: float) -> str:
    return graph("Clip", graph("Round", maps), float(low), float(high))


def _convolve(
    graph: OnnxGraph, operator: Operator, maps: str, kernel: np.ndarray, **attributes: int
) -> str:
    pixels, weights, bias = operator.inputs
    scale = operator.output.scale
    found = graph(
        "Conv",
        maps,
        kernel.astype(np.float32),
        bias.values.astype(np.float32),
        dilations=_dilations(operator.options),
        **_places(operator, kernel.shape[2:]),
        **attributes,
    )
    if scale is None:
        return found
    # Scaled only now: sums of whole numbers are exact, and so is every step that follows. To round
    # them changes nothing, but keeps runtimes from scaling the kernel instead.
    scales = pixels.scale * weights.scale / scale
    return graph("Mul", graph("Round", found), scales.astype(np.float32).reshape(1, -1, 1, 1))


def _add(graph: OnnxGraph, maps: list[str], inputs: list[FileTensor], output: FileTensor) -> str:
    """The sum in steps of ``output``, as XNNPACK rounds it: halves upwards."""
    factors, unit = sum_factors(inputs, output)
    parts = [
        graph("Mul", graph("Cast", one, to=TensorProto.DOUBLE), np.float64(factor))
        for one, factor in zip(maps, factors, strict=True)
    ]
    sums = graph("Div", graph("Add", *parts), np.float64(unit))
    halves_up = graph("Floor", graph("Add", sums, np.float64(0.5)))
    return graph("Cast", halves_up, to=TensorProto.FLOAT)
