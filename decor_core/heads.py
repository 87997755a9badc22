"""Embeddings and labels → a linear head, in closed form (LDA) or by gradient descent (softmax).

Both train in the same whitened space, block by block of the embedding, and both fold into one
matrix and one bias, so that a prediction is one matrix product.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .errors import TrainingError

HEADS = ("softmax", "lda")


@dataclass(frozen=True)
class TrainConfig:
    """How a head is trained; ranges are checked when it is made (TrainingError).

    ``learning_rate`` and ``weight_decay`` are per step; percentages are of the data set.
    """

    head: str = "softmax"
    steps: int = 500
    learning_rate: float = 0.01
    batch_size: int = 100
    weight_decay: float = 0.0
    eval_interval: int = 10
    testing_percentage: float = 10
    validation_percentage: float = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise TrainingError(f"There is no head “{self.head}”; choose {' or '.join(HEADS)}.")
        _check("number of training steps", self.steps, 1, 100_000)
        _check("learning rate", self.learning_rate, 1e-6, 10)
        _check("batch size", self.batch_size, 1, 10_000)
        _check("weight decay", self.weight_decay, 0, 1)
        _check("evaluation interval", self.eval_interval, 1, 100_000)
        _check("seed", self.seed, 0, 2**32 - 1)


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise TrainingError(f"The {name} must lie between {low} and {high:,}, but it is {value}.")


@dataclass(frozen=True)
class TrainEvent:
    """One point of the training curves; accuracies are 0–1, cross-entropies in nats."""

    step: int
    train_accuracy: float
    train_cross_entropy: float
    validation_accuracy: float | None
    validation_cross_entropy: float | None
    seconds: float


@dataclass(frozen=True)
class Head:
    """Class scores ``vectors @ weights + bias``: weights [d, classes], bias [classes], float32."""

    weights: np.ndarray
    bias: np.ndarray

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """Scores [n, classes] of vectors [n, d]; their softmax are the probabilities."""
        return vectors @ self.weights + self.bias

    def tempered(self, temperature: float) -> "Head":
        """The same head with all its scores divided by ``temperature``."""
        return Head(self.weights / temperature, self.bias / temperature)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, in float64."""
    scores = np.asarray(logits, np.float64)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def cross_entropy(logits: np.ndarray, classes: np.ndarray) -> float:
    """Mean negative log-likelihood, in nats, of the true ``classes`` [n] under logits [n, c]."""
    chosen = probabilities(logits)[np.arange(len(classes)), classes]
    return float(-np.log(np.maximum(chosen, 1e-300)).mean())


@dataclass(frozen=True)
class Whitening:
    """Per block of the embedding, the map to a space where every class is a round ball.

    ``maps[k]`` [d_k, r_k] belongs to columns ``blocks[k]``; r_k ≤ min(d_k, training vectors).
    ``spread`` is the standard deviation of a class along each axis of that space.
    """

    mean: np.ndarray
    spread: float
    blocks: tuple[slice, ...]
    maps: tuple[np.ndarray, ...]

    def apply(self, vectors: np.ndarray) -> np.ndarray:
        """Whitened coordinates [n, Σ r_k], float32, of vectors [n, d]."""
        centred = vectors - self.mean
        parts = [centred[:, b] @ m for b, m in zip(self.blocks, self.maps, strict=True)]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def fold(self, weights: np.ndarray, bias: np.ndarray) -> Head:
        """The head on raw vectors that equals ``weights``, ``bias`` on whitened ones."""
        ends = np.cumsum([m.shape[1] for m in self.maps])[:-1]
        raw = np.zeros((len(self.mean), weights.shape[1]))
        for block, m, part in zip(self.blocks, self.maps, np.split(weights, ends), strict=True):
            raw[block] = m @ part
        return Head(raw.astype(np.float32), (bias - self.mean @ raw).astype(np.float32))


def fit_whitening(
    vectors: np.ndarray, classes: np.ndarray, blocks: Sequence[slice]
) -> Whitening:
    """Whitening by the within-class covariance of each block, shrunk by OAS (Chen et al., 2010).

    ``vectors`` [n, d], ``classes`` [n] of 0…c-1. The maps act in the span of the samples: what
    lies outside of it cannot tell the classes apart. Their scale makes the mean squared norm of
    a whitened training vector, centred on its class, 1: so learning rates mean the same on any
    data set.
    """
    vectors = np.asarray(vectors, np.float64)
    mean = vectors.mean(axis=0)
    within = vectors - _class_means(vectors, classes)[classes]
    maps = [_whiten(vectors[:, b] - mean[b], within[:, b]) for b in blocks]
    spread = 1 / np.sqrt(sum(m.shape[1] for m in maps))
    return Whitening(mean, spread, tuple(blocks), tuple(m * spread for m in maps))


def _class_means(vectors: np.ndarray, classes: np.ndarray) -> np.ndarray:
    counts = np.bincount(classes)
    sums = np.zeros((len(counts), vectors.shape[1]))
    np.add.at(sums, classes, vectors)
    return sums / counts[:, None]


def _whiten(centred: np.ndarray, within: np.ndarray) -> np.ndarray:
    basis = _span(centred)
    within = within @ basis
    covariance = within.T @ within / len(within)
    root = np.linalg.cholesky(_shrink(covariance, len(within), centred.shape[1]))
    return np.linalg.solve(root, basis.T).T


