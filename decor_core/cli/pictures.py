"""The flags that name pictures, and what they name: a catalog, or vectors."""

import functools
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decor_core.cli.options import FOLDER, PATH, flag
from decor_core.cli.terminal import load_network, progress_bar, suppress_startup_logs
from decor_core.cli.training_flags import OF_VECTORS, warn_ignored
from decor_core.errors import DecorError
from decor_core.text import pluralize, printable

if TYPE_CHECKING:
    from decor_core.data.catalog import Catalog
    from decor_core.data.findings import DatasetReport
    from decor_core.data.tables.columns import Columns
    from decor_core.datasets.dataset import Dataset
    from decor_core.features.embeddings import Embeddings
    from decor_core.model.training_config import TrainingConfig
    from decor_core.model.training_data import TrainingData

_NAMED = 5


def pictures_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command take the folder or archive of --image_dir without the flag, too."""

    @functools.wraps(command)
    def with_pictures(place: Path | None, pictures: "PictureFlags", **values: Any) -> Any:
        if place and pictures.image_dir:
            raise click.UsageError("Expected the pictures once, but also got --image_dir.")
        if place:
            pictures = replace(pictures, image_dir=place)
        return command(pictures=pictures, **values)

    argument = click.argument("place", required=False, type=PATH, metavar="[DIR_OR_ZIP]")
    return argument(with_pictures)


@dataclass(frozen=True)
class PictureFlags:
    """Which pictures, and where their labels come from."""

    image_dir: Path | None = flag(
        "Class folders, or pictures with a table that lists them.", metavar="DIR_OR_ZIP"
    )
    csv: Path | None = flag(
        "Table of pictures and labels: CSV, .xlsx or JSON lines.",
        metavar="FILE",
        also=("--labels",),
    )
    images: Path | None = flag("The pictures that --csv names.", metavar="DIR_OR_ZIP")
    data_set: str | None = flag("Instead, a data set that the app keeps, by its name.")
    file_column: str | None = flag("Column with the files; else guessed.", metavar="NAME")
    label_column: str | None = flag("Column with the labels; else guessed.")
    coarser_column: str | None = flag("Column with coarser labels, if any.")
    type_column: str | None = flag("Column that --types goes by, if any.")
    classes_from: str | None = flag(
        "What the classes are, where the guess is wrong: folder (the one that a picture lies in), "
        "parent (the one around it), folder:N (the N-th from the outside) or name (the file name "
        "without its number).",
        metavar="WHERE",
    )
    types: tuple[str, ...] = flag(
        "Which types of picture to take, e.g. product,pattern; all if there are no products.",
        default=("product",),
        metavar="TYPE,…",
    )

    def catalog(self) -> "Catalog":
        """The pictures; DecorError where they are not named rightly or cannot be read."""
        from decor_core.data.catalog import open_dataset
        from decor_core.data.folders.layout import check_classes_from

        classes_from = check_classes_from(self.classes_from or "")
        if classes_from and (self.csv or self.data_set):
            raise DecorError("--classes_from goes with --image_dir, not with a table or data set.")
        if dataset := self.kept_dataset():
            return dataset.catalog
        place = self.image_dir or self.images
        if place is None or (self.image_dir and self.images):
            raise DecorError(
                "Expected either --image_dir with a folder or zip of class folders, or --csv with "
                "the --images that it names, or --data_set with the name of one that is kept."
            )
        if self.image_dir and self.csv:
            raise DecorError("A table goes with the pictures it names: give those with --images.")
        return open_dataset(
            place,
            csv=self.csv,
            columns=self._columns(),
            types=self.types,
            classes_from=classes_from,
            progress=progress_bar("Reading"),
            comparing=progress_bar("Comparing"),
        )

    def kept_dataset(self) -> "Dataset | None":
        """The data set that the app keeps under the name which --data_set gives."""
        from decor_core.datasets.store import DatasetStore

        if not self.data_set:
            return None
        if self.image_dir or self.csv or self.images:
            raise DecorError("Expected either --data_set or other pictures, not both.")
        return DatasetStore().find(self.data_set)

    def _columns(self) -> "Columns | None":
        from decor_core.data.tables.columns import Columns

        named = self.file_column, self.label_column, self.coarser_column, self.type_column
        return Columns(*(name or "" for name in named)) if any(named) else None


@dataclass(frozen=True)
class VectorFlags(PictureFlags):
    """Pictures to learn from, or their vectors, and where both are kept."""

    embeddings: Path | None = flag(
        "Instead of pictures, their vectors: Parquet, as “embed” writes it, or "
        "models/embeddings/decor.npz.",
        metavar="FILE_OR_DIR",
    )
    model_dir: Path | None = flag("Where converted networks are kept.", metavar="DIR", type=FOLDER)
    bottleneck_dir: Path | None = flag(
        "Where picture vectors are cached.", metavar="DIR", type=FOLDER
    )

    def __post_init__(self) -> None:
        if self.model_dir:  # at once: other flags name networks that are looked for there
            os.environ["DECOR_BACKBONES"] = str(self.model_dir)

    def load(
        self,
        config: "TrainingConfig",
        taxonomy: str | None,
        *,
        quiet: bool,
        catalog: "Catalog | None" = None,
    ) -> "Embeddings":
        """The vectors; unless it is to be ``quiet``, what was found wrong is told on stderr.

        ``catalog`` is that of ``catalog()``, where it was opened before. DecorError where the
        pictures have no labels of that ``taxonomy``.
        """
        from decor_core.datasets.storage import VECTORS
        from decor_core.training.region import embed

        if self.embeddings:
            warn_ignored(OF_VECTORS, "vectors stay as they were made")
            found = self._of_files(self.embeddings, quiet=quiet)
            _print_network(found)
            return found.without_copies() if config.quick else found
        catalog, dataset = catalog or self.catalog(), self.kept_dataset()
        if taxonomy:
            catalog.taxonomy.level(taxonomy)
        _print_assumed(catalog.report) if quiet else _print_report(catalog.report)
        load_network(config.architecture)
        embeddings = embed(
            catalog,
            config,
            cache=self.bottleneck_dir or (dataset.folder / VECTORS if dataset else None),
            progress=progress_bar("Embedding"),
        )
        print_choices(embeddings)
        _print_network(embeddings)
        return embeddings

    def _of_files(self, place: Path, *, quiet: bool) -> "Embeddings":
        """The vectors in the files of --embeddings."""
        from decor_core.data.folders.layout import check_classes_from
        from decor_core.features.backbones import load_backbone
        from decor_core.features.embeddings import Embeddings
        from decor_core.features.parquet_embeddings import read_parquet
        from decor_core.features.parquet_vectors import are_parquet

        if self.image_dir or self.images or self.data_set:
            raise DecorError("Expected either --embeddings or pictures, not both.")
        if not are_parquet(place):
            if self.csv or self.classes_from or self._columns():
                raise DecorError(
                    f"“{place}” has labels of its own; leave out what tells others, or give the "
                    "Parquet files that “embed” writes."
                )
            return Embeddings.load(place).of_types(*self.types)
        classes_from = check_classes_from(self.classes_from or "")
        if self.csv and classes_from:
            raise DecorError("--classes_from goes without a table.")
        if self._columns() and not self.csv:
            raise DecorError("Columns were named, but no table: give it with --labels.")
        with suppress_startup_logs():  # as in ``load``
            load_backbone()
        embeddings, report = read_parquet(
            place,
            csv=self.csv,
            columns=self._columns(),
            types=self.types,
            classes_from=classes_from,
            progress=progress_bar("Reading"),
        )
        _print_assumed(report) if quiet else _print_report(report)
        return embeddings

    @property
    def name(self) -> str:
        """What to call the pictures in a list of runs."""
        if self.data_set:
            return self.data_set
        places = (self.embeddings, self.image_dir, self.csv, self.images)
        stem = next(place.resolve().stem for place in places if place)
        return stem if self.types == ("product",) else f"{stem} ({', '.join(self.types)})"

    def training_data(
        self, config: "TrainingConfig", embeddings: "Embeddings"
    ) -> "TrainingData | None":
        """What a model learns from, where the app can find it again; else None."""
        from decor_core.model.training_data import TrainingData

        dataset = self.kept_dataset()
        if not dataset:
            return None
        has_copies = embeddings.copies.shape[1] > 0
        copies = config.augmentation(len(embeddings.table)) if has_copies else None
        return TrainingData(dataset.id, dataset.title, dataset.version, config.spec, copies)


def print_choices(embeddings: "Embeddings") -> None:
    """Write to stderr what the data told of how to look at them, which is not done in silence."""
    read, copies = embeddings.region_choice, embeddings.copies_choice
    for choice in (read if read and read.candidates else None, copies):
        if choice:
            print(choice.reason, file=sys.stderr)


def _print_network(embeddings: "Embeddings") -> None:
    """Write to stderr what the figures are worth where the network learned from pictures before."""
    from decor_core.features.own_networks import own_network

    network = own_network(embeddings.spec.architecture)
    if network and network.based_on:
        print(
            f"The network “{network.title}” learned from pictures before. Assumed that these are "
            "others: where they are among them, all figures flatter.",
            file=sys.stderr,
        )


def _print_assumed(report: "DatasetReport") -> None:
    """Write to stderr what was assumed on reading, which no command does in silence."""
    from decor_core.data.findings import KINDS

    for finding in report.of("assumed"):
        line = f"{KINDS['assumed']}: {printable(finding.file)}: {printable(finding.message)}"
        print(line, file=sys.stderr)
    several = Counter(finding.message for finding in report.of("several labels"))
    for message, count in several.most_common(_NAMED):
        print(f"{pluralize(count, 'picture')}: {printable(message)}", file=sys.stderr)


def _print_report(report: "DatasetReport") -> None:
    """Write to stderr what was found, and the first files that were set aside by name."""
    for line in report.summary():
        print(line, file=sys.stderr)
    _print_assumed(report)
    aside = list(report.set_aside.items())
    if aside:
        print("Set aside:", file=sys.stderr)
    for file, reason in aside[:_NAMED]:
        print(f"  {printable(file)}: {printable(reason)}", file=sys.stderr)
    if len(aside) > _NAMED:
        print(f"  … and {len(aside) - _NAMED} more; “check” names them all", file=sys.stderr)
