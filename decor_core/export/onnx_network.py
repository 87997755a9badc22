"""The network of a TFLite file as nodes of an ONNX graph, to be part of a larger one."""

from typing import Any

import numpy as np
from ai_edge_litert.schema_py_generated import ActivationFunctionType, BuiltinOperator, Padding
from onnx import NodeProto, TensorProto, helper, numpy_helper

from decor_core.errors import BackboneError
from decor_core.features.backbones import by_resolution
from decor_core.features.network_file import FileTensor, read_model, read_tensor


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
    floats, as ``keras_network``. BackboneError for an operation that is not known here.
    """
    model = read_model(content)
    (network,) = model.subgraphs
    tensors = [read_tensor(model, tensor) for tensor in network.tensors]
    (input_index,) = map(int, network.inputs)
    computed = {input_index: _quantize(graph, pixels, tensors[input_index])}
    for operator in network.operators:
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        maps = [computed[index] for index in operator.inputs if index in computed]
        inputs = [tensors[index] for index in operator.inputs]
        (output,) = operator.outputs
        options = operator.builtinOptions
        computed[output] = _apply(graph, code, options, maps, inputs, tensors[output])
    stages = sorted(network.outputs, key=lambda index: by_resolution(network.tensors[index].shape))
    return [(computed[index], tuple(network.tensors[index].shape[1:])) for index in stages]


def _apply(
    graph: OnnxGraph,
    code: int,
    options: Any,
    maps: list[str],
    inputs: list[FileTensor],
    output: FileTensor,
) -> str:
    """What one operator makes of ``maps``; ``inputs`` are all its inputs, constants too."""
    match code:
        case BuiltinOperator.PAD:
            before, after = inputs[1].values[[0, 3, 1, 2]].T.tolist()
            return graph("Pad", maps[0], [*before, *after])
        case BuiltinOperator.QUANTIZE:
            return _quantize(graph, maps[0], output)
        case BuiltinOperator.DEQUANTIZE:
            return graph("Mul", maps[0], inputs[0].scale)
        case BuiltinOperator.SPACE_TO_DEPTH:
            return graph("SpaceToDepth", maps[0], blocksize=options.blockSize)
        case BuiltinOperator.ADD:
            is_exact = output.scale is not None
            found = _add(graph, maps, inputs, output) if is_exact else graph("Add", *maps)
        case BuiltinOperator.CONV_2D:
            kernel = inputs[1].values.transpose(0, 3, 1, 2)
            found = _convolve(graph, options, maps[0], kernel, inputs, output)
        case BuiltinOperator.DEPTHWISE_CONV_2D:
            kernel = inputs[1].values.transpose(3, 0, 1, 2)
            found = _convolve(graph, options, maps[0], kernel, inputs, output, group=len(kernel))
        case _:
            raise BackboneError(f"The network holds operation {code}, which cannot be exported.")
    has_limit = options.fusedActivationFunction == ActivationFunctionType.RELU6
    if output.scale is None:
        return graph("Clip", found, 0.0, 6.0) if has_limit else found
    if not has_limit:
        return _round(graph, found, output.low, output.high)
    six = float(np.rint(6 / output.scale[0]))
    return _round(graph, found, max(output.low, 0), min(output.high, six))


def _quantize(graph: OnnxGraph, maps: str, output: FileTensor) -> str:
    if output.scale is None:
        return maps
    return _round(graph, graph("Div", maps, output.scale), output.low, output.high)


def _round(graph: OnnxGraph, maps: str, low: float, high: float) -> str:
    return graph("Clip", graph("Round", maps), float(low), float(high))


def _convolve(
    graph: OnnxGraph,
    options: Any,
    maps: str,
    kernel: np.ndarray,
    inputs: list[FileTensor],
    output: FileTensor,
    **attributes: int,
) -> str:
    pixels, weights, bias = inputs
    found = graph(
        "Conv",
        maps,
        kernel.astype(np.float32),
        bias.values.astype(np.float32),
        strides=[options.strideH, options.strideW],
        auto_pad="SAME_UPPER" if options.padding == Padding.SAME else "VALID",
        **attributes,
    )
    if output.scale is None:
        return found
    # Scaled only now: sums of whole numbers are exact, and so is every step that follows. To round
    # them changes nothing, but keeps runtimes from scaling the kernel instead.
    scales = pixels.scale * weights.scale / output.scale
    return graph("Mul", graph("Round", found), scales.astype(np.float32).reshape(1, -1, 1, 1))


def _add(graph: OnnxGraph, maps: list[str], inputs: list[FileTensor], output: FileTensor) -> str:
    """The sum in steps of ``output``, as XNNPACK rounds it: factors of 21 bits, halves upwards."""
    ratios = [float(tensor.scale[0] / output.scale[0]) for tensor in inputs]
    unit = 2.0 ** (20 - int(np.floor(np.log2(max(ratios)))))
    parts = [
        graph("Mul", graph("Cast", one, to=TensorProto.DOUBLE), np.float64(np.rint(ratio * unit)))
        for one, ratio in zip(maps, ratios, strict=True)
    ]
    sums = graph("Div", graph("Add", *parts), np.float64(unit))
    halves_up = graph("Floor", graph("Add", sums, np.float64(0.5)))
    return graph("Cast", halves_up, to=TensorProto.FLOAT)
