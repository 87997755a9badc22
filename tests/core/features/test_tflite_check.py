"""Networks of strangers: what LiteRT could not bear never gets there, whatever is in the file."""

import math
import random
import struct
import subprocess
import sys

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tiny_network import Parts, tiny_network

from decor_core.errors import BackboneError, DamagedFile
from decor_core.features import tflite_check
from decor_core.features.backbones import load_backbone
from decor_core.features.own_networks import OwnNetwork
from decor_core.features.tflite_check import checked_network


def refused(change, side=32):
    with pytest.raises(DamagedFile) as told:
        checked_network(tiny_network(change), side)
    return str(told.value)


def run(content, side=32):
    network = OwnNetwork(content, side, 127.5, 127.5, "Tiny")
    pixels = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    return load_backbone(network.name).stage_maps(pixels)


def test_a_sound_network_is_written_anew_and_sees_the_same():
    content = tiny_network(lambda p: p.model.__setattr__("description", "what nobody asked for"))
    checked = checked_network(content, 32)
    assert b"what nobody" in content and b"what nobody" not in checked.content
    assert checked.takes_batches
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    interpreter.set_tensor(0, (pixels.astype(np.float32) - 127.5) / 127.5)
    interpreter.invoke()
    outputs = interpreter.get_output_details()
    for mine, output in zip(run(content), outputs, strict=True):
        np.testing.assert_array_equal(mine[:1], interpreter.get_tensor(output["index"]))


def test_numbers_begin_where_the_schema_wants_them():
    content = checked_network(tiny_network(), 32).content
    model = schema.Model.GetRootAsModel(content, 0)
    for i in range(model.BuffersLength()):
        if model.Buffers(i).DataLength():
            data = model.Buffers(i).DataAsNumpy()
            start = data.__array_interface__["data"][0]
            assert (
                start - np.frombuffer(content, np.uint8).__array_interface__["data"][0]
            ) % 16 == 0


def _options(name, value, at=0):
    return lambda p: setattr(p.graph.operators[at].builtinOptions, name, value)


def _without_bias(p):
    p.graph.operators[0].inputs = p.graph.operators[0].inputs[:2]


def _custom(p):
    p.model.operatorCodes[0].builtinCode = schema.BuiltinOperator.CUSTOM
    p.model.operatorCodes[0].customCode = "FlexReadFile"


def _looped(p):
    p.graph.operators[0].inputs[0] = p.graph.operators[1].outputs[0]


def _cut_short(p):
    p.model.buffers[1].data = p.model.buffers[1].data[:-4]


def _two_graphs(p):
    p.model.subgraphs = [p.graph, p.graph]


def _variable(p):
    p.graph.tensors[3].isVariable = True


def _outside(p):
    p.model.buffers[1].data, p.model.buffers[1].offset, p.model.buffers[1].size = None, 100, 432


def _pad(wide):
    def change(p):
        last = p.graph.outputs[-1]
        places = p.tensor((4, 2), wide, schema.TensorType.INT32)
        made = p.tensor((1, 10, 10, 6))
        p.operator("PAD", [last, places], made, "PadOptions", schema.PadOptionsT())
        p.graph.outputs = [*p.graph.outputs[:-1], made]

    return change


