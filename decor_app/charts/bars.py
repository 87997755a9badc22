"""Bars with words beside them: probabilities, pictures of each class, recall.

In plain Vega-Lite, as the first page draws them: see charts/theme.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from decor_app.charts.theme import INK, LABEL_WIDTH, Spec, show_chart
from decor_app.format import escape_markdown, percent
from decor_core.model.evaluation import SMALL_CLASS, Evaluation, wilson
from decor_core.model.predictor import Score

_MAX_SCORES = 5
_TOO_FEW, _FEW = 5, 10  # pictures of a class
_STATES = ("enough", "too few", "few")  # in the order of the theme's colors: blue, red, ochre
_PALE = 0.45
_TEXT_OFFSET, _LETTER_WIDTH = 6, 9  # pixels


@dataclass(frozen=True)
class Bar:
    """A bar of ``value`` with ``text`` at its end and, where there is one, its interval.

    ``state``, one of _STATES, gives its color.
    """

    label: str
    value: float
    text: str
    opacity: float = 1
    state: str = _STATES[0]
    low: float | None = None
    high: float | None = None


def score_bars(scores: Sequence[Score]) -> None:
    """The likeliest labels with their probabilities, the first of them in full color."""
    bars = [
        Bar(score.label, score.probability, percent(score.probability), _PALE if rank else 1)
        for rank, score in enumerate(scores[:_MAX_SCORES])
    ]
    _show_bars("Probabilities", bars, full=1)


def class_bars(counts: Mapping[str, int]) -> None:
    """How many pictures there are of each class, colored by whether they are enough."""
    bars = []
    for label, count in counts.items():
        state = "too few" if count < _TOO_FEW else "few" if count < _FEW else "enough"
        bars.append(Bar(label, count, f"{count:,}", state=state))
    _show_bars("Pictures", bars, full=max(counts.values(), default=1))
    named = {"too few": f"red: fewer than {_TOO_FEW}", "few": f"ochre: fewer than {_FEW}"}
    if shown := [words for state, words in named.items() if state in {bar.state for bar in bars}]:
        st.caption(f"Pictures of each class; {', '.join(shown)}.")


def class_counts(counts: Mapping[str, int]) -> None:
    """The same, largest first, and of which classes too little is measured to be sure."""
    class_bars(dict(sorted(counts.items(), key=lambda item: -item[1])))
    small = [label for label, count in counts.items() if count < SMALL_CLASS]
    if small:
        st.caption(
            f"{escape_markdown(', '.join(small))}: fewer than {SMALL_CLASS} pictures, so what is "
            "measured of them is uncertain."
        )


def recall_bars(evaluation: Evaluation, pictures: Mapping[str, int]) -> None:
    """Share of each class that was recognized, with its 95 % interval.

    Pale where there are few ``pictures`` to learn from and to be evaluated on.
    """
    hits, totals = evaluation.confusion.diagonal(), evaluation.confusion.sum(axis=1)
    bars = []
    for label, right, total in zip(evaluation.labels, hits, totals, strict=True):
        n = round(float(total))
        recall, (low, high) = float(right / total) if n else 0.0, wilson(float(right), n)
        opacity = _PALE if pictures.get(label, n) < SMALL_CLASS else 1
        bars.append(Bar(label, recall, f"{right:.3g} of {n}", opacity, low=low, high=high))
    _show_bars("Recall", bars, full=1)


def _show_bars(title: str, bars: Sequence[Bar], full: float) -> None:
    """Bars on a scale from 0 to ``full``, with room behind it for their words."""
    intervals = any(bar.low is not None for bar in bars)
    # In pixels, as words need as many in a narrow column as in a wide one.
    room = _TEXT_OFFSET + _LETTER_WIDTH * max((len(bar.text) for bar in bars), default=0)
    scale = {"domain": [0, full], "range": [0, {"expr": f"max(width - {room}, 0)"}], "nice": False}
    layers = [
        {
            "mark": {"type": "bar", "height": 16, "cornerRadiusEnd": 3},
            "encoding": {
                "x": _quantitative("value", axis=None, scale=scale),
                "opacity": _quantitative("opacity", scale=None, legend=None),
                "color": _nominal("state", scale={"domain": _STATES}, legend=None),
            },
        },
        {
            "mark": {
                "type": "text",
                "align": "left",
                "dx": _TEXT_OFFSET,
                "fontSize": 14,
                "color": INK,
            },
            "encoding": {  # behind intervals the words stand below each other
                "x": {"datum": full} if intervals else _quantitative("value"),
                "text": _nominal("text"),
            },
        },
    ]
    shown: dict[str, str | tuple[str, str]] = {"label": "Class", "text": title}
    if intervals:
        shown |= {"low": ("At least", ".0%"), "high": ("At most", ".0%")}
        span = {"x": _quantitative("low"), "x2": {"field": "high"}}
        tick = {"type": "tick", "size": 9, "thickness": 1.5, "color": INK}
        layers += [
            {"mark": {"type": "rule", "strokeWidth": 1.5, "color": INK}, "encoding": span},
            {"mark": tick, "encoding": {"x": _quantitative("low")}},
            {"mark": tick, "encoding": {"x": _quantitative("high")}},
        ]
    axis = {"domain": False, "ticks": False, "labelLimit": LABEL_WIDTH, "labelPadding": 8,
            "labelFontSize": 14}  # fmt: skip
    label = _nominal("label", sort=[bar.label for bar in bars], axis=axis)
    show_chart(
        {"encoding": {"y": label, "tooltip": _tooltip(**shown)}, "layer": layers},
        list(map(asdict, bars)),
        height=34 * len(bars) + 6,
        alt=f"{title}: " + ", ".join(f"{bar.label} {bar.text}" for bar in bars),
    )


def _quantitative(field: str, **channel: Any) -> Spec:
    """An encoding by a number."""
    return {"field": field, "type": "quantitative", "title": None, **channel}


def _nominal(field: str, **channel: Any) -> Spec:
    """An encoding by a name."""
    return {"field": field, "type": "nominal", "title": None, **channel}


def _tooltip(**fields: str | tuple[str, str]) -> list[Spec]:
    """Tooltips: of each field its title and, of a number, its format."""
    return [
        _nominal(field, title=shown)
        if isinstance(shown, str)
        else _quantitative(field, title=shown[0], format=shown[1])
        for field, shown in fields.items()
    ]
