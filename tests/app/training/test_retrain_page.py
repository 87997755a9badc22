"""The Retrain page without a browser: controls, a training and its results, jobs about it."""

import time
from dataclasses import fields, replace
from types import SimpleNamespace

import pytest
from app_pages import TIMEOUT, button, ended, opened, sound, texts
from streamlit.testing.v1 import AppTest

from decor_app.components import progress
from decor_app.jobs.inference_pool import InferencePool
from decor_app.jobs.job import Job
from decor_app.jobs.queue import QueueLimits
from decor_app.jobs.tasks import Progress
from decor_app.jobs.train_tasks import CrossValidateTask, TrainTask
from decor_app.state import runs as state_runs
from decor_app.state.processes import job_queues
from decor_app.state.workspace import Workspace
from decor_app.training import result
from decor_core.errors import BundleError
from decor_core.model.events import TrainEvent
from decor_core.model.training_config import HEADS, TrainingConfig
from decor_core.model.training_data import TrainingData
from decor_core.runs.run import run_of_training
from decor_core.runs.store import DiskRuns, MemoryRuns
from decor_core.taxonomy import DECOR


def _train(test: AppTest) -> AppTest:
    return ended(sound(button(test, "Retrain").click().run()), "train")


@pytest.fixture(scope="module")
def trained() -> AppTest:
    """The page after a short training; tests may change it, but leave the training.

    Without copies, with which all that follows takes three times as long.
    """
    test = opened("retrain")
    test.segmented_control(key="augmentation").set_value("None")
    test.slider(key="setting-steps").set_value(30)
    test.select_slider(key="setting-learning_rate").set_value(0.05)
    return _train(sound(test.run()))


# Controls


def test_before_a_training_the_data_are_shown():
    test = opened("retrain")
    assert "285 photos of decorated products" in texts(test)
    assert "Wycinanki łowickie, Neglyubka: fewer than 30 pictures" in texts(test)
    assert not button(test, "Retrain").disabled
    assert button(test, "Stop").disabled


def test_a_preset_moves_both_sliders():
    test = opened("retrain")
    test.slider(key="setting-steps").set_value(1000).run()
    sound(button(test, "Model 2: 500 steps, 0.03").click().run())
    assert (
        test.slider(key="setting-steps").value,
        test.select_slider(key="setting-learning_rate").value,
    ) == (500, 0.03)


def test_sliders_have_the_ranges_that_were_asked_for():
    test = opened("retrain")
    steps, rate = test.slider(key="setting-steps"), test.select_slider(key="setting-learning_rate")
    assert (steps.label, steps.min, steps.max, steps.value) == ("Training steps", 10, 4000, 500)
    assert (rate.label, rate.options[0], rate.options[-1]) == ("Learning rate", "0.0001", "1")
    assert rate.value == 0.01


def test_every_head_can_be_chosen():
    test = opened("retrain")
    assert len(test.segmented_control(key="setting-head").options) == len(HEADS)
    for head in HEADS:
        sound(test.segmented_control(key="setting-head").set_value(head).run())
        assert test.slider(key="setting-steps").disabled == (head != "softmax")


WITHOUT_WIDGET = {
    "eval_interval",  # follows from the steps
    "quick",  # the first model, which is made unasked
}


def test_every_setting_has_a_widget_or_is_listed_without_one(visit, dataset, training, embeddings):
    data = TrainingData(dataset.id, "Shop", dataset.version, embeddings.spec, None)
    visit.session.runs.save(run_of_training(training, data))  # which fine-tuning begins with
    test = opened("retrain", workspace=visit.session)
    sound(test.segmented_control(key="augmentation").set_value("Your own").run())
    drawn, settings = {one.key for one in test.main}, {one.name for one in fields(TrainingConfig)}
    assert {name for name in settings if f"setting-{name}" in drawn} == settings - WITHOUT_WIDGET


def test_every_control_reaches_the_training():
    test = opened("retrain")
    test.slider(key="setting-steps").set_value(40)
    test.select_slider(key="setting-learning_rate").set_value(0.03)
    test.number_input(key="setting-batch_size").set_value(32)
    test.number_input(key="setting-seed").set_value(7)
    test.select_slider(key="setting-weight_decay").set_value(0.001)
    test.slider(key="setting-testing_percentage").set_value(20)
    test.slider(key="setting-validation_percentage").set_value(15)
    test.segmented_control(key="augmentation").set_value("None")
    sound(test.run())
    assert "About 65\u00a0% train the model, 15\u00a0% validate" in texts(test)
    _train(test)
    run = test.session_state["workspace"].runs.list()[0]
    asked = TrainingConfig("softmax", 40, 0.03, 32, 0.001, 1, 20, 15, 7, copies=0)
    assert run.config == replace(asked, region="object")  # as the vectors that ship
    assert run.data == "Decor photos, no copies"
    assert 50 <= run.evaluation.n <= 64


