"""Train deeper on the Retrain page: what it needs, its time, its progress, its verdict, its run."""

import pickle
from dataclasses import replace

import pytest
from app_pages import button, button_labels, opened, texts
from streamlit.testing.v1 import AppTest
from tiny_network import tiny_network

from decor_app.classify import correction_training
from decor_app.jobs import fine_tuning_tasks
from decor_app.jobs.fine_tuning_tasks import EstimateTask, FineTuneTask
from decor_app.jobs.tasks import STOP_GRACE, Progress
from decor_app.jobs.train_tasks import TrainTask
from decor_app.state import training_vectors
from decor_app.state.jobs import ESTIMATE, FINE_TUNE, TRAIN
from decor_app.state.training_vectors import TrainingVectors
from decor_core.datasets.store import DatasetStore
from decor_core.features.own_networks import OwnNetwork
from decor_core.model.events import TrainEvent, never_stop
from decor_core.model.predictor import VectorPredictor
from decor_core.model.training_config import TrainingConfig
from decor_core.model.training_data import TrainingData
from decor_core.runs.run import Run, run_of_training
from decor_core.training.fine_tuning import FineTuning
from decor_core.training.time_estimate import PHASES, TimeEstimate

EVENTS = tuple(TrainEvent(n, 0.8, 0.5, 0.9, loss, n) for n, loss in ((1, 0.4), (2, 0.2), (3, 0.3)))
ESTIMATE_OF_3_MINUTES = TimeEstimate(dict.fromkeys(PHASES, 42.5), 8)


@pytest.fixture
def run(visit, dataset, training, embeddings) -> Run:
    """The linear model of the data set."""
    data = TrainingData(dataset.id, "Shop", dataset.version, embeddings.spec, None)
    made = run_of_training(training, data).titled("Shop (60 steps)")
    visit.session.runs.save(made)
    return made


@pytest.fixture(scope="module")
def tuned(training, embeddings) -> FineTuning:
    """A better model, whose network is made up."""
    network = OwnNetwork(tiny_network(), 32, 127.0, 128.0, "Tiny, fine-tuned", "efficientnet_lite0")
    spec = replace(embeddings.spec, architecture=network.name)
    told = {"stages": 3, "bits": 8, "stopped": False}
    bundle = replace(
        training.bundle,
        embedding=spec,
        backbone_digest=network.digest,
        network=network,
        created="2099-01-01T00:00:00+00:00",  # later than the linear one
        training=training.bundle.training | {"fine_tune": 3, "fine_tuned": told},
    )
    made = replace(training, bundle=bundle, events=EVENTS)
    vectors = replace(embeddings, spec=spec, digest=network.digest)
    return FineTuning(training, made, True, "Fine-tuned: it is better.", EVENTS, 2, vectors)


def _page(visit) -> AppTest:
    return opened("retrain", workspace=visit.session)


def _plain(test: AppTest) -> str:
    return texts(test).replace("\\", "")


def _started(visit, embeddings) -> None:
    """The page after both clicks; the training is about to begin."""
    button(_page(visit), "How long will it take?").click().run()
    visit.end(ESTIMATE, embeddings)  # the pictures are looked at first
    visit.end(ESTIMATE, ESTIMATE_OF_3_MINUTES)
    test = _page(visit)
    assert "About 3 minutes, at most 8 epochs**, on this machine" in _plain(test)
    assert FINE_TUNE not in visit.session.jobs  # nothing begins without a click
    button(test, "Train deeper").click().run()


# What it needs


def test_without_pictures_of_one_s_own_it_is_said(visit):
    test = _page(visit)
    assert "It needs pictures of your own" in _plain(test)
    assert "How long will it take?" not in button_labels(test)


def test_it_begins_with_a_linear_model(visit, dataset):
    assert "press Retrain first" in _plain(_page(visit))


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"validation_percentage": 0}, "set the validation share above 0 %"), ({}, "set the test")],
)
def test_it_needs_parts_to_judge_by(visit, run, changes, words):
    bundle = run.bundle if changes else replace(run.bundle, evaluation=None)
    visit.session.runs.save(replace(run, bundle=bundle, config=replace(run.config, **changes)))
    test = _page(visit)
    assert words in _plain(test) and "How long will it take?" not in button_labels(test)


def test_a_model_that_cannot_be_beaten_is_named_before(visit, run):
    test = _page(visit)
    count = run.evaluation.n
    assert f"of {count} test pictures right. No model can beat that by more than chance" in (
        _plain(test)
    )
    assert "How long will it take?" in button_labels(test)  # who wants may


