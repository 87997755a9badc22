"""What all charts share: their colors, and their way onto the page.

Charts are made with Altair, but for the bars: those the first page shows, and Altair's import takes
0.35 s and 28 MB. No chart is checked against Altair's schema when it is shown: that takes as long
as making it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from altair import Chart, LayerChart

# Classes and amounts have the colors of the theme, in its order: chartCategoricalColors and
# chartSequentialColors in .streamlit/config.toml, for light and dark. Beside them there are:
INK = "currentColor"  # the text around a chart; follows a switch from light to dark by itself
OTHER = "#8c857a"  # what has no color of its own

LABEL_WIDTH = 150  # pixels

Spec = dict[str, Any]


def show_chart(
    chart: "Chart | LayerChart | Spec", rows: Any, *, height: int, alt: str, key: str | None = None
) -> Mapping[str, Any]:
    """Show a chart of ``rows``; ``alt`` is for who cannot see it.

    Rows are dicts without nan, or a data frame. An Altair chart has them by the name "rows"; to the
    browser it stays the same chart when there are others. With a ``key`` it can be clicked, and
    what its parameters select is returned. Plain Vega-Lite is a single view or layer.
    """
    if isinstance(chart, dict):
        # Within a layer data go along as they are, rather than to become a data frame first.
        spec = {"layer": [{"data": {"values": rows}, **chart}]}
    else:
        spec = chart.to_dict(validate=False) | {"datasets": {"rows": rows}}
    spec |= {
        "height": height,
        "config": {
            "view": {"strokeWidth": 0},
            "axis": {"labelColor": INK, "titleColor": INK},
            "legend": {"labelColor": INK},
        },
    }
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
