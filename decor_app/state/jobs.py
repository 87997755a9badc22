"""What a session has asked for: its jobs in the background, and the runs that come of them."""

import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import streamlit as st

from decor_app import session_keys as keys
from decor_app.format import escape_markdown, pluralize
from decor_app.jobs.background_queue import BackgroundQueue
from decor_app.jobs.job import Job
from decor_app.jobs.tasks import Task
from decor_app.jobs.tensorflow_tasks import NetworkTask
from decor_app.jobs.train_tasks import CrossValidateTask
from decor_app.state.errors import attempt
from decor_app.state.models import use_model
from decor_app.state.processes import job_queues
from decor_app.state.runs import find_run, save_cross_validation
from decor_app.state.training_vectors import TrainingVectors, cached_vectors, is_available
from decor_app.state.workspace import REGISTRY, workspace
from decor_core.errors import DecorError
from decor_core.features.backbones import is_at_hand
from decor_core.features.embeddings import Embeddings
from decor_core.model.training_data import TrainingData
from decor_core.runs.run import Run, run_of_training

# What a job is for; a session has one for each at a time.
TRAIN, SEARCH, CROSS_VALIDATE, CURVE = "train", "search", "cross-validate", "curve"
EXPORT, TENSORBOARD, EMBED, NETWORK = "export", "tensorboard", "embed", "network"
TRAIN_ON_CORRECTIONS = "train on corrections"
LEARN = "learn"  # by itself, of a data set that was brought in
ESTIMATE, FINE_TUNE = "estimate", "fine-tune"
PEEK, INTAKE, CHECK, MAP, ANSWER = "peek", "intake", "check", "map", "answer"
_STOPS_WITHIN = 0.5  # seconds
_UNEXPECTED = "This failed for an unexpected reason; see the server's log."

# The tasks of a SessionJob in order: each task is answered with the result of its job.
Steps = Generator[Task, Any, None]


class SessionJob:
    """What a session asked for with one click, which may take several jobs one after the other.

    The next one is queued when the one before is done, on the thread of that queue, whichever page
    is open and whether any is. It is over when its last job has ended, when one was stopped or
    failed, or when the next could not be queued (``error`` says why). ``then`` gets the last one
    when it is done, on the thread of its queue.
    """

    def __init__(
        self,
        owner: str,
        steps: Steps,
        about: str = "",
        then: Callable[[Job], None] | None = None,
    ) -> None:
        self.about, self.error = about, ""
        self._owner, self._steps, self._then = owner, steps, then
        self._queues = job_queues()  # whose threads know nothing of sessions
        self._present: tuple[BackgroundQueue, str] | None = None  # queue and id of a job
        self._is_stopped = False
        self._lock = threading.Lock()

    @property
    def job_id(self) -> str:
        return self._present[1] if self._present else ""

    def advance(self, result: Any = None) -> None:
        """Queue the next task; DecorError where that is refused."""
        with self._lock:
            try:
                task = self._steps.send(result)
            except StopIteration:
                if not self._is_stopped:  # else the one before is the last
                    self._present = None
                return
            queue, then = self._queues[task.queue], self._follow if task.prepares else None
            if self._then and not then:
                then = self._finish
            self._present = queue, queue.submit(task, self._owner, self.about, then)

    def snapshot(self) -> Job | None:
        """The present job; None once it is not known any more, or there are no more steps.

        One that prepares for the next goes on until that has begun, and the last one until ``then``
        is done.
        """
        queue, job_id = self._present or (None, "")
        job = queue.snapshot(job_id) if queue else None
        if job is None or job.status != "done" or not (job.task.prepares or self._then):
            return job
        if self.error:
            return replace(job, status="failed", message=self.error)
        if self._is_stopped and job.task.prepares:
            return replace(job, status="stopped")
        return replace(job, status="running", ended=None)

    def stop(self) -> None:
        """Stop the present job, and let none follow."""
        with self._lock:
            self._steps.close()
            self._is_stopped = True
            if self._present:
                queue, job_id = self._present
                queue.stop(job_id)

    def wait(self, seconds: float) -> None:
        """Wait until the present job has ended, for so long at most."""
        if self._present:
            queue, job_id = self._present
            queue.wait(job_id, seconds)

    def _finish(self, job: Job) -> None:
        try:
            if self._then:
                self._then(job)
        finally:
            self._then = None

    def _follow(self, job: Job) -> None:
        try:
            self.advance(job.result)
        except DecorError as error:
            self.error = str(error)
        except Exception:
            self.error = _UNEXPECTED
            raise  # into the log


