"""The background process, with a real child: queue, progress, stop, death and its end."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from job_tasks import Faulty, Finishing, Noisy
from serving import TIMEOUT, until

from decor_app.jobs import background_queue
from decor_app.jobs import queue as queue_module
from decor_app.jobs.background_queue import BackgroundQueue
from decor_app.jobs.job import Job
from decor_app.jobs.queue import QueueLimits
from decor_app.jobs.tensorflow_tasks import ExportTask, SummariesTask
from decor_app.jobs.train_tasks import (
    CrossValidateTask,
    LearningCurveTask,
    SearchTask,
    TrainTask,
    WarmUpTask,
)
from decor_app.jobs.worker import OWN_FAULT
from decor_core.errors import TrainingError
from decor_core.model.events import TrainEvent
from decor_core.model.training_config import TrainingConfig
from decor_core.training.search import grid

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

SHORT = TrainingConfig("softmax", steps=40, learning_rate=0.1)
ENDLESS = TrainingConfig("softmax", steps=100_000, learning_rate=0.001, eval_interval=20)


def ended(queue, job_id):
    """The job's last snapshot, when it is over."""
    until(lambda: not queue.snapshot(job_id).active, "the end of the job")
    return queue.snapshot(job_id)


def alive(pid):
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # ended, but not yet collected, is ended too
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture(scope="module")
def queue(embeddings):
    """One for all tests: its process need not start for each."""
    running = BackgroundQueue()
    yield running
    running.close()


@pytest.fixture
def task_for(embeddings):
    return lambda config=SHORT, level="style": TrainTask(embeddings, config, level, "Painted")


@pytest.fixture
def endless(queue, task_for):
    """An endless job that runs already; stopped at the end."""
    job_id = queue.submit(task_for(ENDLESS), "me")
    until(lambda: queue.snapshot(job_id).events, "the first event")
    yield job_id
    queue.stop(job_id)
    ended(queue, job_id)


# One job


def test_job_runs_to_its_end_and_tells_its_progress(queue, task_for, training):
    job = ended(queue, queue.submit(task_for(), "me"))
    assert (job.status, job.message, job.place) == ("done", "", 0)
    assert [event.step for event in job.events] == [10, 20, 30, 40]
    assert job.result.bundle.title == "Painted"
    assert job.result.bundle.evaluation.accuracy >= 0.9
    assert job.result.events == job.events
    assert (job.owner, job.task.level, job.task.config) == ("me", "style", SHORT)
    assert 0 < job.seconds < TIMEOUT


def test_child_trains_the_same_model_as_this_process(queue, task_for, training):
    config = TrainingConfig("softmax", steps=60, learning_rate=0.1)
    job = ended(queue, queue.submit(task_for(config), "me"))
    ours, theirs = training.bundle.head, job.result.bundle.head
    scale = np.abs(ours.weights).max()
    np.testing.assert_allclose(theirs.weights, ours.weights, atol=1e-3 * scale)


def test_settings_that_cannot_work_fail_with_their_reason(queue, task_for, embeddings):
    one = embeddings.rows((embeddings.table["style"] == "Iznik").to_numpy())
    job = ended(queue, queue.submit(TrainTask(one, SHORT, "style"), "me"))
    assert job.status == "failed" and job.message.startswith("Two classes are needed")
    huge = replace(embeddings, vectors=embeddings.vectors * np.float32(1e12))
    config = TrainingConfig("softmax", steps=50, learning_rate=10, weight_decay=1)
    job = ended(queue, queue.submit(TrainTask(huge, config, "style"), "me"))
    assert job.status == "failed" and "diverged" in job.message


def test_a_bug_fails_the_job_with_a_plain_sentence_and_spares_the_child(
    queue, task_for, embeddings
):
    child = queue.process_id
    bug = replace(embeddings, blocks=None)
    job = ended(queue, queue.submit(TrainTask(bug, SHORT, "style"), "me"))
    assert job.status == "failed"
    assert job.message == OWN_FAULT
    assert ended(queue, queue.submit(task_for(), "me")).status == "done"
    assert queue.process_id == child


def test_time_left_goes_by_the_pace_without_the_start(task_for):
    events = tuple(TrainEvent(step, 1, 0, None, None, 5 + step / 10) for step in (10, 20, 30))
    task = task_for(TrainingConfig("softmax", steps=130))
    job = Job("id", "me", task, status="running", events=events, first_event=5, last_event=7)
    # Not 5 s of warming up every 30 steps; the steps are a fifth of all, calibration the rest.
    assert job.seconds_left(now=7) == pytest.approx(10 + 52)
    assert job.seconds_left(now=9) == pytest.approx(8 + 52)
    assert job.progress(now=9) == pytest.approx(4 / (4 + 60))
    assert replace(job, events=events[:1]).seconds_left(7) is None
    assert replace(job, status="done").seconds_left(7) is None


