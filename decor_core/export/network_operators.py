"""Operators of a network's TFLite file, and pooling, for exports to other frameworks."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.schema_py_generated import ActivationFunctionType, BuiltinOperator

from decor_core.errors import BackboneError
from decor_core.features.backbones import by_resolution
from decor_core.features.tflite_reader import FileTensor, read_model, read_tensor
from decor_core.features.tflite_sanitizer import operator_name

_BOUNDS = {
    ActivationFunctionType.NONE: (-math.inf, math.inf),
    ActivationFunctionType.RELU: (0.0, math.inf),
    ActivationFunctionType.RELU_N1_TO_1: (-1.0, 1.0),
    ActivationFunctionType.RELU6: (0.0, 6.0),
}
# Those that the exports compute in the whole numbers of the file.
_IN_EIGHT_BITS = {
    BuiltinOperator.PAD,
    BuiltinOperator.QUANTIZE,
    BuiltinOperator.DEQUANTIZE,
    BuiltinOperator.SPACE_TO_DEPTH,
    BuiltinOperator.ADD,
    BuiltinOperator.CONV_2D,
    BuiltinOperator.DEPTHWISE_CONV_2D,
}


class Operator(NamedTuple):
    """One operator: what it takes and gives, as tensors of the file, and their shapes there."""

    code: int
    options: Any
    inputs: list[FileTensor]
    output: FileTensor
    input_shapes: list[tuple[int, ...]]
    output_shape: tuple[int, ...]

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which its activation keeps what it gives: steps, where that is of eight bits."""
        low, high = _BOUNDS[getattr(self.options, "fusedActivationFunction", 0)]
        if self.output.scale is None:
            return low, high
        step = self.output.scale[0]
        low, high = (np.rint(one / step) if math.isfinite(one) else one for one in (low, high))
        return max(self.output.low, float(low)), min(self.output.high, float(high))

    @property
    def axes(self) -> list[int]:
        """Over which MEAN is."""
        return [int(axis) % 4 for axis in self.inputs[1].values.ravel()]

    @property
    def parts(self) -> list[tuple[int, int]]:
        """From where to where STRIDED_SLICE keeps each side of maps, [n, h, w, c] without n."""
        masked, begin = self.options.beginMask, self.inputs[1].values.ravel().tolist()
        starts = (0 if masked >> axis & 1 else begin[axis] for axis in (1, 2, 3))
        return [(n, n + size) for n, size in zip(starts, self.output_shape[1:], strict=True)]

    @property
    def groups(self) -> int:
        """Number of groups of channels that CONV_2D convolves each alone."""
        return self.input_shapes[0][3] // self.input_shapes[1][3]

    def unknown(self) -> BackboneError:
        return BackboneError(
            f"The network holds the operator {operator_name(self.code)}, which cannot be exported "
            "in this format; “tflite”, “web” and “bundle” take every network."
        )


def sum_factors(inputs: Sequence[FileTensor], output: FileTensor) -> tuple[list[float], float]:
    """Factors of maps of eight bits that are added, and the divisor of their sum.

    As XNNPACK rounds them: whole numbers of 21 bits.
    """
    ratios = [float(tensor.scale[0] / output.scale[0]) for tensor in inputs]
    unit = 2.0 ** (20 - int(np.floor(np.log2(max(ratios)))))
    return [np.rint(ratio * unit) for ratio in ratios], unit


def box_matrix(size: int, side: int) -> np.ndarray:
    """Means of ``size`` pixels to ``side``: [side, size], float32."""
    centers = (np.arange(side)[:, None] + 0.5) / side * size
    distances = (np.arange(size) + 0.5 - centers) * side / size
    weights = ((distances > -0.5) & (distances <= 0.5)).astype(np.float32)
    return weights / weights.sum(axis=1, keepdims=True)


def run_network(
    content: bytes,
    feed: Callable[[FileTensor], Any],
    apply: Callable[[Operator, list[Any]], Any],
) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """The stage maps of the network in a TFLite file as ``apply`` makes them, and their shapes.

    ``feed`` gives the maps of the input, ``apply`` what one operator makes of maps; of constants it
    is given None. BackboneError where it has an operator of eight bits that is not known.
    """
    model = read_model(content)
    (graph,) = model.subgraphs
    tensors = [read_tensor(model, tensor) for tensor in graph.tensors]
    shapes = [tuple(map(int, tensor.shape)) for tensor in graph.tensors]
    (start,) = map(int, graph.inputs)
    computed = {start: feed(tensors[start])}
    for node in graph.operators:
        inputs, (output,) = [int(i) for i in node.inputs if i != -1], map(int, node.outputs)
        operator = Operator(
            model.operatorCodes[node.opcodeIndex].builtinCode,
            node.builtinOptions,
            [tensors[i] for i in inputs],
            tensors[output],
            [shapes[i] for i in inputs],
            shapes[output],
        )
        maps = [computed.get(i) for i in inputs]
        in_eight_bits = operator.output.scale is not None
        has_constant = operator.code == BuiltinOperator.ADD and any(one is None for one in maps)
        if in_eight_bits and (operator.code not in _IN_EIGHT_BITS or has_constant):
            raise operator.unknown()
        computed[output] = apply(operator, maps)
    for index in sorted(graph.outputs, key=lambda i: by_resolution(shapes[i])):
        yield computed[int(index)], shapes[index]
