"""A model as one TFLite file around its network's own, which is put in as it is.

A conversion of the network's layers would compute in other numbers than the app does. So the model
is converted with an operator of our own in place of the network, and that is replaced in the file.
"""

import tempfile
from copy import copy
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from tensorflow import keras

from decor_core.export.keras_model import build_model, save_model
from decor_core.features.backbones import Backbone, by_resolution, load_backbone
from decor_core.features.tflite_reader import read_model
from decor_core.model.bundle import Bundle

_PLACEHOLDER = "decor_network"


def tflite_model(bundle: Bundle) -> bytes:
    """The TFLite file of ``bundle``; raises DecorError as ImagePredictor does.

    Of one picture it takes ``object`` [1, n, n, 4], any n, and its ``views`` [views, side, side, 3]
    and ``weights`` [views, m, m, 1], as ``build_model`` does, and gives what that gives.
    """
    backbone = load_backbone(bundle.embedding.architecture)
    model = build_model(bundle, batch=1, network=_placeholder_layer(backbone))
    with tempfile.TemporaryDirectory() as folder:
        save_model(model, Path(folder))
        # By way of a SavedModel: from_concrete_functions has given NaNs without a word.
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.allow_custom_ops = True
        converted = converter.convert()
    return _insert_network(converted, backbone.weights)


def _placeholder_layer(backbone: Backbone) -> Any:
    """A layer with the inputs and outputs of the network, which the converter keeps as one operator
    for each view."""
    shapes = backbone.shapes
    attributes = f'name: "{_PLACEHOLDER}" attr {{ key: "tfl_fusable_op" value {{ b: true }} }}'

    @tf.function(experimental_implements=attributes)
    def placeholder(pixels: Any) -> Any:
        return [tf.zeros((1, *shape)) + tf.reduce_sum(pixels) for shape in shapes]

    class Placeholder(keras.layers.Layer):
        def call(self, pixels: Any) -> Any:
            of_views = [placeholder(pixels[i : i + 1]) for i in range(pixels.shape[0])]
            return [tf.concat(stages, axis=0) for stages in zip(*of_views, strict=True)]

    return Placeholder()


def _insert_network(model_file: bytes, network_file: bytes) -> bytes:
    """The TFLite file ``model_file`` with the network's operators in place of each placeholder.

    Operators, tensors and buffers name each other by their index in the file. The operator codes
    and buffers of the network are appended once; its tensors for each placeholder anew.
    """
    model, network = read_model(model_file), read_model(network_file)
    (graph,), (network_graph,) = model.subgraphs, network.subgraphs
    code_offset, buffer_offset = len(model.operatorCodes), len(model.buffers)
    model.operatorCodes += network.operatorCodes
    model.buffers += network.buffers
    operators = []
    for operator in graph.operators:
        name = model.operatorCodes[operator.opcodeIndex].customCode
        if name is None or name.decode() != _PLACEHOLDER:
            operators.append(operator)
            continue
        indices = _add_tensors(graph, network_graph, operator, buffer_offset)
        network_input = indices[network_graph.inputs]
        if network_input[0] != operator.inputs[0]:
            operators.append(_quantize_operator(model, operator.inputs, network_input))
        for inserted in map(copy, network_graph.operators):
            inserted.opcodeIndex += code_offset
            inserted.inputs = indices[inserted.inputs]
            inserted.outputs = indices[inserted.outputs]
            operators.append(inserted)
    graph.operators = operators
    builder = flatbuffers.Builder(len(model_file) + len(network_file))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _add_tensors(
    graph: Any, network_graph: Any, placeholder: Any, buffer_offset: int
) -> np.ndarray:
    """Add the network's tensors to ``graph``; gives the index [n] of each of them there.

    The network's stage maps are the placeholder's outputs, and its input is the placeholder's
    unless it takes eight-bit numbers.
    """
    tensors = network_graph.tensors
    indices = np.full(len(tensors), -1, np.int32)
    (input_index,) = network_graph.inputs
    if tensors[input_index].type == schema.TensorType.FLOAT32:
        indices[input_index] = placeholder.inputs[0]
    stages = sorted(network_graph.outputs, key=lambda index: by_resolution(tensors[index].shape))
    indices[stages] = placeholder.outputs
    for index in np.flatnonzero(indices < 0):
        tensor = copy(tensors[index])
        tensor.buffer += buffer_offset
        indices[index] = len(graph.tensors)
        graph.tensors.append(tensor)
    return indices


def _quantize_operator(model: Any, inputs: np.ndarray, outputs: np.ndarray) -> Any:
    """An operator that rounds the tensor ``inputs`` to the eight bits of ``outputs``."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.QUANTIZE
    code.version = 1
    operator: Any = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes)
    operator.inputs, operator.outputs = inputs, outputs
    model.operatorCodes.append(code)
    return operator
