"""A CSV, or the folders that pictures lie in → one row per picture: file, type, labels."""

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import pandas as pd

from ..errors import DataError
from ..pictures.images import is_picture_name
from ..taxonomy import DECOR
from .repairs import repair_coarser, repair_codes
from .report import Entry
from .source import normal
from .tables import TABLE_ENDINGS, Columns, guess_columns, read_table

# Columns of a CSV that hold the labels, by the taxonomy levels they make, finest first.
LABEL_COLUMNS = {("style", "country"): ("decor", "country")}
THE_CSV = "the CSV"
# What “prepare” and a downloaded data set have beside their class folders.
PREPARED_FILES = {"report.json", "pictures.csv"}
_RESERVED = {"file", "key", "width", "height", "type", "group", "batch", "source"}
_LONGEST_LABEL = 200
_INVISIBLE = ("Cc", "Cf", "Cs", "Co")
_JOINERS = "\u200c\u200d"  # Persian and emoji need them
_PARTS = {"train", "training", "val", "valid", "validation", "test", "testing"}


@dataclass(frozen=True)
class Row:
    """One picture: its name in the source, its type ("" if unknown), its labels, finest first."""

    file: str
    type: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """Rows with the names of the levels of their labels, and what was found on the way."""

    levels: tuple[str, ...]
    rows: tuple[Row, ...]
    entries: tuple[Entry, ...]


def list_class_folders(names: Sequence[str], folders: Sequence[str] = ()) -> Listing:
    """Pictures labelled by the folder they lie in, at any depth; loose pictures are reported.

    ``folders`` are those without any file. Folders around the classes do not count: a single one
    around all, or such as train and test.
    """
    paths = {name: PurePosixPath(name).parts for name in names}
    empty = [PurePosixPath(name).parts for name in folders]
    paths, empty, entries = _unwrapped(paths, empty)
    own = PREPARED_FILES if set(names) >= PREPARED_FILES else ()
    rows = []
    for name, parts in paths.items():
        if len(parts) > 1 and is_picture_name(name):
            rows.append(Row(name, "", (label_text(parts[0]),)))
        elif len(parts) > 1:
            message = "Its ending is not that of a picture."
            entries.append(Entry("ignored", name, message, set_aside=True))
        elif is_picture_name(name) and PurePosixPath(name).suffix:
            entries.append(Entry("unlisted", name, "It lies in no class folder.", set_aside=True))
        elif name.lower().endswith(TABLE_ENDINGS) and name not in own:
            message = "The folders tell the classes; this table was not read."
            entries.append(Entry("ignored", name, message, set_aside=True))
    rows, refused = _named(rows)
    if not rows:
        raise DataError(
            "There are no pictures in class folders here; expected one folder for each class, "
            "named like the class, with its pictures in it."
        )
    full = {row.labels[0] for row in rows}
    tops = [label_text(parts[0]) for parts in (*paths.values(), *empty) if len(parts) > 1]
    tops += [label_text(parts[0]) for parts in empty if len(parts) == 1]
    for label in sorted(set(tops) - full - {""}):
        entries.append(Entry("empty class", label, "There is no picture in this folder."))
    return _with_known_levels(rows, entries + refused)


def _unwrapped(
    paths: dict[str, tuple[str, ...]], empty: list[tuple[str, ...]]
) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, ...]], list[Entry]]:
    """Without folders around all class folders: a single one, or such as train and test."""
    entries: list[Entry] = []
    while True:
        tops = {parts[0] for parts in paths.values()}
        inside = [parts for name, parts in paths.items() if is_picture_name(name)]
        deep = bool(inside) and all(len(parts) > 2 for parts in inside)
        split = not entries and len(tops) > 1 and {top.lower() for top in tops} <= _PARTS
        if not deep or not (len(tops) == 1 or split):
            return paths, empty, entries
        if split:
            names = ", ".join(f"“{top}”" for top in sorted(tops))
            message = f"Taken for parts of the data set, not for classes: {names}."
            entries.append(Entry("assumed", "the folders", message))
        paths = {name: parts[1:] for name, parts in paths.items() if len(parts) > 1}
        empty = [parts[1:] for parts in empty if len(parts) > 1 and parts[0] in tops]


def label_text(text: str) -> str:
    """A label as it is kept: composed letters, single blanks, nothing invisible."""
    visible = (
        c for c in normal(text)
        if c.isspace() or c in _JOINERS or unicodedata.category(c) not in _INVISIBLE
    )  # fmt: skip
    return " ".join("".join(visible).split()).strip(_JOINERS)


def _named(rows: Sequence[Row]) -> tuple[list[Row], list[Entry]]:
    """Rows whose labels can be shown, and a note on each of the others."""
    kept, entries = [], []
    for row in rows:
        longest = max(map(len, row.labels))
        if longest <= _LONGEST_LABEL and all(row.labels):
            kept.append(row)
            continue
        why = f"has {longest} letters; at most {_LONGEST_LABEL} are allowed" if longest else ""
        message = f"Its label {why or 'has nothing to be seen in it'}."
        entries.append(Entry("incomplete", row.file, message, set_aside=True))
    return kept, entries


def _with_known_levels(rows: list[Row], entries: list[Entry]) -> Listing:
    labels = {row.labels[0] for row in rows}
    levels = ("class",)
    if labels <= set(DECOR.labels):
        levels = ("style", "country")
        rows = [Row(r.file, r.type, (r.labels[0], DECOR.parent_of(r.labels[0]))) for r in rows]
    elif labels <= set(DECOR.coarser.labels):
        levels = ("country",)
    return Listing(levels, tuple(rows), tuple(entries))


# CSV


