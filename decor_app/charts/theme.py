"""Altair charts; their colours come from the theme, so that they suit light and dark."""

from collections.abc import Mapping

import altair as alt
import pandas as pd
import streamlit as st

from decor_app.charts.bars import INK, LABEL_WIDTH


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
