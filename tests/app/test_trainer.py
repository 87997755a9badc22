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

from decor_app.jobs import queue as register
from decor_app.jobs import trainer as trainers
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import (
    CrossValidateTask,
    ExportTask,
    LearningCurveTask,
    SearchTask,
    SummariesTask,
    TrainTask,
)
from decor_app.jobs.trainer import QueueLimits, Trainer
from decor_core.errors import TrainingError
from decor_core.model.heads import TrainEvent
from decor_core.model.training_config import TrainingConfig
from decor_core.training.search import grid

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

PATIENCE = 60.0  # for a loaded machine; nothing here takes long on a quiet one
SHORT = TrainingConfig("softmax", steps=40, learning_rate=0.1)
ENDLESS = TrainingConfig("softmax", steps=100_000, learning_rate=0.001, eval_interval=20)


def until(condition, what, patience=PATIENCE):
    """Waits for ``condition()`` to be true and returns what it gave."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {patience:.0f} s for: {what}")
        time.sleep(0.02)
    return found


def ended(trainer, job_id):
    """The job's last snapshot, when it is over."""
    until(lambda: not trainer.snapshot(job_id).active, "the end of the job")
    return trainer.snapshot(job_id)


def alive(pid):
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # ended, but not yet collected, is ended too
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture(scope="module")
def trainer(embeddings):
    """One trainer for all tests: importing TensorFlow takes seconds."""
    running = Trainer()
    running.warm(embeddings)
    yield running
    running.close()


@pytest.fixture
def request_for(embeddings):
    return lambda config=SHORT, level="style": TrainTask(embeddings, config, level, "Painted")


@pytest.fixture
def endless(trainer, request_for):
    """An endless job that runs already; stopped at the end."""
    job_id = trainer.submit(request_for(ENDLESS), "me")
    until(lambda: trainer.snapshot(job_id).events, "the first event")
    yield job_id
    trainer.stop(job_id)
    ended(trainer, job_id)


# One job


def test_job_runs_to_its_end_and_tells_its_progress(trainer, request_for, training):
    job = ended(trainer, trainer.submit(request_for(), "me"))
    assert (job.status, job.message, job.place) == ("done", "", 0)
    assert [event.step for event in job.events] == [10, 20, 30, 40]
    assert job.result.bundle.title == "Painted"
    assert job.result.bundle.evaluation.accuracy >= 0.9
    assert job.result.events == job.events
    assert (job.owner, job.task.level, job.task.config) == ("me", "style", SHORT)
    assert 0 < job.seconds < PATIENCE


def test_child_trains_the_same_model_as_this_process(trainer, request_for, training):
    config = TrainingConfig("softmax", steps=60, learning_rate=0.1)
    job = ended(trainer, trainer.submit(request_for(config), "me"))
    ours, theirs = training.bundle.head, job.result.bundle.head
    scale = np.abs(ours.weights).max()
    np.testing.assert_allclose(theirs.weights, ours.weights, atol=1e-3 * scale)


def test_settings_that_cannot_work_fail_with_their_reason(trainer, request_for, embeddings):
    one = embeddings.rows((embeddings.table["style"] == "Iznik").to_numpy())
    job = ended(trainer, trainer.submit(TrainTask(one, SHORT, "style"), "me"))
    assert job.status == "failed" and job.message.startswith("Two classes are needed")
    huge = replace(embeddings, vectors=embeddings.vectors * np.float32(1e12))
    config = TrainingConfig("softmax", steps=50, learning_rate=10, weight_decay=1)
    job = ended(trainer, trainer.submit(TrainTask(huge, config, "style"), "me"))
    assert job.status == "failed" and "diverged" in job.message


def test_a_bug_fails_the_job_with_a_plain_sentence_and_spares_the_child(trainer, request_for):
    child = trainer.process_id
    job = ended(trainer, trainer.submit(TrainTask("no embeddings", SHORT, "style"), "me"))
    assert job.status == "failed"
    assert job.message == "This failed for an unexpected reason; see the server's log."
    assert ended(trainer, trainer.submit(request_for(), "me")).status == "done"
    assert trainer.process_id == child


