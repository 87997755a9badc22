"""A linear classifier of vectors: weights and bias, and the probabilities that follow from them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LinearHead:
    """Class scores ``vectors @ weights + bias``: weights [d, classes], bias [classes], float32."""

    weights: np.ndarray
    bias: np.ndarray

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """Scores [n, classes] of vectors [n, d]; their softmax are the probabilities."""
        return vectors @ self.weights + self.bias

    def with_temperature(self, temperature: float) -> "LinearHead":
        """The same head with all its scores divided by ``temperature``."""
        return LinearHead(self.weights / temperature, self.bias / temperature)


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
