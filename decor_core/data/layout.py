"""How a data set lies in a folder or zip: class folders, a CSV among pictures, a prepared set."""

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from decor_core.data.class_folders import PREPARED_FILES, list_class_folders
from decor_core.data.folder_source import unfolded
from decor_core.data.source import Source
from decor_core.data.tables import TABLE_ENDINGS, Columns, guess_columns, is_label_name, read_table
from decor_core.errors import DataError, DecorError, PictureError
from decor_core.images.decode import LIMITS, is_picture_name

PREPARED = "decor-prepared-1"  # in report.json of what ``prepare`` wrote


@dataclass(frozen=True)
class Layout:
    """How a data set lies there.

    ``kind`` is "csv" (the file ``csv`` lists the pictures, ``columns`` of it), "table" (there is
    such a CSV, but which of its columns are meant must be said), "folders" (of one class each),
    "loose" (pictures without labels) or "empty" (no pictures). ``guessed`` tells whether the
    columns are.
    """

    kind: str
    csv: str = ""
    columns: Columns | None = None
    guessed: bool = True


def find_layout(source: Path | Source) -> Layout:
    """How the data set in a folder or zip lies there; DataError if that cannot be opened."""
    source = unfolded(source)
    pictures = [n for n in source.names if is_picture_name(n) and PurePosixPath(n).suffix]
    if not pictures:
        return Layout("empty")
    prepared = _prepared(source)
    if prepared:
        return prepared
    tables = tables_in(source)
    classes = _class_count(source)
    found = [_listing_of(source, name, pictures, sure=classes > 1) for name in tables]
    listings = sorted((one for one in found if one), key=lambda one: -one[0])
    if listings:
        return listings[0][1]
    if tables and classes < 2:
        return Layout("table", tables[0])
    return Layout("folders" if any("/" in name for name in pictures) else "loose")


def _prepared(source: Source) -> Layout | None:
    """The layout of what ``prepare`` wrote: its table, or its folders if it was told to sort by a
    coarser level."""
    if not set(source.names) >= PREPARED_FILES:
        return None
    try:
        report = json.loads(source.read("report.json"))
        columns = report.get("columns")
        if report.get("format") != PREPARED:
            return None
        if not columns:
            return Layout("folders")
        return Layout("csv", "pictures.csv", Columns(**columns), guessed=False)
    except (ValueError, TypeError, AttributeError, PictureError):
        return None


def _listing_of(
    source: Source, name: str, pictures: list[str], sure: bool
) -> tuple[int, Layout] | None:
    """How many pictures a CSV lists, and its columns; None if it is no such table.

    Beside class folders it must be ``sure``: list most pictures, and call its labels so.
    """
    try:
        table = read_table(whole_csv(source, name), pictures)
    except DecorError:
        return None
    columns = guess_columns(table, pictures)
    listed = table[columns.file].nunique() if columns else 0
    if not columns or (sure and (2 * listed < len(pictures) or not is_label_name(columns.label))):
        return None
    return listed, Layout("csv", name, columns)


def tables_in(source: Source) -> list[str]:
    """The files that are tables by their names."""
    return [name for name in source.names if name.lower().endswith(TABLE_ENDINGS)]


def whole_csv(source: Source, name: str) -> bytes:
    """A CSV of the source; DataError where it is larger than any file may be."""
    data = source.read(name)
    if len(data) > LIMITS.max_bytes:
        raise DataError(
            f"The CSV “{name}” has more than {LIMITS.max_bytes / 2**20:.0f} MiB, the most allowed."
        )
    return data


def _class_count(source: Source) -> int:
    try:
        rows = list_class_folders(source.names, source.folders).rows
    except DataError:
        return 0
    return len({row.labels for row in rows})