def test_unknown_job_is_an_error_and_stopping_it_is_not(trainer):
    with pytest.raises(TrainingError, match="not known any more; start it again"):
        trainer.snapshot("nobody")
    trainer.stop("nobody")


def test_time_left_goes_by_the_pace_without_the_start(request_for):
    events = tuple(TrainEvent(step, 1, 0, None, None, 5 + step / 10) for step in (10, 20, 30))
    request = request_for(TrainingConfig("softmax", steps=130))
    job = Job("id", "me", request, "running", 0, events, first_event=5, last_event=7)
    assert job.seconds_left(now=7) == pytest.approx(10)  # not 5 s of warming up every 30 steps
    assert job.seconds_left(now=9) == pytest.approx(8)
    assert replace(job, events=events[:1]).seconds_left(7) is None
    assert replace(job, status="done").seconds_left(7) is None


def test_time_left_counts_what_follows_the_last_step_once_it_is_known(request_for):
    events = tuple(TrainEvent(step, 1, 0, None, None, 0) for step in (50, 100))
    request = request_for(TrainingConfig("softmax", steps=100))
    job = Job("id", "me", request, "running", 0, events, first_event=1, last_event=2)
    assert job.seconds_left(now=2) is None
    assert replace(job, tail=1.5).seconds_left(now=2) == pytest.approx(3)
    assert replace(job, tail=1.5).progress(now=4) == pytest.approx(0.75)


def test_what_follows_the_last_step_is_learned_from_trainings(trainer, request_for):
    ended(trainer, trainer.submit(request_for(), "me"))
    assert ended(trainer, trainer.submit(request_for(), "me")).tail > 0


# Other kinds


def test_cross_validation_counts_its_folds_and_judges_every_level(trainer, embeddings):
    request = CrossValidateTask(embeddings, TrainingConfig(head="lda"), "style", repeats=1)
    job = ended(trainer, trainer.submit(request, "me"))
    assert job.status == "done"
    assert [event.done for event in job.events] == [1, 2, 3, 4, 5]
    assert job.fraction_done == 1
    assert set(job.result) == {"style", "country"}
    assert job.result["style"].n == len(embeddings.table)


def test_cross_validation_can_be_stopped(trainer, embeddings, request_for):
    config = TrainingConfig("softmax", steps=3000, learning_rate=0.01)
    job_id = trainer.submit(CrossValidateTask(embeddings, config, "style", repeats=99), "me")
    until(lambda: trainer.snapshot(job_id).status == "running", "the start")
    trainer.stop(job_id)
    until(lambda: not trainer.snapshot(job_id).active, "the stop", patience=8)
    assert (trainer.snapshot(job_id).status, trainer.snapshot(job_id).result) == ("stopped", None)
    assert ended(trainer, trainer.submit(request_for(), "me")).status == "done"


def test_search_tells_every_result_and_keeps_them_when_stopped(trainer, embeddings):
    few = tuple(grid([20, 40], [0.05, 0.1]))
    job = ended(trainer, trainer.submit(SearchTask(embeddings, SHORT, "style", few), "me"))
    assert job.status == "done" and job.fraction_done == 1
    assert job.task.news(job.events) == job.result
    assert {result.candidate for result in job.result} == set(few)

    many = (*few, *grid([100_000], [0.001 * i for i in range(1, 9)]))
    job_id = trainer.submit(SearchTask(embeddings, SHORT, "style", many), "me")
    until(lambda: trainer.snapshot(job_id).events[-1:], "the first result")
    trainer.stop(job_id)
    until(lambda: not trainer.snapshot(job_id).active, "the stop", patience=8)
    job = trainer.snapshot(job_id)
    assert job.status == "stopped"
    assert len(job.task.news(job.events)) < len(many)


def test_learning_curve_tells_point_by_point(trainer, embeddings):
    request = LearningCurveTask(embeddings, TrainingConfig(head="lda"), "style")
    job = ended(trainer, trainer.submit(request, "me"))
    assert job.status == "done" and job.fraction_done == 1
    assert job.task.news(job.events) == job.result
    pictures = [point.pictures for point in job.result]
    assert pictures == sorted(pictures)


