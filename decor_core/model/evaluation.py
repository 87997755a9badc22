"""Evaluation of a model: rates with intervals, and calibration.

Plain NumPy: the web server shows evaluations, and to import scikit-learn costs a second and 80 MB.
A bundle carries its evaluation, which is why this stands beside the bundle and not in training.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np

# A class with fewer pictures is marked wherever its recall is shown: even if all are right, the
# true rate may be as low as 89 %.
SMALL_CLASS = 30

_Z95 = 1.959964
_BINS = 10

Count = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1 + 1e-9)]


def wilson(correct: float, n: int) -> tuple[float, float]:
    """95 % score interval of a rate of ``correct`` in ``n`` trials (Wilson, 1927)."""
    if n == 0:
        return 0.0, 1.0
    rate = correct / n
    center = rate + _Z95**2 / (2 * n)
    half = _Z95 * math.sqrt(rate * (1 - rate) / n + _Z95**2 / (4 * n**2))
    scale = 1 + _Z95**2 / n
    return max(0.0, (center - half) / scale), min(1.0, (center + half) / scale)


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value of that many pictures right in one of two runs alone.

    As ``scipy.stats.binomtest``, whose import would cost the web server two seconds and 67 MB.
    """
    n = only_first + only_second
    tail = sum(math.comb(n, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2**n)


@dataclass(frozen=True)
class Proportion:
    """``k`` of ``n``."""

    k: int
    n: int

    @property
    def value(self) -> float:
        """The share, 0 to 1; nan of none."""
        return self.k / self.n if self.n else math.nan

    @property
    def ci95(self) -> tuple[float, float]:
        return wilson(self.k, self.n)


@dataclass(frozen=True)
class ReliabilityBin:
    """Predictions of about the same confidence: how many, their mean confidence, share right."""

    count: Count
    confidence: Share
    accuracy: Share


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions held against the truth: ``confusion[i, j]`` pictures of class i were called j.

    In a repeated cross-validation the counts are means over the repeats, so they may be
    fractions; ``n`` stays the number of pictures, which is what the intervals go by.
    ``ece`` is the expected calibration error over ten bins (Guo et al., 2017), ``reliability``
    those bins that are not empty. ``ece_ci95`` and ``balanced_ci95`` (of the balanced accuracy)
    are percentiles of 1000 bootstrap samples of the pictures (Efron, 1979).
    """

    labels: tuple[str, ...]
    confusion: np.ndarray
    cross_entropy: Annotated[float, msgspec.Meta(ge=0)]
    ece: Share
    ece_ci95: tuple[Share, Share]
    balanced_ci95: tuple[Share, Share]
    reliability: tuple[ReliabilityBin, ...]

    def __post_init__(self) -> None:
        if self.confusion.shape != (len(self.labels),) * 2:
            raise ValueError("the confusion matrix does not fit the labels")
        pictures = self.confusion.sum(axis=1)
        if not np.allclose(pictures, pictures.round()):
            raise ValueError("the confusion matrix counts parts of pictures")

    @property
    def n(self) -> int:
        return round(float(self.confusion.sum()))

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.confusion) / max(self.n, 1))

    @property
    def ci95(self) -> tuple[float, float]:
        """95 % interval of the accuracy."""
        return wilson(float(np.trace(self.confusion)), self.n)

    @property
    def recall(self) -> np.ndarray:
        """Share of each class that was recognized; nan where there was no picture of it."""
        return _ratio(self.confusion.diagonal(), self.confusion.sum(axis=1))

    @property
    def precision(self) -> np.ndarray:
        """Share right among the predictions of each class; nan where it was never predicted."""
        return _ratio(self.confusion.diagonal(), self.confusion.sum(axis=0))

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall over the classes that occur."""
        return float(np.nanmean(self.recall))

    def to_json(self) -> dict[str, Any]:
        """All of it, and what follows from it, in types that JSON knows; nan becomes None."""
        counts = [round(float(count)) for count in self.confusion.sum(axis=1)]
        per_class = zip(self.labels, counts, self.recall, self.precision, strict=True)
        return {
            "n": self.n,
            "accuracy": self.accuracy,
            "ci95": list(self.ci95),
            "balanced_accuracy": self.balanced_accuracy,
            **msgspec.to_builtins(self, enc_hook=np.ndarray.tolist),
            "classes": [
                {
                    "label": label,
                    "n": n,
                    "recall": None if math.isnan(recall) else float(recall),
                    "recall_ci95": list(wilson(float(recall) * n if n else 0, n)),
                    "precision": None if math.isnan(precision) else float(precision),
                }
                for label, n, recall, precision in per_class
            ],
            "confusion_ci95": [
                [list(wilson(float(count), n)) for count in row]
                for row, n in zip(self.confusion, counts, strict=True)
            ],
        }


def decode_counts(_: type, rows: Any) -> np.ndarray:
    """The matrix of an evaluation in JSON, as msgspec's ``dec_hook``."""
    return np.array(msgspec.convert(rows, list[list[Count]]), float)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def evaluate(probs: np.ndarray, y_true: np.ndarray, labels: tuple[str, ...]) -> Evaluation:
    """Hold probabilities [n, c] against the true classes ``y_true`` [n] of 0…c-1.

    Those of a repeated cross-validation are [repeats, n, c]; then every figure is a mean.
    """
    probs = probs.reshape(-1, *probs.shape[-2:])
    repeats, n, _ = probs.shape
    y_pred, confidence = probs.argmax(axis=2), probs.max(axis=2)
    correct, given = y_pred == y_true, probs[:, np.arange(n), y_true]
    confusion = np.zeros((len(labels), len(labels)))
    np.add.at(confusion, (np.broadcast_to(y_true, y_pred.shape), y_pred), 1 / repeats)
    bin_of = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.eye(_BINS)[bin_of] * (correct - confidence)[..., None]
    ece_ci95, balanced_ci95 = _bootstrap(gaps, correct.mean(axis=0), y_true)
    inside = [bin_of == number for number in np.unique(bin_of)]
    return Evaluation(
        labels=labels,
        confusion=confusion,
        cross_entropy=float(-np.log(np.maximum(given, 1e-300)).mean() + 0.0),  # never -0.0
        ece=float(_ece(np.ones((1, n)), gaps)[0]),
        ece_ci95=ece_ci95,
        balanced_ci95=balanced_ci95,
        reliability=tuple(
            ReliabilityBin(
                float(mask.sum() / repeats),
                float(confidence[mask].mean()),
                float(correct[mask].mean()),
            )
            for mask in inside
        ),
    )


def _ece(drawn: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Calibration error [samples], a mean over the repeats.

    ``drawn`` [samples, n] says how often each picture is in a sample; ``gaps`` [repeats, n, bins]
    is 1 or 0 (right or wrong) minus the confidence, in the column of its bin.
    """
    return np.abs(drawn @ gaps).sum(axis=2).mean(axis=0) / drawn.sum(axis=1)


def _bootstrap(
    gaps: np.ndarray, correct: np.ndarray, y_true: np.ndarray
) -> tuple[tuple[float, float], tuple[float, float]]:
    """95 % intervals of the calibration error and of the balanced accuracy."""
    n, rng = len(y_true), np.random.default_rng(0)
    members = np.equal.outer(y_true, np.unique(y_true)).astype(float)
    eces, balanced = [], []
    for _ in range(20):  # 20 × 50 samples: all at once take 8 KB for each picture
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=50).astype(float)
        eces.append(_ece(drawn, gaps))
        recall = _ratio(drawn @ (members * correct[:, None]), drawn @ members)
        balanced.append(np.nanmean(recall, axis=1))
    return _percentiles(np.concatenate(eces)), _percentiles(np.concatenate(balanced))


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)
