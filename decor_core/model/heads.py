"""Heads that know no steps: linear discriminant analysis, and logistic regression."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

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
        mean = (shares @ X).astype(X.dtype)
        rows = (X - mean) * np.sqrt(shares).astype(X.dtype)[:, None]
        variances, coordinates, lead_back = _principal_axes(rows)
        scale = 1 / np.sqrt(np.where(shares > 0, shares, np.inf))
        inputs = (coordinates * scale[:, None]).astype(X.dtype)
        ridge = self.penalty * variances.sum() / variances
        slopes, bias = self._descend(inputs, codes, shares, ridge[:, None])
        coefficients = lead_back(slopes)
        self.head_ = LinearHead(coefficients, bias - mean @ coefficients)
        return self

    def _descend(
        self, coordinates: np.ndarray, classes: np.ndarray, shares: np.ndarray, ridge: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Slopes [r, c] and bias [c] on coordinates of unit variance, with a ridge [r, 1]."""
        # The bias is one more coordinate, which has unit variance too and no ridge.
        inputs = np.column_stack([coordinates, np.ones(len(coordinates), coordinates.dtype)])
        ridge = np.vstack([ridge, [[0.0]]]).astype(inputs.dtype)
        step = 1 / (0.5 + ridge)
        targets = np.eye(len(self.classes_))[classes]
        now = ahead = np.zeros((inputs.shape[1], targets.shape[1]), inputs.dtype)
        momentum = 1.0
        for self.n_iter_ in range(1, self.max_iter + 1):  # noqa: B020
            errors = (probabilities(inputs @ ahead) - targets) * shares[:, None]
            slope = inputs.T @ errors.astype(inputs.dtype) + ridge * ahead
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


def _principal_axes(
    rows: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Variances [r] along the principal axes of rows [n, d], and coordinates [n, r] of length 1.

    The last leads from slopes on the coordinates, [r, c], to those on rows, [d, c]. Through the
    smaller of the two products of the matrix with itself.
    """
    wide = rows.shape[1] > len(rows)
    products = rows @ rows.T if wide else rows.T @ rows
    variances, vectors = np.linalg.eigh(products.astype(np.float64))
    kept = variances > variances[-1] * (1e-10 if rows.dtype == np.float64 else 1e-7)
    variances, vectors = variances[kept], vectors[:, kept]
    if wide:
        return variances, vectors, lambda slopes: rows.T @ (vectors @ (slopes / variances[:, None]))
    axes = vectors / np.sqrt(variances)
    return variances, rows @ axes, lambda slopes: axes @ slopes
