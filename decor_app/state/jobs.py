"""The session's jobs, in the trainer and in the reader, and the runs that come of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from decor_app.format import escape_markdown
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import CrossValidateTask, NetworkTask, Task
from decor_app.state.dataset_jobs import dataset_queue
from decor_app.state.models import training_queue, use_model
from decor_app.state.runs import find_run, save_cross_validation
from decor_app.state.training_data import TrainingVectors, cached_vectors, is_available
from decor_app.state.workspace import registry, workspace
from decor_core.errors import DecorError, TrainingError
from decor_core.features.backbones import BackboneSpec
from decor_core.features.embeddings import Embeddings
from decor_core.model.bundle import Bundle
from decor_core.model.training_data import TrainingData
from decor_core.runs.run import Run, run_of_bundle, run_of_training

TRAIN, SEARCH, CROSS_VALIDATE, CURVE = "train", "search", "judge", "curve"
EXPORT, TENSORBOARD, LEARN, EMBED = "export", "board", "learn", "know"
# What comes before the job itself: to look at the pictures that it learns from.
BEFOREHAND = ("network", "embed")
_STOPS_WITHIN = 0.5
_UNEXPECTED = "This failed for an unexpected reason; see the server's log."


def submit(purpose: str, task: Task, run_id: str = "") -> None:
    """Queue ``task`` as the session's job for ``purpose``, about a run where it is about one."""
    session = workspace()
    session.refused.pop(purpose, None)
    try:
        job_id = training_queue().submit(task, session.owner)
    except TrainingError as error:
        st.toast(escape_markdown(str(error)), icon=":material/error:", duration="long")
        return
    session.jobs[purpose] = job_id
    session.about[job_id] = run_id


def submit_on(
    purpose: str,
    training_data: TrainingData,
    level: str,
    make: Callable[[Embeddings], Task] | None = None,
    run_id: str = "",
) -> None:
    """Queue what ``make`` makes of the material's vectors; first look at pictures where need be.

    All of it goes on by itself, whichever page is open and whether any is. Without ``make`` the
    vectors are all that is wanted.
    """
    try:
        JobPipeline(purpose, training_data, level, make, run_id).go_on()
    except DecorError as error:
        st.toast(escape_markdown(str(error)), icon=":material/error:", duration="long")


class JobPipeline:
    """A job that may need others before it: one follows on the other, on the trainers' threads."""

    def __init__(
        self,
        purpose: str,
        training_data: TrainingData,
        level: str,
        make: Callable[[Embeddings], Task] | None,
        run_id: str,
    ) -> None:
        # A thread of a trainer belongs to no session: all that is of one is fetched now.
        self._session, self._trainer, self._reader = workspace(), training_queue(), dataset_queue()
        self._purpose, self._material, self._run_id = purpose, training_data, run_id
        self._make = make
        self._vectors = TrainingVectors(training_data, level)
        self._session.refused.pop(purpose, None)

    def go_on(self) -> None:
        """Queue what is to be done next; DecorError where that is refused."""
        missing = self._vectors.missing()
        architecture = self._material.spec.architecture
        if missing and not BackboneSpec.named(architecture).path.exists():
            self._queue(self._trainer, NetworkTask(architecture), lambda job: None)
        elif missing:
            self._queue(self._reader, missing, lambda job: self._vectors.add(missing, job.result))
        elif self._make:
            self._queue(self._trainer, self._make(self._vectors.joined()))
        else:
            self._session.jobs.pop(self._purpose, None)

    def _queue(self, place: Any, task: Task, take: Callable[[Job], None] | None = None) -> None:
        session = self._session
        job_id = place.submit(task, session.owner, take and (lambda job: self._follow(take, job)))
        session.about[job_id] = self._run_id
        session.jobs[self._purpose] = job_id

    def _follow(self, take: Callable[[Job], None], job: Job) -> None:
        take(job)
        try:
            self.go_on()
        except DecorError as error:
            self._session.refused[self._purpose] = str(error)
        except Exception:
            self._session.refused[self._purpose] = _UNEXPECTED
            raise  # into the log


