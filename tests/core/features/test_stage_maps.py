"""The stages of any convolutional network are found in its file, and nothing else is kept."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from tiny_network import tiny_network

from decor_core.errors import DamagedFile
from decor_core.features.stage_maps import read_network, with_stage_maps

SIDE, LAYERS = 64, (4, 6, 8, 10)


def shapes(content):
    _, graph = read_network(content)
    return [tuple(map(int, graph.tensors[i].shape[1:])) for i in graph.outputs]


def only_last(parts):
    parts.graph.outputs = parts.graph.outputs[-1:]


def with_classifier(parts):
    """As of a network with its top: mean, product, softmax."""
    (maps,) = parts.graph.outputs[-1:]
    axes = parts.tensor((2,), [1, 2], schema.TensorType.INT32)
    mean, scores, probs = (parts.tensor((1, n)) for n in (10, 500, 500))
    parts.operator("MEAN", [maps, axes], mean, "ReducerOptions", schema.ReducerOptionsT())
    weights = parts.tensor((500, 10), np.ones((500, 10)))
    options = schema.FullyConnectedOptionsT()
    parts.operator("FULLY_CONNECTED", [mean, weights, -1], scores, "FullyConnectedOptions", options)
    parts.operator("SOFTMAX", [scores], probs, "SoftmaxOptions", schema.SoftmaxOptionsT())
    parts.graph.outputs = [probs]


def with_shortcut(parts):
    """The third layer's maps are added to what a fifth one makes of them."""
    made, kernel = parts.tensor((1, 8, 8, 8)), parts.tensor((8, 3, 3, 8), np.ones((8, 3, 3, 8)))
    third, last = parts.graph.outputs[2], parts.graph.operators.pop()
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = 1
    bias = parts.tensor((8,), np.ones(8))
    parts.operator("CONV_2D", [third, kernel, bias], made, "Conv2DOptions", options)
    joined = parts.tensor((1, 8, 8, 8))
    parts.operator("ADD", [third, made], joined, "AddOptions", schema.AddOptionsT())
    last.inputs = [joined, *last.inputs[1:]]
    parts.graph.operators.append(last)
    parts.graph.outputs = parts.graph.outputs[-1:]
    parts.joined = joined


def run(content, pixels):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels)
    interpreter.invoke()
    return [interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()]


@pytest.fixture
def pixels():
    return np.random.default_rng(1).normal(size=(1, SIDE, SIDE, 3)).astype(np.float32)


@pytest.mark.parametrize("change", [only_last, with_classifier])
def test_stages_between_changes_of_resolution(change, pixels):
    content = tiny_network(change, SIDE, LAYERS)
    found = with_stage_maps(content)
    assert shapes(found) == [(16, 16, 6), (8, 8, 8), (4, 4, 10)]
    everything = run(tiny_network(None, SIDE, LAYERS), pixels)
    for mine, theirs in zip(run(found, pixels), everything[1:], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_classifier_is_left_out_with_its_weights():
    content = tiny_network(with_classifier, SIDE, LAYERS)
    found = with_stage_maps(content)
    assert len(found) < len(content) - 500 * 10 * 4
    assert len(read_network(found)[1].operators) == len(LAYERS)


def test_a_stage_ends_where_branches_have_joined():
    joined = []
    content = tiny_network(
        lambda parts: (with_shortcut(parts), joined.append(parts.joined)), SIDE, LAYERS
    )
    assert shapes(with_stage_maps(content)) == [(16, 16, 6), (8, 8, 8), (4, 4, 10)]
    model, graph = read_network(with_stage_maps(content))
    code = {int(o.outputs[0]): model.operatorCodes[o.opcodeIndex] for o in graph.operators}
    assert code[int(graph.outputs[1])].builtinCode == schema.BuiltinOperator.ADD


def test_maps_that_are_given_stay_as_they_are():
    content = tiny_network(None, SIDE, LAYERS)
    assert with_stage_maps(content) == content


def test_what_has_no_maps_is_refused():
    def flat(parts):
        with_classifier(parts)
        parts.graph.operators = parts.graph.operators[-3:]
        parts.graph.operators[0].inputs[0] = parts.graph.inputs[0]

    with pytest.raises(DamagedFile, match=r"output is of shape \(1, 500\).*convolutional network"):
        with_stage_maps(tiny_network(flat, SIDE, LAYERS))


@pytest.mark.parametrize("content", [b"", b"no network", b"\x1c\0\0\0TFL3" + b"\xff" * 40])
def test_no_network_at_all(content):
    with pytest.raises(DamagedFile):
        with_stage_maps(content)