def _span(centred: np.ndarray) -> np.ndarray:
    """Orthonormal basis [d, r] of the rows, or the identity where there are more rows than d."""
    count, dimensions = centred.shape
    if dimensions < count:
        return np.eye(dimensions)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    kept = values > values[-1] * 1e-10
    return centred.T @ (vectors[:, kept] / np.sqrt(values[kept]))


def _shrink(covariance: np.ndarray, count: int, dimensions: int) -> np.ndarray:
    """Oracle approximating shrinkage towards the mean variance over ``dimensions``."""
    mean_variance = np.trace(covariance) / dimensions
    mean_square = (covariance**2).sum() / dimensions**2
    numerator = mean_square + mean_variance**2
    denominator = (count + 1) * (mean_square - mean_variance**2 / dimensions)
    amount = 1.0 if denominator <= 0 else min(1.0, numerator / denominator)
    ridge = max(amount * mean_variance, 1e-12)
    return (1 - amount) * covariance + ridge * np.eye(len(covariance))


def fit_lda(whitening: Whitening, vectors: np.ndarray, classes: np.ndarray) -> Head:
    """Linear discriminant analysis with equal priors (Fisher, 1936; Hastie et al., 2009, 4.3)."""
    means = _class_means(whitening.apply(vectors), classes) / whitening.spread
    return whitening.fold(means.T / whitening.spread, -0.5 * (means**2).sum(axis=1))


def fit_softmax(
    whitening: Whitening,
    vectors: np.ndarray,
    classes: np.ndarray,
    config: TrainConfig,
    *,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    on_event: Callable[[TrainEvent], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Head:
    """Softmax regression by plain gradient descent in TensorFlow, in whitened space.

    Each batch draws a class uniformly, then one of its pictures, as TensorFlow for Poets does.
    Every ``config.eval_interval`` steps ``on_event`` gets a TrainEvent and ``should_stop`` is
    asked; a stopped training returns what it has. Raises TrainingError when it diverges.
    """
    descent = _Descent(whitening.apply(vectors), classes, config)
    held_out = None
    if validation is not None and len(validation[1]):
        held_out = whitening.apply(validation[0]), validation[1]
    started = time.monotonic()
    while descent.step < config.steps and not (descent.step and should_stop()):
        descent.advance(min(config.eval_interval, config.steps - descent.step))
        if on_event is None:
            continue
        train = descent.measure(*descent.training)
        held = descent.measure(*held_out) if held_out else (None, None)
        on_event(TrainEvent(descent.step, *train, *held, time.monotonic() - started))
    return whitening.fold(*descent.parameters())


class _Descent:
    """Weights and bias on their way down; TensorFlow is imported only when one is made."""

    def __init__(self, vectors: np.ndarray, classes: np.ndarray, config: TrainConfig) -> None:
        import tensorflow as tf

        self.training = vectors, classes
        self.step = 0
        self._config = config
        self._random = np.random.default_rng(config.seed)
        self._by_class = np.argsort(classes, kind="stable")
        self._counts = np.bincount(classes)
        self._starts = np.cumsum(self._counts) - self._counts
        self._vectors = tf.constant(vectors)
        self._classes = tf.constant(classes, tf.int32)
        initial = self._random.normal(0, 1e-3, (vectors.shape[1], len(self._counts)))
        self._weights = tf.Variable(initial, dtype=tf.float32)
        self._bias = tf.Variable(tf.zeros(len(self._counts)))
        self._run = tf.function(self._steps, reduce_retracing=True)

    def advance(self, steps: int) -> None:
        """Take ``steps`` steps; TrainingError where the weights are no longer finite."""
        self._run(self._draw(steps))
        self.step += steps
        if not all(np.isfinite(parameter).all() for parameter in self.parameters()):
            raise TrainingError(
                f"The training diverged at step {self.step}: with learning rate "
                f"{self._config.learning_rate:g} the weights grew beyond all bounds; "
                "choose a smaller learning rate."
            )

    def parameters(self) -> tuple[np.ndarray, np.ndarray]:
        return self._weights.numpy().astype(np.float64), self._bias.numpy().astype(np.float64)

    def measure(self, vectors: np.ndarray, classes: np.ndarray) -> tuple[float, float]:
        """Accuracy and cross-entropy on whitened vectors."""
        logits = vectors @ self._weights.numpy() + self._bias.numpy()
        return float((logits.argmax(axis=1) == classes).mean()), cross_entropy(logits, classes)

    def _draw(self, steps: int) -> np.ndarray:
        """Rows [steps, batch size]: a class uniformly, then one of its members uniformly."""
        shape = steps, self._config.batch_size
        drawn = self._random.integers(len(self._counts), size=shape)
        places = (self._random.random(shape) * self._counts[drawn]).astype(int)
        return self._by_class[self._starts[drawn] + places].astype(np.int32)

    def _steps(self, rows):  # noqa: ANN001, ANN202 — a traced TensorFlow function
        import tensorflow as tf

        for step in tf.range(tf.shape(rows)[0]):
            vectors = tf.gather(self._vectors, rows[step])
            classes = tf.gather(self._classes, rows[step])
            with tf.GradientTape() as tape:
                logits = vectors @ self._weights + self._bias
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits)
                loss = tf.reduce_mean(losses)
            weights, bias = tape.gradient(loss, (self._weights, self._bias))
            decay = self._config.weight_decay * self._weights
            self._weights.assign_sub(self._config.learning_rate * (weights + decay))
            self._bias.assign_sub(self._config.learning_rate * bias)
