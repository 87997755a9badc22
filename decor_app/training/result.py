"""A training on the page: how far it is, while it runs; what came of it, when it has ended."""

import math

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from decor_app.charts.curves import training_curves
from decor_app.components.progress import watch_job
from decor_app.evaluation.summary import (
    describe_accuracy,
    show_corrections_note,
    show_same_scene_note,
    use_button,
)
from decor_app.format import between, duration, escape_markdown, percent_exact
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import CrossValidateTask
from decor_app.page import RUNS
from decor_app.state.finished_jobs import run_of
from decor_app.state.jobs import CROSS_VALIDATE, TRAIN, ask_about, can_train_further, job_for
from decor_core.model.training_config import STEPWISE
from decor_core.runs.diagnosis import Diagnosis, best_step, diagnose
from decor_core.runs.run import Run


def show_training(job: Job, status: DeltaGenerator) -> None:
    """Curves and result of a training, and in ``status`` how far it is; again while it runs."""
    if job.active:
        watch_job(TRAIN, draw=_draw, bar=status, stop_button=False)
    else:
        with status:
            _draw_status(job)
        _draw(job)


def _draw(job: Job) -> None:
    with st.container(border=True, key="training"):
        run = run_of(job)
        stepwise = job.task.kind == "train" and job.task.config.head == STEPWISE
        if job.status == "failed":
            st.error(escape_markdown(job.message), icon=":material/error:")
        elif run is not None:
            _draw_result(job, run)
        elif job.result is not None:
            st.info("This run has been deleted.")
        elif not job.active:
            st.info("Stopped before there was anything to evaluate.")
        elif job.task.prepares:
            st.markdown(
                "Every picture goes through the network once; the numbers that come out are kept "
                "with the data set, so that the next training begins at once. The training starts "
                "by itself when all are through, on whichever page you are then."
            )
        elif not stepwise:
            st.markdown("This head is computed in one go: there are no curves to watch.")
        if stepwise and (job.active or job.events):
            classes = len(job.task.data.target(job.task.level)[0].labels)
            training_curves(job.events, job.task.config, classes)
            if not job.active:
                st.caption(describe_diagnosis(job, classes))


def _draw_status(job: Job) -> None:
    """In one line how the training has ended."""
    if job.status == "done":
        seconds = "" if job.seconds is None else f" in {duration(job.seconds)}"
        st.caption(f"Trained, calibrated and tested{seconds}.")
    elif job.status == "stopped":
        if job.task.prepares:
            where = "before the training; pictures that were looked at need no second look"
        elif job.events:
            where = f"at step {job.events[-1].step} of {job.task.config.steps}"
        else:
            where = "before the first step"
        st.caption(f"Stopped {where}. {escape_markdown(job.message)}".strip())


def _draw_result(job: Job, run: Run) -> None:
    if job.status == "stopped":
        st.info("Stopped early and evaluated as it stood.", icon=":material/stop_circle:")
    left, right = st.columns(2, vertical_alignment="top", gap="medium")
    with left, st.container(gap="xsmall"):
        if run.evaluation is None:
            st.info("There were no test pictures to evaluate it on.")
        else:
            st.metric("Test accuracy", percent_exact(run.evaluation.accuracy))
            st.caption(describe_accuracy(run.evaluation))
    with right, st.container(gap="xsmall"):
        _draw_cross_validation(run)
    show_same_scene_note(run)
    reason = run.bundle.training.get("choice", {}).get("reason", "")
    if job.task.config.head == "auto" and reason:
        st.caption(escape_markdown(reason))
    read = run.bundle.training.get("region_choice") or {}
    if read.get("candidates"):  # else nothing was chosen
        st.caption(escape_markdown(read["reason"]))
    if copies := run.bundle.training.get("copies_choice"):
        st.caption(escape_markdown(copies["reason"]))
    show_corrections_note(run)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="verdict"):
        use_button(run)
        st.page_link(RUNS, label="Compare, keep, download", icon=":material/compare_arrows:")


def _draw_cross_validation(run: Run) -> None:
    """Its figure, how far it is, or the button that begins it."""
    found = run.cross_validation.get(run.level)
    if found:
        st.metric("Cross-validation", percent_exact(found.accuracy))
        st.caption(
            f"Each of {found.n} pictures answered by a model that had not seen it; the true rate "
            f"is likely between {between(found.ci95)}."
        )
        return
    job = job_for(CROSS_VALIDATE, run.id)
    if job and job.active:
        watch_job(CROSS_VALIDATE, run.id)
        return
    if job and job.message:
        st.error(escape_markdown(job.message), icon=":material/error:")
    if not can_train_further(run):
        st.caption("The pictures it learned from are not here, or have changed since.")
        return
    st.button(
        "Cross-validate",
        icon=":material/rule:",
        on_click=lambda: ask_about(CROSS_VALIDATE, run, CrossValidateTask),
        width="stretch",
        help="Train these settings five times, each time testing on another fifth of the pictures.",
    )
    st.caption("A surer figure: every picture is tested once, by a model that has not seen it.")


def describe_diagnosis(job: Job, classes: int) -> str:
    """Diagnosis of the curves of a training that has ended, and advice; "" where it is unclear.

    Of one that was cut short only what is wrong with it.
    """
    match diagnose(job.events, classes):
        case Diagnosis.DIVERGED:
            return (
                f"**Diverged.** The cross-entropy ended above that of guessing (ln {classes} = "
                f"{math.log(classes):.2f}): each correction overshoots. Try a learning rate of "
                f"{job.task.config.learning_rate / 10:g}."
            )
        case Diagnosis.OVERFITS:
            return (
                "**Overfits.** On the validation pictures the cross-entropy was lowest at step "
                f"{best_step(job.events)} and has risen since: the model fits the training "
                "pictures ever more closely, and new ones less. Try fewer steps or some weight "
                "decay."
            )
        case Diagnosis.NOT_CONVERGED if job.status == "done":
            return (
                "**Not converged.** The training curve was still falling when the steps ran out: "
                "more steps or a larger learning rate would get further."
            )
        case Diagnosis.CONVERGED if job.status == "done":
            return "**Converged.** The curves have leveled off: more steps would change little."
    return ""