def submit(
    purpose: str, task: Task, about: str = "", then: Callable[[Job], None] | None = None
) -> None:
    """Queue ``task`` as the session's job for ``purpose``; ``about`` names a run or a data set.

    When it is done ``then`` gets it, on the thread of its queue.
    """
    _start(purpose, single(task), about, then)


def single(task: Task) -> Steps:
    """The steps of a job that is one task."""
    yield task


def submit_on(
    purpose: str,
    training_data: TrainingData,
    level: str,
    make: Callable[[Embeddings], Task] | None = None,
    about: str = "",
    only_worthwhile: bool = False,
) -> None:
    """Queue the task that ``make`` gives for the vectors of the training data, once all are there.

    Without ``make`` the vectors are all that is wanted. With ``only_worthwhile`` there are copies
    only where the data tell that they are worth their time.
    """

    def steps() -> Steps:
        vectors = TrainingVectors(training_data, level, only_worthwhile=only_worthwhile)
        architecture = training_data.spec.architecture
        if vectors.missing() and not is_at_hand(architecture):
            yield NetworkTask(architecture)
        while task := vectors.missing():
            vectors.add(task, (yield task))
        if make:
            yield make(vectors.joined())

    _start(purpose, steps(), about)


def _start(
    purpose: str, steps: Steps, about: str, then: Callable[[Job], None] | None = None
) -> None:
    """Begin what was asked for; not again while it runs: a click may come twice, or from two tabs.

    Both clicks come before the page is drawn with its button disabled. A second job would take the
    place of the first, which nobody could watch or stop any more.
    """
    session = workspace()
    with session.lock:
        if (present := latest_job(purpose, about)) and present.active:
            st.toast("This is running already.", icon=":material/info:")
            return
        job = SessionJob(session.owner, steps, about, then)
        if attempt(job.advance):
            session.jobs[purpose] = job


def job_for(purpose: str, about: str = "") -> Job | None:
    """The session's latest job for ``purpose`` as it stands now, if it is about that.

    The page is drawn anew where the job has ended since ``collect``: what the page has read until
    here is older than what came of the job.
    """
    job = latest_job(purpose, about)
    if job and not job.active and job.id not in keys.ENDED_JOBS.value:
        st.rerun()
    return job


def latest_job(purpose: str, about: str = "") -> Job | None:
    """As ``job_for``, for a callback, after which the page is drawn anyway."""
    session = workspace()
    job = session.jobs.get(purpose)
    if job is None or job.about != about:
        return None
    snapshot = job.snapshot()
    if snapshot is None:
        forget(purpose)
    return snapshot


def stop(purpose: str) -> None:
    """Stop the session's job for ``purpose``; most have ended when the page is drawn next."""
    if job := workspace().jobs.get(purpose):
        job.stop()
        job.wait(_STOPS_WITHIN)


def wait(purpose: str, seconds: float) -> None:
    """Wait until the session's job for ``purpose`` has ended, for so long at most."""
    if job := workspace().jobs.get(purpose):
        job.wait(seconds)


def forget(purpose: str) -> None:
    """Let go of the session's job for ``purpose``: it has been dealt with."""
    workspace().jobs.pop(purpose, None)


