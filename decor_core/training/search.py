"""Search for the best settings, and learning curves, by cross-validation."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np

from decor_core.data.split import assign_folds
from decor_core.errors import TrainingError
from decor_core.features.embeddings import Embeddings
from decor_core.model.evaluation import Proportion
from decor_core.model.events import ShouldStop, TrainEvent, never_stop
from decor_core.model.training_config import STEPWISE, TrainingConfig
from decor_core.model.vector_classifier import VectorClassifier
from decor_core.model.whitened_folds import WhitenedFolds
from decor_core.training.labeled_vectors import LabeledVectors
from decor_core.training.train import default_folds


@dataclass(frozen=True)
class SearchCandidate:
    """Settings to try; ``steps`` and ``learning_rate`` are None where the head has none."""

    head: str
    steps: int | None = None
    learning_rate: float | None = None

    def config(self, base: TrainingConfig) -> TrainingConfig:
        """``base`` with these settings."""
        return replace(base, **{k: v for k, v in vars(self).items() if v is not None})


@dataclass(frozen=True)
class SearchResult:
    """Accuracy of a candidate in every fold, 0–1; nan in those where it diverged."""

    candidate: SearchCandidate
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
        """Standard error of the mean, from the deviation over the folds."""
        return float(np.std(self.folds, ddof=1) / math.sqrt(len(self.folds)))


# scikit-learn's ParameterGrid and ParameterSampler would do for the two that follow, but the web
# server calls them, for which importing scikit-learn takes a second and 80 MB.


def grid(
    steps: Sequence[int], learning_rates: Sequence[float], heads: Sequence[str] = (STEPWISE,)
) -> list[SearchCandidate]:
    """Every combination, once."""
    pairs = list(product(steps, learning_rates))
    found = (
        SearchCandidate(head, *pair)
        for head in heads
        for pair in (pairs if head == STEPWISE else [(None, None)])
    )
    return list(dict.fromkeys(found))


def random_candidates(
    count: int,
    steps: Sequence[int],
    learning_rates: Sequence[float],
    heads: Sequence[str] = (STEPWISE,),
    *,
    seed: int = 0,
) -> list[SearchCandidate]:
    """Up to ``count`` different candidates, drawn between the least and the largest values.

    Steps and rates are log-uniform, to two digits; better than a grid where one of them matters
    more than the other (Bergstra & Bengio, 2012).
    """
    rng = np.random.default_rng(seed)

    def log_uniform(values: Sequence[float]) -> float:
        drawn = math.exp(rng.uniform(math.log(min(values)), math.log(max(values))))
        return float(f"{drawn:.2g}")

    found: dict[SearchCandidate, None] = {}
    for _ in range(20 * count):  # repeats are dropped, and a small space may hold fewer
        if len(found) == count:
            break
        head = str(rng.choice(list(heads)))
        drawn = SearchCandidate(head, round(log_uniform(steps)), log_uniform(learning_rates))
        found[drawn if head == STEPWISE else SearchCandidate(head)] = None
    return list(found)


def search(
    embeddings: Embeddings,
    candidates: Sequence[SearchCandidate],
    level: str,
    *,
    base: TrainingConfig | None = None,
    n_folds: int | None = None,
    on_result: Callable[[SearchResult], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop = never_stop,
) -> list[SearchResult]:
    """Accuracy of each candidate by cross-validation on the same folds, in the order tried.

    ``base`` gives all other settings. The images that it keeps for testing take no part, so that
    a model trained with what is found is still tested on images that nothing was fitted to.
    ``default_folds`` by default. A long training passes through the shorter ones of its rate, which
    cost nothing more. A search that is stopped returns what is done. ``on_result`` gets each
    result when it is there; ``progress`` gets how many trainings of how many.
    """
    base = base or TrainingConfig()
    data = LabeledVectors.of(embeddings, level, base)
    parts = data.split()
    rows = np.sort(np.concatenate([parts.train, parts.validation]))
    n_folds = n_folds or default_folds(embeddings.rows(rows), level)
    fold_of = assign_folds(embeddings.table.iloc[rows], level, n_folds, base.seed)

    @cache
    def whitened(fold: int) -> WhitenedFolds:
        return WhitenedFolds(data.examples(rows[fold_of != fold]))

    one_training: dict[tuple, list[SearchCandidate]] = {}
    for candidate in dict.fromkeys(candidates):
        one_training.setdefault((candidate.head, candidate.learning_rate), []).append(candidate)
    results: list[SearchResult] = []
    for number, group in enumerate(one_training.values()):
        by_fold = []
        for fold in range(n_folds):
            held_out = data.labeled(rows[fold_of == fold])
            by_fold.append(_accuracies(group, base, whitened(fold), held_out, should_stop))
            if should_stop():
                return results
            if progress:
                progress(number * n_folds + fold + 1, len(one_training) * n_folds)
        for candidate in group:
            accuracies = tuple(found[candidate] for found in by_fold)
            results.append(SearchResult(candidate, accuracies))
            if on_result:
                on_result(results[-1])
    return results


def best_result(results: Sequence[SearchResult]) -> SearchResult | None:
    """The simplest candidate within one standard error of the best (Breiman et al., 1984).

    Simplest is the one of fewest steps (a head without steps has none), then of the smallest
    rate. None where nothing was tried that did not diverge.
    """
    sound = [result for result in results if not result.diverged]
    if not sound:
        return None
    top = max(sound, key=lambda result: (result.accuracy, -result.standard_error))
    close = [r for r in sound if r.accuracy >= top.accuracy - top.standard_error - 1e-12]
    return min(
        close,
        key=lambda r: (r.candidate.steps or 0, r.candidate.learning_rate or 0, -r.accuracy),
    )


def _accuracies(
    group: Sequence[SearchCandidate],
    base: TrainingConfig,
    folds: WhitenedFolds,
    held_out: tuple[np.ndarray, np.ndarray],
    should_stop: ShouldStop,
) -> dict[SearchCandidate, float]:
    """Accuracy of candidates of one head and rate, by one training; nan where it diverged."""
    longest = max(group, key=lambda candidate: candidate.steps or 0).config(base)
    interval = math.gcd(*(candidate.steps or 1 for candidate in group))
    config = replace(longest, eval_interval=interval)
    by_step: dict[int | None, float] = {}  # empty where the head has no steps
    try:
        final = _accuracy(folds, config, held_out, by_step, should_stop)
    except TrainingError:
        final = math.nan  # what was reached before it diverged stands
    return {c: by_step.get(c.steps, math.nan) if by_step else final for c in group}


def _accuracy(
    folds: WhitenedFolds,
    config: TrainingConfig,
    held_out: tuple[np.ndarray, np.ndarray],
    by_step: dict[int | None, float],
    should_stop: ShouldStop,
) -> float:
    """Accuracy on ``held_out`` (vectors, classes) after training; into ``by_step`` on the way."""

    def record(event: TrainEvent) -> None:
        if event.validation_accuracy is not None:
            by_step[event.step] = event.validation_accuracy

    # Calibration changes no prediction: after its last step a training need not go on to it.
    def enough() -> bool:
        return should_stop() or config.steps in by_step

    model = VectorClassifier.of(config).fit_folds(
        folds,
        np.arange(folds.examples.classes.max() + 1),
        validation=held_out,
        on_event=record,
        should_stop=enough,
    )
    return model.score(*held_out)


@dataclass(frozen=True)
class CurvePoint:
    """Accuracy when trained on about so many ``pictures``."""

    pictures: int
    accuracy: Proportion


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
    """Cross-validated accuracy against the number of training images, few first.

    In every fold the training images are thinned to ``shares``, class by class, each smaller set
    inside the larger one (which scikit-learn's learning_curve does not do, nor can it be stopped).
    ``default_folds`` by default. A curve that is stopped returns the points that are done.
    """
    data = LabeledVectors.of(embeddings, level, config)
    n_folds = n_folds or default_folds(embeddings, level)
    fold_of = assign_folds(embeddings.table, level, n_folds, config.seed)
    order = np.random.default_rng(config.seed).permutation(len(fold_of))
    points: list[CurvePoint] = []
    for number, share in enumerate(sorted(shares)):
        sizes, correct = [], 0
        for fold in range(n_folds):
            rows_out = np.flatnonzero(fold_of == fold)
            rest = order[fold_of[order] != fold]
            own = (rest[data.classes[rest] == number] for number in np.unique(data.classes[rest]))
            kept = (members[: max(1, round(share * len(members)))] for members in own)
            rows = np.sort(np.concatenate(list(kept)))
            folds, held_out = WhitenedFolds(data.examples(rows)), data.labeled(rows_out)
            correct += round(_accuracy(folds, config, held_out, {}, should_stop) * len(rows_out))
            sizes.append(len(rows))
            if should_stop():
                return points
            if progress:
                progress(number * n_folds + fold + 1, len(shares) * n_folds)
        n = int(data.may_hold_out.sum())
        points.append(CurvePoint(round(float(np.mean(sizes))), Proportion(correct, n)))
        if on_point:
            on_point(points[-1])
    return points
