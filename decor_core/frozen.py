"""A model → a frozen TensorFlow graph that TensorFlow for Poets' ``label_image`` can run.

The graph is fed a whole picture squeezed to 224 × 224 pixels: it cannot crop to the object as the
app does, it knows a plain background by the border's colour, and no other.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from . import foreground
from .bundle import Bundle
from .graph import PROBABILITIES, build_model, lab

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
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model = build_model(bundle)

    @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3), name=INPUT)])
    def answer(fed: Any) -> Any:
        pixels = fed * DEVIATION + MEAN
        objects = tf.concat([pixels, 255 * ornament_weights(lab(pixels))], axis=-1)
        return tf.identity(model(objects)[PROBABILITIES], name=OUTPUT)

    frozen = convert_variables_to_constants_v2(answer.get_concrete_function())
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        partial = Path(folder) / path.name
        partial.write_bytes(frozen.graph.as_graph_def().SerializeToString())
        partial.replace(path)


def ornament_weights(colours: Any) -> Any:
    """How much each pixel of L*a*b* [n, 224, 224, 3] differs from the ground: [n, 224, 224, 1].

    The ground is the colour of most of the border; where there is none, every pixel counts 1.
    """
    import tensorflow as tf

    small = tf.image.resize(colours, _BORDER.shape, "area")
    border = tf.boolean_mask(small, _BORDER, axis=1)
    middle = int(_BORDER.sum()) // 2
    ground = tf.sort(border, axis=1)[:, middle, None]  # the median
    plain = tf.reduce_mean(1 - _difference(border, ground), axis=(1, 2)) >= foreground.PLAIN_BORDER
    weights = _difference(colours, ground[:, None])
    enough = tf.reduce_mean(weights, axis=(1, 2, 3)) >= foreground.LEAST_WEIGHT
    return tf.where((plain & enough)[:, None, None, None], weights, tf.ones_like(weights))


def _difference(colours: Any, ground: Any) -> Any:
    import tensorflow as tf

    distance = tf.norm(colours - ground, axis=-1, keepdims=True)
    return tf.clip_by_value((distance - foreground.NOTICEABLE) / foreground.SOFTNESS, 0, 1)
