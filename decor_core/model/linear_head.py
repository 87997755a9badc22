"""A linear classifier of vectors, its probabilities, and how they are calibrated.

By temperature scaling: scores are divided by one number, so that confidence is what comes true.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_MIN_TEMPERATURE, _MAX_TEMPERATURE = 1e-3, 1e3


@dataclass(frozen=True)
class LinearHead:
    """Class scores ``vectors @ weights + bias``: weights [d, classes], bias [classes], float32."""

    weights: np.ndarray
    bias: np.ndarray

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """Scores [..., classes] of vectors [..., d]; their softmax are the probabilities."""
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
    probs = probabilities(logits)[..., np.arange(len(classes)), classes]
    return -np.log(np.maximum(probs, 1e-300)) + 0.0  # never -0.0


def fit_temperature(logits: np.ndarray, y_true: np.ndarray) -> float:
    """The divisor of logits [n, c] that makes their probabilities likeliest (Guo et al., 2017).

    Meant for out-of-fold logits: in-sample ones are overconfident. Where all n predictions are
    right, boundless confidence would be likeliest; then it is (n + 1) / (n + 2) on average, by
    Laplace's rule of succession. Between 1/1000 and 1000. scikit-learn's CalibratedClassifierCV
    knows no such rule, and takes a second to be imported.
    """
    n = len(y_true)
    logits = np.asarray(logits, np.float64)
    likeliest = logits.max(axis=1)
    given = logits[np.arange(n), y_true]

    def nll_slope(inverse: float) -> tuple[float, float]:
        probs = probabilities(logits * inverse)
        expected = (probs * logits).sum(axis=1)
        variance = (probs * logits**2).sum(axis=1) - expected**2
        return (expected - given).mean(), variance.mean()

    def confidence_gap(inverse: float) -> tuple[float, float]:
        probs = probabilities(logits * inverse)
        confidence = probs.max(axis=1)
        growth = confidence * (likeliest - (probs * logits).sum(axis=1))
        return confidence.mean() - (n + 1) / (n + 2), growth.mean()

    all_right = (logits.argmax(axis=1) == y_true).all()
    return 1 / _root(confidence_gap if all_right else nll_slope)


def _root(function: Callable[[float], tuple[float, float]]) -> float:
    """The root, between the bounds, of an increasing function that gives its derivative, too.

    Newton's method, or halving where it leads out of what is known to hold the root. SciPy has the
    same, but takes 0.6 s and 60 MB to be imported, as long as a whole training.
    """
    low, high, point = 1 / _MAX_TEMPERATURE, 1 / _MIN_TEMPERATURE, 1.0
    for _ in range(60):
        value, derivative = function(point)
        low, high = (low, point) if value > 0 else (point, high)
        newton = point - value / derivative if derivative > 0 else low
        following = newton if low < newton < high else np.sqrt(low * high)
        if abs(following - point) <= 1e-6 * point:
            break
        point = following
    return float(following)
