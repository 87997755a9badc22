"""Tasks of a child process on a data set: embed, check, lay out on a map, predict."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from decor_app.jobs.tasks import Progress, QueueName, Report, Task
from decor_core.data.findings import Finding
from decor_core.data.quality_checks import is_blank
from decor_core.datasets.dataset import Dataset, load_dataset
from decor_core.datasets.storage import VECTORS, tiny_thumb
from decor_core.errors import DataError
from decor_core.features.embedder import AUTO, EmbeddingSpec
from decor_core.features.embeddings import Embeddings
from decor_core.features.own_networks import OwnNetwork
from decor_core.images.augment import Augmentation
from decor_core.model.bundle import Bundle
from decor_core.model.events import ShouldStop
from decor_core.model.predictor import ImagePredictor
from decor_core.training.label_issues import find_label_issues, label_findings
from decor_core.training.projection import project
from decor_core.training.region import embed_pictures

# Parts of the time that reading pictures, finding near duplicates, running the network on them, and
# what follows take.
_SHARES = {"reading": 0.3, "comparing": 0.02, "embedding": 0.63, "checking": 0.05}


class DatasetTask(Task):
    """Base of the tasks that go through pictures: their phases."""

    queue: ClassVar[QueueName] = "dataset"
    phases: ClassVar[tuple[str, ...]] = ("embedding",)

    def progress(self, report: Report, phase: str) -> Callable[[int, int], None]:
        """A callback (done, total) that reports on a phase."""
        shares = [_SHARES[name] for name in self.phases]
        before = sum(shares[: self.phases.index(phase)])

        def count(done: int, total: int) -> None:
            fraction = (before + _SHARES[phase] * done / max(total, 1)) / sum(shares)
            report(Progress(done, total, fraction, phase))

        return count

    def embed(
        self,
        dataset: Dataset,
        spec: EmbeddingSpec,
        report: Report,
        should_stop: ShouldStop,
        **copies: Any,
    ) -> Embeddings:
        """``embed_dataset``, which is reported on."""
        progress = self.progress(report, "embedding")
        return embed_dataset(dataset, spec, progress, should_stop, **copies)

    def find_label_issues(
        self, dataset: Dataset, spec: EmbeddingSpec, report: Report, should_stop: ShouldStop
    ) -> tuple[Finding, ...]:
        """Findings of a model on labels and pictures; noted in the data set."""
        embeddings = self.embed(dataset, spec, report, should_stop)
        self.progress(report, "checking")(0, 1)
        issues = find_label_issues(
            embeddings, dataset.level, blank=is_blank(dataset.table), should_stop=should_stop
        )
        found = label_findings(issues, embeddings.table, dataset.level)
        dataset.with_model_findings(found)
        return found


@dataclass(frozen=True)
class CheckTask(DatasetTask):
    """Look for mislabeled pictures and outliers in the set ``data``: kept with it, and given."""

    kind: ClassVar[str] = "check"
    phases: ClassVar[tuple[str, ...]] = ("embedding", "checking")

    data: Path
    spec: EmbeddingSpec = EmbeddingSpec(region=AUTO)

    def run(self, report: Report, should_stop: ShouldStop) -> tuple[Finding, ...]:
        return self.find_label_issues(load_dataset(self.data), self.spec, report, should_stop)


@dataclass(frozen=True)
class EmbedTask(DatasetTask):
    """Embed the pictures of the set ``data`` and copies of them; gives Embeddings.

    Where ``number`` and ``version`` are given it is that state, whatever was edited since. With
    ``only_worthwhile`` there are copies only where the data tell that they are worth their time.
    ``network`` is that of the ``spec`` where no name gives it: the process finds it by this task.
    """

    kind: ClassVar[str] = "embed"
    prepares: ClassVar[bool] = True

    data: Path
    spec: EmbeddingSpec = EmbeddingSpec(region=AUTO)
    augmentation: Augmentation | None = None
    number: int | None = None
    version: str = ""
    only_worthwhile: bool = False
    network: OwnNetwork | None = None

    def run(self, report: Report, should_stop: ShouldStop) -> Embeddings:
        dataset = load_state(self.data, self.number, self.version)
        copies = {"augmentation": self.augmentation, "only_worthwhile": self.only_worthwhile}
        return self.embed(dataset, self.spec, report, should_stop, **copies)


@dataclass(frozen=True)
class MapTask(DatasetTask):
    """Lay the pictures of ``data`` out on a plane; gives MapCoordinates."""

    kind: ClassVar[str] = "map"
    phases: ClassVar[tuple[str, ...]] = ("embedding", "checking")

    data: Path
    spec: EmbeddingSpec = EmbeddingSpec(region=AUTO)

    def run(self, report: Report, should_stop: ShouldStop) -> "MapCoordinates":
        dataset = load_dataset(self.data)
        embeddings = self.embed(dataset, self.spec, report, should_stop)
        self.progress(report, "checking")(0, 1)
        keys = tuple(embeddings.table["key"])
        thumbs = tuple(tiny_thumb(dataset.folder, key) for key in keys)
        return MapCoordinates(keys, project(embeddings), thumbs)


@dataclass(frozen=True)
class MapCoordinates:
    """Places of pictures, by content hash, on a map [n, 2], −1 to 1; a tiny WebP of each."""

    keys: tuple[str, ...]
    places: np.ndarray
    thumbs: tuple[bytes, ...]


@dataclass(frozen=True)
class PredictTask(DatasetTask):
    """Predict the pictures of ``data`` by ``bundle``; gives label and probability by key."""

    kind: ClassVar[str] = "answer"

    data: Path
    bundle: Bundle
    level: str

    def run(self, report: Report, should_stop: ShouldStop) -> dict[str, tuple[str, float]]:
        dataset, spec = load_dataset(self.data), self.bundle.embedding
        embeddings = self.embed(dataset, spec, report, should_stop)
        found = ImagePredictor(self.bundle).predict(embeddings.vectors, self.level)
        keys = embeddings.table["key"]
        return {key: (one.scores[0].label, one.confidence)
                for key, one in zip(keys, found, strict=True)}  # fmt: skip


def load_state(folder: Path, number: int | None, version: str) -> Dataset:
    """The data set in ``folder`` as it was in that state; DataError where that is lost."""
    with suppress(DataError):  # undone, and overwritten by another edit
        dataset = load_dataset(folder, number)
        if version in ("", dataset.version):
            return dataset
    raise DataError(
        f"“{load_dataset(folder).title}” was edited before its pictures were looked at; start "
        "again, to learn from it as it is now."
    )


def embed_dataset(
    dataset: Dataset,
    spec: EmbeddingSpec,
    progress: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop | None = None,
    **copies: Any,
) -> Embeddings:
    """Vectors of a data set, as ``embed_pictures`` makes them, kept in its folder.

    ``copies`` are what it takes for distorted copies. Stopped where ``should_stop`` says so.
    """
    return embed_pictures(
        dataset.catalog,
        spec,
        cache=dataset.folder / VECTORS,
        progress=progress,
        should_stop=should_stop,
        **copies,
    )
