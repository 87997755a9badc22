"""Logistic regression to convergence: what gradient descent would reach if it had the time."""

from collections.abc import Sequence

import numpy as np

from decor_core.model.heads import probabilities

# At coordinates whose root mean square length is 1; chosen by cross-validation on the decor
# pictures, where a third or three times as much makes no difference (benchmarks/ACCURACY.md).
PENALTY = 1e-3

_MOST_STEPS = 100
_CLOSE = 1e-4


def fit_logistic(
    whitened: Sequence[np.ndarray], classes: np.ndarray, weights: np.ndarray | None = None
) -> tuple[list[np.ndarray], np.ndarray]:
    """Multinomial logistic regression with a ridge penalty, every class counting alike.

    Takes and gives what ``heads.fit_lda`` does. Steps are those of Böhning's bound on the
    curvature (Böhning, 1992), which is diagonal in the principal axes of the coordinates, with
    Nesterov's momentum, restarted where it leads astray (O'Donoghue & Candès, 2015).
    """
    joined = np.concatenate(whitened, axis=1)
    weights = np.ones(len(classes)) if weights is None else weights
    shares = weights / np.bincount(classes, weights)[classes] / (classes.max() + 1)
    mean = shares @ joined
    variances, places, axes = _principal_axes(joined - mean, shares)
    ridge = PENALTY * variances.sum() / variances
    steepness, bias = _descend(places, classes, shares, ridge[:, None])
    slopes = axes @ steepness
    ends = np.cumsum([part.shape[1] for part in whitened])[:-1]
    return np.split(slopes, ends), bias - mean @ slopes


def _principal_axes(
    centred: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Variances [r], places [n, r] of unit variance, and axes [d, r] with places = centred @ axes.

    Through the smaller of the two products of the matrix with itself.
    """
    rows = centred * np.sqrt(shares)[:, None]
    wide = rows.shape[1] > len(rows)
    variances, vectors = np.linalg.eigh(rows @ rows.T if wide else rows.T @ rows)
    kept = variances > variances[-1] * 1e-10
    variances, vectors = variances[kept], vectors[:, kept]
    axes = rows.T @ vectors / variances if wide else vectors / np.sqrt(variances)
    return variances, centred @ axes, axes


def _descend(
    places: np.ndarray, classes: np.ndarray, shares: np.ndarray, ridge: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes [r, c] and bias [c] on places of unit variance, with a ridge [r, 1]."""
    # The bias is one more coordinate, which has unit variance too and no ridge.
    inputs = np.column_stack([places, np.ones(len(places))])
    ridge = np.vstack([ridge, [[0.0]]])
    step = 1 / (0.5 + ridge)
    targets = np.eye(classes.max() + 1)[classes]
    now = ahead = np.zeros((inputs.shape[1], targets.shape[1]))
    momentum = 1.0
    for _ in range(_MOST_STEPS):
        wrong = (probabilities(inputs @ ahead) - targets) * shares[:, None]
        slope = inputs.T @ wrong + ridge * ahead
        after = ahead - step * slope
        moved = after - now
        if (slope * moved).sum() > 0:
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = after + (momentum - 1) / following * moved
        now, momentum = after, following
        if np.abs(moved).max() <= _CLOSE * np.abs(now).max():
            break
    return now[:-1], now[-1]
