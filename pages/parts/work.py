"""The session's jobs in the trainer, and the runs that come of them."""

from typing import Any

import streamlit as st

from decor_core.errors import TrainingError
from decor_core.features import Embeddings
from decor_core.hosting import hosting
from decor_core.job import Job
from decor_core.jobs import Request
from decor_core.run import Run, run_of_training

from . import shelf
from .resources import trainer, training_data
from .text import plain
from .workspace import workspace

TRAIN, SEARCH, JUDGE, CURVE = "train", "search", "judge", "curve"
EXPORT, BOARD = "export", "board"
WITH_COPIES, WITHOUT_COPIES = "decor", "decor, no copies"
_STOPS_WITHIN = 0.5


def submit(purpose: str, request: Request, run_id: str = "") -> None:
    """Queue ``request`` as the session's job for ``purpose``, about a run where it is about one."""
    try:
        job_id = trainer().submit(request, workspace().owner)
    except TrainingError as error:
        st.toast(plain(str(error)), icon=":material/error:", duration="long")
        return
    workspace().jobs[purpose] = job_id
    workspace().about[job_id] = run_id


def job_for(purpose: str, run_id: str = "") -> Job | None:
    """The session's latest job for ``purpose`` as it stands now, if it is about that run."""
    job_id = workspace().jobs.get(purpose)
    if job_id is None or workspace().about[job_id] != run_id:
        return None
    try:
        return trainer().snapshot(job_id)
    except TrainingError:
        del workspace().jobs[purpose]  # the trainer keeps a limited number of ended ones
        return None


def stop(purpose: str) -> None:
    """Stop the session's job for ``purpose``; most have ended when the page is drawn next."""
    job_id = workspace().jobs[purpose]
    trainer().stop(job_id)
    trainer().wait(job_id, _STOPS_WITHIN)


def collect() -> None:
    """Make runs of all trainings that have ended, wherever their visitor was when they did."""
    mine = workspace()
    for job in trainer().jobs(mine.owner):
        if job.active or job.result is None or job.id in mine.collected:
            continue
        mine.collected[job.id] = ""  # by this tab, not by another one of the same browser
        mine.collected[job.id] = _keep(job, mine.about.get(job.id, ""))


def run_of(job: Job) -> Run | None:
    """The run that came of a training; None while there is none, or once it is deleted."""
    entry = shelf.find(workspace().collected.get(job.id, ""))
    return entry and entry.run


def data_of(run: Run) -> Embeddings:
    """What a run of this session was trained on."""
    return training_data(run.data != WITHOUT_COPIES)


def askable(run: Run) -> bool:
    """Whether further jobs can be done about a run: only on the data that are here."""
    return not run.read_only and run.data in (WITH_COPIES, WITHOUT_COPIES)


def found(purpose: str, run_id: str) -> Any:
    """What a job about a run gave, if it was asked for."""
    return workspace().found.get((purpose, run_id))


def _keep(job: Job, about: str) -> str:
    mine = workspace()
    if job.request.kind == "train":
        name = WITH_COPIES if job.request.data.copies.shape[1] else WITHOUT_COPIES
        run = mine.runs.save(run_of_training(job.result, name, job.seconds))
        own = [run for run in mine.runs.list() if not run.read_only]
        for old in own[hosting().session_runs :]:
            mine.runs.delete(old.id)
        return run.id
    if job.request.kind == "cross-validate":
        shelf.judge(about, job.result)
    elif job.request.kind == "learning curve" and job.status == "done":
        mine.found[CURVE, about] = job.result
    return about
