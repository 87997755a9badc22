"""Predictions for many images as a table: CSV that is safe to open in a spreadsheet, and JSON."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from decor_core.data.tables.csv_escape import safe_cell
from decor_core.model.predictor import CONFIDENCE_THRESHOLD, NOVELTY_THRESHOLD, Labeled
from decor_core.taxonomy import Taxonomy


def answer_rows(
    answers: Sequence[Labeled],
    trained: Taxonomy,
    confidence_threshold: float = CONFIDENCE_THRESHOLD,
    novelty_threshold: float = NOVELTY_THRESHOLD,
) -> list[dict[str, Any]]:
    """One row for each answer: file, verdict, likeliest labels and probabilities, or the error.

    ``verdict`` is one of predictor.KINDS by the two thresholds, or “unreadable”; a coarser label,
    where there is one, stands in a column of its taxonomy's name.
    """
    rows: list[dict[str, Any]] = []
    for answer in answers:
        prediction = answer.prediction
        if prediction is None:
            rows.append({"file": answer.file, "verdict": "unreadable", "error": answer.error})
            continue
        level = trained.level(prediction.taxonomy)
        best, *others = prediction.scores
        row: dict[str, Any] = {
            "file": answer.file,
            "verdict": prediction.decision(confidence_threshold, novelty_threshold).kind,
            level.name: best.label,
            "probability": round(best.probability, 6),
        }
        if level.coarser:
            row[level.coarser.name] = level.parent_of(best.label)
        if others:
            row["second"] = others[0].label
            row["second_probability"] = round(others[0].probability, 6)
        rows.append(row | {"novelty": round(prediction.novelty, 6), "error": ""})
    return rows


def to_csv(rows: Sequence[dict[str, Any]]) -> bytes:
    """UTF-8 with a byte order mark, so that spreadsheets show every letter.

    Text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, “CSV
    injection”).
    """
    fields = list(dict.fromkeys(field for row in rows for field in row))
    fields.sort(key="error".__eq__)  # last
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, fields, restval="")
    writer.writeheader()
    writer.writerows({field: safe_cell(value) for field, value in row.items()} for row in rows)
    return stream.getvalue().encode("utf-8-sig")


def to_json(rows: Sequence[dict[str, Any]]) -> bytes:
    """The rows as a JSON list, UTF-8."""
    return json.dumps(list(rows), ensure_ascii=False, indent=1).encode()
