"""Retrain: settings, a training to watch, its result, and the model to use."""

from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from decor_app.charts.bars import class_counts
from decor_app.components.progress import pace
from decor_app.evaluation import results
from decor_app.evaluation.details import show_details
from decor_app.format import escape_markdown, percent
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import TrainTask
from decor_app.page import DATA, open_page
from decor_app.state.jobs import (
    TRAIN,
    can_train_further,
    collect,
    job_for,
    run_of,
    stop,
    submit_on,
    wait,
)
from decor_app.state.models import warm_trainer
from decor_app.training.search import show_search
from decor_app.training.settings import chosen, chosen_source, controls
from decor_core.data.split import different_pictures, needed

_WAIT = 0.1  # seconds of those between two drawings, so that the result is there at once
_TOO_FEW = 5
_NAMED = 6


def main() -> None:
    open_page(
        "Train it yourself",
        "Choose how the model learns, watch it learn, and let it answer on the Classify page.",
    )
    warm_trainer()
    collect()
    job = job_for(TRAIN)
    left, right = st.columns([5, 7], gap="large")
    with left:
        controls()
        reason = _obstacle()
        _warn(chosen_source().counts(chosen().level), reason)
        _buttons(running=job is not None and job.active, possible=not reason)
        # By the buttons, where it is in sight on a phone; a fragment may fill only a container
        # that has been written to.
        status = st.container(height=72 if job else "content", border=False)
        status.empty()
    with right:
        if job is None:
            _before()
        elif job.active:
            st.fragment(_watch, run_every=pace(job))(status, pace(job))
        else:
            _show(job, status)
    run = run_of(job) if job and not job.active else None
    if run:
        show_details(run, ask=can_train_further(run))
    show_search()


def _buttons(running: bool, possible: bool) -> None:
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Retrain",
            type="primary",
            icon=":material/play_arrow:",
            disabled=running or not possible,
            on_click=_start,
            width="stretch",
        )
        st.button(
            "Stop", icon=":material/stop:", disabled=not running, on_click=stop, args=(TRAIN,)
        )


def _start() -> None:
    choice = chosen()
    name = choice.training_data.title if choice.training_data.set_id else "your model"
    title = f"{name} ({choice.words})"
    submit_on(
        TRAIN,
        choice.training_data,
        choice.level,
        lambda vectors: TrainTask(
            vectors, choice.config, choice.level, title, choice.training_data
        ),
    )


def _before() -> None:
    """What there is to learn from, while nothing has been trained."""
    choice, source = chosen(), chosen_source()
    counts, config = source.counts(choice.level), choice.config
    learning = 100 - config.testing_percentage - config.validation_percentage
    with st.container(border=True):
        st.subheader("What it learns from", anchor=False)
        st.markdown(
            f"{sum(counts.values()):,} {escape_markdown(source.title)}. "
            f"About {percent(learning / 100)} teach the model, "
            f"{percent(config.validation_percentage / 100)} watch over its progress, and "
            f"{percent(config.testing_percentage / 100)} are kept back as a test."
        )
        class_counts(counts)


def _obstacle() -> str:
    """Why nothing can be trained with what is chosen; "" where it can."""
    choice, source = chosen(), chosen_source()
    if len(source.counts(choice.level)) < 2:
        return "There is only one class; a model needs at least two to tell apart."
    shares = choice.config.testing_percentage, choice.config.validation_percentage
    need = needed(*shares)
    different = different_pictures(source.table, choice.level)
    poor = [f"“{label}” has {count}" for label, count in different.items() if count < need]
    if not poor:
        return ""
    uses = "to learn from, to watch by and to test" if need == 3 else "to learn from and to test"
    named = ", ".join(poor[:_NAMED]) + (" …" if len(poor) > _NAMED else "")
    return (
        f"Each class needs at least {need} different pictures, {uses}; near duplicates count once. "
        f"{named}."
    )


def _warn(counts: Mapping[str, int], reason: str) -> None:
    """What stands in the way of a good training, or of any: then it is the ``reason``."""
    few = [label for label, count in counts.items() if count < _TOO_FEW]
    if reason:
        st.error(escape_markdown(reason), icon=":material/error:")
    elif few:
        classes, they = (
            ("1 class has", "It") if len(few) == 1 else (f"{len(few)} classes have", "They")
        )
        named = ", ".join(few[:_NAMED]) + (" …" if len(few) > _NAMED else "")
        st.warning(
            f"{classes} fewer than {_TOO_FEW} pictures: {escape_markdown(named)}. "
            f"{they} can hardly be learned, or tested.",
            icon=":material/warning:",
        )
    else:
        return
    st.page_link(DATA, label="See Data", icon=":material/photo_library:")


def _watch(status: DeltaGenerator, seconds: float) -> None:
    """Draw an active training every so many ``seconds``; its end is for the whole page to draw.

    A button drawn here at the end would go with the fragment, and a quick click with it.
    """
    _rerun_if_changed(job := job_for(TRAIN), seconds)
    _show(job, status)
    if job.status != "queued":
        wait(job.id, _WAIT)
        _rerun_if_changed(job_for(TRAIN), seconds)


def _rerun_if_changed(job: Job | None, seconds: float) -> None:
    if job is None or not job.active or pace(job) != seconds:
        st.rerun()


def _show(job: Job, status: DeltaGenerator) -> None:
    with status:
        results.show_status(job)
    results.show_job(job)


main()
