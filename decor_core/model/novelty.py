"""How far a picture is from everything known: the ground for the answer “none of these”."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from decor_core.features.vectors import batches, is_many

UNKNOWN = "unknown"
MAX_DISCOUNT = 0.25  # what a certain answer can lose
STEEPNESS = 7.0  # from e^-7 for the median known picture to ½ at the limit
# Disagreement between blocks: how sharply distances tell classes apart, and what that weighs.
SHARPNESS, DISAGREEMENT = 10.0, 0.2
MIN_DISTANCE = 0.1  # of a mean squared distance: nearer than that is no nearer


@dataclass(frozen=True)
class Novelty:
    """Normal distributions of known vectors, one for each class and block of columns.

    ``means`` [c, d] are those of the classes, d being all columns of ``blocks``, one after the
    other. The classes share a covariance, by probabilistic PCA (Tipping & Bishop, 1999): in block
    b it is ``variances[b, i]`` along the i-th of ``axes`` [d, r], ``rest[b]`` in every other
    direction, and ``spread[b]`` on average, or 0 where only Mahalanobis distance is to count.
    ``typical`` and ``limit`` are the median distance of known pictures, held out, and that which
    few of them exceed (FALSE_ALARMS of ``novelty_detector``, which fits all this).
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
        ends = np.cumsum([block.stop - block.start for block in self.blocks])[:-1]
        means, axes = np.split(self.means, ends, axis=1), np.split(self.axes, ends)
        parts = zip(means, axes, self.variances, self.rest, self.spread, strict=True)
        return [BlockDistributions(*part) for part in parts]


def doubted(probs: np.ndarray, novelties: np.ndarray) -> np.ndarray:
    """Probabilities [n, c] of pictures that may be none of the classes, by their novelty [n].

    What is certain loses as much as that, at most MAX_DISCOUNT, in favor of all other classes: the
    stranger a picture, the more often its likeliest class is wrong, and of pictures from other
    sources that are called unknown it is a quarter.
    """
    classes = probs.shape[1]
    doubt = np.minimum(novelties, MAX_DISCOUNT)[:, None] * classes / max(classes - 1, 1)
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
        logs = np.log(np.maximum(mahalanobis / d, MIN_DISTANCE))
        if not self.spread:
            return logs
        return (logs + np.log(np.maximum(squares / d / self.spread, MIN_DISTANCE))) / 2
