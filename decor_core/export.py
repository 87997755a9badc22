"""A model → a frozen TensorFlow graph that TensorFlow for Poets' ``label_image`` can run.

The graph is fed a whole picture squeezed to 224 × 224 pixels: it cannot crop to the object as the
app does, it knows a plain background by the border's colour, and no other.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import colour, foreground
from .backbone import Backbone, load_backbone
from .bundle import Bundle
from .embedding import FLOOR, VIEWS
from .errors import BackboneError
from .predictor import Predictor

INPUT, OUTPUT = "input", "final_result"
# What label_image feeds: pictures of this side, as (pixel - mean) / deviation.
SIDE, MEAN, DEVIATION = 224, 128.0, 128.0

_BORDER = np.pad(np.zeros((foreground.WORK_SIDE - 2,) * 2, bool), 1, constant_values=True)


def export_graph(bundle: Bundle, path: Path) -> None:
    """Write ``bundle`` as a frozen GraphDef (``.pb``) with all weights and preprocessing inside.

    It maps ``input`` [n, 224, 224, 3], float32, scaled as ``(pixel - 128) / 128``, to
    ``final_result`` [n, classes], the probabilities in the order of the bundle's labels. Raises
    DecorError as Predictor does where the model was trained on another network or embedding.
    """
    import tensorflow as tf

    Predictor(bundle)  # checks that the model fits what is here
    backbone = load_backbone(bundle.embedding.architecture)
    with tf.Graph().as_default() as graph:
        fed = tf.compat.v1.placeholder(tf.float32, (None, SIDE, SIDE, 3), name=INPUT)
        vectors = _embed(fed * DEVIATION + MEAN, backbone, bundle.embedding.views)
        logits = tf.matmul(vectors, bundle.head.weights) + bundle.head.bias
        tf.nn.softmax(logits, name=OUTPUT)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        partial = Path(folder) / path.name
        partial.write_bytes(graph.as_graph_def().SerializeToString())
        partial.replace(path)


# --- the embedding, as in embedding.py, of a batch of pixels [n, 224, 224, 3] of 0–255


def _embed(pixels: Any, backbone: Backbone, views: int) -> Any:
    import tensorflow as tf

    lab = _lab(pixels)
    weights = _ornament_weights(lab)
    spec = backbone.spec
    # All views in one batch, so that the graph holds the network once.
    seen = _views(pixels, views, spec.side, "bicubic")
    counted = _views(weights, views, spec.side, "bilinear")
    stages = read_network(spec.path)((seen - spec.mean) / spec.scale)
    looks = tf.concat([part for stage in stages for part in _pool(stage, counted)], axis=1)
    means = tf.reduce_mean(tf.reshape(looks, (views, -1, looks.shape[1])), axis=0)
    return tf.concat([means, _colours(lab, weights)], axis=1)


def _views(maps: Any, count: int, side: int, method: str) -> Any:
    """The first ``count`` of ``VIEWS`` of maps [n, 224, 224, c], one after the other in a batch."""
    import tensorflow as tf

    seen = []
    for *box, mirrored in VIEWS[:count]:
        left, upper, right, lower = (round(edge * SIDE) for edge in box)
        cut = maps[:, upper:lower, left:right]
        seen.append(tf.image.resize(cut[:, :, ::-1] if mirrored else cut, (side, side), method))
    return tf.concat(seen, axis=0)


def _lab(pixels: Any) -> Any:
    import tensorflow as tf

    share = tf.clip_by_value(pixels / 255, 0, 1)
    linear = tf.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = tf.tensordot(linear, colour.TO_XYZ.T, 1)
    x, y, z = tf.unstack(tf.where(xyz > 0.008856, xyz ** (1 / 3), 7.787 * xyz + 16 / 116), axis=-1)
    return tf.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _ornament_weights(lab: Any) -> Any:
    """How much each pixel differs from the ground, 0 to 1: [n, 224, 224, 1].

    The ground is the colour of most of the border; where there is none, every pixel counts.
    """
    import tensorflow as tf

    small = tf.image.resize(lab, _BORDER.shape, "area")
    border = tf.boolean_mask(small, _BORDER, axis=1)
    middle = int(_BORDER.sum()) // 2
    ground = tf.sort(border, axis=1)[:, middle, None]  # the median
    plain = tf.reduce_mean(1 - _difference(border, ground), axis=(1, 2)) >= foreground.PLAIN_BORDER
    weights = _difference(lab, ground[:, None])
    enough = tf.reduce_mean(weights, axis=(1, 2, 3)) >= foreground.LEAST_WEIGHT
    return tf.where((plain & enough)[:, None, None, None], weights, tf.ones_like(weights))


def _difference(lab: Any, ground: Any) -> Any:
    import tensorflow as tf

    distance = tf.norm(lab - ground, axis=-1, keepdims=True)
    return tf.clip_by_value((distance - foreground.NOTICEABLE) / foreground.SOFTNESS, 0, 1)


def _pool(stage: Any, weights: Any) -> tuple[Any, Any]:
    """Mean and deviation of a stage by ``weights``, each of length 1: [n, channels]."""
    import tensorflow as tf

    weights = tf.image.resize(weights, stage.shape[1:3], "area") + FLOOR
    weights /= tf.reduce_sum(weights, axis=(1, 2), keepdims=True)
    mean = tf.reduce_sum(weights * stage, axis=(1, 2))
    square = tf.reduce_sum(weights * stage**2, axis=(1, 2))
    return _unit(mean), _unit(tf.sqrt(tf.maximum(square - mean**2, 0)))


def _unit(vectors: Any) -> Any:
    import tensorflow as tf

    return vectors / tf.maximum(tf.norm(vectors, axis=1, keepdims=True), 1e-9)


def _colours(lab: Any, weights: Any) -> Any:
    """Square root of the histogram [n, Π BINS]; a tent over each bin spreads the pixels."""
    import tensorflow as tf

    low, high = np.float32(colour.RANGES).T
    places = tf.clip_by_value((lab - low) / (high - low), 0, 1) * (np.float32(colour.BINS) - 1)
    tents = [
        tf.maximum(1 - tf.abs(places[..., i, None] - np.arange(bins, dtype=np.float32)), 0)
        for i, bins in enumerate(colour.BINS)
    ]
    sums = tf.einsum("nyxi,nyxj,nyxk->nijk", tents[0] * weights, *tents[1:], optimize="optimal")
    sums = tf.reshape(sums, (-1, int(np.prod(colour.BINS))))
    return tf.sqrt(sums / tf.maximum(tf.reduce_sum(sums, axis=1, keepdims=True), 1e-9))


# --- the network


def read_network(path: Path) -> Callable[[Any], list[Any]]:
    """The network of a TFLite file in TensorFlow: pixels [n, side, side, 3] → its stage maps.

    Knows the operations that convolutional networks need; BackboneError for any other.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    (graph,) = model.subgraphs
    weights = {index: _constant(model, tensor) for index, tensor in enumerate(graph.tensors)}

    def network(pixels: Any) -> list[Any]:
        known = weights | {int(graph.inputs[0]): pixels}
        for operation in graph.operators:
            inputs = [known[index] for index in operation.inputs]
            code = model.operatorCodes[operation.opcodeIndex].builtinCode
            known[operation.outputs[0]] = _apply(code, operation.builtinOptions, inputs)
        stages = [known[index] for index in graph.outputs]
        return sorted(stages, key=lambda stage: (-stage.shape[1], stage.shape[3]))

    return network


