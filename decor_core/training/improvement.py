"""By how much a model is better than the one before, on pictures that neither has learned from."""

from dataclasses import dataclass

import numpy as np

from decor_core.features.embeddings import Embeddings
from decor_core.model.evaluation import wilson
from decor_core.training.train import Training


@dataclass(frozen=True)
class Rate:
    """How many of ``n`` pictures were right ``before`` and are ``now``."""

    n: int
    before: int
    now: int

    @property
    def may_be_chance(self) -> bool:
        """Whether the new share lies within the 95 % interval of the old one."""
        low, high = wilson(self.before, self.n)
        return low <= self.now / self.n <= high


@dataclass(frozen=True)
class Improvement:
    """On the ``clean`` held-out pictures, and on ``worn`` copies of them, where there are some."""

    clean: Rate
    worn: Rate | None


def improvement(before: Training, now: Training, embeddings: Embeddings) -> Improvement | None:
    """What ``now``, trained on ``embeddings``, has over ``before``, split alike.

    On the pictures of test and validation; None where there are none.
    """
    rows = np.concatenate([now.split.test, now.split.validation])
    if not len(rows):
        return None
    _, classes = embeddings.target(now.bundle.taxonomy.name)

    def rate(vectors: np.ndarray, y_true: np.ndarray) -> Rate:
        heads = before.bundle.head, now.bundle.head
        right = [int((head.logits(vectors).argmax(axis=1) == y_true).sum()) for head in heads]
        return Rate(len(y_true), *right)

    copies = embeddings.copies[rows]
    count = copies.shape[1]
    worn = np.reshape(copies, (len(rows) * count, copies.shape[2]))
    return Improvement(
        rate(embeddings.vectors[rows], classes[rows]),
        rate(worn, np.repeat(classes[rows], count)) if count else None,
    )