def test_controls_stand_as_they_were_after_a_reload():
    test = opened("retrain")
    test.slider(key="setting-steps").set_value(40)
    sound(test.run())
    again = opened("retrain", workspace=test.session_state["workspace"])
    assert again.slider(key="setting-steps").value == 40


def test_copies_can_be_looked_at():
    test = opened("retrain")
    assert "python -m decor_core retrain --image_dir photos" in [c.value for c in test.code]
    test.toggle(key="preview-degrade").set_value(False)
    test.toggle(key="preview-background").set_value(False)
    test.slider(key="preview-random_crop").set_value(20)
    sound(test.run())
    assert test.code[0].value.endswith("--flip_left_right --random_crop 20 --random_scale 43")


# A training


def test_a_training_ends_in_a_model_that_classify_uses(trained):
    assert trained.metric[0].label == "Test accuracy"
    assert 80 < float(trained.metric[0].value.split()[0]) <= 100
    assert "test pictures; the true rate is likely between" in texts(trained)
    assert "is small" in texts(trained)

    sound(button(trained, "Use this model").click().run())
    classify = opened("classify", workspace=trained.session_state["workspace"])
    assert r"Answered by your model \(30 steps, 0\.05\)" in texts(classify)
    sound(button(classify, "Back to the shipped model").click().run())
    assert "Answered by the shipped model" in texts(classify)
    sound(button(trained, "Back to the shipped model").click().run())


def test_the_training_is_found_again_after_a_reload(trained):
    again = opened("retrain", workspace=trained.session_state["workspace"])
    assert again.metric[0].value == trained.metric[0].value


def test_a_run_that_was_kept_on_disk_is_still_the_training_s(trained, tmp_path, monkeypatch):
    store = DiskRuns(tmp_path / "runs")
    monkeypatch.setattr(state_runs, "_disk_runs", lambda: store)
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    mine = trained.session_state["workspace"]
    other = Workspace(mine.owner, jobs=mine.jobs, collected=mine.collected)
    store.save(mine.runs.list()[0])
    test = opened("retrain", workspace=other)
    assert test.metric[0].value == trained.metric[0].value
    store.delete(mine.runs.list()[0].id)
    assert "This run has been deleted" in texts(sound(test.run()))


def test_the_oldest_model_makes_room_for_a_new_one(trained, monkeypatch):
    monkeypatch.setenv("DECOR_SESSION_RUNS", "1")
    (run,) = trained.session_state["workspace"].own_runs
    old = replace(run, id="old").titled("Old one")
    test = opened("retrain", workspace=Workspace("with one", MemoryRuns([old])))
    test.segmented_control(key="setting-head").set_value("lda")
    test.segmented_control(key="augmentation").set_value("None")
    test = _train(sound(test.run()))
    (left,) = test.session_state["workspace"].own_runs
    assert left.id != "old"


def test_nobody_else_finds_it(trained):
    assert "photos of decorated products" in texts(opened("retrain"))


def test_a_model_that_cannot_be_used_says_why(trained, monkeypatch):
    def unusable(looker: object, bundle: object) -> None:
        raise BundleError("It was trained on another network; retrain it here.")

    monkeypatch.setattr(InferencePool, "check", unusable)
    sound(button(trained, "Use this model").click().run())
    assert "trained on another network" in trained.toast[0].value
    assert trained.session_state["workspace"].model is None


def test_lda_for_countries_alone():
    test = opened("retrain")
    test.segmented_control(key="setting-head").set_value("lda")
    sound(test.segmented_control(key="train_taxonomy").set_value("country").run())
    assert "no learning rate" in texts(test)
    _train(test)
    assert "no curves to watch" not in texts(test)
    sound(button(test, "Use this model").click().run())
    classify = opened("classify", workspace=test.session_state["workspace"])
    assert classify.segmented_control[0].options == ["Country"]
    assert "trained on country alone" in texts(classify)


def test_stop_ends_a_training():
    test = opened("retrain")
    sound(test.slider(key="setting-steps").set_value(4000).run())
    sound(button(test, "Retrain").click().run())
    assert button(test, "Retrain").disabled
    ended(sound(button(test, "Stop").click().run()), "train")
    assert "Stopped" in texts(test)
    assert not button(test, "Retrain").disabled


