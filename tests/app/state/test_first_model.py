"""The first model of a new data set and the better one: its steps, its run, what the page says."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from app_pages import button, button_labels, opened, sound, texts
from driven_jobs import Visit
from streamlit.runtime.scriptrunner import StopException

from decor_app.datasets import first_model as page
from decor_app.jobs.ingest_tasks import IngestTask, ingest
from decor_app.jobs.queue import QueueLimits
from decor_app.jobs.tasks import Task
from decor_app.state import first_model
from decor_app.state.first_model import FirstModel, first_model_purpose
from decor_app.state.jobs import CHECK
from decor_app.state.session_job import SessionJob
from decor_app.state.workspace import Workspace
from decor_core.datasets.dataset import Dataset
from decor_core.datasets.store import DatasetStore
from decor_core.model.evaluation import Proportion
from decor_core.model.events import never_stop
from decor_core.model.predictor import VectorPredictor
from decor_core.training.improvement import Change


def quiet(event: object) -> None:
    pass


@pytest.fixture(scope="module")
def visitor() -> Workspace:
    return Workspace("who brings pictures")


@pytest.fixture(scope="module")
def dataset(visitor, painted) -> Dataset:
    sets = DatasetStore(visitor.folder / "datasets")
    made = ingest(IngestTask(painted, sets.begin("Shop"), "Shop"), quiet, never_stop)
    visitor.data_set = made.id
    return made


@pytest.fixture(scope="module")
def results(dataset) -> list[Any]:
    """What each step gives."""
    steps, found = FirstModel(dataset.folder).steps(Workspace("nobody")), []
    task: Task = next(steps)
    while True:
        found.append(task.run(quiet, never_stop))
        try:
            task = steps.send(found[-1])
        except StopIteration:
            return found


@pytest.fixture(scope="module")
def stages(visitor, dataset, results) -> Iterator[FirstModel]:
    """The model of the data set, with another step done each time that it is asked for."""
    made = visitor.first_models[dataset.id] = FirstModel(dataset.folder)

    def done() -> Iterator[FirstModel]:
        steps = made.steps(visitor)
        next(steps)
        for result in results:
            yield made
            with suppress(StopIteration):
                steps.send(result)
        yield made

    return done()


def test_a_first_model_is_there_and_answers_before_copies_are_made(stages, visitor, dataset):
    made = next(stages)  # nothing is done
    assert "first model" not in texts(opened("data", workspace=visitor))
    for _ in range(2):  # the pictures are looked at, the plain head is fitted
        made = next(stages)
    assert made.first and not made.better
    account = made.first.training.bundle.training
    assert account["quick"] and made.first.training_data.augmentation is None
    test = opened("data", workspace=visitor)
    assert "**A first model is ready**" in texts(test) and "test pictures right" in texts(test)
    assert button(test, "Classify with it")
    (run,) = visitor.own_runs
    assert run.title == "Shop" and run.id == made.run_id
    visitor.runs.rename(run.id, "My shop")
    visitor.model = VectorPredictor(run.bundle)  # as “Classify with it” does
    assert "Classify with it" not in [one.label for one in sound(test.run()).button]


def test_the_better_one_takes_its_place_and_says_what_was_gained(stages, visitor, dataset):
    first = visitor.own_runs[0]
    made = list(stages)[-1]
    assert made.better and made.better.training_data.augmentation
    test = opened("data", workspace=visitor)
    told = texts(test)
    assert "**The model is done**" in told
    held_out = made.gain.pictures.now.n
    assert made.gain.copies.now.n == 2 * held_out
    assert f"first model: of {held_out} pictures that neither had seen" in told
    assert f"of {2 * held_out} distorted copies of these" in told
    (run,) = visitor.own_runs
    assert (run.id, run.title) == (first.id, "My shop")
    assert not np.array_equal(run.bundle.head.weights, first.bundle.head.weights)
    assert visitor.model.bundle is run.bundle  # it answered, and the better one does now
    (toast,) = test.toast
    assert "better model of “My shop” answers" in toast.value
    assert not sound(test.run()).toast


def test_a_model_that_comes_while_the_page_is_drawn_is_shown(stages, visitor, dataset, monkeypatch):
    done, made = visitor.first_models[dataset.id], FirstModel(dataset.folder)
    monkeypatch.setitem(visitor.first_models, dataset.id, made)

    def over(purpose: str, about: str = "") -> None:
        made.version, made.first = done.version, done.first  # as the thread of the jobs does

    monkeypatch.setattr(page, "job_for", over)
    test = opened("data", workspace=visitor)
    assert "**A first model is ready**" in texts(test)
    assert visitor.runs.get(made.run_id)
    visitor.runs.delete(made.run_id)


@pytest.mark.parametrize("step", ["save_run", "use_model"])
def test_a_better_model_that_comes_as_its_visitor_leaves_the_page_is_used_by_the_next(
    stages, visitor, dataset, monkeypatch, step
):
    """Streamlit ends the page in the middle."""
    done, made = visitor.first_models[dataset.id], FirstModel(dataset.folder)
    monkeypatch.setitem(visitor.first_models, dataset.id, made)
    made.version, made.first = done.version, done.first
    opened("data", workspace=visitor)
    first = visitor.runs.get(made.run_id)
    monkeypatch.setattr(visitor, "model", VectorPredictor(first.bundle))
    made.better, made.gain = done.better, done.gain

    def interrupted(what: object) -> None:
        raise StopException

    with monkeypatch.context() as patch:
        patch.setattr(first_model, step, interrupted)
        opened("data", workspace=visitor)
    assert not made.is_collected
    opened("data", workspace=visitor)
    better = visitor.runs.get(made.run_id)
    assert made.is_collected and better.id == first.id
    assert visitor.model.bundle.head is better.bundle.head is not first.bundle.head
    visitor.runs.delete(made.run_id)


def test_a_job_is_kept_when_it_has_begun(visitor, dataset, monkeypatch):
    monkeypatch.setenv("DECOR_FIRST_MODEL", "1")
    asked = {}
    monkeypatch.setattr(first_model, "workspace", lambda: visitor)
    monkeypatch.setattr(
        first_model, "submit", lambda purpose, task, then: asked.update(then=then, task=task)
    )
    kept_before = []
    monkeypatch.setattr(
        SessionJob, "advance", lambda job: kept_before.append(job in visitor.jobs.values())
    )
    first_model.submit_ingest(IngestTask(dataset.folder, dataset.folder, "Shop"))
    asked["then"](None)
    purposes = first_model_purpose(dataset.id), CHECK
    assert kept_before == [False, False]
    assert all(visitor.jobs.pop(purpose) for purpose in purposes)


def test_a_model_that_was_deleted_does_not_come_back(visitor, dataset):
    visitor.runs.delete(visitor.own_runs[0].id)
    made = visitor.first_models[dataset.id]
    made._collected = made.first
    assert "model is done" not in texts(opened("data", workspace=visitor))
    assert not visitor.own_runs


def test_pictures_that_are_too_few_get_no_model(visitor, dataset):
    few = dataset.drop(dataset.table["file"][dataset.table["style"] == "Iznik"][2:])
    assert not list(FirstModel(few.folder).steps(visitor))
    few.undo()


@pytest.mark.parametrize("before, now, chance", [(80, 82, True), (80, 95, False), (5, 5, True)])
def test_a_small_gain_may_be_chance(before, now, chance):
    change = Change(Proportion(before, 100), Proportion(now, 100))
    assert change.may_be_chance is chance


# Its jobs, which end when the test says so


@pytest.fixture
def learning(visit, dataset, results) -> Callable[..., Visit]:
    """``learning(2)``: a visitor whose data set is learned from, with two of the steps done."""

    def learn(done: int) -> Visit:
        session = visit.session
        shutil.copytree(dataset.folder, session.folder / "datasets" / dataset.id)
        session.data_set = dataset.id
        made = FirstModel(session.folder / "datasets" / dataset.id)
        session.first_models[dataset.id] = made
        visit.begin(first_model_purpose(dataset.id), made.steps(session), dataset.id)
        for result in results[:done]:
            visit.end(first_model_purpose(dataset.id), result)
        return visit

    return learn


@pytest.mark.parametrize("done, told", [(1, "Stopped."), (2, "Stopped. The first model stays.")])
def test_it_can_be_stopped_and_what_there_is_stays(learning, done, told):
    visit = learning(done)
    test = opened("data", workspace=visit.session)
    assert "is on its way" in texts(test)
    sound(button(test, "Stop").click().run())
    assert told in [caption.value for caption in test.caption]
    assert "Stop" not in button_labels(test) and "is on its way" not in texts(test)
    assert ("Classify with it" in button_labels(test)) is (done == 2)
    assert len(visit.session.own_runs) == (done == 2)
    assert not any(sum(queue.load()) for queue in visit.queues.values())


def test_all_tabs_of_a_browser_have_one_run_of_it(learning, results, dataset):
    visit = learning(2)
    tabs = [opened("data", workspace=visit.session) for _ in range(2)]
    (run,) = visit.session.own_runs
    visit.session.model = VectorPredictor(run.bundle)
    for result in results[2:]:
        visit.end(first_model_purpose(dataset.id), result)
    toasts = [len(sound(tab.run()).toast) for tab in tabs]
    assert all("**The model is done**" in texts(tab) for tab in tabs)
    assert [one.id for one in visit.session.own_runs] == [run.id] and toasts == [1, 0]


def test_classify_waits_for_the_better_one(learning, results, dataset):
    visit = learning(2)
    opened("data", workspace=visit.session)
    visit.session.model = VectorPredictor(visit.session.own_runs[0].bundle)
    test = opened("classify", workspace=visit.session)
    assert "a better one will answer as soon as it is there" in texts(test)
    assert "Stop" not in button_labels(test)
    for result in results[2:]:
        visit.end(first_model_purpose(dataset.id), result)
    sound(test.run())
    assert "a better one will answer" not in texts(test)
    assert "better model of “Shop” answers from now on" in test.toast[0].value
    assert visit.session.model.bundle is visit.session.own_runs[0].bundle
    assert "Answered by Shop" in texts(test)


def test_among_strangers_nothing_of_it_is_kept(learning, monkeypatch, tmp_path):
    monkeypatch.setenv("DECOR_HOSTED", "1")
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    visit = learning(4)
    assert "**The model is done**" in texts(opened("data", workspace=visit.session))
    assert len(visit.session.own_runs) == 1 and not list(tmp_path.iterdir())
    opened("data", workspace=(other := Workspace("another")))
    assert not other.own_runs and not other.first_models
    folder = visit.session.folder
    visit.session.forget()
    assert not folder.exists() and not visit.session.first_models


@pytest.mark.parametrize("chosen, learns", [("1", True), ("0", False)])
def test_it_comes_where_the_server_is_set_to_it(
    visit, visitor, dataset, monkeypatch, chosen, learns
):
    monkeypatch.setenv("DECOR_FIRST_MODEL", chosen)
    monkeypatch.setattr(first_model, "workspace", lambda: visit.session)
    monkeypatch.setattr(first_model, "submit", lambda purpose, task, then: then(None))
    first_model.submit_ingest(IngestTask(dataset.folder, dataset.folder, "Shop"))
    assert set(visit.session.jobs) == {CHECK} | (
        {first_model_purpose(dataset.id)} if learns else set()
    )


def test_without_room_in_the_queue_the_pictures_are_there_all_the_same(visit, dataset, monkeypatch):
    monkeypatch.setenv("DECOR_FIRST_MODEL", "1")
    visit.queues["dataset"].limits = QueueLimits(waiting_of_one=0)
    monkeypatch.setattr(first_model, "workspace", lambda: visit.session)
    monkeypatch.setattr(first_model, "submit", lambda purpose, task, then: then(None))
    folder = shutil.copytree(dataset.folder, visit.session.folder / "datasets" / dataset.id)
    first_model.submit_ingest(IngestTask(folder, folder, "Shop"))
    visit.session.data_set = dataset.id
    test = opened("data", workspace=visit.session)
    assert "36 pictures in 3 classes" in texts(test) and "on its way" not in texts(test)
    assert "Look for label issues" in button_labels(test)
