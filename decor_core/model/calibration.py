"""Examples → a calibrated head, and what is known: chosen, trained and tempered out of fold."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from decor_core.model.evaluation import fit_temperature
from decor_core.model.heads import Head, TrainEvent, fit_lda, fit_softmax
from decor_core.model.logistic import fit_logistic
from decor_core.model.novelty import Novelty, fit_novelty, limit_from
from decor_core.model.selection import Choice, block_numbers, choose
from decor_core.model.training_config import TrainingConfig
from decor_core.model.whitened_folds import Examples, Fold, Parts, prepare_examples

OnEvent = Callable[[TrainEvent], None]
ShouldStop = Callable[[], bool]
_Train = Callable[[Parts, Fold, float], tuple[Parts, np.ndarray]]


def never_stop() -> bool:
    """The answer of a training that nobody stops."""
    return False


@dataclass(frozen=True)
class Fitted:
    """A calibrated head, and which head and blocks were chosen for it."""

    head: Head
    choice: Choice


class Fitter:
    """Fits heads to the same examples again and again: what they share is done once."""

    def __init__(self, examples: Examples) -> None:
        self._examples = examples
        self._prepared = prepare_examples(examples)
        self._choices: dict[str, Choice] = {}
        self._answers: dict[tuple[str, str], np.ndarray] = {}
        self._known: dict[tuple[int, int], Novelty | None] = {}

    def choice(self, head: str) -> Choice:
        """The blocks for ``head``, and the better head if it is “auto”."""
        if head not in self._choices:
            self._choices[head] = choose(self._prepared, head, self._closed_answers)
        return self._choices[head]

    def fit(
        self,
        config: TrainingConfig,
        *,
        validation: tuple[np.ndarray, np.ndarray] | None = None,
        on_event: OnEvent | None = None,
        should_stop: ShouldStop = never_stop,
    ) -> Fitted:
        """Train a head whose probabilities mean what they say; TrainingError if it diverges.

        A temperature found out of fold calibrates it (Guo et al., 2017).
        """
        prepared, choice = self._prepared, self.choice(config.head)
        numbers = block_numbers(prepared, choice.blocks)
        scales, spread = prepared.scales(numbers)
        watched = None
        if validation is not None and len(validation[1]):
            whitened = prepared.whitening.apply(prepared.span.apply(validation[0]))
            watched = _arranged(whitened, numbers, scales), validation[1]
        train = self._train(choice, config, should_stop, validation=watched, on_event=on_event)
        parts = _arranged(prepared.whole.training, numbers, scales)
        weights, bias = train(parts, prepared.whole, spread)
        raw = [np.zeros((part.shape[1], len(bias))) for part in prepared.whole.training]
        for k, part in zip(numbers, _arranged(weights, range(len(weights)), scales), strict=True):
            raw[k] = part
        head = prepared.span.expand(*prepared.whitening.undo(raw, bias))
        return Fitted(
            head.with_temperature(self._temperature(head, choice, config, should_stop)), choice
        )

    def known(self, columns: slice) -> Novelty | None:
        """The hull of the pictures in ``columns``, its limit from held-out folds; None without."""
        place = columns.start, columns.stop
        if place not in self._known:
            self._known[place] = _known(self._examples, columns)
        return self._known[place]

    def _temperature(
        self, head: Head, choice: Choice, config: TrainingConfig, should_stop: ShouldStop
    ) -> float:
        if self._prepared.folds and not should_stop():
            if choice.head == "softmax":
                train = self._train(choice, config, should_stop)
                logits = self._out_of_fold(train, choice.blocks)
            else:
                logits = self._closed_answers(choice.head, choice.blocks)
            if not should_stop():  # else the folds' heads are not what was trained
                return fit_temperature(logits, self._prepared.truth)
        # No folds to ask, as in a tiny set or a training that was stopped: few right answers in
        # a row still make for little confidence.
        originals = ~self._examples.copies
        answers = head.logits(self._examples.vectors[originals])
        return fit_temperature(answers, self._examples.classes[originals])

    def _train(
        self,
        choice: Choice,
        config: TrainingConfig,
        should_stop: ShouldStop,
        validation: tuple[Parts, np.ndarray] | None = None,
        on_event: OnEvent | None = None,
    ) -> _Train:
        """How the chosen head is trained on the arranged parts of a fold."""
        if choice.head != "softmax":
            return _lda if choice.head == "lda" else _logistic

        def descend(parts: Parts, fold: Fold, spread: float) -> tuple[Parts, np.ndarray]:
            return fit_softmax(
                parts,
                fold.classes,
                config,
                weights=fold.weights,
                validation=validation,
                on_event=on_event,
                should_stop=should_stop,
            )

        return descend

    def _closed_answers(self, head: str, blocks: str) -> np.ndarray:
        if (head, blocks) not in self._answers:
            if head == "lda":
                found = self._added_up(blocks)
            else:
                found = self._out_of_fold(_logistic, blocks)
            self._answers[head, blocks] = found
        return self._answers[head, blocks]

    def _added_up(self, blocks: str) -> np.ndarray:
        """Linear discriminant analysis: on whitened blocks its logits add up."""
        numbers = block_numbers(self._prepared, blocks)
        scales, spread = self._prepared.scales(numbers)
        return sum(
            (scale / spread) ** 2 * self._prepared.block_logits[k]
            for k, scale in zip(numbers, scales, strict=True)
        )

    def _out_of_fold(self, train: _Train, blocks: str) -> np.ndarray:
        """Logits [m, c] for the held-out pictures of every fold, in the order of ``truth``."""
        numbers = block_numbers(self._prepared, blocks)
        scales, spread = self._prepared.scales(numbers)

        def answer(fold: Fold) -> np.ndarray:
            weights, bias = train(_arranged(fold.training, numbers, scales), fold, spread)
            asked = _arranged(fold.asked, numbers, scales)
            return sum(part @ w for part, w in zip(asked, weights, strict=True)) + bias

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return np.concatenate(list(pool.map(answer, self._prepared.folds)))


def _arranged(parts: Sequence[np.ndarray], numbers: Sequence[int], scales: np.ndarray) -> Parts:
    """The chosen parts, each times its scale."""
    return [parts[k] * scale for k, scale in zip(numbers, scales, strict=True)]


def _lda(parts: Parts, fold: Fold, spread: float) -> tuple[Parts, np.ndarray]:
    return fit_lda(parts, fold.classes, spread, fold.weights)


def _logistic(parts: Parts, fold: Fold, spread: float) -> tuple[Parts, np.ndarray]:
    return fit_logistic(parts, fold.classes, fold.weights)


def _known(examples: Examples, columns: slice) -> Novelty | None:
    held_out = []
    for fold in range(examples.folds.max() + 1):
        inside = examples.folds != fold
        hull = _hull(examples, inside, columns)
        held_out.append(hull.distances(examples.vectors[~inside & ~examples.copies]))
    if not held_out:
        return None
    hull = _hull(examples, np.ones(len(examples.classes), bool), columns)
    return replace(hull, limit=limit_from(np.concatenate(held_out)))


def _hull(examples: Examples, rows: np.ndarray, columns: slice) -> Novelty:
    return fit_novelty(
        examples.vectors[rows], examples.classes[rows], examples.weights[rows], columns
    )
