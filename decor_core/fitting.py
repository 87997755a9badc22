"""Vectors and labels → a calibrated head: whitened, weighted, trained, tempered out of fold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .evaluation import fit_temperature
from .heads import Head, TrainConfig, TrainEvent, fit_lda, fit_softmax
from .novelty import Novelty, fit_novelty, limit_from
from .whitening import Span, fit_whitening

_COPIES_WEIGHT = 0.5

OnEvent = Callable[[TrainEvent], None]
ShouldStop = Callable[[], bool]
Parts = list[np.ndarray]


def never() -> bool:
    """The answer of a training that nobody stops."""
    return False


@dataclass(frozen=True)
class Examples:
    """Training vectors [n, d] of ``classes`` [n] of 0…c-1, with the column ``blocks`` of d.

    ``folds`` [n] numbers the inner folds for calibration, all -1 where there are too few
    pictures for folds. ``copies`` [n] is True for distorted copies: they only train, and those of
    a picture together count half as much as the picture itself.
    """

    vectors: np.ndarray
    classes: np.ndarray
    blocks: Sequence[slice]
    folds: np.ndarray
    copies: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """How often each example counts, [n]."""
        count = self.copies.sum() / max((~self.copies).sum(), 1)
        return np.where(self.copies, _COPIES_WEIGHT / max(count, 1), 1.0)


def fit_head(
    examples: Examples,
    config: TrainConfig,
    *,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop = never,
) -> Head:
    """Train a head whose probabilities mean what they say; TrainingError if it diverges.

    Late fusion: each block is a classifier of its own that counts by the inverse of the
    temperature which its out-of-fold answers need. Another temperature, found out of fold too,
    calibrates the whole (Guo et al., 2017).
    """
    span = Span.of(examples.vectors, examples.blocks)
    parts = span.apply(examples.vectors)
    folds = [
        _held_out(examples, parts, span.dimensions, fold)
        for fold in range(examples.folds.max() + 1)
    ]
    weights = _block_weights(folds, parts)
    whitening = fit_whitening(parts, examples.classes, span.dimensions, examples.weights)
    whitening = whitening.weighted(weights)
    watched = None
    if validation is not None and len(validation[1]):
        watched = whitening.apply(span.apply(validation[0])), validation[1]
    weights_and_bias = _train(
        whitening.apply(parts),
        examples.classes,
        examples.weights,
        whitening.spread,
        config,
        validation=watched,
        on_event=on_event,
        should_stop=should_stop,
    )
    head = span.expand(*whitening.undo(*weights_and_bias))
    if folds and not should_stop():
        return head.tempered(_temperature(folds, weights, config, should_stop))
    # No folds to ask, as in a tiny set or a training that was stopped: few right answers in a row
    # still make for little confidence.
    originals = ~examples.copies
    answers = head.logits(examples.vectors[originals])
    return head.tempered(fit_temperature(answers, examples.classes[originals]))


@dataclass(frozen=True)
class _Fold:
    """Whitened coordinates of those who train and of those held out, who are asked."""

    training: Parts
    training_classes: np.ndarray
    training_weights: np.ndarray
    asked: Parts
    asked_classes: np.ndarray
    spread: float


def _held_out(examples: Examples, parts: Parts, dimensions: Sequence[int], fold: int) -> _Fold:
    inside = examples.folds != fold
    asked = ~inside & ~examples.copies
    classes, weights = examples.classes[inside], examples.weights[inside]
    whitening = fit_whitening([part[inside] for part in parts], classes, dimensions, weights)
    return _Fold(
        whitening.apply([part[inside] for part in parts]),
        classes,
        weights,
        whitening.apply([part[asked] for part in parts]),
        examples.classes[asked],
        whitening.spread,
    )


def _train(
    whitened: Parts,
    classes: np.ndarray,
    weights: np.ndarray,
    spread: float,
    config: TrainConfig,
    **watching: object,
) -> tuple[Parts, np.ndarray]:
    if config.head == "lda":
        return fit_lda(whitened, classes, spread, weights)
    return fit_softmax(whitened, classes, config, weights=weights, **watching)


def _answers(weights: Parts, bias: np.ndarray, asked: Parts) -> np.ndarray:
    return sum(part @ w for part, w in zip(asked, weights, strict=True)) + bias


def _block_weights(folds: list[_Fold], parts: Parts) -> np.ndarray:
    """How much each block counts; its mean over all dimensions is 1."""
    if not folds:
        return np.ones(len(parts))
    truth = np.concatenate([fold.asked_classes for fold in folds])
    weights = []
    for block in range(len(parts)):
        logits = [
            _answers(
                *fit_lda([f.training[block]], f.training_classes, f.spread, f.training_weights),
                [f.asked[block]],
            )
            for f in folds
        ]
        weights.append(1 / fit_temperature(np.concatenate(logits), truth))
    ranks = [part.shape[1] for part in parts]
    return np.array(weights) / np.average(weights, weights=ranks)


def _temperature(
    folds: list[_Fold], weights: np.ndarray, config: TrainConfig, should_stop: ShouldStop
) -> float:
    roots = np.sqrt(weights)
    logits = []
    for fold in folds:
        training = [part * root for part, root in zip(fold.training, roots, strict=True)]
        asked = [part * root for part, root in zip(fold.asked, roots, strict=True)]
        trained = _train(
            training,
            fold.training_classes,
            fold.training_weights,
            fold.spread,
            config,
            should_stop=should_stop,
        )
        logits.append(_answers(*trained, asked))
    truth = np.concatenate([fold.asked_classes for fold in folds])
    return fit_temperature(np.concatenate(logits), truth)


def fit_known(examples: Examples, columns: slice) -> Novelty | None:
    """The hull of the originals and copies, its limit from held-out folds; None without folds."""
    held_out = []
    for fold in range(examples.folds.max() + 1):
        inside = examples.folds != fold
        asked = ~inside & ~examples.copies
        hull = _hull(examples, inside, columns)
        held_out.append(hull.distances(examples.vectors[asked]))
    if not held_out:
        return None
    hull = _hull(examples, np.ones(len(examples.classes), bool), columns)
    return replace(hull, limit=limit_from(np.concatenate(held_out)))


def _hull(examples: Examples, rows: np.ndarray, columns: slice) -> Novelty:
    return fit_novelty(
        examples.vectors[rows], examples.classes[rows], examples.weights[rows], columns
    )