def test_a_server_may_switch_it_off(visit, run, monkeypatch):
    monkeypatch.setenv("DECOR_FINE_TUNE_MINUTES", "0")
    test = _page(visit)
    assert "This server does not train deeper" in _plain(test)
    assert "How long will it take?" not in button_labels(test)


def test_a_server_may_limit_the_minutes(visit, run, embeddings, monkeypatch):
    monkeypatch.setenv("DECOR_FINE_TUNE_MINUTES", "4")
    test = _page(visit)
    assert test.slider(key="setting-fine_tune_minutes").max == 4
    button(test, "How long will it take?").click().run()
    visit.end(ESTIMATE, embeddings)
    assert visit.session.jobs[ESTIMATE].snapshot().task.config.fine_tune_minutes == 4


# Before, while and after


def test_settings_reach_it_and_another_estimate_is_asked_for(visit, run, dataset, embeddings):
    test = _page(visit)
    test.slider(key="setting-fine_tune").set_value(2)
    test.slider(key="setting-fine_tune_epochs").set_value(5)
    button(test.run(), "How long will it take?").click().run()
    visit.end(ESTIMATE, embeddings)
    task = visit.session.jobs[ESTIMATE].snapshot().task
    assert isinstance(task, EstimateTask) and task.folder == dataset.folder
    assert task.config == replace(run.config, fine_tune=2, fine_tune_epochs=5)
    visit.end(ESTIMATE, TimeEstimate({"epochs": 30.0}, 5))
    test = _page(visit)
    assert "A minute or two, at most 5 epochs**, on this machine" in _plain(test)
    test.slider(key="setting-fine_tune").set_value(4)
    assert "How long will it take?" in button_labels(test.run())


def test_it_tells_how_far_it_is(visit, run, embeddings):
    _started(visit, embeddings)
    queue = visit.queues["tensorflow"]
    job_id = visit.session.jobs[FINE_TUNE].job_id
    task = queue.snapshot(job_id).task
    assert isinstance(task, FineTuneTask) and task.linear.id == run.id
    assert task.estimate == ESTIMATE_OF_3_MINUTES  # nothing is measured twice
    queue.begin(queue.take().id)
    assert task.stop_grace(()) == STOP_GRACE
    for phase, event, words in (
        (Progress(7, 30, 0.1, "pictures"), None, "Looking at the pictures: 7 of 30 pictures"),
        (Progress(1, 8, 0.4, "epochs"), EVENTS[0], "Epoch 2 of at most 8"),
        (Progress(0, 1, 0.8, "network"), None, "Finishing the best epoch"),
        (Progress(9, 36, 0.9, "vectors"), None, "Finishing the best epoch: 9 of 36 pictures"),
    ):
        queue.add_event(job_id, replace(phase, result=event))
        test = _page(visit)
        assert words in test.get("progress")[0].proto.text
    assert task.stop_grace(queue.snapshot(job_id).events) > 60
    assert len(test.get("vega_lite_chart")) + len(test.get("arrow_vega_lite_chart")) >= 2
    assert button(test, "Stop")


