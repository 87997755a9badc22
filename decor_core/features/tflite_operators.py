"""Inputs that each operator of a TFLite network may have, and the shape of its output.

To allow another operator, add it to OPERATORS with a function that gives the shape of its output.
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

MAX_NUMBERS = 2**28  # of one tensor, and of what a convolution unfolds
_MAX_FACTOR = 255.0  # XNNPACK takes factors below 256
DTYPES = {
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
    """A tensor of a file; ``values`` [shape] where they are constant, else None.

    ``scale`` [k] and ``zero_point`` [k] quantize it along ``axis``, k is 1 or the channels; None
    where it is not quantized.
    """

    shape: Shape
    type: int
    values: np.ndarray | None
    scale: np.ndarray | None
    zero_point: np.ndarray | None
    axis: int

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.size * DTYPES[self.type].itemsize


def expect(fact: bool, expected: str) -> None:
    if not fact:
        raise DamagedFile(f"expected that {expected}")


def check_quantization(tensor: Tensor, count: int, axis: int = 0) -> None:
    """Check that a tensor of eight bits has one scale, or ``count`` of them along ``axis``."""
    scale, zero_point = tensor.scale, tensor.zero_point
    if scale is None or zero_point is None:
        raise DamagedFile("expected that tensors of eight bits have a scale")
    expect(len(scale) in (1, count), "there is one scale, or one for each channel")
    if len(scale) > 1:
        is_kernel = tensor.axis == axis and not zero_point.any()
        expect(is_kernel, "only kernels have a scale for each channel")
    fits = bool(((zero_point >= -128) & (zero_point <= 127)).all())
    expect(fits, "the zero point of eight bits is from -128 to 127")


def _activated(options: Any) -> None:
    expect(options.fusedActivationFunction in _ACTIVATIONS, "its activation is a known one")


def _maps(tensor: Tensor | None) -> tuple[Tensor, int, int, int]:
    if tensor is None or len(tensor.shape) != 4 or tensor.shape[0] != 1:
        raise DamagedFile("expected that it takes maps of one picture")
    expect(tensor.type != TensorType.INT32, "maps are of eight bits or single precision")
    return tensor, *tensor.shape[1:]


def _side(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    """The side of what a convolution or pool makes of maps of side ``size``."""
    fits = 1 <= stride <= 16 and 1 <= dilation <= 32 and 1 <= kernel <= 128
    expect(fits, "stride is from 1 to 16, dilation from 1 to 32, kernel from 1 to 128")
    reach = (kernel - 1) * dilation + 1
    expect(padding in (Padding.SAME, Padding.VALID), "it is padded in a known way")
    if padding == Padding.SAME:
        return math.ceil(size / stride)
    expect(reach <= size, "its kernel is inside of the maps")
    return (size - reach) // stride + 1


def _kernel_and_bias(
    inputs: Sequence[Tensor | None], output: Tensor, channels: int, axis: int
) -> None:
    """Check that constants of a convolution or product are of types and scales that fit."""
    maps, kernel, bias = (*inputs, None)[:3]
    assert maps and kernel
    expect(kernel.values is not None, "its kernel is constant")
    expect(maps.type == kernel.type == output.type, "inputs and output are of one type")
    eight_bits = maps.type == TensorType.INT8
    if bias:
        wanted = TensorType.INT32 if eight_bits else TensorType.FLOAT32
        fits = bias.type == wanted and bias.shape == (channels,) and bias.values is not None
        expect(fits, "its bias is one number for each channel")
    if eight_bits:
        check_quantization(maps, 1)
        check_quantization(kernel, channels, axis)
        check_quantization(output, 1)
        assert maps.scale is not None and kernel.scale is not None and output.scale is not None
        zero_point = kernel.zero_point
        expect(zero_point is not None and not zero_point.any(), "the zero point of kernels is 0")
        factors = maps.scale[0] * kernel.scale / output.scale[0]
        expect(bool((factors <= _MAX_FACTOR).all()), f"factors are below {_MAX_FACTOR:.0f}")


def _conv(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    expect(len(inputs) == 3 and inputs[2] is not None, "it takes maps, kernel and bias")
    (_, height, width, channels), kernel = _maps(inputs[0]), inputs[1]
    _activated(options)
    if kernel is None or len(kernel.shape) != 4 or channels % kernel.shape[3]:
        raise DamagedFile("expected that its kernel has as many channels as its maps")
    made, rows, columns, taken = kernel.shape
    if taken != channels:  # as each group of channels is convolved alone
        expect(made % (channels // taken) == 0, "its groups of channels are of one size")
        expect(kernel.type == TensorType.FLOAT32, "groups are of single precision")
    _kernel_and_bias(inputs, output, made, axis=0)
    dilation = options.dilationHFactor, options.dilationWFactor
    high = _side(height, rows, options.strideH, dilation[0], options.padding)
    wide = _side(width, columns, options.strideW, dilation[1], options.padding)
    unfolded = high * wide * rows * columns * channels
    expect(unfolded <= MAX_NUMBERS, f"it unfolds up to {MAX_NUMBERS:,} numbers")
    return 1, high, wide, made


def _depthwise(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    expect(len(inputs) == 3 and inputs[2] is not None, "it takes maps, kernel and bias")
    (_, height, width, channels), kernel = _maps(inputs[0]), inputs[1]
    _activated(options)
    if kernel is None or len(kernel.shape) != 4 or kernel.shape[0] != 1:
        raise DamagedFile("expected that its kernel is of one layer")
    _, rows, columns, made = kernel.shape
    expect(made == channels * options.depthMultiplier, "its kernel has a layer for each channel")
    _kernel_and_bias(inputs, output, made, axis=3)
    dilation = options.dilationHFactor, options.dilationWFactor
    high = _side(height, rows, options.strideH, dilation[0], options.padding)
    wide = _side(width, columns, options.strideW, dilation[1], options.padding)
    return 1, high, wide, made


def _pool(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    expect(len(inputs) == 1, "it takes maps")
    maps, height, width, channels = _maps(inputs[0])
    _activated(options)
    _same_quantization(maps, output)
    high = _side(height, options.filterHeight, options.strideH, 1, options.padding)
    wide = _side(width, options.filterWidth, options.strideW, 1, options.padding)
    return 1, high, wide, channels


def _same_quantization(one: Tensor, output: Tensor) -> None:
    """Check that an operator which only moves numbers leaves them as they are."""
    expect(one.type == output.type, "input and output are of one type")
    if one.type != TensorType.INT8:
        return
    check_quantization(one, 1)
    check_quantization(output, 1)
    assert one.scale is not None and output.scale is not None
    assert one.zero_point is not None and output.zero_point is not None
    alike = one.scale[0] == output.scale[0] and one.zero_point[0] == output.zero_point[0]
    expect(alike, "it keeps scale and zero point")


def _dense(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    expect(len(inputs) in (2, 3), "it takes numbers, weights and bias")
    numbers, weights = inputs[:2]
    _activated(options)
    if not (numbers and weights and len(numbers.shape) in (2, 4) and len(weights.shape) == 2):
        raise DamagedFile("expected that it multiplies a row, or maps, with a matrix")
    expect(numbers.shape[0] == 1 and not options.weightsFormat, "it takes one row, not shuffled")
    expect(len(numbers.shape) == 2 or options.keepNumDims, "of maps it makes maps")
    expect(numbers.shape[-1] == weights.shape[1], "row and matrix fit")
    _kernel_and_bias(inputs, output, weights.shape[0], axis=0)
    return *numbers.shape[:-1], weights.shape[0]


def _elementwise(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    expect(len(inputs) == 2, "it takes two tensors")
    one, other = inputs
    if one is None or other is None or len(one.shape) > 4 or len(other.shape) > 4:
        raise DamagedFile("expected that it takes two tensors of up to four sides")
    if hasattr(options, "fusedActivationFunction"):  # SQUARED_DIFFERENCE has none
        _activated(options)
    expect(one.type == other.type == output.type != TensorType.INT32, "all are of one type")
    if one.type == TensorType.INT8:
        for tensor in (one, other, output):
            check_quantization(tensor, 1)
        scales = [float(t.scale[0]) for t in (one, other, output) if t.scale is not None]
        ratios = scales[0] / scales[2], scales[1] / scales[2], scales[0] * scales[1] / scales[2]
        expect(all(1e-6 < ratio < _MAX_FACTOR for ratio in ratios), "its scales go together")
    try:
        return np.broadcast_shapes(one.shape, other.shape)
    except ValueError as error:
        raise DamagedFile(f"shapes {one.shape} and {other.shape} do not fit") from error


def _unary(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    (one,) = _present(inputs, 1)
    expect(one.type == output.type != TensorType.INT32, "input and output are of one type")
    if one.type == TensorType.INT8:
        check_quantization(one, 1)
    return one.shape


def _unary_float(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    (one,) = _present(inputs, 1)
    expect(one.type == output.type == TensorType.FLOAT32, "it takes single precision")
    return one.shape


def _squared_difference(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    expect(output.type == TensorType.FLOAT32, "it takes single precision")
    return _elementwise(options, inputs, output)


def _rectified(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    (one,) = _present(inputs, 1)
    if one.type == TensorType.INT8:
        _same_quantization(one, output)
    else:
        expect(one.type == output.type == TensorType.FLOAT32, "it keeps the type")
    return one.shape


def _present(inputs: Sequence[Tensor | None], count: int) -> list[Tensor]:
    found = [one for one in inputs if one is not None]
    expect(len(found) == len(inputs) == count, f"it takes {count} tensors")
    return found


def _quantize(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    (one,) = _present(inputs, 1)
    expect((one.type, output.type) == (TensorType.FLOAT32, TensorType.INT8), "it rounds numbers")
    return one.shape


def _dequantize(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    (one,) = _present(inputs, 1)
    expect((one.type, output.type) == (TensorType.INT8, TensorType.FLOAT32), "it scales numbers")
    check_quantization(one, 1)
    return one.shape


def _space_to_depth(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    (maps,) = _present(inputs, 1)
    _, height, width, channels = _maps(maps)
    block = options.blockSize
    expect(1 < block <= 8 and not height % block and not width % block, "its blocks fit")
    _same_quantization(maps, output)
    return 1, height // block, width // block, channels * block * block


def _whole_numbers(tensor: Tensor) -> np.ndarray:
    if tensor.type != TensorType.INT32 or tensor.values is None or tensor.size > 64:
        raise DamagedFile("expected that its places are constant whole numbers")
    return tensor.values


def _pad(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    maps, places = _present(inputs, 2)
    _maps(maps)
    wide = _whole_numbers(places)
    expect(wide.shape == (4, 2) and not wide[0].any(), "it pads maps of one picture")
    expect(bool(((wide >= 0) & (wide <= 256)).all()), "it pads with up to 256")
    _same_quantization(maps, output)
    return tuple(int(n + more.sum()) for n, more in zip(maps.shape, wide, strict=True))


def _cropped(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    """STRIDED_SLICE that cuts off the sides of maps, one step at a time."""
    maps, *places = _present(inputs, 4)
    _maps(maps)
    begin, end, strides = (_whole_numbers(one).ravel().tolist() for one in places)
    expect(len(begin) == len(end) == 4 and strides == [1] * 4, "it cuts maps with a stride of 1")
    plain = not (options.ellipsisMask or options.newAxisMask or options.shrinkAxisMask)
    expect(plain and not options.offset, "it keeps all sides")
    shape = []
    for axis, size in enumerate(maps.shape):
        low = 0 if options.beginMask >> axis & 1 else begin[axis]
        high = size if options.endMask >> axis & 1 else end[axis]
        high += size if high < 0 else 0
        expect(0 <= low < high <= size, "its places are inside of the maps")
        shape.append(high - low)
    expect(shape[0] == 1, "it keeps the picture")
    _same_quantization(maps, output)
    return tuple(shape)


def _mean(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    maps, axes = _present(inputs, 2)
    _, height, width, channels = _maps(maps)
    over = _whole_numbers(axes).ravel().tolist()
    expect(maps.type == output.type, "input and output are of one type")
    if over in ([3], [-1]) and options.keepDims:  # as layers are normalized
        expect(maps.type == TensorType.FLOAT32, "it takes single precision")
        return 1, height, width, 1
    expect(sorted(over) == [1, 2], "it is over all places, or over channels")
    if maps.type == TensorType.INT8:
        check_quantization(maps, 1)
        check_quantization(output, 1)
    return (1, 1, 1, channels) if options.keepDims else (1, channels)


def _reshape(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    (one, *places) = _present(inputs, len(inputs))
    expect(len(places) == 1, "it takes numbers and their shape")
    wanted = _whole_numbers(places[0]).ravel()
    expect(
        len(wanted) == len(output.shape)
        and output.shape[0] == one.shape[0] == 1
        and output.size == one.size
        and all(w in (n, -1) for w, n in zip(wanted, output.shape, strict=True))
        and int((wanted == -1).sum()) <= 1,
        "it keeps all numbers of one picture",
    )
    _same_quantization(one, output)
    options.newShape = None  # the input says it
    return output.shape


def _concatenate(options: Any, inputs: Sequence[Tensor | None], output: Tensor) -> Shape:
    parts = _present(inputs, len(inputs))
    _activated(options)
    axis = options.axis + 4 if options.axis < 0 else options.axis
    expect(len(parts) > 0 and 1 <= axis <= 3, "it joins maps of one picture")
    for part in parts:
        _maps(part)
        _same_quantization(part, output)
        rests = (part.shape[:axis] + part.shape[axis + 1 :] for part in (part, parts[0]))
        expect(len({*rests}) == 1, "its maps have the same sides")
    shape = list(parts[0].shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    return tuple(shape)


OPERATORS: dict[int, tuple[str, Callable[[Any, Sequence[Tensor | None], Tensor], Shape]]] = {
    BuiltinOperator.CONV_2D: ("Conv2DOptions", _conv),
    BuiltinOperator.DEPTHWISE_CONV_2D: ("DepthwiseConv2DOptions", _depthwise),
    BuiltinOperator.FULLY_CONNECTED: ("FullyConnectedOptions", _dense),
    BuiltinOperator.ADD: ("AddOptions", _elementwise),
    BuiltinOperator.SUB: ("SubOptions", _elementwise),
    BuiltinOperator.MUL: ("MulOptions", _elementwise),
    BuiltinOperator.SQUARED_DIFFERENCE: ("SquaredDifferenceOptions", _squared_difference),
    BuiltinOperator.MAX_POOL_2D: ("Pool2DOptions", _pool),
    BuiltinOperator.AVERAGE_POOL_2D: ("Pool2DOptions", _pool),
    BuiltinOperator.MEAN: ("ReducerOptions", _mean),
    BuiltinOperator.RELU: ("", _rectified),
    BuiltinOperator.RELU6: ("", _rectified),
    BuiltinOperator.LOGISTIC: ("", _unary),
    BuiltinOperator.TANH: ("", _unary),
    BuiltinOperator.HARD_SWISH: ("HardSwishOptions", _unary),
    BuiltinOperator.GELU: ("GeluOptions", _unary_float),
    BuiltinOperator.NEG: ("NegOptions", _unary_float),
    BuiltinOperator.RSQRT: ("", _unary_float),
    BuiltinOperator.PAD: ("PadOptions", _pad),
    BuiltinOperator.STRIDED_SLICE: ("StridedSliceOptions", _cropped),
    BuiltinOperator.RESHAPE: ("ReshapeOptions", _reshape),
    BuiltinOperator.CONCATENATION: ("ConcatenationOptions", _concatenate),
    BuiltinOperator.SPACE_TO_DEPTH: ("SpaceToDepthOptions", _space_to_depth),
    BuiltinOperator.QUANTIZE: ("QuantizeOptions", _quantize),
    BuiltinOperator.DEQUANTIZE: ("DequantizeOptions", _dequantize),
}
