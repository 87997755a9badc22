"""Curves: a training against its steps, several trainings together, accuracy against pictures."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from decor_app.charts.theme import INK, Spec, nominal, quantitative, show_chart, tooltip
from decor_core.model.events import TrainEvent
from decor_core.model.training_config import TrainingConfig
from decor_core.runs.run import Run
from decor_core.training.search import CurvePoint

_PARTS = {"Training": "train", "Validation": "validation"}
_MOST_POINTS = 160
# Of cross-entropy, in guesses: what rises above leaves the chart, and it is said.
_CEILING = 3.0
_LINE = {"type": "line", "interpolate": "monotone", "strokeWidth": 2.25, "clip": True}


def training_curves(events: Sequence[TrainEvent], config: TrainingConfig, classes: int) -> None:
    """Accuracy and cross-entropy on training and validation pictures against the steps done."""
    watched = ", :red[**╍ validation**] pictures" if config.validation_percentage else ""
    st.markdown(f":small[:blue[**━ training**] pictures{watched}]")
    dashes = {"domain": list(_PARTS), "range": [[1, 0], [5, 3]]}
    by_part = {
        "color": nominal("series", scale={"domain": list(_PARTS)}, legend=None),
        "strokeDash": nominal("series", scale=dashes, legend=None),
    }
    guessing = math.log(classes)
    left, right = st.columns(2, gap="medium")
    for place, title, measure in (
        (left, "Accuracy", "accuracy"),
        (right, "Cross-entropy", "cross_entropy"),
    ):
        rows = _rows({name: (events, f"{part}_{measure}") for name, part in _PARTS.items()})
        top, rule = 1.0, None
        if measure == "cross_entropy":
            highest = max((row["value"] for row in rows), default=0.0)
            top = min(max(guessing * 1.05, math.ceil(highest)), _CEILING * guessing)
            rule = guessing
        with place:
            _show_curves(rows, title, config.steps, top, by_part, guessing=rule, growing=True)


def overlaid_curves(runs: Sequence[Run], titles: Sequence[str]) -> None:
    """Validation accuracy and cross-entropy of several runs, a color for each."""
    steps = max(run.config.steps for run in runs if run.events)
    legend = {"title": None, "orient": "bottom", "columns": 1, "labelLimit": 280}
    by_run = {"color": nominal("series", scale={"domain": list(titles)}, legend=legend)}
    left, right = st.columns(2, gap="medium")
    for place, title, measure in (
        (left, "Validation accuracy", "validation_accuracy"),
        (right, "Validation cross-entropy", "validation_cross_entropy"),
    ):
        rows = _rows({name: (one.events, measure) for name, one in zip(titles, runs, strict=True)})
        highest = max((row["value"] for row in rows), default=1.0)
        top = 1.0 if measure.endswith("accuracy") else min(highest, 6.0)
        with place:
            _show_curves(rows, title, steps, top, by_run, height=300 + 22 * len(runs))


def _rows(series: Mapping[str, tuple[Sequence[TrainEvent], str]]) -> list[dict[str, Any]]:
    """A measure of the events of each series, as many as a chart can show apart.

    What has diverged, or was not measured, is left out.
    """
    rows = []
    for name, (events, measure) in series.items():
        stride = math.ceil(len(events) / _MOST_POINTS) or 1
        for event in events[(len(events) - 1) % stride :: stride]:  # the last is among them
            value = getattr(event, measure)
            if value is not None and math.isfinite(value):
                rows.append({"series": name, "step": event.step, "value": value})
    return rows


def _show_curves(
    rows: Sequence[Mapping[str, Any]],
    title: str,
    steps: int,
    top: float,
    encoding: Spec,
    *,
    height: int = 250,
    guessing: float | None = None,
    growing: bool = False,
) -> None:
    """Lines from 0 to ``top`` over the ``steps``; ``guessing`` is where one would guess."""
    number = ".0%" if "accuracy" in title.lower() else ".2f"
    lines = {
        "mark": _LINE,
        "encoding": {
            "x": quantitative(
                "step",
                title="Step",
                scale={"domain": [0, steps], "nice": False},
                axis={"grid": False, "tickCount": 5, "format": "d"},
            ),
            "y": quantitative(
                "value",
                scale={"domain": [0, top], "nice": True},
                axis={"format": number, "tickCount": 5},
            ),
            "tooltip": tooltip(series="Of", step=("Step", "d"), value=(title, number)),
            **encoding,
        },
    }
    layers = [lines]
    if guessing:
        at = {"data": {"values": [{}]}, "encoding": {"y": {"datum": guessing}}}
        layers.append(
            at | {"mark": {"type": "rule", "color": INK, "opacity": 0.35, "strokeDash": [2, 3]}}
        )
        words = {"type": "text", "text": "guessing", "align": "right", "baseline": "bottom",
                 "dy": -3, "color": INK, "opacity": 0.7, "x": "width"}  # fmt: skip
        layers.append(at | {"mark": words})
    show_chart(
        {"layer": layers},
        rows,
        height=height,
        alt=f"{title} by step: {', '.join(encoding['color']['scale']['domain'])}",
        growing=growing,
        title=title,
        padding={"right": 10},
    )


def learning_curve_chart(points: Sequence[CurvePoint]) -> None:
    """Accuracy with its interval against the number of training pictures."""
    rows = [
        {"pictures": point.pictures, "value": point.accuracy,
         "low": point.ci95[0], "high": point.ci95[1]}
        for point in points
    ]  # fmt: skip
    most = max((row["pictures"] for row in rows), default=1)
    lowest = min((row["low"] for row in rows), default=0.0)
    scale = {"domain": [math.floor(lowest * 10) / 10, 1]}
    encoding = {
        "x": quantitative(
            "pictures",
            title="Pictures to learn from",
            scale={"domain": [0, most]},
            axis={"grid": False, "tickCount": 6},
        ),
        "tooltip": tooltip(
            pictures=("Pictures", "d"),
            value=("Accuracy", ".1%"),
            low=("At least", ".1%"),
            high=("At most", ".1%"),
        ),
    }
    band = {
        "mark": {"type": "area", "opacity": 0.18, "interpolate": "monotone"},
        "encoding": {
            "y": quantitative("low", scale=scale, axis={"format": ".0%", "tickCount": 5}),
            "y2": {"field": "high"},
        },
    }
    line = {
        "mark": _LINE | {"point": {"size": 50}, "clip": False},
        "encoding": {"y": quantitative("value", scale=scale)},
    }
    show_chart(
        {"encoding": encoding, "layer": [band, line]},
        rows,
        height=280,
        alt="Accuracy by number of pictures: "
        + ", ".join(f"{row['value']:.0%} with {row['pictures']}" for row in rows),
    )
