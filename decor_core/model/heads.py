"""Heads that know no steps: linear discriminant analysis, and logistic regression."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np

from decor_core.features.vectors import MappedVectors, batch_sum, is_many
from decor_core.model.estimator import LinearClassifier
from decor_core.model.linear_head import LinearHead, probabilities
from decor_core.model.whitening import BlockWhitener, class_means

# Of many vectors, which are classified as well without the last digits of the slopes.
_TOL_OF_MANY = 1e-2


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
    momentum, restarted where it leads astray (O'Donoghue & Candès, 2015). scikit-learn's
    LogisticRegression is as accurate, but takes 2 s and 80 MB to be imported, and twice the memory
    for 100,000 vectors (benchmarks/SPEED.md).
    """

    penalty: float = 1e-3
    max_iter: int = 100
    tol: float = 1e-4

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Example i counts ``sample_weight[i]`` times."""
        X, y, weights = self._check_training(X, y, sample_weight)
        codes = self._encode(y, weights)
        shares = weights / np.bincount(codes, weights)[codes] / len(self.classes_)
        if is_many(len(X)) and X.shape[1] <= len(X):
            axes = _axes_of_many(X, shares)
        else:
            axes = _axes_of_few(X, shares)
        ridge = self.penalty * axes.variances.sum() / axes.variances
        slopes, bias = self._descend(axes, codes, shares, ridge[:, None])
        coefficients = axes.lead_back(slopes)
        self.head_ = LinearHead(coefficients, bias - axes.mean @ coefficients)
        return self

    def _descend(
        self, axes: "_PrincipalAxes", classes: np.ndarray, shares: np.ndarray, ridge: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Slopes [r, c] and bias [c] on coordinates of unit variance, with a ridge [r, 1].

        The bias is one more slope, on a coordinate that is 1: it has unit variance too, no ridge.
        """
        inputs, on_inputs = axes.inputs, axes.on_inputs
        tol = max(self.tol, _TOL_OF_MANY) if is_many(len(inputs)) else self.tol
        ridge = np.vstack([ridge, [[0.0]]]).astype(inputs.dtype)
        step = 1 / (0.5 + ridge)
        target = np.eye(len(self.classes_))
        now = ahead = np.zeros((len(ridge), len(target)), inputs.dtype)

        def slope_on(slopes: np.ndarray, rows: slice) -> np.ndarray:
            part = inputs[rows, :]
            errors = probabilities(part @ slopes[:-1] + slopes[-1]) - target[classes[rows]]
            errors = (errors * shares[rows, None]).astype(inputs.dtype)
            return np.vstack([part.T @ errors, errors.sum(axis=0)])

        momentum = 1.0
        for self.n_iter_ in range(1, self.max_iter + 1):  # noqa: B020
            slopes = ahead if on_inputs is None else on_inputs @ ahead
            slope = batch_sum(partial(slope_on, slopes), len(inputs))
            slope = (slope if on_inputs is None else on_inputs.T @ slope) + ridge * ahead
            after = ahead - step * slope
            moved = after - now
            if (slope * moved).sum() > 0:
                momentum = 1.0
            following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
            ahead = after + (momentum - 1) / following * moved
            now, momentum = after, following
            if np.abs(moved).max() <= tol * np.abs(now).max():
                break
        return now[:-1], now[-1]


@dataclass(frozen=True)
class _PrincipalAxes:
    """Vectors [n, d] on their principal axes, along which they have ``variances`` [r].

    Coordinates of unit variance are ``inputs`` [n, r] or, kept factored, ``[inputs, 1] @
    on_inputs`` with ``inputs`` [n, k] and ``on_inputs`` [k + 1, r + 1]. ``lead_back`` turns slopes
    on coordinates, [r, c], into those on vectors, [d, c], whose ``mean`` is [d].
    """

    mean: np.ndarray
    variances: np.ndarray
    inputs: np.ndarray
    lead_back: Callable[[np.ndarray], np.ndarray]
    on_inputs: np.ndarray | None = None


def _axes_of_few(X: np.ndarray, shares: np.ndarray) -> _PrincipalAxes:
    """Principal axes of vectors [n, d] that count ``shares`` [n], 1 in all.

    From the smaller Gram matrix.
    """
    mean = (shares @ X).astype(X.dtype)
    rows = (X - mean) * np.sqrt(shares).astype(X.dtype)[:, None]
    scale = 1 / np.sqrt(np.where(shares > 0, shares, np.inf))[:, None]
    if X.shape[1] > len(X):
        variances, vectors = _eigenpairs(rows @ rows.T)
        inputs = (vectors * scale).astype(X.dtype)
        return _PrincipalAxes(
            mean, variances, inputs,
            lambda slopes: rows.T @ (vectors @ (slopes / variances[:, None])),
        )  # fmt: skip
    variances, vectors = _eigenpairs(rows.T @ rows)
    axes = vectors / np.sqrt(variances)
    inputs = ((rows @ axes) * scale).astype(X.dtype)
    return _PrincipalAxes(mean, variances, inputs, lambda slopes: axes @ slopes)


def _axes_of_many(X: np.ndarray, shares: np.ndarray) -> _PrincipalAxes:
    """``_axes_of_few`` without a copy of the vectors: the axes are multiplied with the slopes."""
    base: Any = X.base if isinstance(X, MappedVectors) else X
    mean = batch_sum(lambda rows: shares[rows] @ base[rows, :], len(X)).astype(X.dtype)
    roots = np.sqrt(shares).astype(X.dtype)[:, None]

    def scatter(rows: slice) -> np.ndarray:
        part = (base[rows, :] - mean) * roots[rows]
        return part.T @ part

    products, matrix, offset = batch_sum(scatter, len(X)), np.eye(len(mean), dtype=X.dtype), 0.0
    if isinstance(X, MappedVectors):
        matrix, offset = X.matrix, X.offset
        products = matrix.T @ products @ matrix
    variances, vectors = _eigenpairs(products)
    axes = vectors / np.sqrt(variances)
    on_base = matrix @ axes
    lead = np.zeros((len(on_base) + 1, len(variances) + 1), X.dtype)
    lead[:-1, :-1], lead[-1, :-1], lead[-1, -1] = on_base, -mean @ on_base, 1
    mean = mean @ matrix + offset
    return _PrincipalAxes(mean, variances, base, lambda slopes: axes @ slopes, lead)


def _eigenpairs(products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues [r] that are not 0, but for rounding, and their vectors [n, r], in float64."""
    values, vectors = np.linalg.eigh(products.astype(np.float64))
    kept = values > values[-1] * (1e-10 if products.dtype == np.float64 else 1e-7)
    return values[kept], vectors[:, kept]
