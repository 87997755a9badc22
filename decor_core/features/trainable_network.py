"""The network of a TFLite file with its weights as variables, to be trained on; TensorFlow.

Weights of eight bits become the numbers that they stand for, and maps are not rounded: so it sees
what the file sees, up to its rounding.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert.schema_py_generated import ActivationFunctionType, BuiltinOperator, Padding

from decor_core.errors import BackboneError
from decor_core.features.backbones import by_resolution
from decor_core.features.tflite_reader import FileTensor, read_model, read_tensor
from decor_core.features.tflite_sanitizer import operator_name

_ROUNDING = BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE


@dataclass(frozen=True)
class _Layer:
    """One operator: its code and options, the maps that it takes and gives, its constants."""

    code: int
    options: Any
    inputs: tuple[int, ...]
    output: int
    constants: tuple[Any, ...]


class TrainableNetwork(tf.Module):
    """Pixels [n, side, side, 3], as the network takes them, → its stage maps.

    Only the last ``stages`` have variables; what comes before them is constant. BackboneError
    where the file holds an operation that is not known here, or has no more than so many stages.
    """

    def __init__(self, content: bytes, stages: int) -> None:
        super().__init__()
        model = read_model(content)
        (graph,) = model.subgraphs
        (self._input,) = map(int, graph.inputs)
        tensors = [read_tensor(model, tensor) for tensor in graph.tensors]
        self._same: dict[int, int] = {}  # maps that differ by rounding only
        self._operators: list[_Layer] = []
        outputs = sorted(graph.outputs, key=lambda one: by_resolution(graph.tensors[one].shape))
        if not 0 < stages < len(outputs):
            raise BackboneError(
                f"This network has {len(outputs)} stages, of which 1 to {len(outputs) - 1} can be "
                f"trained, not {stages}."
            )
        for operator in graph.operators:
            self._add(model, operator, tensors)
        self._ends = [self._unrounded(int(output)) for output in outputs]
        self.shapes = [tuple(map(int, graph.tensors[end].shape[1:])) for end in self._ends]
        self.first_trained = len(outputs) - stages
        late = self._needed(self._ends[self.first_trained :], [self._ends[self.first_trained - 1]])
        # By text: TensorFlow saves no other names.
        self._weights = {
            str(one.output): [_variable(values) for values in one.constants]
            for one in late
            if one.code in (BuiltinOperator.CONV_2D, BuiltinOperator.DEPTHWISE_CONV_2D)
        }

    def __call__(self, pixels: Any) -> list[Any]:
        """The maps [n, h, w, c] of all stages."""
        return self._run({self._input: pixels}, self._ends)

    def late_maps(self, maps: Any) -> list[Any]:
        """The maps of the trained stages, for those of the stage before them."""
        first = self.first_trained
        return self._run({self._ends[first - 1]: maps}, self._ends[first:])

    def _unrounded(self, index: int) -> int:
        """The map that another differs from by rounding only; else that one itself."""
        return self._same.get(index, index)

    def _add(self, model: Any, operator: Any, tensors: Sequence[FileTensor]) -> None:
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        indices, (output,) = [int(index) for index in operator.inputs], map(int, operator.outputs)
        if code in _ROUNDING:
            self._same[output] = self._unrounded(indices[0])
            return
        maps = tuple(self._unrounded(index) for index in indices if tensors[index].values is None)
        constants = tuple(tensors[index] for index in indices if tensors[index].values is not None)
        if code in (BuiltinOperator.CONV_2D, BuiltinOperator.DEPTHWISE_CONV_2D):
            parts: tuple[Any, ...] = _kernel_and_bias(code, tensors[indices[0]], constants)
        else:
            parts = tuple(tensor.values for tensor in constants)
        self._operators.append(_Layer(code, operator.builtinOptions, maps, output, parts))

    def _needed(self, wanted: Iterable[int], given: Iterable[int]) -> list[_Layer]:
        """The operators that lead to the maps that are wanted from those that are given."""
        missing, found = set(wanted) - set(given), []
        for operator in reversed(self._operators):
            if operator.output in missing:
                found.append(operator)
                missing |= set(operator.inputs) - set(given)
                missing.remove(operator.output)
        if missing:
            raise BackboneError(
                "The last stages of this network take more than the maps of the stage before "
                "them; train more or fewer stages."
            )
        return found[::-1]

    def _run(self, given: dict[int, Any], wanted: Sequence[int]) -> list[Any]:
        maps = dict(given)
        for one in self._needed(wanted, given):
            weights = self._weights.get(str(one.output), one.constants)
            maps[one.output] = _apply(one, [maps[index] for index in one.inputs], weights)
        return [maps[index] for index in wanted]


def _variable(values: Any) -> Any:  # TensorFlow's stubs know no arrays where tensors may be
    return tf.Variable(values, dtype=tf.float32)


def _kernel_and_bias(
    code: int, inputs: FileTensor, constants: Sequence[FileTensor]
) -> tuple[np.ndarray, np.ndarray]:
    """As TensorFlow wants them: kernel [h, w, in, out] or, of a depthwise one, [h, w, c, 1].

    In the file the bias counts in steps of kernel times input.
    """
    kernel, bias = constants
    values, offsets = kernel.values.astype(np.float32), bias.values.astype(np.float32)
    if kernel.scale is not None:
        each = (-1, 1, 1, 1) if code == BuiltinOperator.CONV_2D else (1, 1, 1, -1)
        values = values * kernel.scale.reshape(each)
        offsets = offsets * (inputs.scale * kernel.scale)
    return values.transpose(1, 2, 3, 0), offsets


def _apply(operator: _Layer, maps: list[Any], constants: Sequence[Any]) -> Any:
    options, code = operator.options, operator.code
    match code:
        case BuiltinOperator.PAD:
            return tf.pad(maps[0], constants[0])
        case BuiltinOperator.SPACE_TO_DEPTH:
            return tf.nn.space_to_depth(maps[0], options.blockSize)
        case BuiltinOperator.ADD:
            first, second = [*maps, *constants]
            found = first + second
        case BuiltinOperator.CONV_2D | BuiltinOperator.DEPTHWISE_CONV_2D:
            padding = "SAME" if options.padding == Padding.SAME else "VALID"
            convolve = tf.nn.conv2d if code == BuiltinOperator.CONV_2D else tf.nn.depthwise_conv2d
            strides = (1, options.strideH, options.strideW, 1)
            dilations = options.dilationHFactor, options.dilationWFactor
            found = convolve(maps[0], constants[0], strides, padding, dilations=dilations)
            found = tf.nn.bias_add(found, constants[1])
        case _:
            raise BackboneError(
                f"The network holds the operator {operator_name(code)}, which cannot be trained."
            )
    match options.fusedActivationFunction:
        case ActivationFunctionType.NONE:
            return found
        case ActivationFunctionType.RELU:
            return tf.nn.relu(found)
        case ActivationFunctionType.RELU6:
            return tf.nn.relu6(found)
    raise BackboneError("The network holds an activation that cannot be trained.")
