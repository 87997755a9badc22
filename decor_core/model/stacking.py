"""Several classifiers combined into one: weights by which their logits are added up."""

import numpy as np

from decor_core.model.calibration import fit_temperature
from decor_core.model.linear_head import log_losses, probabilities

# How hard weights are pulled towards being equal, in nats of log-loss for each nat of divergence.
# On decor a third or three times as much makes no difference beyond chance; equal weights travel
# a little better to pictures of other shops, free ones do better at home (ACCURACY.md).
_PULL = 0.01
_STEPS = 100


def stacking_weights(logits: np.ndarray, y_true: np.ndarray) -> np.ndarray:
    """Positive weights [k] of k classifiers: the sum of their weighted logits is likeliest.

    A logarithmic opinion pool (Genest & Zidek, 1986) of out-of-fold ``logits`` [k, m, c] for the
    classes ``y_true`` [m], fitted by stacking (Wolpert, 1992): mean log-loss, and the divergence
    of the classifiers' shares from equal ones as penalty, by exponentiated gradient descent
    (Kivinen & Warmuth, 1997). Each classifier is calibrated by itself first.
    """
    k, rows = len(logits), np.arange(len(y_true))
    sharpness = np.array([1 / fit_temperature(one, y_true) for one in logits])
    calibrated = logits * sharpness[:, None, None].astype(logits.dtype)

    def objective(weights: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """What is to be small, the probabilities [m, c], and the shares [k]."""
        pooled, shares = np.tensordot(weights, calibrated, 1), weights / weights.sum()
        penalty = _PULL * (shares * np.log(k * shares)).sum()
        return log_losses(pooled, y_true).mean() + penalty, probabilities(pooled), shares

    weights, rate = np.full(k, 1 / k), 1.0
    value, probs, shares = objective(weights)
    for _ in range(_STEPS):
        probs[rows, y_true] -= 1
        slope = np.tensordot(calibrated, probs, 2) / len(y_true)
        told = np.log(k * shares)
        slope += _PULL * (told - (shares * told).sum()) / weights.sum()
        while rate > 1e-4:
            following = weights * np.exp(np.clip(-rate * slope, -1, 1))
            found = objective(following)
            if found[0] < value:
                break
            rate /= 2
        else:
            break
        gained, weights = value - found[0], following
        value, probs, shares = found
        rate *= 1.5
        if gained < 1e-6:
            break
    return weights * sharpness
