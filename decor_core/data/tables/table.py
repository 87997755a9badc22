"""The bytes of a table, however it was written → its rows as texts: CSV, Excel, JSON lines."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import PurePosixPath
from statistics import multimode

import pandas as pd

from decor_core.data.sources.encodings import decode
from decor_core.data.tables.columns import add_one_hot_label, is_file_name, names_pictures
from decor_core.data.tables.csv_escape import unescape_cell
from decor_core.data.tables.files_by_name import FilesByName
from decor_core.data.tables.spreadsheets import cell_text, is_workbook, read_sheets
from decor_core.errors import DataError
from decor_core.images.formats import has_picture_ending
from decor_core.text import normal

# Content decides how they are read; the last four mostly are only told of, with the way out.
TABLE_ENDINGS = (
    *(".csv", ".tsv", ".xlsx", ".xlsm", ".jsonl", ".ndjson"),
    *(".xls", ".xlsb", ".ods", ".numbers"),
)
_SEPARATORS = (",", ";", "\t", "|")
_MAX_CELL = 2**20
_FIRST_ROWS = 20
_SOME_ROWS = 200

Lines = list[list[str]]


def read_table(data: bytes, names: Sequence[str] = (), title: str = "") -> pd.DataFrame:
    """The table in ``data`` as texts without blanks around them, "" where a cell is empty.

    Tolerates a byte order mark, semicolons, tabs, any line ends and most encodings, a title above
    the header or no header at all; of a workbook it is the sheet that names pictures. File
    ``names`` help to find the encoding, header and sheet; ``title`` is the table's own name among
    them. The index is the number of the row as spreadsheets count. ``attrs["assumed"]`` lists in
    sentences what had to be guessed. DataError if it is no table.
    """
    with naming_table(title):
        if is_workbook(data):
            return add_one_hot_label(_best_sheet(read_sheets(data), names, title))
        try:
            text, encoding = decode(data, (PurePosixPath(name).stem for name in names))
        except UnicodeError as error:
            raise DataError("The table is no text; please save it as CSV in UTF-8.") from error
        table = _table_of(_json_lines(text) or _csv_lines(text), names, title)
        if encoding:
            note = f"It is not in UTF-8; it was read as {encoding}. Please check the letters."
            table.attrs["assumed"].insert(0, note)
        return add_one_hot_label(table)


@contextmanager
def naming_table(title: str) -> Iterator[None]:
    """Puts the name of a table before what is said of it in a DataError."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{title}: {error}" if title else str(error)) from error


def _best_sheet(sheets: dict[str, Lines], names: Sequence[str], title: str) -> pd.DataFrame:
    """The sheet that names most pictures, else the first that is a table."""
    tables, problem = {}, DataError("The Excel file is empty; its first row must name the columns.")
    for name, lines in sheets.items():
        try:
            tables[name] = _table_of(lines, names, title)
        except DataError as error:
            problem = error
    if not tables:
        raise problem
    best = max(tables, key=lambda name: names_pictures(tables[name], names, title))
    if len(tables) > 1:
        others = ", ".join(f"“{name}”" for name in tables if name != best)
        tables[best].attrs["assumed"].append(f"The sheet “{best}” was read, and not {others}.")
    return tables[best]


def _csv_lines(text: str) -> Lines:
    first = text.partition("\n")[0].strip().lower()
    if first[:4] == "sep=" and len(first) == 5:  # Excel's own way to say it
        separator, text = first[4], text.partition("\n")[2]
    else:
        separator = max(_SEPARATORS, key=lambda separator: _width(text, separator))
    csv.field_size_limit(_MAX_CELL)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise DataError(f"The table is none ({error}); please save it again as CSV.") from error


def _width(text: str, separator: str) -> int:
    """How many columns the first rows mostly have with a separator."""
    widths = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            widths += [len(row)] if any(map(str.strip, row)) else []
            if len(widths) == _FIRST_ROWS:
                break
    except csv.Error:
        return 0
    return max(multimode(widths), default=0)


