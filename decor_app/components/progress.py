"""How far a training is, in words, and a cross-validation on the page."""

import time

import streamlit as st

from decor_app import session_keys as keys
from decor_app.format import STEPWISE, lowered, time_left
from decor_app.jobs.job import Job
from decor_app.state.dataset_jobs import words_of
from decor_app.state.jobs import CROSS_VALIDATE, job_for, stop

_SOON = 0.3
# Seconds between two drawings of a job, by how many are before it: with twenty visitors in the
# queue, drawing all of them three times a second would keep everybody from seeing his end.
_PACES = ((8, 2.0), (3, 1.0), (0, 0.3))


def pace(job: Job) -> float:
    """Seconds until an active job is to be drawn again: the longer it waits, the more."""
    before = job.place if job.status == "queued" else 0
    return next(seconds for least, seconds in _PACES if before >= least)


def progress_words(job: Job) -> str:
    """What an active job is doing, and how long it will take."""
    if job.status == "queued":
        if job.place == 0:
            return "Next in the queue …"
        jobs = "job" if job.place == 1 else "jobs"
        return f"Waiting in the queue: {job.place} {jobs} before yours"
    if job.task.kind == "network":
        return f"Fetching the network {job.task.data}: it may take a minute, the first time"
    if job.task.kind == "embed":
        return f"Before the training: {lowered(words_of(job))}"
    if job.status == "starting":
        return "Starting TensorFlow: a few seconds the first time"
    seconds = job.seconds_left(time.monotonic())
    left = "" if seconds is None or seconds < _SOON else f", {time_left(seconds)}"
    return f"{_doing(job)}{left}"


def _doing(job: Job) -> str:
    if job.task.kind == "train on all":
        return "Learning from all pictures"
    if job.task.kind != "train":
        last = job.events[-1] if job.events else None
        return f"{last.done} of {last.total} trainings done" if last else "Getting ready …"
    config = job.task.config
    if config.head != STEPWISE:
        return "Computing, calibrating and testing"
    if not job.events:
        return "Getting ready …"
    if job.events[-1].step >= config.steps:
        return "All steps done; calibrating and testing"
    return f"Step {job.events[-1].step} of {config.steps}"


@st.fragment(run_every=0.5)
def watch_judging(run_id: str) -> None:
    """Draw how far a cross-validation is; its end is for the whole page to draw."""
    job = job_for(CROSS_VALIDATE, run_id)
    if job is None or not job.active:
        st.rerun()
    st.progress(job.progress(time.monotonic()), text=progress_words(job))
    st.button(
        "Stop",
        key=keys.STOP.of(CROSS_VALIDATE),
        on_click=stop,
        args=(CROSS_VALIDATE,),
        type="tertiary",
    )
