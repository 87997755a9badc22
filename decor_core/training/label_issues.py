"""Label issues: images that may have the wrong label, and images unlike all others (outliers).

Confident learning (Northcutt, Jiang & Chuang, 2021): every image gets probabilities from linear
discriminants that were not trained on it. A label is likely where its probability reaches what
the images of that label get on average. Images that are likely to be something else are left out
of the training, and all are judged again. How well that works is in benchmarks/ACCURACY.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decor_core.data.checks import ENOUGH_PICTURES
from decor_core.data.findings import Finding
from decor_core.data.split import assign_folds
from decor_core.features.embeddings import Embeddings
from decor_core.model.events import ShouldStop, never_stop
from decor_core.model.heads import ShrinkageLDA
from decor_core.model.linear_head import fit_temperature, probabilities
from decor_core.model.whitening import subspace_iteration

_DIMENSIONS = 256  # principal ones: as good as all for this, and quick
_OUTLIER_DIMENSIONS = 64
_FOLDS = 5
_REPEATS = 3
_ROUNDS = 3
_MARGIN = 0.5  # by how much another label must be more probable than the one given
_OUTLIER_DEVIATIONS = 3.3  # robust standard deviations of the logarithm of the distance
_MIN_DEVIATION = 0.25  # where all are alike, small differences are no reason to look
_SEED = 0


@dataclass(frozen=True)
class LabelIssues:
    """Rows of a data set that should be looked at.

    ``mislabeled`` [m], int, are the rows whose label is probably wrong, the surest first;
    ``suggested`` [m], str, is the label that the other images speak for, ``probability`` [m] how
    probable that is, 0–1. ``outliers`` [k], int, are the rows unlike all others, the farthest
    first.
    """

    mislabeled: np.ndarray
    suggested: np.ndarray
    probability: np.ndarray
    outliers: np.ndarray


def find_label_issues(
    embeddings: Embeddings,
    level: str,
    *,
    blank: np.ndarray | pd.Series | None = None,
    progress: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop = never_stop,
) -> LabelIssues:
    """Check the labels of the taxonomy ``level`` by all other images of the data set.

    Classes with fewer than five different images are neither checked nor suggested, nor are the
    rows that are ``blank`` [n], which show nothing of their label. Nothing is found where fewer
    than two classes are left, or when it is stopped. ``progress`` is called with (done, total).
    """
    rows = _judgeable(embeddings, level, blank)
    nothing = LabelIssues(rows[:0], np.array([], str), np.array([]), rows[:0])
    if not len(rows):
        return nothing
    known = embeddings.rows(rows)
    taxonomy, y = known.target(level)
    coordinates = _principal_components(known)
    table = known.table.drop(columns="batch", errors="ignore")  # corrections are judged, too
    n_folds = min(_FOLDS, table["group"].nunique())
    trusted = np.ones(len(y), bool)
    for round_ in range(_ROUNDS):
        out_of_fold = []
        for repeat in range(_REPEATS):
            if should_stop():
                return nothing
            fold_of = assign_folds(table, level, n_folds, _SEED + repeat)
            out_of_fold.append(_out_of_fold(coordinates, y, fold_of, trusted))
            if progress:
                progress(round_ * _REPEATS + repeat + 1, _ROUNDS * _REPEATS)
        probs, distances = (np.mean(found, axis=0) for found in zip(*out_of_fold, strict=True))
        if round_ < _ROUNDS - 1:
            trusted = _one_of_each(~_likely_wrong(probs, y), y)
    scores = _outlier_scores(distances)
    margins = probs.max(axis=1) - probs[np.arange(len(y)), y]
    is_outlier = scores > _OUTLIER_DEVIATIONS
    is_wrong = (margins > _MARGIN) & ~is_outlier
    wrong = _descending(margins, is_wrong)
    strange = _descending(scores, is_outlier)
    return LabelIssues(
        rows[wrong],
        np.array(taxonomy.labels)[probs[wrong].argmax(axis=1)],
        probs[wrong].max(axis=1),
        rows[strange],
    )


def label_findings(issues: LabelIssues, table: pd.DataFrame, level: str) -> tuple[Finding, ...]:
    """The issues of the data set with that ``table`` in sentences, in the same order."""
    files, labels = list(table["file"]), list(table[level])
    return (
        *(
            Finding(
                "mislabelled",
                files[row],
                f"It is labeled “{labels[row]}”, but going by the other pictures it is "
                f"“{suggested}” ({probability:.0%}).",
                suggestion=str(suggested),
            )
            for row, suggested, probability in zip(
                issues.mislabeled, issues.suggested, issues.probability, strict=True
            )
        ),
        *(
            Finding("outlier", files[row], "It is unlike all others here; does it belong to them?")
            for row in issues.outliers
        ),
    )


def _judgeable(
    embeddings: Embeddings, level: str, blank: np.ndarray | pd.Series | None
) -> np.ndarray:
    """Rows of the classes that have enough different images; none if it is only one class."""
    seen = np.ones(len(embeddings.table), bool) if blank is None else ~np.array(blank, bool)
    table = embeddings.table[seen]
    different = table.groupby(level)["group"].transform("nunique").to_numpy()
    rows = np.flatnonzero(seen)[different >= ENOUGH_PICTURES]
    # A group of near duplicates may lie across classes and leave too little to one of them.
    return rows if embeddings.table[level].iloc[rows].nunique() > 1 else rows[:0]


def _principal_components(embeddings: Embeddings) -> np.ndarray:
    """The vectors on their principal axes [n, r], every block of the embedding counting alike.

    By subspace iteration from the same start every time.
    """
    blocks = []
    for block in embeddings.blocks:
        vectors = embeddings.vectors[:, block.columns]
        centered = vectors - vectors.mean(axis=0)
        blocks.append(centered / max(float(np.sqrt((centered**2).sum(axis=1).mean())), 1e-9))
    vectors = np.hstack(blocks).astype(np.float32)
    count = min(_DIMENSIONS, min(vectors.shape) - 1)
    width = min(count + 32, min(vectors.shape))
    start = np.random.default_rng(_SEED).standard_normal((vectors.shape[1], width), np.float32)
    basis = np.linalg.qr(vectors @ start)[0]
    basis = subspace_iteration(lambda basis: vectors @ (vectors.T @ basis), basis, 2)
    left, values, _ = np.linalg.svd(basis.T @ vectors, full_matrices=False)
    return (basis @ left * values)[:, :count].astype(np.float64)


def _out_of_fold(
    coordinates: np.ndarray, y: np.ndarray, fold_of: np.ndarray, trusted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities [n, c], and squared distances [n] to the nearest class.

    Both from the ``trusted`` images of the other folds.
    """
    logits, distances = np.zeros((len(y), y.max() + 1)), np.zeros(len(y))
    for fold in range(fold_of.max() + 1):
        held_out = fold_of == fold
        train = _one_of_each(trusted & ~held_out, y, among=~held_out)
        X, X_held_out, y_train = coordinates[train], coordinates[held_out], y[train]
        logits[held_out] = -ShrinkageLDA().fit(X, y_train).squared_distances(X_held_out) / 2
        few = np.s_[:, :_OUTLIER_DIMENSIONS]
        lda = ShrinkageLDA().fit(X[few], y_train)
        distances[held_out] = lda.squared_distances(X_held_out[few]).min(axis=1)
    temperature = fit_temperature(logits[trusted], y[trusted])
    return probabilities(logits / temperature), distances