def test_a_full_queue_says_so(monkeypatch):
    test = opened("retrain")
    monkeypatch.setattr(job_queues()["training"], "limits", QueueLimits(waiting_of_one=0))
    sound(button(test, "Retrain").click().run())
    assert "waiting already" in test.toast[0].value


# What is asked about a training


def test_cross_validation_stands_beside_the_single_split(trained):
    ended(sound(button(trained, "Cross-validate").click().run()), "cross-validate")
    assert [metric.label for metric in trained.metric] == ["Test accuracy", "Cross-validation"]
    assert "Each of 285 pictures answered by a model that had not seen it" in texts(trained)
    run = trained.session_state["workspace"].runs.list()[0]
    assert run.cross_validation["style"].n == 285
    sound(
        trained.segmented_control(key=f"evaluated_on-{run.id}").set_value("The test pictures").run()
    )
    assert "Click a cell to see which" in texts(trained)


def test_the_details_answer_four_questions(trained):
    run = trained.session_state["workspace"].runs.list()[0]
    found = {}
    for view in ("Confusion matrix", "Per class", "Calibration"):
        trained.session_state["details"] = view
        found[view] = texts(sound(trained.run()))
    assert "rows are true classes" in found["Confusion matrix"]
    assert "Wycinanki łowickie (25), Neglyubka (12)" in found["Per class"]
    assert "balanced accuracy" in found["Per class"]
    assert "Mean distance from the line" in found["Calibration"]
    if run.evaluation.accuracy < 1:
        assert "Most confident mistakes" in found["Confusion matrix"]


def test_a_cell_lists_its_pictures(trained):
    run = trained.session_state["workspace"].runs.list()[0]
    trained.session_state["details"] = "Confusion matrix"
    trained.session_state[f"cells-{run.id}-{run.evaluation.n}"] = {
        "selection": {"cell": [{"truth": "Gzhel", "answer": "Gzhel"}]}
    }
    sound(trained.run())
    answers = run.predictions
    right = (answers["truth"] == "Gzhel") & (answers["answer"] == "Gzhel")
    assert f"**Gzhel, recognized**: {right.sum()}" in texts(trained)
    assert set(trained.dataframe[0].value["file"]) == set(answers["file"][right])


def test_the_learning_curve_is_drawn_on_request(trained):
    trained.session_state["details"] = "Learning curve"
    sound(trained.run())
    ended(sound(button(trained, "Draw the learning curve").click().run()), "curve")
    assert "285 tested, five-fold" in texts(trained)


# The search


def test_a_search_marks_the_best_and_sets_the_controls():
    test = opened("retrain")
    test.segmented_control(key="train_taxonomy").set_value("country")
    test.segmented_control(key="augmentation").set_value("None")
    test.pills(key="search_steps").set_value([50, 100])
    test.pills(key="search_rates").set_value([0.1])
    test.pills(key="search_heads").set_value(["softmax", "lda"])
    sound(test.run())
    ended(sound(button(test, "Try 3").click().run()), "search")
    told = texts(test)
    assert "**LDA**: " in told and "**Take " in told
    sound(button(test, "Set the controls to it").click().run())
    assert test.select_slider(key="setting-learning_rate").value in (0.01, 0.1)


def test_a_search_that_is_stopped_keeps_what_is_done():
    test = opened("retrain")
    test.segmented_control(key="augmentation").set_value("None")
    test.pills(key="search_steps").set_value([50, 4000])
    test.pills(key="search_rates").set_value([0.01, 0.03, 0.1])
    test.pills(key="search_heads").set_value(["lda", "softmax"])
    sound(test.run())
    sound(button(test, "Try 7").click().run())
    search, deadline = test.session_state["workspace"].jobs["search"], time.monotonic() + TIMEOUT
    while not (job := search.snapshot()).partial_results:
        assert job.active and time.monotonic() < deadline
        time.sleep(0.05)
    ended(sound(test.button(key="stop-search").click().run()), "search")
    assert "of 7 were tried" in texts(test)


def test_random_settings_are_as_many_as_wanted():
    test = opened("retrain")
    sound(test.segmented_control(key="search_way").set_value("Random").run())
    assert not button(test, "Try 12").disabled


def test_nothing_to_try_is_said():
    test = opened("retrain")
    sound(test.pills(key="search_heads").set_value([]).run())
    assert button(test, "Try").disabled
    assert "Choose at least one of each" in texts(test)


