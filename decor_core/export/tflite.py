"""A model as one TFLite file around its network's own, which is put in as it is.

A conversion of the network's layers would compute in other numbers than the app does.
"""

import tempfile
from copy import copy
from typing import Any

import numpy as np

from decor_core.export.keras_model import build_model
from decor_core.features.backbones import BackboneSpec, by_resolution, load_backbone
from decor_core.model.bundle import Bundle

_HOLE = "decor_network"


def lite_model(bundle: Bundle) -> bytes:
    """The TFLite file of ``bundle``; raises DecorError as Predictor does.

    Of one picture it takes ``object`` [1, n, n, 4], any n, and its ``views`` [views, side, side, 3]
    and ``weights`` [views, m, m, 1], as ``build_model`` does, and gives what that gives.
    """
    import tensorflow as tf

    spec = BackboneSpec.named(bundle.embedding.architecture)
    model = build_model(bundle, batch=1, network=_holes(spec))
    with tempfile.TemporaryDirectory() as folder:
        fed = {name: tf.TensorSpec(one.shape, one.dtype, name) for name, one in model.input.items()}
        model.export(folder, verbose=False, input_signature=[fed])
        # By way of a SavedModel: from_concrete_functions has given NaNs without a word.
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.allow_custom_ops = True
        around = converter.convert()
    return _filled(around, spec.path.read_bytes())


def _holes(spec: BackboneSpec) -> Any:
    """A layer that the converter keeps as one operation of its own for each picture."""
    import tensorflow as tf
    from tensorflow import keras

    shapes = load_backbone(spec.name).shapes
    known = f'name: "{_HOLE}" attr {{ key: "tfl_fusable_op" value {{ b: true }} }}'

    @tf.function(experimental_implements=known)
    def hole(pixels: Any) -> Any:
        return [tf.zeros((1, *shape)) + tf.reduce_sum(pixels) for shape in shapes]

    class Holes(keras.layers.Layer):
        def call(self, pixels: Any) -> Any:
            each = [hole(pixels[i : i + 1]) for i in range(pixels.shape[0])]
            return [tf.concat(stages, axis=0) for stages in zip(*each, strict=True)]

    return Holes()


def _filled(around: bytes, network: bytes) -> bytes:
    """The TFLite file ``around`` with the operations of ``network`` in place of each hole."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model, inner = (
        schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
        for content in (around, network)
    )
    (graph,), (inside,) = model.subgraphs, inner.subgraphs
    first_code, first_buffer = len(model.operatorCodes), len(model.buffers)
    model.operatorCodes += inner.operatorCodes
    model.buffers += inner.buffers
    operators = []
    for operator in graph.operators:
        name = model.operatorCodes[operator.opcodeIndex].customCode
        if name is None or name.decode() != _HOLE:
            operators.append(operator)
            continue
        places = _placed(graph, inside, operator, first_buffer)
        operators += _quantizing(model, operator.inputs, places[inside.inputs])
        for one in inside.operators:
            one = copy(one)
            one.opcodeIndex += first_code
            one.inputs = places[one.inputs]
            one.outputs = places[one.outputs]
            operators.append(one)
    graph.operators = operators
    builder = flatbuffers.Builder(len(around) + len(network))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _placed(graph: Any, inside: Any, hole: Any, first_buffer: int) -> np.ndarray:
    """Add the tensors of ``inside`` to ``graph``; where each is now."""
    from ai_edge_litert.schema_py_generated import TensorType

    places = np.full(len(inside.tensors), -1, np.int32)
    (start,) = inside.inputs
    if inside.tensors[start].type == TensorType.FLOAT32:
        places[start] = hole.inputs[0]
    stages = sorted(inside.outputs, key=lambda i: by_resolution(inside.tensors[i].shape))
    places[stages] = hole.outputs
    for index in np.flatnonzero(places < 0):
        tensor = copy(inside.tensors[index])
        tensor.buffer += first_buffer
        places[index] = len(graph.tensors)
        graph.tensors.append(tensor)
    return places


def _quantizing(model: Any, given: np.ndarray, wanted: np.ndarray) -> list[Any]:
    """The operation that turns the tensor ``given`` into the one ``wanted``, where they differ."""
    from ai_edge_litert import schema_py_generated as schema

    if given[0] == wanted[0]:
        return []
    quantize = schema.BuiltinOperator.QUANTIZE
    operation, code = schema.OperatorT(), schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = quantize
    code.version = 1
    operation.opcodeIndex = len(model.operatorCodes)
    model.operatorCodes.append(code)
    operation.inputs, operation.outputs = given, wanted
    return [operation]
