"""What says which picture is what, class folders or a table → one row for each picture."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import pandas as pd

from decor_core.data.findings import Finding
from decor_core.data.repairs import repair_coarser, repair_codes
from decor_core.data.sources import normal
from decor_core.data.tables import PARTS, TABLE_ENDINGS, Columns, guess_columns, read_table
from decor_core.errors import DataError
from decor_core.images.decode import has_picture_ending, is_picture_name
from decor_core.taxonomy import DECOR

# Files that “prepare” and a downloaded data set have beside their class folders.
PREPARED_FILES = {"report.json", "pictures.csv"}
# Columns of a table that hold the labels, by the taxonomy levels they make, finest first.
LABEL_COLUMNS: dict[tuple[str, ...], tuple[str, ...]] = {("style", "country"): ("decor", "country")}
_THE_CSV = "the CSV"
_RESERVED = {"file", "key", "width", "height", "type", "group", "batch", "source"}
_LONGEST_LABEL = 200
_INVISIBLE = ("Cc", "Cf", "Cs", "Co")
_JOINERS = "\u200c\u200d"  # Persian and emoji need them


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
    findings: tuple[Finding, ...]


def label_text(text: str) -> str:
    """A label as it is kept: composed letters, single blanks, nothing invisible."""
    visible = (
        c for c in normal(text)
        if c.isspace() or c in _JOINERS or unicodedata.category(c) not in _INVISIBLE
    )  # fmt: skip
    return " ".join("".join(visible).split()).strip(_JOINERS)


def _with_valid_labels(rows: Iterable[Row]) -> tuple[list[Row], list[Finding]]:
    """Rows whose labels can be shown, and a finding on each of the others."""
    valid, findings = [], []
    for row in rows:
        longest = max(map(len, row.labels))
        if longest <= _LONGEST_LABEL and all(row.labels):
            valid.append(row)
            continue
        why = f"has {longest} letters; at most {_LONGEST_LABEL} are allowed" if longest else ""
        message = f"Its label {why or 'has nothing to be seen in it'}."
        findings.append(Finding("incomplete", row.file, message, set_aside=True))
    return valid, findings


# Class folders


def list_class_folders(names: Sequence[str], folders: Sequence[str] = ()) -> Listing:
    """Pictures labeled by the folder they lie in, at any depth; loose pictures are reported.

    ``folders`` are those without any file. Folders around the classes do not count: a single one
    around all, or such as train and test. DataError if there are no pictures in folders.
    """
    paths = {name: PurePosixPath(name).parts for name in names}
    empty = [PurePosixPath(name).parts for name in folders]
    paths, empty, findings = _without_outer_folders(paths, empty)
    own = PREPARED_FILES if set(names) >= PREPARED_FILES else ()
    rows = []
    for name, parts in paths.items():
        message, kind = "", "ignored"
        if len(parts) > 1 and is_picture_name(name):
            rows.append(Row(name, "", (label_text(parts[0]),)))
        elif len(parts) > 1:
            message = "Its ending is not that of a picture."
        elif has_picture_ending(name):
            message, kind = "It lies in no class folder.", "unlisted"
        elif name.lower().endswith(TABLE_ENDINGS) and name not in own:
            message = "The folders tell the classes; this table was not read."
        if message:
            findings.append(Finding(kind, name, message, set_aside=True))
    rows, refused = _with_valid_labels(rows)
    if not rows:
        raise DataError(
            "There are no pictures in class folders here; expected one folder for each class, "
            "named like the class, with its pictures in it."
        )
    labels = {row.labels[0] for row in rows}
    tops = {label_text(parts[0]) for parts in paths.values() if len(parts) > 1}
    tops |= {label_text(parts[0]) for parts in empty if parts}
    for label in sorted(tops - labels - {""}):
        findings.append(Finding("empty class", label, "There is no picture in this folder."))
    levels: tuple[str, ...] = ("class",)
    if labels <= set(DECOR.labels):
        levels = ("style", "country")
        rows = [replace(r, labels=(r.labels[0], DECOR.parent_of(r.labels[0]))) for r in rows]
    elif labels <= set(DECOR.level("country").labels):
        levels = ("country",)
    return Listing(levels, tuple(rows), (*findings, *refused))


def _without_outer_folders(
    paths: dict[str, tuple[str, ...]], empty: list[tuple[str, ...]]
) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, ...]], list[Finding]]:
    """Without folders around all class folders: a single one, or such as train and test."""
    findings: list[Finding] = []
    while True:
        tops = {parts[0] for parts in paths.values()}
        depths = [len(parts) for name, parts in paths.items() if is_picture_name(name)]
        are_parts = not findings and len(tops) > 1 and {top.lower() for top in tops} <= PARTS
        if min(depths, default=0) < 3 or not (len(tops) == 1 or are_parts):
            return paths, empty, findings
        if are_parts:
            names = ", ".join(f"“{top}”" for top in sorted(tops))
            message = f"Taken for parts of the data set, not for classes: {names}."
            findings.append(Finding("assumed", "the folders", message))
        paths = {name: parts[1:] for name, parts in paths.items() if len(parts) > 1}
        empty = [parts[1:] for parts in empty if len(parts) > 1 and parts[0] in tops]


# A table


def list_csv(data: bytes, names: Sequence[str], columns: Columns | None = None) -> Listing:
    """The rows of a CSV, repaired and matched with the picture files ``names``.

    ``columns`` are guessed where they are not given; the names of the label columns become those
    of the levels. DataError if it is no table or lacks columns.
    """
    table = read_table(data, names)
    findings = [Finding("assumed", _THE_CSV, message) for message in table.attrs["assumed"]]
    if columns is None:
        columns = guess_columns(table, names)
        if columns is None:
            raise DataError(
                "The CSV must have the columns file, decor, country (and type), or file, class, or "
                "else one column with the names of the picture files and one with their labels: "
                f"please say which they are; it has: {', '.join(table.columns)}."
            )
        if columns.file.lower() != "file" or columns.label.lower() not in ("decor", "class"):
            findings.append(Finding("assumed", _THE_CSV, _describe(columns)))
    columns = columns.found_in(table)
    for name in columns.labels:
        table[name] = table[name].map(label_text)
    table, incomplete = _complete_rows(table, columns.file, (columns.file, columns.label))
    findings += incomplete
    if columns.is_decor:
        table.columns = table.columns.str.lower()
        columns = Columns(*(name.lower() for name in vars(columns).values()))
        findings += repair_codes(table)
    if columns.coarser:
        findings += repair_coarser(table, columns)
        table, incomplete = _complete_rows(table, columns.file, (columns.coarser,))
        findings += incomplete
    files = _FileFinder(filter(is_picture_name, names))
    findings = [_with_own_name(finding, files) for finding in findings]
    rows, unmatched = _match_files(table, columns, files)
    known = {row.file for row in rows} | {finding.file for finding in findings if finding.set_aside}
    unlisted = [
        Finding("unlisted", name, "No row of the CSV names it.", set_aside=True)
        for name in names
        if has_picture_ending(name) and name not in known
    ]
    rows, refused = _with_valid_labels(rows)
    levels = tuple(f"{n} label" if n.lower() in _RESERVED else n for n in columns.labels)
    if columns.is_decor:
        levels = ("style", "country")
    return Listing(levels, tuple(rows), (*findings, *unmatched, *unlisted, *refused))


def _describe(columns: Columns) -> str:
    coarser = f", coarser ones in “{columns.coarser}”" if columns.coarser else ""
    return f"Files are named in column “{columns.file}”, labels are in “{columns.label}”{coarser}."


def _complete_rows(
    table: pd.DataFrame, file: str, needed: Sequence[str]
) -> tuple[pd.DataFrame, list[Finding]]:
    """The rows that have a value in all ``needed`` columns, and a finding on each of the others.

    Those name the file, by column ``file``, or the row where it names none.
    """
    lacking = (table[list(needed)] == "").any(axis=1)
    findings = []
    for number, row in table[lacking].iterrows():
        gaps = " and no ".join(column for column in needed if not row[column])
        where = f"row {number}"
        findings.append(Finding("incomplete", row[file] or where, f"The {where} has no {gaps}."))
    return table[~lacking].copy(), findings


class _FileFinder:
    """Finds the file that a CSV means: by its whole path, the end of it, its name, or nearly so."""

    _FORMS = (
        lambda path: path.name,
        lambda path: path.name.casefold(),
        lambda path: path.stem.casefold(),  # a list without endings, or before pictures changed
    )

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set()
        self._by_form = tuple((form, defaultdict(list)) for form in self._FORMS)
        for name in names:
            self._names.add(name)
            for form, files in self._by_form:
                files[form(PurePosixPath(name))].append(name)

    def find(self, wanted: str) -> list[str]:
        """The files that may be meant; it is clear if it is one."""
        wanted = wanted.replace("\\", "/")
        if wanted in self._names:
            return [wanted]
        for form, files in self._by_form:
            found = files.get(form(PurePosixPath(wanted)), [])
            if len(found) > 1:
                same_end = [name for name in found if f"/{wanted}".endswith(f"/{name}")
                            or f"/{name}".endswith(f"/{wanted}")]  # fmt: skip
                return same_end or found
            if found:
                return found
        return []


def _with_own_name(finding: Finding, files: _FileFinder) -> Finding:
    """The finding with the file's own name, where the CSV calls it otherwise."""
    found = files.find(finding.file)
    if len(found) != 1:
        return finding
    return replace(finding, file=found[0], set_aside=finding.kind == "incomplete")


def _match_files(
    table: pd.DataFrame, columns: Columns, files: _FileFinder
) -> tuple[list[Row], list[Finding]]:
    """The rows whose file is there, each file once, and a finding on every other row."""
    rows: dict[str, Row] = {}
    findings = []
    for cells in table.to_dict("records"):
        found = files.find(cells[columns.file])
        labels = tuple(cells[column] for column in columns.labels)
        if len(found) != 1:
            why = f"{len(found)} files have this name" if found else "No such file is there"
            wanted = cells[columns.file].replace("\\", "/")
            findings.append(Finding("missing", wanted, f"{why}."))
            continue
        (file,) = found
        if file not in rows:
            rows[file] = Row(file, cells.get(columns.type, ""), labels)
        elif rows[file].labels == labels:
            message = "The CSV names it more than once."
            findings.append(Finding("duplicate row", file, message))
        else:
            first, other = rows[file].labels[0], labels[0]
            message = f"The CSV calls it “{first}” and “{other}”; the first counts."
            findings.append(Finding("label conflict", file, message, suggestion=other))
    return list(rows.values()), findings
