"""How good a head is, and how sure one can be of that: rates with intervals, cross-validation."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .heads import cross_entropy

_Z95 = 1.959964


def wilson(correct: float, n: int) -> tuple[float, float]:
    """95 % score interval of a rate of ``correct`` in ``n`` trials (Wilson, 1927)."""
    if n == 0:
        return 0.0, 1.0
    rate = correct / n
    centre = rate + _Z95**2 / (2 * n)
    half = _Z95 * math.sqrt(rate * (1 - rate) / n + _Z95**2 / (4 * n**2))
    scale = 1 + _Z95**2 / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


@dataclass(frozen=True)
class Evaluation:
    """Answers held against the truth: ``confusion[i, j]`` pictures of class i were called j.

    In a repeated cross-validation the counts are means over the repeats, so they may be
    fractions; ``n`` stays the number of pictures, which is what the intervals go by.
    ``calibration_error`` is the expected calibration error over ten bins (Guo et al., 2017).
    """

    labels: tuple[str, ...]
    confusion: np.ndarray
    cross_entropy: float
    calibration_error: float

    @property
    def n(self) -> int:
        return round(float(self.confusion.sum()))

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.confusion) / max(self.n, 1))

    @property
    def ci95(self) -> tuple[float, float]:
        return wilson(float(np.trace(self.confusion)), self.n)

    @property
    def recall(self) -> np.ndarray:
        """Share of each class that was recognised; nan where there was no picture of it."""
        return _ratio(self.confusion.diagonal(), self.confusion.sum(axis=1))

    @property
    def precision(self) -> np.ndarray:
        """Share of right answers among those naming each class; nan where it was never named."""
        return _ratio(self.confusion.diagonal(), self.confusion.sum(axis=0))

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall over the classes that occur."""
        return float(np.nanmean(self.recall))

    def to_json(self) -> dict[str, Any]:
        """Everything, in types that JSON knows; nan becomes None."""
        counts = self.confusion.sum(axis=1)
        classes = [
            {
                "label": label,
                "n": round(float(count)),
                "recall": _number(recall),
                "recall_ci95": list(wilson(float(hits), round(float(count)))),
                "precision": _number(precision),
            }
            for label, count, hits, recall, precision in zip(
                self.labels,
                counts,
                self.confusion.diagonal(),
                self.recall,
                self.precision,
                strict=True,
            )
        ]
        return {
            "n": self.n,
            "accuracy": self.accuracy,
            "ci95": list(self.ci95),
            "balanced_accuracy": self.balanced_accuracy,
            "cross_entropy": self.cross_entropy,
            "ece": self.calibration_error,
            "classes": classes,
            "labels": list(self.labels),
            "confusion": self.confusion.tolist(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Evaluation":
        """The evaluation that ``to_json`` wrote."""
        return cls(
            tuple(data["labels"]), np.array(data["confusion"]), data["cross_entropy"], data["ece"]
        )


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def evaluate(chances: np.ndarray, classes: np.ndarray, labels: tuple[str, ...]) -> Evaluation:
    """Hold probabilities [n, c] against true ``classes`` [n] of 0…c-1."""
    confusion = np.zeros((len(labels), len(labels)))
    np.add.at(confusion, (classes, chances.argmax(axis=1)), 1)
    logs = np.log(np.maximum(chances, 1e-300))
    return Evaluation(
        labels, confusion, cross_entropy(logs, classes), _calibration_error(chances, classes)
    )


def mean_evaluation(evaluations: list[Evaluation]) -> Evaluation:
    """The mean over repeats of the same pictures."""
    return Evaluation(
        evaluations[0].labels,
        np.mean([e.confusion for e in evaluations], axis=0),
        float(np.mean([e.cross_entropy for e in evaluations])),
        float(np.mean([e.calibration_error for e in evaluations])),
    )


def _calibration_error(chances: np.ndarray, classes: np.ndarray, bins: int = 10) -> float:
    confidence = chances.max(axis=1)
    right = chances.argmax(axis=1) == classes
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / max(len(classes), 1))


def fit_temperature(logits: np.ndarray, classes: np.ndarray) -> float:
    """The divisor of logits [n, c] that makes their probabilities likeliest (Guo et al., 2017).

    Golden-section search on its logarithm, between 1/1000 and 1000. Meant for out-of-fold
    logits: in-sample ones lie.
    """
    low, high = math.log(1e-3), math.log(1e3)
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(40):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if cross_entropy(logits / math.exp(left), classes) < cross_entropy(
            logits / math.exp(right), classes
        ):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)
