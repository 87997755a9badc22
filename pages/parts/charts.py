"""Altair charts; their colours come from the theme, so that they suit light and dark."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd
import streamlit as st

from decor_core.evaluation import Evaluation
from decor_core.heads import TrainEvent
from decor_core.predictor import Score

from .text import percent

# The colour of the text around the chart: it follows a switch from light to dark by itself.
_INK = "currentColor"
_LABEL_WIDTH = 150
_CURVES = ("Training", "Validation")


def score_bars(scores: Sequence[Score], top: int = 5) -> None:
    """The likeliest labels as bars, the first of them in full colour."""
    table = pd.DataFrame(
        {
            "label": [score.label for score in scores[:top]],
            "probability": [score.probability for score in scores[:top]],
            "shown": [percent(score.probability) for score in scores[:top]],
            "rank": range(len(scores[:top])),
        }
    )
    _draw(
        _labelled_bars(table, "probability", alt.Scale(domain=[0, 1.35])),
        height=34 * len(table) + 6,
        described="The likeliest: "
        + ", ".join(f"{row.label} {row.shown}" for row in table.itertuples()),
    )


def count_bars(counts: Mapping[str, int]) -> None:
    """How many pictures there are of each label."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    table = pd.DataFrame(ordered, columns=["label", "count"])
    table["shown"] = table["count"].astype(str)
    table["rank"] = 0
    _draw(
        _labelled_bars(table, "count", alt.Scale(domain=[0, table["count"].max() * 1.18])),
        height=30 * len(table) + 6,
        described="Pictures: " + ", ".join(f"{label} {count}" for label, count in ordered),
    )


def _labelled_bars(table: pd.DataFrame, value: str, scale: alt.Scale) -> alt.LayerChart:
    order = list(table["label"])
    base = alt.Chart(table).encode(
        y=alt.Y(
            "label:N",
            sort=order,
            title=None,
            axis=alt.Axis(
                domain=False,
                ticks=False,
                labelLimit=_LABEL_WIDTH,
                labelPadding=8,
                labelFontSize=14,
            ),
        ),
        x=alt.X(f"{value}:Q", title=None, axis=None, scale=scale),
    )
    bars = base.mark_bar(height=16, cornerRadiusEnd=3).encode(
        opacity=alt.condition("datum.rank == 0", alt.value(1.0), alt.value(0.45)),
        tooltip=[alt.Tooltip("label:N", title="Label"), alt.Tooltip("shown:N", title="Value")],
    )
    words = base.mark_text(align="left", dx=6, fontSize=14, color=_INK)
    words = words.encode(text="shown:N")
    return bars + words


def training_curves(events: Sequence[TrainEvent], steps: int) -> None:
    """Accuracy and cross-entropy of training and validation against the steps done."""
    st.markdown(":small[:blue[**━ training**] pictures, :red[**╍ validation**] pictures]")
    left, right = st.columns(2, gap="medium")
    with left:
        _curve(_curve_rows(events, "accuracy"), "Accuracy", steps, ".0%", [0, 1])
    with right:
        rows = _curve_rows(events, "cross_entropy")
        # Guessing among seven costs ln 7 = 1.95; only a training that goes astray rises above.
        top = max((row["value"] for row in rows), default=0.0)
        _curve(rows, "Cross-entropy", steps, ".2f", [0, max(2.0, top)])


def _curve_rows(events: Sequence[TrainEvent], measure: str) -> list[dict]:
    return [
        {"step": event.step, "value": value, "part": part}
        for event in events
        for part, value in zip(
            _CURVES,
            (getattr(event, f"train_{measure}"), getattr(event, f"validation_{measure}")),
            strict=True,
        )
        if value is not None
    ]


def _curve(rows: list[dict], title: str, steps: int, number: str, domain: list[float]) -> None:
    # Data under a fixed name: the page then sees the same chart with more points, and grows it
    # where it would otherwise draw a new one twice a second.
    chart = (
        alt.Chart(alt.NamedData("curve"))
        .mark_line(interpolate="monotone", strokeWidth=2.25)
        .encode(
            x=alt.X(
                "step:Q",
                title="Step",
                scale=alt.Scale(domain=[0, steps], nice=False),
                axis=alt.Axis(grid=False, tickCount=5, format="d"),
            ),
            y=alt.Y(
                "value:Q",
                title=None,
                scale=alt.Scale(domain=domain, nice=True),
                axis=alt.Axis(format=number, tickCount=5),
            ),
            color=alt.Color("part:N", scale=alt.Scale(domain=_CURVES), legend=None),
            strokeDash=alt.StrokeDash(
                "part:N", scale=alt.Scale(domain=_CURVES, range=[[1, 0], [5, 3]]), legend=None
            ),
            tooltip=[
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("step:Q", title="Step"),
                alt.Tooltip("value:Q", title=title, format=number),
            ],
        )
        .properties(title=title, datasets={"curve": rows}, padding={"right": 10})
    )
    _draw(chart, height=250, described=f"{title} of training and validation, by step")


def confusion_map(evaluation: Evaluation) -> None:
    """Which test pictures of each label (rows) were called what (columns)."""
    labels = list(evaluation.labels)
    table = pd.DataFrame(
        [
            {"truth": truth, "answer": answer, "pictures": evaluation.confusion[i, j]}
            for i, truth in enumerate(labels)
            for j, answer in enumerate(labels)
        ]
    )
    table["nothing"] = 0
    table["shown"] = [f"{count:g}" if count else "" for count in table["pictures"]]
    peak = max(float(table["pictures"].max()), 1.0)
    axis = {
        "domain": False,
        "ticks": False,
        "labelLimit": _LABEL_WIDTH,
        "labelFontSize": 13,
        "labelOverlap": False,
    }
    base = alt.Chart(table).encode(
        x=alt.X(
            "answer:N",
            sort=labels,
            title="Answer",
            axis=alt.Axis(labelAngle=-40, orient="bottom", **axis),
        ),
        y=alt.Y("truth:N", sort=labels, title="Truth", axis=alt.Axis(**axis)),
        tooltip=[
            alt.Tooltip("truth:N", title="Truth"),
            alt.Tooltip("answer:N", title="Answer"),
            alt.Tooltip("pictures:Q", title="Pictures"),
        ],
    )
    cells = base.mark_rect(cornerRadius=3, stroke="transparent", strokeWidth=3).encode(
        color=alt.Color("pictures:Q", scale=alt.Scale(domain=[0, peak]), legend=None)
    )
    # On strong cells the weakest colour of the same scale, which suits light and dark alike.
    counts = base.mark_text(fontSize=14, fontWeight=600).encode(
        text="shown:N",
        color=alt.condition(
            f"datum.pictures > {peak * 0.66}",
            alt.Color("nothing:Q", scale=alt.Scale(domain=[0, peak]), legend=None),
            alt.value(_INK),
        ),
    )
    _draw(
        cells + counts,
        height=46 * len(labels) + 110,
        described="Confusion matrix: "
        + ", ".join(
            f"{row.pictures:g} of {row.truth} called {row.answer}"
            for row in table.itertuples()
            if row.pictures
        ),
    )


def _draw(chart: alt.TopLevelMixin, height: int, described: str) -> None:
    st.altair_chart(
        chart.properties(height=height)
        .configure_view(strokeWidth=0)
        .configure_axis(labelColor=_INK, titleColor=_INK),
        width="stretch",
        alt=described,
    )
