"""A folder or zip of pictures → a data set or an unlabeled set; tasks for a child process.

They decode what visitors upload, so they run apart from the server and from TensorFlow.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pandas as pd

from decor_app.hosting.config import server_config
from decor_app.jobs.dataset_tasks import DatasetTask, embed_dataset
from decor_app.jobs.tasks import Report
from decor_core.data.catalog import Catalog, list_table, open_dataset, open_unlabeled_set
from decor_core.data.folders.outline import FolderOutline, possible_outlines
from decor_core.data.layout import DatasetLayout, find_layout, table_bytes
from decor_core.data.sources.clutter import is_clutter
from decor_core.data.sources.source import Source, open_source
from decor_core.data.tables.columns import Columns
from decor_core.data.tables.table import read_table
from decor_core.datasets.dataset import KEPT_ASIDE, Dataset, create_dataset
from decor_core.datasets.storage import UNLABELED_SET, keep_aside, keep_picture
from decor_core.datasets.unlabeled_set import (
    UnlabeledSet,
    add_pictures,
    create_unlabeled_set,
    load_unlabeled_set,
)
from decor_core.errors import DataError, PictureError, Stopped
from decor_core.features.embedder import EmbeddingSpec
from decor_core.images.formats import is_picture_name
from decor_core.model.events import ShouldStop
from decor_core.training.unlabeled_vectors import embed_unlabeled_set

_FEW_VALUES = 12
_HEAD_ROWS = 5


@dataclass(frozen=True)
class IngestTask(DatasetTask):
    """Make a data set of the folder or zip ``data`` in the new folder ``into``; gives its folder.

    ``label`` is that of pictures that lie in no class folders; ``classes_from`` tells which folder
    the classes are (``folders.layout.check_classes_from``). A zip that lies in ``into`` itself
    goes once it has been read. Stopped while it looks at pictures, it keeps the set: they can be
    looked at later. ``unlabeled`` makes an unlabeled set of it, whose classes are to be given but
    for those in a table with these ``columns``, or adds to the one in ``into``. Whether labels
    are wrong is the question of a CheckTask, which follows; that may choose what is read of a
    picture, which is the object until then.
    """

    kind: ClassVar[str] = "ingest"
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
        made = (ingest_unlabeled_set if self.unlabeled else ingest)(self, report, should_stop)
        if self.into in self.data.parents:
            self.data.unlink(missing_ok=True)
        progress = self.progress(report, "embedding")
        with suppress(DataError, Stopped):  # the set is there; its report says what it lacks
            if isinstance(made, UnlabeledSet):
                embed_unlabeled_set(made, self.spec, progress, should_stop)
            else:
                embed_dataset(made, self.spec, progress, should_stop)
        return made.folder


@dataclass(frozen=True)
class DatasetPreview:
    """Contents of a folder or zip: layout, number of pictures, first rows of its table.

    ``values`` are those of columns of few different ones, with how often each is there;
    ``outlines`` the ways of reading its folders, the guess before the others.
    """

    layout: DatasetLayout
    pictures: int
    head: pd.DataFrame | None = None
    values: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    outlines: tuple[FolderOutline, ...] = ()


@dataclass(frozen=True)
class PreviewTask(DatasetTask):
    """Find out how a data set lies in the folder or zip ``data``; gives a DatasetPreview."""

    kind: ClassVar[str] = "preview"

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


def ingest(task: IngestTask, report: Report, should_stop: ShouldStop) -> Dataset:
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


def ingest_unlabeled_set(task: IngestTask, report: Report, should_stop: ShouldStop) -> UnlabeledSet:
    """Read pictures into an unlabeled set, which may be there; else as ``ingest``."""
    source = open_source(task.data, server_config().source_limits)
    before = load_unlabeled_set(task.into) if (task.into / UNLABELED_SET).exists() else None
    new = sum(map(is_picture_name, source.names))
    check_count(new + len(before.ids) if before else new)
    labels = _known_labels(source, task.columns)
    catalog = open_unlabeled_set(
        source,
        progress=task.progress(report, "reading"),
        comparing=task.progress(report, "comparing"),
        should_stop=should_stop,
        on_picture=lambda data, upright: keep_picture(task.into, data, upright),
    )
    _keep_rejected(task.into, catalog)
    if before:
        return add_pictures(before, catalog, labels)
    return create_unlabeled_set(task.into, task.title, catalog, labels)


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
