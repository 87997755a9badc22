"""What every head needs of some examples, whatever its settings: whitened blocks, fold by fold."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np

from decor_core.features.embedder import Block
from decor_core.model.evaluation import fit_temperature
from decor_core.model.heads import fit_lda
from decor_core.model.whitening import RADIUS, Subspace, Whitening, fit_whitening

# All copies of a picture together count half as much as the picture itself.
_COPIES_WEIGHT = 0.5

Parts = list[np.ndarray]


@dataclass(frozen=True, eq=False)
class Examples:
    """Training vectors [n, d] of ``classes`` [n] of 0…c-1, with the ``blocks`` of their columns.

    ``folds`` [n] numbers the inner folds, all -1 where there are too few pictures for folds.
    ``copies`` [n] is True for distorted copies: they only train, and those of a picture together
    count half as much as the picture itself. Examples of equal content are equal.
    """

    vectors: np.ndarray
    classes: np.ndarray
    blocks: Sequence[Block]
    folds: np.ndarray
    copies: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """How often each example counts, [n]."""
        count = self.copies.sum() / max((~self.copies).sum(), 1)
        return np.where(self.copies, _COPIES_WEIGHT / max(count, 1), 1.0)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Examples) and self._digest == other._digest

    def __hash__(self) -> int:
        return hash(self._digest)

    @cached_property
    def _digest(self) -> bytes:
        digest = blake2b(repr(self.blocks).encode(), digest_size=16)
        for array in (self.vectors, self.classes, self.folds, self.copies):
            digest.update(np.ascontiguousarray(array))
        return digest.digest()


@dataclass(frozen=True)
class Fold:
    """Whitened blocks of those who train, and of those held out, who are asked."""

    training: Parts
    classes: np.ndarray
    weights: np.ndarray
    asked: Parts


@dataclass(frozen=True)
class Prepared:
    """Examples in the space in which heads are trained, once in all and once for each fold.

    ``trust[k]`` says how much block k counts: late fusion, each block being a classifier of its
    own that counts by the inverse of the temperature which its out-of-fold answers need.
    ``block_logits[k]`` [m, c] are those answers, of linear discriminant analysis on block k
    alone, for the ``asked`` pictures of all folds, whose classes are ``truth`` [m].
    """

    blocks: tuple[Block, ...]
    span: Subspace
    whitening: Whitening
    whole: Fold
    folds: tuple[Fold, ...]
    truth: np.ndarray
    block_logits: tuple[np.ndarray, ...]
    trust: np.ndarray

    def scales(self, chosen: Sequence[int]) -> tuple[np.ndarray, float]:
        """Factor for each of the ``chosen`` blocks, and the deviation that classes then have.

        The mean trust over all dimensions is 1, and a vector lies about RADIUS from the mean of
        its class, so that learning rates mean the same for any network, blocks and data set.
        """
        ranks = np.array([self.whole.training[k].shape[1] for k in chosen])
        trust = self.trust[list(chosen)]
        spread = RADIUS / np.sqrt(ranks.sum())
        return np.sqrt(trust / np.average(trust, weights=ranks)) * spread, float(spread)


def prepare_examples(examples: Examples) -> Prepared:
    """Whiten ``examples`` block by block, in all and with each fold held out."""
    columns = [block.columns for block in examples.blocks]
    span = Subspace.of(examples.vectors, columns)
    parts = span.apply(examples.vectors)
    everyone = np.ones(len(examples.classes), bool)
    whitening, whole = _whitened(examples, parts, span, everyone, ~everyone)
    folds, truth = [], []
    for number in range(examples.folds.max() + 1):
        inside = examples.folds != number
        asked = ~inside & ~examples.copies
        folds.append(_whitened(examples, parts, span, inside, asked)[1])
        truth.append(examples.classes[asked])
    truth = np.concatenate(truth) if truth else np.zeros(0, int)
    logits = tuple(_block_logits(folds, block) for block in range(len(parts))) if folds else ()
    trust = [1 / fit_temperature(answers, truth) for answers in logits] or np.ones(len(parts))
    return Prepared(
        tuple(examples.blocks), span, whitening, whole, tuple(folds), truth, logits,
        np.array(trust),
    )  # fmt: skip


def _whitened(
    examples: Examples, parts: Parts, span: Subspace, inside: np.ndarray, asked: np.ndarray
) -> tuple[Whitening, Fold]:
    classes, weights = examples.classes[inside], examples.weights[inside]
    training = [part[inside] for part in parts]
    whitening = fit_whitening(training, classes, span.dimensions, weights)
    answering = whitening.apply([part[asked] for part in parts])
    return whitening, Fold(whitening.apply(training), classes, weights, answering)


def _block_logits(folds: Sequence[Fold], block: int) -> np.ndarray:
    answers = []
    for fold in folds:
        weights, bias = fit_lda([fold.training[block]], fold.classes, 1.0, fold.weights)
        answers.append(fold.asked[block] @ weights[0] + bias)
    return np.concatenate(answers)
