"""Curves: a training against its steps, several trainings together, accuracy against pictures."""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import streamlit as st

from decor_app.charts.bars import INK
from decor_app.charts.theme import draw, plain_chart
from decor_core.model.heads import TrainEvent
from decor_core.model.training_config import TrainingConfig
from decor_core.runs.run import Run
from decor_core.training.search import CurvePoint

_PARTS = ("Training", "Validation")
_MOST_POINTS = 160
# Of cross-entropy, in guesses: what rises above leaves the chart, and it is said.
_CEILING = 3.0


def training_curves(events: Sequence[TrainEvent], config: TrainingConfig, classes: int) -> None:
    """Accuracy and cross-entropy of training and validation against the steps done."""
    watched = ", :red[**╍ validation**] pictures" if config.validation_percentage else ""
    st.markdown(f":small[:blue[**━ training**] pictures{watched}]")
    steps = config.steps
    shown = _thinned(events)
    left, right = st.columns(2, gap="medium")
    with left:
        rows = _rows(shown, "accuracy")
        _curve(rows, "Accuracy", steps, ".0%", 1.0)
    with right:
        rows = _rows(shown, "cross_entropy")
        guessing = math.log(classes)
        top = max((row["value"] for row in rows if math.isfinite(row["value"])), default=0.0)
        top = min(max(guessing * 1.05, math.ceil(top)), _CEILING * guessing)
        _curve(rows, "Cross-entropy", steps, ".2f", top, guessing)


def _thinned(events: Sequence[TrainEvent]) -> Sequence[TrainEvent]:
    """So many events that a chart can show them apart; always the last."""
    stride = math.ceil(len(events) / _MOST_POINTS) or 1
    return events[(len(events) - 1) % stride :: stride]


def _rows(events: Sequence[TrainEvent], measure: str) -> list[dict]:
    return [
        {"step": event.step, "value": value, "part": part}
        for event in events
        for part, value in zip(
            _PARTS,
            (getattr(event, f"train_{measure}"), getattr(event, f"validation_{measure}")),
            strict=True,
        )
        if value is not None
    ]


def _curve(
    rows: list[dict],
    title: str,
    steps: int,
    number: str,
    top: float,
    guessing: float | None = None,
) -> None:
    spec = _curve_spec(title, steps, number, top, guessing)
    st.vega_lite_chart(
        {**spec, "datasets": {**spec.get("datasets", {}), "curve": rows}},
        width="stretch",
        alt=f"{title} of training and validation, by step",
    )


@st.cache_data(max_entries=200, show_spinner=False)
def _curve_spec(
    title: str, steps: int, number: str, top: float, guessing: float | None
) -> dict[str, Any]:
    """The chart without its data, which are drawn several times a second.

    Making it takes far longer than drawing it. The data have a fixed name: the page then sees
    the same chart with more points, and grows it.
    """
    chart = (
        alt.Chart(alt.NamedData("curve"))
        .mark_line(interpolate="monotone", strokeWidth=2.25, clip=True)
        .encode(
            x=_steps_axis(steps),
            y=_value_axis(number, [0, top]),
            color=alt.Color("part:N", scale=alt.Scale(domain=_PARTS), legend=None),
            strokeDash=alt.StrokeDash(
                "part:N", scale=alt.Scale(domain=_PARTS, range=[[1, 0], [5, 3]]), legend=None
            ),
            tooltip=[
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("step:Q", title="Step"),
                alt.Tooltip("value:Q", title=title, format=number),
            ],
        )
    )
    if guessing:
        chart = chart + _guessing_line(guessing)
    chart = chart.properties(title=title, padding={"right": 10})
    return plain_chart(chart, height=250).to_dict()


def _steps_axis(steps: int) -> alt.X:
    return alt.X(
        "step:Q",
        title="Step",
        scale=alt.Scale(domain=[0, steps], nice=False),
        axis=alt.Axis(grid=False, tickCount=5, format="d"),
    )


def _value_axis(number: str, domain: list[float]) -> alt.Y:
    return alt.Y(
        "value:Q",
        title=None,
        scale=alt.Scale(domain=domain, nice=True),
        axis=alt.Axis(format=number, tickCount=5),
    )


