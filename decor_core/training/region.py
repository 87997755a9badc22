"""Choice of the region that is read, the object or the whole frame, by cross-validation.

Where things are shown on a ground, the ground misleads; where pictures are scenes, what is cut away
is missed. The choice is made on a sample of the data set (benchmarks/ACCURACY.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from decor_core.data.catalog import Catalog
from decor_core.data.scan import ShouldStop
from decor_core.data.split import content_order, inner_folds
from decor_core.errors import DataError, TrainingError, check_kind, checked_path, unwritable
from decor_core.features.catalog_embeddings import embed_catalog
from decor_core.features.embedder import AUTO, EmbeddingSpec
from decor_core.features.embeddings import Embeddings
from decor_core.features.region_choice import NAMES, RegionCandidate, RegionChoice
from decor_core.images.augment import Augmentation
from decor_core.images.views import REGIONS
from decor_core.model.heads import RidgeLogisticRegression
from decor_core.model.linear_head import fit_temperature, probabilities
from decor_core.model.training_config import TrainingConfig

# Size of the sample: a quarter of all pictures, but at least _ENOUGH_SAMPLED, if these are no more
# than half of all, and at most _MAX_SAMPLED. Fewer than _MIN_SAMPLED are too few to choose by.
_MAX_SAMPLED, _ENOUGH_SAMPLED, _MIN_SAMPLED = 200, 80, 40
_MIN_PER_CLASS = 4  # different pictures of a class; those with fewer are left out of the sample
_MIN_SPREAD = 1e-4  # of a column, where all pictures have nearly the same in it
_REPEATS = 3  # of the cross-validation, as the folds change a small sample's result
# The object is left only for what is better by so many standard errors of the difference. More
# would keep it on more samples of scenes, and win nothing elsewhere (benchmarks/ACCURACY.md).
_STANDARD_ERRORS = 1.0
_MIN_GAIN = 0.01  # of probability; what is surer by less is not worth another way

# The vectors of some rows of a data set, as a spec says.
Embed = Callable[[np.ndarray, EmbeddingSpec], Embeddings]


def embed_pictures(
    catalog: Catalog,
    spec: EmbeddingSpec,
    *,
    augmentation: Augmentation | None = None,
    only_worthwhile: bool = False,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop | None = None,
) -> Embeddings:
    """``embed_catalog``, where the ``spec`` may leave to the data what is read of a picture."""
    n, level, choice = len(catalog.table), catalog.taxonomy.name, None
    rows = sample_rows(catalog.table, level) if spec.region == AUTO else np.arange(0)
    before, ahead = 0, len(REGIONS) * len(rows) + n

    def embed(rows: np.ndarray, spec: EmbeddingSpec, **copies: Any) -> Embeddings:
        nonlocal before, ahead
        ahead -= len(rows)

        def count(done: int, total: int) -> None:
            if progress:
                progress(before + done, before + total + ahead)

        found = embed_catalog(
            replace(catalog, table=catalog.table.iloc[rows].reset_index(drop=True)),
            spec,
            cache=cache,
            progress=count,
            should_stop=should_stop,
            **copies,
        )
        before += len(rows)
        return found

    if spec.region == AUTO:
        choice = choose_region(rows, n, level, spec, embed)
        spec = replace(spec, region=choice.region)
    vectors = embed(np.arange(n), spec, augmentation=augmentation, only_worthwhile=only_worthwhile)
    return replace(vectors, region_choice=choice)


def embed(
    catalog: Catalog,
    config: TrainingConfig | None = None,
    *,
    cache: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop | None = None,
) -> Embeddings:
    """The pictures of ``catalog``, and distorted copies of them, as vectors for a training.

    How they are looked at is a matter of ``config``, which by default leaves the region and the
    copies to the data. Vectors are kept in the folder ``cache``, by default the user's own, and
    need not be computed again. ``progress`` is called with (done, total). DataError where there is
    no usable picture or ``cache`` can be no folder, Stopped where ``should_stop`` said so.
    """
    check_kind(catalog, Catalog, "a Catalog, as “open_dataset” gives one", DataError)
    config = TrainingConfig() if config is None else config
    check_kind(config, TrainingConfig, "a TrainingConfig", TrainingError)
    if cache is not None:
        cache = checked_path(cache, "a folder for vectors", DataError)
        with unwritable(DataError, cache):
            cache.mkdir(parents=True, exist_ok=True)
    return embed_pictures(
        catalog,
        config.spec,
        augmentation=config.augmentation(len(catalog.table)),
        only_worthwhile=config.copies_by_data,
        cache=cache,
        progress=progress,
        should_stop=should_stop,
    )


def sample_rows(table: pd.DataFrame, level: str) -> np.ndarray:
    """Rows to choose by, of each label of ``level`` about as many: none where they are too few.

    One of near duplicates is enough. Which ones depends on their content alone.
    """
    rows = content_order(table)
    known = table.iloc[rows].reset_index(drop=True).drop_duplicates([level, "group"])
    sizes = known[level].map(known[level].value_counts())
    known = known[sizes >= _MIN_PER_CLASS]
    labels = known[level].unique()[: _MAX_SAMPLED // _MIN_PER_CLASS]
    known = known[known[level].isin(labels)]
    turns = known.groupby(level).cumcount().sort_values(kind="stable")
    count = max(len(table) // 4, min(len(table) // 2, _ENOUGH_SAMPLED))
    found = rows[turns.index[: min(_MAX_SAMPLED, count)]]
    return np.sort(found) if len(found) >= _MIN_SAMPLED and len(labels) > 1 else found[:0]


def choose_region(
    rows: np.ndarray, n: int, level: str, spec: EmbeddingSpec, embed: Embed
) -> RegionChoice:
    """The region of ``n`` pictures that tells the labels of ``level`` apart, judged by ``rows``.

    The object, unless with the whole frame the right labels are more probable by more than chance.
    """
    first, second = REGIONS
    vectors = [embed(rows, replace(spec, region=region)) for region in REGIONS if len(rows)]
    folds = [inner_folds(vectors[0].table, level, seed) for seed in range(_REPEATS) if vectors]
    if not folds or folds[0].min() < 0:
        return RegionChoice.given(first, "; there are too few different pictures to choose by")
    (kept, ours), (tried, theirs) = (_cross_validated(one, level, folds) for one in vectors)
    gains = theirs - ours
    chance = _STANDARD_ERRORS * gains.std(ddof=1) / np.sqrt(len(gains))
    is_better = gains.mean() > max(chance, _MIN_GAIN)
    best, rest = (tried, kept) if is_better else (kept, tried)
    reason = (
        f". By cross-validation on {len(rows)} of the {n} pictures it gets {best.accuracy:.1%} "
        f"right and gives the right label {best.probability:.1%} on average; "
        f"{NAMES[rest.region]} {rest.accuracy:.1%} and {rest.probability:.1%}"
    )
    if rest.probability > best.probability:
        reason += ", which is not clearly better"
    return replace(RegionChoice.given(best.region, reason), candidates=(kept, tried))


def _cross_validated(
    embeddings: Embeddings, level: str, folds: Sequence[np.ndarray]
) -> tuple[RegionCandidate, np.ndarray]:
    """Figures of a region, out of fold, and the probability [n] of each right label.

    It varies less from sample to sample than log-losses, which depend on few pictures.
    """
    _, y_true = embeddings.target(level)
    vectors = np.array(embeddings.vectors)
    for block in embeddings.blocks:  # each counts alike
        part = vectors[:, block.columns]
        part /= (part.std(axis=0) + _MIN_SPREAD) * np.sqrt(block.stop - block.start)
    logits = np.zeros((len(folds), len(y_true), y_true.max() + 1))
    for fold_of, out_of_fold in zip(folds, logits, strict=True):
        for fold in range(fold_of.max() + 1):
            known = fold_of != fold
            head = RidgeLogisticRegression().fit(vectors[known], y_true[known]).head_
            out_of_fold[~known] = head.logits(vectors[~known])
        out_of_fold /= fit_temperature(out_of_fold, y_true)
    of_truth = probabilities(logits)[:, np.arange(len(y_true)), y_true].mean(axis=0)
    accuracy = float((logits.argmax(axis=2) == y_true).mean())
    return RegionCandidate(embeddings.spec.region, accuracy, float(of_truth.mean())), of_truth
