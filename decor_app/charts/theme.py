"""What all charts share: their colors, and their way onto the page.

Charts are plain Vega-Lite. Altair checks each against a schema: a confusion matrix takes 65 ms of
computing with it and 1 ms without; its import takes 0.35 s and 28 MB.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

# Classes and amounts have the colors of the theme, in its order: chartCategoricalColors and
# chartSequentialColors in .streamlit/config.toml, for light and dark. Beside them there are:
INK = "currentColor"  # the text around a chart; follows a switch from light to dark by itself
OTHER = "#8c857a"  # what has no color of its own

LABEL_WIDTH = 150  # pixels

Spec = dict[str, Any]


def show_chart(
    chart: Spec,
    rows: Any,
    *,
    height: int,
    alt: str,
    key: str | None = None,
    growing: bool = False,
    **top: Any,
) -> Mapping[str, Any]:
    """Show a Vega-Lite ``chart`` of ``rows``; ``alt`` is for who cannot see it.

    Rows are dicts without nan, or a data frame. With a ``key`` the chart can be clicked, and what
    its parameters select is returned. A ``growing`` one is drawn again and again with more rows.
    What else is given stands at the top of the chart.
    """
    spec = {
        "height": height,
        "config": {
            "view": {"strokeWidth": 0},
            "axis": {"labelColor": INK, "titleColor": INK},
            "legend": {"labelColor": INK},
        },
        **top,
    }
    if growing or key:  # the chart stays the same to the browser, whatever its data
        spec |= {"data": {"name": "rows"}, "datasets": {"rows": rows}, "layer": [chart]}
    else:  # within a layer data go along as they are, rather than to become a data frame first
        spec |= {"layer": [{"data": {"values": rows}, **chart}]}
    if key is None:
        st.vega_lite_chart(spec, width="stretch", alt=alt)
        return {}
    state = st.vega_lite_chart(spec, width="stretch", alt=alt, key=key, on_select="rerun")
    return state["selection"]


def quantitative(field: str, **channel: Any) -> Spec:
    """An encoding by a number."""
    return {"field": field, "type": "quantitative", "title": None, **channel}


def nominal(field: str, **channel: Any) -> Spec:
    """An encoding by a name."""
    return {"field": field, "type": "nominal", "title": None, **channel}


def tooltip(**fields: str | tuple[str, str]) -> list[Spec]:
    """What is shown on hovering: of each field its title and, of a number, its format."""
    return [
        nominal(field, title=shown)
        if isinstance(shown, str)
        else quantitative(field, title=shown[0], format=shown[1])
        for field, shown in fields.items()
    ]
