"""How far a picture is from everything known: the ground for the answer “none of these”."""

from dataclasses import dataclass

import numpy as np

from decor_core.model.heads import class_means
from decor_core.model.whitening import shrinkage

UNKNOWN = "unknown"
FALSE_ALARMS = 0.02

_RANK = 32


@dataclass(frozen=True)
class Novelty:
    """A round hull of known pictures in some ``columns`` of the embedding, whatever their class.

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
        centred = vectors[:, self.columns] - self.mean
        along = centred @ self.axes
        beyond = np.maximum((centred**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        return ((along**2 / self.variances).sum(axis=1) + beyond / self.rest) / len(self.mean)

    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """Novelty [n] from 0 (known) to 1; above ½ a picture is none of the known."""
        return 1 - 0.5 ** (self.distances(vectors) / self.limit)


def fit_novelty(
    vectors: np.ndarray, classes: np.ndarray, weights: np.ndarray, columns: slice
) -> Novelty:
    """The hull of vectors [n, d]; example i counts ``weights[i]`` times, each class alike."""
    known = np.asarray(vectors[:, columns], np.float64)
    mean = class_means(known, classes, weights).mean(axis=0)
    centred = (known - mean) * np.sqrt(weights)[:, None]
    count, dimensions = weights.sum(), known.shape[1]
    values, rows = np.linalg.eigh(centred @ centred.T)
    kept = np.flatnonzero(values > values[-1] * 1e-9)[::-1][: min(_RANK, dimensions - 1)]
    spectrum = values.clip(0) / count
    total = spectrum.sum()
    amount = shrinkage((spectrum**2).sum(), total, count, dimensions)
    floor = amount * total / dimensions
    unexplained = (1 - amount) * (total - spectrum[kept].sum())
    return Novelty(
        columns,
        mean.astype(np.float32),
        (centred.T @ (rows[:, kept] / np.sqrt(values[kept]))).astype(np.float32),
        ((1 - amount) * spectrum[kept] + floor).astype(np.float32),
        rest=float(max(floor + unexplained / (dimensions - len(kept)), 1e-12)),
    )


def limit_from(distances: np.ndarray) -> float:
    """The distance that FALSE_ALARMS of known pictures exceed, from those of held-out ones."""
    return float(np.quantile(distances, 1 - FALSE_ALARMS, method="higher"))
