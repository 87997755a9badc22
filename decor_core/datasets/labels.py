"""Labels that people give to pictures: how they are kept, and what they belong to."""

from collections.abc import Mapping

import pandas as pd

from decor_core.data.listing import label_text
from decor_core.errors import DataError
from decor_core.taxonomy import Taxonomy

_LONGEST_LABEL = 100


def checked_label(label: str) -> str:
    """The label as it is kept; DataError if nothing of it is to be seen or it is a whole text."""
    label = label_text(label)
    if not label:
        raise DataError("A class needs a name; type at least one letter.")
    if len(label) > _LONGEST_LABEL:
        raise DataError(
            f"The name of a class has at most {_LONGEST_LABEL} letters; this one has {len(label)}."
        )
    return label


def row_labels(taxonomy: Taxonomy, label: str, parent: str, rows: pd.DataFrame) -> dict[str, str]:
    """The value of each level for pictures that get ``label``.

    A new one belongs to ``parent``, or else to what most of ``rows``, of those that get it,
    belonged to. DataError if neither tells.
    """
    label, (finest, *coarser) = checked_label(label), taxonomy.levels
    values = {finest.name: label}
    for level in coarser:
        if label in finest.labels:
            values[level.name] = finest.parent_of(label)
        elif not (parent.strip() or len(rows)):
            raise DataError(f"Say also which {level.name} “{label}” belongs to.")
        else:
            usual = parent if parent.strip() else rows[level.name].mode()[0]
            values[level.name] = checked_label(usual)
    return values


def labelled(table: pd.DataFrame, chosen: pd.Series, labels: Mapping[str, str]) -> pd.DataFrame:
    """The table with ``labels``, by level, for the rows of the mask ``chosen``."""
    table = table.copy()
    for level, value in labels.items():
        table.loc[chosen, level] = value
    return table
