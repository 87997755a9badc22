"""Heads that know no steps: linear discriminant analysis, and logistic regression."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from decor_core.features.vectors import batch_sum, batches
from decor_core.model.estimator import LinearClassifier
from decor_core.model.linear_head import LinearHead, probabilities
from decor_core.model.whitening import BlockWhitener, class_means


class ShrinkageLDA(LinearClassifier):
    """Linear discriminant analysis with equal priors and a covariance shrunk by OAS.

    (Fisher, 1936; Hastie et al., 2009, 4.3; Chen et al., 2010.)

    Fitted: ``whitener_``, a BlockWhitener, and ``means_`` [c, d] of the whitened classes.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Example i counts ``sample_weight[i]`` times."""
        X, y, weights = self._check_training(X, y, sample_weight)
        codes = self._encode(y, weights)
        self.whitener_ = BlockWhitener().fit(X, codes, weights)
        whitened = self.whitener_.transform(X)
        self.means_ = class_means(whitened, codes, weights)
        head = spherical_lda(whitened, codes, weights)
        self.head_ = LinearHead(*self.whitener_.head_on_vectors(head.weights, head.bias))
        return self

    def squared_distances(self, X: Any) -> np.ndarray:
        """Squared Mahalanobis distance [n, c] of each vector to the mean of each class.

        Half of it with a minus are logits, up to what all classes have in common.
        """
        whitened = self.whitener_.transform(X)
        own = (whitened**2).sum(axis=1, keepdims=True)
        return own - 2 * whitened @ self.means_.T + (self.means_**2).sum(axis=1)


def spherical_lda(
    whitened: np.ndarray, classes: np.ndarray, weights: np.ndarray, within_class_std: float = 1.0
) -> LinearHead:
    """Linear discriminant analysis where every class is a ball of that standard deviation.

    Vectors [n, d], classes [n] of 0…c-1, and how often each example counts, [n].
    """
    means = class_means(whitened, classes, weights) / within_class_std
    return LinearHead(means.T / within_class_std, -(means**2).sum(axis=1) / 2)


@dataclass(eq=False, repr=False)
class RidgeLogisticRegression(LinearClassifier):
    """Multinomial logistic regression with a ridge penalty, every class counting alike.

    It is what gradient descent would reach if it had the time.
    ``penalty`` is for vectors whose root mean square distance from their mean is 1; it was chosen
    by cross-validation on the decor pictures, where a third or three times as much makes no
    difference (benchmarks/ACCURACY.md). Steps are those of Böhning's bound on the curvature
    (Böhning, 1992), which is diagonal in the principal axes of the vectors, with Nesterov's
    momentum, restarted where it leads astray (O'Donoghue & Candès, 2015).
    """

    penalty: float = 1e-3
    max_iter: int = 100
    tol: float = 1e-4

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Example i counts ``sample_weight[i]`` times."""
        X, y, weights = self._check_training(X, y, sample_weight)
        codes = self._encode(y, weights)
        shares = weights / np.bincount(codes, weights)[codes] / len(self.classes_)
        mean = batch_sum(lambda rows: shares[rows] @ X[rows], len(X)).astype(X.dtype)
        variances, inputs, lead_back = _principal_coordinates(X, mean, shares)
        ridge = self.penalty * variances.sum() / variances
        slopes, bias = self._descend(inputs, codes, shares, ridge[:, None])
        coefficients = lead_back(slopes)
        self.head_ = LinearHead(coefficients, bias - mean @ coefficients)
        return self

    def _descend(
        self, inputs: np.ndarray, classes: np.ndarray, shares: np.ndarray, ridge: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Slopes [r, c] and bias [c] on coordinates of unit variance, with a ridge [r, 1].

        ``inputs`` [n, r + 1] are the coordinates and 1, for the bias: one more coordinate, which
        has unit variance too and no ridge.
        """
        ridge = np.vstack([ridge, [[0.0]]]).astype(inputs.dtype)
        step = 1 / (0.5 + ridge)
        target = np.eye(len(self.classes_))
        now = ahead = np.zeros((inputs.shape[1], len(target)), inputs.dtype)

        def slope_on(rows: slice) -> np.ndarray:
            errors = probabilities(inputs[rows] @ ahead) - target[classes[rows]]
            return inputs[rows].T @ (errors * shares[rows, None]).astype(inputs.dtype)

        momentum = 1.0
        for self.n_iter_ in range(1, self.max_iter + 1):  # noqa: B020
            slope = batch_sum(slope_on, len(inputs)) + ridge * ahead
            after = ahead - step * slope
            moved = after - now
            if (slope * moved).sum() > 0:
                momentum = 1.0
            following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
            ahead = after + (momentum - 1) / following * moved
            now, momentum = after, following
            if np.abs(moved).max() <= self.tol * np.abs(now).max():
                break
        return now[:-1], now[-1]


def _principal_coordinates(
    X: np.ndarray, mean: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Variances [r] along the principal axes of vectors [n, d], and their coordinates on these.

    Vector i counts ``shares[i]``, 1 in all. Coordinates [n, r + 1] have unit variance; the last
    is 1. What comes third leads from slopes on the coordinates, [r, c], to those on vectors,
    [d, c]. Through the smaller of the two products of the matrix with itself.
    """
    n, d = X.shape
    roots = np.sqrt(shares).astype(X.dtype)[:, None]
    scale = 1 / np.sqrt(np.where(shares > 0, shares, np.inf))[:, None]
    least = 1e-10 if X.dtype == np.float64 else 1e-7

    def weighted(rows: slice) -> np.ndarray:
        return (X[rows] - mean) * roots[rows]

    if d > n:
        rows = weighted(slice(None))
        variances, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
        kept = variances > variances[-1] * least
        variances, vectors = variances[kept], vectors[:, kept]
        inputs = np.column_stack([(vectors * scale).astype(X.dtype), np.ones(n, X.dtype)])
        return (
            variances, inputs, lambda slopes: rows.T @ (vectors @ (slopes / variances[:, None]))
        )  # fmt: skip

    def scatter(rows: slice) -> np.ndarray:
        part = weighted(rows)
        return part.T @ part

    variances, vectors = np.linalg.eigh(batch_sum(scatter, n).astype(np.float64))
    kept = variances > variances[-1] * least
    variances, axes = variances[kept], vectors[:, kept] / np.sqrt(variances[kept])
    inputs = np.ones((n, len(variances) + 1), X.dtype)
    for rows in batches(n):
        inputs[rows, :-1] = (weighted(rows) @ axes.astype(X.dtype)) * scale[rows]
    return variances, inputs, lambda slopes: axes @ slopes
