"""The network of a TFLite file as layers of Keras, to be part of larger graphs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from decor_core.errors import BackboneError
from decor_core.features.backbones import by_resolution


@dataclass(frozen=True)
class _Tensor:
    """A tensor of the file: its ``values`` if they are constant, and its step if of eight bits.

    ``scale`` is one number, or one for each output channel of a kernel. Maps are kept as whole
    numbers of steps, 0 where the file has its zero point: between ``low`` and ``high``.
    """

    values: np.ndarray | None
    scale: np.ndarray | None
    low: float = 0
    high: float = 0


def keras_network(path: Path) -> Callable[[Any], list[Any]]:
    """The network in a TFLite file: pixels [n, side, side, 3] → its stage maps.

    Where the file computes in eight bits the graph does, to the bit, in whole numbers kept as
    floats. Knows the operations that convolutional networks need; BackboneError for any other.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    (graph,) = model.subgraphs
    tensors = [_tensor(model, tensor) for tensor in graph.tensors]

    def apply(pixels: Any) -> list[Any]:
        (start,) = map(int, graph.inputs)
        known = {start: _quantized(pixels, tensors[start])}
        for operation in graph.operators:
            code = model.operatorCodes[operation.opcodeIndex].builtinCode
            maps = [known[index] for index in operation.inputs if index in known]
            told = [tensors[index] for index in operation.inputs]
            (out,) = operation.outputs
            known[out] = _apply(code, operation.builtinOptions, maps, told, tensors[out])
        stages = [known[index] for index in graph.outputs]
        return sorted(stages, key=lambda stage: by_resolution(stage.shape))

    return apply


def _tensor(model: Any, tensor: Any) -> _Tensor:
    from ai_edge_litert.schema_py_generated import TensorType

    content, values = model.buffers[tensor.buffer].data, None
    if content is not None and len(content):
        kinds = {TensorType.FLOAT32: "<f4", TensorType.INT32: "<i4", TensorType.INT8: "i1"}
        values = np.asarray(content, np.uint8).view(kinds[tensor.type]).reshape(tensor.shape)
    steps = tensor.quantization and tensor.quantization.scale
    if steps is None or tensor.type != TensorType.INT8:
        return _Tensor(values, None)
    zero = int(tensor.quantization.zeroPoint[0])
    return _Tensor(values, np.float32(steps), -128 - zero, 127 - zero)


def _apply(code: int, options: Any, maps: list[Any], told: list[_Tensor], out: _Tensor) -> Any:
    """What one operation makes of ``maps``; ``told`` are all its inputs, constants too."""
    from ai_edge_litert.schema_py_generated import ActivationFunctionType, BuiltinOperator
    from tensorflow.keras import layers

    match code:
        case BuiltinOperator.PAD:
            return layers.ZeroPadding2D(told[1].values[1:3].tolist())(maps[0])
        case BuiltinOperator.QUANTIZE:
            return _quantized(maps[0], out)
        case BuiltinOperator.DEQUANTIZE:
            return maps[0] * told[0].scale
        case BuiltinOperator.SPACE_TO_DEPTH:
            return _space_to_depth(maps[0], options.blockSize)
        case BuiltinOperator.ADD:
            found = layers.Add()(maps) if out.scale is None else _sum(maps, told, out)
        case BuiltinOperator.CONV_2D:
            filters = told[1].values.shape[0]
            found = _convolved(layers.Conv2D, options, maps[0], told, out, filters=filters)
        case BuiltinOperator.DEPTHWISE_CONV_2D:
            found = _convolved(layers.DepthwiseConv2D, options, maps[0], told, out)
        case _:
            raise BackboneError(f"The network holds operation {code}, which cannot be exported.")
    if options.fusedActivationFunction != ActivationFunctionType.RELU6:
        return found if out.scale is None else _rounded(found, out)
    if out.scale is None:
        return layers.ReLU(6)(found)
    six = float(np.rint(6 / out.scale[0]))
    return _rounded(found, _Tensor(None, None, max(out.low, 0), min(out.high, six)))


def _quantized(maps: Any, out: _Tensor) -> Any:
    return maps if out.scale is None else _rounded(maps / out.scale, out)


def _space_to_depth(maps: Any, block: int) -> Any:
    from tensorflow.keras import ops

    _, height, width, channels = maps.shape
    high, wide = height // block, width // block
    maps = ops.reshape(maps, (-1, high, block, wide, block, channels))
    maps = ops.transpose(maps, (0, 1, 3, 2, 4, 5))
    return ops.reshape(maps, (-1, high, wide, block * block * channels))


def _rounded(maps: Any, out: _Tensor) -> Any:
    from tensorflow.keras import ops

    return ops.clip(ops.round(maps), out.low, out.high)


def _convolved(
    kind: Any, options: Any, maps: Any, told: list[_Tensor], out: _Tensor, **more: int
) -> Any:
    from ai_edge_litert.schema_py_generated import Padding

    before, kernel, bias = told
    padding = "same" if options.padding == Padding.SAME else "valid"
    strides = options.strideH, options.strideW
    weights = kernel.values.transpose(1, 2, 3, 0)
    layer = kind(kernel_size=weights.shape[:2], strides=strides, padding=padding, **more)
    layer.build(maps.shape)
    layer.set_weights([weights, bias.values])
    # Scaled only now: sums of whole numbers are exact, and so is every step that follows.
    return (
        layer(maps)
        if out.scale is None
        else layer(maps) * (before.scale * kernel.scale / out.scale)
    )


def _sum(maps: list[Any], told: list[_Tensor], out: _Tensor) -> Any:
    """The sum in steps of ``out``, as XNNPACK rounds it: factors of 21 bits, halves upwards."""
    from tensorflow.keras import ops

    ratios = [float(tensor.scale[0] / out.scale[0]) for tensor in told]
    unit = 2.0 ** (20 - int(np.floor(np.log2(max(ratios)))))
    parts = [ops.cast(one, "float64") * np.rint(ratio * unit)
             for one, ratio in zip(maps, ratios, strict=True)]  # fmt: skip
    return ops.cast(ops.floor((parts[0] + parts[1]) / unit + 0.5), "float32")
