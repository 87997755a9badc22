"""How a data set lies in a folder or zip: class folders, a CSV among pictures, a prepared set."""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from decor_core.data.folders.annotations import annotation_format
from decor_core.data.folders.class_folders import PREPARED_FILES
from decor_core.data.folders.layout import FolderLayout, named, read_folders
from decor_core.data.folders.names import Rank, rank
from decor_core.data.sources.source import Source, open_source
from decor_core.data.tables.columns import ColumnGuess, Columns, guess_columns, is_label_name
from decor_core.data.tables.files_by_name import FilesByName
from decor_core.data.tables.table import TABLE_ENDINGS, read_table
from decor_core.errors import DamagedFile, DataError, PictureError
from decor_core.images.formats import has_picture_ending
from decor_core.images.limits import LIMITS
from decor_core.io import read_json
from decor_core.text import format_bytes

PREPARED = "decor-prepared-1"  # the format in report.json of what ``prepare`` wrote

_ANSWERS = re.compile(r"(^|[_ -])submission", re.IGNORECASE)  # what is to be handed in, not labels


@dataclass(frozen=True)
class DatasetLayout:
    """How a data set lies there.

    ``kind`` is "csv" (the file ``csv`` lists the pictures, ``columns`` of it), "table" (there is
    such a table, but which of its columns are meant must be said), "folders" (of one class each, as
    ``folders`` tells), "loose" (pictures without class folders), "annotations" (of objects in
    pictures, not of pictures: ``read_as`` names the format and the way out) or "empty" (no
    pictures). ``tables`` are all that are read together, ``csv`` the first of them; ``guessed``
    tells whether the columns are, and ``rivals`` are all that may as well hold the labels.
    """

    kind: str
    csv: str = ""
    columns: Columns | None = None
    guessed: bool = True
    tables: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    folders: FolderLayout | None = None
    read_as: str = ""


@dataclass(frozen=True)
class PreparedReport:
    """What matters here of the report.json beside a prepared or downloaded data set."""

    format: str = ""
    columns: Columns | None = None


def find_layout(source: Path | Source, columns: Columns | None = None) -> DatasetLayout:
    """How the data set in a folder or zip lies there; DataError if that cannot be opened.

    Where ``columns`` are named, it is a table that has them.
    """
    source = open_source(source)
    pictures = list(filter(has_picture_ending, source.names))
    if not pictures:
        return DatasetLayout("empty")
    prepared = None if columns else _prepared_layout(source)
    if prepared:
        return prepared
    folders = read_folders(source.names)
    classes = len(folders.counts)
    tables = tables_in(source)
    by_table = _layout_by_table(source, tables, pictures, folders if classes > 1 else None, columns)
    if by_table:
        return by_table
    if tables and classes < 2:
        return DatasetLayout("table", tables[0], tables=(tables[0],))
    if classes < 2 and (annotations := annotation_format(source)):
        return DatasetLayout("annotations", read_as=annotations)
    return DatasetLayout(
        "folders" if classes else "loose", folders=folders, read_as=folders.read_as
    )


@dataclass(frozen=True)
class _Found:
    """A table that names pictures: which columns, and by them the label of each picture."""

    name: str
    guess: ColumnGuess
    labels: Mapping[str, str]

    @property
    def pictures(self) -> Set[str]:
        return self.labels.keys()


def _layout_by_table(
    source: Source,
    tables: list[str],
    pictures: list[str],
    folders: FolderLayout | None,
    columns: Columns | None,
) -> DatasetLayout | None:
    """The layout by the tables that name most pictures; None if none does, or ``folders`` that may
    be classes tell more."""
    found = [one for name in tables if (one := _look_into(source, name, pictures, columns))]
    read_as = ""
    if folders and not columns:
        # Beside class folders a table must list most pictures, and call its labels so, unless the
        # folders are called like cam1 and cam2.
        said = rank(folders.counts) < Rank.SERIES
        found = [
            one for one in found
            if 2 * len(one.pictures) >= len(pictures)
            and (not said or (one.guess.is_clear and is_label_name(one.guess.columns.label)))
        ]  # fmt: skip
        read_as = f"The table tells the classes, not the folders: {named(list(folders.counts))}."
    found.sort(key=lambda one: (not one.guess.is_clear, -len(one.pictures)))
    if not found:
        return None
    first, *others = found
    together, listed = [first.name], set(first.pictures)
    for one in others:  # such as a table for each part of the set
        if one.guess.columns.labels == first.guess.columns.labels and not one.pictures & listed:
            together.append(one.name)
            listed |= one.pictures
    in_folders = folders.labels if folders else {}
    differs = any(first.labels.get(file, label) != label for file, label in in_folders.items())
    guess, kind = first.guess, "csv" if first.guess.is_clear else "table"
    return DatasetLayout(
        kind,
        first.name,
        guess.columns,
        not columns,
        tuple(together),
        guess.rivals,
        read_as=read_as if differs else "",
    )


def _look_into(
    source: Source, name: str, pictures: list[str], columns: Columns | None
) -> _Found | None:
    """What a table tells of the pictures; None if it names none."""
    if _ANSWERS.search(PurePosixPath(name).stem):
        return None
    try:
        table = read_table(table_bytes(source, name), pictures, name)
        guess = guess_columns(table, pictures, columns, name)
    except (DataError, PictureError):
        return None
    if not guess.columns.file:
        return None
    files = FilesByName(pictures, name)
    cells = table[guess.columns.file]
    labels = table[guess.columns.label] if guess.columns.label else cells
    listed = {
        found[0]: label
        for cell, label in zip(cells, labels, strict=True)
        if (found := files.find(cell))
    }
    return _Found(name, guess, listed) if listed else None


def _prepared_layout(source: Source) -> DatasetLayout | None:
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
        folders = read_folders(source.names, "folder:1")
        return DatasetLayout("folders", guessed=False, folders=folders, read_as=folders.read_as)
    return DatasetLayout("csv", "pictures.csv", report.columns, False, ("pictures.csv",))


def tables_in(source: Source) -> list[str]:
    """The files that are tables by their names."""
    return [name for name in source.names if name.lower().endswith(TABLE_ENDINGS)]


def table_bytes(source: Source, name: str) -> bytes:
    """The bytes of a table; DataError where it is larger than any file may be, PictureError where
    it cannot be read."""
    data = source.read(name)
    if len(data) > LIMITS.max_bytes:
        raise DataError(
            f"The table “{name}” has more than {format_bytes(LIMITS.max_bytes)}, the most allowed."
        )
    return data