# Other kinds


def test_cross_validation_counts_its_folds_and_judges_every_level(queue, embeddings):
    task = CrossValidateTask(embeddings, TrainingConfig(head="lda"), "style", repeats=1)
    job = ended(queue, queue.submit(task, "me"))
    assert job.status == "done"
    assert [event.done for event in job.events] == [1, 2, 3, 4, 5]
    assert job.fraction_done == 1
    assert set(job.result) == {"style", "country"}
    assert job.result["style"].n == len(embeddings.table)


def test_cross_validation_can_be_stopped(queue, embeddings, task_for):
    config = TrainingConfig("softmax", steps=3000, learning_rate=0.01)
    job_id = queue.submit(CrossValidateTask(embeddings, config, "style", repeats=99), "me")
    until(lambda: queue.snapshot(job_id).status == "running", "the start")
    queue.stop(job_id)
    until(lambda: not queue.snapshot(job_id).active, "the stop")
    assert (queue.snapshot(job_id).status, queue.snapshot(job_id).result) == ("stopped", None)
    assert ended(queue, queue.submit(task_for(), "me")).status == "done"


def test_search_tells_every_result_and_keeps_them_when_stopped(queue, embeddings):
    few = tuple(grid([20, 40], [0.05, 0.1]))
    job = ended(queue, queue.submit(SearchTask(embeddings, SHORT, "style", few), "me"))
    assert job.status == "done" and job.fraction_done == 1
    assert job.partial_results == job.result
    assert {result.candidate for result in job.result} == set(few)

    many = (*few, *grid([100_000], [0.001 * i for i in range(1, 9)]))
    job_id = queue.submit(SearchTask(embeddings, SHORT, "style", many), "me")
    until(lambda: queue.snapshot(job_id).events[-1:], "the first result")
    queue.stop(job_id)
    until(lambda: not queue.snapshot(job_id).active, "the stop")
    job = queue.snapshot(job_id)
    assert job.status == "stopped"
    assert len(job.partial_results) < len(many)


def test_learning_curve_tells_point_by_point(queue, embeddings):
    task = LearningCurveTask(embeddings, TrainingConfig(head="lda"), "style")
    job = ended(queue, queue.submit(task, "me"))
    assert job.status == "done" and job.fraction_done == 1
    assert job.partial_results == job.result
    pictures = [point.pictures for point in job.result]
    assert pictures == sorted(pictures)


def test_export_gives_a_zip(queue, training):
    task = ExportTask(training.bundle, "bundle")
    job = ended(queue, queue.submit(task, "me"))
    assert job.status == "done"
    assert any(name.endswith("manifest.json") for name in ZipFile(BytesIO(job.result)).namelist())


def test_curves_for_tensorboard_as_a_folder_or_as_a_zip(queue, training, tmp_path):
    pytest.importorskip("tensorboard")
    named = (("one", training.events), ("two", training.events))
    job = ended(queue, queue.submit(SummariesTask(named, tmp_path / "s"), "me"))
    assert (job.status, job.result) == ("done", tmp_path / "s")
    written = sorted(path.parent.name for path in tmp_path.rglob("events.out.*"))
    assert written == ["train", "train", "validation", "validation"]
    job = ended(queue, queue.submit(SummariesTask(named), "me"))
    names = ZipFile(BytesIO(job.result)).namelist()
    assert any(name.startswith("two/validation/events.out") for name in names)


def test_many_data_sets_find_their_jobs(queue, embeddings, task_for):
    sets = [embeddings.rows(np.arange(len(embeddings.table))[i:]) for i in range(5)]
    for data in (*sets, sets[0]):
        job = ended(queue, queue.submit(replace(task_for(), data=data), "me"))
        assert job.result.bundle.training["pictures"] == len(data.table)


# Queue and stop


def test_a_job_over_its_time_is_stopped_and_judged_as_it_stands(queue, task_for, monkeypatch):
    monkeypatch.setattr(queue, "limits", QueueLimits(seconds=1.0))
    job = ended(queue, queue.submit(task_for(ENDLESS), "me"))
    assert job.status == "stopped"
    assert job.message == "Stopped after 1 seconds, the longest that one job may take here."
    assert job.events and (job.result is None or job.result.stopped)


