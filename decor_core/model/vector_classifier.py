"""Vectors and labels → a calibrated linear classifier: the one way in which Decor trains."""

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Any, Self

import numpy as np

from decor_core.errors import TrainingError, check_kind
from decor_core.features.embedder import Block
from decor_core.model.estimator import LinearClassifier
from decor_core.model.events import OnEvent, ShouldStop, never_stop
from decor_core.model.examples import Examples, even_folds
from decor_core.model.linear_head import LinearHead, fit_temperature, log_losses
from decor_core.model.softmax import SoftmaxRegression
from decor_core.model.training_config import STEPWISE, TrainingConfig
from decor_core.model.whitened_folds import WhitenedFolds

_FOLDS = 5
_SETTINGS = (
    *("head", "steps", "learning_rate", "batch_size", "weight_decay", "eval_interval", "quick"),
)

# Sets of blocks, the one to begin with first: ornament is known to the middle of the network,
# things to its end.
_BLOCK_SETS = ("all but the last stage", "all blocks", "the last three stages", "the last stage")
_HEADS = {
    "ensemble": "an ensemble of logistic regressions",
    "logistic": "logistic regression",
    "lda": "linear discriminant analysis",
}
# What comes first is left only for what is better by so many standard errors of the difference.
_STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class Candidate:
    """One way to answer, evaluated out of fold: share right, and calibrated log-loss in nats."""

    head: str
    blocks: str
    log_loss: float
    accuracy: float

    def __str__(self) -> str:
        return f"{_HEADS[self.head]} on {self.blocks}"


@dataclass(frozen=True)
class Choice:
    """The ``head`` and the set of ``blocks`` chosen among ``candidates``, and why."""

    head: str
    blocks: str
    reason: str
    candidates: tuple[Candidate, ...] = ()


