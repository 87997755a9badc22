"""A model as one ONNX file: what features/embedder.py does after the views are cut, and the head.

The graph is written node by node, as keras_model.py is, without TensorFlow; ``onnx`` is needed.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from decor_core.export.network_operators import box_matrix
from decor_core.export.onnx_network import OnnxGraph, onnx_network
from decor_core.features.backbones import Backbone, load_backbone
from decor_core.features.embedder import COLOR_SIDE, FLOOR
from decor_core.images import color
from decor_core.model.bundle import Bundle
from decor_core.model.novelty import (
    DISAGREEMENT,
    MAX_DISCOUNT,
    MIN_DISTANCE,
    SHARPNESS,
    STEEPNESS,
    BlockDistributions,
    Novelty,
)
from decor_core.model.predictor import ImagePredictor

_OPSET = 18  # ONNX 1.13, ONNX Runtime 1.14, of 2023
_IR_VERSION = 8


def onnx_model(bundle: Bundle) -> bytes:
    """The ONNX file of ``bundle``; raises DecorError as ImagePredictor does.

    Of one picture it takes what ``tflite_model`` takes, ``object`` [1, n, n, 4], ``views`` and
    ``weights``, and gives ``probabilities`` [1, labels] and, where the bundle knows what it knows,
    ``novelty`` [1].
    """
    ImagePredictor(bundle)  # checks that the model fits what is here
    backbone = load_backbone(bundle.embedding.architecture)
    side, (map_side, *_) = backbone.spec.side, backbone.shapes[0]
    count, labels = bundle.embedding.views, len(bundle.taxonomy.labels)
    graph = OnnxGraph()
    vector = _embed(graph, backbone)
    logits = graph("Gemm", vector, _single(bundle.head.weights), _single(bundle.head.bias))
    outputs = {"probabilities": (graph("Softmax", logits, axis=1), [1, labels])}
    if bundle.novelty:
        novelty = _novelty(graph, vector, bundle.novelty)
        probs = _discounted(graph, outputs["probabilities"][0], novelty, labels)
        outputs = {"probabilities": (probs, [1, labels]), "novelty": (novelty, [1])}
    inputs = {
        "object": [1, "side", "side", 4],
        "views": [count, side, side, 3],
        "weights": [count, map_side, map_side, 1],
    }
    return _file(graph, inputs, outputs, bundle.title)


def _file(
    graph: OnnxGraph, inputs: dict[str, list], outputs: dict[str, tuple[str, list]], title: str
) -> bytes:
    for name, (value, _) in outputs.items():
        graph.nodes.append(helper.make_node("Identity", [value], [name]))
    made = helper.make_graph(
        graph.nodes,
        "decor",
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in inputs.items()],
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, v[1]) for k, v in outputs.items()],
        graph.constants,
        doc_string=title,
    )
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="decor",
        ir_version=_IR_VERSION,
    )  # fmt: skip
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def _single(array: Any) -> np.ndarray:
    return np.asarray(array, np.float32)


def _embed(graph: OnnxGraph, backbone: Backbone) -> str:
    """The vector [1, d] of the object, its views and their weights."""
    mean, scale = backbone.spec.mean, backbone.spec.scale
    scaled = graph("Div", graph("Sub", "views", float(mean)), float(scale))
    stages = onnx_network(graph, backbone.weights, graph("Transpose", scaled, perm=[0, 3, 1, 2]))
    weights = graph("Transpose", "weights", perm=[0, 3, 1, 2])
    map_side = stages[0][1][0]
    pooled = []
    for stage, shape in stages:
        shares = _shares(graph, weights, map_side, shape[:2])
        pooled += _pool(graph, stage, shares)
    means = graph("ReduceMean", graph("Concat", *pooled, axis=1), [0])
    return graph("Concat", means, _color_histogram(graph), axis=1)


# --- pooling


def _shares(graph: OnnxGraph, weights: str, side: int, shape: Sequence[int]) -> str:
    """How much each place of maps of ``shape`` counts [n, 1, h, w], by weights [n, 1, m, m]."""
    rows, columns = (box_matrix(side, count) for count in shape)
    across = graph("MatMul", weights, columns.T)
    if side % shape[0]:  # else Pillow rounds only once
        across = _to_levels(graph, across)
    small = _to_levels(graph, graph("MatMul", rows, across))
    shares = graph("Add", small, 255 * FLOOR)
    return graph("Div", shares, graph("ReduceSum", shares, [2, 3]))


def _to_levels(graph: OnnxGraph, sums: str) -> str:
    return graph("Clip", graph("Floor", graph("Add", sums, 0.5)), 0.0, 255.0)


def _pool(graph: OnnxGraph, stage: str, shares: str) -> list[str]:
    """Mean and deviation of a stage [n, c, h, w], each of length 1: [n, c]."""
    weighted = graph("Mul", shares, stage)
    mean = graph("ReduceSum", weighted, [2, 3], keepdims=0)
    square = graph("ReduceSum", graph("Mul", weighted, stage), [2, 3], keepdims=0)
    variance = graph("Sub", square, graph("Mul", mean, mean))
    deviation = graph("Sqrt", graph("Max", variance, 0.0))
    return [_unit(graph, mean), _unit(graph, deviation)]


def _unit(graph: OnnxGraph, vectors: str) -> str:
    length = graph("ReduceL2", vectors, [1])
    return graph("Div", vectors, graph("Max", length, 1e-9))


# --- colors


def _color_histogram(graph: OnnxGraph) -> str:
    """Square root of the histogram [1, Π BINS]; a tent over each bin spreads the pixels."""
    grid = _nearest(graph)
    pixels = graph("Slice", grid, [0], [3], [2])
    weights = graph("Slice", grid, [3], [4], [2])
    memberships = []  # of each pixel in each bin, channel by channel
    for values, bins, (low, high) in zip(
        _lab(graph, pixels), color.BINS, color.RANGES, strict=True
    ):
        share = graph("Clip", graph("Div", graph("Sub", values, low), high - low), 0.0, 1.0)
        position = graph("Mul", share, float(bins - 1))
        distance = graph("Abs", graph("Sub", position, np.arange(bins, dtype=np.float32)))
        memberships.append(graph("Max", graph("Sub", 1.0, distance), 0.0))
    lightness, green, blue = memberships
    # All pixels in one row: bins of lightness against pairs of bins of the other two.
    pairs = graph("Mul", graph("Unsqueeze", green, [3]), graph("Unsqueeze", blue, [2]))
    pairs = graph("Reshape", pairs, [-1, color.BINS[1] * color.BINS[2]])
    weighted = graph("Reshape", graph("Mul", lightness, weights), [-1, color.BINS[0]])
    sums = graph("MatMul", graph("Transpose", weighted, perm=[1, 0]), pairs)
    shares = graph("Reshape", sums, [1, int(np.prod(color.BINS))])
    total = graph("Max", graph("ReduceSum", shares, [1]), 1e-9)
    return graph("Sqrt", graph("Div", shares, total))


def _nearest(graph: OnnxGraph) -> str:
    """The pixels whose colors count [h, h, 4]: as many as COLOR_SIDE a side."""
    side = graph("Squeeze", graph("Shape", "object", start=1, end=2))
    steps = np.arange(COLOR_SIDE, dtype=np.int64) * 2 + 1
    places = graph("Div", graph("Mul", side, steps), np.int64(2 * COLOR_SIDE))
    rows = graph("Gather", graph("Squeeze", "object", [0]), places, axis=0)
    return graph("Gather", rows, places, axis=1)


def _lab(graph: OnnxGraph, pixels: str) -> tuple[str, str, str]:
    """L*, a* and b* [h, w, 1] as ``color.lab``, of sRGB pixels [h, w, 3] of 0–255."""
    share = graph("Div", pixels, 255.0)
    power = graph("Pow", graph("Div", graph("Add", share, 0.055), 1.055), 2.4)
    is_dark = graph("LessOrEqual", share, 0.04045)
    linear = graph("Where", is_dark, graph("Div", share, 12.92), power)
    xyz = graph("MatMul", linear, color.TO_XYZ.T)
    root = graph("Pow", graph("Max", xyz, 1e-6), 1 / 3)
    straight = graph("Add", graph("Mul", xyz, 7.787), 16 / 116)
    scaled = graph("Where", graph("Greater", xyz, 0.008856), root, straight)
    x, y, z = (graph("Slice", scaled, [i], [i + 1], [2]) for i in range(3))
    return (
        graph("Sub", graph("Mul", y, 116.0), 16.0),
        graph("Mul", graph("Sub", x, y), 500.0),
        graph("Mul", graph("Sub", y, z), 200.0),
    )


# --- how far from everything known


def _novelty(graph: OnnxGraph, vector: str, known: Novelty) -> str:
    """``Novelty.scores`` of the vector: [1]."""
    total = None
    for columns, block in zip(known.blocks, known.distributions, strict=True):
        part = graph("Slice", vector, [columns.start], [columns.stop], [1])
        logs = _log_distances(graph, part, block)
        nearness = graph("Sub", graph("ReduceMin", logs, [1]), logs)
        shares = graph("Softmax", graph("Mul", nearness, float(SHARPNESS)), axis=1)
        doubt = graph("Log", graph("Max", shares, 1e-30))
        distances = graph("Sub", logs, graph("Mul", doubt, float(DISAGREEMENT)))
        total = graph("Add", total, distances) if total else distances
    distance = graph("Div", graph("ReduceMin", total, [1], keepdims=0), float(len(known.blocks)))
    span = float(known.limit - known.median_distance)
    beyond = graph("Div", graph("Sub", distance, float(known.limit)), span)
    return graph("Sigmoid", graph("Mul", graph("Clip", beyond, -10.0, 10.0), float(STEEPNESS)))


def _log_distances(graph: OnnxGraph, vector: str, block: BlockDistributions) -> str:
    """``BlockDistributions.log_distances`` of the vector: [1, classes]."""
    centered, d = graph("Sub", vector, _single(block.center)), float(len(block.center))
    along = graph("MatMul", centered, _single(block.axes))
    scaled = graph("Mul", along, _single(block.gains))
    squares = _expanded(graph, centered, centered, block.means, block.offsets[0])
    squares = graph("Max", squares, 0.0)
    gained = _expanded(graph, scaled, along, block.along, block.offsets[1])
    mahalanobis = graph("Add", graph("Div", squares, float(block.residual_variance)), gained)
    logs = graph("Log", graph("Max", graph("Div", mahalanobis, d), MIN_DISTANCE))
    if not block.mean_variance:
        return logs
    mean_squares = graph("Div", squares, d * float(block.mean_variance))
    euclidean = graph("Log", graph("Max", mean_squares, MIN_DISTANCE))
    return graph("Div", graph("Add", logs, euclidean), 2.0)


def _expanded(graph: OnnxGraph, a: str, b: str, means: np.ndarray, offsets: np.ndarray) -> str:
    """a · b - 2 a · means + offsets: [1, classes]."""
    own = graph("ReduceSum", graph("Mul", a, b), [1])
    shared = graph("Mul", graph("MatMul", a, _single(means.T)), 2.0)
    return graph("Add", graph("Sub", own, shared), _single(offsets))


def _discounted(graph: OnnxGraph, probs: str, novelty: str, classes: int) -> str:
    """``discount_by_novelty`` of probabilities [1, c]."""
    discount = graph("Min", novelty, float(MAX_DISCOUNT))
    discount = graph("Mul", discount, classes / max(classes - 1, 1))
    return graph("Sub", probs, graph("Mul", discount, graph("Sub", probs, 1 / classes)))
