"""Bars with words beside them, in plain Vega-Lite: Altair takes half a second to import.

Colours come from the theme, so that they suit light and dark.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from decor_app.format import percent
from decor_core.model.classifier import Score

# The colour of the text around the chart: it follows a switch from light to dark by itself.
INK = "currentColor"
LABEL_WIDTH = 150


def score_bars(scores: Sequence[Score], top: int = 5) -> None:
    """The likeliest labels as bars, the first of them in full colour."""
    rows = [
        {"label": s.label, "value": s.probability, "shown": percent(s.probability), "rank": rank}
        for rank, s in enumerate(scores[:top])
    ]
    _draw(rows, most=1.35, height=34 * len(rows) + 6, described="The likeliest")


def count_bars(counts: Mapping[str, int]) -> None:
    """How many pictures there are of each label."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    rows = [
        {"label": label, "value": count, "shown": str(count), "rank": 0} for label, count in ordered
    ]
    most = max(counts.values()) * 1.18
    _draw(rows, most, height=30 * len(rows) + 6, described="Pictures")


def _draw(rows: Sequence[Mapping[str, Any]], most: float, height: int, described: str) -> None:
    """Bars of ``value``, on a scale from 0 to ``most``, with what is ``shown`` at their ends."""
    places = {
        "x": {"field": "value", "type": "quantitative", "title": None, "axis": None,
              "scale": {"domain": [0, most]}},
        "y": {"field": "label", "type": "nominal", "title": None,
              "sort": [row["label"] for row in rows],
              "axis": {"domain": False, "ticks": False, "labelLimit": LABEL_WIDTH,
                       "labelPadding": 8, "labelFontSize": 14}},
    }  # fmt: skip
    first = {"condition": {"test": "datum.rank == 0", "value": 1.0}, "value": 0.45}
    tooltip = [
        {"field": field, "type": "nominal", "title": title}
        for field, title in (("label", "Label"), ("shown", "Value"))
    ]
    bars = {
        "mark": {"type": "bar", "height": 16, "cornerRadiusEnd": 3},
        "encoding": {**places, "opacity": first, "tooltip": tooltip},
    }
    words = {
        "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 14, "color": INK},
        "encoding": {**places, "text": {"field": "shown", "type": "nominal"}},
    }
    # Data within the layers go along as they are; elsewhere they would become a data frame first.
    data = {"values": [dict(row) for row in rows]}
    spec = {
        "layer": [{**layer, "data": data} for layer in (bars, words)],
        "height": height,
        "config": {
            "view": {"strokeWidth": 0},
            "axis": {"labelColor": INK, "titleColor": INK},
        },
    }
    told = ", ".join(f"{row['label']} {row['shown']}" for row in rows)
    st.vega_lite_chart(spec, width="stretch", alt=f"{described}: {told}")