def _guessing_line(guessing: float) -> alt.LayerChart:
    data = alt.Data(values=[{"value": guessing, "words": "guessing"}])
    base = alt.Chart(data).encode(y="value:Q")
    rule = base.mark_rule(color=INK, opacity=0.35, strokeDash=[2, 3])
    words = base.mark_text(align="right", baseline="bottom", dy=-3, color=INK, opacity=0.7)
    return rule + words.encode(text="words:N", x=alt.value("width"))


def overlaid_curves(runs: Sequence[Run]) -> None:
    """Validation accuracy and cross-entropy of several runs, a colour for each."""
    steps = max(run.config.steps for run in runs if run.events)
    order = names(runs)
    left, right = st.columns(2, gap="medium")
    for place, title, measure, number in (
        (left, "Validation accuracy", "validation_accuracy", ".0%"),
        (right, "Validation cross-entropy", "validation_cross_entropy", ".2f"),
    ):
        rows = [
            {"run": name, "step": event.step, "value": getattr(event, measure)}
            for name, run in zip(order, runs, strict=True)
            for event in _thinned(run.events)
            if getattr(event, measure) is not None
        ]
        top = 1.0 if number == ".0%" else max((row["value"] for row in rows), default=1.0)
        with place:
            _overlay(rows, order, title, steps, number, top)


def names(runs: Sequence[Run]) -> list[str]:
    """Titles, told apart by ids where they are alike."""
    titles = [run.title for run in runs]
    return [
        run.title if titles.count(run.title) == 1 else f"{run.title} · {run.id[:4]}" for run in runs
    ]


def _overlay(
    rows: list[dict], order: list[str], title: str, steps: int, number: str, top: float
) -> None:
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(interpolate="monotone", strokeWidth=2.25, clip=True)
        .encode(
            x=_steps_axis(steps),
            y=_value_axis(number, [0, min(top, 6.0)]),
            color=alt.Color(
                "run:N",
                scale=alt.Scale(domain=order),
                legend=alt.Legend(
                    title=None, orient="bottom", columns=1, labelLimit=280, labelColor=INK
                ),
            ),
            tooltip=[
                alt.Tooltip("run:N", title="Run"),
                alt.Tooltip("step:Q", title="Step"),
                alt.Tooltip("value:Q", title=title, format=number),
            ],
        )
        .properties(title=title, padding={"right": 10})
    )
    draw(chart, height=300 + 22 * len(order), described=f"{title} of {', '.join(order)}, by step")


def learning_curve_chart(points: Sequence[CurvePoint]) -> None:
    """Accuracy with its interval against the number of training pictures."""
    rows = [
        {
            "pictures": point.pictures,
            "value": point.accuracy,
            "low": point.ci95[0],
            "high": point.ci95[1],
        }
        for point in points
    ]
    lowest = min((row["low"] for row in rows), default=0.0)
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X(
            "pictures:Q",
            title="Pictures to learn from",
            scale=alt.Scale(domain=[0, max((row["pictures"] for row in rows), default=1)]),
            axis=alt.Axis(grid=False, tickCount=6),
        ),
        tooltip=[
            alt.Tooltip("pictures:Q", title="Pictures"),
            alt.Tooltip("value:Q", title="Accuracy", format=".1%"),
            alt.Tooltip("low:Q", title="At least", format=".1%"),
            alt.Tooltip("high:Q", title="At most", format=".1%"),
        ],
    )
    scale = alt.Scale(domain=[math.floor(lowest * 10) / 10, 1])
    band = base.mark_area(opacity=0.18, interpolate="monotone").encode(
        y=alt.Y("low:Q", scale=scale, title=None, axis=alt.Axis(format=".0%", tickCount=5)),
        y2="high:Q",
    )
    line = base.mark_line(interpolate="monotone", strokeWidth=2.25, point={"size": 50}).encode(
        y=alt.Y("value:Q", scale=scale)
    )
    described = ", ".join(f"{row['value']:.0%} with {row['pictures']}" for row in rows)
    draw(band + line, height=280, described=f"Accuracy by number of pictures: {described}")
