"""A TFLite file that came from somebody else, read part by part and written anew.

LiteRT is C++ and takes a file at its word. So it gets none that came with a model, but one that
is written from what was read here: whatever else is in the file stays behind, and no offset in
it leads anywhere. What the parts mean is checked by ``tflite_check``.
"""

import struct
from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from decor_core.errors import DamagedFile

_MAX_PARTS = 10_000  # tensors, operators, buffers: NASNetLarge has 2,000 operators
_MAX_INPUTS, _MAX_RANK = 64, 6
MAX_CHANNELS = 65_536
_SCHEMA_VERSION = 3


def read_parts(content: bytes, options: dict[int, str]) -> Any:
    """A ``ModelT`` of the schema with one subgraph: tensors, operators, buffers.

    ``options`` names for the operators that may be in it the table of their options. DamagedFile
    where the file is none, or holds more than such a network.
    """
    if content[4:8] != b"TFL3":
        raise DamagedFile("it is no TFLite file")
    try:
        return _model(schema.Model.GetRootAsModel(content, 0), len(content), options)
    except (
        AttributeError,  # a table where there is none
        IndexError,
        OverflowError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        raise DamagedFile(f"its parts point outside of the file ({error})") from error


def _model(root: Any, size: int, options: dict[int, str]) -> Any:
    graphs = root.SubgraphsLength()
    if root.Version() != _SCHEMA_VERSION or graphs != 1:
        raise DamagedFile(f"it is of version {root.Version()} with {graphs} graphs, not 3 with 1")
    model: Any = schema.ModelT()
    model.version = _SCHEMA_VERSION
    graph = root.Subgraphs(0)
    codes = _all(root.OperatorCodesLength(), root.OperatorCodes, _code)
    model.operatorCodes = codes
    model.buffers = _all(root.BuffersLength(), root.Buffers, _Buffer.read)
    if sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None) > size:
        raise DamagedFile("its numbers are more than the file")
    made: Any = schema.SubGraphT()
    made.tensors = _all(graph.TensorsLength(), graph.Tensors, _tensor)
    made.operators = _all(
        graph.OperatorsLength(), graph.Operators, lambda one: _operator(one, codes, options)
    )
    made.inputs = _numbers(graph.InputsLength(), graph.InputsAsNumpy, _MAX_INPUTS)
    made.outputs = _numbers(graph.OutputsLength(), graph.OutputsAsNumpy, _MAX_INPUTS)
    model.subgraphs = [made]
    return model


def _all(count: int, part: Callable[[int], Any], read: Callable[[Any], Any]) -> list[Any]:
    if count > _MAX_PARTS:
        raise DamagedFile(f"it has {count:,} parts of a kind, more than {_MAX_PARTS:,}")
    return [read(part(i)) for i in range(count)]


def _numbers(count: int, read: Callable[[], Any], most: int) -> np.ndarray:
    """A vector of the file; the schema's readers give 0 where there is none."""
    if count > most:
        raise DamagedFile(f"it has a list of {count:,} numbers where {most:,} are the most")
    return np.array(read()) if count else np.array([], np.int32)


def _code(part: Any) -> Any:
    code: Any = schema.OperatorCodeT()
    number = max(part.BuiltinCode(), part.DeprecatedBuiltinCode())
    code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
    code.version = part.Version()
    return code


class _Buffer(schema.BufferT):
    """A buffer whose numbers begin at a multiple of 16 bytes, as the schema wants them."""

    @classmethod
    def read(cls, part: Any) -> "_Buffer":
        if part.Offset() or part.Size():
            raise DamagedFile("its numbers are outside of its tables")
        made = cls()
        if part.DataLength():
            made.data = part.DataAsNumpy()
        return made

    def Pack(self, builder: Any) -> Any:
        if self.data is not None:
            builder.Prep(16, len(self.data))
        return super().Pack(builder)


def _tensor(part: Any) -> Any:
    if part.IsVariable() or part.Sparsity() or part.ExternalBuffer():
        raise DamagedFile("it has a tensor that is variable, sparse or elsewhere")
    tensor: Any = schema.TensorT()
    tensor.shape = _numbers(part.ShapeLength(), part.ShapeAsNumpy, _MAX_RANK)
    tensor.type, tensor.buffer, tensor.hasRank = part.Type(), part.Buffer(), True
    quantization = part.Quantization()
    if quantization is not None and quantization.ScaleLength():
        made: Any = schema.QuantizationParametersT()
        made.scale = _numbers(quantization.ScaleLength(), quantization.ScaleAsNumpy, MAX_CHANNELS)
        made.zeroPoint = _numbers(
            quantization.ZeroPointLength(), quantization.ZeroPointAsNumpy, MAX_CHANNELS
        )
        made.quantizedDimension = quantization.QuantizedDimension()
        tensor.quantization = made
    return tensor


def _operator(part: Any, codes: list[Any], options: dict[int, str]) -> Any:
    number = part.OpcodeIndex()
    if number >= len(codes):
        raise DamagedFile("an operator is of no kind")
    code = codes[number].builtinCode
    if code not in options:
        raise DamagedFile(f"it holds the operator {operator_name(code)}, which is not allowed")
    operator: Any = schema.OperatorT()
    operator.opcodeIndex = number
    operator.inputs = _numbers(part.InputsLength(), part.InputsAsNumpy, _MAX_INPUTS)
    operator.outputs = _numbers(part.OutputsLength(), part.OutputsAsNumpy, _MAX_INPUTS)
    if not (name := options[code]):
        return operator
    made, kind = getattr(schema, f"{name}T")(), getattr(schema.BuiltinOptions, name)
    if part.BuiltinOptionsType() == kind:
        table = part.BuiltinOptions()
        given = getattr(schema, name)()
        given.Init(table.Bytes, table.Pos)
        # Lists among the options are read by _numbers, and none of these operators needs one.
        made = getattr(schema, f"{name}T").InitFromObj(given)
    elif part.BuiltinOptionsType():
        raise DamagedFile(f"the options of {operator_name(code)} are those of another operator")
    operator.builtinOptionsType, operator.builtinOptions = kind, made
    return operator


def operator_name(code: int) -> str:
    """CONV_2D and so on."""
    names = {number: name for name, number in vars(schema.BuiltinOperator).items()}
    return names.get(code, f"number {code}")


def write_parts(model: Any) -> bytes:
    """The file of a model; its input is called “pixels”, its outputs “stage_00” and so on."""
    (graph,) = model.subgraphs
    signature: Any = schema.SignatureDefT()
    signature.signatureKey = "serving_default"
    names = {int(index): f"stage_{i:02d}" for i, index in enumerate(graph.outputs)}
    signature.inputs = [_named(graph, int(graph.inputs[0]), "pixels")]
    signature.outputs = [_named(graph, index, name) for index, name in names.items()]
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _named(graph: Any, index: int, name: str) -> Any:
    graph.tensors[index].name = name
    named: Any = schema.TensorMapT()
    named.name, named.tensorIndex = name, index
    return named
