"""Two heads as one: that on the stages that a fine-tuning trains, and that on what it leaves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from decor_core.features.embedder import Block
from decor_core.model.linear_head import LinearHead
from decor_core.model.opinion_pool import OpinionPool
from decor_core.model.vector_classifier import VectorClassifier
from decor_core.model.whitened_folds import WhitenedFolds
from decor_core.training.labeled_vectors import LabeledVectors


@dataclass(frozen=True)
class PooledHeads:
    """The head on what is not trained, to be pooled with one on the ``late`` blocks.

    It is fitted to the rows ``train`` of ``data``, the vectors before the fine-tuning.
    """

    data: LabeledVectors
    train: np.ndarray
    late: Sequence[Block]

    @cached_property
    def late_columns(self) -> slice:
        return slice(self.late[0].start, self.late[-1].stop)

    def pool(self, late_logits: np.ndarray, rows: np.ndarray) -> OpinionPool:
        """Both heads on pictures of known classes, of which the late one says ``late_logits``."""
        vectors = self.data.embeddings.vectors[rows][:, self._early_columns]
        return OpinionPool.fit(
            late_logits, self._early_head.logits(vectors), self.data.classes[rows]
        )

    def joined(self, late: LinearHead, pool: OpinionPool) -> LinearHead:
        """Both heads as one on vectors."""
        early = self._early_head
        weights = np.zeros((self.data.embeddings.vectors.shape[1], early.weights.shape[1]))
        weights[self.late_columns] = pool.first * late.weights
        weights[self._early_columns] = pool.second * early.weights
        bias = pool.first * late.bias + pool.second * early.bias
        return LinearHead(weights.astype(np.float32), bias.astype(np.float32))

    @cached_property
    def _early_columns(self) -> np.ndarray:
        return np.delete(np.arange(self.data.embeddings.vectors.shape[1]), self.late_columns)

    @cached_property
    def _early_head(self) -> LinearHead:
        """Calibrated out of fold, which is valid: these columns were fitted to no label."""
        examples, start, blocks = self.data.examples(self.train), 0, []
        for block in self.data.embeddings.blocks:
            if block not in self.late:
                blocks.append(Block(block.name, start, start + block.stop - block.start))
                start = blocks[-1].stop
        columns = self._early_columns
        examples = replace(examples, vectors=examples.vectors[:, columns], blocks=tuple(blocks))
        model = VectorClassifier.of(self.data.config)
        return model.fit_folds(WhitenedFolds(examples), self.data.taxonomy.labels).head_
