"""A network of a few convolutions as a TFLite file, written without TensorFlow."""

from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FLOAT = schema.TensorType.FLOAT32
CHANNELS = 4, 6


class Parts:
    """The objects of a file, to be changed before they are packed."""

    def __init__(self, side: int = 32, layers: Sequence[int] = CHANNELS) -> None:
        rng = np.random.default_rng(0)
        self.model: Any = schema.ModelT()
        self.model.version, self.model.buffers = 3, [schema.BufferT()]
        self.graph: Any = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs, self.model.operatorCodes = [self.graph], []
        maps, channels = self.tensor((1, side, side, 3)), 3
        self.graph.inputs, outputs = [maps], []
        for made in layers:
            side //= 2
            kernel = self.tensor((made, 3, 3, channels), rng.normal(0, 0.3, (made, 3, 3, channels)))
            bias = self.tensor((made,), rng.normal(0, 0.1, made))
            found = self.tensor((1, side, side, made))
            options: Any = schema.Conv2DOptionsT()
            options.strideW = options.strideH = 2
            options.fusedActivationFunction = schema.ActivationFunctionType.RELU6
            self.operator("CONV_2D", [maps, kernel, bias], found, "Conv2DOptions", options)
            outputs.append(found)
            maps, channels = found, made
        self.graph.outputs = outputs

    def tensor(self, shape: tuple[int, ...], values: Any = None, kind: int = FLOAT) -> int:
        """Add a tensor, constant if there are values; gives its index."""
        made: Any = schema.TensorT()
        made.shape, made.type, made.buffer = np.array(shape, np.int32), kind, 0
        if values is not None:
            made.buffer = len(self.model.buffers)
            content: Any = schema.BufferT()
            content.data = np.asarray(values, "<f4" if kind == FLOAT else "<i4").view(np.uint8)
            content.data = content.data.ravel()
            self.model.buffers.append(content)
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def operator(
        self, name: str, inputs: list[int], output: int, kind: str = "", options: Any = None
    ) -> None:
        """Add an operator at the end."""
        code: Any = schema.OperatorCodeT()
        number = getattr(schema.BuiltinOperator, name)
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
        self.model.operatorCodes.append(code)
        operator: Any = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes) - 1
        operator.inputs, operator.outputs = inputs, [output]
        if kind:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = options
        self.graph.operators.append(operator)

    def pack(self) -> bytes:
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def tiny_network(
    change: Callable[[Parts], object] | None = None,
    side: int = 32,
    layers: Sequence[int] = CHANNELS,
) -> bytes:
    """The file, after ``change`` of its parts: each layer, of so many channels, halves the side."""
    parts = Parts(side, layers)
    if change:
        change(parts)
    return parts.pack()
