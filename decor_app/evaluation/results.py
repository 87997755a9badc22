"""A training on the page: how far it is, while it runs; what came of it, when it has ended."""

import math
import time

import streamlit as st

from decor_app.charts.curves import training_curves
from decor_app.components.progress import progress_words, watch_judging
from decor_app.format import STEPWISE, between, duration, escape_markdown, percent_exact
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import CrossValidateTask
from decor_app.page import CLASSIFY, RUNS
from decor_app.state.jobs import (
    BEFOREHAND,
    CROSS_VALIDATE,
    ask_about,
    can_train_further,
    job_for,
    run_of,
)
from decor_app.state.models import in_use, use_model, use_shipped_model
from decor_core.model.evaluation import Evaluation
from decor_core.runs.diagnosis import Diagnosis, best_step, diagnose
from decor_core.runs.run import Run

SMALL_TEST = 100
_BEFORE = (
    "Every picture goes through the network once; the numbers that come out are kept with the data "
    "set, so that the next training begins at once. The training starts by itself when all are "
    "through, on whichever page you are then."
)


def show_status(job: Job) -> None:
    """In one line how far the training is, with a bar while it runs."""
    if job.active:
        st.progress(job.progress(time.monotonic()), text=progress_words(job))
    elif job.status == "stopped":
        st.caption(f"Stopped {_where(job)}. {escape_markdown(job.message)}".strip())
    elif job.status == "done":
        seconds = "" if job.seconds is None else f" in {duration(job.seconds)}"
        st.caption(f"Trained, calibrated and tested{seconds}.")


def _where(job: Job) -> str:
    if job.task.kind in BEFOREHAND:
        return "before the training; pictures that were looked at need no second look"
    if not job.events:
        return "before the first step"
    return f"at step {job.events[-1].step} of {job.task.config.steps}"


def show_job(job: Job) -> None:
    """The curves of the training and, once it has ended, its result."""
    with st.container(border=True, key="training"):
        run = run_of(job)
        if job.status == "failed":
            st.error(escape_markdown(job.message), icon=":material/error:")
        elif run is not None:
            _show_verdict(job, run)
        elif job.result is not None:
            st.info("This run has been deleted.")
        elif not job.active:
            st.info("Stopped before there was anything to judge.")
        elif job.task.kind in BEFOREHAND:
            st.markdown(_BEFORE)
        elif job.task.config.head != STEPWISE:
            st.markdown("This head is computed in one go: there are no curves to watch.")
        stepwise = job.task.kind == "train" and job.task.config.head == STEPWISE
        if stepwise and (job.active or job.events):
            _show_curves(job)


def _show_curves(job: Job) -> None:
    classes = len(job.task.data.target(job.task.level)[0].labels)
    training_curves(job.events, job.task.config, classes)
    if not job.active and job.events:
        diagnosis = diagnose(job.events, classes)
        if job.status == "done" or diagnosis in (Diagnosis.DIVERGED, Diagnosis.OVERFITS):
            st.caption(diagnosis_words(job, diagnosis, classes))


def diagnosis_words(job: Job, diagnosis: Diagnosis, classes: int) -> str:
    """What the curves say, and what to try."""
    rate = job.task.config.learning_rate
    match diagnosis:
        case Diagnosis.DIVERGED:
            return (
                f"**Diverged.** The cross-entropy ended above that of guessing (ln {classes} = "
                f"{math.log(classes):.2f}): each correction overshoots. Try a learning rate of "
                f"{rate / 10:g}."
            )
        case Diagnosis.OVERFITS:
            return (
                f"**Overfits.** On the validation pictures the cross-entropy was lowest at step "
                f"{best_step(job.events)} and has risen since: the model fits the training "
                "pictures ever more closely, and new ones less. Fewer steps or some weight decay "
                "would help."
            )
        case Diagnosis.UNDERFITS:
            return (
                "**Underfits.** The training curve was still falling when the steps ran out: more "
                "steps or a larger learning rate would get further."
            )
        case Diagnosis.CONVERGED:
            return "**Converged.** The curves have leveled off: more steps would change little."
    return ""


def _show_verdict(job: Job, run: Run) -> None:
    if job.status == "stopped":
        st.info("Stopped early and judged as it stood.", icon=":material/stop_circle:")
    number, judged = st.columns(2, vertical_alignment="top", gap="medium")
    with number, st.container(gap="xsmall"):
        if run.evaluation is None:
            st.info("There were no test pictures to judge it by.")
        else:
            st.metric("Test accuracy", percent_exact(run.evaluation.accuracy))
            st.caption(explained(run.evaluation))
    with judged, st.container(gap="xsmall"):
        _show_cross_validation(run)
    reason = run.bundle.training.get("choice", {}).get("reason", "")
    if job.task.config.head == "auto" and reason:
        st.caption(escape_markdown(reason))
    show_corrections_note(run)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="verdict"):
        use_button(run)
        st.page_link(RUNS, label="Compare, keep, download", icon=":material/compare_arrows:")


def show_corrections_note(run: Run) -> None:
    """Say where corrections taught a model: the figures are not about them."""
    count = run.bundle.training.get("corrections", 0)
    if isinstance(count, int) and count > 0:
        them = "1 correction" if count == 1 else f"{count} corrections"
        st.caption(f"{them} taught it, too; neither they nor copies of them are tested on.")


def explained(evaluation: Evaluation) -> str:
    """How sure the figure is."""
    right = evaluation.accuracy * evaluation.n
    text = (
        f"{right:g} of {evaluation.n} test pictures; the true rate is likely between "
        f"{between(evaluation.ci95)}."
    )
    if evaluation.n < SMALL_TEST:
        text += (
            f" A test of {evaluation.n} is small: one picture more or less is "
            f"{100 / evaluation.n:.1f} points."
        )
    return text


def _show_cross_validation(run: Run) -> None:
    judged = run.cross_validation.get(run.level)
    if judged:
        st.metric("Cross-validated", percent_exact(judged.accuracy))
        st.caption(
            f"Each of {judged.n} pictures judged by a model that had not seen it; the true rate "
            f"is likely between {between(judged.ci95)}."
        )
        return
    job = job_for(CROSS_VALIDATE, run.id)
    if job and job.active:
        watch_judging(run.id)
        return
    if job and job.message:
        st.error(escape_markdown(job.message), icon=":material/error:")
    if not can_train_further(run):
        st.caption("The pictures it learned from are not here, or have changed since.")
        return
    st.button(
        "Cross-validate",
        icon=":material/rule:",
        on_click=_judge,
        args=(run,),
        width="stretch",
        help="Train these settings five times, each time testing on another fifth of the pictures.",
    )
    st.caption("A surer figure: every picture is tested once, by a model that has not seen it.")


def _judge(run: Run) -> None:
    ask_about(CROSS_VALIDATE, run, CrossValidateTask)


def use_button(run: Run) -> None:
    """Let Classify answer with the run's model, or say that it does; in a row of buttons."""
    if in_use(run):
        st.page_link(
            CLASSIFY,
            label="Classify answers with this model: try it",
            icon=":material/check:",
        )
        st.button("Back to the shipped model", icon=":material/undo:", on_click=use_shipped_model)
        return
    st.button(
        "Use this model",
        type="primary",
        icon=":material/check:",
        on_click=use_model,
        args=(run.bundle,),
    )
