"""CSV + pictures, class folders or zip → validated table + report of what was repaired."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from decor_core.data.checks import check_table
from decor_core.data.class_folders import list_class_folders
from decor_core.data.csv_listing import list_csv
from decor_core.data.findings import DatasetReport, Finding
from decor_core.data.folder_source import unfolded
from decor_core.data.layout import find_layout, tables_in, whole_csv
from decor_core.data.records import Listing, Row
from decor_core.data.scan import (
    ImageInfo,
    OnPicture,
    Progress,
    ShouldStop,
    near_duplicate_findings,
    scan_images,
    usable,
)
from decor_core.data.source import Source
from decor_core.data.tables import Columns
from decor_core.errors import DataError
from decor_core.images.duplicates import group_duplicates, near_duplicates
from decor_core.taxonomy import DECOR, Taxonomy

USUAL_TYPES = ("product",)
UNTYPED = "product"


@dataclass(frozen=True)
class Catalog:
    """The usable pictures of a data set, one row each, and how to read them.

    Columns of ``table``: file (its name in the source), key (SHA-256 of the content), width and
    height (upright, pixels), type, one for each level of ``taxonomy``, and group (the smallest
    key among its near duplicates, its own if it has none).
    """

    table: pd.DataFrame
    taxonomy: Taxonomy
    report: DatasetReport
    source: Source

    def read(self, file: str) -> bytes:
        """The bytes of the picture in column ``file``, from the folder or the zip."""
        return self.source.read(file)


def open_dataset(
    source: Path | Source,
    *,
    csv: Path | bytes | None = None,
    columns: Columns | None = None,
    types: Sequence[str] | None = USUAL_TYPES,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
    on_picture: OnPicture | None = None,
) -> Catalog:
    """The data set in a folder or zip, however it lies there: see ``find_layout``.

    A ``csv`` from elsewhere, or naming its ``columns``, goes before what is found. ``on_picture``
    is given the content of each readable picture, and the picture itself at 1024 pixels at most,
    on several threads. The rest is as for ``read_catalog``.
    """
    source, others = unfolded(source), []
    if csv is None:
        layout = find_layout(source)
        if layout.kind == "table" and columns is None:
            list_csv(whole_csv(source, layout.csv), source.names)  # says what it lacks
        if not layout.csv and columns is None:
            listing = list_class_folders(source.names, source.folders)
            return _catalog(source, listing, types, progress, should_stop, on_picture)
        csv = whole_csv(source, layout.csv) if layout.csv else None
        columns = columns or (None if layout.guessed else layout.columns)
        others = _other_tables(source, layout.csv)
    listing = _list(source, csv, columns)
    listing = replace(listing, findings=(*others, *listing.findings))
    return _catalog(source, listing, types, progress, should_stop, on_picture)


def _other_tables(source: Source, taken: str) -> list[Finding]:
    """Where there are several tables: which one is taken, and which are not."""
    others = [name for name in tables_in(source) if name != taken]
    if not taken or not others:
        return []
    message = f"Of {len(others) + 1} tables this one was taken to say which picture is what."
    ignored = f"Another table, “{taken}”, was taken to say which picture is what."
    return [
        Finding("assumed", taken, message),
        *(Finding("ignored", name, ignored, set_aside=True) for name in others),
    ]


def read_catalog(
    *,
    image_dir: Path | Source | None = None,
    csv: Path | bytes | None = None,
    images: Path | Source | None = None,
    columns: Columns | None = None,
    types: Sequence[str] | None = USUAL_TYPES,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> Catalog:
    """The data set in class folders (``image_dir``), or in ``images`` as listed by ``csv``.

    ``image_dir`` and ``images`` may be folders or zips; without ``csv``, the only CSV inside
    ``images`` is taken; ``columns`` are guessed where they are not named. ``types`` are the types
    of picture to take where the CSV tells them, None for all; products are only asked for where
    there are such. What can be repaired is, the rest is left out; the report names each case.
    ``progress`` hears of pictures looked at and their number. DataError if nothing usable is
    there, Stopped if ``should_stop`` said so.
    """
    if (image_dir is None) == (images is None):
        raise DataError(
            "Expected either a folder of class folders, or a CSV with the pictures it names."
        )
    if image_dir is not None:
        if csv is not None or columns is not None:
            raise DataError("A CSV goes with the pictures it names, not with class folders.")
        source = unfolded(image_dir)
        listing = list_class_folders(source.names, source.folders)
    else:
        source = unfolded(images)
        listing = _list(source, csv, columns)
    return _catalog(source, listing, types, progress, should_stop)


def _list(source: Source, csv: Path | bytes | None, columns: Columns | None) -> Listing:
    data = csv if isinstance(csv, bytes) else _csv_bytes(csv, source)
    listing = list_csv(data, source.names, columns)
    if not listing.rows:
        missing = [entry.file for entry in listing.findings if entry.kind == "missing"]
        example = f", such as “{missing[0]}”" if missing else ""
        raise DataError(
            f"None of the pictures that the CSV names is there{example}; please check both."
        )
    return listing


def _csv_bytes(csv: Path | None, source: Source) -> bytes:
    if csv is not None:
        try:
            return csv.read_bytes()
        except OSError as error:
            raise DataError(f"The CSV “{csv}” cannot be read: {error.strerror}.") from error
    inside = tables_in(source)
    if len(inside) != 1:
        raise DataError(
            f"Expected one CSV among the pictures, found {len(inside)}; please name the CSV."
        )
    return whole_csv(source, inside[0])


def _catalog(
    source: Source,
    listing: Listing,
    types: Sequence[str] | None,
    progress: Progress | None,
    should_stop: ShouldStop | None,
    on_picture: OnPicture | None = None,
) -> Catalog:
    rows, left_out = _of_types(listing.rows, types)
    seen = scan_images(source, rows, progress, should_stop, on_picture)
    kept, entries = usable(rows, seen)
    if not kept:
        first = f"{entries[0].file}: {entries[0].message}"
        raise DataError(f"None of the pictures can be read; the first: {first}")
    pairs = near_duplicates([seen[i].print for i in kept])
    entries += near_duplicate_findings([(rows[i].file, rows[i].labels[0]) for i in kept], pairs)
    table = _table([rows[i] for i in kept], [seen[i] for i in kept], listing.levels, pairs)
    taxonomy = taxonomy_of(table, listing.levels)
    counts = table[taxonomy.name].value_counts()
    report = DatasetReport(
        findings=(*source.notes, *listing.findings, *entries, *check_table(table, listing.levels)),
        counts={label: int(counts[label]) for label in taxonomy.labels},
        left_out=left_out,
    )
    return Catalog(table, taxonomy, report, source)


def _of_types(rows: Sequence[Row], types: Sequence[str] | None) -> tuple[list[Row], dict[str, int]]:
    """Rows of the wanted types, and how many others there are of each type."""
    known = Counter(row.type for row in rows if row.type)
    if not known or types is None or (tuple(types) == USUAL_TYPES and UNTYPED not in known):
        return list(rows), {}
    unknown = [kind for kind in types if kind not in known]
    if unknown or not types:
        raise DataError(
            f"There are no pictures of type “{', '.join(unknown)}” here; "
            f"choose from: {', '.join(sorted(known))}."
        )
    kept = [row for row in rows if not row.type or row.type in types]
    return kept, {kind: n for kind, n in sorted(known.items()) if kind not in types}


def _table(
    rows: Sequence[Row],
    seen: Sequence[ImageInfo],
    levels: tuple[str, ...],
    pairs: Sequence[tuple[int, int]],
) -> pd.DataFrame:
    columns = {
        "file": [row.file for row in rows],
        "key": [one.key for one in seen],
        "width": [one.size[0] for one in seen],
        "height": [one.size[1] for one in seen],
        "type": [row.type or UNTYPED for row in rows],
        **{level: [row.labels[i] for row in rows] for i, level in enumerate(levels)},
        "group": group_duplicates([one.key for one in seen], pairs),
    }
    return pd.DataFrame(columns)


def taxonomy_of(table: pd.DataFrame, levels: tuple[str, ...]) -> Taxonomy:
    """The labels in the table, in the order of decor's if they are such, else sorted."""
    finest, *coarser = levels
    labels = sorted(set(table[finest]))
    known = {level.name: level.labels for level in DECOR.levels}.get(finest, ())
    if set(labels) <= set(known):
        labels = [label for label in known if label in labels]
    if not coarser:
        return Taxonomy(finest, tuple(labels))
    parent_of = dict(zip(table[finest], table[coarser[0]], strict=True))
    return Taxonomy.from_pairs(finest, coarser[0], {label: parent_of[label] for label in labels})
