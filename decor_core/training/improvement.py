"""Improvement of a model over the one before, on pictures that neither has learned from."""

from dataclasses import dataclass

import numpy as np

from decor_core.features.embeddings import Embeddings
from decor_core.model.evaluation import Proportion
from decor_core.training.train import Training


@dataclass(frozen=True)
class Change:
    """Right predictions of two models on the same pictures: ``before`` and ``now``."""

    before: Proportion
    now: Proportion

    @property
    def may_be_chance(self) -> bool:
        """Whether the new share lies within the 95 % interval of the old one."""
        low, high = self.before.ci95
        return low <= self.now.value <= high


@dataclass(frozen=True)
class Improvement:
    """On held-out ``pictures``, and on distorted ``copies`` of them, where there are some."""

    pictures: Change
    copies: Change | None


def improvement(
    before: Training, embeddings_before: Embeddings, now: Training, embeddings: Embeddings
) -> Improvement | None:
    """Improvement of ``now`` over ``before``, each with what it was trained on, split alike.

    On the pictures of test and validation; None where there are none. Copies of them are compared
    where both models read the same of a picture.
    """
    rows = np.concatenate([now.split.test, now.split.validation])
    if not len(rows):
        return None
    _, classes = embeddings.target(now.bundle.taxonomy.name)
    y_true, copies = classes[rows], embeddings.copies[rows]
    count = copies.shape[1]

    def right(training: Training, vectors: np.ndarray, y_true: np.ndarray) -> Proportion:
        answers = training.bundle.head.logits(vectors).argmax(axis=1)
        return Proportion(int((answers == y_true).sum()), len(y_true))

    pictures = Change(
        right(before, embeddings_before.vectors[rows], y_true),
        right(now, embeddings.vectors[rows], y_true),
    )
    if not count or embeddings.spec != embeddings_before.spec:
        return Improvement(pictures, None)
    vectors = np.reshape(copies, (len(rows) * count, copies.shape[2]))
    repeated = np.repeat(y_true, count)
    copied = (right(training, vectors, repeated) for training in (before, now))
    return Improvement(pictures, Change(*copied))
