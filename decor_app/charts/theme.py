"""Colors of all charts, and their way onto the page.

Charts are made with Altair, but for the bars: the first page shows them, and Altair's import takes
0.35 s and 28 MB. Altair does not check a whole chart against its schema when it is shown: of a
confusion matrix that takes 25 ms, of 31.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from altair import TopLevelMixin

# Classes and amounts have the colors of the theme, in its order: chartCategoricalColors and
# chartSequentialColors in .streamlit/config.toml, for light and dark. Beside them there are:
INK = "currentColor"  # the text around a chart; follows a switch from light to dark by itself
OTHER = "#8c857a"  # what has no color of its own

LABEL_WIDTH = 150  # pixels

Spec = dict[str, Any]


def show_chart(
    chart: "TopLevelMixin | Spec", rows: Any, *, height: int, alt: str, key: str | None = None
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
            "axis": {"labelColor": INK, "titleColor": INK, "labelFlush": False},
            "legend": {"labelColor": INK},
        },
    }
    if key is None:
        st.vega_lite_chart(spec, width="stretch", alt=alt)
        return {}
    state = st.vega_lite_chart(spec, width="stretch", alt=alt, key=key, on_select="rerun")
    return state["selection"]
