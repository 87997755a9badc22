"""How far a job is: in words, and as a bar that goes on by itself."""

import time
from collections.abc import Callable
from contextlib import nullcontext

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from decor_app import session_keys as keys
from decor_app.format import time_left
from decor_app.jobs.job import Job
from decor_app.jobs.tasks import Progress
from decor_app.state.jobs import job_for, stop, wait
from decor_core.model.training_config import STEPWISE
from decor_core.text import pluralize
from decor_core.training.time_estimate import NETWORK, PICTURES, VECTORS

_SOON = 0.3
_WAIT = 0.1  # seconds of those between two drawings, so that the end is seen at once
# Seconds between two drawings of a job, by how many are before it: with twenty visitors in the
# queue, drawing all of them three times a second would keep everybody from seeing his end.
_PACES = ((8, 2.0), (3, 1.0), (0, 0.3))


def watch_job(
    purpose: str,
    about: str = "",
    *,
    draw: Callable[[Job], None] | None = None,
    bar: DeltaGenerator | None = None,
    stop_button: bool = True,
) -> None:
    """Draw how far an active job is, again and again; its end is for the whole page to draw.

    ``draw`` draws what there is of it already; ``bar`` is a container for bar and words, by default
    here.
    """

    def show() -> None:
        job = job_for(purpose, about)
        if job is None or not job.active or _pace(job) != pace:
            st.rerun()
        with bar or nullcontext():
            _draw_progress(job)
        if stop_button:
            st.button(
                "Stop",
                key=keys.STOP.of(purpose),
                icon=":material/stop:",
                on_click=stop,
                args=(purpose,),
                disabled=job.stopping,
            )
        if draw:
            draw(job)
        if job.status != "queued":
            wait(purpose, _WAIT)
            job = job_for(purpose, about)
            if job is None or not job.active:
                st.rerun()

    job = job_for(purpose, about)
    pace = _pace(job) if job else _PACES[-1][1]
    st.fragment(show, run_every=pace)()


def _draw_progress(job: Job) -> None:
    if job.task.queue == "tensorflow" and not job.events:  # most tell nothing on the way
        st.markdown(f":small[:material/hourglass_top: {describe_job(job)}]")
    else:
        st.progress(job.progress(time.monotonic()), text=describe_job(job))


def _pace(job: Job) -> float:
    """Seconds until an active job is to be drawn again: the longer it waits, the more."""
    before = job.place if job.status == "queued" else 0
    return next(seconds for least, seconds in _PACES if before >= least)


def describe_job(job: Job) -> str:
    """The present work of an active job, and the time that it will take."""
    if job.status == "queued":
        if job.place == 0:
            return "Next in the queue …"
        return f"Waiting in the queue: {pluralize(job.place, 'job')} before yours"
    seconds = job.seconds_left(time.monotonic())
    left = "" if seconds is None or seconds < _SOON else f", {time_left(seconds)}"
    words = f"{_doing(job)}{left}"
    return (
        f"Before the training: {words[0].lower()}{words[1:]}" if job.task.kind == "embed" else words
    )


def _doing(job: Job) -> str:
    task, last = job.task, job.events[-1] if job.events else None
    match task.kind:
        case "network":
            return _fetching(task.data, last)
        case "export" | "summaries":
            return "Writing it, which takes some seconds …"
        case "estimate":
            return "Measuring how long it takes, which takes some seconds …"
        case "train on all":
            return "Learning from all pictures"
        case "first model":
            return "Computing, calibrating and testing"
        case "train" if task.config.head != STEPWISE:
            return "Computing, calibrating and testing"
        case "train" if last and last.step >= task.config.steps:
            return "All steps done; calibrating and testing"
        case "train" if last:
            return f"Step {last.step} of {task.config.steps}"
    if not isinstance(last, Progress):
        return "Getting ready …"
    match last.phase:
        case _ if task.kind == "fine-tune":
            return _fine_tuning(last, job.stopping)
        case "reading":
            return f"Reading picture {last.done:,} of {last.total:,}"
        case "comparing":
            return f"Comparing picture {last.done:,} of {last.total:,} with the others"
        case "embedding" if task.kind == "embed" and task.only_worthwhile:
            return f"Looking at distorted copies: {last.done:,} of {last.total:,} pictures"
        case "embedding":
            return f"Looking at picture {last.done:,} of {last.total:,}"
        case "checking":
            return "Laying them out …" if task.kind == "map" else "Looking for wrong labels …"
    return f"{last.done} of {last.total} trainings done"


def _fetching(name: str, last: Progress | None) -> str:
    if last is None:
        return f"Fetching the network {name}: it may take a minute, the first time"
    if last.done < last.total:
        came, size = (f"{count / 1e6:.0f}" for count in (last.done, last.total))
        return f"Downloading the network {name}: {came} of {size} MB"
    return f"Converting the network {name}"


def _fine_tuning(last: Progress, is_stopping: bool) -> str:
    count = f"{last.done:,} of {last.total:,} pictures"
    if last.phase == PICTURES:
        return f"Looking at the pictures: {count}" if last.done else "Looking at the pictures …"
    if last.phase == VECTORS:
        return f"Finishing the best epoch: {count}"
    if last.phase == NETWORK or is_stopping or last.done == last.total:
        return "Finishing the best epoch"
    return f"Epoch {last.done + 1} of at most {last.total}"
