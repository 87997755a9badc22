"""The network of a TFLite file as layers of Keras, to be part of larger graphs."""

from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert.schema_py_generated import BuiltinOperator, Padding
from tensorflow.keras import layers, ops

from decor_core.export.network_operators import Operator, run_network, sum_factors
from decor_core.features.tflite_reader import FileTensor

_ARITHMETIC = {
    BuiltinOperator.ADD: ops.add,
    BuiltinOperator.SUB: ops.subtract,
    BuiltinOperator.MUL: ops.multiply,
    BuiltinOperator.SQUARED_DIFFERENCE: lambda one, other: ops.square(one - other),
}
_POOLS = {
    BuiltinOperator.MAX_POOL_2D: layers.MaxPooling2D,
    BuiltinOperator.AVERAGE_POOL_2D: layers.AveragePooling2D,
}
_UNARY = {
    BuiltinOperator.RELU: ops.relu,
    BuiltinOperator.RELU6: ops.relu6,
    BuiltinOperator.LOGISTIC: ops.sigmoid,
    BuiltinOperator.TANH: ops.tanh,
    BuiltinOperator.HARD_SWISH: ops.hard_silu,
    BuiltinOperator.NEG: ops.negative,
    BuiltinOperator.RSQRT: ops.rsqrt,
}


def keras_network(content: bytes) -> Callable[[Any], list[Any]]:
    """The network of a TFLite file, by its content: pixels [n, side, side, 3] → its stage maps.

    Where the file computes in eight bits the graph does, to the bit, in whole numbers kept as
    floats. BackboneError for an operator that is not known.
    """

    def apply(pixels: Any) -> list[Any]:
        stages = run_network(content, lambda start: _quantize(pixels, start), _apply)
        return [stage for stage, _ in stages]

    return apply


def _apply(operator: Operator, maps: list[Any]) -> Any:
    """What one operator makes of ``maps``, which are None where its inputs are constant."""
    code, options, inputs, output = operator[:4]
    match code:
        case BuiltinOperator.PAD:
            return layers.ZeroPadding2D(inputs[1].values[1:3].tolist())(maps[0])
        case BuiltinOperator.QUANTIZE:
            return _quantize(maps[0], output)
        case BuiltinOperator.DEQUANTIZE:
            return maps[0] * inputs[0].scale
        case BuiltinOperator.SPACE_TO_DEPTH:
            return _space_to_depth(maps[0], options.blockSize)
        case BuiltinOperator.RESHAPE:
            return ops.reshape(maps[0], (-1, *operator.output_shape[1:]))
        case BuiltinOperator.MEAN:
            return ops.mean(maps[0], axis=operator.axes, keepdims=bool(options.keepDims))
        case BuiltinOperator.STRIDED_SLICE:
            return maps[0][:, *(slice(*part) for part in operator.parts)]
        case BuiltinOperator.GELU:
            return ops.gelu(maps[0], approximate=bool(options.approximate))
        case BuiltinOperator.CONCATENATION:
            found = ops.concatenate(maps, axis=options.axis)
        case BuiltinOperator.CONV_2D:
            filters = inputs[1].values.shape[0]
            found = _convolve(
                layers.Conv2D, operator, maps[0], filters=filters, groups=operator.groups
            )
        case BuiltinOperator.DEPTHWISE_CONV_2D:
            multiplier = options.depthMultiplier
            found = _convolve(
                layers.DepthwiseConv2D, operator, maps[0], depth_multiplier=multiplier
            )
        case BuiltinOperator.FULLY_CONNECTED:
            found = ops.matmul(maps[0], inputs[1].values.T)
            found = found + inputs[2].values if len(inputs) > 2 else found
        case BuiltinOperator.ADD if output.scale is not None:
            found = _add(maps, inputs, output)
        case _ if code in _ARITHMETIC:
            operands = [tensor.values if one is None else one
                        for one, tensor in zip(maps, inputs, strict=True)]  # fmt: skip
            found = _ARITHMETIC[code](*operands)
        case _ if code in _POOLS:
            size, strides = (options.filterHeight, options.filterWidth), _strides(options)
            found = _POOLS[code](size, strides, padding=_padding(options))(maps[0])
        case _ if code in _UNARY:
            return _UNARY[code](maps[0])
        case _:
            raise operator.unknown()
    if output.scale is not None:
        return _round(found, *operator.bounds)
    return found if operator.bounds == (-np.inf, np.inf) else ops.clip(found, *operator.bounds)


def _strides(options: Any) -> tuple[int, int]:
    return options.strideH, options.strideW


def _padding(options: Any) -> str:
    return "same" if options.padding == Padding.SAME else "valid"


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


def _convolve(layer_class: Any, operator: Operator, maps: Any, **arguments: int) -> Any:
    pixels, kernel, bias = operator.inputs
    options, scale = operator.options, operator.output.scale
    weights = kernel.values.transpose(1, 2, 3, 0)
    if layer_class is layers.DepthwiseConv2D:
        weights = weights.reshape(*weights.shape[:2], -1, options.depthMultiplier)
    layer = layer_class(
        kernel_size=weights.shape[:2],
        strides=_strides(options),
        padding=_padding(options),
        dilation_rate=(options.dilationHFactor, options.dilationWFactor),
        **arguments,
    )
    layer.build(maps.shape)
    layer.set_weights([weights, bias.values])
    if scale is None:
        return layer(maps)
    # Scaled only now: sums of whole numbers are exact, and so is every step that follows.
    return layer(maps) * (pixels.scale * kernel.scale / scale)


def _add(maps: list[Any], inputs: list[FileTensor], output: FileTensor) -> Any:
    """The sum in steps of ``output``, as XNNPACK rounds it: halves upwards."""
    factors, unit = sum_factors(inputs, output)
    parts = [ops.cast(one, "float64") * factor for one, factor in zip(maps, factors, strict=True)]
    return ops.cast(ops.floor((parts[0] + parts[1]) / unit + 0.5), "float32")
