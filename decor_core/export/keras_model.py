"""A model as one Keras graph: object in, probabilities out, the network and the head inside.

What features/embedder.py does with Pillow and NumPy, step by step, in operations that Keras,
SavedModel, TFLite and frozen graphs all know; tests hold the two against each other. This module
loads TensorFlow, as do those that import it: each is imported where it is wanted.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import ops

from decor_core.export.keras_network import keras_network
from decor_core.export.network_operators import box_matrix
from decor_core.features.backbones import load_backbone
from decor_core.features.embedder import COLOR_SIDE, FLOOR
from decor_core.images import color
from decor_core.images.views import VIEWS
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

OBJECT, VIEW_PIXELS, VIEW_WEIGHTS = "object", "views", "weights"
PROBABILITIES, NOVELTY = "probabilities", "novelty"

Network = Callable[[Any], list[Any]]


def build_model(bundle: Bundle, batch: int | None = None, network: Network | None = None) -> Any:
    """The Keras model of ``bundle``; raises DecorError as ImagePredictor does.

    It maps ``object`` [batch, n, n, 4], any n, to ``probabilities`` [batch, labels] and, where
    the bundle knows what it knows, ``novelty`` [batch]. The object's four channels are red,
    green, blue and how much each pixel counts, all 0 to 255: ``views.region_square``. With
    another ``network`` it takes besides, of one object, the ``views`` [views, side, side, 3] and
    their ``weights`` [views, m, m, 1], m being the side of the network's largest maps, and does
    not cut them itself: ``views.cut``.
    """
    ImagePredictor(bundle)  # checks that the model fits what is here
    backbone = load_backbone(bundle.embedding.architecture)
    spec, (map_side, *_) = backbone.spec, backbone.shapes[0]
    count, side = bundle.embedding.views, spec.side
    square = keras.Input(batch_shape=(batch, None, None, 4), name=OBJECT)
    if network:
        pixels = keras.Input(batch_shape=(count, side, side, 3), name=VIEW_PIXELS)
        weights = keras.Input(batch_shape=(count, map_side, map_side, 1), name=VIEW_WEIGHTS)
        inputs = {OBJECT: square, VIEW_PIXELS: pixels, VIEW_WEIGHTS: weights}
    else:
        network, inputs = keras_network(backbone.weights), square
        pixels = _views(square[..., :3], count, side)
        weights = _views(square[..., 3:], count, map_side)
    stages = network((pixels - spec.mean) / spec.scale)
    vectors = _embed(square, stages, weights, count)
    head = keras.layers.Dense(len(bundle.taxonomy.labels), activation="softmax", name=PROBABILITIES)
    outputs = {PROBABILITIES: head(vectors)}
    head.set_weights([bundle.head.weights, bundle.head.bias])
    if bundle.novelty:
        outputs[NOVELTY] = _novelty(vectors, bundle.novelty)
        outputs[PROBABILITIES] = _discounted(outputs[PROBABILITIES], outputs[NOVELTY])
    return keras.Model(inputs, outputs, name="decor")


class _Served(tf.Module):
    """A model as one function, traced once; Keras's own ``export`` traces it three times."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.weights = [one.value for one in model.variables]
        signature = keras.tree.map_structure(
            lambda one: tf.TensorSpec(one.shape, one.dtype, one.name), model.input
        )
        self.serve = tf.function(lambda x: model(x), input_signature=[signature], autograph=False)


def save_model(model: Any, folder: Path) -> None:
    """Write a model as a SavedModel of one signature, with the names of its inputs and outputs."""
    served = _Served(model)
    tf.saved_model.save(served, str(folder), signatures=served.serve)


def _embed(square: Any, stages: list[Any], weights: Any, views: int) -> Any:
    """Vectors [n, d] of objects [n, h, w, 4], of whose views a batch has one after the other.

    ``stages`` are the maps of all views, ``weights`` how much their places count.
    """
    weights = ops.transpose(weights, (0, 3, 1, 2))
    pooled = ops.concatenate([p for stage in stages for p in _pool(stage, weights)], axis=1)
    means = ops.mean(ops.reshape(pooled, (views, -1, pooled.shape[1])), axis=0)
    grid = _nearest(square)
    return ops.concatenate([means, _color_histogram(grid[..., :3], grid[..., 3:])], axis=1)


