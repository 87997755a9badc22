"""Altair charts; their colours come from the theme, so that they suit light and dark."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from decor_core.models.predictor import Score

from .text import percent

# The colour of the text around the chart: it follows a switch from light to dark by itself.
INK = "currentColor"
LABEL_WIDTH = 150


def score_bars(scores: Sequence[Score], top: int = 5) -> None:
    """The likeliest labels as bars, the first of them in full colour."""
    shown = [
        {
            "label": score.label,
            "probability": score.probability,
            "shown": percent(score.probability),
            "rank": rank,
        }
        for rank, score in enumerate(scores[:top])
    ]
    spec = copy.deepcopy(_score_spec(len(shown)))
    for layer in spec["layer"]:
        layer["encoding"]["y"]["sort"] = [row["label"] for row in shown]
    st.vega_lite_chart(
        {**spec, "datasets": {"scores": shown}},
        width="stretch",
        alt="The likeliest: " + ", ".join(f"{row['label']} {row['shown']}" for row in shown),
    )


@st.cache_resource(show_spinner=False)
def _score_spec(count: int) -> dict[str, Any]:
    """The chart of ``score_bars`` without its data: to make it takes longer than all the rest."""
    bars = _labelled_bars(alt.NamedData("scores"), [], "probability", alt.Scale(domain=[0, 1.35]))
    return plain_chart(bars, height=34 * count + 6).to_dict()


def count_bars(counts: Mapping[str, int]) -> None:
    """How many pictures there are of each label."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    table = pd.DataFrame(ordered, columns=["label", "count"])
    table["shown"] = table["count"].astype(str)
    table["rank"] = 0
    draw(
        _labelled_bars(
            table, list(table["label"]), "count", alt.Scale(domain=[0, table["count"].max() * 1.18])
        ),
        height=30 * len(table) + 6,
        described="Pictures: " + ", ".join(f"{label} {count}" for label, count in ordered),
    )


def _labelled_bars(
    data: pd.DataFrame | alt.NamedData, order: list[str], value: str, scale: alt.Scale
) -> alt.LayerChart:
    base = alt.Chart(data).encode(
        y=alt.Y(
            "label:N",
            sort=order,
            title=None,
            axis=alt.Axis(
                domain=False,
                ticks=False,
                labelLimit=LABEL_WIDTH,
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
    words = base.mark_text(align="left", dx=6, fontSize=14, color=INK)
    words = words.encode(text="shown:N")
    return bars + words


def draw(chart: alt.TopLevelMixin, height: int, described: str) -> None:
    """Show a chart in the page's colours; ``described`` is for who cannot see it."""
    st.altair_chart(plain_chart(chart, height), width="stretch", alt=described)


def plain_chart(chart: alt.TopLevelMixin, height: int) -> alt.TopLevelMixin:
    """``chart`` without a frame, its words in the colour of the page's text."""
    return (
        chart.properties(height=height)
        .configure_view(strokeWidth=0)
        .configure_axis(labelColor=INK, titleColor=INK)
    )


_WORRIES = ("enough", "too few", "few")  # in the order of the theme's colours: blue, red, ochre
_LEAST, _GOOD = 5, 10


def worry_bars(counts: Mapping[str, int]) -> None:
    """How many pictures there are of each label, coloured by whether they are enough."""
    table = pd.DataFrame({"label": list(counts), "count": list(counts.values())})
    table["shown"] = table["count"].map("{:,}".format)
    table["worry"] = [
        "too few" if count < _LEAST else "few" if count < _GOOD else "enough"
        for count in table["count"]
    ]
    base = alt.Chart(table).encode(
        y=alt.Y(
            "label:N",
            sort=list(table["label"]),
            title=None,
            axis=alt.Axis(
                domain=False, ticks=False, labelLimit=LABEL_WIDTH, labelPadding=8, labelFontSize=14
            ),
        ),
        x=alt.X(
            "count:Q",
            title=None,
            axis=None,
            scale=alt.Scale(domain=[0, float(table["count"].max()) * 1.22]),
        ),
    )
    bars = base.mark_bar(height=16, cornerRadiusEnd=3).encode(
        color=alt.Color("worry:N", scale=alt.Scale(domain=list(_WORRIES)), legend=None),
        tooltip=[
            alt.Tooltip("label:N", title="Class"),
            alt.Tooltip("count:Q", title="Pictures"),
            alt.Tooltip("worry:N", title="These are"),
        ],
    )
    words = base.mark_text(align="left", dx=6, fontSize=14, color=INK).encode(text="shown:N")
    draw(
        bars + words,
        height=max(30 * len(table) + 6, 60),
        described="Pictures: "
        + ", ".join(f"{row.label} {row.shown}" for row in table.itertuples()),
    )
    named = {"too few": f"red: fewer than {_LEAST}", "few": f"ochre: fewer than {_GOOD}"}
    worries = [words for worry, words in named.items() if (table["worry"] == worry).any()]
    if worries:
        st.caption(f"Pictures of each class; {', '.join(worries)}.")
