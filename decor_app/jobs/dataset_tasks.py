"""A folder or zip of pictures → a data set: read, embedded, checked; tasks for a child process.

They decode what strangers upload, so they run apart from the server and from TensorFlow.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from decor_app.hosting.config import server_config
from decor_app.jobs.train_tasks import ReportProgress, Silent
from decor_core.data.catalog import open_dataset
from decor_core.data.findings import Finding
from decor_core.data.layout import Layout, find_layout, table_bytes
from decor_core.data.sources import Source, open_source
from decor_core.data.tables import Columns, guess_columns, read_table
from decor_core.datasets.dataset import KEPT_ASIDE, Dataset, create_dataset, load_dataset
from decor_core.datasets.storage import VECTORS, keep_aside, keep_picture, tiny_thumb
from decor_core.errors import DataError, PictureError, Stopped
from decor_core.features.embedder import EmbeddingSpec
from decor_core.features.embeddings import Embeddings, embed_catalog
from decor_core.images.augment import Augmentation
from decor_core.images.decode import is_picture_name
from decor_core.model.bundle import Bundle
from decor_core.model.calibration import ShouldStop
from decor_core.model.classifier import Predictor
from decor_core.training.label_issues import find_label_issues, label_findings
from decor_core.training.projection import project

# Parts of the time that reading, looking and checking take.
_SHARES = {"reading": 0.3, "looking": 0.65, "checking": 0.05}
_FEW_VALUES = 12
_HEAD_ROWS = 5


@dataclass(frozen=True)
class Phase:
    """How far a task has come: ``done`` of ``total`` pictures in the phase of that name."""

    name: str
    done: int
    total: int


class _Phased:
    """What the tasks have in common that go through pictures."""

    _phases: ClassVar[tuple[str, ...]] = ("looking",)

    def fraction_done(self, events: Sequence[Phase]) -> float:
        """Of the time, by what the phases usually take."""
        if not events:
            return 0.0
        last = events[-1]
        whole = sum(_SHARES[name] for name in self._phases)
        before = sum(_SHARES[name] for name in self._phases[: self._phases.index(last.name)])
        return (before + _SHARES[last.name] * last.done / max(last.total, 1)) / whole


@dataclass(frozen=True)
class IntakeTask(_Phased):
    """Make a data set of the folder or zip ``data`` in the new folder ``into``; gives its folder.

    ``label`` is that of pictures that lie in no class folders. A zip that lies in ``into`` itself
    goes once it has been read. Stopped while it looks at pictures, it keeps the set: they can be
    looked at later.
    """

    kind: ClassVar[str] = "intake"
    _phases: ClassVar[tuple[str, ...]] = ("reading", "looking", "checking")

    data: Path
    into: Path
    title: str
    columns: Columns | None = None
    types: tuple[str, ...] | None = None
    label: str = ""
    spec: EmbeddingSpec = EmbeddingSpec()

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> Path:
        made = ingest(self, report, should_stop)
        if self.into in self.data.parents:
            self.data.unlink(missing_ok=True)
        with suppress(DataError, Stopped):  # the set is there; its report says what it lacks
            made.with_model_findings(_label_findings(made, self.spec, report, should_stop))
        return made.folder


@dataclass(frozen=True)
class CheckTask(_Phased):
    """Look for mislabelled pictures and outliers in the set ``data``; note and give entries."""

    kind: ClassVar[str] = "check"
    _phases: ClassVar[tuple[str, ...]] = ("looking", "checking")

    data: Path
    spec: EmbeddingSpec = EmbeddingSpec()
    title: str = ""

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> tuple[Finding, ...]:
        pictures = load_dataset(self.data)
        found = _label_findings(pictures, self.spec, report, should_stop)
        pictures.with_model_findings(found)
        return found


@dataclass(frozen=True)
class EmbedTask(_Phased):
    """Embed the pictures of the set ``data`` and copies of them; gives Embeddings.

    Where ``number`` and ``version`` are given it is that state, whatever was edited since.
    """

    kind: ClassVar[str] = "embed"

    data: Path
    spec: EmbeddingSpec = EmbeddingSpec()
    augmentation: Augmentation | None = None
    title: str = ""
    number: int | None = None
    version: str = ""

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> Embeddings:
        pictures = self._as_asked()
        return embed_set(pictures, self.spec, self.augmentation, report, should_stop)

    def _as_asked(self) -> Dataset:
        with suppress(DataError):  # undone, and overwritten by another edit
            pictures = load_dataset(self.data, self.number)
            if self.version in ("", pictures.version):
                return pictures
        now = load_dataset(self.data)
        raise DataError(
            f"“{now.title}” was edited before its pictures were looked at; start again, to learn "
            "from it as it is now."
        )


@dataclass(frozen=True)
class MapTask(_Phased):
    """Lay the pictures of ``data`` out on a plane; gives Places."""

    kind: ClassVar[str] = "map"
    _phases: ClassVar[tuple[str, ...]] = ("looking", "checking")

    data: Path
    spec: EmbeddingSpec = EmbeddingSpec()
    title: str = ""

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> "Places":
        pictures = load_dataset(self.data)
        embeddings = embed_set(pictures, self.spec, None, report, should_stop)
        report(Phase("checking", 0, 1))
        keys = tuple(embeddings.table["key"])
        thumbs = tuple(tiny_thumb(pictures.folder, key) for key in keys)
        return Places(keys, project(embeddings), thumbs)


@dataclass(frozen=True)
class Places:
    """Where pictures, known by content, lie on a map [n, 2], −1 to 1; a tiny WebP of each."""

    keys: tuple[str, ...]
    places: np.ndarray
    thumbs: tuple[bytes, ...]


@dataclass(frozen=True)
class PredictTask(_Phased):
    """What ``bundle`` takes the pictures of ``data`` for; gives label and probability by key."""

    kind: ClassVar[str] = "answer"

    data: Path
    bundle: Bundle
    level: str
    title: str = ""

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> dict[str, tuple[str, float]]:
        spec = self.bundle.embedding
        embeddings = embed_set(load_dataset(self.data), spec, None, report, should_stop)
        found = Predictor(self.bundle).predict(embeddings.vectors, self.level)
        keys = embeddings.table["key"]
        return {key: (one.scores[0].label, one.confidence)
                for key, one in zip(keys, found, strict=True)}  # fmt: skip


@dataclass(frozen=True)
class DatasetPreview:
    """What lies in a folder or zip: how, how many pictures; of its table the first rows.

    ``values`` are those of columns of few different ones, with how often each is there.
    """

    layout: Layout
    pictures: int
    head: pd.DataFrame | None = None
    values: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class PreviewTask(Silent):
    """Look how the data set in the folder or zip ``data`` lies there; gives a Peek."""

    kind: ClassVar[str] = "peek"

    data: Path
    into: Path
    title: str = ""

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> DatasetPreview:
        source = open_source(self.data, server_config().source_limits)
        layout, names = find_layout(source), [n for n in source.names if is_picture_name(n)]
        check_count(len(names))
        if not layout.csv:
            return DatasetPreview(layout, len(names))
        table = read_table(table_bytes(source, layout.csv), names)
        if layout.columns is None:
            layout = replace(layout, columns=guess_columns(table, names))
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


def ingest(task: IntakeTask, report: ReportProgress, should_stop: ShouldStop) -> Dataset:
    """Read the pictures of a folder or zip into a set; Stopped leaves nothing usable behind."""
    source = open_source(task.data, server_config().source_limits)
    if task.label:
        source = _as_one_folder(source, task.label)
    catalog = open_dataset(
        source,
        columns=task.columns,
        types=task.types,
        progress=lambda done, total: report(Phase("reading", done, total)),
        should_stop=should_stop,
        on_picture=lambda data, upright: keep_picture(task.into, data, upright),
    )
    for entry in catalog.report.findings:
        # Not those damaged in the zip itself, nor what is no file of its own.
        if entry.kind in KEPT_ASIDE and entry.file in source.names:
            with suppress(PictureError):
                keep_aside(task.into, entry.file, source.read(entry.file))
    return create_dataset(task.into, task.title, catalog)


def _as_one_folder(source: Source, folder: str) -> Source:
    """The files of a source as if they all lay in one folder."""
    folder = folder.replace("/", "∕").lstrip(".")
    files = [(f"{folder}/{name.replace('/', ' ')}", file) for name, file in source.files.items()]
    return Source(source.path, files, notes=source.notes)


def embed_set(
    pictures: Dataset,
    spec: EmbeddingSpec,
    augmentation: Augmentation | None,
    report: ReportProgress,
    should_stop: ShouldStop,
) -> Embeddings:
    """Vectors of a set, kept in its folder; Stopped where ``should_stop`` says so."""
    return embed_catalog(
        pictures.catalog,
        spec,
        augmentation=augmentation,
        cache=pictures.folder / VECTORS,
        progress=lambda done, total: report(Phase("looking", done, total)),
        should_stop=should_stop,
    )


def _label_findings(
    pictures: Dataset, spec: EmbeddingSpec, report: ReportProgress, should_stop: ShouldStop
) -> tuple[Finding, ...]:
    embeddings = embed_set(pictures, spec, None, report, should_stop)
    report(Phase("checking", 0, 1))
    issues = find_label_issues(embeddings, pictures.level, should_stop=should_stop)
    return label_findings(issues, embeddings.table, pictures.level)
