"""A model as one Keras graph: object in, probabilities out, the network and the head inside.

What embedding.py does with Pillow and NumPy, step by step, in operations that Keras, SavedModel,
TFLite and frozen graphs all know; tests hold the two against each other.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..learning.novelty import Novelty
from ..models.bundle import Bundle
from ..models.predictor import Predictor
from ..pictures import colour
from ..vision.backbone import BackboneSpec
from ..vision.embedding import FLOOR, VIEWS
from .network import keras_network

OBJECT, PROBABILITIES, NOVELTY = "object", "probabilities", "novelty"

Filter = Callable[[Any], Any]


def build_model(bundle: Bundle, batch: int | None = None) -> Any:
    """The Keras model of ``bundle``; raises DecorError as Predictor does.

    It maps ``object`` [batch, n, n, 4], any n, to ``probabilities`` [batch, labels] and, where
    the bundle knows what it knows, ``novelty`` [batch]. The object's four channels are red,
    green, blue and how much each pixel counts, all 0 to 255: ``embedding.object_square``.
    """
    from tensorflow import keras

    Predictor(bundle)  # checks that the model fits what is here
    spec = BackboneSpec.named(bundle.embedding.architecture)
    fed = keras.Input(batch_shape=(batch, None, None, 4), name=OBJECT)
    vectors = _embed(fed, spec, bundle.embedding.views)
    head = keras.layers.Dense(len(bundle.taxonomy.labels), activation="softmax", name=PROBABILITIES)
    outputs = {PROBABILITIES: head(vectors)}
    head.set_weights([bundle.head.weights, bundle.head.bias])
    if bundle.novelty:
        outputs[NOVELTY] = _novelty(vectors, bundle.novelty)
    return keras.Model(fed, outputs, name="decor")


def _embed(fed: Any, spec: BackboneSpec, views: int) -> Any:
    from tensorflow.keras import ops

    planes = ops.transpose(fed, (0, 3, 1, 2))
    pixels, weights = planes[:, :3], planes[:, 3:]
    # All views in one batch, so that the graph holds the network once.
    seen = _views(pixels, views, spec.side, _bicubic)
    counted = _views(weights, views, spec.side, _bilinear)
    scaled = (ops.transpose(seen, (0, 2, 3, 1)) - spec.mean) / spec.scale
    stages = keras_network(spec.path)(scaled)
    looks = ops.concatenate([p for stage in stages for p in _pool(stage, counted)], axis=1)
    means = ops.mean(ops.reshape(looks, (views, -1, looks.shape[1])), axis=0)
    return ops.concatenate([means, _colours(fed[..., :3], fed[..., 3:])], axis=1)


# --- resampling as Pillow does it: two matrices, rounded to whole levels after each


def _bicubic(x: Any) -> Any:
    from tensorflow.keras import ops

    x = ops.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return ops.where(x < 1, near, ops.where(x < 2, far, 0.0 * x))


def _bilinear(x: Any) -> Any:
    from tensorflow.keras import ops

    return ops.maximum(1 - ops.abs(x), 0.0)


def _box(x: Any) -> Any:
    return ((x > -0.5) & (x <= 0.5)).astype(np.float32)


def _views(planes: Any, count: int, side: int, kernel: Filter) -> Any:
    """The first ``count`` of ``VIEWS`` of [n, c, h, w], one after the other in a batch."""
    from tensorflow.keras import ops

    # Only sums tell the size of what is not there yet.
    places = ops.cumsum(ops.ones_like(ops.mean(planes, axis=(0, 1, 2)))) - 0.5
    length = ops.sum(ops.ones_like(places))
    seen = []
    for left, upper, right, lower, mirrored in VIEWS[:count]:
        rows = _matrix(places, length, (upper, lower), side, kernel)
        columns = _matrix(places, length, (left, right), side, kernel, mirrored)
        across = _levels(ops.matmul(planes, ops.transpose(columns)))
        seen.append(_levels(ops.matmul(rows, across)))
    return ops.concatenate(seen, axis=0)


def _matrix(
    places: Any, length: Any, span: tuple[float, float], side: int, kernel: Filter, mirrored=False
) -> Any:
    """Weights [side, n] that resample pixels at ``places`` [n] inside the relative ``span``."""
    from tensorflow.keras import ops

    targets = (np.arange(side, dtype=np.float32)[:: -1 if mirrored else 1] + 0.5)[:, None] / side
    centres = length * (span[0] + (span[1] - span[0]) * targets)
    scale = ops.maximum(length * ((span[1] - span[0]) / side), 1.0)
    weights = kernel((ops.expand_dims(places, 0) - centres) / scale)
    return weights / ops.sum(weights, axis=1, keepdims=True)


def _levels(planes: Any) -> Any:
    from tensorflow.keras import ops

    return ops.floor(ops.clip(planes, 0, 255) + 0.5)


# --- pooling


def _pool(stage: Any, counted: Any) -> tuple[Any, Any]:
    """Mean and deviation of a stage by weights [n, 1, h, w], each of length 1: [n, channels]."""
    from tensorflow.keras import ops

    rows, columns = (
        _box_matrix(size, side)
        for size, side in zip(counted.shape[2:], stage.shape[1:3], strict=True)
    )
    small = _levels(ops.matmul(rows, _levels(ops.matmul(counted, columns.T))))
    weights = ops.transpose(small, (0, 2, 3, 1)) / 255 + FLOOR
    weights = weights / ops.sum(weights, axis=(1, 2), keepdims=True)
    mean = ops.sum(weights * stage, axis=(1, 2))
    square = ops.sum(weights * stage * stage, axis=(1, 2))
    return _unit(mean), _unit(ops.sqrt(ops.maximum(square - mean * mean, 0.0)))


def _box_matrix(size: int, side: int) -> np.ndarray:
    centres = (np.arange(side)[:, None] + 0.5) / side * size
    weights = _box((np.arange(size) + 0.5 - centres) * side / size)
    return weights / weights.sum(axis=1, keepdims=True)


def _unit(vectors: Any) -> Any:
    from tensorflow.keras import ops

    length = ops.sqrt(ops.sum(vectors * vectors, axis=1, keepdims=True))
    return vectors / ops.maximum(length, 1e-9)


# --- colours


def lab(pixels: Any) -> Any:
    """L*a*b* [n, h, w, 3] as ``colour.lab``, of sRGB pixels [n, h, w, 3] of 0–255."""
    from tensorflow.keras import ops

    share = ops.clip(pixels / 255, 0, 1)
    linear = ops.where(share <= 0.04045, share / 12.92, ops.power((share + 0.055) / 1.055, 2.4))
    xyz = ops.matmul(linear, colour.TO_XYZ.T)
    root = ops.power(ops.maximum(xyz, 1e-6), 1 / 3)
    x, y, z = ops.split(ops.where(xyz > 0.008856, root, 7.787 * xyz + 16 / 116), 3, axis=-1)
    return ops.concatenate([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _colours(pixels: Any, weights: Any) -> Any:
    """Square root of the histogram [n, Π BINS]; a tent over each bin spreads the pixels."""
    from tensorflow.keras import ops

    places = []
    for values, bins, (low, high) in zip(
        ops.split(lab(pixels), 3, axis=-1), colour.BINS, colour.RANGES, strict=True
    ):
        place = ops.clip((values - low) / (high - low), 0, 1) * (bins - 1)
        places.append(ops.maximum(1 - ops.abs(place - np.arange(bins, dtype=np.float32)), 0.0))
    lightness, green, blue = places
    pairs = [np.eye(bins, dtype=np.float32) for bins in colour.BINS[1:]]
    greens = np.repeat(pairs[0], colour.BINS[2], axis=1)
    blues = np.tile(pairs[1], colour.BINS[1])
    both = ops.matmul(green, greens) * ops.matmul(blue, blues)
    sums = ops.matmul(ops.transpose(lightness * weights, (0, 1, 3, 2)), both)
    shares = ops.reshape(ops.sum(sums, axis=1), (-1, int(np.prod(colour.BINS))))
    return ops.sqrt(shares / ops.maximum(ops.sum(shares, axis=1, keepdims=True), 1e-9))


# --- how far from everything known


def _novelty(vectors: Any, known: Novelty) -> Any:
    """``Novelty.scores`` of vectors [n, d]: [n]."""
    from tensorflow.keras import ops

    centred = vectors[:, known.columns] - known.mean
    along = ops.square(ops.matmul(centred, known.axes))
    beyond = ops.maximum(ops.sum(centred * centred, axis=1) - ops.sum(along, axis=1), 0.0)
    explained = ops.sum(along / known.variances, axis=1)
    distances = (explained + beyond / known.rest) / len(known.mean)
    return 1 - ops.power(0.5, distances / known.limit)
