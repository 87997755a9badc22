"""A model → a frozen TensorFlow graph that TensorFlow for Poets' ``label_image`` can run.

The graph is fed a whole picture squeezed to 224 × 224 pixels, so it cannot crop to the object
from the full picture as the app does; its mask takes every pixel of a plain border's colour for
background. On square pictures of objects it names what the app names.
"""

import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .backbone import Backbone, load_backbone
from .bundle import Bundle
from .embedding import BINS, FLOOR, RANGES, TO_XYZ, VIEWS
from .errors import BackboneError, BundleError
from .foreground import LEAST_OBJECT, PLAIN_BORDER, TOLERANCE, WORK_SIDE

INPUT, OUTPUT = "input", "final_result"
# What label_image feeds: pictures of this side, as (pixel - mean) / deviation.
SIDE, MEAN, DEVIATION = 224, 128.0, 128.0

# RGB to YCbCr (JPEG), without the offset of the last two, which differences do not need.
_TO_YCBCR = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32
)
_BORDER = np.pad(np.zeros((WORK_SIDE - 2,) * 2, bool), 1, constant_values=True)


def export_graph(bundle: Bundle, path: Path) -> None:
    """Write ``bundle`` as a frozen GraphDef (``.pb``) with all weights and preprocessing inside.

    It maps ``input`` [n, 224, 224, 3], float32, scaled as ``(pixel - 128) / 128``, to
    ``final_result`` [n, classes], the probabilities in the order of the bundle's labels. Raises
    BundleError where the network here is not the one the model was trained on.
    """
    import tensorflow as tf

    backbone = load_backbone(bundle.embedding.architecture)
    if backbone.digest != bundle.backbone_digest:
        raise BundleError(
            f"The model “{bundle.title}” was trained on another version of "
            f"{bundle.embedding.architecture}; retrain it here."
        )
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

    mask = _mask(pixels)
    network = read_network(backbone.spec.path)
    looks = [_look(pixels, mask, view, backbone, network) for view in VIEWS[:views]]
    return tf.concat([tf.add_n(looks) / views, _colours(pixels, mask)], axis=1)


