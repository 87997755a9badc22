"""A training on the page: while it runs, and what came of it."""

import pandas as pd
import streamlit as st

from decor_core.evaluation import Evaluation, wilson
from decor_core.trainer import Job

from .charts import confusion_map, training_curves
from .frame import CLASSIFY
from .resources import predictor, use_model, use_shipped_model, uses_own_model
from .text import between, duration, percent_exact, plain

_FEW = 100


def show_status(job: Job) -> None:
    """In one line how far the training is, with a bar while it runs."""
    done = job.events[-1].step if job.events else 0
    if job.active:
        st.progress(done / job.config.steps, text=progress_words(job))
    elif job.status == "stopped":
        st.caption(f"Stopped at step {done} of {job.config.steps}.")
    elif job.status == "done":
        seconds = f" in {duration(job.events[-1].seconds)}" if job.events else ""
        st.caption(f"Trained{seconds}.")


def show_job(job: Job) -> None:
    """The curves of the training and, once it has ended, its result."""
    with st.container(border=True, key="training"):
        if job.status == "failed":
            st.error(plain(job.message), icon=":material/error:")
        elif job.training is not None:
            _show_verdict(job)
        elif not job.active:
            st.info("Stopped before there was anything to judge.")
        elif job.config.head == "lda":
            st.markdown("LDA is computed in one go: there are no curves to watch.")
        if job.config.head == "softmax":
            training_curves(job.events, job.config.steps)
    if job.training and job.training.bundle.evaluation:
        _show_details(job.training.bundle.evaluation)


def progress_words(job: Job) -> str:
    """What an active training is doing, and how long it will take."""
    done = job.events[-1].step if job.events else 0
    if job.status == "queued":
        if job.place == 0:
            return "Next in the queue …"
        trainings = "training" if job.place == 1 else "trainings"
        return f"Waiting in the queue: {job.place} {trainings} before yours"
    if job.status == "starting":
        return "Starting TensorFlow: a few seconds the first time"
    if job.config.head == "lda":
        return "Computing …"
    if not done:
        return "Getting ready …"
    if done >= job.config.steps:
        return "All steps done; calibrating and testing …"
    left = "" if job.seconds_left is None else f", about {duration(job.seconds_left)} left"
    return f"Step {done} of {job.config.steps}{left}"


def _show_verdict(job: Job) -> None:
    evaluation = job.training.bundle.evaluation
    if job.status == "stopped":
        st.info("Stopped early and judged as it stood.")
    number, use = st.columns([3, 2], vertical_alignment="center", gap="medium")
    with number:
        if evaluation is None:
            st.info("There were no test pictures to judge it by.")
        else:
            with st.container(gap="xsmall"):
                st.metric("Test accuracy", percent_exact(evaluation.accuracy))
                st.caption(_explained(evaluation))
    with use:
        _use_button(job)


def _explained(evaluation: Evaluation) -> str:
    right = evaluation.accuracy * evaluation.n
    text = (
        f"{right:g} of {evaluation.n} test pictures; the true rate is likely between "
        f"{between(evaluation.ci95)}."
    )
    if evaluation.n < _FEW:
        text += (
            f" A test of {evaluation.n} is small: one picture more or less is "
            f"{100 / evaluation.n:.1f} points."
        )
    return text


def _use_button(job: Job) -> None:
    if uses_own_model() and predictor().bundle is job.training.bundle:
        st.success("Classify answers with this model.", icon=":material/check:")
        st.page_link(CLASSIFY, label="Go and try it", icon=":material/arrow_forward:")
        st.button("Back to the shipped model", on_click=use_shipped_model, type="tertiary")
        return
    st.button(
        "Use this model",
        type="primary",
        icon=":material/check:",
        on_click=use_model,
        args=(job.training.bundle,),
        width="stretch",
    )


def _show_details(evaluation: Evaluation) -> None:
    st.subheader("What was taken for what", anchor=False)
    st.caption("Rows are what the test pictures show, columns what the model called them.")
    confusion_map(evaluation)
    st.subheader("How much of each was recognised", anchor=False)
    st.dataframe(
        _recall_table(evaluation),
        hide_index=True,
        column_config={
            "Recall": st.column_config.ProgressColumn(min_value=0, max_value=1, format="percent"),
        },
        alt="Recall of each class with its 95 % interval",
    )


def _recall_table(evaluation: Evaluation) -> pd.DataFrame:
    hits = evaluation.confusion.diagonal()
    counts = evaluation.confusion.sum(axis=1)
    intervals = [wilson(float(hit), round(float(n))) for hit, n in zip(hits, counts, strict=True)]
    return pd.DataFrame(
        {
            "Class": evaluation.labels,
            "Recognised": [f"{h:g} of {n:g}" for h, n in zip(hits, counts, strict=True)],
            "Recall": evaluation.recall,
            "Likely between": [between(interval) for interval in intervals],
        }
    )
