"""Ingestion: from an upload to a data set by a preview, questions where needed, and the reading."""

from pathlib import Path

import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.progress import watch_job
from decor_app.datasets.class_folders import (
    describe_outline,
    show_tree,
)
from decor_app.datasets.ingest_questions import IngestOptions, ask, has_questions
from decor_app.format import escape_markdown
from decor_app.jobs.ingest_tasks import IngestTask, PreviewTask
from decor_app.jobs.job import Job
from decor_app.state.datasets import open_set, store, toast_error
from decor_app.state.first_model import submit_ingest
from decor_app.state.jobs import INGEST, PREVIEW, forget, job_for, latest_job, stop, submit
from decor_app.state.labeling import open_labeling
from decor_app.state.toasts import toast
from decor_app.state.workspace import workspace
from decor_core.datasets.storage import HEAD, UNLABELED_SET
from decor_core.errors import DataError

UPLOAD = "upload.zip"  # what comes over the network has no say in what files are called


def begin_ingest(
    zip_path: Path, into: Path, title: str, label: str = "", *, unlabeled: bool = False
) -> None:
    """Look into what was uploaded.

    If all of it is of the class ``label``, or ``unlabeled``, it is read at once.
    """
    forget(INGEST)
    forget(PREVIEW)
    keys.INGEST_CHANGE.value = False
    if label or unlabeled:
        submit_ingest(IngestTask(zip_path, into, title, label=label, unlabeled=unlabeled))
        return
    submit(PREVIEW, PreviewTask(zip_path, into, title))


def show_ingest() -> bool:
    """How far what is on its way in is, and what has to be asked; whether there is such."""
    with workspace().lock:  # another tab of the same browser must not read the same pictures
        _advance()
    ingest, preview = job_for(INGEST), job_for(PREVIEW)
    first = ingest or preview
    if not first:
        return False
    with st.container(border=True, key="ingest"):
        st.header(escape_markdown(first.task.title), anchor=False)
        for purpose, job in ((INGEST, ingest), (PREVIEW, preview)):
            if job and job.active:
                watch_job(purpose)
                if preview and job is ingest:
                    _show_guess(preview)
                return True
            if job and job.status != "done":
                message = job.message.replace(UPLOAD, job.task.title) or "This was broken off."
                st.error(escape_markdown(message), icon=":material/error:")
        if not preview or preview.status != "done":
            st.button("Start again", icon=":material/undo:", on_click=_give_up)
        else:
            ask(preview.result, lambda options: _ingest(preview, options), _give_up)
    return True


def _advance() -> None:
    """Take the next step where nothing needs to be asked; open what has been read."""
    preview = job_for(PREVIEW)
    if preview and preview.status == "done" and not job_for(INGEST):
        layout = preview.result.layout
        if not (has_questions(preview.result) or keys.INGEST_CHANGE.value):
            _ingest(preview, IngestOptions(layout.columns if layout.guessed else None))
    ingest = job_for(INGEST)
    if ingest is None or ingest.active:
        return
    made = ingest.task.into.name
    is_unlabeled_set = ingest.task.unlabeled and (ingest.task.into / UNLABELED_SET).exists()
    try:
        if not is_unlabeled_set:
            store().get(made)  # also one that was stopped half way
    except DataError:
        if ingest.status == "stopped":
            _give_up()
        return
    if ingest.status == "failed":  # it was read, but no model could look at it
        toast_error(ingest.message)
    ingest.task.data.unlink(missing_ok=True)  # what was to be added, but was not
    forget(PREVIEW)
    forget(INGEST)
    (open_labeling if is_unlabeled_set else open_set)(made)


def _ingest(preview: Job, options: IngestOptions) -> None:
    task = preview.task
    submit_ingest(IngestTask(task.data, task.into, task.title, **vars(options)))


def _show_guess(preview: Job) -> None:
    """Show how folders are read, with a way to change it."""
    outlines = preview.result.outlines
    if not outlines:
        return
    with st.expander("How the folders are read", icon=":material/account_tree:"):
        st.markdown(describe_outline(outlines[0]))
        show_tree(outlines[0])
        if len(outlines) > 1:
            st.button("Change", icon=":material/edit:", on_click=_change)


def _change() -> None:
    """Stop reading, and ask which folders are the classes."""
    job = latest_job(INGEST)
    stop(INGEST)
    if job and not job.task.data.exists():  # read already, merely looked at
        toast("The pictures have been read; bring them again.", icon=":material/info:")
        return
    forget(INGEST)
    keys.INGEST_CHANGE.value = True


def _give_up() -> None:
    for purpose in (INGEST, PREVIEW):
        job = latest_job(purpose)
        if job:
            stop(purpose)
            if not any((job.task.into / name).exists() for name in (HEAD, UNLABELED_SET)):
                store().discard(job.task.into.name)
            forget(purpose)