@dataclass(eq=False, repr=False)
class VectorClassifier(LinearClassifier):
    """Whitens blocks of the vectors, fits a linear head to them, calibrates it out of fold.

    BlockPCA → BlockWhitener → head → temperature, folded into one matrix and one bias: a prediction
    is one matrix product. ``head`` and the settings after it are those of TrainingConfig.
    ``blocks`` says which columns belong together and are whitened together, by default all; of
    an ImageEmbedder's, those that suit the data are chosen. ``cv`` is a number of folds, or pairs
    of row numbers (to train on, to hold out). Blocks and head are chosen, and confidence is
    calibrated, on what is held out. There is no ``partial_fit``: whitening takes all vectors.

    Fitted: ``head_``, a LinearHead on vectors, calibrated; ``choice_``, the blocks and kind of head
    that were chosen, and why; ``classes_``.
    """

    head: str = "auto"
    _: KW_ONLY
    steps: int = 500
    learning_rate: float = 0.01
    batch_size: int = 100
    weight_decay: float = 0.0
    eval_interval: int = 10
    quick: bool = False
    random_state: int = 0
    blocks: Sequence[Block] | None = None
    cv: int | Iterable[tuple[np.ndarray, np.ndarray]] = _FOLDS

    @classmethod
    def of(cls, config: TrainingConfig) -> Self:
        """One with the settings of ``config``."""
        check_kind(config, TrainingConfig, "a TrainingConfig", TrainingError)
        settings = {name: getattr(config, name) for name in _SETTINGS}
        return cls(**settings, random_state=config.seed)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **watch: Any) -> Self:
        """Example i counts ``sample_weight[i]`` times; ``watch`` is what ``fit_folds`` takes."""
        self._check_settings()
        X, y, weights = self._check_training(X, y, sample_weight)
        codes = self._encode(y, weights)
        blocks = tuple(self.blocks or [Block("all", 0, X.shape[1])])
        examples = Examples(X, codes, weights, blocks, self._splits(codes))
        return self.fit_folds(WhitenedFolds(examples), self.classes_, **watch)

    def fit_folds(
        self,
        folds: WhitenedFolds,
        classes: Sequence[Any] | np.ndarray,
        *,
        validation: tuple[np.ndarray, np.ndarray] | None = None,
        on_event: OnEvent | None = None,
        should_stop: ShouldStop = never_stop,
    ) -> Self:
        """Fit to ``folds``, which hold for any settings.

        ``classes`` [c] are the labels of class numbers 0…c-1.

        Of the head “softmax”, ``on_event`` gets the points of the training curves, for
        ``validation`` (vectors, class numbers) too; ``should_stop`` ends it with what there is.
        TrainingError where a setting is out of range or the training diverges.
        """
        settings = self._check_settings()
        del settings["head"], settings["quick"]
        softmax = SoftmaxRegression(**settings, random_state=self.random_state)
        examples = folds.examples
        self.classes_, self.n_features_in_ = np.asarray(classes), examples.vectors.shape[1]
        self.choice_, chosen = choose(folds, self.head, quick=self.quick)
        fit_head = watched = self.choice_.head

        def descend(*whitened: np.ndarray, **watch: Any) -> LinearHead:
            return softmax.fit(*whitened, should_stop=should_stop, **watch).head_

        if fit_head == STEPWISE:
            held_out = None
            if validation is not None and len(validation[1]):
                held_out = folds.transform(validation[0], chosen), validation[1]
            fit_head, watched = descend, partial(descend, validation=held_out, on_event=on_event)
        head, logits = folds.fit(watched, chosen), None
        if len(folds.y_true) and not should_stop():
            logits = folds.out_of_fold(fit_head, chosen)
        if logits is not None and not should_stop():  # else the folds' heads are unfinished
            temperature = fit_temperature(logits, folds.y_true)
        else:
            # In-sample logits are overconfident; where all are right, Laplace’s rule in
            # fit_temperature bounds it.
            originals = examples.weights == examples.weights.max()  # copies weigh less
            logits = head.logits(examples.vectors[originals])
            temperature = fit_temperature(logits, examples.classes[originals])
        self.head_ = head.with_temperature(temperature)
        return self

    def _check_settings(self) -> dict[str, Any]:
        """The settings of TrainingConfig by name, whose ranges that checks."""
        settings = {name: getattr(self, name) for name in _SETTINGS}
        TrainingConfig(**settings, seed=self.random_state)
        blocks = self.blocks or ()
        if not isinstance(blocks, Sequence) or not all(isinstance(b, Block) for b in blocks):
            raise ValueError(f"Expected a list of Blocks, but got blocks={self.blocks!r:.40}.")
        return settings

    def _splits(self, codes: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """The splits of ``cv``; of a number, stratified folds."""
        if not isinstance(self.cv, int):
            try:
                splits = tuple((_rows(train), _rows(test)) for train, test in self.cv)
                _ = [codes[rows] for split in splits for rows in split]
            except (TypeError, ValueError, IndexError):
                raise ValueError(
                    "Expected cv as a number of folds, or as pairs of row numbers below "
                    f"{len(codes)}, to train on and to hold out, but got {self.cv!r:.60}; of a "
                    "splitter of scikit-learn give list(splitter.split(X, y))."
                ) from None
            return splits
        count = min(self.cv, int(np.bincount(codes).min()))
        fold_of = even_folds(codes, max(count, 1), self.random_state)
        folds = range(count if count > 1 else 0)
        return tuple((np.flatnonzero(fold_of != f), np.flatnonzero(fold_of == f)) for f in folds)


def _rows(chosen: Any) -> np.ndarray:
    rows = np.asarray(chosen)
    return rows if rows.size else rows.astype(int)


def _block_indices(blocks: Sequence[Block], name: str) -> list[int]:
    """Indices of the blocks in the set called ``name``."""
    stages = [k for k, block in enumerate(blocks) if block.name.startswith("stage")]
    last = stages[-1:]
    if name == "all blocks":
        return list(range(len(blocks)))
    if name == "all but the last stage":
        return [k for k in range(len(blocks)) if k not in last]
    return stages[-3:] if name == "the last three stages" else last


def choose(folds: WhitenedFolds, head: str, *, quick: bool = False) -> tuple[Choice, Sequence[int]]:
    """The set of blocks for ``head`` and, if that is “auto”, the head; if ``quick``, the first.

    With it come the indices of the blocks. Sets are evaluated out of fold by linear discriminant
    analysis, whose logits add up over blocks, so that this is cheap.
    """
    blocks, y_true = folds.examples.blocks, folds.y_true
    sets: dict[tuple[int, ...], str] = {}
    for name in _BLOCK_SETS:  # networks of few stages have fewer that differ
        sets.setdefault(tuple(_block_indices(blocks, name)), name)
    sets.pop((), None)
    first = ("logistic" if quick else "ensemble") if head == "auto" else head
    beginning = next(iter(sets))
    if not len(y_true):
        reason = "There are too few pictures to choose by."
        return Choice(first, sets[beginning], reason), beginning

    def evaluate(head: str, indices: tuple[int, ...]) -> tuple[Candidate, np.ndarray]:
        logits = folds.out_of_fold(head, indices)
        losses = log_losses(logits / fit_temperature(logits, y_true), y_true)
        accuracy = float((logits.argmax(axis=1) == y_true).mean())
        return Candidate(head, sets[indices], float(losses.mean()), accuracy), losses

    if quick:
        stand_in = "lda" if first == STEPWISE else first
        candidate, _ = evaluate(stand_in, beginning)
        reason = _quick_reason(first, candidate, len(y_true))
        return Choice(first, candidate.blocks, reason, (candidate,)), beginning
    evaluated = [evaluate("lda", indices) for indices in sets]
    best = _preferred(evaluated)
    chosen = next(indices for indices, name in sets.items() if name == best[0].blocks)
    if head == "auto":
        evaluated.insert(0, evaluate("ensemble", chosen))
        best = _preferred([evaluated[0], best])
    candidates = tuple(candidate for candidate, _ in evaluated)
    reason = _reason(head, best[0], candidates, len(y_true))
    kind = best[0].head if head == "auto" else head
    return Choice(kind, best[0].blocks, reason, candidates), chosen


def _preferred(evaluated: Sequence[tuple[Candidate, np.ndarray]]) -> tuple[Candidate, np.ndarray]:
    """The first, unless another is better by more than chance; then the best of those."""
    first, *others = evaluated
    better = []
    for other in others:
        gains = first[1] - other[1]
        error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.inf
        if gains.mean() > _STANDARD_ERRORS * error:
            better.append(other)
    return min(better, key=lambda other: other[0].log_loss, default=first)


def _quick_reason(head: str, used: Candidate, n: int) -> str:
    figures = (
        f"{used.accuracy:.1%} right with a log-loss of {used.log_loss:.3f} by cross-validation "
        f"inside the training pictures, {n} of them held out"
    )
    stand_in = f"judged by {_HEADS[used.head]}, " if head != used.head else ""
    name = _HEADS.get(head, "gradient descent")
    return f"Quick, without a choice: {name} on {used.blocks}, {stand_in}{figures}."


def _reason(head: str, best: Candidate, candidates: Sequence[Candidate], n: int) -> str:
    others = [candidate for candidate in candidates if candidate != best]
    stand_in = head not in ("auto", best.head)
    chosen = f"{best.blocks}, judged by {_HEADS[best.head]}" if stand_in else str(best)
    text = (
        f"Chosen: {chosen}, {best.accuracy:.1%} right with a log-loss of {best.log_loss:.3f} by "
        f"cross-validation inside the training pictures, {n} of them held out"
    )
    if others:
        following = min(others, key=lambda candidate: candidate.log_loss)
        text += (
            f"; none of {len(others)} others is better by more than chance (the nearest, "
            f"{following}: {following.accuracy:.1%}, {following.log_loss:.3f})"
        )
    return text + "."
