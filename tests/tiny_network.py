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


def _options(kind: str, **values: Any) -> tuple[str, Any]:
    options = getattr(schema, f"{kind}T")()
    vars(options).update(values)
    return kind, options


def add_all_operators(parts: Parts) -> None:
    """Every operator that a network may have, in single precision, behind its convolutions."""
    rng, activation = np.random.default_rng(1), schema.ActivationFunctionType
    maps = parts.graph.outputs[-1]
    side, channels = parts.graph.tensors[maps].shape[2:]

    def add(name, shape, *constants, of=None, options=("", None)):
        nonlocal maps
        found = parts.tensor(shape)
        inputs = [*(of or [maps]), *(parts.tensor(np.shape(c), c, kind) for c, kind in constants)]
        parts.operator(name, inputs, found, *options)
        maps = found
        return found

    def numbers(*shape):
        return rng.normal(0, 1, shape).astype("f4"), schema.TensorType.FLOAT32

    def whole(values):
        return np.array(values, "i4"), schema.TensorType.INT32

    full = 1, side, side, channels
    first = add("RELU", full)
    add("ADD", full, numbers(channels), options=_options("AddOptions"))
    add("SUB", full, of=[maps, first], options=_options("SubOptions"))
    relu = _options("MulOptions", fusedActivationFunction=activation.RELU)
    scaled = add("MUL", full, numbers(1, 1, 1, channels), options=relu)
    size = {"filterHeight": 3, "filterWidth": 3, "strideH": 1, "strideW": 1, "padding": 0}
    add("MAX_POOL_2D", full, options=_options("Pool2DOptions", **size))
    add("AVERAGE_POOL_2D", full, options=_options("Pool2DOptions", **size))
    twice = {"strideH": 1, "strideW": 1, "dilationHFactor": 2, "dilationWFactor": 2}
    deep = _options("DepthwiseConv2DOptions", depthMultiplier=2, **twice)
    deeper = 2 * channels
    add("DEPTHWISE_CONV_2D", (1, side, side, deeper), numbers(1, 3, 3, deeper), numbers(deeper),
        options=deep)  # fmt: skip
    last = {"fusedActivationFunction": activation.RELU_N1_TO_1, **twice}
    kernel, bias = numbers(channels, 3, 3, deeper), numbers(channels)
    add("CONV_2D", full, kernel, bias, options=_options("Conv2DOptions", **last))
    squeezed = add("MEAN", (1, channels), whole([1, 2]), options=_options("ReducerOptions"))
    weights = numbers(channels, channels), numbers(channels)
    add("FULLY_CONNECTED", (1, channels), *weights, options=_options("FullyConnectedOptions"))
    add("LOGISTIC", (1, channels))
    add("ADD", (1, channels), of=[maps, squeezed], options=_options("AddOptions"))
    add("TANH", (1, channels))
    spread = 1, 1, 1, channels
    gates = add("RESHAPE", spread, whole(spread), options=_options("ReshapeOptions"))
    add("MUL", full, of=[scaled, gates], options=_options("MulOptions"))
    keep, each = _options("ReducerOptions", keepDims=True), (1, side, side, 1)
    mean = add("MEAN", each, whole([-1]), options=keep)
    add("NEG", each)
    add("SQUARED_DIFFERENCE", full, of=[mean, scaled])
    add("ADD", full, (np.array([0.5], "f4"), schema.TensorType.FLOAT32),
        options=_options("AddOptions"))  # fmt: skip
    add("RSQRT", full)
    flat = _options("FullyConnectedOptions", keepNumDims=True)
    add("FULLY_CONNECTED", full, *weights, options=flat)
    add("GELU", full, options=_options("GeluOptions"))
    once = _options("Conv2DOptions", strideH=1, strideW=1)
    add("CONV_2D", full, numbers(channels, 3, 3, channels // 2), bias, options=once)
    places = whole([0, 1, 1, 0]), whole([0, 0, 0, 0]), whole([1, 1, 1, 1])
    cut = _options("StridedSliceOptions", beginMask=9, endMask=15)
    add("STRIDED_SLICE", (1, side - 1, side - 1, channels), *places, options=cut)
    again = whole([[0, 0], [1, 0], [0, 1], [0, 0]])
    add("PAD", full, again, options=_options("PadOptions"))
    add("MUL", full, of=[maps, gates], options=_options("MulOptions"))
    add("HARD_SWISH", full, options=_options("HardSwishOptions"))
    add("RELU6", full)
    joined = _options("ConcatenationOptions", axis=3)
    add("CONCATENATION", (1, side, side, deeper), of=[maps, scaled], options=joined)
    padding = whole([[0, 0], [1, 1], [2, 0], [0, 0]])
    add("PAD", (1, side + 2, side + 2, deeper), padding, options=_options("PadOptions"))
    half = (side + 2) // 2
    add("SPACE_TO_DEPTH", (1, half, half, 4 * deeper),
        options=_options("SpaceToDepthOptions", blockSize=2))  # fmt: skip
    parts.graph.outputs = [*parts.graph.outputs, maps]
