"""The head “ensemble”: logistic regression on all whitened blocks, and on single blocks."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from decor_core.features.embedder import Block
from decor_core.features.vectors import choose_rows
from decor_core.model.examples import Examples
from decor_core.model.heads import RidgeLogisticRegression
from decor_core.model.linear_head import LinearHead, fit_temperature
from decor_core.model.whitening import BlockPCA

# How much the members count: logistic regression on all whitened blocks, which is best at home,
# and single blocks, which hold up better on other people's pictures: the network's late stages
# together, and what is no stage, the colors. Chosen by cross-validation on decor and by
# photographs of other shops (benchmarks/ACCURACY.md).
_JOINT_SHARE, _LATE_SHARE, _OTHER_SHARE = 0.50, 0.27, 0.23
# By cross-validation on decor, where a third or three times as much makes no difference.
_PENALTY = 1e-4
# 256 axes of a block are as good as all (benchmarks/ACCURACY.md).
_MAX_AXES = 256


class Ensemble:
    """A logarithmic opinion pool (Genest & Zidek, 1986): log-probabilities are averaged.

    Logistic regression on all whitened blocks is fitted elsewhere and called joint here; on single
    blocks it is fitted to ``examples``, and to the first rows of each pair of ``splits``. Each is
    calibrated by itself on what the splits hold out, where there are any.
    """

    def __init__(self, examples: Examples, splits: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        blocks, self._shares = _members(examples.blocks)
        self._single = _SingleBlocks(examples, blocks, splits)
        self._logits = self._single.out_of_fold() if splits else []
        held_out = [rows for _, rows in splits]
        self._y_true = examples.classes[np.concatenate(held_out)] if held_out else None

    def fit(self, joint: LinearHead, joint_logits: np.ndarray | None) -> LinearHead:
        """All members as one head on vectors; ``joint_logits`` [m, c] are those out of fold."""
        heads = [joint, *self._single.fit()]
        weights = self._weights(joint_logits)
        slopes = sum(w * head.weights for w, head in zip(weights, heads, strict=True))
        bias = sum(w * head.bias for w, head in zip(weights, heads, strict=True))
        return LinearHead(np.asarray(slopes, np.float32), np.asarray(bias, np.float32))

    def out_of_fold(self, joint_logits: np.ndarray) -> np.ndarray:
        """Logits [m, c] of the held-out examples of all splits."""
        members = np.stack([joint_logits, *self._logits])
        return np.tensordot(self._weights(joint_logits), members, 1)

    def _weights(self, joint_logits: np.ndarray | None) -> np.ndarray:
        """Weights [k] of the members."""
        if joint_logits is None or self._y_true is None:
            return self._shares
        members = (joint_logits, *self._logits)
        return self._shares / np.array([fit_temperature(one, self._y_true) for one in members])


class _SingleBlocks:
    """Logistic regression on each of ``blocks`` alone, fitted to all examples and in each fold.

    The blocks are standardized rather than whitened. ``splits`` are pairs of row numbers, to train
    on and to hold out.
    """

    def __init__(
        self,
        examples: Examples,
        blocks: Sequence[Block],
        splits: Sequence[tuple[np.ndarray, np.ndarray]],
    ) -> None:
        self._examples, self._splits = examples, splits
        columns = [block.columns for block in blocks]
        self._pca = BlockPCA(columns, max_axes=_MAX_AXES, standardize=True).fit(examples.vectors)
        self._coordinates = self._pca.transform(examples.vectors)

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
            head = self._fitted(part, np.arange(len(self._coordinates)))
            weights = np.zeros((self._coordinates.shape[1], len(head.bias)))
            weights[part] = head.weights
            heads.append(LinearHead(self._pca.weights_on_vectors(weights), head.bias))
        return heads

    def _fitted(self, part: slice, rows: np.ndarray) -> LinearHead:
        inputs = choose_rows(self._coordinates, rows)[:, part]
        model = RidgeLogisticRegression(_PENALTY)
        return model.fit(inputs, self._examples.classes[rows], self._examples.weights[rows]).head_


def _members(blocks: Sequence[Block]) -> tuple[list[Block], np.ndarray]:
    """The blocks that are read one by one, and the shares of all members, the joint one first."""
    stages = [block for block in blocks if block.name.startswith("stage")]
    others = [block for block in blocks if block not in stages]
    late = stages[-3:]
    shares = [_LATE_SHARE / len(late) for _ in late]
    shares += [_OTHER_SHARE / len(others) for _ in others]
    single = np.array(shares) * (1 - _JOINT_SHARE) / sum(shares)
    return late + others, np.array([_JOINT_SHARE, *single])
