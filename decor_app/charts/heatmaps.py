"""Coloured grids: what was taken for what, and how well settings did."""

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from decor_app.charts.bars import INK, LABEL_WIDTH
from decor_app.charts.theme import draw, plain_chart
from decor_core.model.evaluation import Evaluation
from decor_core.training.search import Result

_AXIS = {"domain": False, "ticks": False, "labelFontSize": 13, "labelOverlap": False}


def confusion_map(evaluation: Evaluation, key: str | None = None) -> tuple[str, str] | None:
    """Which pictures of each label (rows) were called what (columns).

    With a ``key`` cells can be clicked, and the truth and answer of the one that was is returned.
    """
    labels = list(evaluation.labels)
    table = pd.DataFrame(
        [
            {"truth": truth, "answer": answer, "pictures": evaluation.confusion[i, j]}
            for i, truth in enumerate(labels)
            for j, answer in enumerate(labels)
        ]
    )
    table["shown"] = [f"{count:.3g}" if count else "" for count in table["pictures"]]
    base = alt.Chart(table).encode(
        x=alt.X(
            "answer:N",
            sort=labels,
            title="Answer",
            axis=alt.Axis(labelAngle=-40, orient="bottom", labelLimit=LABEL_WIDTH, **_AXIS),
        ),
        y=alt.Y(
            "truth:N",
            sort=labels,
            title="Truth",
            axis=alt.Axis(labelLimit=LABEL_WIDTH, **_AXIS),
        ),
        tooltip=[
            alt.Tooltip("truth:N", title="Truth"),
            alt.Tooltip("answer:N", title="Answer"),
            alt.Tooltip("pictures:Q", title="Pictures", format=".3~g"),
        ],
    )
    peak = max(float(table["pictures"].max()), 1.0)
    clicked = key and alt.selection_point("cell", fields=["truth", "answer"], empty=False)
    chart = _coloured(base, table, "pictures", [0, peak], clicked)
    described = "Confusion matrix: " + ", ".join(
        f"{row.shown} of {row.truth} called {row.answer}"
        for row in table.itertuples()
        if row.pictures
    )
    if not key:
        draw(chart, height=46 * len(labels) + 110, described=described)
        return None
    state = st.altair_chart(
        plain_chart(chart, height=46 * len(labels) + 110),
        width="stretch",
        key=key,
        on_select="rerun",
        selection_mode="cell",
        alt=described,
    )
    cells = state["selection"].get("cell") or []
    return (cells[0]["truth"], cells[0]["answer"]) if cells else None


def heat_map(results: Sequence[Result], best: Result | None) -> None:
    """Cross-validated accuracy of settings, steps across and learning rates up; best framed.

    A grid of cells, or single squares where the settings make no grid. Heads without steps have
    no place in it.
    """
    table = _tried(results, best)
    steps = sorted(set(table["steps"]))
    rates = sorted(set(table["rate"]), key=float, reverse=True)
    gridded = len(table) * 2 > len(steps) * len(rates)
    base = alt.Chart(table).encode(
        **(_grid_axes(steps, rates) if gridded else _LOG_AXES),
        tooltip=[
            alt.Tooltip("steps:Q", title="Steps"),
            alt.Tooltip("rate:N", title="Learning rate"),
            alt.Tooltip("value:Q", title="Accuracy", format=".1%"),
            alt.Tooltip("error:Q", title="Standard error", format=".1%"),
        ],
    )
    values = table["value"].dropna()
    low = float(values.min()) if len(values) else 0.0
    high = float(values.max()) if len(values) else 1.0
    square = {} if gridded else {"width": 44, "height": 26}
    chart = _coloured(base, table, "value", [min(low, high - 0.02), high], None, square)
    frame = base.transform_filter("datum.best").mark_rect(
        fill=None, stroke=INK, strokeWidth=2.5, cornerRadius=3, **square
    )
    draw(
        chart + frame,
        height=44 * len(rates) + 60 if gridded else 360,
        described="Accuracy by steps and learning rate: "
        + ", ".join(
            f"{row.shown}\u00a0% with {row.steps} steps at {row.rate}" for row in table.itertuples()
        ),
    )


def _tried(results: Sequence[Result], best: Result | None) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "steps": result.candidate.steps,
                "rate": f"{result.candidate.learning_rate:g}",
                "size": result.candidate.learning_rate,
                "value": None if result.diverged else result.accuracy,
                "shown": "diverged" if result.diverged else f"{result.accuracy * 100:.1f}",
                "error": None if result.diverged else result.standard_error,
                "best": result is best,
            }
            for result in results
            if result.candidate.steps
        ]
    )


def _grid_axes(steps: list[int], rates: list[str]) -> dict[str, alt.SchemaBase]:
    return {
        "x": alt.X(
            "steps:O", sort=steps, title="Training steps", axis=alt.Axis(labelAngle=0, **_AXIS)
        ),
        "y": alt.Y("rate:N", sort=rates, title="Learning rate", axis=alt.Axis(**_AXIS)),
    }


_LOG = alt.Scale(type="log", nice=False, padding=30)
_LOG_AXES = {
    "x": alt.X(
        "steps:Q",
        scale=_LOG,
        title="Training steps",
        axis=alt.Axis(grid=False, tickCount=4, format="d"),
    ),
    "y": alt.Y(
        "size:Q",
        scale=_LOG,
        title="Learning rate",
        axis=alt.Axis(grid=False, tickCount=5, format="~g"),
    ),
}


def _coloured(
    base: alt.Chart,
    table: pd.DataFrame,
    value: str,
    domain: list[float],
    clicked: alt.Parameter | None,
    size: dict[str, int] | None = None,
) -> alt.LayerChart:
    """Cells coloured by ``value``, with the words ``shown`` on them."""
    low, high = domain
    table["lowest"] = low
    scale = alt.Scale(domain=domain)
    cells = base.mark_rect(
        cornerRadius=3, stroke="transparent", strokeWidth=3, **(size or {})
    ).encode(color=alt.Color(f"{value}:Q", scale=scale, legend=None))
    if clicked:
        cells = cells.add_params(clicked).encode(
            stroke=alt.condition(clicked, alt.value(INK), alt.value("transparent"))
        )
    # On strong cells the weakest colour of the same scale, which suits light and dark alike.
    words = base.mark_text(fontSize=14, fontWeight=600).encode(
        text="shown:N",
        color=alt.condition(
            f"datum.{value} > {low + (high - low) * 0.62}",
            alt.Color("lowest:Q", scale=scale, legend=None),
            alt.value(INK),
        ),
    )
    return cells + words
