"""Curves: a training against its steps, several trainings together, accuracy against pictures."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import altair as alt
import streamlit as st

from decor_app.charts.theme import INK, show_chart
from decor_core.model.events import TrainEvent
from decor_core.model.training_config import TrainingConfig
from decor_core.runs.run import Run
from decor_core.training.search import CurvePoint

_EPOCH = "Epoch"
_PARTS = {"Training": "train", "Validation": "validation"}
_MAX_POINTS = 160
# Of cross-entropy, in guesses: what rises above leaves the chart, and it is said.
_CEILING = 3.0
_LINE = {"interpolate": "monotone", "strokeWidth": 2.25}
_PADDING = {"right": 10}


def training_curves(events: Sequence[TrainEvent], config: TrainingConfig, classes: int) -> None:
    """Accuracy and cross-entropy on training and validation pictures against the steps done.

    Of a fine-tuning the steps are epochs.
    """
    steps, unit = _steps(config)
    watched = ", :red[**╍ validation**] pictures" if config.validation_percentage else ""
    st.markdown(f":small[:blue[**━ training**] pictures{watched}]")
    guessing = math.log(classes)
    measures = "accuracy", "cross_entropy"
    for place, measure in zip(st.columns(2, gap="medium"), measures, strict=True):
        title = measure.replace("_", "-").capitalize()
        rows = _rows({name: (events, f"{part}_{measure}") for name, part in _PARTS.items()})
        top, rule = 1.0, None
        if measure == "cross_entropy":
            highest = max((row["value"] for row in rows), default=0.0)
            top = min(max(guessing * 1.05, math.ceil(highest)), _CEILING * guessing)
            rule = guessing
        with place:
            show_chart(
                _by_part(title, steps, unit, top, rule),
                rows,
                height=250,
                alt=f"{title} by {unit.lower()}: {', '.join(_PARTS)}",
            )


def overlaid_curves(runs: Sequence[Run], titles: Sequence[str]) -> None:
    """Validation accuracy and cross-entropy of several runs, a color for each.

    All of them are fine-tuned, or none.
    """
    steps, unit = max(_steps(run.config) for run in runs)
    legend = alt.Legend(title=None, orient="bottom", columns=1, labelLimit=280)
    by_run = alt.Color("series:N", scale=alt.Scale(domain=list(titles)), legend=legend)
    measures = "accuracy", "cross_entropy"
    for place, measure in zip(st.columns(2, gap="medium"), measures, strict=True):
        title, field = f"Validation {measure.replace('_', '-')}", f"validation_{measure}"
        rows = _rows({name: (one.events, field) for name, one in zip(titles, runs, strict=True)})
        highest = max((row["value"] for row in rows), default=1.0)
        top = 1.0 if measure == "accuracy" else min(highest, 6.0)
        with place:
            show_chart(
                alt.layer(
                    _lines(title, steps, unit, top).encode(by_run), title=title, padding=_PADDING
                ),
                rows,
                height=300 + 22 * len(runs),
                alt=f"{title} by {unit.lower()}: {', '.join(titles)}",
            )


def _steps(config: TrainingConfig) -> tuple[int, str]:
    """How many steps the curves of a training have at most, and what a step is called."""
    return (config.fine_tune_epochs, _EPOCH) if config.fine_tune else (config.steps, "Step")


def _rows(series: Mapping[str, tuple[Sequence[TrainEvent], str]]) -> list[dict[str, Any]]:
    """A measure of the events of each series, as many as a chart can show apart.

    What has diverged, or was not measured, is left out.
    """
    rows = []
    for name, (events, measure) in series.items():
        stride = math.ceil(len(events) / _MAX_POINTS) or 1
        for event in events[(len(events) - 1) % stride :: stride]:  # the last is among them
            value = getattr(event, measure)
            if value is not None and math.isfinite(value):
                rows.append({"series": name, "step": event.step, "value": value})
    return rows


@lru_cache(maxsize=64)  # the same chart is drawn several times a second, with more rows
def _by_part(
    title: str, steps: int, unit: str, top: float, guessing: float | None
) -> alt.TopLevelMixin:
    """A line for each part of the pictures; ``guessing`` is where one would guess."""
    parts = list(_PARTS)
    dashes = alt.Scale(domain=parts, range=[[1, 0], [5, 3]])
    layers = [
        _lines(title, steps, unit, top).encode(
            alt.Color("series:N", scale=alt.Scale(domain=parts), legend=None),
            alt.StrokeDash("series:N", scale=dashes, legend=None),
        )
    ]
    if guessing:
        at = alt.Chart(alt.Data(values=[{}])).encode(y=alt.datum(guessing))
        layers += [
            at.mark_rule(color=INK, opacity=0.35, strokeDash=[2, 3], aria=False),
            at.mark_text(
                text="guessing", align="right", baseline="bottom", dy=-3, color=INK, opacity=0.7,
                x="width",
            ),
        ]  # fmt: skip
    return alt.layer(*layers, title=title, padding=_PADDING)


def _lines(title: str, steps: int, unit: str, top: float) -> alt.Chart:
    """Lines from 0 to ``top`` over the ``steps``; of epochs, which are few, with points."""
    number = ".0%" if "accuracy" in title.lower() else ".2f"
    points = {"size": 36} if unit == _EPOCH else False
    return (
        alt.Chart(alt.NamedData("rows"))
        .mark_line(clip=not points, point=points, **_LINE)  # no point is cut in half
        .encode(
            x=alt.X(
                "step:Q",
                title=unit,
                scale=alt.Scale(domain=[0, steps], nice=False),
                axis=alt.Axis(grid=False, tickCount=min(steps, 5), format="d"),
            ),
            y=alt.Y(
                "value:Q",
                title=None,
                scale=alt.Scale(domain=[0, top], nice=True, clamp=bool(points)),
                axis=alt.Axis(format=number, tickCount=5),
            ),
            tooltip=[
                alt.Tooltip("series:N", title="Of"),
                alt.Tooltip("step:Q", title=unit, format="d"),
                alt.Tooltip("value:Q", title=title, format=number),
            ],
        )
    )


def learning_curve_chart(points: Sequence[CurvePoint]) -> None:
    """Accuracy with its interval against the number of training pictures."""
    rows = [
        {"pictures": point.pictures, "value": point.accuracy.value,
         "low": point.accuracy.ci95[0], "high": point.accuracy.ci95[1]}
        for point in points
    ]  # fmt: skip
    most = max((row["pictures"] for row in rows), default=1)
    lowest = min((row["low"] for row in rows), default=0.0)
    scale = alt.Scale(domain=[math.floor(lowest * 10) / 10, 1])
    base = alt.Chart(alt.NamedData("rows")).encode(
        x=alt.X(
            "pictures:Q",
            title="Pictures to learn from",
            scale=alt.Scale(domain=[0, most]),
            axis=alt.Axis(grid=False, tickCount=6),
        ),
        tooltip=[
            alt.Tooltip("pictures:Q", title="Pictures", format="d"),
            alt.Tooltip("value:Q", title="Accuracy", format=".1%"),
            alt.Tooltip("low:Q", title="At least", format=".1%"),
            alt.Tooltip("high:Q", title="At most", format=".1%"),
        ],
    )
    share = alt.Axis(format=".0%", tickCount=5)
    band = base.mark_area(opacity=0.18, interpolate="monotone").encode(
        alt.Y("low:Q", title=None, scale=scale, axis=share), alt.Y2("high")
    )
    line = base.mark_line(point={"size": 50}, **_LINE).encode(
        alt.Y("value:Q", title=None, scale=scale)
    )
    show_chart(
        band + line,
        rows,
        height=280,
        alt="Accuracy by number of pictures: "
        + ", ".join(f"{row['value']:.0%} with {row['pictures']}" for row in rows),
    )