def _one_of_each(chosen: np.ndarray, y: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """The mask ``chosen``, and all (``among`` which) of a class of which none would be left."""
    empty = np.bincount(y[chosen], minlength=y.max() + 1) == 0
    rest = empty[y]
    return chosen | (rest if among is None else rest & among)


def _likely_wrong(probs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mask [n] of the images that reach, for another label, the average of that label's images.

    cleanlab 2.9 (``filter_by="confident_learning"``) finds the same in benchmarks/label_issues.py,
    but takes 0.4 s to import.
    """
    thresholds = [probs[y == c, c].mean() for c in range(probs.shape[1])]
    reached = np.where(probs >= np.array(thresholds), probs, 0)
    return (reached.max(axis=1) > 0) & (reached.argmax(axis=1) != y)


def _outlier_scores(distances: np.ndarray) -> np.ndarray:
    """Robust standard deviations [n] by which logarithms of distances are above their median."""
    logs = np.log(np.maximum(distances, 1e-12))
    median = np.median(logs)
    deviation = 1.4826 * np.median(np.abs(logs - median))
    return (logs - median) / max(float(deviation), _MIN_DEVIATION)


def _descending(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The positions that ``mask`` chooses, those of the largest values first."""
    return np.array([i for i in np.argsort(-values, kind="stable") if mask[i]], int)
