"""The last stages of a network, trained together with a linear head; TensorFlow.

First the head alone, then both (LP-FT; Kumar et al., 2022, “Fine-Tuning can Distort Pretrained
Features and Underperform Out-of-Distribution”), from pairs of pictures mixed (Zhang et al., 2018,
“mixup: Beyond Empirical Risk Minimization”; Verma et al., 2019, “Manifold Mixup”). What is kept
lies halfway between the weights before and after (WiSE-FT; Wortsman et al., 2022, “Robust
fine-tuning of zero-shot models”).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from decor_core.features.trainable_network import TrainableNetwork
from decor_core.model.heads import RidgeLogisticRegression
from decor_core.model.linear_head import LinearHead
from decor_core.training.intermediate_features import IntermediateFeatures

BATCH_SIZE = 16  # pictures of a step
# How far from the weights before to those after training the ones that are kept lie.
INTERPOLATION = 0.5
_HEAD_RATE = 5.0  # times that of the network
_WARM_UP = 0.1  # of all steps, in which the rate rises before it falls as a cosine does
_LABEL_SMOOTHING = 0.1
_MIXUP = 0.4  # both parameters of the beta distribution of what a picture keeps of itself
_WEIGHT_DECAY = 1e-4
_MIN_STD = 1e-4  # is added to that of a column, which is 0 where all pictures are alike in it
_FEATURE_BATCH = 64  # pictures, of which features are computed


class LateStages:
    """Trains the late stages of ``network`` and a head on what their maps are pooled to.

    The head begins as ridge regression of the pictures ``rows``, of ``classes`` [n] of 0…c-1.
    """

    def __init__(
        self,
        network: TrainableNetwork,
        maps: IntermediateFeatures,
        rows: np.ndarray,
        classes: np.ndarray,
    ) -> None:
        self.network, self._maps, self._rows, self._classes = network, maps, rows, classes
        self._resolutions = list(maps.weights)
        self._pooled = tf.function(self._pool, autograph=False, reduce_retracing=True)
        vectors = self.features(rows)
        blocks = [shape[2] * 2 for shape in network.shapes[network.first_trained :]]
        self._mean = vectors.mean(axis=0)
        widths = np.repeat(np.sqrt(blocks), blocks)  # each stage counts alike
        self._scale = (1 / (vectors.std(axis=0) + _MIN_STD) / widths).astype(np.float32)
        # Any, here and below: TensorFlow's stubs know neither arrays nor floats.
        probe: Any = RidgeLogisticRegression().fit(
            (vectors - self._mean) * self._scale, classes[rows]
        )
        self._head_weights = tf.Variable(probe.head_.weights, dtype=tf.float32)
        self._head_bias = tf.Variable(probe.head_.bias, dtype=tf.float32)
        self._initial = self.get_weights()

    def compile(self, epochs: int, learning_rate: float, seed: int) -> None:
        """Set optimizers and schedule for so many epochs, after which the learning rate is zero."""
        self._rng = np.random.default_rng(seed)
        steps = max(1, epochs * math.ceil(len(self._rows) / BATCH_SIZE))
        self._optimizers = []
        self._step = tf.function(self._gradient_step, autograph=False, reduce_retracing=True)
        groups: list[tuple[Any, float, list[Any]]] = [
            (learning_rate, _WEIGHT_DECAY, list(self.network.trainable_variables)),
            (learning_rate * _HEAD_RATE, 0.0, [self._head_weights, self._head_bias]),
        ]
        for rate, decay, variables in groups:
            schedule = tf.keras.optimizers.schedules.CosineDecay(
                0.0, steps, warmup_target=rate, warmup_steps=math.ceil(_WARM_UP * steps)
            )
            optimizer = tf.keras.optimizers.AdamW(schedule, weight_decay=decay)
            optimizer.build(variables)
            self._optimizers.append((optimizer, variables))

    def train_epoch(self, should_stop: Callable[[], bool]) -> tuple[float, float] | None:
        """Train once on each picture, in any of its versions: cross-entropy, share right.

        Ends where it is to stop; None where that was before the first step.
        """
        order, losses, right = self._rng.permutation(self._rows), [], 0
        versions = self._rng.integers(self._maps.maps.shape[1], size=len(order))
        for start in range(0, len(order), BATCH_SIZE):
            if should_stop():
                break
            batch = slice(start, start + BATCH_SIZE)
            loss, count = self.train_step(order[batch], versions[batch])
            losses.append(loss)
            right += count
        seen = min(len(losses) * BATCH_SIZE, len(order))
        return (float(np.mean(losses)), right / seen) if losses else None

    def train_step(self, rows: np.ndarray, versions: np.ndarray) -> tuple[float, int]:
        """Train on one batch of mixed pictures: cross-entropy, and how many were right before.

        Right is the class of the picture that is most of a mixture.
        """
        maps, weights = self._maps.batch(rows, versions)
        drawn = self._rng.beta(_MIXUP, _MIXUP)
        lam, partners = np.float32(max(drawn, 1 - drawn)), self._rng.permutation(len(rows))
        loss, right = self._step(maps, weights, self._classes[rows], lam, partners)
        return float(loss), int(right)

    def features(self, rows: np.ndarray) -> np.ndarray:
        """Pooled late stages [n, d] of the pictures ``rows``: those columns of their vectors."""
        parts = np.array_split(rows, math.ceil(len(rows) / _FEATURE_BATCH))
        found = (self._pooled(*self._maps.batch(part, np.zeros_like(part))) for part in parts)
        return np.concatenate([part.numpy() for part in found])

    def head(self) -> LinearHead:
        """The head on pooled late stages [d]."""
        weights = self._head_weights.numpy() * self._scale[:, None]
        return LinearHead(weights, self._head_bias.numpy() - self._mean @ weights)

    def get_weights(self) -> list[np.ndarray]:
        """A copy of all that is trained: of network and head."""
        return [variable.numpy().copy() for variable in self._variables]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Set all that is trained to what ``get_weights`` gave."""
        for variable, values in zip(self._variables, weights, strict=True):
            variable.assign(values)

    def interpolated(self) -> list[np.ndarray]:
        """Weights between those before the training and those now."""
        pairs = zip(self._initial, self.get_weights(), strict=True)
        return [(1 - INTERPOLATION) * first + INTERPOLATION * now for first, now in pairs]

    @property
    def _variables(self) -> list[Any]:
        return [*self.network.trainable_variables, self._head_weights, self._head_bias]

    def _pool(self, maps: Any, weights: Sequence[Any]) -> Any:
        """Mean and deviation over cells as in ``embedder.pool``, mean over views: [n, d]."""
        views, found = maps.shape[1], []
        shares = dict(zip(self._resolutions, weights, strict=True))
        merged = tf.reshape(tf.cast(maps, tf.float32), (-1, *maps.shape[2:]))
        for stage in self.network.late_maps(merged):
            height, width, channels = stage.shape[1:]
            cells = tf.reshape(stage, (-1, height * width, channels))
            counted = tf.reshape(shares[height, width], (-1, height * width, 1))
            mean = tf.reduce_sum(cells * counted, 1)
            variance = tf.reduce_sum(cells**2 * counted, 1) - mean**2
            deviation = tf.sqrt(tf.maximum(variance, 1e-12))
            both = [tf.math.l2_normalize(one, axis=-1) for one in (mean, deviation)]
            pooled = tf.reshape(tf.concat(both, -1), (-1, views, 2 * channels))
            found.append(tf.reduce_mean(pooled, 1))
        return tf.concat(found, -1)

    def _gradient_step(
        self, maps: Any, weights: Sequence[Any], classes: Any, lam: Any, partners: Any
    ) -> tuple[Any, Any]:
        """One step of gradient descent: cross-entropy, and how many were right before it.

        Each picture is mixed, ``lam`` parts of it, with the one of the batch that ``partners``
        [b] names.
        """

        def mixed(values: Any) -> Any:
            values = tf.cast(values, tf.float32)
            return lam * values + (1 - lam) * tf.gather(values, partners)

        labels = mixed(tf.one_hot(classes, self._head_bias.shape[0]))
        with tf.GradientTape() as tape:
            pooled = self._pool(mixed(maps), [mixed(one) for one in weights])
            logits = ((pooled - self._mean) * self._scale) @ self._head_weights + self._head_bias
            loss = tf.reduce_mean(
                tf.keras.losses.categorical_crossentropy(
                    labels, logits, from_logits=True, label_smoothing=_LABEL_SMOOTHING
                )
            )
        gradients = iter(tape.gradient(loss, self._variables))
        for optimizer, variables in self._optimizers:
            optimizer.apply_gradients([(next(gradients), one) for one in variables])
        right = tf.reduce_sum(tf.cast(tf.argmax(logits, 1) == classes, tf.int32))
        return loss, right