def test_export_gives_a_zip(trainer, training):
    request = ExportTask(training.bundle, "bundle")
    job = ended(trainer, trainer.submit(request, "me"))
    assert job.status == "done"
    assert any(name.endswith("manifest.json") for name in ZipFile(BytesIO(job.result)).namelist())


def test_only_few_exports_are_held(trainer, training, request_for, monkeypatch):
    monkeypatch.setattr(register, "_KEPT_EXPORTS", 1)
    request = ExportTask(training.bundle, "bundle")
    exports = [ended(trainer, trainer.submit(request, "packer")).id for _ in range(3)]
    trainer.submit(request_for(), "packer")
    held = [job.id for job in trainer.jobs("packer") if job.task.kind == "export"]
    assert held == exports[-1:]


def test_curves_for_tensorboard_as_a_folder_or_as_a_zip(trainer, training, tmp_path):
    pytest.importorskip("tensorboard")
    named = (("one", training.events), ("two", training.events))
    job = ended(trainer, trainer.submit(SummariesTask(named, tmp_path / "s"), "me"))
    assert (job.status, job.result) == ("done", tmp_path / "s")
    written = sorted(path.parent.name for path in tmp_path.rglob("events.out.*"))
    assert written == ["train", "train", "validation", "validation"]
    job = ended(trainer, trainer.submit(SummariesTask(named), "me"))
    names = ZipFile(BytesIO(job.result)).namelist()
    assert any(name.startswith("two/validation/events.out") for name in names)


def test_many_data_sets_find_their_jobs(trainer, embeddings, request_for):
    sets = [embeddings.rows(np.arange(len(embeddings.table))[i:]) for i in range(5)]
    for data in (*sets, sets[0]):
        job = ended(trainer, trainer.submit(replace(request_for(), data=data), "me"))
        assert job.result.bundle.training["pictures"] == len(data.table)


# Queue and stop


def test_queue_keeps_order_and_place_and_lets_go_who_is_stopped(trainer, request_for, endless):
    first, second, third = (trainer.submit(request_for(), name) for name in "abc")
    waiting = [trainer.snapshot(job_id) for job_id in (first, second, third)]
    assert [(job.status, job.place) for job in waiting] == [
        ("queued", 1), ("queued", 2), ("queued", 3)
    ]  # fmt: skip
    trainer.stop(first)
    assert trainer.snapshot(first).status == "stopped"
    assert [trainer.snapshot(job_id).place for job_id in (second, third)] == [1, 2]
    assert trainer.snapshot(endless).status == "running"
    trainer.stop(endless)
    assert ended(trainer, second).status == "done"
    assert ended(trainer, third).status == "done"
    assert trainer.snapshot(first).result is None


def test_a_search_lets_trainings_in(trainer, request_for, embeddings):
    candidates = tuple(grid([1500], [rate / 1000 for rate in range(1, 40)]))
    search = trainer.submit(SearchTask(embeddings, SHORT, "style", candidates), "greedy")
    until(lambda: trainer.snapshot(search).events, "the first model")
    another = trainer.submit(SearchTask(embeddings, SHORT, "style", candidates[:1]), "me")
    assert ended(trainer, trainer.submit(request_for(), "me")).status == "done"
    assert trainer.snapshot(search).active, "the search goes on"
    assert trainer.snapshot(another).status == "queued", "other long jobs wait"
    trainer.stop(search)
    assert ended(trainer, search).status == "stopped"
    assert ended(trainer, another).status == "done"


def test_owners_take_turns(trainer, request_for, endless):
    mine = [trainer.submit(request_for(), "me") for _ in range(3)]
    yours = [trainer.submit(request_for(), "you") for _ in range(2)]
    places = [trainer.snapshot(job_id).place for job_id in (*yours, *mine)]
    assert places == [1, 3, 2, 4, 5]  # “me” is being served already
    trainer.stop(endless)
    jobs = [ended(trainer, job_id) for job_id in (*yours, *mine)]
    by_start = sorted(jobs, key=lambda job: job.started)
    assert [job.owner for job in by_start] == ["you", "me", "you", "me", "me"]