def _like_convnext(p):
    """After the last maps: over channels normalized, multiplied, activated; groups; a side cut."""
    (last,) = p.graph.outputs[-1:]
    channels, whole = p.tensor((1,), [-1], schema.TensorType.INT32), (1, 8, 8, 6)
    averaged = schema.ReducerOptionsT()
    averaged.keepDims = True
    mean, minus, variance, more, factor = (p.tensor((1, 8, 8, 1)) for _ in range(5))
    squares, scaled, dense, active, grouped = (p.tensor(whole) for _ in range(5))
    p.operator("MEAN", [last, channels], mean, "ReducerOptions", averaged)
    p.operator("NEG", [mean], minus, "NegOptions", schema.NegOptionsT())
    p.operator("SQUARED_DIFFERENCE", [last, minus], squares)
    p.operator("MEAN", [squares, channels], variance, "ReducerOptions", averaged)
    little = p.tensor((1,), [0.01])
    p.operator("ADD", [variance, little], more, "AddOptions", schema.AddOptionsT())
    p.operator("RSQRT", [more], factor)
    p.operator("MUL", [last, factor], scaled, "MulOptions", schema.MulOptionsT())
    weights, options = p.tensor((6, 6), np.eye(6)[::-1]), schema.FullyConnectedOptionsT()
    options.keepNumDims = True
    p.operator("FULLY_CONNECTED", [scaled, weights, -1], dense, "FullyConnectedOptions", options)
    p.operator("GELU", [dense], active, "GeluOptions", schema.GeluOptionsT())
    kernel, bias = p.tensor((6, 1, 1, 2), np.ones((6, 1, 1, 2))), p.tensor((6,), np.zeros(6))
    options = schema.Conv2DOptionsT()
    options.strideW = options.strideH = 1
    p.operator("CONV_2D", [active, kernel, bias], grouped, "Conv2DOptions", options)
    _cut([0, 1, 1, 0], [0, 0, 0, 0], end_mask=15)(p, grouped, (1, 7, 7, 6))


def _cut(begin, end, steps=(1, 1, 1, 1), begin_mask=9, end_mask=13):
    def change(p, maps=None, shape=(1, 7, 8, 6)):
        places = [p.tensor((4,), one, schema.TensorType.INT32) for one in (begin, end, steps)]
        made, options = p.tensor(shape), schema.StridedSliceOptionsT()
        options.beginMask, options.endMask = begin_mask, end_mask
        maps = p.graph.outputs[-1] if maps is None else maps
        p.operator("STRIDED_SLICE", [maps, *places], made, "StridedSliceOptions", options)
        p.graph.outputs = [p.graph.outputs[0], made]

    return change


def test_what_newer_networks_need_is_let_in():
    found = run(tiny_network(_like_convnext))
    before = run(tiny_network())[-1]
    squares = (before + before.mean(-1, keepdims=True)) ** 2
    x = (before / np.sqrt(squares.mean(-1, keepdims=True) + 0.01))[..., ::-1]
    erf = np.vectorize(math.erf)
    x = (x * 0.5 * (1 + erf(x / np.sqrt(2)))).reshape(*x.shape[:-1], 3, 2).sum(-1)
    np.testing.assert_allclose(found[-1], np.repeat(x, 2, axis=-1)[:, 1:, 1:], atol=1e-4)


def _groups(p):
    p.graph.operators[1].inputs[1] = p.tensor((6, 3, 3, 3), np.ones((6, 3, 3, 3)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_options("strideH", 0), "CONV_2D: expected that stride is from 1 to 16"),
        (_options("dilationWFactor", 0), "dilation from 1 to 32"),
        (_options("padding", 7), "padded in a known way"),
        (_options("fusedActivationFunction", 5), "its activation is a known one"),
        (_options("strideH", 1), "the output of CONV_2D is of shape"),
        (_without_bias, "it takes maps, kernel and bias"),
        (_custom, "the operator CUSTOM, which is not allowed"),
        (_looped, "its operators are in order"),
        (_cut_short, "constants have all their numbers"),
        (_two_graphs, "with 2 graphs"),
        (_variable, "variable, sparse or elsewhere"),
        (_outside, "its numbers are outside"),
        (_pad([[0, 0], [1, -1], [1, 1], [0, 0]]), "it pads with up to 256"),
        (_pad([[0, 0], [1, 1], [1, 2], [0, 0]]), "the output of PAD is of shape"),
        (_cut([0, 1, 0, 0], [0, 0, 0, 0], (1, 2, 1, 1)), "it cuts maps with a stride of 1"),
        (_cut([0, 9, 0, 0], [0, -1, 0, 0]), "its places are inside"),
        (_cut([0, 1, 0, 0], [0, 99, 0, 0]), "its places are inside"),
        (_cut([0, 1, 0, 0], [0, -1, 0, 0]), "the output of STRIDED_SLICE is of shape (1, 6, 8"),
        (_groups, "as many channels as its maps"),
        (lambda p: setattr(p.graph, "outputs", []), "it gives 1 to 32 maps"),
        (lambda p: setattr(p.graph, "outputs", [1]), "square maps"),
        (lambda p: setattr(p.graph, "outputs", [10_000]), "tensors that there are"),
        (lambda p: setattr(p.graph.tensors[1], "buffer", 99), "buffers that there are"),
        (lambda p: setattr(p.graph.tensors[1], "type", 4), "single precision or of 8 or 32"),
        (lambda p: setattr(p.graph.operators[0], "opcodeIndex", 9), "an operator is of no kind"),
        (lambda p: p.graph.tensors[3].shape.__setitem__(1, -16), "sides of 1 or more"),
    ],
)  # fmt: skip
def test_what_is_refused(change, reason):
    assert reason in refused(change)


