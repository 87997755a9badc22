"""One row for each picture with its labels, as class folders or a table tell them."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from decor_core.data.findings import Finding
from decor_core.text import normal

# Columns of a table that hold the labels, by the taxonomy levels they make, finest first.
LABEL_COLUMNS: dict[tuple[str, ...], tuple[str, ...]] = {("style", "country"): ("decor", "country")}
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
    """Rows with the names of the levels of their labels, and what was found on the way.

    ``read_as`` tells in a sentence for what layout the data set was taken; ``tables`` are the files
    among the pictures that tell the rows.
    """

    levels: tuple[str, ...]
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    read_as: str = ""
    tables: tuple[str, ...] = ()


def label_text(text: str) -> str:
    """A label as it is kept: composed letters, single blanks, nothing invisible."""
    visible = (
        c for c in normal(text)
        if c.isspace() or c in _JOINERS or unicodedata.category(c) not in _INVISIBLE
    )  # fmt: skip
    return " ".join("".join(visible).split()).strip(_JOINERS)


def with_valid_labels(rows: Iterable[Row]) -> tuple[list[Row], list[Finding]]:
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