def list_csv(data: bytes, names: Sequence[str], columns: Columns | None = None) -> Listing:
    """The rows of a CSV, repaired and matched with the picture files ``names``.

    ``columns`` are guessed where they are not given; the names of the label columns become those
    of the levels. DataError if it is no table or lacks columns.
    """
    table = read_table(data, names)
    entries = [Entry("assumed", THE_CSV, message) for message in table.attrs["assumed"]]
    if columns is None:
        columns = guess_columns(table, names)
        if columns is None:
            raise _no_columns(table)
        if columns.file.lower() != "file" or columns.label.lower() not in ("decor", "class"):
            entries.append(Entry("assumed", THE_CSV, _told(columns)))
    columns = columns.found_in(table)
    for name in columns.labels:
        table[name] = table[name].map(label_text)
    table, lacking = _complete(table, columns, (columns.file, columns.label))
    entries += lacking
    if columns.is_decor:
        table.columns = table.columns.str.lower()
        columns = Columns(*(name.lower() for name in vars(columns).values()))
        entries += repair_codes(table)
    if columns.coarser:
        entries += repair_coarser(table, columns)
        table, lacking = _complete(table, columns, (columns.coarser,))
        entries += lacking
    files = _Files([name for name in names if is_picture_name(name)])
    entries = [_about_the_file(entry, files) for entry in entries]
    aside = {entry.file for entry in entries if entry.set_aside}
    rows, found = _match(table, columns, files, [name for name in names if name not in aside])
    rows, refused = _named(rows)
    return Listing(_levels(columns), tuple(rows), tuple(entries + found + refused))


def _no_columns(table: pd.DataFrame) -> DataError:
    came = ", ".join(table.columns)
    return DataError(
        "The CSV must have the columns file, decor, country (and type), or file, class, or else "
        "one column with the names of the picture files and one with their labels: please say "
        f"which they are; it has: {came}."
    )


def _told(columns: Columns) -> str:
    coarser = f", coarser ones in “{columns.coarser}”" if columns.coarser else ""
    return f"Files are named in column “{columns.file}”, labels are in “{columns.label}”{coarser}."


def _levels(columns: Columns) -> tuple[str, ...]:
    if columns.is_decor:
        return ("style", "country")
    return tuple(f"{name} label" if name.lower() in _RESERVED else name for name in columns.labels)


def _complete(
    table: pd.DataFrame, columns: Columns, needed: Sequence[str]
) -> tuple[pd.DataFrame, list[Entry]]:
    """The rows that have all that is needed, and a note on each of the others."""
    lacking = (table[list(needed)] == "").any(axis=1)
    entries = []
    for number, row in table[lacking].iterrows():
        where = f"row {number}"
        gaps = " and no ".join(column for column in needed if not row[column])
        file = row[columns.file] or where
        entries.append(Entry("incomplete", file, f"The {where} has no {gaps}."))
    return table[~lacking].copy(), entries


class _Files:
    """Finds the file that a CSV means: by its whole path, the end of it, its name, or nearly so."""

    def __init__(self, names: Sequence[str]) -> None:
        self._whole = set(names)
        self._by: tuple[dict[str, list[str]], ...] = tuple(defaultdict(list) for _ in _FORMS)
        for name in names:
            for form, files in zip(_FORMS, self._by, strict=True):
                files[form(PurePosixPath(name))].append(name)

    def find(self, wanted: str) -> list[str]:
        """The files that may be meant; it is clear if it is one."""
        if wanted in self._whole:
            return [wanted]
        for form, files in zip(_FORMS, self._by, strict=True):
            found = files.get(form(PurePosixPath(wanted)), [])
            if len(found) > 1:
                found = [name for name in found if f"/{wanted}".endswith(f"/{name}")
                         or f"/{name}".endswith(f"/{wanted}")] or found  # fmt: skip
            if found:
                return found
        return []


_FORMS = (
    lambda path: path.name,
    lambda path: path.name.casefold(),
    lambda path: path.stem.casefold(),  # a list without endings, or of the pictures before a change
)


def _about_the_file(entry: Entry, files: _Files) -> Entry:
    """The entry with the file's own name, where the CSV calls it otherwise."""
    found = files.find(entry.file.replace("\\", "/"))
    aside = entry.kind == "incomplete"
    return replace(entry, file=found[0], set_aside=aside) if len(found) == 1 else entry


def _match(
    table: pd.DataFrame, columns: Columns, files: _Files, names: Sequence[str]
) -> tuple[list[Row], list[Entry]]:
    """Rows whose file is there, once each, and a note on every other row and picture."""
    rows, entries = {}, []
    for row in table.to_dict("records"):
        wanted = row[columns.file].replace("\\", "/")
        found = files.find(wanted)
        labels = tuple(row[column] for column in columns.labels)
        if len(found) != 1:
            why = f"{len(found)} files have this name" if found else "No such file is there"
            entries.append(Entry("missing", wanted, f"{why}."))
        elif found[0] not in rows:
            rows[found[0]] = Row(found[0], row[columns.type] if columns.type else "", labels)
        else:
            entries.append(_repeated(rows[found[0]], labels))
    loose = [n for n in names if n not in rows and PurePosixPath(n).suffix and is_picture_name(n)]
    message = "No row of the CSV names it."
    entries += [Entry("unlisted", name, message, set_aside=True) for name in loose]
    return list(rows.values()), entries


def _repeated(kept: Row, labels: tuple[str, ...]) -> Entry:
    if kept.labels == labels:
        return Entry("duplicate row", kept.file, "The CSV names it more than once.")
    return Entry(
        "label conflict",
        kept.file,
        f"The CSV calls it “{kept.labels[0]}” and “{labels[0]}”; the first counts.",
        suggestion=labels[0],
    )
