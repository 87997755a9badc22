"""Examples in the space in which heads train, in all and with each fold held out."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np

from decor_core.features.embedder import Block, telling_blocks
from decor_core.features.vectors import LazyVectors, MappedVectors, batches, choose_rows, is_many
from decor_core.model.heads import RidgeLogisticRegression, spherical_lda
from decor_core.model.linear_head import LinearHead, fit_temperature
from decor_core.model.novelty import Novelty, NoveltyDetector
from decor_core.model.standardized_blocks import StandardizedBlocks
from decor_core.model.whitening import BlockPCA, BlockWhitener

# How far vectors lie from the mean of their class: learning rates then mean the same for any
# network, blocks and data set.
RADIUS = 10.0
# All copies of a picture together count half as much as the picture itself.
_COPIES_WEIGHT = 0.5
# How much the members of the ensemble count: logistic regression on all whitened blocks, which is
# best at home, and single blocks, which hold up better on other people's pictures: the network's
# late stages together, and what is no stage, the colors. Chosen by cross-validation on decor and
# by photographs of other shops (benchmarks/ACCURACY.md).
_JOINT_SHARE, _LATE_SHARE, _OTHER_SHARE = 0.50, 0.27, 0.23

# Fits a head to whitened vectors [n, r] of classes [n] with weights [n].
FitHead = Callable[[np.ndarray, np.ndarray, np.ndarray], LinearHead]


@dataclass(frozen=True, eq=False)
class Examples:
    """What a classifier is trained on: vectors [n, d] of ``classes`` [n] of 0…c-1, in ``blocks``.

    Example i counts ``weights[i]`` times. ``splits`` are pairs of row numbers, of those to train
    on and of those held out meanwhile, by which everything is chosen and calibrated: none where
    there are too few pictures, and of many the first alone. Examples of equal content are equal.
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