def test_one_owner_cannot_fill_the_queue(trainer, request_for, endless):
    waiting = [trainer.submit(request_for(), "me") for _ in range(10)]
    with pytest.raises(TrainingError, match="10 of your jobs are waiting already"):
        trainer.submit(request_for(), "me")
    other = trainer.submit(request_for(), "you")
    assert trainer.snapshot(other).place == 1
    for job_id in (*waiting, other):
        trainer.stop(job_id)


def test_the_queue_as_a_whole_has_an_end(trainer, request_for, endless, monkeypatch):
    monkeypatch.setattr(trainer._jobs, "limits", QueueLimits(waiting=2))
    waiting = [trainer.submit(request_for(), name) for name in "ab"]
    with pytest.raises(TrainingError, match="2 jobs are waiting, as many as this server takes"):
        trainer.submit(request_for(), "c")
    for job_id in waiting:
        trainer.stop(job_id)


def test_a_job_over_its_time_is_stopped_and_judged_as_it_stands(trainer, request_for, monkeypatch):
    monkeypatch.setattr(trainer._jobs, "limits", QueueLimits(seconds=1.0))
    job = ended(trainer, trainer.submit(request_for(ENDLESS), "me"))
    assert job.status == "stopped"
    assert job.message == "Stopped after 1 seconds, the longest that one job may take here."
    assert job.events and (job.result is None or job.result.stopped)


def test_who_is_gone_is_forgotten(trainer, request_for):
    running = trainer.submit(request_for(ENDLESS), "me")
    until(lambda: trainer.snapshot(running).events, "the first event")
    waiting = trainer.submit(request_for(), "gone")
    stays = trainer.submit(request_for(), "here")
    assert {"me", "gone", "here"} <= trainer.owners()
    trainer.forget(["gone", "me"])
    with pytest.raises(TrainingError, match="not known any more"):
        trainer.snapshot(waiting)
    assert ended(trainer, stays).status == "done"
    assert ended(trainer, running).status == "stopped", "what was running has been stopped"
    trainer.forget(["me"])
    assert "me" not in trainer.owners()
    assert trainer.jobs("here")


def test_everybody_sees_only_their_own_jobs(trainer, request_for):
    job_id = ended(trainer, trainer.submit(request_for(), "somebody")).id
    assert [job.id for job in trainer.jobs("somebody")] == [job_id]
    assert trainer.jobs("somebody else") == []


def test_only_the_latest_jobs_of_an_owner_are_remembered(trainer, request_for, monkeypatch):
    monkeypatch.setattr(register, "_KEPT_OF_ONE", 2)
    jobs = [ended(trainer, trainer.submit(request_for(), "busy")).id for _ in range(4)]
    assert [job.id for job in trainer.jobs("busy")] == jobs[1:]  # the last was not yet ended


def test_waiting_ends_with_the_job_or_in_time(trainer, request_for, endless):
    assert trainer.wait(endless, 0.05).status == "running"
    queued = trainer.submit(request_for(), "me")
    assert trainer.wait(queued, 0.05).status == "queued"
    trainer.stop(endless)
    assert trainer.wait(queued, PATIENCE).status == "done"


def test_running_job_stops_soon_and_the_next_one_runs(trainer, request_for, endless):
    trainer.stop(endless)
    trainer.stop(endless)  # impatience does no harm
    until(lambda: not trainer.snapshot(endless).active, "the stop", patience=5)
    job = trainer.snapshot(endless)
    assert job.status == "stopped"
    assert job.events[-1].step < ENDLESS.steps
    assert ended(trainer, trainer.submit(request_for(), "me")).status == "done"


def test_child_that_does_not_listen_yet_is_ended(request_for):
    lone = Trainer()
    job_id = lone.submit(request_for(ENDLESS), "me")
    child = until(lambda: lone.process_id, "the child")
    os.kill(child, signal.SIGSTOP)
    assert lone.snapshot(job_id).status == "starting"
    lone.stop(job_id)
    until(lambda: not lone.snapshot(job_id).active, "the stop", patience=8)
    assert lone.snapshot(job_id).status == "stopped"
    assert not alive(child)
    lone.close()


# What follows


