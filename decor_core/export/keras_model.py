"""A model as one Keras graph: object in, probabilities out, the network and the head inside.

What embedding.py does with Pillow and NumPy, step by step, in operations that Keras, SavedModel,
TFLite and frozen graphs all know; tests hold the two against each other.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from decor_core.export.network import keras_network
from decor_core.features.backbones import BackboneSpec, load_backbone
from decor_core.features.embedder import COLOUR_SIDE, FLOOR
from decor_core.images import color as colour
from decor_core.images.views import VIEWS
from decor_core.model.bundle import Bundle
from decor_core.model.classifier import Predictor
from decor_core.model.novelty import Novelty

OBJECT, CUT, COUNTED = "object", "views", "weights"
PROBABILITIES, NOVELTY = "probabilities", "novelty"

Network = Callable[[Any], list[Any]]


def build_model(bundle: Bundle, batch: int | None = None, network: Network | None = None) -> Any:
    """The Keras model of ``bundle``; raises DecorError as Predictor does.

    It maps ``object`` [batch, n, n, 4], any n, to ``probabilities`` [batch, labels] and, where
    the bundle knows what it knows, ``novelty`` [batch]. The object's four channels are red,
    green, blue and how much each pixel counts, all 0 to 255: ``embedding.object_square``. With
    another ``network`` it takes besides, of one object, the ``views`` [views, side, side, 3] and
    their ``weights`` [views, m, m, 1], m places a side of the network's largest maps, and does not
    cut them itself: ``embedding.cut``.
    """
    from tensorflow import keras

    Predictor(bundle)  # checks that the model fits what is here
    spec = BackboneSpec.named(bundle.embedding.architecture)
    count, side = bundle.embedding.views, spec.side
    places, *_ = load_backbone(spec.name).shapes[0]
    fed = {OBJECT: keras.Input(batch_shape=(batch, None, None, 4), name=OBJECT)}
    if network:
        seen = fed[CUT] = keras.Input(batch_shape=(count, side, side, 3), name=CUT)
        counted = fed[COUNTED] = keras.Input(batch_shape=(count, places, places, 1), name=COUNTED)
    else:
        seen = _views(fed[OBJECT][..., :3], count, side)
        counted = _views(fed[OBJECT][..., 3:], count, places)
    stages = (network or keras_network(spec.path))((seen - spec.mean) / spec.scale)
    vectors = _embed(fed[OBJECT], stages, counted, count)
    head = keras.layers.Dense(len(bundle.taxonomy.labels), activation="softmax", name=PROBABILITIES)
    outputs = {PROBABILITIES: head(vectors)}
    head.set_weights([bundle.head.weights, bundle.head.bias])
    if bundle.novelty:
        outputs[NOVELTY] = _novelty(vectors, bundle.novelty)
    return keras.Model(fed if network else fed[OBJECT], outputs, name="decor")


def _embed(fed: Any, stages: list[Any], counted: Any, views: int) -> Any:
    """Vectors [n, d] of objects [n, h, w, 4], of whose views a batch has one after the other.

    ``stages`` are the maps of all views, ``counted`` their weights.
    """
    from tensorflow.keras import ops

    counted = ops.transpose(counted, (0, 3, 1, 2))
    looks = ops.concatenate([p for stage in stages for p in _pool(stage, counted)], axis=1)
    means = ops.mean(ops.reshape(looks, (views, -1, looks.shape[1])), axis=0)
    grid = _nearest(fed)
    return ops.concatenate([means, _colours(grid[..., :3], grid[..., 3:])], axis=1)


# --- resampling as Pillow does it to the bit: two matrices of whole numbers, each pass rounded


_UNIT = 2.0**22  # what Pillow counts the weights of eight-bit pixels in


def _views(fed: Any, count: int, side: int) -> Any:
    """The first ``count`` of ``VIEWS`` of maps [n, h, w, c], one after the other in a batch."""
    from tensorflow.keras import ops

    planes = ops.transpose(fed, (0, 3, 1, 2))
    # Only sums tell the size of what is not there yet.
    places = ops.cumsum(ops.cast(ops.ones_like(ops.mean(planes, axis=(0, 1, 2))), "float64")) - 0.5
    length = ops.sum(ops.ones_like(places))
    planes = ops.cast(planes, "float64")
    seen = []
    for left, upper, right, lower, mirrored in VIEWS[:count]:
        rows = _matrix(places, length, (upper, lower), side)
        columns = _matrix(places, length, (left, right), side, mirrored)
        across = _sharp(ops.matmul(planes, ops.transpose(columns)))
        seen.append(_sharp(ops.matmul(rows, across)))
    return ops.cast(ops.transpose(ops.concatenate(seen, axis=0), (0, 2, 3, 1)), "float32")


def _matrix(
    places: Any, length: Any, span: tuple[float, float], side: int, mirrored: bool = False
) -> Any:
    """Weights [side, n], in ``_UNIT``, that resample pixels at ``places`` [n] inside ``span``.

    A bilinear filter, as wide as a pixel of the coarser of the two.
    """
    from tensorflow.keras import ops

    targets = (np.arange(side)[:: -1 if mirrored else 1] + 0.5)[:, None]
    start, stop = (_single(length * edge) for edge in span)
    step = _single(stop - start) / side
    centres = start + step * targets
    distances = ops.abs(ops.expand_dims(places, 0) - centres) / ops.maximum(step, 1.0)
    weights = ops.maximum(1 - distances, 0.0)
    weights = weights / ops.sum(weights, axis=1, keepdims=True)
    return ops.floor(weights * _UNIT + 0.5)


def _single(x: Any) -> Any:
    """Rounded to single precision, in which Pillow takes the edges of a box."""
    from tensorflow.keras import ops

    return ops.cast(ops.cast(x, "float32"), "float64")


def _sharp(sums: Any) -> Any:
    from tensorflow.keras import ops

    return ops.clip(ops.floor(sums / _UNIT + 0.5), 0, 255)


def _levels(planes: Any) -> Any:
    from tensorflow.keras import ops

    return ops.floor(ops.clip(planes, 0, 255) + 0.5)


# --- pooling


def _pool(stage: Any, counted: Any) -> tuple[Any, Any]:
    """Mean and deviation of a stage by weights [n, 1, h, w], each of length 1: [n, channels]."""
    from tensorflow.keras import ops

    shares = _shares(counted, stage.shape[1:3])
    mean = ops.sum(shares * stage, axis=(1, 2))
    square = ops.sum(shares * stage * stage, axis=(1, 2))
    return _unit(mean), _unit(ops.sqrt(ops.maximum(square - mean * mean, 0.0)))


def _shares(counted: Any, shape: Sequence[int]) -> Any:
    """How much each place of maps [n, h, w, c] counts, by weights of pixels: [n, h, w, 1]."""
    from tensorflow.keras import ops

    rows, columns = map(_box_matrix, counted.shape[2:], shape)
    across = ops.matmul(counted, columns.T)
    if counted.shape[2] % shape[0]:  # else Pillow rounds only once
        across = _levels(across)
    small = _levels(ops.matmul(rows, across))
    weights = ops.transpose(small, (0, 2, 3, 1)) / 255 + FLOOR
    return weights / ops.sum(weights, axis=(1, 2), keepdims=True)


def _box_matrix(size: int, side: int) -> np.ndarray:
    centres = (np.arange(side)[:, None] + 0.5) / side * size
    distances = (np.arange(size) + 0.5 - centres) * side / size
    weights = ((distances > -0.5) & (distances <= 0.5)).astype(np.float32)
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


def _nearest(fed: Any) -> Any:
    """The pixels whose colours count: of objects [n, h, h, 4], as many as COLOUR_SIDE a side."""
    from tensorflow.keras import ops

    side = ops.sum(ops.ones_like(ops.mean(fed, axis=(0, 2, 3))))
    steps = np.arange(COLOUR_SIDE, dtype=np.float32) * 2 + 1
    nearest = ops.cast(ops.floor(side * steps / (2 * COLOUR_SIDE)), "int32")
    return ops.take(ops.take(fed, nearest, axis=1), nearest, axis=2)


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
