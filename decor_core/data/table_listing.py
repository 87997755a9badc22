"""A table that names pictures and their labels → one row for each picture."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import pandas as pd

from decor_core.data.findings import Finding
from decor_core.data.listing import Listing, Row, label_text, with_valid_labels
from decor_core.data.repairs import repair_coarser, repair_codes
from decor_core.data.tables import Columns, guess_columns, read_table
from decor_core.errors import DataError
from decor_core.images.decode import has_picture_ending, is_picture_name

_THE_CSV = "the CSV"
_RESERVED = {"file", "key", "width", "height", "type", "group", "batch", "source"}


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
    rows, refused = with_valid_labels(rows)
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
