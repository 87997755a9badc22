"""Linear discriminant analysis, in closed form."""

from typing import Any, Self

import numpy as np

from decor_core.model.estimator import LinearClassifier
from decor_core.model.linear_head import LinearHead
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
