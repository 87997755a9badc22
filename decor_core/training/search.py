"""Which settings are best, and whether more pictures would help: told by cross-validation."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from decor_core.errors import TrainingError
from decor_core.features.embeddings import Embeddings
from decor_core.model.evaluation import wilson
from decor_core.model.events import ShouldStop, TrainEvent, never_stop
from decor_core.model.training_config import TrainingConfig
from decor_core.model.vector_classifier import VectorClassifier
from decor_core.model.whitened_folds import WhitenedFolds
from decor_core.training.task import Task
from decor_core.training.train import usual_folds

# Heads that are reached step by step; of all others there is only one.
_BY_STEPS = ("softmax",)

# Vectors [n, d] and classes [n] of the pictures held out.
_Asked = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Candidate:
    """Settings to try; ``steps`` and ``learning_rate`` are None where the head has none."""

    head: str
    steps: int | None = None
    learning_rate: float | None = None

    def config(self, base: TrainingConfig) -> TrainingConfig:
        """``base`` with these settings."""
        chosen = {"head": self.head, "steps": self.steps, "learning_rate": self.learning_rate}
        return replace(base, **{k: v for k, v in chosen.items() if v is not None})


@dataclass(frozen=True)
class Result:
    """How a candidate did: accuracy 0–1 in every fold, nan in those where it diverged."""

    candidate: Candidate
    folds: tuple[float, ...]

    @property
    def diverged(self) -> bool:
        return any(math.isnan(accuracy) for accuracy in self.folds)

    @property
    def accuracy(self) -> float:
        """Mean over the folds; nan if it diverged in any."""
        return float(np.mean(self.folds))

    @property
    def standard_error(self) -> float:
        """Of the mean, from the spread over the folds."""
        return float(np.std(self.folds, ddof=1) / math.sqrt(len(self.folds)))


def grid(
    steps: Sequence[int], learning_rates: Sequence[float], heads: Sequence[str] = _BY_STEPS
) -> list[Candidate]:
    """Every combination, once."""
    found = []
    for head in heads:
        if head in _BY_STEPS:
            found += [Candidate(head, *pair) for pair in product(steps, learning_rates)]
        else:
            found.append(Candidate(head))
    return list(dict.fromkeys(found))


def random_candidates(
    count: int,
    steps: Sequence[int],
    learning_rates: Sequence[float],
    heads: Sequence[str] = _BY_STEPS,
    *,
    seed: int = 0,
) -> list[Candidate]:
    """Up to ``count`` different candidates, drawn between the least and the largest values.

    Steps and rates are log-uniform, to two digits; better than a grid where one of them matters
    more than the other (Bergstra & Bengio, 2012).
    """
    random = np.random.default_rng(seed)
    found: dict[Candidate, None] = {}
    for _ in range(20 * count):  # repeats are dropped, and a small space may hold fewer
        if len(found) == count:
            break
        head = str(random.choice(list(heads)))
        drawn = round(_log_uniform(random, steps)), _log_uniform(random, learning_rates)
        found[Candidate(head, *drawn) if head in _BY_STEPS else Candidate(head)] = None
    return list(found)


def _log_uniform(random: np.random.Generator, values: Sequence[float]) -> float:
    drawn = math.exp(random.uniform(math.log(min(values)), math.log(max(values))))
    return float(f"{drawn:.2g}")


def search(
    embeddings: Embeddings,
    candidates: Sequence[Candidate],
    level: str,
    *,
    base: TrainingConfig | None = None,
    n_folds: int | None = None,
    on_result: Callable[[Result], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop = never_stop,
) -> list[Result]:
    """Accuracy of each candidate by cross-validation on the same folds, in the order tried.

    ``base`` gives all other settings. The pictures that it keeps for testing take no part, so
    that a model trained with what is found is still tested on pictures that nothing was fitted
    to. ``usual_folds`` by default. A long training passes through the shorter ones of its rate,
    which cost nothing more. A search that is stopped returns what is done. ``on_result`` gets each
    result when it is there; ``progress`` gets how many trainings of how many.
    """
    base = base or TrainingConfig()
    task = Task.of(embeddings, level, base)
    parts = task.split()
    rows = np.sort(np.concatenate([parts.train, parts.validation]))
    n_folds = n_folds or usual_folds(embeddings.rows(rows))
    fold_of = task.folds(n_folds, base.seed, rows)
    groups = _sharing_a_training(candidates)
    whitened: dict[int, WhitenedFolds] = {}
    results: list[Result] = []
    for number, group in enumerate(groups):
        folds = []
        for fold in range(n_folds):
            held = rows[fold_of == fold]
            if fold not in whitened:
                whitened[fold] = WhitenedFolds(task.examples(rows[fold_of != fold]))
            asked = embeddings.vectors[held], task.classes[held]
            folds.append(_reached(whitened[fold], asked, group, base, should_stop))
            if should_stop():
                return results
            if progress:
                progress(number * n_folds + fold + 1, len(groups) * n_folds)
        for candidate in group:
            results.append(Result(candidate, tuple(found[candidate] for found in folds)))
            if on_result:
                on_result(results[-1])
    return results


def best(results: Sequence[Result]) -> Result | None:
    """The simplest candidate within one standard error of the best (Breiman et al., 1984).

    Simplest is the one of fewest steps (a head without steps has none), then of the smallest
    rate. None where nothing was tried that did not diverge.
    """
    sound = [result for result in results if not result.diverged]
    if not sound:
        return None
    top = max(sound, key=lambda result: (result.accuracy, -result.standard_error))
    close = [r for r in sound if r.accuracy >= top.accuracy - top.standard_error - 1e-12]
    return min(close, key=lambda r: (*_complexity(r.candidate), -r.accuracy))


def _complexity(candidate: Candidate) -> tuple[float, float]:
    return candidate.steps or 0, candidate.learning_rate or 0


def _sharing_a_training(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    groups: dict[tuple, list[Candidate]] = {}
    for candidate in dict.fromkeys(candidates):
        groups.setdefault((candidate.head, candidate.learning_rate), []).append(candidate)
    return list(groups.values())


def _reached(
    folds: WhitenedFolds,
    asked: _Asked,
    group: Sequence[Candidate],
    base: TrainingConfig,
    should_stop: ShouldStop,
) -> dict[Candidate, float]:
    """Accuracy on ``asked`` of every candidate of ``group``."""
    steps = [candidate.steps or 1 for candidate in group]
    longest = group[int(np.argmax(steps))].config(base)
    config = replace(longest, eval_interval=math.gcd(*steps))
    by_step: dict[int, float] = {}
    try:
        last = _watched(folds, config, asked, by_step, should_stop)
    except TrainingError:
        last = math.nan  # what was reached before it diverged stands
    return {c: by_step.get(c.steps, math.nan) if by_step else last for c in group}


def _watched(
    folds: WhitenedFolds,
    config: TrainingConfig,
    asked: _Asked,
    by_step: dict[int, float],
    should_stop: ShouldStop,
) -> float:
    """Accuracy on ``asked`` after training, and into ``by_step`` that on the way."""

    def record(event: TrainEvent) -> None:
        by_step[event.step] = event.validation_accuracy

    # Calibration changes no answer: after its last step a training need not go on to it.
    def enough() -> bool:
        return should_stop() or config.steps in by_step

    model = VectorClassifier.of(config).fit_folds(
        folds,
        np.arange(folds.examples.classes.max() + 1),
        validation=asked,
        on_event=record,
        should_stop=enough,
    )
    return model.score(*asked)


@dataclass(frozen=True)
class CurvePoint:
    """Accuracy when trained on about ``pictures`` pictures: right answers among ``n``."""

    pictures: int
    correct: int
    n: int

    @property
    def accuracy(self) -> float:
        return self.correct / self.n

    @property
    def ci95(self) -> tuple[float, float]:
        """95 % score interval (Wilson, 1927)."""
        return wilson(self.correct, self.n)


def learning_curve(
    embeddings: Embeddings,
    config: TrainingConfig,
    level: str,
    *,
    shares: Sequence[float] = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0),
    n_folds: int | None = None,
    on_point: Callable[[CurvePoint], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop = never_stop,
) -> list[CurvePoint]:
    """Cross-validated accuracy against the number of training pictures, few first.

    In every fold the training pictures are thinned to ``shares``, class by class, each smaller
    set inside the larger one. ``usual_folds`` by default. A curve that is stopped returns the
    points that are done.
    """
    task = Task.of(embeddings, level, config)
    n_folds = n_folds or usual_folds(embeddings)
    fold_of = task.folds(n_folds, config.seed)
    order = np.random.default_rng(config.seed).permutation(len(fold_of))
    points: list[CurvePoint] = []
    for number, share in enumerate(sorted(shares)):
        sizes, correct = [], 0
        for fold in range(n_folds):
            held = np.flatnonzero(fold_of == fold)
            rows = _thinned(order[fold_of[order] != fold], task.classes, share)
            folds = WhitenedFolds(task.examples(rows))
            asked = embeddings.vectors[held], task.classes[held]
            correct += round(_watched(folds, config, asked, {}, should_stop) * len(held))
            sizes.append(len(rows))
            if should_stop():
                return points
            if progress:
                progress(number * n_folds + fold + 1, len(shares) * n_folds)
        n = int(task.may_hold_out.sum())
        points.append(CurvePoint(round(float(np.mean(sizes))), correct, n))
        if on_point:
            on_point(points[-1])
    return points


def _thinned(rows: np.ndarray, classes: np.ndarray, share: float) -> np.ndarray:
    """The first ``share`` of the ``rows`` of each class, at least one: sorted."""
    kept = []
    for number in np.unique(classes[rows]):
        members = rows[classes[rows] == number]
        kept.append(members[: max(1, round(share * len(members)))])
    return np.sort(np.concatenate(kept))
