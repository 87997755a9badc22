"""A CSV → one row per picture: file, type, labels, repaired and matched with the files."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import pandas as pd

from decor_core.data.findings import Finding
from decor_core.data.records import Listing, Row, label_text, named
from decor_core.data.repairs import repair_coarser, repair_codes
from decor_core.data.tables import Columns, guess_columns, read_table
from decor_core.errors import DataError
from decor_core.images.decode import is_picture_name

# Columns of a CSV that hold the labels, by the taxonomy levels they make, finest first.
LABEL_COLUMNS = {("style", "country"): ("decor", "country")}
THE_CSV = "the CSV"
_RESERVED = {"file", "key", "width", "height", "type", "group", "batch", "source"}


def list_csv(data: bytes, names: Sequence[str], columns: Columns | None = None) -> Listing:
    """The rows of a CSV, repaired and matched with the picture files ``names``.

    ``columns`` are guessed where they are not given; the names of the label columns become those
    of the levels. DataError if it is no table or lacks columns.
    """
    table = read_table(data, names)
    entries = [Finding("assumed", THE_CSV, message) for message in table.attrs["assumed"]]
    if columns is None:
        columns = guess_columns(table, names)
        if columns is None:
            raise _no_columns(table)
        if columns.file.lower() != "file" or columns.label.lower() not in ("decor", "class"):
            entries.append(Finding("assumed", THE_CSV, _told(columns)))
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
    rows, refused = named(rows)
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
) -> tuple[pd.DataFrame, list[Finding]]:
    """The rows that have all that is needed, and a note on each of the others."""
    lacking = (table[list(needed)] == "").any(axis=1)
    entries = []
    for number, row in table[lacking].iterrows():
        where = f"row {number}"
        gaps = " and no ".join(column for column in needed if not row[column])
        file = row[columns.file] or where
        entries.append(Finding("incomplete", file, f"The {where} has no {gaps}."))
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


def _about_the_file(entry: Finding, files: _Files) -> Finding:
    """The entry with the file's own name, where the CSV calls it otherwise."""
    found = files.find(entry.file.replace("\\", "/"))
    aside = entry.kind == "incomplete"
    return replace(entry, file=found[0], set_aside=aside) if len(found) == 1 else entry


def _match(
    table: pd.DataFrame, columns: Columns, files: _Files, names: Sequence[str]
) -> tuple[list[Row], list[Finding]]:
    """Rows whose file is there, once each, and a note on every other row and picture."""
    rows, entries = {}, []
    for row in table.to_dict("records"):
        wanted = row[columns.file].replace("\\", "/")
        found = files.find(wanted)
        labels = tuple(row[column] for column in columns.labels)
        if len(found) != 1:
            why = f"{len(found)} files have this name" if found else "No such file is there"
            entries.append(Finding("missing", wanted, f"{why}."))
        elif found[0] not in rows:
            rows[found[0]] = Row(found[0], row[columns.type] if columns.type else "", labels)
        else:
            entries.append(_repeated(rows[found[0]], labels))
    loose = [n for n in names if n not in rows and PurePosixPath(n).suffix and is_picture_name(n)]
    message = "No row of the CSV names it."
    entries += [Finding("unlisted", name, message, set_aside=True) for name in loose]
    return list(rows.values()), entries


def _repeated(kept: Row, labels: tuple[str, ...]) -> Finding:
    if kept.labels == labels:
        return Finding("duplicate row", kept.file, "The CSV names it more than once.")
    return Finding(
        "label conflict",
        kept.file,
        f"The CSV calls it “{kept.labels[0]}” and “{labels[0]}”; the first counts.",
        suggestion=labels[0],
    )