# --- resampling as Pillow does it to the bit: two matrices of whole numbers, each pass rounded


_UNIT = 2.0**22  # what Pillow counts the weights of eight-bit pixels in


def _views(maps: Any, count: int, side: int) -> Any:
    """The first ``count`` of ``VIEWS`` of maps [n, h, w, c], one after the other in a batch."""
    planes = ops.transpose(maps, (0, 3, 1, 2))
    # Only sums tell the size of what is not there yet.
    centers = ops.cumsum(ops.cast(ops.ones_like(ops.mean(planes, axis=(0, 1, 2))), "float64")) - 0.5
    length = ops.sum(ops.ones_like(centers))
    planes = ops.cast(planes, "float64")
    views = []
    for left, upper, right, lower, mirrored in VIEWS[:count]:
        rows = _resampling_matrix(centers, length, (upper, lower), side)
        columns = _resampling_matrix(centers, length, (left, right), side, mirrored)
        across = _to_levels(ops.matmul(planes, ops.transpose(columns)))
        views.append(_to_levels(ops.matmul(rows, across)))
    return ops.cast(ops.transpose(ops.concatenate(views, axis=0), (0, 2, 3, 1)), "float32")


def _resampling_matrix(
    centers: Any, length: Any, span: tuple[float, float], side: int, mirrored: bool = False
) -> Any:
    """Weights [side, n], in ``_UNIT``, that resample pixels at ``centers`` [n] inside ``span``.

    A bilinear filter, as wide as a pixel of the coarser of the two.
    """
    targets = (np.arange(side)[:: -1 if mirrored else 1] + 0.5)[:, None]
    start, stop = (_single(length * edge) for edge in span)
    step = _single(stop - start) / side
    new_centers = start + step * targets
    distances = ops.abs(ops.expand_dims(centers, 0) - new_centers) / ops.maximum(step, 1.0)
    weights = ops.maximum(1 - distances, 0.0)
    weights = weights / ops.sum(weights, axis=1, keepdims=True)
    return ops.floor(weights * _UNIT + 0.5)


def _single(x: Any) -> Any:
    """Rounded to single precision, in which Pillow takes the edges of a box."""
    return ops.cast(ops.cast(x, "float32"), "float64")


def _to_levels(sums: Any, unit: float = _UNIT) -> Any:
    """Sums in ``unit`` rounded to the levels of a pixel, 0 to 255."""
    return ops.clip(ops.floor(sums / unit + 0.5), 0, 255)


# --- pooling


def _pool(stage: Any, weights: Any) -> tuple[Any, Any]:
    """Mean and deviation of a stage by weights [n, 1, h, w], each of length 1: [n, channels]."""
    shares = _shares(weights, stage.shape[1:3])
    mean = ops.sum(shares * stage, axis=(1, 2))
    square = ops.sum(shares * stage * stage, axis=(1, 2))
    return _unit(mean), _unit(ops.sqrt(ops.maximum(square - mean * mean, 0.0)))


def _shares(weights: Any, shape: Sequence[int]) -> Any:
    """How much each place of maps of ``shape`` counts [n, h, w, 1], by weights [n, 1, m, m]."""
    rows, columns = map(box_matrix, weights.shape[2:], shape)
    across = ops.matmul(weights, columns.T)
    if weights.shape[2] % shape[0]:  # else Pillow rounds only once
        across = _to_levels(across, 1)
    small = _to_levels(ops.matmul(rows, across), 1)
    shares = ops.transpose(small, (0, 2, 3, 1)) / 255 + FLOOR
    return shares / ops.sum(shares, axis=(1, 2), keepdims=True)


def _unit(vectors: Any) -> Any:
    length = ops.sqrt(ops.sum(vectors * vectors, axis=1, keepdims=True))
    return vectors / ops.maximum(length, 1e-9)


# --- colors


