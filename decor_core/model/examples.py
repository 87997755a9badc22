"""Training examples of a classifier."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np

from decor_core.features.embedder import Block
from decor_core.features.vectors import batches

# All copies of a picture together count half as much as the picture itself.
_COPIES_WEIGHT = 0.5


def even_folds(classes: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The fold [n], 0 to ``count`` − 1, of each example: classes [n] spread evenly over folds."""
    order = np.random.default_rng(seed).permutation(len(classes))
    order = order[np.argsort(classes[order], kind="stable")]
    fold_of = np.empty(len(classes), int)
    fold_of[order] = np.arange(len(classes)) % count
    return fold_of


@dataclass(frozen=True, eq=False)
class Examples:
    """Training examples: vectors [n, d] of ``classes`` [n] of 0…c-1, in ``blocks``.

    Example i counts ``weights[i]`` times. ``splits`` are pairs of row numbers (to train on, held
    out), one per fold, for model choice and calibration; empty where there are too few pictures.
    Examples of equal content are equal.
    """

    vectors: np.ndarray
    classes: np.ndarray
    weights: np.ndarray
    blocks: tuple[Block, ...]
    splits: tuple[tuple[np.ndarray, np.ndarray], ...] = ()

    @classmethod
    def with_copies(
        cls,
        vectors: np.ndarray,
        copies: np.ndarray,
        classes: np.ndarray,
        blocks: Sequence[Block],
        fold_of: np.ndarray,
    ) -> "Examples":
        """Pictures [n, d] and k distorted copies of each, [n, k, d], which are never held out.

        ``fold_of`` [n] is the fold that holds a picture out, −1 for none.
        """
        n, count, width = copies.shape
        if count:
            vectors = np.concatenate([vectors, np.reshape(copies, (n * count, width))])
        picture = np.concatenate([np.arange(n), np.repeat(np.arange(n), count)])
        folds = range(fold_of.max(initial=-1) + 1)
        return cls(
            vectors,
            classes[picture],
            np.where(np.arange(len(picture)) < n, 1.0, _COPIES_WEIGHT / max(count, 1)),
            tuple(blocks),
            tuple(
                (np.flatnonzero(fold_of[picture] != fold), np.flatnonzero(fold_of == fold))
                for fold in folds
            ),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Examples) and self._digest == other._digest

    def __hash__(self) -> int:
        return hash(self._digest)

    @cached_property
    def _digest(self) -> bytes:
        digest = blake2b(repr(self.blocks).encode(), digest_size=16)
        parts = (self.vectors[rows] for rows in batches(len(self.vectors)))
        for array in (*parts, self.classes, self.weights, *sum(self.splits, ())):
            # An array is a buffer, which stubs can say from Python 3.12 on only.
            digest.update(np.ascontiguousarray(array))  # pyright: ignore[reportArgumentType]
        return digest.digest()
