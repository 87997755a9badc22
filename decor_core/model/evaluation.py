"""How good a head is, and how sure one can be of that: rates with intervals, cross-validation."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from decor_core.model.heads import cross_entropy, probabilities

_Z95 = 1.959964
_BINS = 10
# A class with fewer pictures is marked wherever its recall is shown: even if all are right, the
# true rate may be as low as 89 %.
FEW = 30


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
class Bin:
    """Answers of about the same confidence: how many, their mean confidence, share right."""

    count: float
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Evaluation:
    """Answers held against the truth: ``confusion[i, j]`` pictures of class i were called j.

    In a repeated cross-validation the counts are means over the repeats, so they may be
    fractions; ``n`` stays the number of pictures, which is what the intervals go by.
    ``calibration_error`` is the expected calibration error over ten bins (Guo et al., 2017),
    ``reliability`` those bins that are not empty. Its interval and that of the balanced accuracy
    are percentiles of 1000 bootstrap samples of the pictures (Efron, 1979).
    """

    labels: tuple[str, ...]
    confusion: np.ndarray
    cross_entropy: float
    calibration_error: float
    calibration_ci95: tuple[float, float]
    balanced_ci95: tuple[float, float]
    reliability: tuple[Bin, ...]

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
            "balanced_ci95": list(self.balanced_ci95),
            "cross_entropy": self.cross_entropy,
            "ece": self.calibration_error,
            "ece_ci95": list(self.calibration_ci95),
            "reliability": [asdict(part) for part in self.reliability],
            "classes": classes,
            "labels": list(self.labels),
            "confusion": self.confusion.tolist(),
            "confusion_ci95": [
                [list(wilson(float(count), round(float(row.sum())))) for count in row]
                for row in self.confusion
            ],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Evaluation":
        """The evaluation that ``to_json`` wrote."""
        return cls(
            labels=tuple(data["labels"]),
            confusion=np.array(data["confusion"], float),
            cross_entropy=data["cross_entropy"],
            calibration_error=data["ece"],
            calibration_ci95=tuple(data["ece_ci95"]),
            balanced_ci95=tuple(data["balanced_ci95"]),
            reliability=tuple(Bin(**part) for part in data["reliability"]),
        )


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def evaluate(probs: np.ndarray, classes: np.ndarray, labels: tuple[str, ...]) -> Evaluation:
    """Hold probabilities [n, c] against true ``classes`` [n] of 0…c-1.

    Those of a repeated cross-validation are [repeats, n, c]; then every figure is a mean.
    """
    probs = probs.reshape(-1, *probs.shape[-2:])
    answers = probs.argmax(axis=2)
    confusion = np.zeros((len(labels), len(labels)))
    np.add.at(confusion, (np.broadcast_to(classes, answers.shape), answers), 1 / len(probs))
    right, confidence = answers == classes, probs.max(axis=2)
    gaps = _bin_sums(right - confidence, confidence)
    samples = _bootstrap_counts(len(classes))
    return Evaluation(
        labels=labels,
        confusion=confusion,
        cross_entropy=cross_entropy(np.log(np.maximum(probs, 1e-300)), classes),
        calibration_error=float(_calibration_errors(np.ones((1, len(classes))), gaps)[0]),
        calibration_ci95=_percentiles(_calibration_errors(samples, gaps)),
        balanced_ci95=_percentiles(_balanced_accuracies(samples, right.mean(axis=0), classes)),
        reliability=_reliability(right, confidence),
    )


def _bin_of(confidence: np.ndarray) -> np.ndarray:
    return np.minimum((confidence * _BINS).astype(int), _BINS - 1)


def _bin_sums(values: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """``values`` [repeats, n] of each picture in the column of its bin: [repeats, n, bins]."""
    return np.eye(_BINS)[_bin_of(confidence)] * values[..., None]


def _bootstrap_counts(n: int) -> np.ndarray:
    """How often each of n pictures is drawn into each of 1000 samples with replacement."""
    return np.random.default_rng(0).multinomial(n, np.full(n, 1 / max(n, 1)), size=1000)


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return float(low), float(high)


def _calibration_errors(samples: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """For each sample [n] of pictures, the mean over repeats of its calibration error."""
    sums = np.abs(samples @ gaps).sum(axis=2)
    return sums.mean(axis=0) / samples.sum(axis=1)


def _balanced_accuracies(samples: np.ndarray, right: np.ndarray, classes: np.ndarray) -> np.ndarray:
    members = np.eye(classes.max() + 1)[classes]
    members = members[:, members.any(axis=0)]
    drawn = samples @ members
    hits = samples @ (members * right[:, None])
    return np.nanmean(np.divide(hits, drawn, out=np.full_like(hits, np.nan), where=drawn > 0), 1)


def _reliability(right: np.ndarray, confidence: np.ndarray) -> tuple[Bin, ...]:
    place = _bin_of(confidence)
    bins = []
    for number in range(_BINS):
        inside = place == number
        if inside.any():
            count = inside.sum() / len(right)
            bins.append(Bin(count, float(confidence[inside].mean()), float(right[inside].mean())))
    return tuple(bins)


def fit_temperature(logits: np.ndarray, classes: np.ndarray) -> float:
    """The divisor of logits [n, c] that makes their probabilities likeliest (Guo et al., 2017).

    Meant for out-of-fold logits: in-sample ones lie. Where all n answers are right, boundless
    confidence would be likeliest; then it is (n + 1) / (n + 2) on average, by Laplace's rule of
    succession. Searched between 1/1000 and 1000.
    """
    n = len(classes)

    def surprise(temperature: float) -> float:
        return cross_entropy(logits / temperature, classes)

    def presumption(temperature: float) -> float:
        return abs(probabilities(logits / temperature).max(axis=1).mean() - (n + 1) / (n + 2))

    all_right = (logits.argmax(axis=1) == classes).all()
    return _golden_section(presumption if all_right else surprise, 1e-3, 1e3)


def _golden_section(loss: Callable[[float], float], low: float, high: float) -> float:
    """Where ``loss`` is least between ``low`` and ``high``, on a logarithmic scale."""
    low, high = math.log(low), math.log(high)
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(40):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(math.exp(left)) < loss(math.exp(right)):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)