def _json_lines(text: str) -> Lines:
    """The rows of JSON lines, their keys first; none if it is no JSON."""
    if not text.lstrip().startswith("{"):
        return []
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            row = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"Line {number} of the table is no JSON ({error}); expected one object a line."
            ) from error
        if not isinstance(row, dict):
            raise DataError(f"Line {number} of the table is no JSON object; expected one a line.")
        rows.append(row)
    keys = list(dict.fromkeys(key for row in rows for key in row))
    return [keys, *([_json_cell(row.get(key)) for key in keys] for row in rows)]


def _json_cell(value: object) -> str:
    """A value of JSON as text; a list of texts with “ | ” between them."""
    if isinstance(value, list) and all(isinstance(one, str | int) for one in value):
        return " | ".join(map(cell_text, value))
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return cell_text(value)


# Rows → table


def _table_of(lines: Lines, names: Sequence[str], title: str) -> pd.DataFrame:
    lines = [[unescape_cell(normal(cell)) for cell in line] for line in lines]
    start = next((i for i, line in enumerate(lines) if any(line)), None)
    if start is None:
        raise DataError("The table is no table: its first line must name the columns.")
    assumed = []
    if _is_title(lines[start:]):
        assumed.append(f"Its row {start + 1}, “{lines[start][0]}”, was taken for a title.")
        start = next(i for i, line in enumerate(lines) if i > start and any(line))
    first, rest = lines[start], lines[start + 1 :]
    if _is_data(first, rest, FilesByName(names, title)):
        assumed.append(
            f"Its row {start + 1} names a picture, so that there is no header; the columns are "
            "called “column 1”, “column 2” …"
        )
        header, begin = [f"column {i}" for i, _ in enumerate(first, 1)], start
    else:
        header, begin = _header(first, rest), start + 1
    rows = {i: line for i, line in enumerate(lines[begin:], begin + 1) if any(line)}
    width = len(header)
    if longer := [number for number, row in rows.items() if any(row[width:])]:
        more = f" and {len(longer) - 1} more" if len(longer) > 1 else ""
        assumed.append(
            f"Row {longer[0]}{more} has more cells than there are columns; what is beyond was not "
            "read. Texts with the separator in them need quotes."
        )
    cells = [(row + [""] * width)[:width] for row in rows.values()]
    table = pd.DataFrame(cells, index=list(rows), columns=header, dtype=object)
    table = table.loc[:, [bool(name) for name in header]]
    table.attrs.update(assumed=assumed, gaps={})
    return table


def _is_title(lines: Lines) -> bool:
    """Whether the first line is a single cell above a header of several."""
    first, *rest = lines
    below = [cell for cell in next(filter(any, rest), []) if cell]
    alone = any(first[:1]) and not any(first[1:])
    return alone and len(below) > 1 and not any(map(has_picture_ending, [first[0], *below]))


def _is_data(first: list[str], rest: Lines, files: FilesByName) -> bool:
    """Whether the first line is a row like those below: it names a picture where they do."""
    columns = [list(filter(None, cells)) for cells in zip_longest(*rest[:_SOME_ROWS], fillvalue="")]
    if not columns:
        return any(map(has_picture_ending, first))
    known = zip(first, columns, strict=False)
    repeated = first not in rest and any(cell in below for cell, below in known if cell)
    for cell, below in zip(first, columns, strict=False):
        if 2 * sum(map(has_picture_ending, below)) > len(below):
            if has_picture_ending(cell):
                return True
            continue
        named = 2 * files.count(below)[0] > len(below)  # without endings
        if cell and named and not is_file_name(cell) and (files.find(cell) or repeated):
            return True
    return False


def _header(first: list[str], rest: Lines) -> list[str]:
    """The names of the columns; one without is “column 2” if there is something in it."""
    twice = [name for name, count in Counter(map(str.casefold, filter(None, first))).items()
             if count > 1]  # fmt: skip
    if twice:
        raise DataError(
            f"The table has two columns of one name, “{twice[0]}”; please rename one of them."
        )
    used = [any(cells) for cells in zip_longest(*rest, fillvalue="")]
    used += [False] * len(first)
    return [name or (f"column {i}" if used[i - 1] else "") for i, name in enumerate(first, 1)]
