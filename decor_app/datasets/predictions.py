"""Predictions of the model in use for the pictures of a data set."""

import streamlit as st

from decor_app.components.progress import watch_job
from decor_app.format import escape_markdown
from decor_app.jobs.dataset_tasks import PredictTask
from decor_app.state.jobs import ANSWER, forget, job_for, submit
from decor_app.state.models import predictor
from decor_app.state.workspace import workspace
from decor_core.datasets.dataset import Dataset

Predictions = dict[str, tuple[str, float]]


def predictions_of(dataset: Dataset) -> Predictions:
    """Label and probability by content hash; empty where the model in use was not asked."""
    about = _about(dataset)
    job = job_for(ANSWER, about)
    if job and job.status == "done":
        workspace().predictions[about] = job.result
        forget(ANSWER)
    return workspace().predictions.get(about, {})


def offer_predictions(dataset: Dataset) -> None:
    """A button to ask the model in use, if it knows any of these classes; how far it is."""
    about, bundle = _about(dataset), predictor().bundle
    job = job_for(ANSWER, about)
    if job and job.active:
        watch_job(ANSWER, about)
        return
    if job and job.status == "failed":
        st.error(escape_markdown(job.message), icon=":material/error:")
    for level in bundle.taxonomy.levels:
        if set(level.labels) & set(dataset.counts):
            task = PredictTask(dataset.folder, bundle, level.name)
            st.button(
                "Ask the model which are right",
                icon=":material/fact_check:",
                type="tertiary",
                on_click=submit,
                args=(ANSWER, task, about),
                help=f"“{bundle.title}” answers for every picture; then you can filter by it.",
            )
            return


def _about(dataset: Dataset) -> str:
    bundle = predictor().bundle
    return f"{dataset.id} {bundle.title} {bundle.created}"
