"""A yardstick: pictures a second that TensorFlow for Poets turns into bottlenecks on this machine.

    python benchmarks/poets.py --pictures decor_images [--width 1.0]

As its ``retrain.py`` does: a picture at a time, decoded and resized in one call of the session,
through MobileNet v1 (Howard et al., 2017) in another, its 1,001 logits written out as text. The
weights are random, which does not change the time.
"""

import argparse
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

_SIDE, _CLASSES, _REPEATS = 224, 1001, 5
# Output channels and stride of MobileNet's blocks.
_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5,
           (1024, 2), (1024, 1))  # fmt: skip
_v1 = tf.compat.v1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, required=True, help="class folders of JPEGs")
    parser.add_argument("--width", type=float, default=1.0, help="of MobileNet: 1.0 or 0.5")
    options = parser.parse_args()
    files = sorted(options.pictures.rglob("*.jpg"))[:120]
    with tf.Graph().as_default(), _v1.Session() as session:
        content, resized, pixels, logits = _graph(options.width)

        def bottleneck(file: Path) -> str:
            seen = session.run(resized, {content: file.read_bytes()})
            return ",".join(map(str, session.run(logits, {pixels: seen})))

        bottleneck(files[0])
        for _ in range(_REPEATS):
            started, used = time.monotonic(), time.process_time()
            for file in files:
                bottleneck(file)
            rate = len(files) / (time.monotonic() - started)
            computing = 1000 * (time.process_time() - used) / len(files)
            print(f"{rate:.0f} pictures a second, {computing:.1f} ms of computing each")


def _graph(width: float) -> tuple[Any, ...]:
    """Placeholder of a JPEG, its pixels; placeholder of pixels, their logits."""
    content = _v1.placeholder(tf.string)
    decoded = tf.cast(tf.image.decode_jpeg(content, channels=3), tf.float32)
    resized = (_v1.image.resize_bilinear(decoded[None], (_SIDE, _SIDE)) - 127.5) / 127.5
    pixels = _v1.placeholder(tf.float32, (1, _SIDE, _SIDE, 3))
    x = _layer(tf.nn.conv2d, pixels, (3, 3, 3, int(32 * width)), 2)
    for channels, stride in _BLOCKS:
        x = _layer(tf.nn.depthwise_conv2d, x, (3, 3, x.shape[3], 1), stride)
        x = _layer(tf.nn.conv2d, x, (1, 1, x.shape[3], int(channels * width)), 1)
    mean = tf.reduce_mean(x, (1, 2))
    return content, resized, pixels, tf.squeeze(mean @ _weights((mean.shape[1], _CLASSES)))


def _layer(convolution: Any, x: Any, shape: tuple[int, ...], stride: int) -> Any:
    found = convolution(x, _weights(shape), (1, stride, stride, 1), "SAME")
    return tf.nn.relu6(tf.nn.bias_add(found, tf.zeros(found.shape[3])))


def _weights(shape: tuple[int, ...]) -> Any:
    return tf.constant(np.random.default_rng(0).normal(0, 0.05, shape), tf.float32)


if __name__ == "__main__":
    main()
