"""How a data set lies in a folder or zip: class folders, a CSV among pictures, a prepared set."""

from dataclasses import dataclass
from pathlib import Path

from decor_core.data.class_folders import PREPARED_FILES, list_class_folders
from decor_core.data.sources import Source, open_source
from decor_core.data.tables import TABLE_ENDINGS, Columns, guess_columns, is_label_name, read_table
from decor_core.errors import DamagedFile, DataError, PictureError
from decor_core.images.decode import LIMITS, has_picture_ending
from decor_core.io import read_json

PREPARED = "decor-prepared-1"  # the format in report.json of what ``prepare`` wrote


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


@dataclass(frozen=True)
class PreparedReport:
    """What matters here of the report.json beside a prepared or downloaded data set."""

    format: str = ""
    columns: Columns | None = None


def find_layout(source: Path | Source) -> Layout:
    """How the data set in a folder or zip lies there; DataError if that cannot be opened."""
    source = open_source(source)
    pictures = list(filter(has_picture_ending, source.names))
    if not pictures:
        return Layout("empty")
    prepared = _prepared_layout(source)
    if prepared:
        return prepared
    try:
        rows = list_class_folders(source.names, source.folders).rows
        classes = len({row.labels for row in rows})
    except DataError:
        classes = 0
    tables = tables_in(source)
    best, most_listed = None, 0
    for name in tables:
        columns, listed = _columns_of_table(source, name, pictures)
        if not columns or listed <= most_listed:
            continue
        # Beside class folders a table must list most pictures, and call its labels so.
        if classes > 1 and (2 * listed < len(pictures) or not is_label_name(columns.label)):
            continue
        best, most_listed = Layout("csv", name, columns), listed
    if best:
        return best
    if tables and classes < 2:
        return Layout("table", tables[0])
    return Layout("folders" if any("/" in name for name in pictures) else "loose")


def _prepared_layout(source: Source) -> Layout | None:
    """The layout of what ``prepare`` wrote: its table, or its folders if it was told to sort by a
    coarser level."""
    if not set(source.names) >= PREPARED_FILES:
        return None
    try:
        report = read_json(source.read("report.json"), PreparedReport)
    except (DamagedFile, PictureError):
        return None
    if report.format != PREPARED:
        return None
    if not report.columns:
        return Layout("folders")
    return Layout("csv", "pictures.csv", report.columns, guessed=False)


def _columns_of_table(source: Source, name: str, pictures: list[str]) -> tuple[Columns | None, int]:
    """The columns of a CSV that lists pictures, None if it does not, and how many it lists."""
    try:
        table = read_table(table_bytes(source, name), pictures)
    except (DataError, PictureError):
        return None, 0
    columns = guess_columns(table, pictures)
    return columns, table[columns.file].nunique() if columns else 0


def tables_in(source: Source) -> list[str]:
    """The files that are tables by their names."""
    return [name for name in source.names if name.lower().endswith(TABLE_ENDINGS)]


def table_bytes(source: Source, name: str) -> bytes:
    """The bytes of a CSV; DataError where it is larger than any file may be, PictureError where
    it cannot be read."""
    data = source.read(name)
    if len(data) > LIMITS.max_bytes:
        raise DataError(
            f"The CSV “{name}” has more than {LIMITS.max_bytes / 2**20:.0f} MiB, the most allowed."
        )
    return data
