"""Retrain: settings, a training to watch, its result, and the model to use."""

import streamlit as st

from decor_app.charts.bars import class_counts
from decor_app.evaluation.details import show_details
from decor_app.format import escape_markdown, percent
from decor_app.jobs.train_tasks import TrainTask
from decor_app.page import open_page
from decor_app.state.finished_jobs import collect, run_of
from decor_app.state.jobs import TRAIN, can_train_further, job_for, stop, submit_on
from decor_app.state.processes import warm_training_process
from decor_app.training.blockers import show_blockers
from decor_app.training.fine_tuning import show_fine_tuning
from decor_app.training.result import show_training
from decor_app.training.search import show_search
from decor_app.training.settings import chosen_source, chosen_training, show_settings
from decor_core.features.embeddings import Embeddings


def start() -> None:
    """Train with what the widgets say at the click."""
    chosen = chosen_training()

    def task(vectors: Embeddings) -> TrainTask:
        learned_from = chosen.training_data.with_copies(vectors.copies.shape[1])
        return TrainTask(vectors, chosen.config, chosen.level, chosen.title, learned_from)

    submit_on(TRAIN, chosen.training_data, chosen.level, task)


open_page(
    "Train it yourself",
    "Choose how the model learns, watch it learn, and let it answer on the Classify page.",
)
warm_training_process()
collect()
job = job_for(TRAIN)
running = job is not None and job.active
left, right = st.columns([5, 7], gap="large")

with left:
    show_settings()
    chosen, source = chosen_training(), chosen_source()
    possible = show_blockers(chosen, source)
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Retrain",
            type="primary",
            icon=":material/play_arrow:",
            disabled=running or not possible,
            on_click=start,
            width="stretch",
        )
        st.button(
            "Stop", icon=":material/stop:", disabled=not running, on_click=stop, args=(TRAIN,)
        )
    # By the buttons, where it is in sight on a phone; a fragment may fill only a container that
    # has been written to.
    status = st.container(height=72 if job else "content", border=False)
    status.empty()

with right:
    if job:
        show_training(job, status)
    else:
        counts = source.counts(chosen.level)
        tested, validated = (
            chosen.config.testing_percentage / 100,
            chosen.config.validation_percentage / 100,
        )
        with st.container(border=True):
            st.header("What it learns from", anchor=False)
            st.markdown(
                f"{sum(counts.values()):,} {escape_markdown(source.title)}. "
                f"About {percent(1 - tested - validated)} train the model, {percent(validated)} "
                f"validate it on the way, and {percent(tested)} are kept back to test it."
            )
            class_counts(counts)

run = run_of(job) if job and not running else None
if run:
    show_details(run, ask=can_train_further(run))
show_fine_tuning()
show_search()