def test_a_better_model_becomes_a_run(visit, run, embeddings, training, tuned):
    # The linear one is on the same page, with buttons of its own.
    visit.begin(TRAIN, TrainTask(embeddings, run.config, "style", "Painted"))
    visit.end(TRAIN, training)
    _started(visit, embeddings)
    visit.end(FINE_TUNE, tuned)
    test = _page(visit)
    assert "Fine-tuned: it is better." in test.success[0].value.replace("\\", "")
    labels = [one.label for one in test.metric]
    assert labels == ["Test accuracy", "Linear model", "Trained deeper"]
    assert [one.label for one in test.button].count("Use this model") == 2
    made = visit.session.own_runs[0]
    assert made.title == "Shop (fine-tuned, 3 stages)" and made.events == EVENTS
    assert made.bundle.network and made.predictions.equals(tuned.fine_tuned.predictions)
    assert visit.queues["tensorflow"].jobs("me")[-1].result is None  # which is large
    # Its vectors are here: neighbors need no second look at the pictures.
    assert any(one.spec.architecture == made.bundle.network.name
               for one in visit.session.vectors.values())  # fmt: skip

    runs = opened("runs", workspace=visit.session)
    assert list(runs.dataframe[0].value["Fine-tuned"])[:2] == ["3 stages", "–"]
    ticks = [one.id for one in visit.session.runs.list()].index(run.id)
    ids = "-".join(one.id[:6] for one in visit.session.runs.list())
    runs.session_state[f"runs-{ids}"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    told = _plain(runs.run())
    assert "the last 3 stages of efficientnet_lite0 learned along for 3 epochs" in told
    assert "at 8 bits" in told
    assert "Learning curve" not in [tab.label for tab in runs.tabs]  # it has seen the pictures
    ticked = {"selection": {"rows": [0, ticks], "columns": [], "cells": []}}
    runs.session_state[f"runs-{ids}"] = ticked
    assert "Is the difference more than chance?" in [one.value for one in runs.run().header]
    assert not runs.exception


def test_else_the_linear_model_stays_and_the_other_may_be_kept(visit, run, embeddings, tuned):
    _started(visit, embeddings)
    verdict = "Fine-tuned: it may well be chance: the linear model stays."
    visit.end(FINE_TUNE, replace(tuned, is_better=False, verdict=verdict))
    test = _page(visit)
    assert verdict in _plain(test) and not test.success
    assert [one.id for one in visit.session.own_runs] == [run.id]
    button(test, "Keep it all the same").click().run()
    assert len(visit.session.own_runs) == 2
    assert "Keep it all the same" not in button_labels(_page(visit))


def test_stopped_before_the_first_epoch_nothing_is_kept(visit, run, embeddings):
    _started(visit, embeddings)
    visit.session.jobs[FINE_TUNE].stop()
    assert "Stopped before the first epoch: the linear model stays" in _plain(_page(visit))
    assert [one.id for one in visit.session.own_runs] == [run.id]


def test_a_process_that_dies_says_so(visit, run, embeddings):
    _started(visit, embeddings)
    queue = visit.queues["tensorflow"]
    queue.fail(queue.take().id, "The process that did this ended unexpectedly.")
    test = _page(visit)
    assert "ended unexpectedly" in test.error[0].value
    assert "Train deeper" in button_labels(test)


# With the model


def test_its_network_goes_with_the_pictures_to_look_at(visit, dataset, tuned, monkeypatch):
    """A process that has never met the model finds its network by the task."""
    monkeypatch.setattr(training_vectors, "workspace", lambda: visit.session)
    monkeypatch.setattr(training_vectors, "store", lambda: DatasetStore(dataset.folder.parent))
    bundle = tuned.fine_tuned.bundle
    data = TrainingData(dataset.id, "Shop", dataset.version, bundle.embedding, None)
    task = TrainingVectors(data, "style").missing()
    assert task is not None and task.network is bundle.network
    assert pickle.loads(pickle.dumps(task)).network.name == task.spec.architecture


def test_corrections_do_not_train_it(visit, dataset, run, tuned, monkeypatch):
    visit.session.model = VectorPredictor(tuned.fine_tuned.bundle)
    monkeypatch.setattr(correction_training, "predictor", lambda: visit.session.model)
    assert correction_training._training_data(dataset) is None


# The task


def test_the_task_hands_everything_over(visit, dataset, run, embeddings, tuned, monkeypatch):
    asked = {}

    def fine_tune(vectors, read, config, level, *, linear, estimate, on_estimate, on_event,
                  progress, **rest):  # fmt: skip
        asked.update(read=read(vectors.table["file"][0]), config=config, linear=linear)
        on_estimate(estimate)
        for done in (1, 2):
            progress("pictures", done, 2)
        for event in EVENTS[:2]:
            on_event(event)
            progress("epochs", event.step, 2)
        progress("network", 0, 1)
        progress("network", 1, 1)
        for done in (1, 2):
            progress("vectors", done, 2)
        return tuned

    monkeypatch.setattr(fine_tuning_tasks, "fine_tune", fine_tune)
    state, told = (dataset.folder, dataset.number, dataset.version), []
    config = TrainingConfig("lda", fine_tune=1)
    data = TrainingData.of(run.bundle)
    estimate = TimeEstimate(dict.fromkeys(PHASES, 15.0), 2)
    task = FineTuneTask(
        embeddings, config, "style", *state, linear=run, training_data=data, estimate=estimate
    )
    assert task.run(told.append, never_stop) is tuned
    assert asked["config"] is config and asked["linear"].bundle is run.bundle
    assert asked["read"] == dataset.catalog.read(dataset.table["file"][0])
    assert len(asked["linear"].split.test) == len(run.predictions)
    assert [one.result for one in told if one.result] == list(EVENTS[:2])
    assert all(0 <= one.fraction <= 1 for one in told) and told[-1].fraction == 1
