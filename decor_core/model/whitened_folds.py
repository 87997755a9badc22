"""Examples in the space in which heads train, in all and with each fold held out."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from decor_core.features.embedder import novelty_blocks
from decor_core.features.vectors import choose_rows, is_many
from decor_core.model.ensemble import Ensemble
from decor_core.model.examples import Examples
from decor_core.model.heads import RidgeLogisticRegression, spherical_lda
from decor_core.model.linear_head import LinearHead, fit_temperature
from decor_core.model.novelty import Novelty
from decor_core.model.novelty_detector import NoveltyDetector
from decor_core.model.whitening import BlockPCA, BlockWhitener

# How far vectors lie from the mean of their class: learning rates then mean the same for any
# network, blocks and data set.
RADIUS = 10.0
# Fits a head to whitened vectors [n, r] of classes [n] with weights [n].
FitHead = Callable[[np.ndarray, np.ndarray, np.ndarray], LinearHead]


@dataclass(frozen=True)
class _Fold:
    """A whitener fitted to examples, and row numbers of these (or all) and of those held out."""

    whitener: BlockWhitener
    train: np.ndarray | slice
    held_out: np.ndarray


class WhitenedFolds:
    """Whitened training data of every fold, computed once and shared by all heads and settings.

    Late fusion: each block counts by ``block_weights``, 1 / the temperature that LDA on it alone
    needs out of fold. ``block_logits[k]`` [m, c] are the logits of that LDA for the held-out
    examples of all splits; their classes are ``y_true`` [m]. m is 0 where nothing is held out.
    """

    def __init__(self, examples: Examples) -> None:
        self.examples = examples
        self._pca = BlockPCA([block.columns for block in examples.blocks]).fit(examples.vectors)
        self._coordinates = self._pca.transform(examples.vectors)
        rows, classes = np.arange(len(self._coordinates)), examples.classes
        # Of many, one part that is held out is enough to choose and to calibrate by.
        splits = examples.splits[:1] if is_many(len(rows)) else examples.splits
        if any(len(np.unique(classes[train])) <= classes.max() for train, _ in splits):
            splits = ()  # a fold would know nothing of a class
        self._whole = self._fold(slice(None), rows[:0])
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            self._folds = list(pool.map(lambda split: self._fold(*split), splits))
        held_out = [test for _, test in splits]
        self.y_true = classes[np.concatenate(held_out)] if held_out else rows[:0]
        self.block_logits: list[np.ndarray] = []
        for k in range(len(examples.blocks)) if self._folds else ():
            logits = []
            for fold in self._folds:
                training = self._whitened(fold, fold.train, [k])
                head = spherical_lda(training, classes[fold.train], examples.weights[fold.train])
                logits.append(head.logits(self._whitened(fold, fold.held_out, [k])))
            self.block_logits.append(np.concatenate(logits))
        self.block_weights = np.array(
            [1 / fit_temperature(logits, self.y_true) for logits in self.block_logits]
            if held_out
            else np.ones(len(examples.blocks))
        )
        self._splits = splits
        self._logits: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}

    def fit(self, head: str | FitHead, chosen: Sequence[int]) -> LinearHead:
        """A head on vectors [d], fitted to all examples in the whitened space of some blocks.

        It is “ensemble”, “lda”, “logistic” or what a function fits.
        """
        if head == "ensemble":
            logits = self.out_of_fold("logistic", chosen) if self._folds else None
            return self._ensemble.fit(self.fit("logistic", chosen), logits)
        if head == "lda":
            within_class_std = float(RADIUS / np.sqrt(len(self._scale(chosen))))
            fit_head: FitHead = partial(spherical_lda, within_class_std=within_class_std)
        else:
            fit_head = head if callable(head) else _fit_logistic
        fitted = self._fitted(self._whole, fit_head, chosen)
        weights = np.zeros((self._coordinates.shape[1], len(fitted.bias)))
        columns = np.concatenate([np.r_[self._pca.blocks_[k]] for k in chosen])
        weights[columns] = fitted.weights * self._scale(chosen)[:, None]
        weights, bias = self._whole.whitener.head_on_vectors(weights, fitted.bias)
        weights = self._pca.weights_on_vectors(weights)
        return LinearHead(weights.astype(np.float32), bias.astype(np.float32))

    def transform(self, vectors: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
        """Other vectors [n, d] in the whitened space of some blocks [n, r]."""
        whitener, coordinates = self._whole.whitener, self._pca.transform(vectors)
        return whitener.transform_blocks(coordinates, chosen) * self._scale(chosen)

    def out_of_fold(self, head: str | FitHead, chosen: Sequence[int]) -> np.ndarray:
        """Logits [m, c] of the held-out examples, in the order of ``y_true``, by ``fit``'s heads.

        Those of a head with a name are computed once.
        """
        if callable(head):
            return self._out_of_fold(head, chosen)
        key = head, tuple(chosen)
        if key not in self._logits:
            if head == "lda":  # on whitened blocks its logits add up
                weighted = zip(self._shares(chosen), chosen, strict=True)
                parts = (weight * self.block_logits[k] for weight, k in weighted)
                logits = sum(parts, np.zeros_like(self.block_logits[0]))
            elif head == "ensemble":
                logits = self._ensemble.out_of_fold(self.out_of_fold("logistic", chosen))
            else:
                logits = self._out_of_fold(_fit_logistic, chosen)
            self._logits[key] = logits
        return self._logits[key]

    def _out_of_fold(self, fit_head: FitHead, chosen: Sequence[int]) -> np.ndarray:
        scale = self._scale(chosen)

        def predict(fold: _Fold) -> np.ndarray:
            head = self._fitted(fold, fit_head, chosen)
            return head.logits(self._whitened(fold, fold.held_out, chosen) * scale)

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return np.concatenate(list(pool.map(predict, self._folds)))

    @cached_property
    def _ensemble(self) -> Ensemble:
        return Ensemble(self.examples, self._splits)

    @cached_property
    def novelty(self) -> Novelty | None:
        """Distributions of the examples of each class; None without folds."""
        if not self._splits:
            return None
        detector = NoveltyDetector(novelty_blocks(self.examples.blocks))
        examples = self.examples
        detector.fit(examples.vectors, examples.classes, examples.weights, cv=self._splits)
        return detector.novelty_

    def _fold(self, train: np.ndarray | slice, held_out: np.ndarray) -> _Fold:
        whitener = BlockWhitener(self._pca.blocks_, self._pca.dimensions_)
        classes, weights = self.examples.classes[train], self.examples.weights[train]
        whitener.fit(choose_rows(self._coordinates, train), classes, weights)
        return _Fold(whitener, train, held_out)

    def _whitened(self, fold: _Fold, rows: np.ndarray | slice, chosen: Sequence[int]) -> np.ndarray:
        """Some blocks [n, r] of some examples as a fold whitens them."""
        return fold.whitener.transform_blocks(choose_rows(self._coordinates, rows), chosen)

    def _fitted(self, fold: _Fold, fit_head: FitHead, chosen: Sequence[int]) -> LinearHead:
        """A head on whitened blocks [r], fitted to the examples that a fold trains on."""
        scale = self._scale(chosen)
        examples, rows = self.examples, fold.train
        inputs: Any = choose_rows(self._coordinates, rows)
        if is_many(len(inputs)):
            inputs = fold.whitener.mapped(inputs, chosen, scale)
        else:
            inputs = fold.whitener.transform_blocks(inputs, chosen)
            inputs *= scale
        return fit_head(inputs, examples.classes[rows], examples.weights[rows])

    def _shares(self, chosen: Sequence[int]) -> np.ndarray:
        """Weight of each of the chosen blocks, 1 on average over all dimensions."""
        ranks = [self._pca.blocks_[k].stop - self._pca.blocks_[k].start for k in chosen]
        weights = self.block_weights[list(chosen)]
        return weights / np.average(weights, weights=ranks)

    def _scale(self, chosen: Sequence[int]) -> np.ndarray:
        """Factors [r] of the whitened columns of some blocks."""
        ranks = [self._pca.blocks_[k].stop - self._pca.blocks_[k].start for k in chosen]
        within_class_std = RADIUS / np.sqrt(sum(ranks))
        scale = np.repeat(np.sqrt(self._shares(chosen)) * within_class_std, ranks)
        return scale.astype(self._coordinates.dtype)


def _fit_logistic(vectors: np.ndarray, classes: np.ndarray, weights: np.ndarray) -> LinearHead:
    """Logistic regression of whitened vectors."""
    return RidgeLogisticRegression().fit(vectors, classes, weights).head_
