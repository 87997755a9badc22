"""Where TensorFlow cannot be imported, Decor runs and says what needs it before any work."""

import os
import sys
from pathlib import Path

import pytest
from app_pages import end_processes, opened, sound, texts
from serving import TIMEOUT
from streamlit.testing.v1 import AppTest

from decor_app.jobs.background_queue import BackgroundQueue
from decor_app.jobs.tensorflow_tasks import ExportTask, NetworkTask, SummariesTask
from decor_app.state.workspace import Workspace
from decor_core.cli.main import main
from decor_core.export.formats import FORMATS
from decor_core.model.bundle import DEFAULT_BUNDLE
from decor_core.runs.run import run_of_training
from decor_core.runs.store import MemoryRuns

ABSENT = ("tensorflow", "keras")
HOW_TO = "needs the package tensorflow, which is not installed here; try: pip install"
EXTRA = "'decor-classifier[train]'"


@pytest.fixture(scope="module", autouse=True)
def without_tensorflow(tmp_path_factory):
    """Neither this process nor its children can import TensorFlow."""
    folder = tmp_path_factory.mktemp("site")
    lines = [f"import sys; sys.modules[{name!r}] = None" for name in ABSENT]
    (folder / "sitecustomize.py").write_text("\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        path = [str(folder), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
        patch.setenv("DECOR_HOME", str(folder / "home"))
        patch.setenv("DECOR_BACKBONES", str(folder / "networks"))
        for name in ABSENT:
            patch.setitem(sys.modules, name, None)
        end_processes()
        yield
        end_processes()


@pytest.mark.parametrize("page", ["classify", "data", "retrain", "runs", "about"])
def test_pages_open(page):
    assert not opened(page).error


def test_downloads_and_curves_say_what_they_need(training):
    run = run_of_training(training, "painted")
    test = opened("runs", workspace=Workspace("me", MemoryRuns([run])))
    entries = [one.id for one in test.session_state["workspace"].runs.list()]
    key = "runs-" + "-".join(run_id[:6] for run_id in entries)
    test.session_state[key] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    sound(test.run())
    assert f"Writing curves for TensorBoard {HOW_TO} {EXTRA}" in _plain(test)
    for kind, one in FORMATS.items():
        sound(test.radio(key=f"format-{run.id}").set_value(kind).run())
        assert (f"The format “{kind}” {HOW_TO}" in _plain(test)) == (one.package == "tensorflow")
        can_prepare = not one.is_light and one.package != "tensorflow"
        assert ("Prepare" in [button.label for button in test.button]) == can_prepare


def test_training_deeper_says_what_it_needs():
    assert f"Training deeper {HOW_TO} {EXTRA}" in _plain(opened("retrain"))


def _plain(test: AppTest) -> str:
    return texts(test).replace("\\", "")


def test_processes_of_their_own_say_it_too(training, tmp_path):
    queue = BackgroundQueue()
    try:
        for task in (
            ExportTask(training.bundle, "tflite"),
            NetworkTask("efficientnet_lite1"),
            SummariesTask((("run", training.events),), tmp_path / "curves"),
        ):
            job = queue.wait(queue.submit(task, "me"), TIMEOUT)
            assert HOW_TO in job.message and EXTRA in job.message
    finally:
        queue.close()


@pytest.mark.parametrize("arguments", [
    ("export", str(DEFAULT_BUNDLE), "--format", "tflite"),
    ("retrain", "--image_dir", "absent", "--output_graph", "graph.pb"),
    ("retrain", "--image_dir", "absent", "--summaries_dir", "curves"),
])  # fmt: skip
def test_the_command_line_says_it_before_the_work(arguments, capsys):
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert HOW_TO in told and EXTRA in told and told.count("\n") == 1


def test_labels_are_told_and_decor_s_own_format_is_written(tmp_path, capsys):
    picture = next(Path(__file__).parents[2].glob("models/samples/*.jpg"))
    assert main(["label", str(picture)]) == 0
    assert main(["export", str(DEFAULT_BUNDLE), "--out", str(tmp_path / "model.zip")]) == 0
