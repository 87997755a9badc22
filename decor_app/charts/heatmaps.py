"""Grids of colored cells: the confusion matrix, and how well searched settings did."""

from collections.abc import Sequence
from typing import Any

from decor_app.charts.theme import (
    INK,
    LABEL_WIDTH,
    Spec,
    nominal,
    quantitative,
    show_chart,
    tooltip,
)
from decor_core.model.evaluation import Evaluation
from decor_core.training.search import SearchResult

_AXIS = {"domain": False, "ticks": False, "labelFontSize": 13, "labelOverlap": False}
_LOG = {"type": "log", "nice": False, "padding": 30}


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
    axis = _AXIS | {"labelLimit": LABEL_WIDTH}
    encoding = {
        "x": nominal("answer", title="Predicted", sort=labels, axis=axis | {"labelAngle": -40}),
        "y": nominal("truth", title="True", sort=labels, axis=axis),
        "tooltip": tooltip(truth="True", answer="Predicted", value=("Pictures", ".3~g")),
    }
    cells, words = _cells(0, max(float(evaluation.confusion.max()), 1.0))
    if key:
        fields = ["truth", "answer"]
        cells["params"] = [{"name": "cell", "select": {"type": "point", "fields": fields}}]
        cells["encoding"]["stroke"] = {
            "condition": {"param": "cell", "empty": False, "value": INK},
            "value": "transparent",
        }
    selected = show_chart(
        {"encoding": encoding, "layer": [cells, words]},
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
    values = [row["value"] for row in rows if row["value"] is not None] or [0.0, 1.0]
    low, high = min(*values, max(values) - 0.02), max(values)
    size = {} if gridded else {"width": 44, "height": 26}
    frame = {
        "transform": [{"filter": "datum.best"}],
        "mark": {"type": "rect", "fill": None, "stroke": INK, "strokeWidth": 2.5,
                 "cornerRadius": 3, **size},
    }  # fmt: skip
    encoding = {
        **(_grid_axes(steps, rates) if gridded else _log_axes()),
        "tooltip": tooltip(
            steps="Steps",
            rate="Learning rate",
            value=("Accuracy", ".1%"),
            error=("Standard error", ".1%"),
        ),
    }
    show_chart(
        {"encoding": encoding, "layer": [*_cells(low, high, **size), frame]},
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


def _grid_axes(steps: list[int], rates: list[float]) -> Spec:
    return {
        "x": {"field": "steps", "type": "ordinal", "sort": steps, "title": "Training steps",
              "axis": _AXIS | {"labelAngle": 0}},
        "y": {"field": "rate", "type": "ordinal", "sort": rates, "title": "Learning rate",
              "axis": _AXIS},
    }  # fmt: skip


def _log_axes() -> Spec:
    return {
        "x": quantitative(
            "steps",
            title="Training steps",
            scale=_LOG,
            axis={"grid": False, "tickCount": 4, "format": "d"},
        ),
        "y": quantitative(
            "rate",
            title="Learning rate",
            scale=_LOG,
            axis={"grid": False, "tickCount": 5, "format": "~g"},
        ),
    }


def _cells(low: float, high: float, **size: int) -> list[Spec]:
    """Cells colored by ``value`` from ``low`` to ``high``, with their ``text`` on them."""
    scale = {"domain": [low, high]}
    cells = {
        "mark": {"type": "rect", "cornerRadius": 3, "stroke": "transparent", "strokeWidth": 3,
                 **size},
        "encoding": {"color": quantitative("value", scale=scale, legend=None)},
    }  # fmt: skip
    # On strong cells the weakest color of the same scale, which suits light and dark alike.
    strong = {"test": f"datum.value > {low + (high - low) * 0.62}", "datum": low, "scale": scale,
              "type": "quantitative", "legend": None}  # fmt: skip
    words = {
        "mark": {"type": "text", "fontSize": 14, "fontWeight": 600},
        "encoding": {
            "text": nominal("text"),
            "color": {"condition": strong, "value": INK},
        },
    }
    return [cells, words]
