"""Two heads in one: a logarithmic opinion pool (Genest & Zidek, 1986), calibrated."""

from dataclasses import dataclass

import numpy as np

from decor_core.model.linear_head import fit_temperature, log_losses

# How much the second head may count.
_SHARES = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75)


@dataclass(frozen=True)
class OpinionPool:
    """Weights of two heads in their pooled logits.

    ``share`` is what the second one has of both. On what it was fitted to they had that share
    right (``accuracy``), that mean log-loss and that mean ``probability`` of the right label.
    """

    first: float
    second: float
    share: float
    accuracy: float
    loss: float
    probability: float

    @classmethod
    def fit(cls, first: np.ndarray, second: np.ndarray, y_true: np.ndarray) -> "OpinionPool":
        """The share with which logits [n, c] of both give ``y_true`` [n] the most probability.

        The second ones are calibrated already, the first need not be.
        """
        least: OpinionPool | None = None
        temperature = fit_temperature(first, y_true)
        for share in _SHARES:
            logits = (1 - share) / temperature * first + share * second
            whole = fit_temperature(logits, y_true)
            losses = log_losses(logits / whole, y_true)
            loss, probability = float(losses.mean()), float(np.exp(-losses).mean())
            if least is None or loss < least.loss:
                accuracy = float((logits.argmax(axis=1) == y_true).mean())
                parts = (1 - share) / temperature / whole, share / whole
                least = cls(*parts, share, accuracy, loss, probability)
        assert least is not None
        return least
