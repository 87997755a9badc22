"""The distributions of known pictures are fitted, and from which distance on others are none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from decor_core.model.estimator import Estimator
from decor_core.model.novelty import Novelty
from decor_core.model.whitening import class_means, shrinkage, subspace_iteration

FALSE_ALARMS = 0.02
_AXES_OF_A_BLOCK = 16
# More examples than these say the same of how classes spread; but each class has some.
_MAX_EXAMPLES, _MIN_PER_CLASS = 4000, 8


@dataclass(eq=False, repr=False)
class NoveltyDetector(Estimator):
    """Tells vectors unlike those it was fitted to, as scikit-learn's outlier detectors do.

    ``blocks`` are slices of the columns that belong together, by default one of all. Fitted:
    ``novelty_``, a Novelty.
    """

    blocks: Sequence[slice] | None = None

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        cv: Iterable[tuple[np.ndarray, np.ndarray]] | None = None,
    ) -> Self:
        """Example i of class ``y[i]``, by default all of one, counts ``sample_weight[i]`` times.

        The limit is found on what ``cv`` holds out: all rows but those to train on, which come
        first in each pair; by default every fifth row in turn.
        """
        X, y, weights = self._check_training(X, y, sample_weight)
        codes = np.zeros(len(X), int) if y is None else np.unique(y, return_inverse=True)[1]
        blocks = tuple(self.blocks or [slice(0, X.shape[1])])
        if cv is None:
            fifth = np.arange(len(X)) % min(5, len(X))
            trained = [fifth != i for i in range(fifth.max() + 1)]
        else:
            trained = [np.isin(np.arange(len(X)), train) for train, _ in cv]
        chosen = _enough_of_each(codes)
        X, codes, weights = np.asarray(X[chosen]), codes[chosen], weights[chosen]
        distances, counts = [], []
        for train in (train[chosen] for train in trained):
            novelty = fit_novelty(X[train], codes[train], weights[train], blocks)
            distances.append(novelty.distances(X[~train]))
            counts.append(weights[~train])
        median, limit = weighted_quantiles(
            np.concatenate(distances), np.concatenate(counts), (0.5, 1 - FALSE_ALARMS)
        )
        novelty = fit_novelty(X, codes, weights, blocks)
        self.novelty_ = replace(novelty, median_distance=median, limit=max(limit, median + 1e-3))
        self.offset_ = -self.novelty_.limit
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """Minus the distance [n] to the nearest class: higher is more usual."""
        vectors = self._check_vectors(X)
        return -self.novelty_.distances(vectors)

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


def fit_novelty(
    vectors: np.ndarray, classes: np.ndarray, weights: np.ndarray, blocks: Sequence[slice]
) -> Novelty:
    """The distributions of vectors [n, d'] of classes [n]; example i counts ``weights[i]`` times.

    ``limit`` and ``median_distance`` are left open.
    """
    counting = weights > 0
    classes = np.unique(classes[counting], return_inverse=True)[1]
    weights = weights[counting].astype(vectors.dtype)
    shares = np.sqrt(weights / weights.sum())[:, None]
    found = []
    for block in blocks:
        known = vectors[counting, block]
        means = class_means(known, classes, weights)
        found.append((means, *_covariance((known - means[classes]) * shares)))
    means, axes, variances, residuals, mean_variances = zip(*found, strict=True)
    return Novelty(
        tuple(blocks),
        means=np.hstack(means).astype(np.float32),
        axes=np.vstack(axes).astype(np.float32),
        variances=np.stack(variances).astype(np.float32),
        residual_variances=np.array(residuals, np.float32),
        mean_variances=np.array(mean_variances, np.float32),
    )


def weighted_quantiles(
    values: np.ndarray, weights: np.ndarray, shares: Sequence[float]
) -> list[float]:
    """For each of ``shares`` the least of the values [n] that so much of their weight reaches."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    places = np.minimum(np.searchsorted(reached, np.array(shares) - 1e-9), len(order) - 1)
    return [float(values[order[place]]) for place in places]


def _covariance(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Axes [d, r], their variances [r], the variance beyond, and the mean one, of centered rows.

    Shrunk by OAS (Chen et al., 2010). Directions that are not there are zero axes.
    """
    n, d = rows.shape
    total = float((rows**2).sum())
    values, axes = _principal_axes(rows, min(_AXES_OF_A_BLOCK, d - 1, n))
    unexplained = max(total - values.sum(), 0.0)
    others = min(n, d) - len(values)
    squares = (values**2).sum() + (unexplained**2 / others if others else 0.0)
    amount = shrinkage(squares, total, n, d)
    floor = max(amount * total / d, 1e-12)
    padding = _AXES_OF_A_BLOCK - len(values)
    return (
        np.pad(axes, ((0, 0), (0, padding))),
        np.pad((1 - amount) * values + floor, (0, padding), constant_values=1),
        floor + (1 - amount) * unexplained / (d - len(values)),
        max(total / d, 1e-12),
    )


def _principal_axes(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest eigenvalues [k] of ``rows.T @ rows``, and their axes [d, k].

    By subspace iteration from the same start every time. Those near zero are left out.
    """
    shape = rows.shape[1], min(max(2 * count, 1), *rows.shape)
    start = np.random.default_rng(0).standard_normal(shape).astype(rows.dtype)
    basis = subspace_iteration(lambda basis: rows.T @ (rows @ basis), start, 4)
    _, lengths, mixing = np.linalg.svd(rows @ basis, full_matrices=False)
    kept = lengths[:count] > lengths[0] * 1e-4
    return lengths[:count][kept].astype(np.float64) ** 2, basis @ mixing[:count][kept].T


def _enough_of_each(classes: np.ndarray) -> np.ndarray:
    """Rows of ``classes`` [n], drawn at random, that are enough: of large classes not all."""
    n = len(classes)
    if n <= _MAX_EXAMPLES:
        return np.arange(n)
    sizes = np.bincount(classes)
    most = max(_MAX_EXAMPLES // np.count_nonzero(sizes), _MIN_PER_CLASS)
    order = np.random.default_rng(0).permutation(n)
    order = order[np.argsort(classes[order], kind="stable")]
    place = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[place < most])
