"""A model → a frozen TensorFlow graph that TensorFlow for Poets' ``label_image`` can run.

The graph is fed a whole picture squeezed to 224 × 224 pixels: it does not know the picture's shape,
and it finds the object on a plain ground only.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from decor_core.export.keras_model import PROBABILITIES, build_model, lab
from decor_core.images import localize as objects
from decor_core.model.bundle import Bundle

INPUT, OUTPUT = "input", "final_result"
# What label_image feeds: pictures of this side, as (pixel - mean) / deviation.
SIDE, MEAN, DEVIATION = 224, 128.0, 128.0

_EVERYTHING = np.float32([0, 0, SIDE, SIDE])


def export_graph(bundle: Bundle, path: Path) -> None:
    """Write ``bundle`` as a frozen GraphDef (``.pb``) with all weights and preprocessing inside.

    It maps ``input`` [n, 224, 224, 3], float32, scaled as ``(pixel - 128) / 128``, to
    ``final_result`` [n, classes], the probabilities in the order of the bundle's labels. Raises
    DecorError as Predictor does where the model was trained on another network or embedding.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model = build_model(bundle)

    @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3), name=INPUT)])
    def answer(fed: Any) -> Any:
        found = model(find_objects(fed * DEVIATION + MEAN))
        return tf.identity(found[PROBABILITIES], name=OUTPUT)

    frozen = convert_variables_to_constants_v2(answer.get_concrete_function())
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        partial = Path(folder) / path.name
        partial.write_bytes(frozen.graph.as_graph_def().SerializeToString())
        partial.replace(path)


def find_objects(pixels: Any) -> Any:
    """Objects [n, h, w, 4] for the model, of pictures [n, h, w, 3] of 0–255.

    As ``objects.find_object``, but for the back-projection: lines of one colour along the border
    are trimmed; where the border of the rest is plain, what differs from it counts, elsewhere all
    of it; and a ground or margin that is probably white is made white.
    """
    import tensorflow as tf

    colours, margin = lab(pixels), _median(_border(pixels))
    alike = _distance(colours, _median(_border(colours))) < objects.LIKE_GROUND
    boxes = _trimmed(tf.cast(alike[..., 0], tf.float32))
    inner = _border(_cut(pixels, boxes))
    ground = _median(inner)
    plain = _distance(lab(inner[:, None]), lab(ground)) < objects.LIKE_GROUND
    plain = tf.reduce_mean(tf.cast(plain, tf.float32), axis=(1, 2, 3)) >= objects.PLAIN_RING
    distance = _distance(colours, lab(ground))
    weights = tf.clip_by_value((distance - objects.NOTICEABLE) / objects.SOFTNESS, 0, 1)
    plain &= tf.reduce_mean(weights, axis=(1, 2, 3)) >= objects.LEAST_WEIGHT
    plain = plain[:, None, None, None]
    inside = _inside(boxes)
    weights = tf.where(plain, weights, tf.ones_like(weights)) * inside
    trimmed = tf.reduce_any(boxes != _EVERYTHING, axis=1)[:, None, None, None]
    white = tf.where(plain, ground, margin)
    gains = tf.where(plain | trimmed, _gains(white), tf.ones_like(white))
    square = _square(boxes)
    shown = _cut((pixels - ground) * inside, square, objects.SIDE) + ground
    balanced = tf.minimum(tf.floor(shown * gains + 0.5), 255)
    return tf.concat([balanced, 255 * _cut(weights, square, objects.SIDE)], axis=-1)


def _distance(colours: Any, others: Any) -> Any:
    import tensorflow as tf

    return tf.norm(colours - others, axis=-1, keepdims=True)


def _trimmed(alike: Any) -> Any:
    """Upper, left, lower, right of what is left without the uniform lines along the border."""
    import tensorflow as tf

    edges = []
    for axis in (2, 1):
        uniform = tf.cast(tf.reduce_mean(alike, axis=axis) >= objects.UNIFORM, tf.float32)
        for lines in (uniform, uniform[:, ::-1]):
            count = tf.reduce_sum(tf.math.cumprod(lines, axis=1), axis=1)
            edges.append(tf.where(count > 0, count + objects.SEAM, 0.0))
    upper, lower, left, right = edges
    boxes = tf.stack([upper, left, SIDE - lower, SIDE - right], axis=1)
    sizes = boxes[:, 2:] - boxes[:, :2]
    return tf.where(tf.reduce_min(sizes, axis=1, keepdims=True) >= 4, boxes, _EVERYTHING)


def _inside(boxes: Any) -> Any:
    """1 inside of each of ``boxes`` and 0 outside: [n, h, w, 1]."""
    import tensorflow as tf

    places = np.arange(SIDE) + 0.5
    rows, columns = (
        tf.cast((places > boxes[:, k, None]) & (places < boxes[:, k + 2, None]), tf.float32)
        for k in (0, 1)
    )
    return rows[:, :, None, None] * columns[:, None, :, None]


def _square(boxes: Any) -> Any:
    """The square around the middle of each of ``boxes``; it may reach beyond the picture."""
    import tensorflow as tf

    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = tf.reduce_max(boxes[:, 2:] - boxes[:, :2], axis=1, keepdims=True) / 2
    return tf.concat([centre - half, centre + half], axis=1)


def _cut(maps: Any, boxes: Any, side: int = SIDE) -> Any:
    """What lies in each of ``boxes``, ``side`` pixels a side; beyond the picture it is 0."""
    import tensorflow as tf

    # This operation counts from the middle of the first pixel to that of the last.
    half = (boxes[:, 2:] - boxes[:, :2]) / side / 2
    middles = tf.concat([boxes[:, :2] + half, boxes[:, 2:] - half], axis=1) - 0.5
    numbers = tf.range(tf.shape(maps)[0])
    return tf.image.crop_and_resize(maps, middles / (SIDE - 1), numbers, (side, side))


def _border(maps: Any) -> Any:
    """The two outermost pixels on each side of maps [n, h, w, c]: [n, m, c]."""
    import tensorflow as tf

    height, width, channels = maps.shape[1:]
    ring = np.pad(np.zeros((height - 4, width - 4), bool), 2, constant_values=True)
    return tf.gather(tf.reshape(maps, (-1, height * width, channels)), np.flatnonzero(ring), axis=1)


def _median(colours: Any) -> Any:
    """Of colours [n, m, 3], m even: [n, 1, 1, 3]."""
    import tensorflow as tf

    middle = colours.shape[1] // 2
    pair = tf.sort(colours, axis=1)[:, middle - 1 : middle + 1]
    return tf.reduce_mean(pair, axis=1)[:, None, None]


def _gains(white: Any) -> Any:
    """What makes a colour [n, 1, 1, 3] grey of the same brightness if it is light and pale."""
    import tensorflow as tf

    lightness, *hue = tf.unstack(lab(white), axis=-1)
    is_white = (lightness > objects.LIGHT) & (tf.norm(tf.stack(hue), axis=0) < objects.PALE)
    gains = tf.reduce_mean(white, axis=-1, keepdims=True) / tf.maximum(white, 1.0)
    return tf.where(is_white[..., None], gains, tf.ones_like(gains))
