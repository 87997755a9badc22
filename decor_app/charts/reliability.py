"""The reliability diagram: how far confidence holds."""

import altair as alt

from decor_app.charts.theme import INK, show_chart
from decor_core.model.evaluation import Evaluation, wilson

_SHARE = {"scale": alt.Scale(domain=[0, 1]), "axis": alt.Axis(format=".0%", tickCount=5)}
_CONFIDENCE, _RIGHT = {**_SHARE, "title": "Confidence"}, {**_SHARE, "title": "Right"}


def reliability_diagram(evaluation: Evaluation) -> None:
    """How often predictions of each confidence were right: on the dashed line, just as often."""
    rows = []
    for part in evaluation.reliability:
        # A repeated cross-validation gives means over the repeats, which may be fractions.
        n = max(round(part.count), 1)
        low, high = wilson(part.accuracy * n, n)
        rows.append(
            {"confidence": part.confidence, "accuracy": part.accuracy, "count": part.count,
             "low": low, "high": high}
        )  # fmt: skip
    diagonal = (
        alt.Chart(alt.Data(values=[{"at": 0}, {"at": 1}]))
        .mark_line(strokeDash=[4, 4], color=INK, opacity=0.5)
        .encode(alt.X("at:Q", **_CONFIDENCE), alt.Y("at:Q", **_RIGHT))
    )
    base = alt.Chart(alt.NamedData("rows")).encode(
        x=alt.X("confidence:Q", **_CONFIDENCE),
        tooltip=[
            alt.Tooltip("confidence:Q", title="Confidence", format=".0%"),
            alt.Tooltip("accuracy:Q", title="Right", format=".0%"),
            alt.Tooltip("count:Q", title="Pictures", format=".3~g"),
        ],
    )
    intervals = base.mark_rule(strokeWidth=1.5, opacity=0.6, color=INK).encode(
        alt.Y("low:Q", **_RIGHT), alt.Y2("high")
    )
    dots = base.mark_circle(opacity=0.9).encode(
        alt.Y("accuracy:Q", **_RIGHT),
        alt.Size("count:Q", scale=alt.Scale(range=[40, 400]), legend=None),
    )
    show_chart(
        diagonal + intervals + dots,
        rows,
        height=300,
        alt="Right predictions by confidence: "
        + ", ".join(
            f"{row['accuracy']:.0%} right of {row['count']:.3g} with confidence "
            f"{row['confidence']:.0%}"
            for row in rows
        ),
    )
