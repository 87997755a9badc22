"""A model → a frozen TensorFlow graph that TensorFlow for Poets' ``label_image`` can run.

The graph is fed a whole picture squeezed to 224 × 224 pixels: it cannot crop to the object as the
app does, it knows a plain background by the border's colour, and no other.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from . import objects
from .bundle import Bundle
from .graph import PROBABILITIES, build_model, lab

INPUT, OUTPUT = "input", "final_result"
# What label_image feeds: pictures of this side, as (pixel - mean) / deviation.
SIDE, MEAN, DEVIATION = 224, 128.0, 128.0


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
        found = model(ornament(fed * DEVIATION + MEAN))
        return tf.identity(found[PROBABILITIES], name=OUTPUT)

    frozen = convert_variables_to_constants_v2(answer.get_concrete_function())
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        partial = Path(folder) / path.name
        partial.write_bytes(frozen.graph.as_graph_def().SerializeToString())
        partial.replace(path)


def ornament(pixels: Any) -> Any:
    """Objects [n, h, w, 4] for the model, of pictures [n, h, w, 3] of 0–255.

    As ``objects.find_object`` on a plain ground, the median colour of the border: what differs
    from it counts, and a ground that is probably white is made white. Without one, every pixel
    counts.
    """
    import tensorflow as tf

    colours = lab(pixels)
    ring = _ring(pixels.shape[1:3])
    border = tf.boolean_mask(colours, ring, axis=1)
    distance = tf.norm(colours - _median(border)[:, None], axis=-1, keepdims=True)
    alike = tf.boolean_mask(distance, ring, axis=1) < objects.LIKE_GROUND
    plain = tf.reduce_mean(tf.cast(alike, tf.float32), axis=(1, 2)) >= objects.PLAIN_RING
    weights = tf.clip_by_value((distance - objects.NOTICEABLE) / objects.SOFTNESS, 0, 1)
    plain &= tf.reduce_mean(weights, axis=(1, 2, 3)) >= objects.LEAST_WEIGHT
    plain = plain[:, None, None, None]
    ground = _median(tf.boolean_mask(pixels, ring, axis=1))[:, None]
    balanced = tf.where(plain, _balanced(pixels, ground), pixels)
    return tf.concat([balanced, tf.where(plain, 255 * weights, 255.0)], axis=-1)


def _ring(shape: tuple[int, int]) -> np.ndarray:
    return np.pad(np.zeros((shape[0] - 4, shape[1] - 4), bool), 2, constant_values=True)


def _median(colours: Any) -> Any:
    """Of [n, m, 3] over m: [n, 1, 3]."""
    import tensorflow as tf

    middle = colours.shape[1] // 2
    return tf.reduce_mean(tf.sort(colours, axis=1)[:, middle - 1 : middle + 1], 1, keepdims=True)


def _balanced(pixels: Any, ground: Any) -> Any:
    """The pictures in a light in which a ``ground`` [n, 1, 1, 3] that is light and pale is grey."""
    import tensorflow as tf

    lightness, *hue = tf.unstack(lab(ground), axis=-1)
    white = (lightness > objects.LIGHT) & (tf.norm(tf.stack(hue), axis=0) < objects.PALE)
    gains = tf.reduce_mean(ground, axis=-1, keepdims=True) / tf.maximum(ground, 1.0)
    return tf.where(white[..., None], tf.minimum(tf.round(pixels * gains), 255), pixels)
