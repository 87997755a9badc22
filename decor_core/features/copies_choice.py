"""Choice whether distorted copies are worth their time, made on a sample of the pictures.

Where all pictures are taken alike, as a shop's are, other light, quality or background moves a
picture as far from itself as another picture of its class lies: only copies teach that it is the
same. General photographs differ that much anyway, and copies take two thirds of the time and give
nothing (benchmarks/ACCURACY.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decor_core.data.split import content_order
from decor_core.features.embedder import Block, late_stages

# Pictures of which copies are made to judge by, of fewer than twice as many there is no choice.
SAMPLE = 40
# From this likeness to other pictures of the class on, copies are made.
WORTHWHILE = 0.8


@dataclass(frozen=True)
class CopiesChoice:
    """Number of distorted ``copies`` of each picture, and the reason in a sentence.

    ``distance`` is that of copies from their picture, in shares of the one between two pictures of
    a class; None where it was not measured.
    """

    copies: int
    reason: str
    distance: float | None = None


def rows_to_try(table: pd.DataFrame, level: str) -> np.ndarray:
    """Rows of at most SAMPLE pictures, of each label of ``level`` about as many, sorted.

    None where there are too few pictures. Which ones depends on their content alone.
    """
    if len(table) < 2 * SAMPLE:
        return np.arange(0)
    rows = content_order(table)
    turns = table.iloc[rows].groupby(level).cumcount().to_numpy()
    return np.sort(rows[np.argsort(turns, kind="stable")[:SAMPLE]])


def choose_copies(
    vectors: np.ndarray,
    classes: np.ndarray,
    blocks: Sequence[Block],
    rows: np.ndarray,
    copies: np.ndarray,
) -> CopiesChoice:
    """Whether k ``copies`` [m, k, d] of ``rows`` [m] of the pictures [n, d] are worth making."""
    count = copies.shape[1]
    distance = _distance(vectors, classes, blocks, rows, copies)
    lies = f"one lies {distance:.2f} times as far from its picture as another picture of its class"
    if distance >= WORTHWHILE:
        reason = f"{count} distorted copies of each picture train along: {lies}."
        return CopiesChoice(count, reason, distance)
    reason = f"No distorted copies, which would teach little here: {lies}, less than {WORTHWHILE}."
    return CopiesChoice(0, reason, distance)


def _distance(
    vectors: np.ndarray,
    classes: np.ndarray,
    blocks: Sequence[Block],
    rows: np.ndarray,
    copies: np.ndarray,
) -> float:
    """Distance of copies as a share of that between two pictures of a class, over early blocks.

    Late stages know things, which degradation does not change.
    """
    late = late_stages(blocks)
    early = [b for b in blocks if not late.start <= b.start < late.stop] or blocks
    shares = []
    for block in early:
        X, C = vectors[:, block.columns], copies[:, :, block.columns]
        moved = ((C - X[rows, None]) ** 2).sum(axis=2).mean()
        sums = np.zeros((classes.max() + 1, X.shape[1]))
        np.add.at(sums, classes, X)
        counts = np.bincount(classes, minlength=len(sums))
        within = (X**2).sum() - ((sums**2).sum(axis=1) / np.maximum(counts, 1)).sum()
        apart = 2 * within / max(len(X) - np.count_nonzero(counts), 1)
        shares.append(np.sqrt(moved / max(apart, 1e-12)))
    return float(np.mean(shares))
