"""The TFLite file of any convolutional network → one that gives the maps at the end of each stage.

A stage is what lies between two changes of resolution; its end is the last tensor there that all of
what follows depends on. What comes after the last stage, as a classifier, is left out.
"""

import math
import struct
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from decor_core.errors import DamagedFile

# Maps that are larger than a quarter of the picture hardly tell more than edges.
_LARGEST_MAP = 0.36
_MERGING = {schema.BuiltinOperator.CONCATENATION, schema.BuiltinOperator.ADD}
_NO_END = {schema.BuiltinOperator.PAD, schema.BuiltinOperator.PADV2}
_FLOAT, _INT8 = schema.TensorType.FLOAT32, schema.TensorType.INT8


def read_network(content: bytes) -> tuple[Any, Any]:
    """The objects of a TFLite file with one graph of one input: model and graph, of its schema.

    DamagedFile where it is none.
    """
    if content[4:8] != b"TFL3":
        raise DamagedFile("it is no TFLite file")
    try:
        model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
        graphs = model.subgraphs
        if not graphs or len(graphs) != 1 or len(graphs[0].inputs) != 1:
            raise DamagedFile("it has several graphs or inputs; expected one of each")
        return model, graphs[0]
    except (AttributeError, IndexError, TypeError, ValueError, struct.error) as error:
        raise DamagedFile(f"its parts point outside of the file ({error})") from error


def with_stage_maps(content: bytes) -> bytes:
    """The file whose outputs are the stages of the network in ``content``.

    As it is if it gives several maps already. DamagedFile where there are no stages: where no map
    [1, n, n, channels] of it is what all the rest depends on.
    """
    model, graph = read_network(content)
    given = [graph.tensors[i] for i in graph.outputs]
    if len(given) > 1 and all(len(one.shape) == 4 and one.type == _FLOAT for one in given):
        return content
    side = int(graph.tensors[graph.inputs[0]].shape[1])
    stages = _stages(model, graph, side)
    if not stages:
        shapes = " and ".join(str(tuple(map(int, one.shape))) for one in given)
        raise DamagedFile(
            f"its output is of shape {shapes}, and nothing before it are maps of a stage; expected "
            "a convolutional network"
        )
    graph.outputs = [_in_single_precision(model, graph, index) for index in stages]
    _leave_out_the_rest(model, graph)
    model.signatureDefs = model.metadata = graph.name = None
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _stages(model: Any, graph: Any, side: int) -> list[int]:
    """The tensor at the end of each stage, the first stage first."""
    operators = _between(graph)
    made_at = {int(graph.inputs[0]): 0}
    made_at |= {int(o.outputs[0]): at for at, o in enumerate(operators, 1)}
    wanted_until = dict.fromkeys(made_at, len(operators) + 1)
    wanted_until |= {int(i): at for at, o in enumerate(operators, 1) for i in o.inputs
                     if int(i) in made_at}  # fmt: skip
    ends: dict[int, int] = {}
    merged: dict[int, int] = {}
    reach = wanted_until[int(graph.inputs[0])]
    for at, operator in enumerate(operators, 1):
        index = int(operator.outputs[0])
        shape = [int(n) for n in graph.tensors[index].shape]
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        is_map = len(shape) == 4 and shape[1] == shape[2] > 1 and shape[1] <= _LARGEST_MAP * side
        if is_map and code not in _NO_END:
            level = round(math.log2(side / shape[1]))
            if reach <= at:  # nothing that was made before is wanted later
                ends[level] = index
            elif code in _MERGING:
                merged[level] = index
        reach = max(reach, wanted_until[index])
    # Where cells look at the two before them (NASNet) there is no such tensor: the last join of
    # branches stands for it.
    found = merged | ends
    return [found[level] for level in sorted(found)]


def _between(graph: Any) -> list[Any]:
    """The operators between input and outputs, in order."""
    reached, after = {int(graph.inputs[0])}, []
    for operator in graph.operators:
        if reached & set(map(int, operator.inputs)):
            reached |= set(map(int, operator.outputs))
            after.append(operator)
    wanted = set(map(int, graph.outputs))
    between = []
    for operator in reversed(after):
        if wanted & set(map(int, operator.outputs)):
            wanted |= set(map(int, operator.inputs))
            between.append(operator)
    return between[::-1]


def _in_single_precision(model: Any, graph: Any, index: int) -> int:
    """The tensor, or where it is of eight bits a new one with its numbers."""
    tensor = graph.tensors[index]
    if tensor.type == _FLOAT:
        return index
    if tensor.type != _INT8:
        raise DamagedFile("its maps are neither of single precision nor of eight bits with sign")
    made: Any = schema.TensorT()
    made.shape, made.type, made.hasRank = tensor.shape, _FLOAT, True
    made.buffer = 0  # the empty one, by the schema
    graph.tensors.append(made)
    add_operator(model, graph, "DEQUANTIZE", [index], len(graph.tensors) - 1)
    return len(graph.tensors) - 1


def add_operator(
    model: Any, graph: Any, name: str, inputs: list[int], output: int, version: int = 2
) -> None:
    """Add an operator without options at the end of the graph."""
    code: Any = schema.OperatorCodeT()
    number = getattr(schema.BuiltinOperator, name)
    code.builtinCode, code.deprecatedBuiltinCode, code.version = number, number, version
    model.operatorCodes.append(code)
    operator: Any = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs = np.array(inputs, np.int32)
    operator.outputs = np.array([output], np.int32)
    graph.operators.append(operator)


def _leave_out_the_rest(model: Any, graph: Any) -> None:
    """Operators that no stage depends on, and the numbers of tensors that none of the rest has."""
    wanted, kept = set(map(int, graph.outputs)), []
    for operator in reversed(graph.operators):
        if wanted & set(map(int, operator.outputs)):
            wanted |= set(map(int, operator.inputs))
            kept.append(operator)
    graph.operators = kept[::-1]
    held = {graph.tensors[i].buffer for i in wanted if i >= 0}
    for place, buffer in enumerate(model.buffers):
        if place not in held:
            buffer.data = None
