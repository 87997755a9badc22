"""How far a picture is from everything known: the ground for the answer “none of these”."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from decor_core.features.vectors import batch_sum, batches, is_many
from decor_core.model.estimator import Estimator
from decor_core.model.whitening import class_means, largest_eigenpairs, shrinkage

UNKNOWN = "unknown"
FALSE_ALARMS = 0.02

_RANK = 32


@dataclass(frozen=True)
class Novelty:
    """A normal distribution of known vectors in some ``columns``, whatever their class.

    Probabilistic PCA (Tipping & Bishop, 1999): variance ``variances[i]`` along ``axes[:, i]``
    [d, r] from ``mean`` [d], and ``rest`` in every other direction. ``limit`` is the mean squared
    Mahalanobis distance that FALSE_ALARMS of the known pictures, held out, exceed.
    """

    columns: slice
    mean: np.ndarray
    axes: np.ndarray
    variances: np.ndarray
    rest: float
    limit: float = 1.0

    def distances(self, vectors: np.ndarray) -> np.ndarray:
        """Squared Mahalanobis distance [n], per dimension, of vectors [n, d]."""
        if is_many(len(vectors)):
            parts = (self.distances(vectors[rows]) for rows in batches(len(vectors)))
            return np.concatenate(list(parts))
        centered = vectors[:, self.columns] - self.mean
        along = centered @ self.axes
        beyond = np.maximum((centered**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        return ((along**2 / self.variances).sum(axis=1) + beyond / self.rest) / len(self.mean)

    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """Novelty [n] from 0 (known) to 1; above ½ a picture is none of the known."""
        return 1 - 0.5 ** (self.distances(vectors) / self.limit)


@dataclass(eq=False, repr=False)
class NoveltyDetector(Estimator):
    """Tells vectors unlike those it was fitted to, as scikit-learn's outlier detectors do.

    ``columns`` are those to look at, by default all. Fitted: ``density_``, a Novelty.
    """

    columns: slice | None = None

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        cv: Iterable[tuple[np.ndarray, np.ndarray]] | None = None,
    ) -> Self:
        """Example i counts ``sample_weight[i]`` times; with labels ``y``, each class counts alike.

        The limit is found on vectors held out by ``cv``, pairs of row numbers to train on and to
        hold out; by default every fifth row in turn.
        """
        X, y, weights = self._check_training(X, y, sample_weight)
        codes = np.zeros(len(X), int) if y is None else np.unique(y, return_inverse=True)[1]
        columns = self.columns or slice(0, X.shape[1])
        if cv is None:
            fifth = np.arange(len(X)) % min(5, len(X))
            cv = [(np.flatnonzero(fifth != i), np.flatnonzero(fifth == i)) for i in range(5)]
        held_out = [
            fit_density(X[train], codes[train], weights[train], columns).distances(X[test])
            for train, test in cv
        ]
        density = fit_density(X, codes, weights, columns)
        self.density_ = replace(density, limit=limit_from(np.concatenate(held_out)))
        self.offset_ = -self.density_.limit
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """Minus the squared Mahalanobis distance [n], per dimension: higher is more usual."""
        vectors = self._check_vectors(X)
        return -self.density_.distances(vectors)

    def decision_function(self, X: Any) -> np.ndarray:
        """``score_samples`` [n] shifted so that vectors below 0 are outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """1 for what is known, −1 for what is not, [n]."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def fit_predict(self, X: Any, y: Any = None) -> np.ndarray:
        """``fit``, then ``predict`` the same vectors."""
        return self.fit(X, y).predict(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "outlier_detector"
        return tags


def fit_density(
    vectors: np.ndarray, classes: np.ndarray, weights: np.ndarray, columns: slice
) -> Novelty:
    """The density of vectors [n, d]; example i counts ``weights[i]`` times, each class alike."""
    counting = weights > 0
    if not counting.all():
        vectors, classes, weights = vectors[counting], classes[counting], weights[counting]
    present = np.unique(classes, return_inverse=True)[1]
    mean = class_means(vectors, present, weights, columns).mean(axis=0)
    count, dimensions = weights.sum(), len(mean)
    products, lead_back = _products(vectors, columns, mean, weights)
    values, found = largest_eigenpairs(products, min(_RANK, dimensions - 1, len(vectors)))
    total = np.trace(products) / count
    amount = shrinkage((products**2).sum() / count**2, total, count, dimensions)
    floor = amount * total / dimensions
    variances = values / count
    unexplained = (1 - amount) * max(total - variances.sum(), 0)
    return Novelty(
        columns,
        mean.astype(np.float32),
        (lead_back(found / np.sqrt(values)) if lead_back else found).astype(np.float32),
        ((1 - amount) * variances + floor).astype(np.float32),
        rest=float(max(floor + unexplained / (dimensions - len(values)), 1e-12)),
    )


def _products(
    vectors: np.ndarray, columns: slice, mean: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray] | None]:
    """The smaller of the two products of centered, weighted vectors [n, d] with themselves.

    Where that is [n, n], what leads from there back to the d dimensions, too.
    """
    roots = np.sqrt(weights).astype(vectors.dtype)[:, None]
    if len(mean) > len(vectors):
        centered = (vectors[:, columns] - mean) * roots
        return (centered @ centered.T).astype(np.float64), lambda rows: centered.T @ rows

    def scatter(rows: slice) -> np.ndarray:
        centered = (vectors[rows, columns] - mean) * roots[rows]
        return centered.T @ centered

    return batch_sum(scatter, len(vectors)).astype(np.float64), None


def limit_from(distances: np.ndarray) -> float:
    """The distance that FALSE_ALARMS of known pictures exceed, from those of held-out ones."""
    return float(np.quantile(distances, 1 - FALSE_ALARMS, method="higher"))