def lab(pixels: Any) -> Any:
    """L*a*b* [n, h, w, 3] as ``color.lab``, of sRGB pixels [n, h, w, 3] of 0–255."""
    share = ops.clip(pixels / 255, 0, 1)
    linear = ops.where(share <= 0.04045, share / 12.92, ops.power((share + 0.055) / 1.055, 2.4))
    xyz = ops.matmul(linear, color.TO_XYZ.T)
    root = ops.power(ops.maximum(xyz, 1e-6), 1 / 3)
    x, y, z = ops.split(ops.where(xyz > 0.008856, root, 7.787 * xyz + 16 / 116), 3, axis=-1)
    return ops.concatenate([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _nearest(square: Any) -> Any:
    """The pixels whose colors count: of objects [n, h, h, 4], as many as COLOR_SIDE a side."""
    side = ops.sum(ops.ones_like(ops.mean(square, axis=(0, 2, 3))))
    steps = np.arange(COLOR_SIDE, dtype=np.float32) * 2 + 1
    nearest = ops.cast(ops.floor(side * steps / (2 * COLOR_SIDE)), "int32")
    return ops.take(ops.take(square, nearest, axis=1), nearest, axis=2)


def _color_histogram(pixels: Any, weights: Any) -> Any:
    """Square root of the histogram [n, Π BINS]; a tent over each bin spreads the pixels."""
    memberships = []  # of each pixel in each bin, channel by channel
    for values, bins, (low, high) in zip(
        ops.split(lab(pixels), 3, axis=-1), color.BINS, color.RANGES, strict=True
    ):
        position = ops.clip((values - low) / (high - low), 0, 1) * (bins - 1)
        distances = ops.abs(position - np.arange(bins, dtype=np.float32))
        memberships.append(ops.maximum(1 - distances, 0.0))
    lightness, green, blue = memberships
    pairs = [np.eye(bins, dtype=np.float32) for bins in color.BINS[1:]]
    greens = np.repeat(pairs[0], color.BINS[2], axis=1)
    blues = np.tile(pairs[1], color.BINS[1])
    both = ops.matmul(green, greens) * ops.matmul(blue, blues)
    sums = ops.matmul(ops.transpose(lightness * weights, (0, 1, 3, 2)), both)
    shares = ops.reshape(ops.sum(sums, axis=1), (-1, int(np.prod(color.BINS))))
    return ops.sqrt(shares / ops.maximum(ops.sum(shares, axis=1, keepdims=True), 1e-9))


# --- how far from everything known


def _novelty(vectors: Any, known: Novelty) -> Any:
    """``Novelty.scores`` of vectors [n, d]: [n]."""
    total = 0.0
    for columns, block in zip(known.blocks, known.distributions, strict=True):
        logs = _log_distances(vectors[:, columns], block)
        nearness = ops.exp(SHARPNESS * (ops.min(logs, axis=1, keepdims=True) - logs))
        shares = nearness / ops.sum(nearness, axis=1, keepdims=True)
        total += logs - DISAGREEMENT * ops.log(ops.maximum(shares, 1e-30))
    distances = ops.min(total, axis=1) / len(known.blocks)
    beyond = (distances - known.limit) / (known.limit - known.median_distance)
    return 1 / (1 + ops.exp(-STEEPNESS * ops.clip(beyond, -10, 10)))


def _log_distances(vectors: Any, block: BlockDistributions) -> Any:
    """``BlockDistributions.log_distances`` of vectors [n, d]: [n, classes]."""
    centered, d = vectors - block.center, len(block.center)
    along = ops.matmul(centered, block.axes)
    scaled = along * block.gains
    squares = ops.sum(centered * centered, axis=1, keepdims=True)
    squares = squares - 2 * ops.matmul(centered, block.means.T) + block.offsets[0]
    squares = ops.maximum(squares, 0.0)
    gained = ops.sum(scaled * along, axis=1, keepdims=True)
    gained = gained - 2 * ops.matmul(scaled, block.along.T) + block.offsets[1]
    mahalanobis = squares / block.residual_variance + gained
    logs = ops.log(ops.maximum(mahalanobis / d, MIN_DISTANCE))
    if not block.mean_variance:
        return logs
    return (logs + ops.log(ops.maximum(squares / d / block.mean_variance, MIN_DISTANCE))) / 2


def _discounted(probs: Any, novelties: Any) -> Any:
    """``discount_by_novelty`` of probabilities [n, c]."""
    classes = probs.shape[1]
    share = ops.expand_dims(ops.minimum(novelties, MAX_DISCOUNT), 1)
    discount = share * classes / max(classes - 1, 1)
    return probs - discount * (probs - 1 / classes)
