"""Sources of training data: the shipped vectors, and data sets of one's own."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import pandas as pd

from decor_app.jobs.dataset_tasks import EmbedTask
from decor_app.state.datasets import find_dataset, store, summaries
from decor_app.state.models import shipped_vectors, shipped_vectors_or_stop
from decor_app.state.workspace import Workspace, workspace
from decor_core.datasets.corrections import with_corrections
from decor_core.errors import DecorError
from decor_core.features.embedder import AUTO
from decor_core.features.embeddings import Embeddings
from decor_core.features.own_networks import own_network
from decor_core.images.views import REGIONS
from decor_core.model.training_data import TrainingData
from decor_core.taxonomy import Taxonomy
from decor_core.text import pluralize

SHIPPED = ""  # in place of the id of a data set
_CACHED_VECTORS = 2  # a data set and corrections to it; of a thousand pictures, 54 MB


@dataclass(frozen=True)
class TrainingSource:
    """Labeled pictures to train on: ``table`` has a row for each."""

    title: str
    taxonomy: Taxonomy
    table: pd.DataFrame

    def counts(self, level: str) -> Mapping[str, int]:
        """How many pictures each label of a level has, in the taxonomy's order."""
        counts = self.table[level].value_counts()
        labels = self.taxonomy.level(level).labels
        return {label: int(counts[label]) for label in labels if label in counts}


def training_source(set_id: str) -> TrainingSource:
    """The data set of that id; what ships where it is SHIPPED, or not there (any more)."""
    dataset = find_dataset(set_id)
    if dataset is None:
        data = shipped_vectors_or_stop()
        return TrainingSource("photos of decorated products", data.taxonomy, data.table)
    title = f"pictures of “{dataset.title}”"
    return TrainingSource(title, dataset.catalog.taxonomy, dataset.table)


def training_sources() -> dict[str, str]:
    """All that can be learned from, in words, by the id of the data set."""
    shipped = _shipped_or_none()
    size = f"{len(shipped.table)} pictures" if shipped else "missing"
    found = {SHIPPED: f"Decor photos · {size}"}
    for one in summaries():
        sizes = f"{pluralize(one.pictures, 'picture')} · {pluralize(one.labels, 'class')}"
        found[one.id] = f"{one.title} · {sizes}"
    return found


def is_available(training_data: TrainingData | None) -> bool:
    """Whether what a model learned from is still here, and as it was."""
    if training_data is None:
        return False
    if training_data.corrections and not find_dataset(training_data.corrections):
        return False
    if not training_data.set_id:
        return _shipped_or_none() is not None
    dataset = find_dataset(training_data.set_id)
    return dataset is not None and dataset.version == training_data.version


def _shipped_or_none() -> Embeddings | None:
    with suppress(DecorError):  # missing or damaged
        return shipped_vectors(copies=False)
    return None


class TrainingVectors:
    """The vectors of all pictures that a training needs: cached, shipped, or to be computed first.

    It is made on the page and may be used on any thread. DecorError where a data set is not there
    (any more), or nothing that ships. With ``copies=False`` the distorted copies of the shipped
    pictures may be missing.

    Call ``missing`` until it is None, then ``joined``.
    """

    def __init__(self, training_data: TrainingData, level: str, copies: bool = True) -> None:
        self._session, self._level = workspace(), level
        sets = [store().get(i) for i in (training_data.set_id, training_data.corrections) if i]
        self._tasks = [
            EmbedTask(
                one.folder,
                training_data.spec,
                training_data.augmentation,
                one.number,
                one.version,
                training_data.only_worthwhile,
                own_network(training_data.spec.architecture),
            )
            for one in sets
        ]
        self._corrected = bool(training_data.corrections)
        self._shipped = None
        if not training_data.set_id:
            with_copies = training_data.augmentation and (copies or self._corrected)
            self._shipped = shipped_vectors(copies=bool(with_copies))

    def missing(self) -> EmbedTask | None:
        """The task to be run first, and kept with ``add``; None where all vectors are there."""
        # Held from here on: other jobs of this visitor may push them out of the cache.
        self._found = list(map(self._cached, self._tasks))
        pairs = zip(self._tasks, self._found, strict=True)
        return next((task for task, vectors in pairs if vectors is None), None)

    def add(self, task: EmbedTask, vectors: Embeddings) -> None:
        """Keep what ``task`` gave, in place of what this visitor used longest ago."""
        keep_vectors(self._session, task, vectors)

    def _cached(self, task: EmbedTask) -> Embeddings | None:
        """The cached result of ``task``, if any: of any region where the data tell which."""
        cached, asked = self._session.vectors, task.spec.region
        for region in REGIONS if asked == AUTO else (asked,):
            key = _cache_key(task, region)
            vectors = cached.get(key)
            if vectors is not None and (asked != AUTO or vectors.region_choice):
                cached.move_to_end(key)
                return vectors
        return None

    def joined(self) -> Embeddings:
        """All that is learned from, once nothing is missing.

        With corrections only the labels of the level count: they have no others. DecorError where
        they do not go with the rest.
        """
        found = [vectors for vectors in self._found if vectors is not None]  # that is all
        base = found[0] if self._shipped is None else self._shipped
        if not self._corrected:
            return base
        return with_corrections(base.at_level(self._level), found[-1])


def keep_vectors(session: Workspace, task: EmbedTask, vectors: Embeddings) -> None:
    """Keep what ``task`` gave, in place of what this visitor used longest ago."""
    cached = session.vectors
    cached[_cache_key(task, vectors.spec.region)] = vectors
    while len(cached) > _CACHED_VECTORS:
        cached.popitem(last=False)


def _cache_key(task: EmbedTask, region: str) -> tuple:
    """Differs where the vectors would: not with a title, nor with an edit that was undone."""
    spec = replace(task.spec, region=region)
    return task.data, task.version, spec, task.augmentation, task.only_worthwhile


def cached_vectors(training_data: TrainingData, level: str) -> Embeddings | None:
    """The training vectors, if nothing has to be computed for them; None else."""
    try:
        vectors = TrainingVectors(training_data, level, copies=False)
        return None if vectors.missing() else vectors.joined()
    except DecorError:
        return None
