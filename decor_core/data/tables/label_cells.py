"""What cells of labels mean: none at all, one, several at once, or one column for each label."""

import ast
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from decor_core.text import pluralize

_YES = {"1", "1.0", "true", "yes", "y", "x", "t", "ja", "да", "tak"}
_NO = {"0", "0.0", "-1", "false", "no", "n", "f", "nein", "нет", "nie"}
FLAG_WORDS = _YES | _NO
# Cells that mean nothing is there, in small letters; the words among them may be labels as well.
_WORDS_FOR_NONE = {"none", "null", "na"}
_MISSING = _WORDS_FOR_NONE | {
    *("", "nan", "-nan", "n/a", "#n/a", "#na", "<na>", "nat", "nil"),
    *("-", "--", "–", "—", "?", "."),
}
_EXACT = 0.8  # of the rows have just one yes: the columns are one label, written apart
_SEPARATORS = ("|", ";", ",", "/", "+", "&", " ")
_CLEAR = "|;"  # which no name of one label has


# No label


def missing_labels(cells: pd.Series) -> tuple[set[str], list[str]]:
    """The values of a label column that stand for no label, and in sentences what was decided.

    Those that do so by convention; but where only one other label would be left, “none”, or else
    all of them, are labels. So is “none” where nothing else stands for no label, and it is as
    frequent as labels are.
    """
    counts = Counter(cell for cell in cells if cell)
    missing = {value for value in counts if value.casefold() in _MISSING}
    others = sorted(counts[value] for value in counts.keys() - missing)
    words = {value for value in missing if value.casefold() in _WORDS_FOR_NONE}
    kept: set[str] = set()
    if len(others) < 2:
        kept = words or missing
    elif len(missing) == len(words) == 1 and all(cells):
        kept = {value for value in words if counts[value] >= others[len(others) // 2]}
    missing = missing - kept
    decided = []
    for meaning, values in (("a label", kept), ("no label", missing)):
        if values:
            rows = pluralize(sum(counts[value] for value in values), "row")
            listed = ", ".join(f"“{value}”" for value in sorted(values))
            decided.append(f"taken for {meaning}: {listed} ({rows}).")
    return missing, decided


def without_missing(cells: pd.Series) -> pd.Series:
    """The cells, "" for those that stand for no label."""
    missing, _ = missing_labels(cells)
    return cells.mask(cells.isin(missing), "") if missing else cells


# Several labels


def unwrap_list(cell: str) -> str:
    """What is in a cell that holds a list as programs write it: “ash” for “['ash']”."""
    if cell[:1] + cell[-1:] not in ("[]", "()", "{}"):
        return cell
    try:
        values = ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return cell
    if isinstance(values, list | tuple | set) and all(isinstance(v, str | int) for v in values):
        return " | ".join(map(str, sorted(values, key=str) if isinstance(values, set) else values))
    return cell


def several_labels(labels: Sequence[str]) -> dict[str, list[str]]:
    """Those of the ``labels`` that look like several in one cell, and which.

    Between them is a separator that nothing else is for, or one such that each part is a label of
    its own or, but for blanks, is in another such cell as well.
    """
    single = set(labels)
    found = {}
    for separator in _SEPARATORS:
        split = {
            label: [part.strip() for part in label.split(separator)]
            for label in single
            if separator in label
        }
        often = Counter(part for parts in split.values() for part in set(parts))
        for label, parts in sorted(split.items()):
            known = separator in _CLEAR or all(
                part in single or (often[part] > 1 and separator != " ") for part in parts
            )
            if label not in found and all(parts) and known:
                found[label] = parts
    return found


# One column for each label


def one_hot_columns(table: pd.DataFrame, least: float = _EXACT) -> list[str]:
    """Columns of yes and no of which at ``least`` so many rows have just one yes; none if fewer."""
    cells = {name: table[name].str.casefold() for name in table.columns}
    yes = pd.DataFrame({
        name: values.isin(_YES) for name, values in cells.items()
        if values.isin(FLAG_WORDS | {""}).all() and (values.isin(_YES).any() or values.all())
    })  # fmt: skip
    columns, share = list(yes.columns), 0.0
    while len(columns) > 1:
        share = (yes[columns].sum(axis=1) == 1).mean()
        without = {
            name: (yes[columns].drop(columns=name).sum(axis=1) == 1).mean() for name in columns
        }
        best = max(without, key=lambda name: without[name])
        if not least or without[best] <= share:
            break
        columns.remove(best)  # such as “is damaged” beside a column for each kind
    return columns if len(columns) > 1 and share >= least else []


def one_hot_labels(table: pd.DataFrame, columns: Sequence[str]) -> tuple[pd.Series, dict[int, str]]:
    """For each row the name of the column that says yes, "" if it is not one; why, by the row."""
    yes = [
        [name for name, cell in zip(columns, row, strict=True) if cell.casefold() in _YES]
        for row in table[list(columns)].itertuples(index=False)
    ]
    why = {
        index: f"says yes in {', '.join(names)}" if names else "says yes in none of the columns"
        for index, names in zip(table.index, yes, strict=True)
        if len(names) != 1
    }
    labels = [names[0] if len(names) == 1 else "" for names in yes]
    return pd.Series(labels, table.index, dtype=object), why
