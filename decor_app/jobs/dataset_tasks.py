"""A folder or zip of pictures → a data set: read, embedded, checked; tasks for a child process.

They decode what strangers upload, so they run apart from the server and from TensorFlow.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from decor_app.hosting.config import server_config
from decor_app.jobs.tasks import Progress, QueueName, Report, Task
from decor_core.data.catalog import Catalog, list_table, open_dataset, open_heap
from decor_core.data.findings import Finding
from decor_core.data.folders.outline import FolderOutline, possible_outlines
from decor_core.data.layout import Layout, find_layout, table_bytes
from decor_core.data.quality_checks import is_blank
from decor_core.data.sources.source import Source, is_clutter, open_source
from decor_core.data.tables.columns import Columns
from decor_core.data.tables.table import read_table
from decor_core.datasets.dataset import KEPT_ASIDE, Dataset, create_dataset, load_dataset
from decor_core.datasets.heap import Heap, add_pictures, create_heap, load_heap
from decor_core.datasets.storage import HEAP, VECTORS, keep_aside, keep_picture, tiny_thumb
from decor_core.errors import DataError, PictureError, Stopped
from decor_core.features.backbones import OwnNetwork
from decor_core.features.embedder import AUTO, EmbeddingSpec
from decor_core.features.embeddings import Embeddings
from decor_core.images.augment import Augmentation
from decor_core.images.formats import is_picture_name
from decor_core.model.bundle import Bundle
from decor_core.model.events import ShouldStop
from decor_core.model.predictor import ImagePredictor
from decor_core.training.heap_vectors import embed_heap
from decor_core.training.label_issues import find_label_issues, label_findings
from decor_core.training.projection import project
from decor_core.training.region import embed_pictures

_FEW_VALUES = 12
_HEAD_ROWS = 5


# Parts of the time that reading pictures, finding near duplicates, running the network on them, and
# what follows take.
_SHARES = {"reading": 0.3, "comparing": 0.02, "embedding": 0.63, "checking": 0.05}


class DatasetTask(Task):
    """What the tasks that go through pictures have in common: their phases."""

    queue: ClassVar[QueueName] = "dataset"
    phases: ClassVar[tuple[str, ...]] = ("embedding",)

    def progress(self, report: Report, phase: str) -> Callable[[int, int], None]:
        """What reports on a phase when it is called with (done, total)."""
        shares = [_SHARES[name] for name in self.phases]
        before = sum(shares[: self.phases.index(phase)])

        def count(done: int, total: int) -> None:
            fraction = (before + _SHARES[phase] * done / max(total, 1)) / sum(shares)
            report(Progress(done, total, fraction, phase))

        return count

    def find_label_issues(
        self, dataset: Dataset, spec: EmbeddingSpec, report: Report, should_stop: ShouldStop
    ) -> tuple[Finding, ...]:
        """What a model finds wrong with labels and pictures; noted in the data set."""
        embeddings = embed_dataset(
            dataset, spec, None, self.progress(report, "embedding"), should_stop
        )
        self.progress(report, "checking")(0, 1)
        issues = find_label_issues(
            embeddings, dataset.level, blank=is_blank(dataset.table), should_stop=should_stop
        )
        found = label_findings(issues, embeddings.table, dataset.level)
        dataset.with_model_findings(found)
        return found


@dataclass(frozen=True)
class IntakeTask(DatasetTask):
    """Make a data set of the folder or zip ``data`` in the new folder ``into``; gives its folder.

    ``label`` is that of pictures that lie in no class folders; ``classes_from`` tells which folder
    the classes are (``folders.layout.check_classes_from``). A zip that lies in ``into`` itself
    goes once it has been read. Stopped while it looks at pictures, it keeps the set: they can be
    looked at later. ``unlabeled`` makes a heap of it, whose classes are still to be given but for
    those in a table with these ``columns``, or adds to the one that is in ``into``. Whether labels
    are wrong is the question of a CheckTask, which follows; that may choose what is read of a
    picture, which is the object until then.
    """

    kind: ClassVar[str] = "intake"
    phases: ClassVar[tuple[str, ...]] = ("reading", "comparing", "embedding")

    data: Path
    into: Path
    title: str
    columns: Columns | None = None
    types: tuple[str, ...] | None = None
    label: str = ""
    classes_from: str = ""
    unlabeled: bool = False
    spec: EmbeddingSpec = EmbeddingSpec()

    def run(self, report: Report, should_stop: ShouldStop) -> Path:
        made = (ingest_heap if self.unlabeled else ingest)(self, report, should_stop)
        if self.into in self.data.parents:
            self.data.unlink(missing_ok=True)
        progress = self.progress(report, "embedding")
        with suppress(DataError, Stopped):  # the set is there; its report says what it lacks
            if isinstance(made, Heap):
                embed_heap(made, self.spec, progress, should_stop)
            else:
                embed_dataset(made, self.spec, None, progress, should_stop)
        return made.folder


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
        return embed_dataset(
            load_state(self.data, self.number, self.version),
            self.spec,
            self.augmentation,
            self.progress(report, "embedding"),
            should_stop,
            only_worthwhile=self.only_worthwhile,
        )


@dataclass(frozen=True)
class MapTask(DatasetTask):
    """Lay the pictures of ``data`` out on a plane; gives MapCoordinates."""

    kind: ClassVar[str] = "map"
    phases: ClassVar[tuple[str, ...]] = ("embedding", "checking")

    data: Path
    spec: EmbeddingSpec = EmbeddingSpec(region=AUTO)

    def run(self, report: Report, should_stop: ShouldStop) -> "MapCoordinates":
        dataset = load_dataset(self.data)
        embeddings = embed_dataset(
            dataset, self.spec, None, self.progress(report, "embedding"), should_stop
        )
        self.progress(report, "checking")(0, 1)
        keys = tuple(embeddings.table["key"])
        thumbs = tuple(tiny_thumb(dataset.folder, key) for key in keys)
        return MapCoordinates(keys, project(embeddings), thumbs)


@dataclass(frozen=True)
class MapCoordinates:
    """Where pictures, known by content, lie on a map [n, 2], −1 to 1; a tiny WebP of each."""

    keys: tuple[str, ...]
    places: np.ndarray
    thumbs: tuple[bytes, ...]


@dataclass(frozen=True)
class PredictTask(DatasetTask):
    """What ``bundle`` takes the pictures of ``data`` for; gives label and probability by key."""

    kind: ClassVar[str] = "answer"

    data: Path
    bundle: Bundle
    level: str

    def run(self, report: Report, should_stop: ShouldStop) -> dict[str, tuple[str, float]]:
        dataset, progress = load_dataset(self.data), self.progress(report, "embedding")
        embeddings = embed_dataset(dataset, self.bundle.embedding, None, progress, should_stop)
        found = ImagePredictor(self.bundle).predict(embeddings.vectors, self.level)
        keys = embeddings.table["key"]
        return {key: (one.scores[0].label, one.confidence)
                for key, one in zip(keys, found, strict=True)}  # fmt: skip


@dataclass(frozen=True)
class DatasetPreview:
    """What lies in a folder or zip: how, how many pictures; of its table the first rows.

    ``values`` are those of columns of few different ones, with how often each is there;
    ``outlines`` the ways of reading its folders, the guess before the others.
    """

    layout: Layout
    pictures: int
    head: pd.DataFrame | None = None
    values: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    outlines: tuple[FolderOutline, ...] = ()


@dataclass(frozen=True)
class PreviewTask(DatasetTask):
    """Find out how a data set lies in the folder or zip ``data``; gives a DatasetPreview."""

    kind: ClassVar[str] = "peek"

    data: Path
    into: Path
    title: str = ""

    def run(self, report: Report, should_stop: ShouldStop) -> DatasetPreview:
        source = open_source(self.data, server_config().source_limits)
        layout, names = find_layout(source), [n for n in source.names if is_picture_name(n)]
        check_count(len(names))
        if not layout.csv:
            read = possible_outlines(source.names) if layout.folders else ()
            return DatasetPreview(layout, len(names), outlines=read)
        table = read_table(table_bytes(source, layout.csv), names, layout.csv)
        counts = {name: Counter(filter(None, table[name])) for name in table.columns}
        values = {name: found for name, found in counts.items() if 0 < len(found) <= _FEW_VALUES}
        return DatasetPreview(
            layout, len(names), table.head(_HEAD_ROWS).reset_index(drop=True), values
        )


def check_count(pictures: int) -> None:
    """DataError where a data set would have more pictures than this server takes."""
    most = server_config().dataset_pictures
    if pictures > most:
        raise DataError(
            f"There are {pictures:,} pictures in it; this server takes {most:,} for one data set. "
            "Bring fewer of each class, or run Decor on your own computer."
        )


def ingest(task: IntakeTask, report: Report, should_stop: ShouldStop) -> Dataset:
    """Read the pictures of a folder or zip into a set; Stopped leaves nothing usable behind."""
    source = open_source(task.data, server_config().source_limits)
    classes_from = task.classes_from
    if task.label:
        source, classes_from = _as_one_folder(source, task.label), "folder:1"
    catalog = open_dataset(
        source,
        columns=task.columns,
        types=task.types,
        classes_from=classes_from,
        progress=task.progress(report, "reading"),
        comparing=task.progress(report, "comparing"),
        should_stop=should_stop,
        on_picture=lambda data, upright: keep_picture(task.into, data, upright),
    )
    _keep_rejected(task.into, catalog)
    return create_dataset(task.into, task.title, catalog)


def ingest_heap(task: IntakeTask, report: Report, should_stop: ShouldStop) -> Heap:
    """Read the pictures of a folder or zip into a heap, which may be there; as ``ingest``."""
    source = open_source(task.data, server_config().source_limits)
    before = load_heap(task.into) if (task.into / HEAP).exists() else None
    new = sum(map(is_picture_name, source.names))
    check_count(new + len(before.ids) if before else new)
    labels = _known_labels(source, task.columns)
    catalog = open_heap(
        source,
        progress=task.progress(report, "reading"),
        comparing=task.progress(report, "comparing"),
        should_stop=should_stop,
        on_picture=lambda data, upright: keep_picture(task.into, data, upright),
    )
    _keep_rejected(task.into, catalog)
    if before:
        return add_pictures(before, catalog, labels)
    return create_heap(task.into, task.title, catalog, labels)


def _known_labels(source: Source, columns: Columns | None) -> dict[str, str]:
    """The label of each picture that a table with these columns gives one; none without columns."""
    layout = find_layout(source, columns) if columns else None
    if layout is None or not layout.csv:
        return {}
    with suppress(DataError):  # a table without any label
        listing = list_table(table_bytes(source, layout.csv), source.names, layout.columns)
        return {row.file: row.labels[0] for row in listing.rows}
    return {}


def _keep_rejected(folder: Path, catalog: Catalog) -> None:
    """Keep files that could not be used, to be fetched again."""
    for entry in catalog.report.findings:
        # Not those damaged in the zip itself, nor what is no file of its own.
        if entry.kind in KEPT_ASIDE and entry.file in catalog.source.names:
            with suppress(PictureError):
                keep_aside(folder, entry.file, catalog.source.read(entry.file))


def _as_one_folder(source: Source, folder: str) -> Source:
    """The files of a source as if they all lay in one folder."""
    folder = folder.replace("/", "∕")
    folder = folder.lstrip(".") if is_clutter(folder, is_folder=True) else folder
    files = [(f"{folder}/{name.replace('/', ' ')}", file) for name, file in source.files.items()]
    return Source(source.path, files, notes=source.notes)


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
    augmentation: Augmentation | None = None,
    progress: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop | None = None,
    *,
    only_worthwhile: bool = False,
) -> Embeddings:
    """Vectors of a data set, as ``embed_pictures`` makes them, kept in its folder.

    Stopped where ``should_stop`` says so.
    """
    return embed_pictures(
        dataset.catalog,
        spec,
        augmentation=augmentation,
        only_worthwhile=only_worthwhile,
        cache=dataset.folder / VECTORS,
        progress=progress,
        should_stop=should_stop,
    )