def job_for(purpose: str, run_id: str = "") -> Job | None:
    """The session's latest job for ``purpose`` as it stands now, if it is about that run.

    One that only prepares for it goes on until the next one has begun.
    """
    session = workspace()
    job_id = session.jobs.get(purpose)
    if job_id is None or session.about.get(job_id) != run_id:
        return None
    job = _snapshot(job_id)
    if job is None:
        session.jobs.pop(purpose, None)  # the trainer keeps a limited number of ended ones
    elif job.status == "done" and job.task.kind in BEFOREHAND:
        reason = session.refused.get(purpose)
        return replace(job, status="failed", message=reason) if reason else _going_on(job)
    return job


def _going_on(job: Job) -> Job:
    return replace(job, status="running", ended=None)


def _snapshot(job_id: str) -> Job | None:
    for place in (training_queue(), dataset_queue()):
        try:
            return place.snapshot(job_id)
        except TrainingError:
            continue
    return None


def stop(purpose: str) -> None:
    """Stop the session's job for ``purpose``; most have ended when the page is drawn next."""
    job_id = workspace().jobs.get(purpose, "")
    for place in (training_queue(), dataset_queue()):
        place.stop(job_id)
    wait(job_id, _STOPS_WITHIN)


def wait(job_id: str, seconds: float) -> None:
    """Wait until a job has ended, for so long at most."""
    for place in (training_queue(), dataset_queue()):
        try:
            place.wait(job_id, seconds)
        except TrainingError:
            continue


def collect() -> None:
    """Make runs of all trainings that have ended, wherever their visitor was when they did."""
    session = workspace()
    for job in training_queue().jobs(session.owner):
        if job.active or job.result is None or job.id in session.collected:
            continue
        session.collected[job.id] = ""  # by this tab, not by another one of the same browser
        session.collected[job.id] = _keep(job, session.about.get(job.id, ""))


def run_of(job: Job) -> Run | None:
    """The run that came of a training; None while there is none, or once it is deleted."""
    entry = find_run(workspace().collected.get(job.id, ""))
    return entry and entry.run


def can_train_further(run: Run) -> bool:
    """Whether further jobs can be done about a run: only on the data that are here."""
    return not run.read_only and is_available(TrainingData.of(run.bundle))


def ask_about(purpose: str, run: Run, kind: Callable[..., Task]) -> None:
    """Queue a job of that ``kind`` about a run, on what it learned from."""
    submit_on(
        purpose,
        TrainingData.of(run.bundle),
        run.level,
        lambda vectors: kind(vectors, run.config, run.level, run.title),
        run.id,
    )


def vectors_for(training_data: TrainingData, level: str) -> Embeddings | None:
    """The vectors of a material, if they are at hand; else they are fetched for the next time."""
    vectors = cached_vectors(training_data, level)
    if vectors is None and job_for(EMBED) is None and is_available(training_data):
        submit_on(EMBED, training_data, level)
    return vectors


def _keep(job: Job, about: str) -> str:
    session = workspace()
    if job.task.kind in ("train", "train on all"):
        run = session.runs.save(_run(job))
        for old in session.own_runs[registry().room(session) :]:
            session.runs.delete(old.id)
            st.toast(escape_markdown(f"“{old.title}” had to go: there is no room for more models."))
        if session.jobs.get(LEARN) == job.id:
            use_model(run.bundle)
            if run.evaluation is None:  # its answers first, then how good they are
                ask_about(CROSS_VALIDATE, run, CrossValidateTask)
        return run.id
    if job.task.kind == "cross-validate":
        save_cross_validation(about, job.result)
    elif job.task.kind == "learning curve" and job.status == "done":
        session.learning_curves[about] = job.result
    return about


def _run(job: Job) -> Run:
    training_data = job.task.training_data
    if isinstance(job.result, Bundle):
        told = {"data": training_data.name, "material": training_data.to_json()}
        bundle = replace(job.result, training={**job.result.training, **told})
        return replace(run_of_bundle(bundle), seconds=job.seconds)
    return run_of_training(job.result, training_data.name, job.seconds, training_data.to_json())
