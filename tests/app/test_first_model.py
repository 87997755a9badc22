"""The first model of a new data set and the better one: its steps, its run, what the page says."""

from collections.abc import Iterator

import numpy as np
import pytest
from app_pages import button, end_processes, opened, sound, texts  # noqa: F401

from decor_app.datasets import first_model as page
from decor_app.jobs.dataset_tasks import IntakeTask, ingest
from decor_app.jobs.tasks import Task
from decor_app.state import first_model
from decor_app.state.first_model import FirstModel
from decor_app.state.jobs import CHECK, SessionJob
from decor_app.state.workspace import Workspace
from decor_core.datasets.dataset import Dataset
from decor_core.datasets.store import DatasetStore
from decor_core.model.events import never_stop
from decor_core.model.predictor import VectorPredictor
from decor_core.training.improvement import Rate

pytestmark = pytest.mark.usefixtures("end_processes")


def quiet(event: object) -> None:
    pass


@pytest.fixture(scope="module")
def visitor() -> Workspace:
    return Workspace("who brings pictures")


@pytest.fixture(scope="module")
def dataset(visitor, painted) -> Dataset:
    sets = DatasetStore(visitor.folder / "datasets")
    made = ingest(IntakeTask(painted, sets.begin("Shop"), "Shop"), quiet, never_stop)
    visitor.data_set = made.id
    return made


@pytest.fixture(scope="module")
def stages(visitor, dataset) -> Iterator[FirstModel]:
    """The model of the data set, with another step done each time that it is asked for."""
    made = visitor.first_models[dataset.id] = FirstModel(dataset.folder)

    def done() -> Iterator[FirstModel]:
        steps = made.steps(visitor)
        task: Task = next(steps)
        while True:
            yield made
            try:
                task = steps.send(task.run(quiet, never_stop))
            except StopIteration:
                yield made
                return

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
    held_out = made.gain.clean.n
    assert made.gain.worn.n == 2 * held_out
    assert f"first model: of {held_out} pictures that neither had seen" in told
    assert f"of {2 * held_out} worn copies of these" in told
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


def test_a_job_is_kept_when_it_has_begun(visitor, dataset, monkeypatch):
    asked = {}
    monkeypatch.setattr(first_model, "workspace", lambda: visitor)
    monkeypatch.setattr(
        first_model, "submit", lambda purpose, task, then: asked.update(then=then, task=task)
    )
    kept_before = []
    monkeypatch.setattr(
        SessionJob, "advance", lambda job: kept_before.append(job in visitor.jobs.values())
    )
    first_model.submit_intake(IntakeTask(dataset.folder, dataset.folder, "Shop"))
    asked["then"](None)
    purposes = first_model.learn_purpose(dataset.id), CHECK
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
    assert Rate(100, before, now).may_be_chance is chance