def _constant(model: Any, tensor: Any) -> np.ndarray | None:
    from ai_edge_litert.schema_py_generated import TensorType

    content = model.buffers[tensor.buffer].data
    if content is None or not len(content):
        return None
    kind = {TensorType.FLOAT32: "<f4", TensorType.INT32: "<i4"}[tensor.type]
    return np.asarray(content, np.uint8).view(kind).reshape(tensor.shape)


def _apply(code: int, options: Any, inputs: list[Any]) -> Any:
    import tensorflow as tf
    from ai_edge_litert.schema_py_generated import ActivationFunctionType, BuiltinOperator, Padding

    if code == BuiltinOperator.PAD:
        return tf.pad(*inputs)
    if code == BuiltinOperator.ADD:
        out = tf.add(*inputs)
    elif code in (BuiltinOperator.CONV_2D, BuiltinOperator.DEPTHWISE_CONV_2D):
        convolve = tf.nn.conv2d if code == BuiltinOperator.CONV_2D else tf.nn.depthwise_conv2d
        maps, kernel, bias = inputs
        strides = (1, options.strideH, options.strideW, 1)
        padding = "SAME" if options.padding == Padding.SAME else "VALID"
        out = convolve(maps, kernel.transpose(1, 2, 3, 0), strides, padding) + bias
    else:
        raise BackboneError(f"The network holds operation {code}, which cannot be exported.")
    relu6 = options.fusedActivationFunction == ActivationFunctionType.RELU6
    return tf.nn.relu6(out) if relu6 else out
