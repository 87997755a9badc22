"""Whether a TFLite file that came from somebody else is a network of stage maps and safe to run.

Every operator is one of a few; sizes, types and steps of all tensors follow from its inputs; all
numbers are there; time and memory are bounded. To allow another operator, add it to ``_OPERATORS``
with a function that gives the shape of its output.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.schema_py_generated import (
    ActivationFunctionType,
    BuiltinOperator,
    Padding,
    TensorType,
)

from decor_core.errors import DamagedFile
from decor_core.features.tflite_file import operator_name, read_parts, write_parts

MOST_BYTES = 256 * 2**20
MOST_MEMORY = 128 * 2**20  # bytes of the maps that are in memory at one time, for one picture
MOST_PRODUCTS = 50e9  # multiplications of one picture: EfficientNetB7 has 37e9
_MOST_NUMBERS = 2**28  # of one tensor, and of what a convolution unfolds
_MOST_CHANNELS = 2**16
_MOST_STAGES = 32
_LEAST_STEP, _MOST_STEP = 1e-12, 1e6
_MOST_FACTOR = 255.0  # XNNPACK takes factors below 256
_ITEM = {
    TensorType.FLOAT32: np.dtype("<f4"),
    TensorType.INT32: np.dtype("<i4"),
    TensorType.INT8: np.dtype("i1"),
}
_ACTIVATIONS = {
    ActivationFunctionType.NONE,
    ActivationFunctionType.RELU,
    ActivationFunctionType.RELU_N1_TO_1,
    ActivationFunctionType.RELU6,
}
Shape = tuple[int, ...]


class Tensor(NamedTuple):
    """What is known of a tensor; ``values`` [shape] where they are constant, else None."""

    shape: Shape
    type: int
    values: np.ndarray | None
    scale: np.ndarray | None
    zero: np.ndarray | None
    axis: int

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.size * _ITEM[self.type].itemsize


class Checked(NamedTuple):
    """A file that may be run, written anew, and what it needs: bytes of maps, multiplications.

    It ``takes_batches`` where each of its operators treats several pictures as it treats one.
    """

    content: bytes
    memory: int
    products: int
    takes_batches: bool


def checked_network(content: bytes, side: int) -> Checked:
    """The file, written anew, of a network that takes one picture of ``side`` pixels.

    DamagedFile says why it is refused.
    """
    if len(content) > MOST_BYTES:
        raise DamagedFile(
            f"it has {len(content) / 2**20:.0f} MiB, more than {MOST_BYTES // 2**20} MiB"
        )
    model = read_parts(content, {code: options for code, (options, _) in _OPERATORS.items()})
    (graph,) = model.subgraphs
    tensors = [_tensor(one, model.buffers) for one in graph.tensors]
    _expect(len(graph.inputs) == 1, "it takes one input")
    start = _index(graph.inputs[0], tensors)
    _expect(
        tensors[start].shape == (1, side, side, 3)
        and tensors[start].type != TensorType.INT32
        and tensors[start].values is None,
        f"its input is one picture of {side} × {side} pixels",
    )
    known = {start} | {i for i, one in enumerate(tensors) if one.values is not None}
    products, lives = 0, []
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        inputs = [_index(i, tensors) if i != -1 else None for i in operator.inputs]
        _expect(len(operator.outputs) == 1, f"{operator_name(code)} gives one tensor")
        output = _index(operator.outputs[0], tensors)
        _expect(all(i is None or i in known for i in inputs), "its operators are in order")
        _expect(output not in known, "each of its tensors is made once")
        given = [tensors[i] if i is not None else None for i in inputs]
        try:
            shape = _OPERATORS[code][1](operator.builtinOptions, given, tensors[output])
        except DamagedFile as error:
            raise DamagedFile(f"{operator_name(code)}: {error}") from error
        made = tensors[output]
        _expect(
            made.shape == tuple(shape),
            f"the output of {operator_name(code)} is of shape {tuple(shape)}, not {made.shape}",
        )
        if made.type == TensorType.INT8:
            _check_steps(made, 1)
        products += _products(code, given, made)
        known.add(output)
        lives.append(([i for i in inputs if i is not None], output))
    _expect(products <= MOST_PRODUCTS, f"it multiplies up to {MOST_PRODUCTS:.0e} times a picture")
    _check_stages(graph.outputs, tensors, {output for _, output in lives}, side)
    memory = _memory(lives, tensors, graph.outputs, start)
    if memory > MOST_MEMORY:
        raise DamagedFile(
            f"its maps take {memory / 2**20:.0f} MiB of memory, more than {MOST_MEMORY // 2**20}"
        )
    takes_batches = all(len(tensors[output].shape) == 4 for _, output in lives) and not any(
        code.builtinCode == BuiltinOperator.RESHAPE for code in model.operatorCodes
    )
    return Checked(write_parts(model), memory, products, takes_batches)


def _expect(fact: bool, expected: str) -> None:
    if not fact:
        raise DamagedFile(f"expected that {expected}")


def _index(index: int, tensors: Sequence[Tensor]) -> int:
    _expect(0 <= index < len(tensors), "its operators name tensors that there are")
    return int(index)


def _tensor(told: Any, buffers: Sequence[Any]) -> Tensor:
    shape = tuple(map(int, told.shape))
    _expect(all(0 < n < _MOST_NUMBERS for n in shape), "tensors have sides of 1 or more")
    _expect(math.prod(shape) <= _MOST_NUMBERS, f"tensors have up to {_MOST_NUMBERS:,} numbers")
    _expect(told.type in _ITEM, "tensors are of single precision or of 8 or 32 bits")
    _expect(0 <= told.buffer < len(buffers), "tensors name buffers that there are")
    data, values = buffers[told.buffer].data, None
    item = _ITEM[told.type]
    if data is not None:
        _expect(len(data) == math.prod(shape) * item.itemsize, "constants have all their numbers")
        values = np.frombuffer(data.tobytes(), item).reshape(shape)
    steps = told.quantization
    if steps is None:
        return Tensor(shape, told.type, values, None, None, 0)
    scale = np.asarray(steps.scale, np.float64)
    _expect(
        told.type != TensorType.FLOAT32
        and len(steps.zeroPoint) == len(scale)
        and bool(np.isfinite(scale).all())
        and scale.min() >= _LEAST_STEP
        and scale.max() <= _MOST_STEP,
        "steps of whole numbers are positive",
    )
    return Tensor(shape, told.type, values, scale, steps.zeroPoint, int(steps.quantizedDimension))


def _check_steps(tensor: Tensor, count: int, axis: int = 0) -> None:
    """That a tensor of eight bits has a step, or ``count`` of them along ``axis``."""
    scale, zero = tensor.scale, tensor.zero
    if scale is None or zero is None:
        raise DamagedFile("expected that eight bits have a step")
    _expect(len(scale) in (1, count), "there is one step, or one for each channel")
    if len(scale) > 1:
        _expect(tensor.axis == axis and not zero.any(), "steps of channels are those of kernels")
    _expect(bool(((zero >= -128) & (zero <= 127)).all()), "the zero of eight bits is one of them")


def _check_stages(
    outputs: Sequence[int], tensors: Sequence[Tensor], made: set[int], side: int
) -> None:
    _expect(0 < len(outputs) <= _MOST_STAGES, f"it gives 1 to {_MOST_STAGES} maps")
    _expect(len({int(index) for index in outputs}) == len(outputs), "its maps differ")
    for index in outputs:
        _index(index, tensors)
        tensor = tensors[index]
        _expect(
            index in made
            and tensor.type == TensorType.FLOAT32
            and len(tensor.shape) == 4
            and tensor.shape[1] == tensor.shape[2] <= side
            and tensor.shape[3] <= _MOST_CHANNELS,
            "what it gives are square maps [1, side, side, channels] in single precision",
        )


def _memory(
    lives: Sequence[tuple[list[int], int]],
    tensors: Sequence[Tensor],
    outputs: Sequence[int],
    start: int,
) -> int:
    """The most bytes of maps that are wanted at one time."""
    last = {i: at for at, (inputs, _) in enumerate(lives) for i in inputs}
    last |= {int(index): len(lives) for index in outputs}
    now = most = tensors[start].bytes
    for at, (inputs, output) in enumerate(lives):
        now += tensors[output].bytes
        most = max(most, now)
        for index in {*inputs, output}:
            if tensors[index].values is None and last.get(index, at) == at:
                now -= tensors[index].bytes
    return most


def _products(code: int, inputs: Sequence[Tensor | None], output: Tensor) -> int:
    kernel = list(inputs[1].shape) if len(inputs) > 1 and inputs[1] else []
    match code:
        case BuiltinOperator.CONV_2D | BuiltinOperator.FULLY_CONNECTED:
            return output.size * math.prod(kernel[1:])
        case BuiltinOperator.DEPTHWISE_CONV_2D:
            return output.size * kernel[1] * kernel[2]
    return output.size * 9  # pools look at a few, others at one


# --- what each operator makes of its inputs


def _activated(options: Any) -> None:
    _expect(options.fusedActivationFunction in _ACTIVATIONS, "its activation is a known one")


def _maps(tensor: Tensor | None) -> tuple[Tensor, int, int, int]:
    if tensor is None or len(tensor.shape) != 4 or tensor.shape[0] != 1:
        raise DamagedFile("expected that it takes maps of one picture")
    _expect(tensor.type != TensorType.INT32, "maps are of eight bits or single precision")
    return tensor, *tensor.shape[1:]


def _side(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    _expect(1 <= stride <= 16 and 1 <= dilation <= 32 and 1 <= kernel <= 128, "steps are sound")
    reach = (kernel - 1) * dilation + 1
    _expect(padding in (Padding.SAME, Padding.VALID), "it is padded in a known way")
    if padding == Padding.SAME:
        return math.ceil(size / stride)
    _expect(reach <= size, "its kernel is inside of the maps")
    return (size - reach) // stride + 1


def _kernel_and_bias(
    inputs: Sequence[Tensor | None], output: Tensor, channels: int, axis: int
) -> None:
    """Of a convolution or product: constants of types that go together, and their steps."""
    maps, kernel, bias = (*inputs, None)[:3]
    assert maps and kernel
    _expect(kernel.values is not None, "its kernel is constant")
    _expect(maps.type == kernel.type == output.type, "inputs and output are of one type")
    eight_bits = maps.type == TensorType.INT8
    if bias:
        wanted = TensorType.INT32 if eight_bits else TensorType.FLOAT32
        fits = bias.type == wanted and bias.shape == (channels,) and bias.values is not None
        _expect(fits, "its bias is one number for each channel")
    if eight_bits:
        _check_steps(maps, 1)
        _check_steps(kernel, channels, axis)
        _check_steps(output, 1)
        assert maps.scale is not None and kernel.scale is not None and output.scale is not None
        _expect(
            kernel.zero is not None and not kernel.zero.any(), "kernels have their zero at zero"
        )
        factors = maps.scale[0] * kernel.scale / output.scale[0]
        _expect(bool((factors <= _MOST_FACTOR).all()), f"factors are below {_MOST_FACTOR:.0f}")


def _conv(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    _expect(len(inputs) == 3 and inputs[2] is not None, "it takes maps, kernel and bias")
    (_, height, width, channels), kernel = _maps(inputs[0]), inputs[1]
    _activated(options)
    if kernel is None or len(kernel.shape) != 4 or kernel.shape[3] != channels:
        raise DamagedFile("expected that its kernel has as many channels as its maps")
    made, rows, columns, _ = kernel.shape
    _kernel_and_bias(inputs, output, made, axis=0)
    dilation = options.dilationHFactor, options.dilationWFactor
    high = _side(height, rows, options.strideH, dilation[0], options.padding)
    wide = _side(width, columns, options.strideW, dilation[1], options.padding)
    unfolded = high * wide * rows * columns * channels
    _expect(unfolded <= _MOST_NUMBERS, f"it unfolds up to {_MOST_NUMBERS:,} numbers")
    return 1, high, wide, made


def _depthwise(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    _expect(len(inputs) == 3 and inputs[2] is not None, "it takes maps, kernel and bias")
    (_, height, width, channels), kernel = _maps(inputs[0]), inputs[1]
    _activated(options)
    if kernel is None or len(kernel.shape) != 4 or kernel.shape[0] != 1:
        raise DamagedFile("expected that its kernel is of one layer")
    _, rows, columns, made = kernel.shape
    _expect(made == channels * options.depthMultiplier, "its kernel has a layer for each channel")
    _kernel_and_bias(inputs, output, made, axis=3)
    dilation = options.dilationHFactor, options.dilationWFactor
    high = _side(height, rows, options.strideH, dilation[0], options.padding)
    wide = _side(width, columns, options.strideW, dilation[1], options.padding)
    return 1, high, wide, made


def _pool(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    _expect(len(inputs) == 1, "it takes maps")
    maps, height, width, channels = _maps(inputs[0])
    _activated(options)
    _same_steps(maps, output)
    high = _side(height, options.filterHeight, options.strideH, 1, options.padding)
    wide = _side(width, options.filterWidth, options.strideW, 1, options.padding)
    return 1, high, wide, channels


def _same_steps(one: Tensor, output: Tensor) -> None:
    """That an operator which only moves numbers leaves them as they are."""
    _expect(one.type == output.type, "input and output are of one type")
    if one.type != TensorType.INT8:
        return
    _check_steps(one, 1)
    _check_steps(output, 1)
    assert one.scale is not None and output.scale is not None
    assert one.zero is not None and output.zero is not None
    alike = one.scale[0] == output.scale[0] and one.zero[0] == output.zero[0]
    _expect(alike, "it keeps the steps of eight bits")


def _dense(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    _expect(len(inputs) in (2, 3), "it takes numbers, weights and bias")
    numbers, weights = inputs[:2]
    _activated(options)
    if not (numbers and weights and len(numbers.shape) == len(weights.shape) == 2):
        raise DamagedFile("expected that it multiplies a row with a matrix")
    _expect(numbers.shape[0] == 1 and not options.weightsFormat, "it takes one row, not shuffled")
    _expect(numbers.shape[1] == weights.shape[1], "row and matrix fit")
    _kernel_and_bias(inputs, output, weights.shape[0], axis=0)
    return 1, weights.shape[0]


def _elementwise(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    _expect(len(inputs) == 2, "it takes two tensors")
    one, other = inputs
    if one is None or other is None or len(one.shape) > 4 or len(other.shape) > 4:
        raise DamagedFile("expected that it takes two tensors of up to four sides")
    _activated(options)
    _expect(one.type == other.type == output.type != TensorType.INT32, "all are of one type")
    if one.type == TensorType.INT8:
        for tensor in (one, other, output):
            _check_steps(tensor, 1)
        scales = [float(t.scale[0]) for t in (one, other, output) if t.scale is not None]
        ratios = scales[0] / scales[2], scales[1] / scales[2], scales[0] * scales[1] / scales[2]
        _expect(all(1e-6 < ratio < _MOST_FACTOR for ratio in ratios), "its steps go together")
    try:
        return np.broadcast_shapes(one.shape, other.shape)
    except ValueError as error:
        raise DamagedFile(f"shapes {one.shape} and {other.shape} do not fit") from error


def _unary(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    (one,) = _present(inputs, 1)
    _expect(one.type == output.type != TensorType.INT32, "input and output are of one type")
    if one.type == TensorType.INT8:
        _check_steps(one, 1)
    return one.shape


def _rectified(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    (one,) = _present(inputs, 1)
    if one.type == TensorType.INT8:
        _same_steps(one, output)
    else:
        _expect(one.type == output.type == TensorType.FLOAT32, "it keeps the type")
    return one.shape


def _present(inputs: Sequence[Tensor | None], count: int) -> list[Tensor]:
    found = [one for one in inputs if one is not None]
    _expect(len(found) == len(inputs) == count, f"it takes {count} tensors")
    return found


def _quantize(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    (one,) = _present(inputs, 1)
    _expect((one.type, output.type) == (TensorType.FLOAT32, TensorType.INT8), "it rounds numbers")
    return one.shape


def _dequantize(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    (one,) = _present(inputs, 1)
    _expect((one.type, output.type) == (TensorType.INT8, TensorType.FLOAT32), "it scales numbers")
    _check_steps(one, 1)
    return one.shape


def _space_to_depth(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    (maps,) = _present(inputs, 1)
    _, height, width, channels = _maps(maps)
    block = options.blockSize
    _expect(1 < block <= 8 and not height % block and not width % block, "its blocks fit")
    _same_steps(maps, output)
    return 1, height // block, width // block, channels * block * block


def _whole_numbers(tensor: Tensor) -> np.ndarray:
    if tensor.type != TensorType.INT32 or tensor.values is None or tensor.size > 64:
        raise DamagedFile("expected that its places are constant whole numbers")
    return tensor.values


def _pad(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    maps, places = _present(inputs, 2)
    _maps(maps)
    wide = _whole_numbers(places)
    _expect(wide.shape == (4, 2) and not wide[0].any(), "it pads maps of one picture")
    _expect(bool(((wide >= 0) & (wide <= 256)).all()), "it pads with up to 256")
    _same_steps(maps, output)
    return tuple(int(n + more.sum()) for n, more in zip(maps.shape, wide, strict=True))


def _mean(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    maps, axes = _present(inputs, 2)
    _, height, width, channels = _maps(maps)
    _expect(sorted(_whole_numbers(axes).ravel().tolist()) == [1, 2], "it is over all places")
    _expect(maps.type == output.type, "input and output are of one type")
    if maps.type == TensorType.INT8:
        _check_steps(maps, 1)
        _check_steps(output, 1)
    return (1, 1, 1, channels) if options.keepDims else (1, channels)


def _reshape(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    (one, *places) = _present(inputs, len(inputs))
    _expect(len(places) == 1, "it takes numbers and their shape")
    wanted = _whole_numbers(places[0]).ravel()
    _expect(
        len(wanted) == len(output.shape)
        and output.shape[0] == one.shape[0] == 1
        and output.size == one.size
        and all(w in (n, -1) for w, n in zip(wanted, output.shape, strict=True))
        and int((wanted == -1).sum()) <= 1,
        "it keeps all numbers of one picture",
    )
    _same_steps(one, output)
    options.newShape = None  # the input says it
    return output.shape


def _concatenate(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    parts = _present(inputs, len(inputs))
    _activated(options)
    axis = options.axis + 4 if options.axis < 0 else options.axis
    _expect(len(parts) > 0 and 1 <= axis <= 3, "it joins maps of one picture")
    for part in parts:
        _maps(part)
        _same_steps(part, output)
        rests = (part.shape[:axis] + part.shape[axis + 1 :] for part in (part, parts[0]))
        _expect(len({*rests}) == 1, "its maps have the same sides")
    shape = list(parts[0].shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    return tuple(shape)


_OPERATORS: dict[int, tuple[str, Callable[[Any, Sequence[Tensor | None], Tensor], Shape]]] = {
    BuiltinOperator.CONV_2D: ("Conv2DOptions", _conv),
    BuiltinOperator.DEPTHWISE_CONV_2D: ("DepthwiseConv2DOptions", _depthwise),
    BuiltinOperator.FULLY_CONNECTED: ("FullyConnectedOptions", _dense),
    BuiltinOperator.ADD: ("AddOptions", _elementwise),
    BuiltinOperator.SUB: ("SubOptions", _elementwise),
    BuiltinOperator.MUL: ("MulOptions", _elementwise),
    BuiltinOperator.MAX_POOL_2D: ("Pool2DOptions", _pool),
    BuiltinOperator.AVERAGE_POOL_2D: ("Pool2DOptions", _pool),
    BuiltinOperator.MEAN: ("ReducerOptions", _mean),
    BuiltinOperator.RELU: ("", _rectified),
    BuiltinOperator.RELU6: ("", _rectified),
    BuiltinOperator.LOGISTIC: ("", _unary),
    BuiltinOperator.TANH: ("", _unary),
    BuiltinOperator.HARD_SWISH: ("HardSwishOptions", _unary),
    BuiltinOperator.PAD: ("PadOptions", _pad),
    BuiltinOperator.RESHAPE: ("ReshapeOptions", _reshape),
    BuiltinOperator.CONCATENATION: ("ConcatenationOptions", _concatenate),
    BuiltinOperator.SPACE_TO_DEPTH: ("SpaceToDepthOptions", _space_to_depth),
    BuiltinOperator.QUANTIZE: ("QuantizeOptions", _quantize),
    BuiltinOperator.DEQUANTIZE: ("DequantizeOptions", _dequantize),
}
