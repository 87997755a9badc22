"""The network of a TFLite file as layers of Keras, to be part of larger graphs."""

from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert.schema_py_generated import ActivationFunctionType, BuiltinOperator, Padding
from tensorflow.keras import layers, ops

from decor_core.errors import BackboneError
from decor_core.features.backbones import by_resolution
from decor_core.features.network_file import FileTensor, read_model, read_tensor


def keras_network(content: bytes) -> Callable[[Any], list[Any]]:
    """The network of a TFLite file, by its content: pixels [n, side, side, 3] → its stage maps.

    Where the file computes in eight bits the graph does, to the bit, in whole numbers kept as
    floats. Knows the operations that convolutional networks need; BackboneError for any other.
    """
    model = read_model(content)
    (graph,) = model.subgraphs
    tensors = [read_tensor(model, tensor) for tensor in graph.tensors]

    def apply(pixels: Any) -> list[Any]:
        (input_index,) = map(int, graph.inputs)
        computed = {input_index: _quantize(pixels, tensors[input_index])}
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex].builtinCode
            maps = [computed[index] for index in operator.inputs if index in computed]
            inputs = [tensors[index] for index in operator.inputs]
            (output,) = operator.outputs
            computed[output] = _apply(code, operator.builtinOptions, maps, inputs, tensors[output])
        stages = [computed[index] for index in graph.outputs]
        return sorted(stages, key=lambda stage: by_resolution(stage.shape))

    return apply


def _apply(
    code: int, options: Any, maps: list[Any], inputs: list[FileTensor], output: FileTensor
) -> Any:
    """What one operator makes of ``maps``; ``inputs`` are all its inputs, constants too."""
    match code:
        case BuiltinOperator.PAD:
            return layers.ZeroPadding2D(inputs[1].values[1:3].tolist())(maps[0])
        case BuiltinOperator.QUANTIZE:
            return _quantize(maps[0], output)
        case BuiltinOperator.DEQUANTIZE:
            return maps[0] * inputs[0].scale
        case BuiltinOperator.SPACE_TO_DEPTH:
            return _space_to_depth(maps[0], options.blockSize)
        case BuiltinOperator.ADD:
            found = layers.Add()(maps) if output.scale is None else _add(maps, inputs, output)
        case BuiltinOperator.CONV_2D:
            filters = inputs[1].values.shape[0]
            found = _convolve(layers.Conv2D, options, maps[0], inputs, output, filters=filters)
        case BuiltinOperator.DEPTHWISE_CONV_2D:
            found = _convolve(layers.DepthwiseConv2D, options, maps[0], inputs, output)
        case _:
            raise BackboneError(f"The network holds operation {code}, which cannot be exported.")
    if options.fusedActivationFunction != ActivationFunctionType.RELU6:
        return found if output.scale is None else _round(found, output.low, output.high)
    if output.scale is None:
        return layers.ReLU(6)(found)
    six = float(np.rint(6 / output.scale[0]))
    return _round(found, max(output.low, 0), min(output.high, six))


def _quantize(maps: Any, output: FileTensor) -> Any:
    return maps if output.scale is None else _round(maps / output.scale, output.low, output.high)


def _space_to_depth(maps: Any, block: int) -> Any:
    _, height, width, channels = maps.shape
    high, wide = height // block, width // block
    maps = ops.reshape(maps, (-1, high, block, wide, block, channels))
    maps = ops.transpose(maps, (0, 1, 3, 2, 4, 5))
    return ops.reshape(maps, (-1, high, wide, block * block * channels))


def _round(maps: Any, low: float, high: float) -> Any:
    return ops.clip(ops.round(maps), low, high)


def _convolve(
    layer_class: Any,
    options: Any,
    maps: Any,
    inputs: list[FileTensor],
    output: FileTensor,
    **arguments: int,
) -> Any:
    pixels, kernel, bias = inputs
    padding = "same" if options.padding == Padding.SAME else "valid"
    strides = options.strideH, options.strideW
    weights = kernel.values.transpose(1, 2, 3, 0)
    layer = layer_class(
        kernel_size=weights.shape[:2], strides=strides, padding=padding, **arguments
    )
    layer.build(maps.shape)
    layer.set_weights([weights, bias.values])
    if output.scale is None:
        return layer(maps)
    # Scaled only now: sums of whole numbers are exact, and so is every step that follows.
    return layer(maps) * (pixels.scale * kernel.scale / output.scale)


def _add(maps: list[Any], inputs: list[FileTensor], output: FileTensor) -> Any:
    """The sum in steps of ``output``, as XNNPACK rounds it: factors of 21 bits, halves upwards."""
    ratios = [float(tensor.scale[0] / output.scale[0]) for tensor in inputs]
    unit = 2.0 ** (20 - int(np.floor(np.log2(max(ratios)))))
    parts = [ops.cast(one, "float64") * np.rint(ratio * unit)
             for one, ratio in zip(maps, ratios, strict=True)]  # fmt: skip
    return ops.cast(ops.floor((parts[0] + parts[1]) / unit + 0.5), "float32")