def test_another_input_than_it_says():
    assert "its input is one picture of 48 × 48 pixels" in refused(None, side=48)
    padded = tiny_network(_pad([[0, 0], [1, 1], [1, 1], [0, 0]]))
    assert [stage.shape[1] for stage in run(padded)] == [16, 10]


@pytest.mark.parametrize(
    ("limit", "reason"),
    [("MAX_BYTES", "more than 0 MiB"), ("MAX_MEMORY", "of memory, more than"),
     ("MAX_PRODUCTS", "it multiplies up to"), ("MAX_NUMBERS", "up to 1,000 numbers")],
)  # fmt: skip
def test_time_and_memory_are_bounded(monkeypatch, limit, reason):
    monkeypatch.setattr(tflite_check, limit, 1000)
    assert reason in refused(None)


def test_the_same_numbers_many_times_do_not_grow_on_being_written():
    """Many buffers may lie over each other in a file."""
    parts = Parts()
    parts.model.buffers[1].data = np.zeros(200_000, np.uint8)
    parts.model.buffers += [schema.BufferT() for _ in range(3)]
    content, count = bytearray(parts.pack()), len(parts.model.buffers)
    table = schema.Model.GetRootAsModel(content, 0)._tab
    vector = table.Vector(table.Offset(12))  # of offsets to buffers
    shared = vector + 4 + struct.unpack_from("<I", content, vector + 4)[0]
    for i in range(count - 3, count):
        struct.pack_into("<I", content, vector + 4 * i, shared - vector - 4 * i)
    with pytest.raises(DamagedFile, match="its numbers are more than the file"):
        checked_network(bytes(content), 32)


def test_people_are_told_which_network_is_refused():
    network = OwnNetwork(b"no network", 32, 0.0, 1.0, "My own")
    with pytest.raises(BackboneError, match="“My own” of the model is refused: it is no TFLite"):
        load_backbone(network.name)


_FUZZ = """
import random, sys
from decor_core.errors import DamagedFile
from decor_core.features.backbones import BackboneError, load_backbone
from decor_core.features.own_networks import OwnNetwork
import numpy as np
content = sys.stdin.buffer.read()
pixels = np.zeros((2, 32, 32, 3), np.uint8)
refused = 0
for seed in range(400):
    rng, changed = random.Random(seed), bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(changed) - 4)
        few = rng.choice((0, 1, 2, 3, 255, 2**31 - 1, 2**32 - 1, rng.randrange(256)))
        changed[at : at + 4] = few.to_bytes(4, "little")
    network = OwnNetwork(bytes(changed), 32, 127.5, 127.5, "Changed")
    try:
        load_backbone(network.name).stage_maps(pixels)
    except BackboneError:
        refused += 1
print(refused)
"""


def test_damage_of_any_kind_is_refused_in_words_and_ends_no_process():
    """In another process: LiteRT is C++, where damage that is let in would end it."""
    done = subprocess.run(
        [sys.executable, "-c", _FUZZ], input=tiny_network(_like_convnext), capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert 100 < int(done.stdout) < 400


def test_a_file_of_nothing_but_noise():
    for seed in range(50):
        noise = random.Random(seed).randbytes(500)
        with pytest.raises(DamagedFile):
            checked_network(noise, 32)
        with pytest.raises(DamagedFile):
            checked_network(noise[:4] + b"TFL3" + noise[8:], 32)
