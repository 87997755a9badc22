"""The model that a data set has by itself: when it is there, how much better the next one is."""

import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.progress import watch_job
from decor_app.format import duration, escape_markdown, percent
from decor_app.page import CLASSIFY, RUNS
from decor_app.state.first_model import FirstModel, first_model_purpose
from decor_app.state.jobs import job_for
from decor_app.state.models import in_use, use_model
from decor_app.state.runs import find_run
from decor_app.state.workspace import workspace
from decor_core.datasets.dataset import Dataset
from decor_core.runs.run import Run
from decor_core.text import pluralize
from decor_core.training.improvement import Change, Improvement


def show_first_model(dataset: Dataset) -> None:
    """How far the first model and the better one are, and a way to use what there is."""
    made = workspace().first_models.get(dataset.id)
    if made is None:
        return
    purpose = first_model_purpose(dataset.id)
    # The job first, then what it has made: what comes in between is drawn when the job is next
    # looked at, and of a job that is over everything is here.
    job = job_for(purpose, dataset.id)
    made.collect()
    run = made.run
    if made.run_id and run is None:
        return  # its run was deleted
    if not (job or run):
        return
    with st.container(border=True, key="first_model", gap="small"):
        if run:
            _show_model(made, run)
        if job and job.active:
            st.caption(_describe_next(made))
            watch_job(purpose, dataset.id)
        elif job and job.status == "failed":
            st.error(escape_markdown(job.message), icon=":material/error:")
        elif job and job.status == "stopped":
            stays = " The first model stays." if made.first else ""
            st.caption(f"Stopped.{stays} {escape_markdown(job.message)}".strip())
        if made.version != dataset.version:
            st.caption(
                "It has learned from the pictures as they came; “Train on it” takes them as they "
                "are now."
            )


def _show_model(made: FirstModel, run: Run) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown(_describe_model(made), width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            if in_use(run):
                label = "Classify answers with it: try it"
                st.page_link(CLASSIFY, label=label, icon=":material/check:")
            else:
                st.button(
                    "Classify with it",
                    icon=":material/image_search:",
                    key=keys.USE_FIRST_MODEL,
                    on_click=_classify_with,
                    args=(run.id,),
                )
            st.page_link(RUNS, label="See its run", icon=":material/compare_arrows:")
    if made.better:
        st.caption(describe_gain(made.gain))
        st.caption(escape_markdown(" ".join(made.choices)))


def _classify_with(run_id: str) -> None:
    if entry := find_run(run_id):
        use_model(entry.run.bundle)
        st.switch_page(CLASSIFY)


def _describe_model(made: FirstModel) -> str:
    latest = made.latest
    assert latest is not None
    kind = "The model is done" if made.better else "A first model is ready"
    words = f"**{kind}**, {duration(latest.seconds)} after the pictures came"
    if evaluation := latest.training.bundle.evaluation:
        right = round(evaluation.accuracy * evaluation.n)
        words += f": {right} of {pluralize(evaluation.n, 'test picture')} right"
    return f"{words}."


def _describe_next(made: FirstModel) -> str:
    """The present step, in words."""
    if made.first is None:
        return "A first model is on its way; you can put the pictures right meanwhile."
    return (
        "A better one is on its way: it is chosen what is read of a picture and how it is learned, "
        "and distorted copies are made where they are worth it. It takes the place of the first."
    )


def describe_gain(gain: Improvement | None) -> str:
    """By how much the second model is better than the first, or that nothing was gained."""
    if gain is None:
        return "No pictures were kept back to compare it with the first model."
    parts = [_describe_change(gain.pictures, "pictures that neither had seen")]
    if gain.copies:
        parts.append(_describe_change(gain.copies, "distorted copies of these"))
    better = any(one and one.now.k > one.before.k for one in (gain.pictures, gain.copies))
    said = "Better than the first model" if better else "Nothing was gained over the first model"
    return f"{said}: {'; '.join(parts)}."


def _describe_change(change: Change, what: str) -> str:
    before, now = change.before, change.now
    if now == before:
        return f"of {now.n} {what}, {percent(now.value)} are right, as before"
    chance = ", which may be chance" if change.may_be_chance else ""
    return (
        f"of {now.n} {what}, {percent(before.value)} were right before and "
        f"{percent(now.value)} are now{chance}"
    )
