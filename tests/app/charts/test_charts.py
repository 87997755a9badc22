"""Charts: what they show, to who sees them and who does not, and that their JSON can be read."""

import json
import math
from typing import Any

import pytest
from serving import TIMEOUT
from streamlit.testing.v1 import AppTest

from decor_app.charts.curves import _rows


def _bars() -> None:
    from decor_app.charts.bars import class_counts, score_bars
    from decor_core.model.predictor import Score

    score_bars([Score("Gzhel", 0.9), Score("Iznik", 0.1)])
    class_counts({"Towels": 7, "Tiles": 3, "Boards": 1200})


def _evaluation() -> None:
    import numpy as np

    from decor_app.charts.bars import recall_bars
    from decor_app.charts.heatmaps import confusion_matrix
    from decor_app.charts.reliability import reliability_diagram
    from decor_core.model.evaluation import evaluate

    probs = np.eye(3)[[0, 0, 1, 1, 1]] * 0.8 + 0.1
    judged = evaluate(probs, np.array([0, 0, 0, 1, 1]), ("Gzhel", "Iznik", "Delft"))
    recall_bars(judged, {"Gzhel": 40})
    confusion_matrix(judged)
    reliability_diagram(judged)


def _training() -> None:
    import streamlit as st

    from decor_app.charts.curves import training_curves
    from decor_core.model.events import TrainEvent
    from decor_core.model.training_config import TrainingConfig

    events = [TrainEvent(step, 0.9, 0.5, 0.8, 0.7, 0) for step in range(1, 21)]
    for done in (10, 20):
        with st.container():
            training_curves(events[:done], TrainingConfig("softmax", steps=20), 3)


def _charts(script: Any) -> list[tuple[str, dict[str, Any]]]:
    """What assistive software reads of each chart of a page, and its specification."""
    page = AppTest.from_function(script, default_timeout=TIMEOUT).run()
    assert not page.exception
    protos = [element.proto for element in page.get("vega_lite_chart")]
    return [(proto.alt, json.loads(proto.spec, parse_constant=_refuse)) for proto in protos]


def _refuse(constant: str) -> None:
    raise ValueError(f"a browser cannot read {constant}")


def test_bars_tell_their_numbers():
    (scores, _), (counts, spec) = _charts(_bars)
    assert scores.replace("\u00a0", " ") == "Probabilities: Gzhel 90 %, Iznik 10 %"
    assert counts == "Pictures: Boards 1,200, Towels 7, Tiles 3"  # the largest first
    states = [row["state"] for row in spec["layer"][0]["data"]["values"]]
    assert states == ["enough", "few", "too few"]


def test_an_evaluation_is_told_class_by_class():
    (recall, spec), (confusions, _), (reliability, _) = _charts(_evaluation)
    assert recall == "Recall: Gzhel 2 of 3, Iznik 2 of 2, Delft 0 of 0"
    gzhel, *_ = spec["layer"][0]["data"]["values"]
    assert gzhel["low"] < 2 / 3 < gzhel["high"] and gzhel["opacity"] == 1
    assert confusions == (
        "Confusion matrix: 2 of Gzhel predicted as Gzhel, 1 of Gzhel predicted as Iznik, "
        "2 of Iznik predicted as Iznik"
    )
    assert reliability.startswith("Right predictions by confidence: 80% right of 5 with confidence")


def test_a_curve_with_more_steps_is_the_same_chart():
    (accuracy, *first), (_, *entropy), (_, *second), _ = _charts(_training)
    assert accuracy == "Accuracy by step: Training, Validation"
    assert first == second  # its data go beside it
    _, guessing, _ = entropy[0]["layer"]
    assert guessing["mark"]["aria"] is False  # it has no name to be read


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_diverged_or_was_not_measured_is_no_point_of_a_curve(value):
    class Event:
        step, loss = 10, value

    assert _rows({"one": ([Event()], "loss")}) == []


def test_a_long_curve_is_thinned_and_keeps_its_end():
    class Event:
        def __init__(self, step: int) -> None:
            self.step, self.loss = step, 1 / step

    rows = _rows({"one": ([Event(step) for step in range(1, 1001)], "loss")})
    assert 100 < len(rows) <= 160 and rows[-1]["step"] == 1000
