"""Rates with their intervals: how much of each class was recognised, how far confidence holds."""

from collections.abc import Mapping
from dataclasses import asdict

import altair as alt
import pandas as pd
import streamlit as st

from decor_app.charts.bars import INK, LABEL_WIDTH, count_bars
from decor_app.charts.theme import draw
from decor_app.format import escape_markdown
from decor_core.model.evaluation import SMALL_CLASS, Evaluation, wilson


def recall_bars(evaluation: Evaluation, pictures: Mapping[str, int]) -> None:
    """Share of each class that was recognised, with its 95 % interval; pale where pictures are few.

    ``pictures`` tells how many of each class there are to learn from and to be judged by.
    """
    table = _recalls(evaluation, pictures)
    base = alt.Chart(table).encode(
        y=alt.Y(
            "label:N",
            sort=list(table["label"]),
            title=None,
            axis=alt.Axis(
                domain=False,
                ticks=False,
                labelLimit=LABEL_WIDTH,
                labelPadding=8,
                labelFontSize=14,
            ),
        ),
        tooltip=[
            alt.Tooltip("label:N", title="Class"),
            alt.Tooltip("recall:Q", title="Recognised", format=".0%"),
            alt.Tooltip("shown:N", title="Pictures"),
            alt.Tooltip("low:Q", title="At least", format=".0%"),
            alt.Tooltip("high:Q", title="At most", format=".0%"),
        ],
    )
    bars = base.mark_bar(height=16, cornerRadiusEnd=3).encode(
        x=alt.X("recall:Q", scale=alt.Scale(domain=[0, 1.2]), axis=None, title=None),
        opacity=alt.condition("datum.few", alt.value(0.35), alt.value(0.8)),
    )
    spans = base.mark_rule(strokeWidth=1.5, color=INK).encode(x="low:Q", x2="high:Q")
    low, high = (
        base.mark_tick(color=INK, size=9, thickness=1.5).encode(x=f"{end}:Q")
        for end in ("low", "high")
    )
    words = base.mark_text(align="left", fontSize=13, color=INK).encode(
        x=alt.datum(1.03), text="shown:N"
    )
    draw(
        bars + spans + low + high + words,
        height=34 * len(table) + 6,
        described="Recognised: "
        + ", ".join(f"{row.label} {row.shown}" for row in table.itertuples()),
    )


def _recalls(evaluation: Evaluation, pictures: Mapping[str, int]) -> pd.DataFrame:
    rows = []
    for label, hits, count in zip(
        evaluation.labels,
        evaluation.confusion.diagonal(),
        evaluation.confusion.sum(axis=1),
        strict=True,
    ):
        n = round(float(count))
        low, high = wilson(float(hits), n)
        rows.append(
            {
                "label": label,
                "recall": hits / count if n else 0.0,
                "low": low,
                "high": high,
                "shown": f"{hits:.3g} of {n}",
                "few": pictures.get(label, n) < SMALL_CLASS,
            }
        )
    return pd.DataFrame(rows)


def reliability_diagram(evaluation: Evaluation) -> None:
    """How often answers of each confidence were right; on the diagonal, confidence is honest."""
    rows = []
    for part in evaluation.reliability:
        # A repeated cross-validation gives means over the repeats, which may be fractions.
        n = max(round(part.count), 1)
        low, high = wilson(part.accuracy * n, n)
        rows.append({**asdict(part), "low": low, "high": high})
    table = pd.DataFrame(rows)
    ends = alt.Data(values=[{"at": 0}, {"at": 1}])
    share = alt.Axis(format=".0%", tickCount=5)
    diagonal = (
        alt.Chart(ends)
        .mark_line(strokeDash=[4, 4], color=INK, opacity=0.5)
        .encode(
            x=alt.X("at:Q", title="Confidence", scale=alt.Scale(domain=[0, 1]), axis=share),
            y=alt.Y("at:Q", title="Right", scale=alt.Scale(domain=[0, 1]), axis=share),
        )
    )
    base = alt.Chart(table).encode(
        x="confidence:Q",
        tooltip=[
            alt.Tooltip("confidence:Q", title="Confidence", format=".0%"),
            alt.Tooltip("accuracy:Q", title="Right", format=".0%"),
            alt.Tooltip("count:Q", title="Pictures", format=".3~g"),
        ],
    )
    spans = base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(y="low:Q", y2="high:Q")
    dots = base.mark_circle(opacity=0.9).encode(
        y="accuracy:Q",
        size=alt.Size("count:Q", scale=alt.Scale(range=[40, 400]), legend=None),
    )
    draw(
        diagonal + spans + dots,
        height=300,
        described="Right answers by confidence: "
        + ", ".join(
            f"{row.accuracy:.0%} right of {row.count:.3g} with confidence {row.confidence:.0%}"
            for row in table.itertuples()
        ),
    )


def class_counts(counts: Mapping[str, int]) -> None:
    """How many pictures there are of each class, and of which there are few."""
    count_bars(counts)
    few = [label for label, count in counts.items() if count < SMALL_CLASS]
    if few:
        st.caption(
            f"{escape_markdown(', '.join(few))}: fewer than {SMALL_CLASS} pictures, so what is "
            "measured of them is uncertain."
        )
