"""Embeddings and labels → a linear head, in closed form (LDA) or by gradient descent (softmax).

All heads train in the same whitened space, block by block of the embedding, and fold into one
matrix and one bias, so that a prediction is one matrix product. Logistic regression to
convergence is in its own file.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from decor_core.errors import TrainingError
from decor_core.model.training_config import TrainingConfig

_UNWATCHED_INTERVAL = 100


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

    def with_temperature(self, temperature: float) -> "Head":
        """The same head with all its scores divided by ``temperature``."""
        return Head(self.weights / temperature, self.bias / temperature)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, in float64."""
    scores = np.asarray(logits, np.float64)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def cross_entropy(logits: np.ndarray, classes: np.ndarray) -> float:
    """Mean negative log-likelihood, in nats, of ``classes`` [n] under logits [..., n, c]."""
    return float(log_losses(logits, classes).mean())


def log_losses(logits: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Negative log-likelihood [..., n], in nats, of ``classes`` [n] under logits [..., n, c]."""
    chosen = probabilities(logits)[..., np.arange(len(classes)), classes]
    return -np.log(np.maximum(chosen, 1e-300)) + 0.0  # never -0.0


def class_means(
    vectors: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Mean [c, d] of the vectors [n, d] of each class, each counting ``weights`` [n] times."""
    members = np.eye(classes.max() + 1)[classes]
    if weights is not None:
        members = members * weights[:, None]
    return members.T @ vectors / members.sum(axis=0)[:, None]


def fit_lda(
    whitened: Sequence[np.ndarray],
    classes: np.ndarray,
    spread: float,
    weights: np.ndarray | None = None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Linear discriminant analysis with equal priors (Fisher, 1936; Hastie et al., 2009, 4.3).

    Weights, a list of [r_k, c], and bias [c] on whitened coordinates; example i of n counts
    ``weights[i]`` times.
    """
    means = [class_means(part, classes, weights) for part in whitened]
    bias = -0.5 * sum((mean**2).sum(axis=1) for mean in means) / spread**2
    return [mean.T / spread**2 for mean in means], bias


def fit_softmax(
    whitened: Sequence[np.ndarray],
    classes: np.ndarray,
    config: TrainingConfig,
    *,
    weights: np.ndarray | None = None,
    validation: tuple[Sequence[np.ndarray], np.ndarray] | None = None,
    on_event: Callable[[TrainEvent], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Softmax regression by plain gradient descent from zero, on whitened coordinates.

    Each batch draws a class uniformly, then one of its examples, as TensorFlow for Poets does;
    example i is drawn in proportion to ``weights[i]``.
    Every ``config.eval_interval`` steps ``on_event`` gets a TrainEvent and ``should_stop`` is
    asked; a stopped training returns what it has. Weights and bias as ``fit_lda``. Raises
    TrainingError when it diverges.
    """
    vectors = np.concatenate(whitened, axis=1).astype(np.float32)
    inputs, root = _row_space(vectors)
    held_out = None
    if validation is not None:
        unseen = np.concatenate(validation[0], axis=1).astype(np.float32)
        held_out = unseen if root is None else np.linalg.solve(root, vectors @ unseen.T).T
    descent = _Descent(inputs, classes, config, weights)
    interval = config.eval_interval if on_event else _UNWATCHED_INTERVAL
    started = time.monotonic()
    while descent.step < config.steps and not (descent.step and should_stop()):
        descent.advance(min(interval, config.steps - descent.step))
        if on_event:
            train = descent.measure(inputs, classes)
            held = (None, None) if held_out is None else descent.measure(held_out, validation[1])
            on_event(TrainEvent(descent.step, *train, *held, time.monotonic() - started))
    slopes = descent.weights
    if root is not None:
        slopes = vectors.T @ np.linalg.solve(root.T, slopes).astype(np.float32)
    ends = np.cumsum([part.shape[1] for part in whitened])[:-1]
    return np.split(slopes, ends), descent.bias


def _row_space(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The vectors [n, d] in at most n coordinates, and the root [n, n] that leads back (or None).

    Gradient descent from zero never leaves the span of the vectors. Where d > n a step is cheaper
    on the rows of the Cholesky root of their inner products, which have the same inner products.
    """
    n, d = vectors.shape
    if d <= n:
        return vectors, None
    products = (vectors @ vectors.T).astype(np.float64)
    products[np.diag_indices(n)] += 1e-6 * max(np.trace(products) / n, 1e-12)  # equal vectors
    if not np.isfinite(products).all():
        return vectors, None
    root = np.linalg.cholesky(products)
    return root.astype(np.float32), root


class _Descent:
    """Weights [d, c] and bias [c] of one gradient descent, after ``step`` steps."""

    def __init__(
        self,
        vectors: np.ndarray,
        classes: np.ndarray,
        config: TrainingConfig,
        weights: np.ndarray | None,
    ) -> None:
        self.step = 0
        self._vectors, self._classes = vectors, classes
        self._config = config
        self._random = np.random.default_rng(config.seed)
        self._by_class = np.argsort(classes, kind="stable")
        weights = np.ones(len(classes)) if weights is None else weights
        self._shares = np.cumsum(weights[self._by_class])
        self._totals = np.bincount(classes, weights)
        self.weights = np.zeros((vectors.shape[1], len(self._totals)), np.float32)
        self.bias = np.zeros(len(self._totals), np.float32)

    def advance(self, steps: int) -> None:
        """Take ``steps`` steps; TrainingError where the weights are no longer finite."""
        size = self._config.batch_size
        rate = np.float32(self._config.learning_rate)
        kept = 1 - rate * np.float32(self._config.weight_decay)
        members = np.arange(size)
        with np.errstate(over="ignore", invalid="ignore"):  # divergence is told below
            for batch in self._draw(steps):
                inputs = self._vectors[batch]
                errors = inputs @ self.weights + self.bias
                errors -= errors.max(axis=1, keepdims=True)
                np.exp(errors, out=errors)
                errors /= errors.sum(axis=1, keepdims=True)
                errors[members, self._classes[batch]] -= 1
                errors *= rate / size
                self.weights *= kept
                self.weights -= inputs.T @ errors
                self.bias -= errors.sum(axis=0)
        self.step += steps
        if not (np.isfinite(self.weights).all() and np.isfinite(self.bias).all()):
            raise TrainingError(
                f"The training diverged at step {self.step}: with learning rate "
                f"{self._config.learning_rate:g} the weights grew beyond all bounds; "
                "choose a smaller learning rate."
            )

    def measure(self, vectors: np.ndarray, classes: np.ndarray) -> tuple[float, float]:
        """Accuracy and cross-entropy on whitened vectors."""
        logits = vectors @ self.weights + self.bias
        return float((logits.argmax(axis=1) == classes).mean()), cross_entropy(logits, classes)

    def _draw(self, steps: int) -> np.ndarray:
        """Rows [steps, batch size]: a class uniformly, then one of its members by weight."""
        # One generator: how often one looks at the training must not change it.
        rng = self._random.random((steps, self._config.batch_size, 2))
        drawn = (rng[..., 0] * len(self._totals)).astype(int)
        before = np.cumsum(self._totals) - self._totals
        share = before[drawn] + rng[..., 1] * self._totals[drawn]
        places = np.searchsorted(self._shares, share, side="right")
        return self._by_class[np.minimum(places, len(self._by_class) - 1)]
