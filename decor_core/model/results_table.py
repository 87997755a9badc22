"""Results as rows of a table, whose columns ``docs/reference/rows.md`` describes.

``label --out`` writes them, and Classify gives them as a download: CSV that is safe to open in a
spreadsheet, and JSON.
"""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from decor_core.data.tables.csv_escape import escape_cell
from decor_core.model.novelty import UNKNOWN
from decor_core.model.predictor import CONFIDENCE_THRESHOLD, NOVELTY_THRESHOLD, Labeled
from decor_core.taxonomy import Taxonomy

Row = dict[str, Any]


def result_columns(top: int) -> dict[str, type]:
    """The columns in their order, with the ``top`` likeliest labels; each with its type."""
    columns: dict[str, type] = {
        "file": str, "taxonomy": str, "verdict": str, "decision": str, "novelty": float,
    }  # fmt: skip
    for rank in range(top):
        columns |= {_ranked("label", rank): str, _ranked("probability", rank): float}
    return columns | {"notes": str, "error": str}


def result_row(
    labeled: Labeled,
    top: int,
    confidence_threshold: float = CONFIDENCE_THRESHOLD,
    novelty_threshold: float = NOVELTY_THRESHOLD,
) -> Row:
    """What is found in a picture, decided by the two thresholds; what has no value is left out."""
    prediction = labeled.prediction
    if prediction is None:
        return {"file": labeled.file, "error": labeled.error}
    decision = prediction.decision(confidence_threshold, novelty_threshold)
    row: Row = {
        "file": labeled.file,
        "taxonomy": prediction.taxonomy,
        "verdict": UNKNOWN if decision.kind == "unknown" else prediction.scores[0].label,
        "decision": decision.kind,
        "novelty": prediction.novelty,
    }
    for rank, score in enumerate(prediction.scores[:top]):
        row[_ranked("label", rank)] = score.label
        row[_ranked("probability", rank)] = score.probability
    if labeled.notes:
        row["notes"] = " ".join(labeled.notes)
    return row


def _ranked(column: str, rank: int) -> str:
    return f"{column}_{rank + 1}" if rank else column


def results_table(
    results: Sequence[Labeled],
    level: Taxonomy,
    confidence_threshold: float = CONFIDENCE_THRESHOLD,
    novelty_threshold: float = NOVELTY_THRESHOLD,
) -> list[Row]:
    """A row for each result in the taxonomy ``level``, with the two likeliest labels.

    The coarser label, where there is one, is in a column of its taxonomy's name. Every row has all
    columns; what has no value is None, and numbers have six decimals.
    """
    top = min(2, len(level.labels))
    columns, coarser = list(result_columns(top)), level.coarser and level.coarser.name
    if coarser:
        coarser = f"coarser_{coarser}" if coarser in columns else coarser
        columns.insert(columns.index("notes"), coarser)
    rows = []
    for labeled in results:
        row = result_row(labeled, top, confidence_threshold, novelty_threshold)
        if coarser and labeled.prediction:
            row[coarser] = level.parent_of(row["label"])
        row = {name: row.get(name) for name in columns}
        rows.append({n: round(v, 6) if isinstance(v, float) else v for n, v in row.items()})
    return rows


def to_csv(rows: Sequence[Row]) -> bytes:
    """UTF-8 with a byte order mark, so that spreadsheets show every letter.

    Text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, “CSV
    injection”).
    """
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows({field: escape_cell(value) for field, value in row.items()} for row in rows)
    return stream.getvalue().encode("utf-8-sig")


def to_json(rows: Sequence[Row]) -> bytes:
    """The rows as a JSON list, UTF-8."""
    return json.dumps(list(rows), ensure_ascii=False, indent=1).encode()
