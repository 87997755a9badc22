"""Rows of a table that contradict themselves or each other → repaired, with a note on each."""

import re
from pathlib import PurePosixPath

import pandas as pd

from decor_core.data.findings import Finding
from decor_core.data.tables.columns import Columns, most_common

_CODED = ("country", "decor", "type")
_CODED_NAME = re.compile(r"(\d+)_(\d+)_(\d+)_\d+$")


def repair_codes(table: pd.DataFrame) -> list[Finding]:
    """Lets text, code column and the code in the file name outvote the one that contradicts.

    Names like 03_05_2_001.png hold the codes of country, decor and type. What a code means is
    learned from the table: the text that most often goes with it. Changes ``table``.
    """
    stems = table["file"].map(lambda file: PurePosixPath(str(file).replace("\\", "/")).stem)
    codes_in_names = stems.str.extract(_CODED_NAME).fillna("")
    findings: list[Finding] = []
    for position, field in enumerate(_CODED):
        if field in table.columns:
            findings += _repair_field(table, field, codes_in_names[position].str.lstrip("0"))
    return findings


def _repair_field(table: pd.DataFrame, field: str, named: pd.Series) -> list[Finding]:
    column = f"{field}_label"
    codes = table.get(column, pd.Series("", table.index, dtype=str)).str.lstrip("0")
    usual = most_common(table[field], named.where(named != "", codes))
    text_of = {code: text for text, code in usual.items()}
    findings = []
    rows = zip(table.index, table["file"], table[field], codes, named, strict=True)
    for index, file, text, code, name in rows:
        expected = usual.get(text, "")
        if name and name != expected and code == name and name in text_of:
            table.at[index, field] = text_of[name]
            message = f"{field} “{text}” → “{text_of[name]}”: {column} and the file name agree."
            findings.append(Finding("repaired", file, message))
        elif name and name != expected:
            message = f"{field} is “{text}” though the file name has code {name}; the text counts."
            findings.append(Finding("contradiction", file, message))
        elif code and code != expected:
            why = "the text and the file name agree" if name else "other rows have this code"
            message = f"{column} {code} → {expected} for {field} “{text}”: {why}."
            findings.append(Finding("repaired", file, message))
    return findings


def repair_coarser(table: pd.DataFrame, columns: Columns) -> list[Finding]:
    """Gives every label one coarser label, the one most of its rows have. Changes ``table``."""
    fine, coarse = columns.labels
    usual = table[fine].map(most_common(table[fine], table[coarse])).fillna("")
    findings = []
    for index in table.index[table[coarse] != usual]:
        row = table.loc[index]
        message = f"{coarse} “{row[coarse]}” → “{usual[index]}”, as in most rows of “{row[fine]}”."
        findings.append(Finding("repaired", row[columns.file], message))
    table[coarse] = usual
    return findings
