"""The background process, with a real child: queue, progress, stop, death and its end."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from decor_core import trainer as trainers
from decor_core.errors import TrainingError
from decor_core.heads import TrainConfig, TrainEvent
from decor_core.trainer import Job, Trainer
from decor_core.worker import TrainRequest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

PATIENCE = 60.0  # for a loaded machine; nothing here takes long on a quiet one
SHORT = TrainConfig(steps=40, learning_rate=0.1)
ENDLESS = TrainConfig(steps=100_000, learning_rate=0.001, eval_interval=20)


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
def trainer():
    """One trainer for all tests: importing TensorFlow takes seconds."""
    running = Trainer()
    running.warm()
    yield running
    running.close()


@pytest.fixture
def request_for(embeddings):
    return lambda config=SHORT, level="style": TrainRequest(embeddings, config, level, "Painted")


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
    assert job.training.bundle.title == "Painted"
    assert job.training.bundle.evaluation.accuracy >= 0.9
    assert job.training.events == job.events
    assert (job.owner, job.level, job.config) == ("me", "style", SHORT)


def test_child_trains_the_same_model_as_this_process(trainer, request_for, training):
    config = TrainConfig(steps=60, learning_rate=0.1)
    job = ended(trainer, trainer.submit(request_for(config), "me"))
    ours, theirs = training.bundle.head, job.training.bundle.head
    scale = np.abs(ours.weights).max()
    np.testing.assert_allclose(theirs.weights, ours.weights, atol=1e-3 * scale)


def test_settings_that_cannot_work_fail_with_their_reason(trainer, request_for, embeddings):
    one = embeddings.rows((embeddings.table["style"] == "Iznik").to_numpy())
    job = ended(trainer, trainer.submit(TrainRequest(one, SHORT, "style"), "me"))
    assert job.status == "failed" and job.message.startswith("Two classes are needed")
    huge = replace(embeddings, vectors=embeddings.vectors * np.float32(1e12))
    config = TrainConfig(steps=50, learning_rate=10, weight_decay=1)
    job = ended(trainer, trainer.submit(TrainRequest(huge, config, "style"), "me"))
    assert job.status == "failed" and "diverged" in job.message


def test_a_bug_fails_the_job_with_a_plain_sentence_and_spares_the_child(trainer, request_for):
    child = trainer.process_id
    job = ended(trainer, trainer.submit(TrainRequest("no embeddings", SHORT, "style"), "me"))
    assert job.status == "failed"
    assert job.message == "The training failed for an unexpected reason; see the server's log."
    assert ended(trainer, trainer.submit(request_for(), "me")).status == "done"
    assert trainer.process_id == child


def test_unknown_job_is_an_error_and_stopping_it_is_not(trainer):
    with pytest.raises(TrainingError, match="not known any more; start it again"):
        trainer.snapshot("nobody")
    trainer.stop("nobody")


def test_time_left_goes_by_the_pace_without_the_start():
    events = tuple(TrainEvent(step, 1, 0, None, None, 5 + step / 10) for step in (10, 20, 30))
    job = Job("id", "me", TrainConfig(steps=130), "style", "x", "running", events=events)
    assert job.seconds_left == pytest.approx(10)  # not 5 s of warming up for every 30 steps
    assert replace(job, events=events[:1]).seconds_left is None
    assert replace(job, status="done").seconds_left is None


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
    assert trainer.snapshot(first).training is None


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


# Death


def test_killed_child_fails_its_job_and_the_next_gets_a_new_one(trainer, request_for, endless):
    child = trainer.process_id
    os.kill(child, signal.SIGKILL)
    job = ended(trainer, endless)
    assert job.status == "failed"
    assert job.message == (
        "The training process ended unexpectedly; press Retrain to start it again."
    )
    assert ended(trainer, trainer.submit(request_for(), "me")).status == "done"
    assert trainer.process_id != child


def test_interrupting_the_server_does_not_interrupt_the_child(trainer, request_for, endless):
    os.kill(trainer.process_id, signal.SIGINT)
    seen = len(trainer.snapshot(endless).events)
    until(lambda: len(trainer.snapshot(endless).events) > seen + 1, "more events")


def test_process_that_cannot_be_started_fails_jobs_but_not_the_queue(monkeypatch, request_for):
    def refuse():
        raise OSError("Cannot allocate memory")

    monkeypatch.setattr(trainers, "Worker", refuse)
    lone = Trainer()
    for _ in range(2):
        job = ended(lone, lone.submit(request_for(), "me"))
        assert job.status == "failed" and "cannot be started" in job.message
    lone.close()


def test_idle_child_is_given_back_and_not_started_again():
    lone = Trainer(idle_seconds=0.5)
    lone.warm()
    child = until(lambda: lone.process_id, "the child")
    lone.warm()  # every visit of the page asks for it
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
        from decor_core.features import Embeddings
        from decor_core.heads import TrainConfig
        from decor_core.trainer import Trainer
        from decor_core.worker import TrainRequest

        trainer = Trainer()
        embeddings = Embeddings.load(Path({str(tmp_path / "set.npz")!r}))
        config = TrainConfig(steps=100_000, learning_rate=0.001)
        job = trainer.submit(TrainRequest(embeddings, config, "style"), "me")
        while not trainer.snapshot(job).events:
            time.sleep(0.05)
        print(trainer.process_id, flush=True)
        time.sleep(600)
    """
    server = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=Path(__file__).parents[1],
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
