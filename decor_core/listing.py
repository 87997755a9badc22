"""A CSV, or the folders that pictures lie in → one row per picture: file, type, labels."""

import io
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from .errors import DataError
from .images import is_picture_name
from .report import Entry
from .sources import normal
from .taxonomy import DECOR

# Columns of a CSV that hold the labels, by the taxonomy levels they make, finest first.
LABEL_COLUMNS = {("style", "country"): ("decor", "country"), ("class",): ("class",)}
_EXPECTED = "file, decor, country (and type), or file, class"
_CODED = ("country", "decor", "type")
_CODED_NAME = re.compile(r"(\d+)_(\d+)_(\d+)_\d+$")


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


def list_class_folders(names: Sequence[str]) -> Listing:
    """Pictures labelled by the folder they lie in, at any depth; loose pictures are reported."""
    paths = _unwrapped({name: PurePosixPath(name).parts for name in names})
    rows, entries = [], []
    for name, parts in paths.items():
        if len(parts) > 1 and is_picture_name(name):
            rows.append(Row(name, "", (normal(parts[0]),)))
        elif len(parts) > 1:
            entries.append(Entry("ignored", name, "Its ending is not that of a picture."))
        elif is_picture_name(name) and PurePosixPath(name).suffix:
            entries.append(Entry("unlisted", name, "It lies in no class folder."))
    if not rows:
        raise DataError(
            "There are no pictures in class folders here; expected one folder for each class, "
            "named like the class, with its pictures in it."
        )
    return _with_known_levels(rows, entries)


