"""How far a picture is from everything known: the ground for the answer “none of these”."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from decor_core.features.vectors import batches, is_many
from decor_core.model.estimator import Estimator
from decor_core.model.whitening import class_means, consecutive, shrinkage

UNKNOWN = "unknown"
FALSE_ALARMS = 0.02
MOST_DOUBT = 0.25  # what a certain answer can lose
STEEPNESS = 7.0  # from e^-7 for the median known picture to ½ at the limit
# Disagreement between blocks: how sharply distances tell classes apart, and what that weighs.
SHARPNESS, DISAGREEMENT = 10.0, 0.2
LEAST = 0.1  # of a mean squared distance: nearer than that is no nearer

_RANK = 16
# More examples than these say the same of how classes spread; but each class has some.
_MOST_EXAMPLES, _LEAST_OF_A_CLASS = 4000, 8


@dataclass(frozen=True)
class Novelty:
    """Normal distributions of known vectors, one for each class and block of columns.

    ``means`` [c, d] are those of the classes, d being all columns of ``blocks``, one after the
    other. The classes share a covariance, by probabilistic PCA (Tipping & Bishop, 1999): in block
    b it is ``variances[b, i]`` along the i-th of ``axes`` [d, r], ``rest[b]`` in every other
    direction, and ``spread[b]`` on average, or 0 where only Mahalanobis distance is to count.
    ``typical`` and ``limit`` are the median distance of known pictures, held out, and that which
    FALSE_ALARMS of them exceed.
    """

    blocks: tuple[slice, ...]
    means: np.ndarray
    axes: np.ndarray
    variances: np.ndarray
    rest: np.ndarray
    spread: np.ndarray
    typical: float = 0.0
    limit: float = 1.0

    def distances(self, vectors: np.ndarray) -> np.ndarray:
        """How far vectors [..., d'] are from the nearest class: a mean logarithm over blocks [...].

        In each block a class is as far as the geometric mean of the Mahalanobis and the Euclidean
        distance says: the former tells other things, the latter holds in other people's pictures.
        A class that is far the nearest in one block but not in another is farther for that.
        """
        if is_many(len(vectors)):
            parts = (self.distances(vectors[rows]) for rows in batches(len(vectors)))
            return np.concatenate(list(parts))
        total = np.zeros((*vectors.shape[:-1], len(self.means)))
        for columns, block in zip(self.blocks, self.distributions, strict=True):
            logs = block.log_distances(vectors[..., columns])
            nearness = np.exp(SHARPNESS * (logs.min(axis=-1, keepdims=True) - logs))
            shares = nearness / nearness.sum(axis=-1, keepdims=True)
            total += logs - DISAGREEMENT * np.log(np.maximum(shares, 1e-30))
        return total.min(axis=-1) / len(self.blocks)

    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """Novelty [...] from 0 (known) to 1; above ½ a picture is none of the known."""
        beyond = (self.distances(vectors) - self.limit) / (self.limit - self.typical)
        return 1 / (1 + np.exp(-STEEPNESS * np.clip(beyond, -10, 10)))

    @cached_property
    def distributions(self) -> list["BlockDistributions"]:
        return [
            BlockDistributions(self.means[:, part], self.axes[part], variances, rest, spread)
            for part, variances, rest, spread in zip(
                consecutive([block.stop - block.start for block in self.blocks]),
                *(self.variances, self.rest, self.spread),
                strict=True,
            )
        ]


def doubted(probs: np.ndarray, novelties: np.ndarray) -> np.ndarray:
    """Probabilities [n, c] of pictures that may be none of the classes, by their novelty [n].

    What is certain loses as much as that, at most MOST_DOUBT, in favor of all other classes: the
    stranger a picture, the more often its likeliest class is wrong, and of pictures from other
    sources that are called unknown it is a quarter.
    """
    classes = probs.shape[1]
    doubt = np.minimum(novelties, MOST_DOUBT)[:, None] * classes / max(classes - 1, 1)
    return probs - doubt * (probs - 1 / classes)


class BlockDistributions:
    """The distributions of one block, and what their distances need of them."""

    def __init__(
        self,
        means: np.ndarray,
        axes: np.ndarray,
        variances: np.ndarray,
        rest: np.ndarray,
        spread: np.ndarray,
    ) -> None:
        self.axes, self.rest, self.spread = axes, rest, spread
        self.center = means.mean(axis=0)
        self.means = means - self.center
        self.gains = 1 / variances - 1 / rest  # of an axis, above all other directions
        self.along = self.means @ axes
        self.offsets = (self.means**2).sum(axis=1), (self.along**2 * self.gains).sum(axis=1)

    def log_distances(self, vectors: np.ndarray) -> np.ndarray:
        """Of vectors [..., d] from each class [..., c]."""
        centered, d = vectors - self.center, vectors.shape[-1]
        along = centered @ self.axes
        scaled = along * self.gains
        squares = (centered**2).sum(axis=-1, keepdims=True) - 2 * centered @ self.means.T
        squares = np.maximum(squares + self.offsets[0], 0)
        gained = (scaled * along).sum(axis=-1, keepdims=True) - 2 * scaled @ self.along.T
        mahalanobis = squares / self.rest + gained + self.offsets[1]
        logs = np.log(np.maximum(mahalanobis / d, LEAST))
        if not self.spread:
            return logs
        return (logs + np.log(np.maximum(squares / d / self.spread, LEAST))) / 2


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
        typical, limit = weighted_quantiles(
            np.concatenate(distances), np.concatenate(counts), (0.5, 1 - FALSE_ALARMS)
        )
        novelty = fit_novelty(X, codes, weights, blocks)
        self.novelty_ = replace(novelty, typical=typical, limit=max(limit, typical + 1e-3))
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

    ``limit`` and ``typical`` are left open.
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
    means, axes, variances, rest, spread = zip(*found, strict=True)
    return Novelty(
        tuple(blocks),
        means=np.hstack(means).astype(np.float32),
        axes=np.vstack(axes).astype(np.float32),
        variances=np.stack(variances).astype(np.float32),
        rest=np.array(rest, np.float32),
        spread=np.array(spread, np.float32),
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
    values, axes = _principal_axes(rows, min(_RANK, d - 1, n))
    unexplained = max(total - values.sum(), 0.0)
    others = min(n, d) - len(values)
    squares = (values**2).sum() + (unexplained**2 / others if others else 0.0)
    amount = shrinkage(squares, total, n, d)
    floor = max(amount * total / d, 1e-12)
    padding = _RANK - len(values)
    return (
        np.pad(axes, ((0, 0), (0, padding))),
        np.pad((1 - amount) * values + floor, (0, padding), constant_values=1),
        floor + (1 - amount) * unexplained / (d - len(values)),
        max(total / d, 1e-12),
    )


def _principal_axes(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest eigenvalues [k] of ``rows.T @ rows``, and their axes [d, k].

    By subspace iteration (Halko, Martinsson & Tropp, 2011) from the same start every time. Those
    near zero are left out.
    """
    shape = rows.shape[1], min(max(2 * count, 1), *rows.shape)
    basis = np.random.default_rng(0).standard_normal(shape).astype(rows.dtype)
    for _ in range(4):
        basis = np.linalg.qr(rows.T @ (rows @ basis))[0]
    _, lengths, mixing = np.linalg.svd(rows @ basis, full_matrices=False)
    kept = lengths[:count] > lengths[0] * 1e-4
    return lengths[:count][kept].astype(np.float64) ** 2, basis @ mixing[:count][kept].T


def _enough_of_each(classes: np.ndarray) -> np.ndarray:
    """Rows of ``classes`` [n], drawn at random, that are enough: of large classes not all."""
    n = len(classes)
    if n <= _MOST_EXAMPLES:
        return np.arange(n)
    sizes = np.bincount(classes)
    most = max(_MOST_EXAMPLES // np.count_nonzero(sizes), _LEAST_OF_A_CLASS)
    order = np.random.default_rng(0).permutation(n)
    order = order[np.argsort(classes[order], kind="stable")]
    place = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[place < most])
