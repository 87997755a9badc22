"""Jobs that end while a page is drawn, in one tab or in two: the page is of one moment."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from app_pages import button, button_labels, opened, sound, texts
from packing import zip_of
from streamlit.runtime.scriptrunner import StopException

from decor_app.datasets import ingest as ingest_page
from decor_app.jobs.dataset_tasks import CheckTask, EmbedTask, MapCoordinates, MapTask, PredictTask
from decor_app.jobs.ingest_tasks import IngestTask, PreviewTask
from decor_app.jobs.train_tasks import CrossValidateTask, TrainTask
from decor_app.page import RETRAIN
from decor_app.state import finished_jobs, jobs, processes
from decor_app.state.session_job import SessionJob, single
from decor_core.data.findings import Finding
from decor_core.datasets.dataset import load_dataset
from decor_core.datasets.store import DatasetStore
from decor_core.model.events import never_stop
from decor_core.model.training_config import TrainingConfig


@pytest.fixture
def during(monkeypatch) -> Callable:
    """``during(purpose, reading, end)``: ``end()`` just before the page reads that job so often."""

    def arrange(purpose: str, reading: int, end: Callable[[], object]) -> None:
        read, times = jobs.latest_job, count(1)

        def latest_job(asked: str, about: str = ""):
            if asked == purpose and next(times) == reading:
                end()
            return read(asked, about)

        monkeypatch.setattr(jobs, "latest_job", latest_job)

    return arrange


def _training_task(embeddings) -> TrainTask:
    return TrainTask(embeddings, TrainingConfig(head="lda"), "style", "Painted")


each_reading = pytest.mark.parametrize("reading", [1, 2])


# It ends after the page has begun


@each_reading
def test_a_training(visit, embeddings, training, during, reading):
    visit.begin(jobs.TRAIN, _training_task(embeddings))
    during(jobs.TRAIN, reading, lambda: visit.end(jobs.TRAIN, training))
    test = opened("retrain", workspace=visit.session)
    assert test.metric[0].label == "Test accuracy"
    assert not button(test, "Retrain").disabled


def test_a_cross_validation(visit, embeddings, training, during):
    visit.begin(jobs.TRAIN, task := _training_task(embeddings))
    visit.end(jobs.TRAIN, training)
    opened("retrain", workspace=visit.session)
    (run,) = visit.session.own_runs
    visit.begin(jobs.CROSS_VALIDATE, CrossValidateTask(task.data, task.config, "style"), run.id)
    found = {"style": training.bundle.evaluation}
    during(jobs.CROSS_VALIDATE, 1, lambda: visit.end(jobs.CROSS_VALIDATE, found))
    test = opened("retrain", workspace=visit.session)
    assert "Cross-validation" in [metric.label for metric in test.metric]


def test_a_training_with_corrections(visit, embeddings, training, during):
    visit.begin(jobs.TRAIN_ON_CORRECTIONS, _training_task(embeddings))
    during(jobs.TRAIN_ON_CORRECTIONS, 1, lambda: visit.end(jobs.TRAIN_ON_CORRECTIONS, training))
    assert "Answered by Painted" in texts(opened("classify", workspace=visit.session))


@pytest.mark.parametrize("step", ["save_run", "use_model"])
@pytest.mark.parametrize("is_done", [False, True])
def test_a_training_whose_end_comes_as_its_visitor_goes_to_another_page(
    visit, embeddings, training, monkeypatch, step, is_done
):
    """Streamlit ends the page before or after a step; the next page does it, and but once."""
    whole, times = getattr(finished_jobs, step), count()

    def interrupted(what: object) -> None:
        if next(times):
            whole(what)
            return
        if is_done:
            whole(what)
        raise StopException

    visit.begin(jobs.TRAIN_ON_CORRECTIONS, _training_task(embeddings))
    visit.end(jobs.TRAIN_ON_CORRECTIONS, training)
    monkeypatch.setattr(finished_jobs, step, interrupted)
    opened("classify", workspace=visit.session)
    test = opened("classify", workspace=visit.session)
    (run,) = visit.session.own_runs
    assert visit.session.model.bundle is run.bundle
    assert "Answered by Painted" in texts(test)


@each_reading
def test_a_preview(visit, painted, during, reading, tmp_path):
    into = DatasetStore(visit.session.folder / "datasets").begin("Shop")
    task = PreviewTask(zip_of(painted, tmp_path / "upload.zip"), into, "Shop")
    found = task.run(lambda event: None, never_stop)
    visit.begin(jobs.PREVIEW, task)
    during(jobs.PREVIEW, reading, lambda: visit.end(jobs.PREVIEW, found))
    test = opened("data", workspace=visit.session)
    assert visit.session.jobs[jobs.INGEST].snapshot().status == "queued"
    assert "Read the pictures" not in button_labels(test)


@each_reading
def test_an_ingest_task(visit, dataset, during, reading):
    visit.session.data_set = ""
    visit.begin(jobs.INGEST, IngestTask(dataset.folder / "upload.zip", dataset.folder, "Shop"))
    during(jobs.INGEST, reading, lambda: visit.end(jobs.INGEST, dataset))
    test = opened("data", workspace=visit.session)
    assert "36 pictures in 3 classes" in texts(test)


@each_reading
def test_a_search_for_label_issues(visit, dataset, during, reading):
    file = dataset.table["file"][0]
    found = [Finding("mislabelled", file, "It looks like “Iznik”.", suggestion="Iznik")]

    def end() -> None:
        load_dataset(dataset.folder).with_model_findings(found)
        visit.end(jobs.CHECK, None)

    visit.begin(jobs.CHECK, CheckTask(dataset.folder), dataset.id)
    during(jobs.CHECK, reading, end)
    test = opened("data", workspace=visit.session)
    assert "1 picture that may be in the wrong class" in texts(test)
    assert "Look for label issues" not in button_labels(test)


def test_a_click_counts_although_a_job_ends_as_it_is_answered(visit, dataset, during, monkeypatch):
    """The page is drawn anew then, and that run knows of no click."""
    opened_pages: list[Path] = []
    monkeypatch.setattr(st, "switch_page", opened_pages.append)
    visit.begin(jobs.CHECK, CheckTask(dataset.folder), dataset.id)
    test = opened("data", workspace=visit.session)
    during(jobs.CHECK, 1, lambda: visit.end(jobs.CHECK, None))
    sound(button(test, "Train on it").click().run())
    assert opened_pages == [RETRAIN]


@each_reading
def test_a_map(visit, dataset, during, reading):
    keys = tuple(dataset.table["key"])
    drawn = MapCoordinates(keys, np.zeros((len(keys), 2)), tuple(map(dataset.thumb, keys)))
    visit.begin(jobs.MAP, MapTask(dataset.folder), dataset.id)
    during(jobs.MAP, reading, lambda: visit.end(jobs.MAP, drawn))
    test = opened("data", workspace=visit.session, data_view="Map")
    assert "Each dot is a picture" in texts(test)


def _ask_the_model(visit, dataset) -> SessionJob:
    bundle = processes.load_bundle()
    about = f"{dataset.id} {bundle.title} {bundle.created}"
    return visit.begin(jobs.ANSWER, PredictTask(dataset.folder, bundle, "style"), about)


@each_reading
def test_what_the_model_says_of_a_set(visit, dataset, during, reading):
    _ask_the_model(visit, dataset)
    told = {key: ("Gzhel", 0.9) for key in dataset.table["key"]}
    during(jobs.ANSWER, reading, lambda: visit.end(jobs.ANSWER, told))
    test = opened("data", workspace=visit.session, data_view="Pictures")
    assert test.selectbox(key="filter_verdict")


def test_why_the_model_said_nothing_is_told(visit, dataset):
    visit.queues["dataset"].fail(_ask_the_model(visit, dataset).job_id, "The network is missing.")
    test = opened("data", workspace=visit.session, data_view="Pictures")
    assert test.error[0].value == r"The network is missing\."
    assert not button(test, "Ask the model which are right").disabled


# Two tabs of one browser


def _is_held(lock) -> bool:
    """Whether another thread would have to wait for it."""

    def attempt() -> bool:
        free = lock.acquire(blocking=False)
        if free:
            lock.release()
        return free

    with ThreadPoolExecutor(1) as other:
        return not other.submit(attempt).result()


def test_a_second_tab_waits_until_a_run_is_kept(visit, embeddings, training, monkeypatch):
    keep, held = finished_jobs.run_of_training, []

    def run_of_training(*given):
        held.append(_is_held(visit.session.lock))
        return keep(*given)

    monkeypatch.setattr(finished_jobs, "run_of_training", run_of_training)
    visit.begin(jobs.TRAIN, _training_task(embeddings))
    visit.end(jobs.TRAIN, training)
    for _ in range(2):
        assert opened("retrain", workspace=visit.session).metric[0].label == "Test accuracy"
    assert held == [True] and not _is_held(visit.session.lock)


def test_pictures_are_read_once(visit, painted, monkeypatch, tmp_path):
    submit, held = ingest_page.submit_ingest, []

    def submit_ingest(task):
        held.append(_is_held(visit.session.lock))
        submit(task)

    monkeypatch.setattr(ingest_page, "submit_ingest", submit_ingest)
    into = DatasetStore(visit.session.folder / "datasets").begin("Shop")
    task = PreviewTask(zip_of(painted, tmp_path / "upload.zip"), into, "Shop")
    visit.begin(jobs.PREVIEW, task)
    visit.end(jobs.PREVIEW, task.run(lambda event: None, never_stop))
    for _ in range(2):
        opened("data", workspace=visit.session)
    assert held == [True]


def test_a_job_may_end_before_its_queue_has_told_its_id(visit, embeddings, monkeypatch):
    """Who asks for the id meanwhile waits for it: “” is that of no job, whose end is not told."""
    queue, job = visit.queues["training"], SessionJob("me", single(_training_task(embeddings)))
    submit = queue.submit
    with ThreadPoolExecutor(1) as other:

        def slow(*given: object) -> str:
            job_id = submit(*given)
            asked.append(other.submit(lambda: job.job_id))
            wait(asked, timeout=0.2)
            return job_id

        asked: list[Future[str]] = []
        monkeypatch.setattr(queue, "submit", slow)
        job.advance()
        assert asked[0].result() == queue.jobs("me")[0].id


# A click that comes twice, before the page is drawn with its button disabled


@pytest.mark.parametrize("label, purpose", [("Retrain", jobs.TRAIN), ("Try 9", jobs.SEARCH)])
def test_the_job_of_the_first_of_two_clicks_stays(visit, label, purpose):
    first, second = (opened("retrain", workspace=visit.session) for _ in range(2))
    sound(button(first, label).click().run())
    job = visit.session.jobs[purpose]
    sound(button(second, label).click().run())
    assert second.toast[0].value == "This is running already."
    assert button(second, label).disabled
    assert visit.session.jobs[purpose] is job
    assert sum(len(queue.jobs(visit.session.owner)) for queue in visit.queues.values()) == 1


# Stop


def test_one_that_is_stopped_between_two_jobs_says_so(visit, dataset, embeddings):
    def steps():
        yield EmbedTask(dataset.folder, embeddings.spec, None, dataset.number, dataset.version)
        yield _training_task(embeddings)

    job = visit.begin(jobs.TRAIN, steps())
    then = job.snapshot().then
    visit.queues["dataset"].take()
    done = visit.queues["dataset"].finish(job.job_id, embeddings)
    job.stop()  # it is done, but what follows has not begun
    then(done)
    assert job.snapshot().status == "stopped"
    assert visit.queues["training"].load() == (0, 0)
