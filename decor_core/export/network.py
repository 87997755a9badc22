"""The network of a TFLite file as layers of Keras, to be part of larger graphs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BackboneError


def keras_network(path: Path) -> Callable[[Any], list[Any]]:
    """The network in a TFLite file: pixels [n, side, side, 3] → its stage maps.

    Knows the operations that convolutional networks need; BackboneError for any other.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    (graph,) = model.subgraphs
    weights = {index: _constant(model, tensor) for index, tensor in enumerate(graph.tensors)}

    def apply(pixels: Any) -> list[Any]:
        known = weights | {int(graph.inputs[0]): pixels}
        for operation in graph.operators:
            inputs = [known[index] for index in operation.inputs]
            code = model.operatorCodes[operation.opcodeIndex].builtinCode
            known[operation.outputs[0]] = _apply(code, operation.builtinOptions, inputs)
        stages = [known[index] for index in graph.outputs]
        return sorted(stages, key=lambda stage: (-stage.shape[1], stage.shape[3]))

    return apply


def _constant(model: Any, tensor: Any) -> np.ndarray | None:
    from ai_edge_litert.schema_py_generated import TensorType

    content = model.buffers[tensor.buffer].data
    if content is None or not len(content):
        return None
    kind = {TensorType.FLOAT32: "<f4", TensorType.INT32: "<i4"}[tensor.type]
    return np.asarray(content, np.uint8).view(kind).reshape(tensor.shape)


def _apply(code: int, options: Any, inputs: list[Any]) -> Any:
    from ai_edge_litert.schema_py_generated import ActivationFunctionType, BuiltinOperator
    from tensorflow.keras import layers

    if code == BuiltinOperator.PAD:
        maps, amounts = inputs
        return layers.ZeroPadding2D(amounts[1:3].tolist())(maps)
    if code == BuiltinOperator.ADD:
        out = layers.Add()(inputs)
    elif code == BuiltinOperator.CONV_2D:
        kernel = inputs[1].transpose(1, 2, 3, 0)
        out = _convolved(layers.Conv2D, options, inputs, kernel, filters=kernel.shape[3])
    elif code == BuiltinOperator.DEPTHWISE_CONV_2D:
        kernel = inputs[1].transpose(1, 2, 3, 0)
        out = _convolved(layers.DepthwiseConv2D, options, inputs, kernel)
    else:
        raise BackboneError(f"The network holds operation {code}, which cannot be exported.")
    relu6 = options.fusedActivationFunction == ActivationFunctionType.RELU6
    return layers.ReLU(6)(out) if relu6 else out


def _convolved(kind: Any, options: Any, inputs: list[Any], kernel: np.ndarray, **more: int) -> Any:
    from ai_edge_litert.schema_py_generated import Padding

    padding = "same" if options.padding == Padding.SAME else "valid"
    strides = options.strideH, options.strideW
    layer = kind(kernel_size=kernel.shape[:2], strides=strides, padding=padding, **more)
    layer.build(inputs[0].shape)
    layer.set_weights([kernel, inputs[2]])
    return layer(inputs[0])
