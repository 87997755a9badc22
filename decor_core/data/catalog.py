"""Folder, zip or table with pictures → validated table + report of what was found and repaired."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from decor_core.data.checks import check_table
from decor_core.data.findings import DatasetReport, Finding
from decor_core.data.folders.class_folders import PREPARED_FILES, list_class_folders
from decor_core.data.groups import group_pictures
from decor_core.data.layout import find_layout, table_bytes, tables_in
from decor_core.data.listing import Listing, Row
from decor_core.data.picture_files import other_files
from decor_core.data.quality_checks import quality_columns
from decor_core.data.scan import (
    OnPicture,
    Progress,
    ShouldStop,
    near_duplicate_findings,
    scan_images,
    usable_images,
)
from decor_core.data.sources.archive_kinds import archive_kind
from decor_core.data.sources.source import Source, open_source
from decor_core.data.split import alike_classes
from decor_core.data.tables.columns import Columns
from decor_core.data.tables.table import TABLE_ENDINGS
from decor_core.data.tables.table_listing import list_tables
from decor_core.errors import DataError, Stopped, check_kind, checked_path
from decor_core.images.formats import HEAD_BYTES, is_picture_name, sniff
from decor_core.taxonomy import DECOR, Taxonomy

DEFAULT_TYPES = ("product",)
UNTYPED = "product"


@dataclass(frozen=True)
class Catalog:
    """The usable pictures of a data set, one row each, and how to read them.

    Columns of ``table``: file (its name in the source), key (SHA-256 of the content), width and
    height (upright, pixels), taken (when, by the camera's clock, or ""), what ``quality_columns``
    gives, type, one for each level of ``taxonomy``, and group (the smallest key among its near
    duplicates, and its neighbors in a burst before one scene; its own if it has none).
    """

    table: pd.DataFrame
    taxonomy: Taxonomy
    report: DatasetReport
    source: Source

    def read(self, file: str) -> bytes:
        """The bytes of a picture, named as in column ``file``, from the folder or the zip.

        DataError where there is no file of that name, PictureError where it cannot be read.
        """
        check_kind(file, str, "the name of a file", DataError)
        if file not in self.source.files:
            raise DataError(f"There is no file “{file}” in the data set; see its column “file”.")
        return self.source.read(file)


def open_dataset(
    source: str | Path | Source,
    *,
    csv: str | Path | bytes | None = None,
    columns: Columns | None = None,
    types: Sequence[str] | None = DEFAULT_TYPES,
    classes_from: str = "",
    progress: Progress | None = None,
    comparing: Progress | None = None,
    should_stop: ShouldStop | None = None,
    on_picture: OnPicture | None = None,
) -> Catalog:
    """The data set in a folder or zip, however it lies there: see ``find_layout``.

    A table from elsewhere (``csv``), or naming its ``columns``, goes before what is found, as does
    ``classes_from``, which says what the classes are (``folders.layout.check_classes_from``): then
    no table is read. ``types`` are the types of picture to take where the table tells them, None
    for all; products are only asked for where there are such. What can be repaired is, the rest is
    left out; the report names each case. ``progress`` is called with (pictures read, their number),
    ``comparing`` with (pictures compared with all others, their number). ``on_picture`` is given
    the content of each readable picture, and the picture itself at 1024 pixels at most, on several
    threads. DataError if nothing usable is there, Stopped if ``should_stop`` said so.
    """
    if not isinstance(source, Source):
        source = checked_path(source, "a folder or zip of pictures", DataError)
        _check_is_no_file_of_it(source)
    source = open_source(source)
    if csv is not None and not isinstance(csv, bytes):
        csv = checked_path(csv, "a table", DataError)
    if columns is not None:
        check_kind(columns, Columns, "the names of columns as Columns", DataError)
    if types is not None:
        check_kind(types, list | tuple | set | frozenset, "a list of types of picture", DataError)
    check_kind(classes_from, str, "a text that says where the classes are", DataError)
    if not classes_from:
        listing = _listed(source, csv, columns)
    elif csv is None and columns is None:
        listing = list_class_folders(source.names, source.folders, classes_from)
    else:
        raise DataError("Classes come from a table or from folders and file names, not both.")
    listing = replace(listing, findings=(*listing.findings, *_not_reported(source, listing, csv)))
    return _read_pictures(source, listing, types, progress, comparing, should_stop, on_picture)


def _listed(source: Source, csv: Path | bytes | None, columns: Columns | None) -> Listing:
    """Which picture is what: by a table that is given, else as ``find_layout`` tells."""
    if csv is not None:
        return list_table(csv, source.names, columns)
    layout = find_layout(source, columns)
    # One that lacks the columns that are named tells which it has.
    taken = layout.tables or (tables_in(source)[:1] if columns else ())
    if columns and not taken:
        raise DataError(
            "Expected a table with the columns that are named among the pictures, found 0; please "
            "name the table (--csv)."
        )
    if taken:
        tables = {name: table_bytes(source, name) for name in taken}
        known = columns if layout.guessed else layout.columns
        own = columns is None and not layout.guessed
        listing = _list_tables(tables, source.names, known, as_written=own)
        assumed = [Finding("assumed", taken[0], layout.read_as)] if layout.read_as else []
        findings = (*assumed, *_which_tables(source, taken), *listing.findings)
        return replace(listing, findings=findings, tables=tuple(taken))
    if layout.kind == "annotations":
        raise DataError(layout.read_as)
    classes_from = layout.folders.classes_from if layout.folders else ""
    return list_class_folders(source.names, source.folders, classes_from)


def _not_reported(source: Source, listing: Listing, csv: Path | bytes | None) -> Iterator[Finding]:
    """Findings on the files of which neither the rows nor the findings of ``listing`` tell."""
    own = (*PREPARED_FILES, "report.txt") if set(source.names) >= PREPARED_FILES else ()
    found = [f.file for f in (*source.notes, *listing.findings) if f.set_aside]
    reported = {*(row.file for row in listing.rows), *found, *own, *listing.tables}
    if csv is not None:  # it may lie among the pictures
        given = csv if isinstance(csv, bytes) else csv.read_bytes()
        for name in tables_in(source):
            reported.add(name)
            if source.read(name, len(given)) != given:
                message = "Another table was given to say which picture is what."
                yield Finding("ignored", name, message, set_aside=True)
    yield from other_files(source, reported)


def _check_is_no_file_of_it(place: Path) -> None:
    """DataError where one picture or table is given instead of the folder or archive around it."""
    if not place.is_file():
        return
    try:
        with place.open("rb") as file:
            head, is_archive = file.read(HEAD_BYTES), bool(archive_kind(file))
    except OSError:
        return  # as is told where it is opened
    if not head:
        what, way_out = "empty (0 bytes)", ""
    elif place.name.lower().endswith(TABLE_ENDINGS):
        what, way_out = "a table", ". A table goes with --csv (csv=…)"
    elif not is_archive and sniff(head) is None:
        what, way_out = "a picture", ", with a folder for each class in it"
    else:
        return
    raise DataError(f"“{place}” is {what}; expected a folder or archive of pictures{way_out}.")


def open_unlabeled_set(
    source: Source,
    *,
    progress: Progress | None = None,
    comparing: Progress | None = None,
    should_stop: ShouldStop | None = None,
    on_picture: OnPicture | None = None,
) -> Catalog:
    """Every picture in a folder or zip, in whichever folder, with "" for its class.

    Arguments and errors are as for ``open_dataset``.
    """
    names = [name for name in source.names if is_picture_name(name)]
    if not names:
        raise DataError("There are no pictures in it; expected at least one.")
    # What a table is good for is asked elsewhere.
    others = other_files(source, {*names, *tables_in(source)})
    rows = tuple(Row(name, "", ("",)) for name in names)
    listing = Listing(("class",), rows, tuple(others))
    return _read_pictures(source, listing, None, progress, comparing, should_stop, on_picture)


def _which_tables(source: Source, taken: Sequence[str]) -> list[Finding]:
    """Where there are several tables: which are taken, and which are not."""
    others = [name for name in tables_in(source) if name not in taken]
    findings = []
    if len(taken) > 1:
        message = f"These {len(taken)} tables were taken together: {', '.join(taken)}."
        findings.append(Finding("assumed", taken[0], message))
    elif others:
        message = f"Of {len(others) + 1} tables this one was taken to say which picture is what."
        findings.append(Finding("assumed", taken[0], message))
    ignored = f"Another table, “{taken[0]}”, was taken to say which picture is what."
    return findings + [Finding("ignored", name, ignored, set_aside=True) for name in others]


def list_table(csv: Path | bytes, names: Sequence[str], columns: Columns | None) -> Listing:
    """The rows of one table, matched with pictures by ``names``; DataError if none is usable."""
    title = csv.name if isinstance(csv, Path) else ""
    try:
        data = csv.read_bytes() if isinstance(csv, Path) else csv
    except OSError as error:
        raise DataError(f"The table “{csv}” cannot be read: {error.strerror}.") from error
    return _list_tables({title: data}, names, columns)


def _list_tables(
    tables: Mapping[str, bytes],
    names: Sequence[str],
    columns: Columns | None,
    *,
    as_written: bool = False,
) -> Listing:
    listing = list_tables(tables, names, columns, as_written=as_written)
    if not listing.rows:
        # A row without a label is no fault where others have one; that nothing is there is.
        unusable = [f for f in listing.findings if f.kind in ("missing", "incomplete")]
        first = min(unusable, key=lambda finding: finding.kind != "missing", default=None)
        example = (
            f"; the first, “{first.file}”: {first.message}" if first else "; please check both."
        )
        raise DataError(f"None of the pictures that the table names can be used{example}")
    return listing


def _read_pictures(
    source: Source,
    listing: Listing,
    types: Sequence[str] | None,
    progress: Progress | None,
    comparing: Progress | None,
    should_stop: ShouldStop | None,
    on_picture: OnPicture | None,
) -> Catalog:
    rows, left_out = of_types(listing.rows, types)
    files = [row.file for row in rows]
    images = scan_images(source, files, progress, should_stop, on_picture)
    usable, findings = usable_images(rows, images)
    if not usable:
        first = f"{findings[0].file}: {findings[0].message}"
        raise DataError(f"None of the pictures can be read; the first: {first}")
    rows, images = [rows[i] for i in usable], [images[i] for i in usable]
    files, keys = [row.file for row in rows], [image.key for image in images]
    taken = [image.taken for image in images]
    labels = zip(*(row.labels for row in rows), strict=True)
    finest = [row.labels[0] for row in rows]
    fingerprints = [image.fingerprint for image in images]

    def compared(done: int, total: int) -> None:
        if comparing:
            comparing(done, total)
        if should_stop and should_stop():
            raise Stopped("Comparing the pictures was stopped.")

    groups, pairs = group_pictures(keys, fingerprints, finest, files, taken, progress=compared)
    table = pd.DataFrame(
        {
            "file": files,
            "key": keys,
            "width": [image.size[0] for image in images],
            "height": [image.size[1] for image in images],
            "taken": taken,
            **quality_columns([image.quality for image in images]),
            "type": [row.type or UNTYPED for row in rows],
            **dict(zip(listing.levels, labels, strict=True)),
            "group": groups,
        }
    )
    findings = [*source.notes, *listing.findings, *findings]
    taxonomy, report = report_on(table, listing, findings, pairs, left_out)
    return Catalog(table, taxonomy, report, source)


def report_on(
    table: pd.DataFrame,
    listing: Listing,
    findings: Sequence[Finding],
    pairs: Sequence[tuple[int, int]],
    left_out: Mapping[str, int],
) -> tuple[Taxonomy, DatasetReport]:
    """The taxonomy of the labels in a table, and what was found: ``findings``, then what it tells.

    ``pairs`` are rows of near duplicates, ``left_out`` counts pictures of other types.
    """
    finest = listing.levels[0]
    files, labels = table["file"].tolist(), table[finest].tolist()
    near = near_duplicate_findings(files, labels, pairs, alike_classes(table, finest))
    taxonomy = taxonomy_of(table, listing.levels)
    found = (*findings, *near, *check_table(table, listing.levels))
    counts = label_counts(table, taxonomy)
    return taxonomy, DatasetReport(found, counts, left_out, listing.read_as)


def of_types(rows: Sequence[Row], types: Sequence[str] | None) -> tuple[list[Row], dict[str, int]]:
    """Rows of the wanted types, and how many others there are of each type."""
    known = Counter(row.type for row in rows if row.type)
    if not known or types is None or (tuple(types) == DEFAULT_TYPES and UNTYPED not in known):
        return list(rows), {}
    unknown = [kind for kind in types if kind not in known]
    if unknown or not types:
        raise DataError(
            f"There are no pictures of type “{', '.join(unknown)}” here; "
            f"choose from: {', '.join(sorted(known))}."
        )
    kept = [row for row in rows if not row.type or row.type in types]
    return kept, {kind: n for kind, n in sorted(known.items()) if kind not in types}


def label_counts(table: pd.DataFrame, taxonomy: Taxonomy) -> dict[str, int]:
    """How many pictures each label of the finest level has, in the taxonomy's order."""
    counts = table[taxonomy.name].value_counts()
    return {label: int(counts[label]) for label in taxonomy.labels}


def taxonomy_of(table: pd.DataFrame, levels: Sequence[str]) -> Taxonomy:
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
