"""One scene in the app: what a fixed camera or a burst brought is trained on, and what is told."""

from collections.abc import Callable

import pytest
from app_pages import button, latest_dataset, opened, sound, texts
from scenes import fixed_camera, hand
from serving import TIMEOUT
from streamlit.testing.v1 import AppTest

from decor_app.jobs.ingest_tasks import IngestTask, ingest
from decor_app.state.workspace import Workspace
from decor_core.data.split import split
from decor_core.datasets.store import DatasetStore
from decor_core.features.catalog_embeddings import embed_catalog
from decor_core.features.embedder import EmbeddingSpec
from decor_core.model.training_config import TrainingConfig
from decor_core.runs.run import run_of_training
from decor_core.training.train import train

_TOLD = "These pictures are nearly alike"


def test_a_fixed_camera_can_be_trained_on_and_is_told_once_on_each_page(tmp_path):
    mine = Workspace("inspector")
    into = DatasetStore(mine.folder / "datasets").begin("Parts")
    task = IngestTask(fixed_camera(tmp_path / "Parts", 6), into, "Parts")
    made = ingest(task, lambda event: None, lambda: False)
    mine.data_set = made.id
    test = opened("data", workspace=mine)
    assert "12 pictures in 2 classes" in texts(test) and texts(test).count(_TOLD) == 1
    assert "1 scene that whole classes show" in texts(test)
    assert "cannot be trained" not in texts(test) and "alike in two classes" not in texts(test)
    test = opened("retrain", workspace=mine)
    assert not button(test, "Retrain").disabled and not test.error
    vectors = embed_catalog(made.catalog, EmbeddingSpec(views=1))
    run = run_of_training(train(vectors, TrainingConfig("lda"), made.level), "Parts")
    mine.runs.save(run)
    test = opened("runs", workspace=mine)
    selected = {"selection": {"rows": [0], "columns": [], "cells": []}}
    test.session_state["runs-" + "-".join(one.id[:6] for one in mine.runs.list())] = selected
    assert _TOLD in sound(test.run()).warning[0].value


@pytest.fixture
def record(tmp_path, monkeypatch) -> Callable[..., AppTest]:
    """``record("fist", frames)`` is what the camera of the Data page does with a burst."""
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    mine = Workspace("me")

    def script() -> None:
        import streamlit as st

        from decor_app.components.burst_camera import keep_burst
        from decor_app.datasets.upload import _add_shots

        keep_burst(st.session_state["shots"], _add_shots)
        st.markdown(st.session_state["burst_answer"])

    def run(label: str | None, shots: list[bytes]) -> AppTest:
        test = AppTest.from_function(script, default_timeout=TIMEOUT)
        test.session_state["workspace"], test.session_state["shots"] = mine, shots
        test.session_state["add_label"] = label
        return sound(test.run())

    return run


@pytest.fixture
def signs(encoded) -> Callable[..., list[bytes]]:
    """``signs(2)`` are frames of a hand with two fingers."""
    return lambda fingers, count=12: [
        encoded(hand(i, fingers), "JPEG", quality=85) for i in range(count)
    ]


def test_bursts_of_two_classes_make_a_set_each_in_one_step(record, signs, tmp_path):
    test = record("one", signs(1))
    assert texts(test) == "12 pictures added to “one”."
    assert test.session_state["data_view"] == "Add pictures"
    assert texts(record("two", signs(2))) == "12 pictures added to “two”."
    made = latest_dataset(tmp_path)
    assert made.number == 1 and dict(made.counts) == {"one": 12, "two": 12}
    assert (
        made.table["file"].str.contains(r"\d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d burst \d+ \d{3}").all()
    )
    assert {finding.kind for finding in made.open_findings} == {"same scene"}
    found = split(made.table, "class")
    for start in (0, 12):  # each burst is cut in blocks
        tested = [row for row in found.test if start <= row < start + 12]
        trained = [row for row in found.train if start <= row < start + 12]
        assert tested and len(trained) == max(trained) - min(trained) + 1
    assert dict(made.undo().counts) == {"one": 12}


def test_a_burst_of_no_class_or_of_no_pictures_is_refused_and_leaves_nothing(
    record, signs, tmp_path
):
    test = record(None, signs(1))
    assert "A class needs a name" in texts(test) and "A class needs a name" in test.toast[0].value
    assert "None of the pictures can be read" in texts(record("one", [b"\xff\xd8 no more"]))
    assert texts(record("one", [])) == "The camera sent no picture; try again."
    assert not DatasetStore(tmp_path / "datasets").list()
    assert not list(tmp_path.glob("datasets/*/pictures"))