@dataclass(frozen=True)
class _Fold:
    """A whitener fitted to examples, and row numbers: of these, and of those held out."""

    whitener: BlockWhitener
    train: np.ndarray
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
        self._coordinates = self._pca.transform(examples.vectors)
        rows, classes = np.arange(len(self._coordinates)), examples.classes
        # Of many, one part that is held out is enough to choose and to calibrate by.
        splits = examples.splits[:1] if is_many(len(rows)) else examples.splits
        if any(len(np.unique(classes[train])) <= classes.max() for train, _ in splits):
            splits = ()  # a fold would know nothing of a class
        self._whole = self._fold(rows, rows[:0])
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
        self._closed_form: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}

    def fit(self, fit_head: FitHead, chosen: Sequence[int]) -> LinearHead:
        """A head on vectors [d], fitted to all examples in the whitened space of some blocks."""
        columns, scale, _ = self._scaled(chosen)
        head = self._fitted(self._whole, fit_head, chosen)
        weights = np.zeros((self._coordinates.shape[1], len(head.bias)))
        weights[columns] = head.weights * scale[:, None]
        weights, bias = self._whole.whitener.head_on_vectors(weights, head.bias)
        weights = self._pca.weights_on_vectors(weights)
        return LinearHead(weights.astype(np.float32), bias.astype(np.float32))

    def transform(self, vectors: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
        """Other vectors [n, d] in the whitened space of some blocks [n, r]."""
        whitener, coordinates = self._whole.whitener, self._pca.transform(vectors)
        return whitener.transform_blocks(coordinates, chosen) * self._scaled(chosen)[1]

    def out_of_fold(self, fit_head: FitHead, chosen: Sequence[int]) -> np.ndarray:
        """Logits [m, c] of the held-out examples, in the order of ``y_true``."""
        scale = self._scaled(chosen)[1]

        def predict(fold: _Fold) -> np.ndarray:
            head = self._fitted(fold, fit_head, chosen)
            return head.logits(self._whitened(fold, fold.held_out, chosen) * scale)

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return np.concatenate(list(pool.map(predict, self._folds)))

    def closed_form_logits(self, head: str, chosen: Sequence[int]) -> np.ndarray:
        """``out_of_fold`` of the head “ensemble”, “lda” or “logistic”, computed once."""
        key = head, tuple(chosen)
        if key not in self._closed_form:
            if head == "lda":  # on whitened blocks its logits add up
                shares = self._shares(chosen)
                parts = (w * self.block_logits[k] for w, k in zip(shares, chosen, strict=True))
                logits = sum(parts, np.zeros_like(self.block_logits[0]))
            elif head == "ensemble":
                weights = self._ensemble_weights(chosen)
                logits = np.tensordot(weights, self._ensemble_logits(chosen), 1)
            else:
                logits = self.out_of_fold(fit_logistic, chosen)
            self._closed_form[key] = logits
        return self._closed_form[key]

    def fit_lda(self, chosen: Sequence[int]) -> FitHead:
        """The closed form of linear discriminant analysis in the space of some blocks."""
        *_, within_class_std = self._scaled(chosen)
        return lambda X, y, weights: spherical_lda(X, y, weights, within_class_std)

    def fit_ensemble(self, chosen: Sequence[int]) -> LinearHead:
        """Logistic regression on some whitened blocks, and on single ones, as one head on vectors.

        A logarithmic opinion pool (Genest & Zidek, 1986): log-probabilities are averaged.
        """
        heads = [self.fit(fit_logistic, chosen), *self._standardized.fit()]
        weights = self._ensemble_weights(chosen)
        slopes = sum(w * head.weights for w, head in zip(weights, heads, strict=True))
        bias = sum(w * head.bias for w, head in zip(weights, heads, strict=True))
        return LinearHead(np.asarray(slopes, np.float32), np.asarray(bias, np.float32))

    def _ensemble_logits(self, chosen: Sequence[int]) -> np.ndarray:
        """Of every member of the ensemble [k, m, c], out of fold."""
        joint = self.closed_form_logits("logistic", chosen)
        return np.stack([joint, *self._standardized_logits])

    def _ensemble_weights(self, chosen: Sequence[int]) -> np.ndarray:
        """How often each member counts [k], each calibrated by itself first."""
        shares = np.array([_JOINT_SHARE, *self._single[1]])
        if not self._folds:
            return shares
        logits = self._ensemble_logits(chosen)
        return shares / np.array([fit_temperature(one, self.y_true) for one in logits])

    @cached_property
    def _single(self) -> tuple[list[Block], np.ndarray]:
        """The blocks that are read one by one, too, and how much each counts."""
        blocks = self.examples.blocks
        stages = [block for block in blocks if block.name.startswith("stage")]
        others = [block for block in blocks if block not in stages]
        late = stages[-3:]
        shares = [_LATE_SHARE / len(late) for _ in late]
        shares += [_OTHER_SHARE / len(others) for _ in others]
        return late + others, np.array(shares) * (1 - _JOINT_SHARE) / sum(shares)

    @cached_property
    def _standardized(self) -> StandardizedBlocks:
        examples = self.examples
        splits = [(fold.train, fold.held_out) for fold in self._folds]
        return StandardizedBlocks(
            examples.vectors, examples.classes, examples.weights, self._single[0], splits
        )

    @cached_property
    def _standardized_logits(self) -> list[np.ndarray]:
        return self._standardized.out_of_fold()

    @cached_property
    def novelty(self) -> Novelty | None:
        """What the examples of each class are like; None without folds."""
        if not self._splits:
            return None
        detector = NoveltyDetector(telling_blocks(self.examples.blocks))
        examples = self.examples
        detector.fit(examples.vectors, examples.classes, examples.weights, cv=self._splits)
        return detector.novelty_

    def _fold(self, train: np.ndarray, held_out: np.ndarray) -> _Fold:
        whitener = BlockWhitener(self._pca.blocks_, self._pca.dimensions_)
        classes, weights = self.examples.classes[train], self.examples.weights[train]
        whitener.fit(choose_rows(self._coordinates, train), classes, weights)
        return _Fold(whitener, train, held_out)

    def _whitened(self, fold: _Fold, rows: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
        """Some blocks [n, r] of some examples as a fold whitens them."""
        return fold.whitener.transform_blocks(choose_rows(self._coordinates, rows), chosen)

    def _fitted(self, fold: _Fold, fit_head: FitHead, chosen: Sequence[int]) -> LinearHead:
        """A head on whitened blocks [r], fitted to the examples that a fold trains on."""
        scale = self._scaled(chosen)[1]
        if is_many(len(fold.train)):
            matrix, offset = fold.whitener.affine_map(chosen)
            rows = None if fold is self._whole else fold.train
            base = LazyVectors(self._coordinates, rows)
            inputs: Any = MappedVectors(base, matrix * scale, offset * scale)
        else:
            inputs = self._whitened(fold, fold.train, chosen)
            inputs *= scale
        return fit_head(
            inputs, self.examples.classes[fold.train], self.examples.weights[fold.train]
        )

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
        return columns, scale.astype(self._coordinates.dtype), float(within_class_std)


def fit_logistic(vectors: np.ndarray, classes: np.ndarray, weights: np.ndarray) -> LinearHead:
    """Logistic regression of whitened vectors."""
    return RidgeLogisticRegression().fit(vectors, classes, weights).head_
