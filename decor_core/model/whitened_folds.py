"""Examples in the space in which heads train, in all and with each fold held out."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np

from decor_core.features.embedder import Block, late_stages
from decor_core.model.calibration import fit_temperature
from decor_core.model.heads import RidgeLogisticRegression, spherical_lda
from decor_core.model.linear_head import LinearHead
from decor_core.model.novelty import Novelty, NoveltyDetector
from decor_core.model.whitening import BlockPCA, BlockWhitener

# How far vectors lie from the mean of their class: learning rates then mean the same for any
# network, blocks and data set.
RADIUS = 10.0
# All copies of a picture together count half as much as the picture itself.
_COPIES_WEIGHT = 0.5

# Fits a head to whitened vectors [n, r] of classes [n] with weights [n].
FitHead = Callable[[np.ndarray, np.ndarray, np.ndarray], LinearHead]


@dataclass(frozen=True, eq=False)
class Examples:
    """What a classifier is trained on: vectors [n, d] of ``classes`` [n] of 0…c-1, in ``blocks``.

    Example i counts ``weights[i]`` times. ``splits`` are pairs of row numbers, of those to train
    on and of those held out meanwhile, by which everything is chosen and calibrated; none where
    there are too few pictures. Examples of equal content are equal.
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
        n, count, _ = copies.shape
        picture = np.concatenate([np.arange(n), np.repeat(np.arange(n), count)])
        folds = range(fold_of.max(initial=-1) + 1)
        return cls(
            np.concatenate([vectors, copies.reshape(n * count, vectors.shape[1])]),
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
        for array in (self.vectors, self.classes, self.weights, *sum(self.splits, ())):
            # An array is a buffer, which stubs can say from Python 3.12 on only.
            digest.update(np.ascontiguousarray(array))  # pyright: ignore[reportArgumentType]
        return digest.digest()


@dataclass(frozen=True)
class _Fold:
    """Whitened vectors [n, r] to train on, their classes and weights, and those held out [m, r]."""

    whitener: BlockWhitener
    training: np.ndarray
    classes: np.ndarray
    weights: np.ndarray
    held_out: np.ndarray


class WhitenedFolds:
    """What all heads share that are trained on the same examples: made once, for any settings.

    Late fusion: each block counts by ``block_weights``, 1 / the temperature that LDA on it alone
    needs out of fold. ``block_logits[k]`` [m, c] are the logits of that LDA for the held-out
    examples of all splits; their classes are ``y_true`` [m]. m is 0 where nothing is held out.
    """

    def __init__(self, examples: Examples) -> None:
        self.examples = examples
        self._pca = BlockPCA([block.columns for block in examples.blocks]).fit(examples.vectors)
        coordinates = self._pca.transform(examples.vectors)
        rows, classes = np.arange(len(coordinates)), examples.classes
        splits = examples.splits
        if any(len(np.unique(classes[train])) <= classes.max() for train, _ in splits):
            splits = ()  # a fold would know nothing of a class
        self._whole = self._whitened(coordinates, rows, rows[:0])
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            whitened = pool.map(lambda split: self._whitened(coordinates, *split), splits)
            self._folds = list(whitened)
        held_out = [test for _, test in splits]
        self.y_true = classes[np.concatenate(held_out)] if held_out else rows[:0]
        self.block_logits: list[np.ndarray] = []
        for block in self._pca.blocks_ if self._folds else ():
            logits = []
            for fold in self._folds:
                head = spherical_lda(fold.training[:, block], fold.classes, fold.weights)
                logits.append(head.logits(fold.held_out[:, block]))
            self.block_logits.append(np.concatenate(logits))
        self.block_weights = np.array(
            [1 / fit_temperature(logits, self.y_true) for logits in self.block_logits]
            if held_out
            else np.ones(len(examples.blocks))
        )
        self._splits = splits
        self._closed_form: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}

    def fit(self, fit_head: FitHead, chosen: Sequence[int]) -> LinearHead:
        """A head on vectors [d], fitted to all examples in the whitened space of some blocks."""
        columns, scale, _ = self._scaled(chosen)
        inputs = self._whole.training[:, columns] * scale
        head = fit_head(inputs, self._whole.classes, self._whole.weights)
        weights = np.zeros((self._whole.training.shape[1], len(head.bias)))
        weights[columns] = head.weights * scale[:, None]
        weights, bias = self._whole.whitener.head_on_vectors(weights, head.bias)
        weights = self._pca.weights_on_vectors(weights)
        return LinearHead(weights.astype(np.float32), bias.astype(np.float32))

    def transform(self, vectors: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
        """Other vectors [n, d] in the whitened space of some blocks [n, r]."""
        columns, scale, _ = self._scaled(chosen)
        return self._whole.whitener.transform(self._pca.transform(vectors))[:, columns] * scale

    def out_of_fold(self, fit_head: FitHead, chosen: Sequence[int]) -> np.ndarray:
        """Logits [m, c] of the held-out examples, in the order of ``y_true``."""
        columns, scale, _ = self._scaled(chosen)

        def predict(fold: _Fold) -> np.ndarray:
            inputs = fold.training[:, columns] * scale
            head = fit_head(inputs, fold.classes, fold.weights)
            return head.logits(fold.held_out[:, columns] * scale)

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return np.concatenate(list(pool.map(predict, self._folds)))

    def closed_form_logits(self, head: str, chosen: Sequence[int]) -> np.ndarray:
        """``out_of_fold`` of the head “lda” or “logistic”, computed once."""
        key = head, tuple(chosen)
        if key not in self._closed_form:
            if head == "lda":  # on whitened blocks its logits add up
                shares = self._shares(chosen)
                parts = (w * self.block_logits[k] for w, k in zip(shares, chosen, strict=True))
                logits = sum(parts, np.zeros_like(self.block_logits[0]))
            else:
                logits = self.out_of_fold(fit_logistic, chosen)
            self._closed_form[key] = logits
        return self._closed_form[key]

    def fit_lda(self, chosen: Sequence[int]) -> FitHead:
        """The closed form of linear discriminant analysis in the space of some blocks."""
        *_, within_class_std = self._scaled(chosen)
        return lambda X, y, weights: spherical_lda(X, y, weights, within_class_std)

    @cached_property
    def novelty(self) -> Novelty | None:
        """What the examples are like, by the network's late stages; None without folds."""
        if not self._splits:
            return None
        detector = NoveltyDetector(late_stages(self.examples.blocks))
        examples = self.examples
        detector.fit(examples.vectors, examples.classes, examples.weights, cv=self._splits)
        return detector.density_

    def _whitened(self, coordinates: np.ndarray, train: np.ndarray, test: np.ndarray) -> _Fold:
        training = coordinates[train]
        classes, weights = self.examples.classes[train], self.examples.weights[train]
        whitener = BlockWhitener(self._pca.blocks_, self._pca.dimensions_)
        whitener.fit(training, classes, weights)
        held_out = whitener.transform(coordinates[test]) if len(test) else coordinates[test]
        return _Fold(whitener, whitener.transform(training), classes, weights, held_out)

    def _shares(self, chosen: Sequence[int]) -> np.ndarray:
        """How much each of the chosen blocks counts, 1 on average over all dimensions."""
        ranks = [self._pca.blocks_[k].stop - self._pca.blocks_[k].start for k in chosen]
        weights = self.block_weights[list(chosen)]
        return weights / np.average(weights, weights=ranks)

    def _scaled(self, chosen: Sequence[int]) -> tuple[np.ndarray, np.ndarray, float]:
        """Columns [r] of some blocks, their scale [r], the deviation that classes then have."""
        blocks = [self._pca.blocks_[k] for k in chosen]
        columns = np.concatenate([np.arange(block.stop)[block] for block in blocks])
        within_class_std = RADIUS / np.sqrt(len(columns))
        ranks = [block.stop - block.start for block in blocks]
        scale = np.repeat(np.sqrt(self._shares(chosen)) * within_class_std, ranks)
        return columns, scale.astype(self._whole.training.dtype), float(within_class_std)


def fit_logistic(vectors: np.ndarray, classes: np.ndarray, weights: np.ndarray) -> LinearHead:
    """Logistic regression of whitened vectors."""
    return RidgeLogisticRegression().fit(vectors, classes, weights).head_
