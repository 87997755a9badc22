"""From an upload to a data set: a preview, questions where there are some, the reading."""

from pathlib import Path

import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.progress import watch_job
from decor_app.datasets.class_folders import (
    outline_words,
    show_tree,
)
from decor_app.datasets.intake_questions import Reading, ask, has_questions
from decor_app.format import escape_markdown
from decor_app.jobs.intake_tasks import IntakeTask, PreviewTask
from decor_app.jobs.job import Job
from decor_app.state.datasets import open_set, store, toast_error
from decor_app.state.first_model import submit_intake
from decor_app.state.jobs import INTAKE, PEEK, forget, job_for, latest_job, stop, submit
from decor_app.state.labeling import open_labeling
from decor_app.state.workspace import workspace
from decor_core.datasets.storage import HEAD, HEAP
from decor_core.errors import DataError

UPLOAD = "upload.zip"  # what comes over the network has no say in what files are called


def begin_ingest(
    zip_path: Path, into: Path, title: str, label: str = "", *, unlabeled: bool = False
) -> None:
    """Look into what was uploaded.

    If all of it is of the class ``label``, or ``unlabeled``, it is read at once.
    """
    forget(INTAKE)
    forget(PEEK)
    keys.ARRIVAL_CHANGE.value = False
    if label or unlabeled:
        submit_intake(IntakeTask(zip_path, into, title, label=label, unlabeled=unlabeled))
        return
    submit(PEEK, PreviewTask(zip_path, into, title))


def show_ingest() -> bool:
    """How far what is on its way in is, and what has to be asked; whether there is such."""
    with workspace().lock:  # another tab of the same browser must not read the same pictures
        _advance()
    intake, preview = job_for(INTAKE), job_for(PEEK)
    first = intake or preview
    if not first:
        return False
    with st.container(border=True, key="arrival"):
        st.header(escape_markdown(first.task.title), anchor=False)
        for purpose, job in ((INTAKE, intake), (PEEK, preview)):
            if job and job.active:
                watch_job(purpose)
                if preview and job is intake:
                    _show_guess(preview)
                return True
            if job and job.status != "done":
                message = job.message.replace(UPLOAD, job.task.title) or "This was broken off."
                st.error(escape_markdown(message), icon=":material/error:")
        if not preview or preview.status != "done":
            st.button("Start again", icon=":material/undo:", on_click=_give_up)
        else:
            ask(preview.result, lambda reading: _ingest(preview, reading), _give_up)
    return True


def _advance() -> None:
    """Take the next step where nothing needs to be asked; open what has been read."""
    preview = job_for(PEEK)
    if preview and preview.status == "done" and not job_for(INTAKE):
        layout = preview.result.layout
        if not (has_questions(preview.result) or keys.ARRIVAL_CHANGE.value):
            _ingest(preview, Reading(layout.columns if layout.guessed else None))
    intake = job_for(INTAKE)
    if intake is None or intake.active:
        return
    made = intake.task.into.name
    is_heap = intake.task.unlabeled and (intake.task.into / HEAP).exists()
    try:
        if not is_heap:
            store().get(made)  # also one that was stopped half way
    except DataError:
        if intake.status == "stopped":
            _give_up()
        return
    if intake.status == "failed":  # it was read, but no model could look at it
        toast_error(intake.message)
    intake.task.data.unlink(missing_ok=True)  # what was to be added, but was not
    forget(PEEK)
    forget(INTAKE)
    (open_labeling if is_heap else open_set)(made)


def _ingest(preview: Job, reading: Reading) -> None:
    task = preview.task
    submit_intake(IntakeTask(task.data, task.into, task.title, **vars(reading)))


def _show_guess(preview: Job) -> None:
    """What the folders were taken for, while they are read; to say it otherwise."""
    outlines = preview.result.outlines
    if not outlines:
        return
    with st.expander("How the folders are read", icon=":material/account_tree:"):
        st.markdown(outline_words(outlines[0]))
        show_tree(outlines[0])
        if len(outlines) > 1:
            st.button("Change", icon=":material/edit:", on_click=_change)


def _change() -> None:
    """Stop reading, and ask which folders are the classes."""
    job = latest_job(INTAKE)
    stop(INTAKE)
    if job and not job.task.data.exists():  # read already, merely looked at
        st.toast("The pictures have been read; bring them again.", icon=":material/info:")
        return
    forget(INTAKE)
    keys.ARRIVAL_CHANGE.value = True


def _give_up() -> None:
    for purpose in (INTAKE, PEEK):
        job = latest_job(purpose)
        if job:
            stop(purpose)
            if not any((job.task.into / name).exists() for name in (HEAD, HEAP)):
                store().discard(job.task.into.name)
            forget(purpose)