def test_what_is_to_follow_is_done_when_the_job_is(trainer, request_for, endless):
    told = []
    never_stop = trainer.submit(request_for(), "me", told.append)
    trainer.stop(never_stop)
    trainer.stop(endless)

    def go_on(job):
        assert job.result.bundle.title == "Painted"
        told.append(trainer.submit(request_for(), "me"))
        raise RuntimeError("this must not end the thread")

    first = ended(trainer, trainer.submit(request_for(), "me", go_on))
    until(lambda: told, "what follows")
    assert ended(trainer, told[0]).status == "done"
    assert trainer.snapshot(first.id).result is None, "who wanted it has it"


def test_vectors_are_let_go_when_a_job_has_ended(trainer, request_for, embeddings):
    job = ended(trainer, trainer.submit(request_for(), "me"))
    assert not len(job.task.data.vectors)
    assert job.task.data.target("style")[0] == embeddings.target("style")[0]


# Death


def test_killed_child_fails_its_job_and_the_next_gets_a_new_one(trainer, request_for, endless):
    child = trainer.process_id
    os.kill(child, signal.SIGKILL)
    job = ended(trainer, endless)
    assert job.status == "failed"
    assert job.message == (
        "The training process ended unexpectedly, perhaps for want of memory; "
        "press the button to start it again."
    )
    assert ended(trainer, trainer.submit(request_for(), "me")).status == "done"
    assert trainer.process_id != child


def test_interrupting_the_server_does_not_interrupt_the_child(trainer, request_for, endless):
    os.kill(trainer.process_id, signal.SIGINT)
    seen = len(trainer.snapshot(endless).events)
    until(lambda: len(trainer.snapshot(endless).events) > seen + 1, "more events")


def test_process_that_cannot_be_started_fails_jobs_but_not_the_queue(monkeypatch, request_for):
    def refuse(tensorflow):
        raise OSError("Cannot allocate memory")

    monkeypatch.setattr(trainers, "Worker", refuse)
    lone = Trainer()
    for _ in range(2):
        job = ended(lone, lone.submit(request_for(), "me"))
        assert job.status == "failed" and "cannot be started" in job.message
    lone.close()


def test_child_that_dies_idle_leaves_no_zombie(embeddings):
    lone = Trainer()
    lone.warm(embeddings)
    child = until(lambda: lone.process_id, "the child")
    os.kill(child, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{child}").exists(), "its collection")
    lone.close()


def test_idle_child_is_given_back_and_not_started_again(embeddings):
    lone = Trainer(idle_seconds=0.5)
    lone.warm(embeddings)
    child = until(lambda: lone.process_id, "the child")
    lone.warm(embeddings)  # every visit of the page asks for it
    until(lambda: lone.process_id is None, "the end of idling")
    assert not alive(child)
    time.sleep(0.2)
    assert lone.process_id is None
    lone.close()


def test_closing_leaves_nothing_behind(request_for):
    lone = Trainer()
    jobs = [lone.submit(request_for(ENDLESS), "me") for _ in range(3)]
    child = until(lambda: lone.process_id, "the child")
    lone.close()
    assert not alive(child)
    assert [ended(lone, job_id).status for job_id in jobs] == ["stopped"] * 3
    assert lone.process_id is None
    with pytest.raises(TrainingError, match="shut down; restart the app"):
        lone.submit(request_for(), "me")


def test_no_orphan_outlives_a_killed_server(embeddings, tmp_path):
    embeddings.save(tmp_path / "set.npz")
    script = f"""
        import sys, time
        from pathlib import Path
        from decor_core.features.embeddings import Embeddings
        from decor_core.model.training_config import TrainingConfig
        from decor_app.jobs.trainer import QueueLimits, Trainer
        from decor_app.jobs.train_tasks import TrainTask

        trainer = Trainer()
        embeddings = Embeddings.load(Path({str(tmp_path / "set.npz")!r}))
        config = TrainingConfig("softmax", steps=100_000, learning_rate=0.001)
        job = trainer.submit(TrainTask(embeddings, config, "style"), "me")
        while not trainer.snapshot(job).events:
            time.sleep(0.05)
        print(trainer.process_id, flush=True)
        time.sleep(600)
    """
    server = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    )
    try:
        child = int(server.stdout.readline())
        assert alive(child)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    until(lambda: not alive(child), "the end of the orphan", patience=20)
