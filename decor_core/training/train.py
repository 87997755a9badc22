"""Prepare → embed → train → evaluate → bundle: the only place where the stages are composed."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from numbers import Integral

import numpy as np
import pandas as pd

from decor_core.data.split import (
    CORRECTION,
    Split,
    assign_folds,
    different_pictures,
)
from decor_core.errors import TrainingError, check_kind
from decor_core.features.embeddings import Embeddings
from decor_core.features.own_networks import OwnNetwork
from decor_core.features.region_choice import RegionChoice
from decor_core.features.vectors import is_many
from decor_core.model.bundle import Bundle
from decor_core.model.evaluation import Evaluation, evaluate
from decor_core.model.events import OnEvent, ShouldStop, TrainEvent, never_stop
from decor_core.model.examples import Examples
from decor_core.model.linear_head import LinearHead, probabilities
from decor_core.model.predictor import VectorPredictor
from decor_core.model.training_config import TrainingConfig
from decor_core.model.vector_classifier import VectorClassifier
from decor_core.model.whitened_folds import WhitenedFolds
from decor_core.training.labeled_vectors import LabeledVectors

FOLDS = 5

# Kept for whoever trains again, with other settings, on the same pictures and split.
_recently_whitened = lru_cache(maxsize=2)(WhitenedFolds)


@dataclass(frozen=True)
class Training:
    """Result of a training: the model with its evaluation, the split, the curves.

    ``predictions`` has one row for each test picture: key, file, truth, answer, probability (0–1).
    ``stopped`` tells that it ended before its last step, or before it was calibrated.
    """

    bundle: Bundle
    split: Split
    predictions: pd.DataFrame
    events: tuple[TrainEvent, ...]
    stopped: bool = False


def train(
    embeddings: Embeddings,
    config: TrainingConfig,
    level: str | None = None,
    *,
    title: str = "My model",
    on_event: OnEvent | None = None,
    should_stop: ShouldStop = never_stop,
) -> Training:
    """Split, train and calibrate on the training part, evaluate once on the test part.

    ``level`` names the taxonomy to tell apart, by default the finest. ``on_event`` gets the points
    of the curves of gradient descent. Raises DataError where the data cannot be split,
    TrainingError where the training diverges, and BackboneError where the vectors are those of a
    network that the model would have to bring along and that is not here.
    """
    data = LabeledVectors.of(embeddings, level, config)
    check_kind(title, str, "a title", TrainingError)
    network = embeddings.network
    parts = data.split()
    events: list[TrainEvent] = []

    def record(event: TrainEvent) -> None:
        events.append(event)
        if on_event:
            on_event(event)

    folds = _whitened(data.examples(parts.train))
    model = VectorClassifier.of(config).fit_folds(
        folds,
        data.taxonomy.labels,
        validation=data.labeled(parts.validation),
        on_event=record,
        should_stop=should_stop,
    )
    stopped = should_stop() or (bool(events) and events[-1].step < config.steps)
    steps_done = events[-1].step if events else None
    bundle = _bundle(data, title, model, folds, network, len(parts.train), steps_done)
    bundle, predictions = tested(bundle, data, parts)
    return Training(bundle, parts, predictions, tuple(events), stopped)


def tested(bundle: Bundle, data: LabeledVectors, parts: Split) -> tuple[Bundle, pd.DataFrame]:
    """The model with its evaluation on the test part, and its predictions, as in a Training."""
    labels, (vectors, y_true) = np.array(data.taxonomy.labels, object), data.labeled(parts.test)
    probs, _ = VectorPredictor(bundle).probabilities(vectors)
    table = data.embeddings.table[["key", "file"]]
    predictions = table.iloc[parts.test].reset_index(drop=True)
    predictions["truth"], predictions["answer"] = labels[y_true], labels[probs.argmax(axis=1)]
    predictions["probability"] = probs.max(axis=1)
    if len(parts.test):
        bundle = replace(bundle, evaluation=evaluate(probs, y_true, data.taxonomy.labels))
    return bundle, predictions


def train_on_all(
    embeddings: Embeddings,
    config: TrainingConfig,
    level: str,
    *,
    title: str = "My model",
    repeats: int = 5,
) -> Bundle:
    """A model trained on every picture, evaluated by repeated five-fold cross-validation.

    With 0 ``repeats`` it is not evaluated.
    """
    network = embeddings.network
    data = LabeledVectors.of(embeddings, level, config)
    folds = _whitened(data.examples(np.arange(len(data.classes))))
    model = VectorClassifier.of(config).fit_folds(folds, data.taxonomy.labels)
    bundle = _bundle(data, title, model, folds, network, len(data.classes))
    if not repeats:
        return bundle
    evaluations = cross_validate(embeddings, config, level, repeats=repeats)
    return replace(bundle, cross_validation=evaluations)


def default_folds(embeddings: Embeddings, level: str) -> int:
    """Number of folds: five, or fewer where there are fewer pictures."""
    different = different_pictures(embeddings.table, level, need=2)
    return max(2, min(FOLDS, sum(different.values())))


def fold_heads(
    embeddings: Embeddings,
    config: TrainingConfig,
    level: str,
    *,
    n_folds: int | None = None,
    repeats: int = 5,
    should_stop: ShouldStop = never_stop,
) -> Iterator[tuple[int, np.ndarray, LinearHead]]:
    """For every repeat and fold: the repeat, which pictures [n] are held out, and the head.

    The folds are those of ``cross_validate``; ``default_folds`` by default. A few are trained at
    once, on threads. Ends early when it is stopped, which scikit-learn's cross_val_predict cannot;
    nor does that train corrections in every fold.
    """
    data = LabeledVectors.of(embeddings, level, config)
    n_folds = n_folds or default_folds(embeddings, level)
    splits = [
        (repeat, fold_of == fold)
        for repeat in range(repeats)
        for fold_of in [assign_folds(embeddings.table, level, n_folds, config.seed + repeat)]
        for fold in range(n_folds)
    ]

    def fit(held_out: np.ndarray) -> LinearHead | None:
        if should_stop():
            return None
        folds = WhitenedFolds(data.examples(np.flatnonzero(~held_out)))
        model = VectorClassifier.of(config)
        return model.fit_folds(folds, data.taxonomy.labels, should_stop=should_stop).head_

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        heads = pool.map(fit, [held_out for _, held_out in splits])
        for (repeat, held_out), head in zip(splits, heads, strict=True):
            if head is None or should_stop():
                return
            yield repeat, held_out, head


def cross_validate(
    embeddings: Embeddings,
    config: TrainingConfig,
    level: str | None = None,
    *,
    n_folds: int | None = None,
    repeats: int = 5,
    progress: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop = never_stop,
) -> dict[str, Evaluation]:
    """Repeated stratified cross-validation, for ``level`` and every coarser taxonomy by name.

    ``level`` is by default the finest. Near duplicates share a fold, and everything is fitted
    inside the folds; corrections train in all of them. ``n_folds`` is five by default, or fewer
    where the pictures are. Repeat r is seeded with ``config.seed + r``. ``progress`` is called with
    (folds done, their number). One that is stopped gives nothing: {}. DataError where a class has
    too few pictures, TrainingError for no repeats.
    """
    data = LabeledVectors.of(embeddings, level, config)
    level = data.taxonomy.name
    check_kind(n_folds, Integral | None, "a number of folds", TrainingError)
    check_kind(repeats, Integral, "a number of repeats", TrainingError)
    n_folds = n_folds or default_folds(embeddings, level)
    if repeats < 1:
        raise TrainingError(f"Expected to repeat it once or more, but it is {repeats}.")
    probs = np.zeros((repeats, len(data.classes), len(data.taxonomy.labels)))
    heads = fold_heads(
        embeddings, config, level, n_folds=n_folds, repeats=repeats, should_stop=should_stop
    )
    for done, (repeat, held_out, head) in enumerate(heads, start=1):
        probs[repeat, held_out] = probabilities(head.logits(embeddings.vectors[held_out]))
        if progress:
            progress(done, repeats * n_folds)
    if should_stop():
        return {}
    found, counted = {}, data.may_hold_out
    for taxonomy in data.taxonomy.levels:
        rolled = [data.taxonomy.roll_up(one[counted], taxonomy.name) for one in probs]
        y_true = embeddings.target(taxonomy.name)[1][counted]
        found[taxonomy.name] = evaluate(np.array(rolled), y_true, taxonomy.labels)
    return found


def _whitened(examples: Examples) -> WhitenedFolds:
    """Whitened folds, cached if they are few: many use memory and are slow to hash."""
    return (WhitenedFolds if is_many(len(examples.classes)) else _recently_whitened)(examples)


def _bundle(
    data: LabeledVectors,
    title: str,
    model: VectorClassifier,
    folds: WhitenedFolds,
    network: OwnNetwork | None,
    training_pictures: int,
    steps_done: int | None = None,
) -> Bundle:
    """The model to keep, and how it came to be."""
    embeddings, labels = data.embeddings, data.taxonomy.labels
    table, spec = embeddings.table, embeddings.spec
    counts = np.bincount(data.classes, minlength=len(labels))
    corrections = (table["batch"] == CORRECTION).sum() if "batch" in table else 0
    account = {
        **asdict(data.config),
        "architecture": spec.architecture,
        "views": spec.views,
        "region": spec.region,
        "region_choice": asdict(embeddings.region_choice or RegionChoice.given(spec.region)),
        "head": model.choice_.head,
        "choice": asdict(model.choice_),
        "copies_choice": embeddings.copies_choice and asdict(embeddings.copies_choice),
        "steps_done": steps_done,
        "pictures": len(data.classes),
        "training_pictures": training_pictures,
        "corrections": int(corrections),
        "pictures_per_class": dict(zip(labels, counts.tolist(), strict=True)),
        "alike_classes": list(data.alike_classes),
    }
    return Bundle(
        title,
        data.taxonomy,
        spec,
        embeddings.digest,
        model.head_,
        account,
        novelty=folds.novelty,
        network=network,
    )
