"""A model → a frozen TensorFlow graph that TensorFlow for Poets' ``label_image`` can run.

The graph is fed a whole picture squeezed to 224 × 224 pixels: it does not know the picture's shape,
and where the model reads the object, it finds that on a plain ground only.
"""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from decor_core.export.keras_model import PROBABILITIES, build_model, lab
from decor_core.images import localize
from decor_core.io import write_file
from decor_core.model.bundle import Bundle

_INPUT, _OUTPUT = "input", "final_result"
# What label_image feeds: pictures of this side, as (pixel - mean) / deviation.
_SIDE, _MEAN, _DEVIATION = 224, 128.0, 128.0

_WHOLE_PICTURE = np.array([0, 0, _SIDE, _SIDE], np.float32)


def export_graph(bundle: Bundle, path: Path) -> None:
    """Write ``bundle`` as a frozen GraphDef (``.pb``) with all weights and preprocessing inside.

    It maps ``input`` [n, 224, 224, 3], float32, scaled as ``(pixel - 128) / 128``, to
    ``final_result`` [n, classes], the probabilities in the order of the bundle's labels. Raises
    DecorError as ImagePredictor does where the model was trained on another network or embedding.
    """
    model = build_model(bundle)
    read = find_objects if bundle.embedding.region == "object" else whole_frames

    @tf.function(
        input_signature=[tf.TensorSpec((None, _SIDE, _SIDE, 3), name=_INPUT)], autograph=False
    )
    def classify(scaled: Any) -> Any:
        outputs = model(read(scaled * _DEVIATION + _MEAN))
        return tf.identity(outputs[PROBABILITIES], name=_OUTPUT)

    frozen = convert_variables_to_constants_v2(classify.get_concrete_function())
    write_file(path, frozen.graph.as_graph_def().SerializeToString())


def whole_frames(pixels: Any) -> Any:
    """Pictures [n, h, w, 3] of 0–255 for the model [n, h, w, 4]: every pixel counts alike."""
    return tf.concat([pixels, tf.fill(tf.shape(pixels[..., :1]), 255.0)], axis=-1)


def find_objects(pixels: Any) -> Any:
    """Objects [n, h, w, 4] for the model, of pictures [n, h, w, 3] of 0–255.

    As ``localize.find_object``, but for the back-projection: lines of one color along the border
    are trimmed; where the border of the rest is plain, what differs from it counts, elsewhere all
    of it; and a background or margin that is probably white is made white.
    """
    colors, margin = lab(pixels), _median(_border(pixels))
    is_margin = _distance(colors, _median(_border(colors))) < localize.LIKE_GROUND
    boxes = _trim(tf.cast(is_margin[..., 0], tf.float32))
    border = _border(_crop(pixels, boxes))
    background = _median(border)
    is_background = _distance(lab(border[:, None]), lab(background)) < localize.LIKE_GROUND
    share = tf.reduce_mean(tf.cast(is_background, tf.float32), axis=(1, 2, 3))
    distance = _distance(colors, lab(background))
    weights = tf.clip_by_value((distance - localize.NOTICEABLE) / localize.SOFTNESS, 0, 1)
    is_plain = (share >= localize.PLAIN_RING) & (
        tf.reduce_mean(weights, axis=(1, 2, 3)) >= localize.MIN_WEIGHT
    )
    is_plain = is_plain[:, None, None, None]
    inside = _inside(boxes)
    weights = tf.where(is_plain, weights, tf.ones_like(weights)) * inside
    is_trimmed = tf.reduce_any(boxes != _WHOLE_PICTURE, axis=1)[:, None, None, None]
    white = tf.where(is_plain, background, margin)
    gains = tf.where(is_plain | is_trimmed, _white_balance(white), tf.ones_like(white))
    center = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = tf.reduce_max(boxes[:, 2:] - boxes[:, :2], axis=1, keepdims=True) / 2
    square = tf.concat([center - half, center + half], axis=1)  # it may reach beyond the picture
    object_pixels = _crop((pixels - background) * inside, square, localize.SIDE) + background
    balanced = tf.minimum(tf.floor(object_pixels * gains + 0.5), 255)
    return tf.concat([balanced, 255 * _crop(weights, square, localize.SIDE)], axis=-1)


def _distance(colors: Any, others: Any) -> Any:
    return tf.norm(colors - others, axis=-1, keepdims=True)


def _trim(is_margin: Any) -> Any:
    """Upper, left, lower, right [n, 4] of what is left without the uniform lines on the border."""
    edges = []
    for axis in (2, 1):
        uniform = tf.cast(tf.reduce_mean(is_margin, axis=axis) >= localize.UNIFORM, tf.float32)
        for lines in (uniform, uniform[:, ::-1]):
            count = tf.reduce_sum(tf.math.cumprod(lines, axis=1), axis=1)
            edges.append(tf.where(count > 0, count + localize.SEAM, 0.0))
    upper, lower, left, right = edges
    boxes = tf.stack([upper, left, _SIDE - lower, _SIDE - right], axis=1)
    sizes = boxes[:, 2:] - boxes[:, :2]
    return tf.where(tf.reduce_min(sizes, axis=1, keepdims=True) >= 4, boxes, _WHOLE_PICTURE)


def _inside(boxes: Any) -> Any:
    """1 inside of each of ``boxes`` and 0 outside: [n, h, w, 1]."""
    centers = np.arange(_SIDE) + 0.5
    rows, columns = (
        tf.cast((centers > boxes[:, k, None]) & (centers < boxes[:, k + 2, None]), tf.float32)
        for k in (0, 1)
    )
    return rows[:, :, None, None] * columns[:, None, :, None]


def _crop(maps: Any, boxes: Any, side: int = _SIDE) -> Any:
    """Crops of each of ``boxes``, ``side`` pixels a side; 0 beyond the picture."""
    # This operation counts from the middle of the first pixel to that of the last.
    half = (boxes[:, 2:] - boxes[:, :2]) / side / 2
    middles = tf.concat([boxes[:, :2] + half, boxes[:, 2:] - half], axis=1) - 0.5
    indices = tf.range(tf.shape(maps)[0])
    return tf.image.crop_and_resize(maps, middles / (_SIDE - 1), indices, (side, side))


def _border(maps: Any) -> Any:
    """The two outermost pixels on each side of maps [n, h, w, c]: [n, m, c]."""
    height, width, channels = maps.shape[1:]
    ring = np.pad(np.zeros((height - 4, width - 4), bool), 2, constant_values=True)
    return tf.gather(tf.reshape(maps, (-1, height * width, channels)), np.flatnonzero(ring), axis=1)


def _median(colors: Any) -> Any:
    """Medians [n, 1, 1, 3] of colors [n, m, 3], m even."""
    middle = colors.shape[1] // 2
    pair = tf.sort(colors, axis=1)[:, middle - 1 : middle + 1]
    return tf.reduce_mean(pair, axis=1)[:, None, None]


def _white_balance(white: Any) -> Any:
    """Factors that make a color [n, 1, 1, 3] gray of equal brightness if it is light and pale."""
    lightness, *hue = tf.unstack(lab(white), axis=-1)
    is_white = (lightness > localize.LIGHT) & (tf.norm(tf.stack(hue), axis=0) < localize.PALE)
    gains = tf.reduce_mean(white, axis=-1, keepdims=True) / tf.maximum(white, 1.0)
    return tf.where(is_white[..., None], gains, tf.ones_like(gains))