def _unwrapped(paths: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Without a single folder around all class folders, as zips often have one."""
    while len({parts[0] for parts in paths.values()}) == 1 and all(
        len(parts) > 2 for name, parts in paths.items() if is_picture_name(name)
    ):
        paths = {name: parts[1:] for name, parts in paths.items() if len(parts) > 1}
    return paths


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


def list_csv(data: bytes, names: Sequence[str]) -> Listing:
    """The rows of a CSV, repaired and matched with the picture files ``names``.

    Tolerates a BOM, semicolons or tabs, blanks, any line ends. DataError if it is no table or
    lacks columns.
    """
    table = _parse(data)
    levels = _levels(table)
    table, entries = _complete(table, LABEL_COLUMNS[levels])
    entries += _repair_codes(table)
    if levels == ("style", "country"):
        entries += _repair_countries(table)
    rows, found = _match(table, LABEL_COLUMNS[levels], names)
    return Listing(levels, tuple(rows), tuple(entries + found))


def _parse(data: bytes) -> pd.DataFrame:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("The CSV is not in UTF-8; please save it in that encoding.") from error
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    try:
        table = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise DataError(f"The CSV is no table; expected the columns {_EXPECTED}.") from error
    table.columns = [normal(str(column)).lower() for column in table.columns]
    if table.columns.has_duplicates:
        raise DataError("The CSV has two columns of one name; please remove one of them.")
    return table.fillna("").map(normal).reset_index(drop=True)


def _levels(table: pd.DataFrame) -> tuple[str, ...]:
    for levels, columns in LABEL_COLUMNS.items():
        if {"file", *columns} <= set(table.columns):
            return levels
    came = ", ".join(table.columns)
    raise DataError(f"The CSV must have the columns {_EXPECTED}; it has: {came}.")


def _complete(table: pd.DataFrame, columns: tuple[str, ...]) -> tuple[pd.DataFrame, list[Entry]]:
    """The rows that have a file and all labels, and a note on each of the others."""
    needed = ["file", *columns]
    lacking = (table[needed] == "").any(axis=1)
    entries = []
    for index, row in table[lacking].iterrows():
        where = f"row {index + 2}"  # as spreadsheets count: the head of the table is row 1
        gaps = " and no ".join(column for column in needed if not row[column])
        entries.append(Entry("incomplete", row["file"] or where, f"The {where} has no {gaps}."))
    return table[~lacking].copy(), entries


def _repair_codes(table: pd.DataFrame) -> list[Entry]:
    """Lets text, code column and the code in the file name outvote the one that contradicts.

    Names like 03_05_2_001.png hold the codes of country, decor and type. What a code means is
    learned from the table: the text that most often goes with it. Changes ``table``.
    """
    stems = table["file"].map(lambda file: PurePosixPath(file.replace("\\", "/")).stem)
    codes_in_names = stems.str.extract(_CODED_NAME).fillna("")
    entries: list[Entry] = []
    for position, field in enumerate(_CODED):
        if field in table.columns:
            entries += _repair_field(table, field, codes_in_names[position].str.lstrip("0"))
    return entries


def _repair_field(table: pd.DataFrame, field: str, named: pd.Series) -> list[Entry]:
    column = f"{field}_label"
    codes = table.get(column, pd.Series("", table.index, dtype=str)).str.lstrip("0")
    usual = _most_common(table[field], named.where(named != "", codes))
    text_of = {code: text for text, code in usual.items()}
    entries = []
    for index in table.index:
        file, text = table.at[index, "file"], table.at[index, field]
        code, name, expected = codes[index], named[index], usual.get(text, "")
        if name and name != expected and code == name and name in text_of:
            table.at[index, field] = text_of[name]
            message = f"{field} “{text}” → “{text_of[name]}”: {column} and the file name agree."
            entries.append(Entry("repaired", file, message))
        elif name and name != expected:
            message = f"{field} is “{text}” though the file name has code {name}; the text counts."
            entries.append(Entry("contradiction", file, message))
        elif code and code != expected:
            why = "the text and the file name agree" if name else "other rows have this code"
            message = f"{column} {code} → {expected} for {field} “{text}”: {why}."
            entries.append(Entry("repaired", file, message))
    return entries


def _repair_countries(table: pd.DataFrame) -> list[Entry]:
    """Gives every style one country, the one most of its rows have. Changes ``table``."""
    country_of = _most_common(table["decor"], table["country"])
    usual = table["decor"].map(country_of)
    entries = []
    for index in table.index[table["country"] != usual]:
        row = table.loc[index]
        message = (
            f"country “{row['country']}” → “{usual[index]}”, as in most rows of “{row['decor']}”."
        )
        entries.append(Entry("repaired", row["file"], message))
    table["country"] = usual
    return entries


def _most_common(keys: pd.Series, values: pd.Series) -> dict[str, str]:
    """For each key the value it most often goes with, the first in order among equals."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for key, value in zip(keys, values, strict=True):
        if value:
            seen[key][value] += 1
    return {key: min(c, key=lambda value: (-c[value], value)) for key, c in seen.items()}


def _match(
    table: pd.DataFrame, columns: tuple[str, ...], names: Sequence[str]
) -> tuple[list[Row], list[Entry]]:
    """Rows whose file is there, once each, and a note on every other row and picture."""
    by_base = defaultdict(list)
    for name in names:
        by_base[PurePosixPath(name).name].append(name)
    whole, rows, entries = set(names), {}, []
    for row in table.to_dict("records"):
        wanted = row["file"].replace("\\", "/")
        found = [wanted] if wanted in whole else by_base[PurePosixPath(wanted).name]
        labels = tuple(row[column] for column in columns)
        if len(found) != 1:
            why = f"{len(found)} files have this name" if found else "No such file is there"
            entries.append(Entry("missing", wanted, f"{why}."))
        elif found[0] not in rows:
            rows[found[0]] = Row(found[0], row.get("type", ""), labels)
        else:
            entries.append(_repeated(rows[found[0]], labels))
    loose = [n for n in names if n not in rows and PurePosixPath(n).suffix and is_picture_name(n)]
    entries += [Entry("unlisted", name, "No row of the CSV names it.") for name in loose]
    return list(rows.values()), entries


def _repeated(kept: Row, labels: tuple[str, ...]) -> Entry:
    if kept.labels == labels:
        return Entry("duplicate row", kept.file, "The CSV names it more than once.")
    return Entry(
        "label conflict",
        kept.file,
        f"The CSV calls it “{kept.labels[0]}” and “{labels[0]}”; the first counts.",
    )
