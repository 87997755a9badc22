"""Softmax regression by gradient descent, whose steps and learning rate one can watch."""

import time
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from decor_core.errors import TrainingError
from decor_core.model.estimator import LinearClassifier
from decor_core.model.events import OnEvent, ShouldStop, TrainEvent, never_stop
from decor_core.model.linear_head import LinearHead, cross_entropy

_UNWATCHED_INTERVAL = 100


@dataclass(eq=False, repr=False)
class SoftmaxRegression(LinearClassifier):
    """Multinomial logistic regression by plain gradient descent from zero, in single precision.

    Each batch draws a class uniformly, then one of its examples in proportion to its weight, as
    TensorFlow for Poets does. ``learning_rate`` and ``weight_decay`` are per step. Every
    ``eval_interval`` steps a point of the curves is reported to who asks for them.
    """

    steps: int = 500
    learning_rate: float = 0.01
    batch_size: int = 100
    weight_decay: float = 0.0
    eval_interval: int = 10
    random_state: int = 0

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation: tuple[np.ndarray, np.ndarray] | None = None,
        on_event: OnEvent | None = None,
        should_stop: ShouldStop = never_stop,
    ) -> Self:
        """Take ``steps`` steps, or as many as there are until ``should_stop`` says so.

        ``on_event`` gets the points of the curves, for ``validation`` (vectors, labels) too.
        TrainingError where the weights grow beyond all bounds.
        """
        X, y, sample_weight = self._check_training(X, y, sample_weight)
        codes = self._encode(y, sample_weight)
        vectors = X.astype(np.float32)
        inputs, root = _row_space(vectors)
        held_out = None
        if validation:
            unseen = validation[0].astype(np.float32)
            if root is not None:
                unseen = np.linalg.solve(root, vectors @ unseen.T).T
            held_out = unseen, np.searchsorted(self.classes_, validation[1])
        sampler = _BatchSampler(codes, sample_weight, self.batch_size, self.random_state)
        shape = inputs.shape[1], len(self.classes_)
        head = LinearHead(np.zeros(shape, np.float32), np.zeros(shape[1], np.float32))
        interval = self.eval_interval if on_event else _UNWATCHED_INTERVAL
        started = time.monotonic()
        self.n_iter_ = 0
        while self.n_iter_ < self.steps and not (self.n_iter_ and should_stop()):
            count = min(interval, self.steps - self.n_iter_)
            with np.errstate(over="ignore", invalid="ignore"):  # checked below
                for batch in sampler.draw(count):
                    self._step(head, inputs[batch], codes[batch])
            self.n_iter_ += count
            self._check_finite(head)
            if on_event:
                seen = _figures(head, inputs, codes)
                watched = _figures(head, *held_out) if held_out else (None, None)
                seconds = time.monotonic() - started
                on_event(TrainEvent(self.n_iter_, *seen, *watched, seconds))
        weights = head.weights
        if root is not None:
            weights = vectors.T @ np.linalg.solve(root.T, weights).astype(np.float32)
        self.head_ = LinearHead(weights, head.bias)
        return self

    def _step(self, head: LinearHead, inputs: np.ndarray, classes: np.ndarray) -> None:
        """Move weights and bias of ``head`` against the gradient of the mean loss of a batch."""
        weights, bias, rate = head.weights, head.bias, np.float32(self.learning_rate)
        errors = inputs @ weights + bias
        errors -= errors.max(axis=1, keepdims=True)
        np.exp(errors, out=errors)
        errors /= errors.sum(axis=1, keepdims=True)
        errors[np.arange(len(classes)), classes] -= 1
        errors *= rate / len(classes)
        if self.weight_decay:
            weights *= 1 - rate * np.float32(self.weight_decay)
        weights -= inputs.T @ errors
        bias -= errors.sum(axis=0)

    def _check_finite(self, head: LinearHead) -> None:
        if not (np.isfinite(head.weights).all() and np.isfinite(head.bias).all()):
            raise TrainingError(
                f"The training diverged at step {self.n_iter_}: with learning rate "
                f"{self.learning_rate:g} the weights grew beyond all bounds; choose a smaller "
                "learning rate."
            )


class _BatchSampler:
    """Draws batches: a class uniformly, then one of its members by weight."""

    def __init__(self, classes: np.ndarray, weights: np.ndarray, size: int, seed: int) -> None:
        self._size = size
        self._random = np.random.default_rng(seed)
        self._by_class = np.argsort(classes, kind="stable")
        self._cumulated = np.cumsum(weights[self._by_class])
        self._totals = np.bincount(classes, weights)

    def draw(self, steps: int) -> np.ndarray:
        """Row numbers [steps, batch size]."""
        # One generator: how often one looks at the training must not change it.
        random = self._random.random((steps, self._size, 2))
        drawn = (random[..., 0] * len(self._totals)).astype(int)
        before = np.cumsum(self._totals) - self._totals
        share = before[drawn] + random[..., 1] * self._totals[drawn]
        found = np.searchsorted(self._cumulated, share, side="right")
        return self._by_class[np.minimum(found, len(self._by_class) - 1)]


def _row_space(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The vectors [n, d] in at most n coordinates, and the root [n, n] that leads back (or None).

    Gradient descent from zero never leaves the span of the vectors. Where d > n a step is cheaper
    on the rows of the Cholesky root of their inner products, which have the same inner products.
    """
    n, d = vectors.shape
    products = (vectors @ vectors.T).astype(np.float64) if d > n else None
    if products is None or not np.isfinite(products).all():
        return vectors, None
    # Equal vectors have no root but for this, which is what rounding takes away at most.
    products[np.diag_indices(n)] += 1e-6 * max(np.trace(products) / np.sqrt(n), 1e-12)
    root = np.linalg.cholesky(products)
    return root.astype(np.float32), root


def _figures(head: LinearHead, vectors: np.ndarray, classes: np.ndarray) -> tuple[float, float]:
    """Accuracy and cross-entropy."""
    logits = head.logits(vectors)
    return float((logits.argmax(axis=1) == classes).mean()), cross_entropy(logits, classes)