def collect() -> None:
    """Make runs of all trainings that have ended, wherever their visitor was when they did.

    A page begins with it: all jobs that the page asks for later have not ended, or are collected.
    """
    session = workspace()
    latest = [job.snapshot() for job in list(session.jobs.values())]
    keys.ENDED_JOBS.value = frozenset(job.id for job in latest if job and not job.active)
    with session.lock:  # another tab of the same browser waits until all of it is done
        for first_model in list(session.first_models.values()):
            first_model.collect()
        for name in ("training", "evaluation", "tensorflow"):
            for job in job_queues()[name].jobs(session.owner):
                if not (job.active or job.result is None or job.id in session.collected):
                    session.collected[job.id] = job.about
                    _keep(job)


def run_of(job: Job) -> Run | None:
    """The run that came of a training; None while there is none, or once it is deleted."""
    entry = find_run(workspace().collected.get(job.id, ""))
    return entry and entry.run


def can_train_further(run: Run) -> bool:
    """Whether further jobs can be done about a run: only on the data that are here.

    A network that has learned from the pictures cannot be cross-validated on them.
    """
    is_open = not (run.read_only or run.bundle.is_fine_tuned)
    return is_open and is_available(TrainingData.of(run.bundle))


def ask_about(purpose: str, run: Run, kind: Callable[..., Task]) -> None:
    """Queue a job of that ``kind`` about a run, on what it learned from."""
    training_data = TrainingData.of(run.bundle)
    assert training_data is not None  # only where can_train_further
    submit_on(
        purpose,
        training_data,
        run.level,
        lambda vectors: kind(vectors, run.config, run.level),
        run.id,
    )


def vectors_for(training_data: TrainingData, level: str) -> Embeddings | None:
    """The vectors of what is learned from, if at hand; else they are fetched for the next time."""
    vectors = cached_vectors(training_data, level)
    if vectors is None and job_for(EMBED) is None and is_available(training_data):
        submit_on(EMBED, training_data, level)
    return vectors


def save_run(run: Run) -> None:
    """Keep a run in the session; the oldest go where there is no room."""
    session = workspace()
    session.runs.save(run)
    for old in session.own_runs[REGISTRY.room(session) :]:
        session.runs.delete(old.id)
        st.toast(escape_markdown(f"“{old.title}” had to go: there is no room for more models."))


def _keep(job: Job) -> None:
    session = workspace()
    if job.task.kind in ("train", "train on all"):
        run = run_of_training(job.result, job.task.training_data, job.seconds)
        session.collected[job.id] = run.id
        save_run(run)
        correction_job = session.jobs.get(TRAIN_ON_CORRECTIONS)
        if correction_job and correction_job.job_id == job.id:
            use_model(run.bundle)
            if run.evaluation is None:  # its answers first, then how good they are
                ask_about(CROSS_VALIDATE, run, CrossValidateTask)
    elif job.task.kind == "fine-tune":
        _keep_fine_tuning(job)
    elif job.task.kind == "cross-validate":
        save_cross_validation(job.about, job.result)
    elif job.task.kind == "learning curve" and job.status == "done":
        session.learning_curves[job.about] = job.result


def _keep_fine_tuning(job: Job) -> None:
    session, found = workspace(), job.result
    session.fine_tunings = {job.id: replace(found, embeddings=None)}  # the latest alone
    job_queues()[job.task.queue].drop_result(job.id)  # vectors of all pictures
    if found.is_better:
        save_fine_tuned(job)
        with suppress(DecorError):  # the data set is gone: so are its vectors
            data = replace(job.task.training_data, spec=found.embeddings.spec)
            vectors = TrainingVectors(data, job.task.level)
            if task := vectors.missing():
                vectors.add(task, found.embeddings)


def save_fine_tuned(job: Job) -> None:
    """Make a run of the model of a fine-tuning that has ended, be it better or not."""
    session, data = workspace(), job.task.training_data
    training = session.fine_tunings[job.id].fine_tuned
    assert training is not None  # else there is nothing to ask for
    run = run_of_training(training, data, job.seconds)
    run = run.titled(f"{data.title} (fine-tuned, {pluralize(run.config.fine_tune, 'stage')})")
    session.collected[job.id] = run.id
    save_run(run)
