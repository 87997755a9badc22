"""Checks that a TFLite file from somebody else is a network of stage maps and safe to run.

Every operator is one of a few; shapes, types and scales of all tensors follow from its inputs; all
numbers are there; time and memory are bounded. What each operator may be, ``tflite_operators``.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.schema_py_generated import BuiltinOperator, TensorType

from decor_core.errors import DamagedFile
from decor_core.features.tflite_operators import (
    DTYPES,
    MAX_NUMBERS,
    OPERATORS,
    Tensor,
    check_quantization,
    expect,
)
from decor_core.features.tflite_sanitizer import (
    MAX_CHANNELS,
    operator_name,
    read_parts,
    write_parts,
)

MAX_BYTES = 256 * 2**20
MAX_MEMORY = 128 * 2**20  # bytes of the maps that are in memory at one time, for one picture
MAX_PRODUCTS = 50e9  # multiplications of one picture: EfficientNetB7 has 37e9
_MAX_STAGES = 32
_MIN_SCALE, _MAX_SCALE = 1e-12, 1e6


class CheckedNetwork(NamedTuple):
    """A file that may be run, written anew.

    It ``takes_batches`` where each of its operators treats several pictures as it treats one.
    """

    content: bytes
    takes_batches: bool


def checked_network(content: bytes, side: int) -> CheckedNetwork:
    """The file, written anew, of a network that takes one picture of ``side`` pixels.

    DamagedFile says why it is refused.
    """
    if len(content) > MAX_BYTES:
        raise DamagedFile(
            f"it has {len(content) / 2**20:.0f} MiB, more than {MAX_BYTES // 2**20} MiB"
        )
    model = read_parts(content, {code: options for code, (options, _) in OPERATORS.items()})
    (graph,) = model.subgraphs
    tensors = [_tensor(one, model.buffers) for one in graph.tensors]
    expect(len(graph.inputs) == 1, "it takes one input")
    start = _index(graph.inputs[0], tensors)
    expect(
        tensors[start].shape == (1, side, side, 3)
        and tensors[start].type != TensorType.INT32
        and tensors[start].values is None,
        f"its input is one picture of {side} × {side} pixels",
    )
    products, lives = _check_operators(model, tensors, start)
    expect(products <= MAX_PRODUCTS, f"it multiplies up to {MAX_PRODUCTS:.0e} times a picture")
    _check_stages(graph.outputs, tensors, {output for _, output in lives}, side)
    memory = _memory(lives, tensors, graph.outputs, start)
    if memory > MAX_MEMORY:
        raise DamagedFile(
            f"its maps take {memory / 2**20:.0f} MiB of memory, more than {MAX_MEMORY // 2**20}"
        )
    takes_batches = all(len(tensors[output].shape) == 4 for _, output in lives) and not any(
        code.builtinCode in (BuiltinOperator.RESHAPE, BuiltinOperator.STRIDED_SLICE)
        for code in model.operatorCodes
    )
    return CheckedNetwork(write_parts(model), takes_batches)


def _check_operators(
    model: Any, tensors: Sequence[Tensor], start: int
) -> tuple[int, list[tuple[list[int], int]]]:
    """Number of multiplications, and the inputs and the output of each operator, in order.

    ``start`` is the tensor of the picture. What each gives must be as OPERATORS says.
    """
    (graph,) = model.subgraphs
    known = {start} | {i for i, one in enumerate(tensors) if one.values is not None}
    products, lives = 0, []
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        inputs = [_index(i, tensors) if i != -1 else None for i in operator.inputs]
        expect(len(operator.outputs) == 1, f"{operator_name(code)} gives one tensor")
        output = _index(operator.outputs[0], tensors)
        expect(all(i is None or i in known for i in inputs), "its operators are in order")
        expect(output not in known, "each of its tensors is made once")
        given = [tensors[i] if i is not None else None for i in inputs]
        try:
            shape = OPERATORS[code][1](operator.builtinOptions, given, tensors[output])
        except DamagedFile as error:
            raise DamagedFile(f"{operator_name(code)}: {error}") from error
        made = tensors[output]
        expect(
            made.shape == tuple(shape),
            f"the output of {operator_name(code)} is of shape {tuple(shape)}, not {made.shape}",
        )
        if made.type == TensorType.INT8:
            check_quantization(made, 1)
        products += _products(code, given, made)
        known.add(output)
        lives.append(([i for i in inputs if i is not None], output))
    return products, lives


def _index(index: int, tensors: Sequence[Tensor]) -> int:
    expect(0 <= index < len(tensors), "its operators name tensors that there are")
    return int(index)


def _tensor(part: Any, buffers: Sequence[Any]) -> Tensor:
    shape = tuple(map(int, part.shape))
    expect(all(0 < n < MAX_NUMBERS for n in shape), "tensors have sides of 1 or more")
    expect(math.prod(shape) <= MAX_NUMBERS, f"tensors have up to {MAX_NUMBERS:,} numbers")
    expect(part.type in DTYPES, "tensors are of single precision or of 8 or 32 bits")
    expect(0 <= part.buffer < len(buffers), "tensors name buffers that there are")
    data, values = buffers[part.buffer].data, None
    dtype = DTYPES[part.type]
    if data is not None:
        expect(len(data) == math.prod(shape) * dtype.itemsize, "constants have all their numbers")
        values = np.frombuffer(data.tobytes(), dtype).reshape(shape)
    quantization = part.quantization
    if quantization is None:
        return Tensor(shape, part.type, values, None, None, 0)
    scale = np.asarray(quantization.scale, np.float64)
    expect(
        part.type != TensorType.FLOAT32
        and len(quantization.zeroPoint) == len(scale)
        and bool(np.isfinite(scale).all())
        and scale.min() >= _MIN_SCALE
        and scale.max() <= _MAX_SCALE,
        "tensors of whole numbers have scales that are positive",
    )
    return Tensor(
        shape,
        part.type,
        values,
        scale,
        quantization.zeroPoint,
        int(quantization.quantizedDimension),
    )


def _check_stages(
    outputs: Sequence[int], tensors: Sequence[Tensor], made: set[int], side: int
) -> None:
    expect(0 < len(outputs) <= _MAX_STAGES, f"it gives 1 to {_MAX_STAGES} maps")
    expect(len({int(index) for index in outputs}) == len(outputs), "its maps differ")
    for index in outputs:
        _index(index, tensors)
        tensor = tensors[index]
        expect(
            index in made
            and tensor.type == TensorType.FLOAT32
            and len(tensor.shape) == 4
            and tensor.shape[1] == tensor.shape[2] <= side
            and tensor.shape[3] <= MAX_CHANNELS,
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
