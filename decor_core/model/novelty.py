"""Novelty: distance of a picture from everything known, for the answer “none of these”."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from decor_core.features.vectors import batches, is_many

UNKNOWN = "unknown"
MAX_DISCOUNT = 0.25  # of the probability of a certain answer
STEEPNESS = 7.0  # from e^-7 for the median known picture to ½ at the limit
# Disagreement between blocks: how sharply distances tell classes apart, and what that weighs.
SHARPNESS, DISAGREEMENT = 10.0, 0.2
MIN_DISTANCE = 0.1  # of a mean squared distance: nearer than that is no nearer


@dataclass(frozen=True)
class Novelty:
    """Normal distributions of known vectors, one for each class and block of columns.

    ``means`` [c, d] are those of the classes, d being all columns of ``blocks``, one after the
    other. The classes share a covariance, by probabilistic PCA (Tipping & Bishop, 1999): in block
    b it is ``variances[b, i]`` along the i-th of ``axes`` [d, r], ``residual_variances[b]`` in
    every other direction, and ``mean_variances[b]`` on average, or 0 where only Mahalanobis
    distance is to count. Of known pictures, held out, ``median_distance`` is the median, and
    ``limit`` what few exceed (FALSE_ALARMS of ``novelty_detector``, which fits all this).
    """

    blocks: tuple[slice, ...]
    means: np.ndarray
    axes: np.ndarray
    variances: np.ndarray
    residual_variances: np.ndarray
    mean_variances: np.ndarray
    median_distance: float = 0.0
    limit: float = 1.0

    def distances(self, vectors: np.ndarray) -> np.ndarray:
        """Distances [...] of vectors [..., d'] from the nearest class: mean logarithms over blocks.

        In each block a distance is the geometric mean of Mahalanobis and Euclidean distance: the
        former tells other things, the latter holds in other people's pictures. Blocks that disagree
        about the nearest class add a penalty.
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
        beyond = (self.distances(vectors) - self.limit) / (self.limit - self.median_distance)
        return 1 / (1 + np.exp(-STEEPNESS * np.clip(beyond, -10, 10)))

    @cached_property
    def distributions(self) -> list["BlockDistributions"]:
        ends = np.cumsum([block.stop - block.start for block in self.blocks])[:-1]
        means, axes = np.split(self.means, ends, axis=1), np.split(self.axes, ends)
        variances = self.variances, self.residual_variances, self.mean_variances
        parts = zip(means, axes, *variances, strict=True)
        return [BlockDistributions(*part) for part in parts]


def discount_by_novelty(probs: np.ndarray, novelties: np.ndarray) -> np.ndarray:
    """Probabilities [n, c] moved towards uniform by the novelty [n], at most by MAX_DISCOUNT.

    The more novel a picture, the more often its likeliest class is wrong: of pictures from other
    sources that are called unknown, a quarter is.
    """
    classes = probs.shape[1]
    discount = np.minimum(novelties, MAX_DISCOUNT)[:, None] * classes / max(classes - 1, 1)
    return probs - discount * (probs - 1 / classes)


class BlockDistributions:
    """The distributions of one block, prepared for distances."""

    def __init__(
        self,
        means: np.ndarray,
        axes: np.ndarray,
        variances: np.ndarray,
        residual_variance: float,
        mean_variance: float,
    ) -> None:
        self.axes = axes
        self.residual_variance, self.mean_variance = residual_variance, mean_variance
        self.center = means.mean(axis=0)
        self.means = means - self.center
        self.gains = 1 / variances - 1 / residual_variance  # of an axis, above all other directions
        self.along = self.means @ axes
        self.offsets = (self.means**2).sum(axis=1), (self.along**2 * self.gains).sum(axis=1)

    def log_distances(self, vectors: np.ndarray) -> np.ndarray:
        """Logarithms [..., c] of the distances of vectors [..., d] from each class."""
        centered, d = vectors - self.center, vectors.shape[-1]
        along = centered @ self.axes
        scaled = along * self.gains
        squares = (centered**2).sum(axis=-1, keepdims=True) - 2 * centered @ self.means.T
        squares = np.maximum(squares + self.offsets[0], 0)
        gained = (scaled * along).sum(axis=-1, keepdims=True) - 2 * scaled @ self.along.T
        mahalanobis = squares / self.residual_variance + gained + self.offsets[1]
        logs = np.log(np.maximum(mahalanobis / d, MIN_DISTANCE))
        if not self.mean_variance:
            return logs
        return (logs + np.log(np.maximum(squares / d / self.mean_variance, MIN_DISTANCE))) / 2