def _mask(pixels: Any) -> Any:
    """1 on the object, 0 on what has the colour of a plain border: [n, 224, 224, 1]."""
    import tensorflow as tf

    small = tf.image.resize(pixels, (WORK_SIDE, WORK_SIDE), "area")
    colours = tf.tensordot(small, _TO_YCBCR.T, 1)
    count = int(_BORDER.sum())
    border = tf.sort(tf.boolean_mask(colours, _BORDER, axis=1), axis=1)
    plain = tf.reduce_mean(border[:, (count - 1) // 2 : count // 2 + 1], axis=1)  # the median
    near = tf.abs(colours - plain[:, None, None]) <= np.float32(TOLERANCE)
    ground = tf.cast(tf.reduce_all(near, axis=3), tf.float32)
    share = tf.reduce_mean(tf.boolean_mask(ground, _BORDER, axis=1), axis=1)
    rest = 1 - tf.reduce_mean(ground, axis=(1, 2))
    sure = tf.cast((share >= PLAIN_BORDER) & (rest >= LEAST_OBJECT), tf.float32)
    mask = 1 - ground * sure[:, None, None]
    return tf.image.resize(mask[..., None], (SIDE, SIDE), "nearest")


def _look(pixels: Any, mask: Any, view: tuple, backbone: Backbone, network: Callable) -> Any:
    """Mean and deviation of every stage over the object in one of ``VIEWS``: [n, d]."""
    import tensorflow as tf

    *box, mirrored = view
    left, upper, right, lower = (round(edge * SIDE) for edge in box)
    step = -1 if mirrored else 1
    seen, weights = (x[:, upper:lower, left:right][:, :, ::step] for x in (pixels, mask))
    spec = backbone.spec
    seen = tf.image.resize(seen, (spec.side, spec.side), "bicubic")
    stages = network((seen - spec.mean) / spec.scale)
    return tf.concat([part for stage in stages for part in _pool(stage, weights)], axis=1)


def _pool(stage: Any, mask: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    weights = tf.image.resize(mask, stage.shape[1:3], "area") + FLOOR
    weights /= tf.reduce_sum(weights, axis=(1, 2), keepdims=True)
    mean = tf.reduce_sum(weights * stage, axis=(1, 2))
    square = tf.reduce_sum(weights * stage**2, axis=(1, 2))
    return _unit(mean), _unit(tf.sqrt(tf.maximum(square - mean**2, 0)))


def _unit(vectors: Any) -> Any:
    import tensorflow as tf

    return vectors / tf.maximum(tf.norm(vectors, axis=1, keepdims=True), 1e-9)


def _colours(pixels: Any, mask: Any) -> Any:
    """Square root of the Lab histogram; a tent around each bin's place spreads the pixels."""
    import tensorflow as tf

    places = SIDE * SIDE
    lab = tf.reshape(_lab(pixels), (-1, places, 3))
    tents = []
    for channel, (bins, (low, high)) in enumerate(zip(BINS, RANGES, strict=True)):
        place = tf.clip_by_value((lab[..., channel] - low) / (high - low), 0, 1) * (bins - 1)
        distance = tf.abs(place[..., None] - np.arange(bins, dtype=np.float32))
        tents.append(tf.maximum(1 - distance, 0))
    pairs = tents[0][..., None] * tents[1][..., None, :] * tf.reshape(mask, (-1, places, 1, 1))
    pairs = tf.reshape(pairs, (-1, places, BINS[0] * BINS[1]))
    histogram = tf.reshape(tf.matmul(pairs, tents[2], transpose_a=True), (-1, int(np.prod(BINS))))
    return tf.sqrt(histogram / tf.maximum(tf.reduce_sum(histogram, 1, keepdims=True), 1e-9))


def _lab(rgb: Any) -> Any:
    import tensorflow as tf

    share = tf.clip_by_value(rgb / 255, 0, 1)
    linear = tf.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = tf.tensordot(linear, TO_XYZ.T, 1)
    f = tf.where(xyz > 0.008856, xyz ** (1 / 3), 7.787 * xyz + 16 / 116)
    lightness = 116 * f[..., 1:2] - 16
    return tf.concat([lightness, *(s * (f[..., i : i + 1] - f[..., j : j + 1])
                                   for s, (i, j) in zip((500, 200), pairwise(range(3)), strict=True))],
                     axis=-1)  # fmt: skip


# --- the network


def read_network(path: Path) -> Callable[[Any], list[Any]]:
    """The network of a TFLite file in TensorFlow: pixels [n, side, side, 3] → its stage maps.

    Knows the operations that convolutional networks need; BackboneError for any other.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    (parts,) = model.subgraphs
    weights = {index: _constant(model, tensor) for index, tensor in enumerate(parts.tensors)}

    def network(pixels: Any) -> list[Any]:
        known = weights | {parts.inputs[0]: pixels}
        for operation in parts.operators:
            code = model.operatorCodes[operation.opcodeIndex]
            inputs = [known[index] for index in operation.inputs]
            known[operation.outputs[0]] = _apply(
                max(code.builtinCode, code.deprecatedBuiltinCode), operation.builtinOptions, inputs
            )
        return sorted((known[index] for index in parts.outputs), key=_by_resolution)

    return network


def _constant(model: Any, tensor: Any) -> np.ndarray | None:
    content = model.buffers[tensor.buffer].data
    if content is None or not len(content):
        return None
    kind = "<i4" if tensor.type == 2 else "<f4"  # TensorType.INT32, else FLOAT32
    return np.asarray(content, np.uint8).view(kind).reshape(tensor.shape)


def _apply(code: int, options: Any, inputs: list[Any]) -> Any:
    import tensorflow as tf
    from ai_edge_litert.schema_py_generated import ActivationFunctionType, BuiltinOperator, Padding

    if code == BuiltinOperator.PAD:
        return tf.pad(*inputs)
    if code == BuiltinOperator.ADD:
        out = inputs[0] + inputs[1]
    elif code in (BuiltinOperator.CONV_2D, BuiltinOperator.DEPTHWISE_CONV_2D):
        maps, kernel, bias = inputs
        convolve = tf.nn.conv2d if code == BuiltinOperator.CONV_2D else tf.nn.depthwise_conv2d
        padding = "SAME" if options.padding == Padding.SAME else "VALID"
        strides = (1, options.strideH, options.strideW, 1)
        out = convolve(maps, kernel.transpose(1, 2, 3, 0), strides, padding) + bias
    else:
        raise BackboneError(f"The network holds operation {code}, which the export does not know.")
    return tf.nn.relu6(out) if options.fusedActivationFunction == ActivationFunctionType.RELU6 else out


def _by_resolution(stage: Any) -> tuple[int, int]:
    return -stage.shape[1], stage.shape[3]
