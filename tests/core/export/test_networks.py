"""The network of a TFLite file in other frameworks computes what it computes on LiteRT."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tiny_network import Parts, tiny_network

from decor_core.errors import BackboneError
from decor_core.features import backbones, convert
from decor_core.features.backbones import OwnNetwork

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def _by_keras(content, inputs):
    tf = pytest.importorskip("tensorflow")
    from decor_core.export.keras_network import keras_network

    return [np.asarray(stage) for stage in keras_network(content)(tf.constant(inputs))]


def _by_onnx(content, inputs):
    from decor_core.export.onnx_network import OnnxGraph, onnx_network

    graph = OnnxGraph()
    shape = [inputs.shape[place] for place in (0, 3, 1, 2)]
    names = [name for name, _ in onnx_network(graph, content, "pixels")]
    fed = onnx.helper.make_tensor_value_info("pixels", onnx.TensorProto.FLOAT, shape)
    given = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in names]
    made = onnx.helper.make_graph(graph.nodes, "network", [fed], given, graph.constants)
    opset = onnx.helper.make_opsetid("", 18)
    model = onnx.helper.make_model(made, opset_imports=[opset], ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    stages = session.run(names, {"pixels": inputs.transpose(0, 3, 1, 2)})
    return [stage.transpose(0, 2, 3, 1) for stage in stages]


@pytest.fixture(params=[_by_keras, _by_onnx])
def stages_of(request):
    """Gives the stage maps of the network in a TFLite file, for inputs [n, side, side, 3]."""
    return request.param


def test_the_network_that_ships_to_the_bit(stages_of):
    network = backbones.load_backbone()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    found = stages_of(network.weights, backbones.preprocess(pixels, network.spec))
    for mine, theirs in zip(found, network.stage_maps(pixels), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_network_of_single_precision(stages_of, tmp_path, monkeypatch):
    tf = pytest.importorskip("tensorflow")
    spec = backbones.BackboneSpec.named("mobilenet_0.25_128")
    kernels = np.random.default_rng(0).normal(0, 0.3, (3, 3, 3, 8)).astype(np.float32)

    def layers(scaled):
        x = tf.nn.relu6(tf.nn.conv2d(scaled, kernels, 2, "SAME"))
        each = kernels.reshape(3, 3, 8, 3)[..., :1]
        y = tf.nn.depthwise_conv2d(x, each, (1, 2, 2, 1), "SAME") + 0.5
        return [x, y + tf.nn.relu6(tf.nn.conv2d(y, np.eye(8, dtype="f4")[None, None], 1, "SAME"))]

    monkeypatch.setattr(convert, "_mobilenet", lambda *_: layers)
    convert.convert_backbone(spec, tmp_path / "network.tflite")
    pixels = np.random.default_rng(1).integers(0, 256, (1, 128, 128, 3), np.uint8)
    inputs = backbones.preprocess(pixels, spec)
    found = stages_of((tmp_path / "network.tflite").read_bytes(), inputs)
    for mine, theirs in zip(found, layers(inputs), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def _options(kind, **values):
    options = getattr(schema, f"{kind}T")()
    vars(options).update(values)
    return kind, options


def _with_all_operators(parts: Parts) -> None:
    """Every operator that a network may have, in single precision, behind two convolutions."""
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


def test_every_operator_of_networks_that_people_bring(stages_of):
    content = tiny_network(_with_all_operators)
    network = OwnNetwork(content, 32, 127.5, 127.5, "All")
    backbone = backbones.load_backbone(network.name)
    pixels = np.random.default_rng(2).integers(0, 256, (2, 32, 32, 3), np.uint8)
    found = stages_of(backbone.weights, backbones.preprocess(pixels, network.spec))
    assert len(found) == 3
    for mine, theirs in zip(found, backbone.stage_maps(pixels), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_an_unknown_operation_is_refused(stages_of, tmp_path):
    tf = pytest.importorskip("tensorflow")

    class Sine(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 4, 4, 3))])
        def call(self, pixels):
            return tf.sin(pixels)

    tf.saved_model.save(Sine(), str(tmp_path / "saved"))
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
    content = converter.convert()
    with pytest.raises(BackboneError, match="cannot be exported"):
        stages_of(content, np.zeros((1, 4, 4, 3), np.float32))