# Words


def _job(data, kind=TrainTask, config=None, **changes: object) -> Job:
    return Job(
        "id", "me", kind(data, config or TrainingConfig("softmax", steps=100), "style"), **changes
    )


def _with_job(job: Job | None) -> Workspace:
    """The workspace of somebody whose training stands so."""
    asked = SimpleNamespace(about="", job_id="id", snapshot=lambda: job)
    return Workspace("me", jobs={"train": asked})


def test_a_killed_training_says_so_beside_its_curves(embeddings):
    events = tuple(TrainEvent(step, 0.5, 9.0, None, None, 1) for step in (10, 20, 30))
    job = _job(embeddings, status="failed", message="The training ended.", events=events)
    test = opened("retrain", workspace=_with_job(job))
    assert [element.value for element in test.error] == [r"The training ended\."]
    assert "**Diverged.**" in texts(test)
    assert "Try a learning rate of 0.001" in texts(test)


def test_a_training_that_never_began_has_no_curves(embeddings, monkeypatch):
    job = _job(embeddings, status="failed", message="Too few pictures.")
    monkeypatch.setattr(result, "training_curves", lambda *_: pytest.fail("drawn"))
    test = opened("retrain", workspace=_with_job(job))
    assert [element.value for element in test.error] == [r"Too few pictures\."]


def test_a_forgotten_training_leaves_the_page_as_new():
    assert "photos of decorated products" in texts(opened("retrain", workspace=_with_job(None)))


_EVENTS = tuple(TrainEvent(step, 0.9, 0.5, 0.8, 0.7, 0) for step in (20, 40))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"place": 0}, "Next in the queue …"),
        ({"place": 1}, "Waiting in the queue: 1 job before yours"),
        ({"place": 2}, "Waiting in the queue: 2 jobs before yours"),
        ({"status": "starting"}, "Getting ready …"),
        ({"status": "running"}, "Getting ready …"),
        ({"status": "running", "events": _EVENTS}, "Step 40 of 100, about 23 s left"),
    ],
)
def test_progress_in_words(embeddings, monkeypatch, changes, words):
    monkeypatch.setattr(progress.time, "monotonic", lambda: 2.0)
    job = _job(embeddings, first_event=1.0, last_event=2.0, **changes)
    assert progress.describe_job(job) == words


def test_the_longer_one_waits_the_less_often_it_is_drawn(embeddings):
    first, *rest = paces = [progress._pace(_job(embeddings, place=n)) for n in (0, 5, 19)]
    assert progress._pace(_job(embeddings, status="running", place=0)) == first
    assert paces == sorted({first, *rest})


def test_progress_of_other_jobs_and_heads(embeddings):
    models = (Progress(3, 5, 0.6), Progress(4, 5, 0.8))
    job = _job(embeddings, CrossValidateTask, status="running", events=models[:1])
    assert progress.describe_job(job) == "3 of 5 trainings done"
    job = _job(embeddings, config=TrainingConfig(head="lda"), status="running")
    assert progress.describe_job(job) == "Computing, calibrating and testing"
    last = (replace(_EVENTS[0], step=100),)
    job = _job(embeddings, status="running", events=last)
    assert progress.describe_job(job) == "All steps done; calibrating and testing"


@pytest.mark.parametrize(
    ("training", "validation", "words"),
    [
        ((1.9, 4.0, 9.0, 9.0), None, "**Diverged.**"),
        ((1.9, 0.5, 0.2, 0.1), (1.9, 0.6, 0.8, 1.2), "lowest at step 20 and has risen"),
        ((1.9, 1.6, 1.3, 1.0), None, "**Not converged.**"),
        ((1.9, 0.3, 0.3, 0.3), None, "**Converged.**"),
        ((1.9, 1.5), None, ""),
    ],
)
def test_curves_are_diagnosed_in_words(embeddings, training, validation, words):
    events = tuple(
        TrainEvent(10 * i, 0.9, loss, None, validation[i - 1] if validation else None, 0)
        for i, loss in enumerate(training, 1)
    )
    said = result.describe_diagnosis(_job(embeddings, events=events, status="done"), 7)
    assert words in said and bool(words) == bool(said)
    if "Not converged" in said:  # what was cut short may well have got further
        assert not result.describe_diagnosis(_job(embeddings, events=events, status="stopped"), 7)


def test_all_decor_styles_are_trained(trained):
    run = trained.session_state["workspace"].runs.list()[0]
    assert run.bundle.taxonomy.labels == DECOR.labels