def test_a_job_that_asks_for_time_finishes_when_it_is_stopped(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    lone = BackgroundQueue()
    job_id = lone.submit(Finishing(), "me")
    until(lambda: lone.snapshot(job_id).events, "the first event")
    lone.stop(job_id)
    job = ended(lone, job_id)
    assert (job.status, job.result) == ("stopped", "finished")
    lone.close()


def test_running_job_stops_soon_and_the_next_one_runs(queue, task_for, endless):
    queue.stop(endless)
    queue.stop(endless)  # impatience does no harm
    until(lambda: not queue.snapshot(endless).active, "the stop")
    job = queue.snapshot(endless)
    assert job.status == "stopped"
    assert job.events[-1].step < ENDLESS.steps
    assert ended(queue, queue.submit(task_for(), "me")).status == "done"


def test_child_that_does_not_listen_yet_is_ended(task_for):
    lone = BackgroundQueue()
    job_id = lone.submit(task_for(ENDLESS), "me")
    child = until(lambda: lone.process_id, "the child")
    os.kill(child, signal.SIGSTOP)
    assert lone.snapshot(job_id).status == "starting"
    lone.stop(job_id)
    until(lambda: not lone.snapshot(job_id).active, "the stop")
    assert lone.snapshot(job_id).status == "stopped"
    assert not alive(child)
    lone.close()


def test_what_libraries_print_and_leave_does_no_harm(monkeypatch, task_for):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    lone = BackgroundQueue()
    left = [ended(lone, lone.submit(Noisy(), "me")).result for _ in range(2)]
    assert all(Path(path).exists() for path in left)
    os.kill(lone.process_id, signal.SIGKILL)
    lone.close()
    assert not any(Path(path).parent.exists() for path in left), "gone with the process"


# What follows


def test_what_is_to_follow_is_done_when_the_job_is(queue, task_for, endless):
    told = []
    never_stop = queue.submit(task_for(), "me", then=told.append)
    queue.stop(never_stop)
    queue.stop(endless)

    def go_on(job):
        assert job.result.bundle.title == "Painted"
        told.append(queue.submit(task_for(), "me"))
        raise RuntimeError("this must not end the thread")

    first = ended(queue, queue.submit(task_for(), "me", then=go_on))
    until(lambda: told, "what follows")
    assert ended(queue, told[0]).status == "done"
    assert queue.snapshot(first.id).result is None, "who wanted it has it"


# Death


def test_killed_child_fails_its_job_and_the_next_gets_a_new_one(queue, task_for, endless):
    child = queue.process_id
    os.kill(child, signal.SIGKILL)
    job = ended(queue, endless)
    assert job.status == "failed"
    assert job.message == (
        "The process that did this ended unexpectedly, perhaps for want of memory; "
        "press the button to start it again."
    )
    assert ended(queue, queue.submit(task_for(), "me")).status == "done"
    assert queue.process_id != child


@pytest.fixture
def lone(monkeypatch):
    """A queue of its own, which knows the requests of this folder."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    running = BackgroundQueue()
    yield running
    running.close()


@pytest.mark.parametrize(
    "place", ["sending", "reading", "running", "answering", "taking", "stopping"]
)
def test_a_bug_at_any_place_fails_its_job_as_a_bug_and_the_next_job_runs(lone, caplog, place):
    job_id = lone.submit(Faulty.at(place), "me")
    if place == "stopping":
        until(lambda: lone.snapshot(job_id).status == "running", "the start")
        lone.stop(job_id)
    next_in_line = lone.submit(Faulty(), "you")
    job = ended(lone, job_id)
    if place == "stopping":
        assert job.status == "stopped"
    else:
        assert (job.status, job.message) == ("failed", OWN_FAULT)
    assert (ended(lone, next_in_line).status, lone.snapshot(next_in_line).result) == ("done", "it")
    if place in ("sending", "taking", "stopping"):  # else the child logs it
        assert "planted" in caplog.text and "Traceback" in caplog.text


@pytest.mark.parametrize("place", ["worker", "start", "begin"])
def test_a_bug_of_the_server_ends_the_process_and_the_next_job_runs(
    lone, caplog, monkeypatch, place
):
    owner = {"worker": background_queue, "start": background_queue.Worker, "begin": lone}[place]
    name = {"worker": "Worker"}.get(place, place)
    right, children = getattr(owner, name), []

    def wrong(*args):
        monkeypatch.setattr(owner, name, right)
        children.append(lone.process_id)
        raise RuntimeError("planted")

    monkeypatch.setattr(owner, name, wrong)
    job = ended(lone, lone.submit(Faulty(), "me"))
    assert (job.status, job.message) == ("failed", OWN_FAULT)
    assert ended(lone, lone.submit(Faulty(), "me")).result == "it"
    assert lone.process_id not in children
    assert not any(child and alive(child) for child in children)
    assert "planted" in caplog.text and "Traceback" in caplog.text


@pytest.mark.parametrize("place", ["answering", ""])
def test_an_end_that_cannot_be_counted_is_told_all_the_same(lone, caplog, monkeypatch, place):
    def wrong(job):
        raise RuntimeError("planted")

    monkeypatch.setattr(queue_module, "_record_end", wrong)
    jobs = [lone.submit(Faulty.at(place), "me") for _ in range(2)]
    expected = ("failed", OWN_FAULT) if place else ("done", "")
    assert [(ended(lone, one).status, lone.snapshot(one).message) for one in jobs] == [expected] * 2
    assert "planted" in caplog.text


def test_even_where_a_failure_cannot_be_recorded_the_next_job_runs(lone, caplog, monkeypatch):
    def wrong(job_id, message):
        raise RuntimeError("planted")

    monkeypatch.setattr(lone, "fail", wrong)
    lone.submit(Faulty.at("answering"), "me")
    assert ended(lone, lone.submit(Faulty(), "you")).result == "it"
    assert "cannot be told" in caplog.text


def test_interrupting_the_server_does_not_interrupt_the_child(queue, task_for, endless):
    os.kill(queue.process_id, signal.SIGINT)
    seen = len(queue.snapshot(endless).events)
    until(lambda: len(queue.snapshot(endless).events) > seen + 1, "more events")


def test_process_that_cannot_be_started_fails_jobs_but_not_the_queue(monkeypatch, task_for):
    def refuse(idle_seconds):
        raise OSError("Cannot allocate memory")

    monkeypatch.setattr(background_queue, "Worker", refuse)
    lone = BackgroundQueue()
    for _ in range(2):
        job = ended(lone, lone.submit(task_for(), "me"))
        assert job.status == "failed" and "cannot be started" in job.message
    lone.close()


def test_child_that_dies_idle_leaves_no_zombie(embeddings):
    lone = BackgroundQueue()
    lone.warm(WarmUpTask())
    child = until(lambda: lone.process_id, "the child")
    os.kill(child, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{child}").exists(), "its collection")
    lone.close()


def test_idle_child_is_given_back_and_not_started_again(task_for):
    lone = BackgroundQueue(idle_seconds=0.5)
    lone.warm(task_for())
    child = until(lambda: lone.process_id, "the child")
    lone.warm(task_for())  # every visit of the page asks for it
    until(lambda: lone.process_id is None, "the end of idling")
    assert not alive(child)
    time.sleep(0.2)
    assert lone.process_id is None
    lone.close()


def test_closing_leaves_nothing_behind(task_for):
    lone = BackgroundQueue()
    jobs = [lone.submit(task_for(ENDLESS), "me") for _ in range(3)]
    child = until(lambda: lone.process_id, "the child")
    lone.close()
    assert not alive(child)
    assert [ended(lone, job_id).status for job_id in jobs] == ["stopped"] * 3
    assert lone.process_id is None
    with pytest.raises(TrainingError, match="shut down; restart the app"):
        lone.submit(task_for(), "me")


def test_no_orphan_outlives_a_killed_server(embeddings, tmp_path):
    embeddings.save(tmp_path / "set.npz")
    script = f"""
        import sys, time
        from pathlib import Path
        from decor_core.features.embeddings import Embeddings
        from decor_core.model.training_config import TrainingConfig
        from decor_app.jobs.background_queue import BackgroundQueue
        from decor_app.jobs.train_tasks import TrainTask

        queue = BackgroundQueue()
        embeddings = Embeddings.load(Path({str(tmp_path / "set.npz")!r}))
        config = TrainingConfig("softmax", steps=100_000, learning_rate=0.001)
        job = queue.submit(TrainTask(embeddings, config, "style"), "me")
        while not queue.snapshot(job).events:
            time.sleep(0.05)
        print(queue.process_id, flush=True)
        time.sleep(600)
    """
    server = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
    )
    try:
        child = int(server.stdout.readline())
        assert alive(child)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    until(lambda: not alive(child), "the end of the orphan")
