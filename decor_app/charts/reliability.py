"""The reliability diagram: how far confidence holds."""

from decor_app.charts.theme import INK, quantitative, show_chart, tooltip
from decor_core.model.evaluation import Evaluation, wilson

_SHARE = {"scale": {"domain": [0, 1]}, "axis": {"format": ".0%", "tickCount": 5}}
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
    diagonal = {
        "data": {"values": [{"at": 0}, {"at": 1}]},
        "mark": {"type": "line", "strokeDash": [4, 4], "color": INK, "opacity": 0.5},
        "encoding": {
            "x": quantitative("at", **_CONFIDENCE),
            "y": quantitative("at", **_RIGHT),
        },
    }
    shown = tooltip(
        confidence=("Confidence", ".0%"), accuracy=("Right", ".0%"), count=("Pictures", ".3~g")
    )
    intervals = {
        "mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.6, "color": INK},
        "encoding": {"x": quantitative("confidence", **_CONFIDENCE),
                     "y": quantitative("low", **_RIGHT),
                     "y2": {"field": "high"}, "tooltip": shown},
    }  # fmt: skip
    dots = {
        "mark": {"type": "circle", "opacity": 0.9},
        "encoding": {
            "x": quantitative("confidence", **_CONFIDENCE),
            "y": quantitative("accuracy", **_RIGHT),
            "size": quantitative("count", scale={"range": [40, 400]}, legend=None),
            "tooltip": shown,
        },
    }
    show_chart(
        {"layer": [diagonal, intervals, dots]},
        rows,
        height=300,
        alt="Right predictions by confidence: "
        + ", ".join(
            f"{row['accuracy']:.0%} right of {row['count']:.3g} with confidence "
            f"{row['confidence']:.0%}"
            for row in rows
        ),
    )
