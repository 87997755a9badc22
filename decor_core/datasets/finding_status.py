"""Which findings of a report still stand once a data set was edited."""

from collections.abc import Callable

from decor_core.data.findings import ABOUT_CLASSES, Finding

# What a model found says something of one state only.
BY_MODEL = ("mislabelled", "outlier")
# What the table alone tells, anew after each edit.
BY_TABLE = ABOUT_CLASSES - {"empty class"} | {"tiny", "huge"}
# What is over once the picture has another label, or it or its double is dropped.
_ABOUT_PICTURES = ("near duplicate", "near conflict", "tiny", "huge", "misnamed", *BY_MODEL)


def is_open(entry: Finding, label_of: Callable[[str], str]) -> bool:
    """Whether a finding is not over; ``label_of`` a file is "" where it is not in the set."""
    own, other = label_of(entry.file), label_of(entry.other)
    if entry.kind == "label conflict":
        return bool(other) and other == entry.suggestion  # nobody has chosen otherwise
    if entry.kind in _ABOUT_PICTURES:
        there = own and (other or not entry.other)
        settled = own == (other if entry.kind == "near conflict" else entry.suggestion)
        return bool(there) and not settled
    return True
