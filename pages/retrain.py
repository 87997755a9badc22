"""Retrain: settings, a training to watch, its result, and the model to use."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from decor_core.job import Job
from decor_core.jobs import TrainRequest
from pages.parts import results
from pages.parts.details import show_details
from pages.parts.frame import open_page
from pages.parts.rates import class_counts
from pages.parts.resources import trainer, training_data
from pages.parts.searching import show_search
from pages.parts.settings import chosen, controls
from pages.parts.work import TRAIN, collect, job_for, run_of, stop, submit

# Seconds between two drawings of a training. Most of them are spent waiting for its end, so that
# the result is there at once.
_LOOK, _WAIT = 0.3, 0.1


def main() -> None:
    open_page(
        "Train it yourself",
        "Choose how the model learns, watch it learn, and let it answer on the Classify page.",
    )
    trainer().warm(training_data())
    collect()
    job = job_for(TRAIN)
    left, right = st.columns([5, 7], gap="large")
    with left:
        controls()
        _buttons(running=job is not None and job.active)
        # By the buttons, where it is in sight on a phone; a fragment may fill only a container
        # that has been written to.
        status = st.container(height=72 if job else "content", border=False)
        status.empty()
    with right:
        if job is None:
            _before()
        elif job.active:
            _watch(status)
        else:
            _show(job, status)
    run = run_of(job) if job and not job.active else None
    if run:
        show_details(run)
    show_search()


def _buttons(running: bool) -> None:
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Retrain",
            type="primary",
            icon=":material/play_arrow:",
            disabled=running,
            on_click=_start,
            width="stretch",
        )
        st.button(
            "Stop", icon=":material/stop:", disabled=not running, on_click=stop, args=(TRAIN,)
        )


def _start() -> None:
    choice = chosen()
    title = f"your model ({choice.words})"
    submit(TRAIN, TrainRequest(choice.data, choice.config, choice.level, title))


def _before() -> None:
    """What there is to learn from, while nothing has been trained."""
    choice = chosen()
    taxonomy, classes = choice.data.target(choice.level)
    config = choice.config
    learning = 100 - config.testing_percentage - config.validation_percentage
    with st.container(border=True):
        st.subheader("What it learns from", anchor=False)
        st.markdown(
            f"{len(classes)} photos of decorated products. About {learning:.0f} % teach the model, "
            f"{config.validation_percentage:.0f} % watch over its progress, and "
            f"{config.testing_percentage:.0f} % are kept back as a test."
        )
        class_counts({label: int((classes == i).sum()) for i, label in enumerate(taxonomy.labels)})


@st.fragment(run_every=_LOOK)
def _watch(status: DeltaGenerator) -> None:
    """Draw an active training again and again; its end is for the whole page to draw.

    A button drawn here at the end would go with the fragment, and a quick click with it.
    """
    job = job_for(TRAIN)
    if job is None or not job.active:
        st.rerun()
    _show(job, status)
    if not trainer().wait(job.id, _WAIT).active:
        st.rerun()


def _show(job: Job, status: DeltaGenerator) -> None:
    with status:
        results.show_status(job)
    results.show_job(job)


main()
