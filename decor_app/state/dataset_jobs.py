"""The session's jobs in the process that reads pictures, and how far they are."""

import time
from collections.abc import Callable

import streamlit as st

from decor_app import session_keys as keys
from decor_app.format import escape_markdown, time_left
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import Task
from decor_app.jobs.trainer import Trainer
from decor_app.state.models import background_process
from decor_app.state.workspace import workspace
from decor_core.errors import TrainingError

PEEK, INTAKE, CHECK, MAP, ANSWER = "peek", "intake", "check", "map", "answer"
_LOOK = 0.4  # seconds between two drawings of a job


@st.cache_resource(show_spinner=False)
def dataset_queue() -> Trainer:
    """The process of this server that reads and embeds what people bring, without TensorFlow."""
    return background_process(tensorflow=False)


def read(purpose: str, task: Task, about: str = "") -> None:
    """Queue ``task`` as the session's job for ``purpose``; ``about`` is what it is about."""
    try:
        job_id = dataset_queue().submit(task, workspace().owner)
    except TrainingError as error:
        st.toast(escape_markdown(str(error)), icon=":material/error:", duration="long")
        return
    workspace().jobs[purpose] = job_id
    workspace().about[job_id] = about


def reading(purpose: str, about: str = "") -> Job | None:
    """The session's job for ``purpose`` as it stands now, if it is about that."""
    job_id = workspace().jobs.get(purpose)
    if job_id is None or workspace().about.get(job_id) != about:
        return None
    try:
        return dataset_queue().snapshot(job_id)
    except TrainingError:
        forget(purpose)
        return None


def forget(purpose: str) -> None:
    """Let go of the job for ``purpose``: it has been dealt with."""
    workspace().jobs.pop(purpose, None)


def stop_reading(purpose: str) -> None:
    """Stop the session's job for ``purpose``."""
    job_id = workspace().jobs.get(purpose)
    if job_id:
        dataset_queue().stop(job_id)


@st.fragment(run_every=_LOOK)
def watch(purpose: str, about: str = "", on_stop: Callable[[], None] | None = None) -> None:
    """Draw how far an active job is, again and again; its end is for the whole page to draw."""
    job = reading(purpose, about)
    if job is None or not job.active:
        st.rerun()
    st.progress(job.progress(time.monotonic()), text=words_of(job))
    st.button(
        "Stop",
        key=keys.STOP.of(purpose),
        icon=":material/stop:",
        on_click=on_stop or stop_reading,
        args=() if on_stop else (purpose,),
    )


def words_of(job: Job) -> str:
    """What an active job is doing, and how long it will take."""
    if job.status == "queued" and job.place:
        jobs = "job" if job.place == 1 else "jobs"
        return f"Waiting in the queue: {job.place} {jobs} before yours"
    if not job.events:
        return "Getting ready …"
    phase = job.events[-1]
    if phase.name == "checking":
        return _CHECKING.get(job.task.kind, "Nearly done …")
    seconds = job.seconds_left(time.monotonic())
    left = "" if seconds is None else f", {time_left(seconds)}"
    verb = {"reading": "Reading", "looking": "Looking at"}[phase.name]
    return f"{verb} picture {phase.done:,} of {phase.total:,}{left}"


_CHECKING = {
    "intake": "Looking for pictures in the wrong class …",
    "check": "Looking for pictures in the wrong class …",
    "map": "Laying them out …",
}
