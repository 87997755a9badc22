"""Pictures that may have the wrong label, and pictures unlike all others, told by the rest.

Confident learning (Northcutt, Jiang & Chuang, 2021): every picture is judged by heads that have not
seen it, and a label counts for likely where its probability reaches what its own pictures get on
average. What is likely to be wrong is left out, and all are judged again by what remains.
How well that works is in benchmarks/ACCURACY.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from decor_core.data.checks import FEW
from decor_core.data.findings import Finding
from decor_core.data.split import folds
from decor_core.features.embeddings import Embeddings
from decor_core.model.calibration import ShouldStop, never_stop
from decor_core.model.evaluation import fit_temperature
from decor_core.model.heads import class_means, probabilities
from decor_core.model.whitening import shrinkage

_DIMENSIONS = 256  # principal ones: as good as all for this, and quick
_OUTLIER_DIMENSIONS = 64
_FOLDS = 5
_REPEATS = 3
_ROUNDS = 3
_MARGIN = 0.5  # by how much another label must be more probable than the one given
_FAR = 3.3  # robust standard deviations of the logarithm of the distance
_LEAST_DEVIATION = 0.25  # where all are alike, little things are no reason to look
_SEED = 0


@dataclass(frozen=True)
class _Judged:
    """Probabilities [n, c] and squared distances [n] to the nearest class, both out of fold."""

    probs: np.ndarray
    distances: np.ndarray


def find_suspects(
    embeddings: Embeddings,
    level: str,
    *,
    progress: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop = never_stop,
) -> tuple[Finding, ...]:
    """Findings of the kinds “mislabelled” and “outlier”, each kind with the surest first.

    The suggestion of a “mislabelled” is the label that the others speak for. ``level`` names the
    taxonomy. Classes with fewer than five different pictures are neither judged nor suggested.
    () where fewer than two classes are left, or when it is stopped.
    """
    rows = _judgeable(embeddings, level)
    if not len(rows):
        return ()
    known = embeddings.rows(rows)
    taxonomy, classes = known.target(level)
    places = _principal(known)
    trusted = np.ones(len(classes), bool)
    told = 0
    for round_ in range(_ROUNDS):
        parts = []
        for repeat in range(_REPEATS):
            if should_stop():
                return ()
            parts.append(_judge(known, level, places, classes, trusted, _SEED + repeat))
            told += 1
            if progress:
                progress(told, _ROUNDS * _REPEATS)
        probs = np.mean([part.probs for part in parts], axis=0)
        if round_ < _ROUNDS - 1:
            trusted = _kept(~_likely_wrong(probs, classes), classes)
    distances = np.mean([part.distances for part in parts], axis=0)
    strange = _strange(distances)
    files = list(known.table["file"])
    margins = probs.max(axis=1) - probs[np.arange(len(classes)), classes]
    answers = probs.argmax(axis=1)
    wrong = (margins > _MARGIN) & ~strange
    return (
        *(
            Finding(
                "mislabelled",
                files[i],
                f"It is labelled “{taxonomy.labels[classes[i]]}”, but going by the other pictures "
                f"it is “{taxonomy.labels[answers[i]]}” ({probs[i, answers[i]]:.0%}).",
                suggestion=taxonomy.labels[answers[i]],
            )
            for i in np.argsort(-margins, kind="stable")
            if wrong[i]
        ),
        *(
            Finding("outlier", files[i], "It is unlike all others here; does it belong to them?")
            for i in np.argsort(-distances, kind="stable")
            if strange[i]
        ),
    )


def _judgeable(embeddings: Embeddings, level: str) -> np.ndarray:
    """Rows of the classes that have enough different pictures; none if it is only one class."""
    table = embeddings.table
    different = table.groupby(level)["group"].transform("nunique").to_numpy()
    rows = np.flatnonzero(different >= FEW)
    # A group of near duplicates may lie across classes and leave too little to one of them.
    return rows if table[level].iloc[rows].nunique() > 1 else rows[:0]


def _principal(embeddings: Embeddings) -> np.ndarray:
    """The vectors on their principal axes [n, r], every block of the embedding counting alike.

    Randomised (Halko, Martinsson & Tropp, 2011), with the same numbers every time.
    """
    blocks = []
    for block in embeddings.blocks:
        centred = embeddings.vectors[:, block.columns] - embeddings.vectors[:, block.columns].mean(
            axis=0
        )
        blocks.append(centred / max(float(np.sqrt((centred**2).sum(axis=1).mean())), 1e-9))
    vectors = np.hstack(blocks).astype(np.float32)
    count = min(_DIMENSIONS, min(vectors.shape) - 1)
    width = min(count + 32, min(vectors.shape))
    start = np.random.default_rng(_SEED).standard_normal((vectors.shape[1], width), np.float32)
    basis = np.linalg.qr(vectors @ start)[0]
    for _ in range(2):
        basis = np.linalg.qr(vectors @ (vectors.T @ basis))[0]
    left, values, _ = np.linalg.svd(basis.T @ vectors, full_matrices=False)
    return (basis @ left * values)[:, :count].astype(np.float64)


def _judge(
    embeddings: Embeddings,
    level: str,
    places: np.ndarray,
    classes: np.ndarray,
    trusted: np.ndarray,
    seed: int,
) -> _Judged:
    """Every picture by linear discriminants of the ``trusted`` ones in the other folds."""
    table = embeddings.table
    count = min(_FOLDS, int(table["group"].nunique()))
    fold_of = folds(
        list(table[level]), list(table["key"]), list(table["group"]), n_folds=count, seed=seed
    )
    logits = np.zeros((len(classes), classes.max() + 1))
    distances = np.zeros(len(classes))
    for fold in range(count):
        asked = fold_of == fold
        known = _kept(trusted & ~asked, classes, among=~asked)
        logits[asked] = _Discriminant(places[known], classes[known]).logits(places[asked])
        few = places[:, :_OUTLIER_DIMENSIONS]
        distances[asked] = _Discriminant(few[known], classes[known]).distances(few[asked])
    temperature = fit_temperature(logits[trusted], classes[trusted])
    return _Judged(probabilities(logits / temperature), distances)


class _Discriminant:
    """Linear discriminant analysis with shrunk covariance, in few dimensions."""

    def __init__(self, places: np.ndarray, classes: np.ndarray) -> None:
        self._means = class_means(places, classes)
        within = places - self._means[classes]
        count, dimensions = within.shape
        covariance = within.T @ within / count
        total = np.trace(covariance)
        amount = shrinkage((covariance**2).sum(), total, count, dimensions)
        floor = max(amount * total / dimensions, 1e-9)
        self._precision = np.linalg.inv((1 - amount) * covariance + floor * np.eye(dimensions))

    def logits(self, places: np.ndarray) -> np.ndarray:
        """Scores [n, c], with equal priors."""
        slopes = self._precision @ self._means.T
        return places @ slopes - 0.5 * (self._means.T * slopes).sum(axis=0)

    def distances(self, places: np.ndarray) -> np.ndarray:
        """Squared Mahalanobis distance [n] to the nearest class."""
        own = ((places @ self._precision) * places).sum(axis=1)
        return own - 2 * self.logits(places).max(axis=1)


def _kept(chosen: np.ndarray, classes: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """``chosen``, and all (``among`` which) of a class of which none would be left."""
    empty = np.bincount(classes[chosen], minlength=classes.max() + 1) == 0
    rest = empty[classes]
    return chosen | (rest if among is None else rest & among)


def _likely_wrong(probs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Which pictures [n] reach, for another label, what pictures of that label get on average."""
    usual = [probs[classes == c, c].mean() for c in range(probs.shape[1])]
    reached = np.where(probs >= np.array(usual), probs, 0)
    return (reached.max(axis=1) > 0) & (reached.argmax(axis=1) != classes)


def _strange(distances: np.ndarray) -> np.ndarray:
    """Which distances [n] stick out, by the median and the median deviation of their logarithms."""
    logs = np.log(np.maximum(distances, 1e-12))
    middle = np.median(logs)
    deviation = 1.4826 * np.median(np.abs(logs - middle))
    return logs > middle + _FAR * max(float(deviation), _LEAST_DEVIATION)
