"""Tables that name pictures and their labels → one row for each picture."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from decor_core.data.findings import NO_ROW, Finding
from decor_core.data.listing import Listing, Row, label_text, with_valid_labels
from decor_core.data.tables.columns import Columns, resolve_columns
from decor_core.data.tables.files_by_name import FilesByName
from decor_core.data.tables.label_cells import missing_labels, several_labels, unwrap_list
from decor_core.data.tables.repairs import repair_coarser, repair_codes
from decor_core.data.tables.table import naming_table, read_table
from decor_core.images.formats import has_picture_ending, is_picture_name

_THE_TABLE = "the table"
_NOT_THERE = "No such file is there."
_RESERVED = {"file", "key", "width", "height", "taken", "type", "group", "batch", "source"}


def list_tables(
    tables: Mapping[str, bytes],
    names: Sequence[str],
    columns: Columns | None = None,
    *,
    as_written: bool = False,
) -> Listing:
    """The rows of tables, by name ("" for one without), matched with the picture files ``names``.

    What of ``columns`` is not given is guessed; the names of the label columns become those of the
    levels. Nothing is repaired that nobody named. ``as_written``: Decor wrote them, so that each
    cell is the label that it says, be it “none”. DataError if one is no table, lacks columns, or
    leaves open which are meant.
    """
    rows: dict[str, Row] = {}
    findings: list[Finding] = []
    named = columns or Columns()
    used = named
    for title, data in tables.items():
        pictures = list(filter(is_picture_name, names))
        table = read_table(data, pictures, title)
        wanted = replace(used, file=named.file, type=named.type)
        with naming_table(title):
            used = resolve_columns(table, pictures, wanted, title)
        gaps = table.attrs["gaps"]
        for name in () if as_written else used.labels:
            table.attrs["assumed"] += _clean_labels(table, name, gaps)
        findings += _read_rows(
            table, title or _THE_TABLE, used, named, FilesByName(pictures, title), rows
        )
    levels = tuple(f"{n} label" if n.lower() in _RESERVED else n for n in used.labels)
    if used.is_decor:
        levels = ("style", "country")
    known = rows.keys() | {finding.file for finding in findings if finding.set_aside}
    unlisted = [
        Finding("unlisted", name, NO_ROW, set_aside=True)
        for name in names
        if has_picture_ending(name) and name not in known
    ]
    valid, refused = with_valid_labels(rows.values())
    labels = {row.labels for row in valid}
    if not (named.coarser or used.is_decor) and len(labels) > len({one[0] for one in labels}):
        # Not all tables agree on the coarser level, which nobody named.
        levels, valid = levels[:1], [replace(row, labels=row.labels[:1]) for row in valid]
    return Listing(levels, tuple(valid), (*_several(valid), *findings, *unlisted, *refused))


def _read_rows(
    table: pd.DataFrame,
    title: str,
    columns: Columns,
    named: Columns,
    files: FilesByName,
    rows: dict[str, Row],
) -> list[Finding]:
    """Put the pictures that a table names into ``rows``; what was found.

    ``named`` are those of the ``columns`` that were not guessed.
    """
    assumed, gaps = list(table.attrs["assumed"]), table.attrs["gaps"]
    is_usual = columns.file.lower() == "file" and columns.label.lower() in ("decor", "class")
    if not is_usual and not (named.file and named.label):
        coarser = f", coarser ones in “{columns.coarser}”" if columns.coarser else ""
        note = (
            f"Files are named in column “{columns.file}”, labels are in “{columns.label}”{coarser}."
        )
        assumed.insert(0, note)
    table, findings = _complete_rows(table, columns.file, (columns.file, columns.label), gaps)
    if columns.is_decor:
        table.columns = table.columns.str.lower()
        columns = Columns(*(name.lower() for name in vars(columns).values()))
        findings += repair_codes(table)
    if columns.coarser:
        if columns.is_decor or named.coarser:
            findings += repair_coarser(table, columns)
        table, incomplete = _complete_rows(table, columns.file, (columns.coarser,), gaps)
        findings += incomplete
    findings = [_with_own_name(finding, files) for finding in findings]
    findings += _match_files(table, columns, files, rows)
    assumed += files.assumed()
    return [*(Finding("assumed", title, message) for message in assumed), *findings]


def _clean_labels(table: pd.DataFrame, name: str, gaps: dict[Hashable, str]) -> list[str]:
    """Make labels of the cells of a column; in sentences, what was decided. ``gaps`` gets why one
    has none, by the row."""
    lists = table[name].map(unwrap_list)
    notes = [f"Lists in column “{name}” were read as labels."] if any(lists != table[name]) else []
    table[name] = lists.map(label_text)
    missing, decided = missing_labels(table[name])
    for index in table.index[table[name].isin(missing)]:
        gaps[index] = f"says “{table.at[index, name]}”"
        table.at[index, name] = ""
    return notes + [f"In column “{name}”, {sentence}" for sentence in decided]


def _several(rows: Sequence[Row]) -> Iterator[Finding]:
    """A finding on each picture whose label looks like several in one cell."""
    found = several_labels(sorted({row.labels[0] for row in rows}))
    for row in rows:
        label = row.labels[0]
        if label in found:
            parts = " and ".join(f"“{part}”" for part in found[label])
            message = (
                f"“{label}” looks like several labels in one cell, {parts}; it was taken for a "
                "class of its own. A picture has one label here: please give it one, or leave it "
                "out."
            )
            yield Finding("several labels", row.file, message, label, found[label][0])


def _complete_rows(
    table: pd.DataFrame, file: str, needed: Sequence[str], gaps: Mapping[Hashable, str]
) -> tuple[pd.DataFrame, list[Finding]]:
    """The rows that have a value in all ``needed`` columns, and a finding on each of the others.

    Those name the file, by column ``file``, or the row where it names none; ``gaps`` tells by the
    row why it has no label, where there is more to say.
    """
    lacking = (table[list(needed)] == "").any(axis=1)
    findings = []
    for number, row in table[lacking].iterrows():
        lacks = " and no ".join(column for column in needed if not row[column])
        where, why = f"row {number}", f": it {gaps[number]}" if number in gaps else ""
        message = f"The {where} has no {lacks}{why}."
        findings.append(Finding("incomplete", row[file] or where, message))
    return table[~lacking].copy(), findings


def _with_own_name(finding: Finding, files: FilesByName) -> Finding:
    """The finding with the file's own name, where the table calls it otherwise."""
    found = files.find(finding.file)
    if len(found) != 1:
        return finding
    return replace(finding, file=found[0], set_aside=finding.kind == "incomplete")


def _match_files(
    table: pd.DataFrame, columns: Columns, files: FilesByName, rows: dict[str, Row]
) -> list[Finding]:
    """Put the rows whose file is there into ``rows``, each file once; a finding on every other."""
    findings = []
    for cells in table.to_dict("records"):
        found = files.find_noted(cells[columns.file])
        labels = tuple(cells[column] for column in columns.labels)
        if len(found) != 1:
            why = f"{len(found)} files have this name: {', '.join(sorted(found)[:3])}"
            message = f"{why}; please write the folder along." if found else _NOT_THERE
            findings.append(Finding("missing", cells[columns.file].replace("\\", "/"), message))
            continue
        (file,) = found
        if file not in rows:
            rows[file] = Row(file, cells.get(columns.type, ""), labels)
        elif rows[file].labels == labels:
            message = "The table names it more than once."
            findings.append(Finding("duplicate row", file, message))
        else:
            first, other = rows[file].labels[0], labels[0]
            message = f"The table calls it “{first}” and “{other}”; the first counts."
            findings.append(Finding("label conflict", file, message, suggestion=other))
    return findings
