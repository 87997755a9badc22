"""Blocks of the vector read one by one, standardized rather than whitened."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from decor_core.features.embedder import Block
from decor_core.features.vectors import choose_rows
from decor_core.model.heads import RidgeLogisticRegression
from decor_core.model.linear_head import LinearHead
from decor_core.model.whitening import BlockPCA

# By cross-validation on decor, where a third or three times as much makes no difference.
_PENALTY = 1e-4
# 256 axes of a block are as good as all (benchmarks/ACCURACY.md).
_MAX_AXES = 256


class StandardizedBlocks:
    """Logistic regression on each of ``blocks`` alone, fitted to all examples and in each fold.

    Vectors [n, d] of ``classes`` [n]; example i counts ``weights[i]`` times. ``splits`` are pairs
    of row numbers, to train on and to hold out.
    """

    def __init__(
        self,
        vectors: np.ndarray,
        classes: np.ndarray,
        weights: np.ndarray,
        blocks: Sequence[Block],
        splits: Sequence[tuple[np.ndarray, np.ndarray]],
    ) -> None:
        self._classes, self._weights, self._splits = classes, weights, splits
        columns = [block.columns for block in blocks]
        self._pca = BlockPCA(columns, max_axes=_MAX_AXES, standardize=True).fit(vectors)
        self._coordinates = self._pca.transform(vectors)

    def out_of_fold(self) -> list[np.ndarray]:
        """Logits [m, c] of each block for the held-out examples of all splits."""

        def predict(part: slice) -> np.ndarray:
            logits = [
                self._fitted(part, train).logits(self._coordinates[held_out, part])
                for train, held_out in self._splits
            ]
            return np.concatenate(logits)

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return list(pool.map(predict, self._pca.blocks_))

    def fit(self) -> list[LinearHead]:
        """A head on vectors [d] for each block, fitted to all examples."""
        heads = []
        for part in self._pca.blocks_:
            head = self._fitted(part, np.arange(len(self._classes)))
            weights = np.zeros((self._coordinates.shape[1], len(head.bias)))
            weights[part] = head.weights
            heads.append(LinearHead(self._pca.weights_on_vectors(weights), head.bias))
        return heads

    def _fitted(self, part: slice, rows: np.ndarray) -> LinearHead:
        inputs = choose_rows(self._coordinates, rows)[:, part]
        model = RidgeLogisticRegression(_PENALTY)
        return model.fit(inputs, self._classes[rows], self._weights[rows]).head_
