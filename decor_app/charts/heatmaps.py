"""Grids of colored cells: the confusion matrix, and how well searched settings did."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from decor_app.charts.theme import INK, LABEL_WIDTH, show_chart
from decor_core.model.evaluation import Evaluation
from decor_core.training.search import SearchResult

_AXIS: dict[str, Any] = {
    "domain": False,
    "ticks": False,
    "labelFontSize": 13,
    "labelOverlap": False,
}
_LOG = alt.Scale(type="log", nice=False, padding=30)


def confusion_matrix(evaluation: Evaluation, key: str | None = None) -> tuple[str, str] | None:
    """How many pictures of each class (rows) were predicted as which (columns).

    With a ``key`` cells can be clicked: the true and the predicted class of the one that was.
    """
    labels = list(evaluation.labels)
    rows = [
        {"truth": truth, "answer": answer, "value": float(count),
         "text": f"{count:.3g}" if count else ""}
        for truth, counts in zip(labels, evaluation.confusion, strict=True)
        for answer, count in zip(labels, counts, strict=True)
    ]  # fmt: skip
    axis: dict[str, Any] = _AXIS | {"labelLimit": LABEL_WIDTH}
    base = alt.Chart(alt.NamedData("rows")).encode(
        alt.X("answer:N", title="Predicted", sort=labels, axis=alt.Axis(labelAngle=-40, **axis)),
        alt.Y("truth:N", title="True", sort=labels, axis=alt.Axis(**axis)),
        tooltip=[
            alt.Tooltip("truth:N", title="True"),
            alt.Tooltip("answer:N", title="Predicted"),
            alt.Tooltip("value:Q", title="Pictures", format=".3~g"),
        ],
    )
    cells, words = _cells(base, 0, max(float(evaluation.confusion.max()), 1.0))
    if key:
        cell = alt.selection_point("cell", fields=["truth", "answer"], empty=False)
        stroke = alt.condition(cell, alt.value(INK), alt.value("transparent"))
        cells = cells.encode(stroke=stroke).properties(name="cells").add_params(cell)
    selected = show_chart(
        cells + words,
        rows,
        height=46 * len(labels) + 110,
        alt="Confusion matrix: "
        + ", ".join(
            f"{row['text']} of {row['truth']} predicted as {row['answer']}"
            for row in rows
            if row["value"]
        ),
        key=key,
    )
    clicked = selected.get("cell")
    return (clicked[0]["truth"], clicked[0]["answer"]) if clicked else None


def search_heatmap(results: Sequence[SearchResult], best: SearchResult | None) -> None:
    """Cross-validated accuracy of settings, steps across and learning rates up; the best framed.

    A grid of cells, or single squares where the settings make no grid. Heads without steps have
    no place in it.
    """
    rows = [_row(result, best) for result in results if result.candidate.steps]
    steps = sorted({row["steps"] for row in rows})
    rates = sorted({row["rate"] for row in rows}, reverse=True)
    gridded = len(rows) * 2 > len(steps) * len(rates)
    if gridded:
        across, up = alt.Axis(labelAngle=0, **_AXIS), alt.Axis(**_AXIS)
        x, y = alt.X("steps:O", sort=steps, axis=across), alt.Y("rate:O", sort=rates, axis=up)
    else:
        across = alt.Axis(grid=False, tickCount=4, format="d")
        up = alt.Axis(grid=False, tickCount=5, format="~g")
        x, y = alt.X("steps:Q", scale=_LOG, axis=across), alt.Y("rate:Q", scale=_LOG, axis=up)
    values = [row["value"] for row in rows if row["value"] is not None] or [0.0, 1.0]
    low, high = min(*values, max(values) - 0.02), max(values)
    size: dict[str, Any] = {} if gridded else {"width": 44, "height": 26}
    base = alt.Chart(alt.NamedData("rows")).encode(
        x.title("Training steps"),
        y.title("Learning rate"),
        tooltip=[
            alt.Tooltip("steps:N", title="Steps"),
            alt.Tooltip("rate:N", title="Learning rate"),
            alt.Tooltip("value:Q", title="Accuracy", format=".1%"),
            alt.Tooltip("error:Q", title="Standard error", format=".1%"),
        ],
    )
    frame = base.transform_filter("datum.best").mark_rect(
        fill=None, stroke=INK, strokeWidth=2.5, cornerRadius=3, **size
    )
    show_chart(
        alt.layer(*_cells(base, low, high, **size), frame),
        rows,
        height=44 * len(rates) + 60 if gridded else 360,
        alt="Accuracy by steps and learning rate: "
        + ", ".join(
            f"{row['text']}\u00a0% with {row['steps']} steps at {row['rate']:g}" for row in rows
        ),
    )


def _row(result: SearchResult, best: SearchResult | None) -> dict[str, Any]:
    measured = not result.diverged
    return {
        "steps": result.candidate.steps,
        "rate": result.candidate.learning_rate,
        "value": result.accuracy if measured else None,
        "text": f"{result.accuracy * 100:.1f}" if measured else "diverged",
        "error": result.standard_error if measured else None,
        "best": result is best,
    }


def _cells(base: alt.Chart, low: float, high: float, **size: Any) -> tuple[alt.Chart, alt.Chart]:
    """Cells colored by ``value`` from ``low`` to ``high``, with their ``text`` on them."""
    scale = alt.Scale(domain=[low, high])
    cells = base.mark_rect(cornerRadius=3, stroke="transparent", strokeWidth=3, **size).encode(
        alt.Color("value:Q", scale=scale, legend=None)
    )
    # On strong cells the weakest color of the same scale, which suits light and dark alike.
    strong = alt.condition(
        f"datum.value > {low + (high - low) * 0.62}",
        {"datum": low, "type": "quantitative", "scale": scale, "legend": None},
        alt.value(INK),
    )
    words = base.mark_text(fontSize=14, fontWeight=600).encode(color=strong, text="text:N")
    return cells, words
