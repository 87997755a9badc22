"""The network of a TFLite file in other frameworks computes what it computes on LiteRT."""

import numpy as np
import pytest
from tiny_network import add_all_operators, tiny_network

from decor_core.errors import BackboneError
from decor_core.features import backbones, convert
from decor_core.features.backbone_spec import preprocess
from decor_core.features.own_networks import OwnNetwork

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
    found = stages_of(network.weights, preprocess(pixels, network.spec))
    for mine, theirs in zip(found, network.stage_maps(pixels), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_network_of_single_precision(stages_of, tmp_path, monkeypatch):
    tf = pytest.importorskip("tensorflow")
    spec = backbones.named_spec("mobilenet_0.25_128")
    kernels = np.random.default_rng(0).normal(0, 0.3, (3, 3, 3, 8)).astype(np.float32)

    def layers(scaled):
        x = tf.nn.relu6(tf.nn.conv2d(scaled, kernels, 2, "SAME"))
        each = kernels.reshape(3, 3, 8, 3)[..., :1]
        y = tf.nn.depthwise_conv2d(x, each, (1, 2, 2, 1), "SAME") + 0.5
        return [x, y + tf.nn.relu6(tf.nn.conv2d(y, np.eye(8, dtype="f4")[None, None], 1, "SAME"))]

    monkeypatch.setattr(convert, "_mobilenet", lambda *_: layers)
    convert.convert_backbone(spec, tmp_path / "network.tflite")
    pixels = np.random.default_rng(1).integers(0, 256, (1, 128, 128, 3), np.uint8)
    inputs = preprocess(pixels, spec)
    found = stages_of((tmp_path / "network.tflite").read_bytes(), inputs)
    for mine, theirs in zip(found, layers(inputs), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_every_operator_of_networks_that_people_bring(stages_of):
    content = tiny_network(add_all_operators)
    network = OwnNetwork(content, 32, 127.5, 127.5, "All")
    backbone = backbones.load_backbone(network.name)
    pixels = np.random.default_rng(2).integers(0, 256, (2, 32, 32, 3), np.uint8)
    found = stages_of(backbone.weights, preprocess(pixels, network.spec))
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
